/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking up users and groups in the files of another root. */
#include "owner.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FILE_SIZE_MAX (64u << 20)
#define ID_MAX (UINT32_MAX - 1) /* the last one means "do not change" */

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool parse_id(const char *text, uint32_t *id_ret)
{
	unsigned long long id;

	if (!is_number(text))
		return false;
	errno = 0;
	id = strtoull(text, NULL, 10);
	if (errno || id > ID_MAX)
		return false;
	*id_ret = (uint32_t)id;
	return true;
}

/* An owner taken apart; the parts are "" when missing. */
struct parts {
	char *user; /* also the memory of both */
	char *group;
	bool has_colon;
};

static void free_parts(struct parts *parts)
{
	free(parts->user);
}

static const char *problem_of(const char *part)
{
	uint32_t id;

	for (const char *s = part; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '/' || *s == ':')
			return "must be user:group, names or numbers";
	if (is_number(part) && !parse_id(part, &id))
		return "the number is too large";
	return NULL;
}

static int split_owner(const char *owner, struct parts *ret, struct br_error *err)
{
	BR_AUTO_FREE char *user = strdup(owner);
	const char *problem;
	char *group;

	if (!user)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	group = strchrnul(user, ':');
	ret->has_colon = *group == ':';
	if (ret->has_colon)
		*group++ = '\0';
	problem = *user || *group ? problem_of(user) : "must not be empty";
	if (!problem)
		problem = problem_of(group);
	if (problem)
		return br_error_set(err, BR_ERR_OWNER, 0, NULL, "%s", problem);
	ret->group = group;
	ret->user = br_take_ptr(&user);
	return 0;
}

int br_owner_check(const char *owner, struct br_error *err)
{
	__attribute__((cleanup(free_parts))) struct parts parts = { 0 };

	return split_owner(owner, &parts, err);
}

struct database {
	const char *path;
	size_t numbers; /* of the wanted ones, which follow the password */
};

static const struct database users = { "etc/passwd", 2 }; /* uid, gid */
static const struct database groups = { "etc/group", 1 };

static int read_database(int root_fd, const char *path, char **text_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int dir = -1;
	const char *name;
	int r;

	if ((r = br_open_parent(root_fd, path, &dir, &name, err)) == 0)
		r = br_file_read(dir, name, FILE_SIZE_MAX, text_ret, NULL, err);
	if (r < 0 && r != BR_ERR_NOMEM)
		return br_error_set(err, BR_ERR_OWNER, err->sys_errno, path, "cannot be read");
	return r;
}

static bool parse_entry(char *fields, size_t numbers, uint32_t *ids)
{
	char *field;

	(void)strsep(&fields, ":"); /* password */
	for (size_t i = 0; i < numbers; i++) {
		field = strsep(&fields, ":");
		if (!field || !parse_id(field, &ids[i]))
			return false;
	}
	return true;
}

/* Numbers of a name; without one, or when it is a number itself, no file is read. */
static int look_up(int root_fd, const struct database *database, const char *name, uint32_t *ids,
		   struct br_error *err)
{
	const char *path = database->path;
	BR_AUTO_FREE char *text = NULL;
	char *rest, *line;

	if (!*name || parse_id(name, &ids[0]))
		return 0;
	if (read_database(root_fd, path, &text, err) < 0)
		return err->code;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (strcmp(strsep(&line, ":"), name) != 0)
			continue;
		if (!parse_entry(line, database->numbers, ids))
			return br_error_set(err, BR_ERR_OWNER, 0, path,
					    "the entry of \"%s\" is damaged", name);
		return 0;
	}
	return br_error_set(err, BR_ERR_OWNER, 0, path, "there is no \"%s\"", name);
}

int br_owner_resolve(int root_fd, const char *owner, uid_t *uid_ret, gid_t *gid_ret,
		     struct br_error *err)
{
	__attribute__((cleanup(free_parts))) struct parts parts = { 0 };
	uint32_t ids[2] = { 0, 0 };
	int r = owner ? split_owner(owner, &parts, err) : 0;

	if (r < 0)
		return r;
	if (parts.user) {
		r = look_up(root_fd, &users, parts.user, ids, err);
		if (r < 0)
			return r;
		if (parts.has_colon)
			ids[1] = 0;
		r = look_up(root_fd, &groups, parts.group, &ids[1], err);
		if (r < 0)
			return r;
	}
	*uid_ret = ids[0];
	*gid_ret = ids[1];
	return 0;
}
