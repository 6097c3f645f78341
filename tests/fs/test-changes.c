/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each kind of difference between a root and its blank, by name. */
#include "changes.h"
#include "cleanup.h"
#include "full-comparison.h"
#include "image.h"
#include "layout.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

static struct image *image;
static int top;

static void make_image(void)
{
	image = image_create(NULL);
	top = image_mount(image, NULL);
}

static void drop_image(void)
{
	image_free(image);
}

/* A root and its blank; each test changes the root. */
static const char before[] =
	"mkdir -p etc/ssh usr/bin usr/share/doc/a/b/c home/u\n"
	"echo one >etc/one; echo two >etc/two; echo three >etc/three; echo four >etc/ssh/key\n"
	"echo x >usr/share/doc/a/x; echo y >usr/share/doc/a/b/y; echo z >usr/share/doc/a/b/c/z\n"
	"ln etc/one usr/one; ln -s one etc/link; mkfifo etc/fifo; mknod etc/null c 1 3\n"
	"head -c 300000 /dev/urandom >home/u/data; head -c 100000 /dev/zero >home/u/zeros\n"
	"truncate -s 1M home/u/sparse; setfattr -n user.a -v 1 etc/two; chmod 4755 etc/three\n"
	"btrfs -q subvolume create vm; echo disk >vm/disk; btrfs -q subvolume create vm/in\n"
	"echo deep >vm/in/deep; mkdir many; for i in $(seq 300); do echo $i >many/f$i; done\n";

static char *blank_path, *root_path; /* in a directory of the test's own */

static void begin(int number)
{
	BR_AUTO_FREE char *name = NULL;
	BR_AUTO_CLOSE int dir = -1;

	ck_assert(asprintf(&name, "test-%d", number) > 0);
	ck_assert(asprintf(&blank_path, "%s/blank", name) > 0);
	ck_assert(asprintf(&root_path, "%s/root", name) > 0);
	dir = tree_mkdir(top, name);
	run_ok(dir, "btrfs", "-q", "subvolume", "create", "root");
	BR_AUTO_CLOSE int root = tree_open(top, root_path, false);
	free(run_shell(root, "%s", before));
	/* nested subvolumes as the reset carries them */
	run_ok(dir, "sh", "-ec",
	       "btrfs -q subvolume snapshot root blank; rmdir blank/vm\n"
	       "btrfs -q subvolume snapshot root/vm blank/vm; rmdir blank/vm/in\n"
	       "btrfs -q subvolume snapshot root/vm/in blank/vm/in\n"
	       "touch -r root blank; touch -r root/vm blank/vm\n"
	       "btrfs -q property set -ts blank ro true");
}

static void end(void)
{
	free(blank_path);
	free(root_path);
}

static void find(const struct br_changes_request *request, struct br_changes *changes)
{
	struct br_error err;
	char message[2048];

	if (br_changes_find(request, changes, &err) == 0)
		return;
	br_error_format(&err, message, sizeof(message));
	ck_abort_msg("%s", message);
}

static const char *what_of(unsigned what)
{
	static const char letters[] = "cmotxfT";
	static char text[8];
	size_t length = 0;

	for (unsigned bit = 0; letters[bit]; bit++)
		if (what & (1U << bit))
			text[length++] = letters[bit];
	text[length] = '\0';
	return text;
}

/* "+ created", "- deleted", "= changed, what", "from > to, what". */
static char *brief(const struct br_changes *changes)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < changes->count; i++) {
		const struct br_change *change = &changes->changes[i];

		if (change->kind == BR_CHANGE_RENAMED)
			fprintf(out, "%s > %s", change->from, change->path);
		else
			fprintf(out, "%c %s", "+-="[change->kind], change -> path);
		fprintf(out, "%s%s%s%s%s\n", change->what ? " " : "", what_of(change->what),
			change->is_link ? " link" : "", change->is_subvolume ? " subvolume" : "",
			change->is_replaced ? " replaced" : "");
	}
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static void check_full(const struct br_changes *changes)
{
	BR_AUTO_CLOSE int a = tree_open(top, blank_path, false);
	BR_AUTO_CLOSE int b = tree_open(top, root_path, false);
	struct listing *old = listing_read(a), *now = listing_read(b);
	BR_AUTO_FREE char *expected = full_comparison(old, now);
	BR_AUTO_FREE char *found = changes_describe(changes);

	assert_same_changes(expected, found, "full comparison");
	assert_names_follow(old, now, changes);
	listing_free(old);
	listing_free(now);
}

static const struct br_changes_request *usual(void)
{
	static struct br_changes_request request;

	request = (struct br_changes_request){ .top = top, .from = blank_path, .of = root_path };
	return &request;
}

/* Run commands in the root; exactly these changes are found, and a full comparison agrees. */
static void expect(int number, const char *commands, const char *expected)
{
	struct br_changes changes;
	BR_AUTO_CLOSE int root = -1;

	begin(number);
	root = tree_open(top, root_path, false);
	free(run_shell(root, "%s", commands));
	find(usual(), &changes);
	BR_AUTO_FREE char *found = brief(&changes);
	ck_assert_msg(strcmp(found, expected) == 0, "%s\nexpected:\n%sfound:\n%s", commands,
		      expected, found);
	check_full(&changes);
	ck_assert(changes.is_related);
	br_changes_free(&changes);
	end();
}

struct example {
	const char *commands, *expected;
};

static const struct example examples[] = {
	{ "true", "" },
	{ "cat etc/one home/u/data >/dev/null", "" },
	/* created, deleted */
	{ "echo new >etc/new", "+ etc/new\n" },
	{ "mkdir -p srv/a/b; echo f >srv/a/b/f; ln -s f srv/a/l; mkfifo srv/p",
	  "+ srv\n+ srv/a\n+ srv/a/b\n+ srv/a/b/f\n+ srv/a/l\n+ srv/p\n" },
	{ "rm etc/two", "- etc/two\n" },
	{ "rm -r usr/share/doc/a",
	  "- usr/share/doc/a\n- usr/share/doc/a/b\n- usr/share/doc/a/b/c\n"
	  "- usr/share/doc/a/b/c/z\n- usr/share/doc/a/b/y\n- usr/share/doc/a/x\n" },
	{ "rm many/f150", "- many/f150\n" },
	{ "touch -r etc ../r; touch etc/x; rm etc/x; touch -r ../r etc", "" },
	/* content and attributes */
	{ "touch -r etc/two ../r; echo TWO >etc/two; touch -r ../r etc/two", "= etc/two c\n" },
	{ "echo more >>etc/two", "= etc/two ct\n" },
	{ "touch -r home/u/data ../r; printf x | dd of=home/u/data bs=1 seek=150000 conv=notrunc "
	  "status=none; touch -r ../r home/u/data",
	  "= home/u/data c\n" },
	{ "touch etc/two", "= etc/two t\n" },
	/* blankroot's own marks, which are those of subvolumes */
	{ "setfattr -n trusted.blankroot.good -v 1 . ; setfattr -n trusted.blankroot.comment -v x vm",
	  "" },
	{ "setfattr -n trusted.blankroot.good -v 1 etc", "= etc x\n" },
	{ "setfattr -n user.a -v 1 vm", "= vm x\n" },
	{ "chmod 600 etc/two", "= etc/two m\n" },
	{ "chown 12:34 etc/two etc/null; chown -h 12 etc/link",
	  "= etc/link o\n= etc/null o\n= etc/two o\n" },
	{ "setfattr -n user.b -v 2 etc/two", "= etc/two x\n" },
	{ "setfattr -x user.a etc/two", "= etc/two x\n" },
	{ "setfattr -n user.a -v 1 etc/two", "" },
	{ "setfacl -m u:1000:rwx etc/ssh", "= etc/ssh mx\n" },
	{ "chattr +A etc/ssh/key; chattr +i etc/two; chattr -i etc/two", "= etc/ssh/key f\n" },
	{ "chmod 700 etc; touch etc/new", "= etc mt\n+ etc/new\n" },
	{ "touch usr/share", "= usr/share t\n" },
	{ "chmod 711 .", "=  m\n" },
	/* the same bytes in another place, or none */
	{ "touch -r home/u/data ../r; cp --reflink=never home/u/data ../d; cat ../d >home/u/data; "
	  "touch -r ../r home/u/data",
	  "" },
	{ "touch -r home/u/zeros ../r; fallocate -p -o 0 -l 65536 home/u/zeros; "
	  "touch -r ../r home/u/zeros",
	  "" },
	{ "touch -r home/u/data ../r; fallocate -p -o 65536 -l 65536 home/u/data; "
	  "touch -r ../r home/u/data",
	  "= home/u/data c\n" },
	{ "touch -r home/u/sparse ../r; printf x | dd of=home/u/sparse bs=1 seek=500000 "
	  "conv=notrunc status=none; touch -r ../r home/u/sparse",
	  "= home/u/sparse c\n" },
	{ "touch -r home/u/sparse ../r; fallocate -n -o 1M -l 1M home/u/sparse; "
	  "touch -r ../r home/u/sparse",
	  "" },
	{ "touch -r home/u/data ../r; truncate -s 200000 home/u/data; touch -r ../r home/u/data",
	  "= home/u/data c\n" },
	{ "touch -r home/u/data ../r; truncate -s 200000 home/u/data; truncate -s 300000 home/u/data; "
	  "touch -r ../r home/u/data",
	  "= home/u/data c\n" },
	{ "cp --reflink=always home/u/data home/u/copy", "+ home/u/copy\n" },
	{ "cp -p --reflink=always home/u/data ../d; cp -p --reflink=always ../d home/u/d; mv home/u/d home/u/data",
	  "" },
	{ "cp -p --reflink=always home/u/zeros home/u/d; printf x >>home/u/d; "
	  "touch -r home/u/zeros home/u/d; mv home/u/d home/u/zeros",
	  "= home/u/zeros c\n" },
	/* renamed */
	{ "mv etc/two etc/2", "etc/two > etc/2\n" },
	{ "mv etc/two usr/bin", "etc/two > usr/bin/two\n" },
	{ "mv etc/two ../root/t; mv t etc/two; touch -d@1 etc", "=  t\n= etc t\n" },
	{ "mv usr/share/doc/a a", "usr/share/doc/a > a\n" },
	{ "mv usr/share/doc d; mv d/a/x d/y; rm d/a/b/c/z; echo n >d/a/n; chmod 700 d; touch d",
	  "usr/share/doc > d mt\n+ d/a/n\nusr/share/doc/a/x > d/y\n- usr/share/doc/a/b/c/z\n" },
	{ "mv etc/two etc/2; echo more >>etc/2", "etc/two > etc/2 ct\n" },
	{ "mv etc/two etc/three", "- etc/three replaced\netc/two > etc/three replaced\n" },
	{ "mv etc/two t; mv etc/three etc/two; mv t etc/three",
	  "=  t\netc/two > etc/three replaced\netc/three > etc/two replaced\n" },
	{ "mv etc e; mv usr etc; mv e usr", "usr > etc replaced\netc > usr replaced\n" },
	{ "mv usr/share/doc/a/b b; mv usr/share/doc/a b/a; mv b usr/share/doc/b",
	  "=  t\nusr/share/doc/a/b > usr/share/doc/b\nusr/share/doc/a > usr/share/doc/b/a\n" },
	{ "mkdir new; mv etc/two new; mv etc/ssh new",
	  "+ new\netc/ssh > new/ssh\netc/two > new/two\n" },
	{ "mv usr/share/doc/a/b/c c; rm -r usr/share/doc/a",
	  "usr/share/doc/a/b/c > c\n- usr/share/doc/a\n- usr/share/doc/a/b\n"
	  "- usr/share/doc/a/b/y\n- usr/share/doc/a/x\n" },
	{ "mv etc/two etc/two.1; echo two >etc/two", "+ etc/two replaced\netc/two > etc/two.1\n" },
	/* hard links */
	{ "ln etc/two etc/2", "+ etc/2 link\n" },
	{ "rm usr/one", "- usr/one link\n" },
	{ "rm usr/one etc/one", "- etc/one\n- usr/one link\n" },
	{ "mv usr/one usr/1; echo more >>etc/one", "usr/one > usr/1 ct\n" },
	{ "echo more >>usr/one", "= etc/one ct\n" },
	{ "echo n >n; ln n etc/n; ln n usr/n", "+ etc/n\n+ n link\n+ usr/n link\n" },
	{ "ln -f etc/two etc/three", "- etc/three replaced\n+ etc/three link replaced\n" },
	{ "for i in $(seq 400); do ln etc/two etc/ssh/a-rather-long-name-$i; done; rm etc/ssh/a*",
	  "= etc/ssh t\n" },
	/* replaced */
	{ "sed -i s/two/TWO/ etc/two", "= etc/two ctx\n" },
	{ "rm etc/two; mkdir etc/two; echo n >etc/two/n", "= etc/two T\n+ etc/two/n\n" },
	{ "rm -r etc/ssh; echo f >etc/ssh", "= etc/ssh T\n- etc/ssh/key\n" },
	{ "rm etc/link; ln -s two etc/link; touch -hd@1 etc/link", "= etc/link ct\n" },
	{ "rm etc/null; mknod etc/null c 1 5; touch -d@1 etc/null", "= etc/null ct\n" },
	{ "cp -a usr/share/doc usr/share/d; rm -r usr/share/doc; mv usr/share/d usr/share/doc",
	  "" },
	{ "cp -a usr/share/doc usr/share/d; rm -r usr/share/doc; mv usr/share/d usr/share/doc; "
	  "echo X >usr/share/doc/a/b/y; rm usr/share/doc/a/b/c/z",
	  "- usr/share/doc/a/b/c/z\n= usr/share/doc/a/b/y ct\n" },
	/* nested subvolumes */
	{ "echo more >>vm/disk; echo n >vm/in/n; rm vm/in/deep",
	  "= vm/disk ct\n- vm/in/deep\n+ vm/in/n\n" },
	{ "btrfs -q subvolume create etc/sub; mkdir etc/sub/d; echo f >etc/sub/d/f",
	  "+ etc/sub subvolume\n+ etc/sub/d\n+ etc/sub/d/f\n" },
	{ "btrfs -q subvolume delete vm/in", "- vm/in subvolume\n- vm/in/deep\n" },
	{ "btrfs -q subvolume delete vm/in vm; echo f >vm",
	  "- vm subvolume\n+ vm\n- vm/disk\n- vm/in subvolume\n- vm/in/deep\n" },
	{ "mkdir m; mv vm m/vm",
	  "+ m\n+ m/vm subvolume\n+ m/vm/disk\n+ m/vm/in subvolume\n+ m/vm/in/deep\n"
	  "- vm subvolume\n- vm/disk\n- vm/in subvolume\n- vm/in/deep\n" },
	{ "btrfs -q property set -ts vm/in ro true", "" },
	{ "chmod 700 vm", "= vm m\n" },
};

START_TEST(test_examples)
{
	expect(_i, examples[_i].commands, examples[_i].expected);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("changes");
	TCase *one = suite_add_case(suite, "examples", make_image, drop_image, 120);

	tcase_add_loop_test(one, test_examples, 0, sizeof(examples) / sizeof(examples[0]));
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
