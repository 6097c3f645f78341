/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are two files the same program? */
#include "same-program.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

static bool read_header(const char *file, size_t size, Elf64_Ehdr *ret)
{
	if (size < sizeof(*ret) || memcmp(file, ELFMAG, SELFMAG) != 0 ||
	    file[EI_CLASS] != ELFCLASS64)
		return false;
	memcpy(ret, file, sizeof(*ret));
	/* where the sections are changes, and is in the first part that is loaded */
	ret->e_shoff = 0;
	ret->e_shnum = ret->e_shstrndx = 0;
	return ret->e_phentsize == sizeof(Elf64_Phdr) && ret->e_phoff <= size &&
	       ret->e_phnum <= (size - ret->e_phoff) / sizeof(Elf64_Phdr);
}

static bool is_inside(const Elf64_Phdr *part, size_t size)
{
	return part->p_offset <= size && part->p_filesz <= size - part->p_offset;
}

/* The same bytes, but for the header of the file, which was compared. */
static bool same_part(const char *a, const char *b, const Elf64_Phdr *part)
{
	uint64_t begin = part->p_offset, end = part->p_offset + part->p_filesz;

	if (begin < sizeof(Elf64_Ehdr))
		begin = end < sizeof(Elf64_Ehdr) ? end : sizeof(Elf64_Ehdr);
	return memcmp(a + begin, b + begin, (size_t)(end - begin)) == 0;
}

static bool same_parts(const char *a, size_t a_size, const char *b, size_t b_size,
		       const Elf64_Ehdr *header)
{
	for (size_t i = 0; i < header->e_phnum; i++) {
		size_t at = (size_t)header->e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr ours, theirs;

		memcpy(&ours, a + at, sizeof(ours));
		memcpy(&theirs, b + at, sizeof(theirs));
		if (memcmp(&ours, &theirs, sizeof(ours)) != 0)
			return false;
		if (ours.p_type == PT_LOAD &&
		    (!is_inside(&ours, a_size) || !is_inside(&theirs, b_size) ||
		     !same_part(a, b, &ours)))
			return false;
	}
	return true;
}

bool same_program(const char *a, size_t a_size, const char *b, size_t b_size)
{
	Elf64_Ehdr ours, theirs;

	if (a_size == b_size && memcmp(a, b, a_size) == 0)
		return true;
	return read_header(a, a_size, &ours) && read_header(b, b_size, &theirs) &&
	       memcmp(&ours, &theirs, sizeof(ours)) == 0 && same_parts(a, a_size, b, b_size, &ours);
}

const char *same_program_version(const char *file, size_t size, size_t *length_ret)
{
	static const char name[] = "blankroot-initrd ";
	const char *end = file + size;
	const char *found = file;

	while ((found = memmem(found, (size_t)(end - found), name, sizeof(name) - 1))) {
		found += sizeof(name) - 1;
		*length_ret = 0;
		while (found + *length_ret < end && *length_ret < 64 &&
		       (found[*length_ret] == '.' || found[*length_ret] == '-' ||
			found[*length_ret] == '~' || found[*length_ret] == '+' ||
			(found[*length_ret] >= '0' && found[*length_ret] <= '9') ||
			(found[*length_ret] >= 'a' && found[*length_ret] <= 'z')))
			++*length_ret;
		if (*length_ret > 0 && *found >= '0' && *found <= '9')
			return found;
	}
	return NULL;
}
