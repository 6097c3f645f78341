/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept on the file system from one run to the next: records, marks, the request; and what a cut leaves of it. */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "name.h"
#include "record.h"
#include "request.h"
#include "state.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct image *image;
static struct state empty;
static const uint8_t uuid[BR_UUID_SIZE] = { 0, 1, 9, 10, 15, 16, 0x7f, 0x80, 0xff };
static const uint8_t other_uuid[BR_UUID_SIZE] = { 0xab };

static void make_image(void)
{
	image = image_create(&(struct image_options){ .size = 128ULL << 20 });
	state_save(&empty, image);
}

static void drop_image(void)
{
	state_free(&empty);
	image_free(image);
}

/* A file system with .blankroot, which is returned open. */
static int begin(void)
{
	image_private_mounts();
	state_restore(&empty, image);
	(void)image_mount(image, NULL);
	return tree_mkdir(image->top, BR_STATE_DIR);
}

static void assert_record(int state, const char *escaped, const uint8_t *expected,
			  const char *archive)
{
	struct br_record record = { 0 };
	struct br_error err = { 0 };

	ck_assert_msg(br_record_read(state, escaped, &record, &err) == 0, "%s", err.text);
	ck_assert_int_eq(record.exists, expected != NULL);
	if (expected) {
		ck_assert_mem_eq(record.uuid, expected, BR_UUID_SIZE);
		ck_assert_str_eq(record.archive, archive);
	} else {
		ck_assert_ptr_null(record.archive);
	}
	br_record_free(&record);
	ck_assert_ptr_null(record.archive);
}

static void write_record(int state, const char *escaped, const uint8_t *which, const char *archive)
{
	struct br_error err = { 0 };

	ck_assert_msg(br_record_write(state, escaped, which, archive, &err) == 0, "%s", err.text);
}

START_TEST(test_record)
{
	BR_AUTO_CLOSE int state = begin();

	assert_record(state, "root", NULL, NULL);
	write_record(state, "root", uuid, "old_roots/root.1");
	write_record(state, "srv%2Fcache", other_uuid, "old roots/\xff\n");
	assert_record(state, "root", uuid, "old_roots/root.1");
	assert_record(state, "srv%2Fcache", other_uuid, "old roots/\xff\n");
	assert_record(state, "roo", NULL, NULL);
	assert_record(state, "root2", NULL, NULL);
	write_record(state, "root", other_uuid, "x");
	assert_record(state, "root", other_uuid, "x");
	assert_record(-1, "root", NULL, NULL);
}
END_TEST

/* As far as names may go. */
START_TEST(test_long_record)
{
	BR_AUTO_CLOSE int state = begin();
	char name[BR_NAME_MAX + 1], archive[3001];

	memset(name, 'n', sizeof(name) - 1);
	memset(archive, 'a', sizeof(archive) - 1);
	name[sizeof(name) - 1] = archive[sizeof(archive) - 1] = '\0';
	write_record(state, name, uuid, archive);
	assert_record(state, name, uuid, archive);
}
END_TEST

#define HEX        \
	"000109"   \
	"0a0f107f" \
	"80ff0000" \
	"0000000000"

static const struct {
	const char *text;
	bool is_record;
} texts[] = {
	{ HEX " a", true },
	{ HEX " a b", true },
	{ "", false },
	{ "x", false },
	{ HEX, false },
	{ HEX "\t", false },
	{ HEX "a", false },
	{ HEX "0 a", false },
	{ "00" HEX " a", false },
	{ " " HEX " a", false },
	{ "0x0109"
	  "0a0f107f"
	  "80ff0000"
	  "0000000000 a",
	  false },
	{ "000109"
	  "0A0F107F"
	  "80FF0000"
	  "0000000000 a",
	  false },
	{ "+00109"
	  "0a0f107f"
	  "80ff0000"
	  "0000000000 a",
	  false },
	{ " 00109"
	  "0a0f107f"
	  "80ff0000"
	  "0000000000 a",
	  false },
	{ "000109"
	  "0a0f107f"
	  "80ff0000"
	  "000000000g a",
	  false },
};

/* Half a record is none. */
START_TEST(test_malformed_record)
{
	BR_AUTO_CLOSE int state = begin();

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct br_record record = { 0 };
		struct br_error err = { 0 };

		tree_set_xattr(image->top, BR_STATE_DIR, BR_XATTR_OLD "root", texts[i].text,
			       strlen(texts[i].text));
		ck_assert_int_eq(br_record_read(state, "root", &record, &err), 0);
		ck_assert_msg(record.exists == texts[i].is_record, "'%s'", texts[i].text);
		br_record_free(&record);
	}
}
END_TEST

/* Longer than any that was written, and with a NUL inside: none, or what stands before it. */
START_TEST(test_foreign_record)
{
	BR_AUTO_CLOSE int state = begin();
	char text[8000];

	memset(text, 'a', sizeof(text));
	memcpy(text, HEX " ", strlen(HEX " "));
	tree_set_xattr(image->top, BR_STATE_DIR, BR_XATTR_OLD "root", text, sizeof(text));
	assert_record(state, "root", NULL, NULL);
	text[40] = '\0';
	tree_set_xattr(image->top, BR_STATE_DIR, BR_XATTR_OLD "root", text, 100);
	assert_record(state, "root", uuid, "aaaaaaa");
}
END_TEST

/* It belongs to the transaction that follows: with a commit it is on the disk, file data flushed or not. */
START_TEST(test_record_after_a_cut)
{
	BR_AUTO_CLOSE int state = begin();
	struct state cut;

	write_record(state, "root", uuid, "old_roots/root.1");
	subvol_create(image->top, "subvolume");
	free(run_checked(image->top,
			 (const char *const[]){ "btrfs", "filesystem", "sync", ".", NULL }));
	state_save(&cut, image);
	(void)close(br_take_fd(&state));
	image_unmount(image);
	state_restore(&cut, image);
	state_free(&cut);
	(void)image_mount(image, NULL);
	ck_assert(subvol_exists(image->top, "subvolume"));
	BR_AUTO_CLOSE int again = tree_open(image->top, BR_STATE_DIR, false);
	assert_record(again, "root", uuid, "old_roots/root.1");
}
END_TEST

static char *text_of(int fd, const char *name)
{
	char *text = calloc(1, 100);

	ck_assert_ptr_nonnull(text);
	if (fgetxattr(fd, name, text, 99) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static const struct {
	time_t when;
	const char *text;
} times[] = {
	{ 0, "0" },
	{ 1795460701, "1795460701" },
	{ -1, "-1" },
	{ INT64_MAX, "9223372036854775807" },
};

START_TEST(test_retired)
{
	struct br_error err = { 0 };

	(void)close(begin());
	subvol_create(image->top, "old");
	BR_AUTO_CLOSE int old = tree_open(image->top, "old", false);
	for (size_t i = 0; i < COUNT(times); i++) {
		ck_assert_int_eq(br_record_set_retired(old, times[i].when, &err), 0);
		BR_AUTO_FREE char *text = text_of(old, "trusted.blankroot.retired");
		ck_assert_str_eq(text, times[i].text);
		ck_assert_int_eq(br_record_set_good(old, times[i].when, &err), 0);
		BR_AUTO_FREE char *good = text_of(old, "trusted.blankroot.good");
		ck_assert_str_eq(good, times[i].text);
	}
}
END_TEST

START_TEST(test_marks)
{
	struct br_error err = { 0 };

	(void)close(begin());
	subvol_create(image->top, "old");
	BR_AUTO_CLOSE int old = tree_open(image->top, "old", false);
	ck_assert(br_record_get_mark(old, BR_XATTR_GOOD) == BR_MARK_ABSENT &&
		  br_record_get_mark(old, BR_XATTR_PINNED) == BR_MARK_ABSENT);
	ck_assert_int_eq(br_record_clear_marks(old, &err), 0);
	tree_set_xattr(image->top, "old", "trusted.blankroot.good", "", 0);
	ck_assert(br_record_get_mark(old, BR_XATTR_GOOD) == BR_MARK_PRESENT &&
		  br_record_get_mark(old, BR_XATTR_PINNED) == BR_MARK_ABSENT);
	tree_set_xattr(image->top, "old", "trusted.blankroot.pinned", "yes", 3);
	tree_set_xattr(image->top, "old", "trusted.other", "1", 1);
	tree_set_xattr(image->top, "old", "trusted.blankroot.replaced-by", "300", 3);
	ck_assert_int_eq(br_record_set_comment(old, "before the upgrade", &err), 0);
	ck_assert_int_eq(br_record_set_retired(old, 1, &err), 0);
	ck_assert(br_record_get_mark(old, BR_XATTR_PINNED) == BR_MARK_PRESENT);
	ck_assert_int_eq(br_record_clear_marks(old, &err), 0);
	BR_AUTO_FREE char *left = run_shell(image->top, "getfattr -d -m - old | grep -c =");
	ck_assert_str_eq(left, "1\n");
}
END_TEST

START_TEST(test_comment)
{
	struct br_error err = { 0 };
	char longest[BR_COMMENT_MAX + 2];

	(void)close(begin());
	subvol_create(image->top, "old");
	BR_AUTO_CLOSE int old = tree_open(image->top, "old", false);
	ck_assert_ptr_null(br_record_get_comment(old));
	memset(longest, 'x', sizeof(longest));
	longest[BR_COMMENT_MAX] = '\0';
	ck_assert_int_eq(br_record_set_comment(old, longest, &err), 0);
	BR_AUTO_FREE char *first = br_record_get_comment(old);
	ck_assert_pstr_eq(first, longest);
	memcpy(longest + BR_COMMENT_MAX, "y", 2);
	ck_assert_int_eq(br_record_set_comment(old, longest, &err), BR_ERR_USAGE);
	ck_assert_int_eq(br_record_set_comment(old, "", &err), 0);
	BR_AUTO_FREE char *empty_one = br_record_get_comment(old);
	ck_assert_pstr_eq(empty_one, "");
	/* somebody else's: not ended, or absurdly long */
	tree_set_xattr(image->top, "old", BR_XATTR_COMMENT, "a\nb", 3);
	BR_AUTO_FREE char *second = br_record_get_comment(old);
	ck_assert_pstr_eq(second, "a\nb");
	tree_set_xattr(image->top, "old", BR_XATTR_COMMENT, longest, BR_COMMENT_MAX + 1);
	ck_assert_ptr_null(br_record_get_comment(old));
}
END_TEST

/* A subvolume that cannot be changed says so. */
START_TEST(test_marks_read_only)
{
	struct br_error err = { 0 };

	(void)close(begin());
	subvol_create(image->top, "old");
	subvol_set_read_only(image->top, "old", true);
	BR_AUTO_CLOSE int old = tree_open(image->top, "old", false);
	ck_assert_int_eq(br_record_set_retired(old, 1, &err), BR_ERR_XATTR);
	ck_assert_int_eq(err.sys_errno, EROFS);
	err = (struct br_error){ 0 };
	ck_assert_int_eq(br_record_set_good(old, 1, &err), BR_ERR_XATTR);
	ck_assert_int_eq(err.sys_errno, EROFS);
	ck_assert(br_record_get_mark(old, BR_XATTR_GOOD) == BR_MARK_ABSENT);
}
END_TEST

static void make_request(int state, unsigned kind)
{
	int r = 0;

	if (kind == 0)
		tree_write(state, BR_REQUEST_NAME, "skip\n");
	else
		r = kind == 1   ? symlinkat("/etc/passwd", state, BR_REQUEST_NAME)
		    : kind == 2 ? mkfifoat(state, BR_REQUEST_NAME, 0600)
		    : kind == 3 ? mkdirat(state, BR_REQUEST_NAME, 0700)
				: 0;
	ck_assert_int_eq(r, 0);
}

/* Once means once, also when the power goes right afterwards. The last kind is: none. */
START_TEST(test_use_up_request)
{
	BR_AUTO_CLOSE int state = begin();
	struct br_error err = { 0 };
	struct state cut;

	make_request(state, (unsigned)_i);
	tree_write(state, "another", "file\n");
	ck_assert(syncfs(state) == 0);
	ck_assert_msg(br_request_use_up(state, &err) == 0, "%s", err.text);
	ck_assert(!tree_exists(state, BR_REQUEST_NAME));
	state_save(&cut, image);
	(void)close(br_take_fd(&state));
	image_unmount(image);
	state_restore(&cut, image);
	state_free(&cut);
	(void)image_mount(image, NULL);
	ck_assert(!tree_exists(image->top, BR_STATE_DIR "/" BR_REQUEST_NAME));
	ck_assert(tree_exists(image->top, BR_STATE_DIR "/another"));
}
END_TEST

START_TEST(test_request_that_stays)
{
	BR_AUTO_CLOSE int state = begin();
	struct br_error err = { 0 };

	make_request(state, 3);
	tree_write(state, BR_REQUEST_NAME "/inside", "");
	ck_assert_int_eq(br_request_use_up(state, &err), BR_ERR_REMOVE);
	ck_assert_str_eq(err.path, BR_REQUEST_NAME);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = suite_add_case(suite, "record", make_image, drop_image, 60);

	tcase_add_test(tcase, test_record);
	tcase_add_test(tcase, test_long_record);
	tcase_add_test(tcase, test_malformed_record);
	tcase_add_test(tcase, test_foreign_record);
	tcase_add_test(tcase, test_record_after_a_cut);
	tcase_add_test(tcase, test_retired);
	tcase_add_test(tcase, test_marks);
	tcase_add_test(tcase, test_comment);
	tcase_add_test(tcase, test_marks_read_only);
	tcase_add_loop_test(tcase, test_use_up_request, 0, 5);
	tcase_add_test(tcase, test_request_that_stays);
	return suite_run(suite, true);
}
