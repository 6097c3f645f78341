/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank show: what each blank is. */
#include "blank-command.h"

#include "blank-look.h"
#include "command.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JSON_VERSION 1

/* Lost output is found when standard output is closed. */

static void put_line(const char *title, const char *text)
{
	(void)printf("%-12s ", title);
	br_text_put_name(stdout, text);
	(void)putchar('\n');
}

static void put_created(time_t created)
{
	time_t now = time(NULL);

	(void)printf("%-12s ", "Created");
	br_text_put_utc(stdout, created);
	if (now >= created) {
		(void)fputs(" (", stdout);
		br_text_put_length(stdout, (uint64_t)(now - created));
		(void)fputs(" ago)", stdout);
	}
	(void)putchar('\n');
}

static void put_kernels(const struct kernels *kernels)
{
	(void)printf("%-12s", "Modules of");
	for (size_t i = 0; i < kernels->count; i++) {
		(void)putchar(' ');
		br_text_put_name(stdout, kernels->versions[i]);
	}
	(void)puts(kernels->count == 0 ? " no kernel" : "");
}

static const char *state_text(enum br_blank_state state)
{
	return state == BR_BLANK_UNCHANGED ? "is what it was when it was made, or at the last reset"
					   : br_blank_state_text(state);
}

static void put_blank(const struct blank_look *look)
{
	char uuid[BR_FSID_SIZE];

	br_subvol_format_uuid(look->subvol.uuid, uuid);
	(void)printf("%-12s ", "Blank");
	br_text_put_name(stdout, look->ephemeral->blank);
	(void)printf(", %s\n%-12s %" PRIu64 ", UUID %s\n",
		     look->subvol.read_only ? "read-only" : "WRITABLE", "Subvolume id",
		     look->subvol.id, uuid);
	put_created(look->subvol.created);
	put_line("Made from", look->parent ? look->parent : "nothing that is still there");
	put_line("State", look->is_empty ? "is empty" : state_text(look->state));
	put_line("System", look->system ? look->system : "none that it tells");
	put_kernels(&look->modules);
}

static void print(const struct blank_look *look)
{
	put_line("Ephemeral", look->ephemeral->name);
	if (look->exists) {
		put_blank(look);
	} else {
		(void)printf("%-12s ", "Blank");
		br_text_put_name(stdout, look->ephemeral->blank);
		(void)puts(", which does not exist: '" BLANK_COMMAND " create' makes it");
	}
	for (size_t i = look->formers.count; i-- > 0;)
		put_line(i + 1 == look->formers.count ? "Former" : "", look->formers.list[i].name);
}

/* --- for programs --- */

static void put_subvol(struct br_json *json, const struct br_subvol *subvol)
{
	char uuid[BR_FSID_SIZE];

	br_subvol_format_uuid(subvol->uuid, uuid);
	br_json_number(json, "id", subvol->id);
	br_json_string(json, "uuid", uuid);
	br_json_bool(json, "read_only", subvol->read_only);
	br_json_number(json, "created", subvol->created > 0 ? (uint64_t)subvol->created : 0);
}

static void put_json_blank(struct br_json *json, const struct blank_look *look)
{
	static const char *const states[] = {
		[BR_BLANK_UNCHANGED] = "unchanged",
		[BR_BLANK_FIRST_SEEN] = "unknown",
		[BR_BLANK_MODIFIED] = "modified",
		[BR_BLANK_REPLACED] = "replaced",
	};

	put_subvol(json, &look->subvol);
	br_json_string(json, "parent", look->parent);
	br_json_string(json, "state", states[look->state]);
	br_json_bool(json, "empty", look->is_empty);
	br_json_string(json, "system", look->system);
	br_json_open_array(json, "modules");
	for (size_t i = 0; i < look->modules.count; i++)
		br_json_string(json, NULL, look->modules.versions[i]);
	br_json_close_array(json);
}

static void put_json(struct br_json *json, const struct blank_look *look)
{
	br_json_open_object(json, NULL);
	br_json_string(json, "subvolume", look->ephemeral->name);
	br_json_string(json, "blank", look->ephemeral->blank);
	br_json_bool(json, "exists", look->exists);
	if (look->exists)
		put_json_blank(json, look);
	br_json_open_array(json, "former");
	for (size_t i = 0; i < look->formers.count; i++) {
		br_json_open_object(json, NULL);
		br_json_string(json, "name", look->formers.list[i].name);
		put_subvol(json, &look->formers.list[i].subvol);
		br_json_close_object(json);
	}
	br_json_close_array(json);
	br_json_close_object(json);
}

/* --- all --- */

static int show_one(const struct blank_options *options, const struct filesystem *filesystem,
		    const struct br_ephemeral *ephemeral, struct br_json *json,
		    struct br_error *err)
{
	struct blank_look look;
	int r = blank_look_at(filesystem, ephemeral, &look, err);

	if (r < 0)
		return r;
	if (options->json)
		put_json(json, &look);
	else
		print(&look);
	blank_look_free(&look);
	return 0;
}

static int show_all(const struct blank_options *options, const struct filesystem *filesystem,
		    struct br_json *json, struct br_error *err)
{
	const struct br_config *config = &filesystem->config;
	bool is_first = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		if (!blank_is_meant(options, &config->ephemeral[i]))
			continue;
		if (!options->json && !is_first)
			(void)putchar('\n');
		is_first = false;
		r = show_one(options, filesystem, &config->ephemeral[i], json, err);
	}
	return r;
}

int blank_show(const struct blank_options *options)
{
	struct filesystem_options open = options->filesystem;
	struct br_json json = br_json_start(stdout);
	const struct br_ephemeral *named;
	struct filesystem filesystem;
	struct br_error err = { 0 };
	int r;

	open.read_only = true;
	if (filesystem_open(&open, &filesystem, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = options->subvolume ? blank_choose(&filesystem.config, options->subvolume, &named, &err)
			       : 0;
	if (r == 0 && options->json) {
		br_json_open_object(&json, NULL);
		br_json_number(&json, "version", JSON_VERSION);
		br_json_open_array(&json, "blanks");
	}
	if (r == 0)
		r = show_all(options, &filesystem, &json, &err);
	if (r == 0 && options->json) {
		br_json_close_array(&json);
		br_json_close_object(&json);
	}
	filesystem_close(&filesystem);
	return r == 0 ? EXIT_DONE : command_fail(BLANK_COMMAND, &err);
}
