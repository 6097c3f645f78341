#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The documents agree with each other and with the programs: links lead somewhere, shell is shell, commands, options and
# configurations are those that there are, and docs/troubleshooting.md has every error code, message of a reset, finding,
# warning and exit code. What the commands do: test-docs-commands.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

trouble=docs/troubleshooting.md
mapfile -t documents < <(find README.md CONTRIBUTING.md docs packaging -name '*.md' | sort)

# --- links ---

# What GitHub makes of headings, one a line.
anchors() { # document
	awk '/^ *```/ { code = !code } !code && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
		sed -E 's/`//g; s/\[([^]]*)\]\([^)]*\)/\1/g; s/[^[:alnum:] _-]//g; s/ /-/g'
}

links() { # document
	awk '/^ *```/ { code = !code } !code' "$1" | sed -E 's/`[^`]*`//g' | grep -oE '\]\([^)]+\)' | sed -E 's/^\]\(|\)$//g' || true
}

check_links() {
	local document link file anchor count=0

	for document in "${documents[@]}"; do
		while read -r link; do
			case $link in
			'' | http://* | https://*) continue ;;
			'#'*) file=$document ;;
			*) file=$(dirname "$document")/${link%%#*} ;;
			esac
			count=$((count + 1))
			[ -e "$file" ] || fail "$document: the link $link leads nowhere"
			anchor=${link#*#}
			if [ "$anchor" != "$link" ]; then
				grep -qxF -- "$anchor" < <(anchors "$file") || fail "$document: $link: there is no such heading"
			fi
		done < <(links "$document")
	done
	[ "$count" -gt 50 ] || fail "only $count links were found"
}

# --- code ---

# The blocks of a kind of all documents, each in a file of its own, without what they are indented by.
extract_blocks() { # kind, directory
	mkdir -p "$2"
	awk -v kind="$1" -v out="$2" '
		FNR == 1 { file = "" }
		match($0, /^ *```/) {
			if (file) { close(file); file = ""; next }
			if (substr($0, RLENGTH + 1) == kind) {
				name = FILENAME
				gsub("/", "_", name)
				file = sprintf("%s/%s:%d", out, name, FNR)
				indent = RLENGTH - 3
			}
			next
		}
		file { print substr($0, indent + 1) >file }' "${documents[@]}"
}

# A block may go on with what an earlier one began (cd), and names no shell.
check_shell() {
	extract_blocks sh "$dir/sh"
	[ "$(find "$dir/sh" -type f | wc -l)" -gt 40 ] || fail 'the blocks of shell were not found'
	for file in "$dir"/sh/*; do
		bash -n "$file" || fail "${file##*/}: this is no shell"
	done
	if command -v shellcheck >/dev/null; then
		shellcheck --shell=bash --severity=warning --exclude=SC2164,SC2034,SC2154 "$dir"/sh/* ||
			fail 'shellcheck finds something'
	fi
}

# Fragments get the section that must be there.
check_configurations() {
	local file

	extract_blocks conf "$dir/conf"
	[ "$(find "$dir/conf" -type f | wc -l)" -gt 3 ] || fail 'the configurations were not found'
	for file in "$dir"/conf/*; do
		grep -q '^ephemeral ' "$file" || echo 'ephemeral root {}' >>"$file"
		"$BLANKROOT_INITRD" --check-config --config "$file" || fail "${file##*/}: the configuration is not accepted"
	done
}

# Keys in the prose, as `keep-min = 5`: each is in blankroot.conf(5). NixOS's own are not.
check_keys() {
	local known unknown

	known=$(sed -nE 's/^\.It Ic //p' docs/man/blankroot.conf.5 | tr -d ' ' | tr ',' '\n' | sort -u)
	unknown=$(grep -ohE '`([a-z]+ \{ )?[a-z-]+ = ' "${documents[@]}" | sed -E 's/^`([a-z]+ \{ )?//; s/ = $//' |
		sort -u | comm -23 - <(echo "$known") | grep -vx imports || true)
	[ -z "$unknown" ] || fail "there are no keys $unknown"
}

# "PROGRAM WORD [OPTION]..." for each command line in a block or between back quotes; what has no word is prose.
command_lines() { # document
	awk '
		function put(text,    n, i, parts) {
			gsub(/\|\||&&|[|;()]/, "\n", text)
			n = split(text, parts, "\n")
			for (i = 1; i <= n; i++)
				if (parts[i] ~ /^ *(sudo )?blankroot(-initrd)? [a-z-]/)
					print parts[i]
		}
		/^ *```/ { code = !code; next }
		code || /^    / { sub(/#.*/, ""); put($0) }
		{ n = split($0, spans, "`"); for (i = 2; i <= n; i += 2) put(spans[i]) }' "$1" |
		sed -E 's/^ *(sudo )?//; s/"[^"]*"|'"'[^']*'"'/X/g'
}

has_option() { # file with the help, option
	grep -qE -- "(^|[^a-z-])$2([^a-z-]|\$)" "$1"
}

check_command() { # document, program, word, the rest
	local help=$dir/help.$2 word=${3%%[,.:\']*} option

	if [ "$2" = blankroot ] && [[ $word != --* ]]; then
		if ! grep -qE "^  $word " "$dir/help.blankroot"; then
			# These two are not in every version.
			[ "$word" = init ] || [ "$word" = blank ] || fail "$1: there is no command blankroot $word"
			return 0
		fi
		help=$dir/help.blankroot.$word
		[ -e "$help" ] || "$BLANKROOT" "$word" --help >"$help"
	fi
	# What is behind "--" is the command to run.
	for option in $(grep -oE -- '(^| )--[a-z][a-z-]+' <<<"$3 ${4%% -- *}" || true); do
		has_option "$help" "$option" || fail "$1: $2 $word has no option $option"
	done
}

check_commands() {
	local document program word rest count=0

	"$BLANKROOT" --help >"$dir/help.blankroot"
	"$BLANKROOT_INITRD" --help >"$dir/help.blankroot-initrd"
	for document in "${documents[@]}"; do
		while read -r program word rest; do
			check_command "$document" "$program" "$word" "$rest"
			count=$((count + 1))
		done < <(command_lines "$document")
	done
	[ "$count" -gt 150 ] || fail "only $count command lines were found"
}

# --- the index ---

check_index() {
	local file

	for file in docs/*.md; do
		[ "$file" = docs/README.md ] || grep -qE "^${file#docs/}(#|$)" < <(links docs/README.md) ||
			fail "docs/README.md does not name $file"
	done
}

# --- what can go wrong ---

section() { # heading
	awk -v heading="$1" '/^#+ / { inside = $0 == heading } inside' "$trouble"
}

check_codes() {
	local codes

	codes=$(list_entries lib/error.c BR_ERR_ |
		sed -E 's/^[^"]*"([a-z-]+)", "([^"]*)".*BR_CLASS_([A-Z]+).*/\1|\2|\3/; s/USAGE$/2/; s/REFUSED$/3/; s/FAILED$/4/')
	agree 'error codes' "$codes" "$(section '## Error codes' |
		sed -nE 's/^\| `([a-z-]+)` \| ([^|]*) \| ([0-9]) \|.*/\1|\2|\3/p')"
	codes=$(list_entries lib/reset.c BR_OUTCOME_ | tr -d '",' |
		awk '$2 ~ /[0-9]/ { code[$1] = $2; next } { print code[$1] "/" $2 }')
	agree 'exit codes' "$codes" "$(section '## Exit codes' | sed -nE 's/^\| ([0-9]) \| `([a-z-]+)` \|.*/\1\/\2/p')"
	codes=$(list_entries lib/warning.c BR_WARNING_ | sed 's/^[^"]*"\([a-z-]*\)".*/\1/')
	agree 'warnings' "$codes" "$(section '## Warnings of a reset' | sed -nE 's/^\| `([a-z-]+)` \|.*/\1/p')"
}

check_findings() {
	local findings

	findings=$(tr -s ' \t\n' ' ' <post-boot-helper/finding.c |
		grep -oE '\[FINDING_[A-Z_]+\] = \{ "[a-z-]+", FINDING_[A-Z]+' |
		sed -E 's/.*"([a-z-]+)", FINDING_([A-Z]+)/\1 \L\2/')
	agree 'findings' "$findings" \
		"$(section '## Findings of blankroot check' | sed -nE 's/^\| `([a-z-]+)` \| ([a-z]+) \|.*/\1 \2/p')"
}

# The texts of errors that some C files set, with "..." for what is filled in.
error_texts() { # file...
	perl -e '
		undef $/;
		for (<>) {
			s{/\*.*?\*/}{}gs;
			s/%"\s*PRI[a-z0-9]+\s*"/.../g;
			while (/\bbr_error_set\s*(\((?:[^()"]|"(?:[^"\\]|\\.)*"|(?1))*\))/g) {
				my $call = $1;
				while ($call =~ /((?:"(?:[^"\\]|\\.)*"|\s|WHERE)+)/g) {
					my $text = join "", $1 =~ /"((?:[^"\\]|\\.)*)"/g;
					$text =~ s/\\"/"/g;
					$text =~ s/%[-#0-9.*]*(?:ll|z)?[a-z]/.../g;
					print "$text\n" if $text =~ /[a-z]{3}/ && $text !~ m{^(btrfs|data|top level|its directory|subvolume|/proc.*)[. ]*$};
				}
			}
		}' "$@" | sort -u
}

# Of what runs in a reset, every text; and of the texts that the document has, every one is in the sources.
check_messages() {
	local written missing

	written=$(section '## Messages' && for heading in 'The configuration' 'Kernel command line, device and request' \
		'The layout' 'Persistent paths' 'The helper'; do section "### $heading"; done)
	written=$(sed -nE 's/^\| (`[^|]*`) \|.*/\1/p' <<<"$written" | grep -oE '`[^`]+`' | tr -d '`' | sort -u)
	missing=$(error_texts lib/{facts,facts-paths,hibernation,device,device-explain,device-members,boot,reset,request,module}.c \
		lib/{blank,toplevel,udev,carry,copy,copy-content,copy-file,copy-special,attributes,xattr,owner,apply-step}.c \
		lib/{config,config-parse,config-text,config-check,config-tuning}.c | grep -vxF -- "$written" || true)
	[ -z "$missing" ] || fail "$trouble does not have the messages: $missing"
	missing=$(WRITTEN=$written perl -e '
		undef $/;
		$_ = join "", <>;
		s/(?<!\\)"\s*"//g;
		s/\\"/"/g;
		s/%[-#0-9.*]*(?:ll|z)?[a-z]/.../g;
		for my $text (split /\n/, $ENV{WRITTEN}) { print "$text\n" if index($_, $text) < 0 }' lib/*.c post-boot-helper/*.c)
	[ -z "$missing" ] || fail "$trouble has messages that there are not: $missing"
}

check_links
check_shell
check_configurations
check_keys
check_commands
check_index
check_codes
check_findings
check_messages
