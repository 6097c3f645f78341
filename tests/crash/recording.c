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
};

static bool before_call(void *data, const struct stepper_call *call)
{
	struct session *session = data;
	struct recording *recording = session->recording;

	if (session->mode != RECORDING_PLAIN)
		(void)stepper_commit(call->pid); /* there may be nothing mounted yet */
	ck_assert_uint_lt(recording->marks, MARKS_MAX);
	struct recording_mark *mark = &recording->mark[recording->marks];
	snprintf(mark->name, sizeof(mark->name), "%u, %s", call->number, call->name);
	session->mark_size[recording->marks++] = recorded_disk_log_size(&session->disk);
	return true;
}

static bool is_suppressed(void *data, const struct stepper_call *call)
{
	static const char *const syncs[] = { "syncfs", "fsync", "fdatasync" };
	const struct session *session = data;

	for (size_t i = 0; i < sizeof(syncs) / sizeof(syncs[0]); i++) {
		if (session->mode == RECORDING_UNSYNCED && strcmp(call->name, syncs[i]) == 0)
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
	run_free(&result);
}

/* Returns the top level, which stays mounted at dir. */
static int prepare(const struct session *session, const char *dir, void (*before)(int top))
{
	int top;

	ck_assert_msg(mount(session->disk.device, dir, "btrfs", MS_NOATIME, "subvolid=5") == 0,
		      "mount: %s", strerror(errno));
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(top >= 0);
	before(top);
	return top;
}

static void read_log(struct session *session, uint64_t done)
{
	struct recording *recording = session->recording;

	log_read(&recording->log, session->disk.log);
	(void)close(session->disk.log); /* memory */
	recording->done = log_entries_at(&recording->log, done);
	for (size_t i = 0; i < recording->marks; i++)
		recording->mark[i].entry = log_entries_at(&recording->log, session->mark_size[i]);
	size_t writes = log_count(&recording->log, LOG_WRITE, recording->done);
	size_t flushes = log_count(&recording->log, LOG_FLUSH, recording->done);
	/* one transaction is some writes and two flushes */
	ck_assert_msg(writes >= 3 && flushes >= 2,
		      "a run with %zu writes and %zu flushes tests nothing", writes, flushes);
}

void recording_make(struct recording *recording, struct image *image, const struct state *base,
		    const struct recording_options *options)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
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
	recorded_disk_start(&session.disk, image);
	if (options->before)
		top = prepare(&session, dir, options->before);
	run_program(&session, options);
	done = recorded_disk_log_size(&session.disk);
	if (top >= 0) {
		(void)close(top);
		ck_assert_msg(umount2(dir, 0) == 0, "umount: %s", strerror(errno));
	}
	recorded_disk_stop(&session.disk);
	disk_show(image->device[0]);
	read_log(&session, done);
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
