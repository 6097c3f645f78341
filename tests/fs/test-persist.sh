#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot persist: what is added is carried by the next reset, what is removed is not; a configuration that would be
# wrong, a path where a reset would fail and one that no reset touches are refused, and nothing is written; the file is
# replaced in one piece, and lines of others in it stay.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

root=$dir/system
conf=$root/etc/blankroot.conf
file=$conf.d/50-persist.conf

persist() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" persist "$@" --config="$conf" >"$dir/out" 2>"$dir/err" || code=$?
	is_status "$code" "$expected" "$dir/err" || fail "persist $*: exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "does not say '$1': $(cat "$dir/out" "$dir/err")"
}

# Nothing is changed by a command that is refused.
refused() { # message, argument...
	local message=$1 before

	shift
	before=$(cat "$file" 2>/dev/null || true)
	persist 1 "$@"
	says "$message"
	[ "$(cat "$file" 2>/dev/null || true)" = "$before" ] || fail "$* has changed $file"
	[ -z "$(find "$conf.d" -name '.*' -type f)" ] || fail "$* has left something"
}

# The image of the initramfs is this copy.
build_image() {
	rm -rf "$dir/image.conf" "$dir/image.conf.d"
	cp "$conf" "$dir/image.conf"
	[ ! -d "$conf.d" ] || cp -r "$conf.d" "$dir/image.conf.d"
}

boot() {
	umount "$root"
	"$BLANKROOT_INITRD" --config "$dir/image.conf" --device "$loop" --cmdline noresume >"$dir/out" 2>&1 ||
		fail "reset: $(cat "$dir/out")"
	mount -o subvol=root,noatime "$loop" "$root"
}

check_add() {
	echo important >"$root/var/lib/data"
	persist 0 add "$root/var/lib/data"
	says "$root/var/lib/data: what is there is carried by the next reset"
	says 'The initramfs has a copy of the configuration: build it again before the next boot'
	grep -qx '    path "/var/lib/data" { }' "$file" || fail "not in $(cat "$file")"
	[ "$(stat -c %a "$file")" = 644 ] || fail "the mode of $file"
	persist 0 add "$root/var/lib/data"
	says "is persistent already, by $file:3"
	# the files of the configuration are not carried yet
	says_loss
	build_image
	boot
	[ "$(cat "$root/var/lib/data")" = important ] || fail 'what was added was not carried'
	[ ! -e "$file" ] || fail 'the warning was wrong'
}

says_loss() {
	persist 0 add "$root/var/lib/other"
	says "warning: $file is not persistent itself"
	persist 0 remove "$root/var/lib/other"
	says "warning: $file is not persistent itself"
	persist 0 add "$root/etc/blankroot.conf.d"
	! grep -q warning "$dir/err" || fail "a warning too many: $(cat "$dir/err")"
	persist 0 remove "$root/etc/blankroot.conf.d"
}

check_remove() {
	persist 0 add "$root/etc/blankroot.conf.d" "$root/var/lib/data"
	build_image
	boot
	[ "$(cat "$root/var/lib/data")" = important ] || fail 'not carried'
	persist 0 remove "$root/var/lib/data"
	says 'in the archive only'
	! grep -q data "$file" || fail "still in $(cat "$file")"
	build_image
	boot
	[ ! -e "$root/var/lib/data" ] || fail 'still carried'
	grep -q conf.d "$file" || fail "$file is lost"
	persist 0 remove "$root/etc/blankroot.conf.d"
	[ ! -e "$file" ] || fail "an empty file is left: $(cat "$file")"
}

check_by_snapshot() {
	mkdir "$root/srv"
	echo data >"$root/srv/file"
	persist 0 add "$root/etc/blankroot.conf.d" "$root/srv" --method=subvolume
	build_image
	boot
	[ "$(stat -c %i "$root/srv")" = 256 ] || fail 'no subvolume'
	[ "$(cat "$root/srv/file")" = data ] || fail 'not carried'
	persist 0 remove "$root/srv" "$root/etc/blankroot.conf.d"
}

# Whatever a path may be made of.
check_names() {
	local name="we\"i\$r{d\\ # 'pä\${th}"

	persist 0 add "$root/$name"
	says 'nothing is there yet'
	persist 0 list --json
	jq -e --arg path "/$name" '.persist[] | select(.path == $path) | .line == 3 and .subvolume == "root" and .method == "copy"' \
		"$dir/out" >/dev/null || fail "not in the list: $(cat "$dir/out")"
	persist 0 remove "$root/$name"
	refused 'must not contain control characters' add "$root/a"$'\n''b'
}

check_refused() {
	refused 'contains "/etc/ssh" at '"$conf:" add "$root/etc"
	refused 'is inside of "/etc/ssh"' add "$root/etc/ssh/key"
	refused 'must not contain ".."' add "$root/etc/../x"
	refused 'must not end in a slash' add "$root/x/"
	refused 'must be an absolute path' add x
	refused 'is on no ephemeral subvolume' add "$dir/elsewhere"
	refused 'is no ephemeral subvolume of the configuration' add --subvolume=roots /x
	# one of several is enough
	refused 'must not end in a slash' add "$root/good" "$root/x/"
	[ ! -s "$dir/out" ] || fail "says what it did not do: $(cat "$dir/out")"
	ln -s var "$root/link"
	refused 'a reset would fail there: name the path behind it' add "$root/link/lib"
	mkdir "$root/mnt"
	mount -t tmpfs none "$root/mnt"
	refused 'is on another mount than root' add "$root/mnt"
	refused 'is on another mount than root' add "$root/mnt/x"
	umount "$root/mnt"
	refused "is declared by $conf:" remove "$root/etc/ssh"
	refused "is inside of what is declared by $conf:" remove "$root/etc/ssh/key"
	refused 'is not declared persistent' remove "$root/x"
	# a configuration that is wrong already
	mv "$conf" "$conf.right"
	echo 'ephemeral root { persit = { "/x" } }' >"$conf"
	refused 'did you mean "persist"' add "$root/y"
	mv "$conf.right" "$conf"
}

check_places() {
	mkdir -p "$root/var/cache"
	persist 0 add --subvolume=root /from/root "$root-is-not-a-prefix"
	grep -qx '    path "/from/root" { }' "$file" || fail "$(cat "$file")"
	persist 0 add "$root/var/cache/kept"
	grep -A1 -x 'ephemeral "cache" {' "$file" | grep -qx '    path "/kept" { }' || fail "another subvolume: $(cat "$file")"
	persist 0 remove "$root/var/cache/kept"
	says 'after the next reset it is gone'
	! grep -q cache "$file" || fail "an empty section: $(cat "$file")"
	persist 0 --noheadings --subvolume=cache
	[ ! -s "$dir/out" ] || fail "of cache: $(cat "$dir/out")"
	persist 0 --noheadings
	[ "$(awk '{ print $1, $2, $3 }' "$dir/out")" = "/etc/ssh root copy
/from/root root copy
$root-is-not-a-prefix root copy" ] || fail "the list: $(cat "$dir/out")"
	rm "$file"
}

# Lines of somebody else stay, wherever they are.
check_other_lines() {
	printf '%s\n' '# mine' 'archives { keep = 5d }' 'ephemeral "root" {' '    path "/mine" { create = directory }' '}' \
		'/* at the end */' >"$file"
	cp "$file" "$dir/before"
	persist 0 add "$root/ours"
	diff "$dir/before" "$file" | grep '^<' >&2 && fail 'lines of others are lost'
	refused 'was written by somebody else' remove "$root/mine"
	persist 0 remove "$root/ours"
	cmp "$dir/before" "$file" || fail "not as before: $(cat "$file")"
	rm "$file"
}

check_dry_run() {
	persist 0 add --dry-run "$root/x"
	says 'Nothing was changed'
	[ ! -e "$file" ] || fail 'a dry run writes'
	persist 0 add "$root/x"
	persist 0 remove --dry-run "$root/x"
	grep -q '"/x"' "$file" || fail 'a dry run removes'
	persist 0 remove "$root/x"
	rm -r "$conf.d"
	persist 0 add --dry-run "$root/x"
	[ ! -e "$conf.d" ] || fail 'a dry run makes the directory'
	persist 0 add "$root/x"
}

# The old text or the new one, on the disk before the command ends.
check_writing() {
	local calls

	strace -o "$dir/trace" -e trace=fsync,renameat,renameat2,unlinkat \
		"$BLANKROOT" persist add --config="$conf" "$root/y" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	calls=$(sed -n 's/^\(fsync\|rename\|unlink\)[a-z0-9]*(.*= 0$/\1/p' "$dir/trace" | xargs)
	[ "$calls" = 'fsync rename fsync' ] || fail "the calls are $calls: $(cat "$dir/trace")"
	cp "$file" "$dir/before"
	for call in fsync renameat write; do
		! strace -o "$dir/trace" -e inject="$call":error=EIO:when=1 "$BLANKROOT" persist add --config="$conf" "$root/z" \
			>"$dir/out" 2>"$dir/err" || fail "success though $call fails"
		cmp "$dir/before" "$file" || fail "$call fails, and $file is $(cat "$file")"
		[ -z "$(find "$conf.d" -name '.*' -type f)" ] || fail "$call fails, and something is left"
	done
	persist 0 remove "$root/x" "$root/y"
	[ ! -e "$file" ] || fail 'an empty file is left'
}

check_at_once() {
	local number

	for number in $(seq 20); do
		"$BLANKROOT" persist add --config="$conf" "$root/at-once-$number" >"$dir/out.$number" 2>&1 &
	done
	wait
	[ "$(grep -c at-once "$file")" = 20 ] || fail "of 20 there are: $(cat "$file")"
	rm "$file"
}

check_others() {
	local code=0

	chmod 755 "$dir" "$root"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BLANKROOT" persist add --config="$conf" "$root/x" \
		>"$dir/out" 2>&1 || code=$?
	if [ "$code" -ne 1 ] || [ -e "$file" ]; then
		fail "not root: $code: $(cat "$dir/out")"
	fi
	for arguments in 'add' 'remove' 'list /x' 'add --json /x' 'remove --method=copy /x' 'add --method=move /x' 'forget /x' \
		'--no-such-option'; do
		# shellcheck disable=SC2086 # words
		persist 2 $arguments
	done
}

# The module is the place there.
check_nixos() {
	mkdir "$dir/etc"
	cp "$conf" "$dir/etc/blankroot.conf"
	touch "$dir/etc/NIXOS"
	mount --bind "$dir/etc" /etc
	! "$BLANKROOT" persist add /var/lib/x >"$dir/out" 2>&1 || fail 'success on NixOS'
	says_nixos=$(cat "$dir/out")
	umount /etc
	[[ $says_nixos == *'services.blankroot.settings.ephemeral.<name>.persist'* ]] || fail "on NixOS: $says_nixos"
	[ ! -e "$dir/etc/blankroot.conf.d" ] || fail 'something was written on NixOS'
}

mkdir "$root"
image_create
image_mount
image_make_root
btrfs -q subvolume snapshot -r "$top/root-blank" "$top/cache-blank"
btrfs -q subvolume create "$top/cache"
btrfs property set -ts "$top/root-blank" ro false
cat >"$top/root-blank/etc/blankroot.conf" <<-END
	ephemeral root {
		mountpoint = "$root"
		persist = { "/etc/ssh" }
	}
	ephemeral cache { mountpoint = "$root/var/cache" archive = none }
END
cp "$top/root-blank/etc/blankroot.conf" "$top/root/etc/"
btrfs property set -ts "$top/root-blank" ro true
image_unmount
mount -o subvol=root,noatime "$loop" "$root"

check_add
check_remove
check_by_snapshot
check_names
check_refused
check_places
check_other_lines
check_dry_run
check_writing
check_at_once
check_others
check_nixos
