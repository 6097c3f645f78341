#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot report --journal: the fields that arrive at the journal's socket, compared with the report and with
# docs/boot-contract.md; a boot without report; no journal; a program without libsystemd.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/support/journal.sh
. tests/support/journal.sh

report=/run/blankroot/boot.json

# Sends the report that is there; as many entries arrive, in $dir/entry.1 ...
send() { # exit code, entries
	local status=0 i

	start_journal
	"$BLANKROOT" report --journal --config "$dir/conf" >"$dir/out" 2>"$dir/err" || status=$?
	for _ in {1..50}; do
		[ "$(wc -l <"$dir/entries")" -le "$2" ] || break
		sleep 0.1
	done
	stop_journal
	[ "$status" -eq "$1" ] || fail "exit code $status, not $1: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "on standard output: $(cat "$dir/out")"
	[ "$(wc -l <"$dir/entries")" -eq $(($2 + 1)) ] || fail "not $2 entries: $(cat "$dir/entries")"
	for ((i = 1; i <= $2; i++)); do
		sed -n "$((i + 1))p" "$dir/entries" >"$dir/entry.$i"
	done
}

# An entry has exactly these fields; the filter of jq makes them from the report, as an object. Null: not there.
expect_entry() { # number, filter
	jq "def text: tostring;
		def common: {SYSLOG_IDENTIFIER: \"blankroot\", PRIORITY: (if .exit_code == 0 and .warnings == [] then 5 else 3 end),
			BLANKROOT_OUTCOME: .outcome, BLANKROOT_EXIT_CODE: .exit_code, BLANKROOT_REQUESTED_BY: .requested_by,
			BLANKROOT_FILESYSTEM: .filesystem, BLANKROOT_DEVICE: .device, BLANKROOT_TOOL: .tool};
		def sums(\$paths): {BLANKROOT_PATHS: (\$paths | length)} + ([
			[\"FILES\", \"files\"], [\"DIRECTORIES\", \"directories\"], [\"SUBVOLUMES\", \"subvolumes\"],
			[\"BYTES_SHARED\", \"bytes_shared\"], [\"BYTES_COPIED\", \"bytes_copied\"]] |
			map({key: (\"BLANKROOT_\" + .[0]), value: (.[1] as \$key | \$paths | map(.[\$key]) | add // 0)}) | from_entries);
		$2 | map_values(select(. != null) | if type == \"array\" then . else [.] end | map(text)) | select(. != {})" \
		"$report" | jq -S . >"$dir/expected"
	jq -S . "$dir/entry.$1" | diff "$dir/expected" - || fail "entry $1: expected (<) and sent (>) differ"
}

boot_filter='common + sums([.ephemeral[].paths[]]) + {MESSAGE: .reason, MESSAGE_ID: "e62064cf7f1040b083f8df34025e6964",
	BLANKROOT_REASON: .reason, BLANKROOT_STARTED: .started, BLANKROOT_DURATION_USEC: .duration_us,
	BLANKROOT_EPHEMERAL: (.ephemeral | length), BLANKROOT_ERROR_CODE: .error.code, BLANKROOT_ERROR_PATH: .error.path,
	BLANKROOT_ERROR_MESSAGE: .error.message, ERRNO: (.error.errno | if . == 0 then null else . end),
	BLANKROOT_DROPPED_ARCHIVE: (.dropped_archives | if . == [] then null else . end),
	BLANKROOT_WARNING: (.warnings | if . == [] then null else map(.code) end)}'

expect_subvolume() { # entry, index, message
	expect_entry "$1" "common + (.ephemeral[$2] | sums(.paths) + {MESSAGE: \"$3\",
		MESSAGE_ID: \"c9ca3c6c4cb74b95b6e8c966d8473e72\", BLANKROOT_SUBVOLUME: .name, BLANKROOT_MOUNTPOINT: .mountpoint,
		BLANKROOT_ON_FAILURE: .on_failure, BLANKROOT_SOURCE: .source, BLANKROOT_SOURCE_KIND: .source_kind,
		BLANKROOT_SOURCE_ID: .source_id, BLANKROOT_OLD_ID: .old_id, BLANKROOT_ARCHIVE: .archive,
		BLANKROOT_ARCHIVE_DONE: (if .archive_done then 1 else 0 end)})"
}

# --- what is sent ---

# Runs the real reset, and leaves its report where the helper looks for it.
reset() { # exit code, argument...
	local code=$1 status=0

	shift
	"$BLANKROOT_INITRD" --report "$report" --config "$dir/conf" --device "$loop" "$@" 2>"$dir/err" || status=$?
	[ "$status" -eq "$code" ] || fail "the reset ended with $status, not $code: $(cat "$dir/err")"
}

make_image() {
	image_create
	image_mount
	image_make_root
	btrfs -q subvolume create "$top/cache"
	btrfs -q subvolume snapshot -r "$top/cache" "$top/cache-blank"
	image_unmount
	cat >"$dir/conf" <<-'END'
		ephemeral root {
		    mountpoint = "/"
		    persist = { "/etc/ssh", "/var/log" }
		    path "/srv" { create = directory method = subvolume }
		}
		ephemeral cache { archive = none }
	END
}

check_reset() {
	reset 0 --cmdline noresume
	send 0 3
	expect_entry 1 "$boot_filter"
	expect_subvolume 2 0 "blankroot: root: reset, the old one is $(jq -r '.ephemeral[0].archive' "$report")"
	expect_subvolume 3 1 "blankroot: cache: reset, the old one is $(jq -r '.ephemeral[1].archive' "$report")"
	jq -e '.BLANKROOT_FILES == ["1"] and .BLANKROOT_PATHS == ["3"] and .PRIORITY == ["5"]' "$dir/entry.1" >/dev/null ||
		fail "the sums are wrong: $(cat "$dir/entry.1")"
	cat "$dir"/entry.[1-3] >"$dir/all"
}

check_not_reset() {
	reset 0 --cmdline rd.blankroot=off
	send 0 1
	expect_entry 1 "$boot_filter"
	echo 'ephemeral root { persist = { "/etc/ssh/a" } } ephemeral cache { blank = "no-such" }' >"$dir/conf"
	reset 3 --cmdline noresume
	send 1 "$(jq '.ephemeral | 1 + length' "$report")"
	expect_entry 1 "$boot_filter"
	jq -e '.PRIORITY == ["3"] and .BLANKROOT_ERROR_CODE == ["layout"]' "$dir/entry.1" >/dev/null ||
		fail "a failure looks like this: $(cat "$dir/entry.1")"
	cat "$dir/entry.1" >>"$dir/all"
}

# A warning is an error in the journal, whatever the outcome.
check_warnings() {
	jq '.exit_code = 0 | .outcome = "reset" | .error = null |
		.warnings = [{"code": "degraded", "message": "a"}, {"code": "blank-changed", "message": "b"}]' \
		"$report" >"$report.new"
	cp "$report" "$report.before"
	mv "$report.new" "$report"
	send 0 "$(jq '.ephemeral | 1 + length' "$report")"
	expect_entry 1 "$boot_filter"
	jq -e '.PRIORITY == ["3"] and .BLANKROOT_WARNING == ["degraded", "blank-changed"]' "$dir/entry.1" >/dev/null ||
		fail "a warning looks like this: $(cat "$dir/entry.1")"
	cat "$dir/entry.1" >>"$dir/all"
	mv "$report.before" "$report"
}

# Names of any length and with any character arrive as they are; only MESSAGE may come to a terminal.
check_names() {
	jq '.error.path = "a\n\u001b[31m=\n" | .error.errno = 28 | .dropped_archives = ["old_roots/b\nc", "x" * 300000] |
		.reason = "a\u001b[31mb\nc"' "$report" >"$report.new"
	mv "$report.new" "$report"
	send 1 "$(jq '.ephemeral | 1 + length' "$report")"
	expect_entry 1 "$boot_filter + {MESSAGE: \"a\\\\x1b[31mb\\\\x0ac\"}"
	cat "$dir/entry.1" >>"$dir/all"
}

check_missing() {
	local message="blankroot: NOT RESET: the reset did not run at this boot, there is no report of it ($report)"

	mv "$report" "$report.aside"
	send 1 1
	mv "$report.aside" "$report"
	expect_entry 1 "{MESSAGE: \"$message\", MESSAGE_ID: \"e62064cf7f1040b083f8df34025e6964\", PRIORITY: 3,
		BLANKROOT_OUTCOME: \"missing\", BLANKROOT_REASON: \"$message\", SYSLOG_IDENTIFIER: \"blankroot\"}"
	cat "$dir/entry.1" >>"$dir/all"
}

# The fields that were seen are those of the contract.
check_contract() {
	agree 'fields of the journal' \
		"$(jq -r 'keys[]' "$dir/all" | sort -u)" \
		"$(sed -n '/^## The journal/,/^## /s/^| `\([A-Z_]*\)` | .*/\1/p' docs/boot-contract.md)"
	agree 'message ids' "$(grep -ohE '[0-9a-f]{32}' post-boot-helper/report-journal.h)" \
		"$(sed -n '/^## The journal/,/^## /p' docs/boot-contract.md | grep -oE '[0-9a-f]{32}')"
}

# --- where it cannot be sent ---

expect_failure() { # pattern
	local status=0

	"$BLANKROOT" report --journal 2>"$dir/err" || status=$?
	[ "$status" -eq 1 ] || fail "$1: exit code $status"
	grep -qE "^blankroot report: .*$1" "$dir/err" || fail "not '$1', but $(cat "$dir/err")"
}

[ "$(id -u)" -eq 0 ] || skip 'needs root, for a /run of its own'
mount -t tmpfs tmpfs /run
make_image
reset 0 --cmdline noresume
if [ "${BLANKROOT_SYSTEMD:-yes}" = no ]; then
	expect_failure 'built without the systemd journal'
	exit 0
fi
expect_failure 'no systemd journal to write to'
check_reset
check_not_reset
check_warnings
check_names
check_missing
check_contract
