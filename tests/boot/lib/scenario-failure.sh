# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Boots that cannot reset the root: the reason is on the console, and the root is as it was.

# The root that was there before, and every boot's state in it.
expect_untouched() { # outcome, exit code, error code, boots so far
	local number drift=

	for ((number = 0; number <= $4; number++)); do
		drift+=" drift-$number"
	done
	expect_fact outcome "$1"
	expect_fact exit-code "$2"
	expect_fact error-code "$3"
	expect_fact motd 'edited by hand'
	expect_fact drift "${drift# }"
	expect_fact boots "$4"
	expect_fact complete yes
	expect_fact leftovers ''
	expect_fact archives ''
}

disk_delete_blank() { # file
	disk_mount "$1"
	btrfs property set -ts "$top/root-blank" ro false
	btrfs -q subvolume delete -c "$top/root-blank"
	disk_unmount
}

scenario_continue() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	disk_delete_blank "$dir/disk"
	boot first "root=UUID=$disk_uuid" "$dir/disk"
	expect_untouched refused 3 layout 0
	expect_console 'blankroot: NOT RESET: .*root-blank'
	boot second "root=UUID=$disk_uuid" "$dir/disk"
	expect_untouched refused 3 layout 1
	expect_console 'blankroot: NOT RESET: .*root-blank'
}

# No boot comes of an invalid configuration: the generator refuses it, but for mkinitcpio, which leaves the reset out.
scenario_invalid() { # generator
	local log=$dir/generator.log status=0 has_image=no expected=no

	image_stage
	image_prepare "$1" continue
	echo 'ephemeral root { on-failure = sometimes }' >"$layer/root/etc/blankroot.conf"
	image_run "$(generator_command continue)" >"$log" 2>&1 || status=$?
	# mkinitramfs leaves an empty one
	[ ! -s "$layer/root/image" ] || has_image=yes
	image_unmount_layer
	[[ $1 != mkinitcpio* ]] || expected=yes
	[ "$status" -ne 0 ] || cell_fail "success: $(tail "$log")"
	[ "$has_image" = "$expected" ] || cell_fail "an image: $has_image, not $expected: $(tail "$log")"
	grep -q '/etc/blankroot\.conf:1: .*sometimes' "$log" || cell_fail "it does not say why: $(tail "$log")"
}

# What each generator's shell says when it is there; dracut 106 opens it for a locked root account only when told to.
emergency_flags=SYSTEMD_SULOGIN_FORCE=1
emergency_prompt='Press Enter for maintenance|# $|^\(initramfs\) |^\[rootfs\]# '

scenario_stop() { # generator
	local machine_stuck='Kernel panic'

	image_use "$1" stop
	disk_make_plain "$dir/disk"
	disk_delete_blank "$dir/disk"
	machine_start stopped "$vmlinuz" "$image" "$boot_flags $emergency_flags root=UUID=$disk_uuid" "$dir/disk"
	machine_await 'blankroot: NOT RESET: .*root-blank'
	machine_await "$emergency_prompt"
	sleep 1
	machine_type ''
	sleep 1
	machine_type 'echo shell-$((6 * 7))'
	machine_await '^shell-42'
	machine_type 'ls /sysroot/etc /root/etc /new_root/etc 2>/dev/null; echo "end of list"'
	machine_await '^end of list'
	expect_not_on_console '^motd'
	expect_not_on_console '^@@'
	machine_kill
	boot afterwards "root=UUID=$disk_uuid rd.blankroot=off" "$dir/disk"
	expect_untouched skipped 0 '' 0
}

# A mirror without its second half, which may be mounted like that, but is not reset.
scenario_degraded() { # generator
	local boot root

	image_use "$1" continue
	disk_make_mirror "$dir/disk-a" "$dir/disk-b"
	root="root=UUID=$disk_uuid rootflags=subvol=root,degraded rd.blankroot.timeout=3"
	boot_flags=
	for boot in 0 1; do
		boot "boot-$boot" "$root" "$dir/disk-a"
		expect_untouched failed 4 device-incomplete "$boot"
		expect_console 'blankroot: NOT RESET: .*'
	done
}

# With systemd the device of an incomplete file system does not exist, not even for a degraded mount.
scenario_incomplete() { # generator
	local machine_stuck='Kernel panic'

	image_use "$1" continue
	disk_make_mirror "$dir/disk-a" "$dir/disk-b"
	machine_start incomplete "$vmlinuz" "$image" \
		"$boot_flags,x-systemd.device-timeout=25 rd.timeout=25 $emergency_flags root=UUID=$disk_uuid" "$dir/disk-a"
	machine_await 'Timed out waiting for device'
	machine_await 'Dependency failed for .*sysroot'
	machine_await "$emergency_prompt"
	expect_not_on_console '^@@'
	machine_kill
	boot afterwards "root=UUID=$disk_uuid rd.blankroot=off" "$dir/disk-a" "$dir/disk-b"
	expect_untouched skipped 0 '' 0
	boot afterwards-reset "root=UUID=$disk_uuid" "$dir/disk-a" "$dir/disk-b"
	expect_fact outcome reset
	expect_fact complete yes
}

# Nobody resumes what is not where resume= says, nor with a kernel that must not. And when the kernel has looked at an
# image and given it up, which it does with this one, the reset behind that finds no image any more.
scenario_hibernated() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	disk_make_swap "$dir/swap"
	disk_make_hibernated "$dir/hibernated"
	boot elsewhere "root=UUID=$disk_uuid resume=/dev/vdb" "$dir/disk" "$dir/swap" "$dir/hibernated"
	expect_untouched refused 3 hibernated 0
	expect_console 'blankroot: NOT RESET: hibernated system .*/dev/vdc'
	boot there "root=UUID=$disk_uuid resume=/dev/vdb nohibernate" "$dir/disk" "$dir/hibernated"
	expect_untouched refused 3 hibernated 1
	expect_console 'blankroot: NOT RESET: hibernated system .*/dev/vdb'
	boot given-up "root=UUID=$disk_uuid resume=/dev/vdb" "$dir/disk" "$dir/hibernated"
	expect_fact outcome reset
	expect_fact drift ''
	expect_fact boots 2
	expect_fact complete yes
}
