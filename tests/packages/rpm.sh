#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packaging/rpm, for "make check-packages": rpmbuild builds a package from the source archive, $BLANKROOT_DIST, and every
# file that is installed is in it. Dependencies are not looked at, and what only Fedora's rpm knows is given here.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

version=$(sed -n 's/^VERSION := //p' Makefile)

# Of pkg-config's names.
check_names() {
	local name count=0

	while read -r name; do
		pkg-config --exists "$name" || fail "there is no $name"
		count=$((count + 1))
	done < <(sed -n 's/^BuildRequires: *pkgconfig(\(.*\))$/\1/p' packaging/rpm/blankroot.spec)
	[ "$count" -ge 8 ] || fail "only $count libraries were found"
}

build() {
	mkdir -p "$dir/rpm/SOURCES"
	cp "${BLANKROOT_DIST:?}" "$dir/rpm/SOURCES"
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES rpmbuild --quiet -bb --nodeps \
		--define "_topdir $dir/rpm" --define '_unitdir /usr/lib/systemd/system' --define 'optflags -O2 -g' \
		--define 'debug_package %{nil}' --define 'systemd_post() :' --define 'systemd_preun() :' --define 'systemd_postun() :' \
		packaging/rpm/blankroot.spec >"$dir/log" 2>&1 || fail "rpmbuild: $(tail -n 30 "$dir/log")"
	package=$(find "$dir/rpm/RPMS" -name 'blankroot-[0-9]*.rpm' -print -quit)
	[ -n "$package" ] || fail "there is no package: $(tail -n 5 "$dir/log")"
}

check_content() {
	local file

	[ "$(rpm --query --package --queryformat '%{VERSION}' "$package")" = "$version" ] || fail 'the version'
	rpm --query --list --package "$package" >"$dir/list"
	for file in /usr/sbin/blankroot /usr/sbin/blankroot-initrd /usr/lib/dracut/modules.d/90blankroot/module-setup.sh \
		/usr/lib/blankroot/initramfs.manifest /usr/lib/systemd/system/blankroot-reset.service \
		/usr/lib/kernel/install.d/99-blankroot.install; do
		grep -qx "$file" "$dir/list" || fail "$file is missing"
	done
	! grep -E '^/(etc|usr/lib/initcpio|usr/share/(initramfs-tools|libalpm))' "$dir/list" >&2 || fail 'it has what Fedora has no place for'
}

command -v rpmbuild >/dev/null || skip 'needs rpmbuild'
check_names
build
check_content
