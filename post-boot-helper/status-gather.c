/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at everything that blankroot status tells. */
#include "status.h"

#include "balance-kernel.h"
#include "cleanup.h"
#include "facts.h"
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 2048

/* Somebody waits for the answer: what is not counted by then is told to be missing. */
#define OVERHEAD_SECONDS 1

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

BR_PRINTF(4, 5)
static int add_problem(struct status *status, bool is_error, struct br_error *err, const char *fmt,
		       ...)
{
	struct status_problem *grown = reallocarray(status->problems, status->problem_count + 1,
						    sizeof(*grown));
	va_list args;
	char *text;
	int n;

	if (!grown)
		return no_memory(err);
	status->problems = grown;
	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return no_memory(err);
	grown[status->problem_count++] = (struct status_problem){ is_error, text };
	return 0;
}

/* What was to be found out failed: the message of its error is the problem. */
static int add_failure(struct status *status, const char *what, const struct br_error *failure,
		       struct br_error *err)
{
	char message[MESSAGE_MAX];

	if (failure->code == BR_ERR_NOMEM)
		return no_memory(err);
	br_error_format(failure, message, sizeof(message));
	return add_problem(status, true, err, "%s: %s", what, message);
}

/* --- the boot --- */

static int judge_report(struct status *status, struct br_error *err)
{
	const struct boot_report *report = &status->report;
	int r = 0;

	if (!boot_report_is_good(report))
		r = add_problem(status, true, err, "the root was not reset at this boot");
	for (size_t i = 0; r == 0 && i < report->warning_count; i++)
		r = add_problem(status, false, err, "%s", report->warnings[i].message);
	if (r == 0 && strcmp(report->outcome, "unfinished") == 0)
		r = add_problem(status, false, err,
				"the old root is not archived yet: the next reset goes on with it");
	return r;
}

static int gather_report(const struct status_options *options, struct status *status,
			 struct br_error *err)
{
	struct br_error failure = { 0 };

	if (boot_report_load(options->report, &status->report, &failure) == 0) {
		status->has_report = true;
		return judge_report(status, err);
	}
	if (failure.code == BR_ERR_OPEN && failure.sys_errno == ENOENT)
		return add_problem(status, true, err,
				   "the reset did not run at this boot: there is no %s",
				   options->report);
	return add_failure(status, "the report of this boot", &failure, err);
}

/* --- the file system --- */

/* The facts that the next reset will gather: what it would refuse is known now. */
static int judge_next_boot(struct status *status, struct br_error *err)
{
	const struct br_request *request = &status->retained.request;
	const char *from = request->kind == BR_REQUEST_FROM ? request->archive : NULL;
	struct br_error failure = { 0 };
	struct br_facts facts;
	int r = 0;

	if (request->kind == BR_REQUEST_INVALID)
		return add_problem(status, true, err,
				   "the next boot is not reset: what it was asked for cannot be "
				   "understood (blankroot skip --cancel takes it back)");
	if (br_facts_gather(status->filesystem.top, &status->filesystem.config, from, status->now,
			    &facts, &failure) < 0)
		return add_failure(status, "the next reset would fail", &failure, err);
	for (size_t i = 0; r == 0 && i < status->filesystem.config.ephemeral_count; i++)
		if (br_blank_is_changed(facts.ephemeral[i].blank_state))
			r = add_problem(status, false, err, "%s %s", facts.ephemeral[i].source_path,
					br_blank_state_text(facts.ephemeral[i].blank_state));
	br_facts_free(&facts);
	return r;
}

static int judge_retained(struct status *status, struct br_error *err)
{
	struct br_error failure = { 0 };

	if (retained_all_check_readable(&status->retained, &failure) == 0)
		return 0;
	return add_failure(status, "what is kept", &failure, err);
}

static int judge_volume(struct status *status, struct br_error *err)
{
	const struct br_volume *volume = &status->volume;
	double wanted = status->filesystem.config.archives.min_free;
	double share = volume->total ? (double)volume->available / (double)volume->total : 1;
	int r = 0;

	if (volume->missing > 0)
		r = add_problem(status, true, err, "%llu of %llu devices are missing",
				(unsigned long long)volume->missing,
				(unsigned long long)volume->devices);
	if (r == 0 && volume->errors > 0)
		r = add_problem(status, true, err,
				"the devices have had %llu errors (btrfs device stats)",
				(unsigned long long)volume->errors);
	if (r == 0 && share < wanted)
		r = add_problem(status, true, err,
				"%.1f%% of the file system are free, %.1f%% should be (blankroot "
				"prune)",
				100 * share, 100 * wanted);
	return r;
}

static int judge_scrub(struct status *status, struct br_error *err)
{
	const struct scrub_record *scrub = &status->scrub.record;

	if (scrub->errors == 0)
		return 0;
	return add_problem(status, scrub->repaired < scrub->errors || scrub->uncorrectable > 0, err,
			   "the last scrub found %llu errors, %llu of them repaired",
			   (unsigned long long)scrub->errors, (unsigned long long)scrub->repaired);
}

/* Who has no need of a timer has masked it; but then nothing should say that it is needed. */
static int judge_timer(struct status *status, const char *name, const struct timer *timer,
		       bool is_asked_for, struct br_error *err)
{
	int r = 0;

	if (timer->state == TIMER_INACTIVE)
		r = add_problem(status, is_asked_for, err,
				"%s.timer is not active (systemctl daemon-reload, systemctl start "
				"timers.target)",
				name);
	if (r == 0 && timer->has_failed)
		r = add_problem(status, true, err,
				"the last run of %s.service failed (journalctl -u %s)", name, name);
	return r;
}

bool status_takes_snapshots(const struct status *status)
{
	const struct br_snapshots_policy *policy = &status->filesystem.config.snapshots;

	return policy->every.text && policy->subvolume_count > 0;
}

static int gather_timers(struct status *status, struct br_error *err)
{
	int r = 0;

	if (status_takes_snapshots(status)) {
		timer_ask("blankroot-snapshot", &status->snapshot);
		r = judge_timer(status, "blankroot-snapshot", &status->snapshot, true, err);
	}
	timer_ask("blankroot-prune", &status->prune);
	return r == 0 ? judge_timer(status, "blankroot-prune", &status->prune, false, err) : r;
}

/* --- jobs --- */

/* Of snapshots and prune, the timers are asked for with or without a schedule. */
static int judge_job_timer(struct status *status, struct status_job *job, struct br_error *err)
{
	char unit[64];

	if (strcmp(job->name, "snapshot") == 0)
		job->timer = status->snapshot;
	else if (strcmp(job->name, "prune") == 0)
		job->timer = status->prune;
	if (!job->schedule || strcmp(job->name, "snapshot") == 0)
		return 0;
	(void)snprintf(unit, sizeof(unit), "blankroot-%s", job->name); /* fits */
	timer_ask(unit, &job->timer);
	return judge_timer(status, unit, &job->timer, true, err);
}

static int judge_job(struct status *status, const struct status_job *job, struct br_error *err)
{
	if (job->record.outcome != JOB_FAILED || !job->record.exists)
		return 0;
	return add_problem(status, true, err, "the last %s failed: %s", job->name,
			   job->record.message);
}

static int judge_balance(struct status *status, struct br_error *err)
{
	struct balance_kernel kernel;
	struct br_error failure = { 0 };

	if (balance_kernel_ask(status->filesystem.top, &kernel, &failure) < 0)
		return add_failure(status, "balance", &failure, err);
	if (kernel.state != BALANCE_PAUSED)
		return 0;
	return add_problem(status, false, err,
			   "a balance is paused: blankroot balance resume, or cancel");
}

static int gather_jobs(const struct status_options *options, struct status *status,
		       struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < STATUS_JOBS; i++) {
		struct status_job *job = &status->jobs[i];
		struct br_error failure = { 0 };

		if (status_job_read(status->filesystem.top, &status->filesystem.config, i, job,
				    &failure) < 0)
			r = add_failure(status, job->name, &failure, err);
		if (r == 0)
			r = judge_job(status, job, err);
		if (r == 0 && options->asks_systemd)
			r = judge_job_timer(status, job, err);
	}
	return r == 0 ? judge_balance(status, err) : r;
}

static int look_at_filesystem(const struct status_options *options, struct status *status,
			      struct br_error *err)
{
	struct filesystem *filesystem = &status->filesystem;
	struct br_error failure = { 0 };
	int r;

	if (br_volume_read(filesystem->top, &status->volume, &failure) < 0 ||
	    retained_all_glance(filesystem->top, &filesystem->config, NULL, status->now,
				&status->retained, &failure) < 0 ||
	    overhead_all_count(filesystem->top, &status->retained, OVERHEAD_SECONDS,
			       &status->overhead, &failure) < 0 ||
	    scrub_view_read(options->scrub_dir, filesystem->top, filesystem->device.fsid,
			    &status->scrub, &failure) < 0) {
		status->has_filesystem = false;
		return add_failure(status, "the file system", &failure, err);
	}
	if ((r = judge_next_boot(status, err)) < 0 || (r = judge_retained(status, err)) < 0 ||
	    (r = judge_volume(status, err)) < 0)
		return r;
	r = judge_scrub(status, err);
	if (r == 0 && options->asks_systemd)
		r = gather_timers(status, err);
	return r == 0 ? gather_jobs(options, status, err) : r;
}

static int gather_filesystem(const struct status_options *options, struct status *status,
			     struct br_error *err)
{
	struct br_error failure = { 0 };

	if (geteuid() != 0)
		return add_problem(status, true, err,
				   "archives, space and the next boot can be looked at by root "
				   "only");
	if (filesystem_open(&options->filesystem, &status->filesystem, &failure) < 0)
		return add_failure(status, "the file system", &failure, err);
	status->has_filesystem = true;
	return look_at_filesystem(options, status, err);
}

int status_gather(const struct status_options *options, struct status *ret, struct br_error *err)
{
	struct status status = { .now = time(NULL), .filesystem.top = -1 };
	int r = gather_report(options, &status, err);

	if (r == 0)
		r = gather_filesystem(options, &status, err);
	if (r < 0) {
		status_free(&status);
		return r;
	}
	*ret = status;
	return 0;
}

bool status_is_healthy(const struct status *status)
{
	for (size_t i = 0; i < status->problem_count; i++)
		if (status->problems[i].is_error)
			return false;
	return true;
}

void status_free(struct status *status)
{
	if (!status)
		return;
	for (size_t i = 0; i < status->problem_count; i++)
		free(status->problems[i].text);
	free(status->problems);
	scrub_view_free(&status->scrub);
	overhead_all_free(&status->overhead);
	retained_all_free(&status->retained);
	filesystem_close(&status->filesystem);
	boot_report_free(&status->report);
	*status = (struct status){ .filesystem.top = -1 };
}
