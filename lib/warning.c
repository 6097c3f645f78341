/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reset has to say besides its outcome. */
#include "warning.h"

#include "text.h"

#include <inttypes.h>

static bool has_changed_blank(const struct br_reset *reset, size_t ephemeral)
{
	return reset->facts.ephemeral &&
	       br_blank_is_changed(reset->facts.ephemeral[ephemeral].blank_state);
}

static uint64_t count_swap_files(const struct br_reset *reset, size_t ephemeral)
{
	uint64_t count = 0;

	for (size_t i = 0; reset->results && i < reset->plan.count; i++)
		if (reset->plan.steps[i].ephemeral == ephemeral)
			count += reset->results[i].stats.swap_files;
	return count;
}

static bool has_warning(const struct br_reset *reset, const struct br_warning *warning)
{
	switch (warning->type) {
	case BR_WARNING_DEGRADED:
		return reset->device.missing > 0;
	case BR_WARNING_BLANK_CHANGED:
		return has_changed_blank(reset, warning->ephemeral);
	default:
		return count_swap_files(reset, warning->ephemeral) > 0;
	}
}

/* Position 0 is the device; then there are two for each ephemeral subvolume. */
bool br_warning_next(const struct br_reset *reset, size_t *position, struct br_warning *ret)
{
	while (*position <= 2 * reset->config.ephemeral_count) {
		size_t at = (*position)++;
		struct br_warning warning = {
			.type = at == 0       ? BR_WARNING_DEGRADED
				: at % 2 == 1 ? BR_WARNING_BLANK_CHANGED
					      : BR_WARNING_SWAP_FILE,
			.reset = reset,
			.ephemeral = at == 0 ? 0 : (at - 1) / 2,
		};

		if (has_warning(reset, &warning)) {
			*ret = warning;
			return true;
		}
	}
	return false;
}

bool br_warning_exists(const struct br_reset *reset)
{
	struct br_warning first;
	size_t position = 0;

	return br_warning_next(reset, &position, &first);
}

const char *br_warning_name(enum br_warning_type type)
{
	static const char *const names[] = {
		[BR_WARNING_DEGRADED] = "degraded",
		[BR_WARNING_BLANK_CHANGED] = "blank-changed",
		[BR_WARNING_SWAP_FILE] = "swap-file",
	};

	return names[type];
}

static void put_degraded(FILE *out, const struct br_device *device)
{
	(void)fprintf(out,
		      "DEGRADED: %" PRIu64 " of the %" PRIu64
		      " members of the file system %s missing",
		      device->missing, device->members, device->missing == 1 ? "is" : "are");
}

static void put_blank_changed(FILE *out, const struct br_ephemeral_facts *facts)
{
	(void)fputs("BLANK CHANGED: ", out);
	br_text_put_name(out, facts->source_path);
	(void)fprintf(out, " %s", br_blank_state_text(facts->blank_state));
}

static void put_swap_file(FILE *out, const struct br_warning *warning)
{
	uint64_t count = count_swap_files(warning->reset, warning->ephemeral);

	(void)fputs("SWAP FILE: ", out);
	br_text_put_name(out, warning->reset->config.ephemeral[warning->ephemeral].name);
	(void)fprintf(out,
		      " has %" PRIu64
		      " in its persistent paths, which cannot be used as long as an "
		      "archive shares it: keep swap in a subvolume of its own",
		      count);
}

void br_warning_put(FILE *out, const void *data)
{
	const struct br_warning *warning = data;

	if (warning->type == BR_WARNING_DEGRADED)
		put_degraded(out, &warning->reset->device);
	else if (warning->type == BR_WARNING_BLANK_CHANGED)
		put_blank_changed(out, &warning->reset->facts.ephemeral[warning->ephemeral]);
	else
		put_swap_file(out, warning);
}
