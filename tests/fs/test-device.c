/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding one device, on real loop devices in a /dev that holds nothing but their nodes. */
#include "cleanup.h"
#include "device.h"
#include "disk.h"
#include "image.h"
#include "run.h"
#include "suite.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DISK_SIZE (128ULL << 20)
#define LABEL "my root"

/* btrfs with a label; the same in a partition; ext4; locked; nothing on it */
static struct disk plain, partitioned, ext4, locked, blank;
static char partition[32];
static char *plain_uuid, *partition_uuid, *part_uuid, *ext4_uuid;

static const char locked_uuid[] = "6f2c1a52-31f3-4f9c-8f4c-3f5f9a0c7b11";

/* What makes a device LUKS for libblkid: magic, version 1, UUID. */
static void make_locked(struct disk *disk)
{
	disk_create(disk, DISK_SIZE);
	disk_write(disk, 0, "LUKS\xba\xbe\0\1", 8);
	disk_write(disk, 168, locked_uuid, sizeof(locked_uuid));
}

static void make_partitioned(void)
{
	disk_create(&partitioned, 2 * DISK_SIZE);
	/* not telling the kernel saves a sync(2), which waits for whatever else the machine does */
	free(run_shell(0,
		       "printf 'label: gpt\\nsize=%lluKiB,name=\"" LABEL
		       "\"\\n' | sfdisk -q --no-reread --no-tell-kernel %s",
		       DISK_SIZE >> 10, partitioned.device));
	/* not by rescanning: this kernel need not have a parser for partition tables */
	run_ok(0, "partx", "--add", partitioned.device);
	snprintf(partition, sizeof(partition), "%sp1", partitioned.device);
	run_ok(0, "mkfs.btrfs", "-qKf", partition);
}

static void make_disks(void)
{
	disk_create(&plain, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", "-L", LABEL, plain.device);
	make_partitioned();
	disk_create(&ext4, DISK_SIZE);
	run_ok(0, "mkfs.ext4", "-qF", ext4.device);
	make_locked(&locked);
	disk_create(&blank, DISK_SIZE);
	plain_uuid = disk_value(plain.device, "UUID");
	partition_uuid = disk_value(partition, "UUID");
	part_uuid = disk_value(partition, "PART_ENTRY_UUID");
	ext4_uuid = disk_value(ext4.device, "UUID");
}

static void free_disks(void)
{
	run_ok(0, "partx", "--delete", partitioned.device);
	for (size_t i = 0; i < 5; i++)
		disk_free((struct disk *[]){ &plain, &partitioned, &ext4, &locked, &blank }[i]);
	free(plain_uuid);
	free(partition_uuid);
	free(part_uuid);
	free(ext4_uuid);
}

static void show_all(void)
{
	disk_private_dev();
	disk_show(plain.device);
	disk_show(partitioned.device);
	disk_show(partition);
	disk_show(ext4.device);
	disk_show(locked.device);
	disk_show(blank.device);
}

BR_PRINTF(1, 2)
static char *text_of(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	ck_assert_int_ge(vasprintf(&text, fmt, args), 0);
	va_end(args);
	return text;
}

/* It is found, there, at once. Takes spec. */
static void expect_found(char *spec, const char *path, const char *uuid)
{
	struct br_device device = { 0 };
	struct br_error err = { 0 };
	char message[2048];
	int r = br_device_find(spec, 0, &device, &err);

	br_error_format(&err, message, sizeof(message));
	ck_assert_msg(r == 0, "%s: %s", spec, message);
	ck_assert_str_eq(device.path, path);
	ck_assert_str_eq(device.fsid, uuid);
	ck_assert_uint_eq(device.members, 1);
	br_device_free(&device);
	free(spec);
}

/* It is not found, and the message has all of these words. Takes spec. */
#define expect_error(code, spec, ...) \
	expect_words((code), (spec), (const char *const[]){ __VA_ARGS__, NULL })
static void expect_words(int code, char *spec, const char *const *words)
{
	struct br_device device = { .members = 77 };
	struct br_error err = { 0 };
	char message[2048];
	int r = br_device_find(spec, 0, &device, &err);

	ck_assert_msg(r == code, "%s: %d", spec, r);
	ck_assert_int_eq(err.code, code);
	br_error_format(&err, message, sizeof(message));
	for (size_t i = 0; words[i]; i++)
		ck_assert_msg(strstr(message, words[i]), "no '%s' in: %s", words[i], message);
	ck_assert_uint_eq(device.members, 77);
	ck_assert_ptr_null(device.path);
	free(spec);
}

START_TEST(test_spec)
{
	static const char *const valid[] = {
		"UUID=x",        "LABEL=x",     "PARTUUID=x", "PARTLABEL=x y", "/dev/sda",
		"LABEL=\"x y\"", "\"LABEL=x\"", "'/dev/sda'", "UUID='x'",      "/"
	};
	static const char *const invalid[] = { "",      "\"\"",       "fstab", "gpt-auto",
					       "UUID=", "LABEL=\"\"", "sda",   "uuid=x",
					       "254:1", "dev/sda",    "UUID",  "nfs:x",
					       "\"" };

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		ck_assert_msg(br_device_spec_is_valid(valid[i]), "%s", valid[i]);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		ck_assert_msg(!br_device_spec_is_valid(invalid[i]), "%s", invalid[i]);
	expect_error(BR_ERR_USAGE, strdup("fstab"), "fstab", "PARTUUID=");
	br_device_free(NULL);
	br_device_free(&(struct br_device){ .path = NULL });
}
END_TEST

START_TEST(test_find_by_uuid)
{
	char *upper = text_of("UUID=%s", plain_uuid);

	show_all();
	for (char *c = upper; *c; c++)
		*c = (char)toupper(*c);
	expect_found(upper, plain.device, plain_uuid);
	expect_found(text_of("UUID=%s", plain_uuid), plain.device, plain_uuid);
	expect_found(text_of("UUID=\"%s\"", plain_uuid), plain.device, plain_uuid);
	expect_found(text_of("\"UUID=%s\"", partition_uuid), partition, partition_uuid);
}
END_TEST

START_TEST(test_find_by_label)
{
	show_all();
	expect_found(strdup("LABEL=" LABEL), plain.device, plain_uuid);
	expect_found(strdup("LABEL=\"" LABEL "\""), plain.device, plain_uuid);
	expect_found(strdup("PARTLABEL=" LABEL), partition, partition_uuid);
	expect_error(BR_ERR_DEVICE_MISSING, strdup("LABEL=my"), "LABEL=my", "no btrfs has it");
}
END_TEST

START_TEST(test_find_by_partition)
{
	show_all();
	expect_found(text_of("PARTUUID=%s", part_uuid), partition, partition_uuid);
	ck_assert_int_eq(umount2("/sys", MNT_DETACH), 0);
	expect_error(BR_ERR_DEVICE_MISSING, text_of("PARTUUID=%s", part_uuid),
		     "/sys is not mounted");
	expect_found(text_of("UUID=%s", partition_uuid), partition, partition_uuid);
}
END_TEST

START_TEST(test_find_by_path)
{
	char *elsewhere = image_scratch_dir();
	BR_AUTO_FREE char *node = text_of("%s/node", elsewhere);

	show_all();
	ck_assert(mkdir("/dev/disk", 0755) == 0 && mkdir("/dev/disk/by-x", 0755) == 0);
	ck_assert_int_eq(symlink(plain.device, "/dev/disk/by-x/y"), 0);
	expect_found(strdup(plain.device), plain.device, plain_uuid);
	expect_found(text_of("'%s'", plain.device), plain.device, plain_uuid);
	expect_found(strdup("/dev/disk/by-x/y"), plain.device, plain_uuid);
	ck_assert_int_eq(unlink(plain.device), 0);
	disk_show_as(plain.device, node);
	expect_found(strdup(node), node, plain_uuid);
	free(elsewhere);
}
END_TEST

/* The kernel shows a member under the path that it was registered with: one that people know. */
START_TEST(test_mapper_name_wins)
{
	show_all();
	ck_assert_int_eq(mkdir("/dev/mapper", 0755), 0);
	ck_assert_int_eq(symlink(plain.device, "/dev/mapper/vg-root"), 0);
	expect_found(text_of("UUID=%s", plain_uuid), "/dev/mapper/vg-root", plain_uuid);
	expect_found(strdup(plain.device), "/dev/mapper/vg-root", plain_uuid);
	ck_assert_int_eq(unlink("/dev/mapper/vg-root"), 0);
	disk_show_as(plain.device, "/dev/mapper/vg-root");
	expect_found(text_of("UUID=%s", plain_uuid), "/dev/mapper/vg-root", plain_uuid);
}
END_TEST

/* As some drivers have them: /dev/cciss/c0d0. Mounts in /dev hold other things. */
START_TEST(test_directories_of_dev)
{
	disk_private_dev();
	ck_assert(mkdir("/dev/sub", 0755) == 0 && mkdir("/dev/shm", 0755) == 0);
	ck_assert_int_eq(mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL), 0);
	disk_show_as(plain.device, "/dev/shm/x");
	expect_error(BR_ERR_DEVICE_MISSING, text_of("UUID=%s", plain_uuid), plain_uuid);
	disk_show_as(plain.device, "/dev/sub/x");
	expect_found(text_of("UUID=%s", plain_uuid), "/dev/sub/x", plain_uuid);
}
END_TEST

START_TEST(test_metadata_uuid)
{
	struct disk changed;
	BR_AUTO_FREE char *uuid = NULL;

	disk_copy(&changed, &plain);
	run_ok(0, "btrfstune", "-f", "-m", changed.device);
	uuid = disk_value(changed.device, "UUID");
	ck_assert_str_ne(uuid, plain_uuid);
	show_all();
	disk_show(changed.device);
	expect_found(text_of("UUID=%s", uuid), changed.device, uuid);
	expect_found(text_of("UUID=%s", plain_uuid), plain.device, plain_uuid);
	disk_free(&changed);
}
END_TEST

START_TEST(test_not_a_device)
{
	show_all();
	ck_assert_int_eq(symlink("/dev/nothing", "/dev/dangling"), 0);
	ck_assert_int_eq(symlink("loop", "/dev/loop"), 0);
	expect_error(BR_ERR_DEVICE_PROBE, strdup(plain.file), plain.file, "a regular file",
		     "losetup");
	expect_error(BR_ERR_DEVICE_PROBE, strdup("/"), "a directory");
	expect_error(BR_ERR_DEVICE_PROBE, strdup("/dev/null"), "not a block device");
	expect_error(BR_ERR_DEVICE_PROBE, strdup("/dev/loop"), strerror(ELOOP));
	expect_error(BR_ERR_DEVICE_MISSING, strdup("/dev/nothing"), "/dev/nothing",
		     "does not exist");
	expect_error(BR_ERR_DEVICE_MISSING, strdup("/dev/dangling"), "does not exist");
	expect_error(BR_ERR_DEVICE_MISSING, strdup("/dev/null/x"), "does not exist");
}
END_TEST

START_TEST(test_something_else)
{
	show_all();
	expect_error(BR_ERR_DEVICE_PROBE, strdup(ext4.device), ext4.device,
		     "holds ext4, not btrfs");
	expect_error(BR_ERR_DEVICE_PROBE, text_of("UUID=%s", ext4_uuid), ext4_uuid, ext4.device,
		     "holds ext4");
	expect_error(BR_ERR_DEVICE_PROBE, strdup(locked.device), "holds crypto_LUKS",
		     "is it unlocked?");
	expect_error(BR_ERR_DEVICE_PROBE, text_of("UUID=%s", locked_uuid), locked.device,
		     "is it unlocked?");
	expect_error(BR_ERR_DEVICE_PROBE, strdup(partitioned.device), "partition table (gpt)",
		     "partitions");
	expect_error(BR_ERR_DEVICE_PROBE, strdup(blank.device), blank.device, "nothing recognised");
	expect_error(BR_ERR_DEVICE_MISSING, strdup("UUID=x"), "Locked (crypto_LUKS)", locked.device,
		     "Btrfs found", plain.device, plain_uuid, "LABEL=" LABEL, partition);
}
END_TEST

/* Two kinds of content on one device: which one counts is not ours to guess. */
START_TEST(test_ambivalent)
{
	static const char swap_magic[] = "SWAPSPACE2";
	struct disk both;

	disk_copy(&both, &plain);
	disk_write(&both, 4086, swap_magic, 10);
	disk_write(&both, 1024, "\1\0\0\0\x10\0\0\0", 8);
	disk_private_dev();
	disk_show(both.device);
	expect_error(BR_ERR_DEVICE_PROBE, strdup(both.device), "several signatures", "wipefs");
	disk_free(&both);
}
END_TEST

/* A half of an md mirror has the same content as the whole, apart from the metadata at its end. */
START_TEST(test_md_member)
{
	uint64_t at = DISK_SIZE - 8192;
	unsigned char super[256] = { 0xfc, 0x4e, 0x2b, 0xa9, 1 };
	struct disk half;

	for (int i = 0; i < 8; i++)
		super[144 + i] = (unsigned char)(at / 512 >> 8 * i);
	disk_copy(&half, &plain);
	disk_write(&half, at, super, sizeof(super));
	show_all();
	disk_show(half.device);
	expect_error(BR_ERR_DEVICE_PROBE, strdup(half.device), "linux_raid_member",
		     "is the array assembled?");
	expect_found(text_of("UUID=%s", plain_uuid), plain.device, plain_uuid);
	disk_free(&half);
}
END_TEST

START_TEST(test_unreadable)
{
	show_all();
	/* 240 to 254: for local use */
	ck_assert_int_eq(mknod("/dev/odd", S_IFBLK | 0600, makedev(251, 99)), 0);
	expect_error(BR_ERR_DEVICE_PROBE, strdup("/dev/odd"), "/dev/odd", "cannot be read",
		     strerror(ENXIO));
	expect_found(text_of("UUID=%s", plain_uuid), plain.device, plain_uuid);
}
END_TEST

START_TEST(test_copy_is_refused)
{
	struct disk copy;

	disk_copy(&copy, &plain);
	show_all();
	disk_show(copy.device);
	expect_error(BR_ERR_LAYOUT, text_of("UUID=%s", plain_uuid), plain.device, copy.device,
		     plain_uuid);
	expect_error(BR_ERR_LAYOUT, strdup(copy.device), plain.device, copy.device);
	expect_found(text_of("UUID=%s", partition_uuid), partition, partition_uuid);
	disk_free(&copy);
}
END_TEST

START_TEST(test_same_label_is_refused)
{
	struct disk other;

	disk_create(&other, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", "-L", LABEL, other.device);
	show_all();
	disk_show(other.device);
	expect_error(BR_ERR_LAYOUT, strdup("LABEL=" LABEL), plain.device, other.device, plain_uuid,
		     "two file systems");
	expect_found(strdup(plain.device), plain.device, plain_uuid);
	disk_free(&other);
}
END_TEST

/* Tell the program that a device is a part of another one, as device-mapper does. */
static void hold(const struct disk *disk)
{
	struct stat st;

	ck_assert_int_eq(stat(disk->device, &st), 0);
	ck_assert_int_eq(mount("tmpfs", "/sys/dev/block", "tmpfs", 0, NULL), 0);
	free(run_shell(0, "mkdir -p /sys/dev/block/%u:%u/holders/dm-0", major(st.st_rdev),
		       minor(st.st_rdev)));
}

/* The disks of a multipath device: not copies. */
START_TEST(test_held_device_is_no_copy)
{
	struct disk path;

	disk_copy(&path, &plain);
	show_all();
	disk_show(path.device);
	hold(&path);
	expect_found(text_of("UUID=%s", plain_uuid), plain.device, plain_uuid);
	expect_found(strdup(path.device), plain.device, plain_uuid);
	disk_free(&path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device");
	TCase *tcase = suite_add_case(suite, "find", make_disks, free_disks, 120);

	tcase_add_test(tcase, test_spec);
	tcase_add_test(tcase, test_find_by_uuid);
	tcase_add_test(tcase, test_find_by_label);
	tcase_add_test(tcase, test_find_by_partition);
	tcase_add_test(tcase, test_find_by_path);
	tcase_add_test(tcase, test_mapper_name_wins);
	tcase_add_test(tcase, test_directories_of_dev);
	tcase_add_test(tcase, test_metadata_uuid);
	tcase_add_test(tcase, test_not_a_device);
	tcase_add_test(tcase, test_something_else);
	tcase_add_test(tcase, test_ambivalent);
	tcase_add_test(tcase, test_md_member);
	tcase_add_test(tcase, test_unreadable);
	tcase_add_test(tcase, test_copy_is_refused);
	tcase_add_test(tcase, test_same_label_is_refused);
	tcase_add_test(tcase, test_held_device_is_no_copy);
	return suite_run(suite, true);
}
