/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of a PE file. All numbers in it are little-endian. */
#include "pe-section.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOS_HEADER_SIZE 64
#define DOS_PE_OFFSET 60
#define COFF_SIZE 24 /* signature and header */
#define COFF_SECTIONS 6
#define COFF_OPTIONAL_SIZE 20
#define SECTION_SIZE 40
#define SECTION_NAME_SIZE 8
#define SECTION_VIRTUAL_SIZE 8
#define SECTION_RAW_SIZE 16
#define SECTION_RAW_OFFSET 20
#define SECTIONS_MAX 96

static bool read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	ssize_t n;

	do {
		n = pread(fd, buffer, size, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == size;
}

static uint32_t number32(const unsigned char *bytes)
{
	uint32_t number;

	memcpy(&number, bytes, sizeof(number));
	return le32toh(number);
}

static uint16_t number16(const unsigned char *bytes)
{
	uint16_t number;

	memcpy(&number, bytes, sizeof(number));
	return le16toh(number);
}

/* Where the table of sections is. */
static bool find_table(int fd, uint64_t *offset_ret, unsigned *count_ret)
{
	unsigned char dos[DOS_HEADER_SIZE], coff[COFF_SIZE];
	uint64_t start;

	if (!read_at(fd, 0, dos, sizeof(dos)) || memcmp(dos, "MZ", 2) != 0)
		return false;
	start = number32(dos + DOS_PE_OFFSET);
	if (!read_at(fd, start, coff, sizeof(coff)) || memcmp(coff, "PE\0\0", 4) != 0)
		return false;
	*count_ret = number16(coff + COFF_SECTIONS);
	*offset_ret = start + sizeof(coff) + number16(coff + COFF_OPTIONAL_SIZE);
	return *count_ret <= SECTIONS_MAX;
}

/* The data on disk is padded, unless the section is longer in memory than there. */
static uint64_t data_size(const unsigned char *section)
{
	uint32_t virtual_size = number32(section + SECTION_VIRTUAL_SIZE);
	uint32_t raw_size = number32(section + SECTION_RAW_SIZE);

	return virtual_size > 0 && virtual_size < raw_size ? virtual_size : raw_size;
}

bool pe_section_find(int fd, const char *name, struct pe_section *ret)
{
	unsigned char section[SECTION_SIZE];
	char padded[SECTION_NAME_SIZE] = "";
	uint64_t offset;
	unsigned count;
	struct stat st;

	if (strlen(name) > sizeof(padded) || !find_table(fd, &offset, &count) ||
	    fstat(fd, &st) != 0)
		return false;
	memcpy(padded, name, strlen(name));
	for (unsigned i = 0; i < count; i++) {
		struct pe_section found;

		if (!read_at(fd, offset + (uint64_t)i * SECTION_SIZE, section, sizeof(section)))
			return false;
		if (memcmp(section, padded, sizeof(padded)) != 0)
			continue;
		found = (struct pe_section){ number32(section + SECTION_RAW_OFFSET),
					     data_size(section) };
		if (found.size == 0 || found.offset + found.size > (uint64_t)st.st_size)
			return false;
		*ret = found;
		return true;
	}
	return false;
}
