/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's btrfs: built in, loaded, or to be loaded. */
#include "module.h"

#include "cleanup.h"
#include "file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>

#ifdef WITH_KMOD
#include <libkmod.h>
#endif

#define FILESYSTEMS "/proc/filesystems"
#define FILESYSTEMS_MAX 65536

/* Lines are "nodev<TAB>name" or "<TAB>name". */
static bool is_listed(const char *text)
{
	static const char line[] = "\tbtrfs\n";

	return strstr(text, line) != NULL;
}

/* Does the kernel know btrfs? Without /proc, it says ENODEV for what it does not know. */
static bool is_known(void)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_CLOSE int context = -1;
	struct br_error ignored;

	if (br_file_read(AT_FDCWD, FILESYSTEMS, FILESYSTEMS_MAX, &text, NULL, &ignored) == 0)
		return is_listed(text);
	context = fsopen("btrfs", FSOPEN_CLOEXEC);
	return context >= 0;
}

#ifdef WITH_KMOD
/* libkmod's own is stderr. */
BR_PRINTF(6, 0)
static void log_nothing(void *data, int priority, const char *file, int line, const char *function,
			const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)function, (void)format,
		(void)args;
}

static int refuse_not_found(struct br_error *err)
{
	struct utsname kernel;

	if (uname(&kernel) != 0)
		strcpy(kernel.release, "(unknown)");
	return br_error_set(
		err, BR_ERR_MODULE, 0, "btrfs",
		"the kernel does not know btrfs, and there is no module of that name in "
		"/lib/modules/%s: is it in the initramfs?",
		kernel.release);
}

static int insert(struct kmod_module *module, struct br_error *err)
{
	/* the configuration may name commands to run instead: an initramfs need not have a shell */
	int r = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_COMMAND, NULL, NULL, NULL,
						NULL);

	if (r == 0)
		return 0;
	return br_error_set(
		err, BR_ERR_MODULE, r < 0 ? -r : 0, "btrfs",
		"the kernel did not take the module or one that it needs: \"dmesg\" tells why");
}

static int load(struct kmod_ctx *kmod, struct br_error *err)
{
	struct kmod_list *list = NULL, *entry;
	int r = kmod_module_new_from_lookup(kmod, "btrfs", &list);

	if (r == -ENOMEM)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (r < 0 || !list) /* ENOSYS: there are no modules at all */
		return refuse_not_found(err);
	r = 0;
	for (entry = list; entry && r == 0; entry = kmod_list_next(list, entry)) {
		struct kmod_module *module = kmod_module_get_module(entry);

		r = insert(module, err);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return r;
}

static int load_btrfs(struct br_error *err)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);
	int r;

	if (!kmod)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	kmod_set_log_fn(kmod, log_nothing, NULL);
	r = load(kmod, err);
	kmod_unref(kmod);
	return r;
}
#else
static int load_btrfs(struct br_error *err)
{
	return br_error_set(
		err, BR_ERR_MODULE, 0, "btrfs",
		"the kernel does not know btrfs, and this program was built without the "
		"means to load modules: load it first (modprobe btrfs)");
}
#endif

int br_module_load_btrfs(struct br_error *err)
{
	return is_known() ? 0 : load_btrfs(err);
}
