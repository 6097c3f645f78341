#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A file system of which a device is being replaced: what the kernel does not do meanwhile is refused and said, all else
# works; and after a power cut in the middle of it the reset works, and the kernel goes on with the replacement.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/disks.sh
. tests/support/disks.sh

detach() {
	local i

	# the process that replaces needs a moment to end
	for ((i = 0; i < 100; i++)); do
		! mountpoint -q "$top" || umount "$top" 2>"$dir/umount" || sleep 0.1
	done
	! mountpoint -q "$top" || fail "$(cat "$dir/umount")"
	disks_release
}

# The last disk takes the place of the first one, slowly.
make_replaced() { # disk...
	truncate -s 256M "$@"
	disks_attach "$@"
	mkfs.btrfs -q -d raid1 -m raid1 "${devices[@]:0:$#-1}" >/dev/null 2>&1
	btrfs device scan "${devices[@]:0:$#-1}" >/dev/null
	mount -t btrfs -o subvolid=5,noatime "${devices[0]}" "$top"
	uuid=$(blkid -p -s UUID -o value "${devices[0]}")
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	touch "$top/root/drift"
	head -c 60M /dev/urandom >"$top/data"
	sync -f "$top"
	echo 1M | tee /sys/fs/btrfs/"$uuid"/devinfo/*/scrub_speed_max >"$dir/limit"
	btrfs replace start -f 1 "${devices[-1]}" "$top"
	await_replaced
	sync -f "$top"
	expect_replaced
}

# The command returns when its child has yet to ask the kernel.
await_replaced() {
	local i

	for ((i = 0; i < 100; i++)); do
		! is_replaced || return 0
		sleep 0.1
	done
}

is_replaced() {
	btrfs replace status -1 "$top" >"$dir/out"
	grep -q '% done' "$dir/out"
}

expect_replaced() {
	is_replaced || fail "nothing is being replaced: $(cat "$dir/out")"
}

helper() { # exit code, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" "$@" --config="$dir/conf" --device="UUID=$uuid" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq "$expected" ] || fail "$*: exit code $code, not $expected: $(cat "$dir/out")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" || fail "does not say '$1': $(cat "$dir/out")"
}

# Not what works meanwhile, and leaves no scrub behind that could be gone on with.
check_helper() {
	helper 1 scrub start
	says 'a device is being replaced'
	helper 0 scrub status --json
	[ "$(jq -r .state "$dir/out")" = never ] || fail "$(cat "$dir/out")"
	helper 0 scrub cancel
	says 'no scrub is running; a device is being replaced'
	helper 4 balance --unallocated=200M
	says 'the kernel is at something else: device replace'
	helper 0 snapshot root
	helper 0 prune
	helper 0 metrics --output="$dir/metrics"
	grep -qx 'blankroot_devices_missing 0' "$dir/metrics" || fail "$(grep devices "$dir/metrics")"
	expect_replaced
}

# As the power cut leaves them: the originals are gone.
check_cut() { # disk...
	local disk code=0

	for disk; do
		cp --sparse=always "$disk" "$disk.cut"
	done
	btrfs replace cancel "$top"
	detach
	disks_attach "${@/%/.cut}"
	"$BLANKROOT_INITRD" --config="$dir/conf" --cmdline='noresume rd.blankroot.timeout=1' --device="UUID=$uuid" \
		--report="$dir/report" >"$dir/out" 2>&1 || code=$?
	[ "$code" -eq 0 ] || fail "the reset: exit code $code: $(cat "$dir/out")"
	says 'root reset from root-blank'
	mount -t btrfs -o subvolid=5,noatime "UUID=$uuid" "$top"
	[ ! -e "$top/root/drift" ] || fail 'it has not reset the root'
	btrfs replace status -1 "$top" >"$dir/out"
	grep -qE '% done|finished' "$dir/out" || fail "the kernel does not go on with the replacement: $(cat "$dir/out")"
	btrfs replace cancel "$top" >"$dir/cancel" 2>&1 || : # it may have ended meanwhile
	detach
	rm "$@" "${@/%/.cut}"
}

echo 'ephemeral root { }' >"$dir/conf"
# With one device only, Linux 6.7 and later do not mount it after a power cut, whoever tries.
make_replaced "$dir/one" "$dir/two" "$dir/new"
check_helper
check_cut "$dir/one" "$dir/two" "$dir/new"
