/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeping the one who serves a disk from being waited for in vain.
 *
 * A file system that is unmounted writes, and whoever unmounts it waits for that. The end of the last
 * process of a mount namespace unmounts what is mounted there, and does so before it closes its
 * descriptors. So if that process is the one who serves the disk, it waits for itself, and nothing but
 * a reboot ends that. If it is stopped instead, or never answers, everyone waits for it for ever.
 */
#ifndef CRASH_GUARDIAN_H
#define CRASH_GUARDIAN_H

#include <sys/types.h>

/*
 * Part the calling process, which has mounted a FUSE file system and does not serve it yet, from those
 * who will use that: a session and a mount namespace of its own, without that mount; signals of
 * terminals and of those who end services are ignored. Start the guardian, a process that is apart
 * likewise: it severs the connection, so that every request fails, and kills the caller
 * - some seconds after the end of the client, if the caller goes on then,
 * - when time is up.
 * It ends with the caller.
 *
 * mountpoint  of the file system
 * client      the parent of the caller
 * seconds     how long the caller may serve
 *
 * Returns 0; -1 with errno set, and nothing may be served then. Needs root.
 */
int guardian_start(const char *mountpoint, pid_t client, unsigned seconds);

#endif
