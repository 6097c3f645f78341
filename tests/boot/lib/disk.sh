# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Disks: image files with a filled btrfs on them. Each gets new UUIDs, so that this kernel never mistakes one for
# another.
#
#   $disk_uuid   of the file system made last       $partition_uuid   of its partition

persistent_files=30
disk_passphrase=correct-horse

# A loop device lives as long as its descriptor: no trace is left when the test is killed.
disk_attach() { # file [offset]; sets loop and opens loop_descriptor
	loop=$(losetup --find --show --offset "${2:-0}" "$1") || skip 'needs a loop device'
	exec {loop_descriptor}<>"$loop"
	losetup --detach "$loop"
}

disk_release() {
	exec {loop_descriptor}>&-
}

disk_mount() { # file [offset]; sets top, where its top level is then
	disk_attach "$@"
	top=$dir/top
	mkdir -p "$top"
	mount -t btrfs -o subvolid=5,noatime "$loop" "$top"
}

disk_unmount() {
	umount "$top"
	disk_release
}

disk_format() { # option of mkfs or device...
	disk_uuid=$(</proc/sys/kernel/random/uuid)
	mkfs.btrfs -q -U "$disk_uuid" -L blankroot-boot "$@" >/dev/null
}

disk_make_plain() { # file
	truncate -s 256M "$1"
	disk_format "$1"
	disk_mount "$1"
	root_fill "$top" "$persistent_files"
	disk_unmount
}

disk_make_partitioned() { # file
	partition_uuid=$(</proc/sys/kernel/random/uuid)
	truncate -s 260M "$1"
	sfdisk -q "$1" <<-END
		label: gpt
		start=2048, size=256MiB, uuid=$partition_uuid, name=the-root
	END
	truncate -s 256M "$1.part"
	disk_make_plain "$1.part"
	dd if="$1.part" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
	rm "$1.part"
}

disk_set_default() { # file, subvolume
	disk_mount "$1"
	btrfs subvolume set-default "$top/$2"
	disk_unmount
}

# QEMU encrypts it: there is no device-mapper needed here. It measures how many iterations a key is worth, and gives
# up where the processor's clock is coarse: once in a few times on some virtual machines.
disk_make_luks() { # file
	local attempt

	disk_make_plain "$1.plain"
	for ((attempt = 0; attempt < 20; attempt++)); do
		qemu-img convert -f raw -O luks -o key-secret=key,iter-time=10 \
			--object "secret,id=key,data=$disk_passphrase" "$1.plain" "$1" 2>"$dir/qemu-img.log" && break
	done
	[ "$attempt" -lt 20 ] || cell_fail "$(cat "$dir/qemu-img.log")"
	rm "$1.plain"
	# Where a header of LUKS1 has its UUID.
	printf %s "$image_luks_uuid" | dd of="$1" bs=1 seek=168 conv=notrunc status=none
}

# Two devices, data and metadata mirrored. This kernel forgets them at the end.
disk_make_mirror() { # file, file
	local first second first_descriptor second_descriptor

	truncate -s 256M "$1" "$2"
	disk_attach "$1"
	first=$loop first_descriptor=$loop_descriptor
	disk_attach "$2"
	second=$loop second_descriptor=$loop_descriptor
	disk_format -d raid1 -m raid1 "$first" "$second"
	btrfs device scan "$first" "$second" >/dev/null
	top=$dir/top
	mkdir -p "$top"
	mount -t btrfs -o subvolid=5,noatime "$first" "$top"
	root_fill "$top" "$persistent_files"
	umount "$top"
	btrfs device scan --forget "$first"
	btrfs device scan --forget "$second"
	exec {first_descriptor}>&- {second_descriptor}>&-
}

# Swap with the signature of a hibernated system, the original one in front of it, as the kernel would have them.
disk_make_hibernated() { # file
	disk_make_swap "$1"
	printf 'SWAPSPACE2S1SUSPEND\0' | dd of="$1" bs=1 seek=4076 conv=notrunc status=none
}

disk_make_swap() { # file
	truncate -s 64M "$1"
	mkswap -q "$1" 2>/dev/null
}
