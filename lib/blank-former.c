/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Former blanks, which are kept beside the blank. */
#include "blank-former.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "mountinfo.h"
#include "name.h"
#include "record.h"

#include <fcntl.h>
#include <string.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- listing --- */

struct listing {
	struct br_blank_formers formers;
	const char *escaped; /* of the blank's own name */
};

static int add(struct br_blank_formers *formers, const char *name, const struct br_subvol *subvol,
	       struct br_error *err)
{
	struct br_blank_former *former;

	if (formers->count == formers->room) {
		size_t room = 2 * formers->room + 8;
		struct br_blank_former *grown = reallocarray(formers->list, room, sizeof(*grown));

		if (!grown)
			return no_memory(err);
		formers->list = grown;
		formers->room = room;
	}
	former = &formers->list[formers->count];
	*former = (struct br_blank_former){ .name = strdup(name), .subvol = *subvol };
	if (!former->name)
		return no_memory(err);
	formers->count++;
	return 0;
}

static int look_at(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct listing *listing = data;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	(void)type; /* a subvolume is told by its root */
	if (!br_name_is_archive_of(name, listing->escaped))
		return 0;
	r = br_subvol_open(listing->formers.parent, name, &fd, &subvol, err);
	if (r == BR_ERR_LAYOUT || r == BR_ERR_SYMLINK ||
	    (r < 0 && (err->sys_errno == ENOTDIR || err->sys_errno == ENOENT)))
		return 0; /* not one of ours, or gone meanwhile */
	return r < 0 ? r : add(&listing->formers, name, &subvol, err);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct br_blank_former *)a)->subvol.id;
	uint64_t y = ((const struct br_blank_former *)b)->subvol.id;

	return (x > y) - (x < y);
}

int br_blank_formers_list(int top, const struct br_ephemeral *ephemeral,
			  struct br_blank_formers *ret, struct br_error *err)
{
	struct listing listing = { .formers.parent = -1 };
	BR_AUTO_FREE char *escaped = NULL;
	const char *name;
	int r = br_open_parent(top, ephemeral->blank, &listing.formers.parent, &name, err);

	if (r < 0 && err->sys_errno == ENOENT) {
		*ret = listing.formers;
		return 0;
	}
	if (r < 0 || (r = br_name_escape(name, &escaped, err)) < 0) {
		br_blank_formers_free(&listing.formers);
		return r;
	}
	listing.escaped = escaped;
	r = br_entries_visit(listing.formers.parent, look_at, &listing, err);
	if (r < 0) {
		br_blank_formers_free(&listing.formers);
		return r;
	}
	if (listing.formers.count > 0)
		qsort(listing.formers.list, listing.formers.count, sizeof(*listing.formers.list),
		      by_id);
	*ret = listing.formers;
	return 0;
}

void br_blank_formers_free(struct br_blank_formers *formers)
{
	if (!formers)
		return;
	for (size_t i = 0; i < formers->count; i++)
		free(formers->list[i].name);
	free(formers->list);
	br_cleanup_close(&formers->parent);
	*formers = (struct br_blank_formers){ .parent = -1 };
}

/* --- finding --- */

const struct br_blank_former *br_blank_former_before(const struct br_blank_formers *formers,
						     int top, uint64_t blank)
{
	const struct br_blank_former *found = NULL;
	BR_AUTO_CLOSE int state = -1;
	struct br_error none;
	uint64_t before = 0;

	if (br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) == 0)
		before = br_record_get_blank_before(state, blank);
	for (size_t i = 0; i < formers->count; i++) {
		uint64_t id = formers->list[i].subvol.id;

		if (id == before)
			return &formers->list[i];
		if (id < blank)
			found = &formers->list[i];
	}
	return before == 0 ? found : NULL;
}

const struct br_blank_former *br_blank_former_find(const struct br_blank_formers *formers,
						   const char *name)
{
	for (size_t i = 0; i < formers->count; i++)
		if (strcmp(formers->list[i].name, name) == 0)
			return &formers->list[i];
	return NULL;
}

/* --- deleting --- */

struct dropping {
	int top, state;
	struct br_blank_formers formers;
	struct br_mountinfo mounts;
	uint64_t default_id;
	const char *dir; /* that of the blank */
};

/* What cannot be told is held. */
static bool is_held(const struct dropping *dropping, const struct br_blank_former *former)
{
	BR_AUTO_FREE char *path = br_name_join(dropping->dir, former->name);
	BR_AUTO_CLOSE int fd = -1;
	struct br_error none;

	return !path || former->subvol.id == dropping->default_id ||
	       br_mountinfo_find_btrfs(&dropping->mounts, dropping->top, path) ||
	       br_subvol_open(dropping->formers.parent, former->name, &fd, NULL, &none) < 0 ||
	       br_record_get_mark(fd, BR_XATTR_PINNED) != BR_MARK_ABSENT;
}

static int drop_one(const struct dropping *dropping, const struct br_blank_former *former,
		    struct br_error *err)
{
	int r = br_subvol_delete_tree(dropping->formers.parent, former->name, former->subvol.id,
				      err);

	if (r == 0)
		br_record_forget_blank_before(dropping->state, former->subvol.id);
	return r;
}

static int prepare(struct dropping *dropping, const struct br_ephemeral *ephemeral,
		   uint64_t *blank_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int blank = -1;
	struct br_subvol subvol;
	int r;

	if ((r = br_blank_formers_list(dropping->top, ephemeral, &dropping->formers, err)) < 0 ||
	    (r = br_mountinfo_read(&dropping->mounts, err)) < 0 ||
	    (r = br_subvol_get_default(dropping->top, &dropping->default_id, err)) < 0 ||
	    (r = br_subvol_open(dropping->top, ephemeral->blank, &blank, &subvol, err)) < 0 ||
	    (r = br_open_beneath(dropping->top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0,
				 &dropping->state, err)) < 0)
		return r;
	*blank_ret = subvol.id;
	return 0;
}

static int drop(const struct dropping *dropping, uint64_t blank, size_t keep,
		br_blank_former_teller tell, void *data, struct br_error *err)
{
	const struct br_blank_former *before = br_blank_former_before(&dropping->formers,
								      dropping->top, blank);
	size_t kept = keep > 0 && before ? 1 : 0;
	struct br_error failure;
	int first = 0;

	for (size_t i = dropping->formers.count; i-- > 0;) {
		const struct br_blank_former *former = &dropping->formers.list[i];
		int r;

		if (former == before && keep > 0)
			continue;
		if (is_held(dropping, former) || kept < keep) {
			kept++;
			continue;
		}
		r = drop_one(dropping, former, &failure);
		tell(data, former->name, r < 0 ? &failure : NULL);
		if (r < 0 && first == 0) {
			*err = failure;
			first = r;
		}
	}
	return first;
}

int br_blank_formers_drop(int top, const struct br_ephemeral *ephemeral, size_t keep,
			  br_blank_former_teller tell, void *data, struct br_error *err)
{
	const char *slash = strrchr(ephemeral->blank, '/');
	BR_AUTO_FREE char *dir = strndup(ephemeral->blank,
					 slash ? (size_t)(slash - ephemeral->blank) : 0);
	struct dropping dropping = { .top = top, .state = -1, .formers.parent = -1, .dir = dir };
	uint64_t blank = 0;
	int r = dir ? prepare(&dropping, ephemeral, &blank, err) : no_memory(err);

	if (r == 0)
		r = drop(&dropping, blank, keep, tell, data, err);
	br_mountinfo_free(&dropping.mounts);
	br_blank_formers_free(&dropping.formers);
	br_cleanup_close(&dropping.state);
	return r;
}
