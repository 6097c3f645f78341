/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reset as many shell recipes do it: the old root is moved away, then a new one is made. */
#ifndef CRASH_MOVE_THEN_CREATE_H
#define CRASH_MOVE_THEN_CREATE_H

/* What this test program is to be told as its first argument; the second is a device. */
#define MOVE_THEN_CREATE "move-then-create"

/* Do it. Not in a test: returns the exit status. */
int move_then_create(const char *device);

#endif
