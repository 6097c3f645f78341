/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank verify: is each blank what it should be? */
#include "blank-command.h"

#include "blank-look.h"
#include "blank-replace.h"
#include "cleanup.h"
#include "command.h"
#include "frozen.h"
#include "json.h"
#include "name.h"
#include "text.h"

#include <stdio.h>

#define JSON_VERSION 1
#define PROBLEMS_MAX 8

struct verdict {
	const struct br_ephemeral *ephemeral; /* NULL: of the file system */
	const char *problems[PROBLEMS_MAX];
	size_t count;
};

struct verifying {
	const struct blank_options *options;
	struct filesystem filesystem;
	struct br_json json;
	bool is_wrong;
};

static void add(struct verdict *verdict, const char *problem)
{
	if (verdict->count < PROBLEMS_MAX)
		verdict->problems[verdict->count++] = problem;
}

/*
 * A root that has an operating system of its own in /usr is started from a blank that has one. Others, as those of
 * NixOS, have nothing of the kind.
 */
static bool lacks_system(const struct filesystem *filesystem, const struct blank_look *look)
{
	BR_AUTO_CLOSE int root = -1;
	struct br_error none;

	if (look->system ||
	    br_subvol_open(filesystem->top, look->ephemeral->name, &root, NULL, &none) < 0)
		return false;
	return system_root_has(&(struct system_root){ .fd = root, .path = "" },
			       "/usr/lib/os-release");
}

static void judge(const struct filesystem *filesystem, const struct blank_look *look,
		  struct verdict *verdict)
{
	if (!look->exists) {
		add(verdict, "it does not exist: '" BLANK_COMMAND " create' makes it");
		return;
	}
	if (!look->subvol.read_only)
		add(verdict, "it is not read-only, so anything may have changed it");
	if (look->state == BR_BLANK_MODIFIED)
		add(verdict,
		    "something in it was changed since it was made, or since the last reset");
	if (look->state == BR_BLANK_REPLACED)
		add(verdict,
		    "it is another subvolume than that which was made, or was there at the "
		    "last reset");
	if (lacks_system(filesystem, look))
		add(verdict,
		    "it has no os-release, but the root has one: is it the operating system?");
}

/* --- telling --- */

/* Lost output is found when standard output is closed. */
static void tell(struct verifying *verifying, const struct verdict *verdict)
{
	const char *name = verdict->ephemeral ? verdict->ephemeral->blank : BR_STATE_DIR;

	verifying->is_wrong |= verdict->count > 0;
	if (verifying->options->json) {
		br_json_open_object(&verifying->json, NULL);
		br_json_string(&verifying->json, "subvolume",
			       verdict->ephemeral ? verdict->ephemeral->name : NULL);
		br_json_string(&verifying->json, "blank",
			       verdict->ephemeral ? verdict->ephemeral->blank : NULL);
		br_json_bool(&verifying->json, "good", verdict->count == 0);
		br_json_open_array(&verifying->json, "problems");
		for (size_t i = 0; i < verdict->count; i++)
			br_json_string(&verifying->json, NULL, verdict->problems[i]);
		br_json_close_array(&verifying->json);
		br_json_close_object(&verifying->json);
		return;
	}
	for (size_t i = 0; i < verdict->count; i++) {
		br_text_put_name(stdout, name);
		(void)printf(": %s\n", verdict->problems[i]);
	}
	if (verdict->count == 0) {
		br_text_put_name(stdout, name);
		(void)puts(" is what it should be");
	}
}

static int verify_one(struct verifying *verifying, const struct br_ephemeral *ephemeral,
		      struct br_error *err)
{
	struct verdict verdict = { .ephemeral = ephemeral };
	struct blank_look look;
	bool is_unfinished;
	int r = br_blank_look_unfinished(verifying->filesystem.top, ephemeral, &is_unfinished, err);

	if (r < 0 || (r = blank_look_at(&verifying->filesystem, ephemeral, &look, err)) < 0)
		return r;
	judge(&verifying->filesystem, &look, &verdict);
	if (is_unfinished)
		add(&verdict,
		    "an interrupted run has left something beside it: the next command that "
		    "changes anything clears that up");
	tell(verifying, &verdict);
	blank_look_free(&look);
	return 0;
}

static void note_leftover(void *data, const char *name)
{
	(void)name;
	*(bool *)data = true;
}

static int verify_leftovers(struct verifying *verifying, struct br_error *err)
{
	struct verdict verdict = { 0 };
	bool is_left = false;
	int r = br_frozen_clear(verifying->filesystem.top, true, note_leftover, &is_left, err);

	if (is_left) {
		add(&verdict, "an interrupted run has left a copy: 'blankroot prune' deletes it");
		tell(verifying, &verdict);
	}
	return r;
}

static int verify_all(struct verifying *verifying, struct br_error *err)
{
	const struct br_config *config = &verifying->filesystem.config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++)
		if (blank_is_meant(verifying->options, &config->ephemeral[i]))
			r = verify_one(verifying, &config->ephemeral[i], err);
	return r < 0 ? r : verify_leftovers(verifying, err);
}

static int verify(struct verifying *verifying, struct br_error *err)
{
	const struct blank_options *options = verifying->options;
	struct br_json *json = &verifying->json;
	const struct br_ephemeral *named;
	int r;

	if (options->subvolume &&
	    (r = blank_choose(&verifying->filesystem.config, options->subvolume, &named, err)) < 0)
		return r;
	if (options->json) {
		br_json_open_object(json, NULL);
		br_json_number(json, "version", JSON_VERSION);
		br_json_open_array(json, "blanks");
	}
	r = verify_all(verifying, err);
	if (r == 0 && options->json) {
		br_json_close_array(json);
		br_json_bool(json, "good", !verifying->is_wrong);
		br_json_close_object(json);
	}
	return r;
}

int blank_verify(const struct blank_options *options)
{
	struct verifying verifying = { .options = options, .json = br_json_start(stdout) };
	struct filesystem_options open = options->filesystem;
	struct br_error err = { 0 };
	int r;

	open.read_only = true;
	if (filesystem_open(&open, &verifying.filesystem, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = verify(&verifying, &err);
	filesystem_close(&verifying.filesystem);
	if (r < 0)
		return command_fail(BLANK_COMMAND, &err);
	return verifying.is_wrong ? EXIT_FAILED : EXIT_DONE;
}
