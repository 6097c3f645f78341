/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line, and what it says to blankroot. */
#include "fuzz.h"

#include "cleanup.h"
#include "cmdline.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Those without quotes within can be written down again, in quotes. */
static bool is_printable(const struct br_cmdline_arg *arg)
{
	return !strchr(arg->name, '"') && !(arg->value && strchr(arg->value, '"'));
}

static char *print(const struct br_cmdline *cmdline)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	FUZZ_CHECK(out);
	for (size_t i = 0; i < cmdline->count; i++) {
		const struct br_cmdline_arg *arg = &cmdline->args[i];

		if (is_printable(arg))
			(void)fprintf(out, "\"%s%s%s\"\n", arg->name, arg->value ? "=" : "",
				      arg->value ? arg->value : "");
	}
	FUZZ_CHECK(fclose(out) == 0);
	return text;
}

static void check_same(const struct br_cmdline *a, const struct br_cmdline *b)
{
	size_t k = 0;

	for (size_t i = 0; i < a->count; i++) {
		if (!is_printable(&a->args[i]))
			continue;
		FUZZ_CHECK(k < b->count);
		FUZZ_CHECK(strcmp(a->args[i].name, b->args[k].name) == 0);
		FUZZ_CHECK(!a->args[i].value == !b->args[k].value);
		FUZZ_CHECK(!a->args[i].value || strcmp(a->args[i].value, b->args[k].value) == 0);
		k++;
	}
	FUZZ_CHECK(k == b->count);
}

static void check_round_trip(const struct br_cmdline *cmdline)
{
	BR_AUTO_FREE char *text = print(cmdline);
	struct br_cmdline again;
	struct br_error err;

	FUZZ_CHECK(br_cmdline_parse(text, &again, &err) == 0);
	check_same(cmdline, &again);
	br_cmdline_free(&again);
}

/* A name that is there is found, with the value that comes last. */
static void check_find(const struct br_cmdline *cmdline)
{
	for (size_t i = 0; i < cmdline->count; i++)
		FUZZ_CHECK(br_cmdline_find(cmdline, cmdline->args[i].name) >= &cmdline->args[i]);
}

static void check_boot(const struct br_cmdline *cmdline)
{
	struct br_boot boot;
	struct br_error err;
	int r;

	fuzz_poison(&boot, sizeof(boot));
	r = br_boot_parse(cmdline, &boot, &err);
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_USAGE);
		fuzz_check_error(&err, r);
		FUZZ_CHECK(strncmp(err.text, "kernel command line: ", 21) == 0);
		fuzz_check_poisoned(&boot, sizeof(boot));
		return;
	}
	FUZZ_CHECK(boot.mode == BR_BOOT_RESET || boot.mode == BR_BOOT_OFF ||
		   boot.mode == BR_BOOT_DRY_RUN);
	FUZZ_CHECK(boot.timeout <= 86400);
	FUZZ_CHECK(!boot.from || (*boot.from && !strchr(boot.from, '/') &&
				  strcmp(boot.from, ".") != 0 && strcmp(boot.from, "..") != 0));
	FUZZ_CHECK(!boot.root || *boot.root);
	FUZZ_CHECK(!boot.resume || *boot.resume);
	FUZZ_CHECK(boot.has_resume_offset || boot.resume_offset == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = fuzz_text(data, size);
	struct br_cmdline cmdline;
	struct br_error err;

	FUZZ_CHECK(br_cmdline_parse(text, &cmdline, &err) == 0);
	check_round_trip(&cmdline);
	check_find(&cmdline);
	check_boot(&cmdline);
	br_cmdline_free(&cmdline);
	return 0;
}
