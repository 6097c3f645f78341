/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are in a copy of the blank only while a program runs in it. */
#include "guest.h"

#include "beneath.h"
#include "cleanup.h"
#include "config.h"
#include "file.h"
#include "system-root.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 4096

/* Debian's invoke-rc.d and deb-systemd-invoke ask it: 101 is "do not". */
#define POLICY \
	"#!/bin/sh\n# Here while 'blankroot blank update' runs: no service is started in a copy.\nexit 101\n"

/*
 * grub-mkconfig would take the path of the copy for that of the root. What it does for btrfs is left out by another name
 * of the file system, and done here.
 */
#define GRUB                                                                               \
	"# Here while 'blankroot blank update' runs: the root that boots, not the copy.\n" \
	"GRUB_FS=root-of-blankroot\nGRUB_CMDLINE_LINUX=\"rootflags=subvol=%s $GRUB_CMDLINE_LINUX\"\n"

static bool has(const struct guests *guests, const char *path)
{
	return system_root_has(&(struct system_root){ .fd = guests->root, .path = "" }, path);
}

/* The directory that holds it, which must be there, and its name. */
static int open_dir(const struct guests *guests, const char *path, int *fd_ret,
		    const char **name_ret, struct br_error *err)
{
	const char *slash = strrchr(path, '/');
	BR_AUTO_FREE char *dir = strndup(path, slash > path ? (size_t)(slash - path) : 1);

	*name_ret = slash + 1;
	if (!dir)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	*fd_ret = system_root_file(&(struct system_root){ .fd = guests->root, .path = "" }, dir,
				   O_RDONLY | O_DIRECTORY);
	return *fd_ret < 0 ? br_error_set(err, BR_ERR_OPEN, errno, dir, NULL) : 0;
}

static int write_file(int dir, const char *name, const char *text, mode_t mode,
		      struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	size_t size = strlen(text);

	if (fd < 0)
		return br_error_set(err, BR_ERR_CREATE, errno, name, "in the copy of the blank");
	if (fchmod(fd, mode) != 0 || write(fd, text, size) != (ssize_t)size)
		return br_error_set(err, BR_ERR_WRITE, errno, name, "in the copy of the blank");
	return 0;
}

/* text: taken over; NULL: a directory. Nothing is done where there is something, even a link to nowhere. */
static int enter(struct guests *guests, const char *path, char *text, mode_t mode,
		 struct br_error *err)
{
	BR_AUTO_FREE char *owned = text;
	BR_AUTO_CLOSE int dir = -1;
	struct stat st, before, after;
	const char *name;
	int r = open_dir(guests, path, &dir, &name, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (fstat(dir, &before) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, "in the copy of the blank");
	if (!text && mkdirat(dir, name, mode) != 0)
		return br_error_set(err, BR_ERR_CREATE, errno, path, "in the copy of the blank");
	if (text && (r = write_file(dir, name, text, mode, err)) < 0)
		return r;
	if (fstat(dir, &after) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, "in the copy of the blank");
	guests->list[guests->count++] = (struct guest){ path, br_take_ptr(&owned), before.st_mtim,
							after.st_mtim };
	return 0;
}

static int enter_text(struct guests *guests, const char *path, const char *text, mode_t mode,
		      struct br_error *err)
{
	char *copy = strdup(text);

	return copy ? enter(guests, path, copy, mode, err)
		    : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int enter_debian(struct guests *guests, const char *subvolume, struct br_error *err)
{
	char *text = NULL;
	int r = 0;

	if (has(guests, "/var/lib/dpkg"))
		r = enter_text(guests, "/usr/sbin/policy-rc.d", POLICY, 0755, err);
	if (r < 0 || !has(guests, "/usr/sbin/update-grub"))
		return r;
	if ((r = enter(guests, "/etc/default/grub.d", NULL, 0755, err)) < 0)
		return r;
	if (asprintf(&text, GRUB, subvolume) < 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return enter(guests, "/etc/default/grub.d/zz-blankroot.cfg", text, 0644, err);
}

int guests_enter(int root, const char *subvolume, struct guests *ret, struct br_error *err)
{
	struct guests *guests = ret;
	int r;

	*guests = (struct guests){ .root = root };
	if ((r = enter_debian(guests, subvolume, err)) < 0 ||
	    (r = enter_text(guests, "/etc/resolv.conf", "", 0644, err)) < 0 ||
	    (r = enter_text(guests, BR_CONFIG_PATH, "", 0644, err)) < 0)
		return r;
	return enter(guests, BR_CONFIG_PATH ".d", NULL, 0755, err);
}

static bool is_as_it_was(int dir, const char *name, const struct guest *guest)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error none;

	return br_file_read(dir, name, TEXT_MAX, &text, NULL, &none) == 0 &&
	       strcmp(text, guest->text) == 0;
}

static int leave(const struct guests *guests, const struct guest *guest, struct br_error *err)
{
	BR_AUTO_CLOSE int dir = -1;
	const char *name;
	struct stat now;
	int r = open_dir(guests, guest->path, &dir, &name, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	if (fstat(dir, &now) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, guest->path, NULL);
	if (guest->text && !is_as_it_was(dir, name, guest))
		return 0;
	if (unlinkat(dir, name, guest->text ? 0 : AT_REMOVEDIR) != 0 && errno != ENOENT &&
	    errno != ENOTEMPTY && errno != ENOTDIR)
		return br_error_set(err, BR_ERR_REMOVE, errno, guest->path,
				    "in the copy of the blank");
	if (now.st_mtim.tv_sec == guest->after.tv_sec &&
	    now.st_mtim.tv_nsec == guest->after.tv_nsec &&
	    futimens(dir, (struct timespec[]){ now.st_atim, guest->before }) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, guest->path, NULL);
	return 0;
}

int guests_leave(struct guests *guests, struct br_error *err)
{
	int r = 0;

	/* directories after what is in them */
	for (size_t i = guests->count; r == 0 && i-- > 0;)
		r = leave(guests, &guests->list[i], err);
	return r;
}

void guests_free(struct guests *guests)
{
	for (size_t i = 0; i < guests->count; i++)
		free(guests->list[i].text);
	guests->count = 0;
}
