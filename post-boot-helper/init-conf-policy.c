/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: what a preset has besides persistent paths, as text of a configuration. */
#include "init-conf.h"

#include "text.h"
#include "tune.h"

#include <inttypes.h>

/*
 * What is said nowhere is not written, so that a later version's defaults count. These are of br_config_load; that they
 * still are, a test tells.
 */
#define KEEP_DEFAULT (30 * UINT64_C(86400))
#define KEEP_MIN_DEFAULT 3
#define OVERHEAD_DEFAULT 0.15
#define FREE_DEFAULT 0.05
#define USED_DEFAULT 0.85
#define TIMEOUT_DEFAULT 60

/* A section is written with its first key. */
struct section {
	FILE *out;
	const char *name;
	bool is_open;
};

static FILE *begin_key(struct section *section, const char *key)
{
	if (!section->is_open)
		(void)fprintf(section->out, "\n%s {\n", section->name);
	section->is_open = true;
	(void)fprintf(section->out, "    %s = ", key); /* br_text_make finds failures */
	return section->out;
}

static void end_section(const struct section *section)
{
	if (section->is_open)
		(void)fputs("}\n", section->out);
}

static void put_text(struct section *section, const char *key, const char *text)
{
	if (!text)
		return;
	br_text_put_quoted(begin_key(section, key), text);
	(void)fputc('\n', section->out);
}

static void put_seconds(struct section *section, const char *key, uint64_t seconds,
			uint64_t otherwise)
{
	if (seconds != otherwise)
		(void)fprintf(begin_key(section, key), "\"%" PRIu64 "s\"\n", seconds);
}

static void put_count(struct section *section, const char *key, unsigned count, unsigned otherwise)
{
	if (count != otherwise)
		(void)fprintf(begin_key(section, key), "%u\n", count);
}

static void put_share(struct section *section, const char *key, double share, double otherwise)
{
	double difference = share - otherwise;

	if (difference > 1e-9 || difference < -1e-9)
		(void)fprintf(begin_key(section, key), "\"%.6f%%\"\n", share * 100);
}

static void put_strings(struct section *section, const char *key, char *const *strings,
			size_t count)
{
	if (count == 0)
		return;
	(void)fputc('{', begin_key(section, key));
	for (size_t i = 0; i < count; i++) {
		(void)fputs(i > 0 ? ", " : " ", section->out);
		br_text_put_quoted(section->out, strings[i]);
	}
	(void)fputs(" }\n", section->out);
}

static void put_items(struct section *section, const char *key, const struct br_tuning_list *list)
{
	if (list->count == 0)
		return;
	(void)fputc('{', begin_key(section, key));
	for (size_t i = 0; i < list->count; i++) {
		(void)fputs(i > 0 ? ", " : " ", section->out);
		br_text_put_quoted(section->out, list->items[i].text);
	}
	(void)fputs(" }\n", section->out);
}

/* --- the sections --- */

static void put_archives(FILE *out, const struct br_archives_policy *archives)
{
	struct section section = { out, "archives", false };

	put_seconds(&section, "keep", archives->keep, KEEP_DEFAULT);
	put_count(&section, "keep-min", archives->keep_min, KEEP_MIN_DEFAULT);
	put_share(&section, "max-overhead", archives->max_overhead, OVERHEAD_DEFAULT);
	put_share(&section, "min-free", archives->min_free, FREE_DEFAULT);
	end_section(&section);
}

static void put_snapshots(FILE *out, const struct br_snapshots_policy *snapshots)
{
	struct section section = { out, "snapshots", false };

	put_strings(&section, "subvolumes", snapshots->subvolumes, snapshots->subvolume_count);
	put_text(&section, "every", snapshots->every.text);
	put_seconds(&section, "keep", snapshots->keep, 0);
	put_count(&section, "hourly", snapshots->hourly, 0);
	put_count(&section, "daily", snapshots->daily, 0);
	put_count(&section, "weekly", snapshots->weekly, 0);
	put_count(&section, "monthly", snapshots->monthly, 0);
	put_count(&section, "yearly", snapshots->yearly, 0);
	if (snapshots->only_if_changed == BR_ONLY_IF_CHANGED_YES)
		put_text(&section, "only-if-changed", "yes");
	put_strings(&section, "before", snapshots->before.argv, snapshots->before.count);
	put_strings(&section, "after", snapshots->after.argv, snapshots->after.count);
	put_seconds(&section, "hook-timeout", snapshots->hook_timeout, TIMEOUT_DEFAULT);
	end_section(&section);
}

static void put_performance(FILE *out, const struct br_config *preset)
{
	struct section section = { out, "performance", false };

	if (preset->performance != BR_PERFORMANCE_NONE)
		put_text(&section, "mode", tune_mode_name(preset->performance));
	put_items(&section, "nodatacow", &preset->tuning.nodatacow);
	put_items(&section, "compress", &preset->tuning.compress);
	put_items(&section, "set", &preset->tuning.set);
	end_section(&section);
}

static void put_maintenance(FILE *out, const struct br_maintenance_policy *maintenance)
{
	struct section section = { out, "maintenance", false };

	put_text(&section, "scrub", maintenance->scrub.text);
	put_text(&section, "balance", maintenance->balance.text);
	put_text(&section, "trim", maintenance->trim.text);
	end_section(&section);
}

static void put_metrics(FILE *out, const struct br_metrics_policy *metrics)
{
	struct section section = { out, "metrics", false };

	put_text(&section, "directory", metrics->directory);
	put_text(&section, "every", metrics->every.text);
	put_share(&section, "max-used", metrics->max_used, USED_DEFAULT);
	put_strings(&section, "on-alert", metrics->on_alert.argv, metrics->on_alert.count);
	put_seconds(&section, "hook-timeout", metrics->hook_timeout, TIMEOUT_DEFAULT);
	end_section(&section);
}

void init_put_policies(FILE *out, const struct br_config *preset)
{
	if (preset->ephemeral_count == 0)
		return; /* there is none */
	put_archives(out, &preset->archives);
	put_snapshots(out, &preset->snapshots);
	put_performance(out, preset);
	put_maintenance(out, &preset->maintenance);
	put_metrics(out, &preset->metrics);
}
