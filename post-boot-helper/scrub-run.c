/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scrub in the kernel, watched. */
#include "scrub-run.h"

#include "cleanup.h"
#include "deadline.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_MSEC 250
#define RECORD_SECONDS 5 /* as btrfs-progs do: what is lost when it is killed */
#define COPY_SECONDS 60

enum state {
	WAITING, /* for another device, with raid5 or raid6 */
	RUNNING,
	ENDED,
	LEFT_OUT,
};

struct worker {
	struct run *run;
	enum state state;
	struct scrub_device_record before; /* what it goes on from; zeroed: nothing */
	struct scrub_device_record now;    /* all of it, with what was before */
	pthread_t thread;
	struct btrfs_ioctl_scrub_args args;
	int sys_errno; /* of args; 0: it was done to its end */
	atomic_bool is_over;
	uint64_t begun; /* nanoseconds, CLOCK_MONOTONIC */
};

struct run {
	const struct scrub_job *job;
	struct worker *workers;
	size_t count;
	int signals, ended; /* descriptors: of signals, and written to by a thread at its end */
	sigset_t old_mask;
	bool has_mask;
	atomic_bool is_stopping;
	uint64_t begun, scrubbed_before;
	struct br_deadline next_record, next_copy;
	struct scrub_result result;
};

static uint64_t now_nsec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
	return (uint64_t)now.tv_sec * BR_NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

struct scrub_begin scrub_run_begin(const struct scrub_job *job, const struct scrub_device *device)
{
	const struct scrub_device_record *before = job->resumed ? scrub_record_find(job->resumed,
										    device->devid)
								: NULL;

	if (device->path[0] == '\0' || (before && !scrub_device_record_is_unfinished(before)))
		return (struct scrub_begin){ .is_left_out = true };
	return (struct scrub_begin){ .start = before ? before->progress.last_physical : 0 };
}

/* --- in the threads --- */

/* What else the machine does comes first; a service may have been forbidden to say so, for it has said it itself. */
static void become_idle(void)
{
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

static void *scrub_one(void *data)
{
	struct worker *worker = data;
	uint64_t one = 1;

	become_idle();
	if (atomic_load(&worker->run->is_stopping))
		worker->sys_errno = ECANCELED;
	else if (ioctl(worker->run->job->top, BTRFS_IOC_SCRUB, &worker->args) != 0)
		worker->sys_errno = errno;
	atomic_store(&worker->is_over, true);
	(void)!write(worker->run->ended, &one, sizeof(one)); /* else it is seen at the next tick */
	return NULL;
}

/* --- counting --- */

/* The kernel counts from where it began this time. */
static void take_progress(struct worker *worker, const struct btrfs_scrub_progress *progress)
{
	const struct btrfs_scrub_progress *before = &worker->before.progress;
	struct btrfs_scrub_progress sum = *before;

	if (progress->last_physical > sum.last_physical)
		sum.last_physical = progress->last_physical;
	sum.data_extents_scrubbed += progress->data_extents_scrubbed;
	sum.tree_extents_scrubbed += progress->tree_extents_scrubbed;
	sum.data_bytes_scrubbed += progress->data_bytes_scrubbed;
	sum.tree_bytes_scrubbed += progress->tree_bytes_scrubbed;
	sum.read_errors += progress->read_errors;
	sum.csum_errors += progress->csum_errors;
	sum.verify_errors += progress->verify_errors;
	sum.no_csum += progress->no_csum;
	sum.csum_discards += progress->csum_discards;
	sum.super_errors += progress->super_errors;
	sum.malloc_errors += progress->malloc_errors;
	sum.uncorrectable_errors += progress->uncorrectable_errors;
	/* without repairing it, the kernel counts what could be */
	if (!worker->run->job->read_only)
		sum.corrected_errors += progress->corrected_errors;
	worker->now.progress = sum;
}

static void take_duration(struct worker *worker)
{
	worker->now.duration = worker->before.duration +
			       (now_nsec() - worker->begun) / BR_NSEC_PER_SEC;
}

/* --- the record --- */

static void collect(struct run *run)
{
	struct scrub_record *record = &run->result.record;

	record->count = 0;
	for (size_t i = 0; i < run->count; i++)
		if (run->workers[i].now.devid)
			record->devices[record->count++] = run->workers[i].now;
	scrub_record_sum_up(record);
}

static void write_record(struct run *run)
{
	const struct scrub_job *job = run->job;
	struct br_error err = { 0 };

	collect(run);
	if (scrub_record_write(job->record_dir, job->fsid, &run->result.record, &err) < 0)
		run->result.record_failure = err;
	run->next_record = br_deadline_in(RECORD_SECONDS);
	if (!job->is_writable || br_deadline_left(run->next_copy) > 0)
		return;
	if (scrub_record_write_copy(job->top, job->fsid, &run->result.record, &err) < 0 &&
	    br_error_context(&err, "the copy that is there after a reset"))
		run->result.record_failure = err;
	run->next_copy = br_deadline_in(COPY_SECONDS);
}

/* --- workers --- */

static int start(struct worker *worker, struct br_error *err)
{
	bool is_resumed = worker->before.started > 0;
	uint64_t now = (uint64_t)time(NULL);
	int code;

	worker->begun = now_nsec();
	worker->now.started = is_resumed ? worker->before.started : now;
	worker->now.resumed = is_resumed ? now : 0;
	worker->now.is_canceled = worker->now.is_ended = false;
	code = pthread_create(&worker->thread, NULL, scrub_one, worker);
	if (code != 0)
		return br_error_set(err, BR_ERR_OPEN, code, NULL, "a thread to scrub a device");
	worker->state = RUNNING;
	return 0;
}

/* All, or with one_by_one the next one when none is running. */
static int start_more(struct run *run, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->count; i++) {
		if (run->job->devices->one_by_one && run->workers[i].state == RUNNING)
			return 0;
		if (run->workers[i].state != WAITING || atomic_load(&run->is_stopping))
			continue;
		r = start(&run->workers[i], err);
		if (run->job->devices->one_by_one)
			return r;
	}
	return r;
}

static void finish(struct worker *worker)
{
	(void)pthread_join(worker->thread, NULL); /* it is there, and joined once */
	worker->state = ENDED;
	/* One that was stopped may have been nowhere: at once, before 6.19, or at all, before 5.5. */
	if (worker->args.progress.last_physical >= worker->now.progress.last_physical)
		take_progress(worker, &worker->args.progress);
	take_duration(worker);
	worker->now.is_ended = true;
	worker->now.is_canceled = worker->sys_errno != 0;
	/* also by another program: then no other device is to begin */
	if (worker->sys_errno == ECANCELED || worker->sys_errno == EINTR) {
		worker->run->result.is_stopped = true;
		atomic_store(&worker->run->is_stopping, true);
	}
}

/* Look at all of them. Returns whether any is running. */
static bool look(struct run *run)
{
	bool is_running = false;

	for (size_t i = 0; i < run->count; i++) {
		struct worker *worker = &run->workers[i];
		struct btrfs_scrub_progress progress;
		struct br_error ignored;

		if (worker->state != RUNNING)
			continue;
		if (atomic_load(&worker->is_over)) {
			finish(worker);
			continue;
		}
		is_running = true;
		take_duration(worker);
		/* it has not begun, or just ended; its end is looked at when its thread has ended, too */
		if (scrub_devices_progress(run->job->top, worker->now.devid, &progress, &ignored) >
		    0)
			take_progress(worker, &progress);
	}
	return is_running;
}

static bool is_any_running(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->workers[i].state == RUNNING)
			return true;
	return false;
}

/* Those that wait for their turn stay where they were. */
static void stop(struct run *run)
{
	atomic_store(&run->is_stopping, true);
	run->result.is_stopped = true;
	/*
	 * Comes back when all have ended; one that has not begun in the kernel is met at the next tick. It is not only for
	 * our own: with none of those, it would end the replacement of a device that has begun meanwhile.
	 */
	if (is_any_running(run))
		(void)ioctl(run->job->top, BTRFS_IOC_SCRUB_CANCEL, NULL);
}

static void tell(struct run *run)
{
	uint64_t nsec = now_nsec() - run->begun;
	struct progress_share share = { .total = run->job->devices->total };

	collect(run);
	share.done = run->result.record.scrubbed;
	share.errors = run->result.record.errors;
	if (nsec >= BR_NSEC_PER_SEC)
		share.rate = (uint64_t)((double)(share.done - run->scrubbed_before) * 1e9 /
					(double)nsec);
	progress_share(run->job->progress, &share);
}

static int watch(struct run *run, struct br_error *err)
{
	int r = 0;
	bool is_running;

	/* what was found last time is not to be taken for what is found now, not even for a moment */
	run->next_copy = br_deadline_in(COPY_SECONDS);
	write_record(run);
	run->next_record = run->next_copy = br_deadline_in(0);
	do {
		struct pollfd fds[] = { { .fd = run->signals, .events = POLLIN },
					{ .fd = run->ended, .events = POLLIN } };
		struct signalfd_siginfo info;
		uint64_t count;

		if (r == 0)
			r = start_more(run, err);
		if (r < 0)
			stop(run);
		if (br_deadline_left(run->next_record) == 0)
			write_record(run);
		/* interrupted, or failed: then the time is up just so */
		if (poll(fds, 2, TICK_MSEC) > 0 && (fds[1].revents & POLLIN))
			(void)!read(run->ended, &count, sizeof(count));
		if (fds[0].revents & POLLIN)
			(void)!read(run->signals, &info, sizeof(info));
		if (fds[0].revents & POLLIN || atomic_load(&run->is_stopping))
			stop(run);
		is_running = look(run);
		tell(run);
		for (size_t i = 0; !atomic_load(&run->is_stopping) && i < run->count; i++)
			is_running |= run->workers[i].state == WAITING;
	} while (is_running);
	return r;
}

/* --- around it --- */

/* A signal that is ignored, as by nohup, stays so. */
static int catch_signals(struct run *run, struct br_error *err)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	(void)sigemptyset(&set); /* cannot fail, as the others of its kind */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(&set, numbers[i]);
	}
	run->signals = signalfd(-1, &set, SFD_CLOEXEC);
	run->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (run->signals < 0 || run->ended < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, NULL, "descriptors of signals");
	/* before there are threads: they have the same mask */
	run->has_mask = pthread_sigmask(SIG_BLOCK, &set, &run->old_mask) == 0;
	return 0;
}

static void prepare_worker(struct run *run, struct worker *worker,
			   const struct scrub_device *device)
{
	const struct scrub_job *job = run->job;
	struct scrub_begin begin = scrub_run_begin(job, device);
	const struct scrub_device_record *before = job->resumed ? scrub_record_find(job->resumed,
										    device->devid)
								: NULL;

	worker->run = run;
	worker->state = begin.is_left_out ? LEFT_OUT : WAITING;
	if (before)
		worker->before = worker->now = *before;
	/* until it begins, it is one that can be resumed */
	if (!begin.is_left_out)
		worker->now.is_canceled = worker->now.is_ended = true;
	worker->now.devid = device->path[0] ? device->devid : 0;
	worker->args = (struct btrfs_ioctl_scrub_args){
		.devid = device->devid,
		.start = begin.start,
		.end = UINT64_MAX,
		.flags = job->read_only ? BTRFS_SCRUB_READONLY : 0,
	};
}

static int prepare(struct run *run, struct br_error *err)
{
	const struct scrub_devices *devices = run->job->devices;

	run->workers = calloc(devices->count + 1, sizeof(*run->workers));
	run->result.record.devices = calloc(devices->count + 1,
					    sizeof(*run->result.record.devices));
	if (!run->workers || !run->result.record.devices)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	run->count = devices->count;
	for (size_t i = 0; i < devices->count; i++)
		prepare_worker(run, &run->workers[i], &devices->list[i]);
	collect(run);
	run->scrubbed_before = run->result.record.scrubbed;
	run->begun = now_nsec();
	return catch_signals(run, err);
}

/* What kept a device from being scrubbed, if it was not that somebody stopped it. */
static int judge(const struct run *run, struct br_error *err)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct worker *worker = &run->workers[i];
		const char *path = run->job->devices->list[i].path;

		if (worker->state != ENDED || worker->sys_errno == 0 ||
		    worker->sys_errno == ECANCELED || worker->sys_errno == EINTR)
			continue;
		if (worker->sys_errno == EINPROGRESS)
			return br_error_set(err, BR_ERR_IN_USE, 0, path,
					    "a scrub, or the replacement of a device, is running; "
					    "try again when that has ended");
		if (worker->sys_errno == EROFS)
			return br_error_set(
				err, BR_ERR_READ, EROFS, path,
				run->job->read_only
					? "the kernel does not scrub a file system that "
					  "it cannot write to"
					: "nothing can be repaired; --read-only only "
					  "looks for errors");
		return br_error_set(err, BR_ERR_READ, worker->sys_errno, path,
				    "it could not be scrubbed to its end");
	}
	return 0;
}

static void release(struct run *run)
{
	if (run->has_mask)
		(void)pthread_sigmask(SIG_SETMASK, &run->old_mask, NULL);
	br_cleanup_close(&run->ended);
	br_cleanup_close(&run->signals);
	free(run->workers);
}

int scrub_run(const struct scrub_job *job, struct scrub_result *ret, struct br_error *err)
{
	struct run run = { .job = job, .signals = -1, .ended = -1 };
	int r = prepare(&run, err);

	if (r == 0) {
		r = watch(&run, err);
		run.next_copy = br_deadline_in(0);
		write_record(&run);
		collect(&run);
		if (r == 0)
			r = judge(&run, err);
		progress_clear(job->progress);
	}
	release(&run);
	if (r < 0) {
		scrub_result_free(&run.result);
		return r;
	}
	*ret = run.result;
	return 0;
}

void scrub_result_free(struct scrub_result *result)
{
	if (!result)
		return;
	scrub_record_free(&result->record);
	*result = (struct scrub_result){ 0 };
}
