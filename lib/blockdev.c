/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices, and what libblkid recognises on them. */
#include "blockdev.h"

#include "cleanup.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEV "/dev"
#define MAPPER "/dev/mapper"

static bool is_listed(const struct br_blockdev_list *list, dev_t number)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->devices[i].number == number)
			return true;
	return false;
}

/* path is copied */
static int add_device(struct br_blockdev_list *list, const char *path, dev_t number)
{
	struct br_blockdev *grown;
	char *copy;

	if (is_listed(list, number))
		return 0;
	grown = reallocarray(list->devices, list->count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	list->devices = grown;
	copy = strdup(path);
	if (!copy)
		return -1;
	list->devices[list->count++] = (struct br_blockdev){ .path = copy, .number = number };
	return 0;
}

/* links: follow them, as udev makes them in /dev/mapper. top: go into directories. */
static int add_directory(struct br_blockdev_list *list, const char *path, bool links, bool top);

static int add_entry(struct br_blockdev_list *list, int dirfd, const char *dir, const char *name,
                     bool links, dev_t top_device)
{
	BR_AUTO_FREE char *path = NULL;
	struct stat st;

	/* gone again, or a link to nowhere */
	if (name[0] == '.' || fstatat(dirfd, name, &st, links ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	/* another file system is no place for nodes: /dev/shm, /dev/pts */
	if (!S_ISBLK(st.st_mode) && !(S_ISDIR(st.st_mode) && st.st_dev == top_device))
		return 0;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -1;
	if (S_ISBLK(st.st_mode))
		return add_device(list, path, st.st_rdev);
	return add_directory(list, path, false, false);
}

static int add_directory(struct br_blockdev_list *list, const char *path, bool links, bool top)
{
	BR_AUTO_DIR DIR *dir = opendir(path);
	const struct dirent *entry;
	struct stat st;

	if (!dir || fstat(dirfd(dir), &st) != 0)
		return top ? -1 : 0;
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		/* no directory is on device 0 */
		if (add_entry(list, dirfd(dir), path, entry->d_name, links, top ? st.st_dev : 0) != 0)
			return -1;
	return errno ? -1 : 0;
}

static int compare_paths(const void *a, const void *b)
{
	const struct br_blockdev *left = a, *right = b;

	return strverscmp(left->path, right->path); /* sda2 before sda10 */
}

/* A node that may be anywhere, by its real path. */
static int add_node(struct br_blockdev_list *list, const char *path)
{
	BR_AUTO_FREE char *real = NULL;
	struct stat st;

	if (!path || stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return 0;
	real = realpath(path, NULL);
	return real ? add_device(list, real, st.st_rdev) : -1;
}

int br_blockdev_list(const char *extra, struct br_blockdev_list *ret, struct br_error *err)
{
	struct br_blockdev_list list = { NULL, 0 };

	/* in this order: the first name of a device is the one that counts */
	if (add_directory(&list, MAPPER, true, false) != 0 || add_directory(&list, DEV, false, true) != 0 ||
	    add_node(&list, extra) != 0) {
		int saved = errno;

		br_blockdev_list_free(&list);
		return br_error_set(err, saved == ENOMEM ? BR_ERR_NOMEM : BR_ERR_OPEN, saved, DEV, NULL);
	}
	if (list.count > 1)
		qsort(list.devices, list.count, sizeof(*list.devices), compare_paths);
	*ret = list;
	return 0;
}

void br_blockdev_list_free(struct br_blockdev_list *list)
{
	int saved = errno;

	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->devices[i].path);
	free(list->devices);
	*list = (struct br_blockdev_list){ NULL, 0 };
	errno = saved;
}

int br_blockdev_open(const char *path, uint64_t *size_ret)
{
	/* O_NONBLOCK: a drive without a medium opens at once, and no tray is closed */
	BR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	if (!S_ISBLK(st.st_mode)) {
		errno = ENOTBLK;
		return -1;
	}
	if (ioctl(fd, BLKGETSIZE64, size_ret) != 0)
		return -1;
	return br_take_fd(&fd);
}

bool br_blockdev_is_held(dev_t number)
{
	BR_AUTO_DIR DIR *dir = NULL;
	const struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(number), minor(number));
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

static void copy_value(blkid_probe probe, const char *name, char *dst, size_t size)
{
	const char *value;

	dst[0] = '\0';
	if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0)
		(void)snprintf(dst, size, "%s", value); /* cut: see struct br_content */
}

static int choose_chains(blkid_probe probe, const char *only)
{
	char name[32];
	char *names[] = { name, NULL };

	if (blkid_probe_enable_superblocks(probe, 1) != 0 ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
	                                                     BLKID_SUBLKS_LABEL) != 0)
		return -1;
	if (only) {
		(void)snprintf(name, sizeof(name), "%s", only);
		return blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN, names);
	}
	if (blkid_probe_enable_partitions(probe, 1) != 0)
		return -1;
	return blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
}

static int run_probe(blkid_probe probe, int fd, const char *only, struct br_content *content)
{
	int result;

	errno = 0;
	if (blkid_probe_set_device(probe, fd, 0, 0) != 0 || choose_chains(probe, only) != 0)
		return -1;
	result = blkid_do_safeprobe(probe);
	if (result == -1)
		return -1;
	copy_value(probe, "TYPE", content->type, sizeof(content->type));
	copy_value(probe, "UUID", content->uuid, sizeof(content->uuid));
	copy_value(probe, "PTTYPE", content->part_table, sizeof(content->part_table));
	copy_value(probe, "LABEL", content->label, sizeof(content->label));
	copy_value(probe, "PART_ENTRY_UUID", content->part_uuid, sizeof(content->part_uuid));
	copy_value(probe, "PART_ENTRY_NAME", content->part_label, sizeof(content->part_label));
	if (result == -2)
		(void)snprintf(content->type, sizeof(content->type), "%s", BR_CONTENT_AMBIVALENT);
	return 0;
}

int br_content_probe(int fd, const char *only, struct br_content *ret)
{
	struct br_content content;
	blkid_probe probe;
	int r, saved;

	probe = blkid_new_probe();
	if (!probe) {
		errno = ENOMEM;
		return -1;
	}
	r = run_probe(probe, fd, only, &content);
	saved = errno ? errno : EIO; /* libblkid does not always set it */
	blkid_free_probe(probe);
	if (r == 0)
		*ret = content;
	else
		errno = saved;
	return r;
}
