#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/examples/hetzner-vps: each of its machines is without mistakes; disko.nix and the configurations agree about the
# subvolumes; what disko would do is done here to an image, which the kernel mounts as it says, and which is installed,
# and reset by the configuration that comes out.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/example.sh
. tests/support/example.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

example=docs/examples/hetzner-vps
hosts='db1 db1-luks web1'
ephemeral='root cache tmp'
persistent='nix persist log services caddy backup containers'

machines() { # expression with "machines"
	evaluate "let machines = machinesOf (import ./$example/flake.nix); in $1"
}

lines() { # words
	tr ' ' '\n' <<<"$*"
}

# --- the configurations ---

check_hosts() {
	local host

	agree 'machines of the flake' "$(lines "$hosts")" "$(machines 'builtins.attrNames machines' | jq -r '.[]')"
	machines 'builtins.mapAttrs (_: one: { said = refusals one ++ one.warnings; all = evaluates one; text = textOf one;
		inherit (one) fileSystems swapDevices networking; inherit (one.boot) initrd; inherit (one.boot.loader) grub;
		disk = one.disko.devices.disk.main; inherit (one.services.blankroot) settings; }) machines' >"$dir/machines"
	for host in $hosts; do
		jq -e --arg host "$host" '.[$host] | .said == [] and .all' "$dir/machines" >/dev/null ||
			fail "$host: $(jq -c --arg host "$host" '.[$host].said' "$dir/machines")"
		of "$host" .text >"$dir/$host.conf"
		"$BLANKROOT_INITRD" --check-config --config "$dir/$host.conf" || fail "$host: the program does not take the configuration"
	done
}

of() { # host, what of it
	jq -r --arg host "$1" ".[\$host] | $2" "$dir/machines"
}

check_wishes() {
	local host

	for host in db1 web1; do
		same "$host: retention" '30d 30d monthly weekly /var/lib/node-exporter' \
			"$(of "$host" '.settings | [.archives.keep, .snapshots.keep, .maintenance.scrub, .maintenance.balance,
				.metrics.directory] | join(" ")')"
	done
	same 'db1' 'io-optimized 6h' "$(of db1 '.settings | .performance.mode + " " + .snapshots.every')"
	same 'web1' 'balanced 12h' "$(of web1 '.settings | .performance.mode + " " + .snapshots.every')"
	same 'collector' "[\"--collector.textfile.directory=/var/lib/node-exporter\"]" \
		"$(machines 'machines.db1.services.prometheus.exporters.node.extraFlags')"
	# Two machines and one file.
	[ "$(of web1 .networking.hostName)" != "$(of db1 .networking.hostName)" ] || fail 'both have the same name'
}

# --- the disk as evaluated ---

subvolumes() { # host, condition
	of "$1" "[.. | objects | select(.type? == \"btrfs\")][0].subvolumes[] | select($2) | .name"
}

check_layout() {
	local host name

	for host in $hosts; do
		agree "$host: mounted subvolumes" "$(lines "$ephemeral $persistent")" "$(subvolumes "$host" '.mountpoint != null')"
		agree "$host: blanks" "$(for name in $ephemeral; do echo "$name-blank"; done)" "$(subvolumes "$host" '.mountpoint == null')"
		agree "$host: ephemeral ones" "$(lines "$ephemeral")" "$(of "$host" '.settings.ephemeral | keys[]')"
		# Where the disk mounts them is where the configuration has them, for the reset and for the system.
		agree "$host: mountpoints" "$(of "$host" '.settings.ephemeral | to_entries[] | .key + " " + .value.mountpoint')" \
			"$(subvolumes "$host" '.mountpoint != null' | while read -r name; do
				[[ " $ephemeral " = *" $name "* ]] || continue
				of "$host" ".fileSystems[] | select(.options | index(\"subvol=$name\")) | \"$name \" + .mountPoint"
			done)"
		# All snapshots are of what persists.
		same "$host: snapshots of what is not persistent" '' "$(comm -23 \
			<(of "$host" '.settings.snapshots.subvolumes[]' | sort) <(lines "$persistent" | sort))"
		same "$host: swap" 'true' "$(of "$host" '[.swapDevices[] | .randomEncryption.enable] == [true]')"
		same "$host: GRUB" '["/dev/sda"] true' "$(of "$host" '.grub | "\(.devices) \(.enable)"')"
		same "$host: early" 'true' "$(of "$host" '.fileSystems["/persist"].neededForBoot')"
	done
	same 'LUKS' '{"system":{"allowDiscards":true,"device":"/dev/disk/by-partlabel/disk-main-system"}}' \
		"$(of db1-luks '.initrd.luks.devices | tojson')"
	same 'device with LUKS' '/dev/mapper/system' "$(of db1-luks .settings.device)"
	same 'device' '/dev/disk/by-partlabel/disk-main-system' "$(of db1 .settings.device)"
}

# What disko does not know is refused here, too.
check_schema() {
	local wrong

	for wrong in 'type = "btrfs"; subvolume = { };' 'type = "btrfs"; subvolumes.a.mountPoint = "/a";' \
		'type = "btrfs"; subvolumes.a.mountpoint = "a";' 'type = "swap"; randomEncryption.enable = true;' 'type = "ext4";' \
		'type = "luks";' 'type = "filesystem"; mountpoint = "/boot";'; do
		grep -qE 'does not exist|is not of type|is used but not defined' < <(messages_of "(bare \"systemd\" { imports = [ ./tests/nixos/stub-disko.nix ./tests/nixos/stub-server.nix ];
			disko.devices.disk.a = { type = \"disk\"; device = \"/dev/a\"; content = { type = \"gpt\"; partitions.a.content = {
				$wrong }; }; }; }).disko") ||
			fail "$wrong: $(cat "$dir/nix-messages")"
	done
}

# --- what disko would do ---

guid_of() { # type of sgdisk
	case $1 in
	EF02) echo 21686148-6449-6E6F-744E-656564454649 ;;
	EF00) echo C12A7328-F81F-11D2-BA4B-00A0C93EC93B ;;
	8200) echo 0657FD6D-A4AB-43C4-84E5-0933C84B4F4F ;;
	8300) echo 0FC63DAF-8483-4772-8E79-3D69D8477DE4 ;;
	*) fail "what is a partition of type $1?" ;;
	esac
}

# Partitions by priority; $loop is that of the file system.
make_partitions() {
	local name size type

	image_allocate 8G
	of db1 '.disk.content.partitions | to_entries | sort_by(.value.priority, .key)[] | [.key, .value.size, .value.type] | @tsv' |
		while read -r name size type; do
			[ "$size" = 100% ] && size='' || size="size=${size}iB,"
			echo "$size type=$(guid_of "$type"), name=disk-main-$name"
		done >"$dir/table"
	{ echo 'label: gpt' && cat "$dir/table"; } | sfdisk --quiet "$dir/image" || fail "the partitions: $(cat "$dir/table")"
	same 'partitions' 'bios ESP swap system' "$(sed 's/.*name=disk-main-//' "$dir/table" | xargs)"
	sfdisk --json "$dir/image" >"$dir/partitions"
	bounds=$(jq -r '.partitiontable | .sectorsize as $sector | .partitions[] | select(.name == "disk-main-system") |
		"\(.start * $sector) \(.size * $sector)"' "$dir/partitions")
	# shellcheck disable=SC2086 # two words
	image_attach $bounds
}

run_hook() {
	device=$loop bash -efu "$dir/hook" || fail 'the hook failed'
}

make_file_system() {
	local arguments

	mapfile -t arguments < <(of db1 '.disk.content.partitions.system.content.extraArgs[]')
	mkfs.btrfs -q "$loop" "${arguments[@]}" >/dev/null
	image_mount
	while IFS= read -r name; do
		btrfs -q subvolume create "$top/$name"
	done < <(subvolumes db1 true)
	image_unmount
	of db1 .disk.content.partitions.system.content.postCreateHook >"$dir/hook"
	shellcheck --shell=bash --exclude=SC2154 "$dir/hook" || fail 'shellcheck has complaints about the hook'
	run_hook >/dev/null
	# disko may be run again on what is there.
	run_hook >/dev/null
}

check_blanks_are_empty() {
	image_mount
	[ -z "$(find "$top"/{root,cache,tmp}-blank -mindepth 1)" ] || fail 'a blank is not empty'
	image_unmount
}

mounts() { # host
	of "$1" '.fileSystems[] | select(.fsType == "btrfs") | .mountPoint + " " + (.options | join(","))' >"$dir/$1.mounts"
}

check_mounts() {
	local host

	for host in db1 web1; do
		mounts "$host"
		example_check_options "$dir/$host.mounts"
	done
}

# A file in each subvolume and at each persistent path; and where nothing survives.
kept='/etc/machine-id /etc/ssh/ssh_host_ed25519_key /root/notes /var/lib/nixos/uid-map /var/lib/systemd/random-seed
	/home/admin/notes /nix/store/a /persist/passwords/admin /var/log/messages /srv/postgresql/17/PG_VERSION
	/var/lib/caddy/certificate /var/backup/postgresql/all.sql /var/lib/containers/storage/a'
lost='/etc/edited /usr/local/bin/a /var/lib/stray/a /var/cache/a /tmp/a'

check_hosts
check_wishes
check_layout
check_schema
make_partitions
make_file_system
example_check_top
check_blanks_are_empty
check_mounts
example_check_readme $example/README.md "$dir/db1.mounts"
example_check_resets "$dir/db1.mounts" "$dir/db1.conf" "$kept" "$lost"
