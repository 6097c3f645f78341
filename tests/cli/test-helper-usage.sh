#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every command of blankroot: its help, and what it says and returns when it is misused. Nothing is looked at then, so this
# needs neither root nor a configuration.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

# Arguments that each command has too many of.
superfluous() { # command
	case $1 in
	convert) echo /a /b ;;
	balance | check | init | diff | metrics | report | scrub | skip | status | trim) echo surplus ;;
	list | prune) echo a b ;;
	tune) echo balanced b ;;
	persist) echo list surplus ;;
	blank) echo verify surplus ;;
	rollback) echo a b ;;
	defrag | restore | snapshot) ;; # as many as there are
	*) fail "what are too many arguments of '$1'?" ;;
	esac
}

run() { # exit code, argument...
	local status=0

	"$BLANKROOT" "${@:2}" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
	[ "$status" -eq "$1" ] || fail "'${*:2}' ended with $status, not $1: $(cat "$dir/err")"
}

check_help() { # command
	run 0 "$1" --help
	grep -q "^Usage: blankroot $1 " "$dir/out" || fail "help of $1: $(cat "$dir/out")"
	grep -q '^Exit codes: 0 ' "$dir/out" || fail "help of $1 without its exit codes"
	[ ! -s "$dir/err" ] || fail "help of $1 on standard error: $(cat "$dir/err")"
	# What is said of the options is one column, also where it has several lines.
	awk '
		/^      / { match($0, /^ +(--[^ ]+ +)?/); wrong += column && RLENGTH != column; column = RLENGTH }
		END { exit wrong || !column }' "$dir/out" || fail "help of $1 is not aligned: $(cat "$dir/out")"
}

check_misuse() { # pattern of what is wrong, command, argument...
	run 2 "${@:2}"
	[ ! -s "$dir/out" ] || fail "'${*:2}' printed: $(cat "$dir/out")"
	sed -n 1p "$dir/err" | grep -qE "^blankroot $2: $1" || fail "'${*:2}' said: $(cat "$dir/err")"
	[ "$(sed -n '2,$p' "$dir/err")" = "Try 'blankroot $2 --help' for more information." ] ||
		fail "'${*:2}' said: $(cat "$dir/err")"
}

commands=$("$BLANKROOT" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 14 ] || fail "which commands are there? $commands"
for command in $commands; do
	check_help "$command"
	! grep -q -- --wait= "$dir/out" ||
		check_misuse "--wait takes a number of seconds, not 'soon'" "$command" --wait=soon
	check_misuse "unrecognized option '--no-such-option'" "$command" --no-such-option
	check_misuse "option '--help' doesn't allow an argument" "$command" --help=yes
	read -ra words <<<"$(superfluous "$command")"
	[ ${#words[@]} -eq 0 ] || check_misuse "unexpected argument '?${words[-1]}'?" "$command" "${words[@]}"
done
