#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The built program itself, alone: a static one has nothing but itself in its root directory.
set -eu

fail() {
	echo "smoke: $*" >&2
	exit 1
}

root=$BLANKROOT_BUILD/smoke
mkdir -p "$root"
cp "$BLANKROOT_INITRD" "$root/blankroot-initrd"

tool() {
	if [ "$BLANKROOT_STATIC" = yes ] && [ "$(id -u)" -eq 0 ]; then
		chroot "$root" /blankroot-initrd "$@"
	else
		"$root/blankroot-initrd" "$@"
	fi
}

# run EXPECTED-STATUS ARGUMENT...; what it printed is in $root/out and $root/err
run() {
	expected=$1
	shift
	status=0
	tool "$@" >"$root/out" 2>"$root/err" || status=$?
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected: $(cat "$root/err")"
}

run 0 --version
grep -q '^blankroot-initrd [0-9]' "$root/out" || fail "--version said '$(cat "$root/out")'"
[ ! -s "$root/err" ] || fail "--version said on stderr: $(cat "$root/err")"

run 0 --help
for option in --config --device --cmdline --report --dry-run --version --help; do
	grep -q -e "$option" "$root/out" || fail "--help does not mention $option"
done

run 2 --no-such-option
[ -s "$root/err" ] || fail 'an unknown option is refused without a word'

# Without a configuration nothing is touched.
run 2 --config /no/such/file --cmdline ''
[ -s "$root/err" ] || fail 'a missing configuration is refused without a word'
