/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What enters an initramfs. */
#include "initramfs-manifest.h"

#include "cleanup.h"

#include <string.h>

#define MANIFEST_MAX 65536
#define BLANKS " \t"

static int add(const char ***list, size_t *count, const char *name, struct br_error *err)
{
	const char **grown = reallocarray(*list, *count + 1, sizeof(*grown));

	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	*list = grown;
	grown[(*count)++] = name;
	return 0;
}

static int read_line(struct initramfs_manifest *manifest, char *line, struct br_error *err)
{
	char *rest = NULL;
	const char *kind = strtok_r(line, BLANKS, &rest);
	const char *what = kind ? strtok_r(NULL, BLANKS, &rest) : NULL;

	if (!what || kind[0] == '#')
		return 0;
	if (strcmp(kind, "binary") == 0)
		manifest->binary = what;
	if (strcmp(kind, "module") == 0)
		return add(&manifest->modules, &manifest->module_count, what, err);
	if (strcmp(kind, "module-optional") == 0)
		return add(&manifest->optional, &manifest->optional_count, what, err);
	return 0;
}

static int read_lines(struct initramfs_manifest *manifest, struct br_error *err)
{
	char *rest = NULL;
	int r = 0;

	for (char *line = strtok_r(manifest->text, "\n", &rest); r == 0 && line;
	     line = strtok_r(NULL, "\n", &rest))
		r = read_line(manifest, line, err);
	return r;
}

static int use_default(const struct system_root *root, struct initramfs_manifest *manifest,
		       struct br_error *err)
{
	static const char *const places[] = { "/usr/sbin/blankroot-initrd",
					      "/usr/local/sbin/blankroot-initrd",
					      "/run/current-system/sw/bin/blankroot-initrd" };

	for (size_t i = 0; !manifest->binary && i < sizeof(places) / sizeof(places[0]); i++)
		if (system_root_has(root, places[i]))
			manifest->binary = places[i];
	return add(&manifest->modules, &manifest->module_count, "btrfs", err);
}

int initramfs_manifest_read(const struct system_root *root, struct initramfs_manifest *ret,
			    struct br_error *err)
{
	struct initramfs_manifest manifest = { 0 };
	int r = system_root_read(root, INITRAMFS_MANIFEST_PATH, MANIFEST_MAX, &manifest.text, NULL,
				 err);

	if (r == 0)
		r = read_lines(&manifest, err);
	else if (r == BR_ERR_OPEN && err->sys_errno == ENOENT)
		r = use_default(root, &manifest, err);
	if (r < 0) {
		initramfs_manifest_free(&manifest);
		return r;
	}
	*ret = manifest;
	return 0;
}

void initramfs_manifest_free(struct initramfs_manifest *manifest)
{
	if (!manifest)
		return;
	free(manifest->text);
	free(manifest->modules);
	free(manifest->optional);
	*manifest = (struct initramfs_manifest){ 0 };
}
