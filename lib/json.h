/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON (RFC 8259): commas, indentation and escapes; the caller keeps objects and arrays
 * balanced.
 */
#ifndef BR_JSON_H
#define BR_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct br_json {
	FILE *out; /* the caller's; errors show in ferror(3) */
	unsigned depth;
	bool has_member; /* the innermost object or array has one already */
};

/* Start writing to out. Nothing to release. */
struct br_json br_json_start(FILE *out);

/*
 * Open an object or array, as member key of an object, or with key NULL as element or as the
 * document.
 */
void br_json_open_object(struct br_json *json, const char *key);
void br_json_open_array(struct br_json *json, const char *key);

/* Close the innermost one; the document ends with a newline. */
void br_json_close_object(struct br_json *json);
void br_json_close_array(struct br_json *json);

/*
 * Write a value; key as above. text NULL is null. Bytes that are not UTF-8 are written as the four
 * characters \xNN, since JSON has no way to say them.
 */
void br_json_string(struct br_json *json, const char *key, const char *text);
void br_json_number(struct br_json *json, const char *key, uint64_t value);
void br_json_bool(struct br_json *json, const char *key, bool value);

#endif
