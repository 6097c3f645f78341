#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shell recipe that blankroot is measured against: what people write for the same job, without carrying anything.
set -e

read -r begin _ </proc/uptime

mkdir -p /btrfs_tmp
mount -t btrfs -o subvolid=5 /dev/vda /btrfs_tmp
if [ -e /btrfs_tmp/root ]; then
	mkdir -p /btrfs_tmp/old_roots
	stamp=$(date --date="@$(stat -c %Y /btrfs_tmp/root)" '+%Y-%m-%d_%H:%M:%S')
	mv /btrfs_tmp/root "/btrfs_tmp/old_roots/$stamp"
fi

delete_recursively() { # subvolume
	local line

	while read -r line; do
		delete_recursively "/btrfs_tmp/$line"
	done < <(btrfs subvolume list -o "$1" | cut -f 9- -d ' ')
	btrfs subvolume delete "$1"
}

while read -r old; do
	delete_recursively "$old"
done < <(find /btrfs_tmp/old_roots/ -mindepth 1 -maxdepth 1 -mtime +30)

btrfs subvolume snapshot /btrfs_tmp/root-blank /btrfs_tmp/root
umount /btrfs_tmp
read -r end _ </proc/uptime
echo "$begin $end" >/run/reset-times
