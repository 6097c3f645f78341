/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this the moment for a job that a timer started? */
#include "job-moment.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "file.h"
#include "proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SUPPLIES "/sys/class/power_supply"
#define VALUE_MAX 4096
#define CMDLINE_MAX ((size_t)2 << 20)

/* --- power --- */

struct power {
	int dir;
	bool mains, battery;
};

/* Does the file of a supply say that? Also false when there is none. */
static bool says(int dir, const char *supply, const char *key, const char *wanted)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	char path[300];
	int length = snprintf(path, sizeof(path), "%s/%s", supply, key);

	if (length < 0 || (size_t)length >= sizeof(path) ||
	    br_file_read(dir, path, VALUE_MAX, &text, NULL, &ignored) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, wanted) == 0;
}

/* A supply that is no battery is an adapter of some kind: Mains, USB, Wireless. */
static int look_at_supply(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct power *power = data;

	(void)type;
	(void)err;
	if (says(power->dir, name, "scope", "Device"))
		return 0;
	if (says(power->dir, name, "type", "Battery"))
		power->battery |= says(power->dir, name, "status", "Discharging");
	else
		power->mains |= says(power->dir, name, "online", "1");
	return 0;
}

bool job_moment_on_battery(void)
{
	BR_AUTO_CLOSE int dir = open(SUPPLIES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct power power = { .dir = dir };
	struct br_error ignored;

	return dir >= 0 && br_entries_visit(dir, look_at_supply, &power, &ignored) == 0 &&
	       power.battery && !power.mains;
}

/* --- backups --- */

/* Programs that run only while they make one; of others, the word that makes them do it. */
static const struct {
	const char *program, *word;
} backups[] = {
	{ "btrfs", "send" },    { "btrfs", "receive" },   { "borg", "create" },
	{ "restic", "backup" }, { "btrbk", NULL },        { "rsnapshot", NULL },
	{ "duplicity", NULL },  { "rdiff-backup", NULL },
};

struct search {
	int proc;
	char *what;
	size_t size;
	bool is_found;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is one of these words, the program's own name left out, the one? */
static bool has_word(const char *line, size_t size, const char *word)
{
	for (const char *at = line; at < line + size; at += strlen(at) + 1)
		if (strcmp(at, word) == 0)
			return true;
	return false;
}

/* line: words, each ended by NUL; begin: the word where the program is named */
static bool is_backup(const char *begin, const char *end, struct search *search, const char *pid)
{
	size_t name_size = strlen(begin) + 1;

	for (size_t i = 0; i < sizeof(backups) / sizeof(backups[0]); i++) {
		const char *word = backups[i].word;

		if (strcmp(base_name(begin), backups[i].program) != 0 ||
		    (word && !has_word(begin + name_size, (size_t)(end - begin) - name_size, word)))
			continue;
		(void)snprintf(search->what, search->size, "%s%s%s (process %s)",
			       backups[i].program, word ? " " : "", word ? word : "", pid);
		return true;
	}
	return false;
}

static int look_at_process(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct search *search = data;
	BR_AUTO_FREE char *line = NULL;
	struct br_error ignored;
	char path[32];
	size_t size = 0, first;

	(void)type;
	(void)err;
	if (search->is_found || strspn(name, "0123456789") != strlen(name) || strlen(name) > 16)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/cmdline", name); /* always fits */
	if (br_file_read(search->proc, path, CMDLINE_MAX, &line, &size, &ignored) < 0 || size == 0)
		return 0; /* it has ended, or is one of the kernel */
	first = strlen(line) + 1;
	search->is_found = is_backup(line, line + size, search, name) ||
			   /* a script: the interpreter comes first */
			   (first < size && is_backup(line + first, line + size, search, name));
	return 0;
}

bool job_moment_backup(char *what, size_t size)
{
	BR_AUTO_CLOSE int proc = -1;
	struct search search = { .what = what, .size = size };
	struct br_error ignored;

	if (br_proc_open(&proc, &ignored) < 0)
		return false;
	search.proc = proc;
	return br_entries_visit(proc, look_at_process, &search, &ignored) == 0 && search.is_found;
}
