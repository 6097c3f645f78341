/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of config.c: a file's text is read and scanned (config-text.c), taken apart by
 * libconfuse (config-parse.c), each setting is checked and stored (config-schema.c,
 * config-value.c, config-tuning.c), and in the end the whole is completed and checked (config-check.c).
 *
 * Problems with a value are reported without file and line, by those who see only the value;
 * whoever knows the place puts it in front with br_error_context.
 */
#ifndef BR_CONFIG_INTERNAL_H
#define BR_CONFIG_INTERNAL_H

#include "config.h"

/* --- config-text.c --- */

/*
 * Read a configuration file and make its text safe for libconfuse's scanner: comments become
 * blanks (it would count their lines twice), and what it would accept in silence or with surprises
 * is refused, with file and line: NUL bytes, strings, comments and braces that are not closed,
 * environment variables, numeric escapes, characters that it would skip.
 *
 * path   links are followed: configurations are often links into a store
 * draft  a text to take instead of what the file has, which need not exist; NULL: that of the file
 *
 * Returns 0 with *text_ret, NUL-terminated and owned by the caller. BR_ERR_CONFIG, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_config_text_read(const char *path, const char *draft, char **text_ret,
				      struct br_error *err);

/* --- config-schema.c --- */

enum br_config_section {
	BR_SECTION_TOP,
	BR_SECTION_EPHEMERAL, /* has a title */
	BR_SECTION_PATH,      /* has a title; inside BR_SECTION_EPHEMERAL */
	BR_SECTION_ARCHIVES,
	BR_SECTION_SNAPSHOTS,
	BR_SECTION_PERFORMANCE,
	BR_SECTION_MAINTENANCE,
	BR_SECTION_METRICS,
};

#define BR_SECTION_COUNT (BR_SECTION_METRICS + 1)
#define BR_CONFIG_KEYS_MAX 12 /* of one section */

/* One "key = value", or one element of a list. */
struct br_config_setting {
	const char *value;
	const char *file;
	unsigned line;
};

/* What may stand in a section. */
struct br_config_key {
	const char *name;
	size_t offset; /* of the field in the section's structure */
	int (*set)(void *field, const struct br_config_key *key,
		   const struct br_config_setting *setting, struct br_error *err);
	const char *const *words; /* for set functions that choose one; ended by NULL */
	bool is_list;
};

/* Name of a section, NULL for BR_SECTION_TOP. */
const char *br_config_section_name(enum br_config_section section);

/* Keys of a section, ended by one without a name. At most BR_CONFIG_KEYS_MAX. */
const struct br_config_key *br_config_section_keys(enum br_config_section section);

/*
 * Put "what "value": " in front of an error's text, the value shortened if need be. Returns
 * err->code.
 */
int br_config_blame(struct br_error *err, const char *what, const char *value);

/*
 * Store one setting in the section's structure, or add to it: struct br_ephemeral, struct
 * br_persist, and struct br_config for all others.
 *
 * BR_ERR_CONFIG with the key's name and the value in the text, BR_ERR_NOMEM; then nothing has
 * changed.
 */
BR_MUST_CHECK int br_config_apply(void *section, const struct br_config_key *key,
				  const struct br_config_setting *setting, struct br_error *err);

/*
 * Find the ephemeral subvolume of that title, or add it. Errors as above, without name and value.
 */
BR_MUST_CHECK int br_config_open_ephemeral(struct br_config *config,
					   const struct br_config_setting *title,
					   struct br_ephemeral **ephemeral_ret,
					   struct br_error *err);

/* Add a persistent path to an ephemeral subvolume. Errors as above, without name and value. */
BR_MUST_CHECK int br_config_add_persist(struct br_ephemeral *ephemeral,
					const struct br_config_setting *path, struct br_error *err);

/* --- config-value.c: set functions --- */

#define BR_CONFIG_SET(name)                                    \
	int name(void *field, const struct br_config_key *key, \
		 const struct br_config_setting *setting, struct br_error *err)

BR_CONFIG_SET(br_config_set_device);     /* char * */
BR_CONFIG_SET(br_config_set_subvolume);  /* char *: a path from the top level */
BR_CONFIG_SET(br_config_set_mountpoint); /* char * */
BR_CONFIG_SET(br_config_set_owner);      /* char * */
BR_CONFIG_SET(br_config_set_schedule);   /* struct br_schedule */
BR_CONFIG_SET(br_config_set_word);       /* an enum counting from 0: one of key->words */
BR_CONFIG_SET(br_config_set_mode);       /* struct br_persist: mode, has_mode */
BR_CONFIG_SET(br_config_set_interval);   /* uint64_t */
BR_CONFIG_SET(br_config_set_count);      /* unsigned */
BR_CONFIG_SET(br_config_set_share);      /* double */
BR_CONFIG_SET(br_config_add_argument);   /* struct br_command: one word more */

/* --- config-tuning.c: set functions, and what only the whole shows --- */

BR_CONFIG_SET(br_config_add_directory); /* struct br_tuning_list: an absolute path more */
BR_CONFIG_SET(br_config_add_knob);      /* struct br_tuning_list: NAME=VALUE */

/* What of tuning does not go together. BR_ERR_CONFIG with file and line. */
BR_MUST_CHECK int br_config_check_tuning(const struct br_tuning_policy *tuning,
					 struct br_error *err);

/* Release. Safe on a zeroed structure. */
void br_config_free_tuning(struct br_tuning_policy *tuning);

/* The archive that "none" stands for until br_config_complete. */
#define BR_CONFIG_NO_ARCHIVE "none"

/*
 * What is wrong with a relative path (empty, slashes at its ends, "." or ".."...); NULL: nothing.
 */
const char *br_config_path_problem(const char *path);

/*
 * Is a path inside a directory, or the directory itself? Both relative to the same place, and
 * normal.
 */
bool br_config_path_is_within(const char *path, const char *dir);

/* --- config-parse.c --- */

/*
 * Read one file and apply its settings. What is in config from earlier files is overridden or
 * added to.
 *
 * draft  as for br_config_text_read
 *
 * On failure config holds part of the settings. BR_ERR_CONFIG with file and line, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_config_parse_file(struct br_config *config, const char *path,
				       const char *draft, struct br_error *err);

/* --- config-hint.c --- */

/* The name that is most like a mistyped one, NULL when none is near. names: ended by NULL. */
const char *br_config_hint(const char *mistyped, const char *const *names);

/* --- config-check.c --- */

/* Put the defaults where nothing was said. BR_ERR_NOMEM. */
BR_MUST_CHECK int br_config_complete(struct br_config *config, struct br_error *err);

/*
 * Check what only the whole configuration shows.
 *
 * path  of the configuration, for what has no place in it
 *
 * BR_ERR_CONFIG with file and line, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_config_check(const struct br_config *config, const char *path,
				  struct br_error *err);

#endif
