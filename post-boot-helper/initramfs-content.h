/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot has in an initramfs image, and what the image says about itself. */
#ifndef BLANKROOT_INITRAMFS_CONTENT_H
#define BLANKROOT_INITRAMFS_CONTENT_H

#include "initramfs-read.h"

#include <stdbool.h>
#include <stddef.h>

/* What made the image; it decides how blankroot is started in it. */
enum initramfs_maker {
	INITRAMFS_UNKNOWN,
	INITRAMFS_TOOLS,
	INITRAMFS_DRACUT,
	INITRAMFS_MKINITCPIO,
	INITRAMFS_NIXOS,
};

struct initramfs_file {
	char *path;    /* as it is in a root with a merged /usr: "etc/blankroot.conf" */
	char *content; /* NULL: a symbolic link, or too long */
	size_t size;
	char *link; /* of a symbolic link; NULL: it is none */
};

struct initramfs_content {
	enum initramfs_maker maker;
	bool has_systemd;
	char *kernel; /* version of the modules in it; NULL: there are none */
	/* blankroot's files, those that name it or its order, and lists of modules */
	struct initramfs_file *files;
	size_t file_count;
	char **modules; /* names of those in it, with "_" for "-" */
	size_t module_count, module_room;
	bool starts_unit; /* another unit wants or requires that of the reset */
};

/* Read an image; fd, offset and length as of initramfs_read. Returns 0 with *ret for initramfs_content_free; errors too. */
BR_MUST_CHECK int initramfs_content_read(int fd, uint64_t offset, uint64_t length,
					 struct initramfs_content *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void initramfs_content_free(struct initramfs_content *content);

/* The file at a path, symbolic links followed as far as the files are known. NULL: there is none. */
const struct initramfs_file *initramfs_content_find(const struct initramfs_content *content,
						    const char *path);

/* The first file whose last component this is. NULL: there is none. */
const struct initramfs_file *initramfs_content_find_name(const struct initramfs_content *content,
							 const char *name);

/* The configuration in it: that at the usual place, or the one that a generation of NixOS names. NULL: there is none. */
const struct initramfs_file *initramfs_content_config(const struct initramfs_content *content);

/* Is a module in it? Names are compared as modprobe(8) does. */
bool initramfs_content_has_module(const struct initramfs_content *content, const char *name);

/* The name of a module from the path of its file, with "_" for "-"; owned by the caller. NULL: it is none, or no memory. */
char *initramfs_module_name(const char *path, size_t length);

#endif
