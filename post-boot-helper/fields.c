/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects into structures, by tables, every type checked. */
#include "fields.h"

#include <stdint.h>

int fields_refuse(const struct field_reader *reader, const char *where, const char *key,
		  const char *what)
{
	return br_error_set(reader->err, BR_ERR_READ, 0, reader->file, "%s%s %s", where, key, what);
}

/* NULL: it has the type that the field wants, and was stored. Else what it should be. */
static const char *store(const struct field *field, const json_t *value, void *member)
{
	if (field->type == FIELD_STRING_OR_NULL && json_is_null(value))
		return NULL;
	switch (field->type) {
	case FIELD_STRING_OR_NULL:
	case FIELD_STRING:
		if (!json_is_string(value))
			return "is not a string";
		*(const char **)member = json_string_value(value);
		return NULL;
	case FIELD_NUMBER:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return "is not a whole number";
		*(uint64_t *)member = (uint64_t)json_integer_value(value);
		return NULL;
	default:
		if (!json_is_boolean(value))
			return "is neither true nor false";
		*(bool *)member = json_is_true(value);
		return NULL;
	}
}

int fields_read(const struct field_reader *reader, const json_t *object, const char *where,
		const struct field *fields, void *out)
{
	for (; fields->key; fields++) {
		const json_t *value = json_object_get(object, fields->key);
		const char *wrong = value ? store(fields, value, (char *)out + fields->offset)
					  : "is missing";

		if (wrong && (!reader->lenient || fields->is_minimum))
			return fields_refuse(reader, where, fields->key, wrong);
	}
	return 0;
}

int fields_get_array(const struct field_reader *reader, const json_t *object, const char *where,
		     const char *key, const json_t **array_ret)
{
	const json_t *array = json_object_get(object, key);

	if (!json_is_array(array)) {
		if (!reader->lenient)
			return fields_refuse(reader, where, key,
					     array ? "is not an array" : "is missing");
		array = NULL;
	}
	*array_ret = array;
	return 0;
}
