#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands of docs/recovery.md, docs/operations.md and docs/migration.md do what is written there. All blocks of shell
# have a marker, and are run in order, as they are written: on a machine whose root is on an image, or in a rescue system
# with its disk.
#
#   <!-- test: NAME -->           the next block of shell, in the running system
#   <!-- test: NAME, rescue -->   the same in the rescue system, while the machine is off
#   <!-- test: boot -->           reboot the machine
#   <!-- test: swap -->           off; from now on its disk is the other one
#
# After a block, the function after_NAME looks at what became of it, if there is one.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/machine.sh
. tests/support/machine.sh

archive=root.20261123T190501Z

# --- what recovery.md is to do ---

is_pinned() { # path below the top level, yes or no
	[ "$("$BLANKROOT" list --config "$dir/initramfs/blankroot.conf" --device "$loop" --noheadings \
		--output=NAME,PINNED | awk -v name="$1" '$1 == name { print $2 }')" = "$2" ] || fail "$1 is not pinned: $2"
}

has() { # path in the system, what is in it
	[ "$(cat "$system/$1")" = "$2" ] || fail "$1: $(cat "$system/$1"), not $2"
}

after_pin() {
	is_pinned "$archive" yes
}

after_restore() {
	has root/notes 'edited by hand'
	has etc/motd 'edited by hand'
	grep -q 'as installed' "$system"/etc/motd.*
}

after_restore_elsewhere() {
	has root/before/nginx/nginx.conf 'as installed'
}

after_rollback() {
	rm "$system/etc/motd"
}

recovery_boot_1() {
	has etc/motd 'edited by hand'
	has var/lib/postgresql/base 'a table'
	[ ! -e "$system/root/before" ] || fail 'the rollback did not start from the archive'
}

recovery_boot_2() {
	has etc/motd 'edited by hand'
}

after_subvolume() {
	has persist/app/data good
}

after_rescue_mount() {
	grep -q 'root-blank' "$dir/output" || fail 'there is no blank in the list of subvolumes'
}

recovery_boot_3() {
	has etc/motd 'edited by hand'
	has etc/ssh/ssh_host_ed25519_key 'a host key'
}

recovery_boot_4() {
	has etc/ssh/ssh_host_ed25519_key 'a newer host key'
	has var/lib/postgresql/base 'a newer table'
}

after_rescue_root() {
	echo 'a newer host key' >"$rescue/mnt/root.broken/etc/ssh/ssh_host_ed25519_key"
	echo 'a newer table' >"$rescue/mnt/root.broken/var/lib/postgresql/base"
}

after_rescue_nested() {
	grep -q 'root.broken/var/lib/postgresql' "$dir/output" || fail "the nested subvolume is not listed: $(<"$dir/output")"
}

after_rescue_archive() {
	"$BLANKROOT" list --config "$dir/initramfs/blankroot.conf" --device "$loop" | grep -q '^root.20261124T000000Z *archive' ||
		fail 'the broken root is no archive'
}

recovery_boot_5() {
	grep -q 'blank-changed' "$dir/boot.json" || fail 'there is no warning that the blank has changed'
}

after_rescue_space() {
	! "$BLANKROOT" list --config "$dir/initramfs/blankroot.conf" --device "$loop" | grep -q '^root.20261124T000000Z' ||
		fail 'the archive is still there'
}

after_afterwards() {
	is_pinned "$archive" no
}

# --- what operations.md is to do ---

after_status() {
	grep -q '^Next boot *resets the root' "$dir/output" || fail "blankroot status: $(<"$dir/output")"
	echo drift >"$system/srv/drift"
}

after_suggest() {
	grep -q '"/srv/drift"' "$dir/output" || fail "nothing is suggested: $(<"$dir/output")"
}

after_rehearse() {
	! grep -q 'error:' "$dir/output" || fail "the rehearsal: $(<"$dir/output")"
	echo 'a log' >"$system/var/log/syslog"
	rm "$system/etc/motd"
}

after_upgrade() {
	echo 'newer' >"$system/etc/motd"
}

operations_boot_1() {
	has var/log/syslog 'a log'
	has var/lib/grafana/state '{}'
	[ ! -e "$system/etc/motd" ] || fail 'the root was not made from the new blank'
}

after_after_upgrade() {
	grep -q 'BLANK CHANGED' "$dir/output" || fail "the report does not say that the blank has changed: $(<"$dir/output")"
}

after_incident() {
	chroot "$system" /run/bin/blankroot status | grep -q '^Next boot *keeps the root' ||
		fail "the next boot would not keep the root"
}

after_add() {
	grep -q 'Data,RAID1' "$dir/output" || fail "no mirror: $(<"$dir/output")"
}

after_remove() {
	[ "$(chroot "$system" btrfs filesystem show / | grep -c devid)" -eq 1 ] || fail 'there are still two disks'
}

operations_boot_2() {
	has etc/motd 'as installed'
	has var/log/syslog 'a log'
}

after_moved() {
	grep -qx 0123456789abcdef0123456789abcdef "$dir/output" || fail "another machine-id: $(<"$dir/output")"
	has etc/motd 'as installed'
	has var/lib/grafana/state '{}'
	has var/lib/postgresql/base 'a table'
	has persist/app/data good
}

# --- what migration.md is to do ---

# What the shell recipe leaves, and a persistent directory that was mounted over an empty one of the root.
prepare_migration() {
	image_mount
	btrfs property set -ts "$top/root-blank" ro false
	btrfs -q subvolume create "$top/old_roots/2026-11-3_04:05:06"
	image_unmount
}

after_go() {
	has var/lib/app/data good
}

after_recipe_archives() {
	grep -qE '^root.20261103T[0-9]{4}06Z +archive' "$dir/output" || fail "no archive: $(<"$dir/output")"
}

# --- running them ---

# Writes the blocks, each into a file NUMBER.SYSTEM.NAME.
extract() { # document, directory
	mkdir "$2"
	awk -v out="$2" '
		/^ *<!-- test: / {
			sub(/^ */, "")
			if (marked)
				exit 1
			name = $3
			where = $4 == "rescue" ? "rescue" : "system"
			sub(/,$/, "", name)
			if (name == "boot" || name == "swap")
				printf "" >sprintf("%s/%03d.%s.%s", out, ++n, name, name)
			else
				marked = 1
			next
		}
		marked && /^ *```sh$/ { file = sprintf("%s/%03d.%s.%s", out, ++n, where, name); marked = 0; next }
		/^ *```sh$/ { exit 1 }
		/^ *```/ { file = "" }
		file { print >file }' "$1" || fail "$1: a marker without a block, or a block without a marker"
}

run_block() { # file, system, name
	local root=$system name=${3//-/_}

	case $2 in
	boot | swap)
		[ "$2" = boot ] || machine_swap
		machine_boot
		boots=$((boots + 1))
		document=${document##*/}
		name=${document%.md}_boot_$boots
		;;
	rescue)
		machine_unmount
		root=$rescue
		;;
	esac
	if [ "$2" = rescue ] || [ "$2" = system ]; then
		machine_run "$root" <"$1" >"$dir/output" 2>&1 || fail "$document: $3: $(<"$dir/output")"
		name=after_$name
	fi
	! declare -F "$name" >/dev/null || "$name"
}

run_document() { # path
	local file name

	document=$1 boots=0
	extract "$1" "$dir/blocks"
	[ "$(find "$dir/blocks" -type f | wc -l)" -ge "$2" ] || fail "$1: blocks were not found"
	for file in "$dir"/blocks/*; do
		name=${file##*/}
		IFS=. read -r _ where name <<<"$name"
		run_block "$file" "$where" "$name"
	done
	machine_unmount
	rm -r "$dir/blocks"
}

machine_make
run_document docs/operations.md 25
machine_make
run_document docs/recovery.md 25
machine_make
prepare_migration
run_document docs/migration.md 4
