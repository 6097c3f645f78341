/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions of kernels: for which a root has modules, and which are installed for booting. */
#include "kernels.h"

#include "boot-images.h"
#include "cleanup.h"
#include "entries.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

bool kernels_have(const struct kernels *kernels, const char *version)
{
	for (size_t i = 0; i < kernels->count; i++)
		if (strcmp(kernels->versions[i], version) == 0)
			return true;
	return false;
}

static int add(struct kernels *kernels, const char *version, struct br_error *err)
{
	char **grown;

	if (kernels_have(kernels, version))
		return 0;
	grown = reallocarray(kernels->versions, kernels->count + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	kernels->versions = grown;
	grown[kernels->count] = strdup(version);
	return grown[kernels->count++] ? 0 : no_memory(err);
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int finish(int r, struct kernels *kernels, struct kernels *ret)
{
	if (r < 0) {
		kernels_free(kernels);
		return r;
	}
	if (kernels->count > 0)
		qsort(kernels->versions, kernels->count, sizeof(*kernels->versions), by_version);
	*ret = *kernels;
	return 0;
}

struct search {
	struct kernels kernels;
	int fd; /* the directory */
};

/* --- modules --- */

/* What depmod and dkms write there may outlast the package. */
static bool has_modules(int dir, const char *name)
{
	static const char *const signs[] = { "kernel", "modules.builtin", "modules.order" };
	BR_AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	for (size_t i = 0; fd >= 0 && i < sizeof(signs) / sizeof(signs[0]); i++)
		if (fstatat(fd, signs[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

static int visit_modules(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct search *search = data;

	(void)type; /* an entry that is no directory cannot be opened as one */
	return has_modules(search->fd, name) ? add(&search->kernels, name, err) : 0;
}

int kernels_find_modules(const struct system_root *root, struct kernels *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = system_root_file(root, "/lib/modules", O_RDONLY | O_DIRECTORY);
	struct search search = { .fd = fd };
	int r = 0;

	if (fd >= 0)
		r = br_entries_visit(fd, visit_modules, &search, err);
	return finish(r, &search.kernels, ret);
}

/* --- kernels --- */

/* Debian, Ubuntu, Fedora; Arch's have no version in their names. */
static int visit_boot(void *data, const char *name, unsigned char type, struct br_error *err)
{
	static const char *const prefixes[] = { "vmlinuz-", "vmlinux-" };
	struct search *search = data;

	(void)type;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const char *version = name + strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], strlen(prefixes[i])) != 0)
			continue;
		if (*version >= '0' && *version <= '9' && !strstr(version, ".old") &&
		    !strstr(version, ".dpkg-"))
			return add(&search->kernels, version, err);
	}
	return 0;
}

static int add_images(struct kernels *kernels, const struct system_root *root, struct br_error *err)
{
	struct boot_images images = { 0 };
	int r = boot_images_find(root, &images, err);

	for (size_t i = 0; r == 0 && i < images.count; i++) {
		const char *version = images.images[i].kernel;

		if (version && *version >= '0' && *version <= '9')
			r = add(kernels, version, err);
	}
	boot_images_free(&images);
	return r;
}

int kernels_find_booted(const struct system_root *root, struct kernels *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = system_root_file(root, "/boot", O_RDONLY | O_DIRECTORY);
	struct search search = { .fd = fd };
	int r = 0;

	if (fd >= 0)
		r = br_entries_visit(fd, visit_boot, &search, err);
	if (r == 0)
		r = add_images(&search.kernels, root, err);
	return finish(r, &search.kernels, ret);
}

void kernels_free(struct kernels *kernels)
{
	if (!kernels)
		return;
	for (size_t i = 0; i < kernels->count; i++)
		free(kernels->versions[i]);
	free(kernels->versions);
	*kernels = (struct kernels){ 0 };
}
