/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot: the helper in the running system. */
#include "command.h"

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_balance, &command_blank,    &command_check,   &command_convert,  &command_defrag,
	&command_diff,    &command_init,     &command_list,    &command_metrics,  &command_persist,
	&command_prune,   &command_report,   &command_restore, &command_rollback, &command_scrub,
	&command_skip,    &command_snapshot, &command_status,  &command_trim,     &command_tune,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	(void)puts("Usage: blankroot COMMAND [OPTION]...\n" /* lost output is found at the end */
		   "Look after a system whose root starts blank at every boot.\n"
		   "\n"
		   "Commands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)printf("  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	(void)puts(
		"\n"
		"      --help      print this and exit; 'blankroot COMMAND --help' explains one\n"
		"      --version   print the version and exit\n"
		"\n"
		"Exit codes: 0 done; 1 failed; 2 usage error.\n"
		"\n"
		"Full documentation: blankroot(8)");
	return EXIT_DONE;
}

static int fail_usage(const char *what, const char *argument)
{
	(void)fprintf(stderr, "blankroot: %s%s%s%s\nTry 'blankroot --help' for more information.\n",
		      what, argument ? " '" : "", argument ? argument : "", argument ? "'" : "");
	return EXIT_USAGE;
}

static int run_command(int argc, char *argv[])
{
	char name[64];

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[0], commands[i]->name) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "blankroot %s", commands[i]->name);
		argv[0] = name;
		return commands[i]->run(argc, argv);
	}
	return fail_usage("unknown command", argv[0]);
}

static int act(int argc, char *argv[])
{
	if (argc < 2)
		return fail_usage("no command given", NULL);
	if (argv[1][0] != '-')
		return run_command(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "--version") != 0)
		return fail_usage("unrecognized option", argv[1]);
	if (argc > 2)
		return fail_usage("unexpected argument", argv[2]);
	if (strcmp(argv[1], "--help") == 0)
		return print_help();
	(void)puts("blankroot " BLANKROOT_VERSION);
	return EXIT_DONE;
}

int main(int argc, char *argv[])
{
	bool was_lost;
	int code;

	/* for the width of columns, of text that is UTF-8 also where no locale is set, as in a service */
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	code = act(argc, argv);
	was_lost = ferror(stdout); /* fclose tells of the last flush only */
	if (fclose(stdout) == 0 && !was_lost)
		return code;
	(void)fprintf(stderr, "blankroot: standard output: %s\n",
		      was_lost ? "some of it was lost" : strerror(errno));
	return code == EXIT_DONE ? EXIT_FAILED : code;
}
