/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot defrag: what its parts share. */
#ifndef BLANKROOT_DEFRAG_H
#define BLANKROOT_DEFRAG_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define DEFRAG_COMMAND "blankroot defrag"

enum defrag_compress {
	DEFRAG_AS_IT_IS, /* what the mount and the attributes of the file say */
	DEFRAG_ZLIB,
	DEFRAG_LZO,
	DEFRAG_ZSTD,
	DEFRAG_UNCOMPRESSED,
};

struct defrag_how {
	enum defrag_compress compress;
	int level; /* of zlib and zstd; 0: the default */
	bool busy; /* also files that somebody has open for writing */
};

/* What a file is like. */
enum defrag_verdict {
	DEFRAG_WANTED,
	DEFRAG_NOT_NEEDED,       /* it is in one piece, or empty */
	DEFRAG_BUSY,             /* somebody has it open for writing */
	DEFRAG_NOT_COMPRESSIBLE, /* nodatacow, and to be compressed */
};

struct defrag_file {
	enum defrag_verdict verdict;
	uint64_t size;
	uint64_t extents; /* as filefrag(8) counts them */
	uint64_t shared;  /* bytes that a snapshot or a copy refers to as well */
};

/*
 * Look at a file; what is not written yet is written first.
 *
 * fd  a regular file on btrfs, open for reading alone
 *
 * BR_ERR_READ, BR_ERR_STAT, without a path.
 */
BR_MUST_CHECK int defrag_look(int fd, const struct defrag_how *how, struct defrag_file *ret,
			      struct br_error *err);

/*
 * Write it anew, in few pieces, part by part; it may be in use. A signal that came (job-signals.h) ends it between two.
 *
 * Returns 0; 1: it holds swap space, and was left alone. BR_ERR_UNSUPPORTED: the kernel is too old for what is asked.
 * BR_ERR_JOB, without a path. Privilege: write permission for the file, or CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int defrag_file(int fd, const struct defrag_how *how, uint64_t size,
			      struct br_error *err);

/* What was seen, or done. */
struct defrag_totals {
	uint64_t files, bytes, extents;                    /* of those that are wanted */
	uint64_t shared, shared_files;                     /* of them */
	uint64_t not_needed, busy, not_compressible, swap; /* files that are left out */
	uint64_t subvolumes; /* nested ones, and other file systems, that are not entered */
};

/*
 * Go through a path, and what is below it in the same subvolume.
 *
 * visit  called with each regular file, open for reading: a negative result ends the visit and is returned, with a
 *        path in *err if there is none
 *
 * BR_ERR_OPEN, BR_ERR_SYMLINK, BR_ERR_TYPE: something else than a file or a directory; those of lib/walk.h.
 */
BR_MUST_CHECK int defrag_visit(const char *path, const char *fsid,
			       int (*visit)(void *data, int fd, const char *path,
					    struct br_error *err),
			       void *data, uint64_t *subvolumes, struct br_error *err);

#endif
