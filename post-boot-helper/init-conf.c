/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the configuration that it writes, for the programs and for NixOS. */
#include "init-conf.h"

#include "cleanup.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static void put_path(FILE *out, const char *path)
{
	BR_AUTO_FREE char *absolute = NULL;

	if (asprintf(&absolute, "/%s", path) < 0) {
		absolute = NULL;
		return; /* no memory: what is missing is found when the text is checked */
	}
	br_text_put_quoted(out, absolute);
}

/* --- paths --- */

static bool is_plain(const struct br_persist *persist)
{
	return persist->method == BR_METHOD_COPY && persist->create == BR_CREATE_NO &&
	       !persist->owner && !persist->has_mode;
}

static void put_keep(FILE *out, const struct br_persist *persist)
{
	(void)fputs("    path ", out);
	put_path(out, persist->path);
	(void)fputs(" {", out);
	if (persist->method == BR_METHOD_SUBVOLUME)
		(void)fputs("\n        method = subvolume", out);
	if (persist->create != BR_CREATE_NO)
		(void)fprintf(out, "\n        create = %s",
			      persist->create == BR_CREATE_FILE ? "file" : "directory");
	if (persist->owner) {
		(void)fputs("\n        owner = ", out);
		br_text_put_quoted(out, persist->owner);
	}
	if (persist->has_mode)
		(void)fprintf(out, "\n        mode = \"%04o\"", (unsigned)persist->mode);
	(void)fputs(is_plain(persist) ? " }\n" : "\n    }\n", out);
}

static void put_keeps(FILE *out, const struct init_keeps *keeps)
{
	for (int why = 0; why < INIT_WHY_COUNT; why++) {
		bool any = false;

		for (size_t i = 0; i < keeps->count; i++) {
			if ((int)keeps->keeps[i].why != why)
				continue;
			if (!any)
				(void)fprintf(out, "\n    # %s\n",
					      init_why_text((enum init_why)why));
			any = true;
			put_keep(out, &keeps->keeps[i].persist);
		}
	}
}

/* --- all --- */

static void put_head(FILE *out, const struct init_system *system)
{
	(void)fputs("# Written by blankroot init for ", out);
	br_text_put_name(out, system->os_name);
	(void)fputs(
		".\n"
		"# All keys: blankroot.conf(5). The initramfs has a copy: build it again after a "
		"change.\n"
		"#\n"
		"# What is not declared here starts at each boot as it is in the blank: packages, "
		"what notes which of them are\n"
		"# installed, and /etc/passwd and the like, to which they add. Changes of those "
		"belong in the blank:\n# blankroot blank update, blankroot blank commit.\n"
		"\n"
		"device = ",
		out);
}

static void put_configuration(FILE *out, const void *data)
{
	const struct init_configuration *configuration = data;
	const struct init_system *system = configuration->system;
	BR_AUTO_FREE char *device = NULL;

	if (asprintf(&device, "UUID=%s", system->device.fsid) < 0) {
		device = NULL;
		return; /* as above */
	}
	put_head(out, system);
	br_text_put_quoted(out, device);
	(void)fputs("\n\nephemeral ", out);
	br_text_put_quoted(out, system->name);
	(void)fputs(" {\n    blank = ", out);
	br_text_put_quoted(out, system->blank);
	(void)fputs("\n    archive = \"" INIT_ARCHIVES "\"\n    mountpoint = \"/\"\n", out);
	put_keeps(out, configuration->keeps);
	(void)fputs("}\n", out);
	init_put_policies(out, configuration->preset);
}

char *init_configuration_text(const struct init_configuration *configuration)
{
	return br_text_make(put_configuration, configuration);
}

static void put_nix_paths(FILE *out, const struct init_keeps *keeps)
{
	(void)fputs("    persist = [\n", out);
	for (size_t i = 0; i < keeps->count; i++)
		if (keeps->keeps[i].persist.method == BR_METHOD_COPY) {
			(void)fputs("      ", out);
			put_path(out, keeps->keeps[i].persist.path);
			(void)fputc('\n', out);
		}
	(void)fputs("    ];\n", out);
	for (size_t i = 0; i < keeps->count; i++)
		if (keeps->keeps[i].persist.method == BR_METHOD_SUBVOLUME) {
			(void)fputs("    paths.", out);
			put_path(out, keeps->keeps[i].persist.path);
			(void)fputs(".method = \"subvolume\";\n", out);
		}
}

static void put_nix(FILE *out, const void *data)
{
	const struct init_configuration *configuration = data;

	(void)fputs("services.blankroot = {\n  enable = true;\n  settings.ephemeral.", out);
	br_text_put_quoted(out, configuration->system->name);
	(void)fputs(" = {\n    blank = ", out);
	br_text_put_quoted(out, configuration->system->blank);
	(void)fputs(";\n    archive = \"" INIT_ARCHIVES "\";\n", out);
	put_nix_paths(out, configuration->keeps);
	(void)fputs("  };\n};\n", out);
}

char *init_configuration_nix(const struct init_configuration *configuration)
{
	return br_text_make(put_nix, configuration);
}

/* --- the check --- */

int init_configuration_check(const char *text, struct br_error *err)
{
	struct br_config config = { 0 };
	int r = br_config_load_text(BR_CONFIG_PATH, text, &config, err);

	br_config_free(&config);
	return r < 0 ? br_error_context(err, "the configuration that would be written") : 0;
}
