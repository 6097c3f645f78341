# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A plain Debian on btrfs, as its installer leaves it, becomes one that starts blank, by the commands of docs/install.md:
# it is reset twice, upgraded in its blank, rolled back, and at last it is again what it was. The commands are typed in the
# machine, but for those that build its initramfs, which would take too long in it.

scenario_migrate() { # generator
	machine_memory=1024
	image_stage
	boot_flags=rootflags=subvol=@rootfs
	disk_make_installed "$dir/disk"
	migrate_boot_plain
	migrate_boot_first
	migrate_boot_upgraded
	migrate_boot_new_blank
	migrate_boot_rolled_back
	migrate_boot_former
}

# --- the disk ---

disk_make_installed() { # file
	local root=$dir/top/@rootfs

	truncate -s 3G "$1"
	disk_format "$1"
	disk_mount "$1"
	btrfs -q subvolume create "$root"
	tar -C "$chroot" --one-file-system --exclude=./usr/lib/firmware --exclude=./usr/share/man --exclude=./usr/share/zoneinfo \
		-c . | tar -C "$root" -x
	cp -a "$stage/." "$root/"
	chroot "$root" systemctl --quiet enable blankroot-report.service blankroot-good.service
	printf 'MODULES=list\nBUSYBOX=y\nCOMPRESS=zstd\nCOMPRESSLEVEL=3\n' >"$root/etc/initramfs-tools/conf.d/test"
	tr ' ' '\n' <<<"btrfs $image_drivers" >"$root/etc/initramfs-tools/modules"
	echo "UUID=$disk_uuid / btrfs defaults,subvol=@rootfs 0 0" >"$root/etc/fstab"
	tr -d - </proc/sys/kernel/random/uuid | tee "$root/etc/machine-id" >"$dir/machine-id"
	rm -f "$root"/etc/ssh/ssh_host_*
	chroot "$root" ssh-keygen -q -A
	cat "$root"/etc/ssh/ssh_host_*_key | sha256sum >"$dir/host-keys"
	mkdir -p "$root/var/lib/app" "$root/home/somebody" "$root/var/cache/apt/archives"
	echo data | tee "$root/var/lib/app/state" >"$root/home/somebody/letter"
	echo installed >"$root/etc/motd"
	make_package "$root/var/cache/apt/archives/upgraded.deb"
	server_write_facts "$root"
	rebuild_initramfs -c
	disk_unmount
}

# What an upgrade brings.
make_package() { # file
	mkdir -p "$dir/package/DEBIAN" "$dir/package/usr/share/upgraded"
	printf '%s\n' 'Package: upgraded' 'Version: 1' 'Architecture: all' 'Maintainer: none' 'Description: what an upgrade brings' \
		>"$dir/package/DEBIAN/control"
	echo new >"$dir/package/usr/share/upgraded/file"
	dpkg-deb --root-owner-group --build "$dir/package" "$1" >/dev/null
}

# In the system on the disk, which is mounted at $top. Sets vmlinuz and image.
rebuild_initramfs() { # option of update-initramfs
	local system=$dir/system

	mkdir -p "$system"
	mount -o subvol=@rootfs "$loop" "$system"
	mount -t proc proc "$system/proc"
	mount -t sysfs -o ro sysfs "$system/sys"
	mount --rbind /dev "$system/dev"
	echo update_initramfs=yes >"$system/etc/initramfs-tools/update-initramfs.conf"
	chroot "$system" update-initramfs "$1" -k "$kernel" >"$dir/initramfs.log" 2>&1 ||
		cell_fail "update-initramfs: $(tail -n 20 "$dir/initramfs.log")"
	vmlinuz=$dir/vmlinuz image=$dir/initrd
	cp "$system/boot/vmlinuz-$kernel" "$vmlinuz"
	cp "$system/boot/initrd.img-$kernel" "$image"
	umount -l "$system/dev" "$system/sys" "$system/proc"
	umount "$system"
}

rebuild_on_disk() {
	disk_mount "$dir/disk"
	rebuild_initramfs -u
	disk_unmount
}

# --- the boots ---

# It is well, and the machine that was installed, with its data.
expect_same_machine() {
	expect_fact state running
	expect_fact failed ''
	expect_fact machine-id "$(<"$dir/machine-id")"
	expect_fact host-keys "$(<"$dir/host-keys")"
	expect_fact sshd active
	server_run 0 'cat /var/lib/app/state /home/somebody/letter'
	[ "$(server_output | sort -u)" = data ] || cell_fail "what was kept is $(server_output)"
}

expect_started_blank() {
	expect_same_machine
	expect_fact outcome reset
	expect_fact drift "$no_drift"
	server_run 0 'blankroot status'
	expect_output '^Health +good$'
}

# Nothing is reset, and the way there is one command.
migrate_boot_plain() {
	server_start plain
	expect_same_machine
	expect_fact outcome ''
	server_run 0 'blankroot init --dry-run'
	server_run 0 'blankroot init --yes'
	server_run 0 'blankroot-initrd --check-config'
	server_run 0 'grep machine-id /etc/blankroot.conf'
	server_end
	rebuild_on_disk
}

migrate_boot_first() {
	server_start first
	expect_started_blank
	server_run 0 'touch /usr/lost && echo more >>/var/lib/app/more'
	server_run 0 'blankroot check'
	server_end
}

migrate_boot_upgraded() {
	server_start upgraded
	expect_started_blank
	server_run 2 'ls /usr/lost'
	server_run 0 'cat /var/lib/app/more'
	server_run 1 'blankroot blank update -- sh -c "dpkg -i /var/cache/apt/archives/upgraded.deb && exit 7"'
	server_run 0 'blankroot blank verify'
	server_run 0 'blankroot blank update -- dpkg -i /var/cache/apt/archives/upgraded.deb'
	server_run 1 'dpkg -s upgraded'
	server_run 0 'blankroot blank verify'
	server_end
}

migrate_boot_new_blank() {
	server_start new-blank
	expect_started_blank
	server_run 0 'dpkg -s upgraded && cat /usr/share/upgraded/file'
	server_run 0 'blankroot blank rollback'
	server_end
}

migrate_boot_rolled_back() {
	server_start rolled-back
	expect_started_blank
	server_run 1 'dpkg -s upgraded'
	server_run 0 'echo kept >/usr/kept'
	server_run 0 'blankroot init --undo --yes'
	server_end
	rebuild_on_disk
}

# Again a machine like any other.
migrate_boot_former() {
	server_start former
	expect_same_machine
	expect_fact outcome ''
	expect_fact drift /drift
	server_run 0 'cat /usr/kept'
	server_end
}
