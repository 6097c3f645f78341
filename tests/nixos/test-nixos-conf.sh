#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The configuration that the NixOS module writes: every key of the program has an option that reaches the file; the
# program reads what is written, and reads it as it was meant, whatever characters it has.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh
# shellcheck source=tests/nixos/nix.sh
. tests/nixos/nix.sh

# "SECTION KEY" of a configuration file.
list_file() { # file
	awk '
		$1 == "}" { depth--; next }
		$NF == "{" { section[++depth] = $1; next }
		$2 == "=" { print (depth ? section[depth] : "top"), $1 }' "$1"
}

check_everything() {
	evaluate_text 'textOf (bare "systemd" { services.blankroot = {
		enable = true; settings = import ./tests/nixos/everything.nix; }; })' >"$dir/everything.conf"
	diff tests/nixos/everything.conf "$dir/everything.conf" || fail 'the file is not as expected (<)'
	agree 'keys of the configuration' "$(list_schema)" "$(list_file "$dir/everything.conf")"
	[ "$(list_schema | wc -l)" -gt 20 ] || fail 'keys of config-schema.c were lost'
	"$BLANKROOT_INITRD" --check-config --config "$dir/everything.conf" || fail 'the program does not take it'
	[ "$("$BLANKROOT_INITRD" --print=on-failure --config "$dir/everything.conf")" = stop ] || fail 'on-failure is lost'
	[ "$("$BLANKROOT_INITRD" --print=device --config "$dir/everything.conf")" = LABEL=everything ] || fail 'device is lost'
}

# What the types let through, the program takes, too.
check_accepted() {
	local count i

	evaluate '(import ./tests/nixos/types.nix).accepted' >"$dir/accepted"
	count=$(jq length "$dir/accepted")
	[ "$count" -gt 40 ] || fail "only $count configurations"
	for ((i = 0; i < count; i++)); do
		jq -j ".[$i]" "$dir/accepted" >"$dir/accepted.conf"
		"$BLANKROOT_INITRD" --check-config --config "$dir/accepted.conf" || fail "not taken: $(cat "$dir/accepted.conf")"
	done
}

# The build of the file fails where the program does not take it.
check_build() {
	local conf='(on "systemd" { }).services.blankroot.configFile'

	mkdir -p "$dir/package/bin"
	ln -sf "$BLANKROOT_INITRD" "$dir/package/bin/blankroot-initrd"
	BLANKROOT_PACKAGE=$dir/package evaluate_text "$conf.checkPhase" >"$dir/build-check"
	evaluate_text "$conf.text" >"$dir/good.conf"
	out=$dir/good.conf bash -e "$dir/build-check" || fail 'a good file is refused'
	echo 'ephemeral root { perist = "/a" }' >"$dir/bad.conf"
	! out=$dir/bad.conf bash -e "$dir/build-check" 2>/dev/null || fail 'a bad file is not refused'
}

# Names with fixed numbers become numbers.
check_owners() {
	local owner

	owner_of() { # owner
		evaluate_text "textOf (on \"systemd\" {
			services.blankroot.settings.ephemeral.root.paths.\"/srv\" = { create = \"directory\"; owner = \"$1\"; };
			users.users.db = { uid = 71; group = \"dbs\"; };
			users.users.web.group = \"webs\";
			users.groups.dbs.gid = 72;
			users.groups.webs = { };
		})" | sed -n 's/^ *owner = //p'
	}
	for owner in db=71:72 db:=71: :dbs=:72 db:root=71:0 db:5=71:5 root=0:0 5=5: 5:dbs=5:72 web=web db:webs=db:webs \
		nobody=nobody; do
		[ "$(owner_of "${owner%=*}")" = "\"${owner#*=}\"" ] || fail "owner $owner: $(owner_of "${owner%=*}")"
	done
}

# Every character arrives: what is at the paths in the old root is in the new one.
check_characters() {
	local path count=0

	evaluate_text 'textOf (on "systemd" (settings { ephemeral.root.persist = import ./tests/nixos/nasty.nix; }))' >"$dir/nasty.conf"
	"$BLANKROOT_INITRD" --check-config --config "$dir/nasty.conf" || fail "not taken: $(cat "$dir/nasty.conf")"
	evaluate 'import ./tests/nixos/nasty.nix' | jq -r '.[]' >"$dir/paths"
	image_create
	image_mount
	btrfs -q subvolume create "$top/root"
	btrfs -q subvolume snapshot -r "$top/root" "$top/root-blank"
	mkdir -p "$top/root/var/lib/nixos"
	while IFS= read -r path; do
		echo "$path" >"$top/root$path"
	done <"$dir/paths"
	image_unmount
	"$BLANKROOT_INITRD" --config "$dir/nasty.conf" --device "$loop" --cmdline noresume >/dev/null 2>&1 || fail 'no reset'
	image_mount
	while IFS= read -r path; do
		[ "$(cat "$top/root$path")" = "$path" ] || fail "did not survive: $path"
		count=$((count + 1))
	done <"$dir/paths"
	[ "$count" -gt 15 ] || fail "only $count paths"
	[ "$(find "$top/old_roots" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] || fail 'the root was not replaced'
	image_unmount
}

# docs/install.md.
check_documentation() {
	local machine

	sed -n '/^```nix$/,/^```$/{/^```/!p}' docs/install.md >"$dir/documented"
	[ "$(wc -l <"$dir/documented")" -gt 10 ] || fail 'the example of docs/install.md was not found'
	machine="bare \"systemd\" { $(cat "$dir/documented") }"
	[ "$(evaluate "let machine = $machine; in refusals machine ++ machine.warnings")" = '[]' ] ||
		fail "the example of docs/install.md: $(evaluate "refusals ($machine)")"
	evaluate_text "textOf ($machine)" >"$dir/documented.conf"
	"$BLANKROOT_INITRD" --check-config --config "$dir/documented.conf" || fail 'the program does not take the example'
}

check_everything
check_accepted
check_build
check_owners
check_documentation
check_characters
