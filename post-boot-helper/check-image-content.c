/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one image has, compared with the system. */
#include "preflight.h"

#include "cleanup.h"
#include "entries.h"
#include "same-program.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#define PROGRAM_MAX (32UL << 20)
#define TEXT_MAX (4UL << 20)
#define CONFIG_DIR "etc/blankroot.conf.d/"

/* An image, what its findings are like, and the installed files that it is compared with. */
struct judge {
	struct check *check;
	const struct check_image *image;
	const struct initramfs_content *content;
	enum finding_severity severity;
};

static void tell(const struct judge *judge, enum finding_kind kind, const char *what,
		 const char *name)
{
	finding_add_as(&judge->check->findings, kind, judge->severity,
		       check_mend_image(judge->check, judge->image), "%s %s%s",
		       judge->image->image->path, what, name);
}

/* --- the program --- */

static void judge_program(const struct judge *judge)
{
	const struct initramfs_file *program = initramfs_content_find_name(judge->content,
									   "blankroot-initrd");
	const char *path = judge->check->manifest.binary;
	BR_AUTO_FREE char *installed = NULL;
	BR_AUTO_FREE char *what = NULL;
	struct br_error ignored; /* that it is not installed was told */
	size_t size, length = 0;
	const char *version;

	if (!path || system_root_read(&judge->check->root, path, PROGRAM_MAX, &installed, &size,
				      &ignored) < 0)
		return;
	if (program->content && same_program(program->content, program->size, installed, size))
		return;
	version = same_program_version(installed, size, &length);
	if (asprintf(&what, "has blankroot-initrd %s, which is not the installed %.*s",
		     judge->image->version ? judge->image->version : "of an unknown version",
		     version ? (int)length : 3, version ? version : "one") < 0) {
		what = NULL;
		judge->check->findings.failed = true;
		return;
	}
	tell(judge, FINDING_IMAGE_PROGRAM, what, "");
}

/* --- the configuration --- */

static bool same_file(const struct initramfs_file *file, const char *text, size_t size)
{
	return file && file->content && file->size == size &&
	       memcmp(file->content, text, size) == 0;
}

/* One of the system: is it in the image as it is? */
static void judge_config(const struct judge *judge, const char *path,
			 const struct initramfs_file *file, const char *name)
{
	const struct system_root here = { .fd = -1, .path = "" };
	BR_AUTO_FREE char *text = NULL;
	struct br_error failure = { 0 };
	size_t size;

	/* the path of the configuration is one of this process, whatever system it belongs to */
	if (system_root_read(&here, path, TEXT_MAX, &text, &size, &failure) < 0)
		return; /* told with the configuration */
	if (!file)
		tell(judge, FINDING_IMAGE_CONFIG, "lacks /", name);
	else if (!same_file(file, text, size))
		tell(judge, FINDING_IMAGE_CONFIG, "has another /", name);
}

static bool is_config_name(const char *name)
{
	return fnmatch("*.conf", name, FNM_PERIOD) == 0;
}

static int visit_dropped(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct judge *judge = data;
	char inside[PATH_MAX], path[PATH_MAX];

	(void)type;
	(void)err;
	if (!is_config_name(name))
		return 0;
	(void)snprintf(inside, sizeof(inside), CONFIG_DIR "%s", name);
	if (snprintf(path, sizeof(path), "%s.d/%s", judge->check->options->filesystem.config,
		     name) < (int)sizeof(path))
		judge_config(judge, path, initramfs_content_find(judge->content, inside), inside);
	return 0;
}

/* What the image has and the system has not, any more. */
static void judge_surplus(const struct judge *judge)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < judge->content->file_count; i++) {
		const char *inside = judge->content->files[i].path;
		const char *name = inside + strlen(CONFIG_DIR);

		if (strncmp(inside, CONFIG_DIR, strlen(CONFIG_DIR)) != 0 || !is_config_name(name))
			continue;
		if (snprintf(path, sizeof(path), "%s.d/%s",
			     judge->check->options->filesystem.config, name) < (int)sizeof(path) &&
		    access(path, F_OK) != 0 && errno == ENOENT)
			tell(judge, FINDING_IMAGE_CONFIG, "has what the system has not: /", inside);
	}
}

static void judge_configuration(const struct judge *judge)
{
	const char *config = judge->check->options->filesystem.config;
	struct judge visitor = *judge;
	char directory[PATH_MAX];
	BR_AUTO_CLOSE int fd = -1;
	struct br_error failure = { 0 };

	judge_config(judge, config, initramfs_content_config(judge->content), "etc/blankroot.conf");
	if (snprintf(directory, sizeof(directory), "%s.d", config) < (int)sizeof(directory))
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && br_entries_visit(fd, visit_dropped, &visitor, &failure) < 0)
		finding_add_failure(&judge->check->findings, FINDING_IMAGES_UNCHECKED, NULL,
				    &failure, "%s", directory);
	judge_surplus(judge);
}

/* --- what starts it --- */

/* Where a line that begins with this is in a text; NULL: there is none. */
static const char *find_line(const char *text, const char *start)
{
	size_t length = strlen(start);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, start, length) == 0 &&
		    (line[length] == '\0' || strchr(" \t\n\"", line[length])))
			return line;
	}
	return NULL;
}

static void judge_unit(const struct judge *judge)
{
	const struct initramfs_file *unit = initramfs_content_find_name(judge->content,
									"blankroot-reset.service");

	if (!unit || !unit->content)
		tell(judge, FINDING_IMAGE_HOOK, "has no blankroot-reset.service", "");
	else if (!judge->content->starts_unit)
		tell(judge, FINDING_IMAGE_HOOK, "has a blankroot-reset.service that nothing starts",
		     "");
	else if (!strstr(unit->content, "systemd-hibernate-resume.service") ||
		 !strstr(unit->content, "sysroot.mount"))
		tell(judge, FINDING_IMAGE_ORDER,
		     "has a blankroot-reset.service without its place between resume and root", "");
}

static void judge_initramfs_tools(const struct judge *judge)
{
	const struct initramfs_file *order = initramfs_content_find(judge->content,
								    "scripts/local-premount/ORDER");
	const char *ours = order && order->content
				   ? find_line(order->content, "/scripts/local-premount/blankroot")
				   : NULL;
	const char *resume = ours ? find_line(order->content, "/scripts/local-premount/resume")
				  : NULL;

	if (!initramfs_content_find(judge->content, "scripts/local-premount/blankroot") || !ours)
		tell(judge, FINDING_IMAGE_HOOK, "does not run scripts/local-premount/blankroot",
		     "");
	else if (resume && resume > ours)
		tell(judge, FINDING_IMAGE_ORDER, "resets before it tries to resume", "");
}

/* Hooks run in the order in which HOOKS in /config has them. */
static void judge_mkinitcpio(const struct judge *judge)
{
	const struct initramfs_file *config = initramfs_content_find(judge->content, "config");
	const char *text = config && config->content ? config->content : "";
	const char *ours = NULL, *resume = NULL;

	for (const char *at = text; *at;) {
		size_t length = strcspn(at, " \t\n\"'()=");

		if (length == strlen("blankroot") && strncmp(at, "blankroot", length) == 0)
			ours = at;
		if (length == strlen("resume") && strncmp(at, "resume", length) == 0)
			resume = at;
		at += length + (at[length] != '\0');
	}
	if (!initramfs_content_find(judge->content, "hooks/blankroot") || !ours)
		tell(judge, FINDING_IMAGE_HOOK, "does not run the hook blankroot", "");
	else if (resume && resume > ours)
		tell(judge, FINDING_IMAGE_ORDER, "resets before it tries to resume", "");
}

static bool has_file_like(const struct initramfs_content *content, const char *pattern)
{
	for (size_t i = 0; i < content->file_count; i++)
		if (fnmatch(pattern, content->files[i].path, 0) == 0)
			return true;
	return false;
}

static void judge_start(const struct judge *judge)
{
	const struct initramfs_file *init = initramfs_content_find(judge->content, "init");

	if (judge->content->maker == INITRAMFS_TOOLS)
		judge_initramfs_tools(judge);
	else if (judge->content->has_systemd)
		judge_unit(judge);
	else if (judge->content->maker == INITRAMFS_MKINITCPIO)
		judge_mkinitcpio(judge);
	else if (judge->content->maker == INITRAMFS_DRACUT &&
		 !has_file_like(judge->content, "*/pre-mount/*blankroot-reset.sh"))
		tell(judge, FINDING_IMAGE_HOOK, "has no pre-mount hook of blankroot", "");
	else if (judge->content->maker == INITRAMFS_NIXOS &&
		 !(init && init->content && strstr(init->content, "blankroot-initrd")))
		tell(judge, FINDING_IMAGE_HOOK, "does not run blankroot-initrd", "");
}

/* --- kernel modules --- */

/* A list of modules: of the image, else that of the system for the same kernel. Owned by the caller. */
static char *read_list(const struct judge *judge, const char *name)
{
	const struct initramfs_file *file = initramfs_content_find_name(judge->content, name);
	BR_AUTO_FREE char *path = NULL;
	char *text = NULL;
	struct br_error ignored; /* nothing can be told then */

	if (file && file->content)
		return strdup(file->content);
	if (asprintf(&path, "/lib/modules/%s/%s", judge->content->kernel, name) < 0) {
		path = NULL;
		return NULL;
	}
	return system_root_read(&judge->check->root, path, TEXT_MAX, &text, NULL, &ignored) < 0
		       ? NULL
		       : text;
}

/* A line of modules.dep or modules.builtin that is of this module; NULL: there is none. */
static const char *find_module(const char *list, const char *name)
{
	for (const char *line = list; line && *line;) {
		size_t length = strcspn(line, ":\n");
		BR_AUTO_FREE char *module = initramfs_module_name(line, length);

		if (module && strcmp(module, name) == 0)
			return line;
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	return NULL;
}

/* Those that it depends on, all of them: depmod(8) lists what they need, too. */
static void judge_dependencies(const struct judge *judge, const char *name, const char *line)
{
	line += strcspn(line, ":\n");
	while (*line == ':' || *line == ' ') {
		size_t length;
		BR_AUTO_FREE char *module = NULL;

		line += strspn(line, ": ");
		length = strcspn(line, " \n");
		module = initramfs_module_name(line, length);
		if (module && !initramfs_content_has_module(judge->content, module)) {
			BR_AUTO_FREE char *what = NULL;

			if (asprintf(&what, "lacks the module %s, which %s needs", module, name) <
			    0)
				what = NULL;
			tell(judge, FINDING_IMAGE_MODULE, what ? what : "lacks a module", "");
		}
		line += length;
	}
}

static void judge_module(const struct judge *judge, const char *name, bool is_optional,
			 const char *builtin, const char *dep)
{
	const char *line = dep ? find_module(dep, name) : NULL;
	struct judge mild = *judge;

	if (initramfs_content_has_module(judge->content, name)) {
		if (line && !is_optional)
			judge_dependencies(judge, name, line);
		return;
	}
	if (builtin && find_module(builtin, name))
		return;
	/* the lists of an image have only what is in it: what is in the kernel is known by that of the system */
	if (is_optional) {
		mild.severity = FINDING_WARNING;
		if (line)
			tell(&mild, FINDING_IMAGE_MODULE_OPTIONAL, "lacks the module ", name);
	} else if (builtin) {
		tell(judge, FINDING_IMAGE_MODULE, "lacks the module ", name);
	}
}

static void judge_modules(const struct judge *judge)
{
	const struct initramfs_manifest *manifest = &judge->check->manifest;
	BR_AUTO_FREE char *builtin = NULL;
	BR_AUTO_FREE char *dep = NULL;
	BR_AUTO_FREE char *path = NULL;
	char *whole = NULL;
	struct br_error ignored;

	if (!judge->content->kernel)
		return; /* a kernel without modules, or they come otherwise */
	builtin = read_list(judge, "modules.builtin");
	dep = read_list(judge, "modules.dep");
	if (asprintf(&path, "/lib/modules/%s/modules.dep", judge->content->kernel) < 0) {
		path = NULL;
		judge->check->findings.failed = true;
		return;
	}
	/* what the kernel could have as modules is known to the system alone */
	if (system_root_read(&judge->check->root, path, TEXT_MAX, &whole, NULL, &ignored) == 0) {
		free(dep);
		dep = whole;
	}
	for (size_t i = 0; i < manifest->module_count; i++)
		judge_module(judge, manifest->modules[i], false, builtin, dep);
	for (size_t i = 0; i < manifest->optional_count; i++)
		judge_module(judge, manifest->optional[i], true, builtin, dep);
}

/* --- all together --- */

void check_image_content(struct check *check, const struct check_image *image)
{
	const struct judge judge = { check, image, &image->content,
				     image->boots ? FINDING_ERROR : FINDING_WARNING };

	/* of another system, or for another purpose */
	if (image->image->is_unified && !image->boots)
		return;
	if (!initramfs_content_find_name(&image->content, "blankroot-initrd")) {
		tell(&judge, FINDING_IMAGE_WITHOUT, "does not hold blankroot", "");
		return;
	}
	judge_program(&judge);
	judge_configuration(&judge);
	judge_start(&judge);
	judge_modules(&judge);
}
