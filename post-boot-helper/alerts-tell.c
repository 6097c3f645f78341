/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling which alerts have begun and which have ended, and remembering that. */
#include "alerts.h"

#include "cleanup.h"
#include "fields.h"
#include "file.h"
#include "hook.h"
#include "journal.h"
#include "json.h"
#include "lock-wait.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATE "alerts.json"
#define STATE_MAX ((size_t)1 << 20)
#define STATE_VERSION 1

/* --- what was told before --- */

static bool find_kind(const char *name, enum alert_kind *ret)
{
	for (int i = 0; i < ALERT_KIND_COUNT; i++)
		if (strcmp(name, alert_name((enum alert_kind)i)) == 0) {
			*ret = (enum alert_kind)i;
			return true;
		}
	return false;
}

struct remembered {
	const char *name, *object, *text;
	bool is_told;
};

static const struct field fields[] = {
	{ "name", FIELD_STRING, offsetof(struct remembered, name), true },
	{ "object", FIELD_STRING, offsetof(struct remembered, object), true },
	{ "message", FIELD_STRING, offsetof(struct remembered, text), true },
	{ "is_told", FIELD_BOOLEAN, offsetof(struct remembered, is_told), true },
	{ 0 },
};

/* What cannot be understood is told again: better twice than not at all. */
static int take(const json_t *json, struct alerts *before, struct br_error *err)
{
	const json_t *list = json_object_get(json, "alerts");
	struct br_error ignored;
	const struct field_reader reader = { .file = STATE, .err = &ignored };
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		struct remembered one = { 0 };
		enum alert_kind kind;

		if (fields_read(&reader, json_array_get(list, i), "", fields, &one) < 0 ||
		    !find_kind(one.name, &kind))
			continue;
		r = alerts_add(before, kind, one.object, one.text, err);
		if (r == 0)
			before->list[before->count - 1].is_told = one.is_told;
	}
	return r;
}

static int read_state(int dir, struct alerts *before, struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	json_t *json;
	int r;

	if (br_file_read(dir, STATE, STATE_MAX, &text, NULL, &ignored) < 0)
		return 0;
	json = json_loads(text, 0, NULL);
	r = take(json, before, err);
	json_decref(json);
	return r;
}

static void put_state(FILE *out, const void *data)
{
	const struct alerts *alerts = data;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", STATE_VERSION);
	br_json_open_array(&json, "alerts");
	for (size_t i = 0; i < alerts->count; i++) {
		const struct alert *alert = &alerts->list[i];

		br_json_open_object(&json, NULL);
		br_json_string(&json, "name", alert_name(alert->kind));
		br_json_string(&json, "object", alert->object);
		br_json_string(&json, "severity", alert_severity(alert->kind));
		br_json_string(&json, "message", alert->text);
		br_json_bool(&json, "is_told", alert->is_told);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_close_object(&json);
}

static int write_state(int dir, const struct alerts *alerts, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put_state, alerts);

	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_file_replace(dir, STATE, text, strlen(text), 0644, err);
}

/* --- telling --- */

struct event {
	const struct alert *alert;
	bool is_resolved;
};

static void put_message(FILE *out, const void *data)
{
	const struct event *event = data;

	(void)fprintf(out, "blankroot: %s %s: ", alert_name(event->alert->kind),
		      event->is_resolved ? "has ended" : "begins");
	br_text_put_name(out, event->alert->text);
}

/* Where there is no journal, the program may hear of it all the same. */
static void send_entry(const struct event *event)
{
	const struct alert *alert = event->alert;
	BR_AUTO_FREE char *message = br_text_make(put_message, event);
	bool is_critical = strcmp(alert_severity(alert->kind), "critical") == 0;
	struct journal_entry entry = { .no_memory = !message };
	struct br_error ignored;
	int r;

	journal_add(&entry, "MESSAGE", message);
	journal_add(&entry, "MESSAGE_ID",
		    event->is_resolved ? ALERT_RESOLVED_MESSAGE_ID : ALERT_FIRING_MESSAGE_ID);
	journal_add(&entry, "PRIORITY", event->is_resolved ? "5" : is_critical ? "2" : "4");
	journal_add(&entry, "BLANKROOT_ALERT", alert_name(alert->kind));
	journal_add(&entry, "BLANKROOT_ALERT_OBJECT", *alert->object ? alert->object : NULL);
	journal_add(&entry, "BLANKROOT_ALERT_STATE", event->is_resolved ? "resolved" : "firing");
	journal_add(&entry, "BLANKROOT_ALERT_SEVERITY", alert_severity(alert->kind));
	journal_add(&entry, "BLANKROOT_ALERT_MESSAGE", alert->text);
	r = journal_send(&entry, &ignored);
	(void)r;
}

/* NULL: no memory. */
static char *variable(const char *name, const char *value)
{
	char *text;

	return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

/* True: it has heard of it, or there is none. */
static bool run_program(const struct event *event, const struct br_metrics_policy *policy)
{
	const struct alert *alert = event->alert;
	BR_AUTO_FREE char *name = variable("BLANKROOT_ALERT", alert_name(alert->kind));
	BR_AUTO_FREE char *object = variable("BLANKROOT_ALERT_OBJECT", alert->object);
	BR_AUTO_FREE char *state = variable("BLANKROOT_ALERT_STATE",
					    event->is_resolved ? "resolved" : "firing");
	BR_AUTO_FREE char *severity = variable("BLANKROOT_ALERT_SEVERITY",
					       alert_severity(alert->kind));
	BR_AUTO_FREE char *message = variable("BLANKROOT_ALERT_MESSAGE", alert->text);
	char *const variables[] = { name, object, state, severity, message, NULL };
	const struct hook hook = { .caller = METRICS_COMMAND,
				   .name = "on-alert",
				   .command = &policy->on_alert,
				   .timeout = policy->hook_timeout,
				   .variables = variables };

	if (policy->on_alert.count == 0)
		return true;
	if (!name || !object || !state || !severity || !message)
		return false;
	(void)fflush(stdout); /* what it prints comes after */
	return hook_run(&hook);
}

static void tell_firing(struct alert *alert, const struct alert *before,
			const struct br_metrics_policy *policy)
{
	const struct event event = { alert, false };

	if (!before)
		send_entry(&event);
	alert->is_told = before && before->is_told ? true : run_program(&event, policy);
}

/* Those that have ended; those of which nothing is known now go on. */
static int tell_ended(struct alerts *alerts, const struct alerts *before,
		      const struct metrics *metrics, const struct br_metrics_policy *policy,
		      struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < before->count; i++) {
		const struct alert *old = &before->list[i];
		const struct event event = { old, true };

		if (alerts_get(alerts, old->kind, old->object))
			continue;
		if (alert_is_judged(old->kind, metrics)) {
			send_entry(&event);
			(void)run_program(&event, policy); /* it has said what went wrong */
			continue;
		}
		r = alerts_add(alerts, old->kind, old->object, old->text, err);
		if (r == 0)
			alerts->list[alerts->count - 1].is_told = old->is_told;
	}
	return r;
}

int alerts_tell(struct alerts *alerts, const struct metrics *metrics, const char *dir,
		const struct br_metrics_policy *policy, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	__attribute__((cleanup(alerts_free))) struct alerts before = { 0 };
	size_t count = alerts->count;
	int r;

	(void)mkdir(dir, 0755); /* if that failed, it shows at once */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, dir, NULL);
	if ((r = lock_wait_flock(fd, LOCK_WAIT_DEFAULT, dir, err)) <
		    0 || /* or two runs tell the same */
	    (r = read_state(fd, &before, err)) < 0 ||
	    (r = tell_ended(alerts, &before, metrics, policy, err)) < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		tell_firing(&alerts->list[i],
			    alerts_get(&before, alerts->list[i].kind, alerts->list[i].object),
			    policy);
	r = write_state(fd, alerts, err);
	return r < 0 ? br_error_prefix_path(err, dir) : 0;
}
