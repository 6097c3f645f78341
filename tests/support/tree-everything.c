/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tree with everything that a copy could get wrong. */
#include "cleanup.h"
#include "run.h"
#include "tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* A change of owner clears setuid and capabilities; writing clears setuid. */
static void make_modes(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "modes" },
		{ TREE_FILE, "modes/none", .mode = TREE_MODE_NONE, .size = 10 },
		{ TREE_FILE, "modes/read-only", .mode = 0444, .size = 5000 },
		{ TREE_FILE, "modes/setuid", .mode = 04755, .size = 5000 },
		{ TREE_FILE, "modes/setuid-foreign", .mode = 06711, .uid = 1234, .gid = 4321,
		  .size = 10 },
		{ TREE_FILE, "modes/setgid", .mode = 02755, .gid = 7, .size = 1 },
		{ TREE_FILE, "modes/setgid-not-executable", .mode = 02644, .gid = 7, .size = 1 },
		{ TREE_FILE, "modes/sticky", .mode = 01644, .size = 1 },
		{ TREE_FILE, "modes/all", .mode = 07777, .uid = 99, .gid = 99, .size = 3 },
		{ .type = TREE_DIRECTORY, .path = "modes/setgid-dir", .mode = 02775, .gid = 50 },
		{ TREE_FILE, "modes/setgid-dir/other-group", .gid = 51 },
		{ .type = TREE_DIRECTORY, .path = "modes/setgid-dir/plain-dir" },
		{ .type = TREE_DIRECTORY, .path = "modes/sticky-dir", .mode = 01777 },
		{ .type = TREE_DIRECTORY,
		  .path = "modes/closed-dir",
		  .mode = TREE_MODE_NONE,
		  .uid = 5 },
		{ TREE_FILE, "modes/closed-dir/inside", .size = 1 },
		{ .type = TREE_DIRECTORY, .path = "empty-dir", .time = { 1, 1 } },
	};

	TREE_BUILD(dirfd, nodes);
}

/* Around the limits of inline extents and sectors. */
static void make_sizes(int dirfd)
{
	static const unsigned size[] = {
		0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 131072, 1000000
	};

	(void)close(tree_mkdir(dirfd, "sizes"));
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		char path[32];

		snprintf(path, sizeof(path), "sizes/%u", size[i]);
		tree_build(dirfd,
			   &(struct tree_node){ .type = TREE_FILE, .path = path, .size = size[i] },
			   1);
	}
}

static void make_sparse(int dirfd, bool huge)
{
	static const struct tree_range at_start[] = { { MIB, 100 * KIB }, { 0, 0 } };
	static const struct tree_range in_middle[] = { { 0, 8 * KIB },
						       { 300 * KIB, 9000 },
						       { 0, 0 } };
	static const struct tree_range at_end[] = { { 0, 70 * KIB }, { 0, 0 } };
	static const struct tree_range none[] = { { 0, 0 } };
	static const struct tree_range far_apart[] = { { 0, 1 },
						       { 2 * GIB - 5, 10 },
						       { 4 * GIB - 5000, 10000 },
						       { 5 * GIB - 70000, 4096 },
						       { 0, 0 } };
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "sparse" },
		{ TREE_FILE, "sparse/hole-at-start", .size = MIB + 100 * KIB, .ranges = at_start },
		{ TREE_FILE, "sparse/hole-in-middle", .size = 300 * KIB + 9000,
		  .ranges = in_middle },
		{ TREE_FILE, "sparse/hole-at-end", .size = 3 * MIB + 1, .ranges = at_end },
		{ TREE_FILE, "sparse/only-hole", .size = 12345678, .ranges = none },
		{ TREE_FILE, "sparse/small-hole", .size = 100, .ranges = none },
	};
	static const struct tree_node huge_file = { TREE_FILE, "huge", .size = 5 * GIB,
						    .ranges = far_apart };

	TREE_BUILD(dirfd, nodes);
	if (huge)
		tree_build(dirfd, &huge_file, 1);
}

static void make_preallocated(int dirfd)
{
	static const struct tree_range none[] = { { 0, 0 } };
	static const struct tree_range some[] = { { 200 * KIB, 10 * KIB }, { 0, 0 } };
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "preallocated" },
		{ TREE_FILE, "preallocated/all", .size = 512 * KIB, .ranges = none },
		{ TREE_FILE, "preallocated/half", .size = 512 * KIB, .ranges = none },
		{ TREE_FILE, "preallocated/partly-written", .size = 512 * KIB, .ranges = some },
	};

	TREE_BUILD(dirfd, nodes);
	tree_preallocate(dirfd, "preallocated/all", 0, 512 * KIB);
	tree_preallocate(dirfd, "preallocated/half", 128 * KIB, 64 * KIB);
	tree_preallocate(dirfd, "preallocated/partly-written", 100 * KIB, 200 * KIB);
}

static void make_compressed(int dirfd)
{
	static const char *const method[] = { "zstd", "lzo", "zlib" };
	static const struct tree_node dir = { .type = TREE_DIRECTORY, .path = "compressed" };
	static const struct tree_node in_dir = { TREE_FILE, "compressed/in-dir", .size = 300000,
						 .compressible = true };

	tree_build(dirfd, &dir, 1);
	for (size_t i = 0; i < 3; i++) {
		char path[32];

		snprintf(path, sizeof(path), "compressed/%s", method[i]);
		tree_write(dirfd, path, "");
		tree_set_xattr(dirfd, path, "btrfs.compression", method[i], strlen(method[i]));
		BR_AUTO_CLOSE int fd = tree_open(dirfd, path, true);
		tree_fill(fd, 0, 400 * KIB, (unsigned)i, true);
		tree_fill(fd, MIB, 400 * KIB, (unsigned)i, false);
	}
	tree_set_xattr(dirfd, "compressed/zstd", "btrfs.compression", "",
		       0); /* data stays as it is */
	tree_set_xattr(dirfd, "compressed", "btrfs.compression", "zstd", 4);
	tree_build(dirfd, &in_dir, 1);
	tree_write(dirfd, "compressed/inline",
		   "short, short, short, short, short, short, short, short, short");
}

static void make_nodatacow(int dirfd)
{
	static const char *const path[] = { "flags/nodatacow", "flags/nodatacow-empty",
					    "flags/nodatacow-sparse" };

	for (size_t i = 0; i < 3; i++) {
		tree_write(dirfd, path[i], "");
		tree_change_flags(dirfd, path[i], FS_NOCOW_FL, 0);
	}
	BR_AUTO_CLOSE int full = tree_open(dirfd, "flags/nodatacow", true);
	tree_fill(full, 0, 300000, 1, false);
	BR_AUTO_CLOSE int sparse = tree_open(dirfd, "flags/nodatacow-sparse", true);
	tree_fill(sparse, 200 * KIB, 5000, 2, false);
	(void)close(tree_mkdir(dirfd, "flags/nodatacow-dir"));
	tree_write(dirfd, "flags/nodatacow-dir/cow-file", "made before the directory had the flag");
	tree_change_flags(dirfd, "flags/nodatacow-dir", FS_NOCOW_FL, 0);
	tree_write(dirfd, "flags/nodatacow-dir/nodatacow-file", "inherited");
}

/*
 * Immutable and append-only objects come last: nothing below or beside them can be made any more.
 */
static void make_flags(int dirfd)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = {
		{ "no-atime", FS_NOATIME_FL },    { "no-dump", FS_NODUMP_FL },
		{ "sync", FS_SYNC_FL },           { "compress", FS_COMPR_FL },
		{ "no-compress", FS_NOCOMP_FL },  { "append-only", FS_APPEND_FL },
		{ "immutable", FS_IMMUTABLE_FL },
	};

	(void)close(tree_mkdir(dirfd, "flags"));
	make_nodatacow(dirfd);
	(void)close(tree_mkdir(dirfd, "flags/dirsync-dir"));
	tree_change_flags(dirfd, "flags/dirsync-dir", FS_DIRSYNC_FL, 0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char file[40], dir[40], inside[48];

		snprintf(file, sizeof(file), "flags/%s", flags[i].name);
		snprintf(dir, sizeof(dir), "flags/%s-dir", flags[i].name);
		snprintf(inside, sizeof(inside), "%s/inside", dir);
		tree_write(dirfd, file, "a file with a flag");
		(void)close(tree_mkdir(dirfd, dir));
		tree_write(dirfd, inside, "a file without it");
		tree_change_flags(dirfd, file, flags[i].flag, 0);
		tree_change_flags(dirfd, dir, flags[i].flag, 0);
	}
}

static void make_links(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "links" },
		{ .type = TREE_DIRECTORY, .path = "links/a" },
		{ .type = TREE_DIRECTORY, .path = "links/b" },
		{ TREE_FILE, "links/a/first", .mode = 04755, .uid = 3, .size = 9000 },
		{ TREE_HARDLINK, "links/a/second", .target = "links/a/first" },
		{ TREE_HARDLINK, "links/b/third", .target = "links/a/first" },
		{ TREE_HARDLINK, "linked-at-top", .target = "links/a/first" },
		{ .type = TREE_FIFO, .path = "links/a/fifo" },
		{ TREE_HARDLINK, "links/b/fifo", .target = "links/a/fifo" },
		{ TREE_SYMLINK, "links/a/symlink", .target = "nowhere" },
		{ TREE_HARDLINK, "links/b/symlink", .target = "links/a/symlink" },
		{ TREE_CHAR, "links/a/char", .major = 1, .minor = 3 },
		{ TREE_HARDLINK, "links/b/char", .target = "links/a/char" },
		{ TREE_FILE, "links/a/immutable", .size = 20 },
		{ TREE_HARDLINK, "links/b/immutable", .target = "links/a/immutable" },
		{ TREE_FILE, "links/twin-1", .size = 0, .time = { 7, 7 } },
		{ TREE_FILE, "links/twin-2", .size = 0, .time = { 7, 7 } },
	};

	TREE_BUILD(dirfd, nodes);
	tree_change_flags(dirfd, "links/a/immutable", FS_IMMUTABLE_FL, 0);
}

static void make_symlinks(int dirfd)
{
	static char longest[4096];
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "symlinks" },
		{ TREE_SYMLINK, "symlinks/dangling", .target = "no/such/thing", .uid = 12,
		  .gid = 13 },
		{ TREE_SYMLINK, "symlinks/absolute", .target = "/etc/passwd", .time = { 1000, 5 } },
		{ TREE_SYMLINK, "symlinks/root", .target = "/" },
		{ TREE_SYMLINK, "symlinks/parent", .target = ".." },
		{ TREE_SYMLINK, "symlinks/self", .target = "self" },
		{ TREE_SYMLINK, "symlinks/loop-1", .target = "loop-2" },
		{ TREE_SYMLINK, "symlinks/loop-2", .target = "loop-1" },
		{ TREE_SYMLINK, "symlinks/odd", .target = "a\nb\\c\x01\xff" },
		{ TREE_SYMLINK, "symlinks/longest", .target = longest },
	};

	memset(longest, 'x', sizeof(longest) - 1);
	TREE_BUILD(dirfd, nodes);
	tree_set_xattr(dirfd, "symlinks/dangling", "trusted.of-a-link", "itself", 6);
	tree_set_xattr(dirfd, "symlinks/absolute", "security.of-a-link", "\0\1\2", 3);
}

static void make_specials(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "special" },
		{ TREE_FIFO, "special/fifo", .mode = 0620, .uid = 8, .gid = 9,
		  .time = { 123456, 789 } },
		{ TREE_SOCKET, "special/socket", .mode = 0777, .uid = 1, .time = { 1, 999999999 } },
		{ TREE_CHAR, "special/null", .mode = 0666, .major = 1, .minor = 3 },
		{ TREE_CHAR, "special/large-numbers", .major = 4095, .minor = 1048575,
		  .mode = 02600 },
		{ TREE_CHAR, "special/whiteout", .mode = TREE_MODE_NONE },
		{ TREE_BLOCK, "special/block", .major = 7, .minor = 300, .gid = 6, .mode = 0660 },
	};

	TREE_BUILD(dirfd, nodes);
	tree_set_xattr(dirfd, "special/fifo", "trusted.of-a-fifo", "1", 1);
	tree_set_xattr(dirfd, "special/null", "security.selinux",
		       "system_u:object_r:null_device_t:s0", 35);
	tree_set_xattr(dirfd, "special/socket", "trusted.of-a-socket", "", 0);
}

/* Every byte but '/' and NUL, alone and within, and names as long as they get. */
static void make_names(int dirfd)
{
	BR_AUTO_CLOSE int dir = tree_mkdir(dirfd, "names");
	char all[256], name[256] = "inside-";
	size_t length = 0;

	for (unsigned byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		snprintf(name + 7, sizeof(name) - 7, "%c-a-name", (int)byte);
		tree_write(dir, name, "");
		snprintf(name + 7, sizeof(name) - 7, "%s", "");
		if (byte != '.')
			tree_write(dir, (char[]){ (char)byte, '\0' }, "");
		all[length++] = (char)byte;
	}
	all[length] = '\0';
	tree_write(dir, all, "a name of all bytes");
	memset(name, 'l', sizeof(name) - 1);
	name[255] = '\0';
	(void)close(tree_mkdir(dir, name));
	BR_AUTO_CLOSE int long_dir = tree_open(dir, name, false);
	tree_write(long_dir, name, "255 bytes below 255 bytes");
	ck_assert(symlinkat(name, long_dir, all) == 0);
}

static void make_times(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "times", .time = { 981173106, 123456789 } },
		{ TREE_FILE, "times/nanoseconds", .time = { 1700000000, 1 }, .size = 1 },
		{ TREE_FILE, "times/nearly-a-second", .time = { 1700000000, 999999999 } },
		{ TREE_FILE, "times/before-1970", .time = { -1, 500000000 } },
		{ TREE_FILE, "times/before-1902", .time = { -2200000000, 3 } },
		{ TREE_FILE, "times/after-2038", .time = { 2147483648, 4 } },
		{ TREE_FILE, "times/after-2106", .time = { 4294967296, 5 } },
		{ TREE_FILE, "times/after-2446", .time = { 20000000000, 6 } },
		{ .type = TREE_DIRECTORY, .path = "times/dir", .time = { -5, 7 } },
		{ TREE_FILE, "times/dir/inside", .time = { 55, 8 } },
		{ TREE_SYMLINK, "times/symlink", .target = "x", .time = { 4000000000, 9 } },
		{ TREE_FILE, "times/atime-differs", .size = 4 },
	};
	const struct timespec different[2] = { { 1111111111, 11 }, { 999999999, 22 } };

	TREE_BUILD(dirfd, nodes);
	ck_assert(utimensat(dirfd, "times/atime-differs", different, 0) == 0);
	ck_assert(utimensat(dirfd, "times", different, 0) == 0);
}

static void make_owners(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "owners", .uid = 1000, .gid = 100 },
		{ TREE_FILE, "owners/foreign", .uid = 123456, .gid = 654321 },
		{ TREE_FILE, "owners/container", .uid = 100000, .gid = 165535 },
		{ TREE_FILE, "owners/largest", .uid = 4294967294, .gid = 4294967294 },
		{ TREE_FILE, "owners/negative-16-bit", .uid = 65534, .gid = 65535 },
	};

	TREE_BUILD(dirfd, nodes);
}

static void make_xattrs(int dirfd)
{
	static const unsigned char binary[] = { 0, 255, '\n', '"', '\\', 0 };
	static char large[12000], name[256] = "user.";
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "xattrs" },
		{ TREE_FILE, "xattrs/each-namespace", .size = 10 },
		{ TREE_FILE, "xattrs/large", .size = 10, .mode = 0444 },
		{ .type = TREE_FILE, .path = "xattrs/many" },
		{ .type = TREE_DIRECTORY, .path = "xattrs/dir", .mode = 0500 },
	};

	TREE_BUILD(dirfd, nodes);
	tree_set_xattr(dirfd, "xattrs/each-namespace", "user.text", "text", 4);
	tree_set_xattr(dirfd, "xattrs/each-namespace", "user.empty", "", 0);
	tree_set_xattr(dirfd, "xattrs/each-namespace", "user.binary", binary, sizeof(binary));
	tree_set_xattr(dirfd, "xattrs/each-namespace", "trusted.secret", "s", 1);
	tree_set_xattr(dirfd, "xattrs/each-namespace", "security.selinux",
		       "system_u:object_r:etc_t:s0", 27);
	tree_set_xattr(dirfd, "xattrs/dir", "trusted.overlay.opaque", "y", 1);
	tree_set_xattr(dirfd, "xattrs/dir", "user.of-a-directory", "d", 1);
	memset(large, 'L', sizeof(large));
	tree_set_xattr(dirfd, "xattrs/large", "user.large", large, sizeof(large));
	memset(name + 5, 'n', 250);
	tree_set_xattr(dirfd, "xattrs/large", name, "longest name", 12);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "user.%03u%.200s", i, large);
		tree_set_xattr(dirfd, "xattrs/many", name, &i, sizeof(i));
	}
}

static void make_acls(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "acls" },
		{ TREE_FILE, "acls/file", .size = 10, .mode = 0640 },
		{ TREE_FILE, "acls/setuid-with-acl", .size = 10, .mode = 04750, .uid = 44 },
		{ .type = TREE_DIRECTORY, .path = "acls/default-only" },
		{ .type = TREE_DIRECTORY, .path = "acls/both", .mode = 02770, .gid = 70 },
	};

	TREE_BUILD(dirfd, nodes);
	run_ok(dirfd, "setfacl", "-m", "u:1000:rwx,g:2000:r,m::rx", "acls/file");
	run_ok(dirfd, "setfacl", "-m", "u:1000:---", "acls/setuid-with-acl");
	run_ok(dirfd, "setfacl", "-d", "-m", "u:3000:rwx,g::-,o::-", "acls/default-only");
	tree_write(dirfd, "acls/default-only/inherits", "an ACL from its directory");
	(void)close(tree_mkdir(dirfd, "acls/default-only/inherits-dir"));
	run_ok(dirfd, "setfacl", "-b", "acls/default-only/inherits");
	tree_write(dirfd, "acls/default-only/inherited-and-kept", "an ACL");
	run_ok(dirfd, "setfacl", "-m", "u:1:r,d:g:2:rw,d:m::r", "acls/both");
	tree_write(dirfd, "acls/both/no-acl", "x");
	run_ok(dirfd, "setfacl", "-b", "acls/both/no-acl");
}

/* Version 2: cap_net_bind_service, effective. Version 3 is the same for a user namespace's root. */
static void make_capabilities(int dirfd)
{
	static const unsigned char v2[20] = { 1, 0, 0, 2, 0, 4 };
	static const unsigned char v3[24] = { 1, 0, 0, 3, 0, 4, [20] = 0xa0, 0x86, 1, 0 };
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "capabilities" },
		{ TREE_FILE, "capabilities/v2", .mode = 0755, .size = 5000 },
		{ TREE_FILE, "capabilities/v2-foreign-setuid", .mode = 04755, .uid = 31, .gid = 32,
		  .size = 100 },
		{ TREE_FILE, "capabilities/v3", .mode = 0755, .uid = 100000 },
	};

	TREE_BUILD(dirfd, nodes);
	tree_set_xattr(dirfd, "capabilities/v2", "security.capability", v2, sizeof(v2));
	tree_set_xattr(dirfd, "capabilities/v2-foreign-setuid", "security.capability", v2,
		       sizeof(v2));
	tree_set_xattr(dirfd, "capabilities/v3", "security.capability", v3, sizeof(v3));
}

static void make_subvolumes(int dirfd)
{
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "subvolumes" },
		{ .type = TREE_SUBVOLUME,
		  .path = "subvolumes/read-only",
		  .mode = 0750,
		  .uid = 10,
		  .time = { 77, 7 } },
		{ TREE_FILE, "subvolumes/read-only/file", .size = 50000 },
		{ .type = TREE_DIRECTORY, .path = "subvolumes/read-only/dir" },
		{ .type = TREE_SUBVOLUME, .path = "subvolumes/writable" },
		{ TREE_FILE, "subvolumes/writable/file", .size = 10 },
		{ .type = TREE_SUBVOLUME, .path = "subvolumes/writable/inner" },
		{ TREE_SYMLINK, "subvolumes/writable/inner/link", .target = "/" },
		{ .type = TREE_DIRECTORY,
		  .path = "mount-point",
		  .mode = 0711,
		  .uid = 4,
		  .time = { 66, 6 } },
	};

	TREE_BUILD(dirfd, nodes);
	run_ok(dirfd, "btrfs", "property", "set", "-ts", "subvolumes/read-only", "ro", "true");
	run_ok(dirfd, "btrfs", "property", "set", "-ts", "subvolumes/writable/inner", "ro", "true");
}

static void make_large(int dirfd, enum tree_parts parts)
{
	if (parts & TREE_DEEP) {
		BR_AUTO_CLOSE int deep = tree_mkdir(dirfd, "deep");
		tree_make_deep(deep, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	}
	if (parts & TREE_MANY)
		tree_make_many(dirfd, "many", tree_many_entries(), tree_many_entries(), 0);
}

void tree_everything(int dirfd, enum tree_parts parts)
{
	static void (*const make[])(int) = {
		make_modes,    make_sizes,    make_preallocated, make_compressed, make_links,
		make_symlinks, make_specials, make_names,        make_times,      make_owners,
		make_xattrs,   make_acls,     make_capabilities, make_subvolumes, make_flags,
	};

	for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++)
		make[i](dirfd);
	make_sparse(dirfd, parts & TREE_HUGE);
	make_large(dirfd, parts);
	tree_set_xattr(dirfd, ".", "user.of-the-top", "1", 1);
	ck_assert(fchmod(dirfd, 01751) == 0 && fchown(dirfd, 21, 22) == 0);
	tree_set_time(dirfd, ".", (struct timespec){ 1234567890, 987654321 });
	ck_assert_msg(syncfs(dirfd) == 0, "syncfs: %s", strerror(errno));
}
