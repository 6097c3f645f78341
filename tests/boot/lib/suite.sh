# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A test script of boots: suite_run GENERATOR runs that generator's cells of the matrix.
#
#   BOOT_CELLS=short|full|all   those marked "short" (default), those marked "full", or both
#   BOOT_ONLY="uuid luks"   only these scenarios, whatever their mark
#   BOOT_UNTIL=SECONDS      since 1970: no cell is begun after that
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
	# In the chroots are programs that are setuid root, and older than those of this machine.
	install -d -m 700 "$cache"
	cache=$(realpath "$cache")
}

suite_is_selected() { # scenario, mark
	if [ -n "${BOOT_ONLY:-}" ]; then
		[[ " $BOOT_ONLY " == *" $1 "* ]]
	else
		case ${BOOT_CELLS:-short} in
		short | full) [ "$2" = "${BOOT_CELLS:-short}" ] ;;
		*) true ;;
		esac
	fi
}

# Of what is running, one has to end first.
suite_is_late() {
	cell_make_room
	[ "${BOOT_UNTIL:-0}" -gt 0 ] && [ "$(date +%s)" -ge "$BOOT_UNTIL" ]
}

# The last line is for tests/run, which counts each cell.
suite_run() { # generator
	local generator scenario mark release

	suite_begin
	trap cell_kill_all EXIT
	trap 'exit 143' TERM HUP INT
	while read -r generator release scenario mark <&7; do
		if [ "$generator" != "$1" ] || ! suite_is_selected "$scenario" "$mark"; then
			continue
		elif suite_is_late; then
			echo "cell ---- $generator-$release-$scenario: no time left for it"
		else
			dir=$scratch
			chroot_use "$release"
			cell_start "$generator-$release-$scenario" "scenario_$scenario" "$generator"
		fi
	done 7< <(sed '/^#/d; /^$/d' tests/boot/matrix)
	cell_reap_all
	[ "$cells" -gt 0 ] || skip 'no cell is selected, or there is no time left'
	echo "$(((cells - cells_failed) * 100 / cells))%: Checks: $cells, Failures: $cells_failed, Errors: 0"
	[ "$cells_failed" -eq 0 ]
}
