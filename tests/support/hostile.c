/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old roots and blanks that try to lead a reset out of the persistent path. */
#include "hostile.h"

#include "cleanup.h"
#include "layout.h"
#include "run.h"
#include "tree.h"

#include <check.h>
#include <string.h>

const struct hostile hostile_scenarios[] = {
	/* a component of the path is a link, in the old root */
	{ .name = "parent is /", .old = "mv etc was; ln -s / etc", .code = 4 },
	{ .name = "parent is ..", .old = "mv etc was; ln -s .. etc", .code = 4 },
	{ .name = "parent is .", .old = "mv etc was; ln -s . etc", .code = 4 },
	{ .name = "parent outside", .old = "mv etc was; ln -s ../outside etc", .code = 4 },
	{ .name = "parent on host", .old = "mv etc was; ln -s $HOST etc", .code = 4 },
	{ .name = "parent is sibling", .old = "mv etc was; ln -s was etc", .code = 4 },
	{ .name = "parent is loop", .old = "mv etc was; ln -s etc etc", .code = 4 },
	{ .name = "parent dangles", .old = "mv etc was; ln -s none etc", .code = 4 },
	{ .name = "grandparent outside",
	  .old = "mv var was; ln -s ../outside var",
	  .path = "var/lib/app",
	  .code = 4 },
	{ .name = "deep parent outside",
	  .old = "mv var/lib var/was; ln -s ../../outside/lib var/lib",
	  .path = "var/lib/app",
	  .code = 4 },

	/* the path itself is a link */
	{ .name = "link to /", .old = "mv etc/ssh etc/was; ln -s / etc/ssh" },
	{ .name = "link to ..", .old = "mv etc/ssh etc/was; ln -s .. etc/ssh" },
	{ .name = "link to sibling", .old = "mv etc/ssh etc/was; ln -s was etc/ssh" },
	{ .name = "link outside", .old = "mv etc/ssh etc/was; ln -s ../../outside/ssh etc/ssh" },
	{ .name = "link to host", .old = "mv etc/ssh etc/was; ln -s $HOST/ssh etc/ssh" },
	{ .name = "link to itself", .old = "mv etc/ssh etc/was; ln -s ssh etc/ssh" },
	{ .name = "file is link",
	  .old = "rm etc/machine-id; ln -s ../../outside/machine-id etc/machine-id",
	  .path = "etc/machine-id" },
	{ .name = "links inside",
	  .old = "cd etc/ssh; ln -s / a; ln -s .. b; ln -s ../../../outside c; ln -s $HOST d" },

	/* the same in the blank, into which is written */
	{ .name = "blank: parent outside", .blank = "rm -r etc; ln -s ../outside etc", .code = 4 },
	{ .name = "blank: parent on host", .blank = "rm -r etc; ln -s $HOST etc", .code = 4 },
	{ .name = "blank: parent is sibling", .blank = "mv etc was; ln -s was etc", .code = 4 },
	{ .name = "blank: link outside",
	  .blank = "rm -r etc/ssh; ln -s ../../outside/ssh etc/ssh" },
	{ .name = "blank: link to host", .blank = "rm -r etc/ssh; ln -s $HOST/ssh etc/ssh" },
	{ .name = "blank: link to .", .blank = "rm -r etc/ssh; ln -s . etc/ssh" },
	{ .name = "blank: links inside",
	  .blank = "cd etc/ssh; ln -s $HOST/ssh a; ln -s ../../../outside b" },
	{ .name = "blank: create below link",
	  .blank = "ln -s ../outside srv",
	  .path = "srv/new",
	  .options = "create = directory",
	  .code = 4 },
	{ .name = "blank: create below host",
	  .blank = "ln -s $HOST srv",
	  .path = "srv/new",
	  .options = "create = file",
	  .code = 4 },
	{ .name = "blank: created is link",
	  .blank = "ln -s ../outside/new srv",
	  .path = "srv",
	  .options = "create = file" },
	{ .name = "blank: passwd is link",
	  .blank = "rm etc/passwd; ln -s $HOST/passwd etc/passwd",
	  .path = "srv",
	  .options = "create = directory\nowner = \"hostuser\"",
	  .code = 4 },
	{ .name = "blank: passwd is fifo",
	  .blank = "rm etc/passwd; mkfifo etc/passwd",
	  .path = "srv",
	  .options = "create = directory\nowner = \"app\"",
	  .code = 4 },

	/* not the kind of object that it was */
	{ .name = "parent is file", .old = "mv etc was; echo x >etc", .code = 4 },
	{ .name = "parent is fifo", .old = "mv etc was; mkfifo etc", .code = 4 },
	{ .name = "parent is device", .old = "mv etc was; mknod etc c 1 5", .code = 4 },
	{ .name = "parent is absent", .old = "mv etc was", .differs = "." },
	{ .name = "directory is file",
	  .old = "mv etc/ssh etc/was; echo x >etc/ssh; chattr +i etc/ssh" },
	{ .name = "directory is fifo", .old = "mv etc/ssh etc/was; mkfifo -m 640 etc/ssh" },
	{ .name = "directory is socket",
	  .old = "mv etc/ssh etc/was; perl -MIO::Socket::UNIX -e "
		 "'IO::Socket::UNIX->new(Local => \"etc/ssh\", Listen => 1)'" },
	{ .name = "directory is device", .old = "mv etc/ssh etc/was; mknod -m 600 etc/ssh b 7 0" },
	{ .name = "file is directory",
	  .old = "rm etc/machine-id; mkdir etc/machine-id; echo x >etc/machine-id/x",
	  .path = "etc/machine-id" },
	{ .name = "hard link to outside of it",
	  .old = "ln etc/passwd etc/ssh/passwd; ln etc/passwd etc/ssh/again" },
	{ .name = "blank: parent is file", .blank = "rm -r etc; echo x >etc", .code = 4 },
	{ .name = "blank: parent is fifo", .blank = "rm -r etc; mkfifo etc", .code = 4 },
	{ .name = "blank: parent is absent", .blank = "rm -r etc", .differs = "etc" },
	{ .name = "blank: directory is file",
	  .blank = "rm -r etc/ssh; echo x >etc/ssh; chattr +i etc/ssh" },
	{ .name = "blank: directory is device", .blank = "rm -r etc/ssh; mknod etc/ssh c 1 5" },
	{ .name = "blank: immutable",
	  .blank = "mkdir etc/ssh/d; echo x >etc/ssh/d/x; chattr -R +i etc/ssh" },

	/* subvolumes */
	{ .name = "became subvolume",
	  .old = "mv etc/ssh was; btrfs -q subvolume create etc/ssh; mv was/* etc/ssh" },
	{ .name = "became read-only subvolume",
	  .old = "mv etc/ssh was; btrfs -q subvolume create etc/ssh; mv was/* etc/ssh; "
		 "btrfs property set -ts etc/ssh ro true" },
	{ .name = "parent became subvolume",
	  .old = "mv etc was; btrfs -q subvolume create etc; mv was/* etc" },
	{ .name = "subvolumes inside",
	  .old = "cd etc/ssh; btrfs -q subvolume create s; btrfs -q subvolume create s/s; "
		 "echo x >s/s/x; btrfs property set -ts s/s ro true" },
	{ .name = "place-holder",
	  .old = "rm -r etc/ssh; btrfs -q subvolume create etc/ssh",
	  .top = "mv root was; btrfs -q subvolume snapshot was root" },
	{ .name = "blank: subvolume",
	  .blank = "mv etc/ssh was; btrfs -q subvolume create etc/ssh; mv was/* etc/ssh; "
		   "rmdir was" },
	{ .name = "blank: parent is subvolume",
	  .blank = "mv etc was; btrfs -q subvolume create etc; mv was/* etc; rmdir was",
	  .differs = "etc" },
	{ .name = "blank: place-holder",
	  .blank = "rm -r etc/ssh; btrfs -q subvolume create etc/ssh",
	  .top = "mv root-blank was; btrfs -q subvolume snapshot -r was root-blank" },
	{ .name = "blank: parent is place-holder",
	  .blank = "rm -r etc; btrfs -q subvolume create etc",
	  .top = "mv root-blank was; btrfs -q subvolume snapshot -r was root-blank",
	  .differs = "etc" },
	{ .name = "subvolume: file",
	  .old = "mv etc/ssh was; echo x >etc/ssh",
	  .options = "method = subvolume",
	  .code = 4 },
	{ .name = "subvolume: link",
	  .old = "mv etc/ssh was; ln -s ../../outside/ssh etc/ssh",
	  .options = "method = subvolume",
	  .code = 4 },
	{ .name = "subvolume: device",
	  .old = "mv etc/ssh was; mknod etc/ssh c 1 5",
	  .options = "method = subvolume",
	  .code = 4 },
	{ .name = "subvolume: parent link",
	  .old = "mv etc was; ln -s ../outside etc",
	  .options = "method = subvolume",
	  .code = 4 },

	/* what the reset itself works on */
	{ .name = "archive directory is link",
	  .top = "mv old_roots was; ln -s outside old_roots",
	  .code = 3,
	  .says = "old_roots" },
	{ .name = "archive directory is file",
	  .top = "mv old_roots was; echo x >old_roots",
	  .code = 3,
	  .says = "old_roots" },
	{ .name = "state directory is link",
	  .top = "ln -s outside .blankroot",
	  .code = 3,
	  .says = ".blankroot" },
	{ .name = "state directory is file",
	  .top = "echo x >.blankroot",
	  .code = 3,
	  .says = ".blankroot" },
	{ .name = "blank is link",
	  .top = "mv root-blank was; ln -s was root-blank",
	  .code = 3,
	  .says = "root-blank" },
	{ .name = "root is directory",
	  .top = "mv root was; mkdir root; cp -a was/. root",
	  .code = 3,
	  .says = "root" },
};
const size_t hostile_count = sizeof(hostile_scenarios) / sizeof(hostile_scenarios[0]);

const char *hostile_path(const struct hostile *scenario)
{
	return scenario->path ? scenario->path : "etc/ssh";
}

static void fill_canary(const char *dir)
{
	free(run_shell(0,
		       "cd '%s'; mkdir -p ssh lib/app; echo canary >ssh/ssh_host_key; "
		       "echo canary >machine-id; "
		       "echo canary >lib/app/data; echo hostuser:x:4242:4242::/:/bin/sh >passwd",
		       dir));
}

static void run_in(int top, const char *dir, const char *line)
{
	BR_AUTO_CLOSE int fd = tree_open(top, dir, false);

	if (line)
		free(run_shell(fd, "%s", line));
}

int hostile_set_up(const struct hostile *scenario, struct hostile_place *place)
{
	struct image *image = image_create(NULL);
	int top = image_mount(image, NULL);
	BR_AUTO_FREE char *outside = NULL;

	place->image = image;
	place->host = image_scratch_dir();
	fill_canary(place->host);
	ck_assert(setenv("HOST", place->host, 1) == 0);
	layout_make(top);
	(void)close(tree_mkdir(top, "outside"));
	ck_assert(asprintf(&outside, "%s/outside", image->mountpoint) > 0);
	fill_canary(outside);
	run_in(top, "root", scenario->old);
	subvol_set_read_only(top, "root-blank", false);
	run_in(top, "root-blank", scenario->blank);
	subvol_set_read_only(top, "root-blank", true);
	run_in(top, ".", scenario->top);
	ck_assert_msg(syncfs(top) == 0, "syncfs: %s", strerror(errno));
	return top;
}

void hostile_watch(const struct hostile_place *place, struct watch *watch)
{
	static const char *const bystander[] = { "outside",  "persist",      "root/usr",
						 "root/was", "root/etc/was", "root/var/was" };

	watch_tree(watch, place->host);
	for (size_t i = 0; i < sizeof(bystander) / sizeof(bystander[0]); i++) {
		BR_AUTO_FREE char *path = NULL, *real = NULL;

		ck_assert(asprintf(&path, "%s/%s", place->image->mountpoint, bystander[i]) > 0);
		real = realpath(path, NULL);
		if (real && strcmp(real, path) == 0) /* there, and not by way of a link */
			watch_tree(watch, path);
	}
	ck_assert_uint_gt(watch->count, 8);
}
