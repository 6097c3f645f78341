/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls of a stopped program. */
#include "call.h"

#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Where a call says what it is about. */
enum where { NOWHERE, FD, PATH, AT, CONTEXT };

struct call {
	uint64_t number;
	const char *name;
	enum where where;
};

#define CALL(name, where)                \
	{                                \
		SYS_##name, #name, where \
	}
static const struct call changing[] = {
	CALL(pwrite64, FD),      CALL(pwritev, FD),        CALL(copy_file_range, FD),
	CALL(sendfile, FD),      CALL(ftruncate, FD),      CALL(fallocate, FD),
	CALL(mkdirat, AT),       CALL(mknodat, AT),        CALL(linkat, AT),
	CALL(symlinkat, PATH),   CALL(unlinkat, AT),       CALL(renameat, AT),
	CALL(renameat2, AT),     CALL(fchmod, FD),         CALL(fchmodat, AT),
	CALL(fchown, FD),        CALL(fchownat, AT),       CALL(utimensat, AT),
	CALL(setxattr, PATH),    CALL(lsetxattr, PATH),    CALL(fsetxattr, FD),
	CALL(removexattr, PATH), CALL(lremovexattr, PATH), CALL(fremovexattr, FD),
	CALL(fsync, FD),         CALL(fdatasync, FD),      CALL(syncfs, FD),
};

static const struct call others[] = {
	CALL(openat, AT),
	CALL(openat2, AT),
	CALL(newfstatat, AT),
	CALL(statx, AT),
	CALL(faccessat, AT),
	CALL(faccessat2, AT),
	CALL(readlinkat, AT),
	CALL(close, FD),
	CALL(read, FD),
	CALL(write, FD),
	CALL(pread64, FD),
	CALL(lseek, FD),
	CALL(fstat, FD),
	CALL(fstatfs, FD),
	CALL(getdents64, FD),
	CALL(fcntl, FD),
	CALL(flock, FD),
	CALL(fadvise64, FD),
	CALL(ioctl, FD),
	CALL(flistxattr, FD),
	CALL(fgetxattr, FD),
	CALL(listxattr, PATH),
	CALL(llistxattr, PATH),
	CALL(getxattr, PATH),
	CALL(lgetxattr, PATH),
#ifdef SYS_open
	CALL(open, PATH),
	CALL(stat, PATH),
	CALL(lstat, PATH),
	CALL(access, PATH),
	CALL(readlink, PATH),
	CALL(mkdir, PATH),
	CALL(chmod, PATH),
	CALL(unlink, PATH),
	CALL(rename, PATH),
#endif
	CALL(fsopen, PATH),
	CALL(fsconfig, CONTEXT),
	CALL(fsmount, FD),
	CALL(execve, PATH),
	CALL(mmap, NOWHERE),
	CALL(munmap, NOWHERE),
	CALL(mremap, NOWHERE),
	CALL(mprotect, NOWHERE),
	CALL(brk, NOWHERE),
	CALL(geteuid, NOWHERE),
	CALL(getegid, NOWHERE),
	CALL(getpid, NOWHERE),
	CALL(getcwd, NOWHERE),
	CALL(clock_nanosleep, NOWHERE),
	CALL(exit_group, NOWHERE),
};

#define REQUEST(name)           \
	{                       \
		name, #name, FD \
	}
static const struct call requests[] = {
	REQUEST(FICLONE),
	REQUEST(FICLONERANGE),
	REQUEST(FS_IOC_SETFLAGS),
	REQUEST(FS_IOC_FSSETXATTR),
	REQUEST(BTRFS_IOC_SUBVOL_CREATE),
	REQUEST(BTRFS_IOC_SUBVOL_CREATE_V2),
	REQUEST(BTRFS_IOC_SNAP_CREATE_V2),
	REQUEST(BTRFS_IOC_SNAP_DESTROY),
	REQUEST(BTRFS_IOC_SNAP_DESTROY_V2),
	REQUEST(BTRFS_IOC_SUBVOL_SETFLAGS),
	REQUEST(BTRFS_IOC_DEFAULT_SUBVOL),
	REQUEST(BTRFS_IOC_START_SYNC),
	REQUEST(BTRFS_IOC_WAIT_SYNC),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct call *find(const struct call *calls, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (calls[i].number == number)
			return &calls[i];
	}
	return NULL;
}

static const struct call *find_changing(uint64_t nr, const uint64_t *args)
{
	if (nr == SYS_ioctl)
		return find(requests, COUNT(requests), (uint32_t)args[1]);
	return find(changing, COUNT(changing), nr);
}

static const struct call *find_any(uint64_t nr, const uint64_t *args)
{
	const struct call *call = find_changing(nr, args);

	return call ? call : find(others, COUNT(others), nr);
}

const char *call_changing(uint64_t nr, const uint64_t *args)
{
	const struct call *call = find_changing(nr, args);

	if (nr == SYS_openat && args[2] & O_CREAT)
		return "openat";
	if (nr == SYS_write && args[0] > STDERR_FILENO)
		return "write";
	return call ? call->name : NULL;
}

const char *call_name(uint64_t nr, const uint64_t *args)
{
	const struct call *call = find_any(nr, args);

	return call ? call->name : "a call without a name here";
}

/* A string in the memory of a program; "" when there is none. */
static void read_string(pid_t thread, uint64_t address, char text[PATH_MAX])
{
	const uint64_t page = 4096;
	size_t size = 0;

	while (address != 0 && size < PATH_MAX - 1 && !memchr(text, '\0', size)) {
		size_t left = PATH_MAX - 1 - size;
		size_t in_page = page - (address + size) % page;
		struct iovec to = { text + size, in_page < left ? in_page : left };
		struct iovec from = { (void *)(uintptr_t)(address + size), to.iov_len };
		ssize_t n = process_vm_readv(thread, &to, 1, &from, 1, 0);

		if (n <= 0)
			break;
		size += (size_t)n;
	}
	text[size] = '\0';
}

/* The path of a descriptor; "" when it is none. */
static void read_descriptor(pid_t thread, uint64_t fd, char text[PATH_MAX])
{
	char link[64];
	ssize_t size = -1;

	if ((int)fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)thread);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)thread, (int)fd);
	if ((int)fd == AT_FDCWD || (int)fd >= 0)
		size = readlink(link, text, PATH_MAX - 1);
	text[size > 0 ? size : 0] = '\0';
}

char *call_object(pid_t thread, uint64_t nr, const uint64_t *args)
{
	const struct call *call = find_any(nr, args);
	enum where where = call ? call->where : NOWHERE;
	char dir[PATH_MAX] = "", name[PATH_MAX] = "";
	char *object = NULL;

	if (where == FD || where == AT)
		read_descriptor(thread, args[0], dir);
	if (where == PATH)
		read_string(thread, args[0], name);
	if (where == AT)
		read_string(thread, args[1], name);
	if (where == CONTEXT)
		read_string(thread, args[3], name);
	if (nr == SYS_symlinkat) {
		read_descriptor(thread, args[1], dir);
		read_string(thread, args[2], name);
	}
	if (name[0] == '/')
		dir[0] = '\0';
	ck_assert(asprintf(&object, "%s%s%s", dir, *dir && *name ? "/" : "", name) >= 0);
	return object;
}
