#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Blocks of btrfs trees that cannot be read, in all their copies: a command that needs one says of what it is and where to look,
# ends with exit code 1, and leaves everything else as it was; one that does not need it works. A damaged archive holds up
# neither the others nor a reset.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

archive=root.20200102T000000Z
other=root.20200101T000000Z
hint="Such an error comes from the disk or a damaged file system: the kernel's log tells more (dmesg), and 'btrfs scrub' finds what else is damaged."
mkdir -p "$dir/to"
size=$((160 << 20))

# Of the device only so much is used: all of it is written again and again.
put_image() { # file
	cat "$1" >"$loop"
}

take_image() { # file
	head -c "$size" "$loop" >"$1"
}

make_image() {
	image_create
	mkfs.btrfs -qf -b "$size" "$loop" >/dev/null
	image_mount
	image_make_root
	mkdir -m 0700 "$top/old_roots" "$top/snapshots" "$top/.blankroot"
	btrfs -q subvolume create "$top/persist"
	seq -f "$top/persist/%g" 1000 | xargs touch
	seq -f "$top/root/etc/other-%g" 2000 | xargs touch
	btrfs -q subvolume snapshot "$top/root-blank" "$top/old_roots/$other"
	head -c 100000 /dev/urandom >"$top/old_roots/$other/data"
	btrfs property set -ts "$top/old_roots/$other" ro true
	btrfs -q subvolume snapshot "$top/old_roots/$other" "$top/old_roots/$archive"
	seq -f "$top/old_roots/$archive/etc/file-%g" 2000 | xargs touch
	setfattr -n trusted.blankroot.retired -v 1000 "$top/old_roots/$archive"
	btrfs property set -ts "$top/old_roots/$archive" ro true
	cat >"$dir/conf" <<-END
		ephemeral root { }
		archives {
			keep-min = 0
			max-overhead = "90%"
		}
		snapshots { subvolumes = { "persist" } }
	END
	for name in root root-blank persist "old_roots/$archive"; do
		id[$name]=$(btrfs inspect-internal rootid "$top/$name")
	done
	image_unmount
	take_image "$dir/good"
}

# Overwrite one block of a tree, on a good image: the root of the tree, or a leaf in the middle of the others.
break_tree() { # tree, "root" or "leaf"
	local at block blocks=()

	put_image "$dir/good"
	mapfile -t blocks < <(btrfs inspect-internal dump-tree -t "$1" "$loop" | sed -nE 's/^(leaf|node) ([0-9]+) .*/\2/p' | uniq)
	block=${blocks[0]}
	[ "$2" = root ] || block=${blocks[$((${#blocks[@]} / 2))]}
	[ -n "$block" ] || fail "tree $1 has no blocks"
	for at in $(btrfs-map-logical -l "$block" "$loop" | sed -nE 's/.*physical ([0-9]+) .*/\1/p' | uniq); do
		dd if=/dev/zero of="$loop" bs=4096 seek=$((at / 4096)) count=4 conv=notrunc status=none
	done
	take_image "$dir/broken"
}

# What can be read of it, and the rest by name. Transactions of mounts are no changes, nor is a place where diff has been,
# nor what a job notes of its run.
state() {
	image_mount
	btrfs subvolume list -puqR "$top" | sed 's/ gen [0-9]*//'
	find "$top" -not -inum 2 -not -path "$top/.blankroot" -not -path "$top/.blankroot/jobs*" \
		-not -path "$top/.blankroot/maintenance.lock" -printf '%p %i %m %s %T@\n' 2>/dev/null | LC_ALL=C sort
	cat "$top/.blankroot/request" 2>/dev/null || :
	image_unmount
}

helper() {
	"$BLANKROOT" "$@" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err"
}

# It fails with this line, and changes nothing.
fails() { # extended regular expression, argument...
	local status=0

	helper "${@:2}" || status=$?
	[ "$status" -eq 1 ] || fail "$what: '${*:2}' ended with $status: $(cat "$dir/out" "$dir/err")"
	head -n 1 "$dir/err" | grep -qxE "blankroot $2: $1: Input/output error" || fail "$what: '${*:2}' says $(cat "$dir/err"), not $1"
	[ "$(tail -n +2 "$dir/err")" = "$hint" ] || fail "$what: '${*:2}' does not say where to look: $(cat "$dir/err")"
	[ -z "$(find "$dir/to" -mindepth 1)" ] || fail "$what: something was restored: $(find "$dir/to")"
	[ -z "$before" ] || diff <(echo "$before") <(state) >&2 || fail "$what: '${*:2}' has changed something"
}

works() { # argument...
	local status=0

	helper "$@" || status=$?
	[ "$status" -eq 0 ] || fail "$what: '$*' ended with $status: $(cat "$dir/out" "$dir/err")"
	put_image "$dir/broken"
	rm -rf "$dir/to"
	mkdir "$dir/to"
}

# Of all archives: the others are dealt with, then it fails for the damaged one.
does_others() { # extended regular expression of a line about the other one, argument...
	local status=0

	helper "${@:2}" || status=$?
	[ "$status" -eq 1 ] || fail "$what: '${*:2}' ended with $status: $(cat "$dir/out" "$dir/err")"
	grep -qxE "$1" "$dir/out" || fail "$what: '${*:2}' says nothing of the other archive: $(cat "$dir/out")"
	grep -qE "$archive.*damaged: it cannot be read *$" "$dir/out" ||
		fail "$what: '${*:2}' does not list the damaged one: $(cat "$dir/out")"
	[ "$(head -n 1 "$dir/err")" = "blankroot $2: cannot open \"old_roots/$archive\": Input/output error" ] ||
		fail "$what: '${*:2}' says $(cat "$dir/err")"
	[ "$(tail -n +2 "$dir/err")" = "$hint" ] || fail "$what: '${*:2}' does not say where to look: $(cat "$dir/err")"
}

resets() {
	"$BLANKROOT_INITRD" --config="$dir/conf" --cmdline=noresume --device="$loop" --report="$dir/report" 2>"$dir/err" ||
		fail "$what: the reset: $(cat "$dir/err")"
	image_mount
	[ ! -e "$top/root/etc/other-1" ] || fail "$what: the root is not reset"
	[ ! -d "$top/old_roots/$other" ] || fail "$what: prune has not deleted the other archive"
	image_unmount
	put_image "$dir/broken"
}

# Of status, which tells all that it can.
status_says() { # extended regular expression
	local status=0

	helper status --report=/nonexistent || status=$?
	[ "$status" -eq 1 ] || fail "$what: status ended with $status"
	grep -qE "^error: .*$1.*Input/output error" "$dir/out" || fail "$what: status says $(cat "$dir/out"), not $1"
}

begin() { # what, tree, "root" or "leaf"
	what=$1
	break_tree "$2" "$3"
	before=$(state)
}

restore=(restore --from="$archive" --to="$dir/to")

check_archive() {
	begin 'the root of an archive' "${id[old_roots/$archive]}" root
	fails "cannot open \"old_roots/$archive\"" diff --of="$archive"
	fails "cannot open \"old_roots/$archive\"" list
	fails "cannot open \"old_roots/$archive\"" "${restore[@]}" /etc/motd
	fails "cannot open \"old_roots/$archive\"" rollback "$archive"
	fails "cannot open \"old_roots/$archive\"" rollback --now-blank "$archive"
	fails "cannot open \"old_roots/$archive\"" snapshot pin "$archive"
	fails "cannot open \"old_roots/$archive\"" snapshot delete "$archive"
	fails "cannot open \"old_roots/$archive\"" snapshot delete "$other" "$archive"
	status_says "\"old_roots/$archive\""
	does_others "$other +archive .*" list
	does_others "$other +archive .*" list --output=+SIZE
	does_others "would delete old_roots/$other: .*" prune --dry-run
	does_others "deleted old_roots/$other: .*" prune
	resets
	works metrics --output="$dir/metrics"
	works diff --of="$other"
	works restore --from="$other" --to="$dir/to" /etc/motd
	works rollback "$other"
	works snapshot pin "$other"
	works snapshot delete "$other"
	works diff
	works skip
	works snapshot
	begin 'a leaf of an archive' "${id[old_roots/$archive]}" leaf
	fails "cannot read: comparing old_roots/$archive with root-blank: items of a btrfs tree" diff --of="$archive"
	fails "cannot .*\"$dir/to/etc.*\": copying from old_roots/$archive(: .*)?" "${restore[@]}" /etc
	works "${restore[@]}" /etc/motd
	fails "cannot read \"old_roots/$archive\": items of a btrfs tree" list --output=+SIZE
	works list
	works rollback "$archive"
}

check_root() {
	begin 'the root of root' "${id[root]}" root
	fails 'cannot open "root": comparing root with root-blank' diff
	fails 'cannot open "root": ephemeral subvolume' rollback "$archive"
	fails 'cannot open "root": ephemeral subvolume' rollback --now-blank "$archive"
	status_says '"root"'
	works list
	works "${restore[@]}" /etc/motd
	begin 'a leaf of root' "${id[root]}" leaf
	fails 'cannot read: comparing root with root-blank: items of a btrfs tree' diff
	works rollback "$archive"
}

check_others() {
	begin 'the blank' "${id[root-blank]}" root
	fails 'cannot open "root-blank": comparing root with root-blank' diff
	fails 'cannot open "root-blank"' rollback --now-blank "$archive"
	status_says '"root-blank"'
	works list
	works snapshot
	begin 'the root of persist' "${id[persist]}" root
	fails 'cannot open "persist"' snapshot
	works prune
	works list
}

# Then there is no file system at all.
check_all() {
	local tree

	for tree in fs root extent; do
		what="the tree $tree"
		break_tree "$tree" root
		before=
		for command in diff list prune skip snapshot "rollback $archive" "rollback --now-blank $archive" \
			"snapshot pin $archive" "${restore[*]} /etc/motd"; do
			# shellcheck disable=SC2086 # a command with its options
			fails "cannot mount \"$loop\"(: .*)?" $command
		done
		status_says "cannot mount \"$loop\""
	done
}

declare -A id
command -v btrfs-map-logical >/dev/null || skip 'needs btrfs-map-logical'
make_image
check_archive
check_root
check_others
check_all
