/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a plan in words. */
#include "plan.h"

#include "text.h"

struct step_words {
	const char *name; /* in boot.json */
	/* %F: from, %T: to, %P: persistent path, %E: ephemeral subvolume, %H: how */
	const char *format;
};

static const struct step_words words[] = {
	[BR_STEP_USE_REQUEST] = { "use-request", "use up the request for this boot" },
	[BR_STEP_CREATE_DIR] = { "create-directory", "create the directory %T, for root only" },
	[BR_STEP_SECURE_DIR] = { "secure-directory", "close the directory %T to others than root" },
	[BR_STEP_ARCHIVE_LEFTOVER] = { "archive-leftover",
				       "move the old %E that an interrupted run left at %F to %T" },
	[BR_STEP_DISCARD_LEFTOVER] = { "discard-leftover", "discard the unfinished new %E at %F" },
	[BR_STEP_SEAL] = { "seal", "make %T read-only" },
	[BR_STEP_RECORD] = { "record", "note that %E goes to %T" },
	[BR_STEP_SNAPSHOT] = { "snapshot", "snapshot %F to %T" },
	[BR_STEP_SNAPSHOT_NESTED] = { "snapshot-nested", "snapshot the subvolumes nested in %F" },
	[BR_STEP_CARRY] = { "carry", "carry %P (%H)" },
	[BR_STEP_CREATE_PATH] = { "create", "create %P (%H)" },
	[BR_STEP_FLUSH] = { "flush", "flush what was carried to disk" },
	[BR_STEP_MAKE_WRITABLE] = { "make-writable", "make %F writable, so that it can be moved" },
	[BR_STEP_EXCHANGE] = { "exchange", "exchange %F and %T" },
	[BR_STEP_PLACE] = { "place", "rename %F to %T" },
	[BR_STEP_ARCHIVE] = { "archive", "move the old %E, now at %F, to %T" },
	[BR_STEP_SET_DEFAULT] = { "set-default", "make %T the default subvolume" },
	[BR_STEP_NOTE_BLANK] = { "note-blank", "note what %F is, to know it again" },
	[BR_STEP_COMMIT] = { "commit", "commit and check that it reached the disk" },
};

const char *br_step_name(enum br_step_type type)
{
	if ((size_t)type >= sizeof(words) / sizeof(words[0]))
		return "unknown";
	return words[type].name;
}

static const char *how(const struct br_step *step, const struct br_config *config,
		       const struct br_facts *facts)
{
	const struct br_persist *persist = &config->ephemeral[step->ephemeral].persist[step->path];
	enum br_object old = facts->ephemeral[step->ephemeral].paths[step->path].old;

	if (step->type == BR_STEP_CREATE_PATH) {
		if (persist->create == BR_CREATE_FILE)
			return "empty file";
		return persist->method == BR_METHOD_SUBVOLUME ? "empty subvolume"
							      : "empty directory";
	}
	if (old == BR_OBJECT_SUBVOLUME)
		return "snapshot";
	return persist->method == BR_METHOD_SUBVOLUME ? "converted into a subvolume" : "copy";
}

static const char *value_of(char key, const struct br_step *step, const struct br_config *config,
			    const struct br_facts *facts)
{
	switch (key) {
	case 'F':
		return step->from;
	case 'T':
		return step->to;
	case 'E':
		return config->ephemeral[step->ephemeral].name;
	case 'P':
		return config->ephemeral[step->ephemeral].persist[step->path].path;
	default:
		return how(step, config, facts);
	}
}

struct description {
	const struct br_step *step;
	const struct br_config *config;
	const struct br_facts *facts;
};

static void put_step(FILE *out, const void *data)
{
	const struct description *d = data;

	for (const char *c = words[d->step->type].format; *c; c++) {
		if (*c != '%') {
			(void)fputc(*c, out); /* a failure shows in ferror */
			continue;
		}
		c++;
		if (*c == 'P') {
			br_text_put_name(out, d->config->ephemeral[d->step->ephemeral].name);
			(void)fputs(":/", out);
		}
		br_text_put_name(out, value_of(*c, d->step, d->config, d->facts));
	}
}

char *br_step_describe(const struct br_step *step, const struct br_config *config,
		       const struct br_facts *facts)
{
	return br_text_make(put_step, &(struct description){ step, config, facts });
}
