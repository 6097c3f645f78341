/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docs/threat-model.md: an unprivileged user who can reach the mounted top level, and a service that
 * filled its kept directory with what is unpleasant to handle.
 */
#include "cleanup.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

static void make_server(void)
{
	server_make(256ULL << 20, NULL);
}

/* After a reset with an archive, something parked, a snapshot, and a request; the user's directory is kept. */
static struct image *begin(char **config_ret)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(
		"ephemeral root {\npersist = { \"/etc/ssh\" }\n}\n"
		"ephemeral cache {\narchive = none\nblank = root-blank\n}\n"
		"snapshots {\nsubvolumes = { \"root\" }\n}\n");
	const char *const snapshot[] = { run_helper_path(), "snapshot", "create",
					 "--config",        config,     "--device",
					 image->device[0],  NULL };

	subvol_create(image->top, "cache");
	server_reset_ok(image, config);
	run_and_drop(image->top, snapshot);
	*config_ret = br_take_ptr(&config);
	free(run_shell(image->top,
		       "chmod 755 .; mkdir -m 777 root/mine; "
		       "cp $(command -v cat) old_roots/root.*/var/suid 2>/dev/null || :; "
		       "echo skip >.blankroot/request"));
	return image;
}

/* Shell lines of user 65534 in the top level: each must fail. */
static const char *const attempts[] = {
	/* archives */
	"ls old_roots",
	"cat old_roots/root.*/etc/ssh/ssh_host_key",
	"ls $archive",
	"cat $archive/etc/passwd",
	"cd $archive",
	"chmod 755 old_roots",
	"mv old_roots mine",
	"btrfs subvolume delete $archive",
	"btrfs subvolume snapshot $archive root/mine/got",
	"btrfs subvolume snapshot -r $archive root/mine/got",
	"btrfs property set -ts $archive ro false",
	"btrfs send $archive",
	"ln -s ../../$archive root/mine/way && cat root/mine/way/etc/passwd",
	/* snapshots */
	"ls snapshots",
	"cat snapshots/root.*/etc/passwd",
	"touch snapshots/file",
	"mv snapshots mine",
	/* what is blankroot's */
	"ls .blankroot",
	"cat .blankroot/request",
	"echo skip >.blankroot/request",
	"rm -f .blankroot/request",
	"mv .blankroot aside",
	"ls .blankroot/parked",
	"ls .blankroot/staging-root",
	"mkdir .blankroot/staging-root",
	"test -n \"$(getfattr -d -m trusted .blankroot 2>/dev/null)\"",
	"setfattr -x trusted.blankroot.blank.root .blankroot",
	"setfattr -n trusted.blankroot.old.root -v x .blankroot",
	"setfattr -n trusted.blankroot.good -v 1 root",
	"setfattr -n trusted.blankroot.pinned -v 1 root/mine",
	/* root and blank */
	"mv root-blank root/mine/",
	"btrfs property set -ts root-blank ro false",
	"btrfs subvolume delete root",
	"btrfs subvolume set-default 5 .",
	"btrfs subvolume create staging",
	/* the helper, which gives no more than the user has */
	"$helper list $options",
	"$helper status $options",
	"$helper diff $options",
	"$helper skip $options",
	"$helper rollback $options ${archive#*/}",
	"$helper rollback $options --now-blank ${archive#*/}",
	"$helper prune $options",
	"$helper restore $options --from=${archive#*/} --to=/tmp /etc/passwd",
	"$helper snapshot create $options",
	"$helper snapshot delete $options ${archive#*/}",
	"$helper snapshot pin $options ${archive#*/}",
};

static int run_as_user(const struct image *image, const char *config, const char *archive,
		       const char *line)
{
	BR_AUTO_FREE char *script = NULL;
	struct run_result result;
	int code;

	ck_assert(asprintf(&script, "archive=%s; helper=%s; options='--config %s --device %s'; %s",
			   archive, run_helper_path(), config, image->device[0], line) > 0);
	const char *const argv[] = {
		"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script,
		NULL
	};
	run(&(struct run_options){ .argv = argv, .cwd = image->top }, &result);
	code = result.code;
	run_free(&result);
	return code;
}

START_TEST(test_user)
{
	BR_AUTO_FREE char *config = NULL;
	struct image *image = begin(&config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_FREE char *before = subvol_list(image->top);

	/* so that a failure means what it seems to mean */
	ck_assert_int_eq(run_as_user(image, config, archive,
				     "ls root/etc && cat root/etc/passwd && "
				     "touch root/mine/file && ls -d old_roots snapshots && "
				     "$helper --version"),
			 0);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		ck_assert_msg(run_as_user(image, config, archive, attempts[i]) != 0,
			      "an unprivileged user can: %s", attempts[i]);
	BR_AUTO_FREE char *after = subvol_list(image->top);
	ck_assert_str_eq(before, after);
	BR_AUTO_FREE char *request = tree_read(image->top, ".blankroot/request");
	ck_assert_str_eq(request, "skip\n");
}
END_TEST

#define LARGE "large=$(perl -e 'print \"x\" x 3000'); "

/* Shell lines in the kept directory. */
static const char *const nuisances[] = {
	LARGE "for i in $(seq 5); do setfattr -n user.$i -v $large sshd_config; done",
	"setfattr -n user.large -v $(perl -e 'print \"x\" x 15000') sshd_config",
	"printf x >\"$(printf 'a\\033[2J\\033]0;owned\\007\\n\\302\\233\\377\\342\\200\\256b')\"",
	"mknod sda b 8 0; mknod mem c 1 1; mknod tty c 5 0; mkfifo pipe; chmod 666 *",
	"cp /bin/true suid; chmod 6755 suid; setcap cap_sys_admin+ep sshd_config 2>/dev/null || :",
	"ln ../passwd link; ln ../passwd link2",
	"ln -s . loop; ln -s .. up; ln -s / root; ln -s /proc/self/fd/0 fd",
	"mkdir a a/b; for i in $(seq 60); do ln -s ../a a/l$i; done",
	"chmod 000 .; chattr +i sshd_config; chattr +a .",
	"truncate -s 7E huge",
	"for i in $(seq 50); do btrfs -q subvolume create s$i; done",
};

/* Carried as it is, and neither console nor report show a control character. */
START_TEST(test_nuisance)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/etc/ssh\"", NULL);
	BR_AUTO_CLOSE int ssh = tree_open(image->top, "root/etc/ssh", false);
	struct reset_result result;

	free(run_shell(ssh, "%s", nuisances[_i]));
	BR_AUTO_FREE char *before = run_shell(
		ssh, "find . -printf '%%p %%y %%m %%U %%G %%s %%l\\n' | sort | sha256sum");
	ck_assert_int_eq(close(br_take_fd(&ssh)), 0);
	ck_assert_msg(
		server_reset(image,
			     &(struct reset){ .config = config, .cmdline = "rd.blankroot.debug" },
			     &result) == 0,
		"%s: exit %d: %s", nuisances[_i], result.code, result.run.err);
	for (const char *c = result.run.err; *c; c++)
		ck_assert_msg(*c == '\n' || (unsigned char)*c >= ' ', "%s", result.run.err);
	assert_report(&result, ".outcome == \"reset\"");
	reset_free(&result);
	BR_AUTO_CLOSE int kept = tree_open(image->top, "root/etc/ssh", false);
	BR_AUTO_FREE char *after = run_shell(
		kept, "find . -printf '%%p %%y %%m %%U %%G %%s %%l\\n' | sort | sha256sum");
	ck_assert_str_eq(before, after);
}
END_TEST

/*
 * More names of attributes than the kernel lists: what cannot be carried faithfully is not carried,
 * and everybody hears of it.
 */
START_TEST(test_reset_prevented)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/etc/ssh\"", NULL);
	uint64_t root = subvol_id(image->top, "root");
	struct reset_result result;
	char name[256];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "user.%03u%0240u", i, 0U);
		tree_set_xattr(image->top, "root/etc/ssh/sshd_config", name, "x", 1);
	}
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 4,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, "NOT RESET");
	assert_says(result.run.err, "root/etc/ssh/sshd_config");
	assert_report(&result, ".error.code == \"xattr\" and .error.errno == 7");
	reset_free(&result);
	ck_assert_uint_eq(subvol_id(image->top, "root"), root);
	ck_assert(!tree_exists(image->top, ".blankroot/staging-root"));
	run_ok(image->top, "rm", "root/etc/ssh/sshd_config");
	server_reset_ok(image, config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threats");
	TCase *tcase = suite_add_case(suite, "threats", make_server, server_drop, 120);

	tcase_add_test(tcase, test_user);
	tcase_add_loop_test(tcase, test_nuisance, 0, sizeof(nuisances) / sizeof(nuisances[0]));
	tcase_add_test(tcase, test_reset_prevented);
	return suite_run(suite, true);
}
