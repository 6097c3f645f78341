/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers whose resets make every system call that a reset can make. Small: each is reset thousands of times. */
#include "servers.h"

#include "cleanup.h"
#include "full.h"
#include "layout.h"
#include "server-states.h"
#include "tree.h"

#include <check.h>
#include <linux/fs.h>
#include <string.h>

#define SIZE (256ULL << 20)

#define CMDLINE "rd.blankroot.timeout=0" /* a device that cannot be read is not waited for */
#define ROOT(persist, more) "ephemeral root {\n\tpersist = { " persist " }\n" more "}\n"

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

/* Subvolumes in subvolumes, and the old root is read-only and the default. */
static void make_carried(int top)
{
	server_make_carried(top);
	run_ok(top, "btrfs", "subvolume", "set-default", "root");
	subvol_set_read_only(top, "root", true);
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
		       "-v \"$uuid old_roots/" SERVER_ARCHIVE "\" .blankroot"));
}

const struct scenario servers[] = {
	{ .name = "copied",
	  .size = SIZE,
	  .make = make_all_kinds,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", ""),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "first-boot",
	  .size = SIZE,
	  .make = server_make_first,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\"", ""),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "converted",
	  .size = SIZE,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\"", SERVER_SUBVOLUME("/var/lib/app")),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "carried",
	  .size = SIZE,
	  .make = make_carried,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", SERVER_SUBVOLUME("/var/lib/vm")),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "several",
	  .size = SIZE,
	  .make = server_make_others,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/etc/machine-id\"", "") SERVER_OTHERS,
	  .ephemeral = { SERVER_ROOT, SERVER_CACHE, SERVER_HOME } },
	{ .name = "from-archive",
	  .size = SIZE,
	  .make = server_make_archive,
	  .cmdline = CMDLINE " rd.blankroot.from=" SERVER_ARCHIVE,
	  .config = ROOT("\"/etc/machine-id\"", ""),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "leftovers",
	  .size = SIZE,
	  .make = make_leftovers,
	  .cmdline = CMDLINE,
	  .config = ROOT(
		  "\"/etc/machine-id\"",
		  "") "ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = \"old_caches\"\n"
		      "\tpersist = { \"/kept\" }\n}\n",
	  .ephemeral = { SERVER_ROOT, { .name = "cache", .archives = "old_caches" } } },
	{ .name = "no-space",
	  .size = FULL_IMAGE_SIZE,
	  .make = server_make_full,
	  .cmdline = CMDLINE,
	  .config = ROOT("\"/var/big\"", "") "archives {\n\tkeep-min = 1\n}\n",
	  .ephemeral = { SERVER_ROOT },
	  .drops_archives = true },
};

const size_t servers_count = sizeof(servers) / sizeof(servers[0]);
