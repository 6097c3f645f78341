/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in an initramfs image, read as the kernel unpacks it: archives of cpio one after another, the first ones
 * (early microcode, compressed modules) as they are, the rest compressed. With libarchive; no program is run.
 */
#ifndef BLANKROOT_INITRAMFS_READ_H
#define BLANKROOT_INITRAMFS_READ_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An entry. Names are whatever bytes the image has. */
struct initramfs_member {
	const char *path; /* without "./" and "/" before it */
	const char *link; /* target of a symbolic link; else NULL */
	mode_t mode;
};

struct initramfs_visitor {
	/* How many bytes of a file's content are wanted at most; 0: none. Called for each entry. */
	size_t (*wants)(void *data, const struct initramfs_member *member);
	/*
	 * The content of a file that is wanted, with a NUL behind it; the visitor owns it. NULL: it is longer than
	 * that. A later one of the same path counts, as for the kernel.
	 */
	int (*take)(void *data, const char *path, char *content, size_t size, struct br_error *err);
	void *data;
};

/* False: this program was built without what reads them (WITH_LIBARCHIVE=no). */
bool initramfs_can_be_read(void);

/*
 * Read a part of a file as an initramfs image.
 *
 * fd              the file, open for reading
 * offset, length  of the part
 *
 * Compression: gzip, bzip2, xz, lzma, lz4, zstd, or none. An image that unpacks to more than 4 GiB is refused.
 * What follows a compressed part and cannot be understood ends the image, as it does for the kernel.
 *
 * Returns 0; what take returned; BR_ERR_READ when the image is damaged, cut off or of no such form, BR_ERR_UNSUPPORTED
 * when nothing can be read, BR_ERR_NOMEM. Some entries may have been visited then.
 */
BR_MUST_CHECK int initramfs_read(int fd, uint64_t offset, uint64_t length,
				 const struct initramfs_visitor *visitor, struct br_error *err);

#endif
