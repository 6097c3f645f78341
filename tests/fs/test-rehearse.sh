#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# "blankroot check --rehearse" says what the reset that follows does; it leaves nothing behind, also when it is killed at any
# point, once the next one has run; what the reset would fail at, and what it would not carry as it is, is told.
# shellcheck disable=SC2119 # functions with optional arguments
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/system.sh
. tests/support/system.sh

make_paths() {
	local i root=$top/root

	mkdir -p "$root/etc/many/deep" "$root/srv"
	for i in {1..200}; do
		echo "$i" >"$root/etc/many/$i"
	done
	ln "$root/etc/many/1" "$root/etc/many/deep/hard"
	ln -s nowhere "$root/etc/many/soft"
	mkfifo "$root/etc/many/fifo"
	setfattr -n user.test -v value "$root/etc/many/2"
	chmod 4711 "$root/etc/many/3"
	truncate -s 10M "$root/etc/many/holes"
	head -c 300000 /dev/urandom >>"$root/etc/many/holes"
	btrfs -q subvolume create "$root/etc/many/nested"
	echo nested >"$root/etc/many/nested/file"
	btrfs -q subvolume create "$root/srv/data"
	echo data >"$root/srv/data/file"
	mkdir "$root/srv/directory"
	echo converted >"$root/srv/directory/file"
	system_configure 'persist += { "/etc/many" } path "/srv/data" { method = subvolume }
		path "/srv/directory" { method = subvolume } path "/srv/made" { create = directory }'
}

# Everything below the top level but what was rehearsed on, to see that it is as it was.
list_all() {
	btrfs subvolume list -p "$top" | awk '{ print $2, $NF }' | grep -v '\.blankroot/frozen-' || true
	find "$top" -path "$top/.blankroot/frozen-*" -prune -o -print0 | sort -z |
		xargs -0 stat --format='%n %i %s %A %u %Y' -- | grep -v '/\.blankroot '
}

leaves_nothing() {
	[ -z "$(find "$top/.blankroot" -mindepth 1 -name 'frozen-*')" ] || fail "left behind: $(ls "$top/.blankroot")"
}

# The numbers of a report's paths, without the times.
numbers() { # jq expression for the list of paths
	jq -S "[$1[] | {path: (.path | ltrimstr(\"/\")), files, directories, others, subvolumes, bytes_shared, bytes_copied}]"
}

check_agreement() {
	list_all >"$dir/before"
	system_check --rehearse
	system_found_nothing 'after the rehearsal'
	leaves_nothing
	list_all | diff "$dir/before" - >&2 || fail 'the rehearsal has changed something'
	numbers .rehearsal.paths <"$dir/json" >"$dir/rehearsed"
	jq -e '[.rehearsal.paths[].differences] | add == 0 and length > 3' "$dir/json" >"$dir/out" ||
		fail "differences: $(jq -c .rehearsal "$dir/json")"
	image_unmount
	"$BLANKROOT_INITRD" --device "$loop" --config "$system/etc/blankroot.conf" --report "$dir/report" --cmdline noresume \
		2>"$dir/err" || fail "the reset: $(<"$dir/err")"
	image_mount
	numbers '.ephemeral[0].paths | map(select(.action == "carry"))' <"$dir/report" |
		diff "$dir/rehearsed" - >&2 || fail 'the reset (>) did something else than was rehearsed (<)'
}

# Killed at a system call, whichever comes n-th; where there is none of that number it just ends.
check_killed() {
	local call n status

	list_all >"$dir/before"
	for call in ioctl:60 ioctl:110 renameat2:1 renameat2:2 unlinkat:1 syncfs:1; do
		n=${call#*:}
		status=0
		strace -qq -o "$dir/trace" -e trace="${call%:*}" -e inject="${call%:*}":signal=KILL:when="$n" \
			"$BLANKROOT" check --root="$system" --rehearse >"$dir/out" 2>&1 || status=$?
		[ "$status" -eq 137 ] || [ "$status" -eq 0 ] || fail "killed at $call: $status $(<"$dir/out")"
		[ "$status" -eq 0 ] || killed=$((killed + 1))
		list_all | diff "$dir/before" - >&2 || fail "killed at $call, and something has changed"
	done
	[ "$killed" -ge 3 ] || fail "only $killed were killed"
	system_check --rehearse
	leaves_nothing
	list_all | diff "$dir/before" - >&2 || fail 'something has changed'
	# prune clears it away, too
	strace -qq -o "$dir/trace" -e trace=renameat2 -e inject=renameat2:signal=KILL "$BLANKROOT" check --root="$system" \
		--rehearse >"$dir/out" 2>&1 || true
	[ -n "$(find "$top/.blankroot" -mindepth 1 -name 'frozen-*')" ] || fail 'nothing is left to clear away'
	"$BLANKROOT" prune --device="$loop" --config="$system/etc/blankroot.conf" >"$dir/out"
	leaves_nothing
}

# A system call that does nothing and says that it succeeded: what was to be carried is not.
check_difference() {
	strace -qq -o "$dir/trace" -e trace=fchmod -e inject=fchmod:retval=0 \
		"$BLANKROOT" check --root="$system" --rehearse --json >"$dir/json" 2>"$dir/err" || true
	jq -r '.findings[] | .id + " " + .message' "$dir/json" | grep -qx 'rehearsal-differs root:/etc/many/3 is not carried as it is' ||
		fail "a lost mode is not found: $(jq -c .findings "$dir/json")"
	leaves_nothing
}

check_failure() {
	system_configure 'path "/srv/lost" { create = directory owner = "nobody-knows-him" }'
	system_build
	system_check --rehearse
	system_has_found rehearsal-failed error || fail "no failure: $(jq -c .findings "$dir/json")"
	leaves_nothing
	system_configure
	system_build
}

check_archive() {
	local archive

	archive=$(find "$top/old_roots" -mindepth 1 -maxdepth 1 -printf '%f' -quit)
	echo "from $archive" >"$top/.blankroot/request"
	system_check --rehearse
	[[ " ${found[*]} " == *' request-from info '* && ${found[*]} != *error* ]] || fail "from an archive: $(jq -c .findings "$dir/json")"
	jq -e '.rehearsal.paths | length == 1' "$dir/json" >"$dir/out" || fail 'no rehearsal from an archive'
	echo 'from root.20000101T000000Z' >"$top/.blankroot/request"
	system_check --rehearse
	system_has_found reset-refused error || fail "an archive that is not there: $(jq -c .findings "$dir/json")"
	rm "$top/.blankroot/request"
}

killed=0
[ "$BLANKROOT_ARCHIVE" = yes ] || skip 'needs libarchive'
image_make_server
system_make
make_paths
system_build
check_killed
check_difference
check_agreement
check_failure
check_archive
