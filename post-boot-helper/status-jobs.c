/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot status tells of the jobs: when each ran last, how that ended, and when it is next. */
#include "status-jobs.h"

#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const names[STATUS_JOBS] = { "snapshot", "prune", "scrub",
						"balance",  "trim",  "defrag" };

/* Those of the configuration; the others are the generator's business, or nobody's. */
static const struct br_schedule *schedule_of(const struct br_config *config, const char *name)
{
	static const struct br_schedule none = { 0 };

	if (strcmp(name, "snapshot") == 0 && config->snapshots.subvolume_count > 0)
		return &config->snapshots.every;
	if (strcmp(name, "scrub") == 0)
		return &config->maintenance.scrub;
	if (strcmp(name, "balance") == 0)
		return &config->maintenance.balance;
	if (strcmp(name, "trim") == 0)
		return &config->maintenance.trim;
	return &none;
}

int status_job_read(int top, const struct br_config *config, size_t i, struct status_job *ret,
		    struct br_error *err)
{
	int r;

	*ret = (struct status_job){ .name = names[i],
				    .schedule = schedule_of(config, names[i])->text };
	r = job_record_read(top, names[i], &ret->record, err);
	ret->is_running = r == 0 && job_record_is_running(top, &ret->record);
	return r;
}

static const char *outcome_of(const struct status_job *job)
{
	if (!job->record.exists)
		return "-";
	if (job->record.outcome == JOB_RUNNING && !job->is_running)
		return "interrupted";
	return job_outcome_name(job->record.outcome);
}

/* --- for people --- */

static void put_utc(FILE *out, uint64_t seconds)
{
	time_t time = (time_t)seconds;
	char text[64];
	struct tm utc;

	if (seconds > 0 && gmtime_r(&time, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)fputs(text, out);
	else
		(void)fputc('-', out);
}

static void put_job(FILE *out, const void *row, size_t column)
{
	const struct status_job *job = row;

	switch (column) {
	case 0:
		(void)fputs(job->name, out);
		break;
	case 1:
		(void)fputs(job->schedule ? job->schedule : "-", out);
		break;
	case 2:
		put_utc(out, job->record.started);
		break;
	case 3:
		(void)fputs(outcome_of(job), out);
		break;
	case 4:
		if (job->record.ended > 0)
			br_text_put_duration(out, job->record.duration_us);
		else
			(void)fputc('-', out);
		break;
	case 5:
		put_utc(out, job->record.success_ended);
		break;
	default:
		put_utc(out, job->timer.next);
	}
}

int status_jobs_print(const struct status_job *jobs, struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "JOB", false },     { "SCHEDULE", false }, { "LAST", false },
		{ "OUTCOME", false }, { "TOOK", true },      { "LAST SUCCESS", false },
		{ "NEXT", false },
	};

	(void)putchar('\n'); /* lost output is found when it is closed */
	return table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]), put_job,
					    jobs, sizeof(*jobs), STATUS_JOBS, false },
			   err);
}

/* --- for programs --- */

static const char *timer_name(const struct status_job *job)
{
	static const char *const states[] = { [TIMER_UNKNOWN] = "unknown",
					      [TIMER_INACTIVE] = "inactive",
					      [TIMER_ACTIVE] = "active" };

	return states[job->timer.state];
}

static void put_json(struct br_json *json, const struct status_job *job)
{
	const struct job_record *record = &job->record;

	br_json_open_object(json, NULL);
	br_json_string(json, "name", job->name);
	br_json_string(json, "schedule", job->schedule);
	br_json_string(json, "timer", timer_name(job));
	if (job->timer.next > 0)
		br_json_number(json, "next", job->timer.next);
	else
		br_json_string(json, "next", NULL);
	br_json_string(json, "outcome", record->exists ? outcome_of(job) : NULL);
	br_json_string(json, "message", *record->message ? record->message : NULL);
	br_json_number(json, "started", record->started);
	br_json_number(json, "ended", record->ended);
	br_json_number(json, "duration_us", record->duration_us);
	br_json_number(json, "success_ended", record->success_ended);
	br_json_number(json, "success_duration_us", record->success_duration_us);
	br_json_open_object(json, "numbers");
	for (uint64_t i = 0; i < record->number_count; i++)
		br_json_number(json, record->numbers[i].name, record->numbers[i].value);
	br_json_close_object(json);
	br_json_close_object(json);
}

void status_jobs_put_json(struct br_json *json, const struct status_job *jobs)
{
	br_json_open_array(json, "jobs");
	for (size_t i = 0; i < STATUS_JOBS; i++)
		put_json(json, &jobs[i]);
	br_json_close_array(json);
}
