/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program one system call at a time, with ptrace(2). */
#include "stepper.h"

#include "call.h"
#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
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
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>

static void become(const char *const *argv, const int *outputs, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* the leak detector of a program under test cannot work while it is traced */
	if (getppid() != parent || null < 0 || setenv("ASAN_OPTIONS", "detect_leaks=0", 1) != 0 ||
	    dup2(null, 0) < 0 || dup2(outputs[0], 1) < 0 || dup2(outputs[1], 2) < 0)
		_exit(126);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
		_exit(126);
	/* execvp does not change the strings; its prototype is older than const */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* outputs: for standard output and standard error */
static pid_t start(const char *const *argv, const int *outputs)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEFORK;
	pid_t parent = getpid();
	pid_t pid = fork();
	int status;

	ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0)
		become(argv, outputs, parent);
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	ck_assert_msg(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) == 0, "ptrace: %s",
		      strerror(errno));
	ck_assert(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
	return pid;
}

static void set_register(pid_t thread, size_t offset, long value)
{
	ck_assert_msg(ptrace(PTRACE_POKEUSER, thread, (void *)offset, (void *)value) == 0,
		      "ptrace: %s", strerror(errno));
}

/* What a call returns. */
static void set_result(pid_t thread, long result)
{
#ifdef __x86_64__
	set_register(thread, offsetof(struct user_regs_struct, rax), result);
#else
	ck_abort_msg("%d: no result can be changed on this processor, %ld", (int)thread, result);
#endif
}

/* A call without a number is not carried out; what it returns is what is in the register. */
static void suppress_call(pid_t thread, int error)
{
#ifdef __x86_64__
	set_register(thread, offsetof(struct user_regs_struct, orig_rax), -1);
#endif
	set_result(thread, -error);
}

/* Of a run. */
struct progress {
	unsigned count;
	pid_t marked; /* the thread that something happens to when it comes back; 0: none */
	struct stepper_order order;
};

/* Returns false when the program is to be killed. */
static bool before_call(const struct stepper *stepper, const struct stepper_call *call,
			struct progress *progress)
{
	struct stepper_order order = { .action = STEPPER_GO_ON };

	if (stepper->before_call && !stepper->before_call(stepper->data, call))
		return false;
	if (stepper->is_suppressed && stepper->is_suppressed(stepper->data, call))
		suppress_call(call->pid, 0);
	if (stepper->order)
		order = stepper->order(stepper->data, call);
	if (order.action == STEPPER_FAIL)
		suppress_call(call->pid, order.error);
	if (order.action == STEPPER_KILL_AFTER || order.action == STEPPER_FAIL_AFTER) {
		progress->marked = call->pid;
		progress->order = order;
	}
	return order.action != STEPPER_KILL;
}

/* Returns false when the program is to be killed. */
static bool after_call(pid_t thread, struct progress *progress)
{
	if (thread != progress->marked)
		return true;
	progress->marked = 0;
	if (progress->order.action == STEPPER_KILL_AFTER)
		return false;
	set_result(thread, -progress->order.error);
	return true;
}

/* A thread is stopped at a system call. Returns false when the program is to be killed. */
static bool at_call(const struct stepper *stepper, pid_t thread, struct progress *progress)
{
	struct __ptrace_syscall_info info;
	struct stepper_call call = { .pid = thread };

	ck_assert(ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof(info), &info) > 0);
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return after_call(thread, progress);
	call.nr = info.entry.nr;
	call.args = (const uint64_t *)info.entry.args;
	call.name = stepper->every_call ? call_name(call.nr, call.args)
					: call_changing(call.nr, call.args);
	if (!call.name)
		return true;
	call.number = ++progress->count;
	return before_call(stepper, &call, progress);
}

/* Signals are passed on; stops that only tell of tracing are not signals. */
static int signal_of(int status)
{
	int signal = WSTOPSIG(status);

	return signal == SIGTRAP || signal == (SIGTRAP | 0x80) || signal == SIGSTOP ? 0 : signal;
}

/* Returns the wait status of the program's end. */
static int step_through(const struct stepper *stepper, pid_t pid, struct progress *progress)
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
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && !at_call(stepper, thread, progress))
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
	BR_AUTO_CLOSE int out = memfd_create("out", MFD_CLOEXEC);
	BR_AUTO_CLOSE int err = memfd_create("err", MFD_CLOEXEC);
	struct progress progress = { .count = 0 };
	int status;

	ck_assert_msg(out >= 0 && err >= 0, "memfd_create: %s", strerror(errno));
	status = step_through(stepper, start(stepper->argv, (const int[]){ out, err }), &progress);
	*result = (struct run_result){
		.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	};
	result->out = read_all(out, &result->out_size);
	result->err = read_all(err, &result->err_size);
	ck_assert_msg(result->code != 126 && result->code != 127, "cannot run %s",
		      stepper->argv[0]);
	return progress.count;
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
