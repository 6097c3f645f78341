/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations to load in tests. */
#include "conf.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void conf_make(struct conf *conf)
{
	tmpdir_make(&conf->dir);
	conf->path = tmpdir_path(&conf->dir, "c");
}

void conf_remove(struct conf *conf)
{
	tmpdir_remove(&conf->dir);
	free(conf->path);
	conf->path = NULL;
}

char *conf_with_path(const struct conf *conf, const char *text)
{
	char *result = calloc(strlen(text) * (strlen(conf->path) + 1) + 1, 1);

	ck_assert_ptr_nonnull(result);
	for (char *end = result; *text; text++)
		end = *text == '@' ? stpcpy(end, conf->path) : stpncpy(end, text, 1);
	return result;
}

void conf_load_file(const char *path, struct br_config *config)
{
	struct br_error err = { 0 };

	memset(config, 0x55, sizeof(*config));
	ck_assert_msg(br_config_load(path, config, &err) == 0, "%s", err.text);
}

void conf_load(const struct conf *conf, const char *text, struct br_config *config)
{
	tmpdir_write_text(&conf->dir, "c", text);
	conf_load_file(conf->path, config);
}

void conf_refused(const struct conf *conf, struct br_error *err)
{
	int output = memfd_create("output", MFD_CLOEXEC);
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	struct br_config config, untouched;
	struct stat st;
	int r;

	memset(&untouched, 0x55, sizeof(untouched));
	config = untouched;
	ck_assert_int_eq(dup2(output, STDERR_FILENO), STDERR_FILENO);
	r = br_config_load(conf->path, &config, err);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(saved), 0);
	ck_assert_int_eq(r, BR_ERR_CONFIG);
	ck_assert_int_eq(err->code, BR_ERR_CONFIG);
	ck_assert_mem_eq(&config, &untouched, sizeof(config));
	ck_assert_int_eq(fstat(output, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(close(output), 0);
}

void conf_expect_paths(const struct br_ephemeral *ephemeral, const char *expected)
{
	char paths[500] = "";

	for (size_t i = 0; i < ephemeral->persist_count; i++)
		strcat(strcat(paths, i ? " " : ""), ephemeral->persist[i].path);
	ck_assert_str_eq(paths, expected);
}
