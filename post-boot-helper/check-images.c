/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The images that are installed: which of them is booted, and with what command line. */
#include "preflight.h"

#include "cleanup.h"
#include "pe-section.h"
#include "same-program.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CMDLINE_MAX (1UL << 20)

/* --- which one --- */

static size_t count_chosen(const struct check *check)
{
	size_t count = 0;

	for (size_t i = 0; i < check->images.count; i++)
		count += boot_choice_is(&check->choice, check->images.images[i].path);
	return count;
}

static void choose(struct check *check)
{
	bool is_known = count_chosen(check) > 0;

	for (size_t i = 0; i < check->images.count; i++) {
		struct check_image *image = &check->image_checks[i];

		image->image = &check->images.images[i];
		image->boots = !is_known || boot_choice_is(&check->choice, image->image->path);
	}
}

/* --- its command line --- */

static char *read_section(int fd, const struct pe_section *section)
{
	char *text = section->size > CMDLINE_MAX ? NULL : calloc(1, (size_t)section->size + 1);
	ssize_t n = text ? pread(fd, text, (size_t)section->size, (off_t)section->offset) : -1;

	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

/* That of a unified image is in it, if that is the one that is booted. */
static void note_cmdline(struct check *check, const struct check_image *image, int fd)
{
	struct pe_section section;

	if (!image->boots || !check->choice.source || check->choice.options ||
	    !pe_section_find(fd, ".cmdline", &section))
		return;
	check->choice.options = read_section(fd, &section);
}

static void find_cmdline(struct check *check)
{
	struct br_error ignored; /* another system's root may have no /proc */

	if (check->choice.options) {
		check->cmdline = strdup(check->choice.options);
		check->findings.failed |= !check->cmdline;
		return;
	}
	check->is_guessed = true;
	if (system_root_read(&check->root, "/proc/cmdline", CMDLINE_MAX, &check->cmdline, NULL,
			     &ignored) < 0)
		check->cmdline = NULL;
}

/* --- what is in them --- */

static const char *kernel_of(const struct check_image *image)
{
	return image->content.kernel ? image->content.kernel : image->image->kernel;
}

static bool has(const struct check *check, const char *path)
{
	return system_root_has(&check->root, path);
}

/* One that could not be read has to be from what the system has to make one. */
static enum initramfs_maker maker_of(const struct check *check, const struct check_image *image)
{
	if (image && image->is_read && image->content.maker != INITRAMFS_UNKNOWN)
		return image->content.maker;
	if (has(check, "/usr/sbin/update-initramfs"))
		return INITRAMFS_TOOLS;
	if (has(check, "/usr/bin/dracut"))
		return INITRAMFS_DRACUT;
	if (has(check, "/usr/bin/mkinitcpio"))
		return INITRAMFS_MKINITCPIO;
	return has(check, "/run/current-system") ? INITRAMFS_NIXOS : INITRAMFS_UNKNOWN;
}

static char *in_root(const struct check *check, char *command)
{
	const char *const words[] = { check->root.path, NULL };
	BR_AUTO_FREE char *inner = command;
	BR_AUTO_FREE char *before = NULL;
	char *whole = NULL;

	if (!command || check->root.fd < 0)
		return br_take_ptr(&inner);
	before = mend_make("chroot % ", words);
	return before && asprintf(&whole, "%s%s", before, inner) >= 0 ? whole : NULL;
}

char *check_mend_image(const struct check *check, const struct check_image *image)
{
	const char *words[] = { NULL, NULL, NULL };

	words[0] = image ? kernel_of(image) : NULL;
	switch (maker_of(check, image)) {
	case INITRAMFS_TOOLS:
		return in_root(check, mend_make(words[0] ? "update-initramfs -u -k %"
							 : "update-initramfs -c -k all",
						words));
	case INITRAMFS_DRACUT:
		if (!words[0])
			return in_root(check, strdup("dracut --regenerate-all --force"));
		words[1] = words[0];
		words[0] = image->image->path;
		if (image->image->is_unified)
			return in_root(check, mend_make("dracut --force --uefi % %", words));
		return in_root(check, mend_make("dracut --force % %", words));
	case INITRAMFS_MKINITCPIO:
		return in_root(check, strdup("mkinitcpio -P"));
	case INITRAMFS_NIXOS:
		return in_root(check, strdup("nixos-rebuild boot"));
	default:
		return NULL;
	}
}

static enum finding_severity severity_of(const struct check_image *image)
{
	return image->boots ? FINDING_ERROR : FINDING_WARNING;
}

static int read_content(struct check *check, struct check_image *image, int fd,
			struct br_error *failure)
{
	struct pe_section section = { 0, 0 };
	struct stat st;

	if (image->image->is_unified) {
		note_cmdline(check, image, fd);
		if (!pe_section_find(fd, ".initrd", &section))
			return br_error_set(failure, BR_ERR_READ, 0, NULL,
					    "has no section .initrd");
	} else if (fstat(fd, &st) != 0) {
		return br_error_set(failure, BR_ERR_STAT, errno, NULL, NULL);
	} else {
		section.size = (uint64_t)st.st_size;
	}
	return initramfs_content_read(fd, section.offset, section.size, &image->content, failure);
}

static void note_version(struct check_image *image)
{
	const struct initramfs_file *program = initramfs_content_find_name(&image->content,
									   "blankroot-initrd");
	const char *version;
	size_t length;

	if (!program || !program->content)
		return;
	version = same_program_version(program->content, program->size, &length);
	image->version = version ? strndup(version, length) : NULL;
}

static void read_image(struct check *check, struct check_image *image)
{
	const char *path = image->image->path;
	BR_AUTO_CLOSE int fd = system_root_file(&check->root, path, O_RDONLY);
	struct br_error failure = { 0 };
	int r;

	r = fd < 0 ? br_error_set(&failure, BR_ERR_OPEN, errno, NULL, NULL)
		   : read_content(check, image, fd, &failure);
	image->is_read = r == 0;
	if (r == 0) {
		note_version(image);
		check_image_content(check, image);
		return;
	}
	finding_add_as(&check->findings, FINDING_IMAGE_UNREADABLE, severity_of(image),
		       check_mend_image(check, image), "%s cannot be read: %s", path,
		       failure.text[0] ? failure.text : strerror(failure.sys_errno));
	check->findings.failed |= r == BR_ERR_NOMEM;
}

/* A unified image may be of another system, which shares the partition. */
static void read_images(struct check *check)
{
	for (size_t i = 0; i < check->images.count; i++)
		read_image(check, &check->image_checks[i]);
}

/* --- all together --- */

/* The table that says what is to be mounted at /boot, which is empty. */
static bool is_in_fstab(const struct check *check, const char *where)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	char *rest = NULL;

	if (system_root_read(&check->root, "/etc/fstab", CMDLINE_MAX, &text, NULL, &ignored) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *at = line + strcspn(line, " \t");
		size_t length;

		at += strspn(at, " \t");
		length = strcspn(at, " \t");
		if (line[0] != '#' && strlen(where) == length && strncmp(at, where, length) == 0)
			return true;
	}
	return false;
}

static void tell_none(struct check *check)
{
	bool is_unmounted = is_in_fstab(check, "/boot");

	finding_add(&check->findings, FINDING_IMAGE_NONE,
		    is_unmounted ? in_root(check, strdup("mount /boot"))
				 : check_mend_image(check, NULL),
		    "there is no initramfs image in /boot, /efi or /boot/efi");
}

static void find_program(struct check *check)
{
	struct br_error failure = { 0 };

	if (initramfs_manifest_read(&check->root, &check->manifest, &failure) < 0)
		finding_add_failure(&check->findings, FINDING_PROGRAM_MISSING, NULL, &failure, "%s",
				    "");
	else if (!check->manifest.binary || !has(check, check->manifest.binary))
		finding_add(&check->findings, FINDING_PROGRAM_MISSING, NULL,
			    "blankroot-initrd is not installed%s%s",
			    check->manifest.binary ? " as " : "",
			    check->manifest.binary ? check->manifest.binary : "");
}

void check_images(struct check *check)
{
	struct br_error failure = { 0 };

	find_program(check);
	if (boot_choice_find(&check->root, &check->choice, &failure) < 0)
		check->findings.failed = true;
	if (boot_images_find(&check->root, &check->images, &failure) < 0)
		finding_add_failure(&check->findings, FINDING_IMAGES_UNCHECKED, NULL, &failure,
				    "looking for initramfs images");
	check->image_checks = calloc(check->images.count + 1, sizeof(*check->image_checks));
	check->findings.failed |= !check->image_checks;
	if (check->image_checks && check->images.count == 0)
		tell_none(check);
	if (check->image_checks)
		choose(check);
	if (!initramfs_can_be_read())
		finding_add(&check->findings, FINDING_IMAGES_UNCHECKED, NULL,
			    "this program was built without libarchive: it reads no initramfs");
	else if (check->image_checks)
		read_images(check);
	find_cmdline(check);
}
