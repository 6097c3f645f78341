# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # variables are shared with those who source this
#
# For tests of docs/examples, to be sourced after shell.sh: a system of many subvolumes on $loop, mounted below
# $dir/system by a list of lines "MOUNTPOINT OPTIONS".

same() { # what, expected, found
	[ "$3" = "$2" ] || fail "$1: $3 instead of $2"
}

example_mount() { # list
	local mountpoint options

	while read -r mountpoint options; do
		mkdir -p "$dir/system$mountpoint"
		mount -t btrfs -o "$options" "$loop" "$dir/system$mountpoint" || fail "cannot mount $mountpoint with $options"
	done < <(sort "$1")
}

example_unmount() {
	umount --recursive "$dir/system"
}

# The kernel takes every option, and each mount has its own.
example_check_options() { # list
	local mountpoint options option has

	example_mount "$1"
	while read -r mountpoint options; do
		has=,$(findmnt --noheadings --output OPTIONS "$dir/system${mountpoint%/}"),
		for option in ${options//,/ }; do
			[[ $has = *",$option,"* || $has = *",${option/subvol=/subvol=\/},"* ]] ||
				fail "$mountpoint has $has, and not $option"
		done
	done <"$1"
	example_unmount
}

# Files everywhere, each with its name in it; then two resets: with the second one there are archives already.
example_check_resets() { # list, configuration, files that are kept, files that are not
	local file

	example_mount "$1"
	for file in $3 $4; do
		mkdir -p "$(dirname "$dir/system$file")"
		echo "$file" >"$dir/system$file"
	done
	example_unmount
	for _ in 1 2; do
		"$BLANKROOT_INITRD" --config "$2" --device "$loop" --cmdline noresume --report "$dir/boot.json" \
			>"$dir/reset" 2>&1 || fail "the reset: $(cat "$dir/reset")"
		example_mount "$1"
		for file in $3; do
			same "content of $file" "$file" "$(cat "$dir/system$file")"
		done
		for file in $4; do
			[ ! -e "$dir/system$file" ] || fail "$file survived"
		done
		same 'mode of /tmp' 1777 "$(stat -c %a "$dir/system/tmp")"
		same '/home as a subvolume' 256 "$(stat -c %i "$dir/system/home")"
		example_unmount
	done
	image_mount
	same 'archives' 'root root' "$(find "$top/old_roots" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed 's/\..*//' | xargs)"
	image_unmount
}

# Blanks that are read-only and have the mode of what they are for; directories that only root can open.
example_check_top() {
	local name

	image_mount
	for name in root cache tmp; do
		same "$name-blank" 'ro=true' "$(btrfs property get -ts "$top/$name-blank" ro)"
		same "mode of $name" "$(stat -c %a "$top/$name-blank")" "$(stat -c %a "$top/$name")"
	done
	same 'mode of tmp' 1777 "$(stat -c %a "$top/tmp-blank")"
	same 'directories' '700 700' "$(stat -c %a "$top/old_roots" "$top/snapshots" | xargs)"
	image_unmount
}

# The README's table of the layout has the same subvolumes at the same places.
example_check_readme() { # README, list
	agree "$1" "$(sed -nE 's/^([^ ]+) .*subvol=([a-z]+).*/\2 \1/p' "$2")" \
		"$(sed -nE 's/^\| `([a-z]+)` \| `(\/[^`]*)` \|.*/\1 \2/p' "$1")"
}
