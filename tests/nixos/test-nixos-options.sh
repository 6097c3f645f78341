#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/nixos-options.md has every option of the module, as the module has it, and so every key of the configuration.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

# How nixpkgs describes its types is nothing to do with us.
export NIXPKGS=

check_text() {
	evaluate_text optionsText >"$dir/options.md"
	diff docs/nixos-options.md "$dir/options.md" >&2 ||
		fail 'docs/nixos-options.md (<) is not what the module has (>): run docs/update-nixos-options'
}

check_keys() {
	agree 'keys of the configuration' "$(list_schema)" \
		"$(sed -nE 's/^- key: `([a-z-]+)` in `([a-z]+)`$/\2 \1/p; s/^- key: `([a-z-]+)`$/top \1/p' docs/nixos-options.md)"
}

# An option that nobody wrote about.
check_that_it_sees() {
	cp -r hooks/nixos "$dir/mutant"
	sed -i 's/^    degraded = key/    forgotten = key text "";\n&/' "$dir/mutant/settings.nix"
	BLANKROOT_MODULE=$dir/mutant/module.nix evaluate_text optionsText >"$dir/mutant.md"
	grep -qxF '## services.blankroot.settings.forgotten' "$dir/mutant.md" || fail 'a new option is not in the text'
}

check_text
check_keys
check_that_it_sees
