#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot snapshot: what it takes is what was there, read-only, under names that list and prune know; hooks; what changed;
# deletion and pins, and what they refuse.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

stamp='[0-9]{8}T[0-9]{6}Z'

conf() { # line of the section snapshots...
	printf '%s\n' 'ephemeral root { }' 'snapshots {' 'subvolumes = { persist, "srv/data" }' "$@" '}' >"$dir/conf"
}

# blankroot ARGUMENT... on the image ends with that exit code and prints that, on both outputs.
expect() { # exit code, extended regular expression, argument...
	local code=$1 pattern=$2 status=0

	shift 2
	"$BLANKROOT" "$1" --config="$dir/conf" --device="$loop" "${@:2}" >"$dir/out" 2>&1 || status=$?
	is_status "$status" "$code" "$dir/out" || fail "'$*' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "$pattern" || fail "'$*' printed $(cat "$dir/out"), not $pattern"
}

snapshot() { # exit code, extended regular expression, argument...
	expect "$1" "$2" snapshot "${@:3}"
}

# Of an action: it comes before the options.
action() { # exit code, extended regular expression, action, argument...
	local code=$1 pattern=$2 status=0

	"$BLANKROOT" snapshot "$3" --config="$dir/conf" --device="$loop" "${@:4}" >"$dir/out" 2>&1 || status=$?
	is_status "$status" "$code" "$dir/out" || fail "'${*:3}' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "$pattern" || fail "'${*:3}' printed $(cat "$dir/out"), not $pattern"
}

newest() { # escaped subvolume
	btrfs subvolume list "$top" | sed -n "s,.* path snapshots/\\($1\\.\\),\\1,p" | tail -n 1
}

count() {
	find "$top/snapshots" -mindepth 1 -maxdepth 1 | wc -l
}

is_read_only() { # path
	[ "$(btrfs property get -ts "$1" ro)" = ro=true ]
}

make_image() {
	image_create
	image_mount
	image_make_root
	mkdir "$top/srv"
	btrfs -q subvolume create "$top/persist"
	btrfs -q subvolume create "$top/srv/data"
	btrfs -q subvolume create "$top/persist/nested"
	echo first >"$top/persist/file"
	echo inside >"$top/persist/nested/file"
}

check_taken() {
	local both="a snapshot of persist: snapshots/persist\.$stamp\|XXX a snapshot of srv/data: snapshots/srv%2Fdata\.$stamp\|"
	local name times

	conf
	snapshot 0 "would take ${both/XXX/would take}" --dry-run
	[ ! -e "$top/snapshots" ] || fail 'a dry run made a directory'
	snapshot 0 "took ${both/XXX/took}"
	[ "$(stat -c %a "$top/snapshots")" = 700 ] || fail 'others can look into the snapshots'
	name=$(newest persist)
	times=$(find "$top/snapshots" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed 's/.*\.//' | sort -u | wc -l)
	[ "$times" -eq 1 ] || fail 'not one time for the whole set'
	is_read_only "$top/snapshots/$name" || fail 'a snapshot is writable'
	grep -qx first "$top/snapshots/$name/file" || fail 'not what was there'
	[ ! -e "$top/snapshots/$name/nested/file" ] || fail 'nested subvolumes are in it, unlike what is said'
	btrfs subvolume show "$top/snapshots/$name" | grep -q "Parent UUID:.*$(btrfs subvolume show "$top/persist" |
		sed -n 's/^\s*UUID:\s*//p')" || fail 'not a snapshot of persist'
	# two in one second; somebody else's directory that others could enter
	chmod 0755 "$top/snapshots"
	mkdir -p "$top/snapshots/persist.$(date -ud '+0 sec' +%Y%m%dT%H%M%SZ)" \
		"$top/snapshots/persist.$(date -ud '+1 sec' +%Y%m%dT%H%M%SZ)"
	snapshot 0 "took a snapshot of persist: snapshots/persist\.$stamp-2\|took .*: snapshots/srv%2Fdata\.$stamp-2\|"
	[ "$(stat -c %a "$top/snapshots")" = 700 ] || fail 'others can look into the snapshots'
	rmdir "$top"/snapshots/persist.*Z 2>/dev/null || :
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" --json >"$dir/list"
	jq -e '.retained | length == 4 and all(.kind == "snapshot" and .stays)' "$dir/list" >"$dir/jq" ||
		fail "list: $(cat "$dir/list")"
}

check_comment_and_marks() {
	local name

	setfattr -n trusted.blankroot.pinned -v 1 "$top/persist"
	setfattr -n user.kept -v 1 "$top/persist"
	snapshot 0 '.*' --comment=$'a \e[31mb' persist
	name=$top/snapshots/$(newest persist)
	is_read_only "$name" || fail 'one with a comment is writable'
	[ "$(getfattr --absolute-names --only-values -n trusted.blankroot.comment "$name" 2>&1)" = $'a \e[31mb' ] || fail 'another comment'
	[ "$(getfattr -d -m - "$name" 2>&1 | grep -c '=')" -eq 2 ] || fail 'marks of the source are on the snapshot'
	setfattr -x trusted.blankroot.pinned "$top/persist"
	setfattr -x user.kept "$top/persist"
	snapshot 2 "blankroot snapshot: the comment is too long\|.*" --comment="$(printf 'x%.0s' {1..1001})"
}

check_only_if_changed() {
	local same="srv/data is as it was at snapshots/srv%2Fdata\.$stamp\S*\|"

	conf 'only-if-changed = yes'
	snapshot 0 '.*'
	snapshot 0 "persist is as it was at snapshots/persist\.$stamp\S*\|$same"
	# not itself: another snapshot, flags, what is nested
	btrfs -q subvolume snapshot "$top/persist" "$top/other"
	echo more >>"$top/persist/nested/file"
	btrfs property set -ts "$top/persist" ro true
	btrfs property set -ts "$top/persist" ro false
	snapshot 0 "persist is as it was .*\|$same"
	for change in 'echo x >>file' 'setfattr -n user.a -v b file' 'btrfs -q subvolume create another' 'python3 -c "
import mmap
with open(\"file\", \"r+b\") as f, mmap.mmap(f.fileno(), 0) as m: m[0:1] = b\"z\""'; do
		(cd "$top/persist" && eval "$change")
		snapshot 0 'took a snapshot of persist: .*' persist
	done
	snapshot 0 "persist is as it was .*\|$same"
	conf
	snapshot 0 "persist is as it was .*\|$same" --only-if-changed
	snapshot 0 'took .*took .*'
	# one of something else under that name says nothing
	btrfs -q subvolume snapshot -r "$top/root" "$top/snapshots/persist.20990101T000000Z"
	snapshot 0 'took .*' --only-if-changed persist
	btrfs -q subvolume delete "$top/snapshots/persist.20990101T000000Z"
	btrfs -q subvolume delete "$top/other"
}

check_hooks() {
	local before status=0

	conf "before = { /bin/sh, -c, 'echo before \"\$BLANKROOT_RESULT\" \"\$BLANKROOT_SUBVOLUMES\"; cat; echo q >$top/persist/quiet' }" \
		"after = { /bin/sh, -c, 'echo after \"\$BLANKROOT_RESULT\" \"\$BLANKROOT_SNAPSHOTS\"; echo l >$top/persist/quiet' }"
	snapshot 0 "before pending persist\|srv/data\|took .*after done snapshots/persist\.$stamp\S*\|snapshots/srv%2Fdata\.$stamp\S*\|" </dev/zero
	grep -qx q "$top/snapshots/$(newest persist)/quiet" || fail 'the snapshot was not taken between the hooks'
	snapshot 0 'would .*would .*' --dry-run
	conf 'before = { /bin/false, "a b" }' "after = { /bin/sh, -c, 'echo \$BLANKROOT_RESULT >$dir/result' }"
	before=$(count)
	snapshot 1 'blankroot snapshot: the hook before, /bin/false, ended with exit code 1\|'
	[ "$(count)" -eq "$before" ] || fail 'a snapshot without what had to be before'
	grep -qx failed "$dir/result" || fail 'the second hook was left out'
	conf 'before = { /no/such/program }'
	snapshot 1 'blankroot snapshot: the hook before, /no/such/program, cannot be run: .*'
	[ "$(count)" -eq "$before" ] || fail 'a snapshot without what had to be before'
	conf 'after = { /bin/false }'
	snapshot 1 'took .*blankroot snapshot: the hook after, /bin/false, ended with exit code 1\|' persist
	[ "$(count)" -eq $((before + 1)) ] || fail 'a hook that failed afterwards took the snapshot away'
	# what it started goes with it, also what does not want to
	conf "before = { /bin/sh, -c, 'trap : TERM; sh -c \"trap : TERM; echo \\\$\\\$ >$dir/pid; while :; do sleep 0.2; done\" & while :; do sleep 0.2; done' }" \
		'hook-timeout = 1s'
	snapshot 1 '.*blankroot snapshot: the hook before, /bin/sh, was not done after 1 seconds, and was killed\|'
	# killed, but whoever has to wait for it may be busy
	for _ in {1..100}; do
		[ -e "/proc/$(cat "$dir/pid")" ] || break
		sleep 0.1
	done
	[ ! -e "/proc/$(cat "$dir/pid")" ] || fail 'what the hook started is still there'
	check_interrupted
}

# A signal ends the first hook, not the second, and then the program.
check_interrupted() {
	local pid status=0

	rm -f "$dir/result" "$dir/begun"
	conf "before = { /bin/sh, -c, 'touch $dir/begun; exec sleep 60' }" "after = { /bin/sh, -c, 'sleep 0.3; echo \$BLANKROOT_RESULT >$dir/result' }"
	before=$(count)
	"$BLANKROOT" snapshot --config="$dir/conf" --device="$loop" >"$dir/out" 2>&1 &
	pid=$!
	while [ ! -e "$dir/begun" ]; do sleep 0.05; done
	# who else wants the file system meanwhile
	expect 1 ".*: blankroot snapshot \(process $pid\) is working on it; try again .*\|" prune --wait=0
	kill -TERM "$pid"
	sleep 0.1
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 143 ] || fail "a signal: exit code $status: $(cat "$dir/out")"
	grep -qx failed "$dir/result" || fail 'a signal kept the second hook from being run'
	[ "$(count)" -eq "$before" ] || fail 'a snapshot in spite of a signal'
	conf
}

check_change() {
	local name other archive=root.20260101T000000Z

	snapshot 0 'took .*' persist
	name=$(newest persist)
	other=$(newest 'srv%2Fdata')
	action 0 "would pin snapshots/$name\|" pin --dry-run "$name"
	action 0 "pinned snapshots/$name\|" pin "$name"
	is_read_only "$top/snapshots/$name" || fail 'a pinned one is writable'
	[ "$(getfattr --absolute-names --only-values -n trusted.blankroot.pinned "$top/snapshots/$name" 2>&1)" = 1 ] || fail 'not pinned'
	action 0 "pinned snapshots/$name\|" pin "$name"
	# all are looked at before one goes
	action 1 "blankroot snapshot: cannot delete subvolume \"snapshots/$name\": it is pinned; .*" delete "$other" "$name"
	[ -d "$top/snapshots/$other" ] || fail 'deleted although another name was refused'
	action 0 "unpinned snapshots/$name\|" unpin "snapshots/$name"
	mount -t btrfs -o "subvol=snapshots/$name" "$loop" "$dir/mnt"
	action 1 "blankroot snapshot: cannot delete subvolume .*mounted\|" delete "$name"
	action 1 "blankroot snapshot: in use .*mounted; unmount that first\|" pin "$name"
	umount "$dir/mnt"
	btrfs subvolume set-default "$top/snapshots/$name"
	action 1 'blankroot snapshot: cannot delete subvolume .*it is the default subvolume\|' delete "$name"
	btrfs subvolume set-default 5 "$top"
	btrfs property set -ts "$top/snapshots/$name" ro false
	action 1 'blankroot snapshot: cannot delete subvolume .*it is writable: somebody works in it\|' delete "$name"
	btrfs property set -ts "$top/snapshots/$name" ro true
	action 0 "would delete snapshots/$name\|" delete --dry-run "$name"
	action 0 "deleted snapshots/$name\|deleted snapshots/$other\|" delete "$name" "$other"
	[ ! -e "$top/snapshots/$name" ] || fail 'not deleted'
	# archives too, and not what the next boot starts from
	mkdir "$top/old_roots"
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/$archive"
	expect 0 '.*' rollback "$archive"
	action 1 "blankroot snapshot: cannot delete subvolume .*the next boot is to start from it; .*" delete "$archive"
	expect 0 '.*' rollback --undo
	btrfs -q subvolume snapshot -r "$top/root" "$top/snapshots/$archive"
	action 1 "blankroot snapshot: usage error .*there are several of that name; .*" delete "$archive"
	action 0 "deleted snapshots/$archive\|" delete "snapshots/$archive"
	action 0 "deleted old_roots/$archive\|" delete "$archive"
	action 1 'blankroot snapshot: usage error "root-blank": there is no archive or snapshot of that name; .*' delete root-blank
	action 2 'blankroot snapshot: which one\? .*' delete
	action 2 'blankroot snapshot: --comment and .*' pin --comment=x y
}

check_refusals() {
	local name status=0

	for name in no-such srv '' /persist persist/ ../x snapshots/x .blankroot $'a\nb'; do
		action 1 'blankroot snapshot: .*' create -- "$name"
	done
	action 1 'blankroot snapshot: usage error "persist": is named twice\|' create persist persist
	ln -s persist "$top/link"
	action 1 'blankroot snapshot: symbolic link in path .*' create link
	echo 'ephemeral root { }' >"$dir/conf"
	snapshot 1 'blankroot snapshot: usage error: of what\? .*'
	conf
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BLANKROOT" snapshot --config=/dev/null >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "an ordinary user: exit code $status: $(cat "$dir/out")"
	mv "$top/snapshots" "$top/away"
	ln -s root "$top/snapshots"
	snapshot 1 'blankroot snapshot: .*' persist
	rm "$top/snapshots"
	btrfs -q subvolume create "$top/snapshots"
	snapshot 1 'blankroot snapshot: unexpected layout "snapshots": must be a plain directory.*' persist
	btrfs -q subvolume delete "$top/snapshots"
	mv "$top/away" "$top/snapshots"
}

# What nobody configured is listed and stays.
check_others() {
	action 0 'took a snapshot of root: .*' create root
	expect 0 ".*root\.$stamp +snapshot +root .*" list
	expect 0 ".*keep snapshots/root\.$stamp: the newest\|.*" prune
}

mkdir -p "$dir/mnt"
make_image
check_taken
check_comment_and_marks
check_only_if_changed
check_hooks
check_change
check_refusals
check_others
