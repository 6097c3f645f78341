/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The top level of the file system, mounted for us alone. */
#include "toplevel.h"

#include "cleanup.h"
#include "subvol.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>

/* The file system context keeps the kernel's messages: "e unknown option ..." */
static void append_kernel_log(int context, char *text, size_t size)
{
	char message[256];
	ssize_t n;

	while ((n = read(context, message, sizeof(message) - 1)) > 0) {
		size_t used = strlen(text);

		message[n] = '\0';
		message[strcspn(message, "\n")] = '\0';
		(void)snprintf(text + used, size - used, "%s%s",
			       used ? "; " : "", /* cut: it is only a hint */
			       n > 2 ? message + 2 : message);
	}
}

/* What is mounted. */
struct wanted {
	const char *device;
	uint64_t id;         /* of the subvolume */
	unsigned flags;      /* of the file system */
	unsigned attributes; /* of this mount alone */
};

static int configure(int context, const struct wanted *wanted)
{
	unsigned flags = wanted->flags;
	char id[24];

	(void)snprintf(id, sizeof(id), "%" PRIu64, wanted->id); /* fits */
	if (fsconfig(context, FSCONFIG_SET_STRING, "source", wanted->device, 0) != 0 ||
	    fsconfig(context, FSCONFIG_SET_STRING, "subvolid", id, 0) != 0 ||
	    fsconfig(context, FSCONFIG_SET_FLAG, "skip_balance", NULL, 0) != 0)
		return -1;
	if (flags & BR_TOPLEVEL_DEGRADED &&
	    fsconfig(context, FSCONFIG_SET_FLAG, "degraded", NULL, 0) != 0)
		return -1;
	if (flags & BR_TOPLEVEL_READ_ONLY &&
	    (fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) != 0 ||
	     fsconfig(context, FSCONFIG_SET_STRING, "rescue", "nologreplay", 0) != 0))
		return -1;
	return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int mount_detached(const struct wanted *wanted, char *log, size_t log_size)
{
	BR_AUTO_CLOSE int context = fsopen("btrfs", FSOPEN_CLOEXEC);
	int fd = -1, saved;

	if (context < 0)
		return -1;
	if (configure(context, wanted) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, wanted->attributes);
	saved = errno;
	if (fd < 0)
		append_kernel_log(context, log, log_size);
	errno = saved;
	return fd;
}

int br_toplevel_mount(const char *device, unsigned flags, int *fd_ret, struct br_error *err)
{
	char log[384] = "";
	bool read_only = flags & BR_TOPLEVEL_READ_ONLY;
	struct wanted wanted = {
		.device = device,
		.id = BR_SUBVOL_TOP_LEVEL,
		.flags = flags,
		.attributes = MOUNT_ATTR_NOATIME | (read_only ? MOUNT_ATTR_RDONLY : 0),
	};
	BR_AUTO_CLOSE int mounted = mount_detached(&wanted, log, sizeof(log));
	BR_AUTO_CLOSE int top = -1;
	bool is_subvolume = false;

	/*
	 * EBUSY, EINVAL: it is mounted writable elsewhere, so it cannot be opened read-only; our
	 * mount can
	 */
	if (mounted < 0 && read_only && (errno == EBUSY || errno == EINVAL)) {
		log[0] = '\0';
		wanted.flags &= ~(unsigned)BR_TOPLEVEL_READ_ONLY;
		mounted = mount_detached(&wanted, log, sizeof(log));
	}
	if (mounted < 0)
		return br_error_set(err, BR_ERR_MOUNT, errno, device, "%s", log);
	/* fsmount gives an O_PATH descriptor */
	top = openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, device, "top level");
	if (br_subvol_is_root(top, &is_subvolume, err) < 0)
		return br_error_name(err, device);
	if (!is_subvolume)
		return br_error_set(err, BR_ERR_LAYOUT, 0, device,
				    "what was mounted is not a btrfs subvolume");
	*fd_ret = br_take_fd(&top);
	return 0;
}

int br_toplevel_mount_subvol(const char *device, uint64_t id, unsigned flags, int *fd_ret,
			     struct br_error *err)
{
	const struct wanted wanted = { .device = device, .id = id, .flags = flags };
	char log[384] = "";
	int fd = mount_detached(&wanted, log, sizeof(log));

	if (fd < 0)
		return br_error_set(err, BR_ERR_MOUNT, errno, device, "subvolume %" PRIu64 "%s%s",
				    id, *log ? ": " : "", log);
	*fd_ret = fd;
	return 0;
}

int br_toplevel_lock(int fd, struct br_error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return br_error_set(err, BR_ERR_LOCKED, 0, NULL,
				    "another run of blankroot is working on this file system");
	return br_error_set(err, BR_ERR_LOCKED, errno, NULL, NULL);
}
