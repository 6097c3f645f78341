/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The units that follow from a configuration. */
#include "units.h"

#include "cleanup.h"
#include "schedule.h"
#include "zone.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TIMERS_DIR "timers.target.wants"
#define SYSTEM_DIR "multi-user.target.wants"
#define JOB_ENDED "blankroot-job-ended.target"
#define DOCUMENTATION "Documentation=man:blankroot-generator(8) man:blankroot.conf(5)\n"

/*
 * Delays: machines that share a disk, or lie on one host, do not all begin in the same second.
 * Fixed ones, so that a machine's own times stay equally far apart.
 */
#define AT_ONCE \
	"RandomizedDelaySec=30s\nAccuracySec=10s\n" /* less than the shortest schedule, a minute */
#define AT_LEISURE "RandomizedDelaySec=1h\nAccuracySec=10min\n"

/* Something that is done again and again, by blankroot-NAME.service. */
struct job {
	const char *name;
	const char *description;
	/* text NULL: never */
	const struct br_schedule *(*schedule)(const struct br_config *config);
	const char *timing; /* further lines of [Timer] */
};

static const struct br_schedule *snapshot_schedule(const struct br_config *config)
{
	static const struct br_schedule never = { 0 };

	return config->snapshots.subvolume_count > 0 ? &config->snapshots.every : &never;
}

/*
 * What is kept is always said, if only by the defaults. Not at the hours at which snapshots are
 * taken, which a deletion would delay.
 */
static const struct br_schedule *prune_schedule(const struct br_config *config)
{
	static char text[] = "*-*-* 03:20:00";
	static const struct br_schedule nightly = { .text = text };

	(void)config;
	return &nightly;
}

static const struct br_schedule *scrub_schedule(const struct br_config *config)
{
	return &config->maintenance.scrub;
}

static const struct br_schedule *balance_schedule(const struct br_config *config)
{
	return &config->maintenance.balance;
}

static const struct br_schedule *trim_schedule(const struct br_config *config)
{
	return &config->maintenance.trim;
}

/* There is something to do when it is said where metrics go, or who is to be told of alerts. */
static bool is_monitored(const struct br_config *config)
{
	return config->metrics.directory || config->metrics.on_alert.argv;
}

static const struct br_schedule *metrics_schedule(const struct br_config *config)
{
	static char text[] = "5min";
	static const struct br_schedule usual = { .text = text }, never = { 0 };

	if (!is_monitored(config))
		return &never;
	return config->metrics.every.text ? &config->metrics.every : &usual;
}

static const struct job jobs[] = {
	{ "snapshot", "Snapshots of persistent subvolumes", snapshot_schedule, AT_ONCE },
	/* Old roots that are not kept at all wait for it: also on a machine that is off at night. */
	{ "prune", "Deletion of archives and snapshots that are not kept", prune_schedule,
	  "OnBootSec=15min\n" AT_LEISURE },
	{ "scrub", "Scrub of the file system", scrub_schedule, AT_LEISURE },
	{ "balance", "Balance of the file system", balance_schedule, AT_LEISURE },
	{ "trim", "Trim of the file system", trim_schedule, AT_LEISURE },
	/* After each boot, too. */
	{ "metrics", "Metrics and alerts of blankroot", metrics_schedule,
	  "OnBootSec=1min\n" AT_ONCE },
};

#define JOB_COUNT (sizeof(jobs) / sizeof(jobs[0]))

/* --- texts --- */

/* For a line of a unit: '%' would begin a specifier, a backslash at its end would continue it. */
static void put_plain(FILE *out, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (text[i] == '%')
			(void)fputs("%%", out); /* failures are found when it is closed */
		else
			(void)fputc(text[i], out);
	if (length > 0 && text[length - 1] == '\\')
		(void)fputc('.', out);
}

/* A word with quotes; those in front of which there must be another one of the same: "%". */
static void put_quoted(FILE *out, const char *text, const char *doubled)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		if (strchr(doubled, *text))
			(void)fputc(*text, out);
		else if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

/* A word of a command line. */
static void put_word(FILE *out, const char *text)
{
	put_quoted(out, text, "%$");
}

static void put_head(FILE *out, const struct units *units)
{
	(void)fputs("# Made by blankroot-generator(8) from ", out);
	put_plain(out, units->config);
	(void)fputs("; changes are lost.\n\n[Unit]\n" DOCUMENTATION "SourcePath=", out);
	put_plain(out, units->config);
	(void)fputc('\n', out);
}

/* --- files --- */

static int fail(enum br_code code, const char *path, struct br_error *err)
{
	return br_error_set(err, code, errno, path, NULL);
}

/* NULL: *err tells why. */
static FILE *open_unit(const struct units *units, const char *name, struct br_error *err)
{
	int fd = openat(units->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0644);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!out) {
		(void)fail(BR_ERR_CREATE, name, err);
		br_cleanup_close(&fd);
	}
	return out;
}

static int close_unit(FILE *out, const char *name, struct br_error *err)
{
	bool failed = ferror(out) != 0;

	if (fclose(out) != 0 || failed)
		return fail(BR_ERR_WRITE, name, err);
	return 0;
}

static int make_dir(const struct units *units, const char *name, struct br_error *err)
{
	if (mkdirat(units->dir, name, 0755) != 0 && errno != EEXIST)
		return fail(BR_ERR_CREATE, name, err);
	return 0;
}

static int link_unit(const struct units *units, const char *dir, const char *name,
		     struct br_error *err)
{
	char link[128], target[128];
	int r = make_dir(units, dir, err);

	(void)snprintf(link, sizeof(link), "%s/%s", dir, name); /* names are our own: they fit */
	(void)snprintf(target, sizeof(target), "../%s", name);
	if (r == 0 && symlinkat(target, units->dir, link) != 0)
		r = fail(BR_ERR_CREATE, link, err);
	return r;
}

/* --- timers --- */

static void put_calendar(FILE *out, char *calendar)
{
	char *line;

	while ((line = strsep(&calendar, "\n")) && *line)
		(void)fprintf(out, "OnCalendar=%s\n", line);
}

static int write_timer(const struct units *units, const struct job *job, const char *schedule,
		       struct br_error *err)
{
	BR_AUTO_FREE char *calendar = br_schedule_calendar(schedule);
	char name[64];
	FILE *out;
	int r;

	if (!calendar)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	(void)snprintf(name, sizeof(name), "blankroot-%s.timer", job->name);
	out = open_unit(units, name, err);
	if (!out)
		return err->code;
	put_head(out, units);
	(void)fprintf(out, "Description=%s\n\n[Timer]\n", job->description);
	put_calendar(out, calendar);
	(void)fprintf(out, "Persistent=yes\nFixedRandomDelay=yes\n%s", job->timing);
	if ((r = close_unit(out, name, err)) < 0)
		return r;
	return link_unit(units, TIMERS_DIR, name, err);
}

static int refuse_zone(const struct br_schedule *schedule, const char *zone, struct br_error *err)
{
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
			    "%s:%u: \"%.200s\": there is no time zone \"%.64s\"",
			    schedule->origin.file, schedule->origin.line, schedule->text, zone);
}

static int write_job(const struct units *units, const struct job *job,
		     const struct br_config *config, void (*refuse)(const struct br_error *problem),
		     struct br_error *err)
{
	const struct br_schedule *schedule = job->schedule(config);
	const char *zone = schedule->text ? br_schedule_zone(schedule->text) : NULL;
	struct br_error problem = { 0 };

	if (!schedule->text)
		return 0;
	if (!zone || zone_exists(zone))
		return write_timer(units, job, schedule->text, err);
	(void)refuse_zone(schedule, zone, &problem);
	refuse(&problem);
	return 0;
}

/* A drop-in of a service. NULL: *err tells why; else close_drop_in. */
static FILE *open_drop_in(const struct units *units, const char *service, const char *name,
			  struct br_error *err)
{
	char dir[64], path[128];
	FILE *out;

	(void)snprintf(dir, sizeof(dir), "blankroot-%s.service.d", service); /* our own: they fit */
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (make_dir(units, dir, err) < 0)
		return NULL;
	out = open_unit(units, path, err);
	if (out)
		(void)fputs("# Made by blankroot-generator(8); changes are lost.\n\n", out);
	return out;
}

/*
 * The administrator's programs run in the service: what keeps blankroot from doing anything else
 * would keep them from doing what they are for. All that the services set.
 */
static int write_hooks(const struct units *units, const char *service, struct br_error *err)
{
	static const char name[] = "50-hooks.conf";
	static const char off[] =
		"[Service]\n"
		"CapabilityBoundingSet=~\n"
		"NoNewPrivileges=no\n"
		"ProtectSystem=no\nProtectHome=no\nProtectProc=default\n"
		"DevicePolicy=auto\nDeviceAllow=\n"
		"PrivateNetwork=no\nPrivateMounts=no\n"
		"ProtectClock=no\nProtectHostname=no\nProtectKernelLogs=no\n"
		"ProtectKernelModules=no\nProtectKernelTunables=no\nProtectControlGroups=no\n"
		"RestrictAddressFamilies=\nRestrictNamespaces=no\nRestrictRealtime=no\n"
		"RestrictSUIDSGID=no\nLockPersonality=no\nMemoryDenyWriteExecute=no\n"
		"SystemCallArchitectures=\nSystemCallFilter=\nSystemCallErrorNumber=\n"
		"UMask=0022\n";
	FILE *out = open_drop_in(units, service, name, err);

	if (!out)
		return err->code;
	(void)fputs(
		"# There are programs of the administrator to run: before, after, or on-alert in\n"
		"# the configuration.\n",
		out);
	(void)fputs(off, out);
	return close_unit(out, name, err);
}

/* --- metrics --- */

static int write_directory(const struct units *units, const char *directory, struct br_error *err)
{
	static const char name[] = "50-directory.conf";
	FILE *out = open_drop_in(units, "metrics", name, err);

	if (!out)
		return err->code;
	(void)fputs("[Service]\nReadWritePaths=", out);
	put_quoted(out, directory, "%");
	(void)fputc('\n', out);
	return close_unit(out, name, err);
}

/*
 * What the jobs start when they end. Not the service itself: with several units by which it could be
 * started, systemd warns at each of its runs that it does not know whose result to tell it.
 */
static int write_ended(const struct units *units, struct br_error *err)
{
	FILE *out = open_unit(units, JOB_ENDED, err);

	if (!out)
		return err->code;
	put_head(out, units);
	(void)fputs("Description=A job of blankroot has ended\n"
		    "DefaultDependencies=no\nWants=blankroot-metrics.service\n"
		    "# it ends at once, so that it can be started again\nStopWhenUnneeded=yes\n",
		    out);
	return close_unit(out, JOB_ENDED, err);
}

/* What a job did is known right after it. */
static int write_after_jobs(const struct units *units, struct br_error *err)
{
	static const char *const services[] = { "snapshot", "prune", "scrub", "balance", "trim" };
	static const char name[] = "60-metrics.conf";
	int r = write_ended(units, err);

	for (size_t i = 0; r == 0 && i < sizeof(services) / sizeof(services[0]); i++) {
		FILE *out = open_drop_in(units, services[i], name, err);

		if (!out)
			return err->code;
		(void)fputs("[Unit]\nOnSuccess=" JOB_ENDED "\nOnFailure=" JOB_ENDED "\n", out);
		r = close_unit(out, name, err);
	}
	return r;
}

static int write_drop_ins(const struct units *units, const struct br_config *config,
			  struct br_error *err)
{
	int r = 0;

	if (config->snapshots.before.argv || config->snapshots.after.argv)
		r = write_hooks(units, "snapshot", err);
	if (r == 0 && config->metrics.on_alert.argv)
		r = write_hooks(units, "metrics", err);
	if (r == 0 && config->metrics.directory)
		r = write_directory(units, config->metrics.directory, err);
	return r == 0 && is_monitored(config) ? write_after_jobs(units, err) : r;
}

/* The service is installed where systemd looks for it: of such a link, only the name counts. */
static int write_tuning(const struct units *units, const struct br_config *config,
			struct br_error *err)
{
	if (config->performance == BR_PERFORMANCE_NONE)
		return 0;
	return link_unit(units, SYSTEM_DIR, "blankroot-tune.service", err);
}

int units_write(const struct units *units, const struct br_config *config,
		void (*refuse)(const struct br_error *problem), struct br_error *err)
{
	int r = write_drop_ins(units, config, err);

	if (r == 0)
		r = write_tuning(units, config, err);
	for (size_t i = 0; r == 0 && i < JOB_COUNT; i++)
		r = write_job(units, &jobs[i], config, refuse, err);
	return r;
}

int units_write_failure(const struct units *units, const char *self, const char *message,
			struct br_error *err)
{
	static const char name[] = "blankroot-config.service";
	FILE *out = open_unit(units, name, err);
	int r;

	if (!out)
		return err->code;
	put_head(out, units);
	(void)fputs("Description=blankroot: ", out);
	put_plain(out, message);
	/* behind nothing: timers.target is ordered after what it wants */
	(void)fputs("\nDefaultDependencies=no\nConflicts=shutdown.target\n"
		    "Before=shutdown.target\n\n[Service]\nType=oneshot\nExecStart=",
		    out);
	put_word(out, self);
	(void)fputs(" --fail ", out);
	put_word(out, message);
	(void)fputc('\n', out);
	if ((r = close_unit(out, name, err)) < 0)
		return r;
	return link_unit(units, TIMERS_DIR, name, err);
}
