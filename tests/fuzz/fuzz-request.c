/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-shot request: the file, and what it says. */
#include "fuzz.h"

#include "cleanup.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

static void check_archive(const char *archive)
{
	FUZZ_CHECK(*archive && !strpbrk(archive, "/\n"));
	FUZZ_CHECK(strcmp(archive, ".") != 0 && strcmp(archive, "..") != 0);
}

/* Written down as br_request_write does, it says the same. */
static void check_round_trip(const struct br_request *request)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_request again;
	struct br_error err;

	if (request->kind == BR_REQUEST_SKIP)
		text = strdup("skip\n");
	else if (asprintf(&text, "from %s\n", request->archive) < 0)
		text = NULL;
	FUZZ_CHECK(text && br_request_parse(text, &again, &err) == 0);
	FUZZ_CHECK(again.kind == request->kind && !again.archive == !request->archive);
	FUZZ_CHECK(!again.archive || strcmp(again.archive, request->archive) == 0);
	br_request_free(&again);
}

static void check_request(const struct br_request *request)
{
	FUZZ_CHECK(request->kind != BR_REQUEST_NONE);
	FUZZ_CHECK((request->kind == BR_REQUEST_FROM) == (request->archive != NULL));
	if (request->archive)
		check_archive(request->archive);
	if (request->kind != BR_REQUEST_INVALID)
		check_round_trip(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = fuzz_text(data, size);
	struct br_request parsed, request;
	struct br_error err;

	FUZZ_CHECK(br_request_parse(text, &parsed, &err) == 0);
	check_request(&parsed);
	fuzz_write(BR_REQUEST_NAME, data, size);
	FUZZ_CHECK(br_request_read(fuzz_dir_fd(), &request, &err) == 0);
	check_request(&request);
	/* a NUL byte, or too long a file, asks for nothing that could be understood */
	FUZZ_CHECK(request.kind ==
		   (strlen(text) == size && size <= 4096 ? parsed.kind : BR_REQUEST_INVALID));
	br_request_free(&request);
	br_request_free(&parsed);
	return 0;
}
