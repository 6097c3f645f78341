/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration says for blankroot tune, besides the mode. */
#include "config-internal.h"

#include "cleanup.h"
#include "knob.h"

#include <string.h>

#define ITEMS_MAX 1024 /* every pair is compared */
#define WHERE "%s:%u: performance: "

static int refuse(const char *problem, struct br_error *err)
{
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s", problem);
}

static int add(struct br_tuning_list *list, const struct br_config_setting *setting,
	       struct br_error *err)
{
	struct br_tuning_item *grown;

	if (list->count == ITEMS_MAX)
		return refuse("is one too many", err);
	grown = reallocarray(list->items, list->count + 1, sizeof(*grown));
	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	list->items = grown;
	grown += list->count++;
	*grown = (struct br_tuning_item){ .text = strdup(setting->value) };
	grown->origin.line = setting->line;
	grown->origin.file = strdup(setting->file);
	return grown->text && grown->origin.file
		       ? 0
		       : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static const struct br_tuning_item *find(const struct br_tuning_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].text, text) == 0)
			return &list->items[i];
	return NULL;
}

BR_CONFIG_SET(br_config_add_directory)
{
	const char *path = setting->value;
	const char *problem = NULL;

	(void)key;
	if (*path != '/')
		problem = "must be an absolute path";
	else if (!path[1])
		problem = "must be a directory below the root";
	else
		problem = path[1] == '/' ? "must not contain an empty component"
					 : br_config_path_problem(path + 1);
	if (!problem && find(field, path))
		problem = "is listed twice";
	return problem ? refuse(problem, err) : add(field, setting, err);
}

BR_CONFIG_SET(br_config_add_knob)
{
	struct br_knob_setting parsed;
	const char *problem = br_knob_parse(setting->value, &parsed);

	(void)key;
	return problem ? refuse(problem, err) : add(field, setting, err);
}

/* --- what does not go together --- */

static int check_directories(const struct br_tuning_policy *tuning, struct br_error *err)
{
	for (size_t i = 0; i < tuning->compress.count; i++) {
		const struct br_tuning_item *item = &tuning->compress.items[i];
		const struct br_tuning_item *other = find(&tuning->nodatacow, item->text);

		if (other)
			return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
					    WHERE "compress: \"%.200s\": is to be nodatacow, too, "
						  "at %s:%u: what is not copied on write is not "
						  "compressed",
					    item->origin.file, item->origin.line, item->text,
					    other->origin.file, other->origin.line);
	}
	return 0;
}

/* The last one of that knob; NULL: none. */
static const struct br_tuning_item *find_knob(const struct br_tuning_list *set, const char *name,
					      struct br_knob_setting *ret)
{
	const struct br_tuning_item *found = NULL;
	struct br_knob_setting setting;

	for (size_t i = 0; i < set->count; i++)
		if (!br_knob_parse(set->items[i].text, &setting) &&
		    strcmp(setting.knob->name, name) == 0) {
			found = &set->items[i];
			*ret = setting;
		}
	return found;
}

/* In one file: a later file is there to say something else. */
static int check_twice(const struct br_tuning_list *set, size_t i, struct br_error *err)
{
	const struct br_tuning_item *item = &set->items[i];
	struct br_knob_setting first, setting;

	if (br_knob_parse(item->text, &setting))
		return 0;
	for (size_t j = 0; j < i; j++)
		if (!br_knob_parse(set->items[j].text, &first) && first.knob == setting.knob &&
		    strcmp(set->items[j].origin.file, item->origin.file) == 0)
			return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
					    WHERE "set: \"%.200s\": is set twice, at %s:%u too",
					    item->origin.file, item->origin.line, item->text,
					    set->items[j].origin.file, set->items[j].origin.line);
	return 0;
}

int br_config_check_tuning(const struct br_tuning_policy *tuning, struct br_error *err)
{
	const struct br_tuning_item *low, *high;
	struct br_knob_setting background, limit;
	int r = check_directories(tuning, err);

	for (size_t i = 0; r == 0 && i < tuning->set.count; i++)
		r = check_twice(&tuning->set, i, err);
	if (r < 0)
		return r;
	low = find_knob(&tuning->set, "vm.dirty_background_bytes", &background);
	high = find_knob(&tuning->set, "vm.dirty_bytes", &limit);
	if (!low || !high || !br_knob_dirty_is_reversed(background.value, limit.value))
		return 0;
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
			    WHERE "set: \"%.200s\": is above %.200s, at which writers have to wait",
			    low->origin.file, low->origin.line, low->text, high->text);
}

static void free_list(struct br_tuning_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].text);
		free(list->items[i].origin.file);
	}
	free(list->items);
	*list = (struct br_tuning_list){ 0 };
}

void br_config_free_tuning(struct br_tuning_policy *tuning)
{
	free_list(&tuning->nodatacow);
	free_list(&tuning->compress);
	free_list(&tuning->set);
}
