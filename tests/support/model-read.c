/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a tree into memory: by the kernel's words alone. */
#include "model.h"

#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ROOT_INODE 256
#define PLACEHOLDER_INODE 2
#define OUR_PREFIX "trusted.blankroot."
#define FNV_START UINT64_C(14695981039346656037)

/* What a directory's files are read for: enough for the longest list and value that the kernel gives. */
static char list[65536], value[65536];

struct reader {
	struct model *model;
	int dirfd;        /* of the directory that is read */
	const char *path; /* of it */
	unsigned tree;
};

struct found {
	const char *name;
	char *path;
	struct statx stx;
};

/* FNV-1a, eight bytes at a time: differences by accident, not by an opponent. */
static void digest(uint64_t *state, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t word;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		*state = (*state ^ word) * UINT64_C(1099511628211);
		*state ^= *state >> 32;
	}
	for (; size > 0; at++, size--)
		*state = (*state ^ *at) * UINT64_C(1099511628211);
}

static uint64_t digest_range(int fd, off_t from, off_t to, const char *path)
{
	uint64_t state = FNV_START;
	char data[65536];

	while (from < to) {
		size_t wanted = to - from < (off_t)sizeof(data) ? (size_t)(to - from)
								: sizeof(data);
		ssize_t got = pread(fd, data, wanted, from);

		ck_assert_msg(got > 0, "%s: %s", path, got < 0 ? strerror(errno) : "short");
		digest(&state, data, (size_t)got);
		from += got;
	}
	return state;
}

/* Data and where it is: a hole is not the same as zeroes. */
static uint64_t digest_file(int fd, off_t size, const char *path)
{
	uint64_t state = FNV_START;
	off_t hole = 0;

	while (hole < size) {
		off_t data = lseek(fd, hole, SEEK_DATA);

		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		ck_assert_msg(hole > data, "%s: %s", path, strerror(errno));
		hole = hole < size ? hole : size;
		uint64_t facts[] = { (uint64_t)data, (uint64_t)hole,
				     digest_range(fd, data, hole, path) };
		digest(&state, facts, sizeof(facts));
	}
	return state;
}

static unsigned mark_of(const char *name)
{
	return strcmp(name, "good") == 0      ? MODEL_GOOD
	       : strcmp(name, "pinned") == 0  ? MODEL_PINNED
	       : strcmp(name, "retired") == 0 ? MODEL_RETIRED
					      : MODEL_OTHER_MARK;
}

/* The order of a list says nothing: the digests are added. Ours, on the top, are told apart. */
static uint64_t digest_xattrs(const char *path, unsigned *marks)
{
	ssize_t size = llistxattr(path, list, sizeof(list));
	uint64_t sum = 0;

	ck_assert_msg(size >= 0, "%s: %s", path, strerror(errno));
	for (const char *name = list; name < list + size; name += strlen(name) + 1) {
		uint64_t state = FNV_START;
		ssize_t length = lgetxattr(path, name, value, sizeof(value));

		ck_assert_msg(length >= 0, "%s: %s: %s", path, name, strerror(errno));
		digest(&state, name, strlen(name) + 1);
		digest(&state, value, (size_t)length);
		if (marks && strncmp(name, OUR_PREFIX, strlen(OUR_PREFIX)) == 0)
			*marks |= mark_of(name + strlen(OUR_PREFIX));
		else
			sum += state;
	}
	return sum;
}

/* Without those that tell about compression: the kernel sets them on its own account. */
static unsigned flags_of(int fd, const char *path)
{
	unsigned flags = 0;

	ck_assert_msg(ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0, "%s: %s", path, strerror(errno));
	return flags & ~(unsigned)(FS_COMPR_FL | FS_NOCOMP_FL);
}

static bool is_read_only(int fd)
{
	uint64_t flags = 0;

	ck_assert(ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0);
	return flags & BTRFS_SUBVOL_RDONLY;
}

static enum model_type type_of(const struct statx *stx)
{
	if (S_ISDIR(stx->stx_mode))
		return stx->stx_ino == ROOT_INODE          ? MODEL_SUBVOLUME
		       : stx->stx_ino == PLACEHOLDER_INODE ? MODEL_PLACEHOLDER
							   : MODEL_DIRECTORY;
	return S_ISREG(stx->stx_mode)   ? MODEL_FILE
	       : S_ISLNK(stx->stx_mode) ? MODEL_SYMLINK
					: MODEL_SPECIAL;
}

static char *describe(int fd, const char *path, const struct statx *stx, unsigned *marks)
{
	char target[4096] = "";
	uint64_t content = 0;
	char *what = NULL;

	if (S_ISREG(stx->stx_mode))
		content = digest_file(fd, (off_t)stx->stx_size, path);
	if (S_ISLNK(stx->stx_mode))
		ck_assert_msg(readlink(path, target, sizeof(target) - 1) > 0, "%s: %s", path,
			      strerror(errno));
	ck_assert(asprintf(&what,
			   "mode=%o owner=%u:%u device=%u:%u size=%" PRIu64
			   " flags=%x xattrs=%" PRIx64 " content=%" PRIx64 " target=%s",
			   stx->stx_mode, stx->stx_uid, stx->stx_gid, stx->stx_rdev_major,
			   stx->stx_rdev_minor,
			   S_ISREG(stx->stx_mode) ? (uint64_t)stx->stx_size : 0,
			   fd >= 0 ? flags_of(fd, path) : 0, digest_xattrs(path, marks), content,
			   target) > 0);
	return what;
}

static void add_object(struct model *model, const struct model_object *object,
		       const struct statx *stx)
{
	char times[128], identity[128];
	struct model_object complete = *object;

	snprintf(times, sizeof(times), "%" PRId64 ".%09u %" PRId64 ".%09u",
		 (int64_t)stx->stx_atime.tv_sec, stx->stx_atime.tv_nsec,
		 (int64_t)stx->stx_mtime.tv_sec, stx->stx_mtime.tv_nsec);
	snprintf(identity, sizeof(identity), "%" PRIu64 " %" PRId64 ".%09u", (uint64_t)stx->stx_ino,
		 (int64_t)stx->stx_ctime.tv_sec, stx->stx_ctime.tv_nsec);
	complete.times = times;
	complete.identity = identity;
	complete.inode = stx->stx_ino;
	complete.names = S_ISDIR(stx->stx_mode) ? 0 : stx->stx_nlink;
	model_add(model, &complete);
}

static void read_directory(struct model *model, int dirfd, const char *path, unsigned tree);

static void read_object(struct reader *reader, const struct found *found)
{
	struct model_object object = { .path = found->path,
				       .type = type_of(&found->stx),
				       .tree = reader->tree };
	bool is_open = S_ISDIR(found->stx.stx_mode) || S_ISREG(found->stx.stx_mode);
	BR_AUTO_CLOSE int fd = is_open ? openat(reader->dirfd, found->name,
						O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC)
				       : -1;
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *what = NULL;

	ck_assert_msg(fd >= 0 || !is_open, "%s: %s", found->path, strerror(errno));
	if (object.type ==
	    MODEL_PLACEHOLDER) { /* made up by the kernel each time it is looked at */
		static char nothing[] = "";

		object.what = nothing;
		model_add(reader->model, &object);
		return;
	}
	ck_assert(asprintf(&path, "/proc/self/fd/%d/%s", reader->dirfd, found->name) > 0);
	object.what = what = describe(fd, path, &found->stx, NULL);
	object.read_only = object.type == MODEL_SUBVOLUME && is_read_only(fd);
	add_object(reader->model, &object, &found->stx);
	if (S_ISDIR(found->stx.stx_mode))
		read_directory(reader->model, fd, found->path,
			       object.type == MODEL_SUBVOLUME ? reader->model->trees++
							      : reader->tree);
}

static void read_entry(struct reader *reader, const char *name)
{
	BR_AUTO_FREE char *path = NULL;
	struct found found = { .name = name };

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	ck_assert(asprintf(&path, "%s%s%s", reader->path, *reader->path ? "/" : "", name) > 0);
	found.path = path;
	ck_assert_msg(
		statx(reader->dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &found.stx) == 0,
		"%s: %s", path, strerror(errno));
	read_object(reader, &found);
}

static void read_directory(struct model *model, int dirfd, const char *path, unsigned tree)
{
	struct reader reader = { .model = model, .dirfd = dirfd, .path = path, .tree = tree };
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	BR_AUTO_DIR DIR *dir = fdopendir(copy);
	struct dirent *entry;

	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	while (errno = 0, (entry = readdir(dir)))
		read_entry(&reader, entry->d_name);
	ck_assert_int_eq(errno, 0);
}

/* As many as the file itself says? */
static void count_names(const struct model *model, const struct model_object *object)
{
	unsigned names = 0;

	for (size_t i = 0; object->names > 1 && i < model->count; i++)
		names += model->objects[i].tree == object->tree &&
			 model->objects[i].inode == object->inode && model->objects[i].names > 0;
	ck_assert_msg(object->names <= 1 || names == object->names, "%s: %u names, but %u links",
		      object->path, names, object->names);
}

struct model *model_read(int dirfd)
{
	struct model *model = calloc(1, sizeof(*model));
	struct model_object top = { .type = MODEL_SUBVOLUME };
	static char no_path[] = "";
	struct statx stx;
	char path[64];

	ck_assert_ptr_nonnull(model);
	ck_assert(statx(dirfd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) == 0);
	ck_assert_uint_eq(stx.stx_ino, ROOT_INODE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", dirfd);
	BR_AUTO_FREE char *what = describe(dirfd, path, &stx, &model->marks);
	top.path = no_path;
	top.what = what;
	model->trees = 1;
	add_object(model, &top, &stx);
	read_directory(model, dirfd, "", 0);
	for (size_t i = 0; i < model->count; i++)
		count_names(model, &model->objects[i]);
	return model;
}
