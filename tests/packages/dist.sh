#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The source archive: another clone, later and under another umask, makes the same bytes; and all that has a version of
# its own names this one.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

version=$(sed -n 's/^VERSION := //p' Makefile)

check_same() {
	git -c safe.directory='*' clone -q . "$dir/clone"
	(umask 077 && unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES && make -s -C "$dir/clone" dist >"$dir/log" 2>&1) ||
		fail "make dist: $(cat "$dir/log")"
	cmp "${BLANKROOT_DIST:?}" "$dir/clone/build/blankroot-$version.tar.gz" || fail 'another clone makes another archive'
	[ "$(tar -tf "$BLANKROOT_DIST" | sed 's|/.*||' | sort -u)" = "blankroot-$version" ] || fail 'the directory in it'
}

check_version() {
	diff <(printf '%s\n' "$version" "$version" "$version") <(
		sed -n '1s/^blankroot (\(.*\)) .*/\1/p' packaging/debian/changelog
		sed -n 's/^pkgver=//p' packaging/arch/PKGBUILD
		sed -n 's/^Version: *//p' packaging/rpm/blankroot.spec
	) >&2 || fail 'another version than that of the Makefile (<) in a package'
}

check_same
check_version
