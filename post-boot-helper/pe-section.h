/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of a PE file, which a unified kernel image is: kernel, initramfs and command line in one. */
#ifndef BLANKROOT_PE_SECTION_H
#define BLANKROOT_PE_SECTION_H

#include <stdbool.h>
#include <stdint.h>

struct pe_section {
	uint64_t offset, size; /* in the file */
};

/*
 * Find a section. fd: the file, open for reading; name: ".initrd". Its data must be inside of the file.
 *
 * False, *ret untouched, when there is none or this is no such file.
 */
bool pe_section_find(int fd, const char *name, struct pe_section *ret);

#endif
