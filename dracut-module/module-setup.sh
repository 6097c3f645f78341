#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut module: reset the root before it is mounted. What enters the image is in the manifest.
# shellcheck disable=SC2154 # dracut sets initdir, moddir, systemdsystemunitdir, dracutsysrootdir

blankroot_manifest=/usr/lib/blankroot/initramfs.manifest

# Sources (field 2) or targets (field 3) of one kind.
blankroot_list() { # kind field
	awk -v kind="$1" -v field="$2" '$1 == kind { print $field }' "${dracutsysrootdir-}$blankroot_manifest"
}

# An image that would not reset must not be built: the next boot would show it, perhaps far away.
blankroot_fail() {
	dfatal "blankroot: $*"
	exit 1
}

# Included by itself where there is a configuration, elsewhere on request.
check() {
	[[ -e ${dracutsysrootdir-}$(blankroot_list config 2) ]] && return 0
	return 255
}

depends() {
	echo rootfs-block
}

installkernel() {
	local module

	for module in $(blankroot_list module 2); do
		hostonly='' instmods "$module" ||
			blankroot_fail "the kernel module $module is not to be had"
	done
	for module in $(blankroot_list module-optional 2); do
		hostonly='' instmods -c -s "$module" || :
	done
}

blankroot_install_config() {
	local dir file

	for file in $(blankroot_list config 2); do
		[[ -e ${dracutsysrootdir-}$file ]] || blankroot_fail "$file does not exist: see blankroot.conf(5)"
		inst_simple "$file" || blankroot_fail "cannot install $file"
	done
	for dir in $(blankroot_list config-dir 2); do
		for file in "${dracutsysrootdir-}$dir"/*.conf; do
			[[ -e $file ]] || continue
			inst_simple "${file#"${dracutsysrootdir-}"}" || blankroot_fail "cannot install $file"
		done
	done
}

# on-failure decides what a failed reset means for the mount of the root.
blankroot_enable_unit() { # unit policy
	local wanted_by=$initdir$systemdsystemunitdir/initrd.target.wants

	[[ $2 == stop ]] && wanted_by=$initdir$systemdsystemunitdir/sysroot.mount.requires
	mkdir -p "$wanted_by"
	ln -sfn "../${1##*/}" "$wanted_by/${1##*/}"
}

install() {
	local binary unit policy message

	binary=$(blankroot_list binary 2)
	message=$("${dracutsysrootdir-}$binary" --config="${dracutsysrootdir-}$(blankroot_list config 2)" \
		--check-config 2>&1) || blankroot_fail "$message"
	policy=$("${dracutsysrootdir-}$binary" --config="${dracutsysrootdir-}$(blankroot_list config 2)" \
		--print=on-failure)
	inst_binary "$binary" "$(blankroot_list binary 3)" || blankroot_fail "cannot install $binary"
	blankroot_install_config
	if dracut_module_included systemd; then
		unit=$(blankroot_list unit 3)
		inst_simple "$(blankroot_list unit 2)" "$unit" || blankroot_fail "cannot install $unit"
		blankroot_enable_unit "$unit" "$policy"
	else
		inst_hook pre-mount 50 "$moddir/blankroot-reset.sh"
	fi
}
