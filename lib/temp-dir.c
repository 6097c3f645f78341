/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A private directory beside a target: made, its content put in place, cleared away. */
#include "temp-dir.h"

#include "attributes.h"
#include "cleanup.h"
#include "copy.h"
#include "entries.h"
#include "name.h"
#include "record.h"
#include "subvol.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ATTEMPTS 10000 /* names that others have taken */
#define HANDLE_MAX 20  /* as in hardlink.c */
#define PREPARING "1"  /* the mark until an exchange is planned; a file handle is longer */

/* The handle of what was prepared, as it is noted; of any file system. */
struct identity {
	int32_t type;
	unsigned char handle[HANDLE_MAX];
};

/* struct file_handle with its flexible array filled in. */
union handle_space {
	struct file_handle handle;
	char space[sizeof(struct file_handle) + HANDLE_MAX];
};

static int identify(int dir, const char *name, struct identity *ret, struct br_error *err)
{
	union handle_space space = { .handle.handle_bytes = HANDLE_MAX };
	struct identity identity = { .type = 0 };
	int mount_id;

	if (name_to_handle_at(dir, name, &space.handle, &mount_id, 0) != 0)
		return br_error_set(err, BR_ERR_LINK, errno, name, "cannot get the file handle");
	identity.type = space.handle.handle_type;
	memcpy(identity.handle, space.handle.f_handle, space.handle.handle_bytes);
	*ret = identity;
	return 0;
}

/* --- making one --- */

static bool is_private(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

static int refuse_entry(void *data, const char *name, unsigned char type, struct br_error *err)
{
	(void)data;
	(void)type;
	return br_error_set(err, BR_ERR_LAYOUT, ENOTEMPTY, name, NULL);
}

static int open_own(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int clear_inherited(int fd, const char *name, struct br_error *err)
{
	BR_AUTO_FREE struct br_xattr_space *space = malloc(sizeof(*space));
	const struct br_object object = {
		.fd = fd, .dir = -1, .name = name, .is_foreign = !br_subvol_may_be_btrfs(fd)
	};

	if (!space)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	return br_attributes_clear(&object, space, err);
}

static int set_mark(int fd, const char *name, const void *value, size_t size, struct br_error *err)
{
	if (fsetxattr(fd, BR_XATTR_RESTORING, value, size, 0) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return br_error_set(err, BR_ERR_UNSUPPORTED, errno, name,
				    "the file system there cannot hold all attributes");
	return br_error_set(err, BR_ERR_XATTR, errno, name, BR_XATTR_RESTORING);
}

/* Since the directory was made, its name may have been given to another one. */
static int secure(int fd, const char *name, struct br_error *err)
{
	struct br_error ignored;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return br_error_set(err, BR_ERR_LOCKED, errno, name, NULL);
	if (!is_private(fd) || br_entries_visit(fd, refuse_entry, NULL, &ignored) < 0)
		return br_error_set(err, BR_ERR_LAYOUT, 0, name,
				    "was replaced as soon as it was made");
	r = clear_inherited(fd, name, err);
	return r < 0 ? r : set_mark(fd, name, PREPARING, strlen(PREPARING), err);
}

/* The first name that is free. */
static int make_directory(int parent, char **name_ret, struct br_error *err)
{
	for (unsigned n = 1; n <= ATTEMPTS; n++) {
		BR_AUTO_FREE char *name = NULL;

		if (asprintf(&name, BR_TEMP_DIR_PREFIX "%u", n) < 0) {
			name = NULL;
			(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
			return BR_ERR_NOMEM;
		}
		if (mkdirat(parent, name, S_IRWXU) == 0) {
			*name_ret = br_take_ptr(&name);
			return 0;
		}
		if (errno != EEXIST) {
			(void)br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
			return BR_ERR_CREATE;
		}
	}
	(void)br_error_set(err, BR_ERR_CREATE, EEXIST, BR_TEMP_DIR_PREFIX, "all names are taken");
	return BR_ERR_CREATE;
}

int br_temp_dir_make(int parent, struct br_temp_dir *ret, struct br_error *err)
{
	BR_AUTO_FREE char *name = NULL;
	BR_AUTO_CLOSE int fd = -1;
	int r = make_directory(parent, &name, err);

	if (r < 0)
		return r;
	fd = open_own(parent, name);
	r = fd < 0 ? br_error_set(err, BR_ERR_OPEN, errno, name, NULL) : secure(fd, name, err);
	if (r < 0) {
		(void)unlinkat(parent, name, AT_REMOVEDIR); /* the next run tries again */
		return r;
	}
	*ret = (struct br_temp_dir){ .parent = parent,
				     .fd = br_take_fd(&fd),
				     .name = br_take_ptr(&name) };
	return 0;
}

/* --- what must not be moved --- */

/* What kept an object from being moved, as long as it is. */
struct grip {
	int fd;
	unsigned held;
	bool is_sealed;
};

static void grip_close(struct grip *grip)
{
	br_cleanup_close(&grip->fd);
}

#define AUTO_GRIP __attribute__((cleanup(grip_close))) struct grip

static int loosen_subvolume(struct grip *grip, struct br_error *err)
{
	bool is_subvolume = false;
	struct br_subvol subvol;
	int r = br_subvol_is_root(grip->fd, &is_subvolume, err);

	if (r < 0 || !is_subvolume)
		return r;
	if ((r = br_subvol_stat(grip->fd, &subvol, err)) < 0 || !subvol.read_only)
		return r;
	grip->is_sealed = true;
	return br_subvol_set_read_only(grip->fd, false, err);
}

/* Symbolic links and special files cannot be held. */
static int loosen(int dir, const char *name, struct grip *grip, struct br_error *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	grip->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	if (grip->fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, NULL);
	if (loosen_subvolume(grip, err) < 0)
		return br_error_name(err, name);
	if (br_attributes_release(grip->fd, &grip->held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot make it movable");
	return 0;
}

static int tighten(const struct grip *grip, const char *name, struct br_error *err)
{
	if (grip->held && br_attributes_hold(grip->fd, grip->held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot set inode flags again");
	if (grip->is_sealed && br_subvol_set_read_only(grip->fd, true, err) < 0)
		return br_error_name(err, name);
	return 0;
}

/* --- giving it its place --- */

int br_temp_dir_will_exchange(const struct br_temp_dir *temp, const char *name,
			      struct br_error *err)
{
	struct identity identity;
	int r = identify(temp->fd, name, &identity, err);

	return r < 0 ? r : set_mark(temp->fd, temp->name, &identity, sizeof(identity), err);
}

int br_temp_dir_flush(int dir, struct br_error *err)
{
	if (br_subvol_may_be_btrfs(dir))
		return br_subvol_commit(dir, err);
	return syncfs(dir) == 0 ? 0 : br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
}

int br_temp_dir_put(const struct br_temp_dir *temp, const char *name, struct br_error *err)
{
	AUTO_GRIP grip = { .fd = -1 };
	int r = loosen(temp->fd, name, &grip, err);

	if (r < 0)
		return r;
	if (renameat2(temp->fd, name, temp->parent, name, RENAME_NOREPLACE) != 0)
		return br_error_set(err, BR_ERR_RENAME, errno, name, "%s",
				    errno == EEXIST ? "something has appeared there meanwhile"
						    : "putting it in its place");
	return tighten(&grip, name, err);
}

/* From a directory of ours to the one beside it, under a name with the time. */
static int move_out(int fd, int parent, const char *name, time_t now, char **kept_ret,
		    struct br_error *err)
{
	for (unsigned n = 1; n <= ATTEMPTS; n++) {
		BR_AUTO_FREE char *kept = br_name_archive(name, now, n);

		if (!kept)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
		if (renameat2(fd, name, parent, kept, RENAME_NOREPLACE) == 0) {
			*kept_ret = br_take_ptr(&kept);
			return 0;
		}
		if (errno != EEXIST)
			return br_error_set(err, BR_ERR_RENAME, errno, kept,
					    "keeping what was there");
	}
	return br_error_set(err, BR_ERR_RENAME, EEXIST, name, "keeping what was there");
}

static int exchange(const struct br_temp_dir *temp, const char *name)
{
	return renameat2(temp->fd, name, temp->parent, name, RENAME_EXCHANGE);
}

static int exchange_and_keep(struct br_temp_dir *temp, const char *name, time_t now,
			     char **kept_ret, struct br_error *err)
{
	int r;

	if (exchange(temp, name) != 0)
		return br_error_set(err, BR_ERR_EXCHANGE, errno, name, "with what is there");
	r = move_out(temp->fd, temp->parent, name, now, kept_ret, err);
	if (r < 0 && exchange(temp, name) != 0) {
		temp->holds_old = true;
		return br_error_context(err, "what was there is in %s now", temp->name);
	}
	return r;
}

int br_temp_dir_exchange(struct br_temp_dir *temp, const char *name, time_t now, char **kept_ret,
			 struct br_error *err)
{
	AUTO_GRIP grip = { .fd = -1 };
	int r = loosen(temp->fd, name, &grip, err);

	if (r == 0)
		r = exchange_and_keep(temp, name, now, kept_ret, err);
	return r < 0 ? r : tighten(&grip, name, err);
}

/* --- removing it --- */

/* Whoever has renamed it has an empty directory now, and perhaps something else under its name. */
static int remove_directory(int parent, const char *name, struct br_error *err)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTDIR ||
	    errno == ENOTEMPTY)
		return 0;
	return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
}

static void release(struct br_temp_dir *temp)
{
	br_cleanup_close(&temp->fd);
	free(temp->name);
	*temp = (struct br_temp_dir){ .fd = -1, .parent = -1 };
}

int br_temp_dir_drop(struct br_temp_dir *temp, const char *name, struct br_error *err)
{
	int r = 0;

	if (!temp || temp->fd < 0)
		return 0;
	if (!temp->holds_old) {
		r = br_remove_copy(temp->fd, name, err);
		r = r < 0 ? br_error_prefix_path(err, temp->name)
			  : remove_directory(temp->parent, temp->name, err);
	}
	release(temp);
	return r;
}

/* --- what interrupted runs have left --- */

struct leftover {
	int dir, fd;
	bool has_identity; /* an exchange was planned */
	struct identity prepared;
	time_t now;
	br_temp_dir_kept kept;
	void *data;
};

/* Not what was prepared, so what was in its place? */
static int is_another(const struct leftover *leftover, const char *name, bool *ret,
		      struct br_error *err)
{
	struct identity found;
	int r = identify(leftover->fd, name, &found, err);

	if (r == 0)
		*ret = memcmp(&found, &leftover->prepared, sizeof(found)) != 0;
	return r;
}

static int keep_old(const struct leftover *leftover, const char *name, struct br_error *err)
{
	BR_AUTO_FREE char *kept = NULL;
	int r = move_out(leftover->fd, leftover->dir, name, leftover->now, &kept, err);

	if (r == 0)
		leftover->kept(leftover->data, kept);
	return r;
}

static int clear_entry(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct leftover *leftover = data;
	bool is_old = false;
	int r = 0;

	(void)type;
	if (leftover->has_identity)
		r = is_another(leftover, name, &is_old, err);
	if (r < 0)
		return r;
	return is_old ? keep_old(leftover, name, err) : br_remove_copy(leftover->fd, name, err);
}

/* A run that was interrupted right after it made it. What is not empty stays. */
static void remove_unmarked(int dir, int fd, const char *name)
{
	struct br_error ignored;
	bool is_subvolume = true;

	if (is_private(fd) && br_subvol_is_root(fd, &is_subvolume, &ignored) == 0 && !is_subvolume)
		(void)unlinkat(dir, name, AT_REMOVEDIR);
}

static int clear_marked(struct leftover *leftover, const char *name, struct br_error *err)
{
	ssize_t size = fgetxattr(leftover->fd, BR_XATTR_RESTORING, &leftover->prepared,
				 sizeof(leftover->prepared));
	int r;

	if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) {
		remove_unmarked(leftover->dir, leftover->fd, name);
		return 0;
	}
	if (size < 0)
		return br_error_set(err, BR_ERR_XATTR, errno, name, BR_XATTR_RESTORING);
	leftover->has_identity = (size_t)size != strlen(PREPARING);
	r = br_entries_visit(leftover->fd, clear_entry, leftover, err);
	if (r < 0)
		return br_error_prefix_path(err, name);
	return remove_directory(leftover->dir, name, err);
}

static int clear_leftover(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct leftover leftover = *(const struct leftover *)data;
	BR_AUTO_CLOSE int fd = -1;

	(void)type;
	if (strncmp(name, BR_TEMP_DIR_PREFIX, strlen(BR_TEMP_DIR_PREFIX)) != 0)
		return 0;
	fd = open_own(leftover.dir, name);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return 0; /* not ours, or in use */
	leftover.fd = fd;
	return clear_marked(&leftover, name, err);
}

int br_temp_dir_clear(int dir, time_t now, br_temp_dir_kept kept, void *data, struct br_error *err)
{
	struct leftover leftover = { .dir = dir, .fd = -1, .now = now, .kept = kept, .data = data };

	return br_entries_visit(dir, clear_leftover, &leftover, err);
}
