/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot status tells of the jobs. */
#ifndef BLANKROOT_STATUS_JOBS_H
#define BLANKROOT_STATUS_JOBS_H

#include "config.h"
#include "job-record.h"
#include "json.h"
#include "timer.h"

#include <stdbool.h>
#include <stddef.h>

#define STATUS_JOBS 6

struct status_job {
	const char *name;
	const char *schedule; /* of the configuration, as long as that; NULL: none */
	struct timer timer;   /* whoever asks systemd fills it */
	struct job_record record;
	bool is_running;
};

/* Read the record of the job with this number, from 0. Errors of job_record_read; the rest of *ret is filled then too. */
BR_MUST_CHECK int status_job_read(int top, const struct br_config *config, size_t i,
				  struct status_job *ret, struct br_error *err);

/* All of them as a table on standard output. BR_ERR_NOMEM. */
BR_MUST_CHECK int status_jobs_print(const struct status_job *jobs, struct br_error *err);

/* All of them, as member "jobs" of an open object. */
void status_jobs_put_json(struct br_json *json, const struct status_job *jobs);

#endif
