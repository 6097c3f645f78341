# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# What is on a disk: a top level with a root, its blank, and state of a boot that never was.

root_applets='sh mount umount cat echo tr sed awk grep tail dmesg sync mv sha256sum poweroff ls wc'

# The content of a blank. An init, busybox, and files whose checksums tell whether a root is complete.
root_write_blank() { # directory
	local applet number

	mkdir -p "$1"/{bin,sbin,usr/bin,usr/sbin,usr/lib,lib,etc,proc,sys,dev,run,mnt,tmp,persistent,usr/share/blank}
	cp "$chroot/bin/busybox" "$1/bin/"
	for applet in $root_applets; do
		ln -s busybox "$1/bin/$applet"
	done
	install -m 755 tests/boot/guest/init "$1/sbin/init"
	# What systemd wants to see before it hands over to another init.
	echo 'ID=test' >"$1/usr/lib/os-release"
	ln -s ../usr/lib/os-release "$1/etc/os-release"
	echo 'of the blank' >"$1/etc/motd"
	for ((number = 0; number < 20; number++)); do
		head -c $((number * 1000)) /dev/urandom >"$1/usr/share/blank/$number"
	done
	(cd "$1" && find bin sbin usr -type f -print0 | sort -z | xargs -0 sha256sum >files.sha256)
}

# What a boot would have left: declared state, and other state.
root_write_state() { # directory, number of persistent files
	local number

	echo 'edited by hand' >"$1/etc/motd"
	echo 'not declared' >"$1/drift-0"
	mkdir -p "$1/persistent/files"
	echo 0 >"$1/persistent/boots"
	for ((number = 0; number < $2; number++)); do
		echo "declared $number $RANDOM" >"$1/persistent/files/$number"
	done
	(cd "$1" && find persistent/files -type f -print0 | sort -z | xargs -0 sha256sum >persistent/files.sha256)
}

# Fill a file system that is mounted by its top level.
root_fill() { # top level, number of persistent files
	btrfs -q subvolume create "$1/root"
	root_write_blank "$1/root"
	btrfs -q subvolume snapshot -r "$1/root" "$1/root-blank"
	root_write_state "$1/root" "$2"
}
