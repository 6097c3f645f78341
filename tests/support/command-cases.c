/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper's commands on one server. */
#include "command-cases.h"

#include "cleanup.h"
#include "command-looks.h"
#include "fingerprint.h"
#include "run.h"
#include "server.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARCHIVES "old_roots/" PINNED, "old_roots/" NEWEST
#define ALL_BUT_BLANK "root", "persist", "log", ARCHIVES

#define SETTINGS                                               \
	"\tpersist = { /etc/ssh, /srv/a }\n}\n"                \
	"archives {\n\tkeep-min = 1\n\tmin-free = \"0%\"\n}\n" \
	"snapshots {\n\tsubvolumes = { persist }\n}\n"
#define USUAL "ephemeral root {\n" SETTINGS
#define SEEN "ephemeral root {\n\tmountpoint = \"@/root\"\n" SETTINGS

#define DECLARATIONS(paths) "ephemeral \"root\" {\n" paths "}\n"
#define DECLARED(path) "    path \"" path "\" { }\n"
#define HEAD "# Written by blankroot persist.\n"
#define ALONE "50-persist.conf\n"

const struct command_case command_cases[] = {
	{ .name = "list", .words = { "list" } },
	{ .name = "list for programs", .words = { "list", "--json" } },
	/* the system did not boot from this image: that is not healthy */
	{ .name = "status",
	  .words = { "status", "--report=/nonexistent" },
	  .code = 1,
	  .tells_failures = true },
	{ .name = "diff", .words = { "diff" } },
	{ .name = "diff, summary", .words = { "diff", "--summary" } },
	{ .name = "diff, suggestions", .words = { "diff", "--suggest" } },
	{ .name = "prune, dry", .words = { "prune", "--dry-run" } },
	{ .name = "prune",
	  .words = { "prune" },
	  .untouched = { ALL_BUT_BLANK, "root-blank" },
	  .calls_max = 56,
	  .look = look_at_archives,
	  .look_settled = look_at_archives,
	  .outcome = { { "1 2 3 4\n", "2 4\n" }, { "2 3 4\n", "2 4\n" }, { "2 4\n", "2 4\n" } } },
	{ .name = "snapshot",
	  .words = { "snapshot", "--comment=why" },
	  .untouched = { "root", "log", ARCHIVES, "root-blank", "snapshots/" SNAPSHOT },
	  .calls_max = 25,
	  .look = look_at_taken,
	  .look_settled = look_at_taken_settled,
	  .outcome = { { "0\n", "0\n" }, { "1\n", "1\n" } } },
	{ .name = "pin",
	  .words = { "snapshot", "pin", SNAPSHOT },
	  .untouched = { ALL_BUT_BLANK, "root-blank" },
	  .calls_max = 9,
	  .look = look_at_snapshot,
	  .look_settled = look_at_snapshot_settled,
	  .outcome = { { "free\n", "free\n" SNAPSHOT "\n" },
		       { "pinned\n", "pinned\n" SNAPSHOT "\n" } } },
	{ .name = "delete",
	  .words = { "snapshot", "delete", SNAPSHOT },
	  .untouched = { ALL_BUT_BLANK, "root-blank" },
	  .calls_max = 6,
	  .look = look_at_snapshot,
	  .look_settled = look_at_snapshot_settled,
	  .outcome = { { "free\n", "free\n" SNAPSHOT "\n" }, { "gone\n", "gone\n" } } },
	{ .name = "skip",
	  .words = { "skip" },
	  .untouched = { ALL_BUT_BLANK, "root-blank" },
	  .calls_max = 12,
	  .look = look_at_request,
	  .look_settled = look_at_request_settled,
	  .outcome = { { "none\n", "none\n" }, { "skip\n", "skip\n" } } },
	{ .name = "rollback",
	  .words = { "rollback", NEWEST },
	  .untouched = { ALL_BUT_BLANK, "root-blank" },
	  .calls_max = 12,
	  .look = look_at_request,
	  .look_settled = look_at_request_settled,
	  .outcome = { { "none\n", "none\n" }, { "from " NEWEST "\n", "from " NEWEST "\n" } } },
	{ .name = "rollback, now blank",
	  .words = { "rollback", "--now-blank", PINNED },
	  .untouched = { ALL_BUT_BLANK },
	  .calls_max = 40,
	  .look = look_at_blank,
	  .look_settled = look_at_blank_settled,
	  .outcome = { { "former\n", "former\n2 4\n" }, { "archive\n", "archive\n2 former\n" } } },
	{ .name = "blank commit",
	  .words = { "blank", "commit", "@/root/etc/new" },
	  .config = SEEN,
	  .untouched = { "persist", "log", ARCHIVES, "root" },
	  .calls_max = 40,
	  .look = look_at_committed,
	  .look_settled = look_at_committed_settled,
	  .outcome = { { "former\n", "former\n1\n" }, { "new\n", "new\n2\n" } } },
	{ .name = "blank update",
	  .words = { "blank", "update", "/bin/upgrade" },
	  .config = "ephemeral system {\n\tmountpoint = \"@/system\"\n}\n",
	  .untouched = { ALL_BUT_BLANK, "root-blank", "system" },
	  .calls_max = 60,
	  .look = look_at_updated,
	  .look_settled = look_at_updated_settled,
	  .next = { "prune" },
	  .outcome = { { "former\n", "former\n" }, { "new\n", "new\n1\n" } } },
	{ .name = "blank rollback",
	  .words = { "blank", "rollback", FORMER },
	  .untouched = { ALL_BUT_BLANK },
	  .calls_max = 14,
	  .look = look_at_brought_back,
	  .look_settled = look_at_brought_back_settled,
	  .outcome = { { "former\n", "former\nhas older\n1\n" },
		       { "older\n", "older\nhas former\n1\n" } } },
	{ .name = "rollback, persistent",
	  .words = { "rollback", SNAPSHOT },
	  .untouched = { "root", "log", ARCHIVES, "root-blank", "snapshots/" SNAPSHOT },
	  .calls_max = 24,
	  .look = look_at_persist,
	  .look_settled = look_at_persist_settled,
	  .outcome = { { "former\n", "former\n1\n" }, { "snapshot\n", "snapshot\n2\n" } } },
	{ .name = "restore",
	  .words = { "restore", "--from=" NEWEST, "@/root/opt/x/y" },
	  .config = SEEN,
	  .untouched = { "persist", "log", ARCHIVES, "root-blank", "root/srv", "root/etc" },
	  .calls_max = 37,
	  .look = look_at_restored,
	  .look_settled = look_at_restored_settled,
	  .next = { "restore", "--keep-old", "--from=" NEWEST, "@/root/opt/x/y" },
	  .outcome = { { "absent\n", "new\n0\n" }, { "new\n", "new\n1\n" } } },
	{ .name = "restore, keep old",
	  .words = { "restore", "--keep-old", "--from=" NEWEST, "@/root/srv/app",
		     "@/root/etc/app.conf" },
	  .config = SEEN,
	  .untouched = { "persist", "log", ARCHIVES, "root-blank", "root/srv/a", "root/var" },
	  .calls_max = 43,
	  .look = look_at_replaced,
	  .look_settled = look_at_replaced_settled,
	  .next = { "restore", "--keep-old", "--from=" NEWEST, "@/root/srv/app",
		    "@/root/etc/app.conf" },
	  .outcome = { { "old\nold\n", "new\nnew\n" },
		       { "new\nold\n", "new\nnew\n" },
		       { "new\nnew\n", "new\nnew\n" } } },
	{ .name = "convert",
	  .words = { "convert", "@/log/data" },
	  .standalone = true,
	  .begins_at = "/log",
	  .untouched = { "root", "persist", ARCHIVES, "root-blank", "log/like" },
	  .calls_max = 43,
	  .look = look_at_converted,
	  .look_settled = look_at_converted_settled,
	  .next = { "convert", "@/log/data" },
	  .outcome = { { "directory\n", "subvolume\n" }, { "subvolume\n", "subvolume\n" } } },
	{ .name = "init",
	  .words = { "init", "--yes", "--subvolume=fresh", "--write-fstab" },
	  .without_config = true,
	  .begins_at = "/etc/fstab",
	  .untouched = { "root", "persist", "log", ARCHIVES, "root-blank", "fresh/var" },
	  .is_long = true,
	  .calls_max = 110,
	  .look = look_at_prepared,
	  .look_settled = look_at_prepared_settled,
	  .next = { "init", "--yes", "--subvolume=fresh", "--write-fstab" },
	  .outcome = { { "by id\nnone\nnone\n", "by name\nconfigured\nblank\n1\n" },
		       { "by name\nnone\nnone\n", "by name\nconfigured\nblank\n1\n" },
		       { "by name\nconfigured\nnone\n", "by name\nconfigured\nblank\n1\n" },
		       { "by name\nconfigured\nwritable\n", "by name\nconfigured\nblank\n1\n" },
		       { "by name\nconfigured\nblank\n", "by name\nconfigured\nblank\n1\n" } } },
	{ .name = "persist add, first",
	  .words = { "persist", "add", "--config=@/log/first/blankroot.conf", "/etc/one" },
	  .standalone = true,
	  .untouched = { "root", "persist", ARCHIVES, "root-blank", "log/like" },
	  .calls_max = 9,
	  .look = look_at_first_declaration,
	  .look_settled = look_at_first_declaration_settled,
	  .next = { "persist", "add", "--config=@/log/first/blankroot.conf", "/etc/one" },
	  .outcome = { { "none\n", HEAD DECLARATIONS(DECLARED("/etc/one")) ALONE },
		       { HEAD DECLARATIONS(DECLARED("/etc/one")),
			 HEAD DECLARATIONS(DECLARED("/etc/one")) ALONE } } },
	{ .name = "persist remove",
	  .words = { "persist", "remove", "--config=@/log/two/blankroot.conf", "/etc/one" },
	  .standalone = true,
	  .untouched = { "root", "persist", ARCHIVES, "root-blank", "log/like" },
	  .calls_max = 8,
	  .look = look_at_two_declarations,
	  .look_settled = look_at_two_declarations_settled,
	  .next = { "persist", "add", "--config=@/log/two/blankroot.conf", "/etc/new" },
	  .outcome = { { HEAD DECLARATIONS(DECLARED("/etc/one") DECLARED("/etc/two")),
			 HEAD DECLARATIONS(DECLARED("/etc/one") DECLARED("/etc/two")
						   DECLARED("/etc/new")) ALONE },
		       { HEAD DECLARATIONS(DECLARED("/etc/two")),
			 HEAD DECLARATIONS(DECLARED("/etc/two") DECLARED("/etc/new")) ALONE } } },
	{ .name = "persist remove, last",
	  .words = { "persist", "remove", "--config=@/log/one/blankroot.conf", "/etc/one" },
	  .standalone = true,
	  .untouched = { "root", "persist", ARCHIVES, "root-blank", "log/like" },
	  .calls_max = 4,
	  .look = look_at_one_declaration,
	  .look_settled = look_at_one_declaration_settled,
	  .next = { "persist", "add", "--config=@/log/one/blankroot.conf", "/etc/new" },
	  .outcome = { { HEAD DECLARATIONS(DECLARED("/etc/one")),
			 HEAD DECLARATIONS(DECLARED("/etc/one") DECLARED("/etc/new")) ALONE },
		       { "none\n", HEAD DECLARATIONS(DECLARED("/etc/new")) ALONE } } },
};
const size_t command_case_count = sizeof(command_cases) / sizeof(command_cases[0]);

const struct command_case *command_case_find(const char *name)
{
	for (size_t i = 0; i < command_case_count; i++) {
		if (strcmp(command_cases[i].name, name) == 0)
			return &command_cases[i];
	}
	ck_abort_msg("no such command: %s", name);
}

/* --- lines --- */

/* Owned by the caller. */
static char *fill_in(const char *text, const char *mountpoint)
{
	char *filled = NULL;
	size_t size;
	FILE *out = open_memstream(&filled, &size);

	ck_assert_ptr_nonnull(out);
	for (; *text; text++) {
		if (*text == '@')
			(void)fputs(mountpoint, out);
		else
			(void)fputc(*text, out);
	}
	ck_assert(fclose(out) == 0);
	return filled;
}

static void add_words(struct command_line *line, const char *const *words, const char *mountpoint)
{
	for (; *words; words++) {
		ck_assert_uint_lt(line->count, sizeof(line->own) / sizeof(line->own[0]));
		line->own[line->count] = fill_in(*words, mountpoint);
		WORDS_ADD(&line->words, line->own[line->count++]);
	}
}

static void make_line(struct command_line *line, const struct command_case *command,
		      const char *const *words, const char *mountpoint, const char *device)
{
	*line = (struct command_line){ .count = 0 };
	WORDS_ADD(&line->words, run_helper_path());
	add_words(line, words, mountpoint);
	if (command->standalone)
		return;
	if (command->without_config) {
		WORDS_ADD(&line->words, "--device");
		if (device)
			WORDS_ADD(&line->words, device);
		return;
	}
	BR_AUTO_FREE char *text = fill_in(command->config ? command->config : USUAL, mountpoint);
	line->config = server_config(text);
	WORDS_ADD(&line->words, "--config", line->config, "--device");
	if (device)
		WORDS_ADD(&line->words, device);
}

void command_line_make(struct command_line *line, const struct command_case *command,
		       const char *mountpoint, const char *device)
{
	make_line(line, command, command->words, mountpoint, device);
}

void command_line_free(struct command_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		free(line->own[i]);
	free(line->config);
	*line = (struct command_line){ .count = 0 };
}

/* --- what is there --- */

const struct command_outcome *command_case_found(const struct command_case *command,
						 const struct image *image, bool is_done)
{
	const struct command_outcome *outcome = command->outcome;

	if (!command->look)
		return NULL;
	BR_AUTO_FREE char *found = command->look(image->top);
	for (size_t i = 0; i < COMMAND_OUTCOMES && outcome[i].found; i++) {
		bool is_last = i + 1 == COMMAND_OUTCOMES || !outcome[i + 1].found;

		if (strcmp(found, outcome[i].found) == 0 && (is_last || !is_done))
			return &outcome[i];
	}
	ck_abort_msg("%s%s: %s", command->name, is_done ? ", reported as done" : "", found);
}

static void run_next(const struct command_case *command, const struct image *image,
		     const char *const *words)
{
	struct command_line line;

	make_line(&line, command, words, image->mountpoint, image->device[0]);
	run_and_drop(image->top, line.words.word);
	command_line_free(&line);
}

static void check_leftovers(const struct image *image)
{
	BR_AUTO_FREE char *wrong = run_shell(
		image->top,
		"getfattr -d -m trusted.blankroot.marking .blankroot; "
		"ls -d .blankroot-* .blankroot/.* .blankroot/jobs/.* .blankroot/staging* .blankroot/frozen* .blankroot/rollback* .blankroot/replaced* .blankroot/init-new snapshots/*.new 2>/dev/null | grep -v '/\\.*$' || :; "
		"for s in root-blank old_roots/* snapshots/*; do [ -d $s ] || continue; "
		"btrfs property get -ts $s ro | grep -qx ro=true || echo $s is writable; done; "
		"for s in snapshots/persist.*; do [ ! -d $s ] || diff -r persist $s; done 2>&1 || :; "
		"[ -e root-blank/etc ] || echo root-blank is incomplete");

	ck_assert_msg(!*wrong, "left: %s", wrong);
}

void command_case_settle(const struct command_case *command, const struct image *image,
			 const struct command_outcome *found)
{
	static const struct command_case prune = { .words = { "prune" } };

	run_next(&prune, image, prune.words);
	if (command->next[0])
		run_next(command, image, command->next);
	if (found) {
		BR_AUTO_FREE char *settled = command->look_settled(image->top);

		ck_assert_msg(strcmp(settled, found->settled) == 0, "%s, cleared up: %s",
			      command->name, settled);
	}
	check_leftovers(image);
}

char *command_case_picture(const struct command_case *command, int top)
{
	char *text = NULL;
	size_t size;

	if (!command->look)
		return fingerprint(top, ".", FINGERPRINT_IDENTITY | FINGERPRINT_NO_TOP,
				   ".blankroot");
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	for (const char *const *path = command->untouched; *path; path++) {
		/* of a subvolume of which a snapshot is taken the kernel changes the top's times */
		BR_AUTO_FREE char *print = fingerprint(
			top, *path, FINGERPRINT_IDENTITY | FINGERPRINT_NO_TOP, NULL);

		fprintf(out, "%s\n%s\n", *path, print);
	}
	ck_assert(fclose(out) == 0);
	return text;
}
