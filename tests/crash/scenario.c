/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers, and resets of them, during which the power is cut. */
#include "scenario.h"

#include "cleanup.h"
#include "full.h"
#include "layout.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>

#define BIG (12ULL << 20) /* more than what one archive gives back, less than what two do */

#define ROOT(persist, more)                                                                             \
	"ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n\tpersist = { " persist \
	" }\n" more "}\n"
#define SUBVOLUME(path) "\tpath \"" path "\" {\n\t\tmethod = subvolume\n\t}\n"
#define ROOT_PLACE                                      \
	{                                               \
		.name = "root", .archives = "old_roots" \
	}

static void make_first(int top)
{
	run_ok(top, "rmdir", "old_roots");
}

/* Much to copy: many files, links, attributes, a file without checksums whose data is written. */
static void make_copied(int top)
{
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);

	tree_make_many(app, "many", 60, 20, 3000);
	tree_set_xattr(app, "many", "user.purpose", "test", 4);
	full_make_unshareable(top, "root/var/lib/app/unshared", 3 << 20);
}

static void make_converted(int top)
{
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);

	tree_make_many(app, "many", 40, 20, 3000);
	full_make_unshareable(top, "root/var/lib/app/unshared", 1 << 20);
}

static void make_carried(int top)
{
	subvol_create(top, "root/var/lib/vm");
	tree_write(top, "root/var/lib/vm/disk", "image\n");
	subvol_create(top, "root/var/lib/vm/nested");
	tree_write(top, "root/var/lib/vm/nested/file", "nested\n");
	subvol_create(top, "root/var/lib/app/inside");
	tree_write(top, "root/var/lib/app/inside/file", "inside\n");
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

/* As test-no-space has it: the copy of a file needs the space of two archives. */
static void make_full(int top)
{
	full_make_unshareable(top, "root/var/big", BIG);
	full_make_archives(top);
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}

/*
 * Files of services that do not call fsync: a new one, and one written over. Their times are always
 * the same, to be compared.
 */
static void write_unsynced(int top)
{
	BR_AUTO_CLOSE int fresh = openat(top, "root/var/lib/app/fresh",
					 O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	BR_AUTO_CLOSE int data = openat(top, "root/var/lib/app/data", O_WRONLY | O_CLOEXEC);

	ck_assert(fresh >= 0 && data >= 0);
	tree_fill(fresh, 0, 500000, 7, false);
	tree_fill(data, 0, 200000, 8, false);
	tree_set_time(top, "root/var/lib/app/fresh", (struct timespec){ 1700000001, 0 });
	tree_set_time(top, "root/var/lib/app/data", (struct timespec){ 1700000002, 0 });
	tree_set_time(top, "root/var/lib/app", (struct timespec){ 1700000003, 0 });
}

const struct scenario scenarios[] = {
	{ .name = "plain", .config = ROOT(LAYOUT_PERSIST, ""), .ephemeral = { ROOT_PLACE } },
	{ .name = "first-boot",
	  .make = make_first,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "copied",
	  .make = make_copied,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "converted",
	  .make = make_converted,
	  .config = ROOT("\"/etc/machine-id\"", SUBVOLUME("/var/lib/app") SUBVOLUME("/var/log")),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "carried",
	  .make = make_carried,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", SUBVOLUME("/var/lib/vm")),
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "several",
	  .make = make_several,
	  .config = ROOT(
		  LAYOUT_PERSIST,
		  "") "ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n\tpersist = { "
		      "\"/kept\" }\n}\n"
		      "ephemeral home {\n\tblank = \"home-blank\"\n\tarchive = \"old_homes\"\n}\n",
	  .ephemeral = { ROOT_PLACE,
			 { .name = "cache", .archives = ".blankroot/parked" },
			 { .name = "home", .archives = "old_homes" } } },
	{ .name = "from-archive",
	  .make = make_start,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .cmdline = "rd.blankroot.from=root.20250101T000000Z",
	  .ephemeral = { ROOT_PLACE } },
	{ .name = "no-space",
	  .size = FULL_IMAGE_SIZE,
	  .make = make_full,
	  .config = ROOT("\"/var/big\"", "") "archives {\n\tkeep-min = 1\n}\n",
	  .ephemeral = { ROOT_PLACE },
	  .drops_archives = true },
	{ .name = "unsynced",
	  .before = write_unsynced,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { ROOT_PLACE },
	  .loose = "var/lib/app" },
	{ .name = "hundredth-boot",
	  .boots = 99,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { ROOT_PLACE } },
};

const size_t scenarios_count = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < scenarios_count; i++) {
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	}
	ck_abort_msg("no such scenario: %s", name);
}
