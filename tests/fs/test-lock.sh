#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who comes while another one works: waits for as long as it is told to, says for whom, and else changes nothing. A reset
# does not wait, and is waited for.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

mkdir -p "$dir/root" "$dir/persist"
waits=600 # seconds: nobody may be so slow that it counts

# Whoever works or was stopped when the test fails ends, too.
end_all() {
	touch "$dir/go"
	[ -z "${reset:-}" ] || kill -CONT "$reset" 2>/dev/null || :
}
trap end_all EXIT

# Each command that takes the lock of the file system, in a form that can be repeated.
commands=(
	"snapshot --comment=more persist"
	"snapshot pin root.20200102T000000Z"
	"prune"
	"restore --from=root.20200102T000000Z --to=$dir/persist --keep-old $dir/root/etc/motd"
	"rollback root.20200102T000000Z"
	"rollback --now-blank root.20200102T000000Z"
	"skip"
)

helper() { # command and options, argument...
	local command=$1

	# shellcheck disable=SC2086 # a command with its options
	set -- $command "${@:2}"
	"$BLANKROOT" "$@" --config="$dir/conf" --device="$loop"
}

# The same, not waited for; the process is the program itself.
start() { # output, command and options, argument...
	local out=$1 command=$2

	# shellcheck disable=SC2086
	set -- $command "${@:3}"
	"$BLANKROOT" "$@" --config="$dir/conf" --device="$loop" >"$out" 2>&1 &
}

fails() { # exit code, extended regular expression, command and options, argument...
	local status=0

	helper "${@:3}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "'${*:3}' ended with $status, not $1: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "($2)\|" || fail "'${*:3}' printed $(cat "$dir/out"), not $2"
}

# All subvolumes with their properties, and all other names.
state() {
	btrfs subvolume list -puqR "$top" | sed 's/ gen [0-9]*//' # the kernel commits now and then
	find "$top" -not -inum 2 -printf '%p %i %m %s %T@\n' | LC_ALL=C sort
	cat "$top/.blankroot/request" 2>/dev/null || :
}

make_image() {
	image_make_server
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/root.20200102T000000Z"
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	mount -t btrfs -o subvol=persist,noatime "$loop" "$dir/persist"
	: >"$top/.blankroot/maintenance.lock" # prune makes it before it waits
	cat >"$dir/conf" <<-END
		ephemeral root { mountpoint = "$dir/root" persist = { "/etc/many" } }
		snapshots { subvolumes = { "persist" }
		            before = { "/bin/sh", "-c", "touch $dir/begun; until [ -e $dir/go ]; do sleep 0.05; done" } }
	END
}

# A run that works until it may go on.
begin_work() {
	rm -f "$dir/begun" "$dir/go"
	start "$dir/holder" snapshot --wait="$waits"
	holder=$!
	until [ -e "$dir/begun" ]; do
		kill -0 "$holder" || fail "nobody works: $(cat "$dir/holder")"
		sleep 0.05
	done
}

end_work() {
	touch "$dir/go"
	wait "$holder" || fail "it ended with $?: $(cat "$dir/holder")"
}

check_refused() {
	local command before

	begin_work
	before=$(state)
	for command in "${commands[@]}"; do
		fails 1 "blankroot ${command%% *}: file system locked by another run \"$loop\": blankroot snapshot \(process $holder\) is working on it; try again when that has ended, or wait for it: --wait=SECS" \
			"$command" --wait=0
	done
	fails 1 'blankroot skip: .*is working on it, and did not end within 1 second; try again when it has, or with a longer --wait' skip --wait=1
	[ "$(state)" = "$before" ] || fail 'a command that had no lock has changed something'
	end_work
}

# What only looks does not wait.
check_readers() {
	local command

	begin_work
	helper list >/dev/null || fail 'list'
	helper diff >/dev/null || fail 'diff'
	for command in "${commands[@]}"; do
		helper "$command" --dry-run >"$dir/out" 2>&1 || fail "'$command --dry-run': $(cat "$dir/out")"
	done
	end_work
}

check_waits() {
	local command pid

	for command in "${commands[@]}"; do
		begin_work
		start "$dir/out" "$command" --wait="$waits"
		pid=$!
		# it has come to the lock when it has the file system open
		until [ -n "$(find -L "/proc/$pid/fd" -maxdepth 1 -inum 256 2>/dev/null)" ]; do
			kill -0 "$pid" 2>/dev/null || fail "'$command' does not wait: $(cat "$dir/out")"
			sleep 0.05
		done
		sleep 0.2
		kill -0 "$pid" 2>/dev/null || fail "'$command' does not wait: $(cat "$dir/out")"
		[ ! -s "$dir/out" ] || fail "'$command' says something that is no terminal's: $(cat "$dir/out")"
		end_work
		wait "$pid" || fail "'$command' ended with $?: $(cat "$dir/out")"
	done
	grep -q 'keeps the root' "$dir/out" || fail "the last one says $(cat "$dir/out")"
}

check_terminal() {
	local pid

	begin_work
	script -qefc "'$BLANKROOT' skip --config='$dir/conf' --device='$loop' --wait=$waits" "$dir/terminal" >/dev/null </dev/null &
	pid=$!
	until grep -q waiting "$dir/terminal" 2>/dev/null; do
		kill -0 "$pid" || fail "it does not say that it waits: $(cat "$dir/terminal")"
		sleep 0.05
	done
	end_work
	wait "$pid" || fail "exit code $? on a terminal"
	[ "$(grep -c waiting "$dir/terminal")" -eq 1 ] || fail 'it says again and again that it waits'
	grep -qF "blankroot: waiting for blankroot snapshot (process $holder), $waits seconds at most" "$dir/terminal" ||
		fail "on a terminal: $(cat "$dir/terminal")"
}

refuses_argument() { # command, option, message
	local status=0

	"$BLANKROOT" "$1" "$2" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 2 ] || fail "'$1 $2' ended with $status"
	printf '%s\n' "blankroot $1: $3" "Try 'blankroot $1 --help' for more information." | diff - "$dir/out" >&2 ||
		fail "'$1 $2' says something else (>)"
}

check_arguments() {
	local seconds command

	for seconds in '' x -1 1s ' 1' 1.5 9999999999; do
		for command in snapshot prune restore rollback skip persist convert; do
			refuses_argument "$command" "--wait=$seconds" "--wait takes a number of seconds, not '$seconds'"
		done
	done
	refuses_argument skip --wait "option '--wait' requires an argument"
	refuses_argument skip --wait=$'\e[31m' "--wait takes a number of seconds, not '\x1b[31m'"
}

# The configuration is locked by itself.
check_persist() {
	local status=0 pid

	mkdir -p "$dir/conf.d"
	exec 8<"$dir/conf.d"
	flock 8
	"$BLANKROOT" persist add --config="$dir/conf" --wait=0 "$dir/root/etc/motd" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "persist ended with $status"
	grep -qE "locked by another run \".*conf.d/50-persist.conf\": another run of blankroot is working on it; .*--wait=SECS" "$dir/out" ||
		fail "persist says $(cat "$dir/out")"
	"$BLANKROOT" persist add --config="$dir/conf" --wait="$waits" "$dir/root/etc/motd" >"$dir/out" 2>&1 8<&- &
	pid=$!
	sleep 0.3
	kill -0 "$pid" 2>/dev/null || fail "persist does not wait: $(cat "$dir/out")"
	exec 8<&-
	wait "$pid" || fail "persist ended with $?: $(cat "$dir/out")"
	grep -q /etc/motd "$dir/conf.d/50-persist.conf" || fail 'nothing was added'
	rm -r "$dir/conf.d"
}

check_convert() {
	local status=0 pid

	mkdir "$dir/persist/data"
	mkdir -m 0700 "$dir/persist/.blankroot-convert"
	exec 8<"$dir/persist/.blankroot-convert"
	flock 8
	"$BLANKROOT" convert --wait=0 "$dir/persist/data" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "convert ended with $status"
	grep -qE 'locked by another run "\.blankroot-convert": another run of blankroot is working on it; .*--wait=SECS' "$dir/out" ||
		fail "convert says $(cat "$dir/out")"
	"$BLANKROOT" convert --wait="$waits" "$dir/persist/data" >"$dir/out" 2>&1 8<&- &
	pid=$!
	sleep 0.3
	kill -0 "$pid" 2>/dev/null || fail "convert does not wait: $(cat "$dir/out")"
	# whoever has the lock removes the directory, when it is done
	rmdir "$dir/persist/.blankroot-convert"
	exec 8<&-
	wait "$pid" || fail "convert ended with $?: $(cat "$dir/out")"
	[ "$(stat -c %i "$dir/persist/data")" -eq 256 ] || fail 'it is no subvolume'
	[ ! -e "$dir/persist/.blankroot-convert" ] || fail 'something is left'
}

# It was opened before whoever had it removed it, and is locked after that.
check_convert_gone() {
	local pid inode

	mkdir "$dir/persist/more"
	mkdir -m 0700 "$dir/persist/.blankroot-convert"
	inode=$(stat -c %i "$dir/persist/.blankroot-convert")
	strace -o "$dir/trace" -e trace=flock -e inject=flock:delay_enter=3000000:when=1 \
		"$BLANKROOT" convert --wait="$waits" "$dir/persist/more" >"$dir/out" 2>&1 &
	pid=$!
	until [ -n "$(find -L /proc/"$(pgrep -P "$pid" || echo "$pid")"/fd -maxdepth 1 -inum "$inode" 2>/dev/null)" ]; do
		kill -0 "$pid" || break
		sleep 0.05
	done
	rmdir "$dir/persist/.blankroot-convert" || : # it was too slow to be met
	wait "$pid" || fail "convert ended with $?: $(cat "$dir/out")"
	[ "$(stat -c %i "$dir/persist/more")" -eq 256 ] || fail 'it is no subvolume'
	[ ! -e "$dir/persist/.blankroot-convert" ] || fail 'something is left'
}

# A reset is refused meanwhile, and changes nothing.
check_reset_refused() {
	local before status=0

	umount "$dir/root"
	begin_work
	before=$(state)
	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 3 ] || fail "a reset ended with $status: $(cat "$dir/out")"
	grep -q 'NOT RESET: file system locked by another run .*; the old root is unchanged' "$dir/out" || fail "a reset says $(cat "$dir/out")"
	[ "$(state)" = "$before" ] || fail 'a reset that was refused has changed something'
	end_work
}

# A reset that is stopped in the middle of copying.
begin_reset() {
	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume >"$dir/reset" 2>&1 &
	reset=$!
	until [ -e "$top/.blankroot/staging-root/etc/many" ]; do
		kill -0 "$reset" 2>/dev/null || fail "the reset is over: $(cat "$dir/reset")"
	done
	kill -STOP "$reset"
	until [[ $(cat "/proc/$reset/stat") == *') T '* ]]; do sleep 0.01; done
	[ -e "$top/.blankroot/staging-root/etc/many" ] || fail 'the reset was too fast to be met'
}

check_during_reset() {
	local before command pid root

	rm -f "$top/.blankroot/request"
	mkdir "$top/root/etc/many"
	seq -f "$top/root/etc/many/%g" 5000 | xargs touch
	root=$(btrfs inspect-internal rootid "$top/root")
	begin_reset
	before=$(state)
	for command in "${commands[@]}"; do
		[[ $command != restore* ]] || continue # of the root, which is not mounted
		fails 1 "blankroot ${command%% *}: .*: blankroot-initrd \(process $reset\) is working on it; .*" "$command" --wait=0
	done
	diff <(echo "$before") <(state) >&2 || fail 'something was changed during a reset'
	touch "$dir/go"
	start "$dir/out" prune --wait="$waits"
	pid=$!
	kill -CONT "$reset"
	wait "$reset" || fail "the reset ended with $?: $(cat "$dir/reset")"
	wait "$pid" || fail "prune ended with $?: $(cat "$dir/out")"
	[ "$(btrfs inspect-internal rootid "$top/root")" != "$root" ] || fail 'the root is the old one'
	[ "$(find "$top/root/etc/many" -type f | wc -l)" -eq 5000 ] || fail 'not all was carried'
	[ ! -e "$top/.blankroot/staging-root" ] || fail 'staging is left'
}

make_image
check_arguments
check_refused
check_readers
check_waits
check_terminal
check_persist
check_convert
check_convert_gone
check_reset_refused
check_during_reset
