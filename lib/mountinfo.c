/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mounts that this process sees. */
#include "mountinfo.h"

#include "cleanup.h"
#include "file.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define MOUNTINFO_MAX (64UL << 20) /* 10,000 containers and more */

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Space, tab, newline and backslash come as three octal digits; each digit is checked. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		/* more than \377 is no byte, \000 ends a text: nothing that the kernel writes */
		if (in[0] == '\\' && is_octal(in[1]) && in[1] <= '3' && is_octal(in[2]) &&
		    is_octal(in[3]) && strncmp(in + 1, "000", 3) != 0) {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

static bool mount_is_complete(const struct br_mount *mount)
{
	return mount->root && mount->target && mount->type && mount->source && mount->options;
}

static void mount_clear(struct br_mount *mount)
{
	free(mount->root);
	free(mount->target);
	free(mount->type);
	free(mount->source);
	free(mount->options);
	*mount = (struct br_mount){ 0 };
}

/* Not only strtoull, which takes a sign, white space in front, and what is too large. */
static bool parse_id(const char *text, uint64_t *id_ret)
{
	char *end;

	errno = 0;
	*id_ret = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == ' ';
}

/* 36 35 98:0 /root /mnt rw,noatime shared:1 master:2 - btrfs /dev/sda rw */
static bool parse_line(char *line, struct br_mount *mount_ret)
{
	enum { FIELD_ROOT = 3, FIELD_TARGET = 4 };
	const char *root = NULL, *target = NULL, *type, *source, *options, *word;
	char *rest = line;
	uint64_t id;
	bool is_number = parse_id(line, &id);

	for (int field = 0; (word = strsep(&rest, " ")); field++) {
		if (field == FIELD_ROOT)
			root = word;
		else if (field == FIELD_TARGET)
			target = word;
		else if (field > FIELD_TARGET && strcmp(word, "-") == 0)
			break;
	}
	type = strsep(&rest, " ");
	source = strsep(&rest, " ");
	options = strsep(&rest, " ");
	if (!is_number || !root || !*root || !target || *target != '/' || !type || !*type)
		return false;
	*mount_ret = (struct br_mount){ .id = id,
					.root = strdup(root),
					.target = strdup(target),
					.type = strdup(type),
					.source = strdup(source ? source : ""),
					.options = strdup(options ? options : "") };
	if (mount_is_complete(mount_ret)) {
		unescape(mount_ret->root);
		unescape(mount_ret->target);
		unescape(mount_ret->source);
	}
	return true;
}

static int add_line(struct br_mountinfo *info, char *line, struct br_error *err)
{
	struct br_mount mount, *grown;

	if (!parse_line(line, &mount))
		return br_error_set(err, BR_ERR_READ, EINVAL, "/proc/self/mountinfo",
				    "unknown format");
	grown = reallocarray(info->mounts, info->count + 1, sizeof(*grown));
	if (grown)
		info->mounts = grown;
	if (!grown || !mount_is_complete(&mount)) {
		mount_clear(&mount);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, "/proc/self/mountinfo", NULL);
	}
	info->mounts[info->count++] = mount;
	return 0;
}

int br_mountinfo_parse(const char *text, struct br_mountinfo *ret, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo info = { 0 };
	BR_AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *line;

	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, "/proc/self/mountinfo", NULL);
	while ((line = strsep(&rest, "\n"))) {
		int r = *line ? add_line(&info, line, err) : 0;

		if (r < 0)
			return r;
	}
	*ret = info;
	info = (struct br_mountinfo){ 0 };
	return 0;
}

int br_mountinfo_read(struct br_mountinfo *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int proc = -1;
	BR_AUTO_FREE char *text = NULL;
	int r;

	if ((r = br_proc_open(&proc, err)) < 0 ||
	    (r = br_file_read(proc, "self/mountinfo", MOUNTINFO_MAX, &text, NULL, err)) < 0)
		return r;
	return br_mountinfo_parse(text, ret, err);
}

void br_mountinfo_free(struct br_mountinfo *info)
{
	if (!info)
		return;
	for (size_t i = 0; i < info->count; i++)
		mount_clear(&info->mounts[i]);
	free(info->mounts);
	*info = (struct br_mountinfo){ 0 };
}

static bool shows_subvolume(const struct br_mount *mount, const char *subvolume)
{
	size_t length = strlen(subvolume);

	return strcmp(mount->type, "btrfs") == 0 && mount->root[0] == '/' &&
	       strncmp(mount->root + 1, subvolume, length) == 0 &&
	       (mount->root[1 + length] == '\0' || mount->root[1 + length] == '/');
}

/*
 * Is this the mount itself, not another one on top of it? Before Linux 5.8 there is no way to tell.
 */
static bool is_mount(int fd, const struct br_mount *mount)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == 0 &&
	       (!(stx.stx_mask & STATX_MNT_ID) || stx.stx_mnt_id == mount->id);
}

/* True also when it cannot be found out. */
static bool may_be_same_fs(int fd, const struct br_mount *mount)
{
	struct btrfs_ioctl_fs_info_args ours = { 0 }, theirs = { 0 };
	BR_AUTO_CLOSE int mounted = open(mount->target, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (mounted < 0 || !is_mount(mounted, mount) || ioctl(fd, BTRFS_IOC_FS_INFO, &ours) != 0 ||
	    ioctl(mounted, BTRFS_IOC_FS_INFO, &theirs) != 0)
		return true;
	return memcmp(ours.fsid, theirs.fsid, sizeof(ours.fsid)) == 0;
}

const struct br_mount *br_mountinfo_find_btrfs(const struct br_mountinfo *info, int fd,
					       const char *subvolume)
{
	for (size_t i = 0; i < info->count; i++)
		if (shows_subvolume(&info->mounts[i], subvolume) &&
		    may_be_same_fs(fd, &info->mounts[i]))
			return &info->mounts[i];
	return NULL;
}
