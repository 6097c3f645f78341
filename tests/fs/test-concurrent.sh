#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two commands of the helper at once, each with each: both do what they say, one after the other, whichever is first, and
# nothing is half done.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

mkdir -p "$dir/root" "$dir/persist"
commands=(snapshot prune restore convert rollback now-blank skip persist update commit)
waits=600 # seconds: nobody may be so slow that it counts
kept=root.20200102T000000Z
round=0

# What a command needs to run in it.
make_system() { # root
	mkdir "$1"/{bin,dev,proc,run,sys}
	cp /bin/busybox "$1/bin/"
	ln -s busybox "$1/bin/sh"
	ln -s busybox "$1/bin/touch"
}

make_image() {
	image_make_server
	make_system "$top/root"
	btrfs property set -ts "$top/root-blank" ro false
	make_system "$top/root-blank"
	btrfs property set -ts "$top/root-blank" ro true
	btrfs -q subvolume snapshot "$top/root" "$top/old_roots/$kept"
	setfattr -n trusted.blankroot.pinned -v 1 "$top/old_roots/$kept"
	btrfs property set -ts "$top/old_roots/$kept" ro true
	mount -t btrfs -o subvol=root,noatime "$loop" "$dir/root"
	mount -t btrfs -o subvol=persist,noatime "$loop" "$dir/persist"
	cat >"$dir/conf" <<-END
		ephemeral root { mountpoint = "$dir/root" }
		archives { keep = "30d"
		           keep-min = 0
		           min-free = "0%" }
		snapshots { subvolumes = { "persist" } }
	END
}

# What the two of a round need, for each of them: slot 1 or 2.
prepare() { # slot
	local path=$top/old_roots/root.20200101T000000Z-$((2 * round + $1))

	mkdir "$dir/persist/data-$1"
	echo "$round" >"$dir/persist/data-$1/file"
	touch "$dir/root/etc/commit-$round-$1"
	mkdir -p "$dir/persist/restored"
	btrfs -q subvolume snapshot "$top/root-blank" "$path"
	setfattr -n trusted.blankroot.retired -v $(($(date +%s) - 90 * 86400)) "$path"
	btrfs property set -ts "$path" ro true
}

start() { # slot, command
	local line=() options=("--config=$dir/conf" "--device=$loop" "--wait=$waits")

	case $2 in
	snapshot) line=(snapshot) ;;
	prune) line=(prune) ;;
	restore) line=(restore --from="$kept" --to="$dir/persist/restored" --keep-old "$dir/root/etc/motd") ;;
	convert) line=(convert "$dir/persist/data-$1") options=("--wait=$waits") ;;
	rollback) line=(rollback "$kept") ;;
	now-blank) line=(rollback --now-blank "$kept") ;;
	skip) line=(skip) ;;
	persist) line=(persist add "$dir/root/srv/$round-$1") options=("--config=$dir/conf" "--wait=$waits") ;;
	update) line=(blank update /bin/touch "/etc/update-$round-$1") ;;
	commit) line=(blank commit "$dir/root/etc/commit-$round-$1") ;;
	esac
	"$BLANKROOT" "${line[@]}" "${options[@]}" >"$dir/out-$1" 2>&1 &
}

count() { # directory, pattern
	find "$1" -mindepth 1 -maxdepth 1 -name "$2" | wc -l
}

# How often one of the two was this command.
times() { # command
	printf '%s\n' "$one" "$other" | grep -cx "$1" || :
}

# Nothing that only somebody in the middle of something leaves. A snapshot shows a moment, which may be one within a
# conversion (test-convert has what that means).
expect_whole() {
	local path

	[ -z "$(find "$top" -maxdepth 3 -not -path "$top/snapshots/*/.blankroot-convert" -not -path "$top/old_roots/*/*" \( -name '.blankroot-*' -o -name '*.new' -o -name 'staging-*' \
		-o -name 'frozen-*' \))" ] || fail "$one and $other: left: $(find "$top" -maxdepth 3 -name '.blankroot-*')"
	for path in "$top"/root-blank* "$top"/old_roots/* "$top"/snapshots/*; do
		[ ! -e "$path" ] || [ "$(btrfs property get -ts "$path" ro)" = ro=true ] || fail "$one and $other: $path is writable"
	done
	"$BLANKROOT_INITRD" --check-config --config="$dir/conf" >"$dir/checked" 2>&1 || fail "$one and $other: $(cat "$dir/checked")"
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" >/dev/null || fail "$one and $other: list"
	[ "$(stat -c %i "$top/root-blank")" -eq 256 ] || fail "$one and $other: there is no blank"
}

# Of a blank that another one has become meanwhile nothing is made, and that is said. The other way round the new one is
# replaced, and an archive.
expect_in_blank() { # slot, command
	local name=etc/$2-$round-$1 places=("$top/root-blank")

	if grep -q 'somebody has changed it meanwhile' "$dir/out-$1"; then
		[ "$(times now-blank)$(ls "$top/root-blank/$name" 2>/dev/null)" = 1 ] || fail "$one and $other: $2: $(cat "$dir/out-$1")"
		return
	fi
	[ "$(times now-blank)" -eq 0 ] || places+=("$top"/old_roots/*)
	ls "${places[@]/%//$name}" >"$dir/found" 2>/dev/null || grep -q . "$dir/found" ||
		fail "$one and $other: $name is in no blank: $(cat "$dir/out-$1")"
}

expect_done() {
	local slot request

	[ "$(count "$top/snapshots" 'persist.*')" -eq $((snapshots + $(times snapshot))) ] || fail "$one and $other: snapshots"
	[ "$(times prune)" -eq 0 ] || [ "$(count "$top/old_roots" 'root.20200101*')" -eq 0 ] || fail "$one and $other: not pruned"
	[ "$(count "$dir/persist/restored" 'motd*')" -eq $((restored + $(times restore))) ] || fail "$one and $other: restored"
	for slot in 1 2; do
		[ "$(cat "$dir/persist/data-$slot/file")" = "$round" ] || fail "$one and $other: data"
		[ "$(sed -n "${slot}p" <<<"$one"$'\n'"$other")" != convert ] ||
			[ "$(stat -c %i "$dir/persist/data-$slot")" -eq 256 ] || fail "$one and $other: not converted"
		[ "$(sed -n "${slot}p" <<<"$one"$'\n'"$other")" != persist ] ||
			grep -q "/srv/$round-$slot" "$dir/conf.d/50-persist.conf" || fail "$one and $other: not declared"
		case $(sed -n "${slot}p" <<<"$one"$'\n'"$other") in
		update) expect_in_blank "$slot" update ;;
		commit) expect_in_blank "$slot" commit ;;
		esac
	done
	[ "$(times now-blank)" -eq 0 ] || [ "$(cat "$top/root-blank/etc/motd")" = 'edited by hand' ] || fail "$one and $other: the blank"
	request=$(cat "$top/.blankroot/request" 2>/dev/null || :)
	case $(times rollback)$(times skip) in
	00) [ -z "$request" ] ;;
	?0) [ "$request" = "from $kept" ] ;;
	0?) [ "$request" = skip ] ;;
	*) [ "$request" = skip ] || [ "$request" = "from $kept" ] ;;
	esac || fail "$one and $other: the request is '$request'"
}

clear_up() {
	rm -f "$top/.blankroot/request"
	rm -rf "$dir/persist/restored"
	btrfs -q subvolume delete "$dir"/persist/data-[12] 2>/dev/null || :
	rm -rf "$dir"/persist/data-[12]
}

# What somebody else was faster with is not undone.
expect_end() { # process, slot
	wait "$1" || grep -q 'somebody has changed it meanwhile; try again' "$dir/out-$2" ||
		fail "$one and $other, the $2.: $(cat "$dir/out-$2")"
}

run_both() {
	local snapshots restored first second

	round=$((round + 1))
	prepare 1
	prepare 2
	snapshots=$(count "$top/snapshots" 'persist.*') restored=$(count "$dir/persist/restored" 'motd*')
	start 1 "$one"
	first=$!
	start 2 "$other"
	second=$!
	expect_end "$first" 1
	expect_end "$second" 2
	expect_whole
	expect_done
	clear_up
}

make_image
for ((i = 0; i < ${#commands[@]}; i++)); do
	for ((j = i; j < ${#commands[@]}; j++)); do
		one=${commands[i]} other=${commands[j]}
		run_both
	done
done
