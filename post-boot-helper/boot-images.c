/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initramfs images that are installed. */
#include "boot-images.h"

#include "cleanup.h"
#include "entries.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 4
#define IMAGES_MAX 1000

/* Below a directory for booting; "*" matches no slash. */
static const char *const patterns[] = {
	"initrd.img-*",           /* Debian, Ubuntu */
	"initramfs-*.img",        /* Fedora, Arch */
	"initrd-*",               /* openSUSE */
	"kernels/*-initrd*",      /* NixOS with GRUB */
	"EFI/nixos/*initrd*.efi", /* NixOS with systemd-boot */
	"EFI/Linux/*.efi",        /* unified */
	"*/[0-9]*/initrd*",       /* kernel-install: MACHINE or "debian"/VERSION/initrd */
};
#define UNIFIED "EFI/Linux/*.efi"

static const char *const others[] = { "*.old-dkms", "*.dpkg-*", "*.bak", "*.new",
				      "*.old",      "*kdump*",  "*~" };

struct found {
	dev_t dev;
	ino_t ino;
};

struct search {
	struct boot_images images;
	struct found *found; /* parallel to the images */
	int fd;              /* the directory at hand */
	const char *base;    /* "/boot" */
	const char *below;   /* of it, "" or "EFI/Linux/" */
	unsigned depth;
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static bool is_image(const char *below)
{
	const char *slash = strrchr(below, '/');

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (fnmatch(others[i], slash ? slash + 1 : below, 0) == 0)
			return false;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (fnmatch(patterns[i], below, FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* NULL: it does not say, or no memory. */
static char *kernel_of(const char *below)
{
	static const char *const prefixes[] = { "initrd.img-", "initramfs-", "initrd-" };
	const char *slash = strchr(below, '/');

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t length = strlen(prefixes[i]);

		if (strncmp(below, prefixes[i], length) == 0) {
			char *kernel = strdup(below + length);
			char *end = kernel ? strstr(kernel, ".img") : NULL;

			if (end && end[4] == '\0')
				*end = '\0';
			return kernel;
		}
	}
	if (slash && slash[1] >= '0' && slash[1] <= '9' && strchr(slash + 1, '/'))
		return strndup(slash + 1, strcspn(slash + 1, "/"));
	return NULL;
}

static bool is_known(const struct search *search, const struct stat *st)
{
	for (size_t i = 0; i < search->images.count; i++)
		if (search->found[i].dev == st->st_dev && search->found[i].ino == st->st_ino)
			return true;
	return false;
}

static int add(struct search *search, const char *below, const struct stat *st,
	       struct br_error *err)
{
	size_t count = search->images.count;
	struct boot_image *images = reallocarray(search->images.images, count + 1, sizeof(*images));
	struct found *found = reallocarray(search->found, count + 1, sizeof(*found));
	char *path = NULL;

	if (images)
		search->images.images = images;
	if (found)
		search->found = found;
	if (!images || !found || asprintf(&path, "%s/%s", search->base, below) < 0)
		return no_memory(err);
	found[count] = (struct found){ st->st_dev, st->st_ino };
	images[count] = (struct boot_image){ path, kernel_of(below),
					     fnmatch(UNIFIED, below, FNM_PATHNAME) == 0 };
	search->images.count++;
	return 0;
}

static int search_directory(struct search *search, struct br_error *err);

static int descend(const struct search *search, const char *name, const char *below,
		   struct search *inner, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(search->fd, name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	BR_AUTO_FREE char *prefix = NULL;
	int r;

	if (fd < 0 || search->depth + 1 >= DEPTH_MAX)
		return 0;
	if (asprintf(&prefix, "%s/", below) < 0) {
		prefix = NULL;
		return no_memory(err);
	}
	*inner = *search;
	inner->fd = fd;
	inner->below = prefix;
	inner->depth++;
	r = search_directory(inner, err);
	return r;
}

static int visit(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct search *search = data;
	BR_AUTO_FREE char *below = NULL;
	struct search inner;
	struct stat st;
	int r;

	(void)type;
	if (asprintf(&below, "%s%s", search->below, name) < 0) {
		below = NULL;
		return no_memory(err);
	}
	if (fstatat(search->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    search->images.count >= IMAGES_MAX)
		return 0; /* gone meanwhile */
	if (S_ISREG(st.st_mode) && is_image(below) && !is_known(search, &st))
		return add(search, below, &st, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	inner = *search;
	r = descend(search, name, below, &inner, err);
	search->images = inner.images;
	search->found = inner.found;
	return r;
}

static int search_directory(struct search *search, struct br_error *err)
{
	return br_entries_visit(search->fd, visit, search, err);
}

static int by_path(const void *a, const void *b)
{
	return strverscmp(((const struct boot_image *)a)->path,
			  ((const struct boot_image *)b)->path);
}

int boot_images_find(const struct system_root *root, struct boot_images *ret, struct br_error *err)
{
	static const char *const bases[] = { "/boot", "/efi", "/boot/efi" };
	struct search search = { .below = "" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(bases) / sizeof(bases[0]); i++) {
		BR_AUTO_CLOSE int fd = system_root_file(root, bases[i], O_RDONLY | O_DIRECTORY);

		if (fd < 0)
			continue;
		search.fd = fd;
		search.base = bases[i];
		r = search_directory(&search, err);
		if (r < 0)
			(void)br_error_name(err, bases[i]);
	}
	free(search.found);
	if (r < 0) {
		boot_images_free(&search.images);
		return r;
	}
	if (search.images.count > 0)
		qsort(search.images.images, search.images.count, sizeof(struct boot_image),
		      by_path);
	*ret = search.images;
	return 0;
}

void boot_images_free(struct boot_images *images)
{
	if (!images)
		return;
	for (size_t i = 0; i < images->count; i++) {
		free(images->images[i].path);
		free(images->images[i].kernel);
	}
	free(images->images);
	*images = (struct boot_images){ 0 };
}
