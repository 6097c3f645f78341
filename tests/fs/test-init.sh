#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot init on the layouts of distributions: a dry run changes nothing; the configuration that is written keeps what
# it should, passes the checks, and the next reset does the right thing with it; taken back, everything is as it was. What
# it cannot or must not do is refused, and nothing is changed.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

root=$dir/root

init() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" init "$@" --device="$loop" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	is_status "$code" "$expected" "$dir/err" || fail "$layout: init $*: exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "$layout: does not say '$1': $(cat "$dir/out" "$dir/err")"
}

# --- systems ---

# A system of some distribution: its files below a directory, with services, of which one is enabled and never ran.
make_system() { # directory, id
	local root=$1

	mkdir -p "$root"/{boot,home/me,root,srv,tmp,proc,run,usr/lib/systemd/system} \
		"$root"/etc/{ssh,systemd/system/multi-user.target.wants} \
		"$root"/var/{log,lib/{dpkg,rpm,pacman,app,empty,postgresql/15,systemd/{timers,deb-systemd-helper-enabled}}}
	printf 'ID=%s\nPRETTY_NAME="A system"\n' "$2" >"$root/usr/lib/os-release"
	ln -s ../usr/lib/os-release "$root/etc/os-release"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	echo machine >"$root/etc/hostname"
	echo key >"$root/etc/ssh/ssh_host_ed25519_key"
	echo 'as installed' >"$root/etc/motd"
	echo installed >"$root/var/lib/dpkg/status"
	echo installed >"$root/var/lib/rpm/db"
	echo installed >"$root/var/lib/pacman/db"
	echo data >"$root/var/lib/app/data"
	echo data >"$root/var/lib/postgresql/15/data"
	echo enabled >"$root/var/lib/systemd/deb-systemd-helper-enabled/x"
	echo log >"$root/var/log/syslog"
	echo file >"$root/home/me/file"
	mkdir -p "$root/opt/deploy" "$root/opt/service"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh deploy:x:1001:1001::/opt/deploy:/bin/sh \
		service:x:990:990::/opt/service:/bin/false gone:x:1002:1002::/opt/gone:/bin/sh odd:x:1003:1003::/:/bin/sh \
		>"$root/etc/passwd"
	printf '[Service]\nStateDirectory=soon other/one\n' >"$root/usr/lib/systemd/system/soon.service"
	printf '[Service]\nDynamicUser=yes\nStateDirectory=dynamic\n' >"$root/usr/lib/systemd/system/dynamic@.service"
	mkdir "$root/etc/systemd/system/soon.service.d"
	printf '[Service]\nStateDirectory=added\n' >"$root/etc/systemd/system/soon.service.d/more.conf"
	ln -s /usr/lib/systemd/system/soon.service "$root/etc/systemd/system/multi-user.target.wants/soon.service"
	ln -s /usr/lib/systemd/system/dynamic@.service \
		"$root/etc/systemd/system/multi-user.target.wants/dynamic@1.service"
}

fstab() { # directory, line...
	local root=$1

	shift
	printf '%s\n' '# made by an installer' "$@" >"$root/etc/fstab"
}

id_of() { # subvolume
	btrfs inspect-internal rootid "$top/$1"
}

make_debian() {
	btrfs -q subvolume create "$top/@rootfs"
	make_system "$top/@rootfs" debian
	fstab "$top/@rootfs" "UUID=$uuid / btrfs defaults,subvol=@rootfs 0 0"
	name=@rootfs blank=@rootfs-blank
}

make_ubuntu() {
	btrfs -q subvolume create "$top/@"
	btrfs -q subvolume create "$top/@home"
	make_system "$top/@" ubuntu
	rm -r "$top/@/home/me"
	fstab "$top/@" "UUID=$uuid / btrfs defaults,subvol=@ 0 1" "UUID=$uuid /home btrfs defaults,subvol=@home 0 2"
	name=@ blank=@-blank
}

make_fedora() {
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume create "$top/home"
	make_system "$top/root" fedora
	rm -r "$top/root/home/me"
	btrfs -q subvolume create "$top/root/var/lib/machines"
	btrfs -q subvolume create "$top/root/opt/data"
	echo data >"$top/root/opt/data/file"
	fstab "$top/root" "UUID=$uuid / btrfs subvol=root,compress=zstd:1 0 0" \
		"UUID=0000-0000 /boot ext4 defaults 1 2" "UUID=$uuid /home btrfs subvol=home 0 0"
	name=root blank=root-blank
}

# genfstab writes ids.
make_arch() {
	btrfs -q subvolume create "$top/@"
	btrfs -q subvolume create "$top/@home"
	btrfs -q subvolume create "$top/@log"
	make_system "$top/@" arch
	mkdir -p "$top/@/boot/loader/entries" "$top/@/etc/kernel"
	fstab "$top/@" "UUID=$uuid	/     	btrfs     	rw,relatime,subvolid=$(id_of @),subvol=/@	0 0" \
		"UUID=$uuid	/home     	btrfs     	rw,subvolid=$(id_of @home),subvol=/@home	0 0" \
		"UUID=$uuid	/var/log  	btrfs     	rw,subvolid=$(id_of @log)	0 0"
	echo "options root=UUID=$uuid rootflags=subvolid=$(id_of @) rw" >"$top/@/boot/loader/entries/arch.conf"
	echo 'HOOKS=(base udev block filesystems)' >"$top/@/etc/mkinitcpio.conf"
	name=@ blank=@-blank
}

make_opensuse() {
	btrfs -q subvolume create "$top/@"
	btrfs -q subvolume create "$top/@/var"
	btrfs -q subvolume create "$top/@/.snapshots"
	mkdir "$top/@/.snapshots/1"
	btrfs -q subvolume create "$top/@/.snapshots/1/snapshot"
	make_system "$top/@/.snapshots/1/snapshot" opensuse-leap
	mv "$top/@/.snapshots/1/snapshot"/var/* "$top/@/var/"
	btrfs subvolume set-default "$top/@/.snapshots/1/snapshot"
	fstab "$top/@/.snapshots/1/snapshot" "UUID=$uuid  /            btrfs  defaults           0  0" \
		"UUID=$uuid  /var         btrfs  subvol=/@/var      0  0" \
		"UUID=$uuid  /.snapshots  btrfs  subvol=/@/.snapshots  0  0"
	name=@/.snapshots/1/snapshot blank=root-blank
}

make_nixos() {
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume create "$top/nix"
	mkdir -p "$top/root"/{etc/ssh,nix,var/{lib/nixos,log}}
	touch "$top/root/etc/NIXOS"
	echo key >"$top/root/etc/ssh/ssh_host_ed25519_key"
	echo 1 >"$top/root/var/lib/nixos/uid-map"
	fstab "$top/root" "UUID=$uuid / btrfs subvol=root 0 0" "UUID=$uuid /nix btrfs subvol=nix 0 0"
	name=root blank=root-blank
}

# The root in the top level itself, with a subvolume in it.
make_top() {
	make_system "$top" debian
	rm -r "${top:?}/home"
	btrfs -q subvolume create "$top/home"
	echo file >"$top/home/file"
	fstab "$top" "UUID=$uuid / btrfs defaults 0 0" "UUID=$uuid /mnt btrfs subvolid=5,noauto 0 0"
	name=rootfs blank=rootfs-blank
}

# --- looking ---

# What there is: all but the snapshot from before, and times of directories.
list_all() {
	(cd "$top" && find . -mindepth 1 -path ./snapshots -prune -o -type f -printf '%p %m %U:%G %s %T@ %i\n' \
		-o -printf '%p %y %m %U:%G %l\n' | sort && btrfs subvolume list . | grep -v snapshots/ | awk '{ print $2, $NF }' &&
		btrfs subvolume get-default . | awk '{ print $2 }')
}

kept() { # path...
	local path

	for path; do
		jq -e --arg path "$path" '.persist | any(.path == $path)' "$dir/json" >/dev/null ||
			fail "$layout: $path is not kept: $(jq -c '[.persist[].path]' "$dir/json")"
	done
}

not_kept() { # path...
	local path

	for path; do
		jq -e --arg path "$path" '.persist | any((.path + "/") as $p | $path + "/" | startswith($p)) | not' \
			"$dir/json" >/dev/null || fail "$layout: $path is kept"
	done
}

mount_root() {
	mkdir -p "$root"
	mount -o subvol="/$name" "$loop" "$root"
}

# --- what every layout has to go through ---

check_dry_run() {
	init 0 --dry-run
	says 'To be done:'
	init 0 --dry-run --json
	cp "$dir/out" "$dir/json"
	[ "$(list_all)" = "$before" ] || fail "$layout: the dry run has changed something"
}

check_undo() {
	init 0 --undo --yes
	[ "$(list_all)" = "$before" ] || fail "$layout: not as it was: $(diff <(echo "$before") <(list_all))"
	ls -d "$top"/snapshots/*.20* >/dev/null || fail "$layout: the snapshot is gone, which nobody named"
	init 1 --undo --yes
	says 'nothing to take back'
	btrfs -q subvolume delete "$top"/snapshots/*
	rmdir "$top/snapshots"
}

check_named_undo() {
	init 0 --yes
	init 1 --undo --yes nonsense
	says 'is not the snapshot from before'
	init 0 --undo --yes "$(basename "$top"/snapshots/*)"
	[ ! -e "$top/snapshots" ] || fail "$layout: the snapshot that was named is not gone"
	[ "$(list_all)" = "$before" ] || fail "$layout: not as it was: $(diff <(echo "$before") <(list_all))"
}

# What the next reset makes of it.
check_reset() {
	local system=$top/$name conf=$dir/blankroot.conf

	cp "$system/etc/blankroot.conf" "$conf"
	"$BLANKROOT_INITRD" --check-config --config "$conf" || fail "$layout: $(cat "$conf")"
	echo 'edited by hand' >"$system/etc/motd"
	echo drift >"$system/usr/drift"
	echo new >"$system/root/new"
	image_unmount
	"$BLANKROOT_INITRD" --config "$conf" --device "$loop" --cmdline noresume 2>"$dir/reset" ||
		fail "$layout: $(cat "$dir/reset")"
	image_mount
	[ "$(cat "$system/etc/motd" "$system/root/new" "$system/etc/blankroot.conf" | sed -n '1,2p')" = $'as installed\nnew' ] ||
		fail "$layout: not reset, or something lost: $(cat "$dir/reset")"
	[ ! -e "$system/usr/drift" ] || fail "$layout: not blank"
	ls -d "$top/old_roots/"*/usr >/dev/null || fail "$layout: no archive"
}

# What the preflight check says of the system as it is now; that there is no initramfs is not of interest.
check_findings() { # expected
	local found

	mount_root
	"$BLANKROOT" check --root="$root" --config="$root/etc/blankroot.conf" --device="$loop" --json >"$dir/check" 2>&1 || true
	umount "$root"
	found=$(jq -r '.findings[] | select(.id | test("path|pin|blank|layout|config|default|nested|refused|root-")) | .id' "$dir/check")
	[ "$found" = "$1" ] || fail "$layout: $(jq -c '.findings[]' "$dir/check")"
}

begin() { # layout
	layout=$1
	mkfs.btrfs -q -f "$loop"
	uuid=$(blkid -p -s UUID -o value "$loop")
	image_mount
	"make_$layout"
	before=$(list_all)
	check_dry_run
}

end() {
	image_unmount
}

check_layout() { # layout, argument of init...
	begin "$@"
	shift
	if [ "$name" = "@rootfs" ]; then
		check_named_undo
	fi
	init 0 --yes "$@"
	check_undo
	init 0 --yes "$@"
	init 0 --yes "$@"
	says 'All of it is done already.'
	[ "$layout" != arch ] || says 'blankroot blank commit /etc/mkinitcpio.conf'
	[ "$(btrfs property get -ts "$top/$blank" ro)" = ro=true ] || fail "$layout: the blank is not read-only"
	[ "$(stat -c %a "$top/old_roots" "$top/snapshots" "$top/.blankroot" | sort -u)" = 700 ] ||
		fail "$layout: directories that others can see into"
	kept /etc/machine-id /etc/hostname /etc/ssh /etc/fstab /root
	not_kept /etc/motd /etc/passwd /usr
	check_findings ''
	check_reset
}

check_all() {
	check_layout debian
	kept /home /opt/deploy /var/log /var/lib/app /var/lib/postgresql /var/lib/soon /var/lib/added /var/lib/other/one /var/lib/private \
		/var/lib/systemd/timers
	not_kept /opt/service /opt/gone /var/lib/dpkg /var/lib/rpm /var/lib/pacman /var/lib/empty /var/lib/systemd/deb-systemd-helper-enabled
	jq -e '.persist | all(.path != "/var/lib/postgresql" or .method == "subvolume")' "$dir/json" >/dev/null ||
		fail 'a database is copied'
	[ "$(stat -c %i "$top/@rootfs/var/lib/postgresql")" -eq 256 ] || fail 'not converted'
	[ "$(stat -c %a "$top/@rootfs/var/lib/private")" = 700 ] || fail 'not private'
	end
	check_layout ubuntu
	not_kept /home
	end
	check_layout fedora
	not_kept /home /boot /var/lib/machines
	kept /opt/data
	[ "$(cat "$top/root/opt/data/file")" = data ] || fail 'what is in a nested subvolume is lost'
	[ -z "$(ls -A "$top/root-blank/opt/data")" ] || fail 'a nested subvolume that is kept is in the blank'
	[ -d "$top/root/var/lib/machines" ] || fail 'the nested subvolume is gone'
	end
	check_layout arch --write-fstab --write-boot-loader
	not_kept /home /var/log
	grep -q "subvolid=$(id_of @home),subvol=/@home" "$top/@/etc/fstab" || fail "fstab: $(cat "$top/@/etc/fstab")"
	grep -q 'rw,relatime,subvol=/@	0 0' "$top/@/etc/fstab" || fail "fstab: $(cat "$top/@/etc/fstab")"
	grep -q 'rootflags=subvol=@ rw' "$top/@/boot/loader/entries/arch.conf" || fail 'the boot loader still has the id'
	# the id that the former fstab has is that of an archive by now
	init 0 --undo --yes
	says 'stays: it names the root by its name'
	grep -q 'rw,relatime,subvol=/@	0 0' "$top/@/etc/fstab" || fail "fstab after a reset: $(cat "$top/@/etc/fstab")"
	[ ! -e "$top/@/etc/blankroot.conf" ] || fail 'the configuration is still there'
	end
	check_layout opensuse
	not_kept /var /.snapshots
	[ "$(btrfs subvolume get-default "$top" | awk '{ print $2 }')" = "$(id_of "$name")" ] ||
		fail 'the default subvolume is not the new root'
	end
}

# NixOS makes its configuration from another one, and of its files in /etc itself.
check_nixos() {
	begin nixos
	init 0 --yes
	says 'services.blankroot = {'
	says '"/var/lib/nixos"'
	not_kept /nix /etc/blankroot.conf
	[ ! -e "$top/root/etc/blankroot.conf" ] || fail 'wrote what NixOS makes'
	[ "$(btrfs property get -ts "$top/root-blank" ro)" = ro=true ] || fail 'no blank'
	echo 2 >"$top/root/var/lib/nixos/uid-map"
	touch "$top/root/var/drift"
	jq '"ephemeral root { persist = { " + ([.persist[].path | tojson] | join(", ")) + " } }"' -r "$dir/json" >"$dir/blankroot.conf"
	image_unmount
	"$BLANKROOT_INITRD" --config "$dir/blankroot.conf" --device "$loop" --cmdline noresume 2>"$dir/reset" ||
		fail "NixOS: $(cat "$dir/reset")"
	image_mount
	[ "$(cat "$top/root/var/lib/nixos/uid-map")" = 2 ] || fail 'NixOS: not kept'
	[ ! -e "$top/root/var/drift" ] || fail 'NixOS: not reset'
	init 0 --undo --yes
	[ ! -e "$top/root-blank" ] || fail 'NixOS: the blank is still there'
	end
}

# A root in the top level itself: what is there stays, and the next boot has another root.
check_top() {
	local line

	begin top
	not_kept /home
	init 0 --yes --write-fstab --write-boot-loader
	says 'The boot loader still reads its files from the top level'
	[ "$(btrfs subvolume get-default "$top" | awk '{ print $2 }')" = "$(id_of rootfs)" ] || fail 'another default'
	for line in "/ btrfs defaults,subvol=rootfs 0 0" "/mnt btrfs subvolid=5,noauto 0 0" "/home btrfs subvol=/home 0 0"; do
		grep -qx "UUID=$uuid $line" "$top/rootfs/etc/fstab" || fail "fstab: $(cat "$top/rootfs/etc/fstab")"
	done
	! ls -d "$top"/rootfs/{old_roots,.blankroot,snapshots} >/dev/null 2>&1 || fail 'directories of blankroot in the root'
	touch "$top/rootfs/home/mount-point-can-be-used"
	rm "$top/rootfs/home/mount-point-can-be-used"
	[ "$(cat "$top/home/file" "$top/etc/motd" "$top/etc/fstab" | head -n 2)" = $'file\nas installed' ] ||
		fail 'something is gone from the top level'
	check_findings ''
	check_reset
	# it was used since
	init 1 --undo --yes
	says 'rootfs stays: '
	end
	begin top
	init 0 --yes
	says 'To be changed before the next boot'
	check_undo
	init 0 --yes --write-fstab --write-boot-loader
	check_undo
	end
}

# The root that runs, on a terminal: it is asked once, and anything but yes is no. What is mounted in it is left alone.
check_running() {
	local shown=$dir/shown

	command -v script >/dev/null || return 0
	begin debian
	mount_root
	mkdir "$root"/{dev,var/lib/mounted}
	mount -t tmpfs tmpfs "$root/var/lib/mounted"
	touch "$root/var/lib/mounted/file"
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	echo "root=x rootflags=subvolid=$(id_of @rootfs) ro" >"$dir/cmdline"
	mount --bind "$dir/cmdline" "$root/proc/cmdline"
	mkdir "$dir/tools"
	cp "$BLANKROOT" "$dir/tools/"
	ldd "$BLANKROOT" | grep -oE '/[^ ]+' | xargs -I '{}' cp '{}' "$dir/tools/"
	mount --bind "$dir/tools" "$root/srv"
	cat >"$dir/run" <<-END
		#!/bin/sh
		exec chroot "$root" /srv/ld-linux-x86-64.so.2 --library-path /srv /srv/blankroot init
	END
	chmod +x "$dir/run"
	before=$(list_all)
	echo n | script -qec "$dir/run" /dev/null >"$shown" || fail "on a terminal: $(cat "$shown")"
	grep -q 'Nothing was changed' "$shown" || fail "after no: $(cat "$shown")"
	[ "$(list_all)" = "$before" ] || fail 'changed something although the answer was no'
	grep -q '+ root=x rootflags=subvol=@rootfs ro' "$shown" || fail "the kernel command line: $(cat "$shown")"
	! grep -q '/var/lib/mounted' "$shown" || fail 'keeps what is mounted'
	echo y | script -qec "$dir/run" /dev/null >"$shown" || fail "on a terminal: $(cat "$shown")"
	grep -q 'done: make the blank' "$shown" || fail "after yes: $(cat "$shown")"
	[ -e "$top/@rootfs-blank/etc/blankroot.conf" ] || fail 'no configuration in the blank'
	umount -R "$root"
	end
}

# --- what it must not do ---

refused() { # message, argument...
	local message=$1

	shift
	init 1 "$@"
	says "$message"
	[ "$(list_all)" = "$before" ] || fail "$layout: changed something although refused: $*"
}

check_refusals() {
	begin debian
	init 2
	says 'say --yes'
	btrfs -q subvolume create "$top/@rootfs-blank"
	before=$(list_all)
	refused 'is there already, and is not from blankroot init' --yes
	btrfs -q subvolume delete "$top/@rootfs-blank"
	echo 'ephemeral "@rootfs" { }' >"$top/@rootfs/etc/blankroot.conf"
	before=$(list_all)
	refused '--replace-config' --yes
	refused 'No such file or directory' --yes --config=/etc/missing/blankroot.conf
	mv "$top/@rootfs/etc" "$top/@rootfs/usr/etc"
	ln -s usr/etc "$top/@rootfs/etc"
	before=$(list_all)
	refused 'symbolic link in path' --yes --replace-config
	rm "$top/@rootfs/etc"
	mv "$top/@rootfs/usr/etc" "$top/@rootfs/etc"
	before=$(list_all)
	init 2 --yes --config=/etc/../blankroot.conf
	init 0 --yes --replace-config
	[ "$(cat "$top/@rootfs/etc/blankroot.conf.before-blankroot")" = 'ephemeral "@rootfs" { }' ] || fail 'lost a configuration'
	check_undo
	rm "$top/@rootfs/etc/blankroot.conf"
	btrfs -q subvolume snapshot "$top/@rootfs" "$top/other"
	before=$(list_all)
	refused 'there are several roots' --yes
	init 0 --yes --subvolume=other
	init 1 --yes --subvolume=@rootfs
	says 'has prepared another root of this file system, other'
	[ ! -e "$top/@rootfs/etc/blankroot.conf" ] || fail 'two roots in one record'
	btrfs property set -ts "$top/other-blank" ro false
	echo mine >"$top/other-blank/etc/motd"
	echo mine >>"$top/other/etc/blankroot.conf"
	init 1 --undo --yes
	says 'other-blank stays: it was changed since'
	says '/etc/blankroot.conf stays: it was changed since'
	[ "$(cat "$top/other-blank/etc/motd")" = mine ] || fail 'deleted what somebody had changed'
	end
}

# --- an empty device ---

format() { # expected exit status, argument...
	local expected=$1 code=0

	shift
	"$BLANKROOT" init --format="$loop" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	is_status "$code" "$expected" "$dir/err" || fail "init --format $*: exit status $code, not $expected: $(cat "$dir/out" "$dir/err")"
}

check_format() {
	layout=format
	format 1 --yes
	says 'is not empty: it holds btrfs'
	wipefs -q --all "$loop"
	format 0 --dry-run
	says 'make a btrfs on'
	[ -z "$(wipefs --noheadings "$loop")" ] || fail 'a dry run made a file system'
	format 0 --yes --label=system --preset=packaging/presets/database.conf
	uuid=$(blkid -p -s UUID -o value "$loop")
	[ "$(blkid -p -s LABEL -o value "$loop")" = system ] || fail 'no label'
	says "UUID=$uuid / btrfs subvol=root,noatime,"
	says "UUID=$uuid /var/lib/postgresql btrfs subvol=postgresql,noatime,"
	grep '^UUID=' "$dir/out" >"$dir/fstab"
	format 0 --yes --preset=packaging/presets/database.conf
	image_mount
	[ "$(ls "$top")" = $'home\nlog\nmysql\nold_roots\npersist\npostgresql\nroot\nroot-blank\nsnapshots\nsrv' ] ||
		fail "the layout: $(ls "$top")"
	lsattr -d "$top/postgresql" | grep -q C || fail 'a database that is copied on write'
	[ "$(btrfs property get -ts "$top/root-blank" ro)" = ro=true ] || fail 'the blank is not read-only'
	# the options are those of mount(8)
	while read -r _ _ _ options _; do
		mkdir -p "$root"
		mount -o "$options" "$loop" "$root" || fail "mount refuses $options"
		umount "$root"
	done <"$dir/fstab"
	make_system "$top/root" debian
	cp "$dir/fstab" "$top/root/etc/fstab"
	name=root blank=root-blank
	init 0 --yes --json --preset=packaging/presets/database.conf
	cp "$dir/out" "$dir/json"
	not_kept /home /var/log /srv
	[ -e "$top/root-blank/etc/motd" ] || fail 'the blank is still empty'
	check_reset
	[ "$(btrfs subvolume list "$top" | grep -c ' root-blank$')" -eq 1 ] || fail 'blanks'
	init 0 --undo --yes
	ls -d "$top/root/etc/motd" "$top/home" >/dev/null || fail 'took back what was installed'
	end
	format 1 --yes
	[ "$(blkid -p -s UUID -o value "$loop")" = "$uuid" ] || fail 'made anew'
}

# Whatever a preset says is in what is written, and nothing that it does not say.
check_own_preset() {
	local want

	cat >"$dir/own.conf" <<-'END'
		ephemeral root { path "/opt/data" { create = directory owner = "1:2" mode = "0750" } }
		archives { keep = "2w" keep-min = 5 max-overhead = "7.5%" min-free = "10%" }
		snapshots { subvolumes = { a, "b c" } every = 6h keep = 30d only-if-changed = yes
			before = { "/bin/a", "$x" } after = { "/bin/b" } hook-timeout = 5s }
		performance { mode = balanced nodatacow = { "/a" } compress = { "/b" } set = { "vm.swappiness=5" } }
		maintenance { scrub = monthly balance = weekly trim = "Mon 03:00" }
		metrics { directory = "/m" every = 5min max-used = "90%" on-alert = { "/bin/c" } hook-timeout = 7s }
	END
	init 0 --dry-run --json --preset="$dir/own.conf"
	jq -r .configuration "$dir/out" | tr -s ' \n' ' ' >"$dir/written"
	while read -r want; do
		grep -qF -- "$want" "$dir/written" || fail "not '$want' in $(cat "$dir/written")"
	done <<-'END'
		path "/opt/data" { create = directory owner = "1:2" mode = "0750" }
		archives { keep = "1209600s" keep-min = 5 max-overhead = "7.500000%" min-free = "10.000000%" }
		snapshots { subvolumes = { "a", "b c" } every = "6h" keep = "2592000s" only-if-changed = "yes"
		before = { "/bin/a", "\$x" } after = { "/bin/b" } hook-timeout = "5s" }
		performance { mode = "balanced" nodatacow = { "/a" } compress = { "/b" } set = { "vm.swappiness=5" } }
		maintenance { scrub = "monthly" balance = "weekly" trim = "Mon 03:00" }
		metrics { directory = "/m" every = "5min" max-used = "90.000000%" on-alert = { "/bin/c" } hook-timeout = "7s" }
	END
	echo 'ephemeral root { }' >"$dir/own.conf"
	init 0 --dry-run --json --preset="$dir/own.conf"
	! jq -r .configuration "$dir/out" | grep -E '^[a-z]+ \{' || fail 'a section of which the preset says nothing'
}

check_presets() {
	local preset

	mkdir -p "$dir/usr/sbin" "$dir/usr/share/blankroot/presets"
	cp packaging/presets/*.conf "$dir/usr/share/blankroot/presets/"
	cp "$BLANKROOT" "$dir/usr/sbin/blankroot"
	begin debian
	for preset in server container-host database web; do
		"$dir/usr/sbin/blankroot" init --dry-run --json --preset=$preset --device="$loop" >"$dir/json" ||
			fail "preset $preset"
		jq -r .configuration "$dir/json" >"$dir/preset.conf"
		"$BLANKROOT_INITRD" --check-config --config "$dir/preset.conf" || fail "preset $preset: $(cat "$dir/preset.conf")"
		grep -q '^performance {' "$dir/preset.conf" || fail "$preset: no mode"
		grep -q 'scrub = "monthly"' "$dir/preset.conf" || fail "$preset: no maintenance"
		kept /etc/machine-id /var/lib/app
	done
	refused 'there is no preset of that name' --yes --preset=nonsense
	check_own_preset
	end
}

image_create
check_all
check_nixos
check_top
check_running
check_refusals
check_presets
check_format
