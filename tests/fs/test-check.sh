#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every finding of "blankroot check" on a real file system: provoked once, and mended by the very command that it prints,
# after which nothing is found any more. What nobody can mend by a command is taken back.
# shellcheck disable=SC2119 # functions with optional arguments
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/system.sh
. tests/support/system.sh

seen=$dir/seen
: >"$seen"

# --- commands for commands ---

# Stand-ins for what would change this machine; chroot into the system is what they do without.
make_commands() {
	mkdir "$dir/bin"
	cat >"$dir/bin/blankroot" <<-END
		#!/bin/sh
		exec "$BLANKROOT" "\$@"
	END
	cat >"$dir/bin/chroot" <<-'END'
		#!/bin/sh
		shift
		exec "$@"
	END
	cat >"$dir/bin/update-initramfs" <<-END
		#!/bin/bash
		[ "\$*" = "-u -k $kernel" ] || [ "\$*" = "-c -k all" ] || exit 9
		touch "$dir/rebuild"
	END
	cat >"$dir/bin/swapoff" <<-END
		#!/bin/sh
		grep -v "^\$1 " "$system/proc/swaps" >"$dir/swaps"
		cat "$dir/swaps" >"$system/proc/swaps"
	END
	chmod +x "$dir"/bin/*
}

# The editor does what its user would, at whatever line it is called for.
edit() { # commands of sed
	echo "$1" >"$dir/edit.sed"
	printf '#!/bin/sh\nfor file; do :; done\nexec sed -i -f "%s" "$file"\n' "$dir/edit.sed" >"$dir/bin/editor"
	chmod +x "$dir/bin/editor"
}

run_command() { # command
	EDITOR=$dir/bin/editor PATH=$dir/bin:$PATH bash -euc "$1" >"$dir/mend.out" 2>&1 ||
		fail "'$1' failed: $(cat "$dir/mend.out")"
	if [ -e "$dir/rebuild" ]; then
		rm "$dir/rebuild"
		system_build
	fi
}

# --- findings ---

expect() { # id, severity
	system_check
	system_has_found "$1" "$2" || fail "no $1 ($2): $(jq -c .findings "$dir/json")"
	echo "$1" >>"$seen"
}

mend_one() { # id; empty: any that has a command
	local list=("${commands[@]}") command

	command=${list[0]:-}
	[ -z "$1" ] || command=${commands[$1]:-}
	[ -n "$command" ] || fail "no command for '$1': $(jq -c .findings "$dir/json")"
	run_command "$command"
}

# The command of the finding, then those of what comes to light when it is mended, until nothing is found.
expect_mend() { # id, severity
	expect "$@"
	mend_one "$1"
	system_check
	! system_has_found "$1" "$2" || fail "$1 is still there: $(jq -c .findings "$dir/json") $(<"$dir/mend.out")"
	for _ in 1 2 3; do
		[ ${#found[@]} -gt 0 ] || return 0
		mend_one ''
		system_check
	done
	system_found_nothing "after $1 was mended"
}

reset() {
	image_unmount
	"$BLANKROOT_INITRD" --device "$loop" --config "$system/etc/blankroot.conf" --report "$dir/report" --cmdline noresume \
		2>"$dir/reset.err" || fail "the reset: $(cat "$dir/reset.err")"
	image_mount
}

root_id() {
	btrfs inspect-internal rootid "$top/root"
}

check_configuration() {
	echo 'nonsense = 1' >>"$system/etc/blankroot.conf"
	edit '/nonsense/d'
	expect_mend config-invalid error
	# this machine has none, and has no other root to look at
	if [ ! -e /etc/blankroot.conf ]; then
		"$BLANKROOT" check --json >"$dir/none.json" || true
		jq -e '.findings[] | select(.id == "config-invalid").command == "blankroot init"' "$dir/none.json" >"$dir/out" ||
			fail "without a configuration: $(<"$dir/none.json")"
	fi
	sed -i 's|device = .*|device = "UUID=00000000-0000-4000-8000-000000000000"|' "$system/etc/blankroot.conf"
	edit "s|device = .*|device = \"$loop\"|"
	expect_mend device error
	rm "$system/usr/sbin/blankroot-initrd"
	expect program-missing warning
	cp "$BLANKROOT_INITRD" "$system/usr/sbin/"
	system_is_clean 'with the program again'
}

check_request() {
	echo nonsense >"$top/.blankroot/request"
	expect_mend request-invalid error
	echo skip >"$top/.blankroot/request"
	expect_mend request-skip info
	reset
	echo "from $(basename "$(find "$top/old_roots" -mindepth 1 -maxdepth 1 -print -quit)")" >"$top/.blankroot/request"
	expect_mend request-from info
}

check_layout() {
	mv "$top/root" "$top/aside"
	expect_mend root-missing error
	btrfs -q subvolume delete "$top/root"
	mkdir "$top/root"
	expect reset-refused error
	rmdir "$top/root"
	mv "$top/aside" "$top/root"
	btrfs -q subvolume delete "$top/root-blank"
	expect_mend blank-missing error
	btrfs property set -ts "$top/root-blank" ro false
	expect_mend blank-writable error
	reset
	btrfs property set -ts "$top/root-blank" ro false
	echo changed >"$top/root-blank/etc/motd"
	btrfs property set -ts "$top/root-blank" ro true
	expect blank-changed warning
	system_configure 'blank-changed = refuse'
	system_build
	expect_mend blank-changed error
	system_configure
	system_build
	chmod 0755 "$top/old_roots"
	expect_mend directory-open warning
	mv "$top/old_roots" "$dir/kept" 2>/dev/null || mv "$top/old_roots" "$top/kept"
	touch "$top/old_roots"
	expect_mend directory-type error
	rm "$top/old_roots.aside"
	mv "$top/kept" "$top/old_roots"
}

persist() { # word, path
	"$BLANKROOT" persist "$1" --config="$system/etc/blankroot.conf" --subvolume=root "$2" >"$dir/out" 2>&1 ||
		fail "persist: $(cat "$dir/out")"
	system_build
}

check_paths() {
	mkdir "$top/root/etc/plain"
	persist add /etc/plain/inner
	expect_mend path-missing warning
	persist add /etc/plain/inner
	rmdir "$top/root/etc/plain"
	ln -s ssh "$top/root/etc/plain"
	expect_mend path-unusable error
	rm "$top/root/etc/plain"
	# what was declared by hand is taken back by hand
	system_configure 'path "/etc/mistyped" { }'
	system_build
	edit 's/path "[^"]*" { }//'
	expect_mend path-missing warning
	btrfs -q subvolume create "$top/root/var/nested"
	expect nested-subvolume info
	echo data >"$top/root/var/nested/file"
	expect_mend nested-subvolume warning
	persist remove /var/nested
	btrfs -q subvolume delete "$top/root/var/nested"
	system_is_clean 'without what is nested'
}

check_mounts() {
	mkdir "$dir/seen-root" "$top/root/etc/mounted"
	mount -t btrfs -o subvol=root "$loop" "$dir/seen-root"
	mount -t tmpfs tmpfs "$dir/seen-root/etc/mounted"
	persist add /etc/mounted
	expect_mend path-is-mount warning
	mkdir -p "$top/root/etc/ssh/deep"
	mount -t tmpfs tmpfs "$dir/seen-root/etc/ssh/deep"
	expect path-holds-mount info
	umount "$dir/seen-root/etc/ssh/deep"
	printf 'Filename\tType\tSize\n%s file 4096 0 -2\n/dev/vda2 partition 1 0 -2\n' "$dir/seen-root/swap\\040file" \
		>"$system/proc/swaps"
	echo swap >"$dir/seen-root/swap file"
	expect swap-file warning
	grep -q "swapoff '$dir/seen-root/swap file'" "$dir/json" || fail "swapoff of what? $(cat "$dir/json")"
	sed -i 's/swap.040file/swapfile/' "$system/proc/swaps"
	expect_mend swap-file warning
	umount "$dir/seen-root/etc/mounted" "$dir/seen-root"
	rm "$top/root/swap file"
}

check_pins() {
	local id archives

	id=$(root_id)
	printf '# comment\n%s / btrfs noatime,subvolid=%s 0 0\n' "$loop" "$id" >"$system/etc/fstab"
	expect_mend fstab-pin error
	grep -q "noatime,subvol=root 0" "$system/etc/fstab" || fail "fstab is $(cat "$system/etc/fstab")"
	system_boot_loader "root=$loop rootflags=subvolid=$id,noatime noresume"
	expect_mend cmdline-pin error
	echo "GRUB_CMDLINE_LINUX=\"quiet rootflags=subvolid=$id\"" >"$system/etc/default-grub"
	mkdir -p "$system/etc/default" "$system/etc/kernel"
	mv "$system/etc/default-grub" "$system/etc/default/grub"
	expect_mend cmdline-pin warning
	echo "quiet rootflags=subvolid=$id" >"$system/etc/kernel/cmdline"
	expect_mend cmdline-pin warning
	rm "$system/etc/default/grub" "$system/etc/kernel/cmdline"
	system_boot_loader "root=$loop rootflags=subvol=/other noresume"
	expect cmdline-root warning
	system_boot_loader "root=$loop rd.blankroot=off rootflags=subvol=root noresume"
	expect_mend cmdline-off error
	system_boot_loader "root=$loop rd.blankroot=nonsense rootflags=subvol=root noresume"
	edit 's/rd.blankroot=nonsense//'
	expect_mend reset-refused error
	system_boot_loader "root=$loop noresume"
	expect_mend default-subvolume warning
	system_boot_loader "root=$loop rootflags=subvol=root noresume"
	archives=("$top"/old_roots/root.*)
	btrfs subvolume set-default "$(btrfs inspect-internal rootid "${archives[0]}")" "$top"
	expect_mend default-subvolume warning
	btrfs subvolume set-default 5 "$top"
}

check_modules() {
	mkdir -p "$top/root/usr/lib/modules/$kernel"
	expect archive-modules info
	expect_mend kernel-modules error
	rm -r "$top/root/usr"
	persist remove /usr/lib/modules
}

# A disk of its own, in a /dev of its own: the check looks at all disks that it finds, and is not to meet those of others.
check_hibernated() {
	local swap

	truncate -s 16M "$dir/swap"
	swap=$(losetup --find --show "$dir/swap")
	mkswap "$swap" >"$dir/out"
	printf 'S1SUSPEND\0' | dd of="$swap" bs=1 seek=4086 conv=notrunc status=none
	system_boot_loader "root=$loop rootflags=subvol=root"
	mkdir "$dir/dev"
	cp -a "$loop" "$swap" /dev/null /dev/zero /dev/urandom /dev/btrfs-control /dev/loop-control "$dir/dev/" 2>/dev/null || true
	mkdir "$dir/dev/mapper"
	mount --bind "$dir/dev" /dev
	expect hibernated error
	mend_one hibernated
	system_is_clean 'after the image is gone'
	umount /dev
	losetup --detach "$swap"
	system_boot_loader "root=$loop rootflags=subvol=root noresume"
}

check_images() {
	local modules=$tree/usr/lib/modules/$kernel image=$system/boot/initrd.img-$kernel what

	rm "$image"
	expect_mend image-none warning
	head -c 20000 "$image" >"$dir/cut"
	cp "$dir/cut" "$image"
	expect_mend image-unreadable error
	for what in 'without-blankroot error rm $tree/usr/sbin/blankroot-initrd' \
		'program error printf x | dd of=$tree/usr/sbin/blankroot-initrd bs=1 seek=70000 conv=notrunc status=none' \
		'config error echo >>$tree/etc/blankroot.conf' \
		'config error touch $tree/etc/blankroot.conf.d/10-old.conf' \
		'hook error rm $tree/scripts/local-premount/blankroot' \
		'hook error sed -i /blankroot/d $tree/scripts/local-premount/ORDER' \
		'order error sort -o $tree/scripts/local-premount/ORDER $tree/scripts/local-premount/ORDER' \
		'module error rm $modules/kernel/btrfs.ko' \
		'module error rm $modules/kernel/xor.ko' \
		'module-optional warning rm $modules/kernel/xxhash_generic.ko'; do
		system_make_tree
		eval "${what#* * }"
		system_pack_tree >"$image"
		# shellcheck disable=SC2086 # words
		expect_mend image-${what%% *} "$(cut -d' ' -f2 <<<"$what")"
	done
	echo 'archives { keep-min = 4 }' >"$system/etc/blankroot.conf.d/20-new.conf"
	expect_mend image-config error
	rm "$system/etc/blankroot.conf.d/20-new.conf"
	expect_mend image-config error
	# another one than that which is booted
	echo nonsense >"$system/boot/initrd.img-5.10"
	expect image-unreadable warning
	"$BLANKROOT" check --root="$system" >"$dir/out" || fail "warnings make it fail: $(cat "$dir/out")"
	! "$BLANKROOT" check --root="$system" --strict >"$dir/out" || fail '--strict does not count warnings'
	# the one that is booted once, or for ever
	printf '# GRUB Environment Block\nnext_entry=gnulinux-advanced>gnulinux-old\n' >"$system/boot/grub/grubenv"
	expect image-unreadable error
	rm "$system/boot/grub/grubenv" "$system/boot/initrd.img-5.10"
	system_is_clean 'with the old image gone'
}

# Little enough for a reset that carries as much as the report of this boot says, and for prune to do something about.
check_space() {
	local i

	sed -i 's/min-free.*/min-free = "60%" keep = "1s" keep-min = 0 }/' "$system/etc/blankroot.conf"
	system_build
	head -c 160M /dev/urandom >"$top/root/big"
	reset
	sync -f "$top"
	sleep 1.1
	expect space-free warning
	mend_one space-free
	system_check
	! system_has_found space-free warning || fail "prune did not help: $(jq -c .findings "$dir/json") $(cat "$dir/mend.out")"
	head -c 400M /dev/zero >"$top/persist/full" 2>"$dir/out" || true
	for i in 1 2 3 4 5 6 7 8 9; do
		split -b 2000 -a 4 <(head -c 4M /dev/urandom) "$top/persist/$i-" 2>"$dir/out" || break
		sync -f "$top"
	done
	system_check
	if ! system_has_found space-metadata error && ! system_has_found space-metadata warning; then
		btrfs filesystem usage "$top" >&2
		fail "$i rounds, and no lack of metadata: $(cat "$dir/json")"
	fi
	echo space-metadata >>"$seen"
	grep -q '"command": "blankroot prune' "$dir/json" || fail 'no command against lack of space'
	find "$top/persist" -mindepth 1 -delete
}

# How many of each severity there are is noted when that is asked for, and becomes a metric.
check_record() {
	local record=$top/.blankroot/jobs/check.json severity

	btrfs -q subvolume delete "$top/root-blank"
	system_check
	[ ! -e "$record" ] || fail 'a record that nobody asked for'
	system_check --record
	for severity in error warning info; do
		diff <(jq "[.findings[] | select(.severity == \"$severity\")] | length" "$dir/json") \
			<(jq ".numbers.$severity" "$record") >&2 || fail "the record: $(<"$record")"
	done
	[ "$(jq .numbers.error "$record")" -gt 0 ] || fail 'no blank is no error'
	"$BLANKROOT" metrics --device="$loop" --config="$system/etc/blankroot.conf" >"$dir/metrics" 2>/dev/null || fail 'metrics'
	grep -qx "blankroot_check_findings{severity=\"error\"} $(jq .numbers.error "$record")" "$dir/metrics" ||
		fail "metrics: $(grep check "$dir/metrics")"
	expect_mend blank-missing error
	system_check --record
	jq -e '.outcome == "done" and .numbers.error == 0' "$record" >/dev/null || fail "the record: $(<"$record")"
}

# All that the program knows, but for what other tests have.
check_seen() {
	agree 'findings' "$(tr -s ' \t\n' ' ' <post-boot-helper/finding.c | grep -oE '= \{ "[a-z-]+", FINDING' | cut -d'"' -f2 |
		grep -vxE 'degraded|images-unchecked|rehearsal-.*')" "$(sort -u "$seen")"
}

[ "$BLANKROOT_ARCHIVE" = yes ] || skip 'needs libarchive'
image_make_server
system_make
make_commands
system_is_clean 'at first'
check_configuration
check_request
check_layout
check_paths
check_mounts
check_pins
check_modules
check_hibernated
check_images
check_record
check_space
check_seen
