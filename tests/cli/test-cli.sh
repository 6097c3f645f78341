#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What blankroot-initrd says and returns, word for word, where no file system is needed.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

export LC_ALL=C

# The program with these arguments ends with that exit code and prints what is on standard input: first the lines of
# standard output, then those of standard error, with "! " in front. DIR stands for the scratch directory.
expect() { # exit code, argument...
	local expected=$1 status=0

	shift
	"$BLANKROOT_INITRD" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	sed 's/^/! /' "$dir/err" >>"$dir/out"
	sed -i "s|$BLANKROOT_INITRD|blankroot-initrd|g; s|$dir|DIR|g" "$dir/out"
	diff - "$dir/out" || fail "'$*': expected (<) and printed (>) differ"
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected"
}

# Output that cannot be written is an error, not a success that says nothing.
expect_loss() { # argument...
	local status=0

	"$BLANKROOT_INITRD" "$@" >/dev/full 2>"$dir/err" || status=$?
	[ "$status" -eq 4 ] || fail "'$* >/dev/full' ended with $status, not 4"
	[ "$(cat "$dir/err")" = 'blankroot-initrd: standard output: No space left on device' ] ||
		fail "'$* >/dev/full' said: $(cat "$dir/err")"
}

write_configurations() {
	mkdir "$dir/good.conf.d" "$dir/bad.conf.d"
	echo 'ephemeral root { persist = { "/etc/ssh" } }' >"$dir/good.conf"
	echo 'ephemeral root { persist = { "/etc/machine-id" } on-failure = stop }' >"$dir/good.conf.d/10.conf"
	echo 'device = "LABEL=system"' >"$dir/good.conf.d/20.conf"
	echo 'this is not read' >"$dir/good.conf.d/30.conf.orig"
	echo 'ephemeral root { persist = { "/etc" } }' >"$dir/bad.conf"
	printf '\nephemeral root { persist = { "/etc/ssh" } }\n' >"$dir/bad.conf.d/10.conf"
	printf 'ephemeral root {\n\tarchiv = "old"\n}\n' >"$dir/typo.conf"
}

check_information() {
	expect 0 --help <tests/cli/help.golden
	expect 0 --version <<<'blankroot-initrd 0.1.0'
	expect 0 --device nonsense --version <<<'blankroot-initrd 0.1.0'
	expect_loss --help
	expect_loss --version
	expect_loss --print=on-failure --config "$dir/good.conf"
}

check_usage() {
	expect 2 --no-such-option <<-'END'
		! blankroot-initrd: unrecognized option '--no-such-option'
		! Try 'blankroot-initrd --help' for more information.
	END
	expect 2 -x <<-'END'
		! blankroot-initrd: invalid option -- 'x'
		! Try 'blankroot-initrd --help' for more information.
	END
	expect 2 --config <<-'END'
		! blankroot-initrd: option '--config' requires an argument
		! Try 'blankroot-initrd --help' for more information.
	END
	expect 2 --dry-run=yes <<-'END'
		! blankroot-initrd: option '--dry-run' doesn't allow an argument
		! Try 'blankroot-initrd --help' for more information.
	END
	expect 2 --dry-run /dev/sda <<-'END'
		! blankroot-initrd: unexpected argument '/dev/sda'
		! Try 'blankroot-initrd --help' for more information.
	END
	expect 2 --print=colour <<-'END'
		! blankroot-initrd: --print: 'colour' is neither 'on-failure' nor 'device'
		! Try 'blankroot-initrd --help' for more information.
	END
}

check_configuration() {
	expect 0 --check-config --config "$dir/good.conf" </dev/null
	expect 0 --print=on-failure --config "$dir/good.conf" <<<'stop'
	expect 0 --print=device --config "$dir/good.conf" <<<'LABEL=system'
	echo 'ephemeral root { }' >"$dir/least.conf"
	expect 0 --print=on-failure --config "$dir/least.conf" <<<'continue'
	expect 0 --print=device --config "$dir/least.conf" <<<''
	expect 2 --check-config --config "$dir/bad.conf" <<-'END'
		! blankroot-initrd: configuration error: DIR/bad.conf.d/10.conf:2: ephemeral root: persist: "/etc/ssh": is inside of "/etc" at DIR/bad.conf:1
	END
	expect 2 --print=device --config "$dir/typo.conf" <<-'END'
		! blankroot-initrd: configuration error: DIR/typo.conf:2: ephemeral root: unknown key "archiv"; did you mean "archive"?
	END
	expect 2 --check-config --config "$dir/none.conf" <<-'END'
		! blankroot-initrd: configuration error "DIR/none.conf": cannot open: No such file or directory
	END
}

# A reset that ends before it needs a file system.
check_reset() {
	expect 0 --config "$dir/none.conf" --report "$dir/off.json" --cmdline 'quiet rd.blankroot=off' <<-'END'
		! blankroot: not reset: skipped, as the kernel command line says (rd.blankroot=off)
	END
	grep -q '"outcome": "skipped"' "$dir/off.json" || fail 'rd.blankroot=off: not in the report'
	expect 2 --config "$dir/none.conf" --device /dev/null --cmdline '' <<-'END'
		! blankroot: NOT RESET: configuration error "DIR/none.conf": cannot open: No such file or directory; the old root is unchanged
	END
	expect 2 --config "$dir/good.conf" --device /dev/null --cmdline 'rd.blankroot.tiemout=5' <<-'END'
		! blankroot: NOT RESET: usage error: kernel command line: rd.blankroot.tiemout=5: unknown; there are rd.blankroot=, rd.blankroot.from=, rd.blankroot.timeout=, rd.blankroot.debug; the old root is unchanged
	END
}

mute_kernel_log
write_configurations
check_information
check_usage
check_configuration
check_reset
