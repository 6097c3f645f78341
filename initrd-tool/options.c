/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of blankroot-initrd. */
#include "options.h"

#include "config.h"
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum long_option {
	OPTION_CONFIG = 256,
	OPTION_DEVICE,
	OPTION_CMDLINE,
	OPTION_REPORT,
	OPTION_DRY_RUN,
	OPTION_CHECK_CONFIG,
	OPTION_PRINT,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "cmdline", required_argument, NULL, OPTION_CMDLINE },
	{ "report", required_argument, NULL, OPTION_REPORT },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
	{ "print", required_argument, NULL, OPTION_PRINT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

void options_print_help(void)
{
	(void)fputs(/* lost output is found when standard output is closed */
		    "Usage: blankroot-initrd [OPTION]...\n"
		    "Replace the ephemeral subvolumes of a btrfs by fresh snapshots of their blanks,\n"
		    "carry the persistent paths across and keep the old subvolumes as archives. Made\n"
		    "to run in the initramfs, before the root is mounted.\n"
		    "\n"
		    "      --config=FILE     the configuration; drop-ins are read from FILE.d/*.conf\n"
		    "                        (default " BR_CONFIG_PATH ")\n"
		    "      --device=SPEC     UUID=, LABEL=, PARTUUID=, PARTLABEL= or a path, instead\n"
		    "                        of the configuration's device and of root=\n"
		    "      --cmdline=STRING  a kernel command line to go by, instead of /proc/cmdline\n"
		    "      --report=FILE     where to write the report; \"\" for nowhere (default\n"
		    "                        " BR_REPORT_PATH "; with --device or --dry-run:\n"
		    "                        nowhere)\n"
		    "      --dry-run         print the steps that a run would take; change nothing\n"
		    "      --check-config    only check the configuration\n"
		    "      --print=KEY       print what the configuration says: on-failure (stop if\n"
		    "                        any ephemeral subvolume says so, else continue), device\n"
		    "                        (empty if not said)\n"
		    "      --help            print this and exit\n"
		    "      --version         print the version and exit\n"
		    "\n"
		    "Exit codes: 0 reset, or skipped on request; 2 usage or configuration error;\n"
		    "3 refused; 4 failed, the old root is unchanged; 5 the new root is in place, the\n"
		    "rest follows at the next boot.\n"
		    "\n"
		    "Full documentation: blankroot-initrd(8), blankroot.conf(5)\n",
		    stdout);
}

static bool is_key(const char *key)
{
	return strcmp(key, "on-failure") == 0 || strcmp(key, "device") == 0;
}

static bool fail_with_hint(void)
{
	(void)fputs("Try 'blankroot-initrd --help' for more information.\n", stderr);
	return false;
}

static void set_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config = optarg;
		break;
	case OPTION_DEVICE:
		options->device = optarg;
		break;
	case OPTION_CMDLINE:
		options->cmdline = optarg;
		break;
	case OPTION_REPORT:
		options->report = optarg;
		break;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		break;
	case OPTION_CHECK_CONFIG:
		options->action = ACTION_CHECK_CONFIG;
		break;
	case OPTION_PRINT:
		options->action = ACTION_PRINT;
		options->key = optarg;
		break;
	case OPTION_HELP:
		options->action = ACTION_HELP;
		break;
	default:
		options->action = ACTION_VERSION;
	}
}

bool options_parse(int argc, char *argv[], struct options *options)
{
	int option;

	*options = (struct options){ .config = BR_CONFIG_PATH };
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			return fail_with_hint();
		set_option(options, option);
	}
	if (optind < argc) {
		(void)fprintf(stderr, "blankroot-initrd: unexpected argument '%s'\n", argv[optind]);
		return fail_with_hint();
	}
	if (options->action == ACTION_PRINT && !is_key(options->key)) {
		(void)fprintf(
			stderr,
			"blankroot-initrd: --print: '%s' is neither 'on-failure' nor 'device'\n",
			options->key);
		return fail_with_hint();
	}
	/* the report of the boot must not be overwritten by somebody who tries the tool */
	if (!options->report && !options->device && !options->dry_run)
		options->report = BR_REPORT_PATH;
	if (options->report && !*options->report)
		options->report = NULL;
	return true;
}
