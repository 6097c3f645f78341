/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reset as a whole: from the command line and the configuration to the result. docs/design.md,
 * section 5.
 */
#ifndef BR_RESET_H
#define BR_RESET_H

#include "apply.h"
#include "cmdline.h"
#include "config.h"
#include "device.h"
#include "error.h"
#include "facts.h"
#include "plan.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum br_outcome {
	BR_OUTCOME_RESET,   /* new root in place, on disk */
	BR_OUTCOME_SKIPPED, /* on request */
	BR_OUTCOME_DRY_RUN, /* the plan was made and nothing changed */
	BR_OUTCOME_USAGE,   /* command line or configuration unusable */
	BR_OUTCOME_REFUSED,
	BR_OUTCOME_FAILED,     /* before the swap */
	BR_OUTCOME_UNFINISHED, /* after the swap */
};

/* Who asked for what this boot does. */
enum br_requester { BR_REQUESTER_DEFAULT, BR_REQUESTER_CMDLINE, BR_REQUESTER_ONE_SHOT };

struct br_reset_input {
	const char *config_path;
	/* device specification that wins over configuration and root=; NULL: none */
	const char *device;
	const char *cmdline; /* kernel command line; NULL: that of /proc/cmdline */
	bool dry_run;
	/*
	 * with rd.blankroot.debug: called before each step that is carried out; NULL: nobody
	 * listens
	 */
	void (*notify)(void *data, const char *text);
	void *data;
};

struct br_reset {
	enum br_outcome outcome;
	enum br_requester requester;
	struct br_error error; /* code BR_OK when nothing went wrong */

	struct br_cmdline cmdline;
	struct br_boot boot;
	struct br_config config; /* ephemeral_count 0: not read */
	struct br_device device; /* path NULL: not found */
	struct br_request request;
	struct br_facts facts; /* ephemeral NULL: not gathered */
	struct br_plan plan;
	struct br_step_result *results; /* plan.count entries; NULL: nothing was carried out */
	char **dropped; /* archives that were deleted to make room, from the top level */
	size_t dropped_count;

	time_t started;
	uint64_t usec;
};

/*
 * Do it. Fills *reset whatever happens; the caller releases it with br_reset_free.
 *
 * Order: kernel command line (off: nothing else is looked at), configuration, kernel module,
 * device, hibernation image, mount, lock, one-shot request, facts, plan, apply. When space runs
 * out before the swap, archives are deleted one at a time (br_room_make) and the rest is tried
 * again.
 *
 * Returns the outcome, which is in reset->outcome too.
 */
enum br_outcome br_reset_run(const struct br_reset_input *input, struct br_reset *reset);

/* Release. NULL-safe. */
void br_reset_free(struct br_reset *reset);

/* Exit code of blankroot-initrd for an outcome: docs/boot-contract.md. */
int br_outcome_exit_code(enum br_outcome outcome);

/* Name of an outcome as used in boot.json: "reset". Never NULL. */
const char *br_outcome_name(enum br_outcome outcome);

#endif
