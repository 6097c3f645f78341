# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Boots that reset the root, from disks of all kinds. Each scenario is called with the generator; it boots twice,
# and the second boot shows what became of what the first one wrote.

# What tells on a console that the initramfs has started.
init_is_running='systemd-udevd|Loading, please wait|^:: running|Welcome to|Starting version'

boot_flags=rootflags=subvol=root

# Boot an image to its end.
boot() { # name, command line, drive...
	machine_start "$1" "$vmlinuz" "$image" "$boot_flags $2" "${@:3}"
	machine_await_end
}

# What boot number N found: the state of boot N-1 where it was declared, and nothing else of it.
expect_reset() { # number of the boot
	local number

	expect_fact outcome reset
	expect_fact exit-code 0
	expect_fact subvolume /root
	expect_fact motd 'of the blank'
	expect_fact drift ''
	expect_fact boots $(($1 - 1))
	expect_fact complete yes
	expect_fact leftovers ''
	expect_fact kernel-log 1
	expect_fact btrfs-module 1
	expect_console 'blankroot: root reset from root-blank'
	expect_archives "$1"
}

# There is an archive for each boot so far, with what that boot had.
expect_archives() { # how many
	local number=0 line

	while read -r line; do
		[[ $line == *" drift-$number  boots=$number complete=yes" ]] ||
			cell_fail "archive $number is '$line'"
		number=$((number + 1))
	done < <(fact archived)
	[ "$number" -eq "$1" ] || cell_fail "$number archives, not $1"
}

reset_twice() { # root= and other words, drive...
	boot first "$@"
	expect_reset 1
	boot second "$@"
	expect_reset 2
}

scenario_uuid() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	reset_twice "root=UUID=$disk_uuid" "$dir/disk"
}

# All other names that a disk can have; one boot each.
scenario_names() { # generator
	image_use "$1" continue
	disk_make_partitioned "$dir/disk"
	boot label root=LABEL=blankroot-boot "$dir/disk"
	expect_reset 1
	boot partuuid "root=PARTUUID=$partition_uuid" "$dir/disk"
	expect_reset 2
	boot partlabel root=PARTLABEL=the-root "$dir/disk"
	expect_reset 3
	boot path root=/dev/vda1 "$dir/disk"
	expect_reset 4
}

# The root is the default subvolume, and mounted as that.
scenario_default() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	disk_set_default "$dir/disk" root
	boot_flags=
	reset_twice "root=UUID=$disk_uuid" "$dir/disk"
}

# The default subvolume is another one.
scenario_other_default() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	disk_set_default "$dir/disk" root-blank
	reset_twice "root=UUID=$disk_uuid" "$dir/disk"
}

scenario_luks() { # generator
	image_use "$1" luks
	disk_make_luks "$dir/disk"
	boot_unlocked first "rd.luks.uuid=$image_luks_uuid root=UUID=$disk_uuid" "$dir/disk"
	expect_reset 1
	boot_unlocked second "rd.luks.uuid=$image_luks_uuid root=UUID=$disk_uuid" "$dir/disk"
	expect_reset 2
}

# Somebody types the passphrase, and again if nothing comes of it: what is typed too early is thrown away.
boot_unlocked() { # name, command line, drive...
	machine_start "$1" "$vmlinuz" "$image" "$boot_flags $2" "${@:3}"
	machine_await '[Ee]nter passphrase|unlock disk'
	for _ in 1 2 3 4 5 6; do
		sleep 1
		machine_type "$disk_passphrase"
		sleep 7
		! console_has 'blankroot: |^@@' || break
	done
	machine_await_end
}

# A second device that appears late: whoever mounts or resets before it is there has lost.
scenario_mirror() { # generator
	image_use "$1" continue
	disk_make_mirror "$dir/disk-a" "$dir/disk-b"
	boot first "root=UUID=$disk_uuid" "$dir/disk-a" "$dir/disk-b"
	expect_reset 1
	machine_start second "$vmlinuz" "$image" "$boot_flags root=UUID=$disk_uuid" "$dir/disk-a" "late:$dir/disk-b"
	machine_await "$init_is_running"
	sleep 4
	machine_plug
	machine_await_end
	expect_reset 2
}

# What udev found out about the first member, that the file system is not complete, becomes known only after the second
# one was found to complete it. systemd then takes the device for gone again, and where it is about to mount the root
# at that time, the boot is stuck. Some boots of a mirror are like that without any help.
scenario_slow_member() { # generator
	local number

	image_use "$1" slow
	disk_make_mirror "$dir/disk-a" "$dir/disk-b"
	for number in 1 2 3 4; do
		boot "slow-$number" "root=UUID=$disk_uuid" "$dir/disk-a" "$dir/disk-b"
		expect_reset "$number"
	done
}
