/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that runs in a room. */
#include "room-run.h"

#include "cleanup.h"
#include "command.h"
#include "deadline.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_SECONDS 10
#define NOT_EXECUTABLE 126 /* as of a shell */
#define NOT_FOUND 127

/* What the first process of the room tells. */
struct news {
	bool has_status;
	int status;
	struct br_error err;
};

struct running {
	const struct room *room;
	char *const *argv, *const *variables;
	sigset_t before; /* signals that were held */
	int pipe[2];     /* for the news */
	int alive[2];    /* its writing end closes with the caller */
};

/* --- the program --- */

static void set_environment(char *const variables[])
{
	/* by these it would find what serves the running system */
	static const char *const others[] = { "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
					      "XDG_RUNTIME_DIR",          "NOTIFY_SOCKET",
					      "JOURNAL_STREAM",           "TMPDIR" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		(void)unsetenv(others[i]);
	for (; *variables; variables++)
		(void)putenv(*variables);
	if (!getenv("PATH"))
		(void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			     1);
}

static _Noreturn void become_program(const struct running *running)
{
	char *shell[] = { getenv("SHELL"), NULL };
	char *const *argv = running->argv;
	int failure;

	if (chroot(".") != 0 || chdir("/") != 0) {
		(void)fprintf(stderr, "blankroot: chroot: %s\n", strerror(errno));
		_exit(NOT_EXECUTABLE);
	}
	set_environment(running->variables);
	(void)sigprocmask(SIG_SETMASK, &running->before, NULL);
	if (!argv[0]) {
		if (!shell[0] || access(shell[0], X_OK) != 0)
			shell[0] = (char[]){ "/bin/sh" };
		argv = shell;
	}
	(void)execvp(argv[0], argv);
	failure = errno;
	(void)fprintf(stderr, "blankroot: %s: %s\n", argv[0], strerror(failure));
	_exit(failure == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* --- the first process of the room: when it ends, the kernel ends all others --- */

/* To all but this one. A shell with a user heeds SIGHUP alone, and what is stopped must go on to end. */
static void pass_on(int signal)
{
	int saved = errno;

	(void)kill(-1, signal);
	(void)kill(-1, SIGHUP);
	(void)kill(-1, SIGCONT);
	errno = saved;
}

static _Noreturn void tell(const struct running *running, const struct news *news)
{
	/* less than PIPE_BUF: all or nothing */
	_exit(write(running->pipe[1], news, sizeof(*news)) == sizeof(*news) ? 0 : 1);
}

static void follow_caller(const struct running *running)
{
	struct pollfd end = { .fd = running->alive[0], .events = POLLIN };

	(void)close(running->alive[1]);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&end, 1, 0) != 0)
		_exit(1); /* it was killed before */
}

static _Noreturn void be_first(const struct running *running)
{
	const struct sigaction action = { .sa_handler = pass_on };
	struct news news = { .has_status = false };
	sigset_t passed;
	pid_t program, ended;

	follow_caller(running);
	if (unshare(CLONE_NEWNS) != 0)
		(void)br_error_set(&news.err, BR_ERR_MOUNT, errno, NULL, "a namespace of its own");
	else
		(void)!room_enter(running->room, &news.err);
	program = news.err.code == BR_OK ? fork() : -1;
	if (program == 0)
		become_program(running);
	if (program < 0 && news.err.code == BR_OK)
		(void)br_error_set(&news.err, BR_ERR_NOMEM, errno, NULL, "no process");
	if (program < 0)
		tell(running, &news);
	(void)sigemptyset(&passed); /* nothing of this can fail */
	(void)sigaddset(&passed, SIGTERM);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &passed, NULL);
	while ((ended = wait(&news.status)) != program)
		if (ended < 0 && errno != EINTR)
			break;
	news.has_status = ended == program;
	tell(running, &news);
}

/* --- the caller --- */

static void end_room(pid_t first, int pidfd)
{
	struct br_deadline deadline = br_deadline_in(GRACE_SECONDS);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	(void)kill(first, SIGTERM);
	while (br_deadline_left(deadline) > 0)
		if (poll(&end, 1, (int)(br_deadline_left(deadline) / BR_NSEC_PER_MSEC) + 1) > 0)
			return;
	(void)kill(first, SIGKILL);
}

/* Returns the signal that ended it; 0: it ended by itself. */
static int attend(pid_t first, int pidfd, int signals)
{
	struct pollfd wait[] = { { .fd = pidfd, .events = POLLIN },
				 { .fd = signals, .events = POLLIN } };

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(wait, 2, -1) <= 0)
			continue;
		if (wait[0].revents)
			return 0;
		if (read(signals, &info, sizeof(info)) != sizeof(info))
			continue;
		/* from the terminal they came to the program too: what they mean is for that to say */
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT)
			continue;
		end_room(first, pidfd);
		return (int)info.ssi_signo;
	}
}

static int read_news(const struct running *running, struct room_result *result,
		     struct br_error *err)
{
	struct news news;

	if (read(running->pipe[0], &news, sizeof(news)) != sizeof(news)) {
		result->status = SIGKILL; /* it was killed, and the program with it */
		return 0;
	}
	if (!news.has_status) {
		*err = news.err;
		return err->code;
	}
	result->status = news.status;
	return 0;
}

/* A shell with job control may leave the terminal to a group of processes that is gone. */
static void take_terminal_back(pid_t group)
{
	sigset_t output;

	(void)sigemptyset(&output); /* nothing of this can fail */
	(void)sigaddset(&output, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &output, NULL);
	if (group == getpgrp())
		(void)tcsetpgrp(STDIN_FILENO, group);
	(void)sigprocmask(SIG_UNBLOCK, &output, NULL);
}

/* As fork(2), into a namespace of processes; that of the caller stays as it is. */
static pid_t fork_first(int *pidfd_ret)
{
	struct clone_args arguments = { .flags = CLONE_NEWPID | CLONE_PIDFD,
					.pidfd = (uint64_t)(uintptr_t)pidfd_ret,
					.exit_signal = SIGCHLD };

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static int start(struct running *running, int signals, struct room_result *result,
		 struct br_error *err)
{
	pid_t group = tcgetpgrp(STDIN_FILENO), first;
	BR_AUTO_CLOSE int pidfd = -1;

	(void)fflush(NULL); /* lost output is found when it is closed */
	first = fork_first(&pidfd);
	if (first < 0)
		return br_error_set(err, BR_ERR_MOUNT, errno, NULL, "a namespace of processes");
	if (first == 0)
		be_first(running);
	br_cleanup_close(&running->pipe[1]);
	running->pipe[1] = -1;
	result->signal = attend(first, pidfd, signals);
	while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
		;
	take_terminal_back(group);
	return read_news(running, result, err);
}

int room_run(const struct room *room, char *const argv[], char *const variables[],
	     struct room_result *ret, struct br_error *err)
{
	struct running running = { .room = room,
				   .argv = argv,
				   .variables = variables,
				   .pipe = { -1, -1 },
				   .alive = { -1, -1 } };
	struct room_result result = { 0 };
	sigset_t held;
	int signals, r;

	(void)sigemptyset(&held); /* these cannot fail for signals that exist */
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGQUIT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigaddset(&held, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &held, &running.before);
	signals = signalfd(-1, &held, SFD_CLOEXEC);
	if (signals < 0 || pipe2(running.pipe, O_CLOEXEC) != 0 ||
	    pipe2(running.alive, O_CLOEXEC) != 0)
		r = br_error_set(err, BR_ERR_NOMEM, errno, NULL, "no more descriptors");
	else
		r = start(&running, signals, &result, err);
	for (size_t i = 0; i < 2; i++) {
		br_cleanup_close(&running.pipe[i]);
		br_cleanup_close(&running.alive[i]);
	}
	br_cleanup_close(&signals);
	if (r == 0)
		*ret = result;
	return r; /* the signals stay held: what follows is not to be interrupted */
}
