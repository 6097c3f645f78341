/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of a command: setting its options, printing its help. */
#include "command-options.h"

#include "lock-wait.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 16
#define FIRST_VALUE 256                              /* of getopt_long, more than any character */
#define WIDTH_MIN ((int)(sizeof("config=FILE") - 1)) /* so that the commands look alike */

static const struct command_option help_option = { .name = "help", .help = "print this and exit" };

/* The last one is --help. */
static const struct command_option *option_at(const struct command_usage *usage, size_t i)
{
	return i < usage->option_count ? &usage->options[i] : &help_option;
}

int command_fail_usage(const char *command, const char *what, const char *argument)
{
	if (what)
		(void)fprintf(stderr, "%s: %s%s%s%s\n", command, what, argument ? " '" : "",
			      argument ? argument : "", argument ? "'" : "");
	(void)fprintf(stderr, "Try '%s --help' for more information.\n", command);
	return EXIT_USAGE;
}

/* --- help --- */

static int width_of(const struct command_option *option)
{
	return (int)(strlen(option->name) + (option->argument ? 1 + strlen(option->argument) : 0));
}

static void print_option(const struct command_option *option, int width)
{
	int indent = width - width_of(option);

	(void)printf("      --%s%s%s", option->name, option->argument ? "=" : "",
		     option->argument ? option->argument : "");
	for (const char *line = option->help;; line++) {
		int length = (int)strcspn(line, "\n");

		(void)printf("%*s  %.*s\n", indent, "", length, line);
		line += length;
		if (*line == '\0')
			return;
		indent = (int)strlen("      --") + width;
	}
}

static int print_help(const struct command_usage *usage)
{
	int width = WIDTH_MIN;

	for (size_t i = 0; i < usage->option_count; i++)
		if (usage->options[i].name && width_of(&usage->options[i]) > width)
			width = width_of(&usage->options[i]);
	(void)puts(usage->head); /* lost output is found when standard output is closed */
	for (size_t i = 0; i <= usage->option_count; i++)
		if (option_at(usage, i)->name)
			print_option(option_at(usage, i), width);
	(void)printf("\n%s", usage->tail);
	return EXIT_DONE;
}

/* --- parsing --- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct option *)a)->name, ((const struct option *)b)->name);
}

/* Sorted: an abbreviation that is ambiguous is answered with the possibilities in this order. */
static void list_names(const struct command_usage *usage, struct option ret[OPTIONS_MAX + 1])
{
	size_t count = 0;

	for (size_t i = 0; i <= usage->option_count; i++) {
		const struct command_option *option = option_at(usage, i);

		if (!option->name)
			continue;
		assert(count < OPTIONS_MAX);
		ret[count++] = (struct option){
			.name = option->name,
			.has_arg = option->argument ? required_argument : no_argument,
			.val = FIRST_VALUE + (int)i,
		};
	}
	qsort(ret, count, sizeof(*ret), compare_names);
	ret[count] = (struct option){ 0 };
}

static bool set_option(const struct command_option *option, const char *command,
		       const char *argument)
{
	if (option->read)
		return option->read(option->data, argument);
	if (option->seconds)
		return lock_wait_parse(command, argument, option->seconds);
	if (option->flag) {
		*option->flag = true;
	} else if (option->string) {
		*option->string = argument;
	} else {
		option->mode->value = option->mode_value;
		option->mode->count++;
	}
	return true;
}

/* The name of the command takes its place. Returns by how many words the line is shorter. */
static int take_word(const struct command_usage *usage, int argc, char *argv[])
{
	for (size_t i = 0; argc > 1 && i < usage->word_count; i++)
		if (strcmp(argv[1], usage->words[i]) == 0) {
			*usage->word = i;
			argv[1] = argv[0];
			return 1;
		}
	return 0;
}

int command_options_parse(const struct command_usage *usage, int argc, char *argv[],
			  struct command_arguments *ret)
{
	struct option names[OPTIONS_MAX + 1];
	bool help = false;
	int value, taken = take_word(usage, argc, argv);

	argc -= taken;
	argv += taken;
	list_names(usage, names);
	while ((value = getopt_long(argc, argv, "", names, NULL)) != -1) {
		const struct command_option *option;

		if (value == '?')
			return command_fail_usage(argv[0], NULL, NULL);
		option = option_at(usage, (size_t)(value - FIRST_VALUE));
		if (option == &help_option)
			help = true;
		else if (!set_option(option, argv[0], optarg))
			return command_fail_usage(argv[0], NULL, NULL);
	}
	if (argc - optind > usage->arguments_max)
		return command_fail_usage(argv[0], "unexpected argument",
					  argv[optind + usage->arguments_max]);
	if (usage->check && usage->check(usage->data) != EXIT_DONE)
		return EXIT_USAGE;
	if (help)
		return print_help(usage);
	if (ret)
		*ret = (struct command_arguments){ argv + optind, (size_t)(argc - optind) };
	return COMMAND_GO_ON;
}
