# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Boots that reset the root, from disks of all kinds. Each scenario is called with the generator; it boots twice,
# and the second boot shows what became of what the first one wrote.

# Boot an image to its end.
boot() { # name, command line, drive...
	machine_start "$1" "$vmlinuz" "$image" "rootflags=subvol=root $2" "${@:3}"
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

scenario_label() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	reset_twice root=LABEL=blankroot-boot "$dir/disk"
}

scenario_path() { # generator
	image_use "$1" continue
	disk_make_plain "$dir/disk"
	reset_twice root=/dev/vda "$dir/disk"
}
