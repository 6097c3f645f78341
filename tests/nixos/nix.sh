# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # dir is that of shell.sh
#
# For tests of the NixOS module, to be sourced behind tests/support/shell.sh. Nothing is built, no store and no network
# are needed. NIXPKGS=/path/to/nixpkgs takes its library instead of the stub.

command -v nix-instantiate >/dev/null || skip 'needs nix-instantiate: install nix-bin'

export NIX_REMOTE=dummy:// NIX_CONFIG='build-users-group =' NIXPKGS=${NIXPKGS-}
nixos=$PWD/tests/nixos

# Evaluate an expression that may use what eval.nix has; JSON to standard output. Variables of the caller's environment
# reach it through getEnv.
evaluate() { # expression
	nix-instantiate --eval --strict --json -E "with import $nixos/eval.nix; $1" 2>"$dir/nix-messages" ||
		fail "cannot evaluate $1: $(cat "$dir/nix-messages")"
}

# What an expression that must not evaluate says.
messages_of() { # expression
	if nix-instantiate --eval --strict --json -E "with import $nixos/eval.nix; $1" >/dev/null 2>"$dir/nix-messages"; then
		fail "evaluates, and should not: $1"
	fi
	cat "$dir/nix-messages"
}

# A string, as it is.
evaluate_text() { # expression
	evaluate "$1" | jq -j .
}

# "SECTION KEY" as config-schema.c has them, "top" for those outside of sections.
list_schema() {
	awk '
		/^static const struct br_config_key [a-z]+_keys\[\]/ { section = $5; sub(/_keys.*/, "", section) }
		/^}/ { section = "" }
		section != "" && match($0, /(KEY|WORDS|LIST)\("[a-z-]+"|\.name = "[a-z-]+"/) {
			split(substr($0, RSTART, RLENGTH), part, "\"")
			print section, part[2]
		}' lib/config-schema.c
}
