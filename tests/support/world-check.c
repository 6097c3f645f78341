/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image on which many resets follow one another: is on it what must be? */
#include "cleanup.h"
#include "run.h"
#include "tree.h"
#include "world-internal.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

uint64_t world_changed(const struct world *world, const char *path)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, path, false);
	struct btrfs_ioctl_get_subvol_info_args info;

	ck_assert_msg(world_info(fd, &info), "%s is no subvolume", path);
	return info.ctransid;
}

void world_check_same(const struct world *world, const struct world_ephemeral *ephemeral)
{
	ck_assert_msg(world_id(world, ephemeral->name) == ephemeral->id, "%s has been replaced",
		      ephemeral->name);
	if (ephemeral->is_lost)
		return;
	ck_assert_msg(world_changed(world, ephemeral->name) == ephemeral->changed,
		      "%s has been changed", ephemeral->name);
}

static void assert_tree(const char *what, char *difference)
{
	ck_assert_msg(!*difference, "%s is not what it must be:\n%s", what, difference);
	free(difference);
}

static void check_source(const struct world *world, const struct world_ephemeral *ephemeral,
			 const char *source)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, ephemeral->name, false);
	BR_AUTO_CLOSE int source_fd = tree_open(world->image->top, source, false);
	struct btrfs_ioctl_get_subvol_info_args info, source_info;

	ck_assert(world_info(fd, &info) && world_info(source_fd, &source_info));
	ck_assert_msg(memcmp(info.parent_uuid, source_info.uuid, sizeof(info.uuid)) == 0,
		      "%s was not made from %s", ephemeral->name, source);
	ck_assert_msg(!(info.flags & BTRFS_ROOT_SUBVOL_RDONLY), "%s is read-only", ephemeral->name);
}

static void count_as_archive(struct world_ephemeral *ephemeral)
{
	ck_assert_uint_lt(ephemeral->archive_count, WORLD_ARCHIVES_MAX);
	ephemeral->archives[ephemeral->archive_count++] = (struct world_archive){
		.id = ephemeral->id, .model = ephemeral->now
	};
}

void world_check_new(struct world *world, struct world_ephemeral *ephemeral, struct model *expected,
		     const char *source)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, ephemeral->name, false);
	struct btrfs_ioctl_get_subvol_info_args info;
	struct model *found = model_read(fd);

	ck_assert(world_info(fd, &info) && info.treeid != ephemeral->id);
	assert_tree(ephemeral->name, model_diff(expected, found, false));
	model_free(expected);
	check_source(world, ephemeral, source);
	if (ephemeral->is_lost)
		model_free(ephemeral->now);
	else
		count_as_archive(ephemeral);
	ephemeral->is_lost = false;
	ephemeral->id = info.treeid;
	ephemeral->changed = info.ctransid;
	ephemeral->read_only = false;
	ephemeral->now = found;
}

/* Is this entry of the archive directory a subvolume with this id? */
static bool has_id(int dir, const char *entry, uint64_t id)
{
	struct btrfs_ioctl_get_subvol_info_args info;
	BR_AUTO_CLOSE int fd = tree_open(dir, entry, false);

	return world_info(fd, &info) && info.treeid == id;
}

static char *find_entry(int dirfd, uint64_t id)
{
	BR_AUTO_DIR DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && has_id(dirfd, entry->d_name, id))
			return strdup(entry->d_name);
	return NULL;
}

/* It is where it belongs for the first time: looked at in full. */
static void check_new_archive(int dirfd, const struct world_ephemeral *ephemeral,
			      struct world_archive *archive)
{
	struct btrfs_ioctl_get_subvol_info_args info;

	archive->entry = find_entry(dirfd, archive->id);
	ck_assert_msg(archive->entry != NULL, "the old %s with id %llu is not in %s",
		      ephemeral->name, (unsigned long long)archive->id,
		      world_archive_dir(ephemeral));
	ck_assert_msg(strncmp(archive->entry, ephemeral->escaped, strlen(ephemeral->escaped)) ==
				      0 &&
			      archive->entry[strlen(ephemeral->escaped)] == '.',
		      "%s is called %s", ephemeral->name, archive->entry);
	BR_AUTO_CLOSE int fd = tree_open(dirfd, archive->entry, false);
	struct model *found = model_read(fd);
	archive->model->marks |= MODEL_RETIRED;
	assert_tree(archive->entry, model_diff(archive->model, found, true));
	model_free(archive->model);
	archive->model = found;
	ck_assert(world_info(fd, &info));
	ck_assert_msg(info.flags & BTRFS_ROOT_SUBVOL_RDONLY, "%s is writable", archive->entry);
	archive->changed = info.ctransid;
}

static void check_known_archive(int dirfd, const struct world_archive *archive)
{
	struct btrfs_ioctl_get_subvol_info_args info;
	BR_AUTO_CLOSE int fd = tree_open(dirfd, archive->entry, false);

	ck_assert(world_info(fd, &info));
	ck_assert_msg(info.treeid == archive->id && info.flags & BTRFS_ROOT_SUBVOL_RDONLY &&
			      info.ctransid == archive->changed,
		      "the archive %s has changed", archive->entry);
}

static void check_default(const struct world *world)
{
	const struct world_ephemeral *ephemeral = world->standard;
	BR_AUTO_FREE char *text = run_checked(
		world->image->top,
		(const char *const[]){ "btrfs", "subvolume", "get-default", ".", NULL });
	uint64_t id = 0;

	ck_assert_int_eq(sscanf(text, "ID %lu", &id), 1);
	ck_assert_msg(id == ephemeral->id, "the default subvolume is %lu, %s is %lu", id,
		      ephemeral->name, ephemeral->id);
}

void world_check_archived(struct world *world, struct world_ephemeral *ephemeral)
{
	BR_AUTO_CLOSE int dirfd = tree_open(world->image->top, world_archive_dir(ephemeral), false);

	for (size_t i = 0; i < ephemeral->archive_count; i++)
		if (!ephemeral->archives[i].entry)
			check_new_archive(dirfd, ephemeral, &ephemeral->archives[i]);
	ephemeral->may_have_leftover = false;
	if (world->standard == ephemeral)
		check_default(world);
}

static bool is_known(const struct world *world, const char *dir, const char *entry)
{
	bool may_be_new = false;

	if (world->has_foreign && strcmp(dir, "old_roots") == 0 &&
	    (strcmp(entry, "notes") == 0 || strcmp(entry, "mine") == 0))
		return true;
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		const struct world_ephemeral *ephemeral = &world->of[i];

		if (strcmp(world_archive_dir(ephemeral), dir) != 0)
			continue;
		for (size_t k = 0; k < ephemeral->archive_count; k++) {
			const char *known = ephemeral->archives[k].entry;

			may_be_new |= !known;
			if (known && strcmp(known, entry) == 0)
				return true;
		}
	}
	return may_be_new;
}

static void check_archive_dir(const struct world *world, const char *path)
{
	BR_AUTO_CLOSE int dirfd = world_open(world, path);
	struct dirent *entry;
	struct stat st;

	if (dirfd < 0)
		return; /* .blankroot is made by the first run */
	ck_assert(fstat(dirfd, &st) == 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	BR_AUTO_DIR DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		ck_assert_msg(entry->d_name[0] == '.' || is_known(world, path, entry->d_name),
			      "there is %s in %s", entry->d_name, path);
}

static bool may_be_left(const struct world *world, const char *entry)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		BR_AUTO_FREE char *staging = NULL;

		ck_assert(asprintf(&staging, "staging-%s", world->of[i].escaped) > 0);
		if (strcmp(entry, staging) == 0)
			return world->of[i].may_have_leftover;
	}
	return strcmp(entry, "parked") == 0 || entry[0] == '.' ||
	       (world->has_foreign && strcmp(entry, "frozen-1-1") == 0);
}

static void check_state_dir(const struct world *world)
{
	BR_AUTO_CLOSE int dirfd = world_open(world, ".blankroot");
	struct dirent *entry;

	if (dirfd < 0)
		return;
	BR_AUTO_DIR DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		ck_assert_msg(may_be_left(world, entry->d_name), "there is %s in .blankroot",
			      entry->d_name);
}

void world_check_rest(const struct world *world)
{
	check_state_dir(world);
	check_archive_dir(world, "old_roots");
	check_archive_dir(world, ".blankroot/parked");
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		const struct world_ephemeral *ephemeral = &world->of[i];
		BR_AUTO_CLOSE int dirfd = world_open(world, world_archive_dir(ephemeral));

		for (size_t k = 0; k < ephemeral->archive_count; k++)
			if (ephemeral->archives[k].entry)
				check_known_archive(dirfd, &ephemeral->archives[k]);
	}
	ck_assert_msg(world_changed(world, "persist") == world->persist_changed,
		      "persist has been changed");
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		ck_assert_msg(world_changed(world, world->of[i].blank) ==
				      world->of[i].blank_is.changed,
			      "%s has been changed", world->of[i].blank);
	ck_assert_msg(!world->has_foreign ||
			      (tree_exists(world->image->top, "old_roots/notes/file") &&
			       tree_exists(world->image->top, "old_roots/mine/precious") &&
			       tree_exists(world->image->top, ".blankroot/frozen-1-1/precious")),
		      "what was not blankroot's is gone");
}

void world_fsck(struct world *world)
{
	image_unmount(world->image);
	run_ok(0, "btrfs", "check", "--readonly", world->image->device[0]);
	(void)image_mount(world->image, NULL);
}
