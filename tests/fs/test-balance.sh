#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot balance: moves nothing while there is enough, and else no more than that takes; what it says agrees with what
# btrfs-progs says; it is paused, cancelled, killed; it knows what it must not touch.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

balance() { # expected exit code, argument...
	local code=0

	"$BLANKROOT" balance "${@:2}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$1" ] || fail "'${*:2}' ended with $code, not $1: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "not '$1' in: $(cat "$dir/out" "$dir/err")"
}

is() { # filter, of the last --json
	jq -e "$1" "$dir/out" >/dev/null || fail "not $1: $(cat "$dir/out")"
}

recorded() { # filter
	jq -e "$1" "$top/.blankroot/jobs/balance.json" >/dev/null ||
		fail "record: not $1: $(cat "$top/.blankroot/jobs/balance.json")"
}

# In bytes, of all devices, as btrfs-progs adds it up.
unallocated() {
	btrfs filesystem usage -b "$top" | sed -nE 's/^ *Device unallocated:\s*([0-9]+)$/\1/p'
}

profiles() {
	btrfs filesystem df "$top" | sed 's/:.*//' | sort
}

sums() {
	(cd "$top" && find . -path ./.blankroot -prune -o -type f -print0 | sort -z | xargs -0 cat | sha256sum)
}

# Of 3 MiB files, two of three are deleted: all block groups are used by a third.
fill() { # where the content comes from
	local i

	for ((i = 0; i < 100; i++)); do
		head -c 3M "$1" >"$top/file.$i" 2>/dev/null || break
	done
	sync -f "$top"
}

thin_out() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ $((i % 3)) -eq 0 ] || rm -f "$top/file.$i"
	done
	sync -f "$top"
	btrfs filesystem sync "$top"
}

check_plenty() {
	balance 0 --dry-run --json --unallocated=10M
	is '.end == "enough" and .moved == 0'
	[ ! -e "$top/.blankroot/jobs/balance.json" ] || fail 'a dry run has left a record'
	balance 0 --json --unallocated=10M
	is '.end == "enough" and .moved == 0'
	recorded '.outcome == "done" and .success_ended > 0 and .numbers.moved_block_groups == 0'
}

check_fragmented() {
	local before after content names

	fill /dev/urandom
	thin_out
	content=$(sums) names=$(profiles) before=$(unallocated)
	balance 0 --dry-run --json --unallocated=150M
	is ".moved >= 1 and .unallocated_before == $before and .end == \"enough\""
	[ "$(unallocated)" -eq "$before" ] || fail 'a dry run has changed something'
	balance 0 --json --unallocated=150M
	after=$(unallocated)
	is ".moved >= 1 and .unallocated_before == $before and .unallocated == $after and .end == \"enough\""
	[ "$after" -ge $((150 << 20)) ] || fail "only $after bytes are unallocated"
	[ "$(sums)" = "$content" ] || fail 'the content of files is another one'
	[ "$(profiles)" = "$names" ] || fail "the profiles are others: $(profiles)"
	recorded ".outcome == \"done\" and .numbers.unallocated_bytes == $after"
	# there is enough now
	balance 0 --json --unallocated=150M
	is '.moved == 0'
	# what cannot be reached ends, too, and is told
	balance 0 --unallocated=99%
	says 'is to be gained'
	says 'Metadata stays where it is'
	balance 0 --json --unallocated=99% --dry-run
	is '.end == "no-gain" and .moved == 0'
	# packed: even if all might be moved
	balance 0 --json --unallocated=99% --usage=100
	is '.end == "no-gain"'
}

check_full() {
	dd if=/dev/zero of="$top/fill" bs=1M status=none 2>/dev/null && fail 'it is not full'
	sync -f "$top" || true
	balance 0
	says 'Nothing is to be gained'
	rm "$top/fill"
	sync -f "$top"
	btrfs filesystem sync "$top"
}

# A run that has begun, and goes no further than the end of what the kernel does for it just now. It may have been faster:
# then the return value is 1.
begin_run() {
	local record=$top/.blankroot/jobs/balance.json

	rm -f "$top"/file.* "$record"
	fill /dev/zero
	thin_out
	"$BLANKROOT" balance --unallocated=99% --usage=100 --metadata --config="$dir/conf" --device="$loop" >"$dir/run" 2>&1 &
	runner=$!
	until [ -s "$record" ] || ! kill -0 "$runner" 2>/dev/null; do :; done
	kill -STOP "$runner" 2>/dev/null || true
	! grep -q '"outcome": "running"' "$record" || return 0
	wait "$runner" || fail "it failed: $(cat "$dir/run")"
	return 1
}

# How such a run ends by this command.
stop_by() { # expected exit code, command...
	local attempt code

	for ((attempt = 0; attempt < 50; attempt++)); do
		begin_run || continue
		"${@:2}" >"$dir/stop" 2>&1 || fail "'${*:2}' failed: $(cat "$dir/stop")"
		kill -CONT "$runner"
		code=0
		wait "$runner" || code=$?
		! grep -q '"outcome": "done"' "$top/.blankroot/jobs/balance.json" || continue # that was its last block group
		[ "$code" -eq "$1" ] || fail "'${*:2}': it ended with $code, not $1: $(cat "$dir/run" "$dir/stop")"
		return 0
	done
	fail "'${*:2}' has never come in time: $(cat "$dir/run")"
}

ask() { # subcommand
	"$BLANKROOT" balance "$1" --config="$dir/conf" --device="$loop"
}

term_runner() {
	kill -TERM "$runner"
}

check_stops() {
	local content

	stop_by 143 term_runner
	recorded '.outcome == "stopped" and .ended > 0'
	balance 0 status --json
	is '.state == "none"'
	stop_by 143 ask cancel
	stop_by 0 ask pause
	recorded '.message | startswith("paused")'
	content=$(sums)
	balance 0 resume
	balance 0 status --json
	is '.state == "none"'
	[ "$(sums)" = "$content" ] || fail 'the content of files is another one'
	balance 1 cancel
	says 'there is no balance'
	balance 1 pause
	says 'no balance is running'
}

check_killed() {
	local attempt

	for ((attempt = 0; attempt < 50; attempt++)); do
		begin_run || continue
		kill -KILL "$runner"
		! wait "$runner" || fail 'it ended with success'
		break
	done
	recorded '.outcome == "running"'
	balance 0 status
	says 'interrupted'
	balance 0 --unallocated=10M
	recorded '.outcome == "done"'
}

# Of another program, and paused.
check_foreign() {
	local attempt other

	for ((attempt = 0; attempt < 50; attempt++)); do
		rm -f "$top"/file.*
		fill /dev/zero
		btrfs balance start --full-balance "$top" >/dev/null 2>&1 &
		other=$!
		until btrfs balance pause "$top" >/dev/null 2>&1 || ! kill -0 "$other" 2>/dev/null; do :; done
		wait "$other" || true
		! btrfs balance status "$top" >/dev/null || continue
		break
	done
	balance 0 status --json
	is '.state == "paused" and (.ours | not)'
	balance 4 --unallocated=90%
	says "another program's balance is paused"
	recorded '.outcome == "not-now"'
	balance 0 cancel
	balance 0 status --json
	is '.state == "none"'
}

check_two() {
	exec 8<"$top/.blankroot/maintenance.lock"
	flock 8
	balance 4 --wait=0
	says 'not now: '
	exec 8<&-
}

check_usage() {
	balance 2 --usage=0
	balance 2 --usage=101
	balance 2 --unallocated=0
	balance 2 --unallocated=1.5G
	balance 2 surplus
	! setpriv --reuid=65534 --clear-groups "$BLANKROOT" balance --config="$dir/conf" --device="$loop" 2>"$dir/err" ||
		fail 'anybody may balance'
	grep -q 'only root can do that' "$dir/err" || fail "not root: $(cat "$dir/err")"
	truncate -s 16M "$dir/plain"
	! "$BLANKROOT" balance --config="$dir/conf" --device="$dir/plain" 2>/dev/null || fail 'of what is no btrfs'
}

# Two devices, and then one of them missing.
check_raid1() {
	local second before after

	umount "$top"
	truncate -s 512M "$dir/second"
	second=$(losetup --find --show "$dir/second")
	exec 7<>"$second"
	losetup --detach "$second"
	mkfs.btrfs -q -f -d raid1 -m raid1 "$loop" "$second" >/dev/null
	image_mount
	fill /dev/zero
	thin_out
	before=$(unallocated)
	balance 0 --json --unallocated=300M
	after=$(unallocated)
	is ".moved >= 1 and .unallocated_before == $before and .unallocated == $after and .wanted_devices == 0"
	[ "$after" -gt "$before" ] || fail "$before bytes were unallocated, $after are now"
	profiles | grep -vE 'RAID1$|GlobalReserve' && fail 'no RAID1 any more'
	balance 0 status --json
	is '.wanted_devices == 2'
	umount "$top"
	wipefs -qa "$second"
	btrfs device scan --forget
	echo 'degraded = yes' >>"$dir/conf"
	mount -t btrfs -o subvolid=5,noatime,degraded "$loop" "$top"
	before=$(profiles)
	balance 1 --unallocated=90%
	says 'devices are missing (1)'
	balance 4 --unallocated=90% --scheduled
	recorded '.outcome == "not-now"'
	[ "$(profiles)" = "$before" ] || fail 'it was converted'
}

image_create
image_mount
echo 'ephemeral root { }' >"$dir/conf"
check_plenty
check_fragmented
check_full
check_two
check_usage
check_stops
check_killed
check_foreign
check_raid1
