#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot convert: the subvolume is what the directory was, whoever would lose something is named and nothing happens,
# and what an interruption left is removed only when nobody needs it.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

# Everything that tells two trees apart, but for inode numbers, devices, and times of change and access.
describe() { # directory
	(
		cd "$1"
		find . -printf '%P %y %m %U %G %s %T@ %n %l\n' | LC_ALL=C sort
		find . -type f -exec sha256sum {} + | LC_ALL=C sort
		getfattr -hRd -m- . 2>/dev/null
		find . -type f -size -1M -exec lsattr {} + 2>/dev/null | LC_ALL=C sort
	)
}

converts() { # expected exit status, argument...
	local code=0

	"$BLANKROOT" convert "${@:2}" >"$dir/out" 2>"$dir/err" || code=$?
	is_status "$code" "$1" "$dir/err" || fail "'${*:2}' ended with $code, not $1: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "does not say '$1': $(cat "$dir/out" "$dir/err")"
}

is_subvolume() { # path
	[ "$(stat -c %i "$1")" -eq 256 ]
}

make_directory() { # path
	mkdir -p "$1/a/b"
	head -c 300000 /dev/urandom >"$1/file"
	echo small >"$1/a/small"
	ln "$1/a/small" "$1/a/b/second"
	ln -s ../nowhere "$1/a/link"
	mkfifo "$1/a/fifo"
	truncate -s 1M "$1/a/sparse"
	setfattr -n user.colour -v blue "$1/a/small"
	chown 12:34 "$1/a"
	chmod 2750 "$1/a"
	touch -d 2001-02-03T04:05:06.789 "$1/a/b/second" "$1/a/b" "$1/a" "$1"
}

expect_nothing_changed() { # path
	! is_subvolume "$1" || fail "$1 is a subvolume"
	[ ! -e "$sub/.blankroot-convert" ] || fail 'something is left'
}

image_create
image_mount
btrfs -q subvolume create "$top/sub"
sub=$top/sub

# --- what it is good for ---

make_directory "$sub/var/data"
describe "$sub/var/data" >"$dir/before"
inode=$(stat -c %i "$sub/var")
converts 0 "$sub/var/data"
says 'is a subvolume now: 4 files, '
is_subvolume "$sub/var/data" || fail 'it is no subvolume'
describe "$sub/var/data" | diff "$dir/before" - >&2 || fail 'it is not what it was (<)'
[ "$(stat -c %i "$sub/var")" = "$inode" ] || fail 'the directory that holds it is another one'
[ ! -e "$sub/.blankroot-convert" ] || fail 'something is left'
[ "$(ls -A "$top")" = sub ] || fail 'something is left in the top level'
btrfs -q subvolume snapshot -r "$sub/var/data" "$top/snapshot"

converts 0 "$sub/var/data"
says 'is a subvolume already'
converts 0 --dry-run "$sub/var/data"
says 'is a subvolume already'
mkdir "$sub/var/one"
echo x >"$sub/var/one/file"
converts 0 "$sub/var/one"
says 'is a subvolume now: 1 file, '

# --- what is refused ---

make_directory "$sub/busy"
converts 0 --dry-run "$sub/busy"
says 'would become a subvolume'
expect_nothing_changed "$sub/busy"
converts 2
says 'which directory?'
converts 2 "$sub/busy" more
converts 1 sub/busy
says 'must be absolute'
converts 1 "$sub/./busy"
says 'must be absolute'
converts 1 "$sub/missing"
says 'No such file or directory'
ln -s busy "$sub/link"
converts 1 "$sub/link"
says 'give the path without links'
ln -s . "$sub/here"
converts 1 "$sub/here/busy"
says 'give the path without links'
converts 1 "$sub/busy/file"
says 'Not a directory'
converts 1 /proc/self
converts 1 /proc/sys
says 'is not on a btrfs'
mount -t tmpfs none "$sub/busy/a/b"
converts 1 "$sub/busy"
says 'something is mounted there'
umount "$sub/busy/a/b"
mount --bind "$sub/busy" "$sub/busy"
converts 1 "$sub/busy"
umount "$sub/busy"
btrfs -q subvolume create "$sub/busy/a/nested"
converts 1 "$sub/busy"
says 'has subvolumes in it'
btrfs -q subvolume delete "$sub/busy/a/nested"
mkdir "$dir/part"
mount --bind "$sub/busy" "$dir/part"
converts 1 "$dir/part/a"
says 'only a part of the subvolume'
umount "$dir/part"
chmod 1777 "$sub"
converts 1 "$sub/busy"
says 'others can write to the root directory'
chmod 755 "$sub"
mkdir -m 755 "$sub/.blankroot-convert"
converts 1 "$sub/busy"
says 'is not a directory that blankroot made'
rmdir "$sub/.blankroot-convert"
code=0
setpriv --reuid=65534 --clear-groups "$BLANKROOT" convert "$sub/busy" 2>"$dir/err" || code=$?
[ "$code" -eq 1 ] || fail "as a user it ended with $code"
grep -q 'only root can do that' "$dir/err" || fail "as a user: $(cat "$dir/err")"
expect_nothing_changed "$sub/busy"

# --- who would lose something ---

exec 7>>"$sub/busy/a/b/second"
converts 1 "$sub/busy"
says "process $$ ("
says ') writes to busy/a/'
says '1 process would go on with the directory that is replaced'
exec 7>&-
expect_nothing_changed "$sub/busy"
exec 7<"$sub/busy/file"
converts 0 --dry-run "$sub/busy"
exec 7<&-
(
	cd "$sub/busy/a"
	exec sleep 60
) &
sitter=$!
until [ "$(cat "/proc/$sitter/comm")" = sleep ]; do sleep 0.05; done
converts 1 "$sub/busy"
says "process $sitter (sleep) is in busy/a"
exec 7>>"$sub/busy/file"
converts 1 "$sub/busy"
exec 7>&-
says '2 processes would go on with the directory that is replaced; stop them, or use --force'
kill "$sitter"
wait "$sitter" || :
perl -e 'use strict; open(my $f, "+<", $ARGV[0]) or die; require "syscall.ph" if 0;
	my $p = syscall(9, 0, 4096, 3, 1, fileno($f), 0); die if $p == -1; close($f); open(my $o, ">", $ARGV[1]); close($o); sleep 60' \
	"$sub/busy/file" "$dir/mapped" &
sitter=$!
until [ -e "$dir/mapped" ]; do
	kill -0 "$sitter" || fail 'no process that maps a file'
	sleep 0.05
done
converts 1 "$sub/busy"
says "process $sitter (perl) writes to busy/file"
kill "$sitter"
wait "$sitter" || :
expect_nothing_changed "$sub/busy"

# told otherwise: what is written to the old file is not lost
exec 7>>"$sub/busy/file"
converts 0 --force "$sub/busy"
is_subvolume "$sub/busy" || fail 'it is no subvolume'
exec 7>&-

# --- what an interruption left ---

leave() { # transaction, nanoseconds
	mkdir -m 700 "$sub/.blankroot-convert"
	setfattr -n trusted.blankroot.converting -v "$1 $2 gone" "$sub/.blankroot-convert"
}

make_directory "$sub/next"
leave 1 1
btrfs -q subvolume create "$sub/.blankroot-convert/tree"
converts 0 "$sub/next"
is_subvolume "$sub/next" || fail 'it is no subvolume'
[ ! -e "$sub/.blankroot-convert" ] || fail 'an unfinished one is left'

make_directory "$sub/third"
mkdir -m 700 "$sub/.blankroot-convert"
make_directory "$sub/.blankroot-convert/tree"
converts 1 "$sub/third"
says '.blankroot-convert/tree": was changed while a directory became a subvolume'
leave 1 1 2>/dev/null || setfattr -n trusted.blankroot.converting -v "1 1 gone" "$sub/.blankroot-convert"
converts 1 "$sub/third"
says "tree\": was changed while gone became a subvolume"
[ -e "$sub/.blankroot-convert/tree/a/small" ] || fail 'what was changed is gone'
setfattr -n trusted.blankroot.converting -v "18446744073709551615 1 gone" "$sub/.blankroot-convert"
converts 1 "$sub/third"
says 'may be the only copy of gone'
btrfs -q subvolume create "$sub/gone"
converts 0 "$sub/third"
is_subvolume "$sub/third" || fail 'it is no subvolume'
[ ! -e "$sub/.blankroot-convert" ] || fail 'something is left'

# --- snapshots that were taken while one was under way ---

# Before the exchange: the unfinished subvolume is an empty directory that cannot be used.
make_directory "$sub/fourth"
leave 1 1
btrfs -q subvolume create "$sub/.blankroot-convert/tree"
btrfs -q subvolume snapshot "$sub" "$sub-early"
[ "$(stat -c %i "$sub-early/.blankroot-convert/tree")" -eq 2 ] || fail 'this is another kind of directory'
converts 0 "$sub-early/fourth"
is_subvolume "$sub-early/fourth" || fail 'it is no subvolume'
[ ! -e "$sub-early/.blankroot-convert" ] || fail 'something is left'
converts 0 "$sub/fourth"

# After it: the directory is the only copy there.
make_directory "$sub/fifth/data"
mkdir -m 700 "$sub/.blankroot-convert"
setfattr -n trusted.blankroot.converting -v "18446744073709551615 1 fifth/data" "$sub/.blankroot-convert"
mv "$sub/fifth/data" "$sub/.blankroot-convert/tree"
btrfs -q subvolume create "$sub/fifth/data"
make_directory "$sub/other"
btrfs -q subvolume snapshot "$sub" "$sub-late"
converts 1 "$sub-late/other"
says 'may be the only copy of fifth/data'
[ -e "$sub-late/.blankroot-convert/tree/a/small" ] || fail 'the only copy is gone'
rmdir "$sub-late/fifth/data"
converts 1 "$sub-late/other"
says 'may be the only copy of fifth/data'
converts 0 "$sub/other"
[ ! -e "$sub/.blankroot-convert" ] || fail 'something is left'
image_unmount
