/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: what is said about a plan, and what is left to somebody. The keys are explained in docs/boot-contract.md. */
#include "init.h"

#include "cleanup.h"
#include "image-command.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1
#define HOOKS_MAX 65536

/* All of this goes to standard output, and what is lost of it is found when that is closed. */

static const char *root_name(const struct init_system *system)
{
	return init_is_top(system) ? "the top level" : system->subvolume;
}

static const char *const step_names[] = {
	[INIT_STEP_SNAPSHOT] = "snapshot", [INIT_STEP_DIRECTORY] = "directory",
	[INIT_STEP_MOVE] = "move",         [INIT_STEP_FILE] = "file",
	[INIT_STEP_DEFAULT] = "default",   [INIT_STEP_BLANK] = "blank",
};

static void put_step(FILE *out, const struct init_step *step, const struct init_system *system)
{
	switch (step->kind) {
	case INIT_STEP_SNAPSHOT:
		(void)fprintf(out, "take a snapshot of %s, to go back to: ", root_name(system));
		break;
	case INIT_STEP_DIRECTORY:
		(void)fputs("make the directory for archives, for root only: ", out);
		break;
	case INIT_STEP_MOVE:
		(void)fputs(
			"make the root, which is in the top level itself, a subvolume; what is in the "
			"top level stays there: ",
			out);
		break;
	case INIT_STEP_FILE:
		(void)fprintf(out, "%s ", step->old ? "change" : "write");
		break;
	case INIT_STEP_DEFAULT:
		(void)fputs(
			"make it the default subvolume, which is mounted when nobody says which: ",
			out);
		break;
	case INIT_STEP_BLANK:
		(void)fprintf(out, "make the blank, a read-only snapshot of %s: ", system->name);
		break;
	}
	br_text_put_name(out, step->path);
	if (step->kept) {
		(void)fputs(", which is kept as ", out);
		br_text_put_name(out, step->kept);
	}
}

/* --- what is changed in a file --- */

static bool has_line(const char *text, const char *line, size_t length)
{
	for (const char *at = text; *at;) {
		const char *end = strchrnul(at, '\n');

		if ((size_t)(end - at) == length && strncmp(at, line, length) == 0)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

/* Lines of one text that the other has not; of few lines, so nothing more is needed. */
static void put_lines(const char *text, const char *other, char sign)
{
	for (const char *at = text; *at;) {
		const char *end = strchrnul(at, '\n');
		BR_AUTO_FREE char *line = strndup(at, (size_t)(end - at));

		if (line && !has_line(other, line, strlen(line))) {
			(void)printf("    %c ", sign);
			br_text_put_name(stdout, line);
			(void)putchar('\n');
		}
		at = *end ? end + 1 : end;
	}
}

static void put_changes(const struct init_step *step)
{
	if (step->kind != INIT_STEP_FILE || !step->old)
		return;
	put_lines(step->old, step->text, '-');
	put_lines(step->text, step->old, '+');
}

/* --- the question --- */

/* Anything but yes is no. */
bool init_is_agreed(const struct init_options *options)
{
	char answer[16] = "";

	if (options->yes)
		return true;
	(void)fputs("\nDo this? [y/N] ", stdout);
	(void)fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return true;
	(void)puts("Nothing was changed.");
	return false;
}

/* --- the plan --- */

static void put_steps(const struct init_told *told, bool by_hand)
{
	for (size_t i = 0; i < told->plan->count; i++) {
		const struct init_step *step = &told->plan->steps[i];

		if (step->by_hand != by_hand)
			continue;
		(void)fputs("  ", stdout);
		put_step(stdout, step, told->system);
		(void)putchar('\n');
		if (by_hand || strcmp(step->path, told->options->config) != 0)
			put_changes(step);
	}
}

static bool has_by_hand(const struct init_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].by_hand)
			return true;
	return false;
}

static bool writes_configuration(const struct init_told *told)
{
	for (size_t i = 0; i < told->plan->count; i++)
		if (strcmp(told->plan->steps[i].path, told->options->config) == 0)
			return true;
	return false;
}

static void put_cmdline(const struct init_plan *plan)
{
	if (!plan->cmdline_new || strcmp(plan->cmdline_old, plan->cmdline_new) == 0)
		return;
	(void)puts(
		"\nThe kernel command line of this boot names the root by its id, which leads to an "
		"archive after a reset;\nin the configuration of the boot loader it has to be:");
	put_lines(plan->cmdline_old, "", '-');
	put_lines(plan->cmdline_new, "", '+');
}

void init_print_plan(const struct init_told *told)
{
	br_text_put_name(stdout, told->system->os_name);
	(void)fputs(", its root in ", stdout);
	br_text_put_name(stdout, root_name(told->system));
	(void)printf(" of %s\n\nTo be done:\n", told->system->device.path);
	put_steps(told, false);
	if (has_by_hand(told->plan)) {
		(void)puts("\nNot done without --write-fstab or --write-boot-loader:");
		put_steps(told, true);
	}
	put_cmdline(told->plan);
	if (told->plan->configuration && writes_configuration(told))
		(void)printf("\n%s:\n\n%s", told->options->config, told->plan->configuration);
	if (told->plan->nix)
		(void)printf("\nFor configuration.nix:\n\n%s", told->plan->nix);
}

void init_print_step(const struct init_step *step, const struct init_system *system)
{
	put_step(stdout, step, system);
	(void)putchar('\n');
}

/* --- what is left to be done --- */

static void put_next_of_nixos(const struct init_told *told)
{
	(void)printf("\nSay this in configuration.nix, with the module of docs/install.md:\n\n%s\n"
		     "Then: nixos-rebuild boot\n",
		     told->plan->nix);
}

static void put_next_of_move(const struct init_told *told)
{
	(void)printf(
		"The root is in %s from the next boot on%s.\n"
		"The boot loader still reads its files from the top level: install it anew in the "
		"new root (grub-install,\nupdate-grub), before the kernel is upgraded. What is in "
		"the top level is removed as docs/install.md says.\n",
		told->system->name,
		has_by_hand(told->plan) ? " once it is mounted: see above" : "");
}

/* Without it the images that upgrades of the blank build would not reset, and nothing would fail. */
static void put_hook(const struct init_told *told)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error none;

	if (system_root_read(&told->system->files, "/etc/mkinitcpio.conf", HOOKS_MAX, &text, NULL,
			     &none) == 0 &&
	    !strstr(text, "blankroot"))
		(void)puts("\nThe hook of mkinitcpio is missing: add blankroot to HOOKS in "
			   "/etc/mkinitcpio.conf, before filesystems,\nand take that into the "
			   "blank: blankroot blank commit /etc/mkinitcpio.conf");
}

void init_print_next(const struct init_told *told)
{
	const char *command = image_command(&told->system->files);

	if (told->plan->nix) {
		put_next_of_nixos(told);
		return;
	}
	if (has_by_hand(told->plan)) {
		(void)puts(
			"\nTo be changed before the next boot, by hand or with --write-fstab and "
			"--write-boot-loader:");
		put_steps(told, true);
	}
	put_cmdline(told->plan);
	put_hook(told);
	(void)printf(
		"\nLook at %s, and take out what need not survive. Then build the initramfs%s%s, "
		"and see what\nblankroot check says.\n",
		told->options->config, command ? ": " : "", command ? command : "");
	if (init_is_top(told->system))
		put_next_of_move(told);
	(void)puts("To take this back: blankroot init --undo");
}

/* --- for programs --- */

static void put_json_steps(struct br_json *json, const struct init_told *told)
{
	br_json_open_array(json, "steps");
	for (size_t i = 0; i < told->plan->count; i++) {
		const struct init_step *step = &told->plan->steps[i];

		br_json_open_object(json, NULL);
		br_json_string(json, "step", step_names[step->kind]);
		br_json_string(json, "path", step->path);
		br_json_string(json, "text", step->text);
		br_json_string(json, "kept", step->kept);
		br_json_bool(json, "by_hand", step->by_hand);
		br_json_bool(json, "done", step->is_done);
		br_json_close_object(json);
	}
	br_json_close_array(json);
}

static void put_json_paths(struct br_json *json, const struct init_keeps *keeps)
{
	br_json_open_array(json, "persist");
	for (size_t i = 0; i < keeps->count; i++) {
		const struct br_persist *persist = &keeps->keeps[i].persist;
		BR_AUTO_FREE char *path = NULL;

		if (asprintf(&path, "/%s", persist->path) < 0)
			path = NULL;
		br_json_open_object(json, NULL);
		br_json_string(json, "path", path);
		br_json_string(json, "method",
			       persist->method == BR_METHOD_SUBVOLUME ? "subvolume" : "copy");
		br_json_string(json, "why", init_why_text(keeps->keeps[i].why));
		br_json_close_object(json);
	}
	br_json_close_array(json);
}

void init_print_json(const struct init_told *told)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", JSON_VERSION);
	br_json_bool(&json, "dry_run", told->options->dry_run);
	br_json_string(&json, "distribution", told->system->os_id);
	br_json_string(&json, "device", told->system->device.path);
	br_json_string(&json, "filesystem", told->system->device.fsid);
	br_json_string(&json, "root", told->system->subvolume);
	br_json_string(&json, "subvolume", told->system->name);
	br_json_string(&json, "blank", told->system->blank);
	br_json_string(&json, "configuration", told->plan->configuration);
	br_json_string(&json, "nix", told->plan->nix);
	put_json_steps(&json, told);
	put_json_paths(&json, &told->plan->keeps);
	br_json_close_object(&json);
}
