/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever gets killed or stopped while a file system is mounted from a recorded disk: everything ends,
 * nothing waits for ever, and btrfs works on.
 */
#include "campaign.h"
#include "cleanup.h"
#include "disk.h"
#include "recorded-disk.h"
#include "server.h"
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SIZE (256ULL << 20)
#define LIMIT 60 /* seconds until all has ended */
#define SIGNALS_MAX 6
#define FAILED 3 /* exit status of a client whose disk failed */
#define NONE (-1)

enum target { CLIENT, RECORDER, GUARDIAN, TARGETS };

struct accident {
	const char *name;
	struct {
		int signal; /* 0: no more */
		enum target to;
	} signals[SIGNALS_MAX];
	bool is_early;       /* the client may be about to start */
	bool is_finished;    /* the client is told to end */
	unsigned seconds;    /* that the disk may last */
	int status[TARGETS]; /* as waitpid tells; NONE: whatever */
};

#define EXITED(code) ((code) << 8)

static const struct accident accidents[] = {
	{ "nothing", { { 0, CLIENT } }, false, true, LIMIT, { 0, NONE, 0 } },
	{ "client", { { SIGKILL, CLIENT } }, false, false, LIMIT, { SIGKILL, 0, 0 } },
	{ "client, any time",
	  { { SIGKILL, CLIENT } },
	  true,
	  false,
	  LIMIT,
	  { SIGKILL, NONE, NONE } },
	{ "recorder", { { SIGKILL, RECORDER } }, false, false, LIMIT, { EXITED(FAILED), NONE, 0 } },
	{ "client, recorder",
	  { { SIGKILL, CLIENT }, { SIGKILL, RECORDER } },
	  false,
	  false,
	  LIMIT,
	  { SIGKILL, NONE, 0 } },
	{ "recorder, client",
	  { { SIGKILL, RECORDER }, { SIGKILL, CLIENT } },
	  false,
	  false,
	  LIMIT,
	  { NONE, NONE, 0 } },
	/* the recorder fails if its connection is aborted before it is unmounted (ECONNABORTED) */
	{ "guardian, client",
	  { { SIGKILL, GUARDIAN }, { SIGKILL, CLIENT } },
	  false,
	  false,
	  LIMIT,
	  { SIGKILL, NONE, SIGKILL } },
	{ "all",
	  { { SIGKILL, GUARDIAN }, { SIGKILL, RECORDER }, { SIGKILL, CLIENT } },
	  false,
	  false,
	  LIMIT,
	  { NONE, NONE, SIGKILL } },
	{ "all, the other way",
	  { { SIGKILL, CLIENT }, { SIGKILL, RECORDER }, { SIGKILL, GUARDIAN } },
	  false,
	  false,
	  LIMIT,
	  { SIGKILL, NONE, NONE } },
	{ "a terminal, the end of a service",
	  { { SIGHUP, RECORDER },
	    { SIGINT, RECORDER },
	    { SIGTERM, RECORDER },
	    { SIGHUP, GUARDIAN },
	    { SIGINT, GUARDIAN },
	    { SIGTERM, GUARDIAN } },
	  false,
	  true,
	  LIMIT,
	  { 0, NONE, 0 } },
	{ "a recorder that does not answer",
	  { { SIGSTOP, RECORDER } },
	  false,
	  false,
	  5,
	  { EXITED(FAILED), NONE, 0 } },
	{ "the same, client",
	  { { SIGSTOP, RECORDER }, { SIGKILL, CLIENT } },
	  false,
	  false,
	  5,
	  { SIGKILL, SIGKILL, 0 } },
};

/* What client and test both see. */
struct view {
	volatile bool is_ready, is_finished;
	char device[24];
	pid_t pid[TARGETS];
};

static struct view *view;

static void set_up(void)
{
	view = mmap(NULL, sizeof(*view), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(view != MAP_FAILED);
}

/* The only one of a process. */
static pid_t child_of(pid_t pid)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FILE FILE *file = NULL;
	int child = 0;

	ck_assert(asprintf(&path, "/proc/%d/task/%d/children", (int)pid, (int)pid) > 0);
	file = fopen(path, "re");
	ck_assert_msg(file && fscanf(file, "%d", &child) == 1, "%s", path);
	return child;
}

/* Returns false when the disk has failed. */
static bool write_and_sync(int top, unsigned round)
{
	static char data[1 << 16];
	char name[16];

	memset(data, (int)round, sizeof(data));
	snprintf(name, sizeof(name), "busy-%u", round % 8);
	BR_AUTO_CLOSE int fd = openat(top, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd >= 0 && write(fd, data, sizeof(data)) == (ssize_t)sizeof(data) &&
	       (round % 4 != 0 ? fsync(fd) : syncfs(fd)) == 0;
}

static bool use_disk(const char *dir)
{
	BR_AUTO_CLOSE int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert(top >= 0);
	view->is_ready = true;
	for (unsigned round = 0; !view->is_finished; round++) {
		if (!write_and_sync(top, round))
			return false;
	}
	return true;
}

/* A process group of its own, as the runner of tests gives one, is what gets killed. */
static void be_client(const struct image *image, unsigned seconds)
{
	struct recorded_disk disk;

	ck_assert_int_eq(setpgid(0, 0), 0);
	image_private_mounts();
	BR_AUTO_FREE char *dir = image_scratch_dir();
	recorded_disk_start(&disk, image, seconds);
	view->pid[RECORDER] = disk.recorder;
	view->pid[GUARDIAN] = child_of(disk.recorder);
	strcpy(view->device, disk.device);
	ck_assert_msg(mount(disk.device, dir, "btrfs", MS_NOATIME, "subvolid=5") == 0, "mount: %s",
		      strerror(errno));
	bool is_good = use_disk(dir);
	ck_assert_msg(umount2(dir, 0) == 0, "umount: %s", strerror(errno));
	if (!is_good)
		_exit(FAILED);
	recorded_disk_stop(&disk);
	_exit(0);
}

static void wait_until_ready(void)
{
	for (unsigned ms = 0; !view->is_ready; ms += 5) {
		ck_assert_msg(ms < LIMIT * 1000, "the client does not begin");
		ck_assert_msg(waitpid(view->pid[CLIENT], NULL, WNOHANG) == 0, "the client ended");
		(void)usleep(5000);
	}
}

static void strike(const struct accident *accident, uint64_t random)
{
	if (!accident->is_early)
		wait_until_ready();
	(void)usleep((unsigned)(random % 300000));
	for (size_t i = 0; i < SIGNALS_MAX && accident->signals[i].signal != 0; i++) {
		enum target to = accident->signals[i].to;
		pid_t pid = to == CLIENT ? -view->pid[to] : view->pid[to];

		ck_assert_int_gt(view->pid[to], 0);
		/* the earlier ones may have ended it, or it has no group yet */
		if (kill(pid, accident->signals[i].signal) != 0)
			(void)kill(view->pid[to], accident->signals[i].signal);
	}
	view->is_finished = accident->is_finished;
}

/* All are our children when their parents have ended. */
static void wait_for_all(const struct accident *accident)
{
	int status;
	pid_t pid;

	for (unsigned ms = 0; (pid = waitpid(-1, &status, WNOHANG)) >= 0; ms += pid ? 0 : 5) {
		ck_assert_msg(ms < LIMIT * 1000, "%s: not everything ends", accident->name);
		for (int i = 0; i < TARGETS; i++)
			ck_assert_msg(
				pid == 0 || pid != view->pid[i] || accident->status[i] == NONE ||
					accident->status[i] == status,
				"%s: process %d ends with %x", accident->name, i, (unsigned)status);
		if (pid == 0)
			(void)usleep(5000);
	}
	ck_assert_int_eq(errno, ECHILD);
}

static void check_detached(void)
{
	BR_AUTO_FREE char *path = NULL;
	unsigned ms;

	if (!*view->device)
		return;
	ck_assert(asprintf(&path, "/sys/block/%s/loop", view->device + strlen("/dev/")) > 0);
	for (ms = 0; access(path, F_OK) == 0 && ms < LIMIT * 1000; ms += 5)
		(void)usleep(5000);
	ck_assert_msg(ms < LIMIT * 1000, "%s stays attached", view->device);
}

static size_t moments(void)
{
	return campaign_is_full() ? 12 : 1;
}

START_TEST(test_accident)
{
	const struct accident *accident = &accidents[(size_t)_i / moments()];
	struct image *image;

	server_make(SIZE, NULL);
	image = server_begin();
	image_unmount(image);
	/* a copy of the disk that could be mounted instead */
	ck_assert_int_eq(unlink(image->device[0]), 0);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	*view = (struct view){ .is_ready = false };
	pid_t client = fork();
	ck_assert(client >= 0);
	if (client == 0)
		be_client(image, accident->seconds);
	view->pid[CLIENT] = client;
	strike(accident, cut_random(campaign_seed(), (uint64_t)_i));
	wait_for_all(accident);
	check_detached();
	/* one that is still mounted could not be mounted again */
	disk_show(image->device[0]);
	state_restore(server_state(), image);
	(void)image_mount(image, NULL);
	image_unmount(image);
	server_drop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crash-recorder");
	TCase *tcase = suite_add_case(suite, "accidents", set_up, NULL, 180);

	(void)campaign_seed(); /* one for all tests */
	tcase_add_loop_test(tcase, test_accident, 0,
			    (int)(sizeof(accidents) / sizeof(accidents[0]) * moments()));
	return recorded_disk_suite_run(suite);
}
