/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making room for a reset when space has run out. */
#include "room.h"

#include "cleanup.h"
#include "name.h"
#include "retained.h"

#define CLEANER_SECONDS 60

/* The list that holds the oldest one that may go. */
struct victim {
	struct br_retained retained;
	const struct br_retention_item *item; /* NULL: none so far */
};

static void victim_free(struct victim *victim)
{
	br_retained_free(&victim->retained);
}

static int consider(const struct br_retained_facts *facts, const struct br_ephemeral *config,
		    unsigned keep_min, struct victim *victim, struct br_error *err)
{
	__attribute__((cleanup(br_retained_free))) struct br_retained retained = { .dirfd = -1 };
	const struct br_retention_item *oldest;
	int r = br_retained_list(facts, config, &retained, err);

	if (r < 0)
		return r;
	br_retention_hold(retained.items, retained.count, keep_min);
	oldest = br_retention_next_for_space(retained.items, retained.count);
	if (!oldest ||
	    (victim->item && br_retention_rank(victim->item) < br_retention_rank(oldest)))
		return 0;
	br_retained_free(&victim->retained);
	*victim = (struct victim){ retained, oldest };
	retained = (struct br_retained){ .dirfd = -1 };
	return 0;
}

int br_room_make(int top, const struct br_config *config, const char *from, char **path_ret,
		 struct br_error *err)
{
	__attribute__((cleanup(br_retained_facts_free))) struct br_retained_facts facts = { 0 };
	__attribute__((cleanup(victim_free))) struct victim victim = { .retained.dirfd = -1 };
	BR_AUTO_FREE char *path = NULL;
	int r = br_retained_facts_read(top, from, &facts, err);

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++)
		if (config->ephemeral[i].archive)
			r = consider(&facts, &config->ephemeral[i], config->archives.keep_min,
				     &victim, err);
	if (r == 0 && victim.item) {
		path = br_name_join(victim.retained.dir, victim.item->name);
		r = path ? br_retained_delete(&facts, &victim.retained, victim.item,
					      CLEANER_SECONDS, err)
			 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	if (r == 0)
		*path_ret = br_take_ptr(&path);
	return r;
}
