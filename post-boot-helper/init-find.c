/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the root that is to start blank, and what it is. */
#include "init-look.h"

#include "beneath.h"
#include "cleanup.h"
#include "mountinfo.h"
#include "name.h"
#include "subvol-table.h"
#include "toplevel.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

bool init_is_top(const struct init_system *system)
{
	return system->subvolume[0] == '\0';
}

bool init_is_nixos(const struct init_system *system)
{
	return strcmp(system->os_id, "nixos") == 0;
}

/* --- the device --- */

/* *spec_ret is owned by the caller. The last mount at "/" is the one that is seen. */
static int ask_running(char **spec_ret, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	const struct br_mount *root = NULL;
	int r = br_mountinfo_read(&mounts, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < mounts.count; i++)
		if (strcmp(mounts.mounts[i].target, "/") == 0)
			root = &mounts.mounts[i];
	if (!root || strcmp(root->type, "btrfs") != 0)
		return br_error_set(err, BR_ERR_LAYOUT, 0, "/",
				    "is %s, not btrfs; of another file system, say which with "
				    "--device",
				    root ? root->type : "no mount");
	*spec_ret = strdup(root->source);
	return *spec_ret ? 0 : no_memory(err);
}

static int mount_top(const struct init_options *options, struct init_system *system,
		     struct br_error *err)
{
	BR_AUTO_FREE char *running = NULL;
	int r = options->device ? 0 : ask_running(&running, err);

	if (r == 0)
		r = br_device_find(options->device ? options->device : running, 0, &system->device,
				   err);
	if (r == 0)
		r = br_toplevel_mount(system->device.path,
				      options->dry_run ? BR_TOPLEVEL_READ_ONLY : 0, &system->top,
				      err);
	return r;
}

/* --- which subvolume --- */

/* Links in it may lead to where they lead in the system only. */
static bool is_root_of_system(int fd)
{
	const struct system_root root = { fd, "" };

	return system_root_has(&root, "/etc/fstab") ||
	       ((system_root_has(&root, "/etc/os-release") ||
		 system_root_has(&root, "/usr/lib/os-release") ||
		 system_root_has(&root, "/etc/NIXOS")) &&
		system_root_has(&root, "/etc"));
}

/* Names that hold copies of roots, whoever made them. */
static bool is_a_copy(const char *path)
{
	static const char *const dirs[] = { BR_STATE_DIR, INIT_ARCHIVES,     "snapshots",
					    ".snapshots", "timeshift-btrfs", "btrbk_snapshots" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		const char *at = strstr(path, dirs[i]);
		size_t length = strlen(dirs[i]);

		if (at && (at == path || at[-1] == '/') && at[length] == '/')
			return true;
	}
	return false;
}

struct search {
	char *found; /* owned; NULL: none yet */
	char *other; /* a second one */
};

static int look_at(int top, const char *path, struct search *search, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	struct br_error ignored;
	char **place = search->found ? &search->other : &search->found;

	if (is_a_copy(path) || br_subvol_open(top, path, &fd, &subvol, &ignored) < 0 ||
	    subvol.read_only || !is_root_of_system(fd) || search->other)
		return 0;
	*place = strdup(path);
	return *place ? 0 : no_memory(err);
}

static int search_all(int top, struct search *search, struct br_error *err)
{
	struct br_subvol_table table = { 0 };
	int r = br_subvol_table_read(top, &table, err);

	for (size_t i = 0; r == 0 && i < table.count; i++) {
		BR_AUTO_FREE char *path = NULL;
		struct br_error ignored;

		if (!table.rows[i].is_deleted &&
		    br_subvol_path_of(top, table.rows[i].id, &path, &ignored) == 0)
			r = look_at(top, path, search, err);
	}
	br_subvol_table_free(&table);
	return r;
}

/* The one that is mounted when nobody says which, if it is a root. */
static int ask_default(int top, uint64_t id, char **ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	BR_AUTO_FREE char *path = NULL;
	int r;

	if (id == BR_SUBVOL_TOP_LEVEL) {
		if (!is_root_of_system(top))
			return 0;
		*ret = strdup("");
		return *ret ? 0 : no_memory(err);
	}
	if ((r = br_subvol_path_of(top, id, &path, err)) < 0 ||
	    (r = br_subvol_open(top, path, &fd, NULL, err)) < 0)
		return r;
	if (is_root_of_system(fd))
		*ret = br_take_ptr(&path);
	return 0;
}

static int guess(const struct init_system *system, char **ret, struct br_error *err)
{
	struct search search = { 0 };
	int r = ask_default(system->top, system->default_id, ret, err);

	if (r < 0 || *ret)
		return r;
	r = search_all(system->top, &search, err);
	if (r == 0 && search.other)
		r = br_error_set(
			err, BR_ERR_LAYOUT, 0, system->device.path,
			"there are several roots of systems on it, %s and %s; say which with "
			"--subvolume",
			search.found, search.other);
	else if (r == 0 && !search.found)
		r = br_error_set(
			err, BR_ERR_LAYOUT, 0, system->device.path,
			"there is no root of a system on it: no subvolume has etc/fstab or "
			"etc/os-release");
	else if (r == 0)
		*ret = br_take_ptr(&search.found);
	free(search.found);
	free(search.other);
	return r;
}

static int ask_root_directory(struct init_system *system, char **ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char fsid[BR_FSID_SIZE];
	int r;

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, "/", NULL);
	if ((r = br_subvol_fsid(fd, fsid, err)) < 0 || (r = br_subvol_path(fd, ret, err)) < 0)
		return r;
	return strcmp(fsid, system->device.fsid) == 0
		       ? 0
		       : br_error_set(err, BR_ERR_LAYOUT, 0, "/",
				      "is on another file system than %s", system->device.path);
}

/* What an earlier run began, it goes on with: after a move there are two. */
static int find_subvolume(const struct init_options *options, struct init_system *system,
			  struct br_error *err)
{
	struct init_record record = { 0 };
	BR_AUTO_FREE char *running = NULL;
	int r = init_record_load(system->top, &record, err);

	if (r == 0 && !options->device)
		r = ask_root_directory(system, &running, err);
	if (r == 0 && (options->subvolume || record.exists || running))
		system->subvolume = strdup(options->subvolume ? options->subvolume
					   : record.exists    ? record.root
							      : running);
	else if (r == 0)
		r = guess(system, &system->subvolume, err);
	if (r == 0 && !system->subvolume)
		r = no_memory(err);
	if (r == 0 && system->subvolume)
		system->is_running = running && strcmp(running, system->subvolume) == 0;
	init_record_free(&record);
	return r;
}

/* --- what it is --- */

/* KEY=value or KEY="value"; owned by the caller, "" when it is not there, NULL: no memory. */
static char *os_release_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, key, length) == 0 && line[length] == '=') {
			const char *value = line + length + 1;
			size_t size = (size_t)(end - value);

			if (size >= 2 && (*value == '"' || *value == '\'')) {
				value++;
				size -= 2;
			}
			return strndup(value, size);
		}
		line = *end ? end + 1 : NULL;
	}
	return strdup("");
}

static int read_os_release(struct init_system *system, struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	int r = init_read_text(&system->files, "/etc/os-release", &text, err);

	/* NixOS has a link to what the initramfs makes: there is a file that says enough */
	if (r == 0 && !text)
		r = init_read_text(&system->files, "/usr/lib/os-release", &text, err);
	if (r < 0)
		return r;
	if (!text)
		text = strdup(system_root_has(&system->files, "/etc/NIXOS") ||
					      system_root_has(&system->files, "/nix/store")
				      ? "ID=nixos\nPRETTY_NAME=NixOS\n"
				      : "ID=\nPRETTY_NAME=\"a system without os-release\"\n");
	if (!text)
		return no_memory(err);
	system->os_id = os_release_value(text, "ID");
	system->os_name = os_release_value(text, "PRETTY_NAME");
	return system->os_id && system->os_name ? 0 : no_memory(err);
}

/* A blank of a root whose path has directories goes to the top level: they may be somebody else's, as snapper's are. */
static int choose_names(struct init_system *system, struct br_error *err)
{
	char shown[BR_ERROR_PATH_MAX];
	const char *problem;

	system->name = strdup(init_is_top(system) ? INIT_MOVED_ROOT : system->subvolume);
	if (!system->name)
		return no_memory(err);
	if (asprintf(&system->blank, "%s-blank",
		     strchr(system->name, '/') ? "root" : system->name) < 0) {
		system->blank = NULL;
		return no_memory(err);
	}
	(void)br_escape(shown, sizeof(shown), system->name);
	problem = strcmp(shown, system->name) == 0 ? br_config_subvolume_problem(system->name)
						   : "has a name that cannot be written down";
	return problem ? br_error_set(err, BR_ERR_LAYOUT, 0, system->name, "%s", problem) : 0;
}

static int look(struct init_system *system, struct br_error *err)
{
	int r = br_subvol_open(system->top, system->subvolume, &system->fd, &system->subvol, err);

	if (r < 0)
		return r;
	system->files = (struct system_root){ system->fd, "" };
	if ((r = read_os_release(system, err)) < 0 || (r = choose_names(system, err)) < 0)
		return r;
	if (!is_root_of_system(system->fd))
		return br_error_set(err, BR_ERR_LAYOUT, 0, system->subvolume,
				    "is no root of a system: it has neither etc/fstab nor "
				    "etc/os-release");
	if (system->subvol.read_only)
		return br_error_set(
			err, BR_ERR_LAYOUT, 0, system->subvolume,
			"is read-only: such a root changes only by its own tools, and is not for "
			"blankroot");
	return 0;
}

int init_system_open(const struct init_options *options, struct init_system *ret,
		     struct br_error *err)
{
	struct init_system system = { .top = -1, .fd = -1 };
	int r;

	if ((r = mount_top(options, &system, err)) < 0 ||
	    (r = br_subvol_get_default(system.top, &system.default_id, err)) < 0 ||
	    (r = find_subvolume(options, &system, err)) < 0 || (r = look(&system, err)) < 0) {
		init_system_close(&system);
		return r;
	}
	*ret = system;
	return 0;
}

void init_system_close(struct init_system *system)
{
	br_cleanup_close(&system->fd);
	br_cleanup_close(&system->top);
	br_device_free(&system->device);
	free(system->subvolume);
	free(system->os_id);
	free(system->os_name);
	free(system->name);
	free(system->blank);
	*system = (struct init_system){ .top = -1, .fd = -1 };
}
