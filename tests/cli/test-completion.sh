#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shells offer what the programs take, which is what their help has: bash and fish by completing, zsh by its list of
# options. That the manual pages agree with the help, test-man checks.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

bash_file=packaging/completions/blankroot.bash
zsh_file=packaging/completions/blankroot.zsh
fish_files='packaging/completions/blankroot.fish packaging/completions/blankroot-initrd.fish'

# Commands and options of a help, with "=" where a value follows.
list_help() { # argument...
	"$@" --help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p; s/^ +(--[a-z-]+)(=?)[A-Z]*( .*|$)/\1\2/p'
}

list_commands() {
	list_help "$BLANKROOT" | grep -v '^-'
}

# The options that a program takes: getopt_long names all of them, for none is what this one begins with, and it tells
# which take no value. So nothing is ever run.
list_accepted() { # argument...
	local option

	for option in $({ LC_ALL=C "$@" --= 2>&1 || true; } | sed 1q | grep -oE "'--[a-z][a-z-]*'" | tr -d "'"); do
		if { LC_ALL=C "$@" "$option=" --= 2>&1 || true; } | grep -q "doesn't allow an argument"; then
			echo "$option"
		else
			echo "$option="
		fi
	done
}

check_help() {
	local command

	agree 'options of blankroot-initrd in its help' "$(list_accepted "$BLANKROOT_INITRD")" "$(list_help "$BLANKROOT_INITRD")"
	for command in $(list_commands); do
		agree "options of $command in its help" "$(list_accepted "$BLANKROOT" "$command")" \
			"$(list_help "$BLANKROOT" "$command")"
	done
}

# Options of all commands.
list_options() {
	local command

	list_help "$BLANKROOT_INITRD"
	list_help "$BLANKROOT" | grep '^-'
	for command in $(list_commands); do
		list_help "$BLANKROOT" "$command"
	done
}

list_columns() {
	tr -s ' \t\n' ' ' <post-boot-helper/cmd-list.c | grep -oE '\[[A-Z]+\] = "[A-Z]+"' | tr -d '"' | sed 's/.* //'
}

# What bash offers for the last of these words.
complete_words() { # word...
	(
		# shellcheck source=packaging/completions/blankroot.bash
		. "$bash_file"
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
	for command in $(list_commands); do
		agree "what bash offers for blankroot $command" "$(list_help "$BLANKROOT" "$command")" \
			"$(complete_words blankroot "$command" '')"
	done
	agree 'columns in bash' "$(list_columns)" "$(complete_words blankroot list --output = '')"
	offers '+NAME,KIND' blankroot list --output +NAME,K
	offers '+SIZE' blankroot list --output = +SI
	offers "$dir/a file.conf" blankroot report --config = "$dir/a f"
	offers "$dir/a file.conf" blankroot report --config "$dir/a f"
	offers "$dir/a file.conf" blankroot-initrd --json --config = "$dir/a f"
	offers on-failure blankroot-initrd --print = on
	offers PARTUUID= blankroot-initrd --device = PARTU
	offers --mark-good blankroot report --m
	offers '' blankroot report --no
	offers '' blankroot no-such-command ''
}

# Names of archives come from the program, which is another one here; what is in them is never run.
names=$'root.20261123T190501Z\nroot.20261124T190501Z-2\nsrv%2Fdata.20261123T190501Z\n$(touch '"$dir"'/run).20261123T190501Z'

make_stand_in() {
	mkdir "$dir/bin" "$dir/a directory"
	touch "$dir/a file.conf"
	cat >"$dir/bin/blankroot" <<-END
		#!/bin/sh
		[ "\$*" = 'list --noheadings --output=NAME' ] || exit 1
		cat <<'NAMES'
		$names
		NAMES
	END
	chmod +x "$dir/bin/blankroot"
	# fish wants to know nothing of a program that is not there
	cp "$dir/bin/blankroot" "$dir/bin/blankroot-initrd"
}

check_bash_names() {
	local PATH=$dir/bin:$PATH

	offers "$names" blankroot restore --from = ''
	offers $'root.20261123T190501Z\nroot.20261124T190501Z-2' blankroot diff --of root
	offers root.20261124T190501Z-2 blankroot rollback root.20261124
	offers srv%2Fdata.20261123T190501Z blankroot snapshot pin root.20261123T190501Z srv
	offers --now-blank blankroot rollback --now
	[ ! -e "$dir/run" ] || fail 'bash has run what is in a name'
	offers "$dir/a directory" blankroot restore --to = "$dir/a d"
	offers "$dir/a directory" blankroot restore --from=x "$dir/a d"
}

check_zsh() {
	agree 'what zsh offers' "$(list_options)" "$(grep -oE "\)?--[a-z-]+=?\[" "$zsh_file" | tr -d ')[')"
	agree 'columns in zsh' "$(list_columns)" "$(sed -n 's/.*compadd - \([A-Z ]*\).*/\1/p' "$zsh_file" | tr ' ' '\n')"
	! command -v zsh >/dev/null || zsh -n "$zsh_file" || fail 'not good zsh'
}

# The completions of the files, one a line.
list_fish_lines() {
	# shellcheck disable=SC2086 # a list of names
	sed -e ':a; /\\$/N; s/\\\n *//; ta' $fish_files | grep '^complete '
}

# What fish says of commands and options is what zsh says, and which of them take a value.
check_fish_texts() {
	agree 'options in fish' "$(list_options | sort -u)" "$(list_fish_lines |
		sed -nE 's/.* -l ([a-z-]+)( -(x|xa|rF) .*| .*)/--\1\3/p' | sed -E 's/(x|xa|rF)$/=/' | sort -u)"
	agree 'explanations of options in fish' \
		"$(sed -nE "s/.*--([a-z-]+)=?\[([^]]*)\].*/\1 \2/p" "$zsh_file" | sort -u)" \
		"$(list_fish_lines | sed -nE "s/.* -l ([a-z-]+) .*-d '(.*)'/\1 \2/p" | sort -u)"
	agree 'explanations of commands in zsh' "$("$BLANKROOT" --help | sed -nE 's/^  ([a-z]+) +/\1 /p')" \
		"$(sed -nE "s/^\t+'([a-z]+):([^:]*)'$/\1 \2/p" "$zsh_file")"
	agree 'explanations of commands in fish' "$("$BLANKROOT" --help | sed -nE 's/^  ([a-z]+) +/\1 /p')" \
		"$(list_fish_lines | sed -nE "s/.* -a ([a-z]+) -d '(.*)'/\1 \2/p")"
}

# What fish offers for the word at the end of a line, by the files as they are installed.
complete_line() { # line
	env -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_DATA_DIRS HOME="$dir" PATH="$dir/bin:$PATH" fish --no-config -c '
		set fish_complete_path $argv[1]
		complete -C $argv[2]' "$dir/installed/usr/share/fish/vendor_completions.d" "$1" 2>"$dir/err" | cut -f 1
	[ ! -s "$dir/err" ] || fail "completing '$1' in fish: $(cat "$dir/err")"
}

fish_offers() { # expected, line
	[ "$(complete_line "$2")" = "$1" ] || fail "'$2' completes to $(complete_line "$2") in fish, not $1"
}

check_fish() {
	local command

	make --no-print-directory install-completions DESTDIR="$dir/installed" PREFIX=/usr >"$dir/install.log" 2>&1 ||
		fail "make install-completions: $(tail -n 5 "$dir/install.log")"
	agree 'options of blankroot-initrd in fish' "$(list_help "$BLANKROOT_INITRD" | tr -d =)" \
		"$(complete_line 'blankroot-initrd --')"
	agree 'commands and options of blankroot in fish' "$(list_help "$BLANKROOT")" "$(
		complete_line 'blankroot '
		complete_line 'blankroot --'
	)"
	for command in $(list_commands); do
		agree "options of $command in fish" "$(list_help "$BLANKROOT" "$command" | tr -d =)" \
			"$(complete_line "blankroot $command --")"
	done
	agree 'columns in fish' "$(list_columns)" "$(complete_line 'blankroot list --output ')"
	fish_offers $'report\nrestore' 'blankroot re'
	fish_offers '+NAME,KIND' 'blankroot list --output +NAME,K'
	fish_offers '--output=+SIZE' 'blankroot list --output=+SI'
	fish_offers '' 'blankroot no-such-command '
	fish_offers '' 'blankroot no-such-command --'
	fish_offers $'--print=device\n--print=on-failure' 'blankroot-initrd --print='
	fish_offers '--device=PARTUUID=' 'blankroot status --device=PARTU'
	fish_offers copy 'blankroot persist add --method c'
	fish_offers $'add\nlist\nremove' 'blankroot persist '
	fish_offers $'create\ndelete\npin\nunpin' 'blankroot snapshot '
	fish_offers '' 'blankroot report --json --jo'
	fish_offers '' 'blankroot report --no'
}

check_fish_names() {
	local command

	agree 'names in fish' "$names" "$(complete_line 'blankroot rollback ')"
	agree 'names in fish' "$names" "$(complete_line 'blankroot restore --from ')"
	agree 'names in fish' "$names" "$(complete_line 'blankroot diff --from ')"
	for command in delete pin unpin; do
		agree "names for $command in fish" "$names" "$(complete_line "blankroot snapshot $command srv ")"
	done
	fish_offers $'root.20261123T190501Z\nroot.20261124T190501Z-2' 'blankroot diff --of root'
	fish_offers --of=srv%2Fdata.20261123T190501Z 'blankroot diff --of=srv'
	fish_offers '' 'blankroot rollback --undo '
	fish_offers '' 'blankroot snapshot create root'
	[ ! -e "$dir/run" ] || fail 'fish has run what is in a name'
}

check_fish_paths() {
	local line

	for line in 'report --config ' 'status --report ' 'diff --device ' 'diff --only ' 'persist add ' 'restore --from=x '; do
		fish_offers "$dir/a file.conf" "blankroot $line$dir/a\\ f"
	done
	fish_offers "--report=$dir/a file.conf" "blankroot-initrd --report=$dir/a\\ f"
	for line in 'convert ' 'restore --to '; do
		fish_offers "$dir/a directory/" "blankroot $line$dir/a\\ "
	done
	for line in 'diff ' 'list ' 'prune ' 'skip ' 'persist ' 'rollback ' 'list --output ' 'snapshot create --comment '; do
		fish_offers '' "blankroot $line$dir/a\\ f"
	done
}

make_stand_in
check_help
check_bash
check_bash_names
check_zsh
check_fish_texts
if command -v fish >/dev/null; then
	check_fish
	check_fish_names
	check_fish_paths
else
	[ "${REQUIRE:-}" != 1 ] || fail 'there is no fish'
	echo 'there is no fish: its completion is only read'
fi
