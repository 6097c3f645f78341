#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What archives and snapshots hold alone, against a count of all extents in all trees as btrfs dumps them, and against
# what quotas count; and that prune deletes as many archives as max-overhead says, and no more.
#
#   HISTORIES=NUMBER   random histories (8)      SEED=NUMBER   repeats a run
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

seed=${SEED:-$(date +%s)}
RANDOM=$((seed % 32768))
clock=$(date -ud 2026-01-01 +%s)

# --- what is counted ---

# Each subvolume and, below it, its extents: "= PATH", then "BYTENR BYTES".
dump_trees() {
	sync -f "$top"
	blockdev --flushbufs "$loop"
	{
		btrfs subvolume list "$top" | sed -E 's/^ID ([0-9]+) .* path /path \1 /'
		btrfs inspect-internal dump-tree "$loop"
	} | awk '
		$1 == "path" { path[$2] = $3 }
		/^[a-z].* tree key \(/ {
			tree = $0
			sub(/.*key \(/, "", tree)
			sub(/ .*/, "", tree)
			path["FS_TREE"] = "."
			if (is_file_tree = tree in path)
				print "=", path[tree]
		}
		is_file_tree && /(extent|prealloc) data disk byte [1-9]/ { print $(NF - 2), $NF }'
}

# Archive or snapshot, and what only it holds: "NAME BYTES". Last, what only archives hold: "= BYTES".
count_all() {
	dump_trees | awk '
		$1 == "=" {
			item = ""
			if (match($2, /^(old_roots|snapshots)\/[^\/]+/))
				item = substr($2, RSTART, RLENGTH)
			if (item != "" && !(item in alone))
				alone[item] = 0
			next
		}
		{
			size[$1] = $2
			if (item == "")
				lives[$1] = 1
			else if (!($1 in holder))
				holder[$1] = item
			else if (holder[$1] != item)
				shared[$1] = 1
			if (item !~ /^old_roots/)
				others[$1] = 1
		}
		END {
			for (extent in size) {
				if ((extent in holder) && !(extent in lives) && !(extent in shared))
					alone[holder[extent]] += size[extent]
				if (!(extent in others))
					archives += size[extent]
			}
			for (item in alone) {
				name = item
				sub(/.*\//, "", name)
				print name, alone[item]
			}
			print "=", archives + 0
		}' | sort
}

listed() {
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" --noheadings --bytes --output=NAME,SIZE |
		awk '{ print $1, $2 }' | sort
}

expect_sizes() {
	# one after the other: the first one commits
	count_all | grep -v '^=' >"$dir/counted"
	listed | diff "$dir/counted" - >&2 ||
		fail "the count of all extents (<) and the list (>) differ; SEED=$seed"
}

# --- histories ---

random_file() { # directory
	find "$1" -xdev -type f | sort | awk -v n="$RANDOM" '{ f[NR] = $0 } END { if (NR) print f[n % NR + 1] }'
}

write_file() { # file
	head -c $((4096 * (1 + RANDOM % 40))) /dev/urandom >"$1"
}

# Writes, reflinks, partly overwrites, removes and preallocates.
drift() { # directory, times
	local number file

	for ((number = 0; number < $2; number++)); do
		file=$(random_file "$1")
		case $((RANDOM % 6)) in
		0 | 1) write_file "$1/file-$RANDOM" ;;
		2) [ -z "$file" ] || cp --reflink=always "$file" "$1/copy-$RANDOM" ;;
		3) [ -z "$file" ] || head -c 8192 /dev/urandom | dd of="$file" bs=4096 seek=1 conv=notrunc status=none ;;
		4) [ -z "$file" ] || rm "$file" ;;
		5) fallocate -l 32K "$1/prealloc-$RANDOM" ;;
		esac
	done
}

next_name() { # subvolume
	clock=$((clock + 3600))
	name=$1.$(date -ud "@$clock" +%Y%m%dT%H%M%SZ)
}

# As a reset does it: what is kept is carried by reflink, nested subvolumes by snapshot.
reset_root() {
	next_name root
	btrfs -q subvolume snapshot "$top/root-blank" "$top/new"
	cp -a --reflink=always "$top/root/kept" "$top/new/"
	mv --exchange "$top/root" "$top/new" 2>/dev/null || { mv "$top/root" "$top/old" && mv "$top/new" "$top/root" && mv "$top/old" "$top/new"; }
	mv "$top/new" "$top/old_roots/$name"
	setfattr -n trusted.blankroot.retired -v "$clock" "$top/old_roots/$name"
	btrfs property set -ts "$top/old_roots/$name" ro true
}

take_snapshot() {
	next_name persist
	btrfs -q subvolume snapshot -r "$top/persist" "$top/snapshots/$name"
}

# What was in use becomes the newest snapshot, with an id from before the others.
roll_back() {
	local chosen

	chosen=$(find "$top/snapshots" -mindepth 1 -maxdepth 1 | shuf -n 1 --random-source=<(yes "$RANDOM"))
	[ -n "$chosen" ] || return 0
	image_unmount
	"$BLANKROOT" rollback --config="$dir/conf" --device="$loop" "snapshots/${chosen##*/}" >/dev/null
	image_mount
}

# The blank goes its own way: archives of the one before have lost their source.
replace_blank() {
	btrfs -q subvolume snapshot "$top/root-blank" "$top/newer-blank"
	drift "$top/newer-blank" 6
	btrfs -q subvolume delete "$top/root-blank"
	mv "$top/newer-blank" "$top/root-blank"
	btrfs property set -ts "$top/root-blank" ro true
}

make_nested() {
	local name=nested-$RANDOM

	[ ! -e "$top/root/$name" ] || return 0
	btrfs -q subvolume create "$top/root/$name"
	drift "$top/root/$name" 4
}

drop_one() { # directory
	local victim

	victim=$(find "$1" -mindepth 1 -maxdepth 1 | sort | awk -v n="$RANDOM" '{ f[NR] = $0 } END { if (NR) print f[n % NR + 1] }')
	[ -n "$victim" ] || return 0
	find "$victim" -mindepth 1 -inum 256 | while read -r nested; do
		btrfs property set -f -ts "$victim" ro false
		btrfs -q subvolume delete "$nested"
	done
	btrfs -q subvolume delete "$victim"
}

make_image() {
	image_create
	image_mount
	btrfs -q subvolume create "$top/root-blank"
	btrfs -q subvolume create "$top/persist"
	mkdir -m 0700 "$top/old_roots" "$top/snapshots"
	drift "$top/root-blank" 12
	mkdir "$top/root-blank/kept"
	btrfs -q subvolume snapshot "$top/root-blank" "$top/root"
	btrfs property set -ts "$top/root-blank" ro true
	drift "$top/persist" 12
	cat >"$dir/conf" <<-END
		ephemeral root { persist = { "/kept" } }
		archives { keep-min = 0  keep = "100y"  min-free = "0%"  max-overhead = "0%" }
		snapshots { subvolumes = { "persist" } }
	END
}

live() {
	local step

	for ((step = 0; step < 14; step++)); do
		case $((RANDOM % 10)) in
		0 | 1 | 2) drift "$top/root" 8 && drift "$top/root/kept" 3 && reset_root ;;
		3 | 4) drift "$top/persist" 6 && take_snapshot ;;
		5) make_nested ;;
		6) drop_one "$top/old_roots" ;;
		7) drop_one "$top/snapshots" ;;
		8) replace_blank ;;
		9) roll_back ;;
		esac
	done
}

# Each sync wakes it, when it would not come for half a minute.
wait_for_cleaner() {
	until [ -z "$(btrfs subvolume list -d "$top")" ]; do
		btrfs filesystem sync "$top"
		sleep 0.05
	done
}

# What a quota group has alone is that and whole nodes of its tree. What is nested in an archive has a group of its own.
expect_quotas() {
	local name bytes path id alone compared=0

	wait_for_cleaner
	btrfs quota enable "$top"
	btrfs quota rescan -w "$top" >/dev/null
	while read -r name bytes; do
		path=$(find "$top/old_roots" "$top/snapshots" -maxdepth 1 -name "$name")
		[ -z "$(find "$path" -mindepth 1 -inum 256)" ] || continue
		id=$(btrfs inspect-internal rootid "$path")
		alone=$(btrfs qgroup show --raw "$top" | awk -v id="0/$id" '$1 == id { print $3 }')
		if [ "$alone" -le "$bytes" ] || [ $(((alone - bytes) % 16384)) -ne 0 ]; then
			fail "$name: $bytes, and $alone as quotas count; SEED=$seed"
		fi
		compared=$((compared + 1))
	done < <(listed)
	[ "$compared" -gt 0 ] || fail "nothing was compared with quotas; SEED=$seed"
	btrfs quota disable "$top"
}

# --- prune ---

archives_hold() {
	count_all | awk '$1 == "=" { print $2 }'
}

used() {
	stat -f -c '%b %f %S' "$top" | awk '{ print ($1 - $2) * $3 }'
}

delete_archive() { # path from the top level
	btrfs property set -f -ts "$top/$1" ro false
	find "$top/$1" -mindepth 1 -inum 256 -exec btrfs -q subvolume delete {} +
	btrfs -q subvolume delete "$top/$1"
	wait_for_cleaner
}

# Of what was used then; metadata that goes with them is not counted.
is_too_much() { # bytes held, held at first, used at first, percent
	[ $((100 * $1)) -gt $(($4 * ($3 - ($2 - $1)))) ]
}

# The limit is such that some have to go, and not all of them.
expect_limit() {
	local held used share now victim planned

	drift "$top/root" 20
	reset_root
	held=$(archives_hold) used=$(used)
	[ "$held" -gt 0 ] || fail "archives hold nothing; SEED=$seed"
	share=$((50 * held / used))
	sed -i "s/max-overhead = \"[0-9]*%\"/max-overhead = \"$share%\"/" "$dir/conf"
	planned=$("$BLANKROOT" prune --config="$dir/conf" --device="$loop" --dry-run | sed -nE 's/^would delete (.*): .*/\1/p')
	[ -n "$planned" ] || fail "none would go, although archives hold $held of $used; SEED=$seed"
	now=$held
	while read -r victim; do
		is_too_much "$now" "$held" "$used" "$share" || fail "'$victim' would go, although $now is little enough; SEED=$seed"
		delete_archive "$victim"
		now=$(archives_hold)
	done <<<"$planned"
	! is_too_much "$now" "$held" "$used" "$share" || fail "archives still hold $now, limit $share% of $used; SEED=$seed"
	expect_sizes
}

# And when it is not a dry run, until they hold little enough.
expect_prune() {
	local share

	drift "$top/root" 20
	reset_root
	share=$((50 * $(archives_hold) / $(used)))
	sed -i "s/max-overhead = \"[0-9]*%\"/max-overhead = \"$share%\"/" "$dir/conf"
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" --dry-run | sed -n 's/^would delete/deleted/p' >"$dir/planned"
	[ -s "$dir/planned" ] || fail "none would go; SEED=$seed"
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" | grep '^deleted' | diff "$dir/planned" - ||
		fail "prune did not do what the dry run (<) said; SEED=$seed"
	expect_sizes
}

make_image
for ((history = 0; history < ${HISTORIES:-8}; history++)); do
	live
	expect_sizes
done
expect_quotas
expect_limit
expect_prune
image_unmount
