/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reset in which something goes wrong, and all that must be true of it: a documented exit code,
 * a message that says on what it failed, a complete root, nothing lost, and a next reset that brings
 * everything into order.
 */
#ifndef FAULTS_TRIAL_H
#define FAULTS_TRIAL_H

#include "stage.h"
#include "stepper.h"

#define TRIAL_CODES 6 /* 0 to 5, as in docs/boot-contract.md; 1 stands for killed */

/* BLANKROOT_FAULTS=full in the environment: all that there is to try, and not a spread of it. */
bool trial_is_full(void);

/* BLANKROOT_FAULTS=full or BLANKROOT_FAULTS=kinds: calls of every kind, be it with one error alone. */
bool trial_has_all_kinds(void);

/* BLANKROOT_FAULTS_ONLY=name in the environment: of the helper's commands this one alone. */
bool trial_is_left_out(const char *command);

/* What a run said, and what is known of the fault. */
struct trial_end {
	int code;           /* 137: killed */
	const char *err;    /* standard error */
	const char *object; /* path that the message has to name; NULL, "": any will do */
};

/*
 * Check the image of a stage after a run, unmounted: the exit code against what is on it, the
 * message, and the next reset. Fails the current test.
 */
void trial_check(const struct stage *stage, const struct trial_end *end);

#endif
