#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/examples/debian-server/install.sh: what it refuses, and what it leaves on an image: partitions, subvolumes, blanks,
# fstab, crypttab, a configuration that the program takes, and a system that is reset by it. The system comes from an archive:
# busybox, and stand-ins for what Debian's packages would do. Boots of a real one: the scenario "example" of tests/boot.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/example.sh
. tests/support/example.sh

install=docs/examples/debian-server/install.sh
[ "$(id -u)" -eq 0 ] || skip 'needs root, for a loop device and mounts'
command -v busybox >/dev/null || skip 'needs busybox'

# Their own scripts and no others are in bin.
make_system() { # archive
	local tree=$dir/tree name

	mkdir -p "$tree"/{bin,etc/ssh,var/cache/debconf,var/lib/systemd,usr/share,root,tmp,boot}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for name in sh cp cat; do
		ln -s busybox "$tree/bin/$name"
	done
	printf '#!/bin/sh\ncp /etc/blankroot.conf /boot/initrd.img\n' >"$tree/bin/update-initramfs"
	printf '#!/bin/sh\necho key >/etc/ssh/ssh_host_ed25519_key\n' >"$tree/bin/ssh-keygen"
	printf '#!/bin/sh\necho "$@" >>/etc/enabled\n' >"$tree/bin/systemctl"
	chmod +x "$tree"/bin/*
	echo debconf >"$tree/var/cache/debconf/config.dat"
	echo 'a host key of the archive' >"$tree/etc/ssh/ssh_host_rsa_key"
	tar --create --file "$1" --directory "$tree" .
}

# Nothing is written before all is known to be right.
refused() { # exit code, message, argument...
	local code=0

	bash "$install" "${@:3}" >"$dir/output" 2>&1 </dev/null || code=$?
	[ "$code" -eq "$1" ] || fail "${*:3}: exit code $code: $(cat "$dir/output")"
	grep -qF -- "$2" "$dir/output" || fail "${*:3}: $(cat "$dir/output")"
	cmp -s "$dir/image" "$dir/untouched" || fail "${*:3}: the image was changed"
}

check_refusals() {
	local image=$dir/image all=(--yes --boot-loader none --system "$dir/system.tar")

	echo 'not to be lost' >"$image"
	cp "$image" "$dir/untouched"
	refused 2 'which disk?' --yes
	refused 2 "unknown option '--hostnam=a'" --hostnam=a "$image"
	refused 2 '--swap needs a value' "$image" --swap
	refused 2 'one disk only' "${all[@]}" "$image" "$image"
	refused 2 'neither a block device nor a file' "${all[@]}" "$image.missing"
	refused 2 'GRUB needs a disk' --yes --system "$dir/system.tar" "$image"
	refused 2 'both or none' --yes --boot-loader lilo "$image"
	refused 2 '--package: which' --yes --boot-loader none "$image"
	refused 2 "'lots' is no size" "${all[@]}" --swap lots "$image"
	refused 2 "'a b' is none" "${all[@]}" --hostname 'a b' "$image"
	refused 2 'cannot read /nowhere' "${all[@]}" --key /nowhere "$image"
	refused 2 '--yes has to say' --boot-loader none --system "$dir/system.tar" "$image"
	# Somebody has it open.
	loop=$(losetup --find --show "$image") || skip 'needs a loop device'
	refused 1 'is in use: /dev/loop' "${all[@]}" "$image"
	losetup --detach "$loop"
	rm "$image"
}

install_image() {
	truncate -s 4G "$dir/image"
	bash "$install" --yes --boot-loader none --system "$dir/system.tar" --hostname srv1 --swap 512M --key "$dir/key" \
		"$dir/image" >"$dir/output" 2>&1 || fail "$(cat "$dir/output")"
}

check_partitions() {
	sfdisk --json "$dir/image" >"$dir/partitions"
	same 'partitions' 'bios 2048 ESP 1048576 swap 1048576 system' "$(jq -r '.partitiontable.partitions |
		(.[:3][] | .name, .size), .[3].name' "$dir/partitions" | xargs)"
	swap=$(jq -r '.partitiontable.partitions[2].uuid | ascii_downcase' "$dir/partitions")
}

# What the machine reads when it starts.
check_configuration() {
	local uuid root=$top/root

	uuid=$(blkid --probe --match-tag UUID --output value "$loop")
	image_mount
	same 'swap' "swap PARTUUID=$swap /dev/urandom swap,cipher=aes-xts-plain64,size=512,nofail" "$(cat "$root/etc/crypttab")"
	same 'swap in fstab' '/dev/mapper/swap none swap sw,nofail 0 0' "$(grep -w swap "$root/etc/fstab")"
	same 'no hibernation' RESUME=none "$(cat "$root/etc/initramfs-tools/conf.d/resume")"
	awk '$3 == "btrfs" { print $2, $4 }' "$root/etc/fstab" >"$dir/mounts"
	same 'other devices' '' "$(awk -v uuid="$uuid" '$3 == "btrfs" && $1 != "UUID=" uuid' "$root/etc/fstab")"
	agree 'subvolumes' "$(cd "$top" && find . -mindepth 1 -maxdepth 1 -inum 256 ! -name '*-blank' -printf 'subvol=%f\n')" \
		"$(grep -o 'subvol=[a-z]*' "$dir/mounts")"
	cp "$root/etc/blankroot.conf" "$dir/blankroot.conf"
	"$BLANKROOT_INITRD" --check-config --config "$dir/blankroot.conf" || fail 'the program does not take the configuration'
	same 'device' "UUID=$uuid" "$("$BLANKROOT_INITRD" --print=device --config "$dir/blankroot.conf")"
	cmp "$dir/blankroot.conf" "$top/boot/initrd.img" || fail 'the initramfs was built without the configuration'
	agree 'what is ephemeral' "$(sed -n 's/^ephemeral \(.*\) {/\1/p' "$dir/blankroot.conf")" \
		"$(find "$top" -mindepth 1 -maxdepth 1 -name '*-blank' -printf '%f\n' | sed 's/-blank//')"
	image_unmount
}

# The blank is the system, and none of the machines that are made from it.
check_identity() {
	image_mount
	same 'keys of the blank' '' "$(find "$top/root-blank/etc/ssh" "$top/root-blank/root" -type f)"
	same 'keys of the machine' ssh_host_ed25519_key "$(ls "$top/root/etc/ssh")"
	[ -s "$top/root/etc/machine-id" ] || fail 'there is no machine-id'
	[ ! -s "$top/root-blank/etc/machine-id" ] || fail 'the blank has a machine-id'
	same 'who may log in' 'ssh-ed25519 somebody' "$(cat "$top/root/root/.ssh/authorized_keys")"
	same 'hostname' srv1 "$(cat "$top/root-blank/etc/hostname")"
	same 'what debconf needs' debconf "$(cat "$top/cache-blank/debconf/config.dat")"
	image_unmount
}

attach() {
	local bounds

	read -r -a bounds < <(jq -r '.partitiontable.partitions[3] | "\(.start * 512) \(.size * 512)"' "$dir/partitions")
	image_attach "${bounds[@]}"
}

check_mounted_disk() {
	image_mount
	! bash "$install" --yes --system "$dir/system.tar" "$loop" >"$dir/output" 2>&1 || fail 'a disk that is mounted was overwritten'
	grep -q "^install.sh: $loop is in use" "$dir/output" || fail "a disk that is mounted: $(cat "$dir/output")"
	image_unmount
}

make_system "$dir/system.tar"
check_refusals
echo 'ssh-ed25519 somebody' >"$dir/key"
install_image
# On what is there it begins anew.
install_image
check_partitions
attach
check_configuration
check_identity
check_mounted_disk
example_check_top
example_check_options "$dir/mounts"
example_check_readme docs/examples/debian-server/README.md "$dir/mounts"
example_check_resets "$dir/mounts" "$dir/blankroot.conf" \
	'/etc/machine-id /etc/ssh/key /root/notes /var/lib/systemd/timer /home/admin/notes /boot/vmlinuz /persist/a /var/log/a /srv/a
		/var/lib/caddy/a /var/backup/a /var/lib/containers/a' \
	'/etc/edited /usr/local/bin/a /var/lib/stray/a /var/cache/a /tmp/a'
