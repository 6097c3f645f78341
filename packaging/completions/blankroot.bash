# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion in bash, for blankroot and blankroot-initrd. Needs nothing but bash and sed.

# Candidates for the word at the cursor, from lines: so that a name with a blank stays one.
_blankroot_offer() { # line...
	mapfile -t COMPREPLY < <(printf '%s\n' "$@" | sed '/^$/d')
	[[ ${COMPREPLY[0]:-} != *= ]] || compopt -o nospace 2>/dev/null || :
}

_blankroot_files() { # beginning
	compopt -o filenames 2>/dev/null || :
	_blankroot_offer "$(compgen -f -- "$1")"
}

# Names of archives and snapshots, as far as whoever asks may see them, besides what is given. Not by compgen, which would
# expand what is in them.
_blankroot_names() { # beginning, further candidates
	local name

	_blankroot_offer "${2:-}" "$(blankroot list --noheadings --output=NAME 2>/dev/null |
		while read -r name; do
			[[ $name != "$1"* ]] || printf '%s\n' "$name"
		done)"
}

# The word is a list with commas, of which the last item is completed; "+" before all of them adds to the usual columns.
_blankroot_columns() { # beginning
	local before=

	case $1 in
	*,*) before=${1%,*}, ;;
	+*) before=+ ;;
	esac
	compopt -o nospace 2>/dev/null || :
	_blankroot_offer "$(compgen -P "$before" -W 'NAME KIND SUBVOLUME TIME GOOD PINNED STAYS REASON COMMENT SIZE' \
		-- "${1#"$before"}")"
}

# Readline makes words of their own of "--option", "=" and the value. The value is completed here, else the return value
# is 1.
_blankroot_value() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	[[ $word != = ]] || word=
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	case $before in
	--config | --report | --only | --to) _blankroot_files "$word" ;;
	--root)
		compopt -o filenames 2>/dev/null || :
		_blankroot_offer "$(compgen -d -- "$word")"
		;;
	--from | --of) _blankroot_names "$word" ;;
	--device)
		if [[ $word == /* ]]; then
			_blankroot_files "$word"
		else
			_blankroot_offer "$(compgen -W 'UUID= LABEL= PARTUUID= PARTLABEL= /dev/' -- "$word")"
			compopt -o nospace 2>/dev/null || :
		fi
		;;
	--format) _blankroot_files "$word" ;;
	--preset) _blankroot_offer "$(compgen -W 'server container-host database web' -- "$word")" ;;
	--compress) _blankroot_offer "$(compgen -W 'zstd lzo zlib none' -- "$word")" ;;
	--method) _blankroot_offer "$(compgen -W 'copy subvolume' -- "$word")" ;;
	--print)
		if [[ ${COMP_WORDS[1]} == tune ]]; then
			_blankroot_offer "$(compgen -W 'fstab nix sysctl udev' -- "$word")"
		else
			_blankroot_offer "$(compgen -W 'on-failure device' -- "$word")"
		fi
		;;
	--output) _blankroot_columns "$word" ;;
	--cmdline | --keep | --limit | --wait | --unallocated | --usage) COMPREPLY=() ;;
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
		_blankroot_offer "$(compgen -W 'balance blank check convert defrag diff init list metrics persist prune report restore
			rollback scrub skip snapshot status trim tune --help --version' -- "$word")"
		return
	fi
	! _blankroot_value || return 0
	case ${COMP_WORDS[1]} in
	balance)
		_blankroot_offer "$(compgen -W '--unallocated= --usage= --metadata --scheduled --dry-run --json --wait= --device=
			--config= --help' -- "$word")"
		if ((COMP_CWORD == 2)) && [[ -n $word && $word != -* ]]; then
			_blankroot_offer "$(compgen -W 'start resume pause cancel status' -- "$word")"
		fi
		;;
	blank)
		if ((COMP_CWORD == 2)) && [[ -n $word && $word != -* ]]; then
			_blankroot_offer "$(compgen -W 'show create verify update commit rollback' -- "$word")"
		elif [[ ${COMP_WORDS[2]} == commit && -n $word && $word != -* ]]; then
			_blankroot_files "$word"
		else
			_blankroot_offer "$(compgen -W '--subvolume= --from= --keep= --json --dry-run --wait= --device= --config=
				--help' -- "$word")"
		fi
		;;
	check)
		_blankroot_offer "$(compgen -W '--rehearse --strict --quiet --json --record --root= --device= --config= --help' -- "$word")"
		;;
	convert)
		_blankroot_offer "$(compgen -W '--force --dry-run --wait= --help' -- "$word")"
		[[ -z $word || $word == -* ]] || _blankroot_offer "$(compgen -d -- "$word")"
		;;
	defrag)
		if [[ -z $word || $word == -* ]]; then
			_blankroot_offer "$(compgen -W '--compress= --busy --force --dry-run --json --wait= --device= --config=
				--help' -- "$word")"
		else
			_blankroot_files "$word"
		fi
		;;
	diff)
		_blankroot_offer "$(compgen -W '--of= --from= --subvolume= --only= --summary --json --suggest --exit-code
			--device= --config= --help' -- "$word")"
		;;
	init)
		_blankroot_offer "$(compgen -W '--format= --label= --subvolume= --preset= --write-fstab --write-boot-loader
			--replace-config --undo --yes --json --dry-run --wait= --device= --config= --help' -- "$word")"
		;;
	list) _blankroot_offer "$(compgen -W '--json --noheadings --output= --bytes --device= --config= --help' -- "$word")" ;;
	metrics)
		_blankroot_offer "$(compgen -W '--output= --alert --report= --state= --device= --config= --help' -- "$word")"
		;;
	persist)
		_blankroot_offer "$(compgen -W '--subvolume= --method= --dry-run --json --noheadings --wait= --config=
			--help' -- "$word")"
		if ((COMP_CWORD == 2)) && [[ -n $word && $word != -* ]]; then
			_blankroot_offer "$(compgen -W 'add remove list' -- "$word")"
		elif [[ $word == /* ]]; then
			_blankroot_files "$word"
		fi
		;;
	prune) _blankroot_offer "$(compgen -W '--dry-run --wait= --device= --config= --help' -- "$word")" ;;
	report)
		_blankroot_offer "$(compgen -W '--verbose --json --journal --mark-good --dry-run --report= --config= --help' \
			-- "$word")"
		;;
	restore)
		if [[ -z $word || $word == -* ]]; then
			_blankroot_offer "$(compgen -W '--from= --to= --keep-old --dry-run --json --wait= --device= --config=
				--help' -- "$word")"
		else
			_blankroot_files "$word"
		fi
		;;
	rollback)
		_blankroot_names "$word" "$(compgen -W '--undo --now-blank --force --dry-run --wait= --device= --config= --help' -- "$word")"
		;;
	scrub)
		_blankroot_offer "$(compgen -W '--read-only --limit= --restart --json --dry-run --wait= --device= --config=
			--help' -- "$word")"
		((COMP_CWORD > 2)) || [[ -z $word || $word == -* ]] ||
			_blankroot_offer "$(compgen -W 'start status cancel resume' -- "$word")"
		;;
	skip) _blankroot_offer "$(compgen -W '--cancel --dry-run --wait= --device= --config= --help' -- "$word")" ;;
	snapshot)
		if ((COMP_CWORD == 2)) && [[ -n $word && $word != -* ]]; then
			_blankroot_offer "$(compgen -W 'create delete pin unpin' -- "$word")"
		elif ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[2]} =~ ^(delete|pin|unpin)$ ]]; then
			_blankroot_names "$word" "$(compgen -W '--dry-run --wait= --device= --config= --help' -- "$word")"
		else
			_blankroot_offer "$(compgen -W '--comment= --only-if-changed --dry-run --wait= --device= --config=
				--help' -- "$word")"
		fi
		;;
	status) _blankroot_offer "$(compgen -W '--json --report= --device= --config= --help' -- "$word")" ;;
	trim)
		_blankroot_offer "$(compgen -W '--force --scheduled --dry-run --json --wait= --device= --config= --help' -- "$word")"
		;;
	tune)
		_blankroot_offer "$(compgen -W '--reset --print= --json --dry-run --device= --config= --help' -- "$word")"
		[[ -z $word || $word == -* ]] ||
			_blankroot_offer "$(compgen -W 'balanced configured io-optimized space-optimized' -- "$word")"
		;;
	*) COMPREPLY=() ;;
	esac
}

complete -F _blankroot blankroot
complete -F _blankroot_initrd blankroot-initrd
