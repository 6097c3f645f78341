/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules of the kernel that boots, in the next root. */
#include "preflight.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "name.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

static const char *const places[] = { "usr/lib/modules", "lib/modules" };
#define PLACE_COUNT (sizeof(places) / sizeof(places[0]))

/* In which of them a subvolume has modules for that kernel; NULL: in none. */
static const char *find_modules(int subvol, const char *kernel)
{
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		BR_AUTO_FREE char *path = br_name_join(places[i], kernel);
		BR_AUTO_CLOSE int fd = -1;
		struct br_error ignored;

		if (path &&
		    br_open_beneath(subvol, path, O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) == 0)
			return places[i];
	}
	return NULL;
}

/* Does the reset take them along? */
static bool is_carried(const struct br_ephemeral *ephemeral, const char *place, const char *kernel)
{
	BR_AUTO_FREE char *path = br_name_join(place, kernel);

	for (size_t i = 0; path && i < ephemeral->persist_count; i++) {
		size_t length = strlen(ephemeral->persist[i].path);

		if (strncmp(path, ephemeral->persist[i].path, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}

static char *mend_modules(const struct check *check, const struct br_ephemeral *ephemeral,
			  const char *place)
{
	BR_AUTO_FREE char *path = NULL;
	const char *words[] = { ephemeral->name, NULL, NULL };

	if (asprintf(&path, "/%s", place) < 0) {
		path = NULL;
		return NULL;
	}
	words[1] = path;
	return check_mend_self(check, "persist add --subvolume=% %", false, words);
}

/* --- archives --- */

struct newest {
	const struct check *check;
	int dir;
	const char *escaped;
	char *name;
	uint64_t id;
};

static int visit_archive(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct newest *newest = data;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	char *copy;

	(void)type;
	if (!br_name_is_archive_of(name, newest->escaped) ||
	    br_subvol_open(newest->dir, name, &fd, &subvol, err) < 0 || subvol.id <= newest->id)
		return 0;
	copy = strdup(name);
	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	free(newest->name);
	newest->name = copy;
	newest->id = subvol.id;
	return 0;
}

/* That of the last boot, which somebody would go back to when the next one does not work. */
static void check_archive(struct check *check, size_t i, const char *kernel)
{
	const struct br_ephemeral *ephemeral = &check->config.ephemeral[i];
	BR_AUTO_CLOSE int dir = -1;
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;
	struct newest newest = { .check = check, .escaped = check->facts.ephemeral[i].escaped };

	if (!ephemeral->archive || br_open_beneath(check->filesystem.top, ephemeral->archive,
						   O_RDONLY | O_DIRECTORY, 0, &dir, &ignored) < 0)
		return;
	newest.dir = dir;
	if (br_entries_visit(dir, visit_archive, &newest, &ignored) == 0 && newest.name &&
	    br_subvol_open(dir, newest.name, &fd, NULL, &ignored) == 0 && !find_modules(fd, kernel))
		finding_add(&check->findings, FINDING_ARCHIVE_MODULES, NULL,
			    "the newest archive, %s, has no modules for the kernel %s", newest.name,
			    kernel);
	free(newest.name);
}

/* --- the next root --- */

/*
 * Kernels without modules, and systems that have them elsewhere, as NixOS or those with a /usr of its own, have none in
 * the root in use either.
 */
static void check_kernel(struct check *check, size_t i, const char *kernel)
{
	const struct br_ephemeral *ephemeral = &check->config.ephemeral[i];
	const struct br_ephemeral_facts *facts = &check->facts.ephemeral[i];
	BR_AUTO_CLOSE int old = -1;
	BR_AUTO_CLOSE int source = -1;
	struct br_error ignored;
	const char *place;

	if (!facts->has_old ||
	    br_subvol_open(check->filesystem.top, ephemeral->name, &old, NULL, &ignored) < 0 ||
	    br_subvol_open(check->filesystem.top, facts->source_path, &source, NULL, &ignored) < 0)
		return;
	place = find_modules(old, kernel);
	if (!place || is_carried(ephemeral, place, kernel))
		return;
	if (!find_modules(source, kernel))
		finding_add(&check->findings, FINDING_KERNEL_MODULES,
			    mend_modules(check, ephemeral, place),
			    "%s has no modules for the kernel %s, and /%s is not persistent",
			    facts->source_path, kernel, place);
	check_archive(check, i, kernel);
}

static bool was_checked(const struct check *check, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (check->image_checks[i].boots && check->image_checks[i].content.kernel &&
		    strcmp(check->image_checks[i].content.kernel,
			   check->image_checks[index].content.kernel) == 0)
			return true;
	return false;
}

void check_modules(struct check *check)
{
	size_t main_root = check_main_root(check), found = 0;
	struct utsname names;

	if (!check->has_facts || main_root == check->config.ephemeral_count)
		return;
	for (size_t i = 0; i < check->images.count; i++) {
		const struct check_image *image = &check->image_checks[i];

		if (!image->boots || !image->content.kernel)
			continue;
		found++;
		if (!was_checked(check, i))
			check_kernel(check, main_root, image->content.kernel);
	}
	/* no image tells: most likely it is the one that runs */
	if (found == 0 && check->root.fd < 0 && uname(&names) == 0)
		check_kernel(check, main_root, names.release);
}
