# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # variables of those who source this
#
# For scripts with several disks, to be sourced after shell.sh: files that become devices, and records of btrfs-progs that
# are not the machine's.
#
#   $devices  the devices, in the order of the disks     $records  where btrfs-progs keeps its records

[ "$(id -u)" -eq 0 ] || skip 'needs root, for loop devices and mounts'
losetup --find >/dev/null || skip 'needs loop devices'
mute_kernel_log
records=/var/lib/btrfs
mkdir -p "$records"
mount -t tmpfs none "$records" # the machine's own records stay as they are

devices=() held=()

# They go when their descriptors do. The disks are files, and stay.
disks_attach() { # disk...
	local disk device fd

	for disk; do
		device=$(losetup --find --show "$disk")
		exec {fd}<>"$device"
		losetup --detach "$device"
		devices+=("$device") held+=("$fd")
	done
}

disks_release() {
	local fd

	btrfs device scan --forget
	for fd in "${held[@]}"; do
		exec {fd}<&-
	done
	devices=() held=()
}
