/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults, and what only the whole configuration shows. */
#include "config-internal.h"

#include "cleanup.h"

#include <string.h>

#define ARCHIVE_DEFAULT "old_roots"
#define WHERE "%s:%u: ephemeral %s: "

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int complete_ephemeral(struct br_ephemeral *ephemeral, struct br_error *err)
{
	if (!ephemeral->blank && asprintf(&ephemeral->blank, "%s-blank", ephemeral->name) < 0) {
		ephemeral->blank = NULL; /* undefined after a failure */
		return no_memory(err);
	}
	if (!ephemeral->archive && !(ephemeral->archive = strdup(ARCHIVE_DEFAULT)))
		return no_memory(err);
	if (strcmp(ephemeral->archive, BR_CONFIG_NO_ARCHIVE) == 0) {
		free(ephemeral->archive);
		ephemeral->archive = NULL;
	}
	return 0;
}

int br_config_complete(struct br_config *config, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++)
		r = complete_ephemeral(&config->ephemeral[i], err);
	return r;
}

/* --- persistent paths --- */

/*
 * Order in which what is inside a directory follows it at once: as if '/' were the smallest
 * character.
 */
static int compare_paths(const void *a, const void *b)
{
	const unsigned char *p =
		(const unsigned char *)(*(const struct br_persist *const *)a)->path;
	const unsigned char *q =
		(const unsigned char *)(*(const struct br_persist *const *)b)->path;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	if (*p && *q && (*p == '/' || *q == '/'))
		return *p == '/' ? -1 : 1;
	return *p - *q;
}

static bool is_strictly_within(const char *path, const char *dir)
{
	return br_config_path_is_within(path, dir) && strcmp(path, dir) != 0;
}

/*
 * Report at the place that was read later. The origins are elements of one array, in the order of
 * reading.
 */
static int refuse_pair(const struct br_ephemeral *ephemeral, const struct br_persist *outer,
		       const struct br_persist *inner, struct br_error *err)
{
	const struct br_persist *later = outer > inner ? outer : inner;
	const struct br_persist *earlier = outer > inner ? inner : outer;
	const char *relation = later == inner ? "is inside of" : "contains";

	if (strcmp(outer->path, inner->path) == 0)
		relation = "is the same as";
	(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s \"/%.200s\" at %s:%u", relation,
			   earlier->path, earlier->origin.file, earlier->origin.line);
	return br_error_context(err, WHERE "persist: \"/%.200s\"", later->origin.file,
				later->origin.line, ephemeral->name, later->path);
}

static int check_persist(const struct br_ephemeral *ephemeral, struct br_error *err)
{
	size_t count = ephemeral->persist_count;
	BR_AUTO_FREE const struct br_persist **sorted = calloc(count + 1,
							       sizeof(const struct br_persist *));

	if (!sorted)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		sorted[i] = &ephemeral->persist[i];
	qsort(sorted, count, sizeof(*sorted), compare_paths);
	for (size_t i = 1; i < count; i++)
		if (br_config_path_is_within(sorted[i]->path, sorted[i - 1]->path))
			return refuse_pair(ephemeral, sorted[i - 1], sorted[i], err);
	return 0;
}

static int refuse_option(const struct br_ephemeral *ephemeral, const struct br_persist *persist,
			 const char *why, struct br_error *err)
{
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL, WHERE "path \"/%.200s\": %s",
			    persist->origin.file, persist->origin.line, ephemeral->name,
			    persist->path, why);
}

static int check_options(const struct br_ephemeral *ephemeral, struct br_error *err)
{
	for (size_t i = 0; i < ephemeral->persist_count; i++) {
		const struct br_persist *persist = &ephemeral->persist[i];

		if (persist->method == BR_METHOD_SUBVOLUME && persist->create == BR_CREATE_FILE)
			return refuse_option(ephemeral, persist,
					     "create: a subvolume cannot be a file", err);
		if (persist->create == BR_CREATE_NO && (persist->owner || persist->has_mode))
			return refuse_option(
				ephemeral, persist,
				"owner and mode are for what is made new: they need create "
				"= directory or file",
				err);
	}
	return 0;
}

/* --- subvolumes, blanks and archive directories among each other --- */

/* In the order of what is best to complain about first. */
enum role { ROLE_SUBVOLUME, ROLE_BLANK, ROLE_ARCHIVE };

#define ROLE_COUNT (ROLE_ARCHIVE + 1)

struct object {
	enum role role;
	const char *path; /* NULL: there is none */
	const struct br_ephemeral *ephemeral;
};

static struct object object_of(const struct br_ephemeral *ephemeral, enum role role)
{
	const char *const paths[] = {
		[ROLE_BLANK] = ephemeral->blank,
		[ROLE_ARCHIVE] = ephemeral->archive,
		[ROLE_SUBVOLUME] = ephemeral->name,
	};

	return (struct object){ .role = role, .path = paths[role], .ephemeral = ephemeral };
}

/* Blanks and archive directories can be shared; a blank below another one is odd but works. */
static bool is_conflict(const struct object *inner, const struct object *outer)
{
	if (!inner->path || !outer->path)
		return false;
	if (inner->role == ROLE_BLANK && outer->role == ROLE_BLANK)
		return false;
	if (inner->role == outer->role ||
	    inner->role == ROLE_SUBVOLUME) /* equal to another: its turn comes */
		return is_strictly_within(inner->path, outer->path);
	return br_config_path_is_within(inner->path, outer->path);
}

static int refuse_conflict(const struct object *inner, const struct object *outer,
			   struct br_error *err)
{
	static const char *const keys[] = {
		[ROLE_BLANK] = "blank:", [ROLE_ARCHIVE] = "archive:", [ROLE_SUBVOLUME] = NULL
	};
	static const char *const roles[] = { [ROLE_BLANK] = "blank",
					     [ROLE_ARCHIVE] = "archive directory",
					     [ROLE_SUBVOLUME] = "ephemeral subvolume" };
	const struct br_origin *here = &inner->ephemeral->origin;
	const struct br_origin *there = &outer->ephemeral->origin;
	const char *relation = strcmp(inner->path, outer->path) == 0 ? "is the same as"
								     : "is inside of";

	(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s the %s \"%.200s\" at %s:%u", relation,
			   roles[outer->role], outer->path, there->file, there->line);
	if (keys[inner->role])
		(void)br_config_blame(err, keys[inner->role], inner->path);
	return br_error_context(err, "%s:%u: ephemeral %s", here->file, here->line,
				inner->ephemeral->name);
}

/* Compare one object with those of one ephemeral subvolume. */
static int check_object(const struct object *inner, const struct br_ephemeral *ephemeral,
			struct br_error *err)
{
	struct object outer;

	for (int role = 0; role < ROLE_COUNT; role++) {
		outer = object_of(ephemeral, (enum role)role);
		if (is_conflict(inner, &outer))
			return refuse_conflict(inner, &outer, err);
	}
	return 0;
}

static int check_mountpoints(const struct br_ephemeral *a, const struct br_ephemeral *b,
			     struct br_error *err)
{
	if (!a->mountpoint || !b->mountpoint || strcmp(a->mountpoint, b->mountpoint) != 0)
		return 0;
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
			    WHERE "mountpoint: \"%.200s\": is that of %s at %s:%u", a->origin.file,
			    a->origin.line, a->name, a->mountpoint, b->name, b->origin.file,
			    b->origin.line);
}

/* One ephemeral subvolume against all, itself included. */
static int check_layout(const struct br_config *config, const struct br_ephemeral *ephemeral,
			struct br_error *err)
{
	struct object inner;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		for (int role = 0; r == 0 && role < ROLE_COUNT; role++) {
			inner = object_of(ephemeral, (enum role)role);
			r = check_object(&inner, &config->ephemeral[i], err);
		}
		if (r == 0 && &config->ephemeral[i] < ephemeral)
			r = check_mountpoints(ephemeral, &config->ephemeral[i], err);
	}
	return r;
}

int br_config_check(const struct br_config *config, const char *path, struct br_error *err)
{
	int r = br_config_check_tuning(&config->tuning, err);

	if (r < 0)
		return r;
	if (config->ephemeral_count == 0)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
				    "%s: no ephemeral subvolume is declared", path);
	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		if ((r = check_persist(ephemeral, err)) == 0 &&
		    (r = check_options(ephemeral, err)) == 0)
			r = check_layout(config, ephemeral, err);
	}
	return r;
}
