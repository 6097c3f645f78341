# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # variables are shared with those who source this
#
# For tests that run commands as an administrator types them, to be sourced after shell.sh: a machine whose root is on an
# image, seen from within (chroot), and a rescue system with the same disks. /usr is that of this machine, /dev and /run are
# of its own: its disk is /dev/sda2, and there is an empty one, /dev/sdb2.
#
#   $system   where its root is mounted, with all that belongs to it      $rescue   the root of the rescue system
#
# Needs a mount namespace of its own, as tests/run gives it.

system=$dir/system
rescue=$dir/rescue

# The directories of a root, and what is of this machine in it.
machine_skeleton() { # directory
	local name

	mkdir -p "$1"/{usr,proc,sys,dev,run,mnt,tmp,boot,srv,home,root,persist,etc,var/lib,var/log}
	for name in bin sbin lib lib64; do
		ln -sfn "usr/$name" "$1/$name"
	done
	ln -sfn /proc/self/mounts "$1/etc/mtab"
	printf 'root:x:0:0:root:/root:/bin/sh\npostgres:x:26:26::/var/lib/postgresql:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\npostgres:x:26:\n' >"$1/etc/group"
}

machine_node() { # path, kind, the device that it is
	local numbers

	read -r -a numbers < <(stat -L -c '%t %T' "$3")
	mknod -m 0666 "$1" "$2" "0x${numbers[0]}" "0x${numbers[1]}"
}

machine_nodes() { # directory
	local name

	for name in null zero full random urandom btrfs-control; do
		machine_node "$1/dev/$name" c "/dev/$name"
	done
	mkdir -m 1777 "$1/dev/shm"
	ln -s /proc/self/fd "$1/dev/fd"
	machine_node "$1/dev/sda2" b "$loop"
	# the kernel tells the name under which the device was mounted last
	machine_node "$1$loop" b "$loop"
	machine_node "$1/dev/sdb2" b "$second"
}

# What a kernel and an initramfs leave to the system.
machine_populate() { # directory
	mount --bind /usr "$1/usr"
	mount -t proc proc "$1/proc"
	mount --rbind /sys "$1/sys"
	mount -t tmpfs tmpfs "$1/dev"
	mount -t tmpfs tmpfs "$1/run"
	machine_nodes "$1"
	mkdir "$1/run/bin"
}

machine_mount() {
	mkdir -p "$system"
	mount -t btrfs -o subvol=root,noatime "$loop" "$system"
	machine_populate "$system"
	cp "$BLANKROOT" "$BLANKROOT_INITRD" "$system/run/bin/"
	# the image is built by machine_boot
	printf '#!/bin/sh\n' >"$system/run/bin/update-initramfs"
	chmod 755 "$system/run/bin/update-initramfs"
	chroot "$system" mount -o subvol=persist /dev/sda2 /persist
	if [ -e "$dir/boot.json" ]; then
		mkdir "$system/run/blankroot"
		cp "$dir/boot.json" "$system/run/blankroot/"
	fi
}

# What an initramfs has that is built now.
machine_build() {
	rm -rf "$dir/initramfs"
	mkdir "$dir/initramfs"
	cp -a "$system"/etc/blankroot.conf* "$dir/initramfs/"
}

machine_unmount() {
	if mountpoint -q "$system"; then
		machine_build
		umount -R "$system"
	fi
}

# Reboot.
machine_boot() {
	machine_unmount
	"$BLANKROOT_INITRD" --config "$dir/initramfs/blankroot.conf" --device "$loop" --cmdline noresume \
		--report "$dir/boot.json" 2>"$dir/console" || fail "no reset: $(<"$dir/console")"
	machine_mount
}

machine_configuration() {
	cat <<-'END'
		device = "/dev/sda2"
		ephemeral root {
		    mountpoint = "/"
		    persist = { "/etc/machine-id", "/etc/ssh", "/etc/blankroot.conf", "/etc/blankroot.conf.d" }
		    path "/var/lib/postgresql" { method = subvolume }
		}
		archives { min-free = "1%" }
		snapshots { subvolumes = { "persist" } }
	END
}

# The layout, with what is in the root alone: an edited motd, /root/notes.
machine_layout() {
	btrfs -q subvolume create "$top/root"
	machine_skeleton "$top/root"
	mkdir -p "$top"/root/etc/{nginx,ssh,blankroot.conf.d}
	machine_configuration >"$top/root/etc/blankroot.conf"
	echo 'as installed' | tee "$top/root/etc/motd" >"$top/root/etc/nginx/nginx.conf"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	echo 0123456789abcdef0123456789abcdef >"$top/root/etc/machine-id"
	echo 'a host key' >"$top/root/etc/ssh/ssh_host_ed25519_key"
	echo 'edited by hand' | tee "$top/root/etc/motd" >"$top/root/root/notes"
	mkdir "$top/root/var/lib/postgresql"
	echo 'a table' >"$top/root/var/lib/postgresql/base"
	btrfs -q subvolume create "$top/persist"
	mkdir "$top/persist/app"
	echo 'good' >"$top/persist/app/data"
	mkdir -m 0700 "$top/snapshots"
	btrfs -q subvolume snapshot -r "$top/persist" "$top/snapshots/persist.20261123T190501Z"
}

# A server that was reset once: its archive, and the snapshot of its persistent subvolume, have the names that the manual
# pages use. It can be made again.
machine_make() {
	if [ -z "${second:-}" ]; then
		image_create
		truncate -s 512M "$dir/second"
		second=$(losetup --find --show "$dir/second") || skip 'needs two loop devices'
		exec 8<>"$second"
		losetup --detach "$second"
		rm "$dir/second"
	else
		mkfs.btrfs -q -f "$loop" >/dev/null
	fi
	image_mount
	machine_layout
	image_unmount
	rm -rf "$dir/initramfs" "$dir/boot.json"
	mkdir "$dir/initramfs"
	machine_configuration >"$dir/initramfs/blankroot.conf"
	machine_boot
	machine_unmount
	image_mount
	mv "$top"/old_roots/root.* "$top/old_roots/root.20261123T190501Z"
	image_unmount
	machine_mount
	if ! mountpoint -q "$rescue"; then
		mkdir "$rescue"
		mount -t tmpfs tmpfs "$rescue"
		machine_skeleton "$rescue"
		machine_populate "$rescue"
	fi
}

# From now on its disk is the other one.
machine_swap() {
	local loop_before=$loop

	machine_unmount
	loop=$second
	second=$loop_before
	umount -R "$rescue/dev"
	mount -t tmpfs tmpfs "$rescue/dev"
	machine_nodes "$rescue"
}

# Run commands from standard input, each of which has to succeed.
machine_run() { # root directory
	PATH=/run/bin:/usr/sbin:/usr/bin chroot "$1" bash -euo pipefail
}
