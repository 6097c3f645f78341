/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of a command: a table of its options, by which they are set and --help is printed. */
#ifndef BLANKROOT_COMMAND_OPTIONS_H
#define BLANKROOT_COMMAND_OPTIONS_H

#include "command.h"
#include "config.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of several ways to do it, each with an option. */
struct command_mode {
	int value;
	unsigned count; /* how many were asked for */
};

struct command_option {
	const char *name;     /* without the dashes; NULL: the command at hand does not have it */
	const char *argument; /* what --help calls its argument; NULL: it takes none */
	const char *help;     /* one line or several, without the last newline */
	/* where it goes, one of these; strings are not copied */
	bool *flag;
	const char **string;
	uint64_t *seconds;
	struct command_mode *mode;
	int mode_value;
	bool (*read)(void *data, const char *argument); /* false: it has told what is wrong */
	void *data;                                     /* of read */
};

#define OPTION_FLAG(word, place, lines)                          \
	{                                                        \
		.name = (word), .help = (lines), .flag = (place) \
	}
#define OPTION_MODE(word, place, which, lines)                                          \
	{                                                                               \
		.name = (word), .help = (lines), .mode = (place), .mode_value = (which) \
	}
#define OPTION_STRING(word, what, place, lines)                                        \
	{                                                                              \
		.name = (word), .argument = (what), .help = (lines), .string = (place) \
	}

/* Those that several commands have; --help is added to all. */
#define OPTION_CONFIG(place) \
	OPTION_STRING("config", "FILE", place, "another configuration (" BR_CONFIG_PATH ")")
#define OPTION_CONFIG_DEFAULT(place) \
	OPTION_STRING("config", "FILE", place, "the configuration (default " BR_CONFIG_PATH ")")
#define OPTION_DEVICE(place, kind)                                                  \
	OPTION_STRING("device", "SPEC", place,                                      \
		      "another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n" \
		      "or " kind)
#define OPTION_DRY_RUN(place, lines) OPTION_FLAG("dry-run", place, lines)
#define OPTION_WAIT(place, whom)                                                             \
	{                                                                                    \
		.name = "wait", .argument = "SECS",                                          \
		.help = "wait so long for another " whom " (10 seconds)", .seconds = (place) \
	}

#define EXIT_CODES_USUAL "Exit codes: 0 done; 1 failed; 2 usage error.\n"

#define COMMAND_ARGUMENTS_ANY INT_MAX
#define COMMAND_GO_ON (-1) /* no exit status */

struct command_usage {
	const char *head; /* of --help: how it is called, what it does */
	const char *tail; /* of --help, behind the options: the exit codes */
	const struct command_option *options;
	size_t option_count;
	int arguments_max;
	/*
	 * Refuse, with command_fail_usage, options that do not go together, before --help is looked
	 * at; else EXIT_DONE. NULL: nothing to check.
	 */
	int (*check)(const void *data);
	const void *data;
	/* Words of which one may stand right behind the command, and where the index of the one that does goes. NULL: none. */
	const char *const *words;
	size_t word_count;
	size_t *word; /* stays as it is when there is none */
};

#define COMMAND_WORDS(list, place) \
	.words = (list), .word_count = sizeof(list) / sizeof((list)[0]), .word = (place)

struct command_arguments {
	char **list; /* in argv; behind the last one is NULL */
	size_t count;
};

/*
 * Take the word, set the options, and refuse those that the command does not have, and more arguments than it
 * takes; or print its help.
 *
 * argv  argv[0] is "blankroot NAME"; the arguments are moved behind the options
 * ret   the arguments, set with COMMAND_GO_ON only; NULL for a command that takes none
 *
 * Returns COMMAND_GO_ON, or the exit status when everything is said.
 */
int command_options_parse(const struct command_usage *usage, int argc, char *argv[],
			  struct command_arguments *ret);

/*
 * Tell what is wrong with the command line.
 *
 * command   "blankroot NAME"
 * what      NULL: was told already
 * argument  that it is about; NULL: none
 *
 * Returns EXIT_USAGE.
 */
int command_fail_usage(const char *command, const char *what, const char *argument);

#endif
