/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration file's text, before libconfuse sees it. Its scanner has rules of its own (3.3):
 * each one-line comment counts as two lines, a section that the end of the file cuts off is
 * complete, "${NAME}" is the environment's, "*" vanishes, a string cut off leaves the scanner
 * inside a string for the next file.
 */
#include "config-internal.h"

#include "cleanup.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>

#define TEXT_SIZE_MAX (8u << 20)

/* Characters that cannot be part of a word without quotes; the NUL is among them. */
#define NO_WORD " #\"'\t\n\r={}()+,*"

struct scan {
	const char *file;
	char *next;
	unsigned line;
	unsigned depth;      /* of braces */
	unsigned brace_line; /* of the outermost one that is open */
	bool in_word;
};

static int fail_at(const struct scan *scan, unsigned line, const char *problem,
		   struct br_error *err)
{
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s:%u: %s", scan->file, line, problem);
}

static int fail(const struct scan *scan, const char *problem, struct br_error *err)
{
	return fail_at(scan, scan->line, problem, err);
}

static void blank_line_comment(struct scan *scan)
{
	for (; *scan->next && *scan->next != '\n'; scan->next++)
		*scan->next = ' ';
}

static int blank_block_comment(struct scan *scan, struct br_error *err)
{
	unsigned first_line = scan->line;
	char *end = strstr(scan->next + 2, "*/");

	if (!end)
		return fail_at(scan, first_line, "the comment that begins here does not end", err);
	for (end += 2; scan->next < end; scan->next++) {
		if (*scan->next == '\n')
			scan->line++;
		else
			*scan->next = ' ';
	}
	return 0;
}

static bool is_control(char c)
{
	return c && (((unsigned char)c < ' ' && !strchr("\t\n\r", c)) || c == 0x7f);
}

/* What is wrong with the character at s within a string; NULL: nothing. */
static const char *string_problem(const char *s, char quote)
{
	if (is_control(s[0]) || (s[0] == '\\' && is_control(s[1])))
		return "control character in a string";
	if (quote == '\'')
		return NULL;
	if (s[0] == '$' && s[1] == '{')
		return "\"${\" in a string: variables are not expanded; use single quotes to mean it literally";
	if (s[0] == '\\' && s[1] && strchr("0123456789x", s[1]))
		return "numeric escape in a string; write the character itself";
	return NULL;
}

static int skip_string(struct scan *scan, struct br_error *err)
{
	unsigned first_line = scan->line;
	const char quote = *scan->next++;
	const char *problem;

	for (; *scan->next != quote; scan->next++) {
		problem = string_problem(scan->next, quote);
		if (problem)
			return fail(scan, problem, err);
		if (scan->next[0] == '\\' && scan->next[1])
			scan->next++;
		if (*scan->next == '\n')
			scan->line++;
		if (!*scan->next)
			return fail_at(scan, first_line, "the string that begins here does not end",
				       err);
	}
	scan->next++;
	return 0;
}

static void count_brace(struct scan *scan, char brace)
{
	if (brace == '{' && scan->depth++ == 0)
		scan->brace_line = scan->line;
	if (brace == '}' && scan->depth > 0) /* one too many is for libconfuse to say */
		scan->depth--;
}

static const char *plain_problem(const char *s)
{
	if (s[0] == '$' && s[1] == '{')
		return "\"${\": variables are not expanded";
	if (s[0] == '*' || (s[0] == '+' && s[1] != '='))
		return s[0] == '*' ? "\"*\" outside of quotes" : "\"+\" outside of quotes";
	return is_control(s[0]) ? "control character; this is not a text file" : NULL;
}

/* Step over what is neither comment nor string. */
static int skip_plain(struct scan *scan, struct br_error *err)
{
	const char *problem = plain_problem(scan->next);
	char c = *scan->next;

	if (problem)
		return fail(scan, problem, err);
	if (c == '\n')
		scan->line++;
	count_brace(scan, c);
	scan->in_word = !strchr(NO_WORD, c);
	scan->next++;
	return 0;
}

/* Comments made of slashes begin only where a word would. */
static int skip_one(struct scan *scan, struct br_error *err)
{
	const char *s = scan->next;
	bool slash = *s == '/' && !scan->in_word;

	if (*s == '#' || (slash && s[1] == '/')) {
		blank_line_comment(scan);
		return 0;
	}
	if ((slash && s[1] == '*') || *s == '"' || *s == '\'') {
		scan->in_word = false;
		return slash ? blank_block_comment(scan, err) : skip_string(scan, err);
	}
	return skip_plain(scan, err);
}

static int scan_text(char *text, const char *file, struct br_error *err)
{
	struct scan scan = { .file = file, .next = text, .line = 1 };
	int r;

	while (*scan.next) {
		r = skip_one(&scan, err);
		if (r < 0)
			return r;
	}
	if (scan.depth > 0)
		return fail_at(&scan, scan.brace_line, "the brace that opens here is not closed",
			       err);
	return 0;
}

static int refuse_nul(const char *text, const char *file, struct br_error *err)
{
	unsigned line = 1;

	for (; *text; text++)
		line += *text == '\n';
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s:%u: NUL byte; this is not a text file",
			    file, line);
}

static int read_text(const char *path, char **text_ret, size_t *size_ret, struct br_error *err)
{
	BR_AUTO_FREE char *real = realpath(path, NULL);
	int r;

	if (!real)
		return br_error_set(err, BR_ERR_CONFIG, errno, path, "cannot open");
	r = br_file_read(AT_FDCWD, real, TEXT_SIZE_MAX, text_ret, size_ret, err);
	if (r == BR_ERR_TYPE)
		return br_error_set(err, BR_ERR_CONFIG, 0, path, "not a regular file");
	if (r < 0 && r != BR_ERR_NOMEM)
		return br_error_set(err, BR_ERR_CONFIG, err->sys_errno, path, "cannot read");
	return r;
}

int br_config_text_read(const char *path, const char *draft, char **text_ret, struct br_error *err)
{
	BR_AUTO_FREE char *text = draft ? strdup(draft) : NULL;
	size_t size = draft ? strlen(draft) : 0;
	int r = 0;

	if (draft && !text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (!draft)
		r = read_text(path, &text, &size, err);
	if (r < 0 || !text)
		return r;
	if (strlen(text) != size)
		return refuse_nul(text, path, err);
	r = scan_text(text, path, err);
	if (r == 0)
		*text_ret = br_take_ptr(&text);
	return r;
}
