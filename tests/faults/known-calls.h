/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of an undisturbed run of a program, to choose those that go wrong. */
#ifndef FAULTS_KNOWN_CALLS_H
#define FAULTS_KNOWN_CALLS_H

#include "stepper.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known_call {
	const char *name;
	char *object; /* call_object */
	uint64_t nr;
	bool changes;
};

struct known_calls {
	struct known_call *call;
	size_t count;
	size_t first; /* those before are of the start of any program, until it reads its configuration */
	const char *config; /* the end of the configuration's path, set by the caller */
};

/* Note a call: the order of a stepper whose data these are, which lets all go on. */
struct stepper_order known_calls_learn(void *data, const struct stepper_call *call);

/* Release. */
void known_calls_free(struct known_calls *calls);

/* What a wanted order has to be for a call, which may have a way of its own to fail. */
struct stepper_order known_call_order(const struct stepper_call *call, struct stepper_order wanted);

/* A number that calls of the same name on the same object have in common. Numbers of processes are
 * left out. */
uint64_t known_call_hash(const struct known_call *call);

/* Kinds of calls that have been tried: in memory that child processes share. Lives as long as they. */
struct known_kinds *known_kinds_make(void);

/* Add one. False: it was there. */
bool known_kinds_add(struct known_kinds *kinds, uint64_t hash);

#endif
