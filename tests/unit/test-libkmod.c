/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The static libkmod, with its decompressors cut down, reads modules in every compression that
 * distributions ship. Only for what packaging/static-libs built.
 */
#include "run.h"
#include "suite.h"
#include "tmpdir.h"

#include <libkmod.h>
#include <stdlib.h>
#include <string.h>

/* Hardly compressible data, and behind it what tells about the module: all must be unpacked to see that. */
static const char module_source[] = ".section .rodata,\"a\"\n"
				    ".set i, 1\n"
				    ".rept 100000\n"
				    ".quad i * 0x9e3779b97f4a7c15\n"
				    ".set i, i + 1\n"
				    ".endr\n"
				    ".section .modinfo,\"a\"\n"
				    ".asciz \"license=GPL\"\n"
				    ".asciz \"description=made by a test\"\n";

static struct tmpdir dir;

static void setup(void)
{
	tmpdir_make(&dir);
	tmpdir_write_text(&dir, "source.s", module_source);
	run_ok(dir.fd, "as", "-o", "test.ko", "source.s");
}

static void teardown(void)
{
	tmpdir_remove(&dir);
}

/* What libkmod says to be the module's description; NULL when it cannot tell. The caller frees it. */
static char *description_of(const char *name)
{
	char *path = tmpdir_path(&dir, name), *description = NULL;
	struct kmod_ctx *ctx = kmod_new(dir.path, NULL);
	struct kmod_module *module = NULL;
	struct kmod_list *info = NULL, *entry;

	ck_assert_ptr_nonnull(ctx);
	kmod_set_log_priority(ctx, 0);
	ck_assert_int_eq(kmod_module_new_from_path(ctx, path, &module), 0);
	if (kmod_module_get_info(module, &info) >= 0) {
		kmod_list_foreach(entry, info) {
			if (strcmp(kmod_module_info_get_key(entry), "description") == 0)
				description = strdup(kmod_module_info_get_value(entry));
		}
		kmod_module_info_free_list(info);
	}
	kmod_module_unref(module);
	kmod_unref(ctx);
	free(path);
	return description;
}

/* How the kernel's own makefile compresses, and what the programs do when told nothing. */
static const struct {
	const char *name;
	const char *command;
} formats[] = {
	{ "plain.ko", "cp test.ko plain.ko" },
	{ "kernel.ko.gz", "gzip -n -c test.ko >kernel.ko.gz" },
	{ "best.ko.gz", "gzip -9 -c test.ko >best.ko.gz" },
	{ "kernel.ko.xz", "xz -c --check=crc32 --lzma2=dict=2MiB test.ko >kernel.ko.xz" },
	{ "default.ko.xz", "xz -c test.ko >default.ko.xz" },
	{ "kernel.ko.zst", "zstd -q -T0 -c test.ko >kernel.ko.zst" },
	{ "fast.ko.zst", "zstd -q --fast -c test.ko >fast.ko.zst" },
	{ "best.ko.zst", "zstd -q --ultra -22 --no-check -c test.ko >best.ko.zst" },
};

#define FORMAT_COUNT (int)(sizeof(formats) / sizeof(*formats))

START_TEST(test_reads_format)
{
	char *description;

	free(run_shell(dir.fd, "%s", formats[_i].command));
	description = description_of(formats[_i].name);
	ck_assert_ptr_nonnull(description);
	ck_assert_str_eq(description, "made by a test");
	free(description);
}
END_TEST

START_TEST(test_refuses_truncated)
{
	const char *name = formats[_i].name;

	free(run_shell(dir.fd, "%s; truncate -s 256K %s", formats[_i].command, name));
	ck_assert_ptr_null(description_of(name));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("libkmod");
	TCase *tcase = suite_add_case(suite, "formats", setup, teardown, 60);

	tcase_add_loop_test(tcase, test_reads_format, 0, FORMAT_COUNT);
	tcase_add_loop_test(tcase, test_refuses_truncated, 0, FORMAT_COUNT);
	return suite_run(suite, false);
}
