/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init --format: which subvolumes a new file system gets, where they are mounted, and how. */
#include "init-format.h"

#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "tune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1
#define CLOSED "nodev,nosuid"
#define DATA "nodev,nosuid,noexec"

/*
 * Of one file system, btrfs takes its own options from the first mount; what may differ from mount to mount is what the
 * kernel knows of every file system.
 */
static const struct format_subvolume usual[] = {
	{ .name = (char[]){ INIT_FORMAT_ROOT }, .mountpoint = (char[]){ "/" } },
	{ .name = (char[]){ INIT_FORMAT_BLANK } },
	{ .name = (char[]){ "home" }, .mountpoint = (char[]){ "/home" }, .flags = CLOSED },
	{ .name = (char[]){ "log" }, .mountpoint = (char[]){ "/var/log" }, .flags = DATA },
	{ .name = (char[]){ "srv" }, .mountpoint = (char[]){ "/srv" }, .flags = CLOSED },
	{ .name = (char[]){ "persist" }, .mountpoint = (char[]){ "/persist" } },
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- choosing --- */

static struct format_subvolume *add(struct format *format, const char *name, const char *mountpoint)
{
	struct format_subvolume *grown = reallocarray(format->subvolumes, format->count + 1,
						      sizeof(*grown));

	if (!grown)
		return NULL;
	format->subvolumes = grown;
	grown += format->count;
	*grown = (struct format_subvolume){ .name = strdup(name),
					    .mountpoint = mountpoint ? strdup(mountpoint) : NULL };
	if (!grown->name || (mountpoint && !grown->mountpoint)) {
		free(grown->name);
		free(grown->mountpoint);
		return NULL;
	}
	format->count++;
	return grown;
}

static bool is_taken(const struct format *format, const char *name)
{
	for (size_t i = 0; i < format->count; i++)
		if (strcmp(format->subvolumes[i].name, name) == 0)
			return true;
	return false;
}

static bool is_nodatacow(const struct br_config *preset, const char *mountpoint)
{
	for (size_t i = 0; i < preset->tuning.nodatacow.count; i++)
		if (strcmp(preset->tuning.nodatacow.items[i].text, mountpoint) == 0)
			return true;
	return false;
}

/* "var/lib/docker" is "docker"; where there is another one of that name, "var-lib-docker". */
static int add_path(struct format *format, const char *path, struct br_error *err)
{
	const char *slash = strrchr(path, '/');
	BR_AUTO_FREE char *name = strdup(slash ? slash + 1 : path);
	BR_AUTO_FREE char *mountpoint = NULL;
	struct format_subvolume *added;

	if (asprintf(&mountpoint, "/%s", path) < 0)
		mountpoint = NULL;
	if (name && is_taken(format, name)) {
		free(name);
		name = strdup(path);
		for (char *c = name; c && *c; c++)
			*c = *c == '/' ? '-' : *c;
	}
	added = name && mountpoint ? add(format, name, mountpoint) : NULL;
	if (!added)
		return no_memory(err);
	added->nodatacow = is_nodatacow(&format->preset, mountpoint);
	/* without flags: programs of containers may need all that theirs would take away */
	return 0;
}

int format_choose(struct format *format, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		struct format_subvolume *added = add(format, usual[i].name, usual[i].mountpoint);

		if (!added)
			return no_memory(err);
		added->flags = usual[i].flags;
	}
	for (size_t e = 0; e < format->preset.ephemeral_count; e++)
		for (size_t i = 0; r == 0 && i < format->preset.ephemeral[e].persist_count; i++) {
			const struct br_persist *persist = &format->preset.ephemeral[e].persist[i];

			if (persist->method == BR_METHOD_SUBVOLUME)
				r = add_path(format, persist->path, err);
		}
	return r;
}

void format_free(struct format *format)
{
	for (size_t i = 0; i < format->count; i++) {
		free(format->subvolumes[i].name);
		free(format->subvolumes[i].mountpoint);
	}
	free(format->subvolumes);
	br_config_free(&format->preset);
	init_record_free(&format->record);
	br_cleanup_close(&format->top);
}

/* --- fstab --- */

/* What the preset says of a knob, or else its mode; without a preset that which gains without losing elsewhere. */
static const char *value_of(const struct format *format, const struct br_knob *knob,
			    const struct tune_facts *facts, char buf[32])
{
	const struct br_tuning_list *set = &format->preset.tuning.set;
	enum br_performance mode = format->options->preset ? format->preset.performance
							   : BR_PERFORMANCE_BALANCED;

	for (size_t i = set->count; i > 0; i--) {
		struct br_knob_setting setting;

		if (br_knob_parse(set->items[i - 1].text, &setting) || setting.knob != knob)
			continue;
		if (strcmp(setting.value, BR_KNOB_KEEP) == 0)
			return NULL;
		(void)snprintf(buf, 32, "%s", setting.value); /* as large */
		return buf;
	}
	return mode == BR_PERFORMANCE_NONE ? NULL : tune_mode_value(mode, knob, facts, NULL, buf);
}

static void put_options(FILE *out, const struct format *format,
			const struct format_subvolume *subvolume, const struct tune_facts *facts)
{
	(void)fprintf(out, "subvol=%s", subvolume->name);
	for (const struct br_knob *knob = br_knobs; knob->name; knob++) {
		char value_buf[32], option_buf[64];
		const char *value, *option;

		if (knob->kind != BR_KNOB_MOUNT)
			continue;
		value = value_of(format, knob, facts, value_buf);
		option = value ? tune_mount_option(knob, value, option_buf) : NULL;
		if (option)
			(void)fprintf(out, ",%s", option);
	}
	if (subvolume->flags)
		(void)fprintf(out, ",%s", subvolume->flags);
}

struct lines {
	const struct format *format;
	const struct tune_facts *facts;
};

static void put_fstab(FILE *out, const void *data)
{
	const struct lines *lines = data;

	for (size_t i = 0; i < lines->format->count; i++) {
		const struct format_subvolume *subvolume = &lines->format->subvolumes[i];

		if (!subvolume->mountpoint)
			continue;
		(void)fprintf(out, "UUID=%s %s btrfs ", lines->facts->fsid, subvolume->mountpoint);
		put_options(out, lines->format, subvolume, lines->facts);
		(void)fputs(" 0 0\n", out);
	}
}

/* *ret: owned by the caller. */
static int make_fstab(const struct format *format, char **ret, struct br_error *err)
{
	struct lines lines = { .format = format };
	struct tune_facts facts = { 0 };
	char fsid[BR_FSID_SIZE];
	int r;

	if ((r = br_subvol_fsid(format->top, fsid, err)) < 0 ||
	    (r = tune_facts_read(format->top, fsid, &facts, err)) < 0)
		return r;
	lines.facts = &facts;
	*ret = br_text_make(put_fstab, &lines);
	tune_facts_free(&facts);
	return *ret ? 0 : no_memory(err);
}

/* --- output; what is lost of it is found when it is closed --- */

void format_print_plan(const struct format *format, bool is_made)
{
	(void)puts("To be done:");
	if (!is_made)
		(void)printf("  make a btrfs on %s, which is empty: mkfs.btrfs\n",
			     format->options->format);
	for (size_t i = 0; i < format->count; i++) {
		const struct format_subvolume *subvolume = &format->subvolumes[i];

		if (subvolume->mountpoint)
			(void)printf("  make the subvolume %s, for %s%s\n", subvolume->name,
				     subvolume->mountpoint,
				     subvolume->nodatacow ? ", not copied on write" : "");
		else
			(void)printf("  make the blank %s, empty and read-only\n", subvolume->name);
	}
	(void)puts(
		"  make the directories for archives and snapshots, for root only: " INIT_ARCHIVES
		", snapshots");
}

static void put_json(const struct format *format, const char *fstab)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", JSON_VERSION);
	br_json_bool(&json, "dry_run", format->options->dry_run);
	br_json_string(&json, "device", format->options->format);
	br_json_open_array(&json, "subvolumes");
	for (size_t i = 0; i < format->count; i++) {
		br_json_open_object(&json, NULL);
		br_json_string(&json, "name", format->subvolumes[i].name);
		br_json_string(&json, "mountpoint", format->subvolumes[i].mountpoint);
		br_json_bool(&json, "nodatacow", format->subvolumes[i].nodatacow);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_string(&json, "fstab", fstab);
	br_json_close_object(&json);
}

int format_print_result(const struct format *format, struct br_error *err)
{
	BR_AUTO_FREE char *fstab = NULL;
	int r = format->top >= 0 ? make_fstab(format, &fstab, err) : 0;

	if (r < 0)
		return r;
	if (format->options->json) {
		put_json(format, fstab);
		return 0;
	}
	(void)printf("%s has the layout now. For its fstab:\n\n%s\n", format->options->format,
		     fstab);
	(void)puts("The blank is empty, which is right for NixOS alone: once another system is "
		   "installed in the subvolume root,\nblankroot init makes the blank of it.");
	return 0;
}
