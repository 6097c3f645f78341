/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change itself. What was there is on the disk before anything is changed. */
#include "cleanup.h"
#include "tune.h"

#include <string.h>

#define BEFORE "as it was before"

/* --- what the record knows --- */

/* The mode leaves it alone: it goes back, if it was changed. */
static int take_back(struct tune_row *row, struct br_error *err)
{
	int r;

	if (row->wanted)
		return 0;
	if ((r = tune_set_text(&row->wanted, row->before, err)) < 0)
		return r;
	return tune_set_text(&row->source, BEFORE, err);
}

static int merge_entry(const struct tune_facts *facts, const struct tune_row *entry,
		       struct tune_list *list, struct br_error *err)
{
	struct tune_row *row = tune_list_find(list, entry->knob, entry->object);
	int r;

	if (!row) {
		if (!(row = tune_list_add(list, entry->knob, entry->object, err)))
			return err->code;
		if ((r = tune_read(facts, row->knob, row->object, &row->current, err)) < 0 ||
		    (!row->current &&
		     (r = tune_set_text(&row->note, "is not there any more", err)) < 0))
			return r;
	}
	if ((r = tune_set_text(&row->before, entry->before, err)) < 0)
		return r;
	return take_back(row, err);
}

/* With another scheduler, the old number of requests says nothing: see br_knobs. */
static int leave_requests(struct tune_list *list, struct br_error *err)
{
	const struct br_knob *scheduler = br_knob_find("queue.scheduler");
	const struct br_knob *requests = br_knob_find("queue.nr_requests");
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		struct tune_row *row = &list->rows[i];
		const struct tune_row *other = tune_list_find(list, scheduler, row->object);

		if (row->knob == requests && row->source && strcmp(row->source, BEFORE) == 0 &&
		    other && other->before && other->wanted &&
		    strcmp(other->before, other->wanted) != 0 &&
		    (r = tune_set_text(&row->wanted, NULL, err)) == 0)
			r = tune_set_text(&row->source, NULL, err);
	}
	return r;
}

int tune_merge(const struct tune_facts *facts, const struct tune_record *record,
	       struct tune_list *list, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < record->entries.count; i++)
		r = merge_entry(facts, &record->entries.rows[i], list, err);
	return r < 0 ? r : leave_requests(list, err);
}

/* --- recording --- */

static int record_row(struct tune_record *record, struct tune_row *row, struct br_error *err)
{
	struct tune_row *entry;
	int r;

	if (row->before || !row->current)
		return 0;
	if (!(entry = tune_list_add(&record->entries, row->knob, row->object, err)))
		return err->code;
	if ((r = tune_set_text(&entry->before, row->current, err)) < 0)
		return r;
	return tune_set_text(&row->before, row->current, err);
}

/* What is changed, and what changes with it. */
static int record_all(struct tune_record *record, struct tune_list *list, struct br_error *err)
{
	const struct br_knob *requests = br_knob_find("queue.nr_requests");
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		struct tune_row *row = &list->rows[i];
		struct tune_row *with = strcmp(row->knob->name, "queue.scheduler") == 0
						? tune_list_find(list, requests, row->object)
						: NULL;

		if (!tune_row_differs(row))
			continue;
		r = record_row(record, row, err);
		if (r == 0 && with)
			r = record_row(record, with, err);
	}
	return r;
}

static void forget(struct tune_record *record, const struct tune_row *row)
{
	struct tune_list *entries = &record->entries;
	struct tune_row *entry = tune_list_find(entries, row->knob, row->object);

	if (!entry)
		return;
	free(entry->object);
	free(entry->before);
	*entry = entries->rows[--entries->count];
}

/* --- changing --- */

/* Without memory for the message, the failure is told all the same. */
static void note_failure(struct tune_row *row, const struct br_error *problem)
{
	char message[BR_ERROR_TEXT_MAX];

	br_error_format(problem, message, sizeof(message));
	free(row->note);
	row->note = strdup(message);
	row->has_failed = true;
}

/* Read again: an earlier row may have changed it, see br_knobs. */
static int change(const struct tune_facts *facts, struct tune_row *row, struct br_error *err)
{
	BR_AUTO_FREE char *now = NULL;
	int r;

	if (!row->wanted || !row->current)
		return 0;
	if ((r = tune_read(facts, row->knob, row->object, &now, err)) < 0 || !now)
		return r;
	if (strcmp(now, row->wanted) == 0)
		return tune_set_text(&row->current, now, err);
	if ((r = tune_write(facts, row->knob, row->object, row->wanted, err)) < 0)
		return r;
	row->was_changed = true;
	free(row->current);
	if ((r = tune_read(facts, row->knob, row->object, &row->current, err)) < 0)
		return r;
	if (row->current && strcmp(row->current, row->wanted) == 0)
		return 0;
	return br_error_set(err, BR_ERR_WRITE, 0, NULL, "the kernel made \"%s\" of it",
			    row->current ? row->current : "nothing");
}

/* It is where it was before, or there is nothing left of which it could be said. */
static bool is_back(const struct tune_row *row)
{
	return !row->current || (row->source && strcmp(row->source, BEFORE) == 0 && row->wanted &&
				 strcmp(row->current, row->wanted) == 0);
}

static size_t change_all(const struct tune_facts *facts, struct tune_list *list)
{
	size_t failed = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct br_error problem = { 0 };

		if (change(facts, &list->rows[i], &problem) < 0) {
			note_failure(&list->rows[i], &problem);
			failed++;
		}
	}
	return failed;
}

int tune_apply(const struct tune_facts *facts, enum br_performance mode, struct tune_record *record,
	       struct tune_list *list, struct br_error *err)
{
	size_t failed;
	int r;

	record->mode = mode;
	if ((r = record_all(record, list, err)) < 0 ||
	    (r = tune_record_save(facts->top, record, err)) < 0)
		return r;
	failed = change_all(facts, list);
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].before && is_back(&list->rows[i]))
			forget(record, &list->rows[i]);
	if ((r = tune_record_save(facts->top, record, err)) < 0)
		return r;
	if (failed > 0)
		return br_error_set(err, BR_ERR_WRITE, 0, NULL, "%zu could not be changed", failed);
	return 0;
}
