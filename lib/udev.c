/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What udev knows of the members of a file system. */
#include "udev.h"

#include "cleanup.h"
#include "deadline.h"
#include "entries.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RECORD_MAX ((size_t)1 << 20)
#define PAUSE (20 * BR_NSEC_PER_MSEC)
/* a moment for whoever listens to udev: systemd hears of the end of a program first */
#define MOMENT (100 * BR_NSEC_PER_MSEC)

struct settling {
	int dir;
	char *uuid; /* the line that the record of a member has */
	struct br_deadline deadline;
	bool announce; /* tell the kernel to announce those that are not ready */
	size_t pending;
};

/* Is this a line of it? */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += length)
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return true;
	return false;
}

static int announce(const char *number, struct br_error *err)
{
	static const char change[] = "change";
	char path[sizeof("/sys/dev/block//uevent") + 64];
	BR_AUTO_CLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%.60s/uevent", number);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
	if (write(fd, change, sizeof(change) - 1) < 0)
		return br_error_set(err, BR_ERR_WRITE, errno, path, NULL);
	return 0;
}

/* Records of block devices are b, and the number: "b259:0". One that is being replaced is looked at later. */
static int look_at(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct settling *settling = data;
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *text = NULL;
	int r;

	(void)type;
	if (name[0] != 'b')
		return 0;
	if (asprintf(&path, "data/%s", name) < 0) {
		path = NULL; /* undefined after a failure */
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	r = br_file_read(settling->dir, path, RECORD_MAX, &text, NULL, err);
	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	if (!has_line(text, settling->uuid) || !has_line(text, "E:ID_BTRFS_READY=0"))
		return 0;
	settling->pending++;
	return settling->announce ? announce(name + 1, err) : 0;
}

/* Those that are not ready. Without a record of anything there are none. */
static int count_pending(struct settling *settling, bool announce_them, struct br_error *err)
{
	BR_AUTO_CLOSE int data = openat(settling->dir, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	settling->pending = 0;
	settling->announce = announce_them;
	if (data < 0)
		return errno == ENOENT ? 0 : br_error_set(err, BR_ERR_OPEN, errno, "data", NULL);
	return br_entries_visit(data, look_at, settling, err);
}

static bool is_idle(const struct settling *settling)
{
	struct stat st;

	return fstatat(settling->dir, "queue", &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

static int wait_for_all(struct settling *settling, struct br_error *err)
{
	bool has_waited = false, has_announced = false;

	for (;; has_waited = true) {
		bool idle = is_idle(settling);
		int r = count_pending(settling, idle && !has_announced, err);

		if (r < 0)
			return r;
		if (idle && settling->pending == 0)
			return has_waited;
		/* what the queue held is known now; from here on the records tell */
		has_announced |= idle;
		if (!br_deadline_pause(settling->deadline, PAUSE))
			return br_error_set(err, BR_ERR_DEVICE_INCOMPLETE, 0, NULL,
					    "udev does not regard all members as ready");
	}
}

int br_udev_settle(const char *dir, const char *fsid, unsigned seconds, struct br_error *err)
{
	struct settling settling = { .dir = -1 };
	BR_AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : br_error_set(err, BR_ERR_OPEN, errno, dir, NULL);
	if (fstatat(fd, "control", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	settling.dir = fd;
	if (asprintf(&settling.uuid, "E:ID_FS_UUID=%s", fsid) < 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	settling.deadline = br_deadline_in(seconds);
	r = wait_for_all(&settling, err);
	free(settling.uuid);
	if (r > 0)
		(void)br_deadline_pause(br_deadline_in(1), MOMENT);
	return r < 0 ? br_error_context(err, "%s", dir) : r;
}
