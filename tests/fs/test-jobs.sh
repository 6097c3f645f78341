#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Jobs: when it is not the moment for one; prune while another job runs; what is noted of each, and what status makes of it.
set -euo pipefail

# The backups of others, and of other tests, are none of its business: it has processes of its own.
if [ "$(id -u)" -eq 0 ] && [ $$ -ne 1 ]; then
	exec unshare --pid --fork --kill-child --mount-proc "$BASH" "$0" "$@"
fi

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

job() { # expected exit code, command, argument...
	local code=0

	"$BLANKROOT" "${@:2}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$1" ] || fail "'${*:2}' ended with $code, not $1: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "not '$1' in: $(cat "$dir/out" "$dir/err")"
}

records=$top/.blankroot/jobs

recorded() { # job, filter
	jq -e "$2" "$records/$1.json" >/dev/null || fail "record of $1: not $2: $(cat "$records/$1.json")"
}

# Of a machine with this power supply.
power() { # name, key=value...
	local pair

	mkdir -p "$dir/power/$1"
	for pair in "${@:2}"; do
		echo "${pair#*=}" >"$dir/power/$1/${pair%%=*}"
	done
}

check_battery() {
	local name

	mkdir "$dir/power"
	mount --bind "$dir/power" /sys/class/power_supply
	for name in balance trim; do
		job 0 $name --scheduled
		recorded $name '.outcome == "done"'
	done
	power BAT0 type=Battery status=Discharging
	for name in balance trim; do
		job 4 $name --scheduled
		says 'runs on its battery'
		recorded $name '.outcome == "not-now" and .success_ended > 0'
		job 0 $name # somebody wants it
	done
	power AC type=Mains online=1
	job 0 trim --scheduled
	power AC online=0
	job 4 trim --scheduled
	# a mouse
	power BAT0 status=Discharging scope=Device
	job 0 trim --scheduled
	power BAT0 scope=System status=Full
	job 0 trim --scheduled
	rm -r "$dir/power/AC"
	umount /sys/class/power_supply
}

check_backup() {
	local running

	# by its name and its words alone
	cp "$(command -v sleep)" "$dir/btrbk"
	"$dir/btrbk" 600 &
	running=$!
	job 4 balance --scheduled
	says "a backup is running: btrbk (process $running)"
	job 0 balance
	kill "$running"
	wait "$running" || true
	job 0 balance --scheduled
	# a real one, which waits for somebody to read
	btrfs -q subvolume create "$top/sent"
	head -c 8M /dev/urandom >"$top/sent/file"
	btrfs -q subvolume snapshot -r "$top/sent" "$top/sent-1"
	mkfifo "$dir/pipe"
	btrfs -q send "$top/sent-1" >"$dir/pipe" 2>/dev/null &
	running=$!
	exec 7<"$dir/pipe"
	job 4 trim --scheduled
	says "btrfs send (process $running)"
	exec 7<&-
	wait "$running" || true
	job 0 trim --scheduled
}

check_prune() {
	exec 8<"$top/.blankroot/maintenance.lock"
	flock 8
	job 4 prune --wait=0
	says 'not now: '
	[ ! -e "$records/prune.json" ] || fail 'a prune that did not run has left a record'
	job 0 prune --dry-run
	echo 'archives { min-free = "99.9%" }' >>"$dir/conf"
	job 0 prune --wait=0
	says 'going on all the same'
	recorded prune '.outcome == "done" and .numbers.deleted == 0'
	exec 8<&-
	# what was left half written
	: >"$records/.blankroot-1-2"
	job 0 prune
	[ ! -e "$records/.blankroot-1-2" ] || fail 'a leftover is left'
}

# A slip of whoever types is nobody else's business; what the configuration asks for is.
check_snapshot() {
	job 2 snapshot
	says 'of what?'
	recorded snapshot '.outcome == "not-now" and (.message | test("of what"))'
	job 2 snapshot sent sent
	says 'is named twice'
	recorded snapshot '.outcome == "not-now"'
	job 2 prune nothing
	recorded prune '.outcome == "not-now"'
	job 1 snapshot absent
	recorded snapshot '.outcome == "failed"'
	job 0 snapshot sent
	recorded snapshot '.outcome == "done"'
	echo 'snapshots { subvolumes = { absent } }' >>"$dir/conf"
	job 1 snapshot
	recorded snapshot '.outcome == "failed"'
	sed -i '$d' "$dir/conf"
}

json() { # filter
	"$BLANKROOT" status --config="$dir/conf" --device="$loop" --report="$dir/no-report" --json >"$dir/out" || true
	jq -e "$1" "$dir/out" >/dev/null || fail "status: not $1: $(cat "$dir/out")"
}

check_status() {
	echo 'maintenance { balance = weekly }' >>"$dir/conf"
	json '[.jobs[].name] == ["snapshot", "prune", "scrub", "balance", "trim", "defrag"]'
	json '.jobs[3] | .schedule == "weekly" and .outcome == "done" and .success_ended > 0 and .numbers.moved_block_groups == 0'
	json '.jobs[5] | .outcome == null and .started == 0'
	jq -c '.outcome = "failed" | .message = "of a test"' "$records/trim.json" >"$dir/record"
	cat "$dir/record" >"$records/trim.json"
	json '.problems | map(.message) | index("the last trim failed: of a test") != null'
	# killed: nobody has the lock
	jq -c '.outcome = "running"' "$dir/record" >"$records/trim.json"
	json '.jobs[4].outcome == "interrupted"'
	# of a later version, and no record at all
	echo '{ "version": 2, "outcome": "done", "more": [] }' >"$records/trim.json"
	json '.jobs[4] | .outcome == "done" and .ended == 0'
	echo '[]' >"$records/trim.json"
	json '.problems | map(.message) | map(select(test("not the record of a job"))) | length == 1'
	job 0 trim # replaces it
	says 'warning: the record'
	recorded trim '.outcome == "done"'
}

image_create
image_mount
mkdir -m 0700 "$top/old_roots"
echo 'ephemeral root { }' >"$dir/conf"
check_battery
check_backup
check_prune
check_snapshot
check_status
