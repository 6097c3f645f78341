#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What runs "blankroot check" by itself, as make install leaves it: hooks after an image was built, which never fail, and
# the service before a shutdown, which tells everybody.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

dest=$dir/dest
etc=$dest$dir/etc

install_all() {
	make --no-print-directory install DESTDIR="$dest" PREFIX="$dir/usr" SYSCONFDIR="$dir/etc" \
		KERNELINSTALLDIR="$dir/usr/lib/kernel/install.d" PACMANDIR="$dir/usr/share/libalpm/hooks" \
		>"$dir/install.log" 2>&1 || fail "make install: $(tail -n 5 "$dir/install.log")"
	# the paths in what was installed lead there
	ln -s "$dest$dir/usr" "$dir/usr"
	ln -s "$etc" "$dir/etc"
	mkdir -p "$dir/bin"
}

# In place of the helper: says that, and ends with this code.
stand_in() { # exit code, text
	rm "$dir/usr/sbin/blankroot"
	printf '#!/bin/sh\n[ "$*" = "check --record --quiet" ] || exit 9\n[ -z "%s" ] || echo "%s"\nexit %d\n' "$2" "$2" "$1" \
		>"$dir/usr/sbin/blankroot"
	chmod +x "$dir/usr/sbin/blankroot"
}

check_hook() { # hook, argument...
	local hook=$1

	shift
	rm -f "$etc/blankroot.conf"
	stand_in 1 'error: all is lost'
	"$hook" "$@" >"$dir/out" 2>&1 || fail "$hook fails without a configuration"
	[ ! -s "$dir/out" ] || fail "$hook without a configuration: $(cat "$dir/out")"
	touch "$etc/blankroot.conf"
	"$hook" "$@" >"$dir/out" 2>"$dir/err" || fail "$hook makes what calls it fail"
	[ ! -s "$dir/out" ] || fail "$hook prints on standard output: $(cat "$dir/out")"
	grep -qx 'error: all is lost' "$dir/err" || fail "$hook: $(cat "$dir/err")"
	grep -q 'the next boot may not reset the root' "$dir/err" || fail "$hook: $(cat "$dir/err")"
	stand_in 0 ''
	"$hook" "$@" >"$dir/out" 2>&1 || fail "$hook fails"
	[ ! -s "$dir/out" ] || fail "$hook, though nothing is wrong: $(cat "$dir/out")"
	rm "$dir/usr/sbin/blankroot"
	ln -s /nonexistent "$dir/usr/sbin/blankroot"
	"$hook" "$@" >"$dir/out" 2>&1 || fail "$hook fails without the helper"
}

check_hooks() {
	check_hook "$dir/etc/initramfs/post-update.d/blankroot" 6.1.0 /boot/initrd.img-6.1.0
	check_hook "$dir/etc/kernel/postinst.d/zzz-blankroot" 6.1.0 /boot/vmlinuz-6.1.0
	check_hook "$dir/usr/lib/kernel/install.d/99-blankroot.install" add 6.1.0 /boot/machine/6.1.0 /boot/vmlinuz
	check_hook "$(sed -n 's/^Exec = //p' "$dir/usr/share/libalpm/hooks/95-blankroot.hook")"
}

check_shutdown() {
	local program status=0

	program=$(sed -n 's/^ExecStop=//p' "$dir/usr/lib/systemd/system/blankroot-check.service")
	printf '#!/bin/sh\ncat >"%s"\n' "$dir/wall" >"$dir/bin/wall"
	chmod +x "$dir/bin/wall"
	stand_in 0 ''
	PATH=$dir/bin:$PATH "$program" >"$dir/out" 2>&1 || fail "$program fails though nothing is wrong"
	[ ! -s "$dir/out" ] || fail "$program: $(cat "$dir/out")"
	[ ! -e "$dir/wall" ] || fail "$program on terminals: $(cat "$dir/wall")"
	stand_in 1 'error: all is lost'
	PATH=$dir/bin:$PATH "$program" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "$program ends with $status"
	cmp "$dir/err" "$dir/wall" >&2 || fail "on terminals: $(cat "$dir/wall")"
	grep -qx 'error: all is lost' "$dir/wall" || fail "on terminals: $(cat "$dir/wall")"
}

check_unit() {
	command -v systemd-analyze >/dev/null || return 0
	systemd-analyze verify --man=no "$dir/usr/lib/systemd/system/blankroot-check.service" >"$dir/out" 2>&1 ||
		fail "systemd-analyze verify: $(cat "$dir/out")"
	! grep blankroot-check "$dir/out" >&2 || fail 'systemd-analyze verify has complaints'
	[ ! -e "$dir/usr/lib/systemd/system/multi-user.target.wants" ] || fail 'a unit is enabled by its installation'
}

install_all
check_shutdown
check_hooks
check_unit
