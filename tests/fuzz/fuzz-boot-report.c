/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.json as the helper reads it, and what it shows of it. */
#include "fuzz.h"

#include "boot-report.h"
#include "cleanup.h"
#include "report-print.h"
#include "report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME "boot.json"

static char *path(void)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s/" NAME, fuzz_dir());
	return text;
}

/* What a function writes to standard output. */
static char *capture(const struct boot_report *report, bool json)
{
	FILE *before = stdout;
	char *text = NULL;
	size_t size;
	struct br_error err;
	FILE *out = open_memstream(&text, &size);

	FUZZ_CHECK(out);
	stdout = out;
	if (json)
		report_print_json(report);
	else
		FUZZ_CHECK(report_print(report, true, &err) == 0);
	stdout = before;
	FUZZ_CHECK(fclose(out) == 0 && strlen(text) == size);
	return text;
}

/* The same document, in other words. */
static void check_json(const struct boot_report *report)
{
	BR_AUTO_FREE char *text = capture(report, true);
	struct boot_report again;
	struct br_error err;

	for (const unsigned char *s = (const unsigned char *)text; *s; s++)
		FUZZ_CHECK((*s >= ' ' || strchr("\t\n\r", *s)) && *s != 0x7f &&
			   (*s != 0xc2 || s[1] > 0x9f));
	fuzz_write(NAME, text, strlen(text));
	FUZZ_CHECK(boot_report_load(path(), &again, &err) == 0);
	FUZZ_CHECK(json_equal(report->json, again.json));
	boot_report_free(&again);
}

static void check_report(const struct boot_report *report)
{
	BR_AUTO_FREE char *text = capture(report, false);

	fuzz_check_printable(text);
	FUZZ_CHECK(report->version > 0 && report->outcome && report->reason);
	FUZZ_CHECK(report->exit_code != 0 || boot_report_is_good(report));
	if (report->version > BR_REPORT_VERSION)
		return;
	FUZZ_CHECK(report->tool && report->requested_by);
	FUZZ_CHECK(!report->has_error || (report->error.code && report->error.message));
	for (size_t i = 0; i < report->ephemeral_count; i++) {
		const struct report_ephemeral *ephemeral = &report->ephemeral[i];

		FUZZ_CHECK(ephemeral->name && ephemeral->on_failure && ephemeral->source_kind);
		for (size_t k = 0; k < ephemeral->path_count; k++)
			FUZZ_CHECK(ephemeral->paths[k].path && ephemeral->paths[k].method &&
				   ephemeral->paths[k].action);
	}
	for (size_t i = 0; i < report->step_count; i++)
		FUZZ_CHECK(report->steps[i].step);
	for (size_t i = 0; i < report->dropped_count; i++)
		FUZZ_CHECK(report->dropped[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_report report;
	struct br_error err;
	int r;

	fuzz_write(NAME, data, size);
	fuzz_poison(&report, sizeof(report));
	r = boot_report_load(path(), &report, &err);
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_READ && strcmp(err.path, path()) == 0);
		fuzz_check_error(&err, r);
		fuzz_check_poisoned(&report, sizeof(report));
		return 0;
	}
	check_report(&report);
	check_json(&report);
	boot_report_free(&report);
	return 0;
}
