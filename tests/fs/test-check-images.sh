#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "blankroot check" makes of initramfs images, in each compression, of each generator, and of those that are cut off,
# damaged, hostile or huge: it finds blankroot in them or says why not, soon, and no byte of theirs reaches a terminal.
# shellcheck disable=SC2119 # functions with optional arguments
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/system.sh
. tests/support/system.sh

image=$system/boot/initrd.img-$kernel

# Each compression, with an archive before it that is not compressed, and another one behind it.
check_compressions() {
	local how

	system_make_tree
	for how in cat gzip bzip2 'xz -0' 'xz -0 --check=crc32' 'xz -0 --format=lzma' 'lz4 -l' lz4 'zstd -1'; do
		command -v "${how%% *}" >/dev/null || continue
		{
			system_pack_early
			# shellcheck disable=SC2086 # a command and its options
			system_pack_tree | $how 2>/dev/null
		} >"$image"
		system_is_clean "compressed by $how"
		[ "$(jq -r '.images[0].version' "$dir/json")" = "$("$BLANKROOT_INITRD" --version | sed 's/.* //')" ] ||
			fail "$how: which version? $(jq -c .images "$dir/json")"
	done
	for how in gzip zstd; do
		{
			system_pack_early
			(cd "$tree" && find . ! -path './etc*' | cpio --quiet -o -H newc) | $how
			head -c 512 /dev/zero
			(cd "$tree" && find ./etc | cpio --quiet -o -H newc) | $how
		} >"$image"
		system_is_clean "in two parts by $how"
	done
	# the names of hard links, whose content comes with the last
	cp "$tree/etc/blankroot.conf" "$tree/etc/blankroot.conf.d/00-same.conf"
	ln "$tree/etc/blankroot.conf.d/00-same.conf" "$tree/zzz"
	system_pack_tree | gzip >"$image"
	system_check
	[[ $(jq -r '.findings[].message' "$dir/json") == *'has what the system has not: /etc/blankroot.conf.d/00-same.conf' ]] ||
		fail "hard links: $(jq -c .findings "$dir/json")"
}

# Images that are laid out as other generators do it; the real ones are looked at where they are built.
check_generators() {
	local lib=usr/lib/systemd/system

	system_make_tree
	rm -r "$tree/conf" "$tree/scripts"
	mkdir -p "$tree/usr/lib/dracut/hooks/pre-mount" "$tree/$lib/initrd.target.wants"
	system_pack_tree | zstd -q >"$image"
	expect_one image-hook
	cp dracut-module/blankroot-reset.sh "$tree/usr/lib/dracut/hooks/pre-mount/50blankroot-reset.sh"
	system_pack_tree | zstd -q >"$image"
	system_is_clean 'dracut'
	[ "$(jq -r '.images[0].generator' "$dir/json")" = dracut ] || fail 'not taken for one of dracut'
	touch "$tree/usr/lib/systemd/systemd"
	system_pack_tree | zstd -q >"$image"
	expect_one image-hook
	cp hooks/systemd/blankroot-reset.service "$tree/$lib/"
	system_pack_tree | zstd -q >"$image"
	expect_one image-hook
	ln -s ../blankroot-reset.service "$tree/$lib/initrd.target.wants/"
	system_pack_tree | zstd -q >"$image"
	system_is_clean 'dracut with systemd'
	sed -i 's/systemd-hibernate-resume.service//' "$tree/$lib/blankroot-reset.service"
	system_pack_tree | zstd -q >"$image"
	expect_one image-order

	rm -r "$tree/usr/lib/dracut" "$tree/usr/lib/systemd"
	mkdir "$tree/hooks"
	touch "$tree/init_functions" "$tree/hooks/blankroot"
	echo 'HOOKS="keymap encrypt resume blankroot"' >"$tree/config"
	system_pack_tree | zstd -q >"$image"
	system_is_clean 'mkinitcpio'
	echo 'HOOKS="keymap blankroot resume"' >"$tree/config"
	system_pack_tree | zstd -q >"$image"
	expect_one image-order
	echo 'HOOKS="keymap resume"' >"$tree/config"
	system_pack_tree | zstd -q >"$image"
	expect_one image-hook
}

# A unified kernel image: sections of a PE file.
check_unified() {
	mkdir -p "$system/boot/EFI/Linux" "$system/boot/loader"
	system_make_tree
	system_pack_tree | zstd -q >"$dir/initrd"
	python3 - "$dir/initrd" "root=$loop rd.blankroot=off rootflags=subvol=root" >"$system/boot/EFI/Linux/test.efi" <<-'END'
		import struct, sys
		parts = [(b".cmdline", sys.argv[2].encode()), (b".initrd", open(sys.argv[1], "rb").read())]
		head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 2, 0, 0, 0, 0, 0)
		offset, table, data = 4096, b"", b""
		for name, text in parts:
		    padded = text + bytes(-len(text) % 512)
		    table += struct.pack("<8sIIIIIIHHI", name, len(text), 0, len(padded), offset, 0, 0, 0, 0, 0)
		    offset += len(padded)
		    data += padded
		sys.stdout.buffer.write((head + table).ljust(4096, b"\0") + data)
	END
	mv "$system/boot/grub" "$dir/grub"
	mv "$image" "$dir/other"
	echo 'default test.efi' >"$system/boot/loader/loader.conf"
	expect_one cmdline-off
	jq -e '.images | length == 1 and .[0].read and .[0].boots' "$dir/json" >/dev/null || fail "$(jq -c .images "$dir/json")"
	jq -e '.findings[0].command == null' "$dir/json" >/dev/null || fail 'what is in the image cannot be edited'
	head -c 6000 "$system/boot/EFI/Linux/test.efi" >"$dir/cut"
	cp "$dir/cut" "$system/boot/EFI/Linux/test.efi"
	system_check
	system_has_found image-unreadable error || fail "cut off: $(jq -c .findings "$dir/json")"
	rm -r "$system/boot/EFI" "$system/boot/loader"
	mv "$dir/grub" "$system/boot/grub"
}

# As kernel-install leaves it, below the id of the machine or another word.
check_entry() {
	local token place

	mv "$system/boot/grub" "$dir/grub"
	mkdir -p "$system/boot/loader/entries"
	echo 'timeout 0' >"$system/boot/loader/loader.conf"
	for token in 0123456789abcdef0123456789abcdef debian opensuse-tumbleweed; do
		place=$token/6.1.0-test
		mkdir -p "$system/boot/$place"
		mv "$image" "$system/boot/$place/initrd.img-6.1.0-test"
		printf '%s\n' 'version 6.1.0-test' "initrd /$place/initrd.img-6.1.0-test" 'options rw' >"$system/boot/loader/entries/$token.conf"
		system_check
		jq -e --arg path "/boot/$place/initrd.img-6.1.0-test" '.images | length == 1 and .[0].path == $path and .[0].boots' \
			"$dir/json" >/dev/null || fail "$token: $(jq -c .images "$dir/json")"
		mv "$system/boot/$place/initrd.img-6.1.0-test" "$image"
		rm -r "${system:?}/boot/$token" "$system/boot/loader/entries/$token.conf"
	done
	rm -r "$system/boot/loader"
	mv "$dir/grub" "$system/boot/grub"
}

expect_one() { # id
	system_check
	[ "${found[*]}" = "$1 error" ] || fail "not $1 alone: $(jq -c .findings "$dir/json")"
}

# Cut off anywhere, or with any bytes in it: no crash, and never taken for one that is as it should be.
check_damage() {
	local size at

	system_make_tree
	system_pack_tree | zstd -q >"$dir/whole"
	size=$(stat -c %s "$dir/whole")
	for at in 0 1 5 110 1000 $((size / 2)) $((size - 20)); do
		head -c "$at" "$dir/whole" >"$image"
		expect_one image-unreadable
	done
	system_pack_tree >"$dir/whole"
	for at in 3 6 109 111 50000 600000; do
		head -c "$at" "$dir/whole" >"$image"
		expect_one image-unreadable
	done
	head -c 1M /dev/urandom >"$image"
	expect_one image-unreadable
}

# One entry: name, size as it says, content.
entry() { # name, size in hexadecimal
	printf '07070100000001000081a4%032d%s%032d%08x00000000%s\0' 1 "$2" 0 $((${#1} + 1)) "$1"
	head -c $(((4 - (110 + ${#1} + 1) % 4) % 4)) /dev/zero
}

trailer() {
	entry 'TRAILER!!!' 00000000
}

check_hostile() {
	{ entry '../../../etc/blankroot.conf' 00000000 && trailer; } >"$image"
	expect_one image-without-blankroot
	[ ! -e "$system/../blankroot.conf" ] || fail 'something was unpacked'
	{ entry 'usr/sbin/blankroot-initrd' ffffffff && trailer; } >"$image"
	expect_one image-unreadable
	{ entry $'usr/sbin/\e[31mblankroot-initrd' 00000000 && entry $'etc/blankroot.conf.d/\e[31m.conf' 00000000 &&
		entry usr/sbin/blankroot-initrd 00000000 && trailer; } >"$image"
	system_check
	"$BLANKROOT" check --root="$system" >"$dir/out" || true
	! grep -q $'\e' "$dir/out" || fail "an escape sequence: $(cat -v "$dir/out")"
	grep -q 'etc/blankroot.conf.d/.x1b\[31m.conf' "$dir/out" || fail "the name is not told: $(cat "$dir/out")"
	# 5 GiB of nothing
	head -c 128M /dev/zero | zstd -q -1 >"$dir/nothing"
	{
		entry file ffffffff | zstd -q
		for _ in {1..40}; do
			cat "$dir/nothing"
		done
	} >"$image"
	expect_one image-unreadable
	# what is no file at all
	rm "$image"
	mkfifo "$system/boot/initrd.img-fifo"
	mkdir "$image"
	system_check
	[ "${found[*]}" = 'image-none warning' ] || fail "no image: $(jq -c .findings "$dir/json")"
	rm -r "$image" "$system/boot/initrd.img-fifo"
	mv "$system/boot" "$dir/boot"
	system_check
	[ "${found[*]}" = 'image-none warning' ] || fail "no /boot: $(jq -c .findings "$dir/json")"
	grep -q 'update-initramfs -c -k all' "$dir/json" || fail "which command? $(jq -c .findings "$dir/json")"
	echo "LABEL=boot /boot ext4 defaults 0 2" >"$system/etc/fstab"
	system_check
	grep -q 'mount /boot"' "$dir/json" || fail "which command? $(jq -c .findings "$dir/json")"
	rm "$system/etc/fstab"
	mv "$dir/boot" "$system/boot"
}

check_nobody() {
	local status=0

	chmod 0755 "$dir"
	setpriv --reuid=65534 --clear-groups "$BLANKROOT" check --root="$system" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "not root: exit code $status"
	grep -q '^blankroot check: .*only root can do that' "$dir/out" || fail "not root: $(cat "$dir/out")"
}

image_make_server
system_make
if [ "$BLANKROOT_ARCHIVE" != yes ]; then
	system_check
	[ "${found[*]}" = 'images-unchecked info' ] || fail "without libarchive: $(jq -c .findings "$dir/json")"
	exit 0
fi
check_compressions
check_generators
check_entry
check_unified
check_damage
check_hostile
check_nobody
