/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was there before blankroot tune changed it. */
#include "beneath.h"
#include "cleanup.h"
#include "fields.h"
#include "file.h"
#include "json.h"
#include "lock-wait.h"
#include "name.h"
#include "private-dir.h"
#include "text.h"
#include "tune.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION 1
#define SIZE_MAX_RECORD (1U << 20)
#define NAME "tune.json"
#define RUN_FILE TUNE_RUN_DIR "/" NAME
#define DISK_FILE BR_STATE_DIR "/" NAME

/* Its two parts. */
enum part { PART_RUN, PART_DISK };

static enum part part_of(const struct br_knob *knob)
{
	return knob->kind == BR_KNOB_DIRECTORY ? PART_DISK : PART_RUN;
}

/* --- reading --- */

struct entry {
	const char *knob, *object, *before;
};

static const struct field entry_fields[] = {
	{ "knob", FIELD_STRING, offsetof(struct entry, knob), true },
	{ "object", FIELD_STRING, offsetof(struct entry, object), true },
	{ "before", FIELD_STRING, offsetof(struct entry, before), true },
	{ 0 },
};

/* A knob that this version does not know stays as it is, and is not recorded any more. */
static int add_entry(const struct field_reader *reader, const json_t *object,
		     struct tune_record *record)
{
	struct entry entry = { 0 };
	const struct br_knob *knob;
	struct tune_row *row;
	int r = fields_read(reader, object, "changed[].", entry_fields, &entry);

	if (r < 0)
		return r;
	knob = br_knob_find(entry.knob);
	if (!knob)
		return 0;
	if (!(row = tune_list_add(&record->entries, knob, entry.object, reader->err)))
		return reader->err->code;
	return tune_set_text(&row->before, entry.before, reader->err);
}

static int read_object(const struct field_reader *reader, const json_t *root,
		       struct tune_record *record)
{
	static const struct field fields[] = { { "mode", FIELD_STRING, 0, true }, { 0 } };
	const char *mode = NULL;
	const json_t *array;
	int r;

	if ((r = fields_read(reader, root, "", fields, &mode)) < 0 ||
	    (r = fields_get_array(reader, root, "", "changed", &array)) < 0)
		return r;
	if (!tune_mode_find(mode, &record->mode))
		return fields_refuse(reader, "", "mode", "is none");
	for (size_t i = 0; r == 0 && i < json_array_size(array); i++)
		r = add_entry(reader, json_array_get(array, i), record);
	return r;
}

static int load_part(int dir, const char *path, struct tune_record *record, struct br_error *err)
{
	struct field_reader reader = { .file = path, .err = err };
	BR_AUTO_FREE char *text = NULL;
	size_t size = 0;
	json_t *root;
	int r = br_file_read(dir, path, SIZE_MAX_RECORD, &text, &size, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	root = json_loadb(text, size, 0, NULL);
	r = root ? read_object(&reader, root, record)
		 : br_error_set(err, BR_ERR_READ, 0, path,
				"not what blankroot tune writes; without it, nothing can be taken "
				"back: set what it has by hand, and remove it");
	json_decref(root);
	return r;
}

int tune_record_load(int top, struct tune_record *ret, struct br_error *err)
{
	struct tune_record record = { 0 }, disk = { 0 };
	int r = load_part(top, DISK_FILE, &disk, err);

	record.entries = disk.entries;
	if (r == 0)
		r = load_part(AT_FDCWD, RUN_FILE, &record, err);
	if (r < 0) {
		tune_record_free(&record);
		return r;
	}
	*ret = record;
	return 0;
}

/* --- writing --- */

struct written {
	const struct tune_record *record;
	enum part part;
};

static void put_record(FILE *out, const void *data)
{
	const struct written *written = data;
	const struct tune_list *entries = &written->record->entries;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", VERSION);
	br_json_string(&json, "mode", tune_mode_name(written->record->mode));
	br_json_open_array(&json, "changed");
	for (size_t i = 0; i < entries->count; i++) {
		const struct tune_row *row = &entries->rows[i];

		if (part_of(row->knob) != written->part)
			continue;
		br_json_open_object(&json, NULL);
		br_json_string(&json, "knob", row->knob->name);
		br_json_string(&json, "object", row->object);
		br_json_string(&json, "before", row->before);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_close_object(&json);
}

static bool has_part(const struct tune_record *record, enum part part)
{
	for (size_t i = 0; i < record->entries.count; i++)
		if (part_of(record->entries.rows[i].knob) == part)
			return true;
	return part == PART_RUN && record->mode != BR_PERFORMANCE_NONE;
}

/* path: for messages; name in dir is what is written */
static int save_part(int dir, const char *name, const char *path, const struct written *written,
		     struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;

	if (!has_part(written->record, written->part)) {
		if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
			return br_error_set(err, BR_ERR_REMOVE, errno, path, NULL);
		return fsync(dir) == 0 || errno == EINVAL
			       ? 0
			       : br_error_set(err, BR_ERR_SYNC, errno, path, NULL);
	}
	text = br_text_make(put_record, written);
	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_file_replace(dir, name, text, strlen(text), 0600, err);
}

static int open_run(int *fd_ret, struct br_error *err)
{
	if (mkdir(TUNE_RUN_DIR, 0755) != 0 && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, TUNE_RUN_DIR, NULL);
	*fd_ret = open(TUNE_RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd_ret >= 0 ? 0 : br_error_set(err, BR_ERR_OPEN, errno, TUNE_RUN_DIR, NULL);
}

static int save_disk(int top, const struct tune_record *record, struct br_error *err)
{
	struct written written = { record, PART_DISK };
	BR_AUTO_CLOSE int state = -1;
	int r;

	if (!has_part(record, PART_DISK) && faccessat(top, DISK_FILE, F_OK, 0) != 0)
		return 0;
	if ((r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	return save_part(state, NAME, DISK_FILE, &written, err);
}

int tune_record_save(int top, const struct tune_record *record, struct br_error *err)
{
	struct written written = { record, PART_RUN };
	BR_AUTO_CLOSE int run = -1;
	int r = save_disk(top, record, err);

	if (r < 0 || (r = open_run(&run, err)) < 0)
		return r;
	return save_part(run, NAME, RUN_FILE, &written, err);
}

int tune_record_lock(int *fd_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int run = -1, fd = -1;
	int r = open_run(&run, err);

	if (r < 0)
		return r;
	fd = openat(run, "tune.lock", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, TUNE_RUN_DIR "/tune.lock", NULL);
	if ((r = lock_wait_flock(fd, LOCK_WAIT_DEFAULT, TUNE_RUN_DIR "/tune.lock", err)) < 0)
		return r;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

void tune_record_free(struct tune_record *record)
{
	tune_list_free(&record->entries);
	record->mode = BR_PERFORMANCE_NONE;
}
