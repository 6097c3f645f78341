/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: all its files, in order. */
#include "config.h"

#include "cleanup.h"
#include "config-internal.h"

#include <string.h>

#define DAY 86400

#define DROPIN_SUFFIX ".conf"

struct names {
	char **names;
	size_t count;
};

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

static bool is_dropin(const char *name)
{
	const size_t suffix = strlen(DROPIN_SUFFIX);
	size_t length = strlen(name);

	return name[0] != '.' && length > suffix &&
	       strcmp(name + length - suffix, DROPIN_SUFFIX) == 0;
}

/* Not alphasort: its order depends on the locale, which differs between initramfs and system. */
static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct names *names, const char *name, struct br_error *err)
{
	char **grown = reallocarray(names->names, names->count + 1, sizeof(*grown));

	if (grown)
		names->names = grown;
	if (!grown || !(grown[names->count] = strdup(name)))
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	names->count++;
	return 0;
}

static bool is_draft(const struct br_config_draft *draft, const char *name)
{
	return draft && strcmp(draft->name, name) == 0;
}

/* All but the draft's, which is not looked for. */
static int read_names(const char *path, const struct br_config_draft *draft, struct names *names,
		      struct br_error *err)
{
	BR_AUTO_DIR DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return br_error_set(err, BR_ERR_CONFIG, errno, path, "cannot read the directory");
	errno = 0;
	while (r == 0 && (entry = readdir(dir))) {
		if (is_dropin(entry->d_name) && !is_draft(draft, entry->d_name))
			r = add_name(names, entry->d_name, err);
		errno = 0;
	}
	if (r == 0 && errno)
		r = br_error_set(err, BR_ERR_CONFIG, errno, path, "cannot read the directory");
	return r;
}

static int load_dropin(struct br_config *config, const char *dir, const char *name,
		       const struct br_config_draft *draft, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	return br_config_parse_file(config, path, is_draft(draft, name) ? draft->text : NULL, err);
}

static int load_dropins(struct br_config *config, const char *path,
			const struct br_config_draft *draft, struct br_error *err)
{
	__attribute__((cleanup(free_names))) struct names names = { 0 };
	BR_AUTO_FREE char *dir = NULL;
	int r;

	if (asprintf(&dir, "%s.d", path) < 0) {
		dir = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	r = read_names(dir, draft, &names, err);
	if (r == 0 && draft && draft->text)
		r = add_name(&names, draft->name, err);
	if (r == 0 && names.count > 1)
		qsort(names.names, names.count, sizeof(*names.names), compare_names);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = load_dropin(config, dir, names.names[i], draft, err);
	return r;
}

/* text: of the main file, which has no directory then; NULL: it is read */
static int load(const char *path, const char *text, const struct br_config_draft *draft,
		struct br_config *config_ret, struct br_error *err)
{
	struct br_config config = {
		.archives = { .keep = 30 * DAY,
			      .keep_min = 3,
			      .max_overhead = 0.15,
			      .min_free = 0.05 },
		.snapshots.hook_timeout = 60,
		.metrics.max_used = 0.85,
		.metrics.hook_timeout = 60,
	};
	int r;

	if ((r = br_config_parse_file(&config, path, text, err)) < 0 ||
	    (!text && (r = load_dropins(&config, path, draft, err)) < 0) ||
	    (r = br_config_complete(&config, err)) < 0 ||
	    (r = br_config_check(&config, path, err)) < 0) {
		br_config_free(&config);
		return r;
	}
	*config_ret = config;
	return 0;
}

int br_config_load_draft(const char *path, const struct br_config_draft *draft,
			 struct br_config *config_ret, struct br_error *err)
{
	return load(path, NULL, draft, config_ret, err);
}

int br_config_load_text(const char *path, const char *text, struct br_config *config_ret,
			struct br_error *err)
{
	return load(path, text, NULL, config_ret, err);
}

int br_config_load(const char *path, struct br_config *config_ret, struct br_error *err)
{
	return load(path, NULL, NULL, config_ret, err);
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

static void free_schedule(struct br_schedule *schedule)
{
	free(schedule->text);
	free(schedule->origin.file);
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
	free_schedule(&config->snapshots.every);
	free_command(&config->snapshots.before);
	free_command(&config->snapshots.after);
	br_config_free_tuning(&config->tuning);
	free_schedule(&config->maintenance.scrub);
	free_schedule(&config->maintenance.balance);
	free_schedule(&config->maintenance.trim);
	free(config->metrics.directory);
	free_schedule(&config->metrics.every);
	free_command(&config->metrics.on_alert);
	*config = (struct br_config){ 0 };
}
