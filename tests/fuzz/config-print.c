/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration written down again. */
#include "config-print.h"

#include "fuzz.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

static void put_quoted(FILE *out, const char *text)
{
	(void)fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('\'', out);
}

static void put_text(FILE *out, const char *key, const char *text)
{
	if (!text)
		return;
	(void)fprintf(out, "%s = ", key);
	put_quoted(out, text);
	(void)fputc('\n', out);
}

static void put_persist(FILE *out, const struct br_persist *persist)
{
	static const char *const creates[] = { [BR_CREATE_NO] = "no",
					       [BR_CREATE_DIRECTORY] = "directory",
					       [BR_CREATE_FILE] = "file" };

	(void)fputs("path '/", out);
	for (const char *c = persist->path; *c; c++) {
		if (*c == '\'' || *c == '\\')
			(void)fputc('\\', out);
		(void)fputc(*c, out);
	}
	(void)fprintf(out, "' {\nmethod = %s\ncreate = %s\n",
		      persist->method == BR_METHOD_SUBVOLUME ? "subvolume" : "copy",
		      creates[persist->create]);
	put_text(out, "owner", persist->owner);
	if (persist->has_mode)
		(void)fprintf(out, "mode = %04o\n", persist->mode);
	(void)fputs("}\n", out);
}

static void put_ephemeral(FILE *out, const struct br_ephemeral *ephemeral)
{
	(void)fputs("ephemeral ", out);
	put_quoted(out, ephemeral->name);
	(void)fputs(" {\n", out);
	put_text(out, "blank", ephemeral->blank);
	put_text(out, "archive", ephemeral->archive ? ephemeral->archive : "none");
	put_text(out, "mountpoint", ephemeral->mountpoint);
	put_text(out, "blank-changed",
		 ephemeral->blank_changed == BR_BLANK_CHANGED_REFUSE ? "refuse" : "warn");
	put_text(out, "on-failure",
		 ephemeral->on_failure == BR_ON_FAILURE_STOP ? "stop" : "continue");
	for (size_t i = 0; i < ephemeral->persist_count; i++)
		put_persist(out, &ephemeral->persist[i]);
	(void)fputs("}\n", out);
}

static void put_archives(FILE *out, const struct br_archives_policy *policy)
{
	(void)fprintf(out, "archives {\nkeep = %" PRIu64 "s\nkeep-min = %u\n", policy->keep,
		      policy->keep_min);
	/* with one digit less than a double has, or the last one may wander */
	(void)fprintf(out, "max-overhead = %.12f%%\nmin-free = %.12f%%\n}\n",
		      policy->max_overhead * 100, policy->min_free * 100);
}

static void put_snapshots(FILE *out, const struct br_snapshots_policy *policy)
{
	(void)fputs("snapshots {\n", out);
	for (size_t i = 0; i < policy->subvolume_count; i++) {
		(void)fputs(i == 0 ? "subvolumes = { " : ", ", out);
		put_quoted(out, policy->subvolumes[i]);
	}
	(void)fputs(policy->subvolume_count > 0 ? " }\n" : "", out);
	put_text(out, "every", policy->every.text);
	if (policy->keep > 0)
		(void)fprintf(out, "keep = %" PRIu64 "s\n", policy->keep);
	(void)fprintf(out, "hourly = %u\ndaily = %u\nweekly = %u\nmonthly = %u\nyearly = %u\n}\n",
		      policy->hourly, policy->daily, policy->weekly, policy->monthly,
		      policy->yearly);
}

static void put_metrics(FILE *out, const struct br_metrics_policy *policy)
{
	(void)fprintf(out, "metrics {\nmax-used = %.12f%%\nhook-timeout = %" PRIu64 "s\n",
		      policy->max_used * 100, policy->hook_timeout);
	put_text(out, "directory", policy->directory);
	put_text(out, "every", policy->every.text);
	for (size_t i = 0; i < policy->on_alert.count; i++) {
		(void)fputs(i == 0 ? "on-alert = { " : ", ", out);
		put_quoted(out, policy->on_alert.argv[i]);
	}
	(void)fputs(policy->on_alert.count > 0 ? " }\n}\n" : "}\n", out);
}

static void put_tuning(FILE *out, const char *key, const struct br_tuning_list *list)
{
	if (list->count == 0)
		return;
	(void)fprintf(out, "%s = { ", key);
	for (size_t i = 0; i < list->count; i++) {
		(void)fputs(i == 0 ? "" : ", ", out);
		put_quoted(out, list->items[i].text);
	}
	(void)fputs(" }\n", out);
}

static void put_config(FILE *out, const void *data)
{
	static const char *const modes[] = { [BR_PERFORMANCE_NONE] = "none",
					     [BR_PERFORMANCE_BALANCED] = "balanced",
					     [BR_PERFORMANCE_IO] = "io-optimized",
					     [BR_PERFORMANCE_SPACE] = "space-optimized" };
	const struct br_config *config = data;

	put_text(out, "device", config->device);
	put_text(out, "degraded", config->degraded == BR_DEGRADED_YES ? "yes" : "no");
	for (size_t i = 0; i < config->ephemeral_count; i++)
		put_ephemeral(out, &config->ephemeral[i]);
	put_archives(out, &config->archives);
	put_snapshots(out, &config->snapshots);
	(void)fprintf(out, "performance {\nmode = %s\n", modes[config->performance]);
	put_tuning(out, "nodatacow", &config->tuning.nodatacow);
	put_tuning(out, "compress", &config->tuning.compress);
	put_tuning(out, "set", &config->tuning.set);
	(void)fputs("}\nmaintenance {\n", out);
	put_text(out, "scrub", config->maintenance.scrub.text);
	put_text(out, "balance", config->maintenance.balance.text);
	put_text(out, "trim", config->maintenance.trim.text);
	(void)fputs("}\n", out);
	put_metrics(out, &config->metrics);
}

char *config_print(const struct br_config *config)
{
	char *text = br_text_make(put_config, config);

	FUZZ_CHECK(text);
	return text;
}
