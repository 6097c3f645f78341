/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image on which many resets follow one another: making it, and life between resets. */
#include "world.h"

#include "cleanup.h"
#include "disk.h"
#include "drift.h"
#include "layout.h"
#include "run.h"
#include "tree.h"
#include "world-internal.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ARCHIVES_AFTER 5
#define ARCHIVES_THIN 9

static const struct world_ephemeral ephemerals[WORLD_EPHEMERALS] = {
	{ .name = "root", .escaped = "root", .blank = "root-blank", .archive = "old_roots" },
	{ .name = "home", .escaped = "home", .blank = "blanks/home", .archive = "old_roots" },
	{ .name = "srv/50%", .escaped = "srv%2F50%25", .blank = "blanks/srv" },
};

const char *world_archive_dir(const struct world_ephemeral *ephemeral)
{
	return ephemeral->archive ? ephemeral->archive : ".blankroot/parked";
}

bool world_info(int fd, struct btrfs_ioctl_get_subvol_info_args *info)
{
	struct stat st;

	memset(info, 0, sizeof(*info));
	/* 1: filled in, but where it is linked is not on disk yet */
	return fstat(fd, &st) == 0 && st.st_ino == 256 &&
	       ioctl(fd, BTRFS_IOC_GET_SUBVOL_INFO, info) >= 0;
}

int world_open(const struct world *world, const char *path)
{
	return openat(world->image->top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

uint64_t world_id(const struct world *world, const char *path)
{
	BR_AUTO_CLOSE int fd = world_open(world, path);
	struct btrfs_ioctl_get_subvol_info_args info;

	return fd >= 0 && world_info(fd, &info) ? info.treeid : 0;
}

static struct model *read_model(const struct world *world, const char *path)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, path, false);

	return model_read(fd);
}

/* What it is from now on. */
static void look_again(struct world *world, struct world_ephemeral *ephemeral)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, ephemeral->name, false);
	struct btrfs_ioctl_get_subvol_info_args info;

	ck_assert(syncfs(fd) == 0);
	ck_assert(world_info(fd, &info));
	ephemeral->id = info.treeid;
	ephemeral->changed = info.ctransid;
	ephemeral->read_only = info.flags & BTRFS_ROOT_SUBVOL_RDONLY;
	model_free(ephemeral->now);
	ephemeral->now = model_read(fd);
}

static void look_at_blank(struct world *world, struct world_ephemeral *ephemeral)
{
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, ephemeral->blank, false);
	struct btrfs_ioctl_get_subvol_info_args info;

	ck_assert(world_info(fd, &info));
	ephemeral->blank_is.changed = info.ctransid;
	memcpy(ephemeral->blank_is.uuid, info.uuid, sizeof(info.uuid));
}

bool world_blank_is_changed(const struct world_ephemeral *ephemeral)
{
	const struct world_blank *noted = &ephemeral->blank_noted, *is = &ephemeral->blank_is;

	return noted->is_known && (noted->changed != is->changed ||
				   memcmp(noted->uuid, is->uuid, sizeof(is->uuid)) != 0);
}

void world_note_blank(struct world_ephemeral *ephemeral)
{
	ephemeral->blank_noted = ephemeral->blank_is;
	ephemeral->blank_noted.is_known = true;
}

static void look_again_at_all(struct world *world, struct world_ephemeral *ephemeral)
{
	look_again(world, ephemeral);
	look_at_blank(world, ephemeral);
	model_free(ephemeral->blank_now);
	ephemeral->blank_now = read_model(world, ephemeral->blank);
}

static void make_ephemeral(struct world *world, struct world_ephemeral *ephemeral,
			   struct random *random)
{
	int top = world->image->top;

	subvol_create(top, ephemeral->name);
	look_again(world, ephemeral);
	for (unsigned i = 0; i < 5; i++) {
		BR_AUTO_CLOSE int fd = tree_open(top, ephemeral->name, false);

		drift(fd, ephemeral->now, random, 60);
		look_again(world, ephemeral);
	}
	subvol_snapshot(top, ephemeral->name, ephemeral->blank, true);
	ephemeral->blank_now = read_model(world, ephemeral->blank);
}

void world_make(struct world *world, uint64_t seed)
{
	struct random random = random_start(seed, 0);
	int top;

	memset(world, 0, sizeof(*world));
	world->image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	disk_private_dev();
	disk_show(world->image->device[0]);
	top = image_mount(world->image, NULL);
	(void)close(tree_mkdir(top, "blanks"));
	(void)close(tree_mkdir(top, "srv"));
	(void)close(tree_mkdir(top, "old_roots"));
	ck_assert(fchmodat(top, "old_roots", 0700, 0) == 0);
	subvol_create(top, "persist");
	tree_write(top, "persist/precious", "never touched\n");
	ck_assert(syncfs(top) == 0);
	world->persist_changed = world_changed(world, "persist");
	memcpy(world->of, ephemerals, sizeof(ephemerals));
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		make_ephemeral(world, &world->of[i], &random);
}

static void forget_archive(struct world_ephemeral *ephemeral, size_t index)
{
	struct world_archive *archives = ephemeral->archives;

	free(archives[index].entry);
	model_free(archives[index].model);
	memmove(&archives[index], &archives[index + 1],
		(ephemeral->archive_count - index - 1) * sizeof(*archives));
	ephemeral->archive_count--;
}

void world_drop(struct world *world)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		while (world->of[i].archive_count > 0)
			forget_archive(&world->of[i], 0);
		model_free(world->of[i].now);
		model_free(world->of[i].blank_now);
	}
	image_free(world->image);
}

/* --- life --- */

static void remove_nested(int fd, const struct model *model)
{
	for (size_t i = 1; i < model->count; i++) {
		const struct model_object *object = &model->objects[i];

		if (object->type == MODEL_SUBVOLUME &&
		    faccessat(fd, object->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			drift_remove(fd, object->path);
	}
}

/* Made by a snapshot, it has nothing nested in it; whoever makes it in another way may have. */
static void change_blank(struct world *world, struct world_ephemeral *ephemeral,
			 struct random *random)
{
	int top = world->image->top;

	subvol_set_read_only(top, ephemeral->blank, false);
	BR_AUTO_CLOSE int fd = tree_open(top, ephemeral->blank, false);
	drift(fd, ephemeral->blank_now, random, 10);
	model_free(ephemeral->blank_now);
	ephemeral->blank_now = model_read(fd);
	if (random_chance(random, 50))
		remove_nested(fd, ephemeral->blank_now);
	ck_assert(syncfs(fd) == 0);
	subvol_set_read_only(top, ephemeral->blank, true);
	model_free(ephemeral->blank_now);
	ephemeral->blank_now = model_read(fd);
}

static void delete_subvolume(const struct world *world, const char *path, const struct model *model)
{
	subvol_set_read_only(world->image->top, path, false);
	BR_AUTO_CLOSE int fd = tree_open(world->image->top, path, false);
	remove_nested(fd, model);
	subvol_delete(world->image->top, path);
}

void world_lose(struct world *world, struct world_ephemeral *ephemeral)
{
	delete_subvolume(world, ephemeral->name, ephemeral->now);
	model_free(ephemeral->now);
	ephemeral->now = calloc(1, sizeof(*ephemeral->now));
	ck_assert_ptr_nonnull(ephemeral->now);
	ephemeral->is_lost = true;
	ephemeral->id = 0;
}

/* The administrator likes the root as it is. */
static void renew_blank(struct world *world, struct world_ephemeral *ephemeral)
{
	delete_subvolume(world, ephemeral->blank, ephemeral->blank_now);
	subvol_snapshot(world->image->top, ephemeral->name, ephemeral->blank, true);
	model_free(ephemeral->blank_now);
	ephemeral->blank_now = read_model(world, ephemeral->blank);
}

static void set_marks(int fd, struct random *random)
{
	if (random_chance(random, 15))
		ck_assert(fsetxattr(fd, "trusted.blankroot.good", "", 0, 0) == 0);
	if (random_chance(random, 5))
		ck_assert(fsetxattr(fd, "trusted.blankroot.pinned", "", 0, 0) == 0);
}

static void live_in(struct world *world, struct world_ephemeral *ephemeral, struct random *random)
{
	int top = world->image->top;
	BR_AUTO_CLOSE int fd = tree_open(top, ephemeral->name, false);

	if (ephemeral->read_only)
		subvol_set_read_only(top, ephemeral->name, false);
	set_marks(fd, random);
	drift(fd, ephemeral->now, random, (unsigned)random_below(random, 40));
	if (random_chance(random, 3))
		subvol_set_read_only(top, ephemeral->name, true);
	if (random_chance(random, 3))
		renew_blank(world, ephemeral);
	else if (random_chance(random, 8))
		change_blank(world, ephemeral, random);
}

static void choose_default(struct world *world, struct random *random)
{
	uint64_t top_level = 5;

	world->standard = random_chance(random, 60)
				  ? &world->of[random_below(random, WORLD_EPHEMERALS)]
				  : NULL;
	ck_assert(ioctl(world->image->top, BTRFS_IOC_DEFAULT_SUBVOL,
			world->standard ? &world->standard->id : &top_level) == 0);
}

/* What is not blankroot's, and what a diff left that was killed: a reset has no business with it. */
static void put_foreign(struct world *world)
{
	int top = world->image->top;

	free(run_shell(top, "mkdir old_roots/notes; echo keep >old_roots/notes/file"));
	subvol_snapshot(top, "persist", "old_roots/mine", false);
	subvol_snapshot(top, "persist", ".blankroot/frozen-1-1", true);
	world->has_foreign = true;
}

/* Somebody gives one a name that says why it is kept. */
static void rename_archive(struct world *world, struct world_ephemeral *ephemeral,
			   struct random *random)
{
	BR_AUTO_CLOSE int dir = world_open(world, world_archive_dir(ephemeral));
	struct world_archive *archive;
	char *name = NULL;

	if (ephemeral->archive_count == 0)
		return;
	archive = &ephemeral->archives[random_below(random, ephemeral->archive_count)];
	if (!archive->entry)
		return;
	ck_assert(asprintf(&name, "before the update %llu", (unsigned long long)archive->id) > 0);
	ck_assert_msg(renameat(dir, archive->entry, dir, name) == 0, "%s: %s", archive->entry,
		      strerror(errno));
	free(archive->entry);
	archive->entry = name;
	archive->is_renamed = true;
}

void world_live(struct world *world, struct random *random)
{
	if (random_chance(random, 5))
		rename_archive(world, &world->of[random_below(random, WORLD_EPHEMERALS)], random);
	if (!world->has_foreign && tree_exists(world->image->top, ".blankroot") &&
	    random_chance(random, 20))
		put_foreign(world);
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		if (i == 0 || random_chance(random, 30))
			live_in(world, &world->of[i], random);
	/* what the kernel has in memory is not always what it writes: times of change in what became read-only */
	image_unmount(world->image);
	(void)image_mount(world->image, NULL);
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		look_again_at_all(world, &world->of[i]);
	/* a snapshot of it is a change of its own kind */
	world->persist_changed = world_changed(world, "persist");
	if (random_chance(random, 15))
		choose_default(world, random);
}

/* --- deleting archives --- */

static void delete_archive(const struct world *world, const struct world_ephemeral *ephemeral,
			   const struct world_archive *archive)
{
	BR_AUTO_FREE char *path = NULL;

	ck_assert(asprintf(&path, "%s/%s", world_archive_dir(ephemeral), archive->entry) > 0);
	delete_subvolume(world, path, archive->model);
}

static void thin_out(struct world *world, struct world_ephemeral *ephemeral, struct random *random)
{
	if (ephemeral->archive_count < ARCHIVES_THIN)
		return;
	while (ephemeral->archive_count > ARCHIVES_AFTER) {
		size_t victim = random_below(random, ephemeral->archive_count);

		if (!ephemeral->archives[victim].entry)
			return; /* not archived yet */
		delete_archive(world, ephemeral, &ephemeral->archives[victim]);
		forget_archive(ephemeral, victim);
	}
}

void world_thin_out(struct world *world, struct random *random)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		thin_out(world, &world->of[i], random);
}
