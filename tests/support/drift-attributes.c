/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random changes of attributes. */
#include "cleanup.h"
#include "drift-internal.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

bool drift_change_mode(const struct change *change)
{
	static const mode_t modes[] = { 0, 0400, 0644, 0755, 01777, 02755, 04711, 06777 };
	AUTO_PLACE(place);
	struct stat st;

	return drift_pick(change, &place) &&
	       fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISLNK(st.st_mode) &&
	       fchmodat(place.dir, place.name, random_of(change->random, modes), 0) == 0;
}

bool drift_change_owner(const struct change *change)
{
	static const uid_t ids[] = { 0, 1, 990, 65534, 4294967290 };
	AUTO_PLACE(place);

	return drift_pick(change, &place) &&
	       fchownat(place.dir, place.name, random_of(change->random, ids),
			random_of(change->random, ids), AT_SYMLINK_NOFOLLOW) == 0;
}

static struct timespec pick_time(struct random *random)
{
	return (struct timespec){ .tv_sec = (time_t)(random_next(random) >> 30) - (1LL << 32),
				  .tv_nsec = (long)random_below(random, 1000000000) };
}

bool drift_change_times(const struct change *change)
{
	struct timespec times[] = { pick_time(change->random), pick_time(change->random) };
	AUTO_PLACE(place);

	return drift_pick(change, &place) &&
	       utimensat(place.dir, place.name, times, AT_SYMLINK_NOFOLLOW) == 0;
}

/* An access control list as the kernel takes it: version; then tag, permissions and id of each entry. */
static const uint16_t acl[] = { 2,  0,                   /* version 2 */
				1,  7, 0xffff, 0xffff,   /* user: rwx */
				2,  5, 1000,   0,        /* user 1000: r-x */
				4,  5, 0xffff, 0xffff,   /* group: r-x */
				16, 7, 0xffff, 0xffff,   /* mask: rwx */
				32, 4, 0xffff, 0xffff }; /* others: r-- */

bool drift_change_xattr(const struct change *change)
{
	static const char *const names[] = { "user.a",
					     "user.b",
					     "trusted.a",
					     "trusted.b",
					     "security.a",
					     "btrfs.compression",
					     "system.posix_acl_access",
					     "system.posix_acl_default" };
	const char *name = random_of(change->random, names);
	const void *bytes = strncmp(name, "system", 6) == 0 ? (const void *)acl : "zlib";
	size_t size = strncmp(name, "system", 6) == 0 ? sizeof(acl) : 4;
	AUTO_PLACE(place);

	if (!drift_pick(change, &place))
		return false;
	if (random_chance(change->random, 20))
		return lgetxattr(place.path, name, NULL, 0) >= 0 &&
		       lremovexattr(place.path, name) == 0;
	/* btrfs.compression of what has no data is taken, and forgotten */
	return lsetxattr(place.path, name, bytes, size, 0) == 0 &&
	       lgetxattr(place.path, name, NULL, 0) >= 0;
}

bool drift_change_flags(const struct change *change)
{
	static const unsigned flags[] = { 0,
					  0,
					  FS_IMMUTABLE_FL,
					  FS_APPEND_FL,
					  FS_NODUMP_FL,
					  FS_NOATIME_FL,
					  FS_SYNC_FL,
					  FS_DIRSYNC_FL,
					  FS_NOCOW_FL };
	AUTO_PLACE(place);
	unsigned chosen = random_of(change->random, flags);
	BR_AUTO_CLOSE int fd = -1;

	if (!drift_pick(change, &place) || strcmp(place.name, ".") == 0)
		return false;
	fd = drift_open(place.dir, place.name, O_RDONLY);
	return fd >= 0 && ioctl(fd, FS_IOC_SETFLAGS, &chosen) == 0;
}
