/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What GRUB boots by its configuration. */
#include "grub-config.h"

#include "cleanup.h"

#include <string.h>

#define BLANKS " \t"
#define DEPTH_MAX 16
#define WORD_MAX 512

/* What a "{" has begun. */
enum block { BLOCK_OTHER, BLOCK_SUBMENU, BLOCK_ENTRY };

struct scan {
	const char *wanted[DEPTH_MAX]; /* the default, a component for each menu */
	size_t wanted_length[DEPTH_MAX];
	unsigned wanted_count;

	enum block blocks[DEPTH_MAX];
	unsigned depth;
	unsigned menus;             /* of the blocks, those that are menus */
	unsigned number[DEPTH_MAX]; /* of the next item in each menu */
	unsigned matched;           /* how many of the open menus are the wanted ones */
	bool is_inside;             /* of the entry that is looked for */
	bool is_found;
	struct grub_choice *choice;
};

char *grub_variable(const char *environment, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = environment; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == '=') {
			size_t size = strcspn(line + length + 1, "\n");

			return size ? strndup(line + length + 1, size) : NULL;
		}
	}
	return NULL;
}

/* --- the default --- */

/* A word, unquoted; moves behind it. False: there is none. */
static bool take_word(const char **at, char word[WORD_MAX])
{
	size_t length = 0;
	char quote = '\0';
	const char *c = *at + strspn(*at, BLANKS);

	if (*c == '\0' || *c == '\n')
		return false;
	for (; *c && *c != '\n' && (quote || !strchr(BLANKS, *c)); c++) {
		if (quote ? *c == quote : *c == '\'' || *c == '"')
			quote = quote ? '\0' : *c;
		else if (length + 1 < WORD_MAX)
			word[length++] = *c;
	}
	word[length] = '\0';
	*at = c;
	return true;
}

/* The last "set default=" that is not for a boot that was asked for once. */
static char *find_default(const char *text, const char *environment)
{
	BR_AUTO_FREE char *once = grub_variable(environment, "next_entry");
	char word[WORD_MAX], found[WORD_MAX] = "0";

	if (once && strstr(text, "${next_entry}"))
		return br_take_ptr(&once);
	for (const char *at = text; (at = strstr(at, "set default="));) {
		at += strlen("set ");
		if (take_word(&at, word) && !strstr(word, "next_entry"))
			(void)snprintf(found, sizeof(found), "%s", word + strlen("default="));
	}
	if (strstr(found, "saved_entry")) {
		char *saved = grub_variable(environment, "saved_entry");

		return saved ? saved : strdup("0");
	}
	return strdup(found);
}

static void split_default(struct scan *scan, const char *entry)
{
	while (scan->wanted_count < DEPTH_MAX) {
		size_t length = strcspn(entry, ">");

		scan->wanted[scan->wanted_count] = entry;
		scan->wanted_length[scan->wanted_count++] = length;
		if (entry[length] == '\0')
			return;
		entry += length + 1;
	}
}

/* --- the entries --- */

static bool is_word(const struct scan *scan, unsigned level, const char *word)
{
	return strlen(word) == scan->wanted_length[level] &&
	       strncmp(word, scan->wanted[level], scan->wanted_length[level]) == 0;
}

/* Is this the item of the menu at hand that is wanted: by number, title, or id? */
static bool is_wanted(const struct scan *scan, const char *rest)
{
	unsigned level = scan->menus;
	char word[WORD_MAX];
	bool is_title = true, is_id = false;

	if (level >= scan->wanted_count || scan->matched != level)
		return false;
	(void)snprintf(word, sizeof(word), "%u", scan->number[level]);
	if (is_word(scan, level, word))
		return true;
	while (take_word(&rest, word)) {
		if ((is_title || is_id) && is_word(scan, level, word))
			return true;
		is_title = false;
		is_id = strcmp(word, "--id") == 0 || strcmp(word, "$menuentry_id_option") == 0 ||
			strcmp(word, "${menuentry_id_option}") == 0;
	}
	return false;
}

static void begin_item(struct scan *scan, enum block block, const char *rest)
{
	bool wanted = is_wanted(scan, rest);

	scan->number[scan->menus]++;
	if (wanted && block == BLOCK_SUBMENU)
		scan->matched++;
	if (wanted && block == BLOCK_ENTRY && scan->wanted_count == scan->menus + 1)
		scan->is_inside = scan->is_found = true;
	if (block == BLOCK_SUBMENU && scan->menus + 1 < DEPTH_MAX)
		scan->number[++scan->menus] = 0;
}

static void end_block(struct scan *scan)
{
	enum block block;

	if (scan->depth == 0)
		return;
	block = scan->blocks[--scan->depth];
	if (block == BLOCK_ENTRY)
		scan->is_inside = false;
	if (block == BLOCK_SUBMENU && scan->menus > 0) {
		scan->menus--;
		if (scan->matched > scan->menus)
			scan->matched = scan->menus;
	}
}

/* The last word is the image: microcode comes before it. */
static void read_initrd(struct scan *scan, const char *rest)
{
	char word[WORD_MAX];

	while (take_word(&rest, word)) {
		free(scan->choice->initrd);
		scan->choice->initrd = strdup(word);
	}
}

static void read_linux(struct scan *scan, const char *rest)
{
	char word[WORD_MAX];

	free(scan->choice->options);
	scan->choice->options = NULL;
	if (take_word(&rest, word))
		scan->choice->options = strndup(rest, strcspn(rest, "\n"));
}

static const char *behind(const char *line, const char *keyword)
{
	size_t length = strlen(keyword);

	return strncmp(line, keyword, length) == 0 && line[length] && strchr(BLANKS, line[length])
		       ? line + length
		       : NULL;
}

static bool ends_with_brace(const char *line)
{
	size_t length = strcspn(line, "\n");

	while (length > 0 && strchr(BLANKS, line[length - 1]))
		length--;
	return length > 0 && line[length - 1] == '{';
}

static void read_line(struct scan *scan, const char *line)
{
	const char *rest;
	enum block block = BLOCK_OTHER;

	if (*line == '}') {
		end_block(scan);
		return;
	}
	if ((rest = behind(line, "menuentry")))
		begin_item(scan, block = BLOCK_ENTRY, rest);
	else if ((rest = behind(line, "submenu")))
		begin_item(scan, block = BLOCK_SUBMENU, rest);
	if (ends_with_brace(line) && scan->depth < DEPTH_MAX)
		scan->blocks[scan->depth++] = block;
	if (!scan->is_inside)
		return;
	if ((rest = behind(line, "initrd")) || (rest = behind(line, "initrdefi")))
		read_initrd(scan, rest);
	if ((rest = behind(line, "linux")) || (rest = behind(line, "linuxefi")) ||
	    (rest = behind(line, "linux16")))
		read_linux(scan, rest);
}

static bool find_entry(const char *text, const char *entry, struct grub_choice *choice)
{
	struct scan scan = { .choice = choice };

	split_default(&scan, entry);
	for (const char *line = text; line && *line;) {
		line += strspn(line, BLANKS);
		read_line(&scan, line);
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	return scan.is_found;
}

void grub_choose(const char *text, const char *environment, struct grub_choice *ret)
{
	*ret = (struct grub_choice){ .entry = find_default(text, environment),
				     .uses_bls = strstr(text, "\nblscfg") != NULL };
	/* one that is not there: GRUB takes the first one */
	if (ret->entry && !ret->uses_bls && !find_entry(text, ret->entry, ret))
		(void)find_entry(text, "0", ret);
}

void grub_choice_free(struct grub_choice *choice)
{
	if (!choice)
		return;
	free(choice->entry);
	free(choice->initrd);
	free(choice->options);
	*choice = (struct grub_choice){ 0 };
}
