/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of configuration keys: checked, converted, stored. */
#include "config-internal.h"

#include "cleanup.h"
#include "device.h"
#include "interval.h"
#include "name.h"
#include "owner.h"
#include "retained.h"
#include "schedule.h"

#include <limits.h>
#include <string.h>

#define COMMAND_WORDS_MAX 256

static int refuse(const char *problem, struct br_error *err)
{
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", problem);
}

static int store_text(char **field, const char *value, struct br_error *err)
{
	char *copy = strdup(value);

	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	free(*field);
	*field = copy;
	return 0;
}

static const char *component_problem(const char *component, size_t length)
{
	if (length == 0)
		return "must not contain an empty component";
	if (length == 1 && component[0] == '.')
		return "must not contain \".\"";
	if (length == 2 && component[0] == '.' && component[1] == '.')
		return "must not contain \"..\"";
	return length > NAME_MAX ? "has a component of more than 255 bytes" : NULL;
}

const char *br_config_path_problem(const char *path)
{
	const char *problem = NULL;
	size_t length;

	if (!*path)
		return "must not be empty";
	if (*path == '/')
		return "must be relative to the top level, without a slash in front";
	if (path[strlen(path) - 1] == '/')
		return "must not end in a slash";
	while (!problem) {
		length = strcspn(path, "/");
		problem = component_problem(path, length);
		if (!path[length])
			break;
		path += length + 1;
	}
	return problem;
}

bool br_config_path_is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

const char *br_config_subvolume_problem(const char *path)
{
	const char *problem = br_config_path_problem(path);

	if (!problem && (br_config_path_is_within(path, BR_STATE_DIR) ||
			 br_config_path_is_within(path, BR_SNAPSHOTS_DIR)))
		problem = "must not be at or below \"" BR_STATE_DIR "\" or \"" BR_SNAPSHOTS_DIR
			  "\", which are blankroot's own";
	return problem;
}

BR_CONFIG_SET(br_config_set_schedule)
{
	const char *problem = br_schedule_problem(setting->value);
	struct br_schedule *schedule = field;
	int r;

	(void)key;
	if (problem)
		return refuse(problem, err);
	r = store_text(&schedule->origin.file, setting->file, err);
	if (r == 0)
		r = store_text(&schedule->text, setting->value, err);
	if (r == 0)
		schedule->origin.line = setting->line;
	return r;
}

BR_CONFIG_SET(br_config_set_device)
{
	(void)key;
	if (!br_device_spec_is_valid(setting->value))
		return refuse("must be UUID=, LABEL=, PARTUUID=, PARTLABEL= or an absolute path",
			      err);
	return store_text(field, setting->value, err);
}

BR_CONFIG_SET(br_config_set_subvolume)
{
	const char *problem = br_config_subvolume_problem(setting->value);

	(void)key;
	if (problem)
		return refuse(problem, err);
	return store_text(field, setting->value, err);
}

BR_CONFIG_SET(br_config_set_mountpoint)
{
	const char *path = setting->value;
	const char *problem = NULL;

	(void)key;
	if (*path != '/')
		problem = "must be an absolute path";
	else if (path[1])
		problem = path[1] == '/' ? "must not contain an empty component"
					 : br_config_path_problem(path + 1);
	if (problem)
		return refuse(problem, err);
	return store_text(field, path, err);
}

BR_CONFIG_SET(br_config_set_owner)
{
	int r = br_owner_check(setting->value, err);

	(void)key;
	if (r == BR_ERR_OWNER)
		return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", err->text);
	return r < 0 ? r : store_text(field, setting->value, err);
}

static int refuse_word(const char *const *words, struct br_error *err)
{
	(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "must be one of \"%s\"", words[0]);
	while (*++words)
		(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s, \"%s\"", err->text, *words);
	return err->code;
}

BR_CONFIG_SET(br_config_set_word)
{
	for (unsigned i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], setting->value) == 0) {
			*(unsigned *)field = i; /* what these enums are for gcc and clang */
			return 0;
		}
	}
	return refuse_word(key->words, err);
}

BR_CONFIG_SET(br_config_set_mode)
{
	struct br_persist *persist = field;
	size_t length = strlen(setting->value);

	(void)key;
	if (length < 3 || length > 5 || strspn(setting->value, "01234567") != length ||
	    strtoul(setting->value, NULL, 8) > 07777)
		return refuse("must be an octal mode such as 0750", err);
	persist->mode = (mode_t)strtoul(setting->value, NULL, 8);
	persist->has_mode = true;
	return 0;
}

BR_CONFIG_SET(br_config_set_interval)
{
	uint64_t seconds;

	(void)key;
	if (!br_interval_parse(setting->value, &seconds))
		return refuse("must be a length of time such as 30d, 12h or 1d12h", err);
	if (seconds == 0)
		return refuse("must be longer than nothing", err);
	*(uint64_t *)field = seconds;
	return 0;
}

static void drop_command(struct br_command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->argv[i]);
	free(command->argv);
	free(command->file);
	*command = (struct br_command){ 0 };
}

/* Unlike other lists a command is one value: that of a later file is not added to it. */
BR_CONFIG_SET(br_config_add_argument)
{
	struct br_command *command = field;
	char **grown, *word, *file = NULL;

	(void)key;
	if (command->file && strcmp(command->file, setting->file) != 0)
		drop_command(command);
	if (command->count == 0 && setting->value[0] != '/')
		return refuse("must begin with the absolute path of a program", err);
	if (command->count == COMMAND_WORDS_MAX)
		return refuse("is one word too many", err);
	grown = reallocarray(command->argv, command->count + 2, sizeof(*grown));
	if (grown)
		command->argv = grown;
	word = grown ? strdup(setting->value) : NULL;
	if (!word || (!command->file && !(file = strdup(setting->file)))) {
		free(word);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	if (file)
		command->file = file;
	grown[command->count++] = word;
	grown[command->count] = NULL;
	return 0;
}

/* Decimal digits, at most max. */
static bool parse_count(const char *text, unsigned long max, unsigned long *count_ret)
{
	unsigned long count;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	count = strtoul(text, NULL, 10);
	if (errno || count > max)
		return false;
	*count_ret = count;
	return true;
}

BR_CONFIG_SET(br_config_set_count)
{
	unsigned long count;

	(void)key;
	if (!parse_count(setting->value, UINT_MAX, &count))
		return refuse("must be a whole number", err);
	*(unsigned *)field = (unsigned)count;
	return 0;
}

/* "15%", "2.5%". Not strtod: its decimal point depends on the locale, and it takes "inf". */
BR_CONFIG_SET(br_config_set_share)
{
	const char *s = setting->value;
	double percent = 0, place = 1;
	size_t digits = strspn(s, "0123456789");
	size_t end = digits;

	(void)key;
	for (size_t i = 0; i < digits; i++)
		percent = 10 * percent + (s[i] - '0');
	if (s[end] == '.')
		for (end++; s[end] >= '0' && s[end] <= '9'; end++)
			percent += (s[end] - '0') * (place /= 10);
	if (digits == 0 || s[end - 1] == '.' || strcmp(s + end, "%") != 0 || percent > 100)
		return refuse("must be a share from 0% to 100%", err);
	*(double *)field = percent / 100;
	return 0;
}
