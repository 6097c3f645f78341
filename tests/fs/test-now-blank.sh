#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot rollback --now-blank: the next reset starts from what the archive has, without a word about a changed blank;
# the former blank is an archive, and there is a way back to it.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

rollback() { # exit code, extended regular expression, argument...
	local code=$1 pattern=$2 status=0

	"$BLANKROOT" rollback --config="$dir/conf" --device="$loop" "${@:3}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$code" ] || fail "'${*:3}' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "$pattern" || fail "'${*:3}' printed $(cat "$dir/out"), not $pattern"
}

# A changed blank would be refused.
reset() { # what /etc/motd is then
	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 ||
		fail "exit code $?: $(cat "$dir/out")"
	grep -q 'root reset from root-blank' "$dir/out" || fail "$(cat "$dir/out")"
	image_mount
	grep -qx "$1" "$top/root/etc/motd" || fail "$(cat "$top/root/etc/motd"), not $1"
	image_unmount
}

list() { # jq filter
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" --json | jq -r "$1"
}

image_create
image_mount
image_make_root
btrfs -q subvolume create "$top/root/var/nested"
echo inside >"$top/root/var/nested/file"
image_unmount
echo 'ephemeral root { blank-changed = refuse }' >"$dir/conf"
reset 'as installed'
archive=$(list '.retained[0].name')

rollback 0 "root-blank would become a snapshot of old_roots/$archive\|" --now-blank --dry-run "$archive"
rollback 2 'blankroot rollback: --undo and --now-blank exclude each other\|.*' --now-blank --undo
rollback 2 'blankroot rollback: which archive or snapshot\? .*' --now-blank
rollback 1 'blankroot rollback: .*' --now-blank no-such-archive
reset 'as installed'

mkdir "$dir/mnt"
mount -t btrfs -o subvol=root-blank "$loop" "$dir/mnt"
rollback 1 'blankroot rollback: in use "root-blank": .*mounted\|' --now-blank "$archive"
umount "$dir/mnt"

image_mount
btrfs property set -ts "$top/root-blank" ro false
image_unmount
rollback 1 'blankroot rollback: .*"root-blank": a blank must be read-only\|' --now-blank "$archive"
image_mount
btrfs property set -ts "$top/root-blank" ro true
setfattr -n trusted.blankroot.good -v 1 "$top/root"
image_unmount
rollback 0 "root-blank is now a snapshot of old_roots/$archive\|what it was is kept; to go back: .*" --now-blank "$archive"
former=$(sed -n 's/.*--now-blank //p' "$dir/out")
image_mount
[ "$(btrfs property get -ts "$top/root-blank" ro)" = ro=true ] || fail 'the new blank is writable'
[ "$(btrfs property get -ts "$top/old_roots/$former" ro)" = ro=true ] || fail 'the former blank is writable'
grep -qx inside "$top/root-blank/var/nested/file" || fail 'what was nested in the archive is not in the new blank'
! getfattr --absolute-names -d -m trusted.blankroot "$top/root-blank" | grep -F '=' || fail 'the new blank has marks'
grep -qx 'as installed' "$top/old_roots/$former/etc/motd" || fail 'not the former blank'
[ -z "$(find "$top" -maxdepth 1 -name '.blankroot-*')" ] || fail 'something is left'
image_unmount
# it was retired just now: the newest, although its id is the smallest but one
[ "$(list '.retained[-1].name')" = "$former" ] || fail "not the newest: $(list '.retained[].name')"
reset 'edited by hand'
reset 'edited by hand'
# what was the blank is an archive here
! "$BLANKROOT" blank rollback --config="$dir/conf" --device="$loop" >"$dir/out" 2>&1 || fail 'blank rollback found a former one'
grep -q "old_roots/$former now: 'blankroot rollback --now-blank'" "$dir/out" || fail "$(cat "$dir/out")"
rollback 0 '.*' --now-blank "$former"
reset 'as installed'
