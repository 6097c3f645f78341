/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resources that release themselves when their variable leaves scope. All keep errno.
 */
#ifndef BR_CLEANUP_H
#define BR_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void br_cleanup_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd); /* nothing buffered behind it: the write paths sync explicitly */
		errno = saved;
	}
}

static inline void br_cleanup_free(void *pp)
{
	int saved = errno;

	free(*(void **)pp);
	errno = saved;
}

static inline void br_cleanup_file(FILE **file)
{
	if (*file) {
		int saved = errno;

		(void)fclose(*file); /* for reading; writers check their own fclose */
		errno = saved;
	}
}

static inline void br_cleanup_dir(DIR **dir)
{
	if (*dir) {
		int saved = errno;

		(void)closedir(*dir); /* read only */
		errno = saved;
	}
}

#define BR_AUTO_CLOSE __attribute__((cleanup(br_cleanup_close)))
#define BR_AUTO_FREE __attribute__((cleanup(br_cleanup_free)))
#define BR_AUTO_FILE __attribute__((cleanup(br_cleanup_file)))
#define BR_AUTO_DIR __attribute__((cleanup(br_cleanup_dir)))

/* Hand a descriptor over: the variable no longer closes it. */
static inline int br_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Hand a pointer over: the variable no longer frees it. */
#define br_take_ptr(pp)                             \
	({                                          \
		__typeof__(*(pp)) br_taken = *(pp); \
		*(pp) = NULL;                       \
		br_taken;                           \
	})

#endif
