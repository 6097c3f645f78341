/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result of a reset in one line for people. */
#include "report.h"

#include "text.h"
#include "warning.h"

#include <inttypes.h>

static void put_carried(FILE *out, const struct br_reset *reset)
{
	struct br_copy_stats sum = { 0 };
	uint64_t paths = 0;

	for (size_t i = 0; i < reset->plan.count; i++) {
		if (reset->plan.steps[i].type != BR_STEP_CARRY)
			continue;
		paths++;
		sum.files += reset->results[i].stats.files;
		sum.subvolumes += reset->results[i].stats.subvolumes;
		sum.bytes_shared += reset->results[i].stats.bytes_shared;
		sum.bytes_copied += reset->results[i].stats.bytes_copied;
	}
	(void)fprintf(out, "%" PRIu64 " path%s carried", paths, paths == 1 ? "" : "s");
	if (sum.files > 0 || sum.subvolumes > 0) {
		(void)fputs(" (", out);
		br_text_put_count(out, sum.files);
		(void)fprintf(out, " file%s, ", sum.files == 1 ? "" : "s");
		br_text_put_size(out, sum.bytes_shared + sum.bytes_copied);
		if (sum.subvolumes > 0)
			(void)fprintf(out, ", %" PRIu64 " subvolume%s", sum.subvolumes,
				      sum.subvolumes == 1 ? "" : "s");
		(void)fputc(')', out);
	}
}

static void put_archives(FILE *out, const struct br_reset *reset)
{
	const char *separator = "; kept as ";

	for (size_t i = 0; i < reset->plan.count; i++) {
		const struct br_step *step = &reset->plan.steps[i];

		if (step->type != BR_STEP_ARCHIVE || !reset->results[i].done)
			continue;
		(void)fputs(separator, out);
		br_text_put_name(out, step->to);
		separator = ", ";
	}
	if (reset->dropped_count > 0)
		(void)fprintf(out, "; space had run out: %zu old archive%s deleted",
			      reset->dropped_count, reset->dropped_count == 1 ? "" : "s");
}

static void put_reset(FILE *out, const struct br_reset *reset)
{
	for (size_t i = 0; i < reset->config.ephemeral_count; i++) {
		(void)fputs(i == 0 ? "" : ", ", out);
		br_text_put_name(out, reset->config.ephemeral[i].name);
		(void)fputs(i == 0 ? " reset from " : " from ", out);
		br_text_put_name(out, reset->facts.ephemeral[i].source_path);
	}
	(void)fputs(" in ", out);
	br_text_put_duration(out, reset->usec);
	(void)fputs(": ", out);
	put_carried(out, reset);
	put_archives(out, reset);
}

#define MESSAGE_MAX (BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX)

static const char *failure_words(const struct br_reset *reset)
{
	return reset->outcome == BR_OUTCOME_UNFINISHED ? "RESET UNFINISHED: " : "NOT RESET: ";
}

/* Without the last commit, what the swap did may be in memory alone. */
static bool is_committed(const struct br_reset *reset)
{
	for (size_t i = 0; i < reset->plan.count; i++)
		if (reset->plan.steps[i].type == BR_STEP_COMMIT)
			return reset->results && reset->results[i].done;
	return false;
}

static void put_failure(FILE *out, const struct br_reset *reset)
{
	char message[MESSAGE_MAX];
	bool unfinished = reset->outcome == BR_OUTCOME_UNFINISHED;

	br_error_format(&reset->error, message, sizeof(message));
	(void)fputs(failure_words(reset), out);
	(void)fputs(message, out);
	if (!unfinished)
		(void)fputs("; the old root is unchanged", out);
	else if (is_committed(reset))
		(void)fputs("; the new root is in place, the next boot finishes the rest", out);
	else
		(void)fputs(
			"; that could not be flushed: this boot has the new root or the old one, the "
			"next finishes the rest",
			out);
}

static void put_warnings(FILE *out, const struct br_reset *reset)
{
	struct br_warning warning;
	size_t position = 0;

	while (br_warning_next(reset, &position, &warning)) {
		(void)fputs("; ", out);
		br_warning_put(out, &warning);
	}
}

static void put_line(FILE *out, const void *data)
{
	const struct br_reset *reset = data;

	(void)fputs("blankroot: ", out);
	switch (reset->outcome) {
	case BR_OUTCOME_RESET:
		put_reset(out, reset);
		break;
	case BR_OUTCOME_SKIPPED:
		(void)fputs(
			reset->requester == BR_REQUESTER_CMDLINE
				? "not reset: skipped, as the kernel command line says (rd.blankroot=off)"
				: "not reset: skipped this once, as requested",
			out);
		break;
	case BR_OUTCOME_DRY_RUN:
		(void)fprintf(out, "not reset: dry run of %zu steps, nothing was changed",
			      reset->plan.count);
		break;
	default:
		put_failure(out, reset);
	}
	put_warnings(out, reset);
}

char *br_report_line(const struct br_reset *reset)
{
	return br_text_make(put_line, reset);
}

void br_report_brief(const struct br_reset *reset, char *buf, size_t size)
{
	char message[MESSAGE_MAX];

	if (br_outcome_exit_code(reset->outcome) == 0) {
		(void)snprintf(buf, size, "blankroot: %s", br_outcome_name(reset->outcome));
		return;
	}
	br_error_format(&reset->error, message, sizeof(message));
	(void)snprintf(buf, size, "blankroot: %s%s", failure_words(reset), message);
}
