# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A test script of boots: suite_run GENERATOR runs that generator's cells of the matrix.
#
#   BOOT_CELLS=short|all    those marked "short" (default), or all
#   BOOT_ONLY="uuid luks"   only these scenarios, whatever their mark
#   BOOT_JOBS=NUMBER        cells at a time (as many as processors)
#   BOOT_CACHE=DIR          where chroots and images are kept (build/boot-cache)
#   BOOT_LIMIT=SECONDS      for what a boot is waited for

# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
for file in tests/boot/lib/*.sh; do
	# shellcheck source=/dev/null
	[ "$file" = tests/boot/lib/suite.sh ] || . "$file"
done

suite_begin() {
	local tool

	[ "$(id -u)" -eq 0 ] || skip 'needs root, for chroots, loop devices and mounts'
	for tool in qemu-system-x86_64 qemu-img mmdebstrap mkfs.btrfs sfdisk setpriv; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
	losetup --find >/dev/null || skip 'needs a loop device'
	[ "$(uname -m)" = x86_64 ] || skip 'needs an x86-64 machine, like the one it boots'
	scratch=$dir
	cache=${BOOT_CACHE:-build/boot-cache}
	mkdir -p "$cache"
	cache=$(realpath "$cache")
}

suite_is_selected() { # scenario, mark
	if [ -n "${BOOT_ONLY:-}" ]; then
		[[ " $BOOT_ONLY " == *" $1 "* ]]
	else
		[ "$2" = short ] || [ "${BOOT_CELLS:-short}" = all ]
	fi
}

# The last line is for tests/run, which counts each cell.
suite_run() { # generator
	local generator scenario mark release

	suite_begin
	trap cell_kill_all EXIT
	trap 'exit 143' TERM HUP INT
	while read -r generator release scenario mark <&7; do
		if [ "$generator" = "$1" ] && suite_is_selected "$scenario" "$mark"; then
			dir=$scratch
			chroot_use "$release"
			cell_start "$generator-$release-$scenario" "scenario_$scenario" "$generator"
		fi
	done 7< <(sed '/^#/d; /^$/d' tests/boot/matrix)
	cell_reap_all
	[ "$cells" -gt 0 ] || skip 'no cell is selected'
	echo "$(((cells - cells_failed) * 100 / cells))%: Checks: $cells, Failures: $cells_failed, Errors: 0"
	[ "$cells_failed" -eq 0 ]
}
