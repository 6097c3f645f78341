#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shells offer what the programs' help has: bash by completing, zsh by its list of options.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

# Commands and options of a help, with "=" where a value follows.
list_help() { # argument...
	"$@" --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p; s/^ +(--[a-z-]+)(=?)[A-Z]*( .*|$)/\1\2/p'
}

# What bash offers for the last of these words.
complete_words() { # word...
	(
		. packaging/completions/blankroot.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		"$(complete -p "$1" | sed 's/.*-F \([a-z_]*\) .*/\1/')" 2>"$dir/err"
		[ ! -s "$dir/err" ] || fail "completing '$*': $(cat "$dir/err")"
		[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
	)
}

offers() { # expected, word...
	local expected=$1

	shift
	[ "$(complete_words "$@")" = "$expected" ] || fail "'$*' completes to $(complete_words "$@"), not $expected"
}

check_bash() {
	local command

	agree 'what bash offers for blankroot-initrd' "$(list_help "$BLANKROOT_INITRD")" "$(complete_words blankroot-initrd '')"
	agree 'what bash offers for blankroot' "$(list_help "$BLANKROOT")" "$(complete_words blankroot '')"
	for command in $(list_help "$BLANKROOT" | grep -v '^-'); do
		agree "what bash offers for blankroot $command" "$(list_help "$BLANKROOT" "$command")" \
			"$(complete_words blankroot "$command" '')"
	done
	touch "$dir/a file.conf"
	offers "$dir/a file.conf" blankroot report --config = "$dir/a f"
	offers "$dir/a file.conf" blankroot report --config "$dir/a f"
	offers "$dir/a file.conf" blankroot-initrd --json --config = "$dir/a f"
	offers on-failure blankroot-initrd --print = on
	offers PARTUUID= blankroot-initrd --device = PARTU
	offers --mark-good blankroot report --m
	offers '' blankroot report --no
	offers '' blankroot no-such-command ''
}

check_zsh() {
	local listed command

	listed=$(grep -oE "\)?--[a-z-]+=?\[" packaging/completions/blankroot.zsh | tr -d ')[')
	agree 'what zsh offers' "$(
		list_help "$BLANKROOT_INITRD"
		list_help "$BLANKROOT" | grep '^-'
		for command in $(list_help "$BLANKROOT" | grep -v '^-'); do
			list_help "$BLANKROOT" "$command"
		done
	)" "$listed"
	! command -v zsh >/dev/null || zsh -n packaging/completions/blankroot.zsh || fail 'not good zsh'
}

check_bash
check_zsh
