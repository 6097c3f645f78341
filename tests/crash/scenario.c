/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers, and resets of them, during which the power is cut. */
#include "scenario.h"

#include "cleanup.h"
#include "full.h"
#include "layout.h"
#include "server-states.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>

#define ROOT(persist, more)                                                                             \
	"ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n\tpersist = { " persist \
	" }\n" more "}\n"

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
	{ .name = "plain", .config = ROOT(LAYOUT_PERSIST, ""), .ephemeral = { SERVER_ROOT } },
	{ .name = "first-boot",
	  .make = server_make_first,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "copied",
	  .make = make_copied,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "converted",
	  .make = make_converted,
	  .config = ROOT("\"/etc/machine-id\"",
			 SERVER_SUBVOLUME("/var/lib/app") SERVER_SUBVOLUME("/var/log")),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "carried",
	  .make = server_make_carried,
	  .config = ROOT("\"/etc/machine-id\", \"/var/lib/app\"", SERVER_SUBVOLUME("/var/lib/vm")),
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "several",
	  .make = server_make_others,
	  .config = ROOT(LAYOUT_PERSIST, "") SERVER_OTHERS,
	  .ephemeral = { SERVER_ROOT, SERVER_CACHE, SERVER_HOME } },
	{ .name = "from-archive",
	  .make = server_make_archive,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .cmdline = "rd.blankroot.from=" SERVER_ARCHIVE,
	  .ephemeral = { SERVER_ROOT } },
	{ .name = "no-space",
	  .size = FULL_IMAGE_SIZE,
	  .make = server_make_full,
	  .config = ROOT("\"/var/big\"", "") "archives {\n\tkeep-min = 1\n}\n",
	  .ephemeral = { SERVER_ROOT },
	  .drops_archives = true },
	{ .name = "unsynced",
	  .before = write_unsynced,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { SERVER_ROOT },
	  .loose = "var/lib/app" },
	{ .name = "hundredth-boot",
	  .boots = 99,
	  .config = ROOT(LAYOUT_PERSIST, ""),
	  .ephemeral = { SERVER_ROOT } },
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
