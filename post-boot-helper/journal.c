/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of the systemd journal, field by field. */
#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_SYSTEMD
/* not where in our source the entry was made */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket" /* fixed in libsystemd */
#endif

bool journal_is_there(void)
{
#ifdef WITH_SYSTEMD
	return access(JOURNAL_SOCKET, W_OK) == 0;
#else
	return false;
#endif
}

void journal_add(struct journal_entry *entry, const char *name, const char *value)
{
	char *text;
	int length;

	if (!value || entry->no_memory)
		return;
	if (entry->count == entry->room) {
		size_t room = entry->room ? 2 * entry->room : 32;
		struct iovec *fields = reallocarray(entry->fields, room, sizeof(*fields));

		entry->no_memory = !fields;
		if (!fields)
			return;
		entry->fields = fields;
		entry->room = room;
	}
	length = asprintf(&text, "%s=%s", name, value);
	entry->no_memory = length < 0;
	if (length >= 0)
		entry->fields[entry->count++] = (struct iovec){ text, (size_t)length };
}

void journal_add_number(struct journal_entry *entry, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value); /* always fits */
	journal_add(entry, name, text);
}

static void release(struct journal_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++)
		free(entry->fields[i].iov_base);
	free(entry->fields);
	*entry = (struct journal_entry){ 0 };
}

static int send_fields(const struct journal_entry *entry, struct br_error *err)
{
#ifdef WITH_SYSTEMD
	int r;

	/* sd_journal_sendv takes a missing journal for a success */
	if (!journal_is_there())
		return br_error_set(err, BR_ERR_OPEN, errno, JOURNAL_SOCKET,
				    "there is no systemd journal to write to");
	r = sd_journal_sendv(entry->fields, (int)entry->count);
	if (r < 0)
		return br_error_set(err, BR_ERR_WRITE, -r, JOURNAL_SOCKET, NULL);
	return 0;
#else
	(void)entry;
	return br_error_set(err, BR_ERR_UNSUPPORTED, 0, NULL,
			    "this program was built without the systemd journal (WITH_SYSTEMD=no)");
#endif
}

int journal_send(struct journal_entry *entry, struct br_error *err)
{
	int r;

	if (entry->no_memory)
		r = br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, "an entry for the journal");
	else
		r = send_fields(entry, err);
	release(entry);
	return r;
}
