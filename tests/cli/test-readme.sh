#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The README's commands work as they are written there and print what is written there; its configuration is
# accepted; its list of packages is that of packaging/deps.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

readme=$PWD/README.md

# Blocks of a kind in one section, without their fences.
blocks() { # section, kind
	sed -n "/^## $1/,/^## /{/^\`\`\`$2\$/,/^\`\`\`\$/{/^\`\`\`/!p}}" "$readme"
}

# Times are different at each run, and so is what stands behind them.
without_times() {
	sed -E 's/[0-9]{8}T[0-9]{6}Z(-[0-9]+)?/TIME/g; s/[0-9]+\.[0-9]{3} s/SECONDS/g'
}

check_steps() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root, for a loop device and mounts'
	losetup --find >/dev/null || skip 'needs a loop device'
	mute_kernel_log
	mkdir "$dir/build"
	ln -s "$BLANKROOT_INITRD" "$dir/build/blankroot-initrd"
	blocks 'Try it' sh >"$dir/steps"
	[ "$(wc -l <"$dir/steps")" -gt 15 ] || fail 'the steps were not found'
	(cd "$dir" && bash -e steps >output 2>messages) || fail "the steps failed: $(cat "$dir/messages")"
	blocks 'Try it' text | without_times >"$dir/written"
	# The program's own lines, and not those of the other commands: steps, then results.
	{
		sed -n '/^create the directory/,/^commit/p' "$dir/output"
		grep '^blankroot:' "$dir/messages"
	} | without_times >"$dir/printed"
	diff "$dir/written" "$dir/printed" || fail 'what is written (<) and printed (>) differs'
	grep -qx 'as installed' "$dir/output" || fail 'the edited file is not as in the blank'
	grep -qx 'do not forget' "$dir/output" || fail 'the note is not in the archive'
	[ ! -e "$dir/try.img" ] || fail 'the steps leave the image'
}

check_configuration() {
	sed -n '/^`\/etc\/blankroot.conf`:/,/^If nothing else/s/^    //p' "$readme" >"$dir/conf"
	[ -s "$dir/conf" ] || fail 'the configuration was not found'
	"$BLANKROOT_INITRD" --check-config --config "$dir/conf" || fail 'the configuration is not accepted'
}

check_packages() {
	local listed needed

	listed=$(sed -n '/^## Building/,/^## /s/^    //p' "$readme" | grep -v '#' | tr ' ' '\n')
	needed=$(awk '/^check_packages=/ { exit } /^build_packages=/ { inside = 1 } inside && !/^#/' packaging/deps |
		sed 's/^build_packages=//; s/\$build_packages//' | grep -oE '[a-z0-9-]+')
	diff <(sort <<<"$listed") <(sort <<<"$needed") || fail 'packages in the README (<) and in packaging/deps (>) differ'
}

check_configuration
check_packages
check_steps
