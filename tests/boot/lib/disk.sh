# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Disks: image files with a filled btrfs on them. Each gets new UUIDs, so that this kernel never mistakes one for
# another.
#
#   $disk_uuid      of the file system made last       $disk_options   for its mount here, if not the default

persistent_files=30

# A loop device lives as long as its descriptor: no trace is left when the test is killed.
disk_attach() { # file; sets loop, opened as descriptor 9
	loop=$(losetup --find --show "$1") || skip 'needs a loop device'
	exec 9<>"$loop"
	losetup --detach "$loop"
}

disk_release() {
	exec 9>&-
}

# Fill what mkfs was called on, here, with its first device.
disk_fill() { # device
	mkdir -p "$dir/top"
	mount -t btrfs -o subvolid=5,noatime "$1" "$dir/top"
	root_fill "$dir/top" "$persistent_files"
	umount "$dir/top"
}

disk_make_plain() { # file [MiB]
	truncate -s "${2:-256}M" "$1"
	disk_uuid=$(</proc/sys/kernel/random/uuid)
	disk_attach "$1"
	mkfs.btrfs -q -U "$disk_uuid" -L blankroot-boot "$loop" >/dev/null
	disk_fill "$loop"
	disk_release
}
