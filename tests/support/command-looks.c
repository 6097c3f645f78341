/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper's commands find and leave on one server. */
#include "command-looks.h"

#include "cleanup.h"
#include "command-cases.h"
#include "run.h"

#include <stdlib.h>

/* What is to go holds other subvolumes, so that its deletion has several steps. */
static void make_archives(int top)
{
	free(run_shell(
		top,
		"for n in 1 2 3 4; do a=old_roots/root.2020010${n}T000000Z; "
		"btrfs -q subvolume snapshot root-blank $a; mkdir -p $a/srv/app/dir $a/opt/x/y; "
		"btrfs -q subvolume create $a/srv/nested; btrfs -q subvolume create $a/srv/nested/more; "
		"echo $n >$a/srv/nested/more/file; btrfs property set -ts $a/srv/nested ro true; "
		"echo archive >$a/origin; echo new >$a/srv/app/dir/file; chown 7:8 $a/srv/app; "
		"ln $a/srv/app/dir/file $a/srv/app/link; touch -d 2001-01-01 $a/srv/app; "
		"echo new >$a/etc/app.conf; chmod 4755 $a/etc/app.conf; echo new >$a/opt/x/y/z; "
		"chown 9 $a/opt $a/opt/x; setfattr -n trusted.blankroot.retired -v 1577836800 $a; "
		"[ $n != 2 ] || setfattr -n trusted.blankroot.pinned -v 1 $a; "
		"btrfs property set -ts $a ro true; done"));
}

/* One of each kind of change. */
static void use_root(int top)
{
	free(run_shell(top,
		       "cd root; echo new >etc/new; mkdir -p srv/a/b srv/app; echo x >srv/a/b/c; "
		       "ln srv/a/b/c etc/link; mv usr usr.old; chmod 0700 var; "
		       "setfattr -n user.x -v y etc; mkfifo srv/fifo; "
		       "btrfs -q subvolume create srv/nested; echo y >srv/nested/file; "
		       "echo old >srv/app/old; echo old >etc/app.conf"));
}

/* Of the directory that is converted there is another one just like it. */
static void use_log(int top)
{
	free(run_shell(
		top,
		"cd log; mkdir -p data/deep/er first two one; head -c 20000 /dev/urandom >data/file; "
		"echo small >data/deep/small; ln data/deep/small data/deep/er/second; "
		"ln -s nowhere data/deep/link; setfattr -n user.colour -v blue data/deep/small; "
		"chown 12:34 data/deep; chmod 2750 data/deep; "
		"touch -d 2001-02-03T04:05:06.789 data/deep/er data/deep data; cp -a data like; "
		"for c in first two one; do echo 'ephemeral root { }' >$c/blankroot.conf; done; "
		"mkdir two/blankroot.conf.d one/blankroot.conf.d; "
		"printf '# Written by blankroot persist.\\nephemeral \"root\" {\\n    path \"/etc/one\" { }\\n    path \"/etc/two\" { }\\n}\\n' "
		">two/blankroot.conf.d/50-persist.conf; "
		"grep -v two two/blankroot.conf.d/50-persist.conf >one/blankroot.conf.d/50-persist.conf"));
}

/* A root that is not prepared yet. */
static void make_fresh(int top)
{
	free(run_shell(top,
		       "btrfs -q subvolume create fresh; cd fresh; mkdir -p etc var/log root home; "
		       "echo log >var/log/syslog; btrfs -q subvolume create var/nested; "
		       "echo \"UUID=x / btrfs rw,subvolid=$(btrfs inspect-internal rootid .) 0 0\" "
		       ">etc/fstab"));
}

/* One whose blank has what it takes to run something in it. */
static void make_system(int top)
{
	free(run_shell(
		top,
		"btrfs -q subvolume create system; cd system; "
		"mkdir -p bin dev etc proc run sys usr/share; cp /bin/busybox bin/sh; "
		"echo 1 >etc/version; "
		"printf '#!/bin/sh\\necho 2 >/etc/version\\necho new >/usr/share/new\\n' >bin/upgrade; "
		"chmod 755 bin/upgrade; cd ..; btrfs -q subvolume snapshot -r system system-blank"));
}

void command_case_make(int top)
{
	make_fresh(top);
	make_system(top);
	make_archives(top);
	use_root(top);
	use_log(top);
	free(run_shell(top, "s=" FORMER
			    "; btrfs -q subvolume snapshot root-blank $s; echo x >$s/etc/older; "
			    "btrfs property set -ts $s ro true"));
	/* the source has a mark that no snapshot of it must have */
	free(run_shell(top, "mkdir -p -m 0700 .blankroot snapshots; echo x >persist/file; "
			    "btrfs -q subvolume snapshot -r persist snapshots/" SNAPSHOT "; "
			    "setfattr -n trusted.blankroot.pinned -v 1 persist"));
}

/* --- snapshot --- */

char *look_at_taken(int top)
{
	return run_shell(
		top,
		"grep -qx x persist/file || echo persist is changed; "
		"cd snapshots; n=0; for s in *; do case $s in *.new|" SNAPSHOT
		") continue;; esac; n=$((n + 1)); "
		"btrfs property get -ts $s ro | grep -qx ro=true || echo $s is writable; "
		"[ \"$(getfattr -d -m trusted $s | grep =)\" = 'trusted.blankroot.comment=\"why\"' ] || "
		"echo $s has other marks; diff -r ../persist $s || :; done; echo $n");
}

char *look_at_taken_settled(int top)
{
	return look_at_taken(top); /* what is unfinished is what no command may leave */
}

/* It is writable while it gets the mark. */
char *look_at_snapshot(int top)
{
	return run_shell(
		top,
		"s=snapshots/" SNAPSHOT
		"; [ -d $s ] || { echo gone; exit; }; diff -r persist $s || :; "
		"getfattr -n trusted.blankroot.pinned $s >/dev/null 2>&1 && echo pinned || echo free");
}

char *look_at_snapshot_settled(int top)
{
	BR_AUTO_FREE char *found = look_at_snapshot(top);

	return run_shell(top, "printf '%%s' '%s'; ls -A snapshots", found);
}

/* --- prune --- */

char *look_at_archives(int top)
{
	return run_shell(
		top,
		"for n in 2 4; do a=old_roots/root.2020010${n}T000000Z; "
		"btrfs property get -ts $a ro | grep -qx ro=true || echo $n is writable; "
		"btrfs property get -ts $a/srv/nested ro | grep -qx ro=true || echo in $n is one writable; "
		"diff -r --exclude srv --exclude opt --exclude origin --exclude app.conf root-blank $a || :; "
		"grep -qx $n $a/srv/nested/more/file || echo $n is incomplete; done; "
		"ls old_roots | sed 's/^root.2020010//; s/T000000Z$//' | paste -s -d ' '");
}

/* --- rollback --- */

/* Read-only, without marks. */
char *look_at_blank(int top)
{
	return run_shell(
		top,
		"btrfs property get -ts root-blank ro | grep -qx ro=true || echo writable; "
		"getfattr -d -m trusted.blankroot root-blank; [ -e root-blank/etc/machine-id ] || "
		"echo incomplete; cat root-blank/origin 2>/dev/null || echo former");
}

/* The one that is not the blank is an archive. */
char *look_at_blank_settled(int top)
{
	BR_AUTO_FREE char *blank = look_at_blank(top);

	return run_shell(top,
			 "printf '%%s' '%s'; ls old_roots | sed 's/^root.2020010//; s/T000000Z$//; "
			 "s/^root.2.*/former/' | paste -s -d ' '",
			 blank);
}

/* As it is: read-only, complete, without marks. */
#define LOOK_AT_BLANK                                                                       \
	"btrfs property get -ts root-blank ro | grep -qx ro=true || echo writable; "        \
	"getfattr -d -m trusted.blankroot root-blank; [ -e root-blank/etc/machine-id ] || " \
	"echo incomplete; "

/* Those that are kept beside it, and of what is in them what "printf" says. */
static char *add_formers(int top, char *blank, const char *in_them)
{
	char *all = run_shell(
		top,
		"printf '%%s' '%s'; for s in root-blank.2*; do "
		"btrfs property get -ts $s ro | grep -qx ro=true || echo $s is writable; "
		"[ -e $s/etc/machine-id ] || echo $s is incomplete; %s; done; ls -d root-blank.2* | wc -l",
		blank, in_them);

	free(blank);
	return all;
}

char *look_at_brought_back(int top)
{
	return run_shell(top,
			 LOOK_AT_BLANK "[ -e root-blank/etc/older ] && echo older || echo former");
}

char *look_at_brought_back_settled(int top)
{
	return add_formers(top, look_at_brought_back(top),
			   "[ -e $s/etc/older ] && echo has older || echo has former");
}

char *look_at_committed(int top)
{
	return run_shell(top, LOOK_AT_BLANK "cat root-blank/etc/new 2>/dev/null || echo former");
}

char *look_at_committed_settled(int top)
{
	return add_formers(top, look_at_committed(top),
			   "[ ! -e $s/etc/new ] || echo $s is no former one");
}

/* Complete, as it was or as the command made it. */
char *look_at_updated(int top)
{
	return run_shell(
		top,
		"btrfs property get -ts system-blank ro | grep -qx ro=true || echo writable; "
		"cmp system/bin/sh system-blank/bin/sh; "
		"case $(cat system-blank/etc/version system-blank/usr/share/new 2>/dev/null | paste -s -d ' ') in "
		"1) echo former;; '2 new') echo new;; *) echo incomplete;; esac; ls system-blank/run");
}

char *look_at_updated_settled(int top)
{
	BR_AUTO_FREE char *blank = look_at_updated(top);

	return run_shell(top,
			 "printf '%%s' '%s'; for s in system-blank.2*; do [ ! -e $s ] || "
			 "cat $s/etc/version; [ ! -e $s/usr/share/new ] || echo and new; done",
			 blank);
}

/* By whose snapshot it is: the content is the same. The former one has a mark that the new one must not have. */
char *look_at_persist(int top)
{
	return run_shell(
		top,
		"s=snapshots/" SNAPSHOT "; diff -r persist $s || :; "
		"btrfs property get -ts persist ro | grep -qx ro=false || echo read-only; "
		"uuid() { btrfs subvolume show $1 | sed -n \"s/^[[:space:]]*${2-}UUID:[[:space:]]*//p\"; }; "
		"if [ \"$(uuid persist 'Parent ')\" = \"$(uuid $s)\" ]; then echo snapshot; "
		"getfattr -d -m trusted.blankroot persist; else echo former; "
		"getfattr -n trusted.blankroot.pinned persist >/dev/null || :; fi");
}

/* What was replaced is a snapshot that says so, and by what. */
char *look_at_persist_settled(int top)
{
	BR_AUTO_FREE char *persist = look_at_persist(top);

	return run_shell(
		top,
		"printf '%%s' '%s'; cd snapshots; for s in *; do [ $s != " SNAPSHOT
		" ] || continue; for mark in comment replaced-by pinned; do "
		"getfattr -n trusted.blankroot.$mark $s >/dev/null || echo no $mark; done; done; ls | wc -l",
		persist);
}

char *look_at_request(int top)
{
	return run_shell(top, "cat .blankroot/request 2>/dev/null || echo none");
}

char *look_at_request_settled(int top)
{
	return run_shell(top,
			 "cat .blankroot/request 2>/dev/null || echo none; "
			 "ls -A .blankroot | grep -vxE 'request|jobs|maintenance[.]lock' || :");
}

/* --- restore --- */

/* A target appears complete, with the parents that were missing. */
#define LOOK_AT_ABSENT                                                                      \
	"if [ ! -e opt ]; then echo absent; else grep -qx new opt/x/y/z && "                \
	"[ \"$(stat -c %%u:%%a opt opt/x opt/x/y | paste -s)\" = '9:755	9:755	0:755' ] && " \
	"echo new || echo incomplete; fi"

char *look_at_restored(int top)
{
	return run_shell(top, "cd root; " LOOK_AT_ABSENT);
}

char *look_at_restored_settled(int top)
{
	BR_AUTO_FREE char *found = look_at_restored(top);

	return run_shell(top,
			 "printf '%%s' '%s'; find root -name '.blankroot*'; ls -d root/opt/x/y.* "
			 "2>/dev/null | wc -l",
			 found);
}

/* Wherever it is, what was there is not lost. */
char *look_at_replaced(int top)
{
	return run_shell(
		top,
		"cd root; if [ -e srv/app/old ]; then grep -qx old srv/app/old && echo old || echo lost; "
		"elif [ -e srv/app/dir/file ] && grep -qx new srv/app/link && "
		"[ srv/app/dir/file -ef srv/app/link ] && "
		"[ \"$(stat -c %%u:%%g:%%Y srv/app)\" = 7:8:978307200 ]; then echo new; "
		"else echo incomplete; fi; "
		"case $(cat etc/app.conf) in old) echo old;; new) [ $(stat -c %%a etc/app.conf) = 4755 ] && "
		"echo new || echo incomplete;; *) echo incomplete;; esac; "
		"[ $(find srv -name old -type f | xargs grep -lx old | wc -l) = 1 ] || echo lost; "
		"[ $(find etc -name '*app.conf*' -type f | xargs grep -lx old | wc -l) = 1 ] || echo lost");
}

char *look_at_replaced_settled(int top)
{
	BR_AUTO_FREE char *found = look_at_replaced(top);

	return run_shell(top, "printf '%%s' '%s'; find root -name '.blankroot*'", found);
}

/* --- init --- */

/* Each file complete, and the blank with all of them, or not there. */
char *look_at_prepared(int top)
{
	return run_shell(
		top,
		"case $(cat fresh/etc/fstab) in 'UUID=x / btrfs rw,subvolid='*' 0 0') echo by id;; "
		"'UUID=x / btrfs rw,subvol=fresh 0 0') echo by name; "
		"grep -q subvolid= fresh/etc/fstab.before-blankroot || echo lost;; *) cat fresh/etc/fstab;; esac; "
		"if [ ! -e fresh/etc/blankroot.conf ]; then echo none; "
		"else tail -n 1 fresh/etc/blankroot.conf | grep -qx } && echo configured || echo incomplete; fi; "
		"if [ ! -e fresh-blank ]; then echo none; exit; fi; "
		"diff -r fresh/etc fresh-blank/etc; diff -r fresh/var/log fresh-blank/var/log; "
		"[ $(stat -c %%i fresh-blank/var/nested) = 256 ] || echo not nested; "
		"btrfs property get -ts fresh-blank ro | grep -qx ro=true && echo blank || echo writable");
}

char *look_at_prepared_settled(int top)
{
	BR_AUTO_FREE char *found = look_at_prepared(top);

	return run_shell(
		top,
		"printf '%%s' '%s'; ls snapshots | grep -c ^fresh; ls -A fresh/etc | grep '^.blankroot' || :; "
		"getfattr -n trusted.blankroot.pinned snapshots/fresh.* 2>/dev/null | grep -q pinned || echo not pinned",
		found);
}

/* --- convert --- */

/* Complete, as the one or the other. */
char *look_at_converted(int top)
{
	return run_shell(
		top,
		"cd log; show() { (cd $1; find . -printf '%%P %%y %%m %%U %%G %%T@ %%n %%l\\n' | LC_ALL=C sort; "
		"sha256sum file deep/small deep/er/second; getfattr -hRd -m- .); }; "
		"[ \"$(show data)\" = \"$(show like)\" ] || { echo data is not as it was:; show data; }; "
		"[ $(stat -c %%i data) = 256 ] && echo subvolume || echo directory");
}

char *look_at_converted_settled(int top)
{
	BR_AUTO_FREE char *found = look_at_converted(top);

	return run_shell(top, "printf '%%s' '%s'; ls -A log | grep blankroot || :", found);
}

/* --- persist --- */

static char *look_at_declarations(int top, const char *dir)
{
	return run_shell(
		top, "cat log/%s/blankroot.conf.d/50-persist.conf 2>/dev/null || echo none", dir);
}

static char *look_at_declarations_settled(int top, const char *dir)
{
	return run_shell(top, "cat log/%s/blankroot.conf.d/50-persist.conf; ls -A log/%s/*.d", dir,
			 dir);
}

#define LOOK_AT_DECLARATIONS(name, dir)                        \
	char *look_at_##name(int top)                          \
	{                                                      \
		return look_at_declarations(top, dir);         \
	}                                                      \
	char *look_at_##name##_settled(int top)                \
	{                                                      \
		return look_at_declarations_settled(top, dir); \
	}
LOOK_AT_DECLARATIONS(first_declaration, "first")
LOOK_AT_DECLARATIONS(two_declarations, "two")
LOOK_AT_DECLARATIONS(one_declaration, "one")
