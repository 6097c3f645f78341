# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A whole system, five boots: it comes up without a failed unit, is the same machine each time, and tells of its
# resets.

scenario_server() { # generator
	local number

	machine_memory=1024
	image_use "$1" server
	disk_make_server "$dir/disk"
	for number in 1 2 3 4 5; do
		boot "boot-$number" "root=UUID=$disk_uuid systemd.show_status=no" "$dir/disk"
		expect_same_server
	done
	printf 'cell      %s: %s\n' "$cell" "$(fact analyze)" "$cell" "$(fact blame)"
}

expect_same_server() {
	local reset mount

	expect_fact state running
	expect_fact failed ''
	expect_fact outcome reset
	expect_fact motd 'of the blank'
	expect_fact drift '/drift*'
	expect_fact machine-id "$server_machine_id"
	expect_fact journal-id "$server_machine_id"
	expect_fact host-keys "$server_host_keys"
	expect_fact sshd active
	expect_fact carried '/etc/machine-id /etc/ssh /var/log /var/lib/systemd'
	expect_fact kernel-log 1
	expect_fact journal 1
	expect_fact verify ''
	reset=$(fact reset-finished) mount=$(fact sysroot-mounted)
	if [ -z "$reset" ] || [ -z "$mount" ] || [ "$reset" -ge "$mount" ]; then
		cell_fail "the reset ended at '$reset', the mount of the root at '$mount'"
	fi
}
