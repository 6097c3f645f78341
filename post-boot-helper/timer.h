/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd says about the units that do something again and again. */
#ifndef BLANKROOT_TIMER_H
#define BLANKROOT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

enum timer_state {
	TIMER_UNKNOWN, /* there is no systemd that answers, or this was built without it */
	TIMER_INACTIVE,
	TIMER_ACTIVE,
};

struct timer {
	enum timer_state state;
	uint64_t next;   /* seconds since 1970; 0: not known, or never */
	bool has_failed; /* the last run of its service did */
};

/*
 * Ask systemd about NAME.timer and NAME.service: over the system bus, and where there is none, as root,
 * over systemd's own socket. Only systemd knows when a timer elapses next, delays included; and where it
 * does not run, nothing will happen at any time that could be computed here.
 *
 * name  such as "blankroot-snapshot"
 */
void timer_ask(const char *name, struct timer *ret);

#endif
