/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and setting what blankroot tune tunes: files of /proc/sys and /sys. */
#include "cleanup.h"
#include "file.h"
#include "tune.h"

#include <fcntl.h>
#include <string.h>

#define VALUE_MAX 4096

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int path_of(const struct br_knob *knob, const char *object, const char *file, char **ret,
		   struct br_error *err)
{
	static const struct {
		const char *before, *behind;
	} places[] = {
		[BR_KNOB_SYSCTL] = { "/proc/sys", "" },
		[BR_KNOB_QUEUE] = { "/sys/block/", "/queue" },
		[BR_KNOB_BTRFS] = { "/sys/fs/btrfs/", "" },
	};

	if (asprintf(ret, "%s%s%s/%s", places[knob->kind].before, object, places[knob->kind].behind,
		     file) < 0) {
		*ret = NULL;
		return no_memory(err);
	}
	return 0;
}

/* "[none] mq-deadline": the one in use is in brackets. */
static void pick_in_use(char *text)
{
	const char *begin = strchr(text, '[');
	const char *end = begin ? strchr(begin, ']') : NULL;

	if (!end)
		return;
	memmove(text, begin + 1, (size_t)(end - begin - 1));
	text[end - begin - 1] = '\0';
}

/* *ret NULL: there is no such file. */
static int read_text(const struct br_knob *knob, const char *object, const char *file, char **ret,
		     struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	int r = path_of(knob, object, file, &path, err);

	*ret = NULL;
	if (r < 0)
		return r;
	r = br_file_read(AT_FDCWD, path, VALUE_MAX, ret, NULL, err);
	if (r < 0)
		return err->sys_errno == ENOENT || err->sys_errno == ENOTDIR ? 0 : r;
	(*ret)[strcspn(*ret, "\n")] = '\0';
	return 0;
}

static int read_file(const struct br_knob *knob, const char *object, const char *file, char **ret,
		     struct br_error *err)
{
	int r = read_text(knob, object, file, ret, err);

	if (r == 0 && *ret)
		pick_in_use(*ret);
	return r;
}

bool tune_is_offered(const struct br_knob *knob, const char *object, const char *value)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	char *rest, *word;

	if (!knob->words || (knob->kind != BR_KNOB_QUEUE && knob->kind != BR_KNOB_BTRFS) ||
	    read_text(knob, object, knob->file, &text, &ignored) < 0 || !text || !strchr(text, '['))
		return true;
	rest = text;
	while ((word = strsep(&rest, " []")))
		if (strcmp(word, value) == 0)
			return true;
	return false;
}

/* The kernel takes it whole or not at all. */
static int write_file(const struct br_knob *knob, const char *object, const char *file,
		      const char *value, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int fd = -1;
	ssize_t n;
	int r = path_of(knob, object, file, &path, err);

	if (r < 0 || !path)
		return r;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return br_error_set(err, BR_ERR_WRITE, errno, path, NULL);
	do
		n = write(fd, value, strlen(value));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)strlen(value))
		return br_error_set(err, BR_ERR_WRITE, n < 0 ? errno : EIO, path, "\"%s\"", value);
	return 0;
}

/* --- limits of dirty data: bytes, or else a share of memory in a file of its own --- */

static bool has_share(const struct br_knob *knob)
{
	return knob->kind == BR_KNOB_SYSCTL && knob->is_size;
}

/* "vm/dirty_bytes" becomes "vm/dirty_ratio" */
static void make_ratio_file(const struct br_knob *knob, char file[64])
{
	(void)snprintf(file, 64, "%.*sratio", (int)(strlen(knob->file) - strlen("bytes")),
		       knob->file);
}

static int read_share(const struct br_knob *knob, const char *object, char **ret,
		      struct br_error *err)
{
	BR_AUTO_FREE char *share = NULL;
	char file[64];
	int r;

	make_ratio_file(knob, file);
	if ((r = read_file(knob, object, file, &share, err)) < 0 || !share)
		return r;
	free(*ret);
	if (asprintf(ret, "%s%%", share) < 0) {
		*ret = NULL;
		return no_memory(err);
	}
	return 0;
}

int tune_read(const struct tune_facts *facts, const struct br_knob *knob, const char *object,
	      char **ret, struct br_error *err)
{
	int r;

	if (knob->kind == BR_KNOB_MOUNT)
		return tune_mount_read(facts, knob, object, ret, err);
	if (knob->kind == BR_KNOB_DIRECTORY)
		return tune_directory_read(facts, knob, object, ret, err);
	r = read_file(knob, object, knob->file, ret, err);
	if (r == 0 && *ret && has_share(knob) && strcmp(*ret, "0") == 0)
		r = read_share(knob, object, ret, err);
	return r;
}

int tune_write(const struct tune_facts *facts, const struct br_knob *knob, const char *object,
	       const char *value, struct br_error *err)
{
	size_t length = strlen(value);
	char file[64], share[32];

	if (knob->kind == BR_KNOB_MOUNT)
		return tune_mount_write(facts, knob, object, value, err);
	if (knob->kind == BR_KNOB_DIRECTORY)
		return tune_directory_write(facts, knob, object, value, err);
	if (!has_share(knob) || length == 0 || value[length - 1] != '%')
		return write_file(knob, object, knob->file, value, err);
	make_ratio_file(knob, file);
	(void)snprintf(share, sizeof(share), "%.*s", (int)length - 1, value);
	return write_file(knob, object, file, share, err);
}
