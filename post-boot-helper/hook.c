/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the administrator that run before and after a snapshot. */
#include "hook.h"

#include "cleanup.h"
#include "deadline.h"
#include "text.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_SECONDS 2
#define POLL_MAX (60 * BR_NSEC_PER_SEC)

/* --- signals --- */

int hook_hold_signals(struct hook_signals *ret, struct br_error *err)
{
	struct hook_signals signals;
	sigset_t held;

	(void)sigemptyset(&held); /* these cannot fail for signals that exist */
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigaddset(&held, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &held, &signals.before);
	signals.fd = signalfd(-1, &held, SFD_CLOEXEC);
	if (signals.fd < 0) {
		(void)br_error_set(err, BR_ERR_OPEN, errno, "signalfd", NULL);
		(void)sigprocmask(SIG_SETMASK, &signals.before, NULL);
		return err->code;
	}
	*ret = signals;
	return 0;
}

void hook_release_signals(struct hook_signals *signals)
{
	br_cleanup_close(&signals->fd);
	/* never read from the descriptor: they are still pending */
	(void)sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

static void begin_message(const struct hook *hook)
{
	(void)fflush(stdout); /* what was done comes first; lost output is found at the end */
	(void)fprintf(stderr, "%s: the hook %s, ", hook->caller, hook->name);
	br_text_put_name(stderr, hook->command->argv[0]);
	(void)fputs(", ", stderr);
}

/* --- starting --- */

static char **make_environment(char *const *variables)
{
	size_t count = 0, more = 0, n = 0;
	char **all;

	while (environ[count])
		count++;
	while (variables[more])
		more++;
	all = calloc(count + more + 1, sizeof(*all));
	/* ours first: the first of two of the same name is the one that counts */
	for (size_t i = 0; all && i < more; i++)
		all[n++] = variables[i];
	for (size_t i = 0; all && i < count; i++)
		all[n++] = environ[i];
	return all;
}

static int spawn(const struct hook *hook, char **environment, pid_t *pid_ret)
{
	char *const *argv = hook->command->argv;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		(void)posix_spawnattr_setflags(&attributes,
					       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
		(void)posix_spawnattr_setpgroup(&attributes, 0);
		(void)posix_spawnattr_setsigmask(&attributes, &none);
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
		if (r == 0)
			r = posix_spawn(pid_ret, argv[0], &actions, &attributes, argv, environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* --- waiting --- */

enum event { ENDED, SIGNALLED, TIMED_OUT };

/* signals: -1: they are of no interest */
static enum event wait_for_event(int pidfd, int signals, struct br_deadline deadline)
{
	struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };

	for (;;) {
		uint64_t left = br_deadline_left(deadline);
		int r;

		if (left == 0)
			return TIMED_OUT;
		left = left < POLL_MAX ? left : POLL_MAX;
		r = poll(fds, 2, (int)((left - 1) / BR_NSEC_PER_MSEC) + 1); /* not 0: it waits */
		if (r > 0 && fds[0].revents)
			return ENDED;
		if (r > 0 && fds[1].revents)
			return SIGNALLED;
	}
}

static void end_group(pid_t pid, int pidfd)
{
	(void)kill(-pid, SIGTERM);
	(void)wait_for_event(pidfd, -1, br_deadline_in(GRACE_SECONDS));
	/* the program may have ended, and others in its group not; it is not reaped yet */
	(void)kill(-pid, SIGKILL);
}

static bool judge(const struct hook *hook, enum event event, int status)
{
	bool done = event == ENDED && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (done)
		return true;
	begin_message(hook);
	if (event == TIMED_OUT)
		(void)fprintf(stderr, "was not done after %llu seconds, and was killed\n",
			      (unsigned long long)hook->timeout);
	else if (event == SIGNALLED)
		(void)fputs("was ended by a signal for blankroot\n", stderr);
	else if (WIFSIGNALED(status))
		(void)fprintf(stderr, "was killed by signal %d\n", WTERMSIG(status));
	else
		(void)fprintf(stderr, "ended with exit code %d\n", WEXITSTATUS(status));
	return false;
}

static bool wait_for(const struct hook *hook, pid_t pid)
{
	BR_AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum event event = TIMED_OUT;
	int status = 0;

	if (pidfd >= 0)
		event = wait_for_event(pidfd, hook->signals ? hook->signals->fd : -1,
				       br_deadline_in(hook->timeout));
	if (event != ENDED)
		end_group(pid, pidfd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return judge(hook, event, status);
}

bool hook_run(const struct hook *hook)
{
	BR_AUTO_FREE char **environment = make_environment(hook->variables);
	pid_t pid;
	int r = environment ? spawn(hook, environment, &pid) : ENOMEM;

	if (r == 0)
		return wait_for(hook, pid);
	begin_message(hook);
	(void)fprintf(stderr, "cannot be run: %s\n", strerror(r));
	return false;
}
