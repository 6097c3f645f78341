/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: which files have to be written, and the configuration among them. */
#include "init-look.h"
#include "init-plan.h"

#include "cleanup.h"
#include "entries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- files --- */

/* Takes text and old over. */
static int plan_file(const struct planning *planning, const char *path, char *text, char *old,
		     bool by_hand, struct br_error *err)
{
	struct init_step *step = init_plan_add_step(planning->plan, INIT_STEP_FILE, path, err);
	BR_AUTO_FREE char *kept = NULL;
	int r;

	if (!step) {
		free(text);
		free(old);
		return err->code;
	}
	step->text = text;
	step->old = old;
	step->by_hand = by_hand;
	/* also where nothing is kept: that it can be written there is found out now */
	r = init_file_choose_kept(planning->files.fd, path, &kept, err);
	if (r == 0 && old)
		step->kept = br_take_ptr(&kept);
	return r;
}

/* A file in which something may have to be named otherwise. */
static int plan_renaming(const struct planning *planning, const char *path, bool by_hand,
			 char *(*rename)(const char *text, const struct planning *planning),
			 struct br_error *err)
{
	BR_AUTO_FREE char *old = NULL;
	BR_AUTO_FREE char *text = NULL;
	int r;

	if ((r = init_file_read(planning->files.fd, path, &old, err)) < 0)
		return init_is_missing(err) ? 0 : r;
	text = rename(old, planning);
	if (!text)
		return no_memory(err);
	if (strcmp(text, old) == 0)
		return 0;
	return plan_file(planning, path, br_take_ptr(&text), br_take_ptr(&old), by_hand, err);
}

static struct init_naming naming_of(const struct planning *planning)
{
	const struct init_system *system = planning->system;

	return (struct init_naming){ init_is_top(system) ? BR_SUBVOL_TOP_LEVEL : system->subvol.id,
				     system->name, init_is_top(system) };
}

static char *rename_fstab(const char *text, const struct planning *planning)
{
	const struct init_naming naming = naming_of(planning);

	return init_fstab_rename(text, &naming, &planning->plan->nested);
}

static char *rename_flags(const char *text, const struct planning *planning)
{
	const struct init_naming naming = naming_of(planning);

	return init_flags_rename(text, &naming);
}

struct entries {
	const struct planning *planning;
	const char *dir;
};

static int plan_entry(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct entries *entries = data;
	const struct planning *planning = entries->planning;
	const char *dot = strrchr(name, '.');
	BR_AUTO_FREE char *path = NULL;

	(void)type;
	if (!dot || strcmp(dot, ".conf") != 0)
		return 0;
	if (asprintf(&path, "%s/%s", entries->dir, name) < 0) {
		path = NULL;
		return no_memory(err);
	}
	return plan_renaming(planning, path, !planning->options->write_boot_loader, rename_flags,
			     err);
}

static int plan_boot_loader(const struct planning *planning, struct br_error *err)
{
	static const char *const files[] = { "/etc/default/grub", "/etc/kernel/cmdline",
					     "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };
	struct entries entries = { planning, "/boot/loader/entries" };
	BR_AUTO_CLOSE int fd = -1;
	int r = init_open_directory(&planning->files, entries.dir, &fd, err);

	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		r = plan_renaming(planning, files[i], !planning->options->write_boot_loader,
				  rename_flags, err);
	return r == 0 && fd >= 0 ? br_entries_visit(fd, plan_entry, &entries, err) : r;
}

/* --- the configuration --- */

static int stop_at_configuration(void *data, const char *name, unsigned char type,
				 struct br_error *err)
{
	size_t length = strlen(name);

	(void)type;
	(void)data;
	if (name[0] == '.' || length < 5 || strcmp(name + length - 5, ".conf") != 0)
		return 0;
	return br_error_set(err, BR_ERR_LAYOUT, 0, name,
			    "there is a configuration already, in " BR_CONFIG_PATH
			    ".d; move it away");
}

static int refuse_more_configuration(const struct planning *planning, struct br_error *err)
{
	BR_AUTO_FREE char *dir = NULL;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if (asprintf(&dir, "%s.d", planning->options->config) < 0) {
		dir = NULL;
		return no_memory(err);
	}
	r = init_open_directory(&planning->files, dir, &fd, err);
	return r < 0 || fd < 0 ? r : br_entries_visit(fd, stop_at_configuration, NULL, err);
}

/* What is there, and was not written by init; owned by the caller. */
static int read_configuration(const struct planning *planning, char **old_ret, bool *is_done_ret,
			      struct br_error *err)
{
	const char *path = planning->options->config;
	const struct init_written *written = init_record_find_file(planning->record, path);
	char sum[INIT_SUM_SIZE];
	struct br_error missing;

	*is_done_ret = false;
	if (init_file_read(planning->files.fd, path, old_ret, &missing) < 0) {
		if (missing.sys_errno == ENOENT)
			return 0;
		*err = missing;
		return err->code;
	}
	init_sum(*old_ret, sum);
	*is_done_ret = written && strcmp(written->sum, sum) == 0;
	if (*is_done_ret || planning->options->replace_config)
		return 0;
	return br_error_set(
		err, BR_ERR_LAYOUT, 0, path,
		"there is a configuration already; --replace-config writes another one, and "
		"keeps this as %s" INIT_KEPT_SUFFIX,
		path);
}

static int plan_configuration(const struct planning *planning, struct br_error *err)
{
	const struct init_plan *plan = planning->plan;
	BR_AUTO_FREE char *old = NULL;
	char *text;
	bool is_done;
	int r;

	if ((r = read_configuration(planning, &old, &is_done, err)) < 0 || is_done)
		return r;
	if ((r = refuse_more_configuration(planning, err)) < 0 ||
	    (r = init_configuration_check(plan->configuration, err)) < 0)
		return r;
	text = strdup(plan->configuration);
	if (!text)
		return no_memory(err);
	return plan_file(planning, planning->options->config, text, br_take_ptr(&old), false, err);
}

static int compare_keeps(const void *a, const void *b)
{
	return strcmp(((const struct init_keep *)a)->persist.path,
		      ((const struct init_keep *)b)->persist.path);
}

int init_plan_configuration(const struct planning *planning, struct br_error *err)
{
	struct init_plan *plan = planning->plan;
	const struct init_configuration configuration = { planning->system, &plan->preset,
							  &plan->keeps };
	int r;

	if ((r = init_preset_load(planning->options->preset, &plan->preset, err)) < 0 ||
	    (r = init_preset_keep(&plan->preset, &plan->mounts, &plan->keeps, err)) < 0 ||
	    (r = init_keeps_suggest(planning->system, planning->options->config, &plan->mounts,
				    &plan->keeps, err)) < 0)
		return r;
	if (plan->keeps.count > 0)
		qsort(plan->keeps.keeps, plan->keeps.count, sizeof(*plan->keeps.keeps),
		      compare_keeps);
	if (init_is_nixos(planning->system))
		plan->nix = init_configuration_nix(&configuration);
	else
		plan->configuration = init_configuration_text(&configuration);
	return plan->nix || plan->configuration ? 0 : no_memory(err);
}

/* Whatever files a boot loader has: what it did at this boot it will do again. */
static int look_at_cmdline(const struct planning *planning, struct br_error *err)
{
	static const struct system_root own = { -1, "" };
	struct init_plan *plan = planning->plan;
	int r;

	if (!planning->system->is_running)
		return 0;
	if ((r = init_read_text(&own, "/proc/cmdline", &plan->cmdline_old, err)) < 0 ||
	    !plan->cmdline_old)
		return r;
	plan->cmdline_new = rename_flags(plan->cmdline_old, planning);
	return plan->cmdline_new ? 0 : no_memory(err);
}

int init_plan_files(const struct planning *planning, struct br_error *err)
{
	int r;

	if (init_is_nixos(planning->system))
		return 0;
	if ((r = plan_renaming(planning, "/etc/fstab", !planning->options->write_fstab,
			       rename_fstab, err)) < 0 ||
	    (r = plan_boot_loader(planning, err)) < 0 || (r = look_at_cmdline(planning, err)) < 0)
		return r;
	return plan_configuration(planning, err);
}
