/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts for those without Prometheus: the conditions of docs/monitoring/blankroot.rules.yml, under the same names, told
 * to the journal and to a program of the administrator when they begin and when they end.
 */
#ifndef BLANKROOT_ALERTS_H
#define BLANKROOT_ALERTS_H

#include "config.h"
#include "error.h"
#include "metrics.h"

#include <stdbool.h>
#include <stddef.h>

/* MESSAGE_ID of the entry about an alert that begins, and of that about one that has ended. */
#define ALERT_FIRING_MESSAGE_ID "7ab6c93e5bf04148ac0126b6f34c7764"
#define ALERT_RESOLVED_MESSAGE_ID "ce03d038f1444b4fa6843f510929d424"

enum alert_kind {
	ALERT_RESET_FAILED,
	ALERT_TASK_FAILED,
	ALERT_TASK_OVERDUE,
	ALERT_SCRUB_ERRORS,
	ALERT_SPACE_LOW,
	ALERT_OVERHEAD_HIGH,
	ALERT_DEVICE_ERRORS,
	ALERT_DEGRADED,
	ALERT_CHECK_FAILED,
	ALERT_METRICS_INCOMPLETE,
	ALERT_KIND_COUNT,
};

struct alert {
	enum alert_kind kind;
	char *object; /* which task, device or part; "" where there is one only */
	char *text;   /* for people */
	bool is_told; /* the administrator's program has heard of it */
};

struct alerts {
	struct alert *list;
	size_t count;
};

/* "BlankrootResetFailed". */
const char *alert_name(enum alert_kind kind);

/* "critical" or "warning". */
const char *alert_severity(enum alert_kind kind);

/* Is it known whether there is such an alert? */
bool alert_is_judged(enum alert_kind kind, const struct metrics *metrics);

/* Find what is wrong. Returns 0 with *ret owned by the caller (alerts_free), or BR_ERR_NOMEM. */
BR_MUST_CHECK int alerts_find(const struct metrics *metrics, struct alerts *ret,
			      struct br_error *err);

/* Add one, with copies of the strings. BR_ERR_NOMEM. */
BR_MUST_CHECK int alerts_add(struct alerts *alerts, enum alert_kind kind, const char *object,
			     const char *text, struct br_error *err);

/* The one of that kind about that object; NULL: none. */
struct alert *alerts_get(const struct alerts *alerts, enum alert_kind kind, const char *object);

/*
 * Tell what has changed since the last time, of which DIR/alerts.json knows: journal and program hear of each alert once
 * when it begins and once when it ends; a program that fails is run again the next time. What cannot be judged now is as
 * it was.
 *
 * dir      made if there is none
 * alerts   of alerts_find; is_told is set
 *
 * Errors of br_file_replace: then the next time begins anew. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int alerts_tell(struct alerts *alerts, const struct metrics *metrics, const char *dir,
			      const struct br_metrics_policy *policy, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void alerts_free(struct alerts *alerts);

#endif
