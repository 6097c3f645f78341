#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot status: healthy after a reset, not when something is wrong, each thing by itself; for people and as JSON.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

reset() {
	"$BLANKROOT_INITRD" --config "$dir/conf" --device "$loop" --cmdline noresume --report "$dir/boot.json" \
		>"$dir/out" 2>&1 || fail "reset: $(cat "$dir/out")"
}

status() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" status --config="$dir/conf" --device="$loop" --report="$dir/boot.json" "$@" >"$dir/out" 2>"$dir/err" ||
		code=$?
	[ "$code" -eq "$expected" ] || fail "exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

shows() { # text
	grep -qF -- "$1" "$dir/out" || fail "does not show '$1': $(cat "$dir/out" "$dir/err")"
}

json_is() { # filter
	jq -e "$1" "$dir/out" >/dev/null || fail "JSON: not $1: $(cat "$dir/out")"
}

image_create
image_mount
image_make_root
image_unmount
cat >"$dir/conf" <<-END
	ephemeral root {
		persist = { "/etc/machine-id" }
	}
	archives { keep-min = 1  min-free = "1%" }
END

# no reset yet
status 1
shows 'error: the reset did not run at this boot'
status 1 --json
json_is '.healthy == false and .boot == null and .next_boot.action == "reset" and .scrub == null'

reset
status 0
shows 'Health       good'
shows 'root reset from root-blank in'
shows 'resets the root from its blank'
shows '1 path carried'
! grep -q "$(printf '\033')" "$dir/out" || fail 'colours in a pipe'
status 0 --json
json_is '.version == 1 and .healthy and .boot.good and .boot.outcome == "reset" and (.problems | length) == 0'
json_is '.filesystem | .devices == 1 and .missing == 0 and .errors == 0 and .total == 536870912 and .used > 0'
json_is '.retained == [{ kind: "archive", subvolume: "root", count: 1, good: 0, pinned: 0, to_go: 0,
	oldest: .retained[0].oldest, newest: .retained[0].oldest }]'
json_is ".filesystem.uuid == \"$(blkid -p -s UUID -o value "$loop")\""

# what only archives hold, and only snapshots
status 0
shows 'Overhead     0 B (0.0% of what is used) held by nothing else: archives 0 B (0.0%, limit 15.0%), snapshots 0 B'
image_mount
head -c 131072 /dev/urandom >"$top/root/held"
sync -f "$top"
mkdir -p "$top/snapshots"
btrfs -q subvolume snapshot -r "$top/root" "$top/snapshots/root.20260101T000000Z"
rm "$top/root/held"
image_unmount
status 0 --json
json_is '.overhead == { complete: true, bytes: 131072, archives: 0, parked: 0, snapshots: 131072 }'
image_mount
head -c 65536 /dev/urandom >"$top/root/held"
image_unmount
reset
status 0
shows '192.0 KiB ('
shows ' held by nothing else: archives 64.0 KiB ('
shows ', limit 15.0%), snapshots 128.0 KiB'
status 0 --json
json_is '.overhead == { complete: true, bytes: 196608, archives: 65536, parked: 0, snapshots: 131072 }'
image_mount
btrfs -q subvolume delete "$top/snapshots/root.20260101T000000Z"
image_unmount

# what the next boot was asked for
"$BLANKROOT" skip --config="$dir/conf" --device="$loop" >"$dir/out"
status 0
shows 'Next boot    keeps the root'
archive=$("$BLANKROOT" list --config="$dir/conf" --device="$loop" --noheadings | awk '{ print $1; exit }')
"$BLANKROOT" rollback --config="$dir/conf" --device="$loop" "$archive" >"$dir/out"
status 0 --json
json_is ".next_boot == { action: \"from\", archive: \"$archive\" }"
"$BLANKROOT" rollback --config="$dir/conf" --device="$loop" --undo >"$dir/out"

# what the next reset would refuse, and a changed blank
image_mount
btrfs property set -ts "$top/root-blank" ro false
touch "$top/root-blank/etc/changed"
image_unmount
status 1
shows 'error: the next reset would fail: '
shows 'root-blank'
image_mount
btrfs property set -ts "$top/root-blank" ro true
image_unmount
status 0
shows 'warning: root-blank'

# the last scrub: btrfs-progs' own record
mkdir -p /var/lib/btrfs
mount -t tmpfs none /var/lib/btrfs # the machine's own records stay as they are
uuid=$(blkid -p -s UUID -o value "$loop")
record=/var/lib/btrfs/scrub.status.$uuid
image_mount
btrfs scrub start -B "$top" >/dev/null
image_unmount
[ -s "$record" ] || fail 'btrfs scrub left no record'
status 0 --json
json_is ".scrub.finished and .scrub.errors == 0 and (.scrub.started - $(date +%s) | fabs) < 600"
sed -i 's/|csum_errors:0|/|csum_errors:3|/; s/|corrected_errors:0|/|corrected_errors:2|/' "$record"
status 1
shows 'error: the last scrub found 3 errors, 2 of them repaired'
echo nonsense >"$record"
status 1
shows 'not the record of a scrub'
rm -f "$record"

# a reset that failed, and too little space
jq '.outcome = "failed" | .exit_code = 4 | .reason = "blankroot: NOT RESET: \u001b[31mwhy"' "$dir/boot.json" >"$dir/failed.json"
mv "$dir/failed.json" "$dir/boot.json"
status 1
shows 'error: the root was not reset at this boot'
shows 'NOT RESET: \x1b[31mwhy'
sed -i 's/min-free = "1%"/min-free = "99.9%"/' "$dir/conf"
status 1
shows 'of the file system are free, 99.9% should be'

# what cannot be looked at is a problem too
echo 'ephemeral root { no-such-key = 1 }' >"$dir/conf"
status 1
shows "error: the file system: "
shows "$dir/conf:1"
status 2 --no-such-option
status 2 argument
