/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot metrics: what monitoring wants to know, for Prometheus, for the journal, or for a program. */
#include "alerts.h"
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "file-leftovers.h"
#include "file.h"
#include "lock-wait.h"
#include "metrics.h"
#include "report.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEXTFILE "blankroot.prom" /* node_exporter reads *.prom */

struct options {
	struct metrics_options metrics;
	const char *output; /* --output; NULL: not said */
	bool alert;
};

static int check(const void *data)
{
	const struct options *options = data;

	if (options->output && *options->output == '\0')
		return command_fail_usage(METRICS_COMMAND, "--output needs the name of a file",
					  NULL);
	return EXIT_DONE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	struct metrics_options *metrics = &options->metrics;
	const struct command_option list[] = {
		OPTION_STRING("output", "FILE", &options->output,
			      "write them to this file; -: to standard output"),
		OPTION_FLAG("alert", &options->alert,
			    "tell the journal, and on-alert of the configuration, what went wrong\n"
			    "or is well again since the last time"),
		OPTION_STRING("report", "FILE", &metrics->report,
			      "another report of the boot (" BR_REPORT_PATH ")"),
		OPTION_STRING("state", "DIR", &metrics->state_dir,
			      "where to remember what was told (" METRICS_STATE_DIR ")"),
		OPTION_DEVICE(&metrics->filesystem.device, "a block device"),
		OPTION_CONFIG(&metrics->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot metrics [OPTION]...\n"
			"Write metrics for Prometheus: to blankroot.prom in the directory that the\n"
			"configuration says; without one, to standard output.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.check = check,
		.data = options,
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

/* Each part that could not be looked at by itself; metrics and alerts say the same. */
static void warn(const struct metrics *metrics)
{
	char message[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX * 4];

	for (int i = 0; i < METRICS_PART_COUNT; i++) {
		if (metrics->is_known[i] || metrics->failures[i].code == BR_OK)
			continue;
		br_error_format(&metrics->failures[i], message, sizeof(message));
		(void)fprintf(stderr, METRICS_COMMAND ": warning: %s: %s\n",
			      metrics_part_name((enum metrics_part)i), message);
	}
}

/* --- writing --- */

static void put(FILE *out, const void *data)
{
	metrics_put(out, data);
}

/* What is replaced by renaming must not be a device, such as /dev/stdout. */
static int refuse_others(int dir, const char *name, struct br_error *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode))
		return 0;
	return br_error_set(err, BR_ERR_TYPE, 0, name,
			    "there is something that is no file; '-' is standard output");
}

/* For everybody: node_exporter is not root. */
static int replace(int dir, const char *name, const struct metrics *metrics, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put, metrics);
	int r = refuse_others(dir, name, err);

	if (r < 0)
		return r;
	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_file_replace(dir, name, text, strlen(text), 0644, err);
}

static int write_textfile(const char *directory, const struct metrics *metrics,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, directory,
				    "metrics { directory } of the configuration: it has to be "
				    "there, and node_exporter has to be told the same with "
				    "--collector.textfile.directory");
	/* what runs that were killed have left; node_exporter does not read those */
	if ((r = lock_wait_flock(fd, LOCK_WAIT_DEFAULT, directory, err)) < 0)
		return r;
	if (br_file_clear_leftovers(fd, err) < 0)
		return br_error_prefix_path(err, directory);
	r = replace(fd, TEXTFILE, metrics, err);
	return r < 0 ? br_error_prefix_path(err, directory) : 0;
}

static int write_all(const struct options *options, const struct br_metrics_policy *policy,
		     const struct metrics *metrics, struct br_error *err)
{
	if (options->output && strcmp(options->output, "-") != 0)
		return replace(AT_FDCWD, options->output, metrics, err);
	if (!options->output && policy->directory)
		return write_textfile(policy->directory, metrics, err);
	if (options->output || !options->alert)
		metrics_put(stdout, metrics); /* lost output is found when it is closed */
	return 0;
}

static int tell(const struct options *options, const struct br_metrics_policy *policy,
		const struct metrics *metrics, struct br_error *err)
{
	__attribute__((cleanup(alerts_free))) struct alerts alerts = { 0 };
	int r = alerts_find(metrics, &alerts, err);

	return r < 0 ? r : alerts_tell(&alerts, metrics, options->metrics.state_dir, policy, err);
}

/* A disk that is full keeps nobody from being told, and a program that fails no metrics from being written. */
static int act(const struct options *options, struct br_error *err)
{
	__attribute__((cleanup(br_config_free))) struct br_config config = { 0 };
	__attribute__((cleanup(metrics_free))) struct metrics metrics = { .filesystem.top = -1 };
	struct br_error later;
	int r = br_config_load(options->metrics.filesystem.config, &config, err);

	if (r < 0)
		return r;
	metrics_gather(&options->metrics, &metrics);
	warn(&metrics);
	r = write_all(options, &config.metrics, &metrics, err);
	if (!options->alert || tell(options, &config.metrics, &metrics, &later) == 0)
		return r;
	if (r == 0)
		*err = later;
	return err->code;
}

static int run(int argc, char *argv[])
{
	struct options options = {
		.metrics = { .filesystem = { .config = BR_CONFIG_PATH, .read_only = true },
			     .report = BR_REPORT_PATH,
			     .scrub_dir = SCRUB_RECORD_DIR,
			     .state_dir = METRICS_STATE_DIR },
	};
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail(METRICS_COMMAND, &err);
}

const struct command command_metrics = {
	.name = "metrics",
	.summary = "write metrics for Prometheus, tell of alerts",
	.run = run,
};
