/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One reset in which something goes wrong. */
#include "trial.h"

#include "cleanup.h"
#include "layout.h"

#include <check.h>
#include <string.h>

/* Both runs may archive one, and what an earlier run left counts as well. */
#define SWAPS 2

bool trial_is_full(void)
{
	const char *form = getenv("BLANKROOT_FAULTS");

	return form && strcmp(form, "full") == 0;
}

bool trial_has_all_kinds(void)
{
	const char *form = getenv("BLANKROOT_FAULTS");

	return trial_is_full() || (form && strcmp(form, "kinds") == 0);
}

bool trial_is_left_out(const char *command)
{
	const char *only = getenv("BLANKROOT_FAULTS_ONLY");

	return only && strcmp(only, command) != 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/*
 * Of a deep object it may be the step's object that is named, which lies above it. What is being made
 * may be called by the name that it will have.
 */
static bool names_object(const char *err, const char *object)
{
	static const char staging[] = "staging-";
	BR_AUTO_FREE char *path = strdup(object);

	ck_assert_ptr_nonnull(path);
	for (char *slash = path; *path && slash; slash = strrchr(path, '/')) {
		const char *part;

		*slash = slash == path ? *slash : '\0';
		part = last_part(path);
		if (strncmp(part, staging, sizeof(staging) - 1) == 0)
			part += sizeof(staging) - 1;
		if (strcmp(part, ".") != 0 && strstr(err, part))
			return true;
		if (strrchr(path, '/') == path)
			break;
	}
	return false;
}

/* Is it a path that people know? The top level, "/" or "//.", has no name. */
static bool is_known(const char *object)
{
	return object && object[0] == '/' && object[strspn(object, "/.")] &&
	       strncmp(object, "/proc/self/", 11) != 0;
}

static void check_message(const struct trial_end *end)
{
	const char *line = strstr(end->err, end->code == 5 ? "RESET UNFINISHED: " : "NOT RESET: ");

	ck_assert_msg(line != NULL, "exit %d without the line: %s", end->code, end->err);
	/* no path is to blame when memory has run out */
	if (strstr(line, "out of memory"))
		return;
	if (!is_known(end->object) || strstr(line, "in the blank"))
		ck_assert_msg(strchr(line, '"') != NULL, "on what did it fail? %s", line);
	else
		ck_assert_msg(names_object(line, end->object), "it does not name \"%s\": %s",
			      end->object, line);
}

/* Does it say that the new root may have been in memory alone? */
static bool is_uncertain(const struct trial_end *end)
{
	return end->code == 5 && strstr(end->err, "could not be flushed");
}

/* The exit code says which root is there. */
static void check_code(const struct stage *stage, const struct trial_end *end)
{
	const struct scenario *scenario = stage->expect.scenario;
	bool is_new = end->code == 0 || end->code == 5;
	int top = image_mount(stage->image, NULL);

	for (size_t i = 0; i < SCENARIO_EPHEMERALS && scenario->ephemeral[i].name; i++) {
		const char *name = scenario->ephemeral[i].name;
		bool is_replaced = subvol_id(top, name) != stage->expect.root[i].id;

		ck_assert_msg(is_replaced == is_new, "exit %d, but %s is %s: %s", end->code, name,
			      is_replaced ? "replaced" : "the old one", end->err);
	}
	image_unmount(stage->image);
}

void trial_check(const struct stage *stage, const struct trial_end *end)
{
	const struct expect_state state = {
		.is_done = end->code == 0 || (end->code == 5 && !is_uncertain(end)), .swaps = SWAPS
	};

	if (end->code != 137) {
		ck_assert_msg(end->code == 0 || (end->code >= 2 && end->code <= 5),
			      "exit %d is not documented: %s", end->code, end->err);
		if (!is_uncertain(end))
			check_code(stage, end);
		if (end->code != 0)
			check_message(end);
	}
	expect_check(&stage->expect, &state, stage->image);
}
