/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations are added and removed: checked as a part of the whole configuration, then put in place. */
#include "audit.h"
#include "cleanup.h"
#include "command.h"
#include "image-command.h"
#include "persist.h"
#include "text.h"

#include <limits.h>
#include <string.h>

/* A change that is being made: the text as it will be, and the configuration that it gives. */
struct change {
	const struct persist_options *options;
	struct persist_file file;
	char *text; /* NULL: no file */
	struct br_config config;
	bool is_changed;
	FILE *said; /* what is to be told about it, once it is done */
	char *said_text;
	size_t said_size;
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* Take this text for the file's, if the whole configuration can be with it. Takes text over. */
static int try_text(struct change *change, char *text, struct br_error *err)
{
	struct br_config_draft draft = { PERSIST_FILE, text };
	struct br_config config;
	int r = br_config_load_draft(change->options->config, &draft, &config, err);

	if (r < 0) {
		free(text);
		return r;
	}
	br_config_free(&change->config);
	free(change->text);
	change->config = config;
	change->text = text;
	return 0;
}

/* --- where it cannot be done --- */

/* NixOS makes the file from options, and what is written beside it would not be known to them. */
static bool is_generated(const char *config)
{
	BR_AUTO_FREE char *real = realpath(config, NULL);

	if (real && strncmp(real, "/nix/store/", strlen("/nix/store/")) == 0)
		return true;
	return strcmp(config, BR_CONFIG_PATH) == 0 && access("/etc/NIXOS", F_OK) == 0;
}

static int begin(struct change *change, const struct persist_options *options, struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	int r;

	*change = (struct change){ .options = options, .file.dir = -1 };
	change->said = open_memstream(&change->said_text, &change->said_size);
	if (!change->said)
		return no_memory(err);
	if (is_generated(options->config))
		return br_error_set(err, BR_ERR_USAGE, 0, options->config,
				    "is made by NixOS: it is said in "
				    "services.blankroot.settings.ephemeral.<name>.persist");
	if ((r = persist_file_open(options, &change->file, err)) < 0)
		return r;
	if (change->file.text && !(text = strdup(change->file.text)))
		return no_memory(err);
	return try_text(change, br_take_ptr(&text), err);
}

static void end(struct change *change)
{
	br_cleanup_file(&change->said);
	free(change->said_text);
	persist_file_close(&change->file);
	br_config_free(&change->config);
	free(change->text);
}

/* --- what is said --- */

static void say_path(const struct change *change, const char *path, const char *text)
{
	br_text_put_name(change->said, path); /* failures are found in the end */
	(void)fprintf(change->said, "%s\n", text);
}

/* What is not carried itself is lost at the next reset; the image has a copy until it is built anew. */
static void warn_of_loss(const struct change *change)
{
	struct persist_options by_mountpoint = { .config = change->options->config };
	BR_AUTO_FREE char *real = realpath(change->options->config, NULL);
	BR_AUTO_FREE char *file = NULL;
	struct persist_place place;
	struct br_error err;

	if (!real || asprintf(&file, "%s.d/" PERSIST_FILE, change->options->config) < 0) {
		file = NULL;
		return; /* only a hint */
	}
	if (persist_place_find(&change->config, &by_mountpoint, file, &place, &err) < 0 ||
	    persist_find_cover(&place))
		return;
	(void)fflush(stdout);
	(void)fprintf(stderr,
		      PERSIST_COMMAND ": warning: %s is not persistent itself: the next reset "
				      "takes it away (blankroot persist add %s.d)\n",
		      file, change->options->config);
}

static void say_end(const struct change *change)
{
	const struct system_root root = { -1, "" };
	const char *command = image_command(&root);

	warn_of_loss(change);
	(void)printf("The initramfs has a copy of the configuration: build it again before the "
		     "next boot%s%s\n",
		     command ? ": " : "", command ? command : "");
}

/* Put it in place, unless nothing has changed; and tell. */
static int finish(struct change *change, struct br_error *err)
{
	int r = 0;

	if (fflush(change->said) != 0)
		return no_memory(err);
	if (change->is_changed && !change->options->dry_run)
		r = persist_file_put(&change->file, change->text, err);
	if (r < 0)
		return r;
	(void)fputs(change->said_text, stdout); /* lost output is found when it is closed */
	if (change->is_changed)
		say_end(change);
	if (change->options->dry_run)
		(void)puts("Nothing was changed: this is a dry run");
	return 0;
}

/* --- adding --- */

/* Check it the way that the configuration does, before the file system is asked. */
static int try_addition(struct change *change, const struct persist_place *place,
			struct br_error *err)
{
	BR_AUTO_FREE char *name = strdup(
		place->ephemeral->name); /* the configuration is replaced */
	char *text = name ? persist_file_added(change->text, name, place->path,
					       change->options->by_snapshot)
			  : NULL;

	return text ? try_text(change, text, err) : no_memory(err);
}

static int add(struct change *change, const char *path, struct br_error *err)
{
	const struct br_persist *cover;
	struct persist_place place;
	bool exists = false;
	int r;

	if ((r = persist_place_find(&change->config, change->options, path, &place, err)) < 0)
		return r;
	cover = persist_find_cover(&place);
	if (cover && strcmp(cover->path, place.path) == 0) {
		br_text_put_name(change->said, path);
		(void)fprintf(change->said, " is persistent already, by %s:%u\n",
			      cover->origin.file, cover->origin.line);
		return 0;
	}
	if ((r = try_addition(change, &place, err)) < 0 ||
	    (r = persist_place_find(&change->config, change->options, path, &place, err)) < 0 ||
	    (r = persist_place_look(&place, &exists, err)) < 0)
		return r;
	change->is_changed = true;
	say_path(change, path,
		 exists ? ": what is there is carried by the next reset and all later ones; "
			  "it stays where it is, and nothing is hidden"
			: ": nothing is there yet; what is there at the next reset is "
			  "carried");
	return 0;
}

/* --- removing --- */

static bool is_ours(const struct change *change, const struct br_persist *persist)
{
	return strcmp(persist->origin.file, change->file.path) == 0;
}

static int refuse_other(const struct br_persist *cover, const char *path, bool is_same,
			struct br_error *err)
{
	if (!cover)
		return br_error_set(err, BR_ERR_USAGE, 0, path, "is not declared persistent");
	return br_error_set(err, BR_ERR_USAGE, 0, path, "%s by %s:%u: %s",
			    is_same ? "is declared" : "is inside of what is declared",
			    cover->origin.file, cover->origin.line,
			    is_same ? "remove it there" : "remove that");
}

static int drop(struct change *change, const char *path, struct br_error *err)
{
	const struct br_persist *cover;
	struct persist_place place;
	char *text = NULL;
	bool is_same, archived;
	int r;

	if ((r = persist_place_find(&change->config, change->options, path, &place, err)) < 0)
		return r;
	cover = persist_find_cover(&place);
	is_same = cover && strcmp(cover->path, place.path) == 0;
	if (!is_same || !is_ours(change, cover))
		return refuse_other(cover, path, is_same, err);
	archived = place.ephemeral->archive != NULL;
	if (persist_file_removed(change->text, cover->origin.line, &text, err) < 0)
		return br_error_name(err, change->file.path);
	if ((r = try_text(change, text, err)) < 0)
		return r;
	change->is_changed = true;
	say_path(
		change, path,
		archived
			? ": what is there is not carried any more; after the next reset it is "
			  "in the archive only"
			: ": what is there is not carried any more; after the next reset it is gone");
	return 0;
}

/* --- both --- */

struct way {
	const char *operation; /* for the audit trail */
	int (*one)(struct change *change, const char *path, struct br_error *err);
};

static int put_all(struct change *change, const struct way *way, struct br_error *err)
{
	const struct persist_options *options = change->options;
	BR_AUTO_FREE bool *is_changed = calloc(options->count + 1, sizeof(*is_changed));
	bool any = false;
	int r = 0;

	if (!is_changed)
		return no_memory(err);
	for (size_t i = 0; r == 0 && i < options->count; i++) {
		change->is_changed = false;
		r = way->one(change, options->paths[i], err);
		is_changed[i] = change->is_changed;
		any |= change->is_changed;
	}
	if (r < 0)
		return r;
	change->is_changed = any;
	r = finish(change, err);
	for (size_t i = 0; !options->dry_run && i < options->count; i++)
		if (is_changed[i])
			audit_result(way->operation, NULL, options->paths[i], r, err);
	return r;
}

static int act(const struct persist_options *options, const struct way *way)
{
	struct br_error err = { 0 };
	struct change change;
	int r = begin(&change, options, &err);

	if (r == 0)
		r = put_all(&change, way, &err);
	end(&change);
	return r < 0 ? command_fail(PERSIST_COMMAND, &err) : EXIT_DONE;
}

int persist_add(const struct persist_options *options)
{
	static const struct way way = { "persist-add", add };

	return act(options, &way);
}

int persist_remove(const struct persist_options *options)
{
	static const struct way way = { "persist-remove", drop };

	return act(options, &way);
}
