/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random changes. */
#include "cleanup.h"
#include "drift-internal.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROOT_INODE 256
#define PLACEHOLDER_INODE 2
#define OBJECTS_MAX 300
#define OBJECTS_AFTER 200

const char *const drift_names[] = {
	"etc", "ssh", "var", "lib", "app", "data", "log", "x", "y.d", "a b", "\xc3\xa4\xe2\x82\xac",
	"z-"
};
const size_t drift_name_count = COUNT(drift_names);

/* What disks hold now and then. Control characters cannot stand in a configuration. */
static const char *const odd_names[] = { "\x1b[31m",    "\x01\x7f", "new\nline",   "\xff\xfe",
					 "\"quoted\"",  "it's",     "-rf",         "*",
					 "%2F",         "...",      " ",           "# no",
					 "back\\slash", "\\\\\"}",  "$HOME",       "$(x) ${HOME}",
					 "{a,b}=c;",    "\\n\\e",   "staging-root" };

bool drift_can_be_named(const char *name, size_t length)
{
	for (size_t i = 0; i < drift_name_count; i++)
		if (strlen(drift_names[i]) == length && strncmp(drift_names[i], name, length) == 0)
			return true;
	for (size_t i = 0; i < COUNT(odd_names); i++)
		if (strlen(odd_names[i]) == length && strncmp(odd_names[i], name, length) == 0)
			return !strpbrk(odd_names[i], "\x01\x1b\n");
	return false;
}

static int open_beneath(int root, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

void drift_place_close(struct place *place)
{
	br_cleanup_close(&place->dir);
	free(place->name);
}

static bool find_place(int root, const char *path, struct place *place)
{
	BR_AUTO_FREE char *dir = strdup(path);

	ck_assert_ptr_nonnull(dir);
	char *slash = strrchr(dir, '/');
	place->name = strdup(slash ? slash + 1 : *dir ? dir : ".");
	ck_assert_ptr_nonnull(place->name);
	*(slash ? slash : dir) = '\0';
	place->dir = open_beneath(root, dir);
	snprintf(place->path, sizeof(place->path), "/proc/self/fd/%d/%s", place->dir, place->name);
	return place->dir >= 0;
}

bool drift_pick(const struct change *change, struct place *place)
{
	const struct model *now = change->now;

	return find_place(change->root, now->objects[random_below(change->random, now->count)].path,
			  place);
}

int drift_open(int dirfd, const char *name, int flags)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);
}

static const char *pick_directory(const struct change *change)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		size_t at = random_below(change->random, change->now->count);
		const struct model_object *object = &change->now->objects[at];

		if (object->type == MODEL_DIRECTORY || object->type == MODEL_SUBVOLUME)
			return object->path;
	}
	return "";
}

/* A name in a directory; perhaps it is taken. */
static bool pick_new(const struct change *change, struct place *place)
{
	const char *dir = pick_directory(change);
	BR_AUTO_FREE char *path = NULL;
	char longest[NAME_MAX + 1];
	const char *name = drift_names[random_below(change->random, drift_name_count)];

	if (random_chance(change->random, 10))
		name = random_of(change->random, odd_names);
	if (random_chance(change->random, 1)) {
		memset(longest, 'n', NAME_MAX);
		longest[NAME_MAX] = '\0';
		name = longest;
	}
	ck_assert(asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) > 0);
	return find_place(change->root, path, place);
}

static uint64_t pick_size(struct random *random)
{
	static const uint64_t sizes[] = { 0, 1, 100, 2000, 4095, 4096, 10000, 70000, 150000 };

	return random_of(random, sizes) + random_below(random, 3);
}

static bool fill(int fd, struct random *random)
{
	uint64_t size = pick_size(random) + 1;
	uint64_t offset = random_chance(random, 20) ? pick_size(random) : 0;

	tree_fill(fd, offset, size, (unsigned)random_next(random), random_chance(random, 30));
	if (random_chance(random, 10))
		(void)fallocate(fd, 0, (off_t)(offset + size), 20000);
	return true;
}

static bool make_file(const struct change *change)
{
	AUTO_PLACE(place);
	BR_AUTO_CLOSE int fd = -1;
	unsigned flags = FS_NOCOW_FL;

	if (!pick_new(change, &place))
		return false;
	fd = openat(place.dir, place.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    random_chance(change->random, 20) ? 06755 : 0644);
	if (fd < 0)
		return false;
	if (random_chance(change->random, 10))
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	else if (random_chance(change->random, 10))
		(void)fsetxattr(fd, "btrfs.compression", "zstd", 4, 0);
	return fill(fd, change->random);
}

static bool rewrite_file(const struct change *change)
{
	AUTO_PLACE(place);
	BR_AUTO_CLOSE int fd = -1;

	if (!drift_pick(change, &place))
		return false;
	fd = drift_open(place.dir, place.name, O_RDWR);
	if (fd < 0)
		return false;
	if (random_chance(change->random, 30))
		return ftruncate(fd, (off_t)pick_size(change->random)) == 0;
	if (random_chance(change->random, 20)) {
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192);
		return false; /* perhaps: if there was something */
	}
	return fill(fd, change->random);
}

static bool make_directory(const struct change *change)
{
	AUTO_PLACE(place);

	return pick_new(change, &place) &&
	       mkdirat(place.dir, place.name, random_chance(change->random, 20) ? 02700 : 0755) ==
		       0;
}

static bool make_symlink(const struct change *change)
{
	static const char *const targets[] = {
		"/etc/passwd", "..", "../..", "etc", "nowhere", "x/y"
	};
	AUTO_PLACE(place);

	return pick_new(change, &place) &&
	       symlinkat(random_of(change->random, targets), place.dir, place.name) == 0;
}

static bool make_special(const struct change *change)
{
	static const mode_t types[] = { S_IFIFO | 0600, S_IFSOCK | 0777, S_IFCHR | 0666,
					S_IFBLK | 0660 };
	AUTO_PLACE(place);

	return pick_new(change, &place) &&
	       mknodat(place.dir, place.name, random_of(change->random, types),
		       makedev(1 + random_below(change->random, 4000),
			       random_below(change->random, 1000000))) == 0;
}

static bool make_link(const struct change *change)
{
	AUTO_PLACE(from);
	AUTO_PLACE(to);

	return drift_pick(change, &from) && pick_new(change, &to) &&
	       linkat(from.dir, from.name, to.dir, to.name, 0) == 0;
}

/* The kernel (6.18) loses sight of a place-holder that it was asked to rename. */
static bool is_placeholder(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == PLACEHOLDER_INODE;
}

static bool move(const struct change *change)
{
	AUTO_PLACE(from);
	AUTO_PLACE(to);

	return drift_pick(change, &from) && pick_new(change, &to) && !is_placeholder(&from) &&
	       renameat2(from.dir, from.name, to.dir, to.name, RENAME_NOREPLACE) == 0;
}

/* Two names of one file: renaming succeeds and does nothing. */
static bool is_same_object(const struct place *a, const struct place *b)
{
	struct stat x, y;

	return fstatat(a->dir, a->name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b->dir, b->name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool exchange(const struct change *change)
{
	AUTO_PLACE(from);
	AUTO_PLACE(to);

	return drift_pick(change, &from) && drift_pick(change, &to) && !is_placeholder(&from) &&
	       !is_placeholder(&to) && !is_same_object(&from, &to) &&
	       renameat2(from.dir, from.name, to.dir, to.name, RENAME_EXCHANGE) == 0;
}

static bool remove_object(const struct change *change)
{
	const struct model *now = change->now;
	const struct model_object *object = &now->objects[random_below(change->random, now->count)];
	AUTO_PLACE(place);
	unsigned none = 0;
	struct stat st;

	if (!*object->path || !find_place(change->root, object->path, &place) ||
	    fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (ioctl(place.dir, FS_IOC_SETFLAGS, &none) != 0 && errno == EROFS))
		return false;
	drift_remove(place.dir, place.name);
	return true;
}

static bool make_subvolume(const struct change *change)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	AUTO_PLACE(place);

	if (!pick_new(change, &place))
		return false;
	snprintf(args.name, sizeof(args.name), "%s", place.name);
	if (ioctl(place.dir, BTRFS_IOC_SUBVOL_CREATE, &args) != 0)
		return false;
	BR_AUTO_CLOSE int fd = tree_open(place.dir, place.name, false);
	tree_write(fd, "inside", "a file of a nested subvolume\n");
	return true;
}

static bool set_read_only(int fd, bool read_only)
{
	uint64_t flags = 0;

	if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) != 0)
		return false;
	flags = read_only ? flags | BTRFS_SUBVOL_RDONLY : flags & ~(uint64_t)BTRFS_SUBVOL_RDONLY;
	return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) == 0;
}

static bool seal_subvolume(const struct change *change)
{
	for (size_t i = 1; i < change->now->count; i++) {
		const struct model_object *object = &change->now->objects[i];
		BR_AUTO_CLOSE int fd = -1;

		if (object->type != MODEL_SUBVOLUME || random_chance(change->random, 50))
			continue;
		fd = open_beneath(change->root, object->path);
		return fd >= 0 && set_read_only(fd, !object->read_only);
	}
	return false;
}

static bool (*const kinds[])(const struct change *change) = {
	make_file,          make_file,          make_file,          rewrite_file,
	rewrite_file,       make_directory,     make_directory,     make_symlink,
	make_special,       make_link,          make_link,          move,
	exchange,           remove_object,      drift_change_mode,  drift_change_owner,
	drift_change_times, drift_change_xattr, drift_change_xattr, drift_change_flags,
	make_subvolume,     make_subvolume,     seal_subvolume,     seal_subvolume,
};

size_t drift_kinds(void)
{
	return COUNT(kinds);
}

/* Refusals that belong to what is tried here. */
static bool is_expected(int error)
{
	static const int expected[] = { 0,         ENOENT,     EEXIST, ENOTDIR, EISDIR, EPERM,
					ENOTEMPTY, EBUSY,      EXDEV,  EINVAL,  ELOOP,  EROFS,
					ENODATA,   EOPNOTSUPP, EACCES, ENXIO,   ENOTTY, ETXTBSY };

	for (size_t i = 0; i < COUNT(expected); i++)
		if (error == expected[i])
			return true;
	return false;
}

bool drift_change(int root, const struct model *now, struct random *random, size_t kind)
{
	struct change change = { root, now, random };
	bool done;

	errno = 0;
	done = kinds[kind](&change);
	ck_assert_msg(done || is_expected(errno), "change of kind %zu: %s", kind, strerror(errno));
	return done;
}

static void prune(int root, const struct model *now, struct random *random)
{
	struct change change = { root, now, random };

	for (size_t left = now->count; left > OBJECTS_AFTER; left--)
		(void)remove_object(&change);
}

void drift(int root, const struct model *now, struct random *random, unsigned changes)
{
	if (now->count > OBJECTS_MAX)
		prune(root, now, random);
	for (unsigned i = 0; i < changes; i++)
		(void)drift_change(root, now, random, random_below(random, COUNT(kinds)));
	ck_assert_msg(syncfs(root) == 0, "syncfs: %s", strerror(errno));
}

/* Whatever holds an object or what is in it. */
static void release(const char *path)
{
	BR_AUTO_CLOSE int fd = drift_open(AT_FDCWD, path, O_RDONLY);
	unsigned none = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode) && st.st_ino == ROOT_INODE)
		(void)set_read_only(fd, false);
	(void)ioctl(fd, FS_IOC_SETFLAGS, &none); /* place-holders have none */
}

static void remove_entry(const FTSENT *entry)
{
	const char *path = entry->fts_accpath;

	if (entry->fts_info == FTS_D) {
		release(path);
		return;
	}
	if (entry->fts_info != FTS_DP)
		release(path);
	ck_assert_msg(remove(path) == 0, "removing %s: %s", entry->fts_path, strerror(errno));
}

void drift_remove(int root, const char *path)
{
	AUTO_PLACE(place);
	FTSENT *entry;
	unsigned none = 0;

	ck_assert_msg(find_place(root, path, &place), "%s: %s", path, strerror(errno));
	(void)ioctl(place.dir, FS_IOC_SETFLAGS, &none); /* the directory may be what holds it */
	FTS *fts = fts_open((char *[]){ place.path, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	ck_assert_ptr_nonnull(fts);
	while (errno = 0, (entry = fts_read(fts)))
		remove_entry(entry);
	ck_assert_int_eq(errno, 0);
	(void)fts_close(fts);
}
