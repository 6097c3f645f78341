# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A disk with a whole system on it: Debian with systemd, dbus, an ssh server and blankroot, as `make install` leaves
# them.

server_persist='"/etc/machine-id", "/etc/ssh", "/var/log", "/var/lib/systemd"'

server_write_blank() { # directory
	tar -C "$chroot" --one-file-system --exclude=./boot --exclude=./usr/lib/modules --exclude=./usr/lib/dracut \
		--exclude=./usr/share/initramfs-tools --exclude=./usr/lib/firmware --exclude=./var/lib/apt \
		--exclude=./usr/share/man --exclude=./usr/share/zoneinfo -c . | tar -C "$1" -x
	mkdir -p "$1/boot"
	cp -a "$stage/." "$1/"
	image_configuration server >"$1/etc/blankroot.conf"
	# nothing that the reset has to know
	mkdir "$1/etc/blankroot.conf.d"
	echo 'snapshots { subvolumes = { services } every = yearly keep = 30d }' >"$1/etc/blankroot.conf.d/snapshots.conf"
	echo 'of the blank' >"$1/etc/motd"
	echo "UUID=$disk_uuid / btrfs subvol=root 0 0" >"$1/etc/fstab"
	: >"$1/etc/machine-id"
	rm -f "$1"/etc/ssh/ssh_host_*
	server_write_facts "$1"
	[ -z "${server_more:-}" ] || "$server_more" "$1"
	chroot "$1" systemctl --quiet enable blankroot-report.service blankroot-good.service
}

# What tells of each boot, alone on the console.
server_write_facts() { # directory
	ln -sf /dev/null "$1/etc/systemd/system/serial-getty@.service"
	install -m 755 tests/boot/guest/facts "$1/usr/local/bin/facts"
	cat >"$1/etc/systemd/system/facts.service" <<-'END'
		[Service]
		Type=simple
		ExecStart=/usr/local/bin/facts
		[Install]
		WantedBy=multi-user.target
	END
	mkdir -p "$1/etc/systemd/system/multi-user.target.wants"
	ln -sf ../facts.service "$1/etc/systemd/system/multi-user.target.wants/facts.service"
}

# What its installation made, once and for all.
server_write_state() { # directory
	tr -d - </proc/sys/kernel/random/uuid >"$1/etc/machine-id"
	chroot "$1" ssh-keygen -q -A
	echo 'edited by hand' >"$1/etc/motd"
	touch "$1/drift"
}

disk_make_server() { # file
	truncate -s 1G "$1"
	disk_format "$1"
	disk_mount "$1"
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume create "$top/services"
	server_write_blank "$top/root"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	server_write_state "$top/root"
	server_machine_id=$(<"$top/root/etc/machine-id")
	server_host_keys=$(cat "$top"/root/etc/ssh/ssh_host_*_key | sha256sum)
	disk_unmount
}
