/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The comparison that test-copy-fidelity.c trusts, tried itself: in a copy of the tree with
 * everything one attribute at a time is changed, and the comparison has to name that object and no
 * other one.
 */
#include "cleanup.h"
#include "copy.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A change by shell commands, run at the top of the copy. */
struct flip {
	const char *path;    /* what is changed; its and its directory's times are put back */
	const char *command; /* "$1" is the path */
	const char *also;    /* another object that the differences may be about */
	bool is_time;        /* the change is one of times: they are not put back */
};

/* Same size, new content, and no trace of the write. */
#define BYTE(offset) "printf X | dd of=\"$1\" bs=1 seek=" #offset " conv=notrunc status=none"
#define REPLACE(command) "cp -a --reflink=auto \"$1\" ../spare; " command "; rm -f ../spare"

#define FLIP(what, how)                      \
	{                                    \
		.path = what, .command = how \
	}
#define MORE(what, how, other)                              \
	{                                                   \
		.path = what, .command = how, .also = other \
	}
#define TIME(what, how)                                       \
	{                                                     \
		.path = what, .command = how, .is_time = true \
	}

static const struct flip flips[] = {
	FLIP("sizes/1", BYTE(0)),
	FLIP("sizes/2047", BYTE(2046)),
	FLIP("sizes/4096", BYTE(100)),
	FLIP("sizes/1000000", BYTE(999999)),
	FLIP("compressed/lzo", BYTE(3000)),
	FLIP("compressed/inline", BYTE(1)),
	FLIP("flags/nodatacow", BYTE(8192)),
	MORE("links/a/first", BYTE(1), "link"),
	FLIP("modes/closed-dir/inside", BYTE(0)),
	FLIP("sizes/131072",
	     REPLACE("dd if=../spare of=\"$1\" conv=notrunc status=none")), /* no longer shared */
	FLIP("sizes/4097", "truncate -s 4096 \"$1\""),
	FLIP("sizes/0", "truncate -s 1 \"$1\""),
	FLIP("sparse/hole-at-end", "truncate -s -1 \"$1\""),
	FLIP("sparse/hole-in-middle",
	     "dd if=/dev/zero of=\"$1\" bs=4096 count=1 seek=10 conv=notrunc status=none"),
	FLIP("sparse/only-hole", "fallocate -o 0 -l 4096 \"$1\""),
	FLIP("preallocated/all", "fallocate -p -o 0 -l 524288 \"$1\""),
	FLIP("preallocated/half",
	     "dd if=/dev/zero of=\"$1\" bs=4096 count=1 seek=32 conv=notrunc status=none"),
	FLIP("compressed/zlib", REPLACE("setfattr -x btrfs.compression \"$1\"; "
					"dd if=../spare of=\"$1\" conv=notrunc status=none; "
					"setfattr -n btrfs.compression -v zlib \"$1\"")),
	FLIP("compressed/in-dir", "setfattr -n btrfs.compression -v lzo \"$1\""),
	FLIP("compressed", "setfattr -n btrfs.compression -v lzo \"$1\""),

	FLIP("modes/read-only", "chmod o-r \"$1\""),
	FLIP("modes/none", "chmod u+r \"$1\""),
	FLIP("modes/setuid", "chmod u-s \"$1\""),
	FLIP("modes/setgid-not-executable", "chmod g-s \"$1\""),
	FLIP("modes/sticky", "chmod -t \"$1\""),
	FLIP("modes/setgid-dir", "chmod g-s \"$1\""),
	FLIP("modes/setgid-dir/plain-dir", "chmod g+s \"$1\""),
	FLIP("modes/sticky-dir", "chmod -t \"$1\""),
	FLIP("special/fifo", "chmod g+r \"$1\""),
	FLIP("special/socket", "chmod o-x \"$1\""),
	FLIP("special/block", "chmod o+r \"$1\""),
	FLIP("owners/foreign", "chown 123457 \"$1\""),
	FLIP("owners/largest", "chgrp 4294967293 \"$1\""),
	FLIP("owners/negative-16-bit", "chown 4294967294 \"$1\""),
	FLIP("owners", "chgrp 101 \"$1\""),
	FLIP("symlinks/dangling", "chown -h 0 \"$1\""),
	FLIP("special/socket", "chgrp 1 \"$1\""),

	TIME("times/nanoseconds", "touch -md @1700000000.000000002 \"$1\""),
	TIME("times/nearly-a-second", "touch -md @1700000000.999999998 \"$1\""),
	TIME("times/atime-differs", "touch -ad @1111111111.000000012 \"$1\""),
	TIME("times/before-1970", "touch -md @-1.5 \"$1\""),
	TIME("times/after-2038", "touch -md @2147483647.000000004 \"$1\""),
	TIME("times/after-2446", "touch -md @20000000001.000000006 \"$1\""),
	TIME("times/dir", "touch -md @-5 \"$1\""),
	TIME("times/symlink", "touch -hmd @4000000000.000000008 \"$1\""),
	TIME("special/fifo", "touch -md @123456.000000788 \"$1\""),
	TIME("empty-dir", "touch -ad @1.000000002 \"$1\""),
	TIME(".", "touch -md @1234567890.987654322 \"$1\""),

	FLIP("symlinks/absolute", "rm \"$1\"; ln -s /etc/shadow \"$1\"; "
				  "setfattr -hn security.of-a-link -v 0x000102 \"$1\""),
	FLIP("symlinks/odd", "rm \"$1\"; ln -s 'a b' \"$1\""),
	FLIP("special/large-numbers", "rm \"$1\"; mknod \"$1\" c 4095 1048574; chmod 2600 \"$1\""),
	FLIP("special/block", "rm \"$1\"; mknod -m 660 \"$1\" b 8 300; chgrp 6 \"$1\""),
	FLIP("special/whiteout", "rm \"$1\"; mknod -m 0 \"$1\" b 0 0"),
	FLIP("links/twin-1", "rm \"$1\"; mkfifo -m 644 \"$1\""),

	FLIP("xattrs/each-namespace", "setfattr -n user.text -v texT \"$1\""),
	FLIP("xattrs/each-namespace", "setfattr -x user.empty \"$1\""),
	FLIP("xattrs/each-namespace", "setfattr -x trusted.secret \"$1\""),
	FLIP("xattrs/each-namespace", "setfattr -n security.selinux -v other \"$1\""),
	FLIP("xattrs/each-namespace", "setfattr -n user.added -v 1 \"$1\""),
	FLIP("xattrs/large", "setfattr -n user.large -v 1 \"$1\""),
	FLIP("xattrs/many",
	     "setfattr -x \"$(getfattr -m 'user[.]177' --absolute-names \"$1\" | grep ^user)\" "
	     "\"$1\""),
	FLIP("xattrs/dir", "setfattr -x trusted.overlay.opaque \"$1\""),
	FLIP("symlinks/dangling", "setfattr -hx trusted.of-a-link \"$1\""),
	FLIP("special/fifo", "setfattr -n trusted.of-a-fifo -v 2 \"$1\""),
	FLIP("special/socket", "setfattr -x trusted.of-a-socket \"$1\""),
	FLIP("capabilities/v2", "setfattr -x security.capability \"$1\""),
	FLIP("capabilities/v3", "setfattr -n security.capability -v "
				"0x010000030004000000000000000000000000000001000000 \"$1\""),
	FLIP(".", "setfattr -x user.of-the-top \"$1\""),
	FLIP("acls/file", "setfacl -m u:1000:rw,m::rx \"$1\""),
	FLIP("acls/setuid-with-acl", "setfacl -x u:1000 \"$1\""),
	FLIP("acls/default-only", "setfacl -k \"$1\""),
	FLIP("acls/both", "setfacl -d -m g:2:r \"$1\""),
	FLIP("acls/both/no-acl", "setfacl -m u:1:r,m::r \"$1\""),

	FLIP("flags/nodatacow-empty", "chattr -C \"$1\""),
	FLIP("flags/nodatacow",
	     REPLACE("rm \"$1\"; touch \"$1\"; dd if=../spare of=\"$1\" conv=notrunc status=none")),
	FLIP("flags/nodatacow-dir", "chattr -C \"$1\""),
	FLIP("flags/nodatacow-dir/cow-file",
	     REPLACE("rm \"$1\"; touch \"$1\"; dd if=../spare of=\"$1\" conv=notrunc status=none")),
	FLIP("flags/immutable", "chattr -i \"$1\""),
	FLIP("flags/immutable-dir", "chattr -i \"$1\""),
	FLIP("flags/append-only", "chattr -a \"$1\""),
	FLIP("flags/append-only-dir", "chattr -a \"$1\""),
	FLIP("flags/no-atime", "chattr -A \"$1\""),
	FLIP("flags/no-dump-dir", "chattr -d \"$1\""),
	FLIP("flags/sync", "chattr -S \"$1\""),
	FLIP("flags/dirsync-dir", "chattr -D \"$1\""),
	FLIP("flags/no-compress", "chattr -m \"$1\""),
	FLIP("flags/compress-dir", "chattr -c \"$1\""),
	FLIP("sizes/2048", "chattr +i \"$1\""),

	MORE("links/b/third", REPLACE("rm \"$1\"; cp -a --reflink=always ../spare \"$1\""), "link"),
	MORE("links/b/fifo", "rm \"$1\"; mkfifo -m 644 \"$1\"; touch -r links/a/fifo \"$1\"",
	     "links/a/fifo"),
	MORE("links/twin-2", "ln -f links/twin-1 \"$1\"", "links/twin-1"),
	MORE("names/inside-a-a-name", "mv \"$1\" names/inside-A-a-name.", "names"),
	MORE("sizes/4095", "rm \"$1\"", "sizes"),
	MORE("sizes/additional", "touch \"$1\"", "sizes"),
	MORE("empty-dir", "rmdir \"$1\"", "."),
	FLIP("empty-dir", "rmdir \"$1\"; touch \"$1\""),
	MORE("modes/sticky-dir/additional", "mkdir \"$1\"", "modes/sticky-dir"),

	FLIP("subvolumes/read-only", "btrfs property set -f -ts \"$1\" ro false"),
	FLIP("subvolumes/writable/inner", "btrfs property set -f -ts \"$1\" ro false"),
	FLIP("subvolumes/writable/file", BYTE(0)),
	FLIP("subvolumes/writable",
	     "mkdir ../spare; cp -a --reflink=always \"$1/file\" ../spare; "
	     "btrfs -q subvolume delete \"$1/inner\" \"$1\"; mv ../spare \"$1\""),
};
#define FLIPS (sizeof(flips) / sizeof(flips[0]))

static struct image *image;
static int top = -1, source = -1;
static struct facts *facts; /* about the source */

static void make_source(void)
{
	image = image_create(NULL);
	top = image_mount(image, NULL);
	subvol_create(top, "source");
	source = tree_open(top, "source", false);
	BR_AUTO_CLOSE int tree = tree_mkdir(source, "everything");
	tree_everything(tree, TREE_SMALL);
	facts = oracle_facts(tree, NULL);
}

static void drop_source(void)
{
	facts_free(facts);
	(void)close(source);
	image_free(image);
}

/* Times of an object, to be put back; it may not exist, or be immutable by then. */
struct times {
	const char *path;
	struct timespec times[2];
	bool exists;
};

static struct times get_times(int dirfd, const char *path)
{
	struct times times = { .path = path };
	struct stat st;

	times.exists = fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (times.exists) {
		times.times[0] = st.st_atim;
		times.times[1] = st.st_mtim;
	}
	return times;
}

static void put_times(int dirfd, const struct times *times)
{
	if (times->exists && utimensat(dirfd, times->path, times->times, AT_SYMLINK_NOFOLLOW) != 0)
		ck_assert_msg(errno == ENOENT || errno == EPERM, "%s: %s", times->path,
			      strerror(errno));
}

static void change(int tree, const struct flip *flip)
{
	const char *slash = strrchr(flip->path, '/');
	BR_AUTO_FREE char *parent = slash ? strndup(flip->path, (size_t)(slash - flip->path))
					  : strdup(".");
	struct times of_object = get_times(tree, flip->path);
	struct times of_parent = get_times(tree, parent);

	run_ok(tree, "sh", "-euc", flip->command, "sh", flip->path);
	if (!flip->is_time) {
		put_times(tree, &of_object);
		put_times(tree, &of_parent);
	}
	ck_assert_msg(syncfs(top) == 0, "syncfs: %s", strerror(errno));
}

/* Is a line of differences about this path, or something below it? */
static bool is_about(const char *line, const char *path)
{
	size_t length = path ? strlen(path) : 0;

	return path && strncmp(line, path, length) == 0 &&
	       (line[length] == ':' || line[length] == '/');
}

static void check_differences(char *differences, const struct flip *flip)
{
	char *next = differences;
	unsigned about = 0;

	for (char *line = strsep(&next, "\n"); line && *line; line = strsep(&next, "\n")) {
		bool expected = is_about(line, flip->path);

		about += expected;
		if (flip->also &&
		    strcmp(flip->also, "link") == 0) /* the group that begins with links/a/first */
			expected = expected || strncmp(line, "link", 4) == 0;
		ck_assert_msg(expected || is_about(line, flip->also),
			      "%s: %s: unexpected difference: %s", flip->path, flip->command, line);
	}
	ck_assert_msg(about > 0, "not noticed: %s: %s", flip->path, flip->command);
}

/* What oracle_compare does, with what is known about the source already. */
static char *compare(int copy)
{
	BR_AUTO_CLOSE int tree = tree_open(source, "everything", false);
	struct facts *of_copy = oracle_facts(copy, NULL);
	BR_AUTO_FREE char *difference = oracle_diff(facts, of_copy);
	BR_AUTO_FREE char *rsync = oracle_rsync(tree, copy, NULL);
	char *both = NULL;

	facts_free(of_copy);
	ck_assert(asprintf(&both, "%s%s", difference, rsync) >= 0);
	return both;
}

/* It is the comparison that is tested: with the sanitizers a part of them is enough. */
START_TEST(test_flip)
{
	const struct flip *flip = &flips[_i];
	struct br_error err;
	char name[24];

	if (run_tool_is_sanitized() && _i % 4 != 0)
		return;
	snprintf(name, sizeof(name), "flip-%d", _i);
	subvol_create(top, name);
	BR_AUTO_CLOSE int parent = tree_open(top, name, false);
	ck_assert_int_eq(br_copy_tree(source, "everything", parent, "copy", NULL, NULL, &err), 0);
	BR_AUTO_CLOSE int copy = tree_open(parent, "copy", false);
	change(copy, flip);
	BR_AUTO_FREE char *differences = compare(copy);
	check_differences(differences, flip);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("copy-flips");
	TCase *one_by_one = suite_add_case(suite, "one-by-one", make_source, drop_source, 60);

	tcase_add_loop_test(one_by_one, test_flip, 0, FLIPS);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
