/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistent paths, mounts in them, and subvolumes in none of them. */
#include "preflight.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "facts-paths.h"
#include "mounted.h"
#include "persist.h"

#include <fcntl.h>
#include <string.h>

/* One ephemeral subvolume while it is looked at. */
struct look {
	struct check *check;
	size_t ephemeral;
	const struct br_ephemeral *config;
	const struct br_mount *mount; /* NULL: it is mounted nowhere */
	int old, source;              /* -1: not there */
};

/* As it is seen where the subvolume is mounted, or will be; owned by the caller, NULL: no memory. */
static char *seen_path(const struct look *look, const char *path)
{
	const char *mountpoint = look->mount ? look->mount->target : look->config->mountpoint;
	char *seen = NULL;

	if (!mountpoint || strcmp(mountpoint, "/") == 0)
		mountpoint = "";
	return asprintf(&seen, "%s/%s", mountpoint, path) < 0 ? NULL : seen;
}

/* --- commands --- */

static bool is_ours(const struct br_origin *origin)
{
	const char *slash = origin->file ? strrchr(origin->file, '/') : NULL;

	return slash && strcmp(slash + 1, PERSIST_FILE) == 0;
}

/* Where the mount point is configured, paths are as seen in the system. */
static char *mend_persist(const struct look *look, const char *verb, const char *path)
{
	BR_AUTO_FREE char *pattern = NULL;
	BR_AUTO_FREE char *name = NULL;
	const char *words[] = { NULL, NULL, NULL };

	if (asprintf(&pattern, "persist %s --subvolume=%% %%", verb) < 0)
		return NULL;
	if (asprintf(&name, "/%s", path) < 0) {
		name = NULL;
		return NULL;
	}
	words[0] = look->config->name;
	words[1] = name;
	return check_mend_self(look->check, pattern, false, words);
}

/* What was declared by hand is taken back by hand. */
static char *mend_declared(const struct look *look, const struct br_persist *persist)
{
	return is_ours(&persist->origin) || !persist->origin.file
		       ? mend_persist(look, "remove", persist->path)
		       : check_mend_edit(persist->origin.file, persist->origin.line);
}

/* --- persistent paths --- */

static void check_absent(const struct look *look, const struct br_persist *persist,
			 const struct br_path_facts *facts)
{
	if (facts->old != BR_OBJECT_ABSENT || facts->source != BR_OBJECT_ABSENT ||
	    persist->create != BR_CREATE_NO)
		return;
	finding_add(&look->check->findings, FINDING_PATH_MISSING, mend_declared(look, persist),
		    "%s:/%s does not exist, neither in the root nor in the blank",
		    look->config->name, persist->path);
}

static void check_path_mounts(const struct look *look, const struct br_persist *persist)
{
	struct findings *findings = &look->check->findings;
	BR_AUTO_FREE char *seen = seen_path(look, persist->path);
	size_t length = seen ? strlen(seen) : 0;

	findings->failed |= !seen;
	for (size_t i = 0; seen && i < look->check->mounts.count; i++) {
		const struct br_mount *mount = &look->check->mounts.mounts[i];

		if (strncmp(mount->target, seen, length) != 0)
			continue;
		if (mount->target[length] == '\0')
			finding_add(findings, FINDING_PATH_IS_MOUNT, mend_declared(look, persist),
				    "%s is a mount point", seen);
		else if (mount->target[length] == '/')
			finding_add(findings, FINDING_PATH_HOLDS_MOUNT, NULL,
				    "%s is mounted inside the persistent path %s", mount->target,
				    seen);
	}
}

static void check_persist(const struct look *look, struct br_persist *persist)
{
	struct br_ephemeral one = *look->config;
	struct br_path_facts *facts = NULL;
	struct br_error failure = { 0 };

	one.persist = persist;
	one.persist_count = 1;
	if (br_facts_paths(&one, look->old, look->source, &facts, &failure) < 0)
		finding_add_failure(&look->check->findings, FINDING_PATH_UNUSABLE,
				    mend_declared(look, persist), &failure, "/%s", persist->path);
	else
		check_absent(look, persist, facts);
	free(facts);
	if (look->mount)
		check_path_mounts(look, persist);
}

/* --- nested subvolumes --- */

static bool is_in(const char *path, const char *outer)
{
	size_t length = strlen(outer);

	return strncmp(path, outer, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_carried(const struct look *look, const char *path)
{
	for (size_t i = 0; i < look->config->persist_count; i++)
		if (is_in(path, look->config->persist[i].path))
			return true;
	return false;
}

/* The blank brings one of its own. */
static bool is_in_source(const struct look *look, const char *path)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;

	return look->source >= 0 && br_subvol_open(look->source, path, &fd, NULL, &ignored) == 0;
}

static int stop_at_first(void *data, const char *name, unsigned char type, struct br_error *err)
{
	(void)name;
	(void)type;
	(void)err;
	*(bool *)data = true;
	return BR_ERR_LAST; /* one is enough */
}

static bool is_empty(const struct look *look, const char *path)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;
	bool found = false;

	if (br_subvol_open(look->old, path, &fd, NULL, &ignored) < 0)
		return false;
	(void)!br_entries_visit(fd, stop_at_first, &found, &ignored);
	return !found;
}

/* systemd makes empty ones where it may need them, at each boot. */
static int check_nested(void *data, const char *path, uint64_t id, struct br_error *err)
{
	const struct look *look = data;
	bool empty;

	(void)id;
	(void)err;
	if (is_carried(look, path))
		return 0;
	empty = is_empty(look, path);
	if (empty && is_in_source(look, path))
		return 0;
	finding_add_as(&look->check->findings, FINDING_NESTED_SUBVOLUME,
		       empty ? FINDING_INFO : FINDING_WARNING, mend_persist(look, "add", path),
		       "%s:/%s is a subvolume of its own%s", look->config->name, path,
		       empty ? ", an empty one" : "");
	return 0;
}

static void look_at(struct look *look)
{
	struct br_error failure = { 0 };

	for (size_t i = 0; i < look->config->persist_count; i++)
		check_persist(look, &look->config->persist[i]);
	if (look->old >= 0 && br_subvol_visit_nested(look->old, check_nested, look, &failure) < 0)
		finding_add_failure(&look->check->findings, FINDING_RESET_REFUSED, NULL, &failure,
				    "nested subvolumes of %s", look->config->name);
}

void check_paths(struct check *check)
{
	for (size_t i = 0; i < check->config.ephemeral_count; i++) {
		const struct br_ephemeral *config = &check->config.ephemeral[i];
		BR_AUTO_CLOSE int old = -1;
		BR_AUTO_CLOSE int source = -1;
		struct br_error ignored; /* told by the layout */
		struct look look = { .check = check, .ephemeral = i, .config = config };

		if (br_subvol_open(check->filesystem.top, config->name, &old, NULL, &ignored) < 0)
			old = -1;
		if (br_subvol_open(check->filesystem.top,
				   check->has_facts ? check->facts.ephemeral[i].source_path
						    : config->blank,
				   &source, NULL, &ignored) < 0)
			continue;
		look.old = old;
		look.source = source;
		look.mount = check_mount_of(check, i);
		look_at(&look);
	}
}
