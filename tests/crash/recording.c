/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program on an image, with a record of what it asked of the disk. */
#include "recording.h"

#include "cleanup.h"
#include "disk.h"
#include "recorded-disk.h"
#include "run.h"
#include "stepper.h"
#include "words.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#define MARKS_MAX 4096

/* What is known while the program runs. */
struct session {
	struct recorded_disk disk;
	enum recording_mode mode;
	struct recording *recording;
	uint64_t *mark_size; /* of the log, by mark */
	char *said;          /* by the program */
};

static bool before_call(void *data, const struct stepper_call *call)
{
	struct session *session = data;
	struct recording *recording = session->recording;

	if (session->mode == RECORDING_COMMITS || session->mode == RECORDING_UNSYNCED)
		(void)stepper_commit(call->pid); /* there may be nothing mounted yet */
	ck_assert_uint_lt(recording->marks, MARKS_MAX);
	struct recording_mark *mark = &recording->mark[recording->marks];
	snprintf(mark->name, sizeof(mark->name), "%u, %s", call->number, call->name);
	session->mark_size[recording->marks++] = recorded_disk_log_size(&session->disk);
	return true;
}

static bool is_suppressed(void *data, const struct stepper_call *call)
{
	/* the last ones commit a transaction */
	static const char *const calls[] = { "syncfs",
					     "fsync",
					     "fdatasync",
					     "BTRFS_IOC_START_SYNC",
					     "BTRFS_IOC_WAIT_SYNC",
					     "BTRFS_IOC_SUBVOL_SETFLAGS" };
	const struct session *session = data;
	size_t count = session->mode == RECORDING_CARELESS   ? sizeof(calls) / sizeof(calls[0])
		       : session->mode == RECORDING_UNSYNCED ? 3
							     : 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(call->name, calls[i]) == 0)
			return true;
	}
	return false;
}

static void run_program(struct session *session, const struct recording_options *options)
{
	struct words words = { .count = 0 };
	struct run_result result;

	if (options->instead) {
		words_add(&words, options->instead);
		if (!options->without_device)
			WORDS_ADD(&words, session->disk.device);
	} else {
		WORDS_ADD(&words, run_tool_path(), "--config", options->config, "--device",
			  session->disk.device, "--cmdline",
			  options->cmdline ? options->cmdline : "");
	}
	const struct stepper stepper = { .argv = words.word,
					 .before_call = before_call,
					 .is_suppressed = is_suppressed,
					 .data = session };
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	session->said = strdup(result.err);
	ck_assert_ptr_nonnull(session->said);
	run_free(&result);
}

/* Returns the top level, which stays mounted at dir. */
static int prepare(const struct session *session, const char *dir,
		   const struct recording_options *options)
{
	const char *how = options->discards ? "subvolid=5,discard=sync" : "subvolid=5";
	int top;

	ck_assert_msg(mount(session->disk.device, dir, "btrfs", MS_NOATIME, how) == 0, "mount: %s",
		      strerror(errno));
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(top >= 0);
	if (options->before)
		options->before(top);
	return top;
}

static void read_log(struct session *session, uint64_t done, bool has_discards)
{
	struct recording *recording = session->recording;

	log_read(&recording->log, session->disk.log);
	(void)close(session->disk.log); /* memory */
	recording->done = log_entries_at(&recording->log, done);
	for (size_t i = 0; i < recording->marks; i++)
		recording->mark[i].entry = log_entries_at(&recording->log, session->mark_size[i]);
	size_t writes = log_count(&recording->log, LOG_WRITE, recording->done);
	size_t flushes = log_count(&recording->log, LOG_FLUSH, recording->done);
	/* an fsync alone is a log and a superblock, with a flush before each */
	ck_assert_msg(writes >= 2 && flushes >= 2,
		      "a run with %zu writes and %zu flushes tests nothing", writes, flushes);
	ck_assert_msg(!has_discards || log_count(&recording->log, LOG_DISCARD, recording->done) > 0,
		      "nothing that got free was discarded, in %zu writes; the program said: %s",
		      writes, session->said);
}

void recording_make(struct recording *recording, struct image *image, const struct state *base,
		    const struct recording_options *options)
{
	BR_AUTO_FREE char *scratch = image_scratch_dir();
	const char *dir = options->stays_mounted ? options->stays_mounted : scratch;
	BR_AUTO_FREE uint64_t *mark_size = calloc(MARKS_MAX, sizeof(*mark_size));
	struct session session = { .mode = options->mode,
				   .recording = recording,
				   .mark_size = mark_size };
	uint64_t done;
	int top = -1;

	*recording = (struct recording){
		.base = base,
		.mark = calloc(MARKS_MAX, sizeof(*recording->mark)),
	};
	ck_assert(mark_size && recording->mark);
	state_restore(base, image);
	/* a copy of the disk that the program could see would make it refuse */
	ck_assert_int_eq(unlink(image->device[0]), 0);
	recorded_disk_start(&session.disk, image, RECORDED_DISK_SECONDS);
	if (options->stays_mounted || options->discards || options->before)
		top = prepare(&session, dir, options);
	run_program(&session, options);
	done = recorded_disk_log_size(&session.disk);
	if (top >= 0) {
		(void)close(top);
		ck_assert_msg(umount2(dir, 0) == 0, "umount: %s", strerror(errno));
	}
	recorded_disk_stop(&session.disk);
	disk_show(image->device[0]);
	read_log(&session, done, options->discards);
	free(session.said);
}

void recording_free(struct recording *recording)
{
	log_free(&recording->log);
	free(recording->mark);
	*recording = (struct recording){ .marks = 0 };
}

const char *recording_moment(const struct recording *recording, size_t entry)
{
	for (size_t i = 0; i < recording->marks; i++) {
		if (recording->mark[i].entry >= entry)
			return recording->mark[i].name;
	}
	return "the end";
}
