/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping the one who serves a disk from being waited for in vain. */
#include "guardian.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GRACE 5000 /* milliseconds: unmounting what a process left mounted that was killed */

/* Of the guardian, so that it has nothing else open. */
enum { SERVER, CLIENT, ABORT, DESCRIPTORS };

static void ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN);
}

/*
 * Nothing can be mounted from a disk that is not served yet: what there is to leave is the file system
 * itself.
 */
static int leave_mounts(const char *mountpoint)
{
	return unshare(CLONE_NEWNS) != 0 ||
			       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			       umount2(mountpoint, MNT_DETACH) != 0
		       ? -1
		       : 0;
}

/* The device number of the mount, without a request to it. */
static int connection_of(const char *mountpoint, unsigned *number_ret)
{
	struct statx stx;

	if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, 0, &stx) != 0)
		return -1;
	*number_ret = stx.stx_dev_minor;
	return 0;
}

/* Returns the file in which a 1 severs the connection. Only the caller's namespace sees the mount. */
static int open_abort(const char *dir, unsigned connection)
{
	char path[4096];
	int fd;

	if (mount("fusectl", dir, "fusectl", 0, NULL) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%u/abort", dir, connection);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	(void)umount2(dir, MNT_DETACH); /* goes with the namespace at the latest */
	return fd;
}

/* Another client's process may have got the number when that has ended: then it is not the parent. */
static int open_client(pid_t client)
{
	int fd = (int)syscall(SYS_pidfd_open, client, 0);

	if (fd < 0 || getppid() == client)
		return fd;
	(void)close(fd);
	errno = ESRCH;
	return -1;
}

static void guard(unsigned seconds)
{
	struct pollfd ends[] = { { .fd = SERVER, .events = POLLIN },
				 { .fd = CLIENT, .events = POLLIN } };

	(void)poll(ends, 2, (int)seconds * 1000);
	if (ends[0].revents == 0 && ends[1].revents != 0)
		(void)poll(ends, 1, GRACE);
	/* both do nothing when it has ended */
	(void)!write(ABORT, "1", 1);
	(void)syscall(SYS_pidfd_send_signal, SERVER, SIGKILL, NULL, 0);
}

/* fds are behind those that they get */
static int fork_guardian(const int fds[DESCRIPTORS], unsigned seconds)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid > 0 ? 0 : -1;
	for (int i = 0; i < DESCRIPTORS; i++) {
		if (dup2(fds[i], i) < 0)
			_exit(1);
	}
	/* the connection ends with the server only if nobody else has it open */
	if (close_range(DESCRIPTORS, ~0U, 0) != 0)
		_exit(1);
	(void)setsid();
	guard(seconds);
	_exit(0);
}

int guardian_start(const char *mountpoint, pid_t client, unsigned seconds)
{
	unsigned connection;

	ignore_signals();
	/*
	 * Memory should not be freed by writing to the disk that is served. Not every root may ask for
	 * that; then there is the time limit.
	 */
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	if (setsid() < 0 || connection_of(mountpoint, &connection) != 0 ||
	    leave_mounts(mountpoint) != 0)
		return -1;
	BR_AUTO_CLOSE int server_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	BR_AUTO_CLOSE int client_fd = open_client(client);
	BR_AUTO_CLOSE int abort_fd = open_abort(mountpoint, connection);
	const int fds[] = { [SERVER] = server_fd, [CLIENT] = client_fd, [ABORT] = abort_fd };

	for (int i = 0; i < DESCRIPTORS; i++) {
		if (fds[i] < 0)
			return -1;
		if (fds[i] < DESCRIPTORS) {
			errno = EBADF;
			return -1;
		}
	}
	return fork_guardian(fds, seconds);
}
