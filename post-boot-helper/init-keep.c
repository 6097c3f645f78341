/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the list of paths that should survive, and those that every system has. */
#include "init-look.h"

#include "cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

const char *init_why_text(enum init_why why)
{
	static const char *const texts[INIT_WHY_COUNT] = {
		[INIT_WHY_PRESET] = "As the preset says.",
		[INIT_WHY_IDENTITY] = "What this machine is: identity, keys, file systems.",
		[INIT_WHY_NETWORK] = "The network.",
		[INIT_WHY_BLANKROOT] = "This configuration.",
		[INIT_WHY_BOOT] = "The initramfs that is built next lies here.",
		[INIT_WHY_USERS] = "What people have.",
		[INIT_WHY_LOGS] = "Logs, and what waits to be worked on.",
		[INIT_WHY_STATE] = "State of services. Take out what can be made again.",
		[INIT_WHY_NESTED] = "Subvolumes of their own.",
	};

	return texts[why];
}

/* --- the list --- */

static void drop_one(struct init_keep *keep)
{
	free(keep->persist.path);
	free(keep->persist.owner);
}

static bool is_in(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static void drop_those_in(struct init_keeps *keeps, const char *path)
{
	size_t left = 0;

	for (size_t i = 0; i < keeps->count; i++) {
		if (is_in(keeps->keeps[i].persist.path, path))
			drop_one(&keeps->keeps[i]);
		else
			keeps->keeps[left++] = keeps->keeps[i];
	}
	keeps->count = left;
}

int init_keeps_add(struct init_keeps *keeps, const char *path, const struct init_keep_how *how,
		   struct br_error *err)
{
	struct init_keep keep = { .why = how->why };
	struct init_keep *grown;

	path++;
	for (size_t i = 0; i < keeps->count; i++)
		if (is_in(path, keeps->keeps[i].persist.path))
			return 0;
	drop_those_in(keeps, path);
	keep.persist = (struct br_persist){ .path = strdup(path),
					    .method = how->method,
					    .create = how->create,
					    .owner = how->owner ? strdup(how->owner) : NULL,
					    .has_mode = how->mode != NULL,
					    .mode = how->mode ? *how->mode : 0 };
	grown = reallocarray(keeps->keeps, keeps->count + 1, sizeof(*grown));
	if (grown)
		keeps->keeps = grown;
	if (!grown || !keep.persist.path || (how->owner && !keep.persist.owner)) {
		drop_one(&keep);
		return no_memory(err);
	}
	grown[keeps->count++] = keep;
	return 0;
}

void init_keeps_free(struct init_keeps *keeps)
{
	for (size_t i = 0; i < keeps->count; i++)
		drop_one(&keeps->keeps[i]);
	free(keeps->keeps);
	*keeps = (struct init_keeps){ 0 };
}

/* Add it if it is there, and not mounted. */
static int add_if_there(const struct init_system *system, const struct init_mounts *mounts,
			struct init_keeps *keeps, const char *path, const struct init_keep_how *how,
			struct br_error *err)
{
	bool is_awaited = how->why == INIT_WHY_USERS || how->why == INIT_WHY_LOGS;
	bool is_there = false;
	int r;

	if (init_mounts_cover(mounts, path))
		return 0;
	r = init_look_there(system->fd, path, is_awaited, &is_there, err);
	if (r < 0)
		return r;
	return is_there ? init_keeps_add(keeps, path, how, err) : 0;
}

/* --- what every system has --- */

struct place {
	const char *path;
	enum init_why why;
};

static const struct place places[] = {
	{ "/etc/machine-id", INIT_WHY_IDENTITY },
	{ "/etc/hostname", INIT_WHY_IDENTITY },
	{ "/etc/hosts", INIT_WHY_IDENTITY },
	{ "/etc/adjtime", INIT_WHY_IDENTITY },
	{ "/etc/fstab", INIT_WHY_IDENTITY },
	{ "/etc/crypttab", INIT_WHY_IDENTITY },
	{ "/etc/ssh", INIT_WHY_IDENTITY },
	{ "/etc/ssl/private", INIT_WHY_IDENTITY },
	{ "/etc/letsencrypt", INIT_WHY_IDENTITY },
	{ "/etc/krb5.keytab", INIT_WHY_IDENTITY },
	{ "/etc/iscsi", INIT_WHY_IDENTITY },
	{ "/etc/nvme", INIT_WHY_IDENTITY },
	{ "/etc/nixos", INIT_WHY_IDENTITY },
	{ "/etc/network", INIT_WHY_NETWORK },
	{ "/etc/netplan", INIT_WHY_NETWORK },
	{ "/etc/netctl", INIT_WHY_NETWORK },
	{ "/etc/systemd/network", INIT_WHY_NETWORK },
	{ "/etc/NetworkManager/system-connections", INIT_WHY_NETWORK },
	{ "/etc/sysconfig/network", INIT_WHY_NETWORK },
	{ "/etc/sysconfig/network-scripts", INIT_WHY_NETWORK },
	{ "/etc/wpa_supplicant", INIT_WHY_NETWORK },
	{ "/etc/wireguard", INIT_WHY_NETWORK },
	{ "/etc/openvpn", INIT_WHY_NETWORK },
	{ "/etc/resolv.conf", INIT_WHY_NETWORK },
	{ "/boot", INIT_WHY_BOOT },
	{ "/root", INIT_WHY_USERS },
	{ "/home", INIT_WHY_USERS },
	{ "/srv", INIT_WHY_USERS },
	{ "/var/www", INIT_WHY_USERS },
	{ "/var/mail", INIT_WHY_USERS },
	{ "/var/log", INIT_WHY_LOGS },
	{ "/var/spool", INIT_WHY_LOGS },
};

static int suggest_places(const struct init_system *system, const struct init_mounts *mounts,
			  struct init_keeps *keeps, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		const struct init_keep_how how = { .why = places[i].why };

		r = add_if_there(system, mounts, keeps, places[i].path, &how, err);
	}
	return r;
}

/* --- homes that are elsewhere --- */

#define UID_MIN 1000 /* of people */
#define UID_MAX 60000

/* Of a line of passwd(5); NULL: it is nobody's, or is not where a home can be. Owned by the caller. */
static char *home_of(const char *line, const char *end)
{
	const char *field = line;
	size_t length;
	unsigned long uid = 0;

	for (int i = 0; i < 5; i++) {
		field = memchr(field, ':', (size_t)(end - field));
		if (!field)
			return NULL;
		field++;
		if (i == 1)
			uid = strtoul(field, NULL, 10);
	}
	length = strcspn(field, ":\n");
	if (uid < UID_MIN || uid > UID_MAX || length < 2 || *field != '/' ||
	    field[length - 1] == '/' || memmem(field, length, "/.", 2) ||
	    memmem(field, length, "//", 2))
		return NULL;
	return strndup(field, length);
}

static int suggest_homes(const struct init_system *system, const struct init_mounts *mounts,
			 struct init_keeps *keeps, struct br_error *err)
{
	static const struct init_keep_how how = { .why = INIT_WHY_USERS };
	BR_AUTO_FREE char *text = NULL;
	int r = init_read_text(&system->files, "/etc/passwd", &text, err);

	if (r < 0 || !text)
		return r;
	for (const char *line = text; r == 0 && *line;) {
		const char *end = strchrnul(line, '\n');
		BR_AUTO_FREE char *home = home_of(line, end);

		if (home)
			r = add_if_there(system, mounts, keeps, home, &how, err);
		line = *end ? end + 1 : end;
	}
	return r;
}

/* An image that never ran has none: systemd makes it at the first boot, and it has to stay what it is then. */
static int suggest_machine_id(const struct init_system *system, struct init_keeps *keeps,
			      struct br_error *err)
{
	const struct init_keep_how how = { .why = INIT_WHY_IDENTITY, .create = BR_CREATE_FILE };
	if (init_exists(system->fd, "etc/machine-id") || !system_root_has(&system->files, "/etc"))
		return 0;
	return init_keeps_add(keeps, "/etc/machine-id", &how, err);
}

static int suggest_configuration(const struct init_system *system, const char *config,
				 struct init_keeps *keeps, struct br_error *err)
{
	static const struct init_keep_how file = { .why = INIT_WHY_BLANKROOT },
					  dir = { .why = INIT_WHY_BLANKROOT,
						  .create = BR_CREATE_DIRECTORY };
	BR_AUTO_FREE char *further = NULL;
	int r;

	if (init_is_nixos(system))
		return 0;
	if (asprintf(&further, "%s.d", config) < 0) {
		further = NULL;
		return no_memory(err);
	}
	r = init_keeps_add(keeps, config, &file, err);
	return r < 0 ? r : init_keeps_add(keeps, further, &dir, err);
}

/* The store of NixOS, where it has no subvolume of its own. */
static int suggest_store(const struct init_system *system, const struct init_mounts *mounts,
			 struct init_keeps *keeps, struct br_error *err)
{
	static const struct init_keep_how how = { .why = INIT_WHY_STATE,
						  .method = BR_METHOD_SUBVOLUME };

	return init_is_nixos(system) ? add_if_there(system, mounts, keeps, "/nix", &how, err) : 0;
}

/* --- nested subvolumes: a reset would leave them in the archive --- */

struct nested {
	const struct init_system *system;
	const struct init_mounts *mounts;
	struct init_keeps *keeps;
};

static int suggest_one_nested(void *data, const char *path, uint64_t id, struct br_error *err)
{
	const struct nested *nested = data;
	const struct init_keep_how how = { .why = INIT_WHY_NESTED, .method = BR_METHOD_SUBVOLUME };
	BR_AUTO_FREE char *absolute = NULL;

	(void)id;
	if (asprintf(&absolute, "/%s", path) < 0) {
		absolute = NULL;
		return no_memory(err);
	}
	return add_if_there(nested->system, nested->mounts, nested->keeps, absolute, &how, err);
}

int init_keeps_suggest(const struct init_system *system, const char *config,
		       const struct init_mounts *mounts, struct init_keeps *keeps,
		       struct br_error *err)
{
	struct nested nested = { system, mounts, keeps };
	int r;

	if ((r = suggest_machine_id(system, keeps, err)) < 0 ||
	    (r = suggest_places(system, mounts, keeps, err)) < 0 ||
	    (r = suggest_homes(system, mounts, keeps, err)) < 0 ||
	    (r = suggest_configuration(system, config, keeps, err)) < 0 ||
	    (r = suggest_store(system, mounts, keeps, err)) < 0 ||
	    (r = init_state_suggest(system, mounts, keeps, err)) < 0)
		return r;
	/* those of a root in the top level do not move with it */
	return init_is_top(system)
		       ? 0
		       : br_subvol_visit_nested(system->fd, suggest_one_nested, &nested, err);
}
