/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel command line says to blankroot. */
#include "cmdline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "rd.blankroot"
#define TIMEOUT_MAX 86400

struct word {
	const char *text;
	int value;
};

static const struct word mode_words[] = {
	{ "on", BR_BOOT_RESET },        { "1", BR_BOOT_RESET },
	{ "yes", BR_BOOT_RESET },       { "true", BR_BOOT_RESET },
	{ "off", BR_BOOT_OFF },         { "0", BR_BOOT_OFF },
	{ "no", BR_BOOT_OFF },          { "false", BR_BOOT_OFF },
	{ "dry-run", BR_BOOT_DRY_RUN }, { NULL, 0 },
};

static const struct word bool_words[] = {
	{ "on", 1 }, { "1", 1 },  { "yes", 1 },   { "true", 1 }, { "off", 0 },
	{ "0", 0 },  { "no", 0 }, { "false", 0 }, { NULL, 0 },
};

static int refuse(const struct br_cmdline_arg *arg, const char *allowed, struct br_error *err)
{
	if (!arg->value)
		return br_error_set(err, BR_ERR_USAGE, 0, NULL, "kernel command line: %s: %s",
				    arg->name, allowed);
	return br_error_set(err, BR_ERR_USAGE, 0, NULL, "kernel command line: %s=%s: %s", arg->name,
			    arg->value, allowed);
}

/* The number of a word; an argument without a value, or an absent one, has a number of its own. */
static int parse_word(const struct br_cmdline_arg *arg, const struct word *words, int bare,
		      int *ret)
{
	if (!arg)
		return 0;
	if (!arg->value) {
		*ret = bare;
		return 0;
	}
	for (; words->text; words++) {
		if (strcmp(words->text, arg->value) == 0) {
			*ret = words->value;
			return 0;
		}
	}
	return -1;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	if (!text || !*text || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || number > max)
		return false;
	*ret = number;
	return true;
}

static bool is_plain_name(const char *name)
{
	return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static int check_names(const struct br_cmdline *cmdline, struct br_error *err)
{
	static const char *const known[] = { PREFIX ".from", PREFIX ".timeout", PREFIX ".debug" };
	const size_t count = sizeof(known) / sizeof(known[0]);

	for (size_t i = 0; i < cmdline->count; i++) {
		const struct br_cmdline_arg *arg = &cmdline->args[i];
		size_t k = 0;

		if (strncmp(arg->name, PREFIX ".", strlen(PREFIX ".")) != 0)
			continue;
		while (k < count && strcmp(arg->name, known[k]) != 0)
			k++;
		if (k == count)
			return refuse(arg,
				      "unknown; there are " PREFIX "=, " PREFIX ".from=, " PREFIX
				      ".timeout=, " PREFIX ".debug",
				      err);
	}
	return 0;
}

static int parse_own(const struct br_cmdline *cmdline, struct br_boot *boot, struct br_error *err)
{
	const struct br_cmdline_arg *arg;
	int mode = BR_BOOT_RESET;
	int debug = 0;
	uint64_t timeout = BR_BOOT_TIMEOUT_DEFAULT;

	arg = br_cmdline_find(cmdline, PREFIX);
	if (parse_word(arg, mode_words, BR_BOOT_RESET, &mode) < 0)
		return refuse(arg, "must be on, off or dry-run", err);
	boot->mode = (enum br_boot_mode)mode;

	arg = br_cmdline_find(cmdline, PREFIX ".debug");
	if (parse_word(arg, bool_words, 1, &debug) < 0)
		return refuse(arg, "must be on or off", err);
	boot->debug = debug;

	arg = br_cmdline_find(cmdline, PREFIX ".from");
	if (arg && !is_plain_name(arg->value))
		return refuse(arg, "must be the name of an archive, without a slash", err);
	boot->from = arg ? arg->value : NULL;

	arg = br_cmdline_find(cmdline, PREFIX ".timeout");
	if (arg && !parse_number(arg->value, TIMEOUT_MAX, &timeout))
		return refuse(arg, "must be seconds, 0 to 86400", err);
	boot->timeout = (unsigned)timeout;
	return 0;
}

/* An empty value is none, as for the kernel. */
static const char *text_of(const struct br_cmdline_arg *arg)
{
	return arg && arg->value && *arg->value ? arg->value : NULL;
}

static int parse_others(const struct br_cmdline *cmdline, struct br_boot *boot,
			struct br_error *err)
{
	const struct br_cmdline_arg *arg;

	boot->root = text_of(br_cmdline_find(cmdline, "root"));
	boot->resume = text_of(br_cmdline_find(cmdline, "resume"));
	arg = br_cmdline_find(cmdline, "noresume");
	boot->noresume = arg && !arg->value;

	arg = br_cmdline_find(cmdline, "resume_offset");
	if (arg && !parse_number(arg->value, UINT64_MAX, &boot->resume_offset))
		return refuse(arg, "must be a number of pages", err);
	boot->has_resume_offset = arg;
	return 0;
}

int br_boot_parse(const struct br_cmdline *cmdline, struct br_boot *ret, struct br_error *err)
{
	struct br_boot boot = { .mode = BR_BOOT_RESET };
	int r;

	if ((r = check_names(cmdline, err)) < 0 || (r = parse_own(cmdline, &boot, err)) < 0 ||
	    (r = parse_others(cmdline, &boot, err)) < 0)
		return r;
	*ret = boot;
	return 0;
}
