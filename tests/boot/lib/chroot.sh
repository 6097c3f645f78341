# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Debian installations in directories, made once and then only read: what initramfs images are built in, with the
# kernels that are booted.
#
#   bookworm    the stable release
#   backports   the same, with kernel, dracut and systemd of its backports
#
# $cache is where they are kept. The mirror is the one of this machine.

# The recipe of a chroot: what it is made of is also the key of everything that is derived from it.
# cryptsetup-initramfs belongs to initramfs-tools, cryptsetup to both generators.
chroot_packages='linux-image-cloud-amd64 dracut-core initramfs-tools busybox-static systemd-sysv dbus udev kmod
	openssh-server cryptsetup cryptsetup-initramfs btrfs-progs zstd jq
	attr libconfuse2 libbtrfsutil1 libsmartcols1 libjansson4 libarchive13'
chroot_backported='linux-image-cloud-amd64/bookworm-backports dracut-core/bookworm-backports'

# "URI KEYRING" of the first source of this machine which has the release; without a KEYRING apt's own keys count.
chroot_mirror() {
	local file

	for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] || continue
		case $file in
		*.sources) awk -v RS= '{
				uri = key = suite = ""
				for (i = 1; i <= NF; i++) {
					if ($i == "URIs:") uri = $(i + 1)
					if ($i == "Signed-By:") key = $(i + 1)
					if ($i == "bookworm") suite = $i
				}
				if (suite != "" && uri != "") print uri, key
			}' "$file" ;;
		*) sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +bookworm .*/\2/p' "$file" ;;
		esac
	done | sed -n 1p
}

chroot_sources() { # name, mirror, keyring
	local options=

	[ -z "$3" ] || options="[signed-by=$3] "
	echo "deb $options$2 bookworm main"
	[ "$1" != backports ] || echo "deb $options$2 bookworm-backports main"
}

# No image is built while the packages are configured.
chroot_customise=(
	--essential-hook='mkdir -p "$1/etc/initramfs-tools"'
	--essential-hook='echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"'
	--customize-hook='rm -rf "$1/var/cache/apt/archives" "$1/usr/share/locale" "$1/usr/share/doc"'
	--dpkgopt=force-unsafe-io --dpkgopt=force-confold
	--aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"'
	--aptopt='APT::Install-Recommends "false"'
)

chroot_recipe() { # name
	declare -p chroot_packages chroot_customise
	[ "$1" != backports ] || declare -p chroot_backported
}

# Sets chroot, its directory, and kernel, the version in it. Ends the test as skipped where there is no mirror.
chroot_use() { # name
	local key

	key=$(chroot_recipe "$1" | sha256sum)
	chroot=$cache/$1-${key:0:12}
	exec 8>"$cache/$1.lock"
	flock 8
	[ -e "$chroot" ] || chroot_build "$1"
	exec 8>&-
	kernel=$(basename "$chroot"/lib/modules/*)
}

chroot_build() { # name
	local mirror keyring include unfinished=$chroot.unfinished

	read -r mirror keyring <<<"$(chroot_mirror)"
	[ -n "$mirror" ] || skip 'no source of packages for bookworm below /etc/apt'
	find "$cache" -maxdepth 1 -name "$1-*" -exec rm -rf --one-file-system {} +
	include=$chroot_packages
	[ "$1" != backports ] || include+=" $chroot_backported"
	chroot_sources "$1" "$mirror" "$keyring" |
		mmdebstrap --quiet --variant=minbase --include="$include" "${chroot_customise[@]}" \
			bookworm "$unfinished" - >"$dir/mmdebstrap.log" 2>&1 ||
		fail "mmdebstrap failed: $(tail -n 20 "$dir/mmdebstrap.log")"
	mv "$unfinished" "$chroot"
}
