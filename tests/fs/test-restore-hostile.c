/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot restore into a directory of a service, which does what it can there between any two calls:
 * nothing is written elsewhere, nothing of root's is lost, and what is prepared is out of its reach.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "oracle.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No run has as many calls; for each there is a directory, in which it is the one before which it happens. */
#define CALLS_MAX 60
#define ARCHIVE "old_roots/root.20260101T000000Z"
#define SERVICE "--reuid=1000", "--regid=1000", "--clear-groups"

/* Shell lines in the service's directory, in which data is; $out is root's, and so is data/secret. */
struct attack {
	const char *name, *lines;
	bool keep_old; /* and data/file is there before */
};

#define EACH_OURS "for d in data/.blankroot-restore-*; do [ -e $d ] || exit 0; "

static const struct attack attacks[] = {
	{ "parent becomes a link", "mv data was; ln -s $out/empty data", false },
	{ "parent becomes another directory", "mv data was; mkdir data", false },
	{ "ours becomes a link", EACH_OURS "mv $d data/moved; ln -s $out $d; done", false },
	{ "ours becomes a link to an empty one",
	  EACH_OURS "mv $d data/moved; ln -s $out/empty $d; done", false },
	{ "ours becomes theirs", EACH_OURS "mv $d data/moved; mkdir -m 777 $d; touch $d/x; done",
	  false },
	{ "ours becomes an empty one", EACH_OURS "mv $d data/moved; mkdir $d; done", false },
	{ "ours is removed", EACH_OURS "rmdir $d; done", false },
	{ "ours becomes another of root", EACH_OURS "mv $d data/moved; mv data/secret $d; done",
	  false },
	{ "ours is looked into",
	  EACH_OURS "if ls $d >/dev/null || cat $d/* >/dev/null || touch $d/x || mv $d/file .; "
		    "then echo yes >broken; fi; done",
	  false },
	{ "ours is taken away", EACH_OURS "mv $d ./ && echo yes >broken; done", false },
	{ "target is there", "mkdir data/file", false },
	{ "target is a link", "ln -s $out/file data/file", false },
	{ "target to be kept is a link", "rm -rf data/file; ln -s $out/file data/file", true },
	{ "target to be kept is gone", "rm -rf data/file", true },
	{ "target to be kept is a directory", "rm -rf data/file; mkdir data/file", true },
	{ "kept, and ours becomes a link", EACH_OURS "mv $d data/moved; ln -s $out $d; done",
	  true },
	{ "kept, and ours becomes another of root",
	  EACH_OURS "mv $d data/moved; mv data/secret $d; done", true },
};

static void make_services(int top)
{
	free(run_shell(
		top,
		"mkdir -p -m 0700 root/outside/empty; echo canary >root/outside/file; "
		"for n in $(seq %d); do for k in '' -keep; do d=root/srv/app$k-$n; "
		"mkdir -p $d/data/secret; echo key >$d/data/secret/key; "
		"chmod 0700 $d/data/secret; echo restored >$d/data/file; chmod 0600 $d/data/file; "
		"chown 1000:1000 $d $d/data; done; done; "
		"btrfs -q subvolume snapshot -r root " ARCHIVE "; rm root/srv/app-*/data/file; "
		"for n in $(seq %d); do echo was >root/srv/app-keep-$n/data/file; "
		"chown 1000 root/srv/app-keep-$n/data/file; done; mkdir -p -m 0700 .blankroot",
		CALLS_MAX, CALLS_MAX));
}

static void set_up(void)
{
	server_make(0, make_services);
}

struct trial {
	const struct attack *attack;
	const char *mountpoint;
	char *dir; /* of the service */
	unsigned number;
	unsigned count; /* calls that look at names, or change something, so far */
};

/* From the one on that locks the file system. */
static bool is_counted(const struct trial *trial, const struct stepper_call *call)
{
	static const char *const names[] = { "mkdirat",   "openat",    "openat2",  "flock",
					     "fsetxattr", "renameat2", "unlinkat", "syncfs" };

	if (trial->count == 0)
		return strcmp(call->name, "flock") == 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(call->name, names[i]) == 0)
			return true;
	return false;
}

/* As the service itself; what it may not do is no failure here. */
static bool attack(void *data, const struct stepper_call *call)
{
	struct trial *trial = data;
	BR_AUTO_FREE char *lines = NULL;
	struct run_result result;

	if (!is_counted(trial, call) || ++trial->count != trial->number)
		return true;
	ck_assert(asprintf(&lines, "cd '%s'; out='%s/outside'; %s", trial->dir, trial->mountpoint,
			   trial->attack->lines) > 0);
	run(&(struct run_options){ .argv = (const char *const[]){ "setpriv", SERVICE, "sh", "-c",
								  lines, NULL } },
	    &result);
	run_free(&result);
	return true;
}

/* root's secret is whole, wherever its directory is; nobody reached into ours. */
static void check_service(const struct trial *trial, const char *err)
{
	BR_AUTO_FREE char *secrets = run_shell(
		0,
		"cd '%s'; for key in $(find . -user root -name key); do cat $key; stat -c %%U%%a ${key%%/*}; "
		"getfattr -m trusted ${key%%/*}; done",
		trial->dir);
	BR_AUTO_FREE char *broken = run_shell(0, "cat '%s/broken' 2>/dev/null || :", trial->dir);

	ck_assert_msg(strcmp(secrets, "key\nroot700\n") == 0, "%s %u: root's directory has %s: %s",
		      trial->attack->name, trial->number, secrets, err);
	ck_assert_msg(!*broken, "%s %u: it got into ours", trial->attack->name, trial->number);
}

/* Reported done: the file is in the directory that was opened, whatever that is called now. */
static void check_done(const struct trial *trial)
{
	BR_AUTO_FREE char *found = run_shell(
		0, "cd '%s'; cat data/file was/file 2>/dev/null || :", trial->dir);

	ck_assert_msg(strstr(found, "restored\n"), "%s %u: reported done, but it is not",
		      trial->attack->name, trial->number);
}

static void run_trial(struct image *image, const char *config, struct trial *trial)
{
	BR_AUTO_FREE char *path = NULL;
	struct run_result result;

	ck_assert(asprintf(&path, "%s/data/file", trial->dir) > 0);
	const char *const argv[] = { run_helper_path(),
				     "restore",
				     "--config",
				     config,
				     "--device",
				     image->device[0],
				     "--from=" ARCHIVE,
				     path,
				     trial->attack->keep_old ? "--keep-old" : NULL,
				     NULL };
	const struct stepper stepper = {
		.argv = argv, .before_call = attack, .data = trial, .every_call = true
	};

	trial->count = 0;
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0 || result.code == 1, "%s %u: %d: %s", trial->attack->name,
		      trial->number, result.code, result.err);
	check_service(trial, result.err);
	/* what happens at the last calls happens after the fact */
	if (result.code == 0 && !trial->attack->keep_old)
		check_done(trial);
	run_free(&result);
}

START_TEST(test_attack)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *mountpoint = image_mount_subvolume(image, "root", NULL);
	BR_AUTO_FREE char *text = NULL;
	struct trial trial = { .attack = &attacks[_i], .mountpoint = mountpoint };

	/* of the calls some, others in each run; the number of one that fails is told */
	const unsigned step = run_tool_is_sanitized() ? 12 : 3;
	ck_assert(asprintf(&text, "ephemeral root { mountpoint = \"%s\" }\n", mountpoint) > 0);
	BR_AUTO_FREE char *config = server_config(text);
	BR_AUTO_FREE char *before = fingerprint(image->top, "root/outside", FINGERPRINT_IDENTITY,
						NULL);
	for (trial.number = 1 + (unsigned)getpid() % step; trial.number <= CALLS_MAX;
	     trial.number += step) {
		BR_AUTO_FREE char *dir = NULL;

		ck_assert(asprintf(&dir, "%s/srv/app%s-%u", mountpoint,
				   attacks[_i].keep_old ? "-keep" : "", trial.number) > 0);
		trial.dir = dir;
		run_trial(image, config, &trial);
		BR_AUTO_FREE char *after = fingerprint(image->top, "root/outside",
						       FINGERPRINT_IDENTITY, NULL);
		assert_same_fingerprint(before, after, attacks[_i].name);
	}
	ck_assert_uint_lt(trial.count,
			  CALLS_MAX); /* else there are some before which it never happened */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restore-hostile");
	TCase *tcase = suite_add_case(suite, "hostile", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_attack, 0, (int)(sizeof(attacks) / sizeof(attacks[0])));
	return suite_run(suite, true);
}
