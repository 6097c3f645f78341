#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Install a Debian server whose root begins anew at every boot. ALL THAT IS ON THE DISK IS LOST.
#
#   install.sh [OPTION...] DISK
#
#   DISK                 a whole disk, or a file that is to become its image
#   --hostname NAME      (debian)
#   --key FILE           who may log in as root by ssh: lines for authorized_keys
#   --package FILE       blankroot_VERSION_ARCHITECTURE.deb, made by "make deb"
#   --suite NAME         the release (bookworm)
#   --mirror URI         where its packages are (Debian's own, with updates for security)
#   --include PACKAGES   more packages, with commas between them
#   --swap SIZE          such as 512M or 4G (2G)
#   --config FILE        the configuration of blankroot (blankroot.conf beside this script)
#   --system FILE        an archive of an installed system, for tar, instead of packages from the mirror
#   --boot-loader WHICH  both (for BIOS and UEFI, the default), or none, as for an image whose kernel the host boots
#   --yes                do not ask
#
# Run again after it was interrupted, it begins anew. It needs mmdebstrap, btrfs-progs, sfdisk (fdisk) and util-linux, and
# an internet connection, as root.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
hostname=debian suite=bookworm mirror='' swap=2G
key='' package='' include='' system='' disk='' yes=no boot_loader=both configuration=$here/blankroot.conf

# Subvolume, where it is mounted, options. Options of btrfs itself, such as compress, are those of the first mount, for
# all of them: they would all stand with root. /tmp and /var/cache have scripts of packages that are run.
layout='
root        /                    noatime
cache       /var/cache           noatime,nodev,nosuid
tmp         /tmp                 noatime,nodev,nosuid
boot        /boot                noatime,nodev,nosuid,noexec
persist     /persist             noatime,nodev,nosuid
log         /var/log             noatime,nodev,nosuid,noexec
services    /srv                 noatime,nodev,nosuid
caddy       /var/lib/caddy       noatime,nodev,nosuid,noexec
backup      /var/backup          noatime,nodev,nosuid,noexec
containers  /var/lib/containers  noatime
'
ephemeral='root cache tmp'

# The program of the initramfs is in the package; systemd-resolved is a package of its own since bookworm.
packages=linux-image-amd64,initramfs-tools,busybox,zstd,systemd-sysv,systemd-resolved,dbus,udev,kmod,openssh-server
packages+=,btrfs-progs,cryptsetup,dosfstools,grub-pc-bin,grub-efi-amd64-bin,grub2-common,ca-certificates,nano

die() { # exit code, message
	echo "install.sh: $2" >&2
	exit "$1"
}

say() {
	echo "--- $*"
}

# --- what is asked for ---

parse() {
	while [ $# -gt 0 ]; do
		case $1 in
		--help)
			sed -n '4,/^set /{/^set /d; s/^# \?//; p}' "$0"
			exit 0
			;;
		--yes) yes=yes ;;
		--hostname | --key | --package | --suite | --mirror | --include | --swap | --config | --system | --boot-loader)
			[ $# -ge 2 ] || die 2 "$1 needs a value"
			option=${1#--}
			option=${option//-/_}
			[ "$option" != config ] || option=configuration
			printf -v "$option" %s "$2"
			shift
			;;
		-*) die 2 "unknown option '$1': see --help" ;;
		*)
			[ -z "$disk" ] || die 2 "one disk only, not '$disk' and '$1'"
			disk=$1
			;;
		esac
		shift
	done
}

check() {
	local file tool

	[ -n "$disk" ] || die 2 'which disk? See --help'
	[ "$(id -u)" -eq 0 ] || die 1 'this needs root'
	[ -b "$disk" ] || [ -f "$disk" ] || die 2 "$disk is neither a block device nor a file: truncate -s 20G $disk makes one"
	[[ $boot_loader = both || $boot_loader = none ]] || die 2 "--boot-loader: both or none, not '$boot_loader'"
	[ -b "$disk" ] || [ "$boot_loader" = none ] ||
		die 2 "GRUB needs a disk: losetup --find --show --partscan $disk makes one of the file; or --boot-loader none"
	[ -n "$package$system" ] || die 2 '--package: which package of blankroot? "make deb" makes one'
	[[ $swap =~ ^[0-9]+[MG]$ ]] || die 2 "--swap: '$swap' is no size such as 512M or 4G"
	[[ $hostname =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] || die 2 "--hostname: '$hostname' is none"
	for file in "$key" "$package" "$system" "$configuration"; do
		[ -z "$file" ] || [ -r "$file" ] || die 2 "cannot read $file"
	done
	for tool in sfdisk mkfs.btrfs btrfs losetup blkid $([ -n "$system" ] || echo mmdebstrap); do
		command -v "$tool" >/dev/null || die 1 "$tool is missing: apt install btrfs-progs fdisk mmdebstrap util-linux"
	done
	if [ -f "$disk" ] && [ -n "$(losetup --noheadings --associated "$disk")" ]; then
		die 1 "$disk is in use: $(losetup --noheadings --output NAME --associated "$disk" | xargs)"
	fi
	if [ -b "$disk" ] && lsblk --noheadings --output MOUNTPOINTS "$disk" | grep -q .; then
		die 1 "$disk is in use: $(lsblk --noheadings --output NAME,MOUNTPOINTS "$disk" | xargs)"
	fi
}

confirm() {
	local answer

	[ "$yes" = no ] || return 0
	[ -t 0 ] || die 2 'without a terminal, --yes has to say that the disk may be overwritten'
	[ ! -b "$disk" ] || lsblk "$disk"
	read -r -p "All that is on $disk will be lost. Its name again, to go on: " answer
	[ "$answer" = "$disk" ] || die 1 'nothing was changed'
}

# --- the disk ---

make_partitions() {
	say "partitions of $disk"
	sfdisk --quiet --wipe always --wipe-partitions always "$disk" >/dev/null <<-END
		label: gpt
		size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios
		size=512MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=ESP
		size=${swap}iB, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, name=swap
		type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=system
	END
	swap_uuid=$(sfdisk --part-uuid "$disk" 3 | tr '[:upper:]' '[:lower:]')
}

# Its parts as devices; those of a file are made of it.
open_partitions() {
	local bounds

	if [ -b "$disk" ]; then
		partx --update "$disk" 2>/dev/null || true # where sfdisk could not make the kernel read them
		udevadm settle 2>/dev/null || true
		esp=$(partition_node 2) device=$(partition_node 4)
		if ! [ -b "$esp" ] || ! [ -b "$device" ]; then
			die 1 "the kernel does not show the partitions of $disk: partx --add $disk"
		fi
		return
	fi
	read -r -a bounds < <(sfdisk --dump "$disk" | sed -nE 's/.* start= *([0-9]+), size= *([0-9]+),.*name="system".*/\1 \2/p')
	device=$(losetup --find --show --offset=$((bounds[0] * 512)) --sizelimit=$((bounds[1] * 512)) "$disk")
	# It lives as long as its descriptor: whatever ends this script, nothing stays behind.
	exec 9<>"$device"
	losetup --detach "$device"
}

partition_node() { # number
	if [[ $disk =~ [0-9]$ ]]; then
		echo "${disk}p$1"
	else
		echo "$disk$1"
	fi
}

make_file_system() {
	local name

	say 'file system and subvolumes'
	mkfs.btrfs --quiet --force --label system "$device" >/dev/null
	uuid=$(blkid --probe --match-tag UUID --output value "$device")
	mkdir "$work/top"
	mount -t btrfs -o subvolid=5 "$device" "$work/top"
	while read -r name _; do
		btrfs --quiet subvolume create "$work/top/$name"
	done < <(rows)
	mkdir -m 0700 "$work/top/old_roots" "$work/top/snapshots"
}

rows() {
	sed '/^$/d' <<<"$layout"
}

mount_all() {
	local name mountpoint options

	while read -r name mountpoint options; do
		mkdir -p "$root$mountpoint"
		mount -t btrfs -o "subvol=$name,${options//,noexec/}" "$device" "$root$mountpoint"
	done < <(rows)
}

# --- the system ---

fill() {
	if [ -n "$system" ]; then
		say "the system from $system"
		tar --extract --numeric-owner --xattrs --xattrs-include='*' --file "$system" --directory "$root"
		return
	fi
	say "packages of $suite"
	# No image of the initramfs yet: it has to hold the configuration.
	mmdebstrap --quiet --variant=minbase --include="$packages${include:+,$include}" \
		--aptopt='APT::Install-Recommends "false"' --dpkgopt=force-confold \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools"' \
		--essential-hook='echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"' \
		--customize-hook='rm "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
		--customize-hook='echo update_initramfs=yes >"$1/etc/initramfs-tools/update-initramfs.conf"' \
		--include="$(realpath "$package")" --hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount \
		"$suite" - ${mirror:+"$mirror"} |
		tar --extract --numeric-owner --xattrs --xattrs-include='*' --directory "$root"
}

# Where a file is missing in the installed system, its directory may be, too.
write() { # file, mode; content from standard input
	mkdir -p "$(dirname "$root$1")"
	cat >"$root$1"
	chmod "$2" "$root$1"
}

configure() {
	say 'configuration'
	chmod 1777 "$root/tmp"
	{
		rows | while read -r name mountpoint options; do
			echo "UUID=$uuid $mountpoint btrfs subvol=$name,$options 0 0"
		done
		[ "$boot_loader" = none ] || echo 'PARTLABEL=ESP /boot/efi vfat umask=0077,nofail 0 2'
		echo '/dev/mapper/swap none swap sw,nofail 0 0'
	} | write /etc/fstab 0644
	# A new random key at each boot.
	echo "swap PARTUUID=$swap_uuid /dev/urandom swap,cipher=aes-xts-plain64,size=512,nofail" | write /etc/crypttab 0644
	echo RESUME=none | write /etc/initramfs-tools/conf.d/resume 0644
	{ echo "device = \"UUID=$uuid\"" && cat "$configuration"; } | write /etc/blankroot.conf 0644
	mkdir -p "$root/etc/blankroot.conf.d" "$root/var/lib/prometheus/node-exporter"
	echo "$hostname" | write /etc/hostname 0644
	printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$hostname" | write /etc/hosts 0644
	printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' | write /etc/systemd/network/80-dhcp.network 0644
	printf '%s\n' GRUB_DEFAULT=0 GRUB_TIMEOUT=5 GRUB_DISTRIBUTOR=Debian 'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0"' |
		write /etc/default/grub 0644
	write /usr/local/sbin/install-boot-loader 0755 <"$here/boot-loader.sh"
	in_system systemctl --quiet enable systemd-networkd.service ssh.service \
		blankroot-report.service blankroot-good.service
}

in_system() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# For programs that look at devices and mounts.
bind_kernel() {
	mkdir -p "$root"/{proc,sys,dev,run}
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/run"
}

unbind_kernel() {
	umount --recursive "$root"/{dev,proc,sys,run}
}

make_bootable() {
	say 'initramfs'
	in_system update-initramfs -c -k all
	if [ "$boot_loader" = both ]; then
		say 'boot loader'
		in_system /usr/local/sbin/install-boot-loader --format "$disk" "$esp"
	fi
}

# The blanks are the system as installed, without what makes this machine itself: that is what /etc/blankroot.conf has
# carried from root to root.
make_blanks() {
	local name

	: >"$root/etc/machine-id"
	rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/systemd/random-seed"
	for name in $ephemeral; do
		[ ! -e "$work/top/$name-blank" ] || btrfs --quiet subvolume delete "$work/top/$name-blank"
		btrfs --quiet subvolume snapshot -r "$work/top/$name" "$work/top/$name-blank"
	done
}

make_identity() {
	tr -d - </proc/sys/kernel/random/uuid | write /etc/machine-id 0444
	in_system ssh-keygen -q -A
	if [ -n "$key" ]; then
		install -d -m 0700 "$root/root/.ssh"
		install -m 0600 "$key" "$root/root/.ssh/authorized_keys"
	fi
}

finish() {
	umount --recursive "$root"
	# Errors of the disk are told here.
	sync --file-system "$work/top"
	umount "$work/top"
	echo "Installed on $disk. The first boot is the first reset: 'blankroot report' tells of it."
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	local status=$?

	umount --quiet --recursive --lazy "$root" "$work/top" || true
	rmdir "$root" "$work/top" "$work" 2>/dev/null || true
	[ "$status" -eq 0 ] || echo 'install.sh: not finished, and to be run again once that is mended' >&2
}

main() {
	parse "$@"
	check
	# What is mounted here nobody else sees, and it goes away with this script.
	if [ -z "${INSTALL_IN_NAMESPACE:-}" ]; then
		confirm
		INSTALL_IN_NAMESPACE=1 exec unshare --mount --propagation private bash "$0" "$@"
	fi
	work=$(mktemp -d)
	trap clean_up EXIT
	root=$work/root
	make_partitions
	open_partitions
	make_file_system
	mount_all
	fill
	configure
	bind_kernel
	# The hook of the initramfs looks whether the next boot will be reset; what is built there is part of the blank, too.
	make_blanks
	make_bootable
	make_blanks
	make_identity
	unbind_kernel
	finish
	# All of it was read before it began, and nothing is read now: who edits it meanwhile does no harm.
	exit
}

main "$@"
