#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The helper where the clock is wrong: 1970, before that, 2099, beyond what names have room for, and jumped back. Names do not
# collide, age counts from retirement, what is dated in the future is never old enough, and the order is that of the file
# system.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

mkdir -p "$dir/root"
clock=$dir/clock.so
now=
long_ago=-86400 early=100 today=1795460701 later=4092599349 end=253402300800

# Only what asks for the time gets it; the kernel's times stay.
make_clock() {
	cat >"$dir/clock.c" <<-'END'
		#include <stdlib.h>
		#include <time.h>
		time_t time(time_t *out)
		{
			time_t now = (time_t)atoll(getenv("CLOCK"));

			if (out)
				*out = now;
			return now;
		}
	END
	"${CC:-cc}" -shared -fPIC -o "$clock" "$dir/clock.c" 2>"$dir/err" || skip "needs a C compiler: $(head -n 1 "$dir/err")"
}

helper() { # exit code, argument...
	local status=0

	CLOCK=$now LD_PRELOAD=$clock ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		"$BLANKROOT" "${@:2}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "at $now: '${*:2}' ended with $status, not $1: $(cat "$dir/out")"
}

says() { # line
	grep -qxF -- "$1" "$dir/out" || fail "at $now: not '$1', but $(cat "$dir/out")"
}

make_archive() { # name, retired
	btrfs -q subvolume snapshot "$top/root-blank" "$top/old_roots/$1"
	setfattr -n trusted.blankroot.retired -v "$2" "$top/old_roots/$1"
	btrfs property set -ts "$top/old_roots/$1" ro true
}

make_image() {
	image_create
	image_mount
	image_make_root
	btrfs -q subvolume create "$top/persist"
	mkdir -m 0700 "$top/old_roots"
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	cat >"$dir/conf" <<-END
		ephemeral root { mountpoint = "$dir/root" }
		archives { keep = "30d"
		           keep-min = 2
		           max-overhead = "100%"
		           min-free = "0%" }
		snapshots { subvolumes = { "persist" }
		            keep = "30d" }
	END
}

check_names() {
	local sequence=0 name

	for at in "$today:20261123T190501Z" "$early:19700101T000140Z" "$today:20261123T190501Z-2" "$later:20990909T010909Z" \
		"$long_ago:19700101T000000Z" "$early:19700101T000140Z-2" "$end:99991231T235959Z" "$end:99991231T235959Z-2" \
		"$today:20261123T190501Z-3"; do
		now=${at%%:*} name=persist.${at#*:} sequence=$((sequence + 1))
		echo "$sequence" >"$top/persist/sequence"
		helper 0 snapshot
		says "took a snapshot of persist: snapshots/$name"
		[ "$(cat "$top/snapshots/$name/sequence")" = "$sequence" ] || fail "$name is another one"
		helper 0 snapshot --only-if-changed
		says "persist is as it was at snapshots/$name"
	done
	helper 0 list --json
	[ "$(jq -r '.retained[].name' "$dir/out" | paste -sd' ')" = "$(btrfs subvolume list --sort=ogen "$top" |
		sed -n 's,.* snapshots/,,p' | paste -sd' ')" ] || fail "not in the order in which they were made: $(cat "$dir/out")"
}

# At that time, of all archives these would go, and of the snapshots those.
would_delete() { # time, name...
	now=$1
	helper 0 prune --dry-run
	sed -n 's,^would delete [a-z_]*/\([^:]*\):.*,\1,p' "$dir/out" | sort >"$dir/names"
	printf '%s\n' "${@:2}" | sed '/^$/d' | sort | diff - "$dir/names" >&2 || fail "at $now: what goes is not what should (<)"
}

check_snapshot_ages() {
	would_delete "$long_ago"
	would_delete "$early"
	would_delete "$today" persist.19700101T000140Z persist.19700101T000000Z persist.19700101T000140Z-2
	# the newest one stays, whatever it is called
	would_delete "$end" persist.19700101T000140Z persist.19700101T000000Z persist.19700101T000140Z-2 persist.20261123T190501Z \
		persist.20261123T190501Z-2 persist.20990909T010909Z
	now=$today
	helper 0 prune
	[ "$(find "$top/snapshots" -mindepth 1 -maxdepth 1 -name '*.1970*' | wc -l)" -eq 0 ] || fail 'old ones stay'
	[ "$(find "$top/snapshots" -mindepth 1 -maxdepth 1 | wc -l)" -eq 6 ] || fail 'what is dated in the future went'
	btrfs -q subvolume delete "$top"/snapshots/*
}

# The names say something else than when they were retired, which is what counts.
check_archive_ages() {
	local month=$((31 * 86400))

	make_archive root.20200101T000000Z "$early"
	make_archive root.20200102T000000Z "$today"
	make_archive root.20200103T000000Z "$later"
	make_archive root.20200104T000000Z "$((today + 1))"
	make_archive root.20200105T000000Z "$((today + 2))"
	would_delete "$long_ago"
	would_delete "$early"
	would_delete "$today" root.20200101T000000Z
	would_delete "$((today + month))" root.20200101T000000Z root.20200102T000000Z
	would_delete "$((later + month))" root.20200101T000000Z root.20200102T000000Z root.20200103T000000Z
	would_delete "$end" root.20200101T000000Z root.20200102T000000Z root.20200103T000000Z
	now=$((today + month))
	helper 0 prune
	# jumped back
	would_delete "$today"
	[ "$(find "$top/old_roots" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd' ')" = \
		'root.20200103T000000Z root.20200104T000000Z root.20200105T000000Z' ] || fail 'not what it said'
}

# Twice in the same second, and in one that names cannot tell from it.
check_restore() {
	local name

	for at in "$early:19700101T000140Z" "$early:19700101T000140Z-2" "$long_ago:19700101T000000Z" "$end:99991231T235959Z" \
		"$end:99991231T235959Z-2"; do
		now=${at%%:*} name=$dir/root/etc/motd.${at#*:}
		echo "$at" >"$dir/root/etc/motd"
		helper 0 restore --from=root-blank --keep-old "$dir/root/etc/motd"
		grep -qF "${at#*:}" "$dir/out" || fail "at $now: $(cat "$dir/out")"
		[ "$(cat "$name")" = "$at" ] || fail "$name is another one"
	done
}

check_now_blank() {
	local id

	for at in "$later:20990909T010909Z" "$early:19700101T000140Z" "$early:19700101T000140Z-2" "$today:20261123T190501Z"; do
		now=${at%%:*} id=$(btrfs inspect-internal rootid "$top/root-blank")
		helper 0 rollback --now-blank root.20200105T000000Z
		[ "$(btrfs inspect-internal rootid "$top/old_roots/root.${at#*:}")" = "$id" ] || fail "at $now: $(cat "$dir/out")"
		[ "$(getfattr --absolute-names --only-values -n trusted.blankroot.retired "$top/old_roots/root.${at#*:}")" = "$now" ] ||
			fail "at $now: not retired now"
	done
	helper 0 list --json
	[ "$(jq -r '.retained[].name' "$dir/out" | tail -n 4 | paste -sd' ')" = \
		'root.20990909T010909Z root.19700101T000140Z root.19700101T000140Z-2 root.20261123T190501Z' ] ||
		fail "not in the order of retirement: $(cat "$dir/out")"
}

check_status() {
	for now in "$long_ago" "$early" "$later" "$end"; do
		helper 1 status --json --report=/nonexistent
		jq -e '.problems | length > 0' "$dir/out" >/dev/null || fail "at $now: $(cat "$dir/out")"
		helper 1 status --report=/nonexistent
		helper 0 list
	done
}

make_image
make_clock
check_names
check_snapshot_ages
check_archive_ages
check_restore
check_now_blank
check_status
umount "$dir/root"
image_unmount
