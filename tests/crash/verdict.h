/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A check whose failure is a result: in a process and a mount namespace of its own, so that neither
 * a descriptor nor a mount of it is there when the next begins.
 *
 * Programs that use it are linked with --wrap=_ck_assert_failed.
 */
#ifndef CRASH_VERDICT_H
#define CRASH_VERDICT_H

#include "image.h"

/*
 * Call a function in such a process.
 *
 * image  it is not mounted anywhere when this returns
 *
 * Returns NULL when it passed, else the message of the assertion that failed; owned by the caller.
 */
char *verdict_of(void (*check)(void *data), void *data, const struct image *image);

#endif
