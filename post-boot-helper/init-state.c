/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init: what should survive of /var/lib. All that is there, for what is left out is lost; but not what packages
 * bring, and what notes which are installed: that has to fit the root, which comes from the blank.
 */
#include "init-look.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define STATE "/var/lib"

/* In the order of strcmp: looked up by bsearch. */
static const char *const of_packages[] = {
	"PackageKit",
	"YaST2",
	"alternatives",
	"app-info",
	"apt",
	"apt-xapian-index",
	"aptitude",
	"ca-certificates",
	"command-not-found",
	"dbus",
	"debconf",
	"dictionaries-common",
	"dkms",
	"dnf",
	"doc-base",
	"dpkg",
	"emacsen-common",
	"gems",
	"ghostscript",
	"grub",
	"initramfs-tools",
	"insserv",
	"ispell",
	"libdnf5",
	"man-db",
	"mandb",
	"misc",
	"os-prober",
	"pacman",
	"pam",
	"plymouth",
	"polkit-1",
	"python",
	"python3",
	"rpm",
	"rpm-state",
	"selinux",
	"sgml-base",
	"swcatalog",
	"tex-common",
	"texmf",
	"ubuntu-release-upgrader",
	"ucf",
	"usb_modeswitch",
	"usbutils",
	"vim",
	"xfonts",
	"xkb",
	"xml-core",
	"yum",
	"zypp",
};

/* Of what may be large: a subvolume is carried in constant time. */
static const char *const large[] = {
	"clickhouse", "containerd", "containers", "docker",  "elasticsearch",
	"incus",      "influxdb",   "libvirt",    "lxc",     "lxd",
	"machines",   "mongodb",    "mysql",      "pgsql",   "portables",
	"postgres",   "postgresql", "prometheus", "rancher",
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	return bsearch(name, names, count, sizeof(*names), compare) != NULL;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

struct look {
	const struct init_system *system;
	const struct init_mounts *mounts;
	const struct init_units *units;
	struct init_keeps *keeps;
	const char *dir; /* of which the entries are looked at */
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static bool belongs_to_service(const struct init_units *units, const char *name)
{
	for (size_t i = 0; i < units->count; i++)
		if (strcmp(units->states[i].directory, name) == 0)
			return true;
	return false;
}

static int keep(const struct look *look, const char *name, struct br_error *err)
{
	const struct init_keep_how how = {
		.why = INIT_WHY_STATE,
		.method = IS_ONE_OF(name, large) ? BR_METHOD_SUBVOLUME : BR_METHOD_COPY,
	};
	BR_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", look->dir, name) < 0) {
		path = NULL;
		return no_memory(err);
	}
	return init_mounts_cover(look->mounts, path) ? 0
						     : init_keeps_add(look->keeps, path, &how, err);
}

/* --- systemd's own: among its state is what packages have enabled --- */

static int look_at_systemd(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct look *look = data;

	(void)type;
	if (strncmp(name, "deb-systemd-", strlen("deb-systemd-")) == 0 ||
	    strcmp(name, "catalog") == 0)
		return 0;
	return keep(look, name, err);
}

static int suggest_systemd(const struct look *look, struct br_error *err)
{
	static const struct init_keep_how timers = { .why = INIT_WHY_STATE,
						     .create = BR_CREATE_DIRECTORY };
	BR_AUTO_CLOSE int fd = -1;
	struct look own = *look;
	int r = br_open_beneath(look->system->fd, &(STATE "/systemd")[1], O_RDONLY | O_DIRECTORY, 0,
				&fd, err);

	own.dir = STATE "/systemd";
	if (r < 0)
		return init_is_missing(err) ? 0 : r;
	r = br_entries_visit(fd, look_at_systemd, &own, err);
	/* timers that were missed are made up for */
	return r < 0 ? r : init_keeps_add(look->keeps, STATE "/systemd/timers", &timers, err);
}

/* --- all of it --- */

static int look_at_entry(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct look *look = data;
	bool is_awaited = belongs_to_service(look->units, name), is_there = false;
	BR_AUTO_FREE char *path = NULL;
	int r;

	/* a link, or a single file, is a package's; an empty directory may be filled by its service one day */
	if (type != DT_DIR || IS_ONE_OF(name, of_packages) || strcmp(name, "systemd") == 0)
		return 0;
	if (asprintf(&path, "%s/%s", look->dir, name) < 0) {
		path = NULL;
		return no_memory(err);
	}
	if (init_mounts_cover(look->mounts, path))
		return 0;
	r = init_look_there(look->system->fd, path, is_awaited, &is_there, err);
	return r == 0 && is_there ? keep(look, name, err) : r;
}

/* What a service that is enabled will have when it runs for the first time. */
static int suggest_declared(const struct look *look, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->units->count; i++) {
		const struct init_unit_state *state = &look->units->states[i];
		const struct init_keep_how how = { .why = INIT_WHY_STATE,
						   .create = BR_CREATE_DIRECTORY };
		static const mode_t closed = 0700;
		const struct init_keep_how private = { .why = INIT_WHY_STATE,
						       .create = BR_CREATE_DIRECTORY,
						       .mode = &closed };
		BR_AUTO_FREE char *path = NULL;

		if (!state->is_declared || strncmp(state->directory, "systemd/", 8) == 0 ||
		    IS_ONE_OF(state->directory, of_packages) ||
		    strcmp(state->directory, "systemd") == 0)
			continue;
		if (asprintf(&path, STATE "/%s", state->is_dynamic ? "private" : state->directory) <
		    0) {
			path = NULL;
			return no_memory(err);
		}
		if (!init_mounts_cover(look->mounts, path))
			r = init_keeps_add(look->keeps, path, state->is_dynamic ? &private : &how,
					   err);
	}
	return r;
}

static int suggest(struct look *look, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(look->system->fd, &STATE[1], O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return init_is_missing(err) ? 0 : r;
	if ((r = br_entries_visit(fd, look_at_entry, look, err)) < 0 ||
	    (r = suggest_declared(look, err)) < 0)
		return r;
	return suggest_systemd(look, err);
}

int init_state_suggest(const struct init_system *system, const struct init_mounts *mounts,
		       struct init_keeps *keeps, struct br_error *err)
{
	struct init_units units = { 0 };
	struct look look = { system, mounts, &units, keeps, STATE };
	int r;

	if (init_mounts_cover(mounts, STATE))
		return 0;
	if ((r = init_units_find(system, &units, err)) == 0)
		r = suggest(&look, err);
	init_units_free(&units);
	return r;
}
