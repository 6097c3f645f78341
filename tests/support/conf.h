/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations to load in tests. Everything fails the current test when it fails. */
#ifndef TEST_CONF_H
#define TEST_CONF_H

#include "config.h"
#include "tmpdir.h"

struct conf {
	struct tmpdir dir;
	char *path; /* of the configuration, "c" in the directory */
};

/* Make the directory; the caller removes it with conf_remove. */
void conf_make(struct conf *conf);

/* Remove it with all that is in it, and clear the structure. */
void conf_remove(struct conf *conf);

/* A text with each '@' replaced by the path, owned by the caller. */
char *conf_with_path(const struct conf *conf, const char *text);

/* Load a configuration, which must be accepted. The caller releases it. */
void conf_load_file(const char *path, struct br_config *config);

/* The same for a text, which becomes the content of the configuration. */
void conf_load(const struct conf *conf, const char *text, struct br_config *config);

/*
 * Load the configuration, which must be refused: BR_ERR_CONFIG, the result untouched, nothing printed.
 *
 * err  the error
 */
void conf_refused(const struct conf *conf, struct br_error *err);

/* Compare the persistent paths, in their order, with what is expected, separated by blanks. */
void conf_expect_paths(const struct br_ephemeral *ephemeral, const char *expected);

#endif
