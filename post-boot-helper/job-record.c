/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a job's runs. */
#include "job-record.h"

#include "beneath.h"
#include "cleanup.h"
#include "fields.h"
#include "file.h"
#include "job-lock.h"
#include "json.h"
#include "name.h"
#include "private-dir.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RECORD_VERSION 1
#define RECORD_MAX ((size_t)64 << 10)
#define MESSAGE_MAX 4096

static const char *const outcomes[] = {
	[JOB_RUNNING] = "running", [JOB_DONE] = "done",       [JOB_FAILED] = "failed",
	[JOB_STOPPED] = "stopped", [JOB_NOT_NOW] = "not-now",
};

#define OUTCOME_COUNT (sizeof(outcomes) / sizeof(outcomes[0]))

const char *job_outcome_name(enum job_outcome outcome)
{
	return outcomes[outcome];
}

static uint64_t now_nsec(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* there is one everywhere */
	return (uint64_t)now.tv_sec * BR_NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* A file of a record. Names of jobs are our own: they fit. */
struct name {
	char text[64];
};

static struct name name_of(const char *job)
{
	struct name name;

	(void)snprintf(name.text, sizeof(name.text), "%s.json", job);
	return name;
}

/* --- reading --- */

struct words {
	const char *outcome, *message;
};

static const struct field word_fields[] = {
	{ "outcome", FIELD_STRING, offsetof(struct words, outcome), true },
	{ "message", FIELD_STRING_OR_NULL, offsetof(struct words, message), false },
	{ 0 },
};

static const struct field record_fields[] = {
	{ "started", FIELD_NUMBER, offsetof(struct job_record, started), false },
	{ "ended", FIELD_NUMBER, offsetof(struct job_record, ended), false },
	{ "duration_us", FIELD_NUMBER, offsetof(struct job_record, duration_us), false },
	{ "process", FIELD_NUMBER, offsetof(struct job_record, process), false },
	{ "success_ended", FIELD_NUMBER, offsetof(struct job_record, success_ended), false },
	{ "success_duration_us", FIELD_NUMBER, offsetof(struct job_record, success_duration_us),
	  false },
	{ 0 },
};

static void take_numbers(const json_t *json, struct job_record *record)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(json, "numbers"), name, value)
	{
		struct job_number *number = &record->numbers[record->number_count];

		if (record->number_count == JOB_NUMBERS_MAX || !json_is_integer(value) ||
		    strlen(name) >= sizeof(number->name))
			continue;
		memcpy(number->name, name, strlen(name) + 1);
		number->value = (uint64_t)json_integer_value(value);
		record->number_count++;
	}
}

/* The file may be of a newer version: what is not understood is left out. */
static int take(const struct field_reader *reader, const json_t *json, struct job_record *ret)
{
	struct job_record record = { .exists = true };
	struct words words = { 0 };
	int r;

	if ((r = fields_read(reader, json, "", word_fields, &words)) < 0 ||
	    (r = fields_read(reader, json, "", record_fields, &record)) < 0)
		return r;
	while (strcmp(words.outcome, outcomes[record.outcome]) != 0)
		if (++record.outcome == OUTCOME_COUNT)
			return fields_refuse(reader, "", "outcome", "is unknown");
	if (words.message)
		(void)snprintf(record.message, sizeof(record.message), "%s", words.message);
	take_numbers(json, &record);
	*ret = record;
	return 0;
}

static int parse(const char *text, size_t size, const char *path, struct job_record *ret,
		 struct br_error *err)
{
	const struct field_reader reader = { .file = path, .lenient = true, .err = err };
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	int r;

	if (json_is_object(json))
		r = take(&reader, json, ret);
	else
		r = br_error_set(err, BR_ERR_READ, 0, path, "not the record of a job");
	json_decref(json);
	return r;
}

int job_record_read(int top, const char *job, struct job_record *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int dir = -1;
	BR_AUTO_FREE char *text = NULL;
	struct name name = name_of(job);
	size_t size = 0;
	int r;

	*ret = (struct job_record){ 0 };
	r = br_open_beneath(top, BR_STATE_DIR "/" JOB_RECORD_DIR, O_PATH | O_DIRECTORY, 0, &dir,
			    err);
	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = br_file_read(dir, name.text, RECORD_MAX, &text, &size, err);
	if (r == 0)
		r = parse(text, size, name.text, ret, err);
	else if (err->sys_errno == ENOENT)
		return 0;
	return r < 0 ? br_error_prefix_path(err, BR_STATE_DIR "/" JOB_RECORD_DIR) : 0;
}

bool job_record_is_running(int top, const struct job_record *record)
{
	return record->exists && record->outcome == JOB_RUNNING &&
	       job_lock_holder(top) == (pid_t)record->process;
}

/* --- writing --- */

static void put(FILE *out, const void *data)
{
	const struct job_record *record = data;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", RECORD_VERSION);
	br_json_string(&json, "outcome", outcomes[record->outcome]);
	br_json_string(&json, "message", *record->message ? record->message : NULL);
	br_json_number(&json, "started", record->started);
	br_json_number(&json, "ended", record->ended);
	br_json_number(&json, "duration_us", record->duration_us);
	br_json_number(&json, "process", record->process);
	br_json_number(&json, "success_ended", record->success_ended);
	br_json_number(&json, "success_duration_us", record->success_duration_us);
	br_json_open_object(&json, "numbers");
	for (uint64_t i = 0; i < record->number_count; i++)
		br_json_number(&json, record->numbers[i].name, record->numbers[i].value);
	br_json_close_object(&json);
	br_json_close_object(&json);
}

static int replace(const struct job_run *run, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put, &run->record);
	BR_AUTO_CLOSE int state = -1, dir = -1;
	struct name name = name_of(run->job);
	int r;

	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if ((r = br_private_dir_open(run->top, BR_STATE_DIR, &state, err)) == 0 &&
	    (r = br_private_dir_open(state, JOB_RECORD_DIR, &dir, err)) == 0)
		r = br_file_replace(dir, name.text, text, strlen(text), 0600, err);
	return r;
}

/* Once: what was wrong at the beginning is so at the end. */
static void warn(struct job_run *run, const struct br_error *err)
{
	char message[MESSAGE_MAX];

	if (run->has_warned)
		return;
	run->has_warned = true;
	br_error_format(err, message, sizeof(message));
	(void)fprintf(stderr, "%s: warning: the record of this run: %s\n", run->command, message);
}

static void write_record(struct job_run *run)
{
	struct br_error err = { 0 };

	if (replace(run, &err) < 0)
		warn(run, &err);
}

void job_record_begin_short(int top, const char *command, const char *job, struct job_run *run)
{
	struct job_record before;
	struct br_error err = { 0 };

	*run = (struct job_run){ .top = top, .command = command, .job = job, .since = now_nsec() };
	if (job_record_read(top, job, &before, &err) < 0)
		warn(run, &err); /* it is replaced */
	run->record = (struct job_record){ .exists = true,
					   .outcome = JOB_RUNNING,
					   .started = (uint64_t)time(NULL),
					   .process = (uint64_t)getpid(),
					   .success_ended = before.success_ended,
					   .success_duration_us = before.success_duration_us };
}

void job_record_begin(int top, const char *command, const char *job, struct job_run *run)
{
	job_record_begin_short(top, command, job, run);
	write_record(run);
}

void job_record_number(struct job_run *run, const char *name, uint64_t value)
{
	struct job_record *record = &run->record;
	uint64_t i = 0;

	while (i < record->number_count && strcmp(record->numbers[i].name, name) != 0)
		i++;
	if (i == JOB_NUMBERS_MAX)
		return;
	record->numbers[i].value = value;
	if (i < record->number_count)
		return;
	(void)snprintf(record->numbers[i].name, sizeof(record->numbers[i].name), "%s", name);
	record->number_count++;
}

void job_record_end(struct job_run *run, enum job_outcome outcome, const char *message)
{
	struct job_record *record = &run->record;

	record->outcome = outcome;
	record->ended = (uint64_t)time(NULL);
	record->duration_us = (now_nsec() - run->since) / 1000;
	if (outcome == JOB_DONE) {
		record->success_ended = record->ended;
		record->success_duration_us = record->duration_us;
	}
	(void)snprintf(record->message, sizeof(record->message), "%s", message ? message : "");
	write_record(run);
}

void job_record_end_with(struct job_run *run, int r, const struct br_error *err)
{
	char message[JOB_MESSAGE_MAX];

	if (r == BR_ERR_USAGE) {
		job_record_end_refused(run, err);
		return;
	}
	if (r < 0)
		br_error_format(err, message, sizeof(message));
	job_record_end(run, r < 0 ? JOB_FAILED : JOB_DONE, r < 0 ? message : NULL);
}

void job_record_end_refused(struct job_run *run, const struct br_error *err)
{
	char message[JOB_MESSAGE_MAX];

	br_error_format(err, message, sizeof(message));
	job_record_end(run, JOB_NOT_NOW, message);
}
