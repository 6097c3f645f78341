/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot check: everything that decides whether the next boot works, looked at part by part. */
#ifndef BLANKROOT_PREFLIGHT_H
#define BLANKROOT_PREFLIGHT_H

#include "boot-choice.h"
#include "boot-images.h"
#include "facts.h"
#include "filesystem.h"
#include "finding.h"
#include "initramfs-content.h"
#include "initramfs-manifest.h"
#include "mend.h"
#include "mountinfo.h"
#include "rehearsal.h"
#include "request.h"
#include "system-root.h"

#include <stdbool.h>

struct check_options {
	struct filesystem_options filesystem;
	const char *root;   /* of the system to look at; NULL: that of this process */
	const char *report; /* of the boot: how much a reset carries */
	bool rehearse;
	/* for commands that run blankroot again: options that were given */
	const char *given_config, *given_device;
};

/* An image and what was found in it. */
struct check_image {
	const struct boot_image *image;
	bool is_read; /* content is known */
	bool boots;   /* it is the one that is booted, or may be */
	struct initramfs_content content;
	char *version; /* of blankroot-initrd in it; NULL: not known */
};

struct check {
	const struct check_options *options;
	struct findings findings;
	struct system_root root;
	struct br_mountinfo mounts;

	bool has_config; /* config is valid */
	struct br_config config;
	bool has_filesystem;
	struct filesystem filesystem;
	struct br_request request;
	bool has_facts;
	struct br_facts facts;

	struct initramfs_manifest manifest;
	struct boot_images images;
	struct check_image *image_checks; /* parallel to them */
	struct boot_choice choice;
	char *cmdline;   /* of the next boot, as far as is known; NULL: not at all */
	bool is_guessed; /* it is that of this boot, because no other is known */

	bool has_rehearsal;
	struct rehearsal rehearsal;
};

/*
 * Look at everything. What cannot be found out is a finding among the others, not a failure.
 *
 * Returns 0 with *ret owned by the caller (check_free), or BR_ERR_NOMEM, or BR_ERR_OPEN when there is no such root.
 * Privilege: root.
 */
BR_MUST_CHECK int check_run(const struct check_options *options, struct check *ret,
			    struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void check_free(struct check *check);

/*
 * The parts; each adds findings. Those of the file system need has_filesystem.
 */

/* Images: found, read, compared with the system; which is booted; its command line. */
void check_images(struct check *check);
/* What one image has that was read; severity: of what is wrong with it. */
void check_image_content(struct check *check, const struct check_image *image);
/* Subvolumes and directories are what a reset needs; facts are gathered. */
void check_layout(struct check *check);
/* Persistent paths, mounts in them, subvolumes in none of them. */
void check_paths(struct check *check);
/* What names a subvolume by its id, or another one: fstab, command lines, the default. */
void check_pins(struct check *check);
/* Modules of the kernel that boots, in the next root. */
void check_modules(struct check *check);
/* Space for the reset. */
void check_space(struct check *check);
/* Hibernated systems, and files for swap. */
void check_sleep(struct check *check);

/* For the parts. */

/* The ephemeral subvolume that is mounted at "/": its index; ephemeral_count: not known. */
size_t check_main_root(const struct check *check);
/* Where an ephemeral subvolume is mounted as a whole. NULL: nowhere. */
const struct br_mount *check_mount_of(const struct check *check, size_t ephemeral);
/* mend_make_at, on the file system that is checked. */
char *check_mend_at(const struct check *check, const char *pattern, const char *const words[]);
/* A command of blankroot itself, with the options that name configuration and device; words as of mend_make. */
char *check_mend_self(const struct check *check, const char *pattern, bool takes_device,
		      const char *const words[]);
/* A command to edit a file of the system at a line. */
char *check_mend_edit(const char *file, unsigned line);
/* The command that builds an image anew. NULL: none is known, or no memory. */
char *check_mend_image(const struct check *check, const struct check_image *image);

/* On standard output: everything, or errors alone. */
void check_print(const struct check *check, bool quiet, bool strict);
void check_print_json(const struct check *check);

#endif
