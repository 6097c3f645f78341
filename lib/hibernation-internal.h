/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of hibernation.c that read what others wrote. */
#ifndef BR_HIBERNATION_INTERNAL_H
#define BR_HIBERNATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The offset, in pages, in the EFI variable that systemd leaves: JSON in UTF-16, behind the
 * variable's attributes: {"uuid":"...","offset":1234,...}.
 *
 * text  size bytes and a NUL; changed
 *
 * False, *offset_ret untouched, when there is none.
 */
bool br_hibernation_parse_location(char *text, size_t size, uint64_t *offset_ret);

/*
 * Does the signature of an image end this page of an open device of size bytes? 1 when it does, 0
 * when not, or the device ends before; -1 with errno when it cannot be read.
 */
int br_hibernation_has_image_at(int fd, uint64_t size, uint64_t page);

#endif
