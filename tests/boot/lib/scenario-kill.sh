# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A machine that is gone in the middle of a reset, again and again, on one disk.
#
#   BOOT_KILLS=20    how often      BOOT_SEED=NUMBER   of the moments; printed

# Every step is named on the console when it begins.
kill_first_step='blankroot: note that root goes to'

scenario_kill() { # generator
	local kills=${BOOT_KILLS:-20} seed=${BOOT_SEED:-$(date +%s)} window number boots=1 swapped=0

	RANDOM=$((seed % 32768))
	persistent_files=300
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	boot_flags+=" root=UUID=$disk_uuid rd.blankroot.debug test.archives=3"
	kill_measure_window
	for ((number = 1; number <= kills; number++)); do
		kill_during_reset "$number" $((RANDOM % (window + 1)))
		boot "after-$number" '' "$dir/disk"
		boots=$((boots + 1))
		expect_survived
	done
	printf 'cell      %s: seed %s, %s kills within %s ms, %s of them behind the exchange; begun last:\n' \
		"$cell" "$seed" "$kills" "$window" "$swapped"
	sort "$dir/last-steps" | uniq -c | sed 's/^/cell      /'
}

# How long a reset takes on this disk, in milliseconds, as the console shows it.
kill_measure_window() {
	local begin

	machine_start measure "$vmlinuz" "$image" "$boot_flags" "$dir/disk"
	machine_await "$kill_first_step"
	begin=$EPOCHREALTIME
	machine_await 'blankroot: root reset'
	window=$(awk "BEGIN { print int(($EPOCHREALTIME - $begin) * 1000) }")
	machine_await_end
	expect_reset 1
}

# Not after the reset, which takes less time than it did when the machine is less busy than it was.
kill_wait() { # milliseconds
	local end=$((${EPOCHREALTIME/./} + $1 * 1000))

	while ((${EPOCHREALTIME/./} < end)) && ! grep -qa 'blankroot: root reset' "$console"; do
		sleep 0.01
	done
}

kill_during_reset() { # number, milliseconds after its first step
	machine_start "killed-$1" "$vmlinuz" "$image" "$boot_flags" "$dir/disk"
	machine_await "$kill_first_step"
	kill_wait "$2"
	machine_kill
	expect_not_on_console '^@@'
	tr -d '\r' <"$console" | grep -a 'blankroot: ' | tail -n 1 |
		sed -E 's/.*blankroot: ([a-z]+( to| and)?).*/\1/' >>"$dir/last-steps"
}

# The root is complete, the reset done, and no state of any boot is lost: what each left is in exactly one archive,
# whether its reset was begun anew or finished.
expect_survived() {
	local number lines

	expect_fact outcome reset
	expect_fact subvolume /root
	expect_fact motd 'of the blank'
	expect_fact drift ''
	expect_fact boots $((boots - 1))
	expect_fact complete yes
	expect_fact leftovers ''
	lines=$(fact archived)
	[[ $lines != *complete=no* ]] || cell_fail "an archive is not complete: $lines"
	for ((number = 0; number < boots; number++)); do
		[ "$(grep -c " drift-$number  boots=$number " <<<"$lines")" -eq 1 ] ||
			cell_fail "what boot $number left is not in exactly one archive: $lines"
	done
	swapped=$(($(wc -l <<<"$lines") - boots))
}
