/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the configuration, and where their values go. */
#include "config-internal.h"

#include "cleanup.h"
#include "name.h"

#include <string.h>

#define VALUE_SHOWN 200 /* bytes of a value in a message; more would push the reason out */

/* Every pair is compared. */
#define EPHEMERAL_MAX 256
#define SNAPSHOT_SUBVOLUMES_MAX 4096

/* The field of struct TYPE that a key stands for, and what stores its value there. */
#define FIELD(type, field) .offset = offsetof(struct type, field)
#define KEY(key, field, setter)                       \
	{                                             \
		.name = (key), field, .set = (setter) \
	}
#define WORDS(key, field, list)                                                  \
	{                                                                        \
		.name = (key), field, .set = br_config_set_word, .words = (list) \
	}
#define LIST(key, field, setter)                                       \
	{                                                              \
		.name = (key), field, .set = (setter), .is_list = true \
	}

static const char *const method_words[] = {
	[BR_METHOD_COPY] = "copy", [BR_METHOD_SUBVOLUME] = "subvolume", NULL
};
static const char *const create_words[] = {
	[BR_CREATE_NO] = "no", [BR_CREATE_DIRECTORY] = "directory", [BR_CREATE_FILE] = "file", NULL
};
static const char *const on_failure_words[] = {
	[BR_ON_FAILURE_CONTINUE] = "continue", [BR_ON_FAILURE_STOP] = "stop", NULL
};
static const char *const blank_changed_words[] = {
	[BR_BLANK_CHANGED_WARN] = "warn", [BR_BLANK_CHANGED_REFUSE] = "refuse", NULL
};
static const char *const degraded_words[] = {
	[BR_DEGRADED_NO] = "no", [BR_DEGRADED_YES] = "yes", NULL
};
static const char *const yes_words[] = {
	[BR_ONLY_IF_CHANGED_NO] = "no", [BR_ONLY_IF_CHANGED_YES] = "yes", NULL
};
static const char *const performance_words[] = { [BR_PERFORMANCE_NONE] = "none",
						 [BR_PERFORMANCE_BALANCED] = "balanced",
						 [BR_PERFORMANCE_IO] = "io-optimized",
						 [BR_PERFORMANCE_SPACE] = "space-optimized",
						 NULL };

static BR_CONFIG_SET(set_persist);
static BR_CONFIG_SET(set_snapshot_subvolume);

static const struct br_config_key top_keys[] = {
	KEY("device", FIELD(br_config, device), br_config_set_device),
	WORDS("degraded", FIELD(br_config, degraded), degraded_words),
	{ 0 },
};

static const struct br_config_key ephemeral_keys[] = {
	KEY("blank", FIELD(br_ephemeral, blank), br_config_set_subvolume),
	KEY("archive", FIELD(br_ephemeral, archive), br_config_set_subvolume),
	KEY("mountpoint", FIELD(br_ephemeral, mountpoint), br_config_set_mountpoint),
	WORDS("blank-changed", FIELD(br_ephemeral, blank_changed), blank_changed_words),
	WORDS("on-failure", FIELD(br_ephemeral, on_failure), on_failure_words),
	LIST("persist", .offset = 0, set_persist),
	{ 0 },
};

static const struct br_config_key path_keys[] = {
	WORDS("method", FIELD(br_persist, method), method_words),
	WORDS("create", FIELD(br_persist, create), create_words),
	KEY("owner", FIELD(br_persist, owner), br_config_set_owner),
	{ .name = "mode", .set = br_config_set_mode },
	{ 0 },
};

static const struct br_config_key archives_keys[] = {
	KEY("keep", FIELD(br_config, archives.keep), br_config_set_interval),
	KEY("keep-min", FIELD(br_config, archives.keep_min), br_config_set_count),
	KEY("max-overhead", FIELD(br_config, archives.max_overhead), br_config_set_share),
	KEY("min-free", FIELD(br_config, archives.min_free), br_config_set_share),
	{ 0 },
};

static const struct br_config_key snapshots_keys[] = {
	LIST("subvolumes", .offset = 0, set_snapshot_subvolume),
	KEY("every", FIELD(br_config, snapshots.every), br_config_set_schedule),
	KEY("keep", FIELD(br_config, snapshots.keep), br_config_set_interval),
	KEY("hourly", FIELD(br_config, snapshots.hourly), br_config_set_count),
	KEY("daily", FIELD(br_config, snapshots.daily), br_config_set_count),
	KEY("weekly", FIELD(br_config, snapshots.weekly), br_config_set_count),
	KEY("monthly", FIELD(br_config, snapshots.monthly), br_config_set_count),
	KEY("yearly", FIELD(br_config, snapshots.yearly), br_config_set_count),
	WORDS("only-if-changed", FIELD(br_config, snapshots.only_if_changed), yes_words),
	LIST("before", FIELD(br_config, snapshots.before), br_config_add_argument),
	LIST("after", FIELD(br_config, snapshots.after), br_config_add_argument),
	KEY("hook-timeout", FIELD(br_config, snapshots.hook_timeout), br_config_set_interval),
	{ 0 },
};

static const struct br_config_key performance_keys[] = {
	WORDS("mode", FIELD(br_config, performance), performance_words),
	LIST("nodatacow", FIELD(br_config, tuning.nodatacow), br_config_add_directory),
	LIST("compress", FIELD(br_config, tuning.compress), br_config_add_directory),
	LIST("set", FIELD(br_config, tuning.set), br_config_add_knob),
	{ 0 },
};

static const struct br_config_key maintenance_keys[] = {
	KEY("scrub", FIELD(br_config, maintenance.scrub), br_config_set_schedule),
	KEY("balance", FIELD(br_config, maintenance.balance), br_config_set_schedule),
	KEY("trim", FIELD(br_config, maintenance.trim), br_config_set_schedule),
	{ 0 },
};

static const struct br_config_key metrics_keys[] = {
	KEY("directory", FIELD(br_config, metrics.directory), br_config_set_mountpoint),
	KEY("every", FIELD(br_config, metrics.every), br_config_set_schedule),
	KEY("max-used", FIELD(br_config, metrics.max_used), br_config_set_share),
	LIST("on-alert", FIELD(br_config, metrics.on_alert), br_config_add_argument),
	KEY("hook-timeout", FIELD(br_config, metrics.hook_timeout), br_config_set_interval),
	{ 0 },
};

static const struct {
	const char *name;
	const struct br_config_key *keys;
} sections[BR_SECTION_COUNT] = {
	[BR_SECTION_TOP] = { NULL, top_keys },
	[BR_SECTION_EPHEMERAL] = { "ephemeral", ephemeral_keys },
	[BR_SECTION_PATH] = { "path", path_keys },
	[BR_SECTION_ARCHIVES] = { "archives", archives_keys },
	[BR_SECTION_SNAPSHOTS] = { "snapshots", snapshots_keys },
	[BR_SECTION_PERFORMANCE] = { "performance", performance_keys },
	[BR_SECTION_MAINTENANCE] = { "maintenance", maintenance_keys },
	[BR_SECTION_METRICS] = { "metrics", metrics_keys },
};

const char *br_config_section_name(enum br_config_section section)
{
	return sections[section].name;
}

const struct br_config_key *br_config_section_keys(enum br_config_section section)
{
	return sections[section].keys;
}

int br_config_blame(struct br_error *err, const char *what, const char *value)
{
	bool cut = strlen(value) > VALUE_SHOWN;

	return br_error_context(err, "%s \"%.*s%s\"", what, VALUE_SHOWN, value, cut ? "..." : "");
}

static int refuse_control(const char *value, struct br_error *err)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
					    "must not contain control characters");
	return 0;
}

int br_config_apply(void *section, const struct br_config_key *key,
		    const struct br_config_setting *setting, struct br_error *err)
{
	char what[64];
	int r = refuse_control(setting->value, err);

	if (r == 0)
		r = key->set((char *)section + key->offset, key, setting, err);
	if (r == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "%s:", key->name);
	return br_config_blame(err, what, setting->value);
}

static int refuse_no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int set_origin(struct br_origin *origin, const struct br_config_setting *setting)
{
	origin->line = setting->line;
	origin->file = strdup(setting->file);
	return origin->file ? 0 : -1;
}

static int add_ephemeral(struct br_config *config, const struct br_config_setting *title,
			 struct br_error *err)
{
	size_t count = config->ephemeral_count;
	struct br_ephemeral *grown;

	if (count == EPHEMERAL_MAX)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "too many ephemeral subvolumes");
	grown = reallocarray(config->ephemeral, count + 1, sizeof(*grown));
	if (!grown)
		return refuse_no_memory(err);
	config->ephemeral = grown;
	config->ephemeral_count++;
	grown += count;
	*grown = (struct br_ephemeral){ .name = strdup(title->value) };
	if (!grown->name || set_origin(&grown->origin, title) < 0)
		return refuse_no_memory(err);
	return 0;
}

static int check_title(const char *title, struct br_error *err)
{
	const char *problem = br_config_subvolume_problem(title);
	BR_AUTO_FREE char *escaped = NULL;
	int r = refuse_control(title, err);

	if (r < 0)
		return r;
	if (problem)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", problem);
	r = br_name_escape(title, &escaped, err);
	return r == BR_ERR_USAGE ? br_error_set(err, BR_ERR_CONFIG, 0, NULL, "is too long a name")
				 : r;
}

int br_config_open_ephemeral(struct br_config *config, const struct br_config_setting *title,
			     struct br_ephemeral **ephemeral_ret, struct br_error *err)
{
	size_t i = 0;
	int r = check_title(title->value, err);

	if (r < 0)
		return r;
	while (i < config->ephemeral_count && strcmp(config->ephemeral[i].name, title->value) != 0)
		i++;
	if (i == config->ephemeral_count) {
		r = add_ephemeral(config, title, err);
		if (r < 0)
			return r;
	}
	*ephemeral_ret = &config->ephemeral[i];
	return 0;
}

/* What is wrong with a persistent path. */
static const char *persist_problem(const char *path)
{
	if (path[0] != '/')
		return "must be an absolute path";
	if (!path[1])
		return "must be below the subvolume's root, not the root itself";
	if (path[1] == '/')
		return "must not contain an empty component";
	return br_config_path_problem(path + 1);
}

int br_config_add_persist(struct br_ephemeral *ephemeral, const struct br_config_setting *path,
			  struct br_error *err)
{
	const char *problem = persist_problem(path->value);
	size_t count = ephemeral->persist_count;
	struct br_persist *grown;

	if (refuse_control(path->value, err) < 0)
		return err->code;
	if (problem)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", problem);
	grown = reallocarray(ephemeral->persist, count + 1, sizeof(*grown));
	if (!grown)
		return refuse_no_memory(err);
	ephemeral->persist = grown;
	ephemeral->persist_count++;
	grown += count;
	*grown = (struct br_persist){ .path = strdup(path->value + 1) };
	if (!grown->path || set_origin(&grown->origin, path) < 0)
		return refuse_no_memory(err);
	return 0;
}

static BR_CONFIG_SET(set_persist)
{
	(void)key;
	return br_config_add_persist(field, setting, err);
}

static BR_CONFIG_SET(set_snapshot_subvolume)
{
	struct br_config *config = field;
	struct br_snapshots_policy *policy = &config->snapshots;
	const char *problem = br_config_subvolume_problem(setting->value);
	char **grown;

	(void)key;
	for (size_t i = 0; !problem && i < policy->subvolume_count; i++)
		if (strcmp(policy->subvolumes[i], setting->value) == 0)
			problem = "is listed twice";
	if (!problem && policy->subvolume_count == SNAPSHOT_SUBVOLUMES_MAX)
		problem = "is one subvolume too many";
	if (problem)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", problem);
	grown = reallocarray(policy->subvolumes, policy->subvolume_count + 1, sizeof(*grown));
	if (!grown)
		return refuse_no_memory(err);
	policy->subvolumes = grown;
	grown[policy->subvolume_count] = strdup(setting->value);
	if (!grown[policy->subvolume_count])
		return refuse_no_memory(err);
	policy->subvolume_count++;
	return 0;
}
