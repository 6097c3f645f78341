# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # variables for those who source this
#
# For tests in bash, to be sourced: messages, comparisons, and throw-away btrfs images.
#
#   $dir   scratch directory          $loop  device of the image          $top  where image_mount mounts its top level
#
# An image needs root and a mount namespace of its own, as tests/run gives it. Nothing has to be cleaned up: the image has no
# name, and its loop device detaches itself when the test ends. Runs on it get "noresume", so that they do not depend on
# what other disks of this machine hold.

dir=${BLANKROOT_BUILD:?a scratch directory}/${0##*/}
top=$dir/top
mkdir -p "$top"

# The leak sanitizer does not work in a process that is traced: each would end with its failure.
strace() {
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 command strace "$@"
}

fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Did the helper end as expected? A failure that calls itself an error of usage ends with 2, any other with 1.
is_status() { # status, expected one, file with what it said...
	local expected=$2

	if [ "$expected" -eq 1 ] && grep -q 'usage error' "${@:3}"; then
		expected=2
	fi
	[ "$1" -eq "$expected" ]
}

skip() {
	echo "$*"
	exit 77
}

# Two lists have the same lines, in any order; the first must not be empty, or the test has lost what it looks for.
agree() { # what, of the program, as documented
	[ -n "$2" ] || fail "$1: nothing was found in the program"
	diff <(sort <<<"$2") <(sort <<<"$3") >&2 || fail "$1: the program (<) and its documentation (>) differ"
}

# The entries of a table in a C file, one a line, however they are laid out: "NAME rest".
list_entries() { # file, prefix of the names
	tr -s ' \t\n' ' ' <"$1" | grep -oE "\[-?$2[A-Z_]+\] = [^][}]*" | sed -E 's/\[-?([A-Z_]+)\] = /\1 /'
}

# What a run of a test has to say is not for the log of this kernel.
mute_kernel_log() {
	if [ "$(id -u)" -eq 0 ] && [ -e /dev/kmsg ]; then
		mount --bind /dev/null /dev/kmsg
	fi
}

# Keeps descriptor 9 open, on which the device lives. Ends the test as skipped where that cannot be had.
image_create() {
	image_allocate 512M
	image_attach 0 0
	mkfs.btrfs -q "$loop" >/dev/null
}

image_allocate() { # size
	[ "$(id -u)" -eq 0 ] || skip 'needs root, for a loop device and mounts'
	truncate -s "$1" "$dir/image"
}

image_attach() { # offset and size of the part to use, 0: all
	loop=$(losetup --find --show --offset="$1" --sizelimit="$2" "$dir/image") || skip 'needs a loop device'
	exec 9<>"$loop"
	losetup --detach "$loop"
	rm "$dir/image"
	mute_kernel_log
}

image_mount() {
	mount -t btrfs -o subvolid=5,noatime "$loop" "$top"
}

image_unmount() {
	umount "$top"
}

# A root with a few files and its blank; needs the top level mounted.
image_make_root() {
	btrfs -q subvolume create "$top/root"
	mkdir -p "$top"/root/{etc/ssh,var/lib,var/log}
	echo 'as installed' >"$top/root/etc/motd"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	echo 0123456789abcdef0123456789abcdef >"$top/root/etc/machine-id"
	echo 'a host key' >"$top/root/etc/ssh/ssh_host_ed25519_key"
	echo 'edited by hand' >"$top/root/etc/motd"
}

# A server with it, on an image of its own that stays mounted: the directories of blankroot, and a persistent subvolume.
image_make_server() {
	image_create
	image_mount
	image_make_root
	mkdir -m 0700 "$top/old_roots" "$top/snapshots" "$top/.blankroot"
	btrfs -q subvolume create "$top/persist"
}
