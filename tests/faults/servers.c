/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers whose resets make every system call that a reset can make. Small: each is reset thousands of times. */
#include "servers.h"

#include "cleanup.h"
#include "full.h"
#include "layout.h"
#include "tree.h"

#include <check.h>
#include <linux/fs.h>
#include <string.h>

#define SIZE (256ULL << 20)

#define CMDLINE "rd.blankroot.timeout=0" /* a device that cannot be read is not waited for */
#define ROOT(persist, more) "ephemeral root {\n\tpersist = { " persist " }\n" more "}\n"
#define SUBVOLUME(path) "\tpath \"" path "\" {\n\t\tmethod = subvolume\n\t}\n"
#define ROOT_PLACE                                      \
	{                                               \
		.name = "root", .archives = "old_roots" \
	}

/* One of each kind of object. */
static void make_all_kinds(int top)
{
	static const struct tree_range ranges[] = { { 8192, 4096 }, { 0, 0 } };
	static const struct tree_node nodes[] = {
		{ .type = TREE_SYMLINK, .path = "link", .target = "nowhere" },
		{ .type = TREE_FIFO, .path = "fifo" },
		{ .type = TREE_SOCKET, .path = "socket" },
		{ .type = TREE_CHAR, .path = "null", .major = 1, .minor = 3 },
		{ .type = TREE_FILE, .path = "sparse", .size = 20480, .ranges = ranges },
		{ .type = TREE_FILE, .path = "nocow" },
		{ .type = TREE_DIRECTORY, .path = "dir", .mode = 02750 },
	};
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);

	TREE_BUILD(app, nodes);
	tree_set_xattr(app, "dir", "user.purpose", "test", 4);
	tree_set_xattr(app, "sparse", "security.capability",
		       "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	tree_change_flags(app, "nocow", FS_NOCOW_FL, 0);
	full_make_unshareable(top, "root/var/lib/app/unshared", 300 << 10);
	tree_change_flags(app, "sparse", FS_IMMUTABLE_FL, 0);
}

static void make_first(int top)
{
	run_ok(top, "rmdir", "old_roots");
}

/* Subvolumes in subvolumes, and the old root is read-only and the default. */
static void make_carried(int top)
{
	subvol_create(top, "root/var/lib/vm");
	tree_write(top, "root/var/lib/vm/disk", "image\n");
	subvol_create(top, "root/var/lib/vm/nested");
	tree_write(top, "root/var/lib/vm/nested/file", "nested\n");
	subvol_create(top, "root/var/lib/app/inside");
	tree_write(top, "root/var/lib/app/inside/file", "inside\n");
	run_ok(top, "btrfs", "subvolume", "set-default", "root");
	subvol_set_read_only(top, "root", true);
}

static void make_ephemeral(int top, const char *name, const char *blank)
{
	BR_AUTO_CLOSE int fd = -1;

	subvol_create(top, name);
	subvol_snapshot(top, name, blank, true);
	fd = tree_open(top, name, false);
	tree_write(fd, "drift", "drifted\n");
	tree_write(fd, "kept", "kept\n");
}

static void make_several(int top)
{
	make_ephemeral(top, "cache", "cache-blank");
	make_ephemeral(top, "home", "home-blank");
}

static void make_start(int top)
{
	subvol_snapshot(top, "root-blank", "old_roots/root.20250101T000000Z", false);
	tree_write(top, "old_roots/root.20250101T000000Z/etc/of-the-archive", "good\n");
	subvol_set_read_only(top, "old_roots/root.20250101T000000Z", true);
}

/*
 * What interrupted runs left: of root one that was being made, of cache the old one after the swap,
 * which has what the next new one will have.
 */
static void make_leftovers(int top)
{
	run_ok(top, "mkdir", "-m", "700", ".blankroot", "old_caches");
	subvol_create(top, "cache-blank");
	subvol_set_read_only(top, "cache-blank", true);
	subvol_create(top, ".blankroot/staging-cache");
	tree_write(top, ".blankroot/staging-cache/kept", "kept\n");
	subvol_snapshot(top, ".blankroot/staging-cache", "cache", false);
	tree_write(top, "cache/drift", "drifted\n");
	subvol_snapshot(top, "root-blank", ".blankroot/staging-root", false);
	tree_write(top, ".blankroot/staging-root/half", "made\n");
	subvol_create(top, ".blankroot/staging-root/nested");
	free(run_shell(top,
		       "uuid=$(btrfs subvolume show root | awk '$1 == \"UUID:\" { print $2 }' | "
		       "tr -d -); setfattr -n trusted.blankroot.old.root "
		       "-v \"$uuid old_roots/root.20250101T000000Z\" .blankroot"));
}

/* The copy of a file needs the space of two archives. */
static void make_full(int top)
{
	full_make_unshareable(top, "root/var/big", 12 << 20);
	full_make_archives(top);
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}

const struct scenario servers[] = {
	{ .name = "copied",
	  .size = SIZE,
	  .make = make_all_kinds,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", ""),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "first-boot",
	  .size = SIZE,
	  .make = make_first,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\"", ""),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "converted",
	  .size = SIZE,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\"", SUBVOLUME("/var/lib/app")),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "carried",
	  .size = SIZE,
	  .make = make_carried,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", SUBVOLUME("/var/lib/vm")),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "several",
	  .size = SIZE,
	  .make = make_several,
	  .cmdline = CMDLINE,
	  .config = ROOT(
		  "\"/etc/machine-id\"",
		  "") "ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n\tpersist = { "
		      "\"/kept\" }\n}\n"
		      "ephemeral home {\n\tblank = \"home-blank\"\n\tarchive = \"old_homes\"\n}\n",
	  .ephemeral = { ROOT_PLACE,
			 { .name = "cache", .archives = ".blankroot/parked" },
			 { .name = "home", .archives = "old_homes" } } },
	{ .name = "from-archive",
	  .size = SIZE,
	  .make = make_start,
	  .cmdline = CMDLINE " rd.blankroot.from=root.20250101T000000Z",
	  .config = ROOT("\"/etc/machine-id\"", ""),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "leftovers",
	  .size = SIZE,
	  .make = make_leftovers,
	  .cmdline = CMDLINE,
	  .config = ROOT(
		  "\"/etc/machine-id\"",
		  "") "ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = \"old_caches\"\n"
		      "\tpersist = { \"/kept\" }\n}\n",
	  .ephemeral = { ROOT_PLACE, { .name = "cache", .archives = "old_caches" } } },
	{ .name = "no-space",
	  .size = FULL_IMAGE_SIZE,
	  .make = make_full,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/var/big\"", "") "archives {\n\tkeep-min = 1\n}\n",
	  .ephemeral = { ROOT_PLACE },
	  .drops_archives = true },
};

const size_t servers_count = sizeof(servers) / sizeof(servers[0]);
