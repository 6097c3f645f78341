/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program one changing system call at a time, with ptrace(2). */
#include "stepper.h"

#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>

struct call_name {
	uint64_t number;
	const char *name;
};

#define CALL(name)                \
	{                         \
		SYS_##name, #name \
	}
static const struct call_name calls[] = {
	CALL(pwrite64),  CALL(pwritev),     CALL(copy_file_range), CALL(sendfile),
	CALL(ftruncate), CALL(fallocate),   CALL(mkdirat),         CALL(mknodat),
	CALL(linkat),    CALL(symlinkat),   CALL(unlinkat),        CALL(renameat),
	CALL(renameat2), CALL(fchmod),      CALL(fchmodat),        CALL(fchown),
	CALL(fchownat),  CALL(utimensat),   CALL(setxattr),        CALL(lsetxattr),
	CALL(fsetxattr), CALL(removexattr), CALL(lremovexattr),    CALL(fremovexattr),
	CALL(fsync),     CALL(fdatasync),   CALL(syncfs),
};

#define REQUEST(name)       \
	{                   \
		name, #name \
	}
static const struct call_name requests[] = {
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

static const char *find_name(const struct call_name *names, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return NULL;
}

/* Name of the call when it changes a file system, else NULL. */
static const char *changing_call(const struct __ptrace_syscall_info *info)
{
	const uint64_t *args = info->entry.args;

	if (info->entry.nr == SYS_ioctl)
		return find_name(requests, sizeof(requests) / sizeof(requests[0]),
				 (uint32_t)args[1]);
	if (info->entry.nr == SYS_openat && args[2] & O_CREAT)
		return "openat";
	if (info->entry.nr == SYS_write && args[0] > STDERR_FILENO)
		return "write";
	return find_name(calls, sizeof(calls) / sizeof(calls[0]), info->entry.nr);
}

static void become(const char *const *argv, int err, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* the leak detector of a program under test cannot work while it is traced */
	if (getppid() != parent || null < 0 || setenv("ASAN_OPTIONS", "detect_leaks=0", 1) != 0 ||
	    dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
		_exit(126);
	/* execvp does not change the strings; its prototype is older than const */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static pid_t start(const char *const *argv, int err)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEFORK;
	pid_t parent = getpid();
	pid_t pid = fork();
	int status;

	ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0)
		become(argv, err, parent);
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	ck_assert_msg(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) == 0, "ptrace: %s",
		      strerror(errno));
	ck_assert(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
	return pid;
}

/* A call without a number is not carried out; what it returns is what is in the register. */
static void suppress_call(pid_t thread)
{
#ifdef __x86_64__
	const long number = offsetof(struct user_regs_struct, orig_rax);
	const long result = offsetof(struct user_regs_struct, rax);

	ck_assert_msg(ptrace(PTRACE_POKEUSER, thread, (void *)number, (void *)-1L) == 0 &&
			      ptrace(PTRACE_POKEUSER, thread, (void *)result, NULL) == 0,
		      "ptrace: %s", strerror(errno));
#else
	ck_abort_msg("%d: no call can be suppressed on this processor", (int)thread);
#endif
}

/* A thread is stopped at a system call. Returns false when the program is to be killed. */
static bool at_call(const struct stepper *stepper, pid_t thread, unsigned *count)
{
	struct __ptrace_syscall_info info;
	struct stepper_call call = { .pid = thread };

	ck_assert(ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof(info), &info) > 0);
	call.name = info.op == PTRACE_SYSCALL_INFO_ENTRY ? changing_call(&info) : NULL;
	if (!call.name)
		return true;
	call.number = ++*count;
	if (stepper->before_call && !stepper->before_call(stepper->data, &call))
		return false;
	if (stepper->is_suppressed && stepper->is_suppressed(stepper->data, &call))
		suppress_call(thread);
	return true;
}

/* Signals are passed on; stops that only tell of tracing are not signals. */
static int signal_of(int status)
{
	int signal = WSTOPSIG(status);

	return signal == SIGTRAP || signal == (SIGTRAP | 0x80) || signal == SIGSTOP ? 0 : signal;
}

/* Returns the wait status of the program's end. */
static int step_through(const struct stepper *stepper, pid_t pid, unsigned *count)
{
	int status;

	for (;;) {
		pid_t thread = waitpid(-1, &status, __WALL);

		ck_assert_msg(thread > 0, "waitpid: %s", strerror(errno));
		if (!WIFSTOPPED(status)) {
			if (thread == pid)
				return status;
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && !at_call(stepper, thread, count))
			ck_assert(kill(pid, SIGKILL) == 0);
		else /* fails when it was killed meanwhile: waitpid will tell */
			(void)ptrace(PTRACE_SYSCALL, thread, NULL,
				     (void *)(intptr_t)signal_of(status));
	}
}

static char *read_all(int file, size_t *size_ret)
{
	struct stat st;

	ck_assert(fstat(file, &st) == 0);
	char *text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert(pread(file, text, (size_t)st.st_size, 0) == st.st_size);
	*size_ret = (size_t)st.st_size;
	return text;
}

unsigned stepper_run(const struct stepper *stepper, struct run_result *result)
{
	BR_AUTO_CLOSE int err = memfd_create("stepper", MFD_CLOEXEC);
	unsigned count = 0;
	int status;

	ck_assert_msg(err >= 0, "memfd_create: %s", strerror(errno));
	status = step_through(stepper, start(stepper->argv, err), &count);
	*result = (struct run_result){
		.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		.out = calloc(1, 1),
	};
	result->err = read_all(err, &result->err_size);
	ck_assert_msg(result->code != 126 && result->code != 127, "cannot run %s",
		      stepper->argv[0]);
	return count;
}

int stepper_open_btrfs(pid_t pid, const char *entry)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_DIR DIR *dir = NULL;
	const struct dirent *fd_entry;
	struct statfs fs;

	ck_assert(asprintf(&path, "/proc/%d/fd", (int)pid) > 0);
	dir = opendir(path);
	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	while ((fd_entry = readdir(dir))) {
		BR_AUTO_CLOSE int fd = openat(dirfd(dir), fd_entry->d_name,
					      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || strcmp(fd_entry->d_name, ".") == 0 ||
		    strcmp(fd_entry->d_name, "..") == 0)
			continue;
		if (fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC &&
		    (!entry || faccessat(fd, entry, F_OK, AT_SYMLINK_NOFOLLOW) == 0))
			return br_take_fd(&fd);
	}
	return -1;
}

bool stepper_commit(pid_t pid)
{
	BR_AUTO_CLOSE int fd = stepper_open_btrfs(pid, NULL);
	uint64_t transaction = 0;

	if (fd < 0)
		return false;
	ck_assert_msg(ioctl(fd, BTRFS_IOC_START_SYNC, &transaction) == 0 &&
			      ioctl(fd, BTRFS_IOC_WAIT_SYNC, &transaction) == 0,
		      "commit: %s", strerror(errno));
	return true;
}
