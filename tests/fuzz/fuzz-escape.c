/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that may hold any byte, on their way to terminals and programs. Input: a byte that says how much room there
 * is, then two texts with a NUL byte between them.
 */
#include "fuzz.h"

#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <jansson.h>
#include <string.h>

/* Cut or whole, it is printable, and the beginning of the whole. */
static void check_escape(const char *text, size_t size)
{
	size_t room = 4 * strlen(text) + 1;
	BR_AUTO_FREE char *whole = malloc(room);
	BR_AUTO_FREE char *cut = malloc(size);
	size_t length;

	FUZZ_CHECK(whole && cut);
	length = br_escape(whole, room, text);
	FUZZ_CHECK(length == strlen(whole) && length >= strlen(text) && length < room);
	fuzz_check_printable(whole);
	FUZZ_CHECK(!strpbrk(whole, "\n\t"));
	length = br_escape(cut, size, text);
	FUZZ_CHECK(length == strlen(cut) && length < size);
	FUZZ_CHECK(strncmp(cut, whole, length) == 0);
	fuzz_check_printable(cut);
	/* no escape was cut, nor more left out than would not fit */
	FUZZ_CHECK(strlen(whole) < size ? length == strlen(whole) : length + 4 >= size);
}

static void check_error(const char *path, const char *text, size_t size)
{
	char message[BR_ERROR_PATH_MAX + BR_ERROR_TEXT_MAX];
	struct br_error err;

	FUZZ_CHECK(br_error_set(&err, BR_ERR_OPEN, ENOENT, path, "%s", text) == BR_ERR_OPEN);
	fuzz_check_error(&err, BR_ERR_OPEN);
	FUZZ_CHECK(br_error_context(&err, "%s", path) == BR_ERR_OPEN);
	FUZZ_CHECK(br_error_prefix_path(&err, text) == BR_ERR_OPEN);
	FUZZ_CHECK(strnlen(err.path, sizeof(err.path)) < sizeof(err.path));
	FUZZ_CHECK(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
	fuzz_check_error(&err, BR_ERR_OPEN);
	br_error_format(&err, message, size);
	FUZZ_CHECK(strlen(message) < size);
	fuzz_check_printable(message);
}

struct texts {
	const char *key, *text;
};

static void put_json(FILE *out, const void *data)
{
	const struct texts *texts = data;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_string(&json, "text", texts->text);
	br_json_open_array(&json, "list");
	br_json_string(&json, NULL, texts->key);
	br_json_close_array(&json);
	br_json_close_object(&json);
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text); /* NULL for what is not */
	bool is = string;

	json_decref(string);
	return is;
}

static void check_json(const struct texts *texts)
{
	BR_AUTO_FREE char *document = br_text_make(put_json, texts);
	json_error_t error;
	json_t *json;
	const char *text, *key;

	FUZZ_CHECK(document);
	json = json_loads(document, JSON_REJECT_DUPLICATES, &error);
	FUZZ_CHECK(json);
	text = json_string_value(json_object_get(json, "text"));
	key = json_string_value(json_array_get(json_object_get(json, "list"), 0));
	FUZZ_CHECK(text && key);
	/* it comes back as it was, if JSON can say it */
	FUZZ_CHECK(!is_utf8(texts->text) || strcmp(text, texts->text) == 0);
	FUZZ_CHECK(!is_utf8(texts->key) || strcmp(key, texts->key) == 0);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[2];
	size_t room;

	if (size == 0)
		return 0;
	room = 1 + (size_t)data[0];
	fuzz_split(data + 1, size - 1, parts, 2);
	check_escape(parts[0], room);
	check_error(parts[0], parts[1], room);
	check_json(&(struct texts){ parts[0], parts[1] });
	free(parts[0]);
	free(parts[1]);
	return 0;
}
