/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States that a server can be in before its reset. */
#include "server-states.h"

#include "cleanup.h"
#include "full.h"
#include "layout.h"
#include "tree.h"

#define BIG (12ULL << 20) /* more than what one archive gives back, less than what two do */

void server_make_first(int top)
{
	run_ok(top, "rmdir", "old_roots");
}

void server_make_carried(int top)
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

void server_make_others(int top)
{
	make_ephemeral(top, "cache", "cache-blank");
	make_ephemeral(top, "home", "home-blank");
}

void server_make_archive(int top)
{
	subvol_snapshot(top, "root-blank", "old_roots/" SERVER_ARCHIVE, false);
	tree_write(top, "old_roots/" SERVER_ARCHIVE "/etc/of-the-archive", "good\n");
	subvol_set_read_only(top, "old_roots/" SERVER_ARCHIVE, true);
}

void server_make_full(int top)
{
	full_make_unshareable(top, "root/var/big", BIG);
	full_make_archives(top);
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}
