/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: what is refused, and with which message and line. */
#include "cleanup.h"
#include "conf.h"
#include "config.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct conf conf;

static void make_conf(void)
{
	conf_make(&conf);
}

static void drop_conf(void)
{
	conf_remove(&conf);
}

#define ROOT "ephemeral root {\n"
#define ABOVE "@:2: ephemeral root: "

static const struct {
	const char *text, *expected;
} refusals[] = {
	/* syntax, before libconfuse */
	{ "# c\nx = \"a\nb\n", "@:2: the string that begins here does not end" },
	{ "\nx = 'a", "@:2: the string that begins here does not end" },
	{ "x = \"a\\", "@:1: the string that begins here does not end" },
	{ "\n/* a\n * b", "@:2: the comment that begins here does not end" },
	{ "/*/", "@:1: the comment that begins here does not end" },
	{ "\n" ROOT "persist = { /a }\n", "@:2: the brace that opens here is not closed" },
	{ ROOT "path /a {\n}\n", "@:1: the brace that opens here is not closed" },
	{ ROOT "}\narchives {\n#}", "@:3: the brace that opens here is not closed" },
	{ "\ndevice = ${HOME}", "@:2: \"${\": variables are not expanded" },
	{ "device = /a${X}", "@:1: \"${\": variables are not expanded" },
	{ "\"\n${X}\"",
	  "@:2: \"${\" in a string: variables are not expanded; use single quotes to mean it literally" },
	{ "x = \"\\x41\"", "@:1: numeric escape in a string; write the character itself" },
	{ "x = \"\\0\"", "@:1: numeric escape in a string; write the character itself" },
	{ "x = \"\\9\"", "@:1: numeric escape in a string; write the character itself" },
	{ "/* */ x = a*", "@:1: \"*\" outside of quotes" },
	{ ROOT "persist = { /home/*/x }", "@:2: \"*\" outside of quotes" },
	{ "/*\n\n*/ x\n= a*", "@:4: \"*\" outside of quotes" },
	{ "x = a+b", "@:1: \"+\" outside of quotes" },
	{ "x\n\001", "@:2: control character; this is not a text file" },
	{ "x = '\001'", "@:1: control character in a string" },
	{ "\"\\\001\" = x", "@:1: control character in a string" },
	{ "x\177", "@:1: control character; this is not a text file" },
	/* syntax, from libconfuse */
	{ "# c\n// c\n/*\n*/\n}\n", "@:5: unexpected closing brace" },
	{ "device\n\n", "@:3: premature end of file" },
	{ "device =", "@:1: premature end of file" },
	{ "device x", "@:1: missing equal sign after option 'device'" },
	{ "device = { /a }", "@:1: unexpected token '{'" },
	{ "device += /a", "@:1: attempt to append to non-list option 'device'" },
	{ "\n= x", "@:2: unexpected token '='" },
	{ ROOT "persist = { /a /b }\n}", ABOVE "unexpected token '/b'" },
	{ ROOT "blank = { a }\n}", ABOVE "unexpected token '{'" },
	{ "ephemeral {\n}", "@:1: missing title for section 'ephemeral'" },
	{ "\nephemeral root = x", "@:2: missing opening brace for section 'ephemeral'" },
	{ "archives x { }", "@:1: missing opening brace for section 'archives'" },
	{ ROOT "path {}\n}", ABOVE "missing title for section 'path'" },
	{ ROOT "path /a {\n}\n}\n\"\" = x", "@:2: syntax error here or further down" },
	/* unknown keys */
	{ "\nfoo = 1", "@:2: unknown key \"foo\"" },
	{ "include(\"/etc/x\")", "@:1: unknown key \"include\"" },
	{ "perfomance { }", "@:1: unknown key \"perfomance\"; did you mean \"performance\"?" },
	{ "Device = x", "@:1: unknown key \"Device\"; did you mean \"device\"?" },
	{ "persist = { /a }", "@:1: unknown key \"persist\"" },
	{ "path /a { }", "@:1: unknown key \"path\"" },
	{ ROOT "presist = { /a }\n}", ABOVE "unknown key \"presist\"; did you mean \"persist\"?" },
	{ ROOT "paths \"/a\" { }\n}", ABOVE "unknown key \"paths\"; did you mean \"path\"?" },
	{ ROOT "device = x\n}", ABOVE "unknown key \"device\"" },
	{ ROOT "path /a {\nmethods = copy\n}\n}",
	  "@:3: ephemeral root: path \"/a\": unknown key \"methods\"; did you mean \"method\"?" },
	{ "archives {\n\nkeepmin = 3\n}",
	  "@:3: archives: unknown key \"keepmin\"; did you mean \"keep-min\"?" },
	{ "maintenance { tr = x }", "@:1: maintenance: unknown key \"tr\"" },
	{ "archives|keep = 3d", "@:1: unknown key \"keep\"" },
	{ "snapshots { weakly = 3 }",
	  "@:1: snapshots: unknown key \"weakly\"; did you mean \"weekly\"?" },
	/* commands */
	{ "snapshots { before = { sync } }",
	  "@:1: snapshots: before: \"sync\": must begin with the absolute path of a program" },
	{ "snapshots {\nafter = { '' } }",
	  "@:2: snapshots: after: \"\": must begin with the absolute path of a program" },
	{ "snapshots { only-if-changed = maybe }",
	  "@:1: snapshots: only-if-changed: \"maybe\": must be one of \"no\", \"yes\"" },
	/* titles */
	{ "\nephemeral /root { }",
	  "@:2: ephemeral \"/root\": must be relative to the top level, without a slash in front" },
	{ "ephemeral \"\" { }", "@:1: ephemeral \"\": must not be empty" },
	{ "ephemeral root/ { }", "@:1: ephemeral \"root/\": must not end in a slash" },
	{ "ephemeral . { }", "@:1: ephemeral \".\": must not contain \".\"" },
	{ "ephemeral .. {\nblank = x }", "@:1: ephemeral \"..\": must not contain \"..\"" },
	{ "ephemeral a/./b { }", "@:1: ephemeral \"a/./b\": must not contain \".\"" },
	{ "ephemeral a/../b { path /x {\n} }",
	  "@:1: ephemeral \"a/../b\": must not contain \"..\"" },
	{ "ephemeral \"a//b\" { }",
	  "@:1: ephemeral \"a//b\": must not contain an empty component" },
	{ "ephemeral 'a\nb' { }", "@:2: ephemeral \"a\nb\": must not contain control characters" },
	{ ROOT "path a { }\n}", ABOVE "path \"a\": must be an absolute path" },
	{ ROOT "path \"\" { }\n}", ABOVE "path \"\": must be an absolute path" },
	{ ROOT "path / { }\n}",
	  ABOVE "path \"/\": must be below the subvolume's root, not the root itself" },
	{ ROOT "path /etc/../x {\nmode = 0700 }\n}",
	  ABOVE "path \"/etc/../x\": must not contain \"..\"" },
	/* persistent paths */
	{ ROOT "persist = { \"/etc/../x\" }\n}",
	  ABOVE "persist: \"/etc/../x\": must not contain \"..\"" },
	{ ROOT "persist = {\n\"/a\",\n\"b\",\n\"/c\" }\n}",
	  "@:4: ephemeral root: persist: \"b\": must be an absolute path" },
	{ ROOT "persist = { \"~/x\" }\n}", ABOVE "persist: \"~/x\": must be an absolute path" },
	{ ROOT "persist = { /.. }\n}", ABOVE "persist: \"/..\": must not contain \"..\"" },
	{ ROOT "persist = { /a/. }\n}", ABOVE "persist: \"/a/.\": must not contain \".\"" },
	{ ROOT "persist = { /a/ }\n}", ABOVE "persist: \"/a/\": must not end in a slash" },
	{ ROOT "persist = { \"//a\" }\n}",
	  ABOVE "persist: \"//a\": must not contain an empty component" },
	{ ROOT "persist = { /a//b }\n}",
	  ABOVE "persist: \"/a//b\": must not contain an empty component" },
	{ ROOT "persist = { / }\n}",
	  ABOVE "persist: \"/\": must be below the subvolume's root, not the root itself" },
	{ ROOT "persist = { \"/a\\tb\" }\n}",
	  ABOVE "persist: \"/a\tb\": must not contain control characters" },
	{ ROOT "path \"/a\\tb\" { }\n}",
	  ABOVE "path \"/a\tb\": must not contain control characters" },
	/* options of a path */
	{ ROOT "path /a { method = move }\n}",
	  ABOVE "path \"/a\": method: \"move\": must be one of \"copy\", \"subvolume\"" },
	{ ROOT "path /a { create = yes }\n}",
	  ABOVE "path \"/a\": create: \"yes\": must be one of \"no\", \"directory\", \"file\"" },
	{ ROOT "path /a { mode = 0700 }\n}", ABOVE
	  "path \"/a\": owner and mode are for what is made new: they need create = directory or file" },
	{ ROOT "path /a { create = no owner = root }\n}", ABOVE
	  "path \"/a\": owner and mode are for what is made new: they need create = directory or file" },
	{ ROOT "path /a { owner = \"\" }\n}", ABOVE "path \"/a\": owner: \"\": must not be empty" },
	{ ROOT "path /a { owner = a:b:c }\n}",
	  ABOVE "path \"/a\": owner: \"a:b:c\": must be user:group, names or numbers" },
	{ ROOT "path /a { owner = 4294967295 }\n}",
	  ABOVE "path \"/a\": owner: \"4294967295\": the number is too large" },
	{ ROOT "path /a { mode = 7 }\n}",
	  ABOVE "path \"/a\": mode: \"7\": must be an octal mode such as 0750" },
	{ ROOT "path /a { mode = 0800 }\n}",
	  ABOVE "path \"/a\": mode: \"0800\": must be an octal mode such as 0750" },
	{ ROOT "path /a { mode = 10000 }\n}",
	  ABOVE "path \"/a\": mode: \"10000\": must be an octal mode such as 0750" },
	{ ROOT "path /a { mode = -755 }\n}",
	  ABOVE "path \"/a\": mode: \"-755\": must be an octal mode such as 0750" },
	{ ROOT "path /a { create = file\nmethod = subvolume }\n}",
	  ABOVE "path \"/a\": create: a subvolume cannot be a file" },
	/* other values of an ephemeral subvolume */
	{ ROOT "blank = /x\n}",
	  ABOVE "blank: \"/x\": must be relative to the top level, without a slash in front" },
	{ ROOT "blank = \"\"\n}", ABOVE "blank: \"\": must not be empty" },
	{ ROOT "archive = a/../b\n}", ABOVE "archive: \"a/../b\": must not contain \"..\"" },
	{ ROOT "mountpoint = x\n}", ABOVE "mountpoint: \"x\": must be an absolute path" },
	{ ROOT "mountpoint = /x/\n}", ABOVE "mountpoint: \"/x/\": must not end in a slash" },
	{ ROOT "mountpoint = \"//x\"\n}",
	  ABOVE "mountpoint: \"//x\": must not contain an empty component" },
	{ ROOT "on-failure = ignore\n}",
	  ABOVE "on-failure: \"ignore\": must be one of \"continue\", \"stop\"" },
	{ ROOT "blank-changed = ignore\n}",
	  ABOVE "blank-changed: \"ignore\": must be one of \"warn\", \"refuse\"" },
	/* the other sections */
	{ "degraded = maybe", "@:1: degraded: \"maybe\": must be one of \"no\", \"yes\"" },
	{ ROOT "degraded = yes\n}", ABOVE "unknown key \"degraded\"" },
	{ "blank-changed = warn", "@:1: unknown key \"blank-changed\"" },
	{ "\ndevice = sda",
	  "@:2: device: \"sda\": must be UUID=, LABEL=, PARTUUID=, PARTLABEL= or an absolute path" },
	{ "device = \"~/x\"",
	  "@:1: device: \"~/x\": must be UUID=, LABEL=, PARTUUID=, PARTLABEL= or an absolute path" },
	{ "archives { keep = 30 }",
	  "@:1: archives: keep: \"30\": must be a length of time such as 30d, 12h or 1d12h" },
	{ "archives { keep = 12h1d }",
	  "@:1: archives: keep: \"12h1d\": must be a length of time such as 30d, 12h or 1d12h" },
	{ "archives { keep = 9999999999999999999d }",
	  "@:1: archives: keep: \"9999999999999999999d\": must be a length of time such as 30d, 12h or 1d12h" },
	{ "archives { keep = 0d }", "@:1: archives: keep: \"0d\": must be longer than nothing" },
	{ "archives {\nkeep-min = few }",
	  "@:2: archives: keep-min: \"few\": must be a whole number" },
	{ "archives { keep-min = -1 }", "@:1: archives: keep-min: \"-1\": must be a whole number" },
	{ "archives { keep-min = 4294967296 }",
	  "@:1: archives: keep-min: \"4294967296\": must be a whole number" },
	{ "archives { max-overhead = 15 }",
	  "@:1: archives: max-overhead: \"15\": must be a share from 0% to 100%" },
	{ "archives { max-overhead = 101% }",
	  "@:1: archives: max-overhead: \"101%\": must be a share from 0% to 100%" },
	{ "archives { min-free = -1% }",
	  "@:1: archives: min-free: \"-1%\": must be a share from 0% to 100%" },
	{ "archives { min-free = 1.% }",
	  "@:1: archives: min-free: \"1.%\": must be a share from 0% to 100%" },
	{ "archives { min-free = nan% }",
	  "@:1: archives: min-free: \"nan%\": must be a share from 0% to 100%" },
	{ "snapshots { every = \"\" }", "@:1: snapshots: every: \"\": must not be empty" },
	{ "snapshots {\nevery = 6x }",
	  "@:2: snapshots: every: \"6x\": must be a length of time such as 6h, a word such as daily, or a calendar expression of systemd.time(7)" },
	{ "snapshots { every = 90s }", "@:1: snapshots: every: \"90s\": must be whole minutes" },
	{ "maintenance { scrub = 'Mon 25:00' }",
	  "@:1: maintenance: scrub: \"Mon 25:00\": must be a length of time such as 6h, a word such as daily, or a calendar expression of systemd.time(7)" },
	{ "snapshots { daily = 1d }", "@:1: snapshots: daily: \"1d\": must be a whole number" },
	{ "snapshots { subvolumes = {\n/persist } }",
	  "@:2: snapshots: subvolumes: \"/persist\": must be relative to the top level, without a slash in front" },
	{ "snapshots { subvolumes = { a, b,\na } }",
	  "@:2: snapshots: subvolumes: \"a\": is listed twice" },
	{ "performance { mode = fast }",
	  "@:1: performance: mode: \"fast\": must be one of \"none\", \"balanced\", \"io-optimized\", \"space-optimized\"" },
	{ "performance { nodatacow = { db } }",
	  "@:1: performance: nodatacow: \"db\": must be an absolute path" },
	{ "performance { compress = { /a/../b } }",
	  "@:1: performance: compress: \"/a/../b\": must not contain \"..\"" },
	{ "performance { nodatacow = { / } }",
	  "@:1: performance: nodatacow: \"/\": must be a directory below the root" },
	{ "performance { nodatacow = { /a, /a } }",
	  "@:1: performance: nodatacow: \"/a\": is listed twice" },
	{ "performance { nodatacow = { /a }\ncompress = { /b,\n/a } }",
	  "@:3: performance: compress: \"/a\": is to be nodatacow, too, at @:1: what is not copied on write is not compressed" },
	{ "performance { set = { vm.swappiness } }",
	  "@:1: performance: set: \"vm.swappiness\": must be NAME=VALUE, such as vm.swappiness=10" },
	{ "performance { set = { 'vm.swapiness=1' } }",
	  "@:1: performance: set: \"vm.swapiness=1\": is nothing that blankroot tune can set: 'blankroot tune' lists what is" },
	{ "performance { set = { 'vm.dirty_ratio=101' } }",
	  "@:1: performance: set: \"vm.dirty_ratio=101\": is more than 100 percent" },
	{ "performance { set = { 'vm.swappiness=201' } }",
	  "@:1: performance: set: \"vm.swappiness=201\": is more than the kernel takes" },
	{ "performance { set = { 'vm.swappiness=-1' } }",
	  "@:1: performance: set: \"vm.swappiness=-1\": is not a whole number" },
	{ "performance { set = { 'vm.dirty_bytes=4096' } }",
	  "@:1: performance: set: \"vm.dirty_bytes=4096\": is less than the kernel takes" },
	{ "performance { set = { 'mount.compress=zstd:16' } }",
	  "@:1: performance: set: \"mount.compress=zstd:16\": has a level that there is not: zstd has 1 to 15, zlib 1 to 9, lzo none" },
	{ "performance { set = { 'queue.scheduler=cfq' } }",
	  "@:1: performance: set: \"queue.scheduler=cfq\": is not one of its words" },
	{ "performance { set = { 'vm.dirty_ratio=10',\n'vm.dirty_background_ratio=20' } }",
	  "@:2: performance: set: \"vm.dirty_background_ratio=20\": is above vm.dirty_ratio=10, at which writers have to wait" },
	{ "performance { set = { 'vm.dirty_ratio=10', 'vm.dirty_bytes=1000000' } }",
	  "@:1: performance: set: \"vm.dirty_bytes=1000000\": is set twice, at @:1 too" },
	{ "maintenance { trim = '' }", "@:1: maintenance: trim: \"\": must not be empty" },
	{ "maintenance { scrub = \"a\\eb\" }",
	  "@:1: maintenance: scrub: \"a\033b\": must not contain control characters" },
	/* given twice */
	{ "device = /a\ndevice = /b", "@:2: device: given more than once; first at @:1" },
	{ ROOT "persist = { /a }\n\npersist = { /b }\n}",
	  "@:4: ephemeral root: persist: given more than once; first at @:2" },
	{ ROOT "persist = {\n/a }\npersist = { }\n}",
	  "@:3: persist: given more than once; first at @:3" },
	{ ROOT "}\n" ROOT "}", "@:3: ephemeral \"root\": given more than once; first at @:1" },
	{ "archives { keep = 1d }\narchives { keep = 2d }",
	  "@:2: archives: keep: given more than once; first at @:1" },
	/* persistent paths among each other */
	{ ROOT "persist = { /a,\n/b,\n/a }\n}",
	  "@:4: ephemeral root: persist: \"/a\": is the same as \"/a\" at @:2" },
	{ ROOT "path /a { }\npath /a { method = subvolume }\n}",
	  "@:3: ephemeral root: persist: \"/a\": is the same as \"/a\" at @:2" },
	{ ROOT "persist = { /a }\npath /a { }\n}",
	  "@:3: ephemeral root: persist: \"/a\": is the same as \"/a\" at @:2" },
	{ ROOT "persist = { /a/b,\n/a-c,\n/a }\n}",
	  "@:4: ephemeral root: persist: \"/a\": contains \"/a/b\" at @:2" },
	{ ROOT "persist = { /a,\n/a-c,\n/a/b/c }\n}",
	  "@:4: ephemeral root: persist: \"/a/b/c\": is inside of \"/a\" at @:2" },
	/* subvolumes among each other */
	{ "", "@: no ephemeral subvolume is declared" },
	{ "# nothing\n", "@: no ephemeral subvolume is declared" },
	{ "device = /dev/sda", "@: no ephemeral subvolume is declared" },
	{ "ephemeral a { }\nephemeral a/b { }",
	  "@:2: ephemeral a/b: is inside of the ephemeral subvolume \"a\" at @:1" },
	{ "ephemeral a/b { }\nephemeral a { }",
	  "@:1: ephemeral a/b: is inside of the ephemeral subvolume \"a\" at @:2" },
	{ "\nephemeral a { blank = a }",
	  "@:2: ephemeral a: blank: \"a\": is the same as the ephemeral subvolume \"a\" at @:2" },
	{ "ephemeral a { blank = a/blank }",
	  "@:1: ephemeral a: blank: \"a/blank\": is inside of the ephemeral subvolume \"a\" at @:1" },
	{ "ephemeral a { blank = b }\nephemeral b { }",
	  "@:1: ephemeral a: blank: \"b\": is the same as the ephemeral subvolume \"b\" at @:2" },
	{ "ephemeral a/b { blank = a }",
	  "@:1: ephemeral a/b: is inside of the blank \"a\" at @:1" },
	{ "ephemeral a { archive = a/old }",
	  "@:1: ephemeral a: archive: \"a/old\": is inside of the ephemeral subvolume \"a\" at @:1" },
	{ "ephemeral a { archive = b }\n\nephemeral b { archive = none }",
	  "@:1: ephemeral a: archive: \"b\": is the same as the ephemeral subvolume \"b\" at @:3" },
	{ "ephemeral old_roots/a { }",
	  "@:1: ephemeral old_roots/a: is inside of the archive directory \"old_roots\" at @:1" },
	{ "ephemeral a { blank = old_roots/b }",
	  "@:1: ephemeral a: blank: \"old_roots/b\": is inside of the archive directory \"old_roots\" at @:1" },
	{ "ephemeral a { blank = x archive = x }",
	  "@:1: ephemeral a: blank: \"x\": is the same as the archive directory \"x\" at @:1" },
	{ "ephemeral a { blank = x archive = x/y }",
	  "@:1: ephemeral a: archive: \"x/y\": is inside of the blank \"x\" at @:1" },
	{ "ephemeral a { }\nephemeral b { archive = old_roots/b }",
	  "@:2: ephemeral b: archive: \"old_roots/b\": is inside of the archive directory \"old_roots\" at @:1" },
	{ "ephemeral a { mountpoint = / }\nephemeral b {\nmountpoint = / }",
	  "@:2: ephemeral b: mountpoint: \"/\": is that of a at @:1" },
#define OWN "must not be at or below \".blankroot\" or \"snapshots\", which are blankroot's own"
	{ "ephemeral snapshots { }", "@:1: ephemeral \"snapshots\": " OWN },
	{ "ephemeral .blankroot/a { }", "@:1: ephemeral \".blankroot/a\": " OWN },
	{ ROOT "blank = snapshots/x\n}", ABOVE "blank: \"snapshots/x\": " OWN },
	{ ROOT "archive = .blankroot\n}", ABOVE "archive: \".blankroot\": " OWN },
	{ "snapshots { subvolumes = { snapshots } }",
	  "@:1: snapshots: subvolumes: \"snapshots\": " OWN },
};

START_TEST(test_refusals)
{
	BR_AUTO_FREE char *expected = conf_with_path(&conf, refusals[_i].expected);
	struct br_error err;

	tmpdir_write_text(&conf.dir, "c", refusals[_i].text);
	conf_refused(&conf, &err);
	ck_assert_str_eq(err.text, expected);
}
END_TEST

/* libconfuse keeps state between files: what was refused must not change what comes next. */
START_TEST(test_state_is_not_kept)
{
	struct br_config config;
	struct br_error err;

	for (size_t i = 0; i < COUNT(refusals); i++) {
		tmpdir_write_text(&conf.dir, "c", refusals[i].text);
		conf_refused(&conf, &err);
		tmpdir_write_text(&conf.dir, "c", ROOT "persist = { /a } }");
		ck_assert_int_eq(br_config_load(conf.path, &config, &err), 0);
		ck_assert_uint_eq(config.ephemeral[0].persist_count, 1);
		br_config_free(&config);
	}
}
END_TEST

/* As many words as a hook may have, and one more. */
START_TEST(test_hook_words)
{
	for (unsigned words = 256; words <= 257; words++) {
		BR_AUTO_FREE char *text = NULL;
		size_t size;
		struct br_config config;
		struct br_error err = { 0 };
		FILE *out = open_memstream(&text, &size);

		fputs(ROOT "}\nsnapshots {\nbefore = { /bin/true", out);
		for (unsigned i = 1; i < words; i++)
			fputs(", x", out);
		fputs(" }\n}\n", out);
		ck_assert(fclose(out) == 0);
		tmpdir_write_text(&conf.dir, "c", text);
		int r = br_config_load(conf.path, &config, &err);
		if (words == 256) {
			ck_assert_msg(r == 0, "%s", err.text);
			br_config_free(&config);
			continue;
		}
		ck_assert_int_eq(r, BR_ERR_CONFIG);
		ck_assert_ptr_nonnull(strstr(err.text, "is one word too many"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config-errors");
	TCase *tcase = suite_add_case(suite, "config-errors", NULL, NULL, 120);

	tcase_add_checked_fixture(tcase, make_conf, drop_conf);
	tcase_add_test(tcase, test_hook_words);
	tcase_add_loop_test(tcase, test_refusals, 0, COUNT(refusals));
	tcase_add_test(tcase, test_state_is_not_kept);
	return suite_run(suite, false);
}
