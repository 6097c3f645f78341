/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that ask a job to end, and calls of the kernel that take long. */
#ifndef BLANKROOT_JOB_SIGNALS_H
#define BLANKROOT_JOB_SIGNALS_H

#include "error.h"

#include <signal.h>
#include <stdbool.h>

/* What a job is asked for by a signal; SIGINT, SIGTERM and SIGHUP are one and the same. */
#define JOB_SIGNAL_PAUSE SIGUSR1

/*
 * From now on, such a signal ends nothing by itself: it waits until it is asked for. For the rest of the process.
 */
void job_signals_hold(void);

/* The signal that came since, which stays the answer from then on; 0: none. */
int job_signals_came(void);

/*
 * End like a program that does not handle the signal that came: so whoever waits for it sees by what it ended. Returns
 * when none came, or JOB_SIGNAL_PAUSE.
 */
void job_signals_obey(void);

struct job_worker {
	int (*call)(void *data); /* in a thread of its own: returns 0, or an errno */
	/* in the thread of the caller, about twice a second, and when a signal has come, once; NULL: nothing */
	void (*tick)(void *data);
	void (*stop)(void *data, int signal);
	void *data;
};

/*
 * Make a call that takes long, and meanwhile handle signals, and tell how far it is.
 *
 * stop may end the call, or the process. Signals are held (job_signals_hold).
 *
 * Returns what the call returned in *errno_ret, when it has ended. BR_ERR_NOMEM when no thread could be made.
 */
BR_MUST_CHECK int job_worker_run(const struct job_worker *worker, int *errno_ret,
				 struct br_error *err);

#endif
