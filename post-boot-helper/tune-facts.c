/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, disks and mounts that blankroot tune goes by. */
#include "cleanup.h"
#include "file.h"
#include "subvol.h"
#include "tune.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 65536
#define DEPTH_MAX 8 /* encryption on volumes on a mirror ... */

#define MIB (UINT64_C(1024) * 1024)
#define SPEED_ROTATIONAL (128 * MIB)
#define SPEED_SOLID (512 * MIB) /* SATA, and what a host gives its guests */
#define SPEED_NVME (2048 * MIB)

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- disks --- */

static uint64_t read_number(int dir, const char *path)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;

	return br_file_read(dir, path, TEXT_MAX, &text, NULL, &ignored) == 0
		       ? strtoull(text, NULL, 10)
		       : 0;
}

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* loop says that it turns, also on a disk that does not. */
static bool is_virtual(const char *name)
{
	static const char *const prefixes[] = { "loop", "vd", "xvd", "zram", "ram", "nbd", "rbd" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (begins_with(name, prefixes[i]))
			return true;
	return false;
}

static int add_disk(struct tune_facts *facts, int dir, const char *name, struct br_error *err)
{
	struct tune_disk *grown;

	for (size_t i = 0; i < facts->disk_count; i++)
		if (strcmp(facts->disks[i].name, name) == 0)
			return 0;
	grown = reallocarray(facts->disks, facts->disk_count + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	facts->disks = grown;
	grown += facts->disk_count;
	*grown = (struct tune_disk){ .name = strdup(name), .is_virtual = is_virtual(name) };
	if (!grown->name)
		return no_memory(err);
	facts->disk_count++;
	grown->is_rotational = !grown->is_virtual && read_number(dir, "queue/rotational") == 1;
	grown->has_discard = read_number(dir, "queue/discard_max_bytes") > 0;
	grown->speed = grown->is_rotational        ? SPEED_ROTATIONAL
		       : begins_with(name, "nvme") ? SPEED_NVME
						   : SPEED_SOLID;
	return 0;
}

static int add_device(struct tune_facts *facts, const char *path, unsigned depth,
		      struct br_error *err);

/* What a mapped device is made of; *found tells whether there is anything. */
static int add_slaves(struct tune_facts *facts, const char *path, unsigned depth, bool *found,
		      struct br_error *err)
{
	BR_AUTO_FREE char *slaves = NULL;
	BR_AUTO_DIR DIR *dir = NULL;
	const struct dirent *entry;
	int r = 0;

	if (asprintf(&slaves, "%s/slaves", path) < 0) {
		slaves = NULL;
		return no_memory(err);
	}
	dir = depth < DEPTH_MAX ? opendir(slaves) : NULL;
	while (r == 0 && dir && (entry = readdir(dir))) {
		BR_AUTO_FREE char *slave = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&slave, "%s/%s", slaves, entry->d_name) < 0) {
			slave = NULL;
			return no_memory(err);
		}
		*found = true;
		r = add_device(facts, slave, depth + 1, err);
	}
	return r;
}

/* path: of a directory of /sys, through links */
static int add_device(struct tune_facts *facts, const char *path, unsigned depth,
		      struct br_error *err)
{
	BR_AUTO_CLOSE int dir = -1;
	char real[PATH_MAX];
	bool found = false;
	int r = add_slaves(facts, path, depth, &found, err);

	if (r < 0 || found)
		return r;
	if (!realpath(path, real))
		return 0; /* it has just gone */
	dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && faccessat(dir, "partition", F_OK, 0) == 0) {
		*strrchr(real, '/') = '\0';
		br_cleanup_close(&dir);
		dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return dir < 0 ? 0 : add_disk(facts, dir, strrchr(real, '/') + 1, err);
}

static int read_disks(struct tune_facts *facts, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_DIR DIR *dir = NULL;
	const struct dirent *entry;
	int r = 0;

	if (asprintf(&path, "/sys/fs/btrfs/%s/devices", facts->fsid) < 0) {
		path = NULL;
		return no_memory(err);
	}
	dir = opendir(path);
	while (r == 0 && dir && (entry = readdir(dir))) {
		BR_AUTO_FREE char *device = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&device, "%s/%s", path, entry->d_name) < 0) {
			device = NULL;
			return no_memory(err);
		}
		r = add_device(facts, device, 0, err);
	}
	return r; /* without /sys there are no disks, and nothing of them is tuned */
}

/* --- memory and mounts --- */

static int read_memory(struct tune_facts *facts, struct br_error *err)
{
	static const char path[] = "/proc/meminfo", key[] = "MemTotal:";
	BR_AUTO_FREE char *text = NULL;
	const char *line;
	int r = br_file_read(AT_FDCWD, path, TEXT_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	line = strstr(text, key);
	if (!line)
		return br_error_set(err, BR_ERR_READ, 0, path, "no %s in it", key);
	facts->memory = strtoull(line + strlen(key), NULL, 10) * 1024;
	return 0;
}

/* Is it of the file system, and not hidden by another mount? */
static bool is_visible(const struct br_mount *mount, const char *fsid)
{
	BR_AUTO_CLOSE int fd = -1;
	char found[BR_FSID_SIZE];
	struct br_error ignored;
	struct statx stx;

	if (strcmp(mount->type, "btrfs") != 0)
		return false;
	fd = open(mount->target, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) != 0 ||
	    (stx.stx_mask & STATX_MNT_ID && stx.stx_mnt_id != mount->id))
		return false;
	return br_subvol_fsid(fd, found, &ignored) == 0 && strcmp(found, fsid) == 0;
}

/* The others go behind them, where they are freed. */
static void keep_mounts(struct tune_facts *facts)
{
	struct br_mount *mounts = facts->mounts.mounts;

	facts->mount_count = 0;
	for (size_t i = 0; i < facts->mounts.count; i++)
		if (is_visible(&mounts[i], facts->fsid)) {
			struct br_mount other = mounts[facts->mount_count];

			mounts[facts->mount_count++] = mounts[i];
			mounts[i] = other;
		}
}

int tune_facts_read(int top, const char *fsid, struct tune_facts *ret, struct br_error *err)
{
	struct tune_facts facts = { .top = top };
	int r;

	(void)snprintf(facts.fsid, sizeof(facts.fsid), "%s", fsid); /* a UUID fits */
	if ((r = read_memory(&facts, err)) < 0 || (r = read_disks(&facts, err)) < 0 ||
	    (r = br_mountinfo_read(&facts.mounts, err)) < 0) {
		tune_facts_free(&facts);
		return r;
	}
	keep_mounts(&facts);
	*ret = facts;
	return 0;
}

void tune_facts_free(struct tune_facts *facts)
{
	for (size_t i = 0; i < facts->disk_count; i++)
		free(facts->disks[i].name);
	free(facts->disks);
	br_mountinfo_free(&facts->mounts);
	*facts = (struct tune_facts){ .top = -1 };
}
