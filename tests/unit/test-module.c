/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is btrfs known to the kernel, and what if not? What the kernel says is replaced where needed. */
#include "cleanup.h"
#include "module.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

/* A directory that only this test sees; it ends with it. */
static void enter_private_tmp(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void replace_filesystems(const char *text)
{
	enter_private_tmp();
	write_file("/tmp/filesystems", text);
	ck_assert_int_eq(mount("/tmp/filesystems", "/proc/filesystems", NULL, MS_BIND, NULL), 0);
}

/* No modules on disk, none in the kernel. The libraries of this program are loaded already. */
static void hide_modules(void)
{
	ck_assert_int_eq(mount("tmpfs", "/lib", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/sys/module", "tmpfs", 0, NULL), 0);
}

/* From now on this system call fails with this error. */
static void fail_syscall(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* Nothing there to be loaded: what the message says depends on how it was built. */
static void expect_failure(void)
{
	struct br_error err = { 0 };
	char message[2048];

	ck_assert_int_eq(br_module_load_btrfs(&err), BR_ERR_MODULE);
	ck_assert_int_eq(err.code, BR_ERR_MODULE);
	br_error_format(&err, message, sizeof(message));
	ck_assert_msg(strstr(message, "the kernel does not know btrfs"), "%s", message);
#ifdef WITH_KMOD
	struct utsname kernel;

	ck_assert_int_eq(uname(&kernel), 0);
	ck_assert_msg(strstr(message, kernel.release) && strstr(message, "initramfs"), "%s",
		      message);
#else
	ck_assert_msg(strstr(message, "modprobe btrfs"), "%s", message);
#endif
}

START_TEST(test_known)
{
	struct br_error err = { 0 };

	replace_filesystems("nodev\tsysfs\n\text4\n\tbtrfs\nnodev\tpstore\n");
	fail_syscall(SYS_fsopen, ENODEV);
	ck_assert_int_eq(br_module_load_btrfs(&err), 0);
}
END_TEST

/* The machine that runs the file system tests has it, one way or the other. */
START_TEST(test_known_here)
{
	struct br_error err = { 0 };

	ck_assert_msg(br_module_load_btrfs(&err) == 0, "%s", err.text);
}
END_TEST

START_TEST(test_unknown)
{
	replace_filesystems("nodev\tsysfs\n\text4\n\tbtrfs2\n\tnbtrfs\nnodev\tpstore\n");
	hide_modules();
	expect_failure();
}
END_TEST

static void hide_proc(void)
{
	enter_private_tmp();
	ck_assert_int_eq(mount("tmpfs", "/proc", "tmpfs", 0, NULL), 0);
}

/* The leak checker reads it when the test ends. */
static void show_proc(void)
{
	ck_assert_int_eq(umount2("/proc", MNT_DETACH), 0);
}

START_TEST(test_known_without_proc)
{
	struct br_error err = { 0 };

	hide_proc();
	ck_assert_msg(br_module_load_btrfs(&err) == 0, "%s", err.text);
	show_proc();
}
END_TEST

START_TEST(test_unknown_without_proc)
{
	hide_proc();
	hide_modules();
	fail_syscall(SYS_fsopen, ENODEV);
	expect_failure();
	show_proc();
}
END_TEST

#ifdef WITH_KMOD
/* What depmod would make: an index of one entry (header, root node with prefix and value). */
static void write_module(void)
{
	static const char index[] = "\xb0\x07\xf4\x57\0\2\0\1\xc0\0\0\x0c"
				    "btrfs\0\0\0\0\1\0\0\0\0kernel/btrfs.ko:";
	struct utsname kernel;
	char path[256];
	FILE *file;

	ck_assert_int_eq(uname(&kernel), 0);
	ck_assert_int_eq(mkdir("/lib/modules", 0755), 0);
	snprintf(path, sizeof(path), "/lib/modules/%s", kernel.release);
	ck_assert(mkdir(path, 0755) == 0 && chdir(path) == 0 && mkdir("kernel", 0755) == 0);
	write_file("kernel/btrfs.ko", "this is no module");
	file = fopen("modules.dep.bin", "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(index, 1, sizeof(index), file), sizeof(index));
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(test_refused_by_the_kernel)
{
	struct br_error err = { 0 };

	replace_filesystems("nodev\tsysfs\n");
	hide_modules();
	write_module();
	ck_assert_int_eq(br_module_load_btrfs(&err), BR_ERR_MODULE);
	ck_assert_int_ne(err.sys_errno, 0);
	ck_assert_msg(strstr(err.text, "the kernel did not take the module"), "%s", err.text);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("module");
	TCase *tcase = suite_add_case(suite, "load", NULL, NULL, 30);

	tcase_add_test(tcase, test_known_here);
	if (geteuid() == 0) { /* the others replace what the kernel shows */
		tcase_add_test(tcase, test_known);
		tcase_add_test(tcase, test_unknown);
		tcase_add_test(tcase, test_known_without_proc);
		tcase_add_test(tcase, test_unknown_without_proc);
#ifdef WITH_KMOD
		tcase_add_test(tcase, test_refused_by_the_kernel);
#endif
	}
	return suite_run(suite, false);
}
