/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layout of a small server, made by the btrfs program. */
#include "layout.h"

#include "cleanup.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void subvol_create(int dirfd, const char *path)
{
	run_ok(dirfd, "btrfs", "-q", "subvolume", "create", path);
}

void subvol_snapshot(int dirfd, const char *source, const char *path, bool read_only)
{
	if (read_only)
		run_ok(dirfd, "btrfs", "-q", "subvolume", "snapshot", "-r", source, path);
	else
		run_ok(dirfd, "btrfs", "-q", "subvolume", "snapshot", source, path);
}

void subvol_delete(int dirfd, const char *path)
{
	run_ok(dirfd, "btrfs", "-q", "subvolume", "delete", path);
}

bool subvol_exists(int dirfd, const char *path)
{
	struct run_result result;
	const char *const argv[] = { "btrfs", "subvolume", "show", path, NULL };

	run(&(struct run_options){ .argv = argv, .cwd = dirfd }, &result);
	bool exists = result.code == 0;
	run_free(&result);
	return exists;
}

uint64_t subvol_id(int dirfd, const char *path)
{
	BR_AUTO_FREE char *text = run_checked(
		dirfd, (const char *const[]){ "btrfs", "inspect-internal", "rootid", path, NULL });

	return strtoull(text, NULL, 10);
}

void subvol_set_read_only(int dirfd, const char *path, bool read_only)
{
	run_ok(dirfd, "btrfs", "property", "set", "-f", "-ts", path, "ro",
	       read_only ? "true" : "false");
}

bool subvol_is_read_only(int dirfd, const char *path)
{
	BR_AUTO_FREE char *text = run_checked(
		dirfd,
		(const char *const[]){ "btrfs", "property", "get", "-ts", path, "ro", NULL });

	ck_assert_msg(strcmp(text, "ro=true\n") == 0 || strcmp(text, "ro=false\n") == 0, "%s: %s",
		      path, text);
	return strcmp(text, "ro=true\n") == 0;
}

char *subvol_list(int dirfd)
{
	return run_shell(dirfd, "btrfs subvolume list . | sed 's/^.* path //' | LC_ALL=C sort");
}

static void make_root(int root)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "etc" },
		{ .type = TREE_DIRECTORY, .path = "etc/ssh" },
		{ .type = TREE_FILE, .path = "etc/ssh/sshd_config", .size = 3000 },
		{ .type = TREE_FILE, .path = "etc/machine-id", .mode = 0444 },
		{ .type = TREE_DIRECTORY, .path = "usr" },
		{ .type = TREE_DIRECTORY, .path = "usr/bin" },
		{ .type = TREE_FILE, .path = "usr/bin/program", .mode = 04755, .size = 100000 },
		{ .type = TREE_SYMLINK, .path = "bin", .target = "usr/bin" },
		{ .type = TREE_DIRECTORY, .path = "var" },
		{ .type = TREE_DIRECTORY, .path = "var/lib" },
		{ .type = TREE_DIRECTORY, .path = "var/log" },
		{ .type = TREE_DIRECTORY, .path = "root", .mode = 0700 },
		{ .type = TREE_DIRECTORY, .path = "tmp", .mode = 01777 },
	};

	TREE_BUILD(root, nodes);
	tree_write(root, "etc/passwd",
		   "root:x:0:0:root:/root:/bin/sh\napp:x:990:991::/:/bin/false\n");
	tree_write(root, "etc/group", "root:x:0:\napp:x:991:\n");
}

/* What has happened in root since its blank was taken. */
static void use_root(int root)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_FILE, .path = "etc/ssh/ssh_host_key", .mode = 0600, .size = 400 },
		{ .type = TREE_DIRECTORY,
		  .path = "var/lib/app",
		  .mode = 0750,
		  .uid = 990,
		  .gid = 991 },
		{ .type = TREE_FILE,
		  .path = "var/lib/app/data",
		  .mode = 0640,
		  .uid = 990,
		  .size = 300000 },
		{ .type = TREE_HARDLINK,
		  .path = "var/lib/app/data.link",
		  .target = "var/lib/app/data" },
		{ .type = TREE_FILE, .path = "usr/bin/drift", .mode = 0755, .size = 5000 },
		{ .type = TREE_FILE, .path = "root/.history", .mode = 0600, .size = 200 },
	};

	TREE_BUILD(root, nodes);
	tree_write(root, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	tree_write(root, "var/log/syslog", "line one\n");
}

void layout_make(int top)
{
	subvol_create(top, "root");
	BR_AUTO_CLOSE int root = tree_open(top, "root", false);
	make_root(root);
	subvol_snapshot(top, "root", "root-blank", true);
	use_root(root);
	subvol_create(top, "persist");
	tree_write(top, "persist/precious", "never touched\n");
	subvol_create(top, "log");
	tree_write(top, "log/journal", "never touched either\n");
	(void)close(tree_mkdir(top, "old_roots"));
	ck_assert(fchmodat(top, "old_roots", 0700, 0) == 0);
	ck_assert_msg(syncfs(top) == 0, "syncfs: %s", strerror(errno));
}

char *layout_config(const char *persist, const char *more)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *text = NULL;
	char *path = NULL;

	ck_assert(asprintf(&path, "%s/blankroot.conf", dir) > 0);
	ck_assert(asprintf(&text,
			   "ephemeral root {\n"
			   "\tblank = \"root-blank\"\n"
			   "\tarchive = \"old_roots\"\n"
			   "\tmountpoint = \"/\"\n"
			   "\tpersist = { %s }\n"
			   "%s\n"
			   "}\n",
			   persist ? persist : "", more ? more : "") > 0);
	tree_write(AT_FDCWD, path, text);
	return path;
}

int layout_reset_mounted(struct image *image, const char *config, const char *cmdline,
			 struct run_result *result)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *report = NULL, *words = NULL;

	ck_assert(asprintf(&report, "%s/boot.json", dir) > 0);
	ck_assert(asprintf(&words, "%s noresume", cmdline ? cmdline : "") > 0);
	run_tool((const char *const[]){ "--config", config, "--device", image->device[0],
					"--cmdline", words, "--report", report, NULL },
		 result);
	return result->code;
}

int layout_reset(struct image *image, const char *config, const char *cmdline,
		 struct run_result *result)
{
	bool was_mounted = image->mountpoint != NULL;

	image_unmount(image);
	int code = layout_reset_mounted(image, config, cmdline, result);
	if (was_mounted)
		(void)image_mount(image, NULL);
	return code;
}

static bool is_known(const char *path, const char *const *known)
{
	for (; known && *known; known++) {
		if (strcmp(path, *known) == 0)
			return true;
	}
	return false;
}

char *layout_archive(int top, const char *const *known)
{
	BR_AUTO_CLOSE int fd = tree_open(top, "old_roots", false);
	DIR *dir = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	char *found = NULL;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		BR_AUTO_FREE char *path = NULL;

		if (entry->d_name[0] == '.')
			continue;
		ck_assert(asprintf(&path, "old_roots/%s", entry->d_name) > 0);
		if (is_known(path, known))
			continue;
		ck_assert_msg(!found, "more than one new archive: %s, %s", found, path);
		found = br_take_ptr(&path);
	}
	(void)closedir(dir);
	ck_assert_msg(found, "no new archive in old_roots");
	return found;
}
