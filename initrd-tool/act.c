/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot-initrd does. */
#include "act.h"

#include "config.h"
#include "output.h"
#include "reset.h"
#include "udev.h"

#include <stdio.h>
#include <string.h>

#define TOOL "blankroot-initrd " BLANKROOT_VERSION

/* Nothing depends on it that would not have been without a reset as well. */
#define UDEV_SECONDS 10

static void print_key(const struct br_config *config, const char *key)
{
	bool stop = false;

	for (size_t i = 0; i < config->ephemeral_count; i++)
		stop |= config->ephemeral[i].on_failure == BR_ON_FAILURE_STOP;
	if (strcmp(key, "on-failure") == 0)
		(void)puts(stop ? "stop" : "continue"); /* lost output is found at the end */
	else
		(void)puts(config->device ? config->device : "");
}

/* key: what to print when the configuration is good; NULL: nothing */
static int check_config(const char *path, const char *key)
{
	struct br_config config;
	struct br_error err;
	char message[1024];

	if (br_config_load(path, &config, &err) == 0) {
		if (key)
			print_key(&config, key);
		br_config_free(&config);
		return 0;
	}
	br_error_format(&err, message, sizeof(message));
	(void)fprintf(stderr, "blankroot-initrd: %s\n", message); /* the exit code tells too */
	return EXIT_USAGE;
}

/*
 * The root is mounted next, whatever came of the reset. One that several devices make up is not there for systemd as
 * long as udev has not seen to all of them, and a mount that is under way is given up then.
 */
static void settle(const struct br_reset *result)
{
	const struct br_device *device = &result->device;
	struct br_error err;
	char message[1024];

	if (!device->path || device->members < 2 || device->missing > 0 ||
	    br_udev_settle(BR_UDEV_DIR, device->fsid, UDEV_SECONDS, &err) >= 0)
		return;
	br_error_format(&err, message, sizeof(message));
	(void)fprintf(stderr, "blankroot-initrd: %s\n",
		      message); /* a warning: nobody waits for it */
}

static int reset(const struct options *options)
{
	struct br_reset_input input = {
		.config_path = options->config,
		.device = options->device,
		.cmdline = options->cmdline,
		.dry_run = options->dry_run,
		.notify = output_step,
	};
	struct br_reset result;
	enum br_outcome outcome = br_reset_run(&input, &result);

	if (outcome == BR_OUTCOME_DRY_RUN)
		output_plan(&result);
	(void)fflush(stdout); /* the plan comes before the line; lost output is found at the end */
	output_line(&result);
	if (options->report)
		output_report(&result, options->report, TOOL);
	if (!options->dry_run)
		settle(&result);
	br_reset_free(&result);
	return br_outcome_exit_code(outcome);
}

int act(const struct options *options)
{
	switch (options->action) {
	case ACTION_HELP:
		options_print_help();
		return 0;
	case ACTION_VERSION:
		(void)puts(TOOL);
		return 0;
	case ACTION_CHECK_CONFIG:
	case ACTION_PRINT:
		return check_config(options->config, options->key);
	default:
		return reset(options);
	}
}
