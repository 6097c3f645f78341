/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot check finds. */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_MAX 2048

struct kind {
	const char *name;
	enum finding_severity severity;
	const char *meaning;
};

/* The names are for scripts and alerts: they stay. blankroot(8) lists them. */
static const struct kind kinds[FINDING_KINDS] = {
	[FINDING_CONFIG_INVALID] = { "config-invalid", FINDING_ERROR,
				     "A reset with this configuration is refused, and no image is built with it." },
	[FINDING_DEVICE] = { "device", FINDING_ERROR,
			     "The next boot would wait for the file system in vain, and not reset the root." },
	[FINDING_DEGRADED] = { "degraded", FINDING_WARNING,
			       "The configuration says to go on without them; a copy of what is written is missing." },
	[FINDING_RESET_REFUSED] = { "reset-refused", FINDING_ERROR,
				    "The next boot would find the same, and not reset the root." },
	[FINDING_REQUEST_INVALID] = { "request-invalid", FINDING_ERROR,
				      "A boot that finds such a request does not reset the root." },
	[FINDING_REQUEST_SKIP] = { "request-skip", FINDING_INFO,
				   "Somebody asked for that; the boot after it resets again." },
	[FINDING_REQUEST_FROM] = { "request-from", FINDING_INFO,
				   "Somebody asked for that; the boot after it starts from the blank again." },
	[FINDING_ROOT_MISSING] = { "root-missing", FINDING_ERROR,
				   "There is nothing to take persistent paths from, so the reset is refused." },
	[FINDING_BLANK_MISSING] = { "blank-missing", FINDING_ERROR,
				    "There is nothing to start from, so the reset is refused." },
	[FINDING_BLANK_WRITABLE] = { "blank-writable", FINDING_ERROR,
				     "Nobody can tell whether it still is blank, so the reset is refused." },
	[FINDING_BLANK_CHANGED] = { "blank-changed", FINDING_WARNING,
				    "It is not what it was when the last root was made from it; accept it if it was changed in earnest." },
	[FINDING_DIRECTORY_TYPE] = { "directory-type", FINDING_ERROR,
				     "blankroot needs a plain directory there, so the reset is refused." },
	[FINDING_DIRECTORY_OPEN] = { "directory-open", FINDING_WARNING,
				     "Old roots hold setuid programs and secrets; until the next reset closes it, others can reach them." },
	[FINDING_PATH_UNUSABLE] = { "path-unusable", FINDING_ERROR,
				    "It cannot be carried, and one such path fails the whole reset." },
	[FINDING_PATH_MISSING] = { "path-missing", FINDING_WARNING,
				   "Nothing is carried; if it is misspelt, what was meant is lost." },
	[FINDING_PATH_IS_MOUNT] = { "path-is-mount", FINDING_WARNING,
				    "What is seen there is not on the root: the reset carries what the mount hides." },
	[FINDING_PATH_HOLDS_MOUNT] = { "path-holds-mount", FINDING_INFO,
				       "What is mounted there is not carried, and needs not be: it is not on the root." },
	[FINDING_NESTED_SUBVOLUME] = { "nested-subvolume", FINDING_WARNING,
				       "It is in no persistent path, so the next root does not have it: it goes with the old one." },
	[FINDING_FSTAB_PIN] = { "fstab-pin", FINDING_ERROR,
				"After the reset this id is that of the archive, which would be mounted instead." },
	[FINDING_CMDLINE_PIN] = { "cmdline-pin", FINDING_ERROR,
				  "After the reset this id would be that of the archive, so the reset is refused." },
	[FINDING_CMDLINE_ROOT] = { "cmdline-root", FINDING_WARNING,
				   "The boot mounts another subvolume than the one that is reset." },
	[FINDING_CMDLINE_OFF] = { "cmdline-off", FINDING_ERROR,
				  "Boots with this command line never reset the root." },
	[FINDING_DEFAULT_SUBVOLUME] = { "default-subvolume", FINDING_WARNING,
					"A boot that names no subvolume mounts the default one, and that is not the root that is reset." },
	[FINDING_KERNEL_MODULES] = { "kernel-modules", FINDING_ERROR,
				     "The next root would have no modules for the kernel that boots: no network, no drivers." },
	[FINDING_ARCHIVE_MODULES] = { "archive-modules", FINDING_INFO,
				      "A rollback to it would have no modules for the kernel that boots." },
	[FINDING_SPACE_METADATA] = { "space-metadata", FINDING_ERROR,
				     "The reset would run out of space, and delete archives to make some." },
	[FINDING_SPACE_FREE] = { "space-free", FINDING_WARNING,
				 "It is less than the configuration says; a full file system stops what runs on it." },
	[FINDING_HIBERNATED] = { "hibernated", FINDING_ERROR,
				 "The next boot resumes that system, or, if it cannot, does not reset the root." },
	[FINDING_SWAP_FILE] = { "swap-file", FINDING_WARNING,
				"The reset takes it away or shares its data with an archive; the kernel takes no such file for swap." },
	[FINDING_PROGRAM_MISSING] = { "program-missing", FINDING_WARNING,
				      "The next image that is built would be without it, and never reset the root." },
	[FINDING_IMAGE_NONE] = { "image-none", FINDING_WARNING,
				 "Without an initramfs that holds blankroot no boot resets the root." },
	[FINDING_IMAGE_UNREADABLE] = { "image-unreadable", FINDING_ERROR,
				       "The kernel cannot unpack it either, or what is in it is not known." },
	[FINDING_IMAGE_WITHOUT] = { "image-without-blankroot", FINDING_ERROR,
				    "A boot with this image does not reset the root." },
	[FINDING_IMAGE_PROGRAM] = { "image-program", FINDING_ERROR,
				    "The boot runs another version than the one that was checked here." },
	[FINDING_IMAGE_CONFIG] = { "image-config", FINDING_ERROR,
				   "The boot follows the configuration in the image: paths declared since are not carried." },
	[FINDING_IMAGE_HOOK] = { "image-hook", FINDING_ERROR,
				 "Nothing in the image starts the reset." },
	[FINDING_IMAGE_ORDER] = { "image-order", FINDING_ERROR,
				  "A reset before a resume from hibernation is tried is refused, or would destroy what sleeps." },
	[FINDING_IMAGE_MODULE] = { "image-module", FINDING_ERROR,
				   "The file system cannot be mounted without it, so the root is not reset." },
	[FINDING_IMAGE_MODULE_OPTIONAL] = { "image-module-optional", FINDING_WARNING,
					    "A file system whose checksums need it cannot be mounted; others are slower without it." },
	[FINDING_IMAGES_UNCHECKED] = { "images-unchecked", FINDING_INFO,
				       "What is in the images that boot is not known." },
	[FINDING_REHEARSAL_FAILED] = { "rehearsal-failed", FINDING_ERROR,
				       "The next reset would fail in the same way, and the old root stay." },
	[FINDING_REHEARSAL_DIFFERS] = { "rehearsal-differs", FINDING_ERROR,
					"The next reset would not carry it as it is." },
};

static bool reserve(struct findings *findings)
{
	struct finding *grown = reallocarray(findings->list, findings->count + 1, sizeof(*grown));

	if (grown)
		findings->list = grown;
	return grown;
}

BR_PRINTF(3, 0)
static void add(struct findings *findings, struct finding finding, const char *fmt, va_list args)
{
	if (vasprintf(&finding.message, fmt, args) < 0)
		finding.message = NULL;
	if (!finding.message || !reserve(findings)) {
		free(finding.message);
		free(finding.command);
		findings->failed = true;
		return;
	}
	findings->list[findings->count++] = finding;
}

void finding_add(struct findings *findings, enum finding_kind kind, char *command, const char *fmt,
		 ...)
{
	va_list args;

	va_start(args, fmt);
	add(findings,
	    (struct finding){ .kind = kind, .severity = kinds[kind].severity, .command = command },
	    fmt, args);
	va_end(args);
}

void finding_add_as(struct findings *findings, enum finding_kind kind,
		    enum finding_severity severity, char *command, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(findings, (struct finding){ .kind = kind, .severity = severity, .command = command },
	    fmt, args);
	va_end(args);
}

void finding_add_failure(struct findings *findings, enum finding_kind kind, char *command,
			 const struct br_error *failure, const char *fmt, ...)
{
	char message[MESSAGE_MAX], what[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	br_error_format(failure, message, sizeof(message));
	findings->failed |= failure->code == BR_ERR_NOMEM;
	finding_add(findings, kind, command, "%s%s%s", what, *what ? ": " : "", message);
}

size_t finding_count(const struct findings *findings, enum finding_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].severity == severity;
	return count;
}

const char *finding_name(enum finding_kind kind)
{
	return kinds[kind].name;
}

const char *finding_meaning(enum finding_kind kind)
{
	return kinds[kind].meaning;
}

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {
		[FINDING_INFO] = "info", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error"
	};

	return names[severity];
}

void finding_free(struct findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].message);
		free(findings->list[i].command);
	}
	free(findings->list);
	*findings = (struct findings){ 0 };
}
