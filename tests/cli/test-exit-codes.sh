#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each exit code on a real file system: what becomes of the root, the report, the console line and the kernel log.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

root_id() {
	btrfs inspect-internal rootid "$top/root"
}

# A reset ends with that code, says so in all places, and the root is the new or the old one.
expect() { # exit code, outcome, "new" or "old", pattern of the console line, argument...
	local code=$1 outcome=$2 root=$3 pattern=$4 status=0 before after priority=5

	shift 4
	before=$(root_id)
	image_unmount
	: >"$dir/kmsg"
	"$BLANKROOT_INITRD" --device "$loop" --config "$dir/conf" --report "$dir/report" "$@" \
		>"$dir/out" 2>"$dir/err" || status=$?
	image_mount
	after=$(root_id)
	[ "$status" -eq "$code" ] || fail "$outcome: exit code $status, not $code: $(cat "$dir/err")"
	grep -qE "^blankroot: $pattern" "$dir/err" || fail "$outcome: on standard error: $(cat "$dir/err")"
	grep -q "\"outcome\": \"$outcome\"" "$dir/report" || fail "$outcome: not in the report"
	grep -q "\"exit_code\": $code," "$dir/report" || fail "$outcome: exit code not in the report"
	[ "$code" -eq 0 ] || priority=3
	if [ "$outcome" = dry-run ]; then
		[ ! -s "$dir/kmsg" ] || fail "$outcome: in the kernel log"
	else
		sed "s/^/<$priority>/" "$dir/err" | cmp -s - "$dir/kmsg" || fail "$outcome: in the kernel log: $(cat "$dir/kmsg")"
	fi
	case $root in
	new) [ "$after" != "$before" ] || fail "$outcome: the root is the old one" ;;
	old) [ "$after" = "$before" ] || fail "$outcome: the root is not the old one" ;;
	esac
	! ls -A "$top"/.blankroot/staging-* >/dev/null 2>&1 || [ "$code" -eq 5 ] || fail "$outcome: staging is left"
}

write_configuration() {
	echo "ephemeral root { persist = { \"/etc/ssh\" } $1 }" >"$dir/conf"
}

check_success() {
	write_configuration ''
	expect 0 dry-run old 'not reset: dry run of [0-9]+ steps' --cmdline noresume --dry-run
	[ ! -e "$top/.blankroot" ] || fail 'a dry run has changed something'
	expect 0 dry-run old 'not reset: dry run' --cmdline 'noresume rd.blankroot=dry-run'
	expect 0 skipped old 'not reset: skipped, as' --cmdline rd.blankroot=off
	expect 0 reset new 'root reset from root-blank in .* kept as old_roots/root\.' --cmdline noresume
	echo skip >"$top/.blankroot/request"
	expect 0 skipped old 'not reset: skipped this once' --cmdline noresume
	[ ! -e "$top/.blankroot/request" ] || fail 'a request acts twice'
	expect 0 reset new 'root reset' --cmdline noresume
}

check_usage() {
	write_configuration 'nonsense = 1'
	expect 2 usage old 'NOT RESET: configuration error: .*/conf:1: .*nonsense.*; the old root is unchanged' --cmdline noresume
	write_configuration ''
	expect 2 usage old 'NOT RESET: usage error: .*timeout=soon' --cmdline rd.blankroot.timeout=soon
}

check_refused() {
	expect 3 refused old 'NOT RESET: cannot satisfy the request' --cmdline 'noresume rd.blankroot.from=nothing'
	btrfs property set -ts "$top/root-blank" ro false
	expect 3 refused old 'NOT RESET: unexpected layout "root-blank"' --cmdline noresume
	btrfs property set -ts "$top/root-blank" ro true
	mkdir -p "$dir/mounted"
	mount -t btrfs -o subvol=root "$loop" "$dir/mounted"
	expect 3 refused old 'NOT RESET: in use' --cmdline noresume
	umount "$dir/mounted"
}

check_failed() {
	ln -s etc "$top/root/link"
	write_configuration 'path "/link/x" {}'
	expect 4 failed old 'NOT RESET: symbolic link in path "root/link' --cmdline noresume
	write_configuration 'path "/created" { create = directory owner = "nobody-of-that-name" }'
	expect 4 failed old 'NOT RESET: unknown owner "root/created": create: in /etc/passwd of the new root' --cmdline noresume
	rm "$top/root/link"
}

# The archive directory lets nothing in: found only after the swap.
check_unfinished() {
	local archives

	write_configuration ''
	archives=$(find "$top/old_roots" -mindepth 1 -maxdepth 1 | wc -l)
	chattr +i "$top/old_roots"
	expect 5 unfinished new 'RESET UNFINISHED: .*; the new root is in place' --cmdline noresume
	chattr -i "$top/old_roots"
	expect 0 reset new 'root reset' --cmdline noresume
	[ "$(find "$top/old_roots" -mindepth 1 -maxdepth 1 | wc -l)" -eq $((archives + 2)) ] ||
		fail 'unfinished: the next run did not finish it'
}

image_create
umount /dev/kmsg
: >"$dir/kmsg"
mount --bind "$dir/kmsg" /dev/kmsg
image_mount
image_make_root
check_success
check_usage
check_refused
check_failed
check_unfinished
