# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154 # variables are shared with those who source this
#
# For tests of "blankroot check", to be sourced after shell.sh: the files of a system, below a directory, for a server on
# an image (image_make_server): configuration, boot loader, kernel modules, and an initramfs image made by hand.
#
#   $system   its root directory      $kernel   the version of its kernel      $tree   the unpacked image

system=$dir/system
tree=$dir/tree
kernel=6.1.0-test

system_make() {
	mkdir -p "$system"/{etc/blankroot.conf.d,proc,boot/grub,usr/sbin,usr/lib/blankroot} \
		"$system/lib/modules/$kernel"
	system_configure
	echo "root=$loop rootflags=subvol=root noresume" >"$system/proc/cmdline"
	sed -e 's|@SBINDIR@|/usr/sbin|; s|@UNITDIR@|/usr/lib/systemd/system|' hooks/initramfs.manifest \
		>"$system/usr/lib/blankroot/initramfs.manifest"
	cp "$BLANKROOT_INITRD" "$system/usr/sbin/blankroot-initrd"
	touch "$system/usr/sbin/update-initramfs"
	cat >"$system/lib/modules/$kernel/modules.dep" <<-END
		kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6_pq.ko.xz kernel/crypto/xor.ko.xz
		kernel/lib/raid6_pq.ko.xz:
		kernel/crypto/xor.ko.xz:
		kernel/crypto/xxhash_generic.ko.xz:
	END
	echo kernel/crypto/crc32c-intel.ko >"$system/lib/modules/$kernel/modules.builtin"
	system_boot_loader "root=$loop ro rootflags=subvol=root noresume"
	system_build
}

system_configure() { # more of the section
	cat >"$system/etc/blankroot.conf" <<-END
		device = "$loop"
		ephemeral root { mountpoint = "/" persist = { "/etc/ssh" } ${1:-} }
		archives { min-free = "1%" }
	END
}

system_boot_loader() { # command line
	cat >"$system/boot/grub/grub.cfg" <<-END
		if [ "\${next_entry}" ] ; then
		   set default="\${next_entry}"
		else
		   set default="0"
		fi
		menuentry 'Debian' --class gnu-linux \$menuentry_id_option 'gnulinux-simple' {
			linux	/vmlinuz-$kernel $1
			initrd	/ucode.img /initrd.img-$kernel
		}
		submenu 'Advanced' \$menuentry_id_option 'gnulinux-advanced' {
			menuentry 'Old' \$menuentry_id_option 'gnulinux-old' {
				linux	/vmlinuz-5.10 $1
				initrd	/initrd.img-5.10
			}
		}
	END
}

# As initramfs-tools does it. What is compressed may be any bytes.
system_make_tree() {
	local modules=$dir/tree.empty/usr/lib/modules/$kernel module

	if [ ! -e "$dir/tree.empty" ]; then
		mkdir -p "$dir/tree.empty"/{conf,scripts/local-premount,etc/blankroot.conf.d,usr/sbin} "$modules/kernel"
		ln -s usr/lib "$dir/tree.empty/lib"
		: >"$dir/tree.empty/conf/initramfs.conf"
		for module in btrfs raid6_pq xor xxhash_generic; do
			echo "$module" >"$modules/kernel/$module.ko"
		done
		cp "$system/usr/sbin/blankroot-initrd" "$dir/tree.empty/usr/sbin/"
		cp hooks/initramfs-tools/local-premount "$dir/tree.empty/scripts/local-premount/blankroot"
		printf '%s "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n' /scripts/local-premount/resume \
			/scripts/local-premount/blankroot >"$dir/tree.empty/scripts/local-premount/ORDER"
		cp "$system/lib/modules/$kernel"/modules.* "$modules/"
	fi
	rm -rf "$tree"
	cp -a "$dir/tree.empty" "$tree"
	cp -a "$system/etc/blankroot.conf" "$system/etc/blankroot.conf.d" "$tree/etc/"
}

system_pack_tree() {
	(cd "$tree" && find . | cpio --quiet -o -H newc)
}

# An archive like those with microcode, which come first.
system_pack_early() {
	if [ ! -e "$dir/early" ]; then
		mkdir -p "$dir/early/kernel/x86/microcode"
		echo microcode >"$dir/early/kernel/x86/microcode/AuthenticAMD.bin"
	fi
	(cd "$dir/early" && find . | cpio --quiet -o -H newc)
}

system_build() {
	system_make_tree
	{
		system_pack_early
		system_pack_tree | zstd -q -1
	} >"$system/boot/initrd.img-$kernel"
}

# Run the check. What it found is in the array found, "ID SEVERITY", the command for each ID in the array commands, and all
# it said in $dir/json. Each finding has to say something.
system_check() { # argument...
	local status=0 id severity command is_mute expected=0

	"$BLANKROOT" check --root="$system" --json "$@" >"$dir/json" 2>"$dir/err" || status=$?
	[ ! -s "$dir/err" ] || fail "check $*: $(<"$dir/err")"
	found=() commands=()
	while IFS=$'\t' read -r id severity is_mute command; do
		[ -n "$id" ] || continue
		[ "$is_mute" = false ] || fail "$id says too little: $(<"$dir/json")"
		[ "$severity" != error ] || expected=1
		found+=("$id $severity")
		[ -z "$command" ] || [ -n "${commands[$id]:-}" ] || commands[$id]=$command
	done <<<"$(jq -r '.findings[] | [.id, .severity, ((.message | length) < 10 or (.meaning | endswith(".") | not)),
		.command // ""] | join("\t")' "$dir/json")"
	[ "$status" -eq "$expected" ] || fail "exit code $status: $(<"$dir/json")"
}
declare -a found
declare -A commands

system_has_found() { # id, severity
	local one

	for one in "${found[@]}"; do
		[ "$one" != "$1 $2" ] || return 0
	done
	return 1
}

system_found_nothing() { # when
	[ ${#found[@]} -eq 0 ] || fail "$1: $(jq -c '.findings[] | [.id, .severity, .message, .command]' "$dir/json")"
}

system_is_clean() { # when
	system_check
	system_found_nothing "$1"
}
