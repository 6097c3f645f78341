/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects into structures, by tables, every type checked. */
#ifndef BLANKROOT_FIELDS_H
#define BLANKROOT_FIELDS_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum field_type {
	FIELD_STRING,         /* const char * */
	FIELD_STRING_OR_NULL, /* const char *, NULL for null */
	FIELD_NUMBER,         /* uint64_t; a negative one is an error */
	FIELD_BOOLEAN,        /* bool */
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;   /* of the member */
	bool is_minimum; /* an error also in lenient mode when it is not as it must be */
};

/* What is read, and where, for messages. */
struct field_reader {
	const char *file;
	bool lenient; /* what is missing or of another type stays zero */
	struct br_error *err;
};

/*
 * Read the members of an object that a table, ended by a NULL key, names.
 *
 * where  path of the object in the document, for messages: "ephemeral[0]."
 * out    the structure, zeroed; strings in it live as long as the object
 *
 * Returns 0, or BR_ERR_READ in reader->err.
 */
BR_MUST_CHECK int fields_read(const struct field_reader *reader, const json_t *object,
			      const char *where, const struct field *fields, void *out);

/*
 * The member of an object that is an array.
 *
 * Returns 0 with the array, or NULL in lenient mode, in *array_ret. BR_ERR_READ.
 */
BR_MUST_CHECK int fields_get_array(const struct field_reader *reader, const json_t *object,
				   const char *where, const char *key, const json_t **array_ret);

/* Say that something is not as it must be: "FILE: outcome is missing". Returns BR_ERR_READ. */
int fields_refuse(const struct field_reader *reader, const char *where, const char *key,
		  const char *what);

#endif
