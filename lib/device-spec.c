/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device as people name it. */
#include "device-spec.h"

#include "cleanup.h"
#include "device.h"

#include <string.h>

static const struct {
	const char *prefix;
	enum br_device_tag tag;
} tags[] = {
	{ "UUID=", BR_TAG_UUID },
	{ "LABEL=", BR_TAG_LABEL },
	{ "PARTUUID=", BR_TAG_PARTUUID },
	{ "PARTLABEL=", BR_TAG_PARTLABEL },
};

/* Take a pair of quotes off [*text, *text + *length). */
static void unquote(const char **text, size_t *length)
{
	char quote = **text;

	if (*length < 2 || (quote != '"' && quote != '\'') || (*text)[*length - 1] != quote)
		return;
	*text += 1;
	*length -= 2;
}

static enum br_device_tag split(const char **text, size_t *length)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t prefix = strlen(tags[i].prefix);

		if (*length < prefix || strncmp(*text, tags[i].prefix, prefix) != 0)
			continue;
		*text += prefix;
		*length -= prefix;
		unquote(text, length);
		return tags[i].tag;
	}
	return BR_TAG_PATH;
}

/* Returns false when text has no form that we know; [*value, *value + *length) points into text. */
static bool parse(const char *text, enum br_device_tag *tag, const char **value, size_t *length)
{
	*value = text;
	*length = strlen(text);
	unquote(value, length);
	*tag = split(value, length);
	return *tag == BR_TAG_PATH ? *length > 0 && **value == '/' : *length > 0;
}

bool br_device_spec_is_valid(const char *spec)
{
	enum br_device_tag tag;
	const char *value;
	size_t length;

	return parse(spec, &tag, &value, &length);
}

int br_device_spec_parse(const char *text, struct br_device_spec *ret, struct br_error *err)
{
	enum br_device_tag tag;
	const char *value;
	size_t length;
	char *copy;

	if (!parse(text, &tag, &value, &length))
		return br_error_set(
			err, BR_ERR_USAGE, 0, text,
			"a device is named by UUID=, LABEL=, PARTUUID=, PARTLABEL= or an "
			"absolute path");
	copy = strndup(value, length);
	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	*ret = (struct br_device_spec){ .tag = tag, .value = copy };
	return 0;
}

void br_device_spec_free(struct br_device_spec *spec)
{
	if (!spec)
		return;
	free(spec->value);
	*spec = (struct br_device_spec){ .tag = BR_TAG_PATH };
}

bool br_device_spec_matches(const struct br_device_spec *spec, const struct br_content *content)
{
	switch (spec->tag) {
	case BR_TAG_UUID:
		return strcasecmp(spec->value, content->uuid) == 0;
	case BR_TAG_LABEL:
		return strcmp(spec->value, content->label) == 0;
	case BR_TAG_PARTUUID:
		return strcasecmp(spec->value, content->part_uuid) == 0;
	case BR_TAG_PARTLABEL:
		return strcmp(spec->value, content->part_label) == 0;
	case BR_TAG_PATH:
		break;
	}
	return false;
}
