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

/* Position 0 is the device, 1 and more the ephemeral subvolumes. */
bool br_warning_next(const struct br_reset *reset, size_t *position, struct br_warning *ret)
{
	for (size_t at = *position; at <= reset->config.ephemeral_count; at++) {
		if (at == 0 ? reset->device.missing == 0 : !has_changed_blank(reset, at - 1))
			continue;
		*ret = (struct br_warning){
			.type = at == 0 ? BR_WARNING_DEGRADED : BR_WARNING_BLANK_CHANGED,
			.reset = reset,
			.ephemeral = at == 0 ? 0 : at - 1,
		};
		*position = at + 1;
		return true;
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
	};

	return names[type];
}

void br_warning_put(FILE *out, const void *data)
{
	const struct br_warning *warning = data;
	const struct br_reset *reset = warning->reset;
	const struct br_ephemeral_facts *facts;

	if (warning->type == BR_WARNING_DEGRADED) {
		(void)fprintf(out,
			      "DEGRADED: %" PRIu64 " of the %" PRIu64
			      " members of the file system %s missing",
			      reset->device.missing, reset->device.members,
			      reset->device.missing == 1 ? "is" : "are");
		return;
	}
	facts = &reset->facts.ephemeral[warning->ephemeral];
	(void)fputs("BLANK CHANGED: ", out);
	br_text_put_name(out, facts->source_path);
	(void)fprintf(out, " %s", br_blank_state_text(facts->blank_state));
}
