/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run that ends at any moment: killed, or by a power cut. Root is always there and complete, old
 * or new; the next run brings everything into order; no old root is lost, nothing that is kept
 * either.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>

static const char config_text[] =
	"ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n"
	"\tpersist = { \"/etc/machine-id\", \"/var/lib/app\", \"/var/new/dir\" }\n"
	"\tpath \"/var/lib/vm\" {\n\t\tmethod = subvolume\n\t}\n\tpath \"/var/log\" {\n\t\tmethod "
	"= subvolume\n\t}\n}\n"
	"ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n\tpersist = { \"/kept\" "
	"}\n}\n";

static void make_more(int top)
{
	subvol_create(top, "root/var/lib/vm");
	tree_write(top, "root/var/lib/vm/disk", "image\n");
	subvol_create(top, "root/var/lib/vm/nested");
	tree_write(top, "root/var/lib/vm/nested/file", "nested\n");
	free(run_shell(
		top,
		"mkdir -p root/var/new/dir root/var/lib/machines; echo x >root/var/new/dir/file"));
	subvol_create(top, "cache");
	subvol_snapshot(top, "cache", "cache-blank", true);
	tree_write(top, "cache/drift", "cached\n");
	tree_write(top, "cache/kept", "kept\n");
}

static const char *const names[] = { "root", "cache" };
static const char *const drifts[] = { "root/usr/bin/drift", "cache/drift" };
static const char *const archives[] = { "old_roots", ".blankroot/parked" };

/* What each of them is before a run and after it, from a run that nothing disturbed. */
static char *old[2], *new[2];

static void make_server(void)
{
	server_make(128 << 20, make_more);
}

/* How often each has been swapped, and which subvolumes they were when that was counted last. */
struct swaps {
	unsigned count[2];
	uint64_t id[2];
};

static uint64_t id_of(int top, const char *path)
{
	BR_AUTO_CLOSE int fd = tree_open(top, path, false);
	struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

	ck_assert_msg(ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == 0, "%s: %s", path, strerror(errno));
	return args.treeid;
}

static struct swaps never_swapped;

static char *take_fingerprint(int top, const char *path)
{
	return fingerprint(top, path, FINGERPRINT_CONTENT | FINGERPRINT_NO_TOP, NULL);
}

static struct image *begin(void)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);

	for (size_t i = 0; i < 2; i++) {
		old[i] = take_fingerprint(image->top, names[i]);
		never_swapped.id[i] = id_of(image->top, names[i]);
	}
	server_reset_ok(image, config);
	for (size_t i = 0; i < 2; i++) {
		new[i] = take_fingerprint(image->top, names[i]);
		ck_assert_str_ne(old[i], new[i]);
	}
	image_unmount(image);
	return image;
}

/* A state of the disk, and where it comes from. */
struct moment {
	struct state state;
	char name[96];
};

static void put_back(struct image *image, const struct moment *moment)
{
	image_unmount(image);
	state_restore(&moment->state, image);
	(void)image_mount(image, NULL);
}

/* Each is there and complete, old or new. */
static void check_complete(const struct image *image, const char *when, struct swaps *swaps)
{
	for (size_t i = 0; i < 2; i++) {
		ck_assert_msg(tree_exists(image->top, names[i]), "there is no %s after %s",
			      names[i], when);
		BR_AUTO_FREE char *now = take_fingerprint(image->top, names[i]);
		bool is_new = !tree_exists(image->top, drifts[i]);
		uint64_t id = id_of(image->top, names[i]);

		assert_same_fingerprint(is_new ? new[i] : old[i], now, when);
		swaps->count[i] += id != swaps->id[i];
		swaps->id[i] = id;
	}
}

static bool is_sealed(int dirfd, const char *name)
{
	BR_AUTO_CLOSE int fd = tree_open(dirfd, name, false);
	uint64_t flags = 0;

	ck_assert_msg(ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0, "%s: %s", name,
		      strerror(errno));
	return flags & BTRFS_SUBVOL_RDONLY;
}

/*
 * The archives are one old one, and as many that were new for a while as there were swaps before.
 */
static void check_archives(const struct image *image, size_t i, unsigned swapped, const char *when)
{
	BR_AUTO_CLOSE int place = tree_open(image->top, archives[i], false);
	BR_AUTO_DIR DIR *dir = fdopendir(fcntl(place, F_DUPFD_CLOEXEC, 3));
	const struct dirent *entry;
	unsigned count = 0, olds = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		BR_AUTO_FREE char *archive = take_fingerprint(place, entry->d_name);
		bool is_old = strcmp(archive, old[i]) == 0;
		if (!is_old)
			assert_same_fingerprint(new[i], archive, when);
		ck_assert_msg(is_sealed(place, entry->d_name), "%s is not read-only after %s",
			      entry->d_name, when);
		olds += is_old;
		count++;
	}
	ck_assert_msg(olds == 1, "the old %s is there %u times after %s", names[i], olds, when);
	ck_assert_msg(count == swapped + 1, "%u archives of %s after %s", count, names[i], when);
}

static unsigned count_entries(int dirfd, const char *path)
{
	BR_AUTO_DIR DIR *dir = fdopendir(tree_open(dirfd, path, false));
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	return count - 2; /* "." and ".." */
}

/* The next run puts everything into order. */
static void check_next_run(struct image *image, const struct swaps *swaps, const char *when)
{
	BR_AUTO_FREE char *config = server_config(config_text);
	struct reset_result result;

	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 0,
		      "exit %d after %s: %s", result.code, when, result.run.err);
	reset_free(&result);
	for (size_t i = 0; i < 2; i++) {
		BR_AUTO_FREE char *now = take_fingerprint(image->top, names[i]);

		assert_same_fingerprint(new[i], now, when);
		check_archives(image, i, swaps->count[i], when);
	}
	ck_assert_msg(count_entries(image->top, ".blankroot") == 1,
		      "more than parked is in .blankroot after %s", when);
	ck_assert_msg(count_entries(image->top, ".") == 8,
		      "the top level has other entries after %s", when);
	BR_AUTO_FREE char *precious = tree_read(image->top, "persist/precious");
	ck_assert_str_eq(precious, "never touched\n");
}

static void check_moment(struct image *image, const struct moment *moment,
			 const struct swaps *before)
{
	struct swaps swaps = *before;

	put_back(image, moment);
	check_complete(image, moment->name, &swaps);
	check_next_run(image, &swaps, moment->name);
}

/* --- power cuts --- */

/*
 * With a commit, the kernel has just ended a transaction, as it may at any time: all metadata has reached the disk, but
 * no file data.
 */
enum cut { CUT, CUT_COMMITTED };

#define MOMENTS_MAX 1000

struct recorder {
	const struct image *image;
	enum cut cut;
	struct moment *moments;
	size_t count;
	unsigned calls;
};

/* Moments between which nothing was written are one, which has the name of the last. */
static bool record_moment(void *data, const struct stepper_call *call)
{
	struct recorder *recorder = data;
	struct moment *moment = &recorder->moments[recorder->count];

	ck_assert_uint_lt(recorder->count, MOMENTS_MAX);
	recorder->calls++;
	if (recorder->cut == CUT_COMMITTED)
		(void)stepper_commit(call->pid);
	state_save(&moment->state, recorder->image);
	if (recorder->count > 0 && state_equals(&moment->state, &moment[-1].state)) {
		state_free(&moment->state);
		moment--;
	} else {
		recorder->count++;
	}
	snprintf(moment->name, sizeof(moment->name), "a power cut before call %u, %s", call->number,
		 call->name);
	return true;
}

/* Of what is tried one by one, so many are left out where the sanitizers make it slow. */
static unsigned stride(unsigned usual)
{
	return run_tool_is_sanitized() ? usual * 3 : usual;
}

/* Run on the unmounted image, and record. The caller frees the moments. */
static void record(const struct image *image, enum cut cut, struct recorder *recorder)
{
	BR_AUTO_FREE char *config = server_config(config_text);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	const struct stepper stepper = { .argv = argv,
					 .before_call = record_moment,
					 .data = recorder };
	struct run_result result;

	*recorder = (struct recorder){ .image = image,
				       .cut = cut,
				       .moments = calloc(MOMENTS_MAX, sizeof(struct moment)) };
	ck_assert_ptr_nonnull(recorder->moments);
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	run_free(&result);
}

static void free_moments(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->count; i++)
		state_free(&recorder->moments[i].state);
	free(recorder->moments);
}

START_TEST(test_power_cut)
{
	struct image *image = begin();
	struct recorder recorder;

	state_restore(server_state(), image);
	record(image, (enum cut)_i, &recorder);
	/* a run that changed nothing would prove nothing */
	ck_assert_uint_gt(recorder.calls, 60);
	ck_assert_uint_gt(recorder.count, _i == CUT ? 4 : 60);
	for (size_t i = 0; i < recorder.count; i += stride(1))
		check_moment(image, &recorder.moments[i], &never_swapped);
	free_moments(&recorder);
}
END_TEST

/* And once more, while the next run clears up after the first cut. */
START_TEST(test_power_cut_while_clearing_up)
{
	struct image *image = begin();
	struct recorder first, second;
	size_t kinds = 0;

	state_restore(server_state(), image);
	record(image, CUT_COMMITTED, &first);
	for (size_t i = 0; i < first.count; i++) {
		struct swaps swaps = never_swapped;

		/* everything is prepared, one is swapped, both are, one is archived */
		if (!strstr(first.moments[i].name, "renameat2"))
			continue;
		put_back(image, &first.moments[i]);
		check_complete(image, first.moments[i].name, &swaps);
		image_unmount(image);
		record(image, CUT_COMMITTED, &second);
		for (size_t k = kinds++; k < second.count; k += stride(4))
			check_moment(image, &second.moments[k], &swaps);
		free_moments(&second);
	}
	ck_assert_uint_eq(kinds, 4);
	free_moments(&first);
}
END_TEST

/* --- killed, while the machine runs on --- */

static bool kill_before(void *data, const struct stepper_call *call)
{
	const unsigned *number = data;

	return call->number < *number;
}

/*
 * Killed before each call in turn: what it had done reaches the disk. A quarter of them in each
 * test.
 */
START_TEST(test_killed)
{
	struct image *image = begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	unsigned number, killed = 0;
	const struct stepper stepper = { .argv = argv,
					 .before_call = kill_before,
					 .data = &number };
	int code = 137;

	for (number = 1 + (unsigned)_i; code == 137; number += stride(4)) {
		struct swaps swaps = never_swapped;
		struct run_result result;
		char when[64];

		image_unmount(image);
		state_restore(server_state(), image);
		(void)stepper_run(&stepper, &result);
		code = result.code;
		ck_assert_msg(code == 137 || code == 0, "exit %d: %s", code, result.err);
		snprintf(when, sizeof(when), "it was killed before call %u", number);
		run_free(&result);
		(void)image_mount(image, NULL);
		check_complete(image, when, &swaps);
		check_next_run(image, &swaps, when);
		killed += code == 137;
	}
	ck_assert_uint_gt(killed * stride(1), 15);
}
END_TEST

/* --- calls that fail --- */

struct failing {
	const char *call;
	unsigned stride; /* every so many of them is tried */
};

static const struct failing failings[] = {
	{ "ioctl", 5 },    { "openat2", 4 },    { "openat", 5 },    { "renameat2", 1 },
	{ "syncfs", 1 },   { "mkdirat", 2 },    { "fgetxattr", 3 }, { "fsetxattr", 1 },
	{ "unlinkat", 1 }, { "getdents64", 4 },
};

/* A run that something went wrong in says so, and has done all or nothing. */
static void check_failed_run(const struct image *image, const struct reset_result *result,
			     const char *before, const char *when, struct swaps *swaps)
{
	bool is_new = result->code == 0 || result->code == 5;

	/* 2: the configuration could not be read */
	ck_assert_msg(is_new || (result->code >= 2 && result->code <= 4), "exit %d after %s: %s",
		      result->code, when, result->run.err);
	ck_assert_msg(!strstr(result->run.err, "NOT RESET: ") == is_new, "exit %d after %s: %s",
		      result->code, when, result->run.err);
	check_complete(image, when, swaps);
	ck_assert_msg(swaps->count[0] == is_new && swaps->count[1] == is_new,
		      "exit %d, but swapped: %u, %u after %s", result->code, swaps->count[0],
		      swaps->count[1], when);
	if (!is_new) {
		BR_AUTO_FREE char *after = server_fingerprint(image);

		assert_same_fingerprint(before, after, when);
	}
}

/* The n-th call fails. Returns false when there are fewer. */
static bool fail_call(struct image *image, const char *config, const char *call, unsigned n)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *trace = NULL;
	BR_AUTO_FREE char *when = NULL;
	struct swaps swaps = never_swapped;
	struct reset_result result;

	ck_assert(asprintf(&trace, "%s/trace", dir) > 0);
	ck_assert(asprintf(&when, "%s:error=EIO:when=%u", call, n) > 0);
	image_unmount(image);
	state_restore(server_state(), image);
	(void)image_mount(image, NULL);
	BR_AUTO_FREE char *before = server_fingerprint(image);
	(void)server_reset(image, &(struct reset){ config, .fault = when, .trace = trace },
			   &result);
	BR_AUTO_FREE char *injected = run_shell(0, "grep -c INJECTED '%s' || :", trace);
	if (atoi(injected) > 0) {
		check_failed_run(image, &result, before, when, &swaps);
		check_next_run(image, &swaps, when);
	}
	reset_free(&result);
	return atoi(injected) > 0;
}

/* Not the same ones for each flavour of the program. */
START_TEST(test_failing_call)
{
	const struct failing *failing = &failings[_i];
	struct image *image = begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	unsigned first = run_tool_is_sanitized() && failing->stride > 1 ? 2 : 1;
	unsigned n = first;

	while (fail_call(image, config, failing->call, n))
		n += stride(failing->stride);
	ck_assert_uint_gt(n, first);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("leftovers");
	TCase *tcase = suite_add_case(suite, "leftovers", make_server, server_drop, 600);

	tcase_add_loop_test(tcase, test_power_cut, CUT, CUT_COMMITTED + 1);
	tcase_add_test(tcase, test_power_cut_while_clearing_up);
	tcase_add_loop_test(tcase, test_killed, 0, 4);
	tcase_add_loop_test(tcase, test_failing_call, 0, sizeof(failings) / sizeof(failings[0]));
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
