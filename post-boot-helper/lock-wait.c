/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a lock that another run of blankroot has. */
#include "lock-wait.h"

#include "cleanup.h"
#include "lock-holder.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#define PAUSE (50 * BR_NSEC_PER_MSEC)
#define DIGITS_MAX 9
#define ANYBODY "another run of blankroot"

bool lock_wait_parse(const char *command, const char *text, uint64_t *ret)
{
	size_t length = strspn(text, "0123456789");

	if (length == 0 || length > DIGITS_MAX || text[length] != '\0') {
		(void)fprintf(stderr, "%s: --wait takes a number of seconds, not '", command);
		br_text_put_name(stderr, text);
		(void)fputs("'\n", stderr);
		return false;
	}
	*ret = strtoull(text, NULL, 10);
	return true;
}

struct lock_wait lock_wait_begin(uint64_t seconds)
{
	return (struct lock_wait){ .seconds = seconds, .deadline = br_deadline_in(seconds) };
}

static char *find_holder(int fd)
{
	char *holder = fd >= 0 ? lock_holder_find(fd) : NULL;

	return holder ? holder : strdup(ANYBODY);
}

static void tell(struct lock_wait *wait, int fd)
{
	BR_AUTO_FREE char *holder = NULL;

	if (wait->was_told)
		return;
	wait->was_told = true;
	if (!isatty(STDERR_FILENO))
		return;
	holder = find_holder(fd);
	(void)fputs("blankroot: waiting for ", stderr);
	br_text_put_name(stderr, holder ? holder : ANYBODY);
	(void)fprintf(stderr, ", %" PRIu64 " seconds at most\n", wait->seconds);
}

bool lock_wait_more(struct lock_wait *wait, int fd)
{
	if (br_deadline_left(wait->deadline) == 0)
		return false;
	tell(wait, fd);
	(void)br_deadline_pause(wait->deadline, PAUSE);
	return true; /* the last attempt is when the time is up */
}

int lock_wait_fail(const struct lock_wait *wait, int fd, const char *path, struct br_error *err)
{
	BR_AUTO_FREE char *holder = find_holder(fd);
	const char *who = holder ? holder : ANYBODY;

	if (wait->seconds == 0)
		return br_error_set(err, BR_ERR_LOCKED, 0, path,
				    "%s is working on it; try again when that has ended, or wait "
				    "for it: --wait=SECS",
				    who);
	return br_error_set(err, BR_ERR_LOCKED, 0, path,
			    "%s is working on it, and did not end within %" PRIu64
			    " second%s; try again when it has, or with a longer --wait",
			    who, wait->seconds, wait->seconds == 1 ? "" : "s");
}

int lock_wait_flock(int fd, uint64_t seconds, const char *path, struct br_error *err)
{
	struct lock_wait wait = lock_wait_begin(seconds);

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return br_error_set(err, BR_ERR_LOCKED, errno, path, NULL);
		if (!lock_wait_more(&wait, fd))
			return lock_wait_fail(&wait, fd, path, err);
	}
	return 0;
}
