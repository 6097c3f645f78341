/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Splitting the kernel command line as the kernel does. */
#include "cmdline.h"

#include "cleanup.h"

#include <errno.h>
#include <string.h>

#define WHITE_SPACE " \t\n\v\f\r"

static bool is_space(char c)
{
	return c && strchr(WHITE_SPACE, c);
}

/*
 * Find the end of the argument at text, and its first '='. As for the kernel, a '=' in front is
 * part of the name, and quotes protect wherever they stand.
 */
static size_t scan_arg(const char *text, bool in_quote, size_t *equals_ret)
{
	size_t equals = 0;
	size_t i;

	for (i = 0; text[i] && (in_quote || !is_space(text[i])); i++) {
		if (text[i] == '=' && !equals)
			equals = i;
		if (text[i] == '"')
			in_quote = !in_quote;
	}
	*equals_ret = equals;
	return i;
}

/* Cut the argument at text off and take its quotes away. Returns where the next one may begin. */
static char *next_arg(char *text, struct br_cmdline_arg *arg_ret)
{
	bool quoted = *text == '"';
	size_t equals, end;
	char *value = NULL;
	char *rest;

	if (quoted)
		text++;
	end = scan_arg(text, quoted, &equals);
	rest = text[end] ? text + end + 1 : text + end;
	text[end] = '\0';
	if (equals) {
		text[equals] = '\0';
		value = text + equals + 1;
		if (*value == '"') {
			value++;
			quoted = true;
		}
	}
	if (quoted && end > 0 && text[end - 1] == '"')
		text[end - 1] = '\0';
	*arg_ret = (struct br_cmdline_arg){ .name = text, .value = value };
	return rest;
}

/* Every argument but the last ends in white space, so this many are enough. */
static size_t count_limit(const char *text)
{
	size_t limit = 1;

	for (; *text; text++)
		limit += is_space(*text);
	return limit;
}

int br_cmdline_parse(const char *text, struct br_cmdline *ret, struct br_error *err)
{
	BR_AUTO_FREE char *copy = strdup(text);
	BR_AUTO_FREE struct br_cmdline_arg *args = calloc(count_limit(text), sizeof(*args));
	struct br_cmdline_arg *arg;
	size_t count = 0;
	char *rest = copy;

	if (!copy || !args)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, "kernel command line");
	while (*(rest += strspn(rest, WHITE_SPACE))) {
		arg = &args[count];
		rest = next_arg(rest, arg);
		if (!arg->value && strcmp(arg->name, "--") == 0)
			break;
		count++;
	}
	*ret = (struct br_cmdline){ .text = br_take_ptr(&copy),
				    .args = br_take_ptr(&args),
				    .count = count };
	return 0;
}

void br_cmdline_free(struct br_cmdline *cmdline)
{
	if (!cmdline)
		return;
	free(cmdline->text);
	free(cmdline->args);
	*cmdline = (struct br_cmdline){ 0 };
}

static char dash_as_underscore(char c)
{
	return c == '-' ? '_' : c;
}

static bool is_same_name(const char *a, const char *b)
{
	while (*a && dash_as_underscore(*a) == dash_as_underscore(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct br_cmdline_arg *br_cmdline_find(const struct br_cmdline *cmdline, const char *name)
{
	for (size_t i = cmdline->count; i-- > 0;)
		if (is_same_name(cmdline->args[i].name, name))
			return &cmdline->args[i];
	return NULL;
}
