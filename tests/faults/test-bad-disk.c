/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk fails during a reset: from some moment on, nothing can be read from it and nothing written
 * to it. When it works again, root is complete and the next reset brings everything into order.
 *
 * A loop device on another one: the size of the lower one is limited to nothing, and all that the upper
 * one asks for lies beyond its end. BLANKROOT_FAULTS=full in the environment: from every system call
 * on; else a spread of them.
 */
#include "cleanup.h"
#include "recorded-disk.h"
#include "server.h"
#include "servers.h"
#include "suite.h"
#include "trial.h"
#include "verdict.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define STRIDE 96 /* of the quick form */

struct bad_disk {
	int lower, upper;
};

/* Bytes; 0: all that there are. */
static void limit_size(const struct bad_disk *disk, uint64_t size)
{
	struct loop_info64 info;

	ck_assert_msg(ioctl(disk->lower, LOOP_GET_STATUS64, &info) == 0, "LOOP_GET_STATUS64: %s",
		      strerror(errno));
	info.lo_sizelimit = size;
	ck_assert_msg(ioctl(disk->lower, LOOP_SET_STATUS64, &info) == 0, "LOOP_SET_STATUS64: %s",
		      strerror(errno));
}

static void forget(const char *device)
{
	BR_AUTO_CLOSE int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = { 0 };

	snprintf(args.name, sizeof(args.name), "%s", device);
	if (control >= 0)
		(void)ioctl(control, BTRFS_IOC_FORGET_DEV, &args); /* fails when it knew nothing */
}

/* From here on the image is used through the upper device, and nobody sees the lower one. */
static void put_disk_between(struct bad_disk *disk, struct image *image)
{
	forget(image->device[0]);
	ck_assert_int_eq(unlink(image->device[0]), 0);
	disk->lower = image->loop[0];
	disk->upper = device_attach(disk->lower, image->device[0]);
	image->loop[0] = disk->upper;
}

static void restore(const struct bad_disk *disk, const struct stage *stage)
{
	/* what the kernel has of the lower device must not be written later, nor be read */
	ck_assert(ioctl(disk->upper, BLKFLSBUF, 0) == 0);
	ck_assert(ioctl(disk->lower, BLKFLSBUF, 0) == 0);
	state_restore(&stage->base, stage->image);
	ck_assert(ioctl(disk->lower, BLKFLSBUF, 0) == 0);
	ck_assert(ioctl(disk->upper, BLKFLSBUF, 0) == 0);
}

struct result {
	unsigned calls; /* of the run */
	unsigned codes[TRIAL_CODES];
};

struct trial {
	const struct stage *stage;
	const struct bad_disk *disk;
	unsigned number;       /* the disk fails from this call on, from 1; 0: it does not */
	struct result *result; /* shared */
};

static bool fail_disk(void *data, const struct stepper_call *call)
{
	const struct trial *trial = data;

	if (call->number == trial->number)
		limit_size(trial->disk, 512);
	return true;
}

static void try(void *data)
{
	const struct trial *trial = data;
	const struct image *image = trial->stage->image;
	const char *const argv[] = { run_tool_path(),
				     "--config",
				     trial->stage->expect.config,
				     "--device",
				     image->device[0],
				     "--cmdline",
				     trial->stage->expect.scenario->cmdline,
				     NULL };
	const struct stepper stepper = {
		.argv = argv, .before_call = fail_disk, .every_call = true, .data = data
	};
	struct run_result run;

	restore(trial->disk, trial->stage);
	trial->result->calls = stepper_run(&stepper, &run);
	device_wait_unused(image->device[0]);
	/* nothing that was in memory may reach a disk that had failed */
	limit_size(trial->disk, 0);
	forget(image->device[0]);
	trial->result->codes[run.code >= 0 && run.code < TRIAL_CODES ? run.code : 1]++;
	trial_check(trial->stage, &(struct trial_end){ .code = run.code, .err = run.err });
	run_free(&run);
}

START_TEST(test_bad_disk)
{
	struct stage stage;
	struct bad_disk disk;
	unsigned bad = 0, tried = 0, calls, stride = trial_is_full() ? 1 : STRIDE;
	struct trial trial = { .stage = &stage, .disk = &disk };

	trial.result = mmap(NULL, sizeof(*trial.result), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(trial.result != MAP_FAILED);
	stage_begin(&stage, &servers[_i]);
	put_disk_between(&disk, stage.image);
	ck_assert_ptr_null(verdict_of(try, &trial, stage.image));
	ck_assert_uint_eq(trial.result->codes[0], 1);
	calls = trial.result->calls;
	trial.number = 2 + (unsigned)(_i * 5 + run_tool_is_sanitized()) % stride;
	for (; trial.number <= calls; trial.number += stride) {
		BR_AUTO_FREE char *message = verdict_of(try, &trial, stage.image);

		if (message && bad++ < 10)
			printf("bad: %s: from call %u of %u on: %s\n", servers[_i].name,
			       trial.number, calls, message);
		tried++;
	}
	printf("%-12s the disk failed from %u of %u calls on, %u bad: exit 0: %u, 2: %u, 3: %u, 4: %u, 5: %u\n",
	       servers[_i].name, tried, calls, bad, trial.result->codes[0], trial.result->codes[2],
	       trial.result->codes[3], trial.result->codes[4], trial.result->codes[5]);
	(void)fflush(stdout);
	/* that it failed at all */
	ck_assert_uint_gt(trial.result->codes[4], 0);
	ck_assert_msg(bad == 0, "%u of %u were not survived", bad, tried);
	stage_end(&stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bad-disk");
	TCase *tcase = suite_add_case(suite, "bad-disk", NULL, NULL, trial_is_full() ? 3600 : 300);

	tcase_add_loop_test(tcase, test_bad_disk, 0, (int)servers_count);
	return suite_run(suite, true);
}
