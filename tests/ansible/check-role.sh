#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Ansible role: its syntax, ansible-lint, and what it does on a machine whose root is on an image. `make check-ansible`
# runs it, for it needs Ansible, which is much for one role.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

command -v ansible-playbook >/dev/null || skip 'needs ansible-playbook'
# shellcheck source=tests/support/machine.sh
. tests/support/machine.sh

export ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=False

check_files() {
	ansible-playbook --syntax-check -i localhost, packaging/ansible/site.yml >"$dir/out" 2>&1 || fail "$(<"$dir/out")"
	if command -v ansible-lint >/dev/null; then
		(cd packaging/ansible && ansible-lint --offline --nocolor) >"$dir/out" 2>&1 || fail "$(<"$dir/out")"
	fi
}

# As it was before there was blankroot: no configuration, no blank.
make_plain() {
	image_mount
	btrfs property set -ts "$top/root-blank" ro false
	btrfs -q subvolume delete "$top/root-blank"
	rm "$system/etc/blankroot.conf"
	image_unmount
	cp -a packaging/ansible "$system/run/ansible"
	printf '[canary]\nlocalhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n' >"$system/run/hosts"
	cat >"$system/run/vars.yml" <<-'END'
		blankroot_install: none
		blankroot_device: /dev/sda2
		blankroot_persist: [/etc/machine-id, /etc/ssh, /etc/blankroot.conf, /etc/blankroot.conf.d]
		blankroot_paths: [{ path: /var/lib/postgresql, method: subvolume, create: directory, owner: "postgres:postgres" }]
		blankroot_more: archives { min-free = "1%" }
		blankroot_build_initramfs: [touch, /run/initramfs]
		blankroot_manage_units: false
	END
}

play() { # argument...
	PATH=/run/bin:/usr/sbin:/usr/bin HOME=/run chroot "$system" \
		ansible-playbook -i /run/hosts -e @/run/vars.yml "$@" /run/ansible/site.yml >"$dir/out" 2>&1
}

check_role() {
	play || fail "the role: $(<"$dir/out")"
	[ -e "$system/run/initramfs" ] || fail 'the initramfs was not built'
	chroot "$system" /run/bin/blankroot check --rehearse >"$dir/check" || fail "after the role: $(<"$dir/check")"
	grep -q '"/var/lib/postgresql"' "$system/etc/blankroot.conf" || fail 'the configuration lacks a path'
	rm "$system/run/initramfs"
	play || fail "the role, again: $(<"$dir/out")"
	grep -q 'changed=0 ' "$dir/out" || fail "run again, the role changes something: $(<"$dir/out")"
	[ ! -e "$system/run/initramfs" ] || fail 'the initramfs is built again'
	if play -e blankroot_more=nonsense=1; then
		fail 'a wrong configuration is not refused'
	fi
	! grep -q nonsense "$system/etc/blankroot.conf" || fail 'a wrong configuration is there'
	if play -e blankroot_subvolume=other; then
		fail 'another subvolume than the root is not refused'
	fi
	machine_boot
	[ "$(cat "$system/etc/machine-id")" = 0123456789abcdef0123456789abcdef ] || fail 'the reset lost the machine-id'
}

check_files
machine_make
make_plain
check_role
machine_unmount
echo 'the Ansible role works'
