/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blanks as they are. */
#include "blank-look.h"

#include "beneath.h"
#include "blank-command.h"
#include "cleanup.h"
#include "entries.h"
#include "name.h"
#include "record.h"
#include "subvol-table.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define OS_RELEASE_MAX (64 * 1024)

/* --- os-release(5) --- */

/* The value of an assignment as the shell would have it, as far as such files use its quotes. */
static char *unquote(const char *value, size_t length)
{
	char *text = malloc(length + 1), *to = text;
	bool is_quoted = length > 1 && (value[0] == '"' || value[0] == '\'');

	if (!text)
		return NULL;
	for (size_t i = is_quoted; i < length - is_quoted; i++) {
		if (value[i] == '\\' && i + 1 < length - is_quoted)
			i++;
		*to++ = value[i];
	}
	*to = '\0';
	return text;
}

static char *find_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, length) == 0 && line[length] == '=')
			return unquote(line + length + 1, strcspn(line + length + 1, "\n"));
	return NULL;
}

char *blank_look_system(int subvol)
{
	static const char *const places[] = { "/etc/os-release", "/usr/lib/os-release" };
	static const char *const keys[] = { "PRETTY_NAME", "NAME", "ID" };
	const struct system_root root = { .fd = subvol, .path = "" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		BR_AUTO_FREE char *text = NULL;
		struct br_error none;

		if (system_root_read(&root, places[i], OS_RELEASE_MAX, &text, NULL, &none) < 0)
			continue;
		for (size_t j = 0; j < sizeof(keys) / sizeof(keys[0]); j++) {
			char *value = find_value(text, keys[j]);

			if (value && *value)
				return value;
			free(value);
		}
	}
	return NULL;
}

/* --- looking --- */

static int stop(void *data, const char *name, unsigned char type, struct br_error *err)
{
	(void)name;
	(void)type;
	*(bool *)data = false;
	(void)br_error_set(err, BR_ERR_LAYOUT, ENOTEMPTY, NULL, NULL);
	return BR_ERR_LAYOUT;
}

static int look_empty(struct blank_look *look, struct br_error *err)
{
	int r;

	look->is_empty = true;
	r = br_entries_visit(look->fd, stop, &look->is_empty, err);
	return look->is_empty ? r : 0;
}

/* Against what was noted when it was made, or at the last reset. */
static int look_state(int top, struct blank_look *look, struct br_error *err)
{
	struct br_ephemeral only_tell = *look->ephemeral;
	BR_AUTO_FREE char *escaped = NULL;
	BR_AUTO_CLOSE int state = -1;
	int r = br_name_escape(look->ephemeral->name, &escaped, err);

	if (r < 0)
		return r;
	r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, err);
	if (r < 0 && err->sys_errno != ENOENT)
		return r;
	only_tell.blank_changed = BR_BLANK_CHANGED_WARN;
	r = br_blank_check(state, escaped, &only_tell, &look->subvol, &look->state, err);
	look->is_noted = look->state != BR_BLANK_FIRST_SEEN;
	return r;
}

static int look_parent(int top, struct blank_look *look, struct br_error *err)
{
	struct br_subvol_table table = { 0 };
	static const uint8_t nothing[BR_UUID_SIZE];
	int r;

	if (memcmp(look->subvol.parent_uuid, nothing, BR_UUID_SIZE) == 0)
		return 0;
	r = br_subvol_table_read(top, &table, err);
	for (size_t i = 0; r == 0 && i < table.count; i++) {
		const struct br_subvol_row *row = &table.rows[i];
		struct br_error none;

		if (!look->parent && !row->is_deleted &&
		    memcmp(row->uuid, look->subvol.parent_uuid, BR_UUID_SIZE) == 0 &&
		    br_subvol_path_of(top, row->id, &look->parent, &none) < 0)
			look->parent = NULL; /* deleted, but not gone yet */
	}
	br_subvol_table_free(&table);
	return r;
}

static int look_inside(const struct filesystem *filesystem, struct blank_look *look,
		       struct br_error *err)
{
	const struct system_root root = { .fd = look->fd, .path = "" };
	int r;

	if ((r = look_state(filesystem->top, look, err)) < 0 ||
	    (r = look_parent(filesystem->top, look, err)) < 0 || (r = look_empty(look, err)) < 0)
		return r;
	look->system = blank_look_system(look->fd);
	return kernels_find_modules(&root, &look->modules, err);
}

/* A copy in which something was done is gone: what it was a copy of is what counts. */
static int look_before(const struct filesystem *filesystem, struct blank_look *look,
		       struct br_error *err)
{
	const struct br_blank_former *before;

	if (look->parent || !look->exists)
		return 0;
	before = br_blank_former_before(&look->formers, filesystem->top, look->subvol.id);
	if (!before)
		return 0;
	look->parent = blank_former_path(look->ephemeral, before->name);
	return look->parent ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

int blank_look_at(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
		  struct blank_look *ret, struct br_error *err)
{
	struct blank_look look = { .ephemeral = ephemeral, .fd = -1, .formers.parent = -1 };
	int r = br_subvol_open(filesystem->top, ephemeral->blank, &look.fd, &look.subvol, err);

	look.exists = r == 0;
	if (r < 0 && r != BR_ERR_LAYOUT && err->sys_errno == ENOENT)
		r = 0;
	if (r == 0 && look.exists)
		r = look_inside(filesystem, &look, err);
	if (r == 0)
		r = br_blank_formers_list(filesystem->top, ephemeral, &look.formers, err);
	if (r == 0)
		r = look_before(filesystem, &look, err);
	if (r < 0) {
		blank_look_free(&look);
		return r;
	}
	*ret = look;
	return 0;
}

void blank_look_free(struct blank_look *look)
{
	br_cleanup_close(&look->fd);
	free(look->parent);
	free(look->system);
	kernels_free(&look->modules);
	br_blank_formers_free(&look->formers);
}
