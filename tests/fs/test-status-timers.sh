#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot status and systemd: when the next snapshot is; timers that are not active, and services that failed, are
# told; and without a systemd that answers, it is not known, and nothing is wrong.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

[ "$BLANKROOT_SYSTEMD" = yes ] || skip 'blankroot was built without libsystemd'

status() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" status --device="$loop" --report="$dir/boot.json" "$@" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$expected" ] || fail "exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

shows() { # text
	grep -qF -- "$1" "$dir/out" || fail "does not show '$1': $(cat "$dir/out" "$dir/err")"
}

json_is() { # filter
	status "${2:-0}" --json
	jq -e "$1" "$dir/out" >/dev/null || fail "JSON: not $1: $(cat "$dir/out")"
}

# This machine's own are out of sight in the mount namespace of the test. Only what the configuration of the system says
# has timers.
hide_machine() {
	mkdir "$dir/etc"
	mount --bind "$dir/etc" /etc
	mkdir -p /run/systemd /run/dbus
	mount -t tmpfs none /run/systemd
	mount -t tmpfs none /run/dbus
	cat >/etc/blankroot.conf <<-END
		ephemeral root { persist = { "/etc/machine-id" } }
		archives { keep-min = 1  min-free = "1%" }
		snapshots { subvolumes = { persist } every = 6h }
	END
}

systemd_says() { # line...
	printf '%s\n' "$@" >"$dir/properties"
}

image_create
image_mount
image_make_root
image_unmount
unset DBUS_SYSTEM_BUS_ADDRESS
hide_machine
"$BLANKROOT_INITRD" --device "$loop" --cmdline noresume --report "$dir/boot.json" >"$dir/out" 2>&1 ||
	fail "reset: $(cat "$dir/out")"

# nobody answers
status 0
shows 'Snapshots    on the schedule 6h; when the next one is, is not known'
json_is '.snapshots == { schedule: "6h", timer: "unknown", next: null } and .problems == []'

setpriv --pdeathsig KILL tests/support/fake-systemd /run/systemd/private "$dir/properties" 9>&- &
server=$!
trap 'kill "$server"' EXIT
for ((i = 0; i < 100; i++)); do
	[ ! -S /run/systemd/private ] || break
	sleep 0.1
done

healthy=('blankroot-snapshot.timer ActiveState active' 'blankroot-snapshot.service ActiveState inactive'
	'blankroot-prune.timer ActiveState active' 'blankroot-prune.service ActiveState inactive')
systemd_says "${healthy[@]}" 'blankroot-snapshot.timer NextElapseUSecRealtime 1795868412345678'
status 0
shows 'Snapshots    on the schedule 6h, next at 2026-11-28T12:20:12Z'
json_is '.snapshots == { schedule: "6h", timer: "active", next: 1795868412 } and .problems == []'

# never again, as systemd says it
systemd_says "${healthy[@]}" 'blankroot-snapshot.timer NextElapseUSecRealtime 18446744073709551615'
status 0
shows 'Snapshots    on the schedule 6h, none to come'
json_is '.snapshots.next == null'

# what does not run
systemd_says "${healthy[@]/snapshot.timer ActiveState active/snapshot.timer ActiveState inactive}"
status 1
shows 'error: blankroot-snapshot.timer is not active'
json_is '.snapshots.timer == "inactive"' 1
systemd_says "${healthy[@]/prune.timer ActiveState active/prune.timer ActiveState inactive}"
status 0
shows 'warning: blankroot-prune.timer is not active'
systemd_says "${healthy[@]/snapshot.service ActiveState inactive/snapshot.service ActiveState failed}"
status 1
shows 'error: the last run of blankroot-snapshot.service failed (journalctl -u blankroot-snapshot)'
systemd_says "${healthy[@]/prune.service ActiveState inactive/prune.service ActiveState failed}"
status 1
shows 'error: the last run of blankroot-prune.service failed'

# no schedule, and a configuration that is not that of this system
cp /etc/blankroot.conf "$dir/conf"
systemd_says 'blankroot-snapshot.timer ActiveState inactive'
status 0 --config="$dir/conf"
shows 'on the schedule 6h; when the next one is, is not known'
sed -i 's/every = 6h//' /etc/blankroot.conf
status 0
shows 'Snapshots    on no schedule'
json_is '.snapshots == null and .problems == []'
