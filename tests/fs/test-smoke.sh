#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The program that is shipped, alone: in a root directory that holds nothing but itself, its configuration, the node
# of one device and an empty /run. No /proc, no /dev/btrfs-control, no library, no other program.
set -euo pipefail

# shellcheck source=tests/support/shell.sh
. "$(dirname "$0")/../support/shell.sh"

[ "${BLANKROOT_STATIC:-}" = yes ] || skip 'built with STATIC=no: it cannot run alone'

chroot=$(command -v chroot)

check_static() {
	local dynamic

	dynamic=$(readelf --dynamic "$BLANKROOT_INITRD" 2>&1)
	[[ $dynamic == *'no dynamic section'* ]] || fail "it has a dynamic section: $dynamic"
	! readelf --program-headers "$BLANKROOT_INITRD" | grep INTERP || fail 'it wants a dynamic linker'
	! ldd "$BLANKROOT_INITRD" >"$dir/ldd" 2>&1 || fail "it needs libraries: $(cat "$dir/ldd")"
}

# run EXPECTED-STATUS ARGUMENT...; what it printed is in $dir/out and $dir/err
run() {
	local expected=$1 status=0

	shift
	env -i "$chroot" "$jail" /blankroot-initrd "$@" </dev/null >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected: $(cat "$dir/err")"
}

make_jail() {
	jail=$dir/jail
	mkdir -p "$jail"/{etc,dev,run}
	cp "$BLANKROOT_INITRD" "$jail/blankroot-initrd"
	mknod "$jail$loop" b "$(stat -c '0x%t' "$loop")" "$(stat -c '0x%T' "$loop")"
	cat >"$jail/etc/blankroot.conf" <<-END
		device = "$loop"
		ephemeral root {
			blank = "root-blank"
			archive = "old_roots"
			persist = { "/etc/machine-id", "/etc/ssh" }
			path "/var/lib/app" {
				method = subvolume
				create = directory
			}
		}
	END
}

# Everything below the jail, as it is before and has to be after.
list_jail() {
	(cd "$jail" && find . | sort)
}

tell_about_itself() {
	run 0 --version
	grep -qx 'blankroot-initrd [0-9][0-9.]*' "$dir/out" || fail "--version said '$(cat "$dir/out")'"
	[ ! -s "$dir/err" ] || fail "--version said on stderr: $(cat "$dir/err")"
	run 0 --help
	grep -q '^Usage: blankroot-initrd' "$dir/out" || fail '--help does not say how to use it'
	run 0 --check-config
	[ "$(cat "$dir/out" "$dir/err")" = '' ] || fail 'a good configuration needs no words'
	echo 'no-such-key = 1' >"$jail/etc/bad.conf"
	run 2 --check-config --config /etc/bad.conf
	grep -q '/etc/bad.conf:1: ' "$dir/err" || fail "no file and line in: $(cat "$dir/err")"
	rm "$jail/etc/bad.conf"
}

kept() {
	cat "$top/$1/etc/machine-id" "$top/$1/etc/ssh/ssh_host_ed25519_key"
}

# Once with a command line of its own, once with that of this kernel.
reset_twice() {
	local before

	before=$(list_jail)
	run 0 --cmdline '' --dry-run --report ''
	grep -qx 'exchange .blankroot/staging-root and root' "$dir/out" || fail "the dry run said: $(cat "$dir/out")"
	[ "$(list_jail)" = "$before" ] || fail 'a dry run left something behind'
	run 0 --cmdline ''
	grep -q '^blankroot: root reset from root-blank in ' "$dir/err" || fail "the reset said: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "the reset said on standard output: $(cat "$dir/out")"
	jq -e '.outcome == "reset" and .exit_code == 0 and (.steps | all(.done))' \
		"$jail/run/blankroot/boot.json" >/dev/null || fail "the report is: $(cat "$jail/run/blankroot/boot.json")"
	run 0
	[ "$(list_jail)" = "$(sort <<<"$before"$'\n./run/blankroot\n./run/blankroot/boot.json')" ] ||
		fail "the run left behind: $(list_jail)"
}

check_result() {
	image_mount
	[ "$(cat "$top/root/etc/motd")" = 'as installed' ] || fail 'the root is not that of the blank'
	[ "$(kept root)" = "$(cat "$dir/kept")" ] || fail 'what was to be kept is not the same'
	btrfs subvolume show "$top/root/var/lib/app" >/dev/null || fail 'the subvolume was not made'
	set -- "$top"/old_roots/root.*
	[ $# -eq 2 ] || fail "there are $# archives"
	[ "$(cat "$1/etc/motd")" = 'edited by hand' ] || fail 'the old root is not in the archive'
	[ "$(btrfs property get -ts "$1" ro)" = ro=true ] || fail 'the archive is writable'
	[ "$(ls -A "$top/.blankroot")" = '' ] || fail "left in .blankroot: $(ls -A "$top/.blankroot")"
	image_unmount
	btrfs check --readonly "$loop" >"$dir/check" 2>&1 || fail "$(cat "$dir/check")"
}

check_static
image_create
image_mount
image_make_root
kept root >"$dir/kept"
image_unmount
make_jail
mounts=$(cat /proc/self/mountinfo)
tell_about_itself
reset_twice
[ "$(cat /proc/self/mountinfo)" = "$mounts" ] || fail 'a mount is left'
check_result
