#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot tune: what a mode changes, that it is what the table says, that it is done once, and that all of it goes back,
# also when it was killed at any step; what this kernel does not have, and what does not go together.
#
# Mounts, attributes, the queue and btrfs are those of an image, for real. Memory management is that of the machine:
# here, files are mounted over /proc/sys/vm, in the test's own mount namespace.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

vm=$dir/vm
root=$dir/root
data=$dir/data

make_machine() {
	mkdir "$vm" "$root" "$data"
	mount -t tmpfs none /run
	set_vm
	mount --bind "$vm" /proc/sys/vm
	echo 'MemTotal:        8388608 kB' >"$dir/meminfo"
	mount --bind "$dir/meminfo" /proc/meminfo
	image_create
	image_mount
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume create "$top/data"
	mkdir "$top"/root/{db,log,plain}
	echo old >"$top/root/db/old"
	image_unmount
	mount_all
	uuid=$(btrfs filesystem show "$loop" | sed -n 's/.*uuid: //p')
	sysfs=/sys/fs/btrfs/$uuid
	queue=/sys/block/${loop#/dev/}/queue
}

mount_all() {
	mount -o subvol=root "$loop" "$root"
	mount -o subvol=data "$loop" "$data"
}

# Those of a kernel, but for limits in bytes: a file cannot do what the kernel does when a share is set.
set_vm() {
	echo 1073741824 >"$vm/dirty_bytes"
	echo 268435456 >"$vm/dirty_background_bytes"
	echo 0 | tee "$vm/dirty_ratio" >"$vm/dirty_background_ratio"
	echo 3000 >"$vm/dirty_expire_centisecs"
	echo 500 >"$vm/dirty_writeback_centisecs"
	echo 100 >"$vm/vfs_cache_pressure"
	echo 60 >"$vm/swappiness"
	echo 11000 >"$vm/min_free_kbytes"
	echo 0 >"$vm/overcommit_memory"
}

configure() { # lines of the section performance
	printf 'ephemeral root { mountpoint = "%s" }\nperformance {\n%s\n}\n' "$root" "$*" >"$dir/conf"
}

tune() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"${tracer[@]}" "$BLANKROOT" tune --config="$dir/conf" --device="$loop" "$@" >"$dir/out" 2>"$dir/err" || code=$?
	is_status "$code" "$expected" "$dir/err" || fail "tune $*: exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}
tracer=()

# All that can be changed, as others see it.
look() {
	grep -H . "$vm"/*
	grep -F " $dir/" /proc/mounts
	lsattr -d "$root"/*
	getfattr -m - -d "$root"/* 2>/dev/null
	grep -H . "$queue/scheduler" "$queue/nr_requests" "$sysfs"/allocation/data/{dynamic_reclaim,periodic_reclaim,bg_reclaim_threshold} \
		"$sysfs"/discard/iops_limit "$sysfs"/bdi/read_ahead_kb
}

unchanged() { # what
	look >"$dir/now"
	diff "$dir/first" "$dir/now" >&2 || fail "$1: not as it was (<)"
}

nothing_left() { # what
	local file

	for file in /run/blankroot/tune.json /run/sysctl.d/90-blankroot.conf /run/udev/rules.d/90-blankroot.rules; do
		[ ! -e "$file" ] || fail "$1 left $file"
	done
}

row() { # knob, object, filter
	jq -e --arg knob "$1" --arg object "$2" ".knobs[] | select(.knob == \$knob and .object == \$object) | $3" "$dir/out" >/dev/null ||
		fail "$1 of '$2': not $3: $(jq -c --arg knob "$1" '.knobs[] | select(.knob == $knob)' "$dir/out")"
}

is() { # value, file
	[ "$(cat "$2")" = "$1" ] || fail "$2 is $(cat "$2"), not $1"
}

has_option() { # mount, option
	[[ ,$(findmnt -n -o OPTIONS "$1"), == *,$2,* ]] || fail "$1 has $(findmnt -n -o OPTIONS "$1"), not $2"
}

has_flag() { # flag, path
	[[ $(lsattr -d "$2" | cut -d ' ' -f 1) == *$1* ]] || fail "not $1: $(lsattr -d "$2")"
}

changed() { # number
	grep -q "^mode .*: $1 changed$" "$dir/out" || fail "not $1 changed: $(cat "$dir/out")"
}

# --- applying, and taking back ---

check_dry() {
	configure "mode = io-optimized nodatacow = { \"$root/db\" } compress = { \"$root/log\" } set = { \"queue.nr_requests=64\" }"
	tune 0 --dry-run io-optimized
	grep -q 'mode io-optimized: 10 would be changed' "$dir/out" || fail "dry run: $(cat "$dir/out")"
	tune 0
	grep -q 'mode io-optimized: 10 differ' "$dir/out" || fail "only shown: $(cat "$dir/out")"
	tune 0 --dry-run --reset
	unchanged 'a dry run'
	nothing_left 'a dry run'
}

check_io() {
	tune 0 configured --json
	jq -e '.version == 1 and .action == "apply" and .mode == "io-optimized" and .dry_run == false' "$dir/out" >/dev/null ||
		fail "JSON: $(head "$dir/out")"
	row mount.atime "$root" '.before == "relatime" and .current == "noatime" and .changed and .from == "io-optimized"'
	row mount.atime "$data" '.current == "noatime" and .changed'
	row vm.swappiness '' '.before == "60" and .current == "10"'
	row vm.overcommit_memory '' '.wanted == null and .before == null and (.changed | not)'
	row queue.nr_requests "${loop#/dev/}" '.current == "64" and (.from | endswith("conf:3"))'
	row directory.nodatacow "$root/db" '.current == "yes" and .note == "for new files only"'
	has_option "$root" noatime
	has_option "$data" noatime
	is 3435134976 "$vm/dirty_bytes" # 40 % of 8 GiB, which is less than 16 s of such a disk
	is 858783744 "$vm/dirty_background_bytes"
	is 50 "$vm/vfs_cache_pressure"
	is 32768 "$vm/min_free_kbytes"
	is 64 "$queue/nr_requests"
	echo new >"$root/db/new"
	echo new >"$root/log/new"
	has_flag C "$root/db/new"
	! (has_flag C "$root/db/old" 2>/dev/null) || fail 'a file that was there is nodatacow'
	has_flag c "$root/log/new"
	rm "$root/db/new" "$root/log/new"
}

check_files() {
	diff - /run/sysctl.d/90-blankroot.conf >&2 <<-'END' || fail 'another sysctl.d'
		# Made by blankroot tune.
		vm.dirty_bytes = 3435134976
		vm.dirty_background_bytes = 858783744
		vm.vfs_cache_pressure = 50
		vm.swappiness = 10
		vm.min_free_kbytes = 32768
	END
	grep -qF "KERNEL==\"${loop#/dev/}\", ATTR{queue/nr_requests}=\"64\"" /run/udev/rules.d/90-blankroot.rules ||
		fail "rules: $(cat /run/udev/rules.d/*)"
	[ "$(stat -c %a /run/blankroot/tune.json)" = 600 ] || fail 'the record is for everybody'
}

check_twice() {
	look >"$dir/tuned"
	tune 0 io-optimized
	changed 0
	look | diff "$dir/tuned" - >&2 || fail 'the second time, something changed'
}

# What the first mode had changed and the second one leaves alone goes back, and the rest does at last.
check_switch() {
	tune 0 balanced
	is 60 "$vm/swappiness"
	is 11000 "$vm/min_free_kbytes"
	is 1717567488 "$vm/dirty_bytes"
	is 1 "$sysfs/allocation/data/dynamic_reclaim"
	tune 0 space-optimized
	has_option "$root" compress=zstd:3
	is 1 "$sysfs/allocation/data/periodic_reclaim"
	head -c 1M /dev/zero | tr '\0' x >"$root/plain/text"
	sync -f "$root"
	filefrag -v "$root/plain/text" | grep -q encoded || fail 'it is not compressed'
	rm "$root/plain/text"
	tune 0
	grep -q '^mode space-optimized: 0 differ$' "$dir/out" || fail "the mode in use: $(cat "$dir/out")"
	tune 0 --reset
	unchanged 'a reset'
	nothing_left 'a reset'
	mount -o subvolid=5 "$loop" "$top"
	[ ! -e "$top/.blankroot/tune.json" ] || fail 'a reset left its record on the disk'
	umount "$top"
	tune 0 --reset
	changed 0
}

# Directories keep what they have over a boot, and so does the record; the rest is as it was.
check_boot() {
	tune 0 io-optimized
	rm -r /run/blankroot /run/sysctl.d /run/udev
	set_vm
	tune 0 --reset
	changed 2
	umount "$root" "$data"
	mount_all
	echo 128 >"$queue/nr_requests"
	unchanged 'a reset after a boot'
}

# --- shares: with one of the two files set, the kernel has 0 in the other ---

check_shares() {
	echo 0 | tee "$vm/dirty_bytes" >"$vm/dirty_background_bytes"
	echo 20 >"$vm/dirty_ratio"
	echo 10 >"$vm/dirty_background_ratio"
	configure 'mode = balanced'
	tune 0 balanced --json
	row vm.dirty_bytes '' '.before == "20%" and .current == "1717567488"'
	is 1717567488 "$vm/dirty_bytes"
	echo 0 | tee "$vm/dirty_ratio" >"$vm/dirty_background_ratio"
	tune 1 --reset # for a file, the bytes are still there
	is 20 "$vm/dirty_ratio"
	is 10 "$vm/dirty_background_ratio"
	echo 0 | tee "$vm/dirty_bytes" >"$vm/dirty_background_bytes"
	tune 0 --reset
	changed 0
	set_vm
	configure 'mode = balanced set = { "vm.dirty_ratio=30", "vm.dirty_background_ratio=keep" }'
	tune 0 --print=sysctl
	grep -qx 'vm.dirty_ratio = 30' "$dir/out" || fail "a share: $(cat "$dir/out")"
	! grep background "$dir/out" >&2 || fail 'what is kept is printed'
}

# --- lines that make it permanent ---

check_print() {
	configure "mode = space-optimized"
	tune 0 --print=fstab
	grep -q "^UUID=$uuid $root btrfs subvol=/root,noatime,compress=zstd:3,discard=async,space_cache=v2 0 0$" "$dir/out" ||
		fail "fstab: $(cat "$dir/out")"
	! findmnt --verify --tab-file "$dir/out" 2>&1 | grep -i 'parse error' >&2 || fail 'no fstab'
	tune 0 --print=nix balanced
	! command -v nix-instantiate >/dev/null || nix-instantiate --parse -E "{ $(cat "$dir/out") }" >/dev/null ||
		fail "no Nix: $(cat "$dir/out")"
	tune 0 --print=udev
	grep -q '^ACTION==' "$dir/out" || fail "udev: $(cat "$dir/out")"
	unchanged 'printing'
}

# --- what is not there, and what is refused ---

# A kernel without what newer ones have; a mount in its place, in this namespace only.
check_old_kernel() {
	local old=$dir/old

	mkdir -p "$old/allocation/data" "$old/devices"
	echo 0 >"$old/allocation/data/bg_reclaim_threshold"
	ln -s "/sys/block/${loop#/dev/}" "$old/devices/${loop#/dev/}"
	mount --bind "$old" "$sysfs"
	configure 'mode = balanced'
	tune 0 balanced --json
	row btrfs.dynamic_reclaim "$uuid" '.current == null and .note == "this kernel does not have it"'
	row btrfs.discard_iops_limit "$uuid" '.current == null and (.failed | not)'
	is 30 "$old/allocation/data/bg_reclaim_threshold"
	tune 0 --reset
	is 0 "$old/allocation/data/bg_reclaim_threshold"
	umount "$sysfs"
	unchanged 'an old kernel'
}

refused() { # text of the message, argument...
	tune 1 "${@:2}"
	grep -qF -- "$1" "$dir/err" || fail "not '$1': $(cat "$dir/err")"
	unchanged "what was refused ($1)"
	[ ! -e /run/blankroot/tune.json ] || fail 'what was refused was recorded'
}

check_refused() {
	configure 'mode = balanced set = { "vm.dirty_bytes=1000000" }'
	refused 'vm.dirty_background_bytes=428867584 (balanced) is above vm.dirty_bytes=1000000' configured
	configure 'mode = balanced set = { "vm.dirty_ratio=5", "vm.dirty_background_ratio=6" }'
	refused ':3: performance: set: "vm.dirty_background_ratio=6": is above vm.dirty_ratio=5' configured
	configure 'mode = balanced set = { "vm.dirty_ratio=101" }'
	refused 'is more than 100 percent' configured
	configure "nodatacow = { \"$root/db\" } compress = { \"$root/db\" }"
	refused 'is to be nodatacow, too' balanced
	configure "nodatacow = { \"$root/db\" }"
	chattr +c "$root/db"
	look >"$dir/first"
	refused 'what is not copied on write is not compressed' balanced
	chattr -c "$root/db"
	look >"$dir/first"
	configure 'set = { "btrfs.read_policy=round-robin" }'
	grep -q round "$sysfs/read_policy" || refused 'this kernel does not offer it' balanced
}

# The rest is done, and all of it goes back.
check_failure() {
	configure 'set = { "queue.nr_requests=60000" }'
	tune 1 io-optimized
	grep -q '1 could not be changed' "$dir/err" || fail "not told: $(cat "$dir/err")"
	grep -q 'nr_requests.*failed: .*Invalid argument' "$dir/out" || fail "not told: $(cat "$dir/out")"
	is 10 "$vm/swappiness"
	tune 0 --reset
	unchanged 'a reset after a failure'
}

check_elsewhere() {
	configure "nodatacow = { \"$root/none\", \"$dir\", \"$root/db/old\" }"
	tune 0 balanced --json
	for object in "$root/none" "$dir" "$root/db/old"; do
		row directory.nodatacow "$object" '.current == null and .note == "is no directory of this file system"'
	done
	tune 0 --reset
	umount "$root" "$data"
	configure 'mode = balanced'
	tune 0
	grep -q 'mount.compress .* the file system is not mounted' "$dir/out" || fail "not mounted: $(cat "$dir/out")"
	mount_all
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BLANKROOT" tune --config="$dir/conf" balanced >"$dir/out" 2>&1 &&
		fail 'anybody can do it'
	grep -q 'only root can do that' "$dir/out" || fail "not root: $(cat "$dir/out")"
	unchanged 'what is elsewhere'
}

check_usage() {
	tune 2 fast
	tune 2 none
	tune 2 --reset balanced
	tune 2 --reset --print=nix
	tune 2 --print=yaml
	tune 2 --json --print=nix
	tune 2 --dry-run
}

# --- killed at any step ---

# Before a call of a kind that changes something, one after the other, until it is not killed any more. Of those that
# mostly read, every so many.
kill_at() { # call, step
	local n code

	for ((n = 1; ; n += $2)); do
		code=0
		strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$n" "$BLANKROOT" tune --config="$dir/conf" \
			--device="$loop" io-optimized >"$dir/out" 2>"$dir/err" || code=$?
		tune 0 --reset
		unchanged "killed at $1 $n"
		[ "$code" -eq 137 ] || break
	done
	[ "$code" -eq 0 ] || fail "with a tracer it ends with $code: $(cat "$dir/out" "$dir/err")"
	[ "$n" -gt 1 ] || fail "$1 is never called"
}

check_killed() {
	configure "nodatacow = { \"$root/db\" } compress = { \"$root/log\" } set = { \"queue.nr_requests=64\" }"
	kill_at write 1
	kill_at renameat 1
	kill_at fsync 2
	kill_at fsetxattr 1
	kill_at mount_setattr 1
	kill_at ioctl 16
	kill_at openat 48
}

# A reset that was killed goes on.
check_reset_killed() {
	local n code=137

	for ((n = 1; code == 137; n += 3)); do
		tune 0 io-optimized
		code=0
		strace -qq -o /dev/null -e trace=write -e inject="write:signal=KILL:when=$n" "$BLANKROOT" tune --config="$dir/conf" \
			--device="$loop" --reset >"$dir/out" 2>"$dir/err" || code=$?
		tune 0 --reset
		unchanged "a reset killed at write $n"
	done
	[ "$code" -eq 0 ] || fail "with a tracer it ends with $code: $(cat "$dir/out" "$dir/err")"
}

# --- two at once ---

check_lock() {
	mkdir -p /run/blankroot
	exec 8>/run/blankroot/tune.lock
	flock 8
	"$BLANKROOT" tune --config="$dir/conf" --device="$loop" balanced >"$dir/out" 2>"$dir/err" 8>&- &
	tune 0 # whoever only looks does not wait
	exec 8>&-
	wait $! || fail "after the lock was free: $(cat "$dir/err")"
	tune 0 --reset
	unchanged 'two at once'
}

make_machine
look >"$dir/first"
configure ''
check_usage
check_dry
check_io
check_files
check_twice
check_switch
check_boot
check_shares
check_print
check_old_kernel
check_refused
check_failure
check_elsewhere
check_killed
check_reset_killed
check_lock
