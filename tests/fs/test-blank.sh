#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot blank: the first blank, what show and verify tell of it; update, whose command sees what it should and nothing
# else, and which changes nothing when the command fails or anything is killed; boot files that are elsewhere; commit;
# former blanks, and the way back to each. The operating system is busybox.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

root=$dir/root
conf=$dir/conf

blank() { # exit code, extended regular expression, word, argument...
	local code=$1 pattern=$2 status=0

	"$BLANKROOT" blank "$3" --config="$conf" "${@:4}" >"$dir/out" 2>&1 </dev/null || status=$?
	is_status "$status" "$code" "$dir/out" || fail "'${*:3}' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qE -- "$pattern" || fail "'${*:3}' printed $(cat "$dir/out"), not $pattern"
}

update() { # exit code, extended regular expression, script
	blank "$1" "$2" update -- sh -ec "$3"
}

blank_id() {
	btrfs inspect-internal rootid "$top/root-blank"
}

# The blank is what it was, and nothing is left.
unchanged() { # id
	[ "$(blank_id)" = "$1" ] || fail "the blank is another one: $(cat "$dir/out")"
	nothing_left
}

nothing_left() {
	[ -z "$(find "$top" -maxdepth 1 -name '.blankroot-*')" ] || fail "left beside the blank: $(ls -A "$top")"
	! ls -d "$top"/.blankroot/frozen-* 2>/dev/null || fail 'a copy is left'
}

newest_former() {
	"$BLANKROOT" blank show --config="$conf" --json | jq -r '.blanks[0].former[-1].name'
}

make_system() {
	image_create
	image_mount
	btrfs -q subvolume create "$top/root"
	mkdir -p "$top"/root/{bin,boot,dev,etc,proc,run,sys,tmp,usr/lib/modules/6.1-old/kernel,usr/sbin,var/lib/dpkg,var/log} \
		"$top"/root/var/{cache/apt/archives,lib/apt/lists}
	ln -s usr/lib "$top/root/lib"
	cp /bin/busybox "$top/root/bin/"
	chroot "$top/root" /bin/busybox --install -s /bin
	echo 'PRETTY_NAME="Busy \"Box\" 1"' >"$top/root/usr/lib/os-release"
	ln -s ../usr/lib/os-release "$top/root/etc/os-release"
	echo 'as installed' >"$top/root/etc/motd"
	mkdir "$root"
	mount -t btrfs -o subvol=root,noatime "$loop" "$root"
	cat >"$conf" <<-END
		device = "$loop"
		ephemeral root { mountpoint = "$root" blank-changed = refuse }
		ephemeral cache { archive = none }
	END
}

check_create() {
	blank 0 '^Ephemeral +root\|Blank +root-blank, which does not exist' show
	blank 1 'root-blank: it does not exist' verify
	blank 1 'which ephemeral subvolume\?' create
	blank 1 '"nonsense": is no ephemeral' create nonsense
	blank 1 '"nothing": there is neither a subvolume' create --from=nothing root
	blank 1 'Invalid argument' create --from=.. root
	blank 0 '^root-blank would be a snapshot of root\|$' create --dry-run root
	[ ! -e "$top/root-blank" ] || fail 'a dry run makes it'
	blank 0 '^root-blank is now a snapshot of root\|$' create root
	blank 1 'cannot create "root-blank": .*File exists' create root
	blank 0 '^cache-blank is now an empty subvolume\|$' create --from=empty cache
	[ -z "$(ls -A "$top/cache-blank")" ] || fail 'it is not empty'
	blank 0 '^root-blank is what it should be\|cache-blank is what it should be\|$' verify
	blank 0 'Busy "Box" 1\|Modules of +6.1-old\|' show --subvolume=root
	blank 0 . show --json
	jq -e --arg id "$(blank_id)" '.version == 1 and (.blanks | length) == 2 and (.blanks[0] | .subvolume == "root" and
		.blank == "root-blank" and .exists and (.id | tostring) == $id and .read_only and .parent == "root" and
		.state == "unchanged" and (.empty | not) and .system == "Busy \"Box\" 1" and .modules == ["6.1-old"] and
		.former == [] and (.uuid | length) == 36 and .created > 1700000000) and (.blanks[1] | .empty and .system == null)' \
		"$dir/out" >/dev/null || fail "show: $(cat "$dir/out")"
	sed -i '/ephemeral cache/d' "$conf"
}

# What changes something says what it is not for.
check_usage() {
	blank 2 '--from is for create' update --from=x
	blank 2 '--keep is for' create --keep=1
	blank 2 'takes a number of former blanks' update --keep=many
	blank 2 '--json is for' commit --json /x
	blank 2 '--dry-run is for' verify --dry-run
	blank 2 'A path is missing' commit
	blank 2 'unexpected argument .surplus' rollback a surplus
	blank 2 'not both' create --subvolume=root root
}

check_verify() {
	touch "$root/etc/x"
	btrfs property set -ts "$top/root-blank" ro false
	echo changed >"$top/root-blank/etc/motd"
	sync -f "$top"
	blank 1 'not read-only.*something in it was changed' verify
	btrfs property set -ts "$top/root-blank" ro true
	blank 1 '^root-blank: something in it was changed' verify
	blank 1 . verify --json
	jq -e '(.good | not) and (.blanks[0].good | not) and (.blanks[0].problems | length) == 1' "$dir/out" >/dev/null ||
		fail "verify: $(cat "$dir/out")"
	btrfs -q subvolume delete "$top/root-blank"
	mv "$root/usr/lib/os-release" "$root/usr/os-release"
	blank 0 . create
	mv "$root/usr/os-release" "$root/usr/lib/os-release"
	blank 1 '^root-blank: it has no os-release' verify
	btrfs -q subvolume delete "$top/root-blank"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	blank 1 'another subvolume' verify
	btrfs -q subvolume delete "$top/root-blank"
	blank 0 . create
	btrfs -q subvolume create "$top/.blankroot-next-root-blank"
	blank 1 'interrupted run has left' verify
}

check_room() {
	local id before

	id=$(blank_id)
	btrfs -q subvolume delete "$top/.blankroot-next-root-blank"
	before=$(hostname)
	echo secret >/run/blankroot-test
	echo downloaded >"$root/var/cache/apt/archives/a.deb"
	# shellcheck disable=SC2016 # for the shell in there
	update 1 'the command ended with exit code 7; root-blank is as it was\|$' '
		[ $(ls -d /proc/[0-9]* | wc -l) -le 8 ]
		[ "$SYSTEMD_OFFLINE $BLANKROOT_UPDATE" = "1 root" ]
		[ ! -e /run/blankroot-test ] && [ -d /run/lock ] && [ -c /dev/null ] && [ -d /sys/class ]
		! /usr/sbin/policy-rc.d
		! echo x 2>/dev/null >/proc/sys/kernel/hostname
		cmp -s /etc/blankroot.conf /run/blankroot/blankroot.conf && grep -q "ephemeral root" /etc/blankroot.conf
		[ "$(cat /var/cache/apt/archives/a.deb)" = downloaded ]
		echo more >/var/cache/apt/archives/b.deb
		echo temporary >/tmp/x
		echo changed >/etc/motd
		exit 7'
	rm /run/blankroot-test
	unchanged "$id"
	[ "$(hostname)" = "$before" ] || fail 'the settings of the machine were changed'
	[ "$(cat "$root/var/cache/apt/archives/b.deb")" = more ] || fail 'the cache is not that of the running system'
	grep -qx 'as installed' "$root/etc/motd" || fail 'the running root was changed'
	update 1 'exit code 127' 'exec nonsense'
	blank 1 'nonsense.*exit code 127' update -- nonsense
	# shellcheck disable=SC2016
	update 1 'killed by signal 9' 'kill -9 $$'
	unchanged "$id"
	blank 0 'would run sh in a copy of root-blank' update --dry-run -- sh -c 'exit 1'
	unchanged "$id"
}

check_update() {
	local id former

	id=$(blank_id)
	# what it leaves running is gone, and changes nothing any more
	update 0 '^root-blank is new: .*\|what it was is kept as root-blank.*rollback.*\|$' "
		echo upgraded >/etc/motd
		mkdir -p /opt/new
		echo keep >/etc/blankroot.conf.d/x 2>/dev/null || :
		(while :; do echo x >>/etc/late.$$; sleep 0.01; done) &
		until [ -e /etc/late.$$ ]; do sleep 0.01; done"
	[ "$(blank_id)" != "$id" ] || fail 'the blank is the old one'
	nothing_left
	former=$(newest_former)
	[ "$(btrfs inspect-internal rootid "$top/$former")" = "$id" ] || fail "$former is not the old blank"
	grep -qx upgraded "$top/root-blank/etc/motd" || fail 'the blank was not changed'
	grep -qx 'as installed' "$top/$former/etc/motd" || fail 'the former blank was changed'
	for path in usr/sbin/policy-rc.d etc/resolv.conf etc/blankroot.conf etc/blankroot.conf.d var/cache/apt/archives/b.deb \
		run/lock run/blankroot tmp/x; do
		[ ! -e "$top/root-blank/$path" ] || fail "$path is left in the blank"
	done
	for one in root-blank "$former"; do
		[ "$(btrfs property get -ts "$top/$one" ro)" = ro=true ] || fail "$one is writable"
	done
	! grep -q late <(pgrep -af "etc/late.$$") || fail 'something goes on running'
	blank 0 'is what it should be' verify
	# the user's shell, with its input
	printf 'echo by-shell >/etc/motd\nexit\n' | SHELL=/bin/sh "$BLANKROOT" blank update --config="$conf" >"$dir/out" 2>&1 ||
		fail "a shell: $(cat "$dir/out")"
	grep -qx by-shell "$top/root-blank/etc/motd" || fail "the shell did nothing: $(cat "$dir/out")"
	script -qec "'$BLANKROOT' blank update --config='$conf' -- sh -c 'test -t 0 && tty >/etc/tty'" "$dir/tty" >/dev/null ||
		fail "no terminal: $(cat "$dir/tty")"
	grep -q '^/dev/' "$top/root-blank/etc/tty" || fail 'it is not the terminal'
	# without a second one of these, --keep has nothing to do
	[ "$(find "$top" -maxdepth 1 -name 'root-blank.*' | wc -l)" -eq 2 ] || fail "not two are kept: $(ls "$top")"
	# a blank for each time when nothing is to be done would leave no way back
	id=$(blank_id)
	update 0 'root-blank is as it was: nothing was changed' 'cat /etc/motd; touch /tmp/x /run/x'
	unchanged "$id"
	# what was changed by hand is changed before
	btrfs property set -ts "$top/root-blank" ro false
	head -c 1M /dev/urandom >"$top/root-blank/var/log/by-hand"
	btrfs property set -ts "$top/root-blank" ro true
	update 0 'root-blank is new' 'rm /var/log/by-hand'
	id=$(blank_id)
	# neither what package managers write in any case
	update 0 'root-blank is as it was: nothing was changed in the copy but logs and times of files\|$' \
		'touch /etc/motd; echo more >>/var/log/upgrades'
	unchanged "$id"
	# so much work is not lost because somebody else is at it
	flock "$top" sleep 0.3 &
	blank 0 'is new' update --wait=0 -- touch /etc/patience
}

# The reset starts from it, and takes it for what it is.
check_reset() {
	umount "$root"
	"$BLANKROOT_INITRD" --config="$conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	mount -t btrfs -o subvol=root,noatime "$loop" "$root"
	grep -qx by-shell "$root/etc/motd" || fail 'the root is not from the new blank'
}

start_update() { # script
	"$BLANKROOT" blank update --config="$conf" -- sh -c "$1" >"$dir/background" 2>&1 &
	updater=$!
	until ls "$top"/.blankroot/frozen-*/root/etc/started >/dev/null 2>&1; do
		kill -0 "$updater" 2>/dev/null || fail "it does not start: $(cat "$dir/background")"
		sleep 0.02
	done
}

check_killed() {
	local id status=0

	id=$(blank_id)
	start_update 'touch /etc/started; sleep 1000'
	blank 1 'locked by another run .*blankroot blank' commit --wait=0 "$root/etc/motd"
	"$BLANKROOT" snapshot --config="$conf" root-blank >"$dir/out" 2>&1 || fail "snapshots do not go on: $(cat "$dir/out")"
	kill "$updater"
	wait "$updater" || status=$?
	[ "$status" -eq 1 ] || fail "SIGTERM: exit code $status"
	grep -q 'ended by signal 15; root-blank is as it was' "$dir/background" || fail "$(cat "$dir/background")"
	unchanged "$id"

	start_update "touch /etc/started; sleep 1001.$$"
	kill -9 "$updater"
	wait "$updater" 2>/dev/null || true
	for _ in $(seq 500); do
		pgrep -f "sleep 1001.$$" >/dev/null || break
		sleep 0.02
	done
	! pgrep -f "sleep 1001.$$" >/dev/null || fail 'the command lives on'
	[ -n "$(find "$top/.blankroot" -maxdepth 1 -name 'frozen-*')" ] || fail 'nothing is left, so nothing is tested'
	blank 1 'an interrupted run has left a copy' verify
	# a reset does not mind it, and what boots from it is not deleted under its feet
	umount "$root"
	"$BLANKROOT_INITRD" --config="$conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	mount -t btrfs -o "subvol=.blankroot/$(cd "$top/.blankroot" && echo frozen-*)/root" "$loop" "$root"
	"$BLANKROOT" prune --config="$conf" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	[ -e "$root/etc/started" ] || fail 'what is mounted was deleted'
	umount "$root"
	mount -t btrfs -o subvol=root,noatime "$loop" "$root"
	update 1 'exit code 3' 'exit 3'
	unchanged "$id"
}

# A file system of its own: what is done to it stays, and never names the copy.
check_boot() {
	local id

	id=$(blank_id)
	mount -t tmpfs boot "$root/boot"
	mkdir "$root/boot/grub"
	echo kernel >"$root/boot/vmlinuz-6.1-old"
	echo config >"$root/boot/grub/grub.cfg"
	# shellcheck disable=SC2016 # for the shell in there
	update 1 'changed, and stay so: /boot/grub/grub.cfg, /boot/vmlinuz-6.2-new;.*grub.cfg named the copy|named the copy.*stay so' '
		echo kernel >/boot/vmlinuz-6.2-new
		subvol=$(sed -n "s|.* / btrfs .*subvol=/||p" /proc/mounts | cut -d " " -f 1)
		echo "linux /vmlinuz rootflags=subvol=$subvol ro" >/boot/grub/grub.cfg
		exit 1'
	unchanged "$id"
	grep -qx 'linux /vmlinuz rootflags=subvol=root ro' "$root/boot/grub/grub.cfg" ||
		fail "grub.cfg: $(cat "$root/boot/grub/grub.cfg")"
	update 0 'kernel 6.2-new is in /boot, but the blank has no modules.*not in step' 'echo again >/etc/motd'
	update 0 '^root-blank is new[^|]*\|what it was[^|]*\|deleted a former blank: root-blank[^|]*\|$' \
		'mkdir -p /lib/modules/6.2-new/kernel'
	update 0 'modules for the kernel 6.1-old, which is not in /boot' 'rm /boot/vmlinuz-6.1-old'
	umount "$root/boot"
	# one that the reset carries is not that of the blank either
	cp "$conf" "$conf.kept"
	sed -i 's/ephemeral root {/& persist = { "\/boot" }/' "$conf"
	update 0 'nothing was changed in the copy' 'echo carried >/boot/carried'
	[ -e "$root/boot/carried" ] || fail 'a persistent /boot is not there'
	[ ! -e "$top/root-blank/boot/carried" ] || fail 'a persistent /boot is that of the blank'
	mv "$conf.kept" "$conf"
}

check_commit() {
	local id

	id=$(blank_id)
	mkdir -p "$root/srv/app/deep"
	echo data >"$root/srv/app/deep/file"
	ln "$root/srv/app/deep/file" "$root/etc/link"
	chown 7:8 "$root/srv/app/deep/file"
	chmod 4750 "$root/srv/app/deep/file"
	setfattr -n user.x -v y "$root/srv/app/deep"
	btrfs -q subvolume create "$root/srv/app/nested"
	echo nested >"$root/srv/app/nested/file"
	touch -d 2001-01-01 "$root/srv/app"
	rm "$root/etc/tty"
	blank 0 '\+ .*/srv/\|.*- .*/etc/tty.*root-blank would have that' commit --dry-run "$root/srv" "$root/etc/tty"
	unchanged "$id"
	blank 0 'root-blank has that now' commit "$root/srv/" "$root/etc/tty" "$root/etc/link"
	nothing_left
	(cd "$top/root-blank" && [ "$(cat srv/app/nested/file)" = nested ] && [ srv/app/deep/file -ef etc/link ] &&
		[ "$(stat -c %u:%g:%a srv/app/deep/file)" = 7:8:4750 ] && [ "$(stat -c %Y srv/app)" = 978307200 ] &&
		[ "$(getfattr --only-values -n user.x srv/app/deep)" = y ] && [ ! -e etc/tty ]) || fail 'not as in the root'
	grep -qx by-shell "$root/etc/motd" || fail 'the test has lost what it looks for'
	! grep -qx by-shell "$top/root-blank/etc/motd" || fail 'more than what was asked for'
	id=$(blank_id)
	blank 0 'has all of that as it is' commit "$root/srv"
	unchanged "$id"
	rm -r "$root/srv/app/deep"
	blank 0 'root-blank has that now' commit "$root/srv/app"
	[ ! -e "$top/root-blank/srv/app/deep" ] || fail 'a deletion was not taken over'
	[ -e "$top/root-blank/srv/app/nested/file" ] || fail 'too much was deleted'
	id=$(blank_id)
	blank 1 'neither root nor root-blank has such a path' commit "$root/nothing"
	blank 1 'name the path behind it' commit "$root/lib/modules"
	blank 1 'is on no ephemeral' commit /elsewhere
	blank 1 'must not contain' commit "$root/etc/../etc"
	mount -t tmpfs none "$root/tmp"
	blank 1 'is on another mount' commit "$root/tmp/x"
	umount "$root/tmp"
	unchanged "$id"
}

check_rollback() {
	local first second third

	third=$(blank_id)
	second=$(btrfs inspect-internal rootid "$top/$(newest_former)")
	blank 0 'would be again' rollback --dry-run
	unchanged "$third"
	blank 0 'root-blank is again what was.*to go back: .*' rollback
	read -ra way_back < <(sed -n 's/.*to go back: blankroot blank //p' "$dir/out")
	unchanged "$second"
	blank 0 'is what it should be' verify
	blank 0 'root-blank is again' "${way_back[@]}"
	unchanged "$third"
	blank 1 'is no former blank' rollback root-blank.20200101T000000Z
	# the one before that one, not the youngest
	blank 0 . rollback
	blank 0 . rollback
	first=$(blank_id)
	[ "$first" -lt "$second" ] || fail "not an older one: $first"
	blank 1 'no older one is kept; name a younger one' rollback
	blank 0 . rollback "$(newest_former)"
	unchanged "$third"
	blank 0 'deleted a former blank' update --keep=0 -- touch /etc/none
	[ -z "$(find "$top" -maxdepth 1 -name 'root-blank.*')" ] || fail 'former blanks are kept'
	blank 1 'no former one is kept' rollback
	# what is mounted stays
	mount -t btrfs -o subvol=root-blank "$loop" "$root/tmp"
	blank 1 'in use "root-blank"' update -- touch /etc/in-use
	umount "$root/tmp"
	nothing_left
}

make_system
check_create
check_usage
check_verify
check_room
check_update
check_reset
check_killed
check_boot
check_commit
check_rollback
