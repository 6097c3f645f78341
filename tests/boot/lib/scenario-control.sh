# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Boots that were told to do something else than a reset from the blank.

# The root is the one that the last boot used.
expect_kept_root() { # outcome, who asked, drift
	expect_fact outcome "$1"
	expect_fact exit-code 0
	expect_fact requested-by "$2"
	expect_fact motd 'edited by hand'
	expect_fact drift "$3"
	expect_fact complete yes
	expect_fact leftovers ''
}

scenario_control() { # generator
	local archive root

	image_use "$1" continue
	disk_make_plain "$dir/disk"
	root="root=UUID=$disk_uuid"
	boot off "$root rd.blankroot=off" "$dir/disk"
	expect_kept_root skipped kernel-command-line drift-0
	expect_console 'blankroot: not reset: skipped, as the kernel command line says'
	expect_fact archives ''
	boot dry-run "$root rd.blankroot=dry-run" "$dir/disk"
	expect_kept_root dry-run kernel-command-line 'drift-0 drift-1'
	expect_console 'exchange .blankroot/staging-root and root'
	expect_console 'blankroot: not reset: dry run of [0-9]+ steps'
	expect_fact archives ''
	boot reset "$root" "$dir/disk"
	expect_fact outcome reset
	expect_fact drift ''
	expect_fact boots 2
	archive=$(fact archives | tr -d ' ')
	boot from "$root rd.blankroot.from=$archive test.request=skip" "$dir/disk"
	expect_from kernel-command-line 3
	boot skip "$root test.request=from:$archive" "$dir/disk"
	expect_kept_root skipped one-shot-request 'drift-0 drift-1 drift-2 drift-4'
	expect_console 'blankroot: not reset: skipped this once, as requested'
	boot from-request "$root" "$dir/disk"
	expect_from one-shot-request 5
	boot used "$root" "$dir/disk"
	expect_fact outcome reset
	expect_fact requested-by configuration
	expect_fact drift ''
	expect_fact boots 6
	expect_fact complete yes
}

# The root is that of the archive, and what was declared is that of the last boot.
expect_from() { # who asked, boots so far
	expect_fact outcome reset
	expect_fact requested-by "$1"
	expect_fact motd 'edited by hand'
	expect_fact drift 'drift-0 drift-1 drift-2'
	expect_fact boots "$2"
	expect_fact complete yes
}
