#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot trim: the file behind a loop device gets holes; not where the file system does it all the time, nor where no
# device can.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

trim() { # expected exit code, argument...
	local code=0

	"$BLANKROOT" trim "${@:2}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$1" ] || fail "'${*:2}' ended with $code, not $1: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "not '$1' in: $(cat "$dir/out" "$dir/err")"
}

blocks() {
	stat -L -c %b "/proc/$$/fd/6"
}

make_holes() {
	head -c 100M /dev/urandom >"$top/large"
	sync -f "$top"
	rm "$top/large"
	sync -f "$top"
	btrfs filesystem sync "$top"
}

image_allocate 512M
exec 6<"$dir/image"
image_attach 0 0
[ "$(cat "/sys/block/${loop#/dev/}/queue/discard_max_bytes")" -gt 0 ] || skip 'loop devices cannot discard here'
mkfs.btrfs -q "$loop" >/dev/null
echo 'ephemeral root { }' >"$dir/conf"

mount -t btrfs -o subvolid=5,nodiscard "$loop" "$top"
make_holes
before=$(blocks)
trim 0 --dry-run
says 'would trim'
# what the file system writes by itself adds a few
[ "$(blocks)" -gt $((before - 100 * 2048)) ] || fail 'a dry run has trimmed'
trim 0 --json
jq -e '.trimmed > 100000000 and .skipped == null' "$dir/out" >/dev/null || fail "$(cat "$dir/out")"
[ "$(blocks)" -lt $((before - 100 * 2048)) ] || fail "$before blocks before, $(blocks) now"
jq -e '.outcome == "done" and .numbers.trimmed_bytes > 100000000' "$top/.blankroot/jobs/trim.json" >/dev/null ||
	fail "record: $(cat "$top/.blankroot/jobs/trim.json")"
umount "$top"

for option in discard=async discard; do
	mount -t btrfs -o "subvolid=5,$option" "$loop" "$top"
	trim 0
	says 'not needed: '
	says discard
	trim 0 --json
	jq -e '.trimmed == 0 and (.skipped | startswith("not needed"))' "$dir/out" >/dev/null || fail "$(cat "$dir/out")"
	jq -e '.outcome == "done" and (.message | startswith("not needed"))' "$top/.blankroot/jobs/trim.json" >/dev/null ||
		fail "record: $(cat "$top/.blankroot/jobs/trim.json")"
	trim 0 --force
	says trimmed
	umount "$top"
done

# sysfs says that there is no discard, or nothing at all: then the kernel is asked
mount -t btrfs -o subvolid=5,nodiscard "$loop" "$top"
echo 0 >"$dir/zero"
mount --bind "$dir/zero" "/sys/block/${loop#/dev/}/queue/discard_max_bytes"
trim 0
says 'none of the devices can discard'
umount "/sys/block/${loop#/dev/}/queue/discard_max_bytes"
mkdir "$dir/empty"
mount --bind "$dir/empty" /sys/dev/block
trim 0
says trimmed
umount /sys/dev/block

exec 8<"$top/.blankroot/maintenance.lock"
flock 8
trim 4 --wait=0
says 'not now: '
exec 8<&-
