/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules: what is right becomes lines that are calendar expressions each, and can stand in a unit. */
#include "fuzz.h"

#include "calendar.h"
#include "cleanup.h"
#include "interval.h"
#include "schedule.h"

#include <string.h>

/* A zone is the last word of the text. */
static void check_zone(const char *text, const char *zone)
{
	if (!zone)
		return;
	FUZZ_CHECK(zone > text && zone[-1] == ' ' && *zone && !strpbrk(zone, " %\n\\\"$"));
	FUZZ_CHECK(strrchr(text, ' ') == zone - 1);
}

static void check_lines(const char *text)
{
	BR_AUTO_FREE char *calendar = br_schedule_calendar(text);
	char *line, *rest = calendar;
	const char *zone;
	size_t count = 0;

	FUZZ_CHECK(calendar && *calendar && calendar[strlen(calendar) - 1] == '\n');
	while ((line = strsep(&rest, "\n")) && *line) {
		FUZZ_CHECK(br_calendar_parse(line, &zone));
		FUZZ_CHECK(!strpbrk(line, "%\\\"$"));
		count++;
	}
	FUZZ_CHECK(count >= 1 && count <= 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = fuzz_text(data, size);
	const char *problem = br_schedule_problem(text);
	const char *zone = "untouched";
	uint64_t seconds;

	if (br_calendar_parse(text, &zone))
		check_zone(text, zone);
	else
		FUZZ_CHECK(strcmp(zone, "untouched") == 0);
	if (problem) {
		fuzz_check_printable(problem);
		return 0;
	}
	check_lines(text);
	FUZZ_CHECK(br_interval_parse(text, &seconds) || br_schedule_zone(text) == zone);
	return 0;
}
