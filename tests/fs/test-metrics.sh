#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot metrics: what it says is what other programs say of the same file system, all that the documentation lists is
# there, and promtool has nothing to say about it; any name in labels; the file is the old or the new one, whatever goes
# wrong; no lock is waited for, nothing is changed. Alerts: told once when they begin and once when they end.
# shellcheck disable=SC2016 # nothing is to be expanded
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/journal.sh
. tests/support/journal.sh

text=$dir/text
file=$text/blankroot.prom
state=$dir/state
report=$dir/report
odd='we"ird\n$( x'

metrics() { # exit code, argument...
	local code=$1 status=0

	"$BLANKROOT" metrics --config="$dir/conf" --device="$loop" --report="$report" --state="$state" "${@:2}" \
		>"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq "$code" ] || fail "'${*:2}' ended with $status, not $code: $(cat "$dir/err")"
}

# The value of a sample; labels as they are written.
value() { # name{labels}
	awk -v name="$1" 'index($0, name " ") == 1 { print $NF }' "$file"
}

is() { # name{labels}, value
	[ "$(value "$1")" = "$2" ] || fail "$1 is '$(value "$1")', not '$2'"
}

configure() { # line...
	cat >"$dir/conf" <<-END_CONF
		ephemeral root { persist = { /etc/ssh, /etc/machine-id } }
		archives { max-overhead = "50%" }
		snapshots { subvolumes = { persist, '$odd' } every = 6h }
		maintenance { scrub = weekly balance = "Mon *-*-* 03:00" }
		metrics { directory = "$text"
	END_CONF
	printf '%s\n' "$@" '}' >>"$dir/conf"
}

# What a job would have left: outcome, seconds ago.
record() { # job, outcome, ago, numbers
	mkdir -p "$top/.blankroot/jobs"
	chmod 0700 "$top/.blankroot/jobs"
	jq -n --arg outcome "$2" --argjson at $(($(date +%s) - $3)) --argjson numbers "${4:-{\}}" '{version: 1, outcome: $outcome,
		message: null, started: $at, ended: $at, duration_us: 1500000, process: 1, success_ended: $at,
		success_duration_us: 1500000, numbers: $numbers}' >"$top/.blankroot/jobs/$1.json"
}

# As btrfs-progs writes it.
scrub_status() { # errors, repaired, finished
	local fsid

	fsid=$(btrfs filesystem show "$top" | sed -n 's/.*uuid: //p')
	printf 'scrub status:1\n%s:1|csum_errors:%s|corrected_errors:%s|t_start:%s|canceled:0|finished:%s\n' \
		"$fsid" "$1" "$2" "$(date +%s)" "$3" >"/var/lib/btrfs/scrub.status.$fsid"
}

make_image() {
	image_make_server
	btrfs -q subvolume create "$top/$odd"
	mkdir "$text"
	mkdir -p /var/lib/btrfs
	mount -t tmpfs tmpfs /var/lib/btrfs
	configure
	reset 0
	# what only the archive has
	btrfs property set -ts "$top"/old_roots/root.* ro false
	dd if=/dev/urandom of="$(echo "$top"/old_roots/root.*)/junk" bs=1M count=4 status=none
	btrfs property set -ts "$top"/old_roots/root.* ro true
	"$BLANKROOT" snapshot --config="$dir/conf" --device="$loop" >"$dir/out" || fail "snapshot: $(cat "$dir/out")"
	"$BLANKROOT" prune --config="$dir/conf" --device="$loop" >"$dir/out" || fail "prune: $(cat "$dir/out")"
	record check 'done' 60 '{"error": 0, "warning": 2}'
	scrub_status 0 0 1
	sync -f "$top"
}

reset() { # exit code
	local status=0

	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --report="$report" --cmdline noresume 2>"$dir/err" || status=$?
	[ "$status" -eq "$1" ] || fail "the reset ended with $status: $(cat "$dir/err")"
}

# --- what it says ---

check_format() {
	metrics 0
	[ ! -s "$dir/err" ] || fail "it warns: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "it prints: $(cat "$dir/out")"
	[ "$(stat -c %a "$file")" = 644 ] || fail 'node_exporter cannot read it'
	agree 'metrics' "$(sed -n 's/^# TYPE //p' "$file")" \
		"$(sed -nE 's/^\| `(blankroot_[a-z_]+)` \| ([a-z]+) \|.*/\1 \2/p' docs/monitoring/README.md)"
	# labels are those of the documentation, too
	agree 'labels' "$(sed -nE 's/^(blankroot_[a-z_]+)\{(.*)\} .*/\1 \2/p' "$file" | sed -E 's/="([^"\\]|\\.)*",?/ /g; s/ +/ /g; s/ $//' | sort -u)" \
		"$(sed -nE 's/^\| `(blankroot_[a-z_]+)` \| [a-z]+ \| ([^|]+`) \|.*/\1 \2/p' docs/monitoring/README.md | tr -d '`,')"
	command -v promtool >/dev/null || return 0
	promtool check metrics <"$file" >"$dir/out" 2>&1 || fail "promtool: $(cat "$dir/out")"
	[ ! -s "$dir/out" ] || fail "promtool: $(cat "$dir/out")"
}

check_values() {
	local line kind profile total used

	is blankroot_reset_success 1
	is 'blankroot_reset_outcome{outcome="reset"}' 1
	is blankroot_reset_timestamp_seconds "$(date -d "$(jq -r .started "$report")" +%s)"
	is 'blankroot_reset_carried_files{subvolume="root"}' "$(jq '[.ephemeral[0].paths[].files] | add' "$report")"
	is 'blankroot_retained_subvolumes{kind="archive",subvolume="root"}' 1
	is 'blankroot_retained_newest_timestamp_seconds{kind="archive",subvolume="root"}' \
		"$(getfattr --only-values -n trusted.blankroot.retired --absolute-names "$top"/old_roots/root.*)"
	is 'blankroot_retained_exclusive_bytes{kind="archive"}' $((4 << 20))
	is blankroot_filesystem_size_bytes "$(df --output=size -B1 "$top" | tail -n 1 | tr -d ' ')"
	is blankroot_filesystem_available_bytes "$(df --output=avail -B1 "$top" | tail -n 1 | tr -d ' ')"
	btrfs filesystem df -b "$top" >"$dir/df"
	while read -r line; do
		IFS=' ,=:' read -r kind profile _ total _ used <<<"$line"
		[ "$kind" != GlobalReserve ] || kind=reserve
		is "blankroot_space_allocated_bytes{type=\"${kind,,}\",profile=\"${profile,,}\"}" "$total"
		is "blankroot_space_used_bytes{type=\"${kind,,}\",profile=\"${profile,,}\"}" "$used"
	done <"$dir/df"
	is "blankroot_device_unallocated_bytes{devid=\"1\",device=\"$loop\"}" \
		"$(btrfs device usage -b "$top" | awk '/Unallocated:/ { print $2 }')"
	is 'blankroot_check_findings{severity="warning"}' 2
	is 'blankroot_task_interval_seconds{task="snapshot"}' 21600
	is 'blankroot_task_interval_seconds{task="balance"}' '' # a calendar expression
	is 'blankroot_task_last_run_success{task="prune"}' 1
}

# Quotes and backslashes are escaped; what is no UTF-8 is readable, or all would be refused.
check_hostile_names() {
	grep -qF 'blankroot_retained_subvolumes{kind="snapshot",subvolume="we\"ird\\n$( x"} 1' "$file" || fail "$(grep ird "$file")"
	cp "$report" "$report.good"
	jq '.ephemeral[0].name = "a\n# TYPE x gauge\u001b\"\\" | .outcome = "new\"one" | .exit_code = 9' "$report.good" >"$report"
	metrics 0 --output="$dir/hostile.prom"
	grep -qF 'blankroot_reset_carried_paths{subvolume="a\\x0a# TYPE x gauge\\x1b\"\\"}' "$dir/hostile.prom" ||
		fail "$(grep carried "$dir/hostile.prom")"
	grep -qxF 'blankroot_reset_outcome{outcome="new\"one"} 1' "$dir/hostile.prom" || fail "$(grep outcome "$dir/hostile.prom")"
	mv "$report.good" "$report"
	command -v promtool >/dev/null || return 0
	promtool check metrics <"$dir/hostile.prom" >"$dir/out" 2>&1 || fail "promtool: $(cat "$dir/out")"
}

# What archives hold is counted once, and again when that is old.
check_overhead_is_kept() {
	local counted

	counted=$(value blankroot_overhead_timestamp_seconds)
	jq '.archives = 12345' "$state/overhead.json" >"$state/new"
	mv "$state/new" "$state/overhead.json"
	metrics 0
	is 'blankroot_retained_exclusive_bytes{kind="archive"}' 12345
	is blankroot_overhead_timestamp_seconds "$counted"
	for change in '.counted -= 3601' '.counted += 100' '.filesystem = "other"' '.archives = -1' 'del(.total)'; do
		jq "$change" "$state/overhead.json" >"$state/new"
		mv "$state/new" "$state/overhead.json"
		metrics 0
		is 'blankroot_retained_exclusive_bytes{kind="archive"}' $((4 << 20))
	done
	# it took a minute: good for a hundred
	jq '.counted -= 3601 | .duration_us = 60000000 | .archives = 12345' "$state/overhead.json" >"$state/new"
	mv "$state/new" "$state/overhead.json"
	metrics 0
	is 'blankroot_retained_exclusive_bytes{kind="archive"}' 12345
	rm -r "$state"
}

# --- what it does not ---

generation() {
	btrfs inspect-internal dump-super "$loop" | awk '$1 == "generation" { print $2 }'
}

check_changes_nothing() {
	local before

	sync -f "$top"
	before=$(generation)
	exec 8<"$top" # the lock of the file system, and that of the jobs
	exec 7>>"$top/.blankroot/maintenance.lock"
	flock 8
	flock 7
	metrics 0
	exec 7>&- 8<&-
	sync -f "$top"
	[ "$(generation)" -le $((before + 1)) ] || fail "the file system was changed: $before, $(generation)" # the lock's file
	! grep -q "^$loop " < <(mount | grep -v " $top ") || fail 'something is left mounted'
}

# --- what goes wrong ---

# Nothing but the old file is there afterwards; a stranger's stays.
check_killed() {
	local call

	command -v strace >/dev/null || return 0
	echo stranger >"$text/other.prom"
	cp "$file" "$dir/before"
	for call in renameat fchmod fsync; do
		! bash -c 'strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=1" "${@:2}"; exit' - "$call" \
			"$BLANKROOT" metrics --config="$dir/conf" --device="$loop" --report="$report" --state="$dir/other-state" \
			2>/dev/null || fail "$call: not killed"
		cmp -s "$dir/before" "$file" || fail "$call: the file is not the old one"
		[ "$(cd "$text" && echo *.prom)" = 'blankroot.prom other.prom' ] || fail "$call: node_exporter sees $(ls "$text")"
	done
	metrics 0
	[ "$(ls -A "$text")" = $'blankroot.prom\nother.prom' ] || fail "left behind: $(ls -A "$text")"
	rm "$text/other.prom"
}

refused() { # pattern
	cp "$file" "$dir/before"
	metrics 1
	grep -q "$1" "$dir/err" || fail "not '$1', but $(cat "$dir/err")"
	cmp -s "$dir/before" "$file" || fail "$1: the file was changed"
	[ "$(ls -A "$text")" = blankroot.prom ] || fail "$1: left behind: $(ls -A "$text")"
}

check_unwritable() {
	mount --bind "$text" "$text"
	mount -o remount,bind,ro "$text"
	refused 'Read-only file system'
	umount "$text"
	mkdir "$dir/full"
	mount -t tmpfs -o size=64k tmpfs "$dir/full"
	cp "$file" "$dir/full/"
	mount --bind "$dir/full" "$text"
	head -c 64k /dev/zero >"$dir/full/.filler" 2>/dev/null || :
	cp "$file" "$dir/before"
	metrics 1
	grep -q 'No space left' "$dir/err" || fail "a full disk: $(cat "$dir/err")"
	cmp -s "$dir/before" "$file" || fail 'a full disk: the file was changed'
	[ "$(ls -A "$text")" = $'.filler\nblankroot.prom' ] || fail "a full disk: left behind: $(ls -A "$text")"
	umount "$text" "$dir/full"
	mv "$text" "$text.away"
	metrics 1
	grep -q 'has to be there' "$dir/err" || fail "no directory: $(cat "$dir/err")"
	mv "$text.away" "$text"
	metrics 1 --output=/dev/null
	[ -c /dev/null ] || fail '/dev/null is no device any more'
}

# Who is not root learns what anybody may know, and breaks nothing.
check_unprivileged() {
	local status=0

	mkdir /run/open # whatever the way to the scratch directory lets through
	cp "$BLANKROOT" "$dir/conf" "$report" /run/open/
	chmod 755 /run/open /run/open/blankroot
	chmod 644 /run/open/conf /run/open/report
	set -- setpriv --reuid=65534 --regid=65534 --clear-groups /run/open/blankroot metrics --config=/run/open/conf \
		--device="$loop" --report=/run/open/report --state=/run/open/state
	"$@" --output=- >"$dir/out" 2>"$dir/err" || fail "exit code $?: $(cat "$dir/err")"
	grep -q 'only root' "$dir/err" || fail "not told: $(cat "$dir/err")"
	grep -qx 'blankroot_reset_success 1' "$dir/out" || fail 'the report is not for everybody'
	grep -qx 'blankroot_metrics_part_success{part="filesystem"} 0' "$dir/out" || fail "$(grep part "$dir/out")"
	! grep -q '^blankroot_filesystem' "$dir/out" || fail 'numbers out of nothing'
	cp "$file" "$dir/before"
	"$@" 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "who may not write ends with $status"
	cmp -s "$dir/before" "$file" || fail 'anybody can replace the file'
}

# --- alerts ---

# Journal and program heard these, in this order: "NAME OBJECT STATE", a line each.
heard() { # lines
	wait_for_entries
	diff <(printf '%s' "${1:+$1$'\n'}") <(cat "$dir/heard" 2>/dev/null) >&2 || fail 'the program heard (>) something else'
	diff <(printf '%s' "${1:+$1$'\n'}") <(tail -n +2 "$dir/entries" | jq -r 'select(.BLANKROOT_ALERT) |
		[.BLANKROOT_ALERT[0], .BLANKROOT_ALERT_OBJECT[0] // "", .BLANKROOT_ALERT_STATE[0]] | join(" ")') >&2 ||
		fail 'the journal has (>) something else'
	stop_journal
	rm -f "$dir/heard"
	start_journal
}

check_alerts() {
	cat >"$dir/notify" <<-END_NOTIFY
		#!/bin/sh
		echo "\$BLANKROOT_ALERT \$BLANKROOT_ALERT_OBJECT \$BLANKROOT_ALERT_STATE" >>"$dir/heard"
		[ -n "\$BLANKROOT_ALERT_MESSAGE" ] && [ -n "\$BLANKROOT_ALERT_SEVERITY" ] && [ ! -e "$dir/notify-fails" ]
	END_NOTIFY
	chmod +x "$dir/notify"
	configure "on-alert = { \"$dir/notify\" }"
	start_journal
	metrics 0 --alert
	heard ''
	mv "$report" "$report.away"
	metrics 0 --alert
	heard 'BlankrootResetFailed  firing'
	metrics 0 --alert
	heard ''
	record snapshot failed 60
	record prune 'done' $((3 * 86400))
	scrub_status 2 1 1
	metrics 0 --alert
	heard 'BlankrootTaskFailed snapshot firing
BlankrootTaskOverdue prune firing
BlankrootScrubErrors  firing'
	# nothing can be looked at: what was told before has not ended
	metrics 0 --alert --device=/dev/null
	heard 'BlankrootMetricsIncomplete filesystem firing'
	mv "$report.away" "$report"
	record snapshot 'done' 60
	record prune 'done' 60
	scrub_status 0 0 1
	metrics 0 --alert
	heard 'BlankrootResetFailed  resolved
BlankrootMetricsIncomplete filesystem resolved
BlankrootTaskFailed snapshot resolved
BlankrootTaskOverdue prune resolved
BlankrootScrubErrors  resolved'
	metrics 0 --alert
	heard ''
}

check_limits() {
	configure "on-alert = { \"$dir/notify\" }" 'max-used = "1%"'
	sed -i 's/max-overhead = "50%"/max-overhead = "1%"/' "$dir/conf"
	record check 'done' 60 '{"error": 1}'
	metrics 0 --alert
	heard 'BlankrootCheckFailed  firing
BlankrootSpaceLow  firing
BlankrootOverheadHigh  firing'
	configure "on-alert = { \"$dir/notify\" }" 'max-used = "0%"' # no limit
	sed -i 's/max-overhead = "50%"/max-overhead = "0%"/' "$dir/conf"
	record check 'done' 60 '{"error": 0}'
	metrics 0 --alert
	is blankroot_filesystem_used_limit_ratio ''
	heard 'BlankrootCheckFailed  resolved
BlankrootSpaceLow  resolved
BlankrootOverheadHigh  resolved'
}

# The program is run again until it succeeds; the journal has it once. A directory that is full keeps nobody from being told.
check_failing_program() {
	configure "on-alert = { \"$dir/notify\" }"
	touch "$dir/notify-fails"
	mv "$report" "$report.away"
	mv "$text" "$text.away"
	metrics 1 --alert
	heard 'BlankrootResetFailed  firing'
	mv "$text.away" "$text"
	rm "$dir/notify-fails"
	metrics 0 --alert
	[ "$(cat "$dir/heard")" = 'BlankrootResetFailed  firing' ] || fail "the program was not run again: $(cat "$dir/heard")"
	rm "$dir/heard"
	metrics 0 --alert
	heard ''
	echo nonsense >"$state/alerts.json" # better twice than not at all
	metrics 0 --alert
	heard 'BlankrootResetFailed  firing'
	mv "$report.away" "$report"
}

check_degraded() {
	local one two

	truncate -s 128M "$dir/one" "$dir/two"
	one=$(losetup --find --show "$dir/one")
	two=$(losetup --find --show "$dir/two")
	mkfs.btrfs -q -d raid1 -m raid1 "$one" "$two" >/dev/null
	mkdir "$dir/raid"
	mount "$one" "$dir/raid"
	btrfs -q subvolume create "$dir/raid/root"
	umount "$dir/raid"
	btrfs device scan --forget "$two"
	losetup --detach "$two"
	btrfs device scan --forget "$one"
	mount -o degraded "$one" "$dir/raid"
	printf 'degraded = yes\nephemeral root { }\n' >"$dir/conf"
	metrics 0 --device="$one" --output="$dir/degraded.prom" --alert --state="$dir/degraded-state"
	umount "$dir/raid"
	losetup --detach "$one"
	grep -qx 'blankroot_devices_missing 1' "$dir/degraded.prom" || fail "$(grep device "$dir/degraded.prom" "$dir/err")"
	grep -q 'BlankrootDegraded' "$dir/degraded-state/alerts.json" || fail "$(cat "$dir/degraded-state/alerts.json")"
	rm "$dir/one" "$dir/two"
}

[ "$(id -u)" -eq 0 ] || skip 'needs root, for a loop device and mounts'
mount -t tmpfs tmpfs /run
make_image
check_format
check_values
check_hostile_names
check_overhead_is_kept
check_changes_nothing
check_killed
check_unwritable
check_unprivileged
if [ "${BLANKROOT_SYSTEMD:-yes}" != no ]; then
	check_alerts
	check_limits
	check_failing_program
	stop_journal
fi
check_degraded
