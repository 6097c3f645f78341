/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of declarations that blankroot persist writes, edited line by line: what somebody else
 * has written into it stays as it is.
 */
#include "persist.h"

#include "cleanup.h"
#include "file-leftovers.h"
#include "file.h"
#include "lock-wait.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_TEXT (1UL << 20)
#define HEAD "# Written by blankroot persist.\n"
#define BEGIN "    path "
#define COPY " { }\n"
#define SNAPSHOT " { method = subvolume }\n"

/* --- texts --- */

struct addition {
	const char *text, *subvolume, *path;
	bool by_snapshot;
};

static void put_section(FILE *out, const void *data)
{
	const struct addition *addition = data;

	(void)fputs("ephemeral ", out);
	br_text_put_quoted(out, addition->subvolume);
	(void)fputs(" {\n", out);
}

static void put_declaration(FILE *out, const void *data)
{
	const struct addition *addition = data;
	BR_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "/%s", addition->path) < 0) {
		path = NULL;
		return; /* no memory: nothing is found in the configuration then */
	}
	(void)fputs(BEGIN, out);
	br_text_put_quoted(out, path);
	(void)fputs(addition->by_snapshot ? SNAPSHOT : COPY, out);
}

/* The line after one. */
static const char *skip_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* The end of our section of that head, the line with its brace; NULL: there is none. */
static const char *find_end(const char *text, const char *section)
{
	const char *line = text;

	while (*line && !begins_with(line, section))
		line = skip_line(line);
	if (!*line)
		return NULL;
	do
		line = skip_line(line);
	while (begins_with(line, BEGIN));
	return begins_with(line, "}\n") ? line : NULL;
}

static void put_added(FILE *out, const void *data)
{
	const struct addition *addition = data;
	const char *text = addition->text ? addition->text : HEAD;
	BR_AUTO_FREE char *section = br_text_make(put_section, addition);
	const char *end = section ? find_end(text, section) : NULL;
	size_t length = strlen(text);

	if (!section)
		return; /* as above */
	if (end) {
		(void)fwrite(text, 1, (size_t)(end - text), out);
		put_declaration(out, addition);
		(void)fputs(end, out);
		return;
	}
	(void)fputs(text, out);
	if (length > 0 && text[length - 1] != '\n')
		(void)fputc('\n', out);
	(void)fputs(section, out);
	put_declaration(out, addition);
	(void)fputs("}\n", out);
}

char *persist_file_added(const char *text, const char *subvolume, const char *path,
			 bool by_snapshot)
{
	struct addition addition = { text, subvolume, path, by_snapshot };

	return br_text_make(put_added, &addition);
}

static bool ends_with(const char *line, const char *end)
{
	size_t length = (size_t)(skip_line(line) - line);

	return length >= strlen(end) && strncmp(line + length - strlen(end), end, strlen(end)) == 0;
}

static bool is_declaration(const char *line)
{
	return begins_with(line, BEGIN) && (ends_with(line, COPY) || ends_with(line, SNAPSHOT));
}

/* What is to go: the line, and its section when nothing else is in it. */
static void widen(const char *text, const char **begin, const char **end)
{
	const char *before = *begin;

	if (!begins_with(*end, "}\n") || *begin == text)
		return;
	do
		before--;
	while (before > text && before[-1] != '\n');
	if (!begins_with(before, "ephemeral ") || !ends_with(before, " {\n"))
		return;
	*begin = before;
	*end = skip_line(*end);
}

int persist_file_removed(const char *text, unsigned line, char **ret, struct br_error *err)
{
	const char *begin = text, *end;
	char *left;

	for (unsigned n = 1; n < line; n++)
		begin = skip_line(begin);
	if (!is_declaration(begin))
		return br_error_set(err, BR_ERR_USAGE, 0, NULL,
				    "line %u was written by somebody else: remove it there", line);
	end = skip_line(begin);
	widen(text, &begin, &end);
	if (asprintf(&left, "%.*s%s", (int)(begin - text), text, end) < 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (strcmp(left, HEAD) == 0) {
		free(left);
		left = NULL;
	}
	*ret = left;
	return 0;
}

/* --- the file --- */

static int flush_parent(const char *path, struct br_error *err)
{
	BR_AUTO_FREE char *parent = NULL;
	BR_AUTO_CLOSE int fd = -1;

	if (asprintf(&parent, "%s/..", path) < 0) {
		parent = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, parent, NULL);
	return 0;
}

/* -1 with 0 returned: it does not exist, and was not to be made. */
static int open_dir(const char *path, bool dry_run, int *fd_ret, struct br_error *err)
{
	bool is_made = !dry_run && mkdir(path, 0755) == 0;
	int r;

	if (!dry_run && !is_made && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, path, NULL);
	if (is_made && (r = flush_parent(path, err)) < 0)
		return r;
	*fd_ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd_ret >= 0 || (dry_run && errno == ENOENT))
		return 0;
	return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
}

static int read_text(struct persist_file *file, const struct persist_options *options,
		     struct br_error *err)
{
	int r;

	if (file->dir < 0)
		return 0;
	if ((r = lock_wait_flock(file->dir, options->wait, file->path, err)) < 0)
		return r;
	if (!options->dry_run && br_file_clear_leftovers(file->dir, err) < 0)
		return br_error_prefix_path(err, file->path);
	r = br_file_read(file->dir, PERSIST_FILE, SIZE_MAX_TEXT, &file->text, NULL, err);
	if (r == BR_ERR_OPEN && err->sys_errno == ENOENT)
		return 0;
	return r < 0 ? br_error_prefix_path(err, file->path) : r;
}

int persist_file_open(const struct persist_options *options, struct persist_file *ret,
		      struct br_error *err)
{
	struct persist_file file = { .dir = -1 };
	BR_AUTO_FREE char *dir = NULL;
	int r = 0;

	if (asprintf(&dir, "%s.d", options->config) < 0)
		dir = NULL;
	if (!dir || asprintf(&file.path, "%s/" PERSIST_FILE, dir) < 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if ((r = open_dir(dir, options->dry_run, &file.dir, err)) < 0 ||
	    (r = read_text(&file, options, err)) < 0) {
		persist_file_close(&file);
		return r;
	}
	*ret = file;
	return 0;
}

int persist_file_put(const struct persist_file *file, const char *text, struct br_error *err)
{
	if (text)
		return br_file_replace(file->dir, PERSIST_FILE, text, strlen(text), 0644, err);
	if (unlinkat(file->dir, PERSIST_FILE, 0) != 0)
		return br_error_set(err, BR_ERR_REMOVE, errno, file->path, NULL);
	if (fsync(file->dir) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, file->path, "its directory");
	return 0;
}

void persist_file_close(struct persist_file *file)
{
	if (!file)
		return;
	br_cleanup_close(&file->dir); /* and with it the lock */
	free(file->path);
	free(file->text);
}
