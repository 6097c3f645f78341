#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the NixOS module puts into stage 1. With systemd: the unit that the other initramfs get, valid, enabled as
# on-failure says. Scripted: a hook that is run here by busybox, with every exit code. In both what the manifest lists.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

manifest=hooks/initramfs.manifest
package=$dir/package
stops='services.blankroot.settings.ephemeral.root.onFailure = "stop";'
export BLANKROOT_PACKAGE=$package

mkdir -p "$package/bin"
ln -sf "$BLANKROOT_INITRD" "$package/bin/blankroot-initrd"

# --- with systemd ---

unit_text() { # more configuration
	evaluate_text "unitText (on \"systemd\" { $1 }).boot.initrd.systemd.services.blankroot-reset"
}

# One setting a line, lists taken apart, without what differs on purpose: where the program is.
settings_of() {
	awk '
		/^\[/ { section = $0; next }
		/^[#;]/ || !/=/ { next }
		{
			key = $0; sub(/=.*/, "", key)
			value = $0; sub(/^[^=]*=/, "", value)
			if (value == "yes") value = "true"
			if (value == "no") value = "false"
			count = key ~ /^(After|Before|Requires|Wants|Conflicts|Documentation)$/ ? split(value, word, " ") : 1
			if (count == 1) word[1] = value
			for (i = 1; i <= count; i++) if (key != "ExecStart") print section, key "=" word[i]
		}' | sort
}

check_unit() {
	unit_text '' >"$dir/blankroot-reset.service"
	[ "$(settings_of <hooks/systemd/blankroot-reset.service | wc -l)" -gt 15 ] || fail 'the unit of hooks/systemd was not read'
	# The modules: a package with libkmod loads them by itself.
	settings_of >"$dir/wanted" < <(cat hooks/systemd/blankroot-reset.service &&
		printf '[Unit]\nAfter=systemd-modules-load.service\n')
	diff "$dir/wanted" <(settings_of <"$dir/blankroot-reset.service") >&2 ||
		fail 'hooks/systemd/blankroot-reset.service (<) and the unit of the module (>) differ'
	grep -qx "ExecStart=$package/bin/blankroot-initrd" "$dir/blankroot-reset.service" || fail 'ExecStart'
	diff <(unit_text '') <(unit_text "$stops") >&2 || fail 'on-failure changes more than who asks for the unit'
}

# Standard units come from the systemd of this machine.
check_unit_with_systemd() {
	command -v systemd-analyze >/dev/null || fail 'needs systemd-analyze: install systemd'
	systemd-analyze verify --man=no "$dir/blankroot-reset.service" >"$dir/verify" 2>&1 ||
		fail "systemd-analyze verify: $(cat "$dir/verify")"
	! grep -F blankroot-reset "$dir/verify" >&2 || fail 'systemd-analyze verify has complaints'
}

who_asks() { # more configuration
	evaluate "let unit = (on \"systemd\" { $1 }).boot.initrd.systemd.services.blankroot-reset; in
		[ unit.wantedBy unit.requiredBy ]"
}

check_policy() {
	[ "$(who_asks '')" = '[["initrd.target"],[]]' ] || fail "continue: $(who_asks '')"
	[ "$(who_asks "$stops")" = '[[],["sysroot.mount"]]' ] || fail "stop: $(who_asks "$stops")"
	# One of several is enough.
	[ "$(who_asks 'services.blankroot.settings.ephemeral.cache = { mountpoint = "/c"; onFailure = "stop"; };')" = \
		'[[],["sysroot.mount"]]' ] || fail 'stop of another subvolume is lost'
}

# --- the running system ---

# NixOS does not read [Install]: every unit that has one is there, and wanted by the same targets, some when asked for.
check_running_system() {
	local all='(on "systemd" { services.blankroot = { checkBeforeShutdown = true; resumeScrub = true; }; })'

	agree 'units of the running system' \
		"$(grep -l '^\[Install\]' hooks/systemd/*.service | while read -r unit; do
			echo "${unit##*/}" "$(sed -n 's/^WantedBy=//p' "$unit")"
		done)" \
		"$(evaluate "$all.systemd.services" |
			jq -r 'to_entries[] | "\(.key).service \(.value.wantedBy | join(" "))"')"
	agree 'units that nobody asked for' 'blankroot-check
blankroot-scrub-resume' "$(comm -13 <(evaluate '(on "systemd" { }).systemd.services' | jq -r 'keys[]' | sort) \
		<(evaluate "$all.systemd.services" | jq -r 'keys[]' | sort))"
	# What they ask for is there: the target that not every NixOS has.
	agree 'targets' "$(grep -h '^Requires=' hooks/systemd/blankroot-{report,good}.service | sed 's/^Requires=//' | xargs -n 1)" \
		"$(evaluate '(on "systemd" { }).systemd.targets' | jq -r 'keys[] + ".target"')"
	[ "$(evaluate '(on "systemd" { }).systemd.packages == (on "systemd" { }).environment.systemPackages')" = true ] ||
		fail 'the units of the package are not used'
}

# --- the manifest ---

listed() { # kind, field
	awk -v kind="$1" -v field="$2" '$1 == kind { print $field }' "$manifest"
}

check_manifest() {
	local initrd kind algorithm

	initrd=$(evaluate '(on "systemd" { }).boot.initrd')
	agree 'modules of the manifest' "$(listed module 2)" "$(jq -r '.kernelModules[]' <<<"$initrd")"
	agree 'file systems' "$(listed module 2)" "$(jq -r '.supportedFilesystems[]' <<<"$initrd")"
	agree 'configuration files of the manifest' "$(listed config 2)" "$(jq -r '.systemd.contents | keys[]' <<<"$initrd")"
	agree 'programs of the manifest' "$(listed binary 2 | sed 's|.*/||')" \
		"$(jq -r '.systemd.storePaths[]' <<<"$initrd" | sed "s|^$package/bin/||")"
	agree 'units of the manifest' "$(listed unit 2 | sed 's|.*/||')" \
		"$(jq -r '.systemd.services | keys[] + ".service"' <<<"$initrd")"
	# btrfs.nix of nixpkgs brings these checksums; that of another module would have to be seen to here. A name that
	# some kernel lacks would end the build of the initrd.
	[ "$(jq -c .availableKernelModules <<<"$initrd")" = '[]' ] || fail 'modules that not every kernel has'
	for algorithm in $(listed module-optional 2); do
		case $algorithm in
		crc32c* | libcrc32c | xxhash* | sha256* | blake2b*) ;;
		*) fail "does the initrd of NixOS get the module $algorithm?" ;;
		esac
	done
	# A directory of further files has no place where the file is made from options.
	awk '!/^#/ && NF { print $1 }' "$manifest" | sort -u >"$dir/kinds"
	while read -r kind; do
		case $kind in
		binary | config | config-dir | module | module-optional | unit) ;;
		*) fail "the manifest has a new kind, $kind" ;;
		esac
	done <"$dir/kinds"
}

# --- scripted ---

hook() { # release, more configuration
	evaluate_text "let initrd = (on \"$1\" { $2 }).boot.initrd; in
		initrd.postResumeCommands or initrd.postDeviceCommands"
}

check_hook_text() { # file
	busybox ash -n "$1" || fail "busybox does not take it: $(cat "$1")"
	shellcheck -s dash -e SC3043 "$1" || fail 'shellcheck has complaints'
	# Pasted into a template: nothing may look like one of its own words, in comments neither.
	! grep -E '@[A-Za-z]+@' "$1" || fail 'a word between @'
	grep -q -- '--config=/nix/store/' "$1" || fail 'the configuration does not come into the initrd'
}

# What a hook does when the program ends with a code: "wait DEVICE", "run ARGUMENTS", "fail", "next".
run_hook() { # file, code, prelude
	mkdir -p "$dir/bin"
	printf '#!/bin/sh\necho "run $*"\nexit %s\n' "$2" >"$dir/bin/blankroot-initrd"
	chmod +x "$dir/bin/blankroot-initrd"
	{
		echo 'fail() { echo fail; exit 99; }'
		echo "$3"
		cat "$1"
		echo 'echo next'
	} >"$dir/stage-1"
	{ PATH=$dir/bin:$PATH busybox ash "$dir/stage-1" 2>&1 || true; } | sed 's|/nix/store/[^ ]*-blankroot.conf|CONF|'
}

check_run() { # file, policy, code
	local wanted said

	wanted="wait /dev/disk/by-uuid/6d4be962-c34d-49b3-bfe4-402587c71ce5 run --config=CONF next"
	said=$(run_hook "$1" "$3" 'waitDevice() { echo "wait $1"; return 1; }' | xargs)
	case $2:$3 in
	continue:* | stop:0 | stop:5) ;;
	*) wanted="${wanted% next} blankroot: the root was not reset (exit code $3), and onFailure is stop fail" ;;
	esac
	[ "$said" = "$wanted" ] || fail "$2, exit code $3: '$said' instead of '$wanted'"
	# Older ones have no waitDevice there; where a failed command ends the script, this one does not.
	said=$(run_hook "$1" "$3" 'set -eu' | xargs)
	[ "$said" = "${wanted#wait * }" ] || fail "$2, exit code $3, without waitDevice: '$said'"
}

check_hook() { # release
	local policy code

	hook "$1" '' >"$dir/continue"
	hook "$1" "$stops" >"$dir/stop"
	for policy in continue stop; do
		check_hook_text "$dir/$policy"
		for code in 0 2 3 4 5 127; do
			check_run "$dir/$policy" "$policy" "$code"
		done
	done
}

# Devices by tag are waited for by path; quotes do not end what is quoted.
check_devices() {
	device_of() { # device
		hook scripted "fileSystems.\"/\".device = lib.mkForce \"$1\";" >"$dir/device"
		run_hook "$dir/device" 0 'waitDevice() { echo "wait $1"; }' | sed -n 's/^wait //p'
	}
	[ "$(device_of UUID=abc)" = /dev/disk/by-uuid/abc ] || fail "UUID=abc: $(device_of UUID=abc)"
	[ "$(device_of "LABEL=it's")" = "/dev/disk/by-label/it's" ] || fail "a quote: $(device_of "LABEL=it's")"
	[ "$(device_of /dev/mapper/crypted)" = /dev/mapper/crypted ] || fail 'a path'
}

# The builder copies the program and then tries it.
check_utils() {
	local utils='let initrd = (on "scripted" { }).boot.initrd; in'

	evaluate_text "$utils initrd.extraUtilsCommands" >"$dir/utils"
	evaluate_text "$utils initrd.extraUtilsCommandsTest" >"$dir/utils-test"
	mkdir -p "$dir/out/bin"
	out=$dir/out bash -e -c 'copy_bin_and_libs() { cp -L "$1" "$out/bin/"; }; . "$1"; . "$2"' - \
		"$dir/utils" "$dir/utils-test" | grep -q '^blankroot-initrd ' || fail 'the program is not put into the initrd'
}

check_unit
check_unit_with_systemd
check_policy
check_running_system
check_manifest
check_hook scripted
check_hook old
check_devices
check_utils
