/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree in memory, read file by file. */
#include "listing.h"

#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#define ROOT_INODE 256
#define PLACEHOLDER_INODE 2
#define HANDLE_SIZE 20
#define GENERATION_AT 16 /* in a file handle, after the numbers of the inode and its subvolume */
#define FNV_START UINT64_C(14695981039346656037)

static void digest(uint64_t *state, const void *bytes, size_t size)
{
	for (const unsigned char *byte = bytes; size > 0; byte++, size--)
		*state = (*state ^ *byte) * UINT64_C(1099511628211);
}

/* The order of a list says nothing: the digests are added. Of a subvolume, what blankroot notes on it is no content. */
static uint64_t digest_xattrs(const char *path, bool is_subvolume)
{
	static const char mark[] = "trusted.blankroot.";
	char names[8192], value[8192];
	ssize_t size = llistxattr(path, names, sizeof(names));
	uint64_t sum = 0;

	ck_assert_msg(size >= 0, "%s: %s", path, strerror(errno));
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		uint64_t state = FNV_START;

		if (is_subvolume && strncmp(name, mark, strlen(mark)) == 0)
			continue;
		ssize_t length = lgetxattr(path, name, value, sizeof(value));

		ck_assert_msg(length >= 0, "%s: %s: %s", path, name, strerror(errno));
		digest(&state, name, strlen(name) + 1);
		digest(&state, value, (size_t)length);
		sum += state;
	}
	return sum;
}

static uint64_t digest_content(int fd, const char *path, const struct statx *stx)
{
	static char data[65536];
	uint64_t state = FNV_START;
	ssize_t n = 0;

	if (S_ISLNK(stx->stx_mode)) {
		n = readlink(path, data, sizeof(data));
		ck_assert_int_gt(n, 0);
		digest(&state, data, (size_t)n);
	} else if (S_ISREG(stx->stx_mode)) {
		while ((n = read(fd, data, sizeof(data))) > 0)
			digest(&state, data, (size_t)n);
		ck_assert_msg(n == 0, "%s: %s", path, strerror(errno));
	} else {
		digest(&state, &stx->stx_rdev_major, sizeof(stx->stx_rdev_major));
		digest(&state, &stx->stx_rdev_minor, sizeof(stx->stx_rdev_minor));
	}
	return state;
}

static struct listed *add(struct listing *listing)
{
	if (listing->count == listing->room) {
		listing->room = listing->room ? 2 * listing->room : 256;
		listing->items = reallocarray(listing->items, listing->room,
					      sizeof(*listing->items));
		ck_assert_ptr_nonnull(listing->items);
	}
	listing->items[listing->count] = (struct listed){ 0 };
	return &listing->items[listing->count++];
}

/*
 * Of the clock's same tick can be objects in two subvolumes, and these give out the same inode numbers. The kernel tells
 * the generation of anything, whatever its type, in its file handle.
 */
static uint32_t read_generation(int dirfd, const char *name)
{
	union {
		struct file_handle handle;
		unsigned char bytes[sizeof(struct file_handle) + HANDLE_SIZE];
	} space = { .handle.handle_bytes = HANDLE_SIZE };
	uint32_t generation;
	int mount_id;

	ck_assert_msg(name_to_handle_at(dirfd, name, &space.handle, &mount_id, 0) == 0, "%s: %s",
		      name, strerror(errno));
	ck_assert_uint_eq(space.handle.handle_bytes, HANDLE_SIZE);
	memcpy(&generation, space.handle.f_handle + GENERATION_AT, sizeof(generation));
	return generation;
}

static void read_facts(struct listed *item, int fd, const char *path)
{
	if (fd >= 0) {
		ck_assert(ioctl(fd, FS_IOC_GETFLAGS, &item->flags) == 0);
		item->flags &= ~(unsigned)(FS_COMPR_FL | FS_NOCOMP_FL);
	}
	item->xattrs = digest_xattrs(path, S_ISDIR(item->stx.stx_mode) &&
						   item->stx.stx_ino == ROOT_INODE);
	item->content = digest_content(fd, path, &item->stx);
}

static void read_directory(struct listing *listing, int dirfd, size_t self, unsigned tree);

static void read_entry(struct listing *listing, int dirfd, size_t parent, unsigned tree,
		       const char *name)
{
	const char *dir;
	BR_AUTO_FREE char *proc = NULL;
	BR_AUTO_CLOSE int fd = -1;
	struct listed *item;
	struct statx stx;
	size_t self;

	ck_assert(statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx) ==
		  0);
	if (S_ISDIR(stx.stx_mode) &&
	    (stx.stx_ino == ROOT_INODE || stx.stx_ino == PLACEHOLDER_INODE)) {
		uint64_t state = FNV_START;

		digest(&state, name, strlen(name));
		listing->items[parent].nested += state;
	}
	if (S_ISDIR(stx.stx_mode) && stx.stx_ino == PLACEHOLDER_INODE)
		return;
	if (S_ISDIR(stx.stx_mode) || S_ISREG(stx.stx_mode)) {
		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
	}
	item = add(listing);
	dir = listing->items[parent].path; /* it may have moved */
	self = listing->count - 1;
	item->stx = stx;
	item->generation = read_generation(dirfd, name);
	item->parent = parent;
	item->is_subvolume = S_ISDIR(stx.stx_mode) && stx.stx_ino == ROOT_INODE;
	item->tree = item->is_subvolume ? listing->trees++ : tree;
	ck_assert(asprintf(&item->path, "%s%s%s", dir, *dir ? "/" : "", name) > 0);
	item->name = item->path + strlen(item->path) - strlen(name);
	ck_assert(asprintf(&proc, "/proc/self/fd/%d/%s", dirfd, name) > 0);
	read_facts(item, fd, proc);
	if (S_ISDIR(stx.stx_mode))
		read_directory(listing, fd, self, item->tree);
}

static void read_directory(struct listing *listing, int dirfd, size_t self, unsigned tree)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	BR_AUTO_DIR DIR *dir = fdopendir(copy);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while (errno = 0, (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			read_entry(listing, dirfd, self, tree, entry->d_name);
	ck_assert_int_eq(errno, 0);
}

struct listing *listing_read(int dirfd)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	struct listed *top;
	char proc[64];

	ck_assert_ptr_nonnull(listing);
	listing->trees = 1;
	top = add(listing);
	ck_assert(statx(dirfd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &top->stx) == 0);
	ck_assert_uint_eq(top->stx.stx_ino, ROOT_INODE);
	top->path = strdup("");
	ck_assert_ptr_nonnull(top->path);
	top->name = top->path;
	top->is_subvolume = true;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d/.", dirfd);
	read_facts(top, dirfd, proc);
	read_directory(listing, dirfd, 0, 0);
	return listing;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	for (size_t i = 0; i < listing->count; i++)
		free(listing->items[i].path);
	free(listing->items);
	free(listing);
}
