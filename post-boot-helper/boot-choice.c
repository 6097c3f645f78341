/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader starts when nobody is there to choose. */
#include "boot-choice.h"

#include "bls-entries.h"
#include "cleanup.h"
#include "grub-config.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#define GRUB_MAX (16UL << 20)
#define LOADER_MAX 65536

static const char *const boot_directories[] = { "/boot", "/efi", "/boot/efi" };
#define DIRECTORY_COUNT (sizeof(boot_directories) / sizeof(boot_directories[0]))

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* All are copied; the options of none are not known. */
static int set(struct boot_choice *choice, const char *source, const char *initrd,
	       const char *options, struct br_error *err)
{
	choice->source = strdup(source);
	choice->initrd = initrd ? strdup(initrd) : NULL;
	choice->options = options ? strdup(options) : NULL;
	choice->origin = options ? strdup(source) : NULL;
	return choice->source && (choice->initrd || !initrd) &&
			       ((choice->options && choice->origin) || !options)
		       ? 0
		       : no_memory(err);
}

/* --- entries of the boot loader specification --- */

/* By its name with or without ".conf", or by its number; else the newest. */
static const struct bls_entry *pick_entry(const struct bls_entries *entries, const char *wanted)
{
	char *end = NULL;
	unsigned long number = wanted ? strtoul(wanted, &end, 10) : 0;

	for (size_t i = 0; wanted && i < entries->count; i++) {
		size_t length = strlen(wanted);
		const char *id = entries->entries[i].id;

		if (strncmp(id, wanted, length) == 0 &&
		    (id[length] == '\0' || strcmp(id + length, ".conf") == 0))
			return &entries->entries[i];
	}
	if (end && end != wanted && *end == '\0' && number < entries->count)
		return &entries->entries[number];
	return entries->count > 0 ? &entries->entries[0] : NULL;
}

/* A command line with variables of GRUB is not known. */
static int set_entry(struct boot_choice *choice, const char *source, const char *directory,
		     const struct bls_entry *entry, struct br_error *err)
{
	const char *options = strchr(entry->options, '$') ? NULL : entry->options;
	int r = set(choice, source, entry->initrd, options, err);

	if (r < 0 || !options)
		return r;
	free(choice->origin);
	if (asprintf(&choice->origin, "%s/loader/entries/%s", directory, entry->id) < 0) {
		choice->origin = NULL;
		return no_memory(err);
	}
	return 0;
}

/* --- GRUB --- */

static int use_bls(const struct system_root *root, const char *source, const char *wanted,
		   struct boot_choice *choice, struct br_error *err)
{
	struct bls_entries entries;
	const struct bls_entry *entry;
	int r = bls_entries_read(root, "/boot", &entries, err);

	if (r < 0)
		return r;
	entry = pick_entry(&entries, wanted);
	if (entry && entry->initrd)
		r = set_entry(choice, source, "/boot", entry, err);
	bls_entries_free(&entries);
	return r;
}

static int read_optional(const struct system_root *root, const char *path, size_t max, char **text,
			 struct br_error *err)
{
	int r = system_root_read(root, path, max, text, NULL, err);

	if (r < 0)
		*text = NULL;
	return r == BR_ERR_NOMEM ? r : 0;
}

static int ask_grub(const struct system_root *root, const char *directory,
		    struct boot_choice *choice, struct br_error *err)
{
	char config[PATH_MAX], environment[PATH_MAX];
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *variables = NULL;
	struct grub_choice found;
	int r;

	(void)snprintf(config, sizeof(config), "%s/grub.cfg", directory);
	(void)snprintf(environment, sizeof(environment), "%s/grubenv", directory);
	if ((r = read_optional(root, config, GRUB_MAX, &text, err)) < 0 || !text ||
	    (r = read_optional(root, environment, LOADER_MAX, &variables, err)) < 0)
		return r;
	grub_choose(text, variables, &found);
	if (!found.entry)
		r = no_memory(err);
	else if (found.uses_bls)
		r = use_bls(root, config, found.entry, choice, err);
	else if (found.initrd)
		r = set(choice, config, found.initrd, found.options, err);
	grub_choice_free(&found);
	return r;
}

/* --- systemd-boot --- */

/* What it boots without a default is the first of its list, in which the newest version is at the top. */
static int ask_loader(const struct system_root *root, const char *directory,
		      struct boot_choice *choice, struct br_error *err)
{
	char path[PATH_MAX];
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *wanted = NULL;
	struct bls_entries entries;
	const struct bls_entry *found = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "%s/loader/loader.conf", directory);
	if ((r = read_optional(root, path, LOADER_MAX, &text, err)) < 0 || !text)
		return r;
	wanted = bls_value(text, "default");
	if (wanted && wanted[0] == '@')
		return 0; /* what was booted last: only the firmware knows */
	if ((r = bls_entries_read(root, directory, &entries, err)) < 0)
		return r;
	for (size_t i = 0; wanted && !found && i < entries.count; i++)
		if (fnmatch(wanted, entries.entries[i].id, 0) == 0)
			found = &entries.entries[i];
	if (!found && wanted && strstr(wanted, ".efi") && !strpbrk(wanted, "*?["))
		r = set(choice, path, wanted, NULL, err);
	else if (!found)
		found = pick_entry(&entries, NULL);
	if (found && found->initrd)
		r = set_entry(choice, path, directory, found, err);
	bls_entries_free(&entries);
	return r;
}

/* --- Debian's links, for boot loaders that go by them --- */

static int ask_link(const struct system_root *root, const char *path, struct boot_choice *choice,
		    struct br_error *err)
{
	BR_AUTO_CLOSE int fd = system_root_file(root, path, O_PATH | O_NOFOLLOW);
	char target[PATH_MAX];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);

	if (n <= 0)
		return 0;
	target[n] = '\0';
	return set(choice, path, target, NULL, err);
}

static int find(const struct system_root *root, struct boot_choice *choice, struct br_error *err)
{
	static const char *const grub_directories[] = { "/boot/grub", "/boot/grub2" };
	static const char *const links[] = { "/boot/initrd.img", "/initrd.img" };
	int r = 0;

	for (size_t i = 0; r == 0 && !choice->source && i < 2; i++)
		r = ask_grub(root, grub_directories[i], choice, err);
	for (size_t i = 0; r == 0 && !choice->source && i < DIRECTORY_COUNT; i++)
		r = ask_loader(root, boot_directories[i], choice, err);
	for (size_t i = 0; r == 0 && !choice->source && i < 2; i++)
		r = ask_link(root, links[i], choice, err);
	return r;
}

int boot_choice_find(const struct system_root *root, struct boot_choice *ret, struct br_error *err)
{
	struct boot_choice choice = { 0 };
	int r = find(root, &choice, err);

	if (r < 0) {
		boot_choice_free(&choice);
		return r;
	}
	*ret = choice;
	return 0;
}

static const char *last_of(const char *path, unsigned components)
{
	const char *at = path + strlen(path);

	while (at > path && components > 0)
		if (*--at == '/')
			components--;
	return at + (*at == '/');
}

/*
 * The boot loader's path begins at a file system, or at a subvolume of it, that may be mounted anywhere. Names have
 * the version of the kernel in them; those of "MACHINE/VERSION/initrd" have it in the directory.
 */
bool boot_choice_is(const struct boot_choice *choice, const char *image)
{
	unsigned components = 1;

	if (!choice->initrd)
		return false;
	if (strncmp(last_of(image, 1), "initrd", 6) == 0 && !strchr(last_of(image, 1), '-'))
		components = 2;
	return strcmp(last_of(choice->initrd, components), last_of(image, components)) == 0;
}

void boot_choice_free(struct boot_choice *choice)
{
	if (!choice)
		return;
	free(choice->source);
	free(choice->initrd);
	free(choice->options);
	free(choice->origin);
	*choice = (struct boot_choice){ 0 };
}
