/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: all its files, in order. */
#include "config.h"

#include "cleanup.h"
#include "config-internal.h"

#include <string.h>

#define DAY 86400

#define DROPIN_SUFFIX ".conf"

struct names {
	struct dirent **entries;
	int count;
};

static void free_names(struct names *names)
{
	for (int i = 0; i < names->count; i++)
		free(names->entries[i]);
	free(names->entries);
}

static int is_dropin(const struct dirent *entry)
{
	const size_t suffix = strlen(DROPIN_SUFFIX);
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > suffix &&
	       strcmp(entry->d_name + length - suffix, DROPIN_SUFFIX) == 0;
}

/* Not alphasort: its order depends on the locale, which differs between initramfs and system. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_dropin(struct br_config *config, const char *dir, const char *name,
		       struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	return br_config_parse_file(config, path, err);
}

static int load_dropins(struct br_config *config, const char *path, struct br_error *err)
{
	__attribute__((cleanup(free_names))) struct names names = { 0 };
	BR_AUTO_FREE char *dir = NULL;
	int r = 0;

	if (asprintf(&dir, "%s.d", path) < 0) {
		dir = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	names.count = scandir(dir, &names.entries, is_dropin, compare_names);
	if (names.count < 0 && errno == ENOENT)
		return 0;
	if (names.count < 0)
		return br_error_set(err, BR_ERR_CONFIG, errno, dir, "cannot read the directory");
	for (int i = 0; r == 0 && i < names.count; i++)
		r = load_dropin(config, dir, names.entries[i]->d_name, err);
	return r;
}

int br_config_load(const char *path, struct br_config *config_ret, struct br_error *err)
{
	struct br_config config = {
		.archives = { .keep = 30 * DAY,
			      .keep_min = 3,
			      .max_overhead = 0.15,
			      .min_free = 0.05 },
		.snapshots.hook_timeout = 60,
	};
	int r;

	if ((r = br_config_parse_file(&config, path, err)) < 0 ||
	    (r = load_dropins(&config, path, err)) < 0 ||
	    (r = br_config_complete(&config, err)) < 0 ||
	    (r = br_config_check(&config, path, err)) < 0) {
		br_config_free(&config);
		return r;
	}
	*config_ret = config;
	return 0;
}

static void free_ephemeral(struct br_ephemeral *ephemeral)
{
	for (size_t i = 0; i < ephemeral->persist_count; i++) {
		free(ephemeral->persist[i].path);
		free(ephemeral->persist[i].owner);
		free(ephemeral->persist[i].origin.file);
	}
	free(ephemeral->persist);
	free(ephemeral->name);
	free(ephemeral->blank);
	free(ephemeral->archive);
	free(ephemeral->mountpoint);
	free(ephemeral->origin.file);
}

static void free_command(struct br_command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->argv[i]);
	free(command->argv);
	free(command->file);
}

void br_config_free(struct br_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->ephemeral_count; i++)
		free_ephemeral(&config->ephemeral[i]);
	free(config->ephemeral);
	free(config->device);
	for (size_t i = 0; i < config->snapshots.subvolume_count; i++)
		free(config->snapshots.subvolumes[i]);
	free(config->snapshots.subvolumes);
	free(config->snapshots.every);
	free_command(&config->snapshots.before);
	free_command(&config->snapshots.after);
	free(config->maintenance.scrub);
	free(config->maintenance.balance);
	free(config->maintenance.trim);
	*config = (struct br_config){ 0 };
}
