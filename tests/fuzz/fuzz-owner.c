/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owners, by the files of another root. Input: an owner, etc/passwd, etc/group, with NUL bytes between them. */
#include "fuzz.h"

#include "cleanup.h"
#include "owner.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static bool is_id(const char *text, size_t length, uint64_t *id_ret)
{
	uint64_t id = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = id > UINT32_MAX ? id : 10 * id + (uint64_t)(text[i] - '0');
	}
	*id_ret = id;
	return length > 0 && id < UINT32_MAX;
}

/* Field of the first line of that name: a pointer into text, NULL when there is none. */
static const char *find_field(const char *text, const char *name, int field, size_t *length_ret)
{
	size_t length = strlen(name);

	while (*text && !(strncmp(text, name, length) == 0 && strchr(":\n", text[length]))) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	for (; *text; field--) {
		*length_ret = strcspn(text, ":\n");
		if (field == 0)
			return text;
		if (text[*length_ret] != ':')
			return NULL;
		text += *length_ret + 1;
	}
	if (field != 0) /* an empty field may be the last one */
		return NULL;
	*length_ret = 0;
	return text;
}

/* The number of a user or group by these rules: an empty name is root. False: there is none. */
static bool expect(const char *name, const char *text, int field, uint64_t *id_ret)
{
	const char *found;
	size_t length;

	*id_ret = 0;
	if (!*name || is_id(name, strlen(name), id_ret))
		return true;
	found = find_field(text, name, field, &length);
	return found && is_id(found, length, id_ret);
}

static void check_resolved(char *owner, char *const texts[2], uid_t uid, gid_t gid)
{
	char *colon = strchr(owner, ':');
	uint64_t expected;

	if (colon)
		*colon = '\0';
	FUZZ_CHECK(expect(owner, texts[0], 2, &expected) && uid == expected);
	if (colon)
		FUZZ_CHECK(expect(colon + 1, texts[1], 2, &expected));
	else if (is_id(owner, strlen(owner), &expected))
		expected = 0;
	else
		FUZZ_CHECK(expect(owner, texts[0], 3, &expected));
	FUZZ_CHECK(gid == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[3];
	struct br_error err;
	uid_t uid;
	gid_t gid;
	bool is_file;
	int r;

	fuzz_split(data, size, parts, 3);
	fuzz_poison(&uid, sizeof(uid));
	fuzz_poison(&gid, sizeof(gid));
	(void)mkdirat(fuzz_dir_fd(), "etc", 0700);
	fuzz_write("etc/passwd", parts[1], strlen(parts[1]));
	fuzz_write("etc/group", parts[2], strlen(parts[2]));
	r = br_owner_resolve(fuzz_dir_fd(), parts[0], &uid, &gid, &err);
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_OWNER);
		fuzz_check_error(&err, r);
		fuzz_check_poisoned(&uid, sizeof(uid));
		fuzz_check_poisoned(&gid, sizeof(gid));
		is_file = *err.path;
		/* the form is to blame, or one of the files */
		FUZZ_CHECK((br_owner_check(parts[0], &err) == 0) == is_file);
	} else {
		FUZZ_CHECK(br_owner_check(parts[0], &err) == 0);
		check_resolved(parts[0], parts + 1, uid, gid);
	}
	for (int i = 0; i < 3; i++)
		free(parts[i]);
	return 0;
}
