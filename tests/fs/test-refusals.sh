#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The helper where it cannot work: for an ordinary user, without its file system or its layout, with a copy of the disk
# attached. Each command says what, where, and what to do, and changes nothing.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

mkdir -p "$dir/root" "$dir/to"
chmod 755 "$dir"
archive=root.20200102T000000Z

# All that look for the file system.
commands=(
	"diff" "list" "prune --dry-run" "prune" "restore --from=$archive --to=$dir/to $dir/root/etc/motd" "rollback $archive"
	"rollback --now-blank $archive" "skip" "skip --cancel" "snapshot" "snapshot persist" "snapshot delete $archive"
	"snapshot pin $archive"
)

# Each of these ends with that code and a message that matches, and status, which goes on, has it among its problems.
all_fail() { # exit code, extended regular expression
	local command status

	for command in "${commands[@]}"; do
		status=0
		# shellcheck disable=SC2086 # a command with its options
		as_user "$BLANKROOT" $command --config="$dir/conf" >"$dir/out" 2>&1 || status=$?
		[ "$status" -eq "$1" ] ||
			fail "'$command' ended with $status, not $1: $(cat "$dir/out")"
		grep -qE "^blankroot ${command%% *}: $2" "$dir/out" || fail "'$command' says $(cat "$dir/out"), not $2"
	done
	status=0
	as_user "$BLANKROOT" status --config="$dir/conf" --report=/nonexistent >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "status ended with $status: $(cat "$dir/out")"
	[ -z "$(find "$dir/to" -mindepth 1)" ] || fail "something was restored: $(find "$dir/to")"
}

user=
as_user() {
	if [ -n "$user" ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

state() {
	btrfs subvolume list -puqR "$top" | sed 's/ gen [0-9]*//'
	find "$top" -not -inum 2 -printf '%p %i %m %s %T@\n' | LC_ALL=C sort
	find "$dir"/conf* -exec cat {} + 2>/dev/null || :
}

conf() { # line of the device
	cat >"$dir/conf" <<-END
		$1
		ephemeral root { mountpoint = "$dir/root" }
		snapshots { subvolumes = { "persist" } }
	END
}

make_image() {
	image_make_server
	mkdir "$top/persist/data"
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/$archive"
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	uuid=$(btrfs filesystem show "$loop" | sed -n 's/.*uuid: //p')
}

# Also a device that may be read does not help.
check_user() {
	local status=0 before

	user=yes
	conf "device = \"UUID=$uuid\""
	before=$(state)
	all_fail 1 'cannot open: only root can do that: Operation not permitted$'
	grep -q 'can be looked at by root only' "$dir/out" || fail "status says $(cat "$dir/out")"
	as_user "$BLANKROOT" convert "$top/persist/data" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "convert ended with $status"
	grep -qx 'blankroot convert: cannot open: only root can do that: Operation not permitted' "$dir/out" || fail "convert says $(cat "$dir/out")"
	for action in add remove; do
		status=0
		as_user "$BLANKROOT" persist "$action" --config="$dir/conf" "$dir/root/etc/motd" >"$dir/out" 2>&1 || status=$?
		[ "$status" -eq 1 ] || fail "persist $action ended with $status"
		grep -qE "^blankroot persist: cannot create \"$dir/conf.d\": Permission denied" "$dir/out" || fail "persist $action says $(cat "$dir/out")"
	done
	as_user "$BLANKROOT" persist list --config="$dir/conf" >"$dir/out" 2>&1 || fail "a user may not read what is declared: $(cat "$dir/out")"
	status=0
	as_user "$BLANKROOT" report --mark-good --config="$dir/conf" --report="$dir/report" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "report --mark-good ended with $status"
	chmod 600 "$dir/conf"
	all_fail 1 "configuration error \"$dir/conf\": .*Permission denied"
	[ "$(state)" = "$before" ] || fail 'an ordinary user has changed something'
	user=
	rm "$dir/conf"
}

# A report of this boot, whose root is mounted.
write_report() {
	cat >"$dir/report" <<-END
		{ "version": 1, "tool": "blankroot-initrd test", "outcome": "reset", "exit_code": 0, "reason": "", "device": "$loop",
		  "filesystem": "$uuid", "ephemeral": [ { "name": "root", "mountpoint": "$dir/root" } ] }
	END
}

check_missing() {
	local none=12345678-1234-1234-1234-123456789abc other before

	before=$(state)
	conf "device = \"UUID=$none\""
	all_fail 1 "device not found \"UUID=$none\": named by $dir/conf: no btrfs has it\. Check that the name is right, .* driver\. Btrfs found: .*$uuid"
	conf 'device = "/dev/nonexistent"'
	all_fail 1 "device not found \"/dev/nonexistent\": named by $dir/conf: does not exist\. Check"
	truncate -s 64M "$dir/other"
	other=$(losetup --find --show "$dir/other")
	conf "device = \"$other\""
	all_fail 1 "no usable btrfs on device \"$other\": named by $dir/conf: nothing recognised on it.*blkid"
	mkfs.ext4 -q "$dir/other"
	all_fail 1 "no usable btrfs on device \"$other\": named by $dir/conf: holds ext4, not btrfs"
	conf "device = \"$dir/other\""
	all_fail 1 "no usable btrfs on device \"$dir/other\": named by $dir/conf: a regular file, .*losetup"
	losetup --detach "$other"
	rm "$dir/conf"
	all_fail 1 "configuration error \"$dir/conf\": cannot open: No such file or directory"
	umount "$dir/root"
	conf ''
	# the image is none that the machine has as its root
	if ! grep -qE '(^| )root=' /proc/cmdline; then
		all_fail 2 "usage error: which device\? No ephemeral subvolume is mounted where $dir/conf says; say device = .*--device"
	fi
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	rm "$dir/conf"
	[ "$(state)" = "$before" ] || fail 'something was changed'
}

fails() { # extended regular expression, argument...
	local status=0

	"$BLANKROOT" "${@:2}" --config="$dir/conf" >"$dir/out" 2>&1 || status=$?
	is_status "$status" 1 "$dir/out" || fail "'${*:2}' ended with $status: $(cat "$dir/out")"
	grep -qE "$1" "$dir/out" || fail "'${*:2}' says $(cat "$dir/out"), not $1"
}

# A btrfs, but nothing of what the configuration says is there.
check_empty() {
	local other

	truncate -s 200M "$dir/other"
	mkfs.btrfs -qf "$dir/other" >/dev/null
	other=$(losetup --find --show "$dir/other")
	conf "device = \"$other\""
	fails '^blankroot diff: cannot open "root-blank": comparing root with root-blank: No such file or directory$' diff
	fails "^blankroot restore: usage error \"$archive\": there is no archive or snapshot of that name; 'blankroot list' has them all$" \
		restore --from="$archive" --to="$dir/to" /etc/motd
	fails "^blankroot rollback: .* \"$archive\": there is no archive of that name$" rollback "$archive"
	fails "^blankroot rollback: .* \"$archive\": there is no archive of that name$" rollback --now-blank "$archive"
	fails "^blankroot snapshot: cannot open \"persist\": there is no such subvolume on $other; its path begins at the top level: No such file or directory$" \
		snapshot
	fails "^blankroot snapshot: usage error \"$archive\": there is no archive or snapshot of that name" snapshot pin "$archive"
	fails '^error: .*root' status --report=/nonexistent
	"$BLANKROOT" list --config="$dir/conf" || fail 'nothing to list is no failure'
	"$BLANKROOT" prune --config="$dir/conf" || fail 'nothing to delete is no failure'
	mkdir -p "$dir/mounted"
	mount -o ro "$other" "$dir/mounted"
	# snapshot and prune did run, which is noted
	diff <(printf '%s\n' .blankroot .blankroot/jobs .blankroot/jobs/{prune,snapshot}.json .blankroot/maintenance.lock) \
		<(find "$dir/mounted" -mindepth 1 -printf '%P\n' | LC_ALL=C sort) >&2 || fail 'something was made'
	umount "$dir/mounted"
	losetup --detach "$other"
	rm "$dir/other"
}

# Two disks of one UUID, whichever is meant and whether or not it is mounted: the next write could mix them up.
check_clone() {
	local clone before

	umount "$dir/root"
	image_unmount
	cp --sparse=always "$loop" "$dir/clone"
	clone=$(losetup --find --show "$dir/clone")
	before=$(sha256sum <"$dir/clone")
	conf "device = \"UUID=$uuid\""
	all_fail 1 "unexpected layout \"/dev/loop[0-9]+\": is a copy of /dev/loop[0-9]+: both are member 1 of the btrfs $uuid\. .*detach one of them"
	for device in "$loop" "$clone"; do
		conf "device = \"$device\""
		all_fail 1 'unexpected layout .*: is a copy of '
	done
	[ "$(sha256sum <"$loop")" = "$before" ] || fail 'the disk was written to'
	[ "$(sha256sum <"$dir/clone")" = "$before" ] || fail 'the copy was written to'
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	all_fail 1 'unexpected layout .*: is a copy of '
	umount "$dir/root"
	losetup --detach "$clone"
	rm "$dir/clone"
}

make_image
write_report
check_user
check_missing
check_empty
check_clone
