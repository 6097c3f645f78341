/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot defrag: write files anew, in few pieces, and compressed if wanted. */
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "defrag.h"
#include "job-signals.h"
#include "job.h"
#include "json.h"
#include "lock-wait.h"
#include "progress.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFRAG_JSON_VERSION 1

struct options {
	struct job_options job;
	struct defrag_how how;
	bool force, json;
	struct command_arguments paths;
};

/* A run: first all is looked at, then it is done. */
struct run {
	const struct options *options;
	struct progress progress;
	struct defrag_totals seen, done;
	uint64_t extents_after;
	bool is_looking;
};

/* --- the command line --- */

static bool read_compress(void *data, const char *argument)
{
	static const struct {
		const char *name;
		enum defrag_compress compress;
		int level_max; /* 0: it has none */
	} kinds[] = {
		{ "zlib", DEFRAG_ZLIB, 9 },
		{ "lzo", DEFRAG_LZO, 0 },
		{ "zstd", DEFRAG_ZSTD, 15 },
		{ "none", DEFRAG_UNCOMPRESSED, 0 },
	};
	struct defrag_how *how = data;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].name);
		char *end = NULL;
		long level = 0;

		if (strncmp(argument, kinds[i].name, length) != 0)
			continue;
		if (argument[length] == ':' && argument[length + 1] >= '1' &&
		    argument[length + 1] <= '9')
			level = strtol(argument + length + 1, &end, 10);
		if ((end ? *end : argument[length]) != '\0' || level > kinds[i].level_max)
			continue;
		how->compress = kinds[i].compress;
		how->level = (int)level;
		return true;
	}
	(void)fputs(DEFRAG_COMMAND
		    ": --compress takes zstd, lzo, zlib or none, and a level behind it: "
		    "zstd:1 to zstd:15, zlib:1 to zlib:9; not '",
		    stderr);
	br_text_put_name(stderr, argument);
	(void)fputs("'\n", stderr);
	return false;
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		{ .name = "compress",
		  .argument = "HOW",
		  .help = "zstd, lzo, zlib, also with a level as zstd:3; none: uncompressed\n"
			  "(as the mount options and the files' attributes have it)",
		  .read = read_compress,
		  .data = &options->how },
		OPTION_FLAG("busy", &options->how.busy,
			    "also files that somebody has open for writing"),
		OPTION_FLAG("force", &options->force,
			    "also what snapshots and copies share: it will take its space again"),
		OPTION_DRY_RUN(&options->job.dry_run, "only say what would be done"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_WAIT(&options->job.filesystem.wait, "job"),
		OPTION_DEVICE(&options->job.filesystem.device, "a block device"),
		OPTION_CONFIG(&options->job.filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot defrag [OPTION]... PATH...\n"
			"Write files anew, in few pieces, and compressed if wanted.\n"
			"\n"
			"PATH: a file, or a directory with all below it in the same subvolume.\n",
		.tail = "Exit codes: 0 done; 1 failed; 2 usage error; 4 another job is running.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
	};
	int code = command_options_parse(&usage, argc, argv, &options->paths);

	if (code == COMMAND_GO_ON && options->paths.count == 0)
		return command_fail_usage(DEFRAG_COMMAND, "which files? A path is missing", NULL);
	return code;
}

/* --- one file --- */

static void add(struct defrag_totals *totals, const struct defrag_file *file)
{
	switch (file->verdict) {
	case DEFRAG_WANTED:
		totals->files++;
		totals->bytes += file->size;
		totals->extents += file->extents;
		totals->shared += file->shared;
		totals->shared_files += file->shared > 0;
		break;
	case DEFRAG_NOT_NEEDED:
		totals->not_needed++;
		break;
	case DEFRAG_BUSY:
		totals->busy++;
		break;
	default:
		totals->not_compressible++;
	}
}

static void put_progress(FILE *out, const void *data)
{
	const struct run *run = data;

	if (run->is_looking) {
		(void)fputs("looking: ", out);
		br_text_put_count(out, run->seen.files);
		(void)fputs(" files", out);
		return;
	}
	br_text_put_count(out, run->done.files);
	(void)fputs(" of ", out);
	br_text_put_count(out, run->seen.files);
	(void)fputs(" files, ", out);
	br_text_put_size(out, run->done.bytes);
	(void)fputs(" of ", out);
	br_text_put_size(out, run->seen.bytes);
}

/* Somebody may have changed it since it was looked at first: it is looked at again. */
static int visit(void *data, int fd, const char *path, struct br_error *err)
{
	struct run *run = data;
	const struct options *options = run->options;
	struct defrag_file file = { 0 };
	int r = defrag_look(fd, &options->how, &file, err);

	(void)path;
	progress_say(&run->progress, put_progress, run);
	if (r < 0 || run->is_looking || file.verdict != DEFRAG_WANTED ||
	    (file.shared > 0 && !options->force)) {
		if (r == 0 && run->is_looking)
			add(&run->seen, &file);
		return r;
	}
	r = defrag_file(fd, &options->how, file.size, err);
	if (r < 0)
		return r;
	if (r == 1) {
		run->done.swap++;
		return 0;
	}
	add(&run->done, &file);
	if ((r = defrag_look(fd, &options->how, &file, err)) == 0)
		run->extents_after += file.extents;
	return r;
}

static int visit_all(struct run *run, const char *fsid, struct br_error *err)
{
	uint64_t *subvolumes = run->is_looking ? &run->seen.subvolumes : &run->done.subvolumes;
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->options->paths.count; i++)
		r = defrag_visit(run->options->paths.list[i], fsid, visit, run, subvolumes, err);
	progress_clear(&run->progress);
	return r;
}

/* --- what is said --- */

static void put_left_out(uint64_t count, const char *why)
{
	if (count == 0)
		return;
	(void)fputs("left out: ", stdout);
	br_text_put_count(stdout, count);
	(void)printf(" %s\n", why);
}

static void print_seen(const struct defrag_totals *seen)
{
	br_text_put_count(stdout, seen->files);
	(void)fputs(seen->files == 1 ? " file, " : " files, ", stdout);
	br_text_put_size(stdout, seen->bytes);
	(void)fputs(", in ", stdout);
	br_text_put_count(stdout, seen->extents);
	(void)puts(seen->extents == 1 ? " extent" : " extents");
	put_left_out(seen->not_needed, "empty, or in one piece");
	put_left_out(seen->busy, "open for writing (--busy takes them too)");
	put_left_out(seen->not_compressible, "nodatacow, which cannot be compressed");
	put_left_out(seen->subvolumes, "nested subvolumes or other file systems");
}

static void print_json(const struct run *run)
{
	const struct defrag_totals *seen = &run->seen;
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", DEFRAG_JSON_VERSION);
	br_json_bool(&json, "dry_run", run->options->job.dry_run);
	br_json_number(&json, "files", seen->files);
	br_json_number(&json, "bytes", seen->bytes);
	br_json_number(&json, "extents", seen->extents);
	br_json_number(&json, "shared_files", seen->shared_files);
	br_json_number(&json, "shared_bytes", seen->shared);
	br_json_number(&json, "not_needed", seen->not_needed);
	br_json_number(&json, "busy", seen->busy);
	br_json_number(&json, "not_compressible", seen->not_compressible);
	br_json_number(&json, "subvolumes", seen->subvolumes);
	br_json_number(&json, "done_files", run->done.files);
	br_json_number(&json, "done_bytes", run->done.bytes);
	br_json_number(&json, "done_extents_before", run->done.extents);
	br_json_number(&json, "done_extents_after", run->extents_after);
	br_json_number(&json, "swap", run->done.swap);
	br_json_close_object(&json);
}

static void print_done(const struct run *run)
{
	put_left_out(run->done.swap, "in use as swap space");
	br_text_put_count(stdout, run->done.files);
	(void)fputs(run->done.files == 1 ? " file written anew: " : " files written anew: ",
		    stdout);
	br_text_put_count(stdout, run->done.extents);
	(void)fputs(run->done.extents == 1 ? " extent before, " : " extents before, ", stdout);
	br_text_put_count(stdout, run->extents_after);
	(void)puts(" after");
}

/* 0: nothing is shared, or it does not matter. */
static int check_shared(const struct run *run, struct br_error *err)
{
	BR_AUTO_FREE char *size = NULL;
	char *text = NULL;
	size_t length = 0;
	FILE *out;

	if (run->seen.shared == 0 || run->options->force || run->options->job.dry_run)
		return 0;
	out = open_memstream(&text, &length);
	if (!out)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	br_text_put_size(out, run->seen.shared);
	if (fclose(out) != 0) {
		free(text);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	size = text;
	return br_error_set(
		err, BR_ERR_JOB, 0, NULL,
		"%s in %llu files are shared with snapshots or copies, and would be no "
		"more: up to so much more space would be taken, until those are deleted. "
		"--force does it all the same",
		size, (unsigned long long)run->seen.shared_files);
}

/* --- the job --- */

static void print_shared(const struct run *run)
{
	if (run->seen.shared == 0)
		return;
	(void)fputs("warning: ", stderr);
	br_text_put_size(stderr, run->seen.shared);
	(void)fputs(" of it are shared with snapshots or copies, and will take their own space\n",
		    stderr);
}

static void record(struct job *job, const struct run *run)
{
	job_record_number(&job->run, "files", run->done.files);
	job_record_number(&job->run, "bytes", run->done.bytes);
	job_record_number(&job->run, "extents_before", run->done.extents);
	job_record_number(&job->run, "extents_after", run->extents_after);
	job_record_number(&job->run, "unshared_bytes", run->done.shared);
}

static int act(struct job *job, const struct options *options)
{
	const char *fsid = job->filesystem.device.fsid;
	struct run run = { .options = options,
			   .progress = progress_begin(DEFRAG_COMMAND),
			   .is_looking = true };
	struct br_error err = { 0 };
	bool is_to_act = !options->job.dry_run;

	if (visit_all(&run, fsid, &err) < 0)
		return job_refuse(job, &err);
	if (!options->json)
		print_seen(&run.seen);
	(void)fflush(stdout); /* what follows may take hours */
	if (check_shared(&run, &err) < 0)
		return job_refuse(job, &err);
	print_shared(&run);
	run.is_looking = false;
	if (is_to_act && job_signals_came() == 0 && visit_all(&run, fsid, &err) < 0) {
		record(job, &run);
		return job_fail(job, &err);
	}
	record(job, &run);
	if (options->json)
		print_json(&run);
	else if (is_to_act)
		print_done(&run);
	return job_signals_came() ? job_end(job, JOB_STOPPED, "stopped by a signal")
				  : job_end(job, JOB_DONE, NULL);
}

static int run_command(int argc, char *argv[])
{
	struct options options = { .job.filesystem.config = BR_CONFIG_PATH,
				   .job.filesystem.wait = LOCK_WAIT_DEFAULT };
	struct job job;
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	code = job_begin(DEFRAG_COMMAND, "defrag", &options.job, &job);
	if (code != JOB_GO_ON)
		return code;
	(void)signal(SIGIO, SIG_IGN); /* somebody opens a file while its lease is asked for */
	code = act(&job, &options);
	job_close(&job);
	(void)fflush(stdout); /* lost output is found at the end */
	job_signals_obey();
	return code;
}

const struct command command_defrag = {
	.name = "defrag",
	.summary = "write files anew, in few pieces, and compressed if wanted",
	.run = run_command,
};
