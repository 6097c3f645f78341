/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot check, for people and for programs. Lost output is found when it is closed. */
#include "preflight.h"

#include "json.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_JSON_VERSION 1

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* https://no-color.org: set to anything but nothing. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static const char *colour_of(enum finding_severity severity)
{
	static const char *const colours[] = {
		[FINDING_INFO] = "", [FINDING_WARNING] = YELLOW, [FINDING_ERROR] = RED
	};

	return colours[severity];
}

static void put_finding(const struct finding *finding, bool colour)
{
	if (colour)
		(void)fputs(colour_of(finding->severity), stdout);
	(void)printf("%s: ", finding_severity_name(finding->severity));
	br_text_put_name(stdout, finding->message);
	(void)printf("%s [%s]\n    %s\n", colour ? PLAIN : "", finding_name(finding->kind),
		     finding_meaning(finding->kind));
	if (finding->command) {
		(void)fputs("    Mend: ", stdout);
		br_text_put_name(stdout, finding->command);
		(void)putchar('\n');
	}
}

/* Errors first. */
static void put_findings(const struct check *check, enum finding_severity least)
{
	bool colour = wants_colour();

	for (int severity = FINDING_ERROR; severity >= (int)least; severity--)
		for (size_t i = 0; i < check->findings.count; i++)
			if ((int)check->findings.list[i].severity == severity)
				put_finding(&check->findings.list[i], colour);
}

static void put_images(const struct check *check)
{
	for (size_t i = 0; i < check->images.count; i++) {
		const struct check_image *image = &check->image_checks[i];

		if (!image->boots)
			continue;
		(void)fputs("Image        ", stdout);
		br_text_put_name(stdout, image->image->path);
		(void)fputs(image->version ? ", blankroot-initrd " : "", stdout);
		br_text_put_name(stdout, image->version ? image->version : "");
		(void)fputs(check->choice.source ? ", booted by " : "", stdout);
		br_text_put_name(stdout, check->choice.source ? check->choice.source : "");
		(void)putchar('\n');
	}
}

static void put_rehearsal(const struct rehearsal *rehearsal)
{
	struct br_copy_stats sum = { 0 };

	for (size_t i = 0; i < rehearsal->count; i++) {
		sum.files += rehearsal->paths[i].stats.files;
		sum.subvolumes += rehearsal->paths[i].stats.subvolumes;
		sum.bytes_shared += rehearsal->paths[i].stats.bytes_shared;
		sum.bytes_copied += rehearsal->paths[i].stats.bytes_copied;
	}
	(void)fputs("Rehearsal    ", stdout);
	br_text_put_duration(stdout, rehearsal->usec);
	(void)printf(" for %zu %s, ", rehearsal->count, rehearsal->count == 1 ? "path" : "paths");
	br_text_put_count(stdout, sum.files);
	(void)fputs(" files, ", stdout);
	br_text_put_count(stdout, sum.subvolumes);
	(void)fputs(" subvolumes; ", stdout);
	br_text_put_size(stdout, sum.bytes_shared);
	(void)fputs(" shared, ", stdout);
	br_text_put_size(stdout, sum.bytes_copied);
	(void)fputs(" copied\n", stdout);
}

static void put_count(size_t count, const char *what)
{
	(void)printf("%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void put_verdict(const struct check *check)
{
	size_t errors = finding_count(&check->findings, FINDING_ERROR);
	size_t warnings = finding_count(&check->findings, FINDING_WARNING);

	(void)fputs("Next boot    ", stdout);
	if (errors > 0)
		(void)fputs("WILL NOT WORK AS CONFIGURED: ", stdout);
	else
		(void)fputs(check->request.kind == BR_REQUEST_SKIP ? "keeps the root"
								   : "resets the root",
			    stdout);
	if (errors > 0)
		put_count(errors, "error");
	if (warnings > 0) {
		(void)fputs(", ", stdout);
		put_count(warnings, "warning");
	}
	(void)putchar('\n');
}

void check_print(const struct check *check, bool quiet, bool strict)
{
	if (quiet) {
		put_findings(check, strict ? FINDING_WARNING : FINDING_ERROR);
		return;
	}
	put_verdict(check);
	put_images(check);
	if (check->has_rehearsal)
		put_rehearsal(&check->rehearsal);
	if (check->findings.count > 0)
		(void)putchar('\n');
	put_findings(check, FINDING_INFO);
}

/* --- for programs --- */

static void json_findings(struct br_json *json, const struct findings *findings)
{
	br_json_open_array(json, "findings");
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		br_json_open_object(json, NULL);
		br_json_string(json, "id", finding_name(finding->kind));
		br_json_string(json, "severity", finding_severity_name(finding->severity));
		br_json_string(json, "message", finding->message);
		br_json_string(json, "meaning", finding_meaning(finding->kind));
		br_json_string(json, "command", finding->command);
		br_json_close_object(json);
	}
	br_json_close_array(json);
}

static void json_images(struct br_json *json, const struct check *check)
{
	static const char *const makers[] = {
		[INITRAMFS_UNKNOWN] = NULL,    [INITRAMFS_TOOLS] = "initramfs-tools",
		[INITRAMFS_DRACUT] = "dracut", [INITRAMFS_MKINITCPIO] = "mkinitcpio",
		[INITRAMFS_NIXOS] = "nixos",
	};

	br_json_open_array(json, "images");
	for (size_t i = 0; i < check->images.count; i++) {
		const struct check_image *image = &check->image_checks[i];

		br_json_open_object(json, NULL);
		br_json_string(json, "path", image->image->path);
		br_json_string(json, "kernel",
			       image->content.kernel ? image->content.kernel
						     : image->image->kernel);
		br_json_string(json, "generator", makers[image->content.maker]);
		br_json_bool(json, "read", image->is_read);
		br_json_bool(json, "boots", image->boots);
		br_json_string(json, "version", image->version);
		br_json_close_object(json);
	}
	br_json_close_array(json);
}

static void json_rehearsal(struct br_json *json, const struct rehearsal *rehearsal)
{
	br_json_open_object(json, "rehearsal");
	br_json_number(json, "duration_us", rehearsal->usec);
	br_json_open_array(json, "paths");
	for (size_t i = 0; i < rehearsal->count; i++) {
		const struct rehearsal_path *path = &rehearsal->paths[i];

		br_json_open_object(json, NULL);
		br_json_string(json, "subvolume", path->subvolume);
		br_json_string(json, "path", path->path);
		br_json_number(json, "files", path->stats.files);
		br_json_number(json, "directories", path->stats.directories);
		br_json_number(json, "others", path->stats.others);
		br_json_number(json, "subvolumes", path->stats.subvolumes);
		br_json_number(json, "bytes_shared", path->stats.bytes_shared);
		br_json_number(json, "bytes_copied", path->stats.bytes_copied);
		br_json_number(json, "duration_us", path->usec);
		br_json_number(json, "differences", path->changes.count);
		br_json_close_object(json);
	}
	br_json_close_array(json);
	br_json_close_object(json);
}

void check_print_json(const struct check *check)
{
	struct br_json json = br_json_start(stdout);
	size_t errors = finding_count(&check->findings, FINDING_ERROR);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", CHECK_JSON_VERSION);
	br_json_bool(&json, "good", errors == 0);
	br_json_number(&json, "errors", errors);
	br_json_number(&json, "warnings", finding_count(&check->findings, FINDING_WARNING));
	json_findings(&json, &check->findings);
	br_json_string(&json, "boot_loader", check->choice.source);
	json_images(&json, check);
	if (check->has_rehearsal)
		json_rehearsal(&json, &check->rehearsal);
	else
		br_json_string(&json, "rehearsal", NULL);
	br_json_close_object(&json);
}
