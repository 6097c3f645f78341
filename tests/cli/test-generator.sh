#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot-generator: which units follow from a configuration, and that systemd takes them; what is wrong is told in
# the kernel log and by a unit that fails; where nothing is to be generated, nothing is.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

command -v systemd-analyze >/dev/null || skip 'needs systemd-analyze'
[ "$(id -u)" -eq 0 ] || skip 'needs root, to have a kernel log of its own'

# Of this machine, systemd's generators would be told the same.
unset SYSTEMD_IN_INITRD SYSTEMD_VIRTUALIZATION
normal=$dir/normal
conf=$dir/blankroot.conf
services=$dir/services
problem=blankroot-config.service

: >"$dir/kmsg"
mount --bind "$dir/kmsg" /dev/kmsg

# The services as they are installed, with a program that is there.
mkdir "$services"
for unit in hooks/systemd/blankroot-{balance,good,metrics,prune,report,scrub,scrub-resume,snapshot,trim,tune}.service; do
	sed "s|@SBINDIR@|${BLANKROOT%/*}|" "$unit" >"$services/${unit##*/}"
done

generate() { # expected exit status
	local code=0

	rm -rf "$normal" "$dir/early" "$dir/late"
	mkdir "$normal" "$dir/early" "$dir/late"
	: >"$dir/kmsg"
	"$BLANKROOT_GENERATOR" --config="$conf" "$normal" "$dir/early" "$dir/late" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$1" ] || fail "exit status $code, not $1: $(cat "$dir/err" "$dir/kmsg" "$conf")"
	[ ! -s "$dir/out" ] || fail "to standard output: $(cat "$dir/out")"
	[ -z "$(find "$dir/early" "$dir/late" -mindepth 1)" ] || fail 'something is in the other directories'
}

units() {
	(cd "$normal" && find . ! -type d | sed 's|^\./||' | sort | xargs)
}

# systemd has nothing to say about any of them, nor about what wants them.
verify() {
	local words
	local -a made=()

	mapfile -t made < <(find "$normal" -maxdepth 1 -type f)
	words=$(SYSTEMD_UNIT_PATH=$normal:$services: systemd-analyze verify --man=no timers.target "${made[@]}" 2>&1) ||
		fail "systemd refuses: $words"
	[ -z "$words" ] || fail "systemd has something to say: $words"
}

has_units() { # words
	[ "$(units)" = "$(printf '%s\n' "$@" | sort | xargs)" ] || fail "the units are '$(units)', not '$*': $(cat "$conf")"
	verify
}

prune='blankroot-prune.timer timers.target.wants/blankroot-prune.timer'
both='blankroot-prune.timer blankroot-snapshot.timer timers.target.wants/blankroot-prune.timer timers.target.wants/blankroot-snapshot.timer'

configure() { # lines of the configuration
	printf '%s\n' 'ephemeral root { }' "$@" >"$conf"
}

# --- schedules ---

check_schedule() { # text, calendar expression...
	local -a expressions

	configure 'snapshots {' 'subvolumes = { persist }' "every = \"$1\"" '}'
	shift
	generate 0
	# shellcheck disable=SC2086 # words
	has_units $both
	diff <(printf 'OnCalendar=%s\n' "$@") <(grep ^OnCalendar= "$normal/blankroot-snapshot.timer") >&2 ||
		fail "other times (>) than expected (<): $(cat "$conf")"
	mapfile -t expressions < <(sed -n 's/^OnCalendar=//p' "$normal"/*.timer)
	systemd-analyze calendar -- "${expressions[@]}" >/dev/null || fail "no calendar expressions: ${expressions[*]}"
}

check_schedules() {
	check_schedule 6h '*-*-* 00,06,12,18:00:00'
	check_schedule 30min '*-*-* *:00,30:00'
	check_schedule 45m '*-*-* 00,03,06,09,12,15,18,21:00,45:00' '*-*-* 02,05,08,11,14,17,20,23:15:00' \
		'*-*-* 01,04,07,10,13,16,19,22:30:00'
	check_schedule 1m '*-*-* *:*:00'
	check_schedule 7d 'Mon *-*-* 00:00:00'
	check_schedule 10d '*-*-01/10 00:00:00'
	for word in minutely hourly daily weekly monthly quarterly semiannually yearly; do
		check_schedule "$word" "$word"
	done
	check_schedule 'Mon..Fri *-*-* 08..18/2:30' 'Mon..Fri *-*-* 08..18/2:30'
	check_schedule '*-*~01 UTC' '*-*~01 UTC'
	check_schedule 'Sat 03:00 Europe/Berlin' 'Sat 03:00 Europe/Berlin'
}

# What makes a timer one that survives reboots and leaves room for others.
check_timers() {
	local timer

	check_schedule 6h '*-*-* 00,06,12,18:00:00'
	for timer in "$normal"/*.timer; do
		for key in Persistent=yes FixedRandomDelay=yes RandomizedDelaySec= AccuracySec= "SourcePath=$conf"; do
			grep -q "^$key" "$timer" || fail "no $key in $(cat "$timer")"
		done
		[ -f "hooks/systemd/$(basename "$timer" .timer).service" ] || fail "no service for $timer"
		[ "$(readlink "$normal/timers.target.wants/${timer##*/}")" = "../${timer##*/}" ] ||
			fail "${timer##*/} is not started"
	done
	grep -q '^OnBootSec=' "$normal/blankroot-prune.timer" || fail 'a machine that is off at night is never pruned'
}

# Each service runs a command that there is.
check_commands() {
	local unit command

	for unit in "$services"/blankroot-{balance,metrics,prune,scrub,snapshot,trim,tune}.service; do
		command=$(sed -nE 's|^ExecStart=[^ ]*/blankroot ([a-z]+).*|\1|p' "$unit")
		"$BLANKROOT" "$command" --help >/dev/null || fail "${unit##*/} runs '$command'"
	done
}

check_without_snapshots() {
	local text

	for text in '' 'snapshots { subvolumes = { persist } }' 'snapshots { every = 6h }' 'snapshots { keep = 30d daily = 7 }'; do
		configure "$text"
		generate 0
		# shellcheck disable=SC2086 # words
		has_units $prune
	done
}

# --- maintenance ---

# Each job of it alone, on its own schedule.
check_maintenance() {
	local job

	for job in scrub balance trim; do
		configure "maintenance { $job = \"Sat 03:00\" }"
		generate 0
		# shellcheck disable=SC2086 # words
		has_units $prune blankroot-$job.timer timers.target.wants/blankroot-$job.timer
		grep -qx 'OnCalendar=Sat 03:00' "$normal/blankroot-$job.timer" || fail "$(cat "$normal/blankroot-$job.timer")"
		grep -qx 'Persistent=yes' "$normal/blankroot-$job.timer" || fail "$job: not made up for"
	done
	configure 'maintenance { scrub = monthly balance = 7d trim = "Sun 04:00 UTC" }'
	generate 0
	# shellcheck disable=SC2086 # words
	has_units $prune {,timers.target.wants/}blankroot-{scrub,balance,trim}.timer
	systemd-analyze calendar -- monthly 'Mon *-*-* 00:00:00' 'Sun 04:00 UTC' >/dev/null || fail 'no calendar expressions'
	grep -qx 'OnCalendar=Mon \*-\*-\* 00:00:00' "$normal/blankroot-balance.timer" ||
		fail "$(cat "$normal/blankroot-balance.timer")"
}

# They come after everything else, end when the machine sleeps, and a moment that is not the right one is no failure.
check_manners() {
	local unit line

	for unit in "$services"/blankroot-{balance,trim}.service; do
		for line in Nice=19 CPUSchedulingPolicy=idle IOSchedulingClass=idle 'SuccessExitStatus=4 SIGTERM' \
			Conflicts=sleep.target Before=sleep.target; do
			grep -qx "$line" "$unit" || fail "${unit##*/}: no $line"
		done
		grep -q '^ExecStart=.* --scheduled ' "$unit" || fail "${unit##*/} asks nobody whether it is the moment"
	done
	# With the priority that they have, a busy machine may take minutes to get one going.
	for unit in "$services"/*; do
		! grep -qx CPUSchedulingPolicy=idle "$unit" || grep -qxE 'TimeoutStartSec=infinity|Type=oneshot' "$unit" ||
			fail "${unit##*/} may time out before it has begun"
	done
	grep -qx SuccessExitStatus=4 "$services/blankroot-prune.service" || fail 'prune that waits for another job fails'
}

# --- the performance mode ---

check_modes() {
	local mode link=multi-user.target.wants/blankroot-tune.service

	for mode in balanced io-optimized space-optimized; do
		configure "performance { mode = $mode }"
		generate 0
		# shellcheck disable=SC2086 # words
		has_units "$link" $prune
		SYSTEMD_UNIT_PATH=$normal:$services: systemd-analyze verify --man=no multi-user.target >"$dir/out" 2>&1 ||
			fail "systemd refuses: $(cat "$dir/out")"
		! grep -i tune "$dir/out" >&2 || fail 'systemd has something to say'
	done
	for mode in '' 'performance { mode = none }' "performance { set = { 'vm.swappiness=5' } }"; do
		configure "$mode"
		generate 0
		# shellcheck disable=SC2086 # words
		has_units $prune
	done
}

# --- programs around a snapshot ---

check_hooks() {
	local drop_in=blankroot-snapshot.service.d/50-hooks.conf

	for text in 'before = { /bin/true, "100%" }' 'after = { /bin/true }'; do
		configure "snapshots { subvolumes = { persist } every = daily $text }"
		generate 0
		has_units blankroot-prune.timer "$drop_in" "${both#* }"
	done
	is_lifted snapshot
}

# A drop-in takes back all that confines the service, and has nothing that systemd does not know.
is_lifted() { # unit
	local key drop_in=blankroot-$1.service.d/50-hooks.conf

	cat "$services/blankroot-$1.service" "$normal/$drop_in" >"$dir/both.service"
	SYSTEMD_UNIT_PATH=$normal:$services: systemd-analyze verify --man=no "$dir/both.service" >"$dir/out" 2>&1 ||
		fail "the drop-in: $(cat "$dir/out")"
	[ ! -s "$dir/out" ] || fail "the drop-in: $(cat "$dir/out")"
	sed -n '/^\[Service\]/,$s/^\([A-Za-z]*\)=.*/\1/p' "$services/blankroot-$1.service" | sort -u |
		grep -vxE 'Type|ExecStart|AmbientCapabilities|Nice|IOSchedulingPriority|RuntimeDirectory.*' | while read -r key; do
		grep -q "^$key=" "$normal/$drop_in" || fail "a hook is still confined by $key"
	done
}

# --- metrics ---

after_jobs() {
	echo blankroot-job-ended.target
	printf 'blankroot-%s.service.d/60-metrics.conf\n' balance prune scrub snapshot trim
}

check_metrics() {
	local wanted='timers.target.wants/blankroot-metrics.timer blankroot-metrics.timer'
	local drop_in=blankroot-metrics.service.d
	local -a units

	configure 'metrics { max-used = "90%" every = daily }' # says neither where to nor whom to tell
	generate 0
	# shellcheck disable=SC2086 # words
	has_units $prune
	configure 'metrics { directory = "/var/lib/a b%$\"c" }'
	generate 0
	mapfile -t units < <(after_jobs)
	# shellcheck disable=SC2086 # words
	has_units $prune $wanted "${units[@]}" "$drop_in/50-directory.conf"
	grep -qxF 'ReadWritePaths="/var/lib/a b%%$\"c"' "$normal/$drop_in/50-directory.conf" ||
		fail "$(cat "$normal/$drop_in/50-directory.conf")"
	grep -qx 'OnCalendar=\*-\*-\* \*:00,05,10,15,20,25,30,35,40,45,50,55:00' "$normal/blankroot-metrics.timer" ||
		fail "when nothing is said: $(cat "$normal/blankroot-metrics.timer")"
	grep -q '^OnBootSec=' "$normal/blankroot-metrics.timer" || fail 'there are no metrics after a boot'
	for key in OnSuccess OnFailure; do
		grep -qx "$key=blankroot-job-ended.target" "$normal/blankroot-prune.service.d/60-metrics.conf" ||
			fail "nothing is written after a prune: $key"
	done
	grep -qx Wants=blankroot-metrics.service "$normal/blankroot-job-ended.target" || fail 'nothing is written after a job'
	configure 'metrics { on-alert = { /bin/true } every = hourly }'
	generate 0
	# shellcheck disable=SC2086 # words
	has_units $prune $wanted "${units[@]}" "$drop_in/50-hooks.conf"
	grep -qx 'OnCalendar=hourly' "$normal/blankroot-metrics.timer" || fail 'another time than every says'
	is_lifted metrics
}

# --- what is wrong ---

# The words of the unit's command line, as systemd splits it: $ and % are doubled.
words_of() { # unit
	local line

	line=$(sed -n 's/^ExecStart=//p' "$1" | sed 's/`/\\`/g; s/\$\$/\\$/g; s/%%/%/g')
	eval "words=($line)"
}

check_refused() { # text of the message, other unit...
	local message=$1
	local -a words

	shift
	generate 1
	has_units "$problem" "timers.target.wants/$problem" "$@"
	grep -qF -- "$message" "$dir/kmsg" || fail "not '$message' in the kernel log: $(cat "$dir/kmsg")"
	grep -q '^<3>blankroot-generator: ' "$dir/kmsg" || fail "no error for the kernel: $(cat "$dir/kmsg")"
	sed -n 's/^Description=//p' "$normal/$problem" | sed 's/%%/%/g' | grep -F -- "$message" >/dev/null ||
		fail "not '$message' in $(cat "$normal/$problem")"
	! sed 's/%%//g' "$normal/$problem" | grep % >&2 || fail "a specifier of systemd's"
	! grep '\\$' "$normal/$problem" >&2 || fail 'a line that the next one continues'
	words_of "$normal/$problem"
	! "${words[@]}" 2>"$dir/err" || fail "$problem does not fail"
	grep -qF -- "$message" "$dir/err" || fail "$problem tells $(cat "$dir/err")"
}

check_wrong() {
	configure '' 'snapshots {' 'every = 6x' '}'
	check_refused "$conf:4: snapshots: every: \"6x\": must be a length of time such as 6h"
	configure 'snapshots { subvolumes = { persist } every = "Mon 25:00" }'
	check_refused "$conf:2: snapshots: every: \"Mon 25:00\": "
	configure 'snapshots {' 'evry = 6h }'
	check_refused "$conf:3: snapshots: unknown key \"evry\"; did you mean \"every\"?"
	configure 'maintenance {' 'scrub = "never" }'
	check_refused "$conf:3: maintenance: scrub: \"never\": "
	configure 'archives { keep = 30'
	check_refused "$conf:"
	: >"$conf"
	check_refused 'ephemeral'
	configure 'maintenance { balance = "7d" trim = "Mon 25:00" }'
	check_refused "$conf:2: maintenance: trim: \"Mon 25:00\": "
	# what only the running system can tell: the rest is as it should be
	configure 'snapshots { subvolumes = { persist }' 'every = "daily Mars/Phobos" }'
	# shellcheck disable=SC2086 # words
	check_refused "$conf:3: \"daily Mars/Phobos\": there is no time zone \"Mars/Phobos\"" $prune
}

# In a later file, and with characters that mean something to systemd.
check_names() {
	local plain=$conf

	configure
	mkdir "$conf.d"
	echo 'snapshots { every = "" }' >"$conf.d/odd \"%H\$HOME\`\\n.conf"
	generate 1
	check_refused "odd \"%H\$HOME\`\\n.conf:1: snapshots: every: \"\": must not be empty"
	rm -r "$conf.d"
	mkdir "$dir/100%"
	conf="$dir/100%/c\\"
	configure 'snapshots { daily = many }'
	check_refused "$conf:2: snapshots: daily: \"many\": must be a whole number"
	configure
	generate 0
	# shellcheck disable=SC2086 # words
	has_units $prune
	conf=$plain
}

# --- where nothing is to be done ---

check_elsewhere() {
	local wrong

	for wrong in '' 'snapshots { every = 6x }'; do
		configure "$wrong"
		SYSTEMD_IN_INITRD=1 generate 0
		has_units
		SYSTEMD_VIRTUALIZATION=container:lxc generate 0
		has_units
	done
	configure
	SYSTEMD_IN_INITRD=0 SYSTEMD_VIRTUALIZATION=vm:kvm generate 0
	# shellcheck disable=SC2086 # words
	has_units $prune
	rm "$conf"
	generate 0
	has_units
	[ ! -s "$dir/kmsg" ] || fail "there is something to say: $(cat "$dir/kmsg")"
}

check_unwritable() {
	configure
	: >"$dir/kmsg"
	! "$BLANKROOT_GENERATOR" --config="$conf" "$dir/missing" 2>"$dir/err" || fail 'success without a directory'
	grep -q missing "$dir/kmsg" || fail "not told: $(cat "$dir/kmsg" "$dir/err")"
	generate 0
	! "$BLANKROOT_GENERATOR" --config="$conf" "$normal" 2>"$dir/err" || fail 'units of others are overwritten'
	grep -q blankroot-prune.timer "$dir/kmsg" || fail "not told: $(cat "$dir/kmsg" "$dir/err")"
}

check_usage() {
	local code=0

	"$BLANKROOT_GENERATOR" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq 2 ] || fail "exit status $code without a directory"
	"$BLANKROOT_GENERATOR" --version | grep '^blankroot-generator [0-9.]*$' >/dev/null || fail 'no version'
}

check_schedules
check_timers
check_commands
check_without_snapshots
check_maintenance
check_manners
check_modes
check_hooks
check_metrics
check_wrong
check_names
check_elsewhere
check_unwritable
check_usage
