# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A plain Debian on btrfs, as its installer leaves it, becomes one that starts blank, by the commands of docs/install.md:
# it is reset twice, upgraded in its blank, with the power cut in two upgrades before, rolled back, and at last it is again
# what it was. The commands are typed in the machine, but for those that build its initramfs, which would take too long in it.

scenario_migrate() { # generator
	machine_memory=1024
	image_stage
	boot_flags=rootflags=subvol=@rootfs
	disk_make_installed "$dir/disk"
	migrate_boot_plain
	migrate_boot_first
	migrate_boot_cut unpacked 'Unpacking upgraded'
	migrate_boot_cut set-up 'all but the end is on the disk'
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

# What an upgrade brings. With a marker on the console, it waits for a cut when nearly all is done.
make_package() { # file
	local number

	mkdir -p "$dir/package/DEBIAN" "$dir/package/usr/share/upgraded/more"
	printf '%s\n' 'Package: upgraded' 'Version: 1' 'Architecture: all' 'Maintainer: none' 'Description: what an upgrade brings' \
		>"$dir/package/DEBIAN/control"
	cat >"$dir/package/DEBIAN/postinst" <<-'END'
		#!/bin/sh
		[ -z "$WAIT_FOR_CUT" ] || { sync && echo all but the end is on the disk && sleep 600; }
	END
	chmod 755 "$dir/package/DEBIAN/postinst"
	echo new >"$dir/package/usr/share/upgraded/file"
	for ((number = 0; number < 2000; number++)); do
		echo "$number" >"$dir/package/usr/share/upgraded/more/$number"
	done
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

migrate_upgrade='apt-get -qy install /var/cache/apt/archives/upgraded.deb'

# The power is cut in the middle of an upgrade.
migrate_boot_cut() { # name, what the console shows then
	server_start "$1"
	expect_started_blank
	server_run 1 'dpkg -s upgraded'
	server_run 0 'blankroot blank verify'
	machine_type "blankroot blank update -- env WAIT_FOR_CUT=yes $migrate_upgrade"
	machine_await "$2"
	machine_kill
	expect_blank_as_before "$1"
}

# On the disk, before anything has booted from it. What was in the works is there, and named, if it ever came to the disk.
expect_blank_as_before() { # name
	local seen=$dir/seen-$1 status=0 which

	disk_mount "$dir/disk"
	which=("--config=$top/@rootfs/etc/blankroot.conf" "--device=$loop")
	[ ! -e "$top/@rootfs-blank/usr/share/upgraded" ] || cell_fail "$1: something of the upgrade is in the blank"
	"$BLANKROOT" blank show "${which[@]}" >"$seen" 2>&1 || cell_fail "$1: show: $(<"$seen")"
	grep -q '^State  *is what it was' "$seen" || cell_fail "$1: the blank is another one: $(<"$seen")"
	! grep -q '^Former' "$seen" || cell_fail "$1: there is a new blank: $(<"$seen")"
	"$BLANKROOT" blank verify "${which[@]}" >"$seen" 2>&1 || status=$?
	if compgen -G "$top/.blankroot/frozen-*" >/dev/null; then
		grep -q 'an interrupted run has left a copy' "$seen" || cell_fail "$1: verify: $(<"$seen")"
		printf 'cell      %s: %s: %s files of the upgrade are on the disk, in a copy\n' "$cell" "$1" \
			"$(find "$top"/.blankroot/frozen-* -path '*/usr/share/upgraded/*' -type f | wc -l)"
	elif [ "$status" -ne 0 ] || [ "$1" = set-up ]; then
		cell_fail "$1: no copy is left, and verify says $(<"$seen")"
	fi
	disk_unmount
}

migrate_boot_upgraded() {
	server_start upgraded
	expect_started_blank
	server_run 2 'ls /usr/lost'
	server_run 0 'cat /var/lib/app/more'
	server_run 1 "blankroot blank update -- sh -c '$migrate_upgrade && exit 7'"
	server_run 0 'blankroot blank verify'
	server_run 0 "blankroot blank update -- $migrate_upgrade"
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
