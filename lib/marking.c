/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks on subvolumes that are read-only. */
#include "marking.h"

#include "beneath.h"
#include "cleanup.h"
#include "name.h"
#include "private-dir.h"
#include "record.h"
#include "subvol.h"

#include <fcntl.h>
#include <sys/xattr.h>

static int set_pin(int subvol, bool pinned, struct br_error *err)
{
	int r = pinned ? fsetxattr(subvol, BR_XATTR_PINNED, "1", 1, 0)
		       : fremovexattr(subvol, BR_XATTR_PINNED);

	if (r != 0 && !(errno == ENODATA && !pinned))
		return br_error_set(err, BR_ERR_XATTR, errno, NULL, "%s", BR_XATTR_PINNED);
	return 0;
}

/* What the record cannot be taken off from means nothing once the subvolume is read-only. */
static void forget(int state)
{
	(void)fremovexattr(state, BR_XATTR_MARKING);
}

/*
 * The record comes first: making it writable commits both, so there is no moment at which the disk
 * has one without the other.
 */
int br_marking_unseal(int top, int subvol, uint64_t id, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r;

	if ((r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	if (br_record_set_number(state, BR_XATTR_MARKING, id, err) < 0)
		return br_error_name(err, BR_STATE_DIR);
	return br_subvol_set_read_only(subvol, false, err);
}

int br_marking_seal(int top, int subvol, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r;

	if ((r = br_subvol_set_read_only(subvol, true, err)) < 0 ||
	    (r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	forget(state);
	return 0;
}

static int pin_sealed(int top, int subvol, uint64_t id, bool pinned, struct br_error *err)
{
	struct br_error later = { 0 };
	int r = br_marking_unseal(top, subvol, id, err);

	if (r == 0)
		r = set_pin(subvol, pinned, err);
	/* also after a failure */
	if (br_marking_seal(top, subvol, &later) < 0 && r == 0) {
		*err = later;
		return err->code;
	}
	return r;
}

int br_marking_pin(int top, int subvol, bool pinned, struct br_error *err)
{
	struct br_subvol properties;
	int r = br_subvol_stat(subvol, &properties, err);

	if (r < 0 || br_record_get_mark(subvol, BR_XATTR_PINNED) ==
			     (pinned ? BR_MARK_PRESENT : BR_MARK_ABSENT))
		return r;
	if (properties.read_only)
		return pin_sealed(top, subvol, properties.id, pinned, err);
	r = set_pin(subvol, pinned, err);
	return r < 0 ? r : br_subvol_commit(top, err);
}

/* Ids are never used again: one that is gone was deleted since. */
static int seal(int top, uint64_t id, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if (br_subvol_path_of(top, id, &path, err) < 0)
		return 0;
	if ((r = br_subvol_open(top, path, &fd, &subvol, err)) < 0)
		return r;
	return subvol.id != id || subvol.read_only ? 0 : br_subvol_set_read_only(fd, true, err);
}

int br_marking_finish(int top, struct br_error *err)
{
	struct br_error none = { 0 };
	BR_AUTO_CLOSE int state = -1;
	uint64_t id;
	int r;

	if (br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) < 0)
		return 0;
	id = br_record_get_number(state, BR_XATTR_MARKING, 0);
	if (id == 0)
		return 0;
	r = seal(top, id, err);
	if (r == 0)
		forget(state);
	return r;
}
