/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount table: understanding its text, finding who uses a subvolume. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "mountinfo.h"
#include "suite.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A server of the usual layout, a container, a mount point with a space in its name. */
static const char server[] =
	"21 29 0:19 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
	"22 29 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw\n"
	"29 1 0:25 /root / rw,noatime shared:1 - btrfs /dev/mapper/crypt rw,ssd,subvolid=301,subvol=/root\n"
	"33 29 0:25 /nix /nix rw,noatime shared:2 master:3 propagate_from:4 - btrfs /dev/mapper/crypt rw\n"
	"34 33 0:26 / /mnt/with\\040space\\011and\\134more rw unbindable - tmpfs none rw,size=1k\n"
	"35 29 0:25 /old_roots/a\\012b /mnt/line rw - btrfs /dev/mapper/crypt rw,subvol=/old_roots/a\\012b\n"
	"36 29 0:30 / /mnt/- rw - fuse.sshfs user@host:/ - rw,user_id=0\n"
	"40 29 8:1 /etc/resolv.conf//deleted /etc/resolv.conf rw - ext4 /dev/sda1 rw\n"
	"99 29 0:4 net:[4026531840] /run/netns/a rw shared:9 - nsfs nsfs rw\n";

static const struct br_mount server_mounts[] = {
	{ 21, (char[]){ "/" }, (char[]){ "/sys" }, (char[]){ "sysfs" }, (char[]){ "sysfs" },
	  (char[]){ "rw" } },
	{ 22, (char[]){ "/" }, (char[]){ "/proc" }, (char[]){ "proc" }, (char[]){ "proc" },
	  (char[]){ "rw" } },
	{ 29, (char[]){ "/root" }, (char[]){ "/" }, (char[]){ "btrfs" },
	  (char[]){ "/dev/mapper/crypt" }, (char[]){ "rw,ssd,subvolid=301,subvol=/root" } },
	{ 33, (char[]){ "/nix" }, (char[]){ "/nix" }, (char[]){ "btrfs" },
	  (char[]){ "/dev/mapper/crypt" }, (char[]){ "rw" } },
	{ 34, (char[]){ "/" }, (char[]){ "/mnt/with space\tand\\more" }, (char[]){ "tmpfs" },
	  (char[]){ "none" }, (char[]){ "rw,size=1k" } },
	{ 35, (char[]){ "/old_roots/a\nb" }, (char[]){ "/mnt/line" }, (char[]){ "btrfs" },
	  (char[]){ "/dev/mapper/crypt" }, (char[]){ "rw,subvol=/old_roots/a\\012b" } },
	{ 36, (char[]){ "/" }, (char[]){ "/mnt/-" }, (char[]){ "fuse.sshfs" },
	  (char[]){ "user@host:/" }, (char[]){ "-" } },
	{ 40, (char[]){ "/etc/resolv.conf//deleted" }, (char[]){ "/etc/resolv.conf" },
	  (char[]){ "ext4" }, (char[]){ "/dev/sda1" }, (char[]){ "rw" } },
	{ 99, (char[]){ "net:[4026531840]" }, (char[]){ "/run/netns/a" }, (char[]){ "nsfs" },
	  (char[]){ "nsfs" }, (char[]){ "rw" } },
};

START_TEST(test_parse)
{
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };

	ck_assert_int_eq(br_mountinfo_parse(server, &info, &err), 0);
	ck_assert_uint_eq(info.count, COUNT(server_mounts));
	for (size_t i = 0; i < info.count; i++) {
		ck_assert_uint_eq(info.mounts[i].id, server_mounts[i].id);
		ck_assert_str_eq(info.mounts[i].root, server_mounts[i].root);
		ck_assert_str_eq(info.mounts[i].target, server_mounts[i].target);
		ck_assert_str_eq(info.mounts[i].type, server_mounts[i].type);
		ck_assert_str_eq(info.mounts[i].source, server_mounts[i].source);
		ck_assert_str_eq(info.mounts[i].options, server_mounts[i].options);
	}
	br_mountinfo_free(&info);
	ck_assert_uint_eq(info.count, 0);
	br_mountinfo_free(&info);
	br_mountinfo_free(NULL);
}
END_TEST

START_TEST(test_parse_nothing)
{
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };

	ck_assert_int_eq(br_mountinfo_parse("", &info, &err), 0);
	ck_assert_uint_eq(info.count, 0);
	br_mountinfo_free(&info);
}
END_TEST

/* Fields that the kernel may add one day stand before the separator or at the end. */
START_TEST(test_parse_more_fields)
{
	static const char text[] =
		"36 35 98:0 /root /mnt rw shared:1 new:5 other - btrfs /dev/sda rw more";
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };

	ck_assert_int_eq(br_mountinfo_parse(text, &info, &err), 0);
	ck_assert_uint_eq(info.count, 1);
	ck_assert_str_eq(info.mounts[0].root, "/root");
	ck_assert_str_eq(info.mounts[0].type, "btrfs");
	br_mountinfo_free(&info);
}
END_TEST

static const struct {
	const char *escaped, *text;
} escapes[] = {
	{ "/\\040", "/ " },     { "/\\134040", "/\\040" },      { "/\\1", "/\\1" },
	{ "/\\12", "/\\12" },   { "/\\128", "/\\128" },         { "/\\", "/\\" },
	{ "/\\\\040", "/\\ " }, { "/\\303\\244", "/\xc3\xa4" }, { "/a\\043b", "/a#b" },
	{ "/\\x20", "/\\x20" }, { "/\\0400", "/ 0" },           { "/\\400/a", "/\\400/a" },
	{ "/\\777", "/\\777" }, { "/\\377", "/\xff" },          { "/\\000", "/\\000" },
	{ "/\\001", "/\x01" },
};

START_TEST(test_escapes)
{
	for (size_t i = 0; i < COUNT(escapes); i++) {
		struct br_mountinfo info = { 0 };
		struct br_error err = { 0 };
		BR_AUTO_FREE char *text = NULL;

		ck_assert(asprintf(&text, "1 2 0:3 %s %s rw - btrfs none rw\n", escapes[i].escaped,
				   escapes[i].escaped) > 0);
		ck_assert_int_eq(br_mountinfo_parse(text, &info, &err), 0);
		ck_assert_str_eq(info.mounts[0].root, escapes[i].text);
		ck_assert_str_eq(info.mounts[0].target, escapes[i].text);
		br_mountinfo_free(&info);
	}
}
END_TEST

static const char *const malformed[] = {
	"36",
	"x 35 98:0 /root /mnt rw - btrfs /dev/sda rw",
	"+36 35 98:0 /root /mnt rw - btrfs /dev/sda rw",
	"-1 35 98:0 /root /mnt rw - btrfs /dev/sda rw",
	"\t36 35 98:0 /root /mnt rw - btrfs /dev/sda rw",
	"18446744073709551616 35 98:0 /root /mnt rw - btrfs /dev/sda rw",
	"36 35 98:0",
	"36 35 98:0 /root",
	"36 35 98:0 /root /mnt",
	"36 35 98:0 /root /mnt rw",
	"36 35 98:0 /root /mnt rw shared:1 btrfs /dev/sda rw",
	"36 35 98:0 /root /mnt rw -",
	"36 35 98:0 /root /mnt rw - ",
	"36 35 98:0  /mnt rw - btrfs /dev/sda rw",
	"36 35 98:0 /root  rw - btrfs /dev/sda rw",
	" ",
	"-",
	"rootfs / rootfs rw 0 0",
};

/* A safety check depends on it: what is not understood is an error, wherever it stands. */
START_TEST(test_malformed)
{
	for (size_t i = 0; i < COUNT(malformed); i++) {
		struct br_mountinfo info = { .count = 77 };
		struct br_error err = { 0 };
		BR_AUTO_FREE char *text = NULL;

		ck_assert(asprintf(&text, "%s%s\n%s", server, malformed[i], server) > 0);
		ck_assert_msg(br_mountinfo_parse(text, &info, &err) == BR_ERR_READ, "'%s'",
			      malformed[i]);
		ck_assert_int_eq(err.code, BR_ERR_READ);
		ck_assert_str_eq(err.path, "/proc/self/mountinfo");
		ck_assert_uint_eq(info.count, 77);
		ck_assert_ptr_null(info.mounts);
	}
}
END_TEST

static const struct {
	const char *subvolume;
	const char *target; /* where it is in use; NULL: nowhere */
} uses[] = {
	{ "root", "/" },
	{ "nix", "/nix" },
	{ "old_roots", "/mnt/line" }, /* something inside */
	{ "old_roots/a\nb", "/mnt/line" },
	{ "old_roots/a", NULL },
	{ "old_roots/a\nb/c", NULL }, /* what contains it is mounted, not itself */
	{ "roo", NULL },
	{ "root2", NULL },
	{ "ni", NULL },
	{ "etc", NULL }, /* of another file system type */
	{ "etc/resolv.conf", NULL },
	{ ".blankroot", NULL },
};

/* Without a file system to compare with, the path alone decides. */
START_TEST(test_find)
{
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };

	ck_assert_int_eq(br_mountinfo_parse(server, &info, &err), 0);
	for (size_t i = 0; i < COUNT(uses); i++) {
		const struct br_mount *mount = br_mountinfo_find_btrfs(&info, -1,
								       uses[i].subvolume);

		ck_assert_msg((mount == NULL) == (uses[i].target == NULL), "%s", uses[i].subvolume);
		if (mount)
			ck_assert_str_eq(mount->target, uses[i].target);
	}
	br_mountinfo_free(&info);
}
END_TEST

START_TEST(test_read_own)
{
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };
	bool has_proc = false;

	ck_assert_int_eq(br_mountinfo_read(&info, &err), 0);
	for (size_t i = 0; i < info.count; i++)
		has_proc |= strcmp(info.mounts[i].target, "/proc") == 0 &&
			    strcmp(info.mounts[i].type, "proc") == 0;
	ck_assert(has_proc);
	br_mountinfo_free(&info);
}
END_TEST

static int parse_and_free(void)
{
	struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };
	int r = br_mountinfo_parse(server, &info, &err);
	bool is_consistent = r == err.code && (r == 0 || (!info.mounts && info.count == 0));

	br_mountinfo_free(&info);
	return is_consistent ? r : 1;
}

START_TEST(test_no_memory)
{
	assert_survives_no_memory(parse_and_free());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mountinfo");
	TCase *tcase = suite_add_case(suite, "mountinfo", NULL, NULL, 10);

	tcase_add_test(tcase, test_parse);
	tcase_add_test(tcase, test_parse_nothing);
	tcase_add_test(tcase, test_parse_more_fields);
	tcase_add_test(tcase, test_escapes);
	tcase_add_test(tcase, test_malformed);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_read_own);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite, false);
}
