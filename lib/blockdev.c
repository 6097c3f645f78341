/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices, and what libblkid recognises on them. */
#include "blockdev.h"

#include "cleanup.h"
#include "entries.h"

#include <blkid/blkid.h>
#include <dirent.h>
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
static int add_device(struct br_blockdev_list *list, const char *path, dev_t number,
		      struct br_error *err)
{
	struct br_blockdev *grown;
	char *copy;

	if (is_listed(list, number))
		return 0;
	grown = reallocarray(list->devices, list->count + 1, sizeof(*grown));
	if (grown)
		list->devices = grown;
	copy = grown ? strdup(path) : NULL;
	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	list->devices[list->count++] = (struct br_blockdev){ .path = copy, .number = number };
	return 0;
}

/* A directory whose nodes are listed. */
struct directory {
	struct br_blockdev_list *list;
	const char *path;
	int fd;
	bool links;   /* follow them: udev makes them in /dev/mapper */
	bool is_top;  /* go into its directories */
	dev_t device; /* that it is on */
};

static int add_directory(struct directory directory, struct br_error *err);

/* Of what is in /dev most is of no interest, hundreds of terminals among it. */
static bool is_candidate(const struct directory *in, unsigned char type)
{
	return type == DT_BLK || type == DT_UNKNOWN || (type == DT_DIR && in->is_top) ||
	       (type == DT_LNK && in->links);
}

static int add_entry(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct directory *in = data;
	BR_AUTO_FREE char *path = NULL;
	struct stat st;
	bool is_place;

	if (!is_candidate(in, type))
		return 0;
	/* gone again, or a link to nowhere */
	if (fstatat(in->fd, name, &st, in->links ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	/* other file systems are no place for nodes: /dev/shm, /dev/pts */
	is_place = in->is_top && S_ISDIR(st.st_mode) && st.st_dev == in->device;
	if (!S_ISBLK(st.st_mode) && !is_place)
		return 0;
	if (asprintf(&path, "%s/%s", in->path, name) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	if (S_ISBLK(st.st_mode))
		return add_device(in->list, path, st.st_rdev, err);
	return add_directory((struct directory){ .list = in->list, .path = path }, err);
}

static int add_directory(struct directory directory, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return directory.is_top
			       ? br_error_set(err, BR_ERR_OPEN, errno, directory.path, NULL)
			       : 0;
	directory.fd = fd;
	directory.device = st.st_dev;
	return br_entries_visit(fd, add_entry, &directory, err) < 0
		       ? br_error_name(err, directory.path)
		       : 0;
}

static int compare_paths(const void *a, const void *b)
{
	const struct br_blockdev *left = a, *right = b;

	return strverscmp(left->path, right->path); /* sda2 before sda10 */
}

/* A node that may be anywhere, by its real path. */
static int add_node(struct br_blockdev_list *list, const char *path, struct br_error *err)
{
	BR_AUTO_FREE char *real = NULL;
	struct stat st;

	if (!path || stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return 0;
	real = realpath(path, NULL);
	if (real)
		return add_device(list, real, st.st_rdev, err);
	if (errno == ENOMEM)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return 0; /* it has just gone */
}

int br_blockdev_list(const char *extra, struct br_blockdev_list *ret, struct br_error *err)
{
	struct br_blockdev_list list = { NULL, 0 };
	int r;

	/* in this order: the first name of a device is the one that counts */
	r = add_directory((struct directory){ .list = &list, .path = MAPPER, .links = true }, err);
	if (r == 0)
		r = add_directory((struct directory){ .list = &list, .path = DEV, .is_top = true },
				  err);
	if (r == 0)
		r = add_node(&list, extra, err);
	if (r != 0) {
		br_blockdev_list_free(&list);
		return r;
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

static int stop(void *data, const char *name, unsigned char type, struct br_error *err)
{
	(void)name, (void)type, (void)err;
	*(bool *)data = true;
	return -1;
}

bool br_blockdev_is_held(dev_t number)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;
	bool any = false;
	char path[64];

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(number),
		       minor(number));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && br_entries_visit(fd, stop, &any, &ignored) != 0 && any;
}

static void copy_value(blkid_probe probe, const char *name, char *dst, size_t size)
{
	const char *value;

	dst[0] = '\0';
	if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0)
		(void)snprintf(dst, size, "%s", value); /* cut: see struct br_content */
}

/* types  ended by NULL */
static int filter(blkid_probe probe, int how, const char *const *types)
{
	char names[2][32] = { "", "" };
	char *list[] = { names[0], names[1], NULL };
	size_t count = 0;

	for (; types[count]; count++)
		(void)snprintf(names[count], sizeof(names[count]), "%s",
			       types[count]); /* our own, short, and at most two */
	list[count] = NULL;
	return blkid_probe_filter_superblocks_type(probe, how, list);
}

static int choose_chains(blkid_probe probe, enum br_probe scope)
{
	static const char *const swap_image[] = { BR_CONTENT_SWAP_IMAGE, NULL };
	static const char *const large[] = { "zfs_member", "xfs_external_log", NULL };

	if (blkid_probe_enable_superblocks(probe, 1) != 0 ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
							     BLKID_SUBLKS_LABEL) != 0)
		return -1;
	if (scope == BR_PROBE_SWAP_IMAGE)
		return filter(probe, BLKID_FLTR_ONLYIN, swap_image);
	if (scope == BR_PROBE_BTRFS && filter(probe, BLKID_FLTR_NOTIN, large) != 0)
		return -1;
	if (blkid_probe_enable_partitions(probe, 1) != 0)
		return -1;
	return blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
}

/*
 * libblkid reads some forty small pieces, one after another. All are asked for at once, so that the
 * disk is waited for once: no more than hints, should a version of it look elsewhere. At the end of
 * a device are the superblocks of RAID controllers.
 */
static void read_ahead(int fd, off_t size)
{
	static const off_t from_start[] = { 128 << 10, 256 << 10, 512 << 10,
					    1 << 20,   2 << 20,   4 << 20 };
	static const off_t from_end[] = { 4096,   8192,   32768,  65536,  131072, 135168, 204800,
					  303104, 348160, 376832, 466944, 487424, 499712, 507904 };
	const off_t start = from_start[0];

	(void)posix_fadvise(fd, 0, start, POSIX_FADV_WILLNEED);
	for (size_t i = 0; i < sizeof(from_start) / sizeof(from_start[0]); i++)
		if (from_start[i] < size)
			(void)posix_fadvise(fd, from_start[i], 1, POSIX_FADV_WILLNEED);
	for (size_t i = 0; i < sizeof(from_end) / sizeof(from_end[0]); i++)
		if (from_end[i] < size - start)
			(void)posix_fadvise(fd, size - from_end[i], 1, POSIX_FADV_WILLNEED);
}

static int run_probe(blkid_probe probe, int fd, enum br_probe scope, struct br_content *content)
{
	int result;

	errno = 0;
	if (blkid_probe_set_device(probe, fd, 0, 0) != 0 || choose_chains(probe, scope) != 0)
		return -1;
	if (scope == BR_PROBE_BTRFS)
		read_ahead(fd, blkid_probe_get_size(probe));
	result = blkid_do_safeprobe(probe);
	if (result == -1 ||
	    errno == ENOMEM) /* that it says nothing is there may be for want of memory */
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

int br_content_probe(int fd, enum br_probe scope, struct br_content *ret)
{
	struct br_content content;
	blkid_probe probe;
	int r, saved;

	probe = blkid_new_probe();
	if (!probe) {
		errno = ENOMEM;
		return -1;
	}
	r = run_probe(probe, fd, scope, &content);
	saved = errno ? errno : EIO; /* libblkid does not always set it */
	blkid_free_probe(probe);
	if (r == 0)
		*ret = content;
	else
		errno = saved;
	return r;
}
