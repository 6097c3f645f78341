/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What blankroot tune can set: names, places and values. Nothing is looked at in the running system, so that
 * the configuration can be checked anywhere.
 */
#ifndef BR_KNOB_H
#define BR_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum br_knob_kind {
	BR_KNOB_SYSCTL,    /* below /proc/sys */
	BR_KNOB_QUEUE,     /* of a disk: below /sys/block/DISK/queue */
	BR_KNOB_BTRFS,     /* of a file system: below /sys/fs/btrfs/UUID */
	BR_KNOB_MOUNT,     /* option of a mount, or of the file system */
	BR_KNOB_DIRECTORY, /* attribute of a directory, for what is made in it from then on */
};

struct br_knob {
	const char *name; /* "vm.swappiness" */
	enum br_knob_kind kind;
	const char *file;  /* path below what kind says; of a mount: the option */
	uint64_t min, max; /* of a number; both 0: it has words */
	const char *const
		*words; /* ended by NULL; the first ones are its own, see br_knob_value_problem */
	bool is_size;   /* in bytes */
};

/*
 * All of them, in the order in which they are set: the kernel forgets nr_requests when the scheduler
 * is changed. Ended by one without a name.
 */
extern const struct br_knob br_knobs[];

/* The knob of that name; NULL: there is none. */
const struct br_knob *br_knob_find(const char *name);

/* What is said in place of a value: the mode does not change it. */
#define BR_KNOB_KEEP "keep"

/*
 * What is wrong with a value of a knob, in static text; NULL: nothing. A number in its range, in decimal digits,
 * or one of its words. Compression may have a level behind a colon, from 1 to 15 (zstd) or 9 (zlib).
 * A share of memory, "20%", is a value of vm.dirty_bytes and vm.dirty_background_bytes.
 */
const char *br_knob_value_problem(const struct br_knob *knob, const char *value);

/* "vm.swappiness=10" */
struct br_knob_setting {
	const struct br_knob *knob;
	char value[32];
};

/*
 * Take such a text apart. vm.dirty_ratio and vm.dirty_background_ratio are taken as what they are: shares for
 * the other two.
 *
 * Returns NULL with the result in *ret; else what is wrong, in static text.
 */
const char *br_knob_parse(const char *text, struct br_knob_setting *ret);

/*
 * Is the amount of dirty data at which writing begins above the one at which writers have to wait? False when
 * one is a share and the other is not.
 */
bool br_knob_dirty_is_reversed(const char *background, const char *limit);

#endif
