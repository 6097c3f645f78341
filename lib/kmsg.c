/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's log. */
#include "kmsg.h"

#include "cleanup.h"

#include <fcntl.h>

bool br_kmsg_write(enum br_kmsg_priority priority, const char *line)
{
	BR_AUTO_CLOSE int fd = open("/dev/kmsg", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	/* the kernel refuses longer ones (LOG_LINE_MAX is 1024 less its prefix) */
	char record[900];
	int length = snprintf(record, sizeof(record), "<%d>%s\n", (int)priority, line);
	size_t size = (size_t)length < sizeof(record) ? (size_t)length : sizeof(record) - 1;

	return fd >= 0 && length >= 0 && write(fd, record, size) == (ssize_t)size;
}
