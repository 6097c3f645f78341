/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A check whose failure is a result. */
#include "verdict.h"

#include "cleanup.h"
#include "recorded-disk.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MESSAGE_MAX 4096

static int message_pipe = -1; /* -1: not in a process for a check */

void __real__ck_assert_failed(const char *file, int line, const char *expression,
			      const char *message, ...) CK_ATTRIBUTE_NORETURN;
void __wrap__ck_assert_failed(const char *file, int line, const char *expression,
			      const char *message, ...) CK_ATTRIBUTE_NORETURN
	__attribute__((format(printf, 4, 5)));

void __wrap__ck_assert_failed(const char *file, int line, const char *expression,
			      const char *message, ...)
{
	char text[MESSAGE_MAX] = "";
	va_list args;

	va_start(args, message);
	if (message)
		vsnprintf(text, sizeof(text), message, args);
	else
		snprintf(text, sizeof(text), "%s:%d: %s", file, line, expression);
	va_end(args);
	if (message_pipe < 0)
		__real__ck_assert_failed(file, line, expression, "%s", text);
	/* the parent finds the end of it without a reason then: bad as well */
	(void)!write(message_pipe, text, strlen(text));
	_exit(1);
}

static void check_in_child(void (*check)(void *data), void *data, int out)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	message_pipe = out;
	image_private_mounts();
	check(data);
	_exit(0);
}

static char *read_message(int in)
{
	char *text = calloc(1, MESSAGE_MAX);
	size_t size = 0;
	ssize_t n;

	ck_assert_ptr_nonnull(text);
	while ((n = read(in, text + size, MESSAGE_MAX - 1 - size)) > 0)
		size += (size_t)n;
	return text;
}

char *verdict_of(void (*check)(void *data), void *data, const struct image *image)
{
	int ends[2], status;
	pid_t pid;

	ck_assert(pipe2(ends, O_CLOEXEC) == 0);
	BR_AUTO_CLOSE int in = ends[0];
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0)
		check_in_child(check, data, ends[1]);
	(void)close(ends[1]);
	BR_AUTO_FREE char *message = read_message(in);
	ck_assert(waitpid(pid, &status, 0) == pid);
	device_wait_unused(image->device[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	if (!*message)
		snprintf(message, MESSAGE_MAX, "the check ended with status %x", (unsigned)status);
	return br_take_ptr(&message);
}
