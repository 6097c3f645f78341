/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-shot request: its text, and what may lie in the place of its file. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "request.h"
#include "suite.h"
#include "tmpdir.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	enum br_request_kind kind;
	const char *archive;
} requests[] = {
	{ "skip", BR_REQUEST_SKIP, NULL },
	{ "skip\n", BR_REQUEST_SKIP, NULL },
	{ "from root.20261123T190501Z\n", BR_REQUEST_FROM, "root.20261123T190501Z" },
	{ "from x", BR_REQUEST_FROM, "x" },
	{ "from my old root\n", BR_REQUEST_FROM, "my old root" },
	{ "from ...\n", BR_REQUEST_FROM, "..." },
	{ "from  x\n", BR_REQUEST_FROM, " x" },
	{ "from \xff\xc3\xa4%2F\n", BR_REQUEST_FROM, "\xff\xc3\xa4%2F" },
	{ "", BR_REQUEST_INVALID, NULL },
	{ "\n", BR_REQUEST_INVALID, NULL },
	{ "Skip\n", BR_REQUEST_INVALID, NULL },
	{ "skip ", BR_REQUEST_INVALID, NULL },
	{ " skip", BR_REQUEST_INVALID, NULL },
	{ "skip\n\n", BR_REQUEST_INVALID, NULL },
	{ "skip\r\n", BR_REQUEST_INVALID, NULL },
	{ "skip\nskip\n", BR_REQUEST_INVALID, NULL },
	{ "skipped\n", BR_REQUEST_INVALID, NULL },
	{ "from", BR_REQUEST_INVALID, NULL },
	{ "from\n", BR_REQUEST_INVALID, NULL },
	{ "from ", BR_REQUEST_INVALID, NULL },
	{ "from \n", BR_REQUEST_INVALID, NULL },
	{ "from\tx\n", BR_REQUEST_INVALID, NULL },
	{ "from .\n", BR_REQUEST_INVALID, NULL },
	{ "from ..\n", BR_REQUEST_INVALID, NULL },
	{ "from a/b\n", BR_REQUEST_INVALID, NULL },
	{ "from /\n", BR_REQUEST_INVALID, NULL },
	{ "from x\n\n", BR_REQUEST_INVALID, NULL },
	{ "from x\nskip\n", BR_REQUEST_INVALID, NULL },
	{ "reset\n", BR_REQUEST_INVALID, NULL },
};

static void check_request(const struct br_request *request, size_t i)
{
	ck_assert_msg(request->kind == requests[i].kind, "'%s' is %d", requests[i].text,
		      (int)request->kind);
	if (requests[i].archive)
		ck_assert_str_eq(request->archive, requests[i].archive);
	else
		ck_assert_ptr_null(request->archive);
}

START_TEST(test_parse)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct br_request request = { 0 };
		struct br_error err = { 0 };

		ck_assert_int_eq(br_request_parse(requests[i].text, &request, &err), 0);
		check_request(&request, i);
		br_request_free(&request);
		ck_assert_ptr_null(request.archive);
	}
	br_request_free(NULL);
}
END_TEST

static void read_request(int dirfd, struct br_request *request)
{
	struct br_error err = { 0 };

	ck_assert_msg(br_request_read(dirfd, request, &err) == 0, "%s", err.text);
}

static void assert_read(int dirfd, enum br_request_kind kind)
{
	struct br_request request = { 0 };

	read_request(dirfd, &request);
	ck_assert_int_eq(request.kind, kind);
	br_request_free(&request);
}

START_TEST(test_read)
{
	struct tmpdir dir;

	tmpdir_make(&dir);
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct br_request request = { 0 };

		tmpdir_write_text(&dir, BR_REQUEST_NAME, requests[i].text);
		read_request(dir.fd, &request);
		check_request(&request, i);
		br_request_free(&request);
	}
	tmpdir_remove(&dir);
}
END_TEST

START_TEST(test_read_none)
{
	struct tmpdir dir;

	tmpdir_make(&dir);
	assert_read(dir.fd, BR_REQUEST_NONE);
	assert_read(-1, BR_REQUEST_NONE);
	tmpdir_remove(&dir);
}
END_TEST

/* The text ends where the file does, not at a NUL. */
START_TEST(test_read_nul)
{
	struct tmpdir dir;

	tmpdir_make(&dir);
	tmpdir_write(&dir, BR_REQUEST_NAME, "skip\0", 5);
	assert_read(dir.fd, BR_REQUEST_INVALID);
	tmpdir_write(&dir, BR_REQUEST_NAME, "skip\n\0from x\n", 13);
	assert_read(dir.fd, BR_REQUEST_INVALID);
	tmpdir_remove(&dir);
}
END_TEST

START_TEST(test_read_long)
{
	struct tmpdir dir;
	char text[8192];

	tmpdir_make(&dir);
	memset(text, 'x', sizeof(text));
	memcpy(text, "from ", 5);
	tmpdir_write(&dir, BR_REQUEST_NAME, text, 4096);
	assert_read(dir.fd, BR_REQUEST_FROM);
	tmpdir_write(&dir, BR_REQUEST_NAME, text, 4097);
	assert_read(dir.fd, BR_REQUEST_INVALID);
	tmpdir_write(&dir, BR_REQUEST_NAME, text, sizeof(text));
	assert_read(dir.fd, BR_REQUEST_INVALID);
	tmpdir_remove(&dir);
}
END_TEST

/* Nothing that is no regular file is opened: a fifo would wait for ever, a link lead elsewhere. */
START_TEST(test_read_other_objects)
{
	struct tmpdir dir;

	tmpdir_make(&dir);
	tmpdir_write_text(&dir, "elsewhere", "skip\n");
	for (unsigned i = 0; i < 4; i++) {
		int r = i == 0   ? symlinkat("elsewhere", dir.fd, BR_REQUEST_NAME)
			: i == 1 ? symlinkat("nowhere", dir.fd, BR_REQUEST_NAME)
			: i == 2 ? mkfifoat(dir.fd, BR_REQUEST_NAME, 0600)
				 : mkdirat(dir.fd, BR_REQUEST_NAME, 0700);

		ck_assert_int_eq(r, 0);
		assert_read(dir.fd, BR_REQUEST_INVALID);
		ck_assert_int_eq(unlinkat(dir.fd, BR_REQUEST_NAME, i == 3 ? AT_REMOVEDIR : 0), 0);
	}
	tmpdir_remove(&dir);
}
END_TEST

/* Nothing is written that would be read as something else. */
START_TEST(test_write_refuses)
{
	static const char *const names[] = { "", "a/b", ".", "..", "two\nlines" };
	struct tmpdir dir;

	tmpdir_make(&dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *name = strdup(names[i]);
		const struct br_request request = { BR_REQUEST_FROM, name };
		struct br_error err = { 0 };

		ck_assert_int_eq(br_request_write(dir.fd, &request, &err), BR_ERR_USAGE);
		ck_assert_str_eq(err.path, names[i]);
		free(name);
	}
	ck_assert_uint_eq(tmpdir_count(&dir, "."), 0);
	tmpdir_remove(&dir);
}
END_TEST

static int write_skip(void)
{
	struct br_error err = { 0 };
	int r = br_request_write(-1, &(struct br_request){ .kind = BR_REQUEST_SKIP }, &err);

	return r == BR_ERR_NOMEM ? r : 0; /* without a file system it fails in any case */
}

static int write_from(void)
{
	char name[] = "root.1";
	struct br_error err = { 0 };
	int r = br_request_write(-1, &(struct br_request){ BR_REQUEST_FROM, name }, &err);

	return r == BR_ERR_NOMEM ? r : 0;
}

static int parse_and_free(void)
{
	struct br_request request = { 0 };
	struct br_error err = { 0 };
	int r = br_request_parse("from root.1\n", &request, &err);

	br_request_free(&request);
	return r;
}

static struct tmpdir memory_dir;

static int read_and_free(void)
{
	struct br_request request = { 0 };
	struct br_error err = { 0 };
	int r = br_request_read(memory_dir.fd, &request, &err);

	br_request_free(&request);
	return r;
}

START_TEST(test_no_memory)
{
	assert_survives_no_memory(parse_and_free());
	assert_survives_no_memory(write_skip());
	assert_survives_no_memory(write_from());
	tmpdir_make(&memory_dir);
	tmpdir_write_text(&memory_dir, BR_REQUEST_NAME, "from root.1\n");
	assert_survives_no_memory(read_and_free());
	tmpdir_remove(&memory_dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = suite_add_case(suite, "request", NULL, NULL, 10);

	tcase_add_test(tcase, test_parse);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_read_none);
	tcase_add_test(tcase, test_read_nul);
	tcase_add_test(tcase, test_read_long);
	tcase_add_test(tcase, test_read_other_objects);
	tcase_add_test(tcase, test_write_refuses);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite, false);
}
