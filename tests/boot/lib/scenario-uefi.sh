# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A whole system that the firmware boots: UEFI, an ESP at /boot, systemd-boot. First by an entry of the boot loader
# specification, then by the one that an upgrade of the kernel in the blank has made, at last as a unified kernel image.

uefi_firmware=/usr/share/OVMF/OVMF_CODE_4M.fd
uefi_variables=/usr/share/OVMF/OVMF_VARS_4M.fd
uefi_loader=/usr/lib/systemd/boot/efi/systemd-bootx64.efi
uefi_stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
uefi_token=debian

scenario_uefi() { # generator
	local file

	for file in "$uefi_firmware" "$uefi_variables" "$uefi_loader" "$uefi_stub"; do
		[ -r "$file" ] || cell_fail "needs $file: ovmf, systemd-boot-efi"
	done
	machine_memory=1024
	boot_limit=$((boot_limit * 2))
	image_use "$1" server
	uefi_make_disk "$dir/disk"
	cp "$uefi_variables" "$dir/variables"
	uefi_boot_entry
	uefi_boot_new_kernel
	uefi_boot_unified
}

# --- the disk ---

uefi_make_disk() { # file
	disk_make_server "$1.part"
	uefi_complete "$1.part"
	uefi_make_esp "$1.esp"
	truncate -s 1300M "$1"
	sfdisk -q "$1" <<-'END'
		label: gpt
		start=1MiB, size=192MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=ESP
		start=193MiB, size=1024MiB, name=system
	END
	dd if="$1.esp" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$1.part" of="$1" bs=1M seek=193 conv=notrunc,sparse status=none
	rm "$1.part" "$1.esp"
}

# What the root needs for its ESP, and for an upgrade of the kernel: also in the blank, which has no machine-id.
uefi_complete() { # file
	local one modules=usr/lib/modules/$kernel

	uefi_options="$boot_flags root=UUID=$disk_uuid console=ttyS0 loglevel=4 no_timer_check systemd.show_status=no test.commands"
	disk_mount "$1"
	btrfs property set -ts "$top/root-blank" ro false
	for one in "$top/root" "$top/root-blank"; do
		rm "$one/etc/blankroot.conf.d/snapshots.conf"
		mkdir -p "$one/$modules/kernel/fs" "$one/etc/kernel"
		cp -r "$chroot/$modules"/kernel/fs/{fat,nls} "$one/$modules/kernel/fs/"
		cp "$chroot/$modules"/modules.{builtin,order}* "$one/$modules/"
		chroot "$one" depmod "$kernel"
		echo 'PARTLABEL=ESP /boot vfat umask=0077,x-systemd.device-timeout=15min 0 0' >>"$one/etc/fstab"
		echo "$uefi_token" >"$one/etc/kernel/entry-token"
		echo "$uefi_options" >"$one/etc/kernel/cmdline"
	done
	btrfs property set -ts "$top/root-blank" ro true
	disk_unmount
}

uefi_make_esp() { # file
	local version=$uefi_token/$kernel

	printf '%s\n' "title Debian" "version $kernel" "options $uefi_options" "linux /$version/linux" \
		"initrd /$version/initrd.img-$kernel" >"$dir/entry"
	echo 'timeout 0' >"$dir/loader.conf"
	truncate -s 192M "$1"
	mformat -i "$1" -F -v ESP ::
	mmd -i "$1" ::EFI ::EFI/BOOT ::EFI/Linux ::loader ::loader/entries "::$uefi_token" "::$version"
	mcopy -i "$1" "$uefi_loader" ::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$1" "$dir/loader.conf" ::loader/loader.conf
	mcopy -i "$1" "$dir/entry" "::loader/entries/$uefi_token-$kernel.conf"
	mcopy -i "$1" "$vmlinuz" "::$version/linux"
	mcopy -i "$1" "$image" "::$version/initrd.img-$kernel"
}

# A kernel image with initramfs and command line in it takes the place of all entries.
uefi_unify() { # disk
	echo "$uefi_options test.unified" >"$dir/cmdline"
	objcopy --add-section ".osrel=$chroot/usr/lib/os-release" --change-section-vma .osrel=0x20000 \
		--add-section ".cmdline=$dir/cmdline" --change-section-vma .cmdline=0x30000 \
		--add-section ".linux=$vmlinuz" --change-section-vma .linux=0x2000000 \
		--add-section ".initrd=$image" --change-section-vma .initrd=0x4000000 "$uefi_stub" "$dir/unified.efi"
	mdeltree -i "$1@@1M" ::loader/entries "::$uefi_token"
	mcopy -i "$1@@1M" "$dir/unified.efi" "::EFI/Linux/$uefi_token-$kernel.efi"
}

# --- the boots ---

uefi_start() { # name
	commands=0
	machine_start "$1" '' '' '' "$dir/disk"
	machine_await '^@@ ready'
}

# With what the firmware read, and nothing that is wrong with the next boot.
expect_uefi_reset() {
	expect_same_server
	expect_fact outcome reset
	expect_fact drift "$no_drift"
	server_run 0 'ls /sys/firmware/efi && mountpoint /boot'
	server_run 0 'blankroot check'
}

# The commands of a package with a kernel.
uefi_install_kernel() { # what its version has at the end
	local files=/boot/$uefi_token/$kernel

	echo "cp -r /lib/modules/$kernel /lib/modules/$kernel-$1;" \
		"kernel-install add $kernel-$1 $files/linux $files/initrd.img-$kernel"
}

uefi_boot_entry() {
	uefi_start entry
	expect_uefi_reset
	server_run 0 "grep -F '$kernel' /proc/cmdline"
	server_run 0 "blankroot blank update -- sh -ec '$(uefi_install_kernel new)'"
	expect_not_on_console 'not in step'
	server_run 0 'blankroot check'
	server_end
}

uefi_boot_new_kernel() {
	uefi_start new-kernel
	expect_uefi_reset
	server_run 0 "grep -F '$kernel-new' /proc/cmdline && ls /lib/modules/$kernel-new"
	server_run 1 "blankroot blank update -- sh -ec '$(uefi_install_kernel bad); exit 1'"
	expect_output 'changed, and stay so: .*bad'
	server_run 0 "blankroot blank update -- sh -ec 'kernel-install remove $kernel-bad; touch /etc/again'"
	server_end
}

uefi_boot_unified() {
	uefi_unify "$dir/disk"
	uefi_start unified
	expect_uefi_reset
	server_run 0 'grep -F test.unified /proc/cmdline && ls /etc/again'
	server_end
}
