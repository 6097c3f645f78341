/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reset as a whole. */
#include "reset.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"
#include "hibernation.h"
#include "module.h"
#include "mountinfo.h"
#include "name.h"
#include "proc.h"
#include "room.h"
#include "toplevel.h"

#include <fcntl.h>
#include <string.h>

#define CMDLINE_MAX (1UL << 20)

static int read_cmdline(const struct br_reset_input *input, struct br_reset *reset)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_CLOSE int proc = -1;
	int r;

	if (!input->cmdline &&
	    ((r = br_proc_open(&proc, &reset->error)) < 0 ||
	     (r = br_file_read(proc, "cmdline", CMDLINE_MAX, &text, NULL, &reset->error)) < 0))
		return r;
	if ((r = br_cmdline_parse(input->cmdline ? input->cmdline : text, &reset->cmdline,
				  &reset->error)) < 0)
		return r;
	return br_boot_parse(&reset->cmdline, &reset->boot, &reset->error);
}

static int choose_device(const struct br_reset_input *input, const struct br_reset *reset,
			 const char **spec_ret, struct br_error *err)
{
	const char *spec = input->device ? input->device : reset->config.device;

	if (!spec)
		spec = reset->boot.root;
	if (!spec)
		return br_error_set(err, BR_ERR_USAGE, 0, NULL,
				    "which device? Neither the configuration (device = ...) "
				    "nor the kernel command line (root=...) tells");
	if (!br_device_spec_is_valid(spec))
		return br_error_set(err, BR_ERR_USAGE, 0, spec,
				    "does not name a device: say device = \"UUID=...\" in %s",
				    input->config_path);
	*spec_ret = spec;
	return 0;
}

/*
 * Waits first also where members may be missing: a disk that is only slow must not be left out of
 * what is written now.
 */
static int wait_for_device(struct br_reset *reset, const char *spec)
{
	struct br_error *err = &reset->error;
	int r = br_device_find(spec, reset->boot.timeout, &reset->device, err);

	if (r == BR_ERR_DEVICE_INCOMPLETE && reset->config.degraded == BR_DEGRADED_YES)
		r = br_device_find_degraded(spec, &reset->device, err);
	return r;
}

static int find_device(const struct br_reset_input *input, struct br_reset *reset)
{
	struct br_error *err = &reset->error;
	const char *spec = NULL;
	int r;

	if ((r = choose_device(input, reset, &spec, err)) < 0 ||
	    (r = br_module_load_btrfs(err)) < 0 || (r = wait_for_device(reset, spec)) < 0)
		return r;
	return br_hibernation_check(&reset->boot, err);
}

/*
 * In an initramfs nothing is mounted yet. Elsewhere a swap would leave a running system in an
 * archive; so it would if it lived in what an interrupted run left, or in a file system that is
 * the root of this boot.
 */
static int check_unused(struct br_reset *reset, int top)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo info = { 0 };
	const struct br_config *config = &reset->config;
	struct br_error *err = &reset->error;
	const struct br_mount *mount;
	int r;

	/* a dry run on the running system tells what its next boot will do */
	if (reset->outcome == BR_OUTCOME_DRY_RUN)
		return 0;
	r = br_mountinfo_read(&info, err);
	if (r < 0)
		return r;
	mount = br_mountinfo_find_btrfs(&info, top, BR_STATE_DIR);
	for (size_t i = 0; !mount && i < config->ephemeral_count; i++)
		mount = br_mountinfo_find_btrfs(&info, top, config->ephemeral[i].name);
	if (!mount)
		return 0;
	return br_error_set(err, BR_ERR_IN_USE, 0, mount->root + 1,
			    "is mounted at %s: a reset works on a root that is "
			    "not in use",
			    mount->target);
}

/*
 * A root pinned by id would be mounted after the reset too: the archive then, read-only, and some
 * day deleted.
 */
static int check_pin(const struct br_reset *reset, struct br_error *err)
{
	const struct br_cmdline_arg *flags = br_cmdline_find(&reset->cmdline, "rootflags");
	const char *pin = flags && flags->value ? strstr(flags->value, "subvolid=") : NULL;
	unsigned long long id;

	if (!pin)
		return 0;
	id = strtoull(pin + strlen("subvolid="), NULL, 0);
	for (size_t i = 0; i < reset->config.ephemeral_count; i++)
		if (reset->facts.ephemeral[i].has_old && reset->facts.ephemeral[i].old.id == id)
			return br_error_set(
				err, BR_ERR_LAYOUT, 0, reset->config.ephemeral[i].name,
				"the kernel command line pins it by id (rootflags=subvolid=%llu); "
				"say rootflags=subvol=%s",
				id, reset->config.ephemeral[i].name);
	return 0;
}

static int read_request(int top, struct br_reset *reset)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state,
				&reset->error);

	if (r == BR_ERR_SYMLINK || (r < 0 && reset->error.sys_errno == ENOTDIR))
		return br_error_set(&reset->error, BR_ERR_LAYOUT, reset->error.sys_errno,
				    BR_STATE_DIR, "must be a plain directory");
	if (r < 0 && reset->error.sys_errno != ENOENT)
		return r;
	return br_request_read(state, &reset->request, &reset->error);
}

/* The archive to start from, if any: the command line wins over the one-shot request. */
static const char *choose_from(struct br_reset *reset)
{
	if (reset->boot.from) {
		reset->requester = BR_REQUESTER_CMDLINE;
		return reset->boot.from;
	}
	if (reset->request.kind == BR_REQUEST_FROM) {
		reset->requester = BR_REQUESTER_ONE_SHOT;
		return reset->request.archive;
	}
	return NULL;
}

struct notification {
	const struct br_reset_input *input;
	const struct br_reset *reset;
};

static void notify_step(void *data, const struct br_step *step)
{
	const struct notification *notification = data;
	BR_AUTO_FREE char *text = br_step_describe(step, &notification->reset->config,
						   &notification->reset->facts);

	if (text)
		notification->input->notify(notification->input->data, text);
}

static void forget_attempt(struct br_reset *reset)
{
	free(reset->results);
	reset->results = NULL;
	br_plan_free(&reset->plan);
	br_facts_free(&reset->facts);
}

/* Facts, plan, apply: once. */
static int attempt(const struct br_reset_input *input, struct br_reset *reset, int top,
		   enum br_applied *applied)
{
	bool dry_run = reset->outcome == BR_OUTCOME_DRY_RUN;
	struct notification notification = { input, reset };
	struct br_apply_input apply = {
		.top = top,
		.config = &reset->config,
		.facts = &reset->facts,
		.plan = &reset->plan,
		.before_step = input->notify && reset->boot.debug ? notify_step : NULL,
		.data = &notification,
	};
	int r;

	forget_attempt(reset);
	if ((r = br_facts_gather(top, &reset->config, choose_from(reset), reset->started,
				 &reset->facts, &reset->error)) < 0 ||
	    (r = check_pin(reset, &reset->error)) < 0 ||
	    (r = br_plan_build(&reset->facts, reset->request.kind != BR_REQUEST_NONE, &reset->plan,
			       &reset->error)) < 0 ||
	    dry_run)
		return r;
	reset->results = calloc(reset->plan.count, sizeof(*reset->results));
	if (!reset->results)
		return br_error_set(&reset->error, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	apply.results = reset->results;
	return br_apply(&apply, applied, &reset->error);
}

static bool note_dropped(struct br_reset *reset, char *path)
{
	char **grown = reallocarray(reset->dropped, reset->dropped_count + 1, sizeof(*grown));

	if (!grown) {
		free(path);
		return false;
	}
	reset->dropped = grown;
	grown[reset->dropped_count++] = path;
	return true;
}

/* Both failures matter, and the first one is the one that is told by its code. */
static void explain_no_room(struct br_error *err, const struct br_error *why)
{
	char message[BR_ERROR_TEXT_MAX / 2];

	br_error_format(why, message, sizeof(message));
	(void)br_error_set(err, err->code, err->sys_errno, err->path,
			   "%s (no archive could be deleted: %s)", err->text, message);
}

/* Room for another attempt? The error of the failed one stays when there is none. */
static bool make_room(struct br_reset *reset, int top)
{
	struct br_error why;
	char *path = NULL;

	if (reset->error.sys_errno != ENOSPC && reset->error.sys_errno != EDQUOT)
		return false;
	if (br_room_make(top, &reset->config, choose_from(reset), &path, &why) < 0) {
		explain_no_room(&reset->error, &why);
		return false;
	}
	return path && note_dropped(reset, path);
}

static int use_up_request(struct br_reset *reset, int top)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state,
				&reset->error);

	return r < 0 ? r : br_request_use_up(state, &reset->error);
}

static int skip(struct br_reset *reset, int top)
{
	int r = br_plan_build_skip(&reset->plan, &reset->error);

	reset->requester = BR_REQUESTER_ONE_SHOT;
	if (r < 0 || reset->outcome == BR_OUTCOME_DRY_RUN)
		return r;
	reset->outcome = BR_OUTCOME_SKIPPED;
	reset->results = calloc(reset->plan.count, sizeof(*reset->results));
	if (!reset->results)
		return br_error_set(&reset->error, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = use_up_request(reset, top);
	reset->results[0].started = true;
	reset->results[0].done = r == 0;
	return r;
}

static int reset_top(const struct br_reset_input *input, struct br_reset *reset, int top)
{
	enum br_applied applied = BR_APPLIED_NOTHING;
	int r;

	do {
		r = attempt(input, reset, top, &applied);
	} while (r < 0 && applied == BR_APPLIED_NOTHING && make_room(reset, top));
	if (r < 0 && applied == BR_APPLIED_UNFINISHED)
		reset->outcome = BR_OUTCOME_UNFINISHED;
	return r;
}

/* A request is used once, also when the reset fails before its first step. */
static void use_up_request_anyway(struct br_reset *reset, int top)
{
	struct br_error error = reset->error;

	if (reset->request.kind == BR_REQUEST_NONE || reset->outcome == BR_OUTCOME_DRY_RUN)
		return;
	if (use_up_request(reset, top) == 0)
		reset->error = error;
}

static int run_mounted(const struct br_reset_input *input, struct br_reset *reset, int top)
{
	int r;

	if ((r = br_toplevel_lock(top, &reset->error)) < 0 || (r = check_unused(reset, top)) < 0 ||
	    (r = read_request(top, reset)) < 0)
		return r;
	if (reset->request.kind == BR_REQUEST_SKIP && !reset->boot.from)
		return skip(reset, top);
	if (reset->request.kind == BR_REQUEST_INVALID && !reset->boot.from)
		r = br_error_set(
			&reset->error, BR_ERR_REQUEST, 0, BR_STATE_DIR "/" BR_REQUEST_NAME,
			reset->outcome == BR_OUTCOME_DRY_RUN
				? "cannot be understood; a boot that finds it is not reset"
				: "cannot be understood; it has been removed, the next boot resets as usual");
	else
		r = reset_top(input, reset, top);
	if (r < 0)
		use_up_request_anyway(reset, top);
	return r;
}

static int mount_top(struct br_reset *reset, int *top_ret)
{
	unsigned flags = reset->outcome == BR_OUTCOME_DRY_RUN ? BR_TOPLEVEL_READ_ONLY : 0;

	if (reset->device.missing > 0)
		flags |= BR_TOPLEVEL_DEGRADED;
	return br_toplevel_mount(reset->device.path, flags, top_ret, &reset->error);
}

static int run(const struct br_reset_input *input, struct br_reset *reset)
{
	BR_AUTO_CLOSE int top = -1;
	int r = read_cmdline(input, reset);

	if (r < 0)
		return r;
	if (reset->boot.mode == BR_BOOT_OFF) {
		reset->outcome = BR_OUTCOME_SKIPPED;
		reset->requester = BR_REQUESTER_CMDLINE;
		return 0;
	}
	if (input->dry_run || reset->boot.mode == BR_BOOT_DRY_RUN)
		reset->outcome = BR_OUTCOME_DRY_RUN;
	if (reset->boot.mode == BR_BOOT_DRY_RUN)
		reset->requester = BR_REQUESTER_CMDLINE;
	if ((r = br_config_load(input->config_path, &reset->config, &reset->error)) < 0 ||
	    (r = find_device(input, reset)) < 0 || (r = mount_top(reset, &top)) < 0)
		return r;
	r = run_mounted(input, reset, top);
	/* what concerns the file system as a whole */
	return r < 0 && r != BR_ERR_NOMEM ? br_error_name(&reset->error, reset->device.path) : r;
}

static enum br_outcome outcome_of_error(const struct br_reset *reset)
{
	if (reset->outcome == BR_OUTCOME_UNFINISHED)
		return BR_OUTCOME_UNFINISHED;
	switch (br_code_class(reset->error.code)) {
	case BR_CLASS_USAGE:
		return BR_OUTCOME_USAGE;
	case BR_CLASS_REFUSED:
		return BR_OUTCOME_REFUSED;
	default:
		return BR_OUTCOME_FAILED;
	}
}

static uint64_t elapsed_usec(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)((now.tv_sec - start->tv_sec) * 1000000 +
			  (now.tv_nsec - start->tv_nsec) / 1000);
}

enum br_outcome br_reset_run(const struct br_reset_input *input, struct br_reset *reset)
{
	struct timespec start;
	int r;

	*reset = (struct br_reset){ .outcome = BR_OUTCOME_RESET, .started = time(NULL) };
	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail for this clock */
	r = run(input, reset);
	if (r < 0)
		reset->outcome = outcome_of_error(reset);
	else
		reset->error = (struct br_error){ 0 };
	reset->usec = elapsed_usec(&start);
	return reset->outcome;
}

void br_reset_free(struct br_reset *reset)
{
	if (!reset)
		return;
	for (size_t i = 0; i < reset->dropped_count; i++)
		free(reset->dropped[i]);
	free(reset->dropped);
	forget_attempt(reset);
	br_request_free(&reset->request);
	br_device_free(&reset->device);
	br_config_free(&reset->config);
	br_cmdline_free(&reset->cmdline);
}

int br_outcome_exit_code(enum br_outcome outcome)
{
	static const int codes[] = {
		[BR_OUTCOME_RESET] = 0,      [BR_OUTCOME_SKIPPED] = 0, [BR_OUTCOME_DRY_RUN] = 0,
		[BR_OUTCOME_USAGE] = 2,      [BR_OUTCOME_REFUSED] = 3, [BR_OUTCOME_FAILED] = 4,
		[BR_OUTCOME_UNFINISHED] = 5,
	};

	return codes[outcome];
}

const char *br_outcome_name(enum br_outcome outcome)
{
	static const char *const names[] = {
		[BR_OUTCOME_RESET] = "reset",           [BR_OUTCOME_SKIPPED] = "skipped",
		[BR_OUTCOME_DRY_RUN] = "dry-run",       [BR_OUTCOME_USAGE] = "usage",
		[BR_OUTCOME_REFUSED] = "refused",       [BR_OUTCOME_FAILED] = "failed",
		[BR_OUTCOME_UNFINISHED] = "unfinished",
	};

	return names[outcome];
}
