/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Debian root that lives: packages come and go, logs are written and rotated, users are added.
 * Reset twice; each time the persistent paths are those of the old root and everything else is that
 * of the blank.
 *
 * The root comes from tests/support/debian-root. Where it cannot be made the test is skipped.
 */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PACKAGES "/var/cache/packages" /* in the root: packages that are not installed yet */

static const char *const kept[] = { "etc/machine-id", "etc/ssh", "var/lib/dpkg", "var/log", NULL };
#define KEPT_CONFIG "\"/etc/machine-id\", \"/etc/ssh\", \"/var/lib/dpkg\", \"/var/log\""

/* What happens between two boots, in the root and as its own programs do it. */
static const char *const life[] = {
	"rm -f /etc/ssh/ssh_host_*; ssh-keygen -A; "
	"head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n' >/etc/machine-id; "
	"chmod 444 /etc/machine-id; "
	"dpkg -i " PACKAGES "/hello_*.deb; "
	"useradd -m alice; echo 'export A=b' >>/home/alice/.bashrc; passwd -l alice; "
	"sed -i 's/^#Port 22/Port 2222/' /etc/ssh/sshd_config; "
	"ssh-keygen -q -N '' -f /root/.ssh-key; "
	"mkdir -p /var/log/app /var/log/journal /srv/data; chown alice:adm /var/log/app; "
	"chmod 2750 /var/log/app; "
	"yes 'a line of a log' | head -n 20000 >/var/log/app/app.log; "
	"gzip -k /var/log/app/app.log; "
	"truncate -s 20M /var/log/lastlog; ldconfig; rm -rf /usr/share/doc/*; rm /etc/motd; "
	"mkdir /etc/motd; "
	"ln /var/log/dpkg.log /var/log/dpkg.log.0; ln -sf /dev/null /etc/resolv.conf; "
	"mkfifo /run/initctl; "
	"mv /usr/bin/perl /usr/bin/perl.real; cp -a /usr/share/zoneinfo /srv/data; "
	"chmod 4755 /bin/cat",

	"dpkg --purge hello; dpkg -i " PACKAGES "/hello_*.deb; "
	"rm -f /etc/ssh/ssh_host_dsa* /etc/ssh/moduli; echo 'Port 2200' >>/etc/ssh/sshd_config; "
	"mv /var/log/app/app.log /var/log/app/app.log.1; echo again >/var/log/app/app.log; "
	"rm /var/log/dpkg.log.0; useradd bob; rm -rf /var/lib/dpkg/info/perl-base.*; "
	"mv /usr/share/zoneinfo /usr/share/zoneinfo.away; "
	"echo a >/var/lib/dpkg/arch; rm -f /etc/machine-id; "
	"echo 0123456789abcdef0123456789abcdef >/etc/machine-id",
};

static struct image *image;
static char *tarball;

/* Before any test runs, so that all can be skipped. Returns NULL when there is none. */
static char *get_tarball(void)
{
	FILE *program = popen("tests/support/debian-root", "re");
	char *path = NULL;
	size_t room = 0;
	ssize_t size = program ? getline(&path, &room, program) : -1;

	if (size > 1)
		path[size - 1] = '\0'; /* the newline */
	if (program && pclose(program) == 0 && size > 1)
		return path;
	free(path);
	return NULL;
}

static void make_debian(void)
{
	image = image_create(&(struct image_options){ .size = 3ULL << 30 });
	int top = image_mount(image, NULL);

	subvol_create(top, "root");
	BR_AUTO_CLOSE int root = tree_open(top, "root", false);
	run_ok(root, "tar", "--xattrs", "--xattrs-include=*", "--acls", "-xpf", tarball);
	tree_write(root, "etc/machine-id", "uninitialized\n");
	subvol_snapshot(top, "root", "root-blank", true);
	(void)close(tree_mkdir(top, "old_roots"));
	ck_assert(fchmodat(top, "old_roots", 0700, 0) == 0);
	(void)close(br_take_fd(&root));
	image_unmount(image); /* what is open here stays open in the tests */
}

static void drop_image(void)
{
	image_free(image);
}

/* The root's own programs first, and then what needs tools that a small root has not. */
static void live(const char *line)
{
	BR_AUTO_CLOSE int root = tree_open(image->top, "root", false);

	run_ok(root, "chroot", ".", "env", "DEBIAN_FRONTEND=noninteractive",
	       "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-euc", line);
	run_ok(root, "chattr", "-R", "+C", "var/log/journal");
	free(run_shell(
		root,
		"head -c 3000000 /dev/urandom >>var/log/journal/system.journal; "
		"setfacl -m g:4:rx,d:g:4:rx var/log/journal; setfacl -m g:4:r var/log/journal/*; "
		"touch var/log/audit; chattr +a var/log/audit; echo $$ >>var/log/audit; "
		"chattr +i etc/hostname"));
	ck_assert_msg(syncfs(image->top) == 0, "syncfs: %s", strerror(errno));
}

/* What is known about a tree, to be compared over time; nothing changes without its change time. */
static struct facts *facts_of(const char *path)
{
	const struct oracle_options options = { .flags = ORACLE_CTIME | ORACLE_NO_EXTENTS };
	BR_AUTO_CLOSE int fd = tree_open(image->top, path, false);

	return oracle_facts(fd, &options);
}

static void check_unchanged(struct facts *before, const char *path)
{
	struct facts *after = facts_of(path);
	BR_AUTO_FREE char *text = oracle_diff(before, after);
	char *next = text;

	for (char *line = strsep(&next, "\n"); line && *line; line = strsep(&next, "\n"))
		ck_assert_msg(strncmp(line, ".: ", 3) == 0, "%s: %s", path,
			      line); /* retired, read-only */
	facts_free(before);
	facts_free(after);
}

static void check_kept(const char *archive)
{
	BR_AUTO_CLOSE int old = tree_open(image->top, archive, false);
	BR_AUTO_CLOSE int new = tree_open(image->top, "root", false);

	for (size_t i = 0; kept[i]; i++) {
		const struct oracle_options options = { .only = kept[i], .flags = ORACLE_CONTENT };
		struct facts *a = oracle_facts(old, &options);
		struct facts *b = oracle_facts(new, &options);
		BR_AUTO_CLOSE int x = tree_open(old, kept[i], false);
		BR_AUTO_CLOSE int y = tree_open(new, kept[i], false);

		ck_assert_uint_gt(a->count, 1);
		assert_same(oracle_diff(a, b));
		if (strcmp(kept[i], "etc/machine-id") != 0)
			assert_same(oracle_rsync(x, y, NULL));
		facts_free(a);
		facts_free(b);
	}
}

static void check_rest(void)
{
	BR_AUTO_CLOSE int blank = tree_open(image->top, "root-blank", false);
	BR_AUTO_CLOSE int new = tree_open(image->top, "root", false);
	const struct oracle_options options = { .skip = kept };

	assert_differences(oracle_compare(blank, new, &options),
			   ".: subvolume ro=false [+]\n.: subvolume ro=true [-]\n");
}

static char *reset_and_check(const char *config, const char *earlier)
{
	struct facts *before = facts_of("root");
	struct run_result result;

	ck_assert_msg(layout_reset(image, config, NULL, &result) == 0, "exit %d: %s%s", result.code,
		      result.out, result.err);
	run_free(&result);
	char *archive = layout_archive(image->top, (const char *const[]){ earlier, NULL });
	ck_assert(subvol_is_read_only(image->top, archive));
	check_unchanged(before, archive);
	check_kept(archive);
	check_rest();
	return archive;
}

START_TEST(test_two_boots)
{
	(void)image_mount(image, NULL);
	BR_AUTO_FREE char *config = layout_config(KEPT_CONFIG, NULL);
	struct facts *blank = facts_of("root-blank");

	live(life[0]);
	ck_assert(tree_exists(image->top, "root/usr/bin/hello"));
	BR_AUTO_FREE char *first = reset_and_check(config, NULL);
	ck_assert(!tree_exists(image->top, "root/usr/bin/hello"));
	ck_assert(tree_exists(image->top, "root/var/lib/dpkg/info/hello.list"));
	struct facts *of_first = facts_of(first);
	live(life[1]);
	BR_AUTO_FREE char *second = reset_and_check(config, first);
	ck_assert_str_ne(first, second);
	check_unchanged(of_first, first);
	check_unchanged(blank, "root-blank");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("real-root");
	TCase *debian = suite_add_case(suite, "debian", make_debian, drop_image, 600);

	tcase_add_test(debian, test_two_boots);
	return suite;
}

int main(void)
{
	if (image_missing())
		return suite_run(make_suite(), true);
	tarball = get_tarball();
	if (!tarball) {
		printf("skipped: no Debian root: mmdebstrap and a mirror are needed\n");
		return SUITE_SKIPPED;
	}
	int status = suite_run(make_suite(), true);
	free(tarball);
	return status;
}
