#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot report --mark-good on a real file system: marks the subvolumes in use, and nothing else; the mark follows the
# root into the archive, where lack of space does not take it.
set -euo pipefail

# shellcheck source=tests/support/shell.sh
. "$(dirname "$0")/../support/shell.sh"

mark=trusted.blankroot.good
root=$dir/root
cache=$dir/cache

# reset EXIT-CODE ARGUMENT...: the real one, with nothing of the file system mounted but the top level, which it allows
reset() {
	local expected=$1 status=0

	shift
	"$BLANKROOT_INITRD" --report "$dir/report" --config "$dir/conf" --device "$loop" "$@" 2>"$dir/err" || status=$?
	[ "$status" -eq "$expected" ] || fail "the reset ended with $status, not $expected: $(cat "$dir/err")"
}

mark_good() { # exit code, pattern of all output, argument...
	local expected=$1 pattern=$2 status=0

	shift 2
	"$BLANKROOT" report --mark-good --report "$dir/report" --config "$dir/conf" "$@" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$expected" ] || fail "'$pattern': exit code $status, not $expected: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qE "^$pattern\|$" || fail "not '$pattern', but $(cat "$dir/out")"
}

refuse() { # pattern
	mark_good 1 "blankroot report: .*$1.*"
	unmarked "$root"
}

value() { # path
	getfattr --absolute-names --only-values -n "$mark" "$1" 2>/dev/null
}

unmarked() { # path...
	local path

	for path; do
		! value "$path" >/dev/null || fail "$path is marked"
	done
}

marked() { # path...
	local path

	for path; do
		value "$path" >/dev/null || fail "$path is not marked"
	done
}

mount_subvolume() { # name, directory
	mkdir -p "$2"
	mount -t btrfs -o "subvol=$1,noatime" "$loop" "$2"
}

write_configuration() { # mountpoint of cache, or nothing
	cat >"$dir/conf" <<-END
		ephemeral root {
		    mountpoint = "$root"
		    persist = { "/etc/ssh" }
		}
		ephemeral cache { ${1:+mountpoint = "$1"} }
		archives { keep-min = 0 }
	END
}

make_image() {
	image_create
	image_mount
	image_make_root
	btrfs -q subvolume create "$top/cache"
	btrfs -q subvolume snapshot -r "$top/cache" "$top/cache-blank"
	image_unmount
	write_configuration ''
}

# The newest archive, from the report.
newest() {
	jq -r '.ephemeral[0].archive' "$dir/report"
}

# --- what is marked ---

check_marks() {
	local before

	reset 0 --cmdline noresume
	mount_subvolume root "$root"
	mark_good 0 "blankroot: root at $root would be marked good" --dry-run
	unmarked "$root"
	before=$(date +%s)
	mark_good 0 "blankroot: root at $root marked good"
	if [ "$(value "$root")" -lt "$before" ] || [ "$(value "$root")" -gt "$(date +%s)" ]; then
		fail "the mark is not the time, but $(value "$root")"
	fi
	setfattr -n "$mark" -v mine "$root"
	mark_good 0 "blankroot: root at $root is marked good already"
	[ "$(value "$root")" = mine ] || fail 'a mark was replaced'
	setfattr -x "$mark" "$root"
	# without a mountpoint in the configuration: where it is
	mount_subvolume cache "$cache"
	mark_good 0 "blankroot: root at $root marked good\|blankroot: cache at $cache marked good"
	marked "$root" "$cache"
	umount "$root" "$cache"
}

# The old root, when there was no reset: the report knows the subvolumes, or does not.
check_old_root() {
	image_mount
	setfattr -x "$mark" "$top/root"
	setfattr -x "$mark" "$top/cache"
	image_unmount
	sed -i '1a path "/srv" { create = directory owner = "no-such-user" }' "$dir/conf"
	reset 4 --cmdline noresume
	jq -e '.ephemeral | length == 2' "$dir/report" >/dev/null || fail 'the report does not know the subvolumes'
	write_configuration ''
	mount_subvolume root "$root"
	mark_good 0 "blankroot: root at $root marked good"
	setfattr -x "$mark" "$root"
	umount "$root"
	reset 0 --cmdline rd.blankroot=off
	jq -e '.ephemeral == [] and .filesystem == null' "$dir/report" >/dev/null || fail 'the report knows the subvolumes'
	mount_subvolume root "$root"
	mark_good 0 "blankroot: root at $root marked good"
	setfattr -x "$mark" "$root"
	echo 'nonsense = 1' >"$dir/conf"
	mark_good 1 "blankroot report: configuration error: .*/conf:1: .*"
	write_configuration ''
	umount "$root"
}

# --- what is not ---

check_refusals() {
	reset 0 --cmdline noresume
	refuse 'not on a btrfs' # nothing is mounted
	mount_subvolume "$(newest)" "$root"
	refuse 'another subvolume is mounted there'
	umount "$root"
	mount_subvolume root-blank "$root"
	refuse 'another subvolume is mounted there'
	umount "$root"
	mount_subvolume root "$root"
	mount --bind "$root/etc" "$root"
	refuse 'should be root'
	umount "$root"
	umount "$root"
	mount -t tmpfs tmpfs "$root"
	refuse 'not on a btrfs'
	umount "$root"
	mount_subvolume root "$root"
	mount -o remount,ro "$root"
	refuse 'Read-only file system'
	mount -o remount,rw "$root"
	btrfs property set -ts "$root" ro true
	refuse 'it is read-only'
	btrfs property set -ts "$root" ro false
	cp "$dir/report" "$dir/report.own"
	jq '.filesystem = "57377a52-f6e3-44a8-9ad6-0f09b1c36693"' "$dir/report.own" >"$dir/report"
	refuse 'it is of another file system'
	jq '.ephemeral[].mountpoint = null' "$dir/report" >"$dir/report.else"
	mv "$dir/report.else" "$dir/report"
	refuse 'no ephemeral subvolume is mounted'
	jq --arg path "$dir/no-such" '.ephemeral[0].mountpoint = $path' "$dir/report.own" >"$dir/report"
	refuse 'cannot open .*No such file or directory'
	# one that cannot be marked does not keep the others from it
	mount_subvolume cache "$cache"
	mark_good 1 "blankroot: cache at $cache marked good\|blankroot report: cannot open .*"
	umount "$root" "$cache"
}

# As a unit would run it, with the only privileges it needs.
check_privileges() {
	local capabilities=-all,+sys_admin,+dac_read_search

	reset 0 --cmdline noresume
	mount_subvolume root "$root"
	setpriv --no-new-privs --inh-caps="$capabilities" --bounding-set="$capabilities" "$BLANKROOT" report --mark-good \
		--report "$dir/report" --config "$dir/conf" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	marked "$root"
	setfattr -x "$mark" "$root"
	! setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$BLANKROOT" report --mark-good \
		--report "$dir/report" --config "$dir/conf" >"$dir/out" 2>&1 || fail 'without any privilege: success'
	grep -q 'Operation not permitted' "$dir/out" || fail "without any privilege: $(cat "$dir/out")"
	unmarked "$root"
	umount "$root"
}

# --- the mark in the archive ---

# A good boot, one that was not, and a disk that is full: the good one is older, and stays.
check_archive() {
	local good bad

	image_mount
	btrfs -q subvolume delete "$top"/old_roots/* >/dev/null
	btrfs -q filesystem sync "$top"
	image_unmount
	write_configuration ''
	mount_subvolume root "$root"
	mark_good 0 "blankroot: root at $root marked good"
	head -c 8M /dev/urandom >"$root/good"
	umount "$root"
	reset 0 --cmdline noresume
	good=$(newest)
	image_mount
	marked "$top/$good"
	unmarked "$top/root"
	head -c 64M /dev/urandom >"$top/root/bad"
	image_unmount
	reset 0 --cmdline noresume
	bad=$(newest)
	image_mount
	unmarked "$top/$bad" "$top/root"
	# what cannot be shared has to be copied: a file without checksums is one
	mount -o remount,nodatasum "$top"
	head -c 24M /dev/urandom >"$top/root/etc/ssh/big"
	sync -f "$top"
	mount -o remount,datasum "$top"
	fill
	image_unmount
	reset 0 --cmdline noresume
	# archives of cache went before: they are older, and hold nothing
	[ "$(jq -r '.dropped_archives[] | select(contains("/root."))' "$dir/report")" = "$bad" ] ||
		fail "of $good (good) and $bad these were deleted: $(jq -c .dropped_archives "$dir/report")"
	image_mount
	marked "$top/$good"
	[ "$(stat -c %s "$top/$good/good")" -eq $((8 << 20)) ] || fail 'the good archive is not complete'
	image_unmount
}

# All space for data. Metadata has room enough in an image of this size.
fill() {
	local size number=0

	for size in 256M 64M 16M 4M 1M 256K 64K 4K; do
		while fallocate -l "$size" "$top/fill.$size.$number" 2>/dev/null; do
			number=$((number + 1))
		done
		rm -f "$top/fill.$size.$number"
	done
	sync -f "$top"
}

make_image
check_marks
check_old_root
check_refusals
check_privileges
check_archive
