/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this the moment for a job that a timer started? */
#ifndef BLANKROOT_JOB_MOMENT_H
#define BLANKROOT_JOB_MOMENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is the machine running on a battery? As systemd's ConditionACPower tells it, from /sys/class/power_supply: no when a
 * mains adapter is connected, else yes when a battery of the machine (not of a mouse) discharges. Where that says nothing: no.
 */
bool job_moment_on_battery(void);

/*
 * Is a backup running? Looked for among the processes that can be seen: btrfs send and receive, btrbk, borg create,
 * restic backup, rsnapshot, duplicity, rdiff-backup, whatever file system they work on.
 *
 * Returns false, or true with a text for people: "btrfs send (process 1234)".
 */
bool job_moment_backup(char *what, size_t size);

#endif
