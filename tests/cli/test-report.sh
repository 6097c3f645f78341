#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot report: what it prints for each outcome and what it returns; reports that are missing, incomplete, of another
# version, damaged or hostile; what must not reach a terminal.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

export LC_ALL=C.UTF-8

good=$dir/good.json
base=$good
changed=$dir/changed.json

# The report of this machine's own boot is not for a test.
hide_run() {
	if [ "$(id -u)" -eq 0 ]; then
		mount -t tmpfs tmpfs /run
	fi
	[ ! -e /run/blankroot/boot.json ] || skip 'this system has a report of its own, and only root can hide it'
}

# blankroot ARGUMENT... ends with that exit code and prints what is on standard input: first the lines of standard output,
# then those of standard error, with "! " in front. DIR stands for the scratch directory.
expect() { # exit code, argument...
	local expected=$1 status=0

	shift
	"$BLANKROOT" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	sed 's/^/! /' "$dir/err" >>"$dir/out"
	sed -i "s|$dir|DIR|g" "$dir/out"
	diff - "$dir/out" || fail "'$*': expected (<) and printed (>) differ"
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected"
}

# A report is refused: exit code 1, one line that matches a pattern, nothing on standard output.
refuse() { # pattern, file
	local status=0

	timeout 20 "$BLANKROOT" report --report "$2" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "$1: exit code $status, not 1: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "$1: printed $(head -c 200 "$dir/out")"
	[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$1: not one line: $(cat "$dir/err")"
	grep -qE "^blankroot report: (cannot|wrong type) .*$1" "$dir/err" || fail "not '$1', but $(cat "$dir/err")"
	! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$dir/err" || fail "$1: control characters on standard error"
}

change() { # argument of jq...
	jq "$@" "$base" >"$changed"
}

# As the contract has it: tests/cli/test-contract.sh compares that with what blankroot-initrd writes.
make_good() {
	sed -n '/^```json$/,/^```$/p' docs/boot-contract.md | grep -v '^```' >"$good"
	jq -e '.version == 1 and (.steps | length > 3)' "$good" >/dev/null || fail 'no example in the contract'
}

# --- the command line ---

check_usage() {
	expect 0 --version <<<'blankroot 0.1.0'
	expect 0 --help <tests/cli/blankroot-help.golden
	expect 0 report --help <tests/cli/blankroot-report-help.golden
	expect 2 <<-'END'
		! blankroot: no command given
		! Try 'blankroot --help' for more information.
	END
	expect 2 no-such-command <<-'END'
		! blankroot: unknown command 'no-such-command'
		! Try 'blankroot --help' for more information.
	END
	expect 2 --no-such-option <<-'END'
		! blankroot: unrecognized option '--no-such-option'
		! Try 'blankroot --help' for more information.
	END
	expect 2 report --no-such-option <<-'END'
		! blankroot report: unrecognized option '--no-such-option'
		! Try 'blankroot report --help' for more information.
	END
	expect 2 report "$good" <<-'END'
		! blankroot report: unexpected argument 'DIR/good.json'
		! Try 'blankroot report --help' for more information.
	END
	expect 2 report --json --journal <<-'END'
		! blankroot report: only one of --json, --journal and --mark-good can be given
		! Try 'blankroot report --help' for more information.
	END
	expect 2 report --dry-run <<-'END'
		! blankroot report: --dry-run goes with --mark-good
		! Try 'blankroot report --help' for more information.
	END
	expect 2 report --json --verbose <<-'END'
		! blankroot report: --verbose does not go with --json, --journal or --mark-good
		! Try 'blankroot report --help' for more information.
	END
}

expect_loss() { # argument...
	local status=0

	"$BLANKROOT" "$@" >/dev/full 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "'$* >/dev/full' ended with $status, not 1"
	[ "$(cat "$dir/err")" = 'blankroot: standard output: No space left on device' ] ||
		fail "'$* >/dev/full' said: $(cat "$dir/err")"
}

# More than fits into the buffer of standard output: it need not be the last write that fails.
check_large_loss() {
	local status=0

	change '.steps = [range(400) as $i | .steps[0]]'
	strace -qq -o "$dir/trace" -e trace=write -e inject=write:error=ENOSPC:when=1 \
		"$BLANKROOT" report --verbose --report "$changed" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "with a lost write it ended with $status, not 1"
	[ "$(cat "$dir/err")" = 'blankroot: standard output: some of it was lost' ] ||
		fail "with a lost write it said: $(cat "$dir/err")"
}

# --- what it prints ---

check_output() {
	expect 0 report --report "$good" <<-'END'
		blankroot: root reset from root-blank in 0.081 s: 1 path carried (1 file, 11 B); kept as old_roots/root.20261124T034510Z

		root from root-blank, mounted at /, the old one is old_roots/root.20261124T034510Z
		PATH     METHOD ACTION FILES DIRECTORIES SHARED COPIED    TIME
		/etc/ssh copy   carry      1           1   11 B    0 B 0.000 s
	END
	change '.steps = .steps[0:2] | .dropped_archives = ["old_roots/a"] | .steps[1].done = false |
		.ephemeral[0].paths += [.ephemeral[0].paths[0] | .path = "/srv/größe" | .done = false | .files = 1234567 |
			.bytes_shared = 5000000000 | .duration_us = 61000000]'
	expect 0 report --verbose --report "$changed" <<-'END'
		blankroot: root reset from root-blank in 0.081 s: 1 path carried (1 file, 11 B); kept as old_roots/root.20261124T034510Z

		Tool:          blankroot-initrd 0.1.0
		Requested by:  configuration
		File system:   57377a52-f6e3-44a8-9ad6-0f09b1c36693
		Device:        /dev/loop0
		Started:       2026-11-24T03:45:10Z
		Duration:      0.081 s
		Deleted:       old_roots/a

		root from root-blank, mounted at /, the old one is old_roots/root.20261124T034510Z
		PATH       METHOD ACTION               FILES DIRECTORIES  SHARED COPIED     TIME
		/etc/ssh   copy   carry                    1           1    11 B    0 B  0.000 s
		/srv/größe copy   carry (not done) 1,234,567           1 4.7 GiB    0 B 61.000 s

		STEP     DONE    TIME WHAT
		record   yes  0.000 s note that root goes to old_roots/root.20261124T034510Z
		snapshot no   0.004 s snapshot root-blank to .blankroot/staging-root
	END
	"$BLANKROOT" report --json --report "$good" | cmp - "$good" || fail '--json changes the report'
}

check_outcomes() {
	local codes outcome code verdict mode

	codes=$(sed -n 's/^| \([0-9]\) | `\([a-z-]*\)` | .*/\2 \1/p' docs/boot-contract.md)
	[ "$(wc -l <<<"$codes")" -eq 7 ] || fail "outcomes of the contract: $codes"
	while read -r outcome code; do
		case $code in
		0 | 5) verdict=0 ;;
		*) verdict=1 ;;
		esac
		change --arg outcome "$outcome" --arg code "$code" '.outcome = $outcome | .exit_code = ($code | tonumber) |
			.reason = "blankroot: " + $outcome | .ephemeral = []'
		expect $verdict report --report "$changed" <<<"blankroot: $outcome"
		for mode in --json --verbose; do
			[ "$("$BLANKROOT" report $mode --report "$changed" >/dev/null && echo 0 || echo $?)" = $verdict ] ||
				fail "$outcome: the exit code of $mode is not $verdict"
		done
	done <<<"$codes"
}

# --- no report ---

check_missing() {
	echo 'ephemeral root { }' >"$dir/conf"
	expect 0 report --config "$dir/no-such" <<-'END'
		! blankroot report: not configured: there is no DIR/no-such, and no report of a reset
	END
	expect 1 report --config "$dir/conf" <<-'END'
		! blankroot: NOT RESET: the reset did not run at this boot, there is no report of it (/run/blankroot/boot.json)
	END
	expect 1 report --json --config "$dir/conf" <<-'END'
		! blankroot: NOT RESET: the reset did not run at this boot, there is no report of it (/run/blankroot/boot.json)
	END
	expect 1 report --mark-good --config "$dir/no-such" <<-'END'
		! blankroot: NOT RESET: the reset did not run at this boot, there is no report of it (/run/blankroot/boot.json)
	END
	refuse 'No such file or directory' "$dir/no-such"
}

# --- damaged reports ---

check_truncated() {
	local size at

	size=$(stat -c %s "$good")
	for ((at = 1; at < size - 2; at += 61)); do
		head -c "$at" "$good" >"$changed"
		refuse 'not valid JSON: line [0-9]+: ' "$changed"
	done
}

# Each value, left out, or of a type that is never right: refused by name. Of a newer version, taken for absent. Elements of
# arrays are all read by the same code: the first will do.
check_each_value() {
	local path name count=0 base=$dir/with-error.json required='^(version|outcome|exit_code|reason)$'

	jq '.error = {code: "open", errno: 2, path: "/a", message: "b"}' "$good" >"$base"
	while read -r path; do
		name=$(jq -r 'map(if type == "number" then "[\(.)]" else ".\(.)" end) | join("")[1:]' <<<"$path")
		count=$((count + 1))
		change --argjson path "$path" 'delpaths([$path])'
		if [ "$name" = warnings ]; then
			"$BLANKROOT" report --report "$changed" >"$dir/out" || fail 'a report of before there were warnings is refused'
		else
			refuse "${name//[\[\]]/.} is missing" "$changed"
		fi
		[[ $name =~ $required ]] || expect_newer "$name left out"
		change --argjson path "$path" 'setpath($path; -1.5)'
		refuse "${name//[\[\]]/.} is (not|neither) " "$changed"
		[[ $name =~ $required ]] || expect_newer "$name of another type"
	done < <(jq -c 'paths | select((.[-1] | type) == "string" and all(.[]; . == 0 or type == "string"))' "$base")
	[ "$count" -gt 40 ] || fail "only $count values were found"
}

expect_newer() { # what
	jq '.version = 2' "$changed" >"$dir/newer.json"
	"$BLANKROOT" report --verbose --report "$dir/newer.json" >"$dir/out" 2>"$dir/err" || fail "$1: $(cat "$dir/err")"
	grep -q 'the report is of version 2, newer than this program knows (1)' "$dir/err" || fail "$1: $(cat "$dir/err")"
	grep -q '^blankroot: root reset from' "$dir/out" || fail "$1: printed $(cat "$dir/out")"
}

check_newer() {
	change '.version = 2 | .later = [1] | .ephemeral[0].later = null | .steps += ["a"] | .dropped_archives += [1]'
	expect_newer 'with more in it'
	change 'del(.version)'
	refuse 'version is missing' "$changed"
	change '.version = 0'
	refuse 'version is 0' "$changed"
	for required in outcome exit_code reason; do
		change --arg key $required '.version = 2 | delpaths([[$key]])'
		refuse "$required is missing" "$changed"
	done
}

check_hostile() {
	printf '%s' '' >"$changed"
	refuse 'not valid JSON' "$changed"
	echo '[1]' >"$changed"
	refuse 'not an object' "$changed"
	python3 -c 'print("[" * 1000000)' >"$changed"
	refuse 'not valid JSON.*depth' "$changed"
	python3 -c 'print("{\"version\": " * 3000 + "1" + "}" * 3000)' >"$changed"
	refuse 'not valid JSON.*depth' "$changed"
	truncate -s 100G "$changed"
	refuse 'File too large' "$changed"
	rm "$changed"
	{ cat "$good" && echo x; } >"$changed"
	refuse 'not valid JSON' "$changed"
	sed 's/"version": 1,/"version": 1, "version": 1,/' "$good" >"$changed"
	refuse 'not valid JSON.*duplicate' "$changed"
	sed 's/"version": 1,/"version": 99999999999999999999,/' "$good" >"$changed"
	refuse 'not valid JSON.*too big' "$changed"
	sed 's|"/etc/ssh"|"/etc\\u0000/ssh"|' "$good" >"$changed"
	refuse 'not valid JSON' "$changed"
	sed 's/"version": 1,/"version": 1\x00,/' "$good" >"$changed"
	refuse 'not valid JSON: a NUL' "$changed"
	printf '{"version": 1, "outcome": "\xff\x1b[31m"}' >"$changed"
	refuse 'not valid JSON' "$changed"
	printf '{"version": 1, "outcome": "\x1b[31m' >"$changed"
	refuse 'not valid JSON' "$changed"
	change '.ephemeral = [1]'
	refuse 'ephemeral.0.. is not an object' "$changed"
	change '.warnings = [1]'
	refuse 'warnings.0.. is not an object' "$changed"
	change '.warnings = [{"code": 1, "message": "x"}]'
	refuse 'warnings.0..code is not a string' "$changed"
	change '.dropped_archives = [1]'
	refuse 'dropped_archives.. is not a string' "$changed"
	refuse 'not a regular file' "$dir"
	mkfifo "$dir/fifo"
	refuse 'not a regular file' "$dir/fifo"
	refuse 'not a regular file' /dev/zero
	ln -s good.json "$dir/link"
	refuse 'Too many levels of symbolic links' "$dir/link"
}

# --- what must not reach a terminal ---

# ESC and newline, DEL, and CSI as one character, in every string of the report.
check_control_characters() {
	local mode

	change '(.. | strings) |= . + "\u001b[31m\n\r\t\u007f\u009b31m" | .mountpoint = null'
	"$BLANKROOT" report --json --report "$changed" | jq -S . >"$dir/json"
	jq -S . "$changed" | cmp - "$dir/json" || fail '--json changes what the report says'
	# as a writer may put it who escapes only what JSON wants escaped
	jq -j . "$changed" | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin), ensure_ascii=False))' \
		>"$dir/raw.json"
	LC_ALL=C grep -q $'\x7f' "$dir/raw.json" || fail 'the report does not have what it should'
	for mode in '' --verbose --json; do
		# shellcheck disable=SC2086 # an option or none
		"$BLANKROOT" report $mode --report "$dir/raw.json" >"$dir/out" 2>"$dir/err" || fail "$(cat "$dir/err")"
		! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$dir/out" ||
			fail "control characters with '$mode': $(cat -v "$dir/out")"
	done
	grep -q '^blankroot: root reset .*\\x1b\[31m\\x0a' <("$BLANKROOT" report --report "$dir/raw.json") ||
		fail 'they are not shown at all'
	grep -q '^/etc/ssh\\x1b\[31m\\x0a' <("$BLANKROOT" report --report "$dir/raw.json") ||
		fail 'they are not shown in the table, or escaped twice'
	"$BLANKROOT" report --json --report "$dir/raw.json" | jq -S . | cmp - "$dir/json" || fail '--json changes a value'
}

# libsmartcols 2.38 may compute for ever where a text is none in the locale: what stands before it decides.
check_locales() {
	local locale

	change '.ephemeral[0].paths[0].path = "/srv/aԻ" | .steps[0].text = "aԻ größe"'
	"$BLANKROOT" report --verbose --report "$changed" >"$dir/expected"
	grep -q 'aԻ größe' "$dir/expected" || fail 'the letters are not shown'
	for locale in C POSIX no-such-locale; do
		LC_ALL=$locale timeout 20 "$BLANKROOT" report --verbose --report "$changed" >"$dir/out" ||
			fail "LC_ALL=$locale: exit code $?"
		diff "$dir/expected" "$dir/out" || fail "LC_ALL=$locale: expected (<) and printed (>) differ"
	done
}

hide_run
make_good
check_usage
expect_loss --help
expect_loss report --help
expect_loss report --report "$good"
expect_loss report --json --report "$good"
check_large_loss
check_output
check_outcomes
check_missing
check_truncated
check_each_value
check_newer
check_hostile
check_control_characters
check_locales
