/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes by descriptor, or by directory and name. */
#include "xattr.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SECURITY_PREFIX "security."

enum operation { LIST, GET, SET, REMOVE };

struct call {
	enum operation operation;
	const char *name;
	void *buffer;
	const void *value;
	size_t size;
};

static ssize_t call_fd(int fd, const struct call *call)
{
	switch (call->operation) {
	case LIST:
		return flistxattr(fd, call->buffer, call->size);
	case GET:
		return fgetxattr(fd, call->name, call->buffer, call->size);
	case SET:
		return fsetxattr(fd, call->name, call->value, call->size, 0);
	case REMOVE:
		return fremovexattr(fd, call->name);
	}
	errno = EINVAL;
	return -1;
}

static ssize_t call_path(const char *path, const struct call *call)
{
	switch (call->operation) {
	case LIST:
		return llistxattr(path, call->buffer, call->size);
	case GET:
		return lgetxattr(path, call->name, call->buffer, call->size);
	case SET:
		return lsetxattr(path, call->name, call->value, call->size, 0);
	case REMOVE:
		return lremovexattr(path, call->name);
	}
	errno = EINVAL;
	return -1;
}

/*
 * Where /proc is not mounted. The calls that take a directory descriptor exist since Linux 6.13
 * only.
 */
static ssize_t call_in_directory(const struct br_object *object, const struct call *call)
{
	BR_AUTO_CLOSE int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ssize_t r;
	int saved;

	if (before < 0 || fchdir(object->dir) != 0)
		return -1;
	r = call_path(object->name, call);
	saved = errno;
	if (fchdir(before) != 0)
		return -1;
	errno = saved;
	return r;
}

static ssize_t call_object(const struct br_object *object, const struct call *call)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int) + 1 + NAME_MAX];
	int length;
	ssize_t r;

	if (object->fd >= 0)
		return call_fd(object->fd, call);
	length = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", object->dir, object->name);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	r = call_path(path, call);
	return r < 0 && errno == ENOENT ? call_in_directory(object, call) : r;
}

static int list_names(const struct br_object *object, struct br_xattr_space *space,
		      struct br_error *err)
{
	const struct call list = { .operation = LIST,
				   .buffer = space->list,
				   .size = sizeof(space->list) };
	ssize_t size = call_object(object, &list);

	if (size < 0 && errno != EOPNOTSUPP)
		return br_error_set(err, BR_ERR_XATTR, errno, object->name,
				    "cannot list extended attributes");
	space->listed = size < 0 ? 0 : (size_t)size;
	return 0;
}

/* Names in a list: begin with NULL, ends with NULL. */
static const char *next_name(const struct br_xattr_space *space, const char *name)
{
	const char *next = name ? name + strlen(name) + 1 : space->list;

	return next < space->list + space->listed ? next : NULL;
}

bool br_xattr_listed(const struct br_xattr_space *space, const char *name)
{
	for (const char *at = next_name(space, NULL); at; at = next_name(space, at))
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

static int copy_one(const struct br_object *src, const struct br_object *dst, const char *name,
		    struct br_xattr_space *space, struct br_error *err)
{
	const struct call get = {
		.operation = GET, .name = name, .buffer = space->value, .size = sizeof(space->value)
	};
	struct call set = { .operation = SET, .name = name, .value = space->value };
	ssize_t size = call_object(src, &get);

	if (size < 0)
		return br_error_set(err, BR_ERR_XATTR, errno, src->name, "cannot read attribute %s",
				    name);
	set.size = (size_t)size;
	if (call_object(dst, &set) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, dst->name, "cannot set attribute %s",
				    name);
	return 0;
}

int br_xattr_copy(const struct br_object *src, const struct br_object *dst, const char *skip,
		  struct br_xattr_space *space, struct br_error *err)
{
	int r = list_names(src, space, err);

	if (r < 0)
		return r;
	for (const char *name = next_name(space, NULL); name; name = next_name(space, name)) {
		if ((skip && strcmp(name, skip) == 0) ||
		    (dst->is_foreign && strncmp(name, BR_XATTR_BTRFS, strlen(BR_XATTR_BTRFS)) == 0))
			continue;
		r = copy_one(src, dst, name, space, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int br_xattr_clear(const struct br_object *object, struct br_xattr_space *space,
		   struct br_error *err)
{
	int r = list_names(object, space, err);

	if (r < 0)
		return r;
	for (const char *name = next_name(space, NULL); name; name = next_name(space, name)) {
		const struct call remove = { .operation = REMOVE, .name = name };

		if (strncmp(name, SECURITY_PREFIX, strlen(SECURITY_PREFIX)) == 0)
			continue;
		if (call_object(object, &remove) != 0)
			return br_error_set(err, BR_ERR_XATTR, errno, object->name,
					    "cannot remove inherited attribute %s", name);
	}
	return 0;
}
