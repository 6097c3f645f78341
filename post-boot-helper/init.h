/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of blankroot init: what there is (init-find.c, init-fstab.c), what should survive (init-keep.c, init-state.c,
 * init-units.c, init-preset.c), the configuration that says so (init-conf.c), the steps (init-plan.c, init-print.c), carrying
 * them out (init-do.c, init-file.c) with a record of what was made (init-record.c), and taking that back (init-undo.c). An empty device:
 * init-format.c.
 */
#ifndef BLANKROOT_INIT_H
#define BLANKROOT_INIT_H

#include "config.h"
#include "device.h"
#include "error.h"
#include "name.h"
#include "subvol.h"
#include "system-root.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INIT_COMMAND "blankroot init"
#define INIT_KEPT_SUFFIX ".before-blankroot" /* of a file that was replaced */
#define INIT_MOVED_ROOT \
	"rootfs" /* where a root goes that is in the top level itself, where /root is, too */
#define INIT_ARCHIVES "old_roots"
#define INIT_STAGING_NAME "init-new" /* in BR_STATE_DIR: a subvolume that is prepared */
#define INIT_STAGING BR_STATE_DIR "/" INIT_STAGING_NAME
#define INIT_TEXT_MAX (1UL << 20)

struct init_options {
	const char *config;    /* as seen in the root that is prepared */
	const char *device;    /* NULL: the root that runs */
	const char *subvolume; /* NULL: found out */
	const char *preset;    /* name, or path of a file; NULL: none */
	const char *format;    /* device to be made from nothing; NULL: none */
	const char *label;     /* of it; NULL: none */
	const char *snapshot;  /* with undo: that is to go too; NULL: it stays */
	bool yes, dry_run, json, undo, write_fstab, write_boot_loader, replace_config;
	uint64_t wait;
};

/* --- init-find.c: the root and what it is --- */

struct init_system {
	struct br_device device;
	int top;         /* the top level */
	char *subvolume; /* that the root is in, from the top level; "": the top level itself */
	int fd;          /* its root directory */
	struct br_subvol subvol;
	uint64_t default_id;
	struct system_root
		files;   /* those of the root, without what is mounted in it; fd is not its own */
	bool is_running; /* it is the root of this process */
	char *os_id;     /* ID= of os-release: "debian" */
	char *os_name;   /* PRETTY_NAME= */
	char *name;      /* of the ephemeral subvolume */
	char *blank;     /* of its blank */
};

/*
 * Find the root, and look at it. Nothing is changed.
 *
 * Returns 0 with *ret for init_system_close. BR_ERR_LAYOUT: there is none, or there are several and nothing tells which, or
 * it cannot be used; those of br_device_find, br_toplevel_mount, br_subvol_open. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int init_system_open(const struct init_options *options, struct init_system *ret,
				   struct br_error *err);

/* Release. Safe on one whose descriptors are -1. */
void init_system_close(struct init_system *system);

/* Is its root in the top level itself? */
bool init_is_top(const struct init_system *system);

/* NixOS makes its files in /etc itself. */
bool init_is_nixos(const struct init_system *system);

/* --- init-fstab.c: texts that name subvolumes --- */

/* What has to be named otherwise. */
struct init_naming {
	uint64_t id;      /* of the root */
	const char *name; /* of the ephemeral subvolume */
	bool moves;       /* the root has no name yet */
};

/* Mount points of fstab(5), "/" left out. */
struct init_mounts {
	char **paths;
	size_t count;
};

/* Add those of a table; text NULL: there is none. BR_ERR_NOMEM. */
BR_MUST_CHECK int init_mounts_add(struct init_mounts *mounts, const char *text,
				  struct br_error *err);
/* Add one. BR_ERR_NOMEM. */
BR_MUST_CHECK int init_mounts_add_one(struct init_mounts *mounts, const char *path,
				      struct br_error *err);
/* Is that path one of them, or in one of them? */
bool init_mounts_cover(const struct init_mounts *mounts, const char *path);
/* Release. */
void init_mounts_free(struct init_mounts *mounts);

/*
 * The table as it has to be: the root is mounted by its name, no longer by its id.
 *
 * more  subvolumes that get a line, mounted where they are; NULL: none
 *
 * Returns the text, owned by the caller; NULL: no memory. The same text when nothing has to be changed.
 */
char *init_fstab_rename(const char *text, const struct init_naming *naming,
			const struct init_mounts *more);

/* The same of rootflags= in a file of a boot loader. */
char *init_flags_rename(const char *text, const struct init_naming *naming);

/* --- init-keep.c: persistent paths --- */

enum init_why {
	INIT_WHY_PRESET,
	INIT_WHY_IDENTITY,
	INIT_WHY_NETWORK,
	INIT_WHY_BLANKROOT,
	INIT_WHY_BOOT,
	INIT_WHY_USERS,
	INIT_WHY_LOGS,
	INIT_WHY_STATE,
	INIT_WHY_NESTED,
	INIT_WHY_COUNT,
};

struct init_keep {
	struct br_persist persist; /* path, method, create, owner, mode */
	enum init_why why;
};

struct init_keeps {
	struct init_keep *keeps;
	size_t count;
};

/* What is a heading in the configuration. Never NULL. */
const char *init_why_text(enum init_why why);

/* What to keep a path by. */
struct init_keep_how {
	enum init_why why;
	enum br_method method;
	enum br_create create;
	const char *owner;  /* NULL: not said */
	const mode_t *mode; /* NULL: not said */
};

/*
 * Add a path (absolute), unless it is in one that is there already; those in it go. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int init_keeps_add(struct init_keeps *keeps, const char *path,
				 const struct init_keep_how *how, struct br_error *err);

/*
 * Suggest what should survive: all that is there, and neither of the packages nor mounted. config: where that will be.
 *
 * BR_ERR_NOMEM, BR_ERR_READ, BR_ERR_SUBVOLUME.
 */
BR_MUST_CHECK int init_keeps_suggest(const struct init_system *system, const char *config,
				     const struct init_mounts *mounts, struct init_keeps *keeps,
				     struct br_error *err);

/* Release. */
void init_keeps_free(struct init_keeps *keeps);

/* --- init-state.c: the part of it in /var/lib --- */

/* Parameters and errors as above. */
BR_MUST_CHECK int init_state_suggest(const struct init_system *system,
				     const struct init_mounts *mounts, struct init_keeps *keeps,
				     struct br_error *err);

/* --- init-units.c: services that are enabled --- */

/* Of one: a directory of its state, below /var/lib. */
struct init_unit_state {
	char *directory;
	bool is_declared; /* StateDirectory=; else a guess by its name */
	bool is_dynamic;  /* DynamicUser= */
};

struct init_units {
	struct init_unit_state *states;
	size_t count;
};

/* Look for them. BR_ERR_OPEN, BR_ERR_READ, BR_ERR_NOMEM. */
BR_MUST_CHECK int init_units_find(const struct init_system *system, struct init_units *ret,
				  struct br_error *err);

/* Release. */
void init_units_free(struct init_units *units);

/* --- init-preset.c --- */

/*
 * Load a preset: by its name from where they are installed, or a file; NULL: *ret is that of none, zeroed.
 *
 * Returns 0 with *ret for br_config_free. BR_ERR_USAGE: there is none of that name; those of br_config_load.
 */
BR_MUST_CHECK int init_preset_load(const char *preset, struct br_config *ret, struct br_error *err);

/* Add its persistent paths, but for what is mounted. BR_ERR_NOMEM. */
BR_MUST_CHECK int init_preset_keep(const struct br_config *preset, const struct init_mounts *mounts,
				   struct init_keeps *keeps, struct br_error *err);

/* --- init-conf.c --- */

struct init_configuration {
	const struct init_system *system;
	const struct br_config *preset;
	const struct init_keeps *keeps;
};

/* The text of a configuration, owned by the caller; NULL: no memory. */
char *init_configuration_text(const struct init_configuration *configuration);

/* What to say in a NixOS configuration instead. As above. */
char *init_configuration_nix(const struct init_configuration *configuration);

/* Check it as every program of blankroot does. BR_ERR_CONFIG and others of br_config_load. */
BR_MUST_CHECK int init_configuration_check(const char *text, struct br_error *err);

/* --- init-record.c: what was made --- */

/* A directory or subvolume. */
struct init_made {
	char *path;       /* from the top level */
	char *uuid;       /* of a subvolume, in hexadecimal; "": a directory */
	uint64_t changed; /* ctransid when all was done; 0: not known */
};

/* A file of the root. */
struct init_written {
	char *path;
	char *kept; /* what was there before; "": nothing */
	char *sum;  /* of what was written */
};

struct init_record {
	bool exists, is_done;
	char *root;          /* the subvolume that was prepared, "": the top level */
	char *root_uuid;     /* of it, before the first reset; of --format: "" */
	char *snapshot;      /* the one for safety, from the top level */
	uint64_t default_id; /* the default subvolume before; 0: not changed */
	struct init_made *made;
	size_t made_count;
	struct init_written *files;
	size_t file_count;
};

/* Read it. BR_ERR_READ, BR_ERR_NOMEM; without one *ret says that it does not exist. */
BR_MUST_CHECK int init_record_load(int top, struct init_record *ret, struct br_error *err);

/* Write it; it is on the disk then. Those of br_private_dir_open and br_file_replace. */
BR_MUST_CHECK int init_record_save(int top, const struct init_record *record, struct br_error *err);

/* Remove it, when all is taken back. BR_ERR_REMOVE. */
BR_MUST_CHECK int init_record_remove(int top, struct br_error *err);

/* Note one, or what it is now; uuid NULL: a directory. BR_ERR_NOMEM. */
BR_MUST_CHECK int init_record_add_made(struct init_record *record, const char *path,
				       const uint8_t *uuid, struct br_error *err);
BR_MUST_CHECK int init_record_add_file(struct init_record *record, const char *path,
				       const char *kept, const char *text, struct br_error *err);

/* NULL: it was not made by init. */
struct init_made *init_record_find_made(const struct init_record *record, const char *path);
struct init_written *init_record_find_file(const struct init_record *record, const char *path);

/* Is that the subvolume, from the top level, which the record has? *ret is what it is then. */
bool init_is_ours(int top, const struct init_record *record, const char *path,
		  struct br_subvol *ret);

#define INIT_SUM_SIZE 17
/* To know a text again; not against those who want it to be taken for another one. */
void init_sum(const char *text, char ret[INIT_SUM_SIZE]);
/* A UUID as the record has it. */
#define INIT_UUID_SIZE 33
void init_uuid_text(const uint8_t uuid[BR_UUID_SIZE], char ret[INIT_UUID_SIZE]);

/* Release. */
void init_record_free(struct init_record *record);

/* --- init-plan.c --- */

enum init_step_kind {
	INIT_STEP_SNAPSHOT,
	INIT_STEP_DIRECTORY,
	INIT_STEP_MOVE,
	INIT_STEP_FILE,
	INIT_STEP_DEFAULT,
	INIT_STEP_BLANK,
};

struct init_step {
	enum init_step_kind kind;
	char *path;   /* from the top level; of a file: in the root */
	char *text;   /* of a file: what it will hold */
	char *kept;   /* of a file: where what is there goes; NULL: nothing is there */
	char *old;    /* of a file: what is there; NULL: nothing */
	bool by_hand; /* not told to do that: it is only said what would have to be done */
	bool is_done;
};

struct init_plan {
	struct init_step *steps;
	size_t count;
	struct init_mounts mounts; /* of the root */
	struct init_mounts
		nested; /* of a root that moves: subvolumes that stay and have to be mounted */
	struct br_config preset;
	struct init_keeps keeps;
	char *configuration; /* its text */
	char *cmdline_old,
		*cmdline_new; /* of this boot, if it names the root by its id; else NULL */
	char *nix;            /* for NixOS, where there is no such text; else NULL */
};

/*
 * Find out what has to be done; what an interrupted run did is left out. Nothing is changed.
 *
 * Returns 0 with *ret for init_plan_free. BR_ERR_LAYOUT, BR_ERR_USAGE: it cannot be done; and what its parts may fail with.
 */
BR_MUST_CHECK int init_plan_make(const struct init_options *options,
				 const struct init_system *system, const struct init_record *record,
				 struct init_plan *ret, struct br_error *err);

/* Is there anything to be done? */
bool init_plan_is_empty(const struct init_plan *plan);

/* Release. */
void init_plan_free(struct init_plan *plan);

/* --- init-print.c --- */

struct init_told {
	const struct init_options *options;
	const struct init_system *system;
	const struct init_plan *plan;
	const struct init_record *record;
};

/* Ask, unless --yes says it; if not, that nothing was changed is told. */
bool init_is_agreed(const struct init_options *options);

/* Everything that would be done, and what is written. */
void init_print_plan(const struct init_told *told);
/* What somebody has to do now. */
void init_print_next(const struct init_told *told);
void init_print_json(const struct init_told *told);
/* A step in words. */
void init_print_step(const struct init_step *step, const struct init_system *system);

/* --- init-file.c: files of a root, by absolute paths in it; root: its directory --- */

/* Read one. Errors of br_open_parent and br_file_read. */
BR_MUST_CHECK int init_file_read(int root, const char *path, char **text_ret, struct br_error *err);

/*
 * A name beside it for what is there, which is not that of something kept earlier.
 *
 * Returns 0 with *ret owned by the caller. BR_ERR_CREATE, BR_ERR_NOMEM, those of br_open_parent.
 */
BR_MUST_CHECK int init_file_choose_kept(int root, const char *path, char **ret,
					struct br_error *err);

/* Carry out INIT_STEP_FILE. BR_ERR_STAT, BR_ERR_LINK, those of br_open_parent and br_file_replace. */
BR_MUST_CHECK int init_file_write(int root, const struct init_step *step, struct br_error *err);

enum init_file_state {
	INIT_FILE_GONE,      /* there is nothing to put back, or to remove */
	INIT_FILE_UNWRITTEN, /* what was there is kept, and still there */
	INIT_FILE_WRITTEN,
	INIT_FILE_CHANGED, /* by somebody else */
};

enum init_file_state init_file_look(int root, const struct init_written *file);

/* Put back what was there, or remove it if nothing was. Not flushed. BR_ERR_REMOVE, those of br_open_parent. */
BR_MUST_CHECK int init_file_put_back(int root, const struct init_written *file,
				     struct br_error *err);

/* --- init-do.c --- */

/*
 * Carry out a plan, each step on the disk before the next. The file system is locked.
 *
 * On failure what was done so far stays, and is in the record: another call goes on, init_undo takes it back. Errors of its
 * parts. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int init_plan_run(const struct init_system *system, struct init_plan *plan,
				struct init_record *record, struct br_error *err);

/* Remove what interrupted runs left beside files. The file system is locked. Those of br_file_clear_leftovers. */
BR_MUST_CHECK int init_clear_leftovers(const struct init_system *system, struct br_error *err);

/* Where the root is after it was moved, if it moves: its directory, which the caller closes. Errors of br_subvol_open. */
BR_MUST_CHECK int init_open_target(const struct init_system *system, int *fd_ret,
				   struct br_error *err);

/* --- init-undo.c --- */

/*
 * Take back what the record has, as far as it is as it was left; what is not is told, and stays.
 *
 * Returns 0, or BR_ERR_IN_USE when something stayed, which has been told; and other errors.
 */
BR_MUST_CHECK int init_undo(const struct init_options *options, const struct init_system *system,
			    struct init_record *record, struct br_error *err);

/* --- init-format.c --- */

/* Make an empty device a file system with the layout of the design. Returns the exit status. */
int init_format(const struct init_options *options);

#endif
