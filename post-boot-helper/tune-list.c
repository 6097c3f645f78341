/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of everything that can be tuned. */
#include "cleanup.h"
#include "tune.h"

#include <string.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

struct tune_row *tune_list_add(struct tune_list *list, const struct br_knob *knob,
			       const char *object, struct br_error *err)
{
	struct tune_row *grown = reallocarray(list->rows, list->count + 1, sizeof(*grown));
	char *copy = grown ? strdup(object) : NULL;

	if (grown)
		list->rows = grown;
	if (!copy) {
		(void)no_memory(err);
		return NULL;
	}
	grown += list->count++;
	*grown = (struct tune_row){ .knob = knob, .object = copy };
	return grown;
}

struct tune_row *tune_list_find(const struct tune_list *list, const struct br_knob *knob,
				const char *object)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].knob == knob && strcmp(list->rows[i].object, object) == 0)
			return &list->rows[i];
	return NULL;
}

int tune_set_text(char **text, const char *value, struct br_error *err)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return no_memory(err);
	free(*text);
	*text = copy;
	return 0;
}

bool tune_row_differs(const struct tune_row *row)
{
	return row->current && row->wanted && strcmp(row->current, row->wanted) != 0;
}

void tune_list_free(struct tune_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct tune_row *row = &list->rows[i];

		free(row->object);
		free(row->current);
		free(row->wanted);
		free(row->before);
		free(row->source);
		free(row->note);
	}
	free(list->rows);
	*list = (struct tune_list){ 0 };
}
