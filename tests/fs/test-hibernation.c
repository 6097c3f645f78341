/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seeing hibernation images: on swap devices, in swap files, contradicted by something newer. */
#include "cleanup.h"
#include "disk.h"
#include "hibernation.h"
#include "image.h"
#include "run.h"
#include "suite.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DISK_SIZE (128ULL << 20)
#define EFI_VARIABLE \
	"/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"

/* A swap device; a btrfs with a swap file that begins at swap_page of the device */
static struct disk swap, btrfs;
static uint64_t swap_page;

static const char signature[10] = "S1SUSPEND";
static const char swap_signature[10] = { 'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2' };

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static void make_swap_file(void)
{
	disk_create(&btrfs, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", btrfs.device);
	BR_AUTO_FREE char *offset = run_shell(
		0,
		"unshare --mount --propagation private sh -euc '"
		"mount -t tmpfs none /mnt; mkdir /mnt/m; mount %s /mnt/m; cd /mnt/m; "
		"touch swap; chattr +C swap; fallocate -l 16M swap; chmod 600 swap; "
		"mkswap -q swap; sync -f swap; "
		"btrfs inspect-internal map-swapfile -r swap'",
		btrfs.device);
	swap_page = strtoull(offset, NULL, 10);
	ck_assert_uint_gt(swap_page, 0);
}

static void make_disks(void)
{
	disk_create(&swap, DISK_SIZE);
	run_ok(0, "mkswap", "-q", swap.device);
	make_swap_file();
}

static void free_disks(void)
{
	disk_free(&swap);
	disk_free(&btrfs);
}

static void show_all(void)
{
	disk_private_dev();
	disk_show(swap.device);
	disk_show(btrfs.device);
}

static void write_signature(const struct disk *disk, uint64_t page, const char bytes[10])
{
	disk_write(disk, (page + 1) * page_size() - 10, bytes, 10);
}

/*
 * Check with an image there, and take it away at once: loop devices are seen by the whole machine.
 */
static int check_with_image(const struct disk *disk, uint64_t page, const char bytes[10],
			    const struct br_boot *boot, struct br_error *err)
{
	int r;

	write_signature(disk, page, bytes);
	r = br_hibernation_check(boot, err);
	write_signature(disk, page, swap_signature);
	return r;
}

static void expect_image(int r, const struct br_error *err, const struct disk *disk)
{
	char message[2048];

	br_error_format(err, message, sizeof(message));
	ck_assert_int_eq(r, BR_ERR_HIBERNATED);
	ck_assert_int_eq(err->code, BR_ERR_HIBERNATED);
	ck_assert_msg(strcmp(err->path, disk->device) == 0, "%s", message);
	ck_assert_msg(strstr(message, "noresume") && strstr(message, "mkswap"), "%s", message);
}

START_TEST(test_no_image)
{
	static const struct br_boot boots[] = {
		{ .resume = NULL },
		{ .resume = "/dev/nothing" },
		{ .resume = "UUID=x", .has_resume_offset = true, .resume_offset = 5 },
		{ .resume = "/", .has_resume_offset = true, .resume_offset = UINT64_MAX },
		{ .resume = "swap:/dev/x",
		  .has_resume_offset = true,
		  .resume_offset = UINT64_MAX / 4096 },
		{ .resume = "", .noresume = false },
	};
	struct br_error err = { 0 };

	show_all();
	for (size_t i = 0; i < sizeof(boots) / sizeof(boots[0]); i++)
		ck_assert_msg(br_hibernation_check(&boots[i], &err) == 0, "%zu: %s %s", i, err.path,
			      err.text);
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = swap.device }, &err), 0);
}
END_TEST

START_TEST(test_swap_device)
{
	static const char *const signatures[] = { "S1SUSPEND", "S2SUSPEND\0", "ULSUSPEND",
						  "LINHIB0001" };
	char bytes[10];
	struct br_error err = { 0 };

	show_all();
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, signatures[i], strnlen(signatures[i], sizeof(bytes)));
		int r = check_with_image(&swap, 0, bytes, &(struct br_boot){ .resume = NULL },
					 &err);
		expect_image(r, &err, &swap);
		r = check_with_image(&swap, 0, bytes, &(struct br_boot){ .resume = swap.device },
				     &err);
		expect_image(r, &err, &swap);
	}
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = swap.device }, &err), 0);
}
END_TEST

START_TEST(test_noresume)
{
	struct br_boot boot = { .resume = swap.device, .noresume = true };
	struct br_error err = { 0 };

	show_all();
	ck_assert_int_eq(check_with_image(&swap, 0, signature, &boot, &err), 0);
}
END_TEST

/* Named in any way, one that only the kernel understands too. */
START_TEST(test_swap_file)
{
	const char *names[] = { btrfs.device, NULL, "PARTUUID=x/PARTNROFF=1", "254:1", "UUID=x" };
	struct br_boot boot = { .has_resume_offset = true, .resume_offset = swap_page };
	struct br_error err = { 0 };

	show_all();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		boot.resume = names[i];
		int r = check_with_image(&btrfs, swap_page, signature, &boot, &err);
		expect_image(r, &err, &btrfs);
		ck_assert_int_eq(br_hibernation_check(&boot, &err), 0);
	}
	boot.resume_offset = swap_page + 1;
	ck_assert_int_eq(check_with_image(&btrfs, swap_page, signature, &boot, &err), 0);
}
END_TEST

/* A variable of the firmware, as the kernel shows it: attributes, then UTF-16. */
static void write_efi_variable(const char *json)
{
	FILE *file;

	ck_assert_msg(mount("tmpfs", "/sys/firmware", "tmpfs", 0, NULL) == 0, "%s",
		      strerror(errno));
	ck_assert(mkdir("/sys/firmware/efi", 0755) == 0 &&
		  mkdir("/sys/firmware/efi/efivars", 0755) == 0);
	file = fopen(EFI_VARIABLE, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite("\7\0\0\0", 1, 4, file), 4);
	for (size_t i = 0; i <= strlen(json); i++)
		ck_assert_uint_eq(fwrite((char[]){ json[i], 0 }, 1, 2, file), 2);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(test_swap_file_in_efi_variable)
{
	struct br_boot boot = { .resume = NULL };
	struct br_error err = { 0 };
	char json[256];
	int r;

	snprintf(json, sizeof(json),
		 "{\"uuid\":\"x\",\"offset\":%llu,\"kernelVersion\":\"6.12.0\"}",
		 (unsigned long long)swap_page);
	show_all();
	ck_assert_int_eq(check_with_image(&btrfs, swap_page, signature, &boot, &err), 0);
	write_efi_variable(json);
	r = check_with_image(&btrfs, swap_page, signature, &boot, &err);
	expect_image(r, &err, &btrfs);
	ck_assert_int_eq(br_hibernation_check(&boot, &err), 0);
	/* a place of its own besides that of the command line */
	boot.has_resume_offset = true;
	r = check_with_image(&btrfs, swap_page, signature, &boot, &err);
	expect_image(r, &err, &btrfs);
}
END_TEST

START_TEST(test_odd_efi_variable)
{
	static const char *const odd[] = {
		"", "{", "{\"offset\":", "{\"offset\":\"x\"}", "{\"offset\":-}", "{}"
	};
	struct br_error err = { 0 };

	show_all();
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		write_efi_variable(odd[i]);
		ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = NULL }, &err),
				 0);
	}
	ck_assert_int_eq(truncate(EFI_VARIABLE, 3), 0);
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = NULL }, &err), 0);
}
END_TEST

/* Once swap, now a half of an array (metadata 1.2, 4 KiB from the start). */
START_TEST(test_stale_image_in_md_member)
{
	unsigned char super[256] = { 0xfc, 0x4e, 0x2b, 0xa9, 1, [144] = 8 };
	struct br_error err = { 0 };
	struct disk half;

	disk_copy(&half, &swap);
	disk_write(&half, 4096, super, sizeof(super));
	show_all();
	disk_show(half.device);
	ck_assert_int_eq(
		check_with_image(&half, 0, signature, &(struct br_boot){ .resume = NULL }, &err),
		0);
	disk_free(&half);
}
END_TEST

/* An image and a file system on one device: the safe side is to believe in the image. */
START_TEST(test_ambivalent)
{
	struct br_error err = { 0 };
	struct disk both;
	int r;

	disk_copy(&both, &btrfs);
	show_all();
	disk_show(both.device);
	r = check_with_image(&both, 0, signature, &(struct br_boot){ .resume = NULL }, &err);
	expect_image(r, &err, &both);
	disk_free(&both);
}
END_TEST

START_TEST(test_unreadable)
{
	struct br_error err = { 0 };

	show_all();
	/* 240 to 254: for local use */
	ck_assert_int_eq(mknod("/dev/odd", S_IFBLK | 0600, makedev(251, 99)), 0);
	ck_assert_int_eq(symlink("odd", "/dev/link"), 0);
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = NULL }, &err), 0);
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = swap.device }, &err), 0);
	ck_assert_int_eq(br_hibernation_check(&(struct br_boot){ .resume = "/dev/link" }, &err),
			 BR_ERR_DEVICE_PROBE);
	ck_assert_int_eq(err.sys_errno, ENXIO);
	ck_assert_str_eq(err.path, "/dev/odd");
	ck_assert_int_eq(br_hibernation_check(
				 &(struct br_boot){ .resume = "/dev/odd", .noresume = true }, &err),
			 0);
}
END_TEST

/* An image of a system that waits elsewhere is found although something else cannot be read. */
START_TEST(test_unreadable_hides_nothing)
{
	struct br_error err = { 0 };
	int r;

	show_all();
	ck_assert_int_eq(mknod("/dev/a-odd", S_IFBLK | 0600, makedev(251, 99)), 0);
	r = check_with_image(&swap, 0, signature, &(struct br_boot){ .resume = NULL }, &err);
	expect_image(r, &err, &swap);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hibernation");
	TCase *tcase = suite_add_case(suite, "check", make_disks, free_disks, 120);

	tcase_add_test(tcase, test_no_image);
	tcase_add_test(tcase, test_swap_device);
	tcase_add_test(tcase, test_noresume);
	tcase_add_test(tcase, test_swap_file);
	tcase_add_test(tcase, test_swap_file_in_efi_variable);
	tcase_add_test(tcase, test_odd_efi_variable);
	tcase_add_test(tcase, test_stale_image_in_md_member);
	tcase_add_test(tcase, test_ambivalent);
	tcase_add_test(tcase, test_unreadable);
	tcase_add_test(tcase, test_unreadable_hides_nothing);
	return suite_run(suite, true);
}
