#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The NixOS module: users' mistakes are told, each with its own message, and only they; values of a wrong kind are
# refused; only the stage 1 in use gets something to do; each check has a case that fails without it.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

check_cases() {
	local result

	result=$(evaluate 'import ./tests/nixos/cases.nix')
	jq -e '.wrong == {}' <<<"$result" >/dev/null || fail "cases: $(jq .wrong <<<"$result")"
	[ "$(jq .count <<<"$result")" -gt 50 ] || fail 'cases were lost'
}

# Without one of the checks, a case must go wrong.
check_that_cases_see() {
	local place count result mutant=$dir/mutant checks='(refuse|warn)(If)? [("]'

	cp -r hooks/nixos "$mutant"
	count=$(grep -cE "$checks" hooks/nixos/checks.nix)
	for place in $(seq "$count"); do
		awk -v checks="$checks" -v place="$place" '
			$0 ~ checks && ++n == place {
				sub(/refuse /, "refuseIf false ")
				sub(/refuseIf /, "(_: refuseIf false) ")
				sub(/warnIf /, "(_: warnIf false) ")
			}
			{ print }' hooks/nixos/checks.nix >"$mutant/checks.nix"
		result=$(BLANKROOT_MODULE=$mutant/module.nix evaluate 'import ./tests/nixos/cases.nix')
		if jq -e '.wrong == {}' <<<"$result" >/dev/null; then
			diff hooks/nixos/checks.nix "$mutant/checks.nix" >&2 || true
			fail 'no case fails without this check'
		fi
	done
	[ "$count" -gt 18 ] || fail "only $count checks were found in checks.nix"
}

check_types() {
	local result

	result=$(evaluate '(import ./tests/nixos/types.nix).wrong')
	jq -e '. == {}' <<<"$result" >/dev/null || fail "types: $(jq . <<<"$result")"
	# What is wrong, and where.
	messages_of '(on "systemd" (settings { ephemeral.root.persist = [ "etc/ssh" ]; })).assertions' |
		grep -q 'services.blankroot.settings.ephemeral.root.persist.* is not of type .absolute path' ||
		fail "a relative path: $(cat "$dir/nix-messages")"
	messages_of '(on "systemd" (settings { ephemeral.root.perist = [ "/etc/ssh" ]; })).assertions' |
		grep -q 'services.blankroot.settings.ephemeral.root.perist. does not exist' ||
		fail "a mistyped option: $(cat "$dir/nix-messages")"
	messages_of '(on "systemd" { services.blankroot.configFile = "/nix/store/x"; }).services.blankroot.configFile' |
		grep -q 'configFile. is read-only' || fail "configFile: $(cat "$dir/nix-messages")"
}

# What the library has to do, for the other tests to mean something.
check_library() {
	local failing expression

	evaluate 'on "systemd" { }' >/dev/null
	for failing in 'boot.initrd.preLVMComands = "";' 'boot.initrd.preLVMCommands = 1;' 'fileSystems."/".fstype = "btrfs";' \
		'boot.resumeDevice = lib.mkMerge [ "/dev/a" "/dev/b" ];' 'boot.initrd.kernelModules = "btrfs";' \
		'boot.initrd.systemd.services.a.after = [ "a" ];' 'boot.initrd = [ ];'; do
		messages_of "(on \"systemd\" { $failing }) " |
			grep -qE 'does not exist|is not of type|conflicting definition|something else than a set' ||
			fail "$failing: $(cat "$dir/nix-messages")"
	done
	for expression in \
		'(on "systemd" { boot.resumeDevice = lib.mkMerge [ (lib.mkDefault "/dev/a") "/dev/b" ]; }).boot.resumeDevice == "/dev/b"' \
		'(on "systemd" { boot.resumeDevice = lib.mkMerge [ (lib.mkForce "/dev/a") "/dev/b" ]; }).boot.resumeDevice == "/dev/a"' \
		'(on "systemd" { boot.resumeDevice = lib.mkIf false (throw "looked at"); }).boot.resumeDevice == ""' \
		'(on "old" { boot.initrd.preLVMCommands = lib.mkMerge [ (lib.mkAfter "c") (lib.mkBefore "a") "b" ]; }).boot.initrd.preLVMCommands == "a\nb\nc"'; do
		[ "$(evaluate "$expression")" = true ] || fail "$expression"
	done
}

# Names of the options of the initrd that are not empty.
used() { # release, module
	evaluate "(on \"$1\" $2).boot.initrd" | jq -r '[paths(. != "" and . != [] and . != {} and type != "object")
		| map(select(type == "string")) | .[0:2] | join(".")] | unique | .[]'
}

# nixpkgs refuses hooks of a scripted stage 1 where systemd is in use.
check_stages() {
	local common='kernelModules supportedFilesystems'
	local scripted="extraUtilsCommands extraUtilsCommandsTest $common"
	local systemd="$common systemd.contents systemd.services systemd.storePaths"

	same_words() { # what, expected, found
		[ "$(xargs -n 1 <<<"$2" | sort)" = "$(xargs -n 1 <<<"$3" | sort)" ] || fail "$1: $3 instead of $2"
	}
	same_words 'systemd' "$systemd systemd.enable" "$(used systemd '{ }')"
	same_words 'systemd alone' "$systemd" "$(used future '{ }')"
	same_words 'systemd chosen' "$systemd systemd.enable" "$(used scripted '{ boot.initrd.systemd.enable = true; }')"
	same_words 'scripted' "$scripted postResumeCommands systemd.enable" "$(used scripted '{ }')"
	same_words 'scripted chosen' "$scripted postResumeCommands systemd.enable" \
		"$(used systemd '{ boot.initrd.systemd.enable = false; }')"
	same_words 'old' "$scripted postDeviceCommands" "$(used old '{ }')"
}

check_disabled() {
	[ "$(evaluate 'let config = on "scripted" { services.blankroot.enable = lib.mkForce false; }; in
		[ config.boot.initrd.kernelModules config.boot.initrd.postResumeCommands config.environment config.systemd
			config.assertions ]')" = \
		'[[],"",{"etc":{},"persistence":{},"systemPackages":[]},{"packages":[],"services":{},"targets":{},"tmpfiles":{"rules":[]}},[]]' ] || fail 'a disabled module does something'
}

# Behind what others have there: LVM and the like may come first.
check_order() {
	evaluate_text '(on "scripted" { boot.initrd.postResumeCommands = "of others"; }).boot.initrd.postResumeCommands' |
		head -n 1 | grep -qx 'of others' || fail 'the hook is not behind those of others'
}

check_library
check_cases
check_types
check_stages
check_disabled
check_order
check_that_cases_see
