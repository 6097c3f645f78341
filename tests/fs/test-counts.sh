#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What commands cost, in system calls and commits instead of time: with many archives one call for each at most, and none
# where their marks are kept; a reset the same whatever is kept; a change in a large directory not the whole directory.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

calls=openat2,getdents64,fgetxattr,flistxattr,fsetxattr,fremovexattr,renameat2,unlinkat,syncfs,fsync,write

make_image() {
	image_make_server
	cat >"$dir/conf" <<-'END'
		ephemeral root { }
		archives { keep = 100y min-free = 0% }
		snapshots { subvolumes = { "persist" } }
	END
}

make_archives() { # first, last
	local number

	for number in $(seq "$1" "$2"); do
		btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/root.$(date -ud "2025-01-01 +$number hours" +%Y%m%dT%H%M%SZ)"
	done
}

# Other disks of the machine are looked at, too, in calls that are not counted.
count() { # program and argument...
	strace -qq -f -o "$dir/trace" -e "trace=ioctl,$calls" "$@" >"$dir/out" 2>"$dir/err" || [ "$2" = status ] ||
		fail "$*: $(cat "$dir/err")"
	awk '$2 !~ /^ioctl/ || /BTRFS_IOC/ { n += !/ resumed>/ } END { print n }' "$dir/trace"
}

count_command() { # command, argument...
	count "$BLANKROOT" "$@" --config="$dir/conf" --device="$loop"
}

count_reset() {
	count "$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume
}

# status ends with what it found: that there was no boot.
count_all() {
	mkdir -p "$dir/state"
	rm -f "$dir/state/overhead.json"
	list=$(count_command list)
	json=$(count_command list --json)
	prune=$(count_command prune --dry-run)
	status=$(count_command status --json)
	metrics=$(count_command metrics --state="$dir/state" --report="$dir/none" --output="$dir/metrics")
}

at_most() { # what, number, most
	echo "$1: $2"
	[ "$2" -le "$3" ] || fail "$1: $2 calls instead of $3: $(sed -E 's/^[0-9]+ +//' "$dir/trace" | cut -c1-60 | sort | uniq -c | sort -rn | head)"
}

# One for the marks of each and, but for list, two for what it holds: one that reads it, and one that finds the end. What
# is to be said comes in blocks.
check_each() {
	local before_list before_json before_prune before_status before_metrics more=100

	setfattr -n trusted.blankroot.retired -v 1735787045 "$top/root"
	make_archives 1 10
	count_all
	before_list=$list before_json=$json before_prune=$prune before_status=$status before_metrics=$metrics
	make_archives 11 $((10 + more))
	count_all
	at_most "list of $more more" $((list - before_list)) $((more + 10))
	at_most "list --json of $more more" $((json - before_json)) $((more + 20))
	at_most "prune --dry-run of $more more" $((prune - before_prune)) $((3 * more + 20))
	at_most "status of $more more" $((status - before_status)) $((3 * more + 20))
	at_most "metrics of $more more" $((metrics - before_metrics)) $((3 * more + 20))
}

# --- marks that are kept ---

# But for reasons, of which some are ages.
same_list() { # what happened
	# shellcheck disable=SC2054 # one word
	local list=("$BLANKROOT" list --config="$dir/conf" --device="$loop" --output=NAME,KIND,TIME,GOOD,PINNED,STAYS,COMMENT)

	"${list[@]}" >"$dir/with"
	mv "$top/.blankroot/marks" "$dir/marks"
	"${list[@]}" >"$dir/without"
	cp "$dir/marks" "$top/.blankroot/marks"
	diff "$dir/without" "$dir/with" >&2 || fail "$1: the list with kept marks (>) is another one"
}

prune() {
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" >"$dir/out" 2>&1 || fail "prune: $(cat "$dir/out")"
}

check_kept() {
	local first=old_roots/root.20250101T010000Z second=old_roots/root.20250101T020000Z

	[ ! -e "$top/.blankroot/marks" ] || fail 'the marks of few are kept'
	make_archives 111 300
	prune
	[ -s "$top/.blankroot/marks" ] || fail 'marks are not kept'
	[ "$(stat -c %a "$top/.blankroot/marks")" = 600 ] || fail 'others can read the marks'
	at_most 'list of 300 with kept marks' "$(count_command list)" 60
	same_list prune
	# what was changed since is not taken from there
	"$BLANKROOT" snapshot pin --config="$dir/conf" --device="$loop" "${first#*/}" >"$dir/out"
	btrfs property set -f -ts "$top/$second" ro false
	setfattr -n trusted.blankroot.comment -v 'why it is here' "$top/$second"
	btrfs property set -ts "$top/$second" ro true
	same_list 'a pin and a comment'
	grep -q "^${first#*/} .* yes *yes" "$dir/with" || fail "the pin is not shown: $(grep "${first#*/}" "$dir/with")"
	grep -q "^${second#*/} .* why it is here$" "$dir/with" || fail 'the comment is not shown'
	at_most 'list after that' "$(count_command list)" 65
	prune
	same_list 'prune after that'
	"$BLANKROOT" snapshot unpin --config="$dir/conf" --device="$loop" "${first#*/}" >"$dir/out"
	btrfs property set -f -ts "$top/$second" ro false
	setfattr -n trusted.blankroot.pinned -v 1 "$top/$second"
	same_list 'one that is writable'
	btrfs property set -ts "$top/$second" ro true
	same_list 'marked by hand'
	make_archives 301 302
	same_list 'new ones'
	check_damaged
}

# Whatever is in the file, the list is right.
check_damaged() {
	local size at

	size=$(stat -c %s "$top/.blankroot/marks")
	for at in 0 8 16 24 $((size / 2)) $((size - 1)); do
		truncate -s "$at" "$top/.blankroot/marks"
		same_list "cut to $at"
		cp "$dir/marks" "$top/.blankroot/marks"
	done
	rm "$top/.blankroot/marks"
	prune
	head -c 65536 /dev/urandom >"$top/.blankroot/marks"
	same_list noise
	prune
	same_list 'prune after noise'
	at_most 'list after noise' "$(count_command list)" 65
}

# --- others ---

check_reset() {
	local before after

	count_reset >"$dir/count" # the first one finds no records of one before
	before=$(count_reset)
	make_archives "$1" "$2"
	after=$(count_reset)
	[ "$before" -eq "$after" ] || fail "a reset needs $after calls with $(($2 - $1 + 1)) archives more, $before without"
	echo "reset: $before"
}

generation() {
	sync -f "$top"
	btrfs inspect-internal dump-super "$loop" | awk '$1 == "generation" { print $2 }'
}

# A snapshot is a commit, and the kernel makes but one in a directory at a time; a comment needs one more each.
check_commits() {
	local before names=()

	for number in {0..9}; do
		btrfs -q subvolume create "$top/s$number"
		names+=("s$number")
	done
	before=$(generation)
	count_command snapshot create "${names[@]}" >"$dir/count"
	at_most 'commits of ten snapshots' $(($(generation) - before)) 12
	before=$(generation)
	count_command snapshot create --comment=why "${names[@]}" >"$dir/count"
	at_most 'commits of ten snapshots with a comment' $(($(generation) - before)) 23
}

# Names in an index that were read, as strace tells of calls that had that key.
entries_read() {
	awk -F 'nr_items=' '/min_type=BTRFS_DIR_INDEX_KEY/ && /max_type=BTRFS_DIR_INDEX_KEY/ { sub(/}.*/, "", $3); n += $3 }
		END { print n + 0 }' "$dir/trace"
}

# Of two directories of 5,000 names, of which one lost a name and the other got one.
check_diff() {
	local read

	mkdir "$top"/root/{less,more}
	(cd "$top/root/less" && seq 5000 | xargs touch)
	(cd "$top/root/more" && seq 5000 | xargs touch)
	btrfs filesystem sync "$top"
	btrfs -q subvolume snapshot -r "$top/root" "$top/large-blank"
	cp "$dir/conf" "$dir/conf.before"
	echo 'ephemeral root { blank = large-blank }' >"$dir/conf"
	rm "$top/root/less/2500"
	touch "$top/root/more/new"
	count_command diff >"$dir/count"
	[ "$(wc -l <"$dir/out")" -eq 2 ] || fail "diff: $(cat "$dir/out")"
	read=$(entries_read)
	echo "diff: $read names read"
	[ "$read" -ge 2 ] || fail "diff: the trace is incomplete"
	[ "$read" -le 5000 ] || fail "diff reads $read names for two"
	mv "$dir/conf.before" "$dir/conf"
}

command -v strace >"$dir/which" || skip 'needs strace'
make_image
check_reset 1000 1050
check_commits
check_diff
check_each
check_kept
