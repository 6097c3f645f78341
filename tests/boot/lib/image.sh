# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Initramfs images, built in a chroot by the generators themselves, with blankroot as `make install` puts it there.
# An image is kept in $cache under a key of all that goes into it.
#
#   image_use GENERATOR VARIANT     sets image and vmlinuz
#
# GENERATOR is one of the files in tests/boot/generators; VARIANT one of
#   continue, stop   with blankroot, and this on-failure
#   luks             as continue, and can open LUKS devices
#   slow             as continue, and udev takes long for /dev/vda; dracut only
#   timed            as continue, with nothing to keep, and notes how long blankroot-initrd takes from its start to its end
#   server           for the disk of lib/server.sh
#   bare             without blankroot
#   recipe           without it, but with the usual shell recipe for the same job, which notes how long it takes too
#   floor            tests/bench/floor.c in the recipe's place

image_luks_uuid=5a3b9c1e-6f0d-4a7c-9b52-8e1d4c7f2a60

# Modules for the disks of these machines, like those that an image made for one machine would have.
image_drivers='virtio_pci virtio_blk'

# What make installs, once for each test.
image_stage() {
	stage=$dir/stage
	[ ! -e "$stage" ] || return 0
	env -u MAKEFLAGS -u MAKELEVEL make -s install PREFIX=/usr DESTDIR="$stage" >"$dir/install.log" 2>&1 ||
		fail "make install: $(tail "$dir/install.log")"
	install -m 755 "${BLANKROOT_INITRD:?}" "$stage/usr/sbin/blankroot-initrd"
}

image_configuration() { # variant
	local persist='"/persistent"' on_failure=continue

	[ "$1" != server ] || persist=$server_persist
	[ "$1" != timed ] || persist=
	[ "$1" != stop ] || on_failure=stop
	cat <<-END
		ephemeral root {
		    mountpoint = "/"
		    persist = { $persist }
		    on-failure = $on_failure
		}
	END
}

image_key() { # generator, variant
	{
		echo "$chroot $kernel $*"
		declare -p image_drivers image_luks_uuid server_persist
		# shellcheck disable=SC2046 # a list of names
		declare -f $(compgen -A function image_)
		[ "$2" != floor ] || cat tests/bench/floor.c
		cat tests/boot/generators/*
		find "$stage" tests/boot/mkinitcpio tests/boot/recipe -type f -print0 | sort -z | xargs -0 cat
	} | sha256sum
}

image_use() { # generator, variant
	local key

	image_stage
	key=$(image_key "$@")
	image=$cache/$1-$2-${key:0:16}.img
	vmlinuz=$chroot/boot/vmlinuz-$kernel
	exec 8>"$cache/images.lock"
	flock 8
	[ -e "$image" ] || image_build "$@"
	exec 8>&-
	touch "$image"
}

# A throw-away layer above the chroot, or a copy of it where there are layers already, as in a container.
image_mount_layer() {
	layer=$dir/layer
	mkdir -p "$layer"/{upper,work,root}
	mount -t overlay -o "lowerdir=$chroot,upperdir=$layer/upper,workdir=$layer/work" overlay "$layer/root" ||
		cp -a "$chroot/." "$layer/root/"
	mount -t proc proc "$layer/root/proc"
	mount -t sysfs -o ro sysfs "$layer/root/sys"
	mount --rbind /dev "$layer/root/dev"
	mount -t tmpfs tmpfs "$layer/root/run"
	mount -t tmpfs tmpfs "$layer/root/tmp"
}

image_unmount_layer() {
	umount -l "$layer"/root/{proc,sys,dev,run,tmp}
	! mountpoint -q "$layer/root" || umount "$layer/root"
	rm -rf --one-file-system "$layer"
}

image_install_blankroot() { # variant
	case $1 in
	bare | recipe) ;;
	floor)
		gcc -std=gnu11 -D_GNU_SOURCE -Os -static -o "$layer/root$image_timed" tests/bench/floor.c
		;;
	*)
		cp -a "$stage/." "$layer/root/"
		image_configuration "$1" >"$layer/root/etc/blankroot.conf"
		if [ "$1" = timed ]; then
			mv "$layer/root/usr/sbin/blankroot-initrd" "$layer/root$image_timed"
			image_write_timer "$layer/root/usr/sbin/blankroot-initrd"
		fi
		;;
	esac
}

# What is timed, by a script in its place.
image_timed=/usr/sbin/timed

image_write_timer() { # file [argument]...
	install -m 755 /dev/stdin "$1" <<-END
		#!/bin/sh
		read -r begin _ </proc/uptime
		$image_timed ${*:2} "\$@"
		code=\$?
		read -r end _ </proc/uptime
		echo "\$begin \$end" >/run/reset-times
		exit \$code
	END
}

# The generator's file defines generator_prepare ROOT VARIANT, called here, and generator_command VARIANT, which
# prints a shell command for the chroot that leaves /image.
image_prepare() { # generator, variant
	image_mount_layer
	image_install_blankroot "$2"
	# shellcheck source=/dev/null
	. "tests/boot/generators/$1"
	generator_prepare "$layer/root" "$2"
}

image_build() { # generator, variant
	image_prepare "$@"
	if ! image_run "$(generator_command "$2")" >"$dir/generator.log" 2>&1; then
		fail "$1 cannot build the image $2: $(tail -n 20 "$dir/generator.log")"
	fi
	find "$cache" -maxdepth 1 -name "$1-$2-*.img" -mtime +7 -delete
	mv "$layer/root/image" "$image.unfinished"
	mv "$image.unfinished" "$image"
	image_unmount_layer
}

image_run() { # shell command
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb chroot "$layer/root" /bin/bash -ec "$1"
}
