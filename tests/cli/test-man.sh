#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages are well formed and agree with the programs: commands, options, kernel command line, exit codes, keys
# of the configuration and their words; their examples are accepted.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

page8=docs/man/blankroot-initrd.8
page5=docs/man/blankroot.conf.5
helper8=docs/man/blankroot.8

check_form() {
	local page

	for page in docs/man/*.[1-9]; do
		if command -v mandoc >/dev/null; then
			# That other pages are not installed here says nothing about this one.
			mandoc -Tlint -W style "$page" 2>/dev/null |
				grep -v 'referenced manual not found' >"$dir/lint" || true
		elif command -v groff >/dev/null; then
			groff -ww -mandoc -Tascii "$page" 2>"$dir/lint" >/dev/null
		else
			echo 'neither mandoc nor groff: the form of the pages is not checked'
			return
		fi
		[ ! -s "$dir/lint" ] || fail "$page: $(cat "$dir/lint")"
	done
}

check_options() {
	local help

	help=$("$BLANKROOT_INITRD" --help)
	agree options "$(grep -oE '^ +--[a-z-]+' <<<"$help" | tr -d ' ' | sort -u)" \
		"$(sed -nE 's/^\.It Fl Fl ([a-z-]+).*/--\1/p' "$page8")"
	agree 'options of the synopsis' "$(grep -oE '^ +--[a-z-]+' <<<"$help" | tr -d ' ' | sort -u)" \
		"$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$page8" | grep -oE 'Fl Fl [a-z-]+' |
			sed 's/Fl Fl /--/' | sort -u)"
}

# Options of each command of the helper, in its synopsis and where they are explained.
check_helper() {
	local commands command help options unit

	commands=$("$BLANKROOT" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')
	agree commands "$commands" "$(sed -n '/^The commands are/,/^\.El/s/^\.It Cm //p' "$helper8")"
	for command in $commands; do
		help=$("$BLANKROOT" "$command" --help)
		options=$(grep -oE '^ +--[a-z-]+' <<<"$help" | tr -d ' ' | sort -u)
		agree "options of $command" "$options" "$(awk -v command="$command" '
			/^The options of/ { getline; inside = $2 == command }
			/^\.El/ { inside = 0 }
			inside && /^\.It Fl Fl / { sub(/Ns.*/, ""); print "--" $4 }' "$helper8" | sort -u)"
		agree "options of $command in the synopsis" "$options" "$(awk -v command="$command" '
			/^\.Sh/ { synopsis = $2 == "SYNOPSIS" }
			synopsis && /^\.Cm/ { inside = $2 == command }
			/^\.Nm/ { inside = 0 }
			synopsis && inside' "$helper8" | grep -oE 'Fl Fl [a-z-]+' | sed 's/Fl Fl /--/' | sort -u)"
	done
	agree 'exit codes of the helper' \
		"$(tr -s ' \t\n' ' ' <post-boot-helper/command.h | grep -oE 'EXIT_[A-Z_]+ = [0-9]+' | grep -oE '[0-9]+')" \
		"$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh/s/^\.It \([0-9]\)$/\1/p' "$helper8")"
	while read -r unit; do
		[ -f "hooks/systemd/$unit" ] || fail "$helper8: there is no $unit"
	done < <(grep -oE 'blankroot[a-z-]*\.service' "$helper8" | sort -u)
}

# What check can find, and how much each matters.
check_findings() {
	agree findings "$(tr -s ' \t\n' ' ' <post-boot-helper/finding.c |
		grep -oE '= \{ "[a-z-]+", FINDING_[A-Z]+' | sed -E 's/= \{ "(.*)", FINDING_/\1 /' | tr '[:upper:]' '[:lower:]')" \
		"$(sed -n '/^\.Sh FINDINGS/,/^\.Sh EXIT/p' "$helper8" | awk '
			/^\.It Li / { name = $3; getline; sub(/\./, ""); sub(/Information/, "info"); print name, tolower($1) }')"
}

# Its page agrees with it, and with what it writes.
check_generator() {
	local options page=docs/man/blankroot-generator.8 timer

	options=$("$BLANKROOT_GENERATOR" --help | grep -oE '^ +--[a-z-]+' | tr -d ' ' | sort -u)
	agree 'options of the generator' "$options" "$(sed -nE 's/^\.It Fl Fl ([a-z-]+).*/--\1/p' "$page")"
	agree 'options of the generator in its synopsis' "$options" "$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$page" |
		grep -oE 'Fl Fl [a-z-]+' | sed 's/Fl Fl /--/' | sort -u)"
	mkdir "$dir/units"
	echo 'ephemeral root { } snapshots { subvolumes = { a } every = 6h }
		metrics { directory = /a }' >"$dir/timers.conf"
	"$BLANKROOT_GENERATOR" --config="$dir/timers.conf" "$dir/units"
	agree 'timers' "$(cd "$dir/units" && printf '%s\n' *.timer)" "$(sed -n 's/^\.It Pa \(.*\.timer\)$/\1/p' "$page")"
	for timer in RandomizedDelaySec=30s AccuracySec=10s; do
		grep -qx "$timer" "$dir/units/blankroot-snapshot.timer" || fail "$page: not $timer"
	done
	for timer in 'OnCalendar=\*-\*-\* 03:20:00' OnBootSec=15min RandomizedDelaySec=1h AccuracySec=10min; do
		grep -qx "$timer" "$dir/units/blankroot-prune.timer" || fail "$page: not $timer"
	done
}

check_kernel_arguments() {
	agree 'arguments of the kernel command line' \
		"$(sed -nE 's/.*arg = br_cmdline_find\(cmdline, PREFIX( "([.a-z]*)")?\).*/rd.blankroot\2/p' \
			lib/boot.c)" \
		"$(sed -nE 's/^\.It Li (rd\.blankroot[.a-z]*).*/\1/p' "$page8" | sort -u)"
}

check_exit_codes() {
	agree 'exit codes' "$(list_entries lib/reset.c BR_OUTCOME_ | grep -oE '[0-9]+' | sort -u)" \
		"$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh/s/^\.It \([0-9]\)$/\1/p' "$page8")"
}

# Keys by their sections, however the tables are laid out.
list_schema_keys() {
	tr -s ' \t\n' ' ' <lib/config-schema.c | grep -oE '(KEY|WORDS|LIST)\( ?"[a-z-]+"|\.name = "[a-z-]+"' |
		grep -oE '"[a-z-]+"' | tr -d '"'
}

check_keys() {
	local words word

	agree keys "$(list_schema_keys)" \
		"$(sed -n 's/^\.It Ic //p' "$page5" | sed 's/ , /\n/g' | grep -vx path)"
	agree 'keys in docs/configuration.md' "$(list_schema_keys)" \
		"$(sed -nE 's/^### ([a-z]+: )?([a-z, -]+)$/\2/p' docs/configuration.md | sed 's/, /\n/g' | grep -vx path)"
	docs/update-configuration "$dir/configuration.md"
	diff docs/configuration.md "$dir/configuration.md" >&2 ||
		fail 'docs/configuration.md (<) is not what blankroot.conf(5) says (>): run docs/update-configuration'
	words=$(tr -s ' \t\n' ' ' <lib/config-schema.c | grep -oE '_words\[\] = \{[^}]*' | grep -oE '"[a-z-]+"')
	for word in $words; do
		grep -qE "^\.Li ${word//\"/}( |$)" "$page5" || fail "$page5 does not mention the value $word"
	done
}

# Those that blankroot tune lists are those that the configuration explains.
check_knobs() {
	agree knobs "$(grep -oE '"(vm|queue|btrfs|mount|directory)\.[a-z_]*[a-z]"' lib/knob.c | tr -d '"' | sort -u)" \
		"$(sed -n '/^The knobs, which/,/^\.El/p' "$page5" | sed -n '/^\.It/,$p' | grep -oE '(vm|queue|btrfs|mount|directory)\.[a-z_]+' |
			grep -v _ratio | sort -u)"
}

# Each key has its default and an example.
check_entries() {
	awk '
		function finish() {
			if (key != "" && key != "path" && !(has_default && has_example)) {
				print key; wrong = 1
			}
			key = ""
		}
		/^\.It|^\.El/ { finish(); has_default = has_example = 0 }
		/^\.It Ic / { key = $3 }
		/Default:/ { has_default = 1 }
		/^\.Dl / { has_example = 1 }
		END { exit wrong }' "$page5" || fail "$page5: an entry without default or example"
}

# All examples of keys as one configuration each, in the section they belong to, and those that are one as they are.
write_examples() {
	awk -v dir="$dir" '
		/^\.Sh/ { before = after = with = "" }
		/^\.It / { with = "" }
		/^\.It Ic (owner|mode)$/ && before ~ /path/ { with = " create = directory" }
		/^\.Sh EPHEMERAL/ { before = "ephemeral root {"; after = "}" }
		/^\.Sh PERSISTENT/ { before = "ephemeral root { path \"/a\" {"; after = "} }" }
		/^\.Ic (archives|snapshots|performance|maintenance|metrics) / { before = $2 " {"; after = "}" }
		/^\.Dl / && !/check-config/ {
			gsub(/\\\(dq/, "\"")
			file = dir "/example-" ++n ".conf"
			print before with " " substr($0, 5) " " after > file
			if (before !~ /^ephemeral/)
				print "ephemeral root { }" > file
		}
		/^\.Bd/ { block = dir "/example-" ++n ".conf"; next }
		/^\.Ed/ { block = "" }
		block != "" { print > block }' "$page5"
}

check_examples() {
	local file count=0

	write_examples
	for file in "$dir"/example-*.conf; do
		"$BLANKROOT_INITRD" --check-config --config "$file" || fail "not accepted: $(cat "$file")"
		count=$((count + 1))
	done
	[ "$count" -gt 20 ] || fail "only $count examples were found"
}

check_form
check_options
check_helper
check_findings
check_generator
check_kernel_arguments
check_exit_codes
check_keys
check_knobs
check_entries
check_examples
