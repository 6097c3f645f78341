/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running programs from a test. Standard streams are memory files, so that no program waits for a
 * reader and nothing has to be read while it runs.
 */
#include "run.h"

#include "cleanup.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int memory_file(const void *content, size_t size)
{
	int fd = memfd_create("blankroot-test", MFD_CLOEXEC);

	ck_assert_msg(fd >= 0, "memfd_create: %s", strerror(errno));
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)content + done, size - done);

		ck_assert_msg(n > 0, "write to memory file: %s", strerror(errno));
		done += (size_t)n;
	}
	ck_assert(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static char *memory_file_text(int fd, size_t *size_ret)
{
	struct stat st;

	ck_assert(fstat(fd, &st) == 0);
	char *text = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	size_t size = 0;
	while (size < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + size, (size_t)st.st_size - size, (off_t)size);

		ck_assert_msg(n > 0, "read of memory file: %s", n < 0 ? strerror(errno) : "short");
		size += (size_t)n;
	}
	text[size] = '\0';
	*size_ret = size;
	return text;
}

struct streams {
	int in, out, err;
};

/* In the child: never returns. Only async-signal-safe calls, for a test may have threads. */
static void become(const struct run_options *options, const struct streams *streams, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126); /* it died before prctl */
	if (dup2(streams->in, 0) < 0 || dup2(streams->out, 1) < 0 || dup2(streams->err, 2) < 0)
		_exit(126);
	if (options->cwd > 0 && fchdir(options->cwd) != 0)
		_exit(126);
	/* execvp does not change the strings; its prototype is older than const */
	execvp(options->argv[0], (char *const *)(uintptr_t)options->argv);
	dprintf(2, "cannot run %s: %s\n", options->argv[0], strerror(errno));
	_exit(127);
}

/* Wait for the end of the process. Returns false when time was up, and it was killed. */
static bool wait_for(pid_t pid, unsigned timeout, int *status_ret)
{
	BR_AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	ck_assert_msg(pidfd >= 0, "pidfd_open: %s", strerror(errno));
	struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };
	int ready;
	do
		ready = poll(&pollfd, 1, (int)timeout * 1000);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		(void)kill(-pid, SIGKILL);
	ck_assert_msg(waitpid(pid, status_ret, 0) == pid, "waitpid: %s", strerror(errno));
	return ready > 0;
}

void run(const struct run_options *options, struct run_result *result)
{
	BR_AUTO_CLOSE int in = options->input ? memory_file(options->input, options->input_size)
					      : open("/dev/null", O_RDONLY | O_CLOEXEC);
	BR_AUTO_CLOSE int out = memory_file(NULL, 0);
	BR_AUTO_CLOSE int err = memory_file(NULL, 0);
	struct streams streams = { .in = in, .out = out, .err = err };
	pid_t parent = getpid();
	pid_t pid = fork();
	int status = 0;

	ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0)
		become(options, &streams, parent);
	memset(result, 0, sizeof(*result));
	result->timed_out = !wait_for(
		pid, options->timeout ? options->timeout : RUN_TIMEOUT_DEFAULT, &status);
	result->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	result->out = memory_file_text(out, &result->out_size);
	result->err = memory_file_text(err, &result->err_size);
	ck_assert_msg(result->code != 126 && result->code != 127, "cannot run %s: %s",
		      options->argv[0], result->err);
}

void run_free(struct run_result *result)
{
	free(result->out);
	free(result->err);
	memset(result, 0, sizeof(*result));
}

char *run_checked(int cwd, const char *const *argv)
{
	struct run_result result;

	run(&(struct run_options){ .argv = argv, .cwd = cwd }, &result);
	ck_assert_msg(result.code == 0, "%s %s ...: exit %d%s\n%s%s", argv[0],
		      argv[1] ? argv[1] : "", result.code, result.timed_out ? ", timed out" : "",
		      result.out, result.err);
	free(result.err);
	return result.out;
}

void run_and_drop(int cwd, const char *const *argv)
{
	free(run_checked(cwd, argv));
}

char *run_shell(int cwd, const char *fmt, ...)
{
	BR_AUTO_FREE char *line = NULL;
	va_list args;

	va_start(args, fmt);
	int length = vasprintf(&line, fmt, args);
	va_end(args);
	ck_assert(length >= 0);
	return run_checked(cwd, (const char *const[]){ "sh", "-euc", line, NULL });
}

const char *run_tool_path(void)
{
	const char *path = getenv("BLANKROOT_INITRD");

	return path && *path ? path : "build/blankroot-initrd";
}

/* Put the program's words and the caller's into one list, ended by NULL. Owned by the caller. */
static const char **join_words(const char *const *head, const char *const *tail)
{
	size_t count = 0, room = 1;

	for (size_t i = 0; head[i]; i++)
		room++;
	for (size_t i = 0; tail[i]; i++)
		room++;
	const char **words = calloc(room, sizeof(*words));
	ck_assert_ptr_nonnull(words);
	for (size_t i = 0; head[i]; i++)
		words[count++] = head[i];
	for (size_t i = 0; tail[i]; i++)
		words[count++] = tail[i];
	return words;
}

void run_tool(const char *const *args, struct run_result *result)
{
	BR_AUTO_FREE const char **argv = join_words((const char *const[]){ run_tool_path(), NULL },
						    args);

	run(&(struct run_options){ .argv = argv }, result);
}

void run_tool_measured(const char *const *args, struct run_result *result, long *peak_kib_ret)
{
	BR_AUTO_CLOSE int report = memory_file(NULL, 0);
	char path[64];
	size_t size;

	/* GNU time forks the program from its own small memory */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), report);
	BR_AUTO_FREE const char **argv = join_words((const char *const[]){ "time", "-q", "-f", "%M",
									   "-o", path,
									   run_tool_path(), NULL },
						    args);
	run(&(struct run_options){ .argv = argv, .timeout = 300 }, result);
	BR_AUTO_FREE char *text = memory_file_text(report, &size);
	*peak_kib_ret = atol(text);
	ck_assert_msg(*peak_kib_ret > 0, "time: %s", text);
}

const char *run_helper_path(void)
{
	const char *path = getenv("BLANKROOT");

	return path ? path : "build/blankroot";
}

bool run_tool_is_sanitized(void)
{
	struct run_result result;
	const char *const argv[] = { "grep",           "-qa",           "-e", "__asan_init", "-e",
				     "__ubsan_handle", run_tool_path(), NULL };

	run(&(struct run_options){ .argv = argv }, &result);
	ck_assert_msg(result.code <= 1, "%s", result.err);
	bool found = result.code == 0;
	run_free(&result);
	return found;
}

bool run_exists(const char *program)
{
	const char *dir = getenv("PATH");
	char path[PATH_MAX];

	while (dir && *dir) {
		int length = (int)strcspn(dir, ":");

		(void)snprintf(path, sizeof(path), "%.*s/%s", length, dir, program);
		if (access(path, X_OK) == 0)
			return true;
		dir += length + (dir[length] == ':');
	}
	return false;
}
