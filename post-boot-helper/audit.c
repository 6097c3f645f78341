/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit trail: who did what to which object, and how that ended. */
#include "audit.h"

#include "cleanup.h"
#include "journal.h"
#include "name.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGIN_UID "/proc/self/loginuid"
#define NO_LOGIN_UID "4294967295" /* nobody logged in: a service, or no audit in this kernel */

struct event {
	const char *operation, *object, *outcome, *why;
};

/* MESSAGE is for people and may come to a terminal; the other fields are what they are. */
static void put_message(FILE *out, const void *data)
{
	const struct event *event = data;

	(void)fprintf(out, "blankroot: %s", event->operation);
	if (event->object) {
		(void)fputc(' ', out);
		br_text_put_name(out, event->object);
	}
	(void)fprintf(out, ": %s", event->outcome);
	if (event->why)
		(void)fprintf(out, ": %s", event->why); /* is escaped already */
}

static bool is_number(const char *text)
{
	return text && *text && text[strspn(text, "0123456789")] == '\0';
}

/* Who logged in, and who called sudo. What is in the environment is what the caller says: only a number is believed. */
static void add_caller(struct journal_entry *entry)
{
	const char *sudo = getenv("SUDO_UID");
	BR_AUTO_CLOSE int fd = open(LOGIN_UID, O_RDONLY | O_CLOEXEC);
	char login[16] = "";
	ssize_t length = fd >= 0 ? read(fd, login, sizeof(login) - 1) : 0;

	if (length > 0)
		login[strcspn(login, "\n")] = '\0';
	if (is_number(login) && strcmp(login, NO_LOGIN_UID) != 0)
		journal_add(entry, "BLANKROOT_LOGIN_UID", login);
	if (is_number(sudo))
		journal_add(entry, "BLANKROOT_SUDO_UID", sudo);
}

static void add_error(struct journal_entry *entry, const struct br_error *err, const char *why)
{
	journal_add(entry, "BLANKROOT_ERROR_CODE", br_code_name(err->code));
	journal_add(entry, "BLANKROOT_ERROR_PATH", err->path[0] ? err->path : NULL);
	journal_add(entry, "BLANKROOT_ERROR_MESSAGE", why);
	if (err->sys_errno > 0)
		journal_add_number(entry, "ERRNO", (uint64_t)err->sys_errno);
}

void audit(const char *operation, const char *object, const char *outcome,
	   const struct br_error *err)
{
	char why[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX * 4];
	struct event event = { operation, object, outcome, NULL };
	struct journal_entry entry = { 0 };
	struct br_error ignored;
	int r;
	BR_AUTO_FREE char *message = NULL;

	if (!journal_is_there())
		return;
	if (err && err->code != BR_OK) {
		br_error_format(err, why, sizeof(why));
		event.why = why;
	}
	message = br_text_make(put_message, &event);
	entry.no_memory = !message;
	journal_add(&entry, "MESSAGE", message);
	journal_add(&entry, "MESSAGE_ID", AUDIT_MESSAGE_ID);
	journal_add(&entry, "PRIORITY",
		    event.why || strcmp(outcome, AUDIT_FAILED) == 0 ? "3" : "5");
	journal_add(&entry, "BLANKROOT_OPERATION", operation);
	journal_add(&entry, "BLANKROOT_OBJECT", object);
	journal_add(&entry, "BLANKROOT_OUTCOME", outcome);
	if (err && event.why)
		add_error(&entry, err, why);
	add_caller(&entry);
	r = journal_send(&entry, &ignored);
	(void)r; /* what was done is done, whether or not it is written down */
}

void audit_result(const char *operation, const char *dir, const char *name, int r,
		  const struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;

	if (!journal_is_there())
		return;
	path = dir ? br_name_join(dir, name) : NULL;
	audit(operation, path ? path : name, r < 0 ? AUDIT_FAILED : AUDIT_DONE, r < 0 ? err : NULL);
}
