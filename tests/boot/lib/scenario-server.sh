# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A whole system, five boots: it comes up without a failed unit, is the same machine each time, and tells of its
# resets.

# A pattern that fits nothing stays as it is.
no_drift='/drift*'

scenario_server() { # generator
	local number

	machine_memory=1024
	image_use "$1" server
	disk_make_server "$dir/disk"
	for number in 1 2 3 4 5; do
		boot "boot-$number" "root=UUID=$disk_uuid systemd.show_status=no" "$dir/disk"
		expect_server_reset "$1" "$no_drift"
		expect_timers "$number"
	done
	printf 'cell      %s: %s\n' "$cell" "$(fact analyze)" "$cell" "$(fact blame)"
}

# It is well, and the machine that it was: what is declared is there, whatever the root was made from.
expect_same_server() {
	expect_fact state running
	expect_fact failed ''
	expect_fact machine-id "$server_machine_id"
	expect_fact journal-id "$server_machine_id"
	expect_fact host-keys "$server_host_keys"
	expect_fact sshd active
	expect_fact motd 'of the blank'
	expect_fact verify ''
	expect_fact report-unit active
	expect_fact good-unit active
	expect_fact good 1
}

expect_server_reset() { # generator, drift
	expect_same_server
	expect_fact outcome reset
	expect_fact drift "$2"
	expect_fact carried '/etc/machine-id /etc/ssh /var/log /var/lib/systemd'
	expect_fact kernel-log 1
	expect_fact report-journal 'reset 0 1'
	if uses_systemd "$1"; then
		expect_reset_before_mount
	fi
}

# Each boot takes a snapshot more, as the timer does at the end of the year.
expect_timers() { # number of snapshots
	expect_fact timers 'active active'
	expect_fact next-snapshot same
	expect_fact services 'success success'
	expect_fact snapshots "$1"
	expect_fact timer-problems ''
}

# The unit's place in the boot, as the journal has it; when the system runs, the units of the initramfs are gone.
expect_reset_before_mount() {
	local started finished mounted

	expect_fact journal 1
	started=$(fact reset-started) finished=$(fact reset-finished) mounted=$(fact sysroot-mounted)
	if [ -z "$started" ] || [ -z "$finished" ] || [ -z "$mounted" ] || [ "$finished" -ge "$mounted" ]; then
		cell_fail "the reset was from '$started' to '$finished', the mount of the root ended at '$mounted'"
	fi
	printf 'cell      %s: reset from %s to %s us, root mounted at %s us\n' \
		"$cell" "$started" "$finished" "$mounted"
}

uses_systemd() { # generator
	[[ $1 == *-systemd ]]
}
