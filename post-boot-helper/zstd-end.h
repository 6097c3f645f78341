/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where zstd data ends in a file: libarchive loses what it has unpacked when something else follows. */
#ifndef BLANKROOT_ZSTD_END_H
#define BLANKROOT_ZSTD_END_H

#include <stdint.h>

/*
 * Skip frames by their headers and those of their blocks (RFC 8878).
 *
 * fd           the file, open for reading
 * offset, end  where they may begin, and the file ends
 *
 * Returns where the last frame that follows directly ends; end, when one is cut off or damaged; offset, when there is none.
 */
uint64_t zstd_end(int fd, uint64_t offset, uint64_t end);

#endif
