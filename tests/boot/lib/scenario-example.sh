# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# docs/examples/debian-server: its script installs this Debian on a disk, which boots twice with the kernel and the initramfs
# that are on it.

scenario_example() { # generator
	machine_memory=1024
	example_make_system "$1" "$dir/system.tar"
	truncate -s 4G "$dir/disk"
	bash docs/examples/debian-server/install.sh --yes --boot-loader none --swap 256M --hostname srv1 \
		--system "$dir/system.tar" "$dir/disk" >"$dir/install.log" 2>&1 || cell_fail "$(tail "$dir/install.log")"
	rm "$dir/system.tar"
	example_take_kernel "$dir/disk"
	boot first "root=UUID=$disk_uuid systemd.show_status=no" "$dir/disk"
	expect_example
	boot second "root=UUID=$disk_uuid systemd.show_status=no" "$dir/disk"
	expect_example
}

# The chroot with blankroot in it, what its generator needs, and what tells of a boot.
example_make_system() { # generator, archive
	image_stage
	image_mount_layer
	cp -a "$stage/." "$layer/root/"
	# shellcheck source=/dev/null
	. "tests/boot/generators/$1"
	generator_prepare "$layer/root" continue
	server_write_facts "$layer/root"
	tar -C "$layer/root" --one-file-system -c . >"$2"
	image_unmount_layer
}

# Sets image, vmlinuz and what the disk is to be known by.
example_take_kernel() { # disk
	local bounds

	image=$dir/initrd vmlinuz=$dir/vmlinuz
	read -r -a bounds < <(sfdisk --json "$1" | jq -r '.partitiontable.partitions[3] | "\(.start * 512)"')
	disk_mount "$1" "${bounds[0]}"
	disk_uuid=$(blkid --probe --match-tag UUID --output value "$loop")
	cp "$top/boot/initrd.img-$kernel" "$image"
	cp "$top/boot/vmlinuz-$kernel" "$vmlinuz"
	example_machine_id=$(<"$top/root/etc/machine-id")
	example_host_keys=$(cat "$top"/root/etc/ssh/ssh_host_*_key | sha256sum)
	disk_unmount
}

# All is well, the swap is there, and of the boot before nothing that was not declared.
expect_example() {
	expect_fact state running
	expect_fact failed ''
	expect_fact outcome reset
	expect_fact machine-id "$example_machine_id"
	expect_fact journal-id "$example_machine_id"
	expect_fact host-keys "$example_host_keys"
	expect_fact sshd active
	expect_fact drift "$no_drift"
	expect_fact good 1
	expect_fact mounts 10
	expect_fact swap /dev/dm-0
	expect_fact timers 'active active'
	expect_fact services 'success success'
	# One of each subvolume: nothing changes in them.
	expect_fact snapshots 3
	expect_fact timer-problems ''
}
