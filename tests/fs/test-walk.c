/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stack of directories behind copying and removing, mostly with two open levels: all others are evicted. */
#include "cleanup.h"
#include "image.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define BATCH_NAME_LENGTH 200 /* so that a buffer of the walk holds some 140 entries */

static struct image *image;
static int top = -1;

static void make_image(void)
{
	image = image_create(NULL);
	top = image_mount(image, NULL);
}

static void drop_image(void)
{
	image_free(image);
}

static const char *message_of(const struct br_error *err)
{
	static char message[2048];

	br_error_format(err, message, sizeof(message));
	return message;
}

static void push(struct br_walk *walk, int parent, const char *name, int copy)
{
	struct br_error err;

	ck_assert_msg(br_walk_push(walk, name, tree_open(parent, name, false), copy, &err) == 0,
		      "%s", message_of(&err));
}

static void pop(struct br_walk *walk)
{
	struct br_error err;

	ck_assert_msg(br_walk_pop(walk, &err) == 0, "%s", message_of(&err));
}

static void begin(struct br_walk *walk, unsigned open_max)
{
	struct br_error err;

	ck_assert_int_eq(br_walk_init(walk, open_max, &err), 0);
}

static void long_name(char *name, unsigned number)
{
	int length = snprintf(name, NAME_MAX, "%05u-", number);

	memset(name + length, 'x', (size_t)(BATCH_NAME_LENGTH - length));
	name[BATCH_NAME_LENGTH] = '\0';
}

/* Every third of the entries is a directory with others inside one another below it. */
static void make_batch(int dir, unsigned count, unsigned depth)
{
	char name[NAME_MAX];

	for (unsigned i = 0; i < count; i++) {
		long_name(name, i);
		if (i % 3 != 0) {
			tree_write(dir, name, "");
			continue;
		}
		BR_AUTO_CLOSE int sub = tree_mkdir(dir, name);
		tree_make_deep(sub, "d", depth);
	}
}

struct seen {
	unsigned char batch[3000];
	unsigned leaves, directories;
};

static void note(struct seen *seen, const struct br_walk *walk, const struct br_walk_entry *entry)
{
	if (br_walk_depth(walk) == 1)
		seen->batch[strtoul(entry->name, NULL, 10)]++;
	seen->directories += entry->type == DT_DIR;
	if (strcmp(entry->name, "leaf") == 0) {
		ck_assert_int_eq(entry->type, DT_REG);
		seen->leaves++;
	}
}

static void walk_all(struct br_walk *walk, struct seen *seen)
{
	struct br_walk_entry entry;
	struct br_error err;
	int r;

	while (br_walk_depth(walk) > 0) {
		r = br_walk_next(walk, &entry, &err);
		ck_assert_msg(r >= 0, "%s", message_of(&err));
		if (r == 0) {
			pop(walk);
			continue;
		}
		note(seen, walk, &entry);
		if (entry.type == DT_DIR)
			push(walk, br_walk_fd(walk, BR_WALK_SOURCE), entry.name, -1);
	}
}

/* A directory whose reading is interrupted at every third entry goes on where it was, to the end. */
START_TEST(test_resumes_evicted_directories)
{
	static const unsigned open_max[] = { 2, 3, 5, 0 };
	static struct seen seen;
	struct br_walk walk;

	BR_AUTO_CLOSE int dir = tree_mkdir(top, "batch");
	make_batch(dir, 3000, 5);
	for (size_t i = 0; i < sizeof(open_max) / sizeof(open_max[0]); i++) {
		memset(&seen, 0, sizeof(seen));
		begin(&walk, open_max[i]);
		push(&walk, top, "batch", -1);
		walk_all(&walk, &seen);
		br_walk_free(&walk);
		for (size_t n = 0; n < sizeof(seen.batch); n++)
			ck_assert_msg(seen.batch[n] == 1, "entry %zu seen %d times", n,
				      seen.batch[n]);
		ck_assert_uint_eq(seen.leaves, 1000);
		ck_assert_uint_eq(seen.directories, 1000 * 6);
	}
}
END_TEST

/* What was read of a directory that is left before its end is not handed out as that of another one. */
START_TEST(test_leaving_early)
{
	static const char *const name[] = { "early", "x", "a", "b" };
	struct br_walk_entry entry;
	struct br_error err;
	struct br_walk walk;

	run_ok(top, "mkdir", "-p", "early/x/a/b");
	run_ok(top, "touch", "early/x/a/b/of-b-1", "early/x/a/b/of-b-2", "early/x/of-x");
	begin(&walk, 2);
	push(&walk, top, name[0], -1);
	for (int i = 1; i < 4; i++)
		push(&walk, br_walk_fd(&walk, BR_WALK_SOURCE), name[i], -1);
	ck_assert_int_eq(br_walk_next(&walk, &entry, &err), 1);
	pop(&walk);
	pop(&walk);
	ck_assert_str_eq(br_walk_path(&walk), "early/x");
	ck_assert_int_eq(br_walk_next(&walk, &entry, &err), 1);
	ck_assert_str_eq(entry.name, "a");
	ck_assert_int_eq(br_walk_next(&walk, &entry, &err), 1);
	ck_assert_str_eq(entry.name, "of-x");
	ck_assert_int_eq(br_walk_next(&walk, &entry, &err), 0);
	br_walk_free(&walk);
}
END_TEST

static unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

/* Both sides are opened again in step, and are those that they were. */
START_TEST(test_two_sides)
{
	unsigned before, depth = 100;
	struct br_walk walk;
	struct stat st;
	ino_t ino[2][101];

	for (int side = 0; side < 2; side++) {
		BR_AUTO_CLOSE int dir = tree_mkdir(top, side ? "copy" : "source");
		tree_make_deep(dir, "level", depth);
	}
	before = count_descriptors();
	begin(&walk, 4);
	push(&walk, top, "source", tree_open(top, "copy", false));
	for (unsigned i = 0;; i++) {
		for (int side = 0; side < 2; side++) {
			ck_assert(fstat(br_walk_fd(&walk, side), &st) == 0);
			ino[side][i] = st.st_ino;
		}
		if (i == depth)
			break;
		push(&walk, br_walk_fd(&walk, BR_WALK_SOURCE), "level",
		     tree_open(br_walk_fd(&walk, BR_WALK_COPY), "level", false));
		ck_assert_uint_le(count_descriptors(), before + 8);
	}
	for (unsigned i = depth + 1; i-- > 0; pop(&walk))
		for (int side = 0; side < 2; side++) {
			ck_assert(fstat(br_walk_fd(&walk, side), &st) == 0);
			ck_assert_uint_eq(st.st_ino, ino[side][i]);
		}
	br_walk_free(&walk);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

/* A directory that was moved away meanwhile must not lead the walk to its new parent. */
START_TEST(test_notices_moved_directories)
{
	static const char *const name[] = { "moved", "a", "b", "c" };
	struct br_error err;
	struct br_walk walk;

	run_ok(top, "mkdir", "-p", "moved/a/b/c", "elsewhere");
	begin(&walk, 2);
	push(&walk, top, name[0], -1);
	for (int i = 1; i < 4; i++)
		push(&walk, br_walk_fd(&walk, BR_WALK_SOURCE), name[i], -1);
	run_ok(top, "mv", "moved/a/b", "elsewhere");
	pop(&walk);
	ck_assert_int_eq(br_walk_pop(&walk, &err), BR_ERR_OPEN);
	ck_assert_int_eq(err.sys_errno, ESTALE);
	ck_assert_str_eq(err.path, "moved/a/b");
	br_walk_free(&walk);
}
END_TEST

START_TEST(test_paths)
{
	char name[NAME_MAX + 1];
	struct br_walk walk;

	memset(name, 'p', NAME_MAX);
	name[NAME_MAX] = '\0';
	BR_AUTO_CLOSE int dir = tree_mkdir(top, "paths");
	tree_make_deep(dir, name, 40);
	begin(&walk, 2);
	ck_assert_str_eq(br_walk_path(&walk), "");
	push(&walk, top, "paths", -1);
	ck_assert_str_eq(br_walk_name(&walk), "paths");
	for (size_t i = 1; i <= 40; i++) {
		push(&walk, br_walk_fd(&walk, BR_WALK_SOURCE), name, -1);
		ck_assert_uint_eq(strlen(br_walk_path(&walk)), strlen("paths") + i * 256);
		ck_assert_str_eq(br_walk_name(&walk), name);
	}
	for (size_t i = 0; i < 39; i++)
		pop(&walk);
	ck_assert_uint_eq(strlen(br_walk_path(&walk)), strlen("paths") + 256);
	pop(&walk);
	ck_assert_str_eq(br_walk_path(&walk), "paths");
	pop(&walk);
	ck_assert_str_eq(br_walk_path(&walk), "");
	ck_assert_int_eq(br_walk_fd(&walk, BR_WALK_SOURCE), -1);
	br_walk_free(&walk);
}
END_TEST

/* What is refused is closed, and the walk is where it was. */
START_TEST(test_refusals)
{
	struct br_error err;
	struct br_walk walk;
	int fd;

	run_ok(top, "mkdir", "refusals");
	run_ok(top, "touch", "refusals/file");
	run_ok(top, "btrfs", "-q", "subvolume", "create", "refusals/subvolume");
	begin(&walk, 2);
	push(&walk, top, "refusals", -1);
	fd = tree_open(top, "refusals/subvolume", false);
	ck_assert_int_eq(br_walk_push(&walk, "subvolume", fd, -1, &err), BR_ERR_TYPE);
	ck_assert_str_eq(err.path, "subvolume");
	ck_assert(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	fd = tree_open(top, "refusals/file", false);
	ck_assert_int_eq(br_walk_push(&walk, "file", fd, -1, &err), BR_ERR_TYPE);
	ck_assert_int_eq(br_walk_push(&walk, "closed", fd, -1, &err), BR_ERR_STAT);
	ck_assert_uint_eq(br_walk_depth(&walk), 1);
	ck_assert_str_eq(br_walk_path(&walk), "refusals");
	br_walk_free(&walk);
}
END_TEST

START_TEST(test_plain_names)
{
	static const char *const plain[] = { "a", "...", "..a", ".a", " ", "\n", "-" };
	static const char *const other[] = { "", ".", "..", "/", "a/b", "a/", "/a" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		ck_assert_msg(br_walk_is_plain(plain[i]), "\"%s\"", plain[i]);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		ck_assert_msg(!br_walk_is_plain(other[i]), "\"%s\"", other[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = suite_add_case(suite, "walk", make_image, drop_image, 120);

	tcase_add_test(tcase, test_resumes_evicted_directories);
	tcase_add_test(tcase, test_leaving_early);
	tcase_add_test(tcase, test_two_sides);
	tcase_add_test(tcase, test_notices_moved_directories);
	tcase_add_test(tcase, test_paths);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_plain_names);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
