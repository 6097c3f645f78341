/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's log: where messages go while nothing else takes them. */
#ifndef BR_KMSG_H
#define BR_KMSG_H

#include <stdbool.h>

/* Priorities: a quiet console shows errors, not notices. */
enum br_kmsg_priority { BR_KMSG_ERROR = 3, BR_KMSG_NOTICE = 5 };

/*
 * Write a line to /dev/kmsg. What is longer than the kernel takes is cut.
 *
 * Returns whether it is there: there is no kernel log in a container or chroot. Privilege: root.
 */
bool br_kmsg_write(enum br_kmsg_priority priority, const char *line);

#endif
