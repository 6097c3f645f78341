#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot restore: what it takes from where and puts where, what it refuses before anything is changed, what it says.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

archive=root.20260101T000000Z
other=root.20260102T000000Z
set=20260103T000000Z
stamp='[0-9]{8}T[0-9]{6}Z'
system=$dir/system # where root is mounted
data=$dir/data     # where persist is

# blankroot restore ARGUMENT... on the image ends with that exit code and prints that, on both outputs.
restore() { # exit code, extended regular expression, argument...
	local code=$1 pattern=$2 status=0

	shift 2
	"$BLANKROOT" restore --config="$dir/conf" --device="$loop" "$@" >"$dir/out" 2>&1 || status=$?
	is_status "$status" "$code" "$dir/out" || fail "'$*' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "$pattern" || fail "'$*' printed $(cat "$dir/out"), not $pattern"
	nothing_left
}

refuse() { # extended regular expression, argument...
	local before after

	before=$(state)
	restore 1 "blankroot restore: $1\|" "${@:2}"
	after=$(state)
	[ "$before" = "$after" ] || fail "'${*:2}' was refused, but changed something: $(diff <(echo "$before") <(echo "$after"))"
}

# Names, change times and inode numbers.
state() {
	(cd "$top" && find root persist srv snapshots old_roots elsewhere ! -inum 2 -printf '%p %i %C@ %T@ %m %U\n' | sort)
}

nothing_left() {
	local left

	left=$(find "$top" "$dir/other" -name '.blankroot-restore*' 2>/dev/null)
	[ -z "$left" ] || fail "left behind: $left"
}

# Owner, mode, times, attributes, content.
facts() { # path
	(cd "${1%/*}" && find "./${1##*/}" -printf '%P %y %m %U:%G %T@ %l' \( -type d -printf '\n' -o -printf ' %n\n' \) | sort
		getfattr -hR -d -m - "./${1##*/}"
		find "./${1##*/}" -type f -exec sha256sum {} + | sort
		lsattr -R "./${1##*/}" 2>/dev/null) | sed "s,${1##*/},X,g"
}

same() { # expected, found
	[ "$(facts "$1")" = "$(facts "$2")" ] || fail "$2 is not like $1: $(diff <(facts "$1") <(facts "$2"))"
}

make_image() {
	image_create
	image_mount
	image_make_root
	mkdir "$top/srv" "$top/old_roots" "$top/snapshots" "$top/elsewhere" "$system" "$data" "$dir/other"
	btrfs -q subvolume create "$top/persist"
	mkdir -p "$top/root/srv/app/data/deep"
	echo one >"$top/root/srv/app/data/deep/file"
	chown 1000:1000 "$top/root/srv/app/data" "$top/root/srv/app/data/deep/file"
	chmod 4751 "$top/root/srv/app/data/deep/file"
	setfattr -n user.a -v b "$top/root/srv/app/data"
	setfacl -m u:1234:rx "$top/root/srv/app"
	touch -d 2001-02-03T04:05:06.789 "$top/root/srv/app/data/deep/file" "$top/root/srv/app/data" "$top/root/srv/app"
	ln "$top/root/srv/app/data/deep/file" "$top/root/srv/app/data/link"
	ln -s /etc/passwd "$top/root/etc/to-passwd"
	ln -s app "$top/root/srv/alias"
	mkdir "$top/root/etc/only-old"
	btrfs -q subvolume create "$top/root/srv/nested"
	echo inside >"$top/root/srv/nested/file"
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/$other"
	rmdir "$top/root/etc/only-old"
	mv "$top/root" "$top/old_roots/$archive"
	btrfs -q subvolume snapshot "$top/root-blank" "$top/root"
	btrfs property set -ts "$top/old_roots/$archive" ro true
	echo data >"$top/persist/file"
	mkdir "$top/persist/dir"
	echo more >"$top/persist/dir/file"
	btrfs -q subvolume create "$top/persist/sub"
	btrfs -q subvolume create "$top/persist2"
	echo second >"$top/persist2/file"
	btrfs -q subvolume snapshot -r "$top/persist" "$top/snapshots/persist.$set"
	btrfs -q subvolume snapshot -r "$top/persist2" "$top/snapshots/persist2.$set"
	rm "$top/persist/file" "$top/persist2/file"
	mount -t btrfs -o subvol=root,noatime "$loop" "$system"
	mount -t btrfs -o subvol=persist,noatime "$loop" "$data"
	printf '%s\n' "ephemeral root { mountpoint = \"$system\" }" 'snapshots { subvolumes = { persist } }' >"$dir/conf"
}

check_refusals() {
	local what

	refuse "usage error \"no-such\": there is no archive or snapshot of that name; .*" --from=no-such "$system/etc/motd"
	refuse "cannot open \"$system/etc/only-old\": it is not in old_roots/$archive, but it is in $other" \
		--from="$archive" "$system/etc/machine-id" "$system/etc/only-old"
	refuse "cannot open \"$system/no/such\": it is not in old_roots/$archive, nor in any other archive or snapshot of root" \
		--from="$archive" "$system/no/such"
	refuse "cannot open \"$system/etc/motd/x\": it is not in old_roots/$archive, .*" --from="$archive" "$system/etc/motd/x"
	refuse "cannot create \"$system/etc/motd\": --keep-old keeps what is there under another name: File exists" \
		--from="$archive" "$system/etc/machine-id" "$system/etc/motd"
	refuse "usage error \"$data/file\": is not in what $archive was taken of, .*" --from="$archive" "$data/file"
	refuse "usage error \"$system\": is all of it; .*" --from="$archive" "$system"
	refuse "usage error \"$system/etc/../etc/machine-id\": must not contain \"..\"" --from="$archive" "$system/etc/../etc/machine-id"
	refuse "usage error: an empty path" --from="$archive" ''
	refuse "usage error \"$system/etc/ssh\": overlaps with \"$system/etc\", which is named too" --from="$archive" "$system/etc" "$system/etc/ssh"
	refuse "usage error \"$system/etc/ssh\": overlaps .*" --from="$archive" "$system/etc/ssh" "$system//etc/./ssh/"
	refuse "symbolic link in path \"srv/alias/data\": in old_roots/$archive" --from="$archive" "$system/srv/alias/data"
	refuse "usage error \"$system/srv/app\": would come to the same place as another one" --from="$archive" --to="$top/elsewhere" \
		"$system/srv/app" "$system/srv/app"
	refuse "cannot be carried faithfully \"$data/sub\": it was a subvolume of its own, .*" --from="persist.$set" --to="$top/elsewhere" "$data/sub"
	refuse "cannot open \"$top/none\": No such file or directory" --from="$archive" --to="$top/none" "$system/srv/app"
	ln -s etc "$system/srv-link"
	ln -s "$top/elsewhere" "$dir/to-link"
	refuse "symbolic link in path \"$dir/to-link\"" --from="$archive" --to="$dir/to-link" "$system/srv/app"
	rm "$system/srv-link"
	# in the way, in the running system
	for what in 'ln -s ../etc' 'touch'; do
		(cd "$system" && $what srv)
		refuse "(symbolic link in path|cannot open) \"$system/srv/app/data\": at \"srv\"; --to puts it elsewhere(: Not a directory)?" \
			--from="$archive" "$system/srv/app/data"
		rm "$system/srv"
	done
	mkdir "$system/srv"
	mount -t tmpfs none "$system/srv"
	refuse "cannot open \"$system/srv/app\": at \"srv\"; --to puts it elsewhere: Invalid cross-device link" --from="$archive" "$system/srv/app"
	refuse "cannot exchange \"$system/srv\": something is mounted there; .*" --from="$archive" --keep-old "$system/srv"
	umount "$system/srv"
	rmdir "$system/srv"
	# something else is mounted where root should be
	mount --bind "$data" "$system"
	refuse "unexpected layout \"$system\": --to puts it elsewhere: root of this file system is not what is mounted there" \
		--from="$archive" "$system/srv/app"
	umount "$system"
	cp -a "$system/etc/motd" "$dir/motd"
	# as if a deletion had been interrupted
	mkdir -m 0700 "$top/.blankroot"
	setfattr -n trusted.blankroot.deleting -v "$(stat -f -c %i "$top" >/dev/null && btrfs inspect-internal rootid "$top/old_roots/$other")" \
		"$top/.blankroot"
	refuse "in use \"old_roots/$other\": its deletion has begun: .*" --from="$other" "$system/etc/only-old"
	refuse "cannot open \"$system/etc/only-old\": it is not in old_roots/$archive, nor in any other .*" --from="$archive" "$system/etc/only-old"
	setfattr -x trusted.blankroot.deleting "$top/.blankroot"
	# somebody else works on the file system
	exec 8<"$top"
	flock 8
	refuse 'file system locked by another run.*' --wait=0 --from="$archive" "$system/srv/app"
	exec 8<&-
	check_usage
}

check_usage() {
	local status=0

	restore 2 'blankroot restore: from what\? .*\|Try .*\|' "$system/etc/motd"
	restore 2 'blankroot restore: what\? .*\|Try .*\|' --from="$archive"
	restore 2 '.*unrecognized option.*' --no-such
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BLANKROOT" restore --config=/dev/null --from=x /y >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "an ordinary user: exit code $status: $(cat "$dir/out")"
}

check_restored() {
	local from=old_roots/$archive before

	before=$(state)
	restore 0 "would restore $system/etc/machine-id from $from\|would restore $system/srv/app/data from $from\|" \
		--from="$archive" --dry-run "$system/etc/machine-id" "$system/srv/app/data"
	[ "$before" = "$(state)" ] || fail 'a dry run changed something'
	# parents are missing, and made like those of the archive
	restore 0 "restored $system/etc/machine-id from $from: 1 file, .* shared, 0 B copied\|restored $system/srv/app/data/deep from $from: 1 file, .*\|restored $system/srv/app/data/link .*" \
		--from="$archive" "$system/etc/machine-id" "$system/srv/app/data/deep" "$system/srv/app/data/link"
	same "$top/$from/etc/machine-id" "$system/etc/machine-id"
	[ "$(stat -c '%U:%G %a %Y' "$top/$from/srv/app/data")" = "$(stat -c '%U:%G %a %Y' "$system/srv/app/data")" ] || fail 'other parents'
	[ "$(getfacl -cp "$top/$from/srv/app")" = "$(getfacl -cp "$system/srv/app")" ] || fail 'a parent without its ACL'
	rm -r "$system/srv"
	restore 0 ".*" --from="$from" "$system/srv/app"
	same "$top/$from/srv/app" "$system/srv/app"
	[ "$(filefrag -v "$system/srv/app/data/deep/file" | grep -c shared)" = "$(filefrag -v "$top/$from/srv/app/data/deep/file" | grep -c shared)" ]
	rm -r "$system/srv"
	# all of it with the nested subvolume
	restore 0 "restored .*, 1 subvolume\|" --from="$archive" "$system/srv"
	[ "$(stat -c %i "$system/srv/nested")" -eq 256 ] || fail 'no subvolume'
	grep -qx inside "$system/srv/nested/file" || fail 'nothing in the nested subvolume'
	rm -r "$system/srv/app"
	btrfs -q subvolume delete "$system/srv/nested"
	# a subvolume on its own, which was made read-only
	btrfs property set -ts "$top/$from/srv/nested" ro true
	restore 0 "restored .*" --from="$archive" "$system/srv/nested"
	[ "$(btrfs property get -ts "$system/srv/nested" ro)" = ro=true ] || fail 'a read-only subvolume became writable'
	refuse "cannot exchange \"$system/srv/nested\": what is there is a read-only subvolume" --from="$archive" --keep-old "$system/srv/nested"
	btrfs property set -ts "$system/srv/nested" ro false
	restore 0 "restored .*kept what was there as $system/srv/nested\.$stamp\|" --from="$archive" --keep-old "$system/srv/nested"
	[ "$(btrfs property get -ts "$system/srv/nested" ro)" = ro=true ] || fail 'a read-only subvolume became writable'
	[ "$(stat -c %i "$system"/srv/nested.2*)" -eq 256 ] || fail 'what was kept is no subvolume any more'
	restore 0 'restored .*' --from="$archive" "$system/etc/to-passwd"
	[ "$(readlink "$system/etc/to-passwd")" = /etc/passwd ] || fail 'another link'
	restore 0 'restored .*' --from=root-blank --to="$top/elsewhere" "$system/etc/motd"
	grep -qx 'as installed' "$top/elsewhere/motd" || fail 'not from the blank'
	rm "$top/elsewhere/motd"
	(cd "$system/etc" && restore 0 "restored $system/etc/ssh/ssh_host_ed25519_key .*" --from="$archive" ./ssh//ssh_host_ed25519_key)
}

change_archive() { # inode flags of a file
	btrfs property set -ts "$top/old_roots/$archive" ro false
	chattr "$1" "$top/old_roots/$archive/etc/motd"
	btrfs property set -ts "$top/old_roots/$archive" ro true
}

check_keep_old() {
	local kept n

	touch -d 2002-01-01 "$system/etc/motd"
	cp -a "$system/etc/motd" "$dir/was"
	chattr +i "$system/etc/motd"
	refuse "cannot exchange \"$system/etc/motd\": what is there is immutable .*" --from="$archive" --keep-old "$system/etc/motd"
	chattr -i "$system/etc/motd"
	change_archive +i
	restore 0 "would restore .*would keep what is there as $system/etc/motd\.$stamp\|" --from="$archive" --keep-old --dry-run "$system/etc/motd"
	restore 0 "restored .*kept what was there as $system/etc/motd\.$stamp\|" --from="$archive" --keep-old "$system/etc/motd"
	kept=$(sed -n 's/^kept what was there as //p' "$dir/out")
	[[ $(lsattr "$system/etc/motd") == ----i* ]] || fail 'an immutable file became mutable'
	same "$dir/was" "$kept"
	same "$top/old_roots/$archive/etc/motd" "$system/etc/motd"
	chattr -i "$system/etc/motd"
	change_archive -i
	# a directory in place of a file, names that are taken, several in one second
	rm "$system/etc/motd" "$kept"
	mkdir "$system/etc/motd"
	for n in {0..4}; do
		touch "$system/etc/motd.$(date -ud "+$n sec" +%Y%m%dT%H%M%SZ)"
	done
	restore 0 "restored .*kept what was there as $system/etc/motd\.$stamp-2\|" --from="$archive" --keep-old "$system/etc/motd"
	[ -d "$(sed -n 's/^kept what was there as //p' "$dir/out")" ] || fail 'the directory is gone'
	# nothing there
	rm "$system/etc/machine-id"
	restore 0 'restored [^|]*\|' --from="$archive" --keep-old "$system/etc/machine-id"
}

check_snapshots() {
	restore 0 "restored $data/file from snapshots/persist\.$set: .*" --from="persist.$set" "$data/file"
	grep -qx data "$data/file" || fail 'not restored from a snapshot'
	rm "$data/file"
	# by the time of the set
	refuse "usage error \"/persist2/file\": is not in what $set was taken of, .*" --from="$set" /persist2/file
	mkdir "$dir/data2"
	mount -t btrfs -o subvol=persist2,noatime "$loop" "$dir/data2"
	restore 0 "restored $data/file from snapshots/persist\.$set: .*restored $dir/data2/file from snapshots/persist2\.$set: .*" \
		--from="$set" "$data/file" "$dir/data2/file"
	grep -qx second "$dir/data2/file" || fail 'the second of the set was not restored'
	umount "$dir/data2"
	# mounted nowhere
	refuse "usage error \"/file\": persist2 is mounted nowhere; --to says where to put it" --from="persist2.$set" /file
	restore 0 "restored $top/elsewhere/file from .*" --from="persist2.$set" --to="$top/elsewhere" /file
	grep -qx second "$top/elsewhere/file" || fail 'not restored from a snapshot of what is not mounted'
	rm "$top/elsewhere/file"
	# a place-holder is an empty directory
	restore 0 'restored .*' --from="persist.$set" --to="$top/elsewhere" "$data/dir"
	[ -f "$top/elsewhere/dir/file" ] || fail 'not elsewhere'
	rm -r "$top/elsewhere/dir"
}

# As completion asks for them.
check_names() {
	local names

	names=$("$BLANKROOT" list --config="$dir/conf" --device="$loop" --noheadings --output=NAME)
	[ "$names" = "$(printf '%s\n' "$archive" "$other" "persist.$set" "persist2.$set")" ] || fail "names: $names"
}

check_json() {
	"$BLANKROOT" restore --config="$dir/conf" --device="$loop" --json --keep-old --from="$archive" \
		"$system/etc/motd" "$system/var/lib" >"$dir/json"
	jq -e --arg system "$system" '.version == 1 and (.dry_run | not) and (.restored | length == 2) and
		(.restored[0] | .path == $system + "/etc/motd" and .target == .path and (.kept | startswith($system + "/etc/motd.2")) and
		.files == 1 and .bytes_shared > 0 and .bytes_copied == 0)' "$dir/json" >"$dir/jq" || fail "JSON: $(cat "$dir/json")"
	nothing_left
}

# Names of one file stay names of one file, whichever paths they are in; not those of another subvolume's file, though its
# inode has the same number.
check_links() {
	local from=$top/old_roots/$archive at other

	btrfs property set -ts "$from" ro false
	mkdir -p "$from/links/a" "$from/links/b/c" "$from/links/d"
	echo one >"$from/links/a/one"
	ln "$from/links/a/one" "$from/links/b/c/uno"
	ln "$from/links/a/one" "$from/links/top"
	mkfifo "$from/links/a/fifo"
	ln "$from/links/a/fifo" "$from/links/b/fifo"
	btrfs -q subvolume create "$from/links/nested"
	until other=$(mktemp "$from/links/nested/XXXXXX") && [ "$(stat -c %i "$other")" -ge "$(stat -c %i "$from/links/a/one")" ]; do :; done
	other=$(find "$from/links/nested" -inum "$(stat -c %i "$from/links/a/one")")
	[ -n "$other" ] || fail 'no inode of the same number'
	echo other >"$other"
	ln "$other" "$from/links/nested/second"
	btrfs property set -ts "$from" ro true
	for at in "$system" "$top/elsewhere" "$dir/other"; do
		[ "$at" != "$dir/other" ] || mount -t tmpfs none "$dir/other"
		if [ "$at" = "$system" ]; then
			restore 0 '.*' --from="$archive" "$system/links/a" "$system/links/nested/second" "$system/links/b" "$system/links/top"
			at=$at/links
		else
			restore 0 '.*' --from="$archive" --to="$at" "$system/links/a" "$system/links/nested/second" "$system/links/b" \
				"$system/links/top"
		fi
		[ "$(stat -c '%i %h' "$at/a/one")" = "$(stat -c '%i 3' "$at/top")" ] || fail "$at: the file has fewer names"
		[ "$(stat -c %i "$at/a/one")" = "$(stat -c %i "$at/b/c/uno")" ] || fail "$at: two files"
		[ "$(stat -c '%i %h' "$at/a/fifo")" = "$(stat -c '%i 2' "$at/b/fifo")" ] || fail "$at: two fifos"
		grep -qx other "$(find "$at" -name second)" || fail "$at: another subvolume's file became this one"
		[ "$at" != "$dir/other" ] || umount "$dir/other"
	done
	nothing_left
}

# A terminal is told how far it is, nobody else.
check_progress() {
	local n from=$top/old_roots/$archive

	# until it takes longer than a second
	for n in 20000 80000 320000; do
		btrfs property set -ts "$from" ro false
		mkdir "$from/many/$n" -p
		seq -f "$from/many/$n/%g" "$n" | xargs touch
		btrfs property set -ts "$from" ro true
		TERM=xterm script -qefc "'$BLANKROOT' restore --config='$dir/conf' --device='$loop' --from='$archive' --to='$top/elsewhere' --keep-old \
			'$system/many'" "$dir/terminal" >/dev/null </dev/null || fail "on a terminal: $(cat "$dir/terminal")"
		! grep -q $'\r\e\[Kblankroot restore: [0-9,]* files, ' "$dir/terminal" || n=enough
		[ "$n" != enough ] || break
	done
	[ "$n" = enough ] || fail 'it does not say how far it is'
	grep -q $'\r\e\[Krestored ' "$dir/terminal" || fail 'the line is not cleared'
	TERM=dumb script -qefc "'$BLANKROOT' restore --config='$dir/conf' --device='$loop' --from='$archive' --to='$top/elsewhere' --keep-old \
		'$system/many'" "$dir/terminal" >/dev/null </dev/null || fail "on a terminal: $(cat "$dir/terminal")"
	! grep -q $'\e' "$dir/terminal" || fail 'a terminal that cannot clear a line is told to'
	restore 0 'restored .*kept what was there .*\|' --from="$archive" --to="$top/elsewhere" --keep-old "$system/many"
}

# Real copies; what only btrfs has is left out.
check_other_file_systems() {
	local kind file

	for kind in ext4 tmpfs btrfs; do
		if [ "$kind" = tmpfs ]; then
			mount -t tmpfs none "$dir/other"
		else
			truncate -s 256M "$dir/disk"
			"mkfs.$kind" -q "$dir/disk" >/dev/null
			mount -o loop "$dir/disk" "$dir/other"
		fi
		restore 0 "restored $dir/other/app from .* 0 B shared, [1-9].* copied\|" --from="$archive" --to="$dir/other" "$system/srv/app"
		diff <(facts "$top/old_roots/$archive/srv/app" | grep -v -- '--') <(facts "$dir/other/app" | grep -v -- '--') ||
			fail "$kind: not the same"
		for file in app/data/link app/data/deep/file; do
			[ "$(stat -c %h "$dir/other/$file")" -eq 2 ] || fail "$kind: no hard links"
		done
		restore 0 'restored .*kept what was there .*' --from="$archive" --to="$dir/other" --keep-old "$system/srv/app"
		# a subvolume becomes a directory, but not one within
		restore 0 'restored .*' --from="$archive" --to="$dir/other" "$system/srv/nested"
		grep -qx inside "$dir/other/nested/file" || fail "$kind: nothing of the subvolume"
		restore 1 'blankroot restore: cannot be carried faithfully ".*srv/nested": copying from .*' --from="$archive" --to="$dir/other" "$system/srv"
		[ ! -e "$dir/other/srv" ] || fail "$kind: half of it"
		if [ "$kind" = ext4 ]; then
			lsattr "$dir/other/app/data/deep/file" | grep -q e || fail 'no file with extents any more'
		fi
		umount "$dir/other"
		rm -f "$dir/disk"
	done
}

make_image
check_refusals
check_restored
check_keep_old
check_snapshots
check_names
check_json
check_links
check_progress
check_other_file_systems
