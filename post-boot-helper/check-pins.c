/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What names a subvolume by its id, or another one: fstab, command lines of the kernel, the default. */
#include "preflight.h"

#include "cleanup.h"
#include "cmdline.h"
#include "fstab.h"
#include "name.h"
#include "subvol.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define TEXT_MAX (1UL << 20)
#define KERNEL_CMDLINE "/etc/kernel/cmdline"
#define GRUB_DEFAULT "/etc/default/grub"

/* Whose id is this? ephemeral_count: of none that is reset. */
static size_t find_id(const struct check *check, uint64_t id)
{
	for (size_t i = 0; i < check->config.ephemeral_count; i++)
		if (check->has_facts && check->facts.ephemeral[i].has_old &&
		    check->facts.ephemeral[i].old.id == id)
			return i;
	return check->config.ephemeral_count;
}

/* --- commands --- */

/* As part of what sed(1) replaces by. */
static bool is_plain_name(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("@_./-", *name))
			return false;
	return true;
}

static char *mend_file(const struct check *check, const char *expression, const char *file)
{
	BR_AUTO_FREE char *name = system_root_name(&check->root, file);
	const char *const words[] = { expression, name, NULL };

	return name ? mend_make("sed -i -E % %", words) : NULL;
}

static char *mend_by_hand(const struct check *check, const char *file)
{
	BR_AUTO_FREE char *name = file ? system_root_name(&check->root, file) : NULL;

	return name ? check_mend_edit(name, 0) : NULL;
}

/* Name the subvolume instead. NULL: not to be had. */
static char *mend_pin(const struct check *check, const char *written, size_t ephemeral,
		      const char *file)
{
	const char *name = check->config.ephemeral[ephemeral].name;
	BR_AUTO_FREE char *expression = NULL;

	if (!is_plain_name(name) || !is_plain_name(written) || !file)
		return NULL;
	if (asprintf(&expression, "s|\\bsubvolid=%s\\b|subvol=%s|", written, name) < 0) {
		expression = NULL;
		return NULL;
	}
	return mend_file(check, expression, file);
}

/* --- fstab --- */

static int visit_fstab(void *data, const char *where, uint64_t id, const char *written)
{
	struct check *check = data;
	size_t i = find_id(check, id);

	if (i < check->config.ephemeral_count)
		finding_add(&check->findings, FINDING_FSTAB_PIN,
			    mend_pin(check, written, i, FSTAB_PATH),
			    FSTAB_PATH " mounts %s at %s by its id, subvolid=%s",
			    check->config.ephemeral[i].name, where, written);
	return 0;
}

static void check_fstab(struct check *check)
{
	BR_AUTO_CLOSE int fd = system_root_file(&check->root, FSTAB_PATH, O_RDONLY);
	BR_AUTO_FILE FILE *table = fd < 0 ? NULL : fdopen(fd, "r");

	if (!table)
		return;
	(void)br_take_fd(&fd); /* the stream's now */
	if (fstab_visit_subvolids(table, check->filesystem.device.fsid, visit_fstab, check) != 0)
		check->findings.failed = true; /* never: the visitor goes on */
}

/* --- command lines --- */

/* One, and where it is. */
struct line {
	const char *file;  /* that has it, to be edited; NULL: none is known */
	const char *label; /* for messages */
	const char *text;
	bool is_next; /* of the next boot; else of later ones, once somebody writes the boot loader's files */
};

static void check_root_flags(struct check *check, const struct line *line, const char *flags)
{
	const char *pin = strstr(flags, "subvolid=");
	const char *name = NULL;
	char written[32];
	size_t main_root = check_main_root(check), i;

	if (pin) {
		pin += strlen("subvolid=");
		(void)snprintf(written, sizeof(written), "%.*s", (int)strcspn(pin, ","), pin);
		i = find_id(check, strtoull(pin, NULL, 0));
		if (i < check->config.ephemeral_count)
			finding_add_as(&check->findings, FINDING_CMDLINE_PIN,
				       line->is_next ? FINDING_ERROR : FINDING_WARNING,
				       mend_pin(check, written, i, line->file),
				       "the kernel command line of %s pins %s by its id, "
				       "rootflags=subvolid=%s",
				       line->label, check->config.ephemeral[i].name, written);
		return;
	}
	for (const char *at = flags; (at = strstr(at, "subvol=")); at += strlen("subvol="))
		if (at == flags || at[-1] == ',')
			name = at + strlen("subvol=");
	if (!name || main_root == check->config.ephemeral_count)
		return;
	name += *name == '/';
	i = strlen(check->config.ephemeral[main_root].name);
	if (strcspn(name, ",") != i ||
	    strncmp(name, check->config.ephemeral[main_root].name, i) != 0)
		finding_add(&check->findings, FINDING_CMDLINE_ROOT,
			    check_mend_edit(check->options->filesystem.config, 0),
			    "the kernel command line of %s mounts the subvolume %.*s, not %s",
			    line->label, (int)strcspn(name, ","), name,
			    check->config.ephemeral[main_root].name);
}

static void check_line(struct check *check, const struct line *line)
{
	__attribute__((cleanup(br_cmdline_free))) struct br_cmdline cmdline = { 0 };
	const struct br_cmdline_arg *flags;
	struct br_error failure = { 0 };
	struct br_boot boot;

	if (br_cmdline_parse(line->text, &cmdline, &failure) < 0) {
		check->findings.failed = true;
		return;
	}
	flags = br_cmdline_find(&cmdline, "rootflags");
	if (flags && flags->value)
		check_root_flags(check, line, flags->value);
	if (br_boot_parse(&cmdline, &boot, &failure) < 0)
		finding_add_failure(&check->findings, FINDING_RESET_REFUSED,
				    mend_by_hand(check, line->file), &failure,
				    "the kernel command line of %s", line->label);
	else if (boot.mode != BR_BOOT_RESET)
		finding_add_as(
			&check->findings, FINDING_CMDLINE_OFF,
			line->is_next && !check->is_guessed ? FINDING_ERROR : FINDING_WARNING,
			line->file
				? mend_file(check, "s/ ?\\brd\\.blankroot=[a-z0-9-]+//", line->file)
				: NULL,
			"the kernel command line of %s says rd.blankroot=%s", line->label,
			boot.mode == BR_BOOT_OFF ? "off" : "dry-run");
}

/* What grub-mkconfig(8) makes command lines of: both together. Shell syntax is not understood, nor has to be. */
static void check_grub_default(struct check *check, char *text)
{
	char *rest = NULL;

	for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(at, '=');

		if (strncmp(at, "GRUB_CMDLINE_LINUX", strlen("GRUB_CMDLINE_LINUX")) != 0 || !value)
			continue;
		for (char *quote = ++value; *quote; quote++)
			if (*quote == '"' || *quote == '\'')
				*quote = ' ';
		check_line(check, &(struct line){ GRUB_DEFAULT, GRUB_DEFAULT, value, false });
	}
}

static void check_later_lines(struct check *check)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *grub = NULL;
	struct br_error ignored; /* they need not exist */

	if (system_root_read(&check->root, KERNEL_CMDLINE, TEXT_MAX, &text, NULL, &ignored) == 0)
		check_line(check, &(struct line){ KERNEL_CMDLINE, KERNEL_CMDLINE, text, false });
	if (system_root_read(&check->root, GRUB_DEFAULT, TEXT_MAX, &grub, NULL, &ignored) == 0)
		check_grub_default(check, grub);
}

/* --- the default subvolume --- */

/* Nothing names the subvolume of the root: it is that which the file system has as its default. */
static bool mounts_default(const struct check *check)
{
	__attribute__((cleanup(br_cmdline_free))) struct br_cmdline cmdline = { 0 };
	const struct br_cmdline_arg *flags, *root;
	struct br_error ignored;

	if (!check->cmdline || br_cmdline_parse(check->cmdline, &cmdline, &ignored) < 0)
		return false;
	root = br_cmdline_find(&cmdline, "root");
	flags = br_cmdline_find(&cmdline, "rootflags");
	return root && root->value && strcmp(root->value, "fstab") != 0 &&
	       !(flags && flags->value && strstr(flags->value, "subvol"));
}

static bool is_nixos(const struct check *check)
{
	for (size_t i = 0; i < check->images.count; i++)
		if (check->image_checks[i].content.maker == INITRAMFS_NIXOS)
			return true;
	return false;
}

/* In an archive, or in what is only kept for a moment? */
static bool is_retired(const struct check *check, const char *path)
{
	if (strncmp(path, BR_STATE_DIR "/", strlen(BR_STATE_DIR "/")) == 0)
		return true;
	for (size_t i = 0; i < check->config.ephemeral_count; i++) {
		const char *archive = check->config.ephemeral[i].archive;
		size_t length = archive ? strlen(archive) : 0;

		if (archive && strncmp(path, archive, length) == 0 && path[length] == '/')
			return true;
	}
	return false;
}

static void check_default(struct check *check)
{
	size_t i = check_main_root(check);
	BR_AUTO_FREE char *path = NULL;
	const char *words[] = { NULL, NULL };
	struct br_error failure = { 0 };

	if (!check->has_facts || i == check->config.ephemeral_count ||
	    !check->facts.ephemeral[i].has_old ||
	    check->facts.default_id == check->facts.ephemeral[i].old.id)
		return;
	if (check->facts.default_id != BR_SUBVOL_TOP_LEVEL &&
	    br_subvol_path_of(check->filesystem.top, check->facts.default_id, &path, &failure) < 0)
		return;
	if (!(path && is_retired(check, path)) && (!mounts_default(check) || is_nixos(check)))
		return;
	words[0] = check->config.ephemeral[i].name;
	finding_add(&check->findings, FINDING_DEFAULT_SUBVOLUME,
		    check_mend_at(check, "btrfs subvolume set-default %", words),
		    "the default subvolume is %s, not %s", path ? path : "the top level", words[0]);
}

void check_pins(struct check *check)
{
	const struct line next = {
		.file = check->is_guessed ? NULL : check->choice.origin,
		.label = check->is_guessed      ? "this boot"
			 : check->choice.origin ? check->choice.origin
						: check->choice.initrd,
		.text = check->cmdline,
		.is_next = true,
	};

	check_fstab(check);
	if (check->cmdline)
		check_line(check, &next);
	check_later_lines(check);
	check_default(check);
}
