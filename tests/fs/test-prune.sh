#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot prune: what goes and what stays, and that it says so; whatever is not ours is left alone.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

mounted=$dir/mounted
mkdir -p "$mounted"

# Subvolumes with their names, oldest first; each is retired so many days ago, or at no known time.
make_archive() { # directory, name, days or "", mark...
	local path=$top/$1/$2 mark

	btrfs -q subvolume snapshot "$top/root-blank" "$path"
	[ -z "$3" ] || setfattr -n trusted.blankroot.retired -v "$(($(date +%s) - $3 * 86400))" "$path"
	for mark in "${@:4}"; do
		setfattr -n "trusted.blankroot.$mark" -v 1 "$path"
	done
	btrfs property set -ts "$path" ro true
}

name_ago() { # subvolume, days
	date -u -d "-$2 days" "+$1.%Y%m%dT%H%M%SZ"
}

# blankroot prune ARGUMENT... ends with that exit code and prints these lines, in this order.
expect() { # exit code, lines, argument...
	local status=0

	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" "${@:3}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "'${*:3}' ended with $status, not $1: $(cat "$dir/out")"
	diff <(printf '%s\n' "$2") "$dir/out" >&2 || fail "'${*:3}' printed something else (>)"
}

subvolumes() {
	btrfs subvolume list "$top" | sed 's/.* path //' | sort
}

make_image() {
	image_create
	image_mount
	image_make_root
	mkdir -m 0700 "$top/old_roots" "$top/snapshots" "$top/.blankroot" "$top/.blankroot/parked"
	cat >"$dir/conf" <<-END
		ephemeral root { }
		ephemeral tmp { archive = none }
		archives { keep = "30d"
		           keep-min = 2
		           min-free = "0%" }
		snapshots { subvolumes = { "persist" }
		            daily = 2 }
	END
	make_archive old_roots root.20200101T000000Z 90
	make_archive old_roots root.20200102T000000Z 89 pinned
	make_archive old_roots root.20200103T000000Z 88 good
	make_archive old_roots root.20200104T000000Z 87 good
	make_archive old_roots root.20200105T000000Z 86
	make_archive old_roots root.20200106T000000Z 85
	make_archive old_roots root.20200107T000000Z 84
	make_archive old_roots root.20200108T000000Z 83
	make_archive old_roots root.20200109T000000Z -9
	make_archive old_roots root.20200110T000000Z 3
	make_archive old_roots root.20200111T000000Z ''
	make_archive old_roots root.20200112T000000Z 80
	make_archive old_roots root.20200113T000000Z 79
	btrfs subvolume set-default "$top/old_roots/root.20200105T000000Z"
	mount -t btrfs -o subvol=old_roots/root.20200106T000000Z "$loop" "$mounted"
	btrfs property set -f -ts "$top/old_roots/root.20200107T000000Z" ro false
	echo 'from root.20200108T000000Z' >"$top/.blankroot/request"
	# deleted with all that is in it
	btrfs property set -f -ts "$top/old_roots/root.20200101T000000Z" ro false
	btrfs -q subvolume create "$top/old_roots/root.20200101T000000Z/var/nested"
	btrfs -q subvolume create "$top/old_roots/root.20200101T000000Z/var/nested/more"
	btrfs property set -ts "$top/old_roots/root.20200101T000000Z/var/nested" ro true
	btrfs property set -ts "$top/old_roots/root.20200101T000000Z" ro true
	make_archive .blankroot/parked tmp.20200101T000000Z 0
	make_archive .blankroot/parked tmp.20200102T000000Z 0
}

# None of these is ours.
make_foreign() {
	make_archive old_roots mine 90
	make_archive old_roots root.20200101T000000 90
	make_archive old_roots root.20200101T000000Z-old 90
	make_archive old_roots other.20200101T000000Z 90
	make_archive . root.20200101T000000Z 90
	mkdir "$top/old_roots/root.20190101T000000Z" "$top/old_roots/directory"
	make_archive old_roots/directory root.20200101T000000Z 90
	ln -s ../root "$top/old_roots/root.20190102T000000Z"
	echo x >"$top/old_roots/root.20190103T000000Z"
	btrfs -q subvolume create "$top/persist"
	# of a subvolume that the configuration does not name: shown, but there is no rule
	btrfs -q subvolume snapshot -r "$top/persist" "$top/snapshots/services.20200101T000000Z"
}

make_snapshots() {
	local days

	for days in 9 8 7; do
		btrfs -q subvolume snapshot -r "$top/persist" "$top/snapshots/$(name_ago persist $days)"
	done
}

check_prune() {
	local before after planned

	make_snapshots
	mapfile -t planned < <(find "$top/snapshots" -mindepth 1 -name 'persist.*' -printf '%f\n' | sort)
	local said="\
would delete old_roots/root.20200101T000000Z: 90 days old, limit 30 days
keep old_roots/root.20200102T000000Z: pinned
would delete old_roots/root.20200103T000000Z: 88 days old, limit 30 days
keep old_roots/root.20200104T000000Z: the newest whose boot was good
keep old_roots/root.20200105T000000Z: the default subvolume
keep old_roots/root.20200106T000000Z: mounted
keep old_roots/root.20200107T000000Z: writable: somebody works in it
keep old_roots/root.20200108T000000Z: the next boot starts from it
keep old_roots/root.20200109T000000Z: dated in the future
keep old_roots/root.20200110T000000Z: 3 days old, less than 30 days
would delete old_roots/root.20200111T000000Z: $((($(date +%s) - $(date -u -d '2020-01-11' +%s)) / 86400)) days old, limit 30 days
keep old_roots/root.20200112T000000Z: one of the newest 2
keep old_roots/root.20200113T000000Z: one of the newest 2
would delete .blankroot/parked/tmp.20200101T000000Z: 0 seconds old, limit 0 seconds
would delete .blankroot/parked/tmp.20200102T000000Z: 0 seconds old, limit 0 seconds
would delete snapshots/${planned[0]}: 9 days old, not among the periods to keep
keep snapshots/${planned[1]}: first of its day, 2 of 2
keep snapshots/${planned[2]}: the newest
keep snapshots/services.20200101T000000Z: the newest"
	# seconds pass
	said=$(sed -E 's/: [0-9]+ seconds? old, limit 0/: N old, limit 0/' <<<"$said")
	before=$(subvolumes)
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" --dry-run >"$dir/out"
	diff <(echo "$said") <(sed -E 's/: [0-9]+ seconds? old, limit 0/: N old, limit 0/' "$dir/out") >&2 ||
		fail 'the dry run said something else (>)'
	[ "$before" = "$(subvolumes)" ] || fail 'a dry run changed something'
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" >"$dir/out"
	diff <(echo "${said//would delete/deleted}") <(sed -E 's/: [0-9]+ seconds? old, limit 0/: N old, limit 0/' "$dir/out") >&2 ||
		fail 'it said something else (>)'
	after=$(subvolumes)
	diff <(sed -n 's/^would delete \([^:]*\):.*/\1/p' <<<"$said" | sort) \
		<(comm -23 <(echo "$before") <(echo "$after") | grep -v /nested) >&2 ||
		fail 'not those went that it said (<)'
	! grep -q nested <<<"$after" || fail 'nested subvolumes are left'
	[ -z "$(comm -13 <(echo "$before") <(echo "$after"))" ] || fail 'something came'
	if ! [ -d "$top/old_roots/root.20190101T000000Z" ] || ! [ -L "$top/old_roots/root.20190102T000000Z" ] ||
		! [ -f "$top/old_roots/root.20190103T000000Z" ]; then
		fail 'foreign things went'
	fi
	# nothing is left to do
	! "$BLANKROOT" prune --config="$dir/conf" --device="$loop" | grep -v ^keep || fail 'a second run deletes'
	[ "$after" = "$(subvolumes)" ] || fail 'a second run changed something'
}

# A snapshot that a diff reads stays, one whose diff was killed goes: its lock tells.
check_frozen() {
	local state=$top/.blankroot left

	btrfs -q subvolume snapshot -r "$top/root" "$state/frozen-1-1"
	btrfs -q subvolume snapshot -r "$top/root" "$state/frozen-1-2"
	btrfs -q subvolume snapshot -r "$top/root" "$state/mine"
	mkdir "$state/frozen-directory"
	touch "$state/frozen-file" "$state/.blankroot-123-0" "$state/.blankroot-123" "$state/.blankroot-123-0x"
	exec 8<"$state/frozen-1-2"
	flock --nonblock 8
	prune_frozen --dry-run 'would delete .blankroot/frozen-1-1: left by a diff that was interrupted'
	{ [ -d "$state/frozen-1-1" ] && [ -e "$state/.blankroot-123-0" ]; } || fail 'a dry run deleted something'
	prune_frozen '' 'deleted .blankroot/frozen-1-1: left by a diff that was interrupted'
	! [ -e "$state/frozen-1-1" ] || fail 'it is still there'
	! [ -e "$state/.blankroot-123-0" ] || fail 'an unfinished request is still there'
	for left in .blankroot-123 .blankroot-123-0x frozen-1-2 frozen-directory frozen-file mine parked request; do
		[ -e "$state/$left" ] || fail "$left is gone"
	done
	exec 8<&-
	prune_frozen '' 'deleted .blankroot/frozen-1-2: left by a diff that was interrupted'
	prune_frozen '' ''
	btrfs -q subvolume delete "$state/mine"
}

prune_frozen() { # option or '', what it says of them
	# shellcheck disable=SC2086 # an empty one is none
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" $1 >"$dir/out"
	[ "$(grep frozen "$dir/out" || :)" = "$2" ] || fail "prune $1 of what a diff left: $(cat "$dir/out")"
}

check_errors() {
	expect 2 "blankroot prune: usage error \"nothing\": the configuration keeps nothing of such a subvolume" nothing
	expect 2 "blankroot prune: unexpected argument 'b'
Try 'blankroot prune --help' for more information." a b
	exec 8<"$top"
	flock 8
	! "$BLANKROOT" prune --config="$dir/conf" --device="$loop" --wait=0 >"$dir/out" 2>&1 || fail 'it has no lock'
	grep -q 'another run of blankroot' "$dir/out" || fail "locked: $(cat "$dir/out")"
	exec 8<&-
}

# Not even what is to stay for its age, but never what always stays: oldest first, until there is enough.
check_space() {
	sed -i 's/min-free = "0%"/min-free = "100%"/' "$dir/conf"
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" --dry-run root >"$dir/out"
	[ "$(grep -c '^might delete' "$dir/out")" -eq 2 ] || fail "for space: $(cat "$dir/out")"
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" root >"$dir/out"
	[ "$(sed -n 's/^deleted \([^:]*\): space had.*/\1/p' "$dir/out" | tr '\n' ' ')" = \
		'old_roots/root.20200109T000000Z old_roots/root.20200110T000000Z ' ] || fail "for space: $(cat "$dir/out")"
	grep -q 'are free, and no other archive may go' "$dir/out" || fail 'it does not say that it is not enough'
	[ "$(find "$top/snapshots" -mindepth 1 -maxdepth 1 -name 'persist.*' | wc -l)" -eq 2 ] || fail 'snapshots went'
}

make_image
make_foreign
check_prune
check_frozen
check_errors
check_space
umount "$mounted"
