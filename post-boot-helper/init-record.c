/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the record of what it made, so that it can go on, or take it back. */
#include "init.h"

#include "cleanup.h"
#include "fields.h"
#include "file.h"
#include "json.h"
#include "name.h"
#include "private-dir.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define NAME "init.json"
#define FILE_NAME BR_STATE_DIR "/" NAME

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* FNV-1a, of 64 bits. */
void init_sum(const char *text, char ret[INIT_SUM_SIZE])
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * UINT64_C(1099511628211);
	(void)snprintf(ret, INIT_SUM_SIZE, "%016" PRIx64, sum);
}

void init_uuid_text(const uint8_t uuid[BR_UUID_SIZE], char ret[INIT_UUID_SIZE])
{
	for (size_t i = 0; i < BR_UUID_SIZE; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", uuid[i]);
}

/* --- adding --- */

struct init_made *init_record_find_made(const struct init_record *record, const char *path)
{
	for (size_t i = 0; i < record->made_count; i++)
		if (strcmp(record->made[i].path, path) == 0)
			return &record->made[i];
	return NULL;
}

struct init_written *init_record_find_file(const struct init_record *record, const char *path)
{
	for (size_t i = 0; i < record->file_count; i++)
		if (strcmp(record->files[i].path, path) == 0)
			return &record->files[i];
	return NULL;
}

static int set(char **place, const char *text, struct br_error *err)
{
	char *copy = strdup(text);

	if (!copy)
		return no_memory(err);
	free(*place);
	*place = copy;
	return 0;
}

static struct init_made *add_made(struct init_record *record, const char *path,
				  struct br_error *err)
{
	struct init_made *grown = reallocarray(record->made, record->made_count + 1,
					       sizeof(*grown));
	char *copy = grown ? strdup(path) : NULL;

	if (grown)
		record->made = grown;
	if (!copy) {
		(void)no_memory(err);
		return NULL;
	}
	grown[record->made_count] = (struct init_made){ .path = copy };
	return &grown[record->made_count++];
}

static int set_made(struct init_record *record, const char *path, const char *uuid,
		    uint64_t changed, struct br_error *err)
{
	struct init_made *made = init_record_find_made(record, path);

	if (!made)
		made = add_made(record, path, err);
	if (!made)
		return err->code;
	made->changed = changed;
	return set(&made->uuid, uuid, err);
}

int init_record_add_made(struct init_record *record, const char *path, const uint8_t *uuid,
			 struct br_error *err)
{
	char text[INIT_UUID_SIZE] = "";

	if (uuid)
		init_uuid_text(uuid, text);
	return set_made(record, path, text, 0, err);
}

static struct init_written *add_file(struct init_record *record, const char *path,
				     struct br_error *err)
{
	struct init_written *grown = reallocarray(record->files, record->file_count + 1,
						  sizeof(*grown));
	char *copy = grown ? strdup(path) : NULL;

	if (grown)
		record->files = grown;
	if (!copy) {
		(void)no_memory(err);
		return NULL;
	}
	grown[record->file_count] = (struct init_written){ .path = copy };
	return &grown[record->file_count++];
}

static int set_file(struct init_record *record, const char *path, const char *kept, const char *sum,
		    struct br_error *err)
{
	struct init_written *file = init_record_find_file(record, path);
	int r;

	if (!file)
		file = add_file(record, path, err);
	if (!file)
		return err->code;
	r = set(&file->kept, kept, err);
	return r < 0 ? r : set(&file->sum, sum, err);
}

int init_record_add_file(struct init_record *record, const char *path, const char *kept,
			 const char *text, struct br_error *err)
{
	char sum[INIT_SUM_SIZE];

	init_sum(text, sum);
	return set_file(record, path, kept ? kept : "", sum, err);
}

bool init_is_ours(int top, const struct init_record *record, const char *path,
		  struct br_subvol *ret)
{
	const struct init_made *made = init_record_find_made(record, path);
	BR_AUTO_CLOSE int fd = -1;
	char uuid[INIT_UUID_SIZE];
	struct br_error ignored;

	if (!made || br_subvol_open(top, path, &fd, ret, &ignored) < 0)
		return false;
	init_uuid_text(ret->uuid, uuid);
	return strcmp(made->uuid, uuid) == 0;
}

/* --- reading --- */

struct read_file {
	const char *path, *kept, *sum;
};

static const struct field file_fields[] = {
	{ "path", FIELD_STRING, offsetof(struct read_file, path), true },
	{ "kept", FIELD_STRING, offsetof(struct read_file, kept), true },
	{ "sum", FIELD_STRING, offsetof(struct read_file, sum), true },
	{ 0 },
};

struct read_made {
	const char *path, *uuid;
	uint64_t changed;
};

static const struct field made_fields[] = {
	{ "path", FIELD_STRING, offsetof(struct read_made, path), true },
	{ "uuid", FIELD_STRING, offsetof(struct read_made, uuid), true },
	{ "changed", FIELD_NUMBER, offsetof(struct read_made, changed), true },
	{ 0 },
};

struct read_record {
	bool is_done;
	const char *root, *root_uuid, *snapshot;
	uint64_t default_id;
};

static const struct field record_fields[] = {
	{ "done", FIELD_BOOLEAN, offsetof(struct read_record, is_done), true },
	{ "root", FIELD_STRING, offsetof(struct read_record, root), true },
	{ "root_uuid", FIELD_STRING, offsetof(struct read_record, root_uuid), true },
	{ "snapshot", FIELD_STRING, offsetof(struct read_record, snapshot), true },
	{ "default", FIELD_NUMBER, offsetof(struct read_record, default_id), true },
	{ 0 },
};

static int read_made(const struct field_reader *reader, const json_t *root,
		     struct init_record *record)
{
	const json_t *array;
	int r = fields_get_array(reader, root, "", "made", &array);

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		struct read_made made = { 0 };

		r = fields_read(reader, json_array_get(array, i), "made[].", made_fields, &made);
		if (r == 0)
			r = set_made(record, made.path, made.uuid, made.changed, reader->err);
	}
	return r;
}

static int read_files(const struct field_reader *reader, const json_t *root,
		      struct init_record *record)
{
	const json_t *array;
	int r = fields_get_array(reader, root, "", "files", &array);

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		struct read_file file = { 0 };

		r = fields_read(reader, json_array_get(array, i), "files[].", file_fields, &file);
		if (r == 0)
			r = set_file(record, file.path, file.kept, file.sum, reader->err);
	}
	return r;
}

static int read_all(const struct field_reader *reader, const json_t *root,
		    struct init_record *record)
{
	struct read_record read = { 0 };
	int r;

	if ((r = fields_read(reader, root, "", record_fields, &read)) < 0 ||
	    (r = set(&record->root, read.root, reader->err)) < 0 ||
	    (r = set(&record->root_uuid, read.root_uuid, reader->err)) < 0 ||
	    (r = set(&record->snapshot, read.snapshot, reader->err)) < 0 ||
	    (r = read_made(reader, root, record)) < 0)
		return r;
	record->exists = true;
	record->is_done = read.is_done;
	record->default_id = read.default_id;
	return read_files(reader, root, record);
}

int init_record_load(int top, struct init_record *ret, struct br_error *err)
{
	struct field_reader reader = { .file = FILE_NAME, .err = err };
	struct init_record record = { 0 };
	BR_AUTO_FREE char *text = NULL;
	size_t size = 0;
	json_t *root;
	int r = br_file_read(top, FILE_NAME, INIT_TEXT_MAX, &text, &size, err);

	*ret = (struct init_record){ 0 };
	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	root = json_loadb(text, size, 0, NULL);
	r = root ? read_all(&reader, root, &record)
		 : br_error_set(
			   err, BR_ERR_READ, 0, FILE_NAME,
			   "not what blankroot init writes; it tells what that has made: look at "
			   "it, and move it away");
	json_decref(root);
	if (r < 0)
		init_record_free(&record);
	else
		*ret = record;
	return r;
}

/* --- writing --- */

static void put_record(FILE *out, const void *data)
{
	const struct init_record *record = data;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", VERSION);
	br_json_bool(&json, "done", record->is_done);
	br_json_string(&json, "root", record->root);
	br_json_string(&json, "root_uuid", record->root_uuid);
	br_json_string(&json, "snapshot", record->snapshot);
	br_json_number(&json, "default", record->default_id);
	br_json_open_array(&json, "made");
	for (size_t i = 0; i < record->made_count; i++) {
		br_json_open_object(&json, NULL);
		br_json_string(&json, "path", record->made[i].path);
		br_json_string(&json, "uuid", record->made[i].uuid);
		br_json_number(&json, "changed", record->made[i].changed);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_open_array(&json, "files");
	for (size_t i = 0; i < record->file_count; i++) {
		br_json_open_object(&json, NULL);
		br_json_string(&json, "path", record->files[i].path);
		br_json_string(&json, "kept", record->files[i].kept);
		br_json_string(&json, "sum", record->files[i].sum);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_close_object(&json);
}

int init_record_save(int top, const struct init_record *record, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put_record, record);
	BR_AUTO_CLOSE int state = -1;
	int r;

	if (!text)
		return no_memory(err);
	if ((r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	return br_file_replace(state, NAME, text, strlen(text), 0600, err);
}

int init_record_remove(int top, struct br_error *err)
{
	BR_AUTO_CLOSE int state = openat(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (state < 0 || (unlinkat(state, NAME, 0) != 0 && errno != ENOENT))
		return br_error_set(err, BR_ERR_REMOVE, errno, FILE_NAME, NULL);
	return fsync(state) == 0 ? 0 : br_error_set(err, BR_ERR_SYNC, errno, FILE_NAME, NULL);
}

void init_record_free(struct init_record *record)
{
	for (size_t i = 0; i < record->made_count; i++) {
		free(record->made[i].path);
		free(record->made[i].uuid);
	}
	for (size_t i = 0; i < record->file_count; i++) {
		free(record->files[i].path);
		free(record->files[i].kept);
		free(record->files[i].sum);
	}
	free(record->made);
	free(record->files);
	free(record->root);
	free(record->root_uuid);
	free(record->snapshot);
	*record = (struct init_record){ 0 };
}
