#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # dracut sets these
#
# dracut module: the recipe, with the programs that it calls.

check() {
	return 0
}

depends() {
	echo rootfs-block
}

installkernel() {
	hostonly='' instmods btrfs
}

install() {
	inst_multiple bash btrfs mount umount mkdir mv date stat cut find
	if dracut_module_included systemd; then
		inst_script "$moddir/reset.sh" /usr/bin/recipe
		inst_simple "$moddir/recipe.service" "$systemdsystemunitdir/recipe.service"
		mkdir -p "$initdir$systemdsystemunitdir/initrd.target.wants"
		ln -sfn ../recipe.service "$initdir$systemdsystemunitdir/initrd.target.wants/recipe.service"
	else
		inst_script "$moddir/reset.sh" /usr/bin/recipe
		inst_hook pre-mount 50 "$moddir/recipe.sh"
	fi
}
