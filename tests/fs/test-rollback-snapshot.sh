#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot rollback SNAPSHOT: the persistent subvolume is as it was then, what it was is a snapshot, and there is a way
# back; what uses it is named and in the way; and what an interruption left is finished by the next command.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

run() { # exit code, extended regular expression, command...
	local code=$1 pattern=$2 status=0

	"$BLANKROOT" "${@:3}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>&1 || status=$?
	is_status "$status" "$code" "$dir/out" || fail "'${*:3}' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "$pattern" || fail "'${*:3}' printed $(cat "$dir/out"), not $pattern"
}

snapshot() { # what state/file is to hold before: takes a snapshot of it
	image_mount
	echo "$1" >"$top/state/file"
	image_unmount
	run 0 '.*' snapshot create state
	taken=$(sed -n 's,.*snapshots/,,p' "$dir/out")
}

list() { # jq filter
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" --json | jq -r "$1"
}

is() { # what the file holds, subvolume...
	local path

	image_mount
	for path in "${@:2}"; do
		grep -qx "$1" "$top/$path/file" || fail "$path has $(cat "$top/$path/file"), not $1"
	done
	image_unmount
}

ro() { # "true" or "false", snapshot
	image_mount
	[ "$(btrfs property get -ts "$top/snapshots/$2" ro)" = "ro=$1" ] || fail "$2 is not ro=$1"
	image_unmount
}

# Nothing but what there is always; the former state is a snapshot, and no mark of a snapshot is on what is in use.
clean() {
	image_mount
	# a job has its lock and notes its run
	[ -z "$(find "$top/.blankroot" -mindepth 1 ! -name parked ! -path "*/jobs*" ! -name maintenance.lock)" ] || fail "left: $(ls -A "$top/.blankroot")"
	! getfattr --absolute-names -d -m trusted.blankroot "$top/state" | grep -F '=' || fail 'the subvolume has marks'
	image_unmount
}

# A rollback from $first is interrupted before the exchange, and the next command undoes it.
cut_before_exchange() {
	image_mount
	[ -d "$top/.blankroot" ] || mkdir -m 700 "$top/.blankroot"
	btrfs -q subvolume snapshot "$top/snapshots/$first" "$top/.blankroot/rollback-state"
	[ "$1" = unnoted ] || : >"$top/.blankroot/replaced-$(subvol_id state)"
	image_unmount
}

subvol_id() { # subvolume; mounted
	btrfs subvolume show "$top/$1" | sed -n 's/.*Subvolume ID:[[:space:]]*//p'
}

image_create
image_mount
image_make_root
btrfs -q subvolume create "$top/state"
mkdir "$top/vm"
btrfs -q subvolume create "$top/vm/a%b"
image_unmount
printf '%s\n' 'ephemeral root { }' 'snapshots { subvolumes = { "state", "vm/a%b" } }' >"$dir/conf"

snapshot one
first=$taken
snapshot two
second=$taken
image_mount
echo three >"$top/state/file"
image_unmount

# --- refused, with nothing changed
run 0 "state would be as it was at snapshots/$first\|" rollback --dry-run "$first"
run 1 'blankroot rollback: cannot open "snapshots/state.20200101T000000Z": No such file.*' rollback state.20200101T000000Z
run 1 'blankroot rollback: .*only an archive can become the blank.*' rollback --now-blank "$first"
run 1 'blankroot rollback: .*--force is for snapshots.*' rollback --force no-such-archive
run 1 'blankroot rollback: .*of a subvolume that every boot replaces.*|.*No such file.*' rollback snapshots/root.20200101T000000Z
image_mount
btrfs -q subvolume create "$top/state/nested"
image_unmount
run 1 'blankroot rollback: .*"state": other subvolumes are nested in it.*' rollback "$first"
image_mount
btrfs -q subvolume delete "$top/state/nested"
btrfs property set -ts "$top/state" ro true
image_unmount
run 1 'blankroot rollback: .*"state": it is read-only.*' rollback "$first"
image_mount
btrfs property set -ts "$top/state" ro false
btrfs subvolume set-default "$(subvol_id state)" "$top"
image_unmount
run 1 'blankroot rollback: .*"state": it is the default subvolume.*' rollback "$first"
image_mount
btrfs subvolume set-default 5 "$top"
state_id=$(subvol_id state)
image_unmount
uuid=$(blkid -o value -s UUID -p "$loop")
printf '%s\n' "UUID=$uuid /srv/other btrfs subvolid=9999 0 0" "UUID=$uuid /srv/state btrfs rw,subvolid=$state_id,noatime 0 0" \
	>"$dir/fstab"
[ -e /etc/fstab ] || skip 'needs a /etc/fstab to mount another one over'
mount --bind "$dir/fstab" /etc/fstab
run 1 'blankroot rollback: .*"/etc/fstab": it mounts the former state at /srv/state by its id; write subvol=state .*' \
	rollback "$first"
umount /etc/fstab
is three state
clean

# --- in use
mkdir "$dir/mnt"
mount -t btrfs -o subvol=state "$loop" "$dir/mnt"
run 1 "blankroot rollback: /state is mounted at $dir/mnt\|blankroot rollback: in use \"state\": .*use --force.*" rollback "$first"
umount "$dir/mnt"
image_mount
sleep 600 >>"$top/state/log" &
writer=$!
until [ "$(cat "/proc/$writer/comm")" = sleep ]; do sleep 0.1; done
run 1 "blankroot rollback: process $writer \(sleep\) writes to log\|blankroot rollback: in use .*" rollback "$first"
kill "$writer"
wait "$writer" 2>/dev/null || true
(cd "$top/state" && exec sleep 600) &
writer=$!
until [ "$(readlink "/proc/$writer/cwd")" = "$top/state" ]; do sleep 0.1; done
run 1 "blankroot rollback: process $writer \(.*\) is in \.\|blankroot rollback: in use .*" rollback "$first"
kill "$writer"
wait "$writer" 2>/dev/null || true
rm "$top/state/log"
image_unmount
is three state
clean

# --- done, and back
run 0 "state is now as it was at snapshots/$first\|what it was is kept; to go back: blankroot rollback state[^|]*\|" rollback "$first"
kept=$(sed -n 's/.*blankroot rollback //p' "$dir/out")
is one state "snapshots/$first"
is two "snapshots/$second"
is three "snapshots/$kept"
ro true "$kept"
clean
# the newest of all, although its id is the smallest
[ "$(list '[.retained[] | select(.subvolume == "state")][-1].name')" = "$kept" ] || fail "not the newest: $(list '.retained[].name')"
[ "$(list '.retained[] | select(.name == "'"$kept"'").comment')" = 'was in use until a rollback' ] || fail 'no comment'
image_mount
echo four >"$top/state/file"
image_unmount
run 0 '.*' rollback "snapshots/$kept"
is three state "snapshots/$kept"
clean
[ "$(list '[.retained[] | select(.subvolume == "state")] | length')" = 4 ] || fail "not four: $(list '.retained[].name')"

# --- the former state stays writable while it is mounted, and longer only until the next command
mount -t btrfs -o subvol=state "$loop" "$dir/mnt"
run 0 "blankroot rollback: /state is mounted at .*state is now as it was at .*\|what it was .*\|whoever uses it goes on .*" \
	rollback --force "$second"
kept=$(sed -n 's/.*to go back: blankroot rollback //p' "$dir/out")
echo five >"$dir/mnt/file" || fail 'what is mounted cannot be written any more'
run 0 '.*' prune
is five "snapshots/$kept"
is two state
ro false "$kept"
umount "$dir/mnt"
run 0 '.*' prune
ro true "$kept"
is five "snapshots/$kept"
clean

# --- one that was deleted comes back; its directory is needed
run 0 '.*' snapshot create vm/a%b
taken=$(sed -n 's,.*snapshots/,,p' "$dir/out")
image_mount
echo inside >"$top/vm/a%b/file"
btrfs -q subvolume delete "$top/vm/a%b"
image_unmount
run 0 "vm/a%b is now as it was at snapshots/vm%2Fa%25b\..*Z\|" rollback "$taken"
image_mount
[ -z "$(ls -A "$top/vm/a%b")" ] || fail 'not as it was'
btrfs -q subvolume delete "$top/vm/a%b"
rmdir "$top/vm"
image_unmount
run 1 'blankroot rollback: .*"vm.*No such file.*' rollback "$taken"
image_mount
mkdir "$top/vm"
touch "$top/vm/a%b"
image_unmount
run 1 'blankroot rollback: .*"vm/a%b".*' rollback "$taken"
image_mount
rm "$top/vm/a%b"
image_unmount
clean

# --- interrupted: before the exchange
for how in unnoted noted; do
	cut_before_exchange $how
	run 0 '.*' prune
	is two state
	clean
done
# with a subvolume that was gone before
image_mount
btrfs -q subvolume snapshot "$top/snapshots/$taken" "$top/.blankroot/rollback-vm%2Fa%25b"
image_unmount
run 0 '.*' prune
clean

# --- after it, and after the former state got its name
image_mount
echo six >"$top/state/file"
image_unmount
cut_before_exchange noted
image_mount
mv "$top/state" "$top/former"
mv "$top/.blankroot/rollback-state" "$top/state"
mv "$top/former" "$top/.blankroot/rollback-state"
image_unmount
is six .blankroot/rollback-state
run 0 '.*' prune
is one state
kept=$(list '[.retained[] | select(.subvolume == "state")][-1].name')
is six "snapshots/$kept"
ro true "$kept"
clean
image_mount
btrfs property set -ts "$top/snapshots/$kept" ro false
: >"$top/.blankroot/replaced-$(subvol_id "snapshots/$kept")"
image_unmount
run 0 '.*' prune
ro true "$kept"
clean
