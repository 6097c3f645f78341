/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Old roots and blanks that try to lead a reset out of the persistent path, and the canaries that
 * tell whether one succeeded. Everything fails the current test when it fails.
 */
#ifndef TEST_HOSTILE_H
#define TEST_HOSTILE_H

#include "image.h"
#include "watch.h"

#include <stddef.h>

/*
 * Shell lines run in root, in root-blank, and last of all on the top level. $HOST is a directory of
 * the machine itself. It, and outside/ on the top level, hold what a link could be after: ssh,
 * machine-id, lib/app, passwd.
 */
struct hostile {
	const char *name;
	const char *old, *blank, *top;
	const char *path;    /* the persistent path; NULL: etc/ssh */
	const char *options; /* of the path in the configuration; NULL: none */
	int code;            /* exit status of the tool */
	const char *differs; /* where the new root is not like the blank; NULL: the path */
	const char *says;    /* what a refusal names; NULL: the path */
};

extern const struct hostile hostile_scenarios[];
extern const size_t hostile_count;

/* Path of a scenario, below the subvolume. */
const char *hostile_path(const struct hostile *scenario);

/* Where a scenario is played. Ends with the process: nothing has to be released. */
struct hostile_place {
	struct image *image;
	char *host; /* $HOST */
};

/* Make the layout of layout_make and play what the scenario does to it. Returns the top level. */
int hostile_set_up(const struct hostile *scenario, struct hostile_place *place);

/*
 * Watch what is none of a reset's business: $HOST, outside, persist, and in the old root what is
 * not on the way to the path.
 *
 * watch  zeroed at first
 */
void hostile_watch(const struct hostile_place *place, struct watch *watch);

#endif
