/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast the kernel may scrub. */
#include "scrub-limit.h"

#include "cleanup.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYSFS "/sys/fs/btrfs"
#define NOTE_MAX (1U << 20)
#define VALUE_MAX 64

/* Of the kernel's 64 bits; no disk comes near. */
#define LIMIT_MAX ((double)(UINT64_C(1) << 62))

bool scrub_limit_parse(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	char *end;
	double value;
	const char *unit;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtod(text, &end);
	if (*end && (unit = strchr(units, *end))) {
		for (const char *u = units; u <= unit; u++)
			value *= 1024;
		end++;
		if (strncmp(end, "iB", 2) == 0)
			end += 2;
	}
	/* 0 would be no limit; and no hexadecimal digits, nor a power of ten */
	if (errno != 0 || *end || strpbrk(text, "xXeEpP") || value < 1 || value > LIMIT_MAX)
		return false;
	*ret = (uint64_t)value;
	return true;
}

/* --- one device --- */

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* NULL: no memory. */
static char *make_path(const char *fsid, uint64_t devid)
{
	char *path;

	return asprintf(&path, SYSFS "/%s/devinfo/%" PRIu64 "/scrub_speed_max", fsid, devid) >= 0
		       ? path
		       : NULL;
}

static int get(const char *fsid, uint64_t devid, uint64_t *ret, struct br_error *err)
{
	BR_AUTO_FREE char *path = make_path(fsid, devid);
	BR_AUTO_FREE char *text = NULL;
	int r;

	if (!path)
		return no_memory(err);
	r = br_file_read(AT_FDCWD, path, VALUE_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	*ret = strtoull(text, NULL, 10);
	return 0;
}

static int set(const char *fsid, uint64_t devid, uint64_t bytes, struct br_error *err)
{
	BR_AUTO_FREE char *path = make_path(fsid, devid);
	BR_AUTO_CLOSE int fd = -1;
	char text[VALUE_MAX];
	int length = snprintf(text, sizeof(text), "%" PRIu64, bytes);

	if (!path)
		return no_memory(err);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
	if (write(fd, text, (size_t)length) != length)
		return br_error_set(err, BR_ERR_WRITE, errno, path, NULL);
	return 0;
}

/* --- all of them --- */

struct limited {
	uint64_t devid, before, limit;
};

struct note {
	struct limited *list;
	size_t count;
};

static void put_note(FILE *out, const void *data)
{
	const struct note *note = data;

	for (size_t i = 0; i < note->count; i++)
		(void)fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", note->list[i].devid,
			      note->list[i].before, note->list[i].limit);
}

/* NULL: no memory. */
static char *note_path(const char *dir, const char *fsid)
{
	char *path;

	return asprintf(&path, "%s/blankroot.scrub-limit.%s", dir, fsid) >= 0 ? path : NULL;
}

static int write_note(const char *dir, const char *fsid, const struct note *note,
		      struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put_note, note);
	BR_AUTO_FREE char *path = note_path(dir, fsid);

	if (!text || !path)
		return no_memory(err);
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, dir, NULL);
	return br_file_replace(AT_FDCWD, path, text, strlen(text), 0600, err);
}

static int look_up(const char *fsid, const struct scrub_devices *devices, uint64_t bytes,
		   struct note *note, struct br_error *err)
{
	for (size_t i = 0; i < devices->count; i++) {
		struct limited *limited = &note->list[note->count];
		int r;

		if (devices->list[i].path[0] == '\0')
			continue;
		limited->devid = devices->list[i].devid;
		limited->limit = bytes;
		r = get(fsid, limited->devid, &limited->before, err);
		if (r == BR_ERR_OPEN && err->sys_errno == ENOENT)
			return br_error_context(err,
						"this kernel cannot limit a scrub (Linux "
						"5.14 can); without --limit it is done at full "
						"speed");
		if (r < 0)
			return r;
		note->count++;
	}
	return 0;
}

int scrub_limit_set(const char *dir, const char *fsid, const struct scrub_devices *devices,
		    uint64_t bytes, struct br_error *err)
{
	BR_AUTO_FREE struct limited *list = calloc(devices->count + 1, sizeof(*list));
	struct note note = { .list = list };
	struct br_error ignored;
	int r;

	if (!list)
		return no_memory(err);
	r = look_up(fsid, devices, bytes, &note, err);
	if (r == 0)
		r = write_note(dir, fsid, &note, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < note.count; i++)
		r = set(fsid, list[i].devid, bytes, err);
	if (r < 0 && scrub_limit_restore(dir, fsid, &ignored) < 0)
		return r; /* what failed first is what to tell; the note is still there */
	return r;
}

/* What is not as it was noted was changed by somebody else, or belongs to another mount. */
static int restore_line(const char *fsid, const char *line, struct br_error *err)
{
	char *rest;
	uint64_t devid = strtoull(line, &rest, 10);
	uint64_t before = strtoull(rest, &rest, 10);
	uint64_t limit = strtoull(rest, &rest, 10);
	uint64_t now = 0;

	if (*rest || get(fsid, devid, &now, err) < 0 || now != limit)
		return 0;
	return set(fsid, devid, before, err);
}

int scrub_limit_restore(const char *dir, const char *fsid, struct br_error *err)
{
	BR_AUTO_FREE char *path = note_path(dir, fsid);
	BR_AUTO_FREE char *text = NULL;
	char *rest = NULL;
	int r;

	if (!path)
		return no_memory(err);
	r = br_file_read(AT_FDCWD, path, NOTE_MAX, &text, NULL, err);
	if (r < 0)
		return r == BR_ERR_OPEN && err->sys_errno == ENOENT ? 0 : r;
	for (const char *line = strtok_r(text, "\n", &rest); r == 0 && line;
	     line = strtok_r(NULL, "\n", &rest))
		r = restore_line(fsid, line, err);
	if (r == 0 && unlink(path) != 0)
		r = br_error_set(err, BR_ERR_REMOVE, errno, path, NULL);
	return r;
}
