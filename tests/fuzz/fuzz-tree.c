/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Items of a btrfs tree whose contents nobody checked: names of inodes, directory entries, paths. The kernel's search
 * is replaced: the input is a tree of up to 255 items, each a byte for the object, one for the type, one for the
 * offset, one for the length, and then its content.
 */
#include "fuzz.h"

#include "cleanup.h"
#include "tree-inode.h"
#include "tree-path.h"
#include "tree-window.h"

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#define FD 3 /* never used */
#define HEAD 4
#define FIRST 256 /* inode of the root of a subvolume */
#define INODES 6

/* The linker's --wrap wants this name. NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __wrap_ioctl(int fd, unsigned long request, ...);

static const uint8_t *tree;
static size_t tree_size;

/* The item at the beginning of some bytes, as the kernel describes it. False: they are too few. */
static bool get_item(const uint8_t *data, size_t size, struct btrfs_ioctl_search_header *header_ret)
{
	static const uint8_t types[] = { BTRFS_INODE_REF_KEY, BTRFS_INODE_EXTREF_KEY,
					 BTRFS_INODE_ITEM_KEY, BTRFS_DIR_INDEX_KEY };

	if (size < HEAD || size - HEAD < data[3])
		return false;
	*header_ret = (struct btrfs_ioctl_search_header){ .objectid = FIRST + data[0] % INODES,
							  .type = types[data[1] & 3],
							  .offset = FIRST + data[2] % INODES,
							  .len = data[3] };
	return true;
}

static int compare(uint64_t object, uint32_t type, uint64_t offset,
		   const struct btrfs_ioctl_search_header *header)
{
	if (object != header->objectid)
		return object < header->objectid ? -1 : 1;
	if (type != header->type)
		return type < header->type ? -1 : 1;
	return offset == header->offset ? 0 : offset < header->offset ? -1 : 1;
}

/* The first item from a key on; with equal keys, as no tree has them, the first one. */
static const uint8_t *find_first(const struct btrfs_ioctl_search_key *key,
				 struct btrfs_ioctl_search_header *header_ret)
{
	struct btrfs_ioctl_search_header header;
	const uint8_t *found = NULL;

	for (const uint8_t *at = tree; get_item(at, tree_size - (size_t)(at - tree), &header);
	     at += HEAD + header.len) {
		if (compare(key->min_objectid, key->min_type, key->min_offset, &header) > 0 ||
		    compare(key->max_objectid, key->max_type, key->max_offset, &header) < 0)
			continue;
		if (found && compare(header.objectid, header.type, header.offset, header_ret) >= 0)
			continue;
		found = at;
		*header_ret = header;
	}
	return found;
}

static int give_items(struct btrfs_ioctl_search_args_v2 *args, uint32_t most)
{
	struct btrfs_ioctl_search_key from = args->key;
	struct btrfs_ioctl_search_header header = { 0 };
	char *at = (char *)args + sizeof(*args);
	char *end = at + args->buf_size;
	const uint8_t *found;

	for (args->key.nr_items = 0; args->key.nr_items < most; args->key.nr_items++) {
		found = find_first(&from, &header);
		if (!found || (size_t)(end - at) < sizeof(header) + header.len)
			break;
		memcpy(at, &header, sizeof(header));
		memcpy(at + sizeof(header), found + HEAD, header.len);
		at += sizeof(header) + header.len;
		from.min_objectid = header.objectid;
		from.min_type = header.type;
		from.min_offset = header.offset + 1;
	}
	return 0;
}

/* One item at a time is an answer that the kernel may give too. */
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct btrfs_ioctl_search_args_v2 *args;
	uint32_t most;
	va_list list;

	va_start(list, request);
	args = va_arg(list, struct btrfs_ioctl_search_args_v2 *);
	va_end(list);
	FUZZ_CHECK(fd == FD && request == BTRFS_IOC_TREE_SEARCH_V2);
	FUZZ_CHECK(args->buf_size >= sizeof(struct btrfs_ioctl_search_header) + 255);
	most = 1 + (tree_size > 0 ? tree[0] / INODES : 0); /* the first byte's rest */
	return give_items(args, most < args->key.nr_items ? most : args->key.nr_items);
}

static int see_name(void *data, uint64_t dir, const char *name, size_t length, struct br_error *err)
{
	BR_AUTO_FREE char *path = br_tree_path_join("dir", name, length);
	size_t *names = data;

	(void)dir;
	(void)err;
	FUZZ_CHECK(path && strncmp(path, "dir/", 4) == 0);
	FUZZ_CHECK(++*names <= tree_size);
	return 0;
}

static void check_inode(uint64_t ino)
{
	struct br_inode inode;
	struct br_error err;
	size_t names = 0;
	int r = br_inode_visit_names(FD, ino, see_name, &names, &err);

	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_READ);
		fuzz_check_error(&err, r);
	}
	r = br_inode_read(FD, ino, &inode, &err);
	FUZZ_CHECK(inode.ino == ino);
	if (r < 0)
		fuzz_check_error(&err, r);
}

struct seen {
	uint64_t dirs;
	size_t names, bytes;
};

static int add_name(void *data, uint64_t dir, const char *name, size_t length, struct br_error *err)
{
	struct seen *seen = data;

	(void)err;
	seen->names++;
	seen->dirs = seen->dirs * 31 + dir;
	for (size_t i = 0; i < length; i++)
		seen->bytes = seen->bytes * 31 + (unsigned char)name[i];
	return 0;
}

/* Whatever was read ahead, what is found in a window is what a search finds. */
static void check_window(struct br_tree_window *window, uint64_t ino)
{
	struct seen plain = { 0 }, ahead = { 0 };
	struct br_inode read, found;
	struct br_error err;
	int r = br_inode_visit_names(FD, ino, add_name, &plain, &err);

	FUZZ_CHECK(br_inode_visit_names_in(window, ino, add_name, &ahead, &err) == r);
	FUZZ_CHECK(plain.dirs == ahead.dirs && plain.names == ahead.names &&
		   plain.bytes == ahead.bytes);
	r = br_inode_read(FD, ino, &read, &err);
	FUZZ_CHECK(br_inode_find(window, ino, &found, &err) == r);
	FUZZ_CHECK(found.ino == ino && found.names == read.names && found.size == read.size &&
		   found.transid == read.transid && found.mode == read.mode);
}

/* Forwards, backwards, and one after the other with gaps. */
static void check_windows(void)
{
	struct br_tree_window window = br_tree_window_begin(FD, 0);

	for (uint64_t ino = FIRST; ino <= FIRST + INODES; ino++)
		check_window(&window, ino);
	for (uint64_t ino = FIRST + INODES; ino >= FIRST; ino--)
		check_window(&window, ino);
	for (uint64_t ino = FIRST; ino <= FIRST + INODES; ino += 2)
		check_window(&window, ino);
	br_tree_window_free(&window);
}

static void check_entry(const uint8_t *at, const struct btrfs_ioctl_search_header *header)
{
	struct br_tree_item item = { .key = { header->objectid, header->type, header->offset },
				     .data = at + HEAD,
				     .size = header->len };
	struct br_tree_entry entry;
	struct br_error err;
	int r = br_tree_entry_parse(&item, &entry, &err);

	if (r < 0)
		fuzz_check_error(&err, r);
	else
		FUZZ_CHECK((const uint8_t *)entry.name + entry.length <= at + HEAD + header->len);
}

static void check_paths(void)
{
	struct br_tree_paths paths = br_tree_paths_begin(FD);

	for (uint64_t dir = FIRST; dir < FIRST + INODES; dir++) {
		const char *path = NULL, *again = NULL;
		struct br_error err;
		int r = br_tree_path_of_dir(&paths, dir, &path, &err);

		if (r < 0) {
			FUZZ_CHECK(r == BR_ERR_READ || r == BR_ERR_OPEN);
			fuzz_check_error(&err, r);
			FUZZ_CHECK(!path);
			continue;
		}
		FUZZ_CHECK(strlen(path) <= tree_size);
		FUZZ_CHECK(br_tree_path_of_dir(&paths, dir, &again, &err) == 0 &&
			   strcmp(path, again) == 0);
	}
	br_tree_paths_free(&paths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct btrfs_ioctl_search_header header;

	if (size > 4096)
		return 0;
	tree = data;
	tree_size = size;
	for (const uint8_t *at = data; get_item(at, size - (size_t)(at - data), &header);
	     at += HEAD + header.len)
		check_entry(at, &header);
	check_inode(FIRST + 1);
	check_paths();
	check_windows();
	return 0;
}
