# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion in bash, for blankroot and blankroot-initrd. Needs nothing but bash.

# Candidates for the word at the cursor, from lines: so that a name with a blank stays one.
_blankroot_offer() { # line...
	mapfile -t COMPREPLY < <(printf '%s\n' "$@")
	[[ -n ${COMPREPLY[0]} ]] || COMPREPLY=()
	[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null || :
}

_blankroot_files() { # beginning
	compopt -o filenames 2>/dev/null || :
	_blankroot_offer "$(compgen -f -- "$1")"
}

# Readline makes words of their own of "--option", "=" and the value. The value is completed here, else the return value
# is 1.
_blankroot_value() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	[[ $word != = ]] || word=
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	case $before in
	--config | --report | --only) _blankroot_files "$word" ;;
	--device)
		if [[ $word == /* ]]; then
			_blankroot_files "$word"
		else
			_blankroot_offer "$(compgen -W 'UUID= LABEL= PARTUUID= PARTLABEL= /dev/' -- "$word")"
			compopt -o nospace 2>/dev/null || :
		fi
		;;
	--print) _blankroot_offer "$(compgen -W 'on-failure device' -- "$word")" ;;
	--cmdline) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

_blankroot_initrd() {
	! _blankroot_value || return 0
	_blankroot_offer "$(compgen -W '--config= --device= --cmdline= --report= --dry-run --check-config --print= --help
		--version' -- "${COMP_WORDS[COMP_CWORD]}")"
}

_blankroot() {
	local word=${COMP_WORDS[COMP_CWORD]}

	if ((COMP_CWORD == 1)); then
		_blankroot_offer "$(compgen -W 'diff list prune report rollback skip snapshot status --help --version' -- "$word")"
		return
	fi
	! _blankroot_value || return 0
	case ${COMP_WORDS[1]} in
	diff)
		_blankroot_offer "$(compgen -W '--of= --from= --subvolume= --only= --summary --json --suggest --exit-code
			--device= --config= --help' -- "$word")"
		;;
	list) _blankroot_offer "$(compgen -W '--json --noheadings --device= --config= --help' -- "$word")" ;;
	prune) _blankroot_offer "$(compgen -W '--dry-run --device= --config= --help' -- "$word")" ;;
	report)
		_blankroot_offer "$(compgen -W '--verbose --json --journal --mark-good --dry-run --report= --config= --help' \
			-- "$word")"
		;;
	rollback) _blankroot_offer "$(compgen -W '--undo --now-blank --dry-run --device= --config= --help' -- "$word")" ;;
	skip) _blankroot_offer "$(compgen -W '--cancel --dry-run --device= --config= --help' -- "$word")" ;;
	snapshot)
		_blankroot_offer "$(compgen -W '--comment= --only-if-changed --dry-run --device= --config= --help' -- "$word")"
		((COMP_CWORD != 2)) || [[ -z $word || $word == -* ]] ||
			_blankroot_offer "$(compgen -W 'create delete pin unpin' -- "$word")"
		;;
	status) _blankroot_offer "$(compgen -W '--json --report= --device= --config= --help' -- "$word")" ;;
	*) COMPREPLY=() ;;
	esac
}

complete -F _blankroot blankroot
complete -F _blankroot_initrd blankroot-initrd
