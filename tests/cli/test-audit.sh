#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The audit trail: what each command that changes something sends to the journal, compared with docs/boot-contract.md; a
# dry run sends nothing; a journal that is not there or broken changes neither what is done nor the exit code.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/journal.sh
. tests/support/journal.sh

old=root.20200101T000000Z
older=root.20190101T000000Z
data=$dir/data
root=$dir/system

blankroot() { # exit code, command, argument...
	local code=$1 status=0

	"$BLANKROOT" "$2" --config="$dir/conf" "${@:3}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$code" ] || fail "'${*:2}' ended with $status, not $code: $(cat "$dir/out")"
}

on_image() { # exit code, command, argument...
	blankroot "$1" "$2" --device="$loop" "${@:3}"
}

action() { # exit code, command, word, argument...
	local status=0

	"$BLANKROOT" "$2" "$3" --config="$dir/conf" --device="$loop" "${@:4}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "'${*:2}' ended with $status, not $1: $(cat "$dir/out")"
}

make_archive() { # name
	btrfs -q subvolume snapshot "$top/root-blank" "$top/old_roots/$1"
	setfattr -n trusted.blankroot.retired -v "$(($(date +%s) - 86400 * 90))" "$top/old_roots/$1"
	btrfs property set -ts "$top/old_roots/$1" ro true
}

make_image() {
	image_make_server
	make_archive "$older"
	make_archive "$old"
	mkdir -p "$data" "$root"
	mount -o subvol=persist,noatime "$loop" "$data"
	mount -o subvol=root,noatime "$loop" "$root"
	mkdir "$root/srv"
	echo kept >"$data/kept"
	cat >"$dir/conf" <<-END_CONF
		ephemeral root { mountpoint = "$root" }
		archives { keep = "30d"
		           keep-min = 1
		           min-free = "0%" }
		snapshots { subvolumes = { "persist" } }
	END_CONF
}

# Entries that arrived, a line each: operation, object, outcome.
entries() {
	tail -n +2 "$dir/entries" | jq -r 'select(.MESSAGE_ID == ["f537f2b0dcb1405db61198e378a3b685"]) |
		[.BLANKROOT_OPERATION[0], .BLANKROOT_OBJECT[0] // "-", .BLANKROOT_OUTCOME[0]] | join(" ")'
}

# Exactly these arrived. The last one is in $dir/last.
expect_entries() { # lines
	wait_for_entries
	diff <(sed 's/^\t*//; /^$/d' <<<"$1") <(entries) >&2 || fail 'other entries (>) than these (<)'
	sed '1d; /the end/d' "$dir/entries" >>"$dir/all"
	tail -n 1 "$dir/all" >"$dir/last"
	stop_journal
}

persist() { # add or remove, path...
	"$BLANKROOT" persist "$1" --config="$dir/conf" "${@:2}" >"$dir/out" 2>&1 || fail "persist $*: $(cat "$dir/out")"
}

mark_good() {
	"$BLANKROOT_INITRD" --report "$dir/report" --config "$dir/conf" --device "$loop" --cmdline rd.blankroot=off 2>"$dir/out" ||
		fail "no report: $(cat "$dir/out")"
	"$BLANKROOT" report --mark-good --report "$dir/report" --config "$dir/conf" >"$dir/out" 2>&1 ||
		fail "mark-good: $(cat "$dir/out")"
}

# A run of all commands that change something.
change_everything() {
	on_image 0 snapshot --comment=first persist
	snapshot=$(basename "$(ls -d "$top"/snapshots/persist.*)")
	on_image 0 snapshot --dry-run persist
	action 0 snapshot pin "$snapshot"
	action 0 snapshot unpin "$snapshot"
	on_image 0 rollback "$old"
	on_image 0 rollback --undo
	on_image 0 skip
	on_image 0 skip --cancel
	on_image 0 skip --cancel # nothing is pending: nothing is changed
	on_image 0 rollback --now-blank "$old"
	on_image 0 restore --from="$snapshot" --to="$dir" "$data/kept"
	"$BLANKROOT" convert "$root/srv" >"$dir/out" 2>&1 || fail "convert: $(cat "$dir/out")"
	persist add "$root/var/lib" "$root/etc/ssh"
	persist add "$root/var/lib" "$root/var/log" # the first one is there already
	persist remove "$root/var/log"
	btrfs -q subvolume create "$top/fresh"
	mkdir "$top/fresh/etc"
	touch "$top/fresh/etc/fstab"
	"$BLANKROOT" init --dry-run --subvolume=fresh --device="$loop" >"$dir/out" 2>&1 || fail "init: $(cat "$dir/out")"
	"$BLANKROOT" init --yes --subvolume=fresh --device="$loop" >"$dir/out" 2>&1 || fail "init: $(cat "$dir/out")"
	before=$(basename "$(ls -d "$top"/snapshots/fresh.*)")
	"$BLANKROOT" init --undo --yes --device="$loop" "$before" >"$dir/out" 2>&1 || fail "init: $(cat "$dir/out")"
	btrfs -q subvolume delete "$top/fresh"
	umount "$data"
	on_image 0 rollback "$snapshot"
	mount -o subvol=persist,noatime "$loop" "$data"
	on_image 0 prune --dry-run
	on_image 0 prune
	action 0 snapshot delete "$snapshot"
	mark_good
	change_blank
	action 0 scrub start
	on_image 0 balance --dry-run
	on_image 0 balance
	on_image 0 trim --force
	on_image 0 defrag "$root/etc"
}

change_blank() {
	action 0 blank commit --dry-run "$root/etc/motd"
	action 0 blank commit --keep=0 "$root/etc/motd"
	dropped=$(sed -n 's/^deleted a former blank: //p' "$dir/out")
	action 0 blank commit "$root/etc/motd" # it is there already: nothing is changed
	echo again >"$root/etc/motd"
	action 0 blank commit "$root/etc/motd"
	action 0 blank rollback
	action 1 blank update # it is no operating system
	btrfs -q subvolume delete "$top/root-blank"
	action 0 blank create
}

check_all() {
	local uuid

	start_journal
	change_everything
	uuid=$(btrfs filesystem show "$top" | sed -n 's/.*uuid: //p')
	expect_entries "
		snapshot-create snapshots/$snapshot done
		snapshot-pin snapshots/$snapshot done
		snapshot-unpin snapshots/$snapshot done
		rollback $old done
		rollback-undo $old done
		skip - done
		skip-cancel - done
		rollback-now-blank old_roots/$old done
		restore $dir/kept done
		convert $root/srv done
		persist-add $root/var/lib done
		persist-add $root/etc/ssh done
		persist-add $root/var/log done
		persist-remove $root/var/log done
		init snapshots/$before done
		init /etc/blankroot.conf done
		init fresh-blank done
		init-undo fresh-blank done
		init-undo /etc/blankroot.conf done
		init-undo snapshots/$before done
		rollback-snapshot snapshots/$snapshot done
		prune old_roots/$older done
		prune old_roots/$old done
		snapshot-delete snapshots/$snapshot done
		mark-good root done
		blank-commit $root/etc/motd done
		blank-drop $dropped done
		blank-commit $root/etc/motd done
		blank-rollback root-blank done
		blank-update root-blank failed
		blank-create root-blank done
		scrub $uuid done
		balance $uuid done
		trim $uuid done
		defrag $uuid done"
}

# Each knob that is turned, and turned back; what is turned already is not. Memory management is that of the machine: of
# that there is nothing here.
check_tune() {
	local vm=$dir/vm uuid

	uuid=$(btrfs filesystem show "$top" | sed -n 's/.*uuid: //p')
	mkdir -p "$vm"
	mount --bind "$vm" /proc/sys/vm
	cat >>"$dir/conf" <<-END_CONF
		performance { mode = "balanced"
		              set = { "mount.commit=77", "mount.atime=keep", "mount.compress=keep",
		                      "queue.scheduler=keep", "btrfs.dynamic_reclaim=keep" } }
	END_CONF
	start_journal
	on_image 0 tune --dry-run configured
	on_image 0 tune configured
	on_image 0 tune configured
	on_image 0 tune --reset
	expect_entries "
		tune $uuid/mount.commit done
		tune $uuid/mount.commit done"
}

# What cannot be done: the request cannot be written.
check_failed() {
	start_journal
	chattr +i "$top/.blankroot"
	on_image 1 skip
	chattr -i "$top/.blankroot"
	expect_entries 'skip - failed'
	jq -e '.PRIORITY == ["3"] and .BLANKROOT_ERROR_CODE[0] != null and (.BLANKROOT_ERROR_MESSAGE[0] | length > 0)' \
		"$dir/last" >/dev/null || fail "a failure looks like this: $(cat "$dir/last")"
}

# Who asked for it: only a number is one.
check_caller() {
	local value

	for value in 1234 0 '' '12x' "1
BLANKROOT_OUTCOME=done"; do
		start_journal
		SUDO_UID=$value on_image 0 skip
		expect_entries 'skip - done'
		jq -e --arg uid "$value" '(.BLANKROOT_SUDO_UID // [""]) == [if $uid | test("^[0-9]+$") then $uid else "" end]' \
			"$dir/last" >/dev/null || fail "'$value': $(cat "$dir/last")"
	done
	on_image 0 skip --cancel
}

# A journal that cannot take it: commands do what they do, and say nothing about it.
check_broken() {
	local quiet

	on_image 0 skip
	quiet=$(cat "$dir/out")
	: >"$journal_socket" # a file
	on_image 0 skip
	rm "$journal_socket"
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])' "$journal_socket" # nobody listens
	[ -S "$journal_socket" ] || fail 'there is no socket'
	on_image 0 skip
	grep -q 'the next boot keeps the root' <<<"$quiet" || fail "without a journal: $quiet"
	[ "$(wc -l <"$dir/out")" -eq 2 ] || fail "with a broken journal: $(cat "$dir/out")"
	on_image 0 skip --cancel
	rm "$journal_socket"
}

# The fields and operations that were seen are those of the contract.
check_contract() {
	local section

	section=$(sed -n '/^## The audit trail/,/^## /p' docs/boot-contract.md)
	agree 'fields of the audit trail' \
		"$({ jq -r 'keys[]' "$dir/all" && printf '%s\n' BLANKROOT_LOGIN_UID; } | grep -v SYSLOG_IDENTIFIER | sort -u)" \
		"$(grep -oE '^\| `[A-Z_]+`' <<<"$section" | tr -d '|` ')"
	agree 'operations' "$(jq -r '.BLANKROOT_OPERATION[]' "$dir/all" | sort -u)" \
		"$(sed -n '/^| operation /,$p' <<<"$section" | sed -n 's/^| \(`.*`\) |.*/\1/p' | grep -oE '[a-z]+(-[a-z]+)*')"
}

[ "$(id -u)" -eq 0 ] || skip 'needs root, for a /run of its own'
[ "${BLANKROOT_SYSTEMD:-yes}" != no ] || skip 'built without the systemd journal'
mount -t tmpfs tmpfs /run
mkdir -p /var/lib/btrfs
mount -t tmpfs tmpfs /var/lib/btrfs # for records of scrubs
make_image
check_all
check_tune
check_failed
check_caller
check_broken
check_contract
