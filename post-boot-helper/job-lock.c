/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "job-lock.h"

#include "beneath.h"
#include "cleanup.h"
#include "lock-holder.h"
#include "lock-wait.h"
#include "name.h"
#include "private-dir.h"

#include <errno.h>
#include <fcntl.h>

#define JOB_LOCK "maintenance.lock"

int job_lock_take(int top, uint64_t seconds, int *fd_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1, fd = -1;
	int r;

	if ((r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	fd = openat(state, JOB_LOCK, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, BR_STATE_DIR "/" JOB_LOCK, NULL);
	if ((r = lock_wait_flock(fd, seconds, BR_STATE_DIR "/" JOB_LOCK, err)) < 0)
		return r;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

pid_t job_lock_holder(int top)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;

	if (br_open_beneath(top, BR_STATE_DIR "/" JOB_LOCK, O_PATH, 0, &fd, &ignored) < 0)
		return 0;
	return lock_holder_process(fd);
}
