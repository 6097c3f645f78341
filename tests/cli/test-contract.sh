#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/boot-contract.md and the program agree: every key of boot.json with its types, both ways, outcomes and
# exit codes, names of steps, error codes, marks.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

contract=docs/boot-contract.md

# --- real reports ---

# reset NAME EXIT-CODE ARGUMENT...
reset() {
	local name=$1 expected=$2 status=0

	shift 2
	"$BLANKROOT_INITRD" --report "$dir/$name.json" "$@" >"$dir/$name.out" 2>"$dir/$name.err" || status=$?
	[ "$status" -eq "$expected" ] || fail "$name: exit code $status, not $expected: $(cat "$dir/$name.err")"
	[ -s "$dir/$name.json" ] || fail "$name: no report"
}

write_configurations() {
	cat >"$dir/all.conf" <<-'END'
		ephemeral root {
		    mountpoint = "/"
		    persist = { "/etc/ssh", "/etc/motd.d", "/var/log" }
		    path "/var/lib/app" { create = directory method = subvolume }
		}
		ephemeral cache { archive = none }
	END
	cat >"$dir/link.conf" <<-'END'
		ephemeral root { persist = { "/link/file" } }
	END
}

make_reports() {
	image_create
	image_mount
	image_make_root
	btrfs -q subvolume create "$top/cache"
	btrfs -q subvolume snapshot -r "$top/cache" "$top/cache-blank"
	ln -s etc "$top/root/link"
	image_unmount
	reset link 4 --config "$dir/link.conf" --device "$loop" --cmdline noresume
	reset no-device 2 --config "$dir/all.conf" --cmdline noresume
	reset all 0 --config "$dir/all.conf" --device "$loop" --cmdline noresume
	image_mount
	mv "$top"/old_roots/root.* "$top/old_roots/mine"
	mv "$top/root" "$top/aside"
	image_unmount
	reset from-archive 0 --config "$dir/link.conf" --device "$loop" --cmdline 'noresume rd.blankroot.from=mine'
	image_mount
	btrfs property set -ts "$top/root-blank" ro false
	touch "$top/root-blank/modified"
	btrfs property set -ts "$top/root-blank" ro true
	image_unmount
	reset blank-changed 0 --config "$dir/all.conf" --device "$loop" --cmdline noresume
}

# --- what they have, and what is written ---

# Each key with its path and the type of its value, from a report.
list_keys() { # report
	awk '
		function type_of(value) {
			if (value ~ /^"/) return "string"
			if (value ~ /^\[/) return "array"
			if (value ~ /^\{/) return "object"
			if (value ~ /^(true|false)/) return "boolean"
			return value ~ /^null/ ? "null" : "number"
		}
		function path_of(depth,    i, path) {
			for (i = 1; i <= depth; i++)
				path = path (at[i] == "[]" || path == "" ? "" : ".") at[i]
			return path
		}
		{ match($0, /^ */); depth = RLENGTH / 2 }
		/^ *\{$/ { at[depth] = "[]" }
		/^ *"[a-z_]+": / {
			split($0, parts, "\"")
			at[depth] = parts[2]
			value = $0
			sub(/^ *"[a-z_]+": /, "", value)
			print path_of(depth), type_of(value)
		}' "$1"
}

# The same from the table of the contract.
list_documented_keys() {
	sed -n '/^## The report/,/^##* Steps/s/^| `\([^`]*\)` | \([a-z ]*\) | .*/\1 \2/p' "$contract" |
		awk '{ for (i = 2; i <= NF; i++) if ($i != "or") print $1, $i }'
}

check_keys() {
	local found

	found=$(for report in "$dir"/*.json; do list_keys "$report"; done | sort -u)
	agree 'keys of boot.json' "$found" "$(list_documented_keys)"
	sed -n '/^```json$/,/^```$/p' "$contract" | grep -v '^```' >"$dir/example"
	agree 'keys of the example' "$(list_keys "$dir/all.json" | cut -d ' ' -f 1 | sort -u)" \
		"$(list_keys "$dir/example" | cut -d ' ' -f 1 | sort -u)"
}

check_outcomes() {
	local outcomes

	outcomes=$(list_entries lib/reset.c BR_OUTCOME_ | tr -d '",' |
		awk '$2 ~ /[0-9]/ { code[$1] = $2; next } { print code[$1] "/" $2 }')
	agree 'outcomes' "$outcomes" "$(sed -n 's/^| \([0-9]\) | `\([a-z-]*\)` | .*/\1\/\2/p' "$contract")"
}

# Classes decide the exit codes; class, then code.
check_error_codes() {
	local codes

	codes=$(list_entries lib/error.c BR_ERR_ |
		sed -E 's/[^"]*"([a-z-]+)".*BR_CLASS_([A-Z]+).*/\2 \1/; s/USAGE/2/; s/REFUSED/3/; s/FAILED/4/')
	agree 'error codes' "$codes" "$(awk -F ' *\\| *' '
		/^#/ { inside = $0 == "### Error codes" }
		inside && /^\| `/ { n = split($2, names, ", "); for (i = 1; i <= n; i++) print $3, names[i] }' \
		"$contract" | tr -d '`')"
}

check_names() {
	local warnings steps marks

	warnings=$(list_entries lib/warning.c BR_WARNING_ | sed 's/^[^"]*"\([a-z-]*\)".*/\1/')
	agree 'warnings' "$warnings" "$(sed -n '/^### Warnings/,/^### Error/s/^| `\([a-z-]*\)` | .*/\1/p' "$contract")"
	steps=$(list_entries lib/plan-text.c BR_STEP_ | sed 's/^[^"]*"\([a-z-]*\)".*/\1/')
	agree 'steps' "$steps" "$(sed -n '/^### Steps/,/^### /s/^| `\([a-z-]*\)` | .*/\1/p' "$contract")"
	marks=$(sed -nE 's/^#define BR_XATTR_[A-Z_]+\s+BR_XATTR_PREFIX "([a-z.-]*)"/trusted.blankroot.\1/p' lib/record.h)
	agree 'marks' "$marks" "$(sed -n 's/^| `\(trusted[a-z.-]*\).*/\1/p' "$contract")"
}

write_configurations
make_reports
check_keys
check_outcomes
check_error_codes
check_names
