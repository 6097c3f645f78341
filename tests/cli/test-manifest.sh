#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manifest of the initramfs and its integrations agree. Each integration is run, as make install leaves it, with stand-ins
# for the functions of its generator, which note what is asked for: every entry of the manifest arrives, and nothing else.
# A missing or bad configuration, and what cannot be had, end the build; on-failure decides where the unit goes.
# shellcheck disable=SC2034,SC2100,SC2317 # variables and functions for what is sourced
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

dest=$dir/dest
log=$dir/log
manifest=$dest/usr/lib/blankroot/initramfs.manifest
conf=$dest/etc/blankroot.conf
unit=/usr/lib/systemd/system/blankroot-reset.service

# --- what is installed ---

# Knobs of the suite come with MAKEFLAGS.
install_all() {
	make --no-print-directory install DESTDIR="$dest" PREFIX=/usr >"$dir/install.log" 2>&1 ||
		fail "make install: $(tail -n 5 "$dir/install.log")"
}

check_manifest() {
	local kind what target number=0

	while read -r kind what target; do
		case $kind in
		'' | '#'*) continue ;;
		binary | unit)
			[ -f "$dest$what" ] || fail "$what of the manifest is not installed"
			[[ $target == /* ]] || fail "$kind $what has no target"
			;;
		config | config-dir) [[ $what == /* && -z $target ]] || fail "not a path alone: $kind $what $target" ;;
		module | module-optional) [[ $what =~ ^[a-z0-9_]+$ && -z $target ]] || fail "not a name alone: $kind $what $target" ;;
		*) fail "an unknown kind: $kind $what" ;;
		esac
		number=$((number + 1))
	done <"$manifest"
	[ "$number" -gt 5 ] || fail "only $number entries in the manifest"
	[ "$(awk '$1 == "unit" { print $3 }' "$manifest")" = "$unit" ] || fail "the unit is not $unit"
}

# --- what is expected ---

# The entries of the manifest, one a line, each as all integrations note it. Paths are without the directory of this test.
expected() { # kind that is not for this integration, or none
	local kind what target file

	while read -r kind what target; do
		[ "$kind" != "${1:-}" ] || continue
		case $kind in
		binary | unit) echo "$kind $what $target" ;;
		config) echo "config $what" ;;
		config-dir)
			for file in "$dest$what"/*.conf; do
				[ ! -e "$file" ] || echo "config ${file#"$dest"}"
			done
			;;
		module | module-optional) echo "$kind $what" ;;
		esac
	done <"$manifest"
}

compare() { # integration, lines expected
	diff <(sort <<<"$2") <(sed "s|$dest||g" "$log" | sort) >&2 ||
		fail "$1: expected from the manifest (<) and asked for (>) differ"
}

# Several lines into one list.
with() { # line...
	printf '%s\n' "$@" | sed '/^$/d'
}

# --- stand-ins, each noting "KIND WHAT"; what $broken names cannot be had ---

stand_ins() {
	note() {
		echo "$*" >>"$log"
		[ "${broken:-}" != "$1 $2" ]
	}
	# the one of what is asked for that stands in the manifest says what kind it is
	note_file() { # source, target
		if [ "${1#"$dest"}" = "$unit" ]; then
			note unit "$unit" ${2:+"$2"}
		else
			note config "${1#"$dest"}" ${2:+"$2"}
		fi
	}
	command_not_found_handle() {
		echo "a function that this test does not know: $*" >&2
		note unknown "$@"
		return 127
	}
}

# dracut knows a system root, so that its module is used as it is.
run_dracut() { # "systemd" or nothing
	(
		set +eu
		stand_ins
		with_systemd=$1 initdir=$dir/initrd dracutsysrootdir=$dest systemdsystemunitdir=${unit%/*}
		moddir=$dest/usr/lib/dracut/modules.d/90blankroot
		dfatal() { echo "$*" >&2; }
		inst_binary() { note binary "$@"; }
		inst_simple() { note_file "$@"; }
		inst_hook() { note hook "$@"; }
		dracut_module_included() { [ "$1" = "$with_systemd" ]; }
		instmods() {
			local kind=module

			while [[ $1 == -* ]]; do
				kind=module-optional
				shift
			done
			[ -z "${hostonly-no}" ] || note hostonly "$1"
			note "$kind" "$1"
		}
		rm -rf "$initdir"
		mkdir "$initdir"
		# shellcheck source=/dev/null
		. "$moddir/module-setup.sh"
		check || exit
		depends >/dev/null
		installkernel || exit
		install || exit
		find "$initdir" -type l -printf 'link /%P %l\n' >>"$log"
	) 2>"$dir/err"
}

# These look at fixed places; the copies look below $dest.
localise() { # file, copy
	sed "s|/usr/lib/blankroot/|$dest&|; s|/usr/share/initramfs-tools/hook-functions|$dir/hook-functions|" "$1" >"$2"
	chmod +x "$2"
	[ "$(grep -c "$dest/usr/lib/blankroot/" "$2")" -eq 1 ] || fail "$1 names its manifest elsewhere"
}

make_local_manifest() {
	awk -v dest="$dest" '/^(binary|unit|config|config-dir)[ \t]/ { $2 = dest $2 } { print }' "$manifest" >"$manifest.local"
	sed -i "s|initramfs.manifest|&.local|" "$dir/mkinitcpio" "$dir/initramfs-tools"
}

run_mkinitcpio() { # "systemd" or nothing
	(
		set +eu
		stand_ins
		HOOKS=(base "${1:-udev}" blankroot filesystems)
		# shellcheck source=tests/boot/mkinitcpio/functions
		. tests/boot/mkinitcpio/functions
		add_binary() { note binary "$@"; }
		add_file() { note_file "$@"; }
		add_symlink() { note link "$@"; }
		add_runscript() { note runscript; }
		add_module() {
			case $1 in
			*\?) note module-optional "${1%\?}" || true ;;
			*) note module "$1" ;;
			esac
		}
		[ -z "$1" ] || add_systemd_unit() { note unknown add_systemd_unit; }
		# shellcheck source=/dev/null
		. "$dir/mkinitcpio"
		count_errors
		build
		trap - RETURN
		[ "$errors" -eq 0 ]
	) 2>"$dir/err"
}

make_hook_functions() {
	cat >"$dir/hook-functions" <<-'END'
		note() {
			echo "$*" >>"$log"
			[ "${broken:-}" != "$1 $2" ]
		}
		copy_exec() { note binary "$@"; }
		copy_file() {
			[ "$1" = config ] || echo "a type of file: $1" >>"$log"
			shift
			note config "${1#"$dest"}" || return 2 # 1: it is there already
		}
		manual_add_modules() { note module "$@"; }
	END
}

run_initramfs_tools() {
	log=$log dest=$dest broken=${broken:-} DESTDIR=$dir/initrd "$dir/initramfs-tools" 2>"$dir/err"
}

# --- runs ---

# All three, with and without systemd: run_each WHAT-TO-DO, called with a name and the command.
each() { # function, argument...
	local call=$1

	shift
	"$call" dracut "$@" run_dracut ''
	"$call" dracut-systemd "$@" run_dracut systemd
	"$call" mkinitcpio "$@" run_mkinitcpio ''
	"$call" mkinitcpio-systemd "$@" run_mkinitcpio systemd
	"$call" initramfs-tools "$@" run_initramfs_tools
}

# What enters besides the manifest: what starts the program, where no unit does.
starter() { # integration, directory of the unit's link
	case $1 in
	dracut) echo "hook pre-mount 50 /usr/lib/dracut/modules.d/90blankroot/blankroot-reset.sh" ;;
	mkinitcpio) echo runscript ;;
	*-systemd) echo "link ${unit%/*}/$2/${unit##*/} ../${unit##*/}" ;;
	esac
}

check_content() { # integration, directory of the unit's link, command...
	local name=$1 link=$2 lines

	shift 2
	: >"$log"
	"$@" || fail "$name: $(cat "$dir/err")"
	lines=$(case $name in
	*-systemd) expected ;;
	initramfs-tools) expected unit | sed 's/^module-optional /module /' ;;
	*) expected unit ;;
	esac)
	compare "$name" "$(with "$lines" "$(starter "$name" "$link")")"
}

# The build fails, with a message that matches.
check_failure() { # integration, pattern, command...
	local name=$1 pattern=$2

	shift 2
	: >"$log"
	! "$@" || fail "$name: success, though '$pattern'"
	grep -qE "$pattern" "$dir/err" || fail "$name: not '$pattern', but $(cat "$dir/err")"
}

# A part cannot be had: an image without it would fail at the next boot.
check_broken() { # integration, part, command...
	local name=$1 broken=$2

	shift 2
	: >"$log"
	! "$@" || fail "$name: success without $broken"
}

check_optional() { # integration, command...
	local name=$1 broken

	shift
	while read -r broken; do
		: >"$log"
		"$@" || fail "$name: failed without $broken: $(cat "$dir/err")"
	done < <(expected | grep '^module-optional ')
}

check_configurations() {
	echo 'ephemeral root { }' >"$conf"
	each check_content initrd.target.wants
	mkdir "$conf.d"
	echo 'ephemeral root { persist = { "/etc/ssh" } }' >"$conf.d/10-more.conf"
	echo 'ephemeral root { on-failure = stop }' >"$conf.d/20-stop.conf"
	echo 'nonsense' >"$conf.d/30-not-read.conf.orig"
	each check_content sysroot.mount.requires
	echo 'ephemeral root { on-failure = sometimes }' >"$conf.d/20-stop.conf"
	each check_failure '20-stop.conf:1: .*sometimes'
	rm -r "$conf.d"
}

check_missing() {
	rm "$conf"
	: >"$log"
	! run_dracut systemd || fail 'dracut includes the module by itself without a configuration'
	run_initramfs_tools || fail "initramfs-tools without a configuration: $(cat "$dir/err")"
	[ ! -s "$log" ] || fail "asked for without a configuration: $(cat "$log")"
	check_failure mkinitcpio 'blankroot.conf' run_mkinitcpio ''
	# on request: dracut --add blankroot does not ask check
	sed -i 's/^check() {$/& return 0/' "$dest/usr/lib/dracut/modules.d/90blankroot/module-setup.sh"
	check_failure dracut 'blankroot.conf' run_dracut systemd
	echo 'ephemeral root { }' >"$conf"
}

mkdir -p "$dest/etc"
install_all
check_manifest
localise "$dest/usr/lib/initcpio/install/blankroot" "$dir/mkinitcpio"
localise "$dest/usr/share/initramfs-tools/hooks/blankroot" "$dir/initramfs-tools"
make_local_manifest
make_hook_functions
check_configurations
binary=$(awk '$1 == "binary" { print $2 }' "$manifest")
check_broken dracut "binary $binary" run_dracut ''
check_broken mkinitcpio "binary $dest$binary" run_mkinitcpio ''
check_broken initramfs-tools "binary $dest$binary" run_initramfs_tools
check_broken dracut 'module btrfs' run_dracut ''
check_broken mkinitcpio 'module btrfs' run_mkinitcpio ''
check_broken dracut "unit $unit" run_dracut systemd
check_broken mkinitcpio "unit $unit" run_mkinitcpio systemd
each check_broken 'config /etc/blankroot.conf'
check_optional dracut run_dracut ''
check_optional mkinitcpio run_mkinitcpio systemd
check_missing
