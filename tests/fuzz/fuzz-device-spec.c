/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device as people name it. */
#include "fuzz.h"

#include "cleanup.h"
#include "device-spec.h"
#include "device.h"

#include <stdio.h>
#include <string.h>

static const char *const prefixes[] = { [BR_TAG_PATH] = "",
					[BR_TAG_UUID] = "UUID=",
					[BR_TAG_LABEL] = "LABEL=",
					[BR_TAG_PARTUUID] = "PARTUUID=",
					[BR_TAG_PARTLABEL] = "PARTLABEL=" };

static void check_round_trip(const struct br_device_spec *spec, char quote)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_device_spec again;
	struct br_error err;

	FUZZ_CHECK(asprintf(&text, "%s%c%s%c", prefixes[spec->tag], quote, spec->value, quote) > 0);
	FUZZ_CHECK(br_device_spec_parse(text, &again, &err) == 0);
	FUZZ_CHECK(again.tag == spec->tag && strcmp(again.value, spec->value) == 0);
	br_device_spec_free(&again);
}

/* What has exactly this value matches; what has it in another place does not. */
static void check_matches(const struct br_device_spec *spec)
{
	struct br_content content = { 0 };
	char *const places[] = { [BR_TAG_UUID] = content.uuid,
				 [BR_TAG_LABEL] = content.label,
				 [BR_TAG_PARTUUID] = content.part_uuid,
				 [BR_TAG_PARTLABEL] = content.part_label };

	if (strlen(spec->value) >= sizeof(content.uuid) ||
	    strlen(spec->value) >= sizeof(content.part_uuid) ||
	    strlen(spec->value) >= sizeof(content.label) ||
	    strlen(spec->value) >= sizeof(content.part_label))
		return;
	for (size_t tag = BR_TAG_UUID; tag <= BR_TAG_PARTLABEL; tag++) {
		(void)strcpy(places[tag], spec->value);
		FUZZ_CHECK(br_device_spec_matches(spec, &content) == (spec->tag == tag));
		*places[tag] = '\0';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = fuzz_text(data, size);
	struct br_device_spec spec;
	struct br_error err;
	int r;

	fuzz_poison(&spec, sizeof(spec));
	r = br_device_spec_parse(text, &spec, &err);
	FUZZ_CHECK(br_device_spec_is_valid(text) == (r == 0));
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_USAGE);
		fuzz_check_error(&err, r);
		fuzz_check_poisoned(&spec, sizeof(spec));
		return 0;
	}
	FUZZ_CHECK(spec.tag == BR_TAG_PATH ? spec.value[0] == '/' : spec.value[0] != '\0');
	FUZZ_CHECK(strstr(text, spec.value));
	check_round_trip(&spec, '"');
	check_round_trip(&spec, '\'');
	check_matches(&spec);
	br_device_spec_free(&spec);
	return 0;
}
