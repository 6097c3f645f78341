/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are two files the same program? */
#ifndef BLANKROOT_SAME_PROGRAM_H
#define BLANKROOT_SAME_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Compare what of two ELF files is loaded: a generator of initramfs images may have stripped one of them of symbols and
 * of debugging information, which changes where they have their sections. Of anything else all bytes are compared.
 */
bool same_program(const char *a, size_t a_size, const char *b, size_t b_size);

/*
 * The version that a blankroot-initrd says it has.
 *
 * Returns the text behind the name, of *length_ret bytes, in the file; NULL: none is found.
 */
const char *same_program_version(const char *file, size_t size, size_t *length_ret);

#endif
