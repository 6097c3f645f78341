#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut without systemd, pre-mount: the root's device is there and a resume was tried. Sourced by
# dracut, which provides die. The tool itself tells on the console what happened.

blankroot_reset() {
	/usr/sbin/blankroot-initrd
	blankroot_code=$?
	# 5: the new root is in place, the next boot finishes the archiving
	case $blankroot_code in
	0 | 5) return 0 ;;
	esac
	[ "$(/usr/sbin/blankroot-initrd --print=on-failure 2>/dev/null)" = stop ] || return 0
	die "blankroot: the root was not reset (exit code $blankroot_code), and on-failure = stop"
}

blankroot_reset
