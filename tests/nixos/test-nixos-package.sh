#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Nix package and the flake: all files parse; the package is built and installed the way its attributes say, by make;
# the flake has the outputs that docs/install.md names, and its machine has no mistakes.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

# With what it is given in place of nixpkgs; mkDerivation gives back its attributes.
package='let package = import ./packaging/nix/package.nix {
	lib = import ./tests/nixos/stub-lib.nix;
	stdenv = { mkDerivation = attributes: attributes; cc.targetPrefix = ""; };
	btrfs-progs = "btrfs-progs"; jansson = "jansson"; libarchive = "libarchive"; libconfuse = "libconfuse"; systemd = "systemd";
	util-linux = "util-linux";
}; in package'

check_syntax() {
	local file count=0

	while IFS= read -r file; do
		nix-instantiate --parse "$file" >/dev/null || fail "cannot parse $file"
		count=$((count + 1))
	done < <(find . -path ./build -prune -o -name '*.nix' -print)
	[ "$count" -gt 10 ] || fail "only $count files were found"
}

# What nixpkgs' builder does with these attributes, in a copy of the source.
check_build() {
	local flags targets

	evaluate "$package.makeFlags" | jq -r '.[]' >"$dir/flags"
	evaluate "$package.installTargets" | jq -r '.[]' >"$dir/targets"
	mapfile -t flags <"$dir/flags"
	mapfile -t targets <"$dir/targets"
	mkdir -p "$dir/source"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$dir/source"
	export out=$dir/out
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL TESTS
	{
		make -C "$dir/source" -j"$(nproc)" "${flags[@]}"
		make -C "$dir/source" "${flags[@]}" "${targets[@]}"
	} >"$dir/make.log" 2>&1 || fail "$(tail -n 20 "$dir/make.log")"
	(cd "$dir/source" && evaluate_text "$package.installCheckPhase" | bash -e) >"$dir/install-check" 2>&1 ||
		fail "the check of the installation: $(cat "$dir/install-check")"
	[ -e "$out/share/man/man8/blankroot-initrd.8" ] || fail 'the manual page is missing'
	! find "$out" -type f -printf '%P\n' | grep -vE '^((bin|lib/systemd/system(-generators)?|share)/.*blankroot[a-z0-9.-]*|share/blankroot/presets/[a-z-]*\.conf|lib/blankroot/check-before-shutdown)$' >&2 ||
		fail 'unexpected files are installed'
	grep -qx "ExecStart=$out/bin/blankroot report --journal" "$out/lib/systemd/system/blankroot-report.service" ||
		fail 'the units do not run the program of the package'
	# systemd.packages of the module has nixpkgs look here, too.
	"$out/lib/systemd/system-generators/blankroot-generator" --version >/dev/null || fail 'there is no generator'
}

check_attributes() {
	local needed

	[ "$(evaluate_text "$package.version")" = "$(sed -n 's/^VERSION := //p' Makefile)" ] || fail 'the version'
	# Libraries that the program is linked with, and what they come from; glibc is always there.
	needed=$(readelf -d "$dir"/out/bin/* | sed -n 's/.*NEEDED.*\[\(lib[a-z]*\)\..*/\1/p' | sort -u |
		grep -vE '^(libc|libpthread)$' | sed 's/^libblkid$\|^libsmartcols$/util-linux/; s/^libbtrfsutil$/btrfs-progs/
			s/^libsystemd$/systemd/; s/^libjansson$/jansson/' | sort -u)
	# What is not needed in the initramfs is not copied there.
	! readelf -d "$dir/out/bin/blankroot-initrd" | grep -E 'libsystemd|libjansson|libsmartcols' >&2 ||
		fail 'libraries of the helper would be in the initrd'
	agree 'libraries' "$needed" "$(evaluate "$package.buildInputs" | jq -r '.[]')"
}

# Stands in for nixpkgs: packages name their system, nixosSystem evaluates against the stub.
flake='let
	lib = import ./tests/nixos/stub-lib.nix;
	nixpkgs = {
		lib = lib // {
			trivial.release = "26.05";
			nixosSystem = { modules, ... }: lib.evalModules {
				modules = modules ++ [ (import ./tests/nixos/stub-options.nix "systemd") ({ config, ... }: { options.system = {
					stateVersion = lib.mkOption { type = lib.types.str; };
					build = lib.mkOption { type = lib.types.attrs; default.initialRamdisk = {
						wrong = builtins.filter (one: !one.assertion) config.assertions ++ config.warnings;
						units = builtins.attrNames config.boot.initrd.systemd.services;
					}; };
				}; }) ];
				specialArgs.pkgs.blankroot.outPath = "/nix/store/blankroot";
			};
		};
		legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: { callPackage = path: _: system; });
	};
	outputs = (import ./flake.nix).outputs { inherit nixpkgs; self = throw "not needed"; };
in'

check_flake() {
	local system

	agree 'inputs' nixpkgs "$(evaluate '(import ./flake.nix).inputs' | jq -r 'keys[]')"
	agree 'outputs' "$(printf '%s\n' checks nixosModules packages)" \
		"$(evaluate "$flake builtins.attrNames outputs" | jq -r '.[]')"
	for system in x86_64-linux aarch64-linux; do
		[ "$(evaluate "$flake outputs.packages.$system" | jq -c .)" = \
			"{\"blankroot\":\"$system\",\"default\":\"$system\"}" ] || fail "packages of $system"
		[ "$(evaluate "$flake outputs.checks.$system" | jq -c .)" = \
			"{\"blankroot\":\"$system\",\"initrd\":{\"units\":[\"blankroot-reset\"],\"wrong\":[]}}" ] || fail "checks of $system"
	done
	[ "$(evaluate "$flake outputs.nixosModules.default == ./hooks/nixos/module.nix")" = true ] || fail 'nixosModules'
}

check_syntax
check_build
check_attributes
check_flake
