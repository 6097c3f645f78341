#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# GRUB for BIOS and for UEFI, in the installed system: by install.sh, or later, after the disk was replaced.
#
#   install-boot-loader [--format] DISK ESP
#
#   --format    make a file system on ESP, the EFI system partition: what is there is lost
set -eu

format=no
if [ "${1-}" = --format ]; then
	format=yes
	shift
fi
if [ $# -ne 2 ]; then
	echo 'usage: install-boot-loader [--format] DISK ESP' >&2
	exit 2
fi

[ "$format" = no ] || mkfs.vfat -F 32 -n ESP "$2" >/dev/null
mkdir -p /boot/efi
mountpoint -q /boot/efi || mount -t vfat -o umask=0077 "$2" /boot/efi
grub-install --target=i386-pc "$1"
# To where each firmware looks by itself: there are no variables to be set.
grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
# It finds the subvolume of the root, rootflags=subvol=root, by what is mounted.
update-grub
umount /boot/efi
