/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls of a stopped program: what they are called, what they are about. */
#ifndef TEST_CALL_H
#define TEST_CALL_H

#include <stdint.h>
#include <sys/types.h>

/* Name of a call, of the request for an ioctl: "openat", "FICLONE". Never NULL. */
const char *call_name(uint64_t nr, const uint64_t *args);

/* The same when it changes a file system, else NULL. */
const char *call_changing(uint64_t nr, const uint64_t *args);

/*
 * What the call of a stopped thread is about: the path that it is given, or that of its descriptor,
 * below the mount that it lies in; of two the first. Owned by the caller; "" for none.
 */
char *call_object(pid_t thread, uint64_t nr, const uint64_t *args);

#endif
