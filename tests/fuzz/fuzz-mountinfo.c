/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount table. Input: the path of a subvolume, a NUL byte, the table. */
#include "fuzz.h"

#include "cleanup.h"
#include "mountinfo.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr(" \t\n\\", *text))
			(void)fprintf(out, "\\%03o", *text);
		else
			(void)fputc(*text, out);
	}
}

static char *print(const struct br_mountinfo *info)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	FUZZ_CHECK(out);
	for (size_t i = 0; i < info->count; i++) {
		const struct br_mount *mount = &info->mounts[i];

		(void)fprintf(out, "%" PRIu64 " 1 0:1 ", mount->id);
		put_escaped(out, mount->root);
		(void)fputc(' ', out);
		put_escaped(out, mount->target);
		/* no escapes are resolved in the type */
		(void)fprintf(out, " rw shared:1 - %s ", mount->type);
		put_escaped(out, mount->source);
		(void)fputs(" rw\n", out);
	}
	FUZZ_CHECK(fclose(out) == 0);
	return text;
}

static void check_round_trip(const struct br_mountinfo *info)
{
	BR_AUTO_FREE char *text = print(info);
	struct br_mountinfo again;
	struct br_error err;

	FUZZ_CHECK(br_mountinfo_parse(text, &again, &err) == 0);
	FUZZ_CHECK(again.count == info->count);
	for (size_t i = 0; i < info->count; i++) {
		FUZZ_CHECK(again.mounts[i].id == info->mounts[i].id);
		FUZZ_CHECK(strcmp(again.mounts[i].root, info->mounts[i].root) == 0);
		FUZZ_CHECK(strcmp(again.mounts[i].target, info->mounts[i].target) == 0);
		FUZZ_CHECK(strcmp(again.mounts[i].type, info->mounts[i].type) == 0);
		FUZZ_CHECK(strcmp(again.mounts[i].source, info->mounts[i].source) == 0);
	}
	br_mountinfo_free(&again);
}

/* Every line that is not empty is a mount, and begins with its number, as digits. */
static void check_lines(const char *text, const struct br_mountinfo *info)
{
	size_t lines = 0;

	while (*text) {
		if (*text != '\n') {
			FUZZ_CHECK(isdigit((unsigned char)*text) && lines < info->count);
			while (*text == '0' && isdigit((unsigned char)text[1]))
				text++;
			FUZZ_CHECK(strtoull(text, NULL, 10) == info->mounts[lines].id);
			FUZZ_CHECK(strspn(text, "0123456789") <= 20);
			lines++;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	FUZZ_CHECK(lines == info->count);
}

static bool is_at_or_below(const char *root, const char *subvolume)
{
	BR_AUTO_FREE char *prefix = NULL;

	FUZZ_CHECK(asprintf(&prefix, "/%s/", subvolume) >= 0);
	return strncmp(root, prefix, strlen(prefix)) == 0 ||
	       (strlen(root) == strlen(prefix) - 1 && strncmp(root, prefix, strlen(root)) == 0);
}

/* With mount points that cannot be asked, which count when their paths do. */
static void check_find(struct br_mountinfo *info, const char *subvolume)
{
	const struct br_mount *expected = NULL;

	for (size_t i = info->count; i-- > 0;) {
		struct br_mount *mount = &info->mounts[i];

		free(mount->target);
		mount->target = strdup("/nonexistent/blankroot");
		FUZZ_CHECK(mount->target);
		if (strcmp(mount->type, "btrfs") == 0 && is_at_or_below(mount->root, subvolume))
			expected = mount;
	}
	FUZZ_CHECK(br_mountinfo_find_btrfs(info, -1, subvolume) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[2];
	struct br_mountinfo info;
	struct br_error err;
	int r;

	fuzz_split(data, size, parts, 2);
	fuzz_poison(&info, sizeof(info));
	r = br_mountinfo_parse(parts[1], &info, &err);
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_READ);
		fuzz_check_error(&err, r);
		fuzz_check_poisoned(&info, sizeof(info));
	} else {
		check_lines(parts[1], &info);
		check_round_trip(&info);
		check_find(&info, parts[0]);
		br_mountinfo_free(&info);
	}
	free(parts[0]);
	free(parts[1]);
	return 0;
}
