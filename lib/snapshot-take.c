/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read-only snapshots of persistent subvolumes. */
#include "snapshot-take.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "name.h"
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No name of br_name_archive ends like that: those end in Z or a number. */
#define UNFINISHED ".new"

int br_snapshot_source_open(int top, const char *subvolume, struct br_snapshot_source *ret,
			    struct br_error *err)
{
	struct br_snapshot_source source = { .subvolume = subvolume, .fd = -1 };
	int r = br_subvol_open(top, subvolume, &source.fd, &source.subvol, err);

	if (r == 0)
		*ret = source;
	return r;
}

void br_snapshot_source_close(struct br_snapshot_source *source)
{
	if (!source)
		return;
	br_cleanup_close(&source->fd);
	free(source->name);
	source->name = NULL;
}

/* --- names --- */

static int set_name(struct br_snapshot_source *source, time_t now, unsigned n, struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	int r = br_name_escape(source->subvolume, &escaped, err);

	if (r < 0)
		return r;
	free(source->name);
	source->name = br_name_archive(escaped, now, n);
	return source->name ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* What cannot be looked at is in the way, too. */
static bool is_taken(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int br_snapshot_set_names(int dirfd, struct br_snapshot_source *sources, size_t count, time_t now,
			  struct br_error *err)
{
	bool taken = true;

	for (unsigned n = 1; taken; n++) {
		taken = false;
		for (size_t i = 0; i < count; i++) {
			int r = set_name(&sources[i], now, n, err);

			if (r < 0)
				return r;
			taken |= dirfd >= 0 && is_taken(dirfd, sources[i].name);
		}
	}
	return 0;
}

/* --- did it change? --- */

int br_snapshot_find_unchanged(struct br_snapshot_source *source,
			       const struct br_retained *snapshots,
			       const struct br_retention_item **newest_ret, struct br_error *err)
{
	const struct br_retention_item *newest;
	struct br_subvol snapshot;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	*newest_ret = NULL;
	if (snapshots->count == 0)
		return 0;
	newest = &snapshots->items[snapshots->count - 1];
	if (newest->held == BR_REASON_UNREADABLE)
		return 0;
	if ((r = br_subvol_open(snapshots->dirfd, newest->name, &fd, &snapshot, err)) < 0)
		return r;
	if (memcmp(snapshot.parent_uuid, source->subvol.uuid, BR_UUID_SIZE) != 0)
		return 0;
	/* data that is still to be written out raises the number only then */
	if (syncfs(source->fd) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, source->subvolume, NULL);
	if ((r = br_subvol_stat(source->fd, &source->subvol, err)) < 0)
		return r;
	/*
	 * Changes of the transaction in which the snapshot was made are in it: no other one joins
	 * once the kernel has begun to make it.
	 */
	if (source->subvol.ctransid <= snapshot.otransid)
		*newest_ret = newest;
	return 0;
}

/* --- taking it --- */

static int finish(const struct br_snapshot_source *source, int dirfd, const char *unfinished,
		  const char *comment, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = br_subvol_open(dirfd, unfinished, &fd, NULL, err)) < 0 ||
	    (r = br_record_clear_marks(fd, err)) < 0 ||
	    (comment && (r = br_record_set_comment(fd, comment, err)) < 0) ||
	    (r = br_subvol_set_read_only(fd, true, err)) < 0)
		return r;
	/* within one directory, a read-only subvolume can be renamed */
	if (renameat2(dirfd, unfinished, dirfd, source->name, RENAME_NOREPLACE) != 0)
		return br_error_set(err, BR_ERR_RENAME, errno, source->name, NULL);
	return 0;
}

int br_snapshot_take(const struct br_snapshot_source *source, int dirfd, const char *comment,
		     struct br_error *err)
{
	BR_AUTO_FREE char *unfinished = NULL;
	int r;

	if (!comment && !br_record_has_any_mark(source->fd)) {
		r = br_subvol_snapshot_read_only(source->fd, dirfd, source->name, err);
	} else if (asprintf(&unfinished, "%s" UNFINISHED, source->name) < 0) {
		unfinished = NULL; /* undefined after a failure */
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	} else if ((r = br_subvol_snapshot(source->fd, dirfd, unfinished, err)) == 0) {
		r = finish(source, dirfd, unfinished, comment, err);
	}
	return r < 0 ? br_error_prefix_path(err, BR_SNAPSHOTS_DIR) : 0;
}

static int clear_one(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const int *dirfd = data;
	size_t length = strlen(name);
	BR_AUTO_FREE char *finished = strdup(name);
	BR_AUTO_FREE char *subvolume = NULL;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;

	(void)type;
	if (!finished)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	if (length < strlen(UNFINISHED) ||
	    strcmp(name + length - strlen(UNFINISHED), UNFINISHED) != 0)
		return 0;
	finished[length - strlen(UNFINISHED)] = '\0';
	if (!br_name_archive_subvolume(finished, &subvolume) ||
	    br_subvol_open(*dirfd, name, &fd, &subvol, err) < 0)
		return 0; /* not one of ours */
	return br_subvol_delete_tree(*dirfd, name, subvol.id, err);
}

int br_snapshot_clear_unfinished(int top, struct br_error *err)
{
	struct br_error none = { 0 };
	BR_AUTO_CLOSE int dirfd = -1;
	int r;

	if (br_open_beneath(top, BR_SNAPSHOTS_DIR, O_RDONLY | O_DIRECTORY, 0, &dirfd, &none) < 0)
		return 0;
	r = br_entries_visit(dirfd, clear_one, &dirfd, err);
	return r < 0 ? br_error_prefix_path(err, BR_SNAPSHOTS_DIR) : 0;
}
