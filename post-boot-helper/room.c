/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A view of a root in which its own programs can be run. */
#include "room.h"

#include "cleanup.h"
#include "config.h"
#include "entries.h"
#include "file.h"
#include "system-root.h"
#include "toplevel.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OWN "blankroot" /* in /run */
#define TEXT_MAX (1024 * 1024)

static int fail_mount(const char *target, struct br_error *err)
{
	return br_error_set(err, BR_ERR_MOUNT, errno, target, "for the copy of the blank");
}

/* --- mounts --- */

static int add(struct room *room, int fd, const char *source, const char *target,
	       struct br_error *err)
{
	if (room->count == ROOM_MOUNTS_MAX) {
		br_cleanup_close(&fd);
		return br_error_set(err, BR_ERR_NOMEM, 0, target, "too many mounts");
	}
	room->mounts[room->count++] = (struct room_mount){ fd, source, target };
	return 0;
}

static bool has_target(const struct room_request *request, const char *path)
{
	return system_root_has(&(struct system_root){ .fd = request->root, .path = "" }, path);
}

static int make_mount(const char *type, const char *mode, unsigned attributes)
{
	BR_AUTO_CLOSE int context = fsopen(type, FSOPEN_CLOEXEC);

	if (context < 0 || (mode && fsconfig(context, FSCONFIG_SET_STRING, "mode", mode, 0) != 0) ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

static int add_new(struct room *room, const char *type, const char *mode, unsigned attributes,
		   const char *target, struct br_error *err)
{
	int fd = make_mount(type, mode, attributes);

	return fd < 0 ? fail_mount(target, err) : add(room, fd, NULL, target, err);
}

/* What is seen at a path, with what is mounted below it. */
static int add_seen(struct room *room, int dir, const char *path, const char *target,
		    struct br_error *err)
{
	int fd = open_tree(dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	return fd < 0 ? fail_mount(target, err) : add(room, fd, NULL, target, err);
}

/* --- of the kernel --- */

static int add_kernel(const struct room_request *request, struct room *room, struct br_error *err)
{
	/* for boot loaders, and for the labels of new files */
	static const char *const parts[] = { "/sys/firmware/efi/efivars", "/sys/fs/selinux" };
	const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	struct stat st;
	int r;

	/* devices of the machine could be triggered by a write there */
	r = add_new(room, "sysfs", NULL, safe | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, "/sys", err);
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (stat(parts[i], &st) == 0)
			r = add_seen(room, AT_FDCWD, parts[i], parts[i], err);
	if (r < 0 || (r = add_seen(room, AT_FDCWD, "/dev", "/dev", err)) < 0 ||
	    (r = add_new(room, "tmpfs", "0755", safe, "/run", err)) < 0)
		return r;
	room->run = room->mounts[room->count - 1].fd;
	if (has_target(request, "/tmp"))
		r = add_new(room, "tmpfs", "1777", safe, "/tmp", err);
	return r;
}

/* --- of the running system --- */

bool room_is_mount_point(int dir, const char *path)
{
	struct statx stx;

	return statx(dir, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int add_boot(const struct room_request *request, struct room *room, struct br_error *err)
{
	static const char *const places[] = { "/boot", "/boot/efi", "/efi" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int r;

		if (!room_is_mount_point(request->system, places[i] + 1) &&
		    !(i == 0 && request->carries_boot))
			continue;
		if (i == 1 && room->has_boot)
			continue; /* it comes with /boot */
		if (!has_target(request, places[i]))
			return br_error_set(
				err, BR_ERR_LAYOUT, 0, places[i],
				"is a file system of its own in the running system, but "
				"the blank has no such directory");
		if ((r = add_seen(room, request->system, places[i] + 1, places[i], err)) < 0)
			return r;
		room->has_boot = true;
	}
	return 0;
}

/* What was downloaded need not be again, and does not end in the blank. */
static int add_caches(const struct room_request *request, struct room *room, struct br_error *err)
{
	static const char *const caches[] = {
		"/var/cache/apt",     "/var/lib/apt/lists",    "/var/cache/dnf",
		"/var/cache/libdnf5", "/var/cache/pacman/pkg", "/var/cache/zypp",
	};
	const struct system_root system = { .fd = request->system, .path = "" };

	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		int r;

		if (!system_root_has(&system, caches[i]) || !has_target(request, caches[i]))
			continue;
		if ((r = add_seen(room, request->system, caches[i] + 1, caches[i], err)) < 0)
			return r;
	}
	return 0;
}

/* --- files of ours, in /run, so that nothing in the running system is written to by them --- */

static int put_file(int dir, const char *name, const char *text, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t size = strlen(text);

	if (fd < 0)
		return br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
	if (fchmod(fd, 0644) != 0 || write(fd, text, size) != (ssize_t)size)
		return br_error_set(err, BR_ERR_WRITE, errno, name, NULL);
	return 0;
}

/* A directory in /run, with all above it. */
static int put_directories(int run, const char *path, struct br_error *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		BR_AUTO_FREE char *dir = strndup(path, (size_t)(slash - path));

		if (!dir)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		if (mkdirat(run, dir, 0755) != 0 && errno != EEXIST)
			return br_error_set(err, BR_ERR_CREATE, errno, dir, NULL);
	}
	return 0;
}

/* The part below /run of where a link in /etc leads; NULL: elsewhere. */
static const char *below_run(const char *link)
{
	static const char *const ways[] = { "../run/", "/run/", "../var/run/", "/var/run/" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strncmp(link, ways[i], strlen(ways[i])) == 0)
			return strstr(link, "..") && ways[i][0] == '/' ? NULL
								       : link + strlen(ways[i]);
	return NULL;
}

static int add_resolver(const struct room_request *request, struct room *room, struct br_error *err)
{
	const struct system_root here = { .fd = -1, .path = "" };
	BR_AUTO_FREE char *text = NULL;
	char link[1024];
	const char *below;
	ssize_t length;
	int r;

	if (system_root_read(&here, "/etc/resolv.conf", TEXT_MAX, &text, NULL, err) < 0)
		return 0; /* then there is none in here either */
	length = readlinkat(request->root, "etc/resolv.conf", link, sizeof(link) - 1);
	link[length > 0 ? length : 0] = '\0';
	below = below_run(link);
	if (below) {
		r = put_directories(room->run, below, err);
		return r < 0 ? r : put_file(room->run, below, text, err);
	}
	if (!has_target(request, "/etc/resolv.conf"))
		return 0;
	r = put_file(room->run, OWN "/resolv.conf", text, err);
	return r < 0 ? r : add(room, -1, "/run/" OWN "/resolv.conf", "/etc/resolv.conf", err);
}

struct copying {
	int from, to;
};

static int copy_part(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct copying *copying = data;
	const struct system_root from = { .fd = copying->from, .path = "" };
	const char *end = strrchr(name, '.');
	BR_AUTO_FREE char *text = NULL;
	int r;

	(void)type;
	if (name[0] == '.' || !end || strcmp(end, ".conf") != 0)
		return 0;
	r = system_root_read(&from, name, TEXT_MAX, &text, NULL, err);
	return r < 0 ? r : put_file(copying->to, name, text, err);
}

/*
 * An initramfs that is made in here takes the configuration along: it has to be that of the running system, not that
 * of the time when the blank was made.
 */
static int add_config(const struct room_request *request, struct room *room, struct br_error *err)
{
	const struct system_root here = { .fd = -1, .path = "" };
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *parts = NULL;
	struct copying copying;
	BR_AUTO_CLOSE int from = -1;
	BR_AUTO_CLOSE int to = -1;
	int r;

	if (asprintf(&parts, "%s.d", request->config) < 0) {
		parts = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	if ((r = system_root_read(&here, request->config, TEXT_MAX, &text, NULL, err)) < 0 ||
	    (r = put_file(room->run, OWN "/blankroot.conf", text, err)) < 0 ||
	    (r = put_directories(room->run, OWN "/blankroot.conf.d/", err)) < 0)
		return r;
	from = open(parts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = openat(room->run, OWN "/blankroot.conf.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	copying = (struct copying){ from, to };
	if (from >= 0 && to >= 0 && (r = br_entries_visit(from, copy_part, &copying, err)) < 0)
		return r;
	if (has_target(request, BR_CONFIG_PATH))
		r = add(room, -1, "/run/" OWN "/blankroot.conf", BR_CONFIG_PATH, err);
	if (r == 0 && has_target(request, BR_CONFIG_PATH ".d"))
		r = add(room, -1, "/run/" OWN "/blankroot.conf.d", BR_CONFIG_PATH ".d", err);
	return r;
}

static int fill_run(const struct room_request *request, struct room *room, struct br_error *err)
{
	int r;

	if ((r = put_directories(room->run, OWN "/", err)) < 0 ||
	    (r = put_directories(room->run, "lock/", err)) < 0)
		return r;
	if (fchmodat(room->run, "lock", 01777, 0) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, "/run/lock", NULL);
	r = add_resolver(request, room, err);
	return r < 0 ? r : add_config(request, room, err);
}

/* --- all --- */

static int check_root(const struct room_request *request, struct br_error *err)
{
	static const char *const needed[] = { "/proc", "/sys", "/dev", "/run", "/bin/sh" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!has_target(request, needed[i]))
			return br_error_set(err, BR_ERR_LAYOUT, 0, needed[i],
					    "the blank has no such thing: nothing can run in it");
	return 0;
}

int room_make(const struct room_request *request, struct room *ret, struct br_error *err)
{
	struct room room = { .root = -1, .run = -1 };
	int r;

	if ((r = check_root(request, err)) == 0 &&
	    (r = br_toplevel_mount_subvol(request->device, request->id, request->flags, &room.root,
					  err)) == 0 &&
	    (r = add_kernel(request, &room, err)) == 0 && request->system >= 0 &&
	    (r = add_boot(request, &room, err)) == 0)
		r = add_caches(request, &room, err);
	if (r == 0)
		r = fill_run(request, &room, err);
	if (r < 0) {
		room_free(&room);
		return r;
	}
	*ret = room;
	return 0;
}

void room_free(struct room *room)
{
	for (size_t i = 0; i < room->count; i++)
		br_cleanup_close(&room->mounts[i].fd);
	br_cleanup_close(&room->root);
	*room = (struct room){ .root = -1, .run = -1 };
}

/* --- entering --- */

static int attach(int fd, int root, const char *target, struct br_error *err)
{
	const struct system_root inside = { .fd = root, .path = "" };
	BR_AUTO_CLOSE int at = system_root_file(&inside, target, O_PATH);

	if (at < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, target, NULL);
	if (move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
		return fail_mount(target, err);
	return 0;
}

static int attach_part(int root, const char *source, const char *target, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open_tree(root, source + 1, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? fail_mount(target, err) : attach(fd, root, target, err);
}

/* Settings of the kernel are those of the machine. Linux before 5.12 has no such call: then they can be set. */
static int protect_settings(int root, struct br_error *err)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	BR_AUTO_CLOSE int fd = open_tree(root, "proc/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 ||
	    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0)
		return errno == ENOSYS ? 0 : fail_mount("/proc/sys", err);
	return attach(fd, root, "/proc/sys", err);
}

static int attach_proc(int root, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = make_mount("proc", NULL,
					  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	int r = fd < 0 ? fail_mount("/proc", err) : attach(fd, root, "/proc", err);

	return r < 0 ? r : protect_settings(root, err);
}

int room_enter(const struct room *room, struct br_error *err)
{
	int r = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    move_mount(room->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
	    fchdir(room->root) != 0)
		return fail_mount("/", err);
	if ((r = attach_proc(room->root, err)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < room->count; i++) {
		const struct room_mount *mount = &room->mounts[i];

		r = mount->fd >= 0 ? attach(mount->fd, room->root, mount->target, err)
				   : attach_part(room->root, mount->source, mount->target, err);
	}
	/* what is mounted in here is mounted nowhere else, and the other way round */
	if (r == 0 && mount(NULL, ".", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		r = fail_mount(".", err);
	return r;
}
