/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for fstab(5), NixOS, sysctl.d(5) and udev(7).
 *
 * The two files that a mode is written to are in /run: it lasts as long as what was set live. In /etc they would be
 * gone at the next reset of the root, or, where /etc survives, still be there after the mode is not any more.
 */
#include "cleanup.h"
#include "file.h"
#include "text.h"
#include "tune.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SYSCTL_DIR "/run/sysctl.d"
#define UDEV_DIR "/run/udev/rules.d"
#define SYSCTL_FILE SYSCTL_DIR "/90-blankroot.conf"
#define UDEV_FILE UDEV_DIR "/90-blankroot.rules"
#define HEAD "# Made by blankroot tune.\n"

static const char *wanted_of(const struct tune_list *list, const char *name, const char *object)
{
	const struct tune_row *row = tune_list_find(list, br_knob_find(name), object);

	return row ? row->wanted : NULL;
}

/* What a mode or the configuration wants, and not what only goes back. */
static bool is_wanted(const struct tune_row *row)
{
	return row->wanted && row->current &&
	       (!row->before || strcmp(row->before, row->wanted) != 0 ||
		row->knob->kind == BR_KNOB_MOUNT);
}

/* --- sysctl.d --- */

/* "NAME = VALUE"; a share has a name of its own: vm.dirty_ratio. */
static void put_sysctl(FILE *out, const struct tune_row *row, const char *quote)
{
	const char *name = row->knob->name;
	size_t length = strlen(row->wanted);
	bool is_share = row->wanted[length - 1] == '%';
	size_t stem = strlen(name) - (is_share ? strlen("bytes") : 0);

	(void)fprintf(out, "%s%.*s%s%s = %.*s", quote, (int)stem, name, is_share ? "ratio" : "",
		      quote, (int)(length - is_share), row->wanted);
}

static void put_sysctls(FILE *out, const void *data)
{
	const struct tune_list *list = data;

	(void)fputs(HEAD, out);
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].knob->kind == BR_KNOB_SYSCTL && is_wanted(&list->rows[i])) {
			put_sysctl(out, &list->rows[i], "");
			(void)fputc('\n', out);
		}
}

/* --- udev --- */

static void put_udev(FILE *out, const void *data)
{
	const struct tune_list *list = data;

	(void)fputs(HEAD "# By the names that the disks have at this boot.\n", out);
	for (size_t i = 0; i < list->count; i++) {
		const struct tune_row *row = &list->rows[i];

		if (row->knob->kind == BR_KNOB_QUEUE && is_wanted(row))
			(void)fprintf(out,
				      "ACTION==\"add|change\", SUBSYSTEM==\"block\", "
				      "KERNEL==\"%s\", ATTR{queue/%s}=\"%s\"\n",
				      row->object, row->knob->file, row->wanted);
	}
}

/* --- fstab and NixOS --- */

struct lines {
	const struct tune_facts *facts;
	const struct tune_list *list;
};

const char *tune_mount_option(const struct br_knob *knob, const char *value, char buf[64])
{
	const char *option = knob->file;

	if (strcmp(option, "atime") == 0)
		return value;
	if (strcmp(value, "no") == 0) {
		if (strcmp(option, "compress") == 0)
			return NULL; /* what fstab does not say is not done */
		return strcmp(option, "ssd") == 0 ? "nossd" : "nodiscard";
	}
	if (strcmp(value, "yes") == 0)
		return option;
	(void)snprintf(buf, 64, "%s=%s", option, value); /* both are short */
	return buf;
}

/* Calls put for each option of a mount, as mount(8) has them. */
static void each_option(const struct lines *lines, const char *target,
			void (*put)(FILE *out, const char *option), FILE *out)
{
	static const char *const names[] = { "mount.compress", "mount.discard", "mount.ssd",
					     "mount.space_cache", "mount.commit" };
	const char *value = wanted_of(lines->list, "mount.atime", target);

	if (value)
		put(out, value);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct br_knob *knob = br_knob_find(names[i]);
		const char *option;
		char buf[64];

		value = wanted_of(lines->list, names[i], lines->facts->fsid);
		option = value ? tune_mount_option(knob, value, buf) : NULL;
		if (option)
			put(out, option);
	}
}

static void put_fstab_option(FILE *out, const char *option)
{
	(void)fprintf(out, ",%s", option);
}

static void put_fstab(FILE *out, const struct lines *lines)
{
	const struct tune_facts *facts = lines->facts;

	(void)fputs(HEAD "# Of one file system, only atime may differ from mount to mount.\n", out);
	for (size_t i = 0; i < facts->mount_count; i++) {
		const struct br_mount *mount = &facts->mounts.mounts[i];

		(void)fprintf(out, "UUID=%s ", facts->fsid);
		br_text_put_fstab(out, mount->target);
		(void)fputs(" btrfs subvol=", out);
		br_text_put_fstab(out, mount->root);
		each_option(lines, mount->target, put_fstab_option, out);
		(void)fputs(" 0 0\n", out);
	}
}

static void put_nix_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || (*text == '$' && text[1] == '{'))
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static void put_nix_option(FILE *out, const char *option)
{
	(void)fprintf(out, " \"%s\"", option);
}

static void put_nix(FILE *out, const struct lines *lines)
{
	(void)fputs(HEAD, out);
	for (size_t i = 0; i < lines->facts->mount_count; i++) {
		const char *target = lines->facts->mounts.mounts[i].target;

		(void)fputs("fileSystems.", out);
		put_nix_string(out, target);
		(void)fputs(".options = [", out);
		each_option(lines, target, put_nix_option, out);
		(void)fputs(" ];\n", out);
	}
	for (size_t i = 0; i < lines->list->count; i++) {
		const struct tune_row *row = &lines->list->rows[i];

		if (row->knob->kind != BR_KNOB_SYSCTL || !is_wanted(row))
			continue;
		(void)fputs("boot.kernel.sysctl.", out);
		put_sysctl(out, row, "\"");
		(void)fputs(";\n", out);
	}
	(void)fputs("services.udev.extraRules = ''\n", out);
	put_udev(out, lines->list);
	(void)fputs("'';\n", out);
}

bool tune_print_lines(const char *what, const struct tune_facts *facts,
		      const struct tune_list *list)
{
	struct lines lines = { facts, list };

	if (strcmp(what, "sysctl") == 0)
		put_sysctls(stdout, list);
	else if (strcmp(what, "udev") == 0)
		put_udev(stdout, list);
	else if (strcmp(what, "fstab") == 0)
		put_fstab(stdout, &lines);
	else if (strcmp(what, "nix") == 0)
		put_nix(stdout, &lines);
	else
		return false;
	return true;
}

/* --- the files --- */

static int make_dir(const char *path, struct br_error *err)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, path, NULL);
	return 0;
}

static int write_file(const char *path, void (*put)(FILE *out, const void *data),
		      const struct tune_list *list, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put, list);

	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_file_replace(AT_FDCWD, path, text, strlen(text), 0644, err);
}

static int remove_file(const char *path, struct br_error *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return br_error_set(err, BR_ERR_REMOVE, errno, path, NULL);
	return 0;
}

int tune_write_files(enum br_performance mode, const struct tune_list *list, struct br_error *err)
{
	int r;

	if (mode == BR_PERFORMANCE_NONE) {
		r = remove_file(SYSCTL_FILE, err);
		return r < 0 ? r : remove_file(UDEV_FILE, err);
	}
	if ((r = make_dir(SYSCTL_DIR, err)) < 0 || (r = make_dir("/run/udev", err)) < 0 ||
	    (r = make_dir(UDEV_DIR, err)) < 0 ||
	    (r = write_file(SYSCTL_FILE, put_sysctls, list, err)) < 0)
		return r;
	return write_file(UDEV_FILE, put_udev, list, err);
}
