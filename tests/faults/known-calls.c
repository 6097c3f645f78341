/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of an undisturbed run. */
#include "known-calls.h"

#include "call.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define KINDS_MAX 8192

struct known_kinds {
	uint64_t hash[KINDS_MAX]; /* 0: the end */
};

struct stepper_order known_calls_learn(void *data, const struct stepper_call *call)
{
	struct known_calls *calls = data;
	struct known_call known = {
		.name = call->name,
		.object = call_object(call->pid, call->nr, call->args),
		.nr = call->nr,
		.changes = call_changing(call->nr, call->args) != NULL,
	};

	calls->call = reallocarray(calls->call, calls->count + 1, sizeof(known));
	ck_assert_ptr_nonnull(calls->call);
	if (calls->first == 0 && strstr(known.object, calls->config))
		calls->first = calls->count;
	calls->call[calls->count++] = known;
	return (struct stepper_order){ .action = STEPPER_GO_ON };
}

void known_calls_free(struct known_calls *calls)
{
	for (size_t i = 0; i < calls->count; i++)
		free(calls->call[i].object);
	free(calls->call);
}

struct stepper_order known_call_order(const struct stepper_call *call, struct stepper_order wanted)
{
	/* it does not return an error, but where memory ends */
	if (call->nr == SYS_brk)
		return (struct stepper_order){ wanted.action, 0 };
	/* whatever it returns, the descriptor is closed */
	if (call->nr == SYS_close && wanted.action == STEPPER_FAIL)
		return (struct stepper_order){ STEPPER_FAIL_AFTER, wanted.error };
	return wanted;
}

/* Numbers of processes and their descriptors in names: "frozen-2456-1", "/proc/2456/fd/7" */
static bool is_of_process(const char *text, const char *c)
{
	while (c > text && *c >= '0' && *c <= '9')
		c--;
	return *c == '-' || *c == '/';
}

uint64_t known_call_hash(const struct known_call *call)
{
	/* configuration and report are in directories with names made up */
	const char *object = strstr(call->object, "/mnt/") ? strrchr(call->object, '/')
							   : call->object;
	const char *parts[] = { call->name, object };
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < 2; i++) {
		for (const char *c = parts[i]; *c; c++)
			if (!is_of_process(parts[i], c))
				hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
		hash *= UINT64_C(1099511628211);
	}
	return hash;
}

struct known_kinds *known_kinds_make(void)
{
	struct known_kinds *kinds = mmap(NULL, sizeof(*kinds), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (kinds == MAP_FAILED)
		abort();
	return kinds;
}

bool known_kinds_add(struct known_kinds *kinds, uint64_t hash)
{
	size_t i = 0;

	for (; i < KINDS_MAX && kinds->hash[i] != 0; i++) {
		if (kinds->hash[i] == hash)
			return false;
	}
	ck_assert_uint_lt(i, KINDS_MAX);
	kinds->hash[i] = hash;
	return true;
}
