/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the result of a reset goes. */
#include "output.h"

#include "cleanup.h"
#include "file.h"
#include "kmsg.h"
#include "report.h"
#include "warning.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void output_line(const struct br_reset *reset)
{
	BR_AUTO_FREE char *line = br_report_line(reset);
	bool good = br_outcome_exit_code(reset->outcome) == 0 && !br_warning_exists(reset);
	char brief[1024];
	const char *text = line ? line : brief;

	br_report_brief(reset, brief, sizeof(brief));
	(void)fprintf(stderr, "%s\n", text); /* the exit code tells too */
	if (reset->outcome !=
	    BR_OUTCOME_DRY_RUN) /* where there is no such log, the console has it */
		(void)br_kmsg_write(good ? BR_KMSG_NOTICE : BR_KMSG_ERROR, text);
}

void output_plan(const struct br_reset *reset)
{
	for (size_t i = 0; i < reset->plan.count; i++) {
		BR_AUTO_FREE char *text = br_step_describe(&reset->plan.steps[i], &reset->config,
							   &reset->facts);

		/* lost output is found when standard output is closed */
		(void)printf("%s\n", text ? text : br_step_name(reset->plan.steps[i].type));
	}
}

static void make_parent(const char *path)
{
	BR_AUTO_FREE char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash || slash == dir)
		return;
	*slash = '\0';
	if (mkdir(dir, 0755) == 0)
		(void)chmod(dir,
			    0755); /* whatever the umask; a failure shows when the report is read */
}

void output_report(const struct br_reset *reset, const char *path, const char *tool)
{
	BR_AUTO_FREE char *json = br_report_json(reset, tool);
	struct br_error err = { 0 };
	char message[1024] = "out of memory";

	make_parent(path);
	if (json && br_file_replace(AT_FDCWD, path, json, strlen(json), 0644, &err) == 0)
		return;
	if (json)
		br_error_format(&err, message, sizeof(message));
	(void)fprintf(stderr, "blankroot: warning: the report was not written: %s\n", message);
}

void output_step(void *data, const char *text)
{
	(void)data;
	(void)fprintf(stderr, "blankroot: %s\n", text);
}
