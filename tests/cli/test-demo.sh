#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demonstration runs to its end, fits on a terminal, and leaves nothing behind.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

[ "$(id -u)" -eq 0 ] || skip 'needs root, for a loop device and mounts'
losetup --find >/dev/null || skip 'needs a loop device'
status=0
env -u KEEP docs/demo.sh >"$dir/out" 2>"$dir/err" || status=$?
[ "$status" -eq 0 ] || fail "ended with $status: $(tail -n 3 "$dir/out" "$dir/err")"
[ ! -s "$dir/err" ] || fail "on standard error: $(cat "$dir/err")"
! grep -q $'\e' "$dir/out" || fail 'colours without a terminal'
! grep -nE '.{81}' "$dir/out" || fail 'lines of more than 80 columns'
! grep -q 'build/demo.img' /sys/block/loop*/loop/backing_file 2>/dev/null || fail 'a loop device is left'
for file in build/demo build/demo.img; do
	[ ! -e "$file" ] || fail "$file is left"
done
