#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packaging/arch, for "make check-packages": makepkg builds a package from the source archive, $BLANKROOT_DIST, and in it
# is what Arch needs. Dependencies are not looked at: their names are those of Arch.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

version=$(sed -n 's/^VERSION := //p' Makefile)

# makepkg refuses to be root.
build() {
	mkdir "$dir/arch"
	cp packaging/arch/* "${BLANKROOT_DIST:?}" "$dir/arch"
	chmod -R a+rX "$dir"
	chown -R nobody "$dir/arch"
	(cd "$dir/arch" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES HOME="$dir/arch" MAKEFLAGS="-j$(nproc)" \
		setpriv --reuid=nobody --clear-groups makepkg --nodeps --force --nocolor) >"$dir/log" 2>&1 ||
		fail "makepkg: $(tail -n 30 "$dir/log")"
	package=$(find "$dir/arch" -name 'blankroot-[0-9]*.pkg.tar*' -print -quit)
	[ -n "$package" ] || fail "there is no package: $(tail -n 5 "$dir/log")"
}

check_content() {
	local file

	tar -tf "$package" | sed 's|/$||' | sort >"$dir/list"
	for file in usr/bin/blankroot usr/bin/blankroot-initrd usr/lib/initcpio/install/blankroot usr/lib/initcpio/hooks/blankroot \
		usr/lib/dracut/modules.d/90blankroot/module-setup.sh usr/lib/blankroot/initramfs.manifest \
		usr/lib/systemd/system/blankroot-reset.service usr/share/libalpm/hooks/95-blankroot.hook .INSTALL; do
		grep -qx "$file" "$dir/list" || fail "$file is missing"
	done
	! grep -E '^(usr/sbin|usr/share/initramfs-tools|etc)' "$dir/list" >&2 || fail 'it has what Arch has no place for'
	tar -xf "$package" -C "$dir" .PKGINFO usr/lib/blankroot/initramfs.manifest
	grep -qx "pkgver = $version-1" "$dir/.PKGINFO" || fail "the version: $(grep pkgver "$dir/.PKGINFO")"
	grep -q '/usr/bin/blankroot-initrd' "$dir/usr/lib/blankroot/initramfs.manifest" || fail 'the manifest names another program'
}

command -v makepkg >/dev/null || skip 'needs makepkg'
build
check_content
