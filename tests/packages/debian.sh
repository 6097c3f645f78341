#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package, for "make check-packages": what lintian says of it; in a clean Debian with a kernel and both
# initramfs generators it is installed, upgraded, removed and purged, and after each of these steps the initramfs is what
# it should be. $BLANKROOT_DEB is the directory with the .deb.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/boot/lib/chroot.sh
. tests/boot/lib/chroot.sh

deb=$(ls "${BLANKROOT_DEB:?}"/blankroot_*.deb)
version=$(sed -n 's/^VERSION := //p' Makefile)
root=$dir/root

check_lintian() {
	lintian --allow-root --fail-on error,warning --suppress-tags systemd-service-file-refers-to-unusual-wantedby-target \
		"$BLANKROOT_DEB"/*.changes >"$dir/lintian" 2>&1 || fail "lintian: $(cat "$dir/lintian")"
	[ "$(dpkg-deb --field "$deb" Version)" = "$version" ] || fail 'packaging/debian/changelog has another version'
}

make_root() {
	cache=${BOOT_CACHE:-build/boot-cache}
	install -d -m 700 "$cache"
	cache=$(realpath "$cache")
	chroot_use bookworm
	mkdir -p "$dir/layer" "$root"
	mount -t tmpfs none "$dir/layer"
	mkdir "$dir/layer/upper" "$dir/layer/work"
	mount -t overlay -o "lowerdir=$chroot,upperdir=$dir/layer/upper,workdir=$dir/layer/work" overlay "$root"
	mount -t proc proc "$root/proc"
	mount -t devtmpfs none "$root/dev" 2>/dev/null || mount --bind /dev "$root/dev"
	echo 'update_initramfs=yes' >"$root/etc/initramfs-tools/update-initramfs.conf"
	printf 'MODULES=list\nCOMPRESS=zstd\n' >"$root/etc/initramfs-tools/conf.d/fast"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	inside update-initramfs -c -k "$kernel"
}

inside() {
	chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >"$dir/out" 2>&1 ||
		fail "'$*' failed: $(tail -n 30 "$dir/out")"
}

# It has the reset, or nothing of it.
expect_image() { # yes or no, what
	inside lsinitramfs "/boot/initrd.img-$kernel"
	cp "$dir/out" "$dir/list"
	grep -q 'btrfs\.ko' "$dir/list" || [ "$1" = no ] || fail "$2: no module in the image"
	if [ "$1" = yes ]; then
		for file in usr/sbin/blankroot-initrd etc/blankroot.conf scripts/local-premount/blankroot; do
			grep -qx "$file" "$dir/list" || fail "$2: $file is not in the image"
		done
	elif grep blankroot- "$dir/list" >&2; then
		fail "$2: the image has it"
	fi
}

enabled() {
	(cd "$root/etc/systemd/system" && find . -name 'blankroot-*' -printf '%P\n' | LC_ALL=C sort)
}

check_install() {
	cp "$deb" "$root/blankroot.deb"
	inside dpkg -i /blankroot.deb
	expect_image no 'without a configuration'
	diff <(printf '%s\n' multi-user.target.wants/blankroot-good.service sysinit.target.wants/blankroot-report.service) \
		<(enabled) >&2 || fail 'other units (>) are enabled than these (<)'
	inside blankroot --version
	grep -qx "blankroot $version" "$dir/out" || fail "it says $(cat "$dir/out")"
	# what a new user does next
	echo 'ephemeral root { mountpoint = "/" persist = { "/etc/ssh" } }' >"$root/etc/blankroot.conf"
	inside update-initramfs -u -k "$kernel"
	expect_image yes 'with a configuration'
}

# The same with a higher number, which has a new program.
check_upgrade() {
	dpkg-deb --raw-extract "$deb" "$dir/new"
	sed -i "s/^Version: .*/Version: $version+1/" "$dir/new/DEBIAN/control"
	printf '\n# newer\n' >>"$dir/new/usr/share/initramfs-tools/scripts/local-premount/blankroot"
	dpkg-deb --root-owner-group --build "$dir/new" "$root/blankroot.deb" >/dev/null
	echo '# changed by the administrator' >>"$root/etc/kernel/postinst.d/zzz-blankroot"
	inside dpkg -i --force-confdef --force-confold /blankroot.deb
	grep -q 'changed by the administrator' "$root/etc/kernel/postinst.d/zzz-blankroot" || fail 'a changed hook is lost'
	inside unmkinitramfs "/boot/initrd.img-$kernel" /unpacked
	grep -rqx '# newer' "$root/unpacked" --include=blankroot || fail 'after an upgrade the image has the old one'
	rm -r "$root/unpacked"
}

# Removed: boots go on with the root that there is; the hooks that stay as configuration files make nothing fail.
check_remove() {
	inside dpkg -r blankroot
	expect_image no 'after removal'
	[ -e "$root/etc/kernel/postinst.d/zzz-blankroot" ] || fail 'what was changed in /etc is gone already'
	inside run-parts --arg="$kernel" --arg="/boot/vmlinuz-$kernel" /etc/kernel/postinst.d
	[ -e "$root/etc/blankroot.conf" ] || fail 'the configuration is gone'
}

check_purge() {
	inside dpkg -P blankroot
	diff <(echo etc/blankroot.conf) <(cd "$root" && find . -xdev -name '*blankroot*' -not -name blankroot.deb -printf '%P\n' |
		grep -v '^\(proc\|dev\|tmp\|var/log\)/' | LC_ALL=C sort) >&2 || fail 'something is left'
}

[ "$(id -u)" -eq 0 ] || skip 'needs root'
check_lintian
make_root
check_install
check_upgrade
check_remove
check_purge
