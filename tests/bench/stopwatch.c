/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a program and appends one line to a file: what it took, from its start to its end.
 *
 *   stopwatch FILE PROGRAM [ARGUMENT...]
 *
 * The line: microseconds on the clock, in user space, in the kernel; page faults without and with
 * reading; times it gave up the processor to wait. The exit status is that of the program.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long usec(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static void note(const char *path, long long took, const struct rusage *usage)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd < 0 ||
	    dprintf(fd, "%lld %lld %lld %ld %ld %ld\n", took, usec(usage->ru_utime),
		    usec(usage->ru_stime), usage->ru_minflt, usage->ru_majflt, usage->ru_nvcsw) < 0)
		err(2, "%s", path);
	(void)close(fd);
}

int main(int argc, char *argv[])
{
	struct rusage usage;
	long long start;
	int r, status;
	pid_t child;

	if (argc < 3)
		errx(2, "usage: stopwatch FILE PROGRAM [ARGUMENT...]");
	start = now_usec();
	r = posix_spawnp(&child, argv[2], NULL, NULL, &argv[2], environ);
	if (r != 0) {
		errno = r;
		err(2, "%s", argv[2]);
	}
	if (wait4(child, &status, 0, &usage) != child)
		err(2, "wait4");
	note(argv[1], now_usec() - start, &usage);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
