#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot blank update with Debian's own apt-get and dpkg: a package is installed in the blank and not in the root, no
# service is started, and a second one is dropped when the command fails.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

update() { # exit code, script
	local status=0

	DEBIAN_FRONTEND=noninteractive "$BLANKROOT" blank update --config="$dir/conf" -- sh -ec "$2" >"$dir/out" 2>&1 </dev/null ||
		status=$?
	[ "$status" -eq "$1" ] || fail "ended with $status, not $1: $(cat "$dir/out")"
}

has_package() { # subvolume
	[ -x "$top/$1/usr/bin/hello" ] && grep -qx 'Package: hello' "$top/$1/var/lib/dpkg/status"
}

archive=$(tests/support/debian-root 2>"$dir/err") || skip "needs a Debian root: $(tail -n 1 "$dir/err")"
image_create
image_mount
btrfs -q subvolume create "$top/root"
tar -xf "$archive" -C "$top/root" --numeric-owner --exclude='./dev/*'
mkdir "$dir/root"
mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
printf 'device = "%s"\nephemeral root { mountpoint = "%s" }\n' "$loop" "$dir/root" >"$dir/conf"
"$BLANKROOT" blank create --config="$dir/conf" >"$dir/out" || fail "$(cat "$dir/out")"

before=$(btrfs inspect-internal rootid "$top/root-blank")
# dpkg cannot replace what something is mounted on
update 1 'apt-get -y install /var/cache/packages/hello_*.deb; invoke-rc.d ssh start; false'
grep -q 'policy-rc.d denied execution of start' "$dir/out" || fail "a service would be started: $(cat "$dir/out")"
[ "$(btrfs inspect-internal rootid "$top/root-blank")" = "$before" ] || fail 'the blank was replaced'

update 0 'apt-get -y install /var/cache/packages/hello_*.deb; dpkg-reconfigure openssh-server'
has_package root-blank || fail "it is not installed: $(cat "$dir/out")"
! has_package root || fail 'it is installed in the running root'
for path in usr/sbin/policy-rc.d etc/blankroot.conf etc/blankroot.conf.d; do
	[ ! -e "$top/root-blank/$path" ] || fail "$path is left in the blank"
done
chroot "$top/root-blank" /usr/bin/dpkg --verify hello || fail 'it is not installed completely'
"$BLANKROOT" blank verify --config="$dir/conf" >"$dir/out" || fail "$(cat "$dir/out")"

# nothing to upgrade: the blank stays
update 0 'apt-get -qy upgrade'
grep -q 'nothing was changed in the copy' "$dir/out" || fail "$(cat "$dir/out"): $("$BLANKROOT" diff --config="$dir/conf")"

umount "$dir/root"
"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
has_package root || fail 'the next root does not have it'
