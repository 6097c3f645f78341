#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot scrub on real devices: what it finds and repairs is what btrfs scrub finds and repairs on a copy of the same
# disks; it goes on where it was stopped, killed, or where btrfs scrub was, and the other way round.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/disks.sh
. tests/support/disks.sh

attach() { # disk...
	disks_attach "$@"
	btrfs device scan "${devices[@]}" >/dev/null
	mount -t btrfs -o subvolid=5,noatime "${devices[0]}" "$top"
	uuid=$(blkid -p -s UUID -o value "${devices[0]}")
	record=$records/scrub.status.$uuid
}

detach() {
	! mountpoint -q "$top" || umount "$top"
	disks_release
}

make_disks() { # size, option of mkfs, disk...
	local size=$1 options=$2 disk device
	local -a made=()

	shift 2
	truncate -s "$size" "$@"
	for disk; do
		device=$(losetup --find --show "$disk")
		made+=("$device")
	done
	# shellcheck disable=SC2086 # words
	mkfs.btrfs -q $options "${made[@]}" >/dev/null 2>&1
	losetup --detach "${made[@]}"
	attach "$@"
}

# Five blocks of a file of one extent, on one of the devices.
damage() { # file, index of the device, disk
	local logical at

	logical=$(filefrag -v "$1" | sed -nE 's/^ +0: +[0-9]+\.\. +[0-9]+: +([0-9]+)\.\..*/\1/p')
	umount "$top"
	at=$(btrfs-map-logical -l $((logical * 4096)) "${devices[0]}" 2>/dev/null |
		awk -v device="${devices[$2]}" '$NF == device { print $6; exit }')
	[ -n "$at" ] || fail "the file is not on $3"
	detach
	dd if=/dev/zero of="$3" bs=4096 seek=$((at / 4096 + 1)) count=5 conv=notrunc status=none
}

scrub() { # exit code, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" scrub "$@" --config="$dir/conf" --device="${devices[0]}" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$expected" ] || fail "scrub $*: exit code $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "does not say '$1': $(cat "$dir/out" "$dir/err")"
}

is_silent() {
	[ ! -s "$dir/err" ] || fail "on standard error: $(cat "$dir/err")"
}

json_is() { # filter
	scrub 0 status --json
	jq -e "$1" "$dir/out" >/dev/null || fail "JSON: not $1: $(cat "$dir/out")"
}

number() { # filter
	"$BLANKROOT" scrub status --json --config="$dir/conf" --device="${devices[0]}" | jq "$1"
}

begin() { # argument of scrub...
	"$BLANKROOT" scrub "$@" --config="$dir/conf" --device="${devices[0]}" >"$dir/begun" 2>&1 &
	scrubber=$!
}

wait_until() { # command...
	local i

	for ((i = 0; i < 600; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	fail "in vain: $*: $(cat "$dir/begun")"
}

has_scrubbed() { # bytes
	[ "$(number 'if .running then .scrubbed else 0 end')" -ge "$1" ]
}

# Of the scrub that runs.
has_recorded() { # bytes
	local bytes

	bytes=$(sed -n 's/.*|data_bytes_scrubbed:\([0-9]*\)|.*|finished:0$/\1/p' "$record")
	[ "${bytes:-0}" -ge "$1" ]
}

# What btrfs-progs understand of the record, device by device: how it ended, and the counters, but for those of the
# trees, which each record that is written changes.
as_btrfs_says() {
	btrfs scrub status -d -R "$top" | sed -nE '/tree_|last_physical/d; s/^\t? *((Status|[a-z_]+):) *(.*)/\1 \3/p'
}

limits() {
	cat /sys/fs/btrfs/"$uuid"/devinfo/*/scrub_speed_max | xargs
}

mib=1048576

# --- damage, on copies of the same disks ---

# The counters of each device, from the record of whoever scrubbed.
counters() {
	sed -nE 's/^[^:]*:([0-9]+).*\|(read_errors:.*)\|last_physical.*/\1 \2/p' "$record"
}

by_btrfs() { # exit code, disk...
	local expected=$1 code=0 disk

	shift
	attach "${@/%/.copy}"
	btrfs scrub start -B "$top" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq "$expected" ] || fail "btrfs scrub: exit code $code: $(cat "$dir/out")"
	counters >"$dir/counters.btrfs"
	detach
	rm "$record" "${@/%/.copy}"
}

make_damaged() { # options of mkfs, index of the device to damage, disk...
	local index=$2 disk

	make_disks 256M "$1" "${@:3}"
	head -c 65536 /dev/urandom >"$top/damaged"
	head -c 8M /dev/urandom >"$top/whole"
	sha256sum "$top"/* >"$dir/sums"
	sync -f "$top"
	shift 2
	damage "$top/damaged" "$index" "${@:index+1:1}"
	for disk; do
		cp --sparse=always "$disk" "$disk.copy"
	done
}

check_mirror() {
	local one=$dir/one two=$dir/two

	make_damaged '-d raid1 -m raid1' 1 "$one" "$two"
	by_btrfs 0 "$one" "$two"
	attach "$one" "$two"
	scrub 1 start --read-only
	says '5 errors, 0 of them repaired'
	says '5 errors were left as they are; without --read-only'
	scrub 0 start
	is_silent
	says 'scrub finished, after '
	says '5 errors, 5 of them repaired'
	counters | diff "$dir/counters.btrfs" - >&2 || fail 'btrfs scrub (<) counts otherwise (>)'
	json_is '.state == "finished" and .errors == 5 and .repaired == 5 and .uncorrectable == 0 and
		(.devices | length) == 2 and .devices[0].csum_errors == 0 and
		.devices[1] == (.devices[1] + { id: 2, csum_errors: 5, repaired: 5, state: "finished" })'
	"$BLANKROOT" status --config="$dir/conf" --device="${devices[0]}" --report=/none >"$dir/out" 2>&1 || :
	says ', finished, 5 errors, 5 of them repaired'
	says "device 2 (${devices[1]}): 5 errors, 5 of them repaired"
	says 'warning: the last scrub found 5 errors, 5 of them repaired'
	scrub 0 start
	says ', no errors'
	sha256sum --quiet -c "$dir/sums" || fail 'it has not repaired what was damaged'
	btrfs scrub start -B "$top" >"$dir/out"
	says 'no errors found'
	detach
	rm "$one" "$two"
}

check_uncorrectable() {
	local one=$dir/one

	make_damaged '-d single -m dup' 0 "$one"
	by_btrfs 3 "$one"
	attach "$one"
	scrub 1 start
	says '5 errors, 0 of them repaired'
	says 'blankroot scrub: 5 errors could not be repaired'
	counters | diff "$dir/counters.btrfs" - >&2 || fail 'btrfs scrub (<) counts otherwise (>)'
	scrub 0 status
	says '5 uncorrectable'
	[ "$(jq -r .outcome "$top/.blankroot/jobs/scrub.json")" = failed ] || fail 'for the record of the job it is not failed'
	scrub 1 start --json
	jq -e '.errors == 5 and .uncorrectable == 5 and .state == "finished"' "$dir/out" >/dev/null || fail "$(cat "$dir/out")"
	"$BLANKROOT" status --config="$dir/conf" --device="${devices[0]}" --report=/none >"$dir/out" 2>&1 || :
	says 'error: the last scrub found 5 errors, 0 of them repaired'
	detach
	rm "$one"
}

# --- going on ---

check_whole() {
	json_is '.state == "never" and .started == null and .running == false'
	scrub 0
	says 'State        never'
	scrub 0 start --dry-run
	says 'from its beginning'
	if [ -e "$record" ] || [ -e "$top/.blankroot" ]; then
		fail 'a dry run changed something'
	fi
	scrub 4 resume
	says 'nothing to resume: no scrub is known'
	scrub 0 cancel
	says 'no scrub is running'
	scrub 0 start
	is_silent
	says 'scrub finished, after '
	json_is ".state == \"finished\" and .finished and .uuid == \"$uuid\" and .scrubbed == .total and .total > 150 * $mib and
		(.started - $(date +%s) | fabs) < 600"
	as_btrfs_says >"$dir/ours"
	btrfs scrub start -B "$top" >"$dir/out"
	as_btrfs_says | diff "$dir/ours" - >&2 || fail 'what btrfs scrub writes (>) is not what we write (<)'
	cmp -s <(tr -d '0-9' <"$record") <(tr -d '0-9' <"$top/.blankroot/scrub.status") || fail 'the copy is another one'
	jq -e '.outcome == "done" and .numbers.errors == 0 and .numbers.scrubbed_bytes > 0' "$top/.blankroot/jobs/scrub.json" \
		>"$dir/out" || fail "the record of the job: $(cat "$top/.blankroot/jobs/scrub.json")"
	[ "$(stat -c %a "$record")" = 600 ] || fail 'others can read it'
	scrub 4 resume
	says 'nothing to resume: the last scrub was finished'
}

# Stopped by a signal, as for a shutdown; what goes on reads what is left.
check_stopped() {
	local before

	echo 77777777 >"/sys/fs/btrfs/$uuid/devinfo/1/scrub_speed_max"
	begin start --limit=16M
	wait_until has_scrubbed $((60 * mib))
	[ "$(limits)" = $((16 * mib)) ] || fail "limited to $(limits)"
	scrub 4 start --wait=0
	says 'is working on it'
	json_is '.state == "running" and .running and (.finished | not) and .devices[0].state == "running"'
	btrfs scrub status "$top" | grep -q 'Status: *running' || fail 'btrfs scrub does not see that it runs'
	kill -TERM "$scrubber"
	before=0
	wait "$scrubber" || before=$?
	[ "$before" -eq 4 ] || fail "stopped, it ended with $before: $(cat "$dir/begun")"
	[ "$(jq -r .outcome "$top/.blankroot/jobs/scrub.json")" = stopped ] || fail 'for the record of the job it was not stopped'
	grep -q 'scrub stopped at ' "$dir/begun" || fail "stopped, it says $(cat "$dir/begun")"
	[ "$(limits)" = 77777777 ] || fail "the limit was not restored: $(limits)"
	echo 0 >"/sys/fs/btrfs/$uuid/devinfo/1/scrub_speed_max"
	btrfs scrub status "$top" | grep -q 'Status: *aborted' || fail 'for btrfs scrub it was not stopped'
	json_is '.state == "interrupted" and (.finished | not)'
	before=$(number .scrubbed)
	scrub 0 resume --dry-run
	says 'would go on with the scrub'
	says ' on'
	# the root was reset meanwhile, and /var/lib with it
	rm "$record"
	scrub 0 resume
	says 'going on with the scrub that was interrupted'
	says 'scrub finished'
	json_is ".finished and .scrubbed - $before < .total * 9 / 10 and .scrubbed >= .total"
	grep -q '|t_resumed:[1-9]' "$record" || fail 'it does not say that it was resumed'
}

check_killed() {
	local before

	begin start --limit=12M
	wait_until has_recorded $((56 * mib))
	kill -KILL "$scrubber"
	wait "$scrubber" || :
	# before Linux 6.19 the kernel may go on by itself
	scrub 0 cancel
	json_is '.state == "interrupted"'
	before=$(number .scrubbed)
	[ -e "$records/blankroot.scrub-limit.$uuid" ] || fail 'the limit is not noted'
	# start goes on too
	scrub 0 start
	says 'going on with the scrub that was interrupted'
	json_is ".finished and .scrubbed - $before < .total * 9 / 10 and .scrubbed >= .total"
	[ "$(limits)" = 0 ] || fail "the limit of one that was killed is left: $(limits)"
	[ ! -e "$records/blankroot.scrub-limit.$uuid" ] || fail 'the note is left'
}

# What one has stopped the other one goes on with.
check_progs() {
	local before

	begin start --limit=16M
	wait_until has_scrubbed $((60 * mib))
	scrub 0 cancel
	says 'cancelled'
	wait "$scrubber" && fail 'cancelled by another one, it ended with 0'
	before=$(number .scrubbed)
	btrfs scrub resume -B "$top" >"$dir/out" || fail 'btrfs scrub does not go on'
	json_is ".finished and .scrubbed - $before < .total * 9 / 10 and .scrubbed >= .total"
	echo $((16 * mib)) >"/sys/fs/btrfs/$uuid/devinfo/1/scrub_speed_max"
	btrfs scrub start -B "$top" >"$dir/begun" 2>&1 &
	scrubber=$!
	wait_until has_scrubbed $((60 * mib))
	scrub 1 start
	says 'a scrub is running already'
	scrub 0 cancel --dry-run
	says 'would cancel'
	btrfs scrub cancel "$top" >"$dir/out"
	wait "$scrubber" || :
	echo 0 >"/sys/fs/btrfs/$uuid/devinfo/1/scrub_speed_max"
	before=$(number .scrubbed)
	scrub 0 start
	says 'going on'
	json_is ".finished and .scrubbed - $before < .total * 9 / 10 and .scrubbed >= .total"
}

# Too long ago, dated in the future, or not wanted: all of it again.
check_anew() {
	local now changed

	now=$(date +%s)
	for changed in $((now - 8 * 86400)) $((now + 86400)); do
		rm -f "$top/.blankroot/scrub.status"
		sed -i -E "s/t_start:[0-9]+/t_start:$changed/; s/t_resumed:[0-9]+/t_resumed:0/; s/canceled:0/canceled:1/" "$record"
		json_is '.state == "interrupted"'
		scrub 0 start --dry-run
		says 'would begin a scrub'
		scrub 0 resume --dry-run
		says 'would go on'
	done
	sed -i -E "s/t_start:[0-9]+/t_start:$((now - 3600))/" "$record"
	scrub 0 start --dry-run
	says 'would go on'
	scrub 0 start --dry-run --restart
	says 'would begin a scrub'
	scrub 0 start --restart
	json_is '.finished and .scrubbed == .total'
}

# A bar where there is a terminal; where there is none, not a byte of it.
check_terminal() {
	local command="'$BLANKROOT' scrub start --limit=60M --config='$dir/conf' --device='${devices[0]}'"

	TERM=xterm script -qec "stty columns 100; $command" "$dir/typescript" >/dev/null </dev/null
	grep -qE 'blankroot scrub: \[#*\.*\] +[0-9]+%, [0-9.]+ MiB, [0-9.]+ MiB/s, [0-9]+ seconds? left' "$dir/typescript" ||
		fail "no bar: $(cat -v "$dir/typescript")"
	TERM=dumb script -qec "$command" "$dir/typescript" >/dev/null </dev/null
	! grep -q 'left' "$dir/typescript" || fail 'a bar that the terminal cannot clear'
}

# --- what is not as it should be ---

check_missing_sysfs() {
	local code=0

	# shellcheck disable=SC2016 # for the other shell
	unshare --mount sh -c 'mount -t tmpfs none /sys/fs/btrfs && exec "$@"' sh \
		"$BLANKROOT" scrub start --limit=1G --config="$dir/conf" --device="${devices[0]}" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq 1 ] || fail "without sysfs: exit code $code"
	says 'this kernel cannot limit a scrub'
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t tmpfs none /sys/fs/btrfs && exec "$@"' sh \
		"$BLANKROOT" scrub start --config="$dir/conf" --device="${devices[0]}" >"$dir/out" 2>&1 || fail 'without sysfs'
	says 'scrub finished'
}

check_records() {
	echo nonsense >"$record"
	scrub 1 status
	says 'not the record of a scrub'
	scrub 0 start
	json_is '.finished'
	mount -t tmpfs -o ro none "$records"
	scrub 0 start
	says 'scrub finished'
	says 'warning: not recorded: '
	umount "$records"
	chattr +i "$top/.blankroot"
	scrub 0 start
	says 'warning: not recorded: '
	chattr -i "$top/.blankroot"
}

check_read_only() {
	umount "$top"
	mount -t btrfs -o subvolid=5,ro "${devices[0]}" "$top"
	scrub 0 start --read-only
	says 'scrub finished'
	umount "$top"
	blockdev --setro "${devices[0]}"
	scrub 1 start
	says 'cannot mount'
	# it is mounted by somebody, with its log replayed
	mount -t btrfs -o subvolid=5,ro "${devices[0]}" "$top"
	scrub 0 start --read-only
	says 'scrub finished'
	blockdev --setrw "${devices[0]}"
	umount "$top"
	mount -t btrfs -o subvolid=5,noatime "${devices[0]}" "$top"
}

check_refusals() {
	local what other code

	for what in 0 -1 10X 5MB '' ' 5' 1e3 0x10 nan 99999999T; do
		scrub 2 start --limit="$what"
		says "--limit takes bytes a second, as 50M, not '$what'"
	done
	scrub 2 status --limit=1M
	scrub 2 resume --restart
	scrub 2 cancel --json
	scrub 2 status --dry-run
	scrub 2 start --dry-run --json
	code=0
	chmod 755 "$dir"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BLANKROOT" scrub start --config="$dir/conf" \
		--device="${devices[0]}" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq 1 ] || fail "without privilege: exit code $code"
	says 'only root can do that'
	truncate -s 16M "$dir/ext4"
	mkfs.ext4 -q "$dir/ext4"
	other=$(losetup --find --show "$dir/ext4")
	code=0
	"$BLANKROOT" scrub start --config="$dir/conf" --device="$other" >"$dir/out" 2>&1 || code=$?
	losetup --detach "$other"
	[ "$code" -eq 1 ] || fail "without btrfs: exit code $code"
	says 'holds ext4, not btrfs'
}

check_full() {
	cat /dev/zero >"$top/fill" 2>/dev/null || :
	sync -f "$top"
	scrub 0 start
	says 'scrub finished'
	rm "$top/fill"
}

# Cancelled by another program in the first device, no other begins; cancelled between two, the next one is.
check_parity_cancelled() {
	begin start --limit=8M
	wait_until has_scrubbed 1
	scrub 0 cancel
	says 'cancelled'
	wait "$scrubber" && fail 'cancelled, it ended with 0'
	json_is '.state == "interrupted" and [.devices[].scrubbed > 0] == [true, false, false]'
	begin resume --limit=4M
	wait_until has_scrubbed 1
	kill -STOP "$scrubber" # the kernel goes on with the device that it is at
	wait_until is_between
	(sleep 1 && kill -CONT "$scrubber") &
	scrub 0 cancel
	says 'cancelled'
	wait "$scrubber" && fail 'cancelled between two devices, it ended with 0'
	json_is '.devices[0].state == "finished" and .devices[2].scrubbed == 0'
	scrub 0 resume
}

is_between() {
	[ "$(number .running)" = false ]
}

# One device after another: what is stopped in the first one has not begun with the others.
check_parity() {
	local disks=("$dir/one" "$dir/two" "$dir/three")

	make_disks 256M '-d raid5 -m raid1' "${disks[@]}"
	head -c 40M /dev/urandom >"$top/whole"
	sync -f "$top"
	scrub 0 start --dry-run
	says 'would begin a scrub, of one device after another:'
	begin start --limit=1M
	wait_until has_scrubbed 1
	json_is '[.devices[].state] == ["running", "waiting", "waiting"]'
	kill -INT "$scrubber" # a program in the background ignores it
	kill -TERM "$scrubber"
	wait "$scrubber" && fail 'stopped, it ended with 0'
	json_is '.state == "interrupted" and [.devices[].scrubbed > 0] == [true, false, false]'
	scrub 0 resume
	json_is '[.devices[].state] == ["finished", "finished", "finished"]'
	check_parity_cancelled
	# one after another they take as long as all together
	rm "$top/.blankroot/scrub.status"
	sed -i -E "s/t_start:[0-9]+\|t_resumed:[0-9]+\|duration:[0-9]+/t_start:1000|t_resumed:0|duration:10/" "$record"
	json_is '.duration == 10'
	sed -i -E 's/^([^:]*:2\|.*)t_start:1000/\1t_start:1010/; s/^([^:]*:3\|.*)t_start:1000/\1t_start:1050/' "$record"
	json_is '.duration == 30'
	detach
	rm "${disks[@]}"
}

echo 'ephemeral root { }' >"$dir/conf"
check_mirror
check_uncorrectable
check_parity
# Block groups of 25 MiB: what was stopped in the third one does not read the first two again.
make_disks 256M '' "$dir/disk"
head -c 150M /dev/urandom >"$top/data"
sync -f "$top"
check_whole
check_stopped
check_killed
check_progs
check_anew
check_terminal
check_missing_sysfs
check_records
check_read_only
check_refusals
check_full
