/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of the boot loader specification. */
#include "bls-entries.h"

#include "cleanup.h"
#include "entries.h"

#include <fcntl.h>
#include <string.h>

#define ENTRY_MAX 65536
#define ENTRIES_MAX 1000
#define BLANKS " \t\r"

char *bls_value(const char *text, const char *key)
{
	size_t length = strlen(key);
	const char *found = NULL;
	size_t size = 0;

	for (const char *line = text; *line; line += *line == '\n') {
		size_t end;

		line += strspn(line, BLANKS);
		end = strcspn(line, "\n");
		if (strncmp(line, key, length) == 0 && line[length] &&
		    strchr(BLANKS, line[length])) {
			found = line + length + strspn(line + length, BLANKS);
			size = (size_t)(line + end - found);
			while (size > 0 && strchr(BLANKS, found[size - 1]))
				size--;
		}
		line += end;
	}
	return found ? strndup(found, size) : NULL;
}

struct gather {
	const struct system_root *root;
	const char *directory;
	struct bls_entries entries;
};

static void entry_clear(struct bls_entry *entry)
{
	free(entry->id);
	free(entry->version);
	free(entry->initrd);
	free(entry->options);
}

/* What is not said is the empty text. */
static char *value_or_empty(const char *text, const char *key)
{
	char *value = bls_value(text, key);

	return value ? value : strdup("");
}

static int add(struct gather *gather, const char *name, const char *text, struct br_error *err)
{
	struct bls_entry entry = { strdup(name), value_or_empty(text, "version"),
				   bls_value(text, "initrd"), value_or_empty(text, "options") };
	struct bls_entry *grown = reallocarray(gather->entries.entries, gather->entries.count + 1,
					       sizeof(*grown));

	if (grown)
		gather->entries.entries = grown;
	if (!grown || !entry.id || !entry.version || !entry.options) {
		entry_clear(&entry);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	grown[gather->entries.count++] = entry;
	return 0;
}

static int visit(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct gather *gather = data;
	size_t length = strlen(name);
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *text = NULL;
	int r;

	(void)type; /* on vfat nothing but files and directories exists */
	if (length <= strlen(".conf") || strcmp(name + length - strlen(".conf"), ".conf") != 0 ||
	    gather->entries.count >= ENTRIES_MAX)
		return 0;
	if (asprintf(&path, "%s/loader/entries/%s", gather->directory, name) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	r = system_root_read(gather->root, path, ENTRY_MAX, &text, NULL, err);
	if (r < 0)
		return r == BR_ERR_NOMEM ? r : 0;
	return add(gather, name, text, err);
}

static int newest_first(const void *a, const void *b)
{
	const struct bls_entry *left = a;
	const struct bls_entry *right = b;
	int order = strverscmp(right->version, left->version);

	return order ? order : strverscmp(right->id, left->id);
}

int bls_entries_read(const struct system_root *root, const char *directory, struct bls_entries *ret,
		     struct br_error *err)
{
	struct gather gather = { .root = root, .directory = directory };
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if (asprintf(&path, "%s/loader/entries", directory) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	fd = system_root_file(root, path, O_RDONLY | O_DIRECTORY);
	r = fd < 0 ? 0 : br_entries_visit(fd, visit, &gather, err);
	if (r == BR_ERR_NOMEM) {
		bls_entries_free(&gather.entries);
		return r;
	}
	if (gather.entries.count > 0)
		qsort(gather.entries.entries, gather.entries.count, sizeof(struct bls_entry),
		      newest_first);
	*ret = gather.entries;
	return 0;
}

void bls_entries_free(struct bls_entries *entries)
{
	if (!entries)
		return;
	for (size_t i = 0; i < entries->count; i++)
		entry_clear(&entries->entries[i]);
	free(entries->entries);
	*entries = (struct bls_entries){ 0 };
}
