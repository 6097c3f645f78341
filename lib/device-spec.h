/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device as people name it: by UUID, by label, by its partition, or by path. */
#ifndef BR_DEVICE_SPEC_H
#define BR_DEVICE_SPEC_H

#include "blockdev.h"
#include "error.h"

#include <stdbool.h>

enum br_device_tag { BR_TAG_PATH, BR_TAG_UUID, BR_TAG_LABEL, BR_TAG_PARTUUID, BR_TAG_PARTLABEL };

struct br_device_spec {
	enum br_device_tag tag;
	char *value; /* without quotes */
};

/*
 * Read a specification: UUID=, LABEL=, PARTUUID=, PARTLABEL= with a value, or an absolute path. A
 * pair of double or single quotes around the value or around everything is removed.
 *
 * Returns 0 with *ret owned by the caller (br_device_spec_free). BR_ERR_USAGE: has none of these
 * forms; BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_device_spec_parse(const char *text, struct br_device_spec *ret,
				       struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_device_spec_free(struct br_device_spec *spec);

/* Is that what the tag names? The case of UUIDs does not matter. Always false for a path. */
bool br_device_spec_matches(const struct br_device_spec *spec, const struct br_content *content);

#endif
