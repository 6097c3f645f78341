#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot list: a line for each archive and snapshot, oldest first by subvolume id, for people and as JSON.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

ran() { # argument...
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" "$@" >"$dir/out" 2>&1 || fail "'$*': $(cat "$dir/out")"
}

makes() { # lines, argument...; runs of blanks are one
	ran "${@:2}"
	diff <(echo "$1") <(tr -s ' ' <"$dir/out" | sed 's/^ //; s/ $//') >&2 || fail "'${*:2}' printed something else (>)"
}

make_image() {
	image_create
	image_mount
	image_make_root
	mkdir -m 0700 "$top/old_roots" "$top/snapshots"
	cat >"$dir/conf" <<-END
		ephemeral root { }
		archives { keep-min = 1 }
		snapshots { subvolumes = { "srv/data" } }
	END
}

make_subvolumes() {
	local old=$top/old_roots

	# the later one has the earlier name, and is marked
	btrfs -q subvolume snapshot -r "$top/root" "$old/root.20250102T000000Z"
	btrfs -q subvolume snapshot "$top/root" "$old/root.20250101T000000Z-2"
	setfattr -n trusted.blankroot.good -v 1 "$old/root.20250101T000000Z-2"
	setfattr -n trusted.blankroot.pinned -v 1 "$old/root.20250101T000000Z-2"
	setfattr -n trusted.blankroot.retired -v 1735787045 "$old/root.20250101T000000Z-2"
	btrfs property set -ts "$old/root.20250101T000000Z-2" ro true
	btrfs -q subvolume snapshot -r "$top/root" "$top/snapshots/srv%2Fdata.20251332T000000Z"
	btrfs -q subvolume snapshot -r "$top/root" "$top/snapshots/srv%2Fdata.20250203T040506Z"
	mkdir "$old/root.20250103T000000Z"
}

make_image
[ -z "$(ran && cat "$dir/out")" ] || fail "of nothing: $(cat "$dir/out")"
make_subvolumes
days=$((($(date +%s) - $(date -ud 2025-01-02 +%s)) / 86400))
archives="\
root.20250102T000000Z archive root 2025-01-02T00:00:00Z no no no $days days old, limit 30 days
root.20250101T000000Z-2 archive root 2025-01-02T03:04:05Z yes yes yes pinned"
makes "NAME KIND SUBVOLUME TIME GOOD PINNED STAYS REASON COMMENT
$archives
srv%2Fdata.20251332T000000Z snapshot srv/data - no no yes nothing says how long to keep it
srv%2Fdata.20250203T040506Z snapshot srv/data 2025-02-03T04:05:06Z no no yes the newest"
makes "$archives" --noheadings root
ran --json
jq -e '.retained | length == 4 and .[0].stays == false and .[1].pinned == true and .[1].good == true and
	.[2].subvolume == "srv/data" and .[3].time == "2025-02-03T04:05:06Z"' "$dir/out" >"$dir/jq" ||
	fail "JSON: $(cat "$dir/out")"

# --- columns ---

btrfs property set -f -ts "$top/old_roots/root.20250102T000000Z" ro false
setfattr -n trusted.blankroot.comment -v $'before\nthe move' "$top/old_roots/root.20250102T000000Z"
head -c 65536 /dev/urandom >"$top/old_roots/root.20250102T000000Z/file"
btrfs property set -ts "$top/old_roots/root.20250102T000000Z" ro true
sync -f "$top"
makes 'SIZE NAME COMMENT
65536 root.20250102T000000Z before\x0athe move
0 root.20250101T000000Z-2' --output=size,NAME,Comment --bytes root
makes '64.0 KiB
0 B' --output=SIZE --noheadings root
ran --output=+size root
[[ $(sed -n 1p "$dir/out") == *REASON*COMMENT*SIZE ]] || fail "--output=+size: $(cat "$dir/out")"
ran --output=+SIZE --json root
jq -e '.retained[0].size == 65536 and .retained[0].comment == "before\\x0athe move"' "$dir/out" >"$dir/jq" ||
	fail "JSON: $(cat "$dir/out")"

refuses() { # message, argument...
	local status=0

	"$BLANKROOT" list --config="$dir/conf" --device="$loop" "${@:2}" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq 2 ] || fail "'${*:2}' ended with $status, not 2"
	grep -qF "$1" "$dir/err" || fail "'${*:2}' said: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "'${*:2}' printed something"
}

refuses "column 'SIZES' in --output does not exist" --output=NAME,SIZES
refuses "column '' in --output does not exist" --output=
refuses "column '' in --output does not exist" --output=NAME,
refuses "column 'name' in --output is there twice" --output=+name

# --- so many that their roots are read ahead, several at a time ---

for ((number = 0; number < 90; number++)); do
	btrfs -q subvolume snapshot -r "$top/root" \
		"$top/old_roots/root.$(date -ud "@$((1700000000 + 3600 * number))" +%Y%m%dT%H%M%SZ)"
done
btrfs subvolume list --sort=rootid "$top" | sed -n 's,.* old_roots/,,p' >"$dir/archives"

expect_all() { # what
	ran --noheadings --output=NAME root
	diff "$dir/archives" <(tr -d ' ' <"$dir/out") >&2 || fail "$1: the archives (<) and the list (>) differ"
}

[ "$(wc -l <"$dir/archives")" -eq 92 ] || fail "$(wc -l <"$dir/archives") archives were made"
expect_all 'in the cache'
image_unmount
expect_all 'not mounted'
image_mount
expect_all 'mounted anew'
