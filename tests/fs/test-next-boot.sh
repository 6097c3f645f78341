#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot skip and rollback: what they ask for is what the next reset does, once; what they refuse, nothing is changed;
# power cuts; where the file system is found.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

root=$dir/root
mkdir -p "$root"

# blankroot ARGUMENT... on the image ends with that exit code and prints that, on both outputs.
expect() { # exit code, extended regular expression, argument...
	local code=$1 pattern=$2 status=0

	shift 2
	"$BLANKROOT" "$1" --config="$dir/conf" "${@:2}" >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq "$code" ] || fail "'$*' ended with $status, not $code: $(cat "$dir/out")"
	tr '\n' '|' <"$dir/out" | grep -qxE "($pattern)\|" || fail "'$*' printed $(cat "$dir/out"), not $pattern"
}

on_image() { # exit code, extended regular expression, argument...
	expect "$1" "$2" "$3" --device="$loop" "${@:4}"
}

reset() { # extended regular expression on the console
	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --cmdline=noresume >"$dir/out" 2>&1 ||
		fail "exit code $?: $(cat "$dir/out")"
	grep -qE "$1" "$dir/out" || fail "not '$1', but $(cat "$dir/out")"
}

# The request as it is on the disk, "none" without one.
request() {
	image_mount
	cat "$top/.blankroot/request" 2>/dev/null || echo none
	image_unmount
}

asked() { # request
	[ "$(request)" = "$1" ] || fail "the request is '$(request)', not '$1'"
}

make_image() {
	image_create
	image_mount
	image_make_root
	image_unmount
	cat >"$dir/conf" <<-END
		ephemeral root {
		    mountpoint = "$root"
		    persist = { "/etc/ssh" }
		}
	END
}

# The newest archive.
newest() {
	image_mount
	find "$top/old_roots" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1
	image_unmount
}

check_skip() {
	on_image 0 'blankroot: would ask for this: the next boot keeps the root, once' skip --dry-run
	asked none
	on_image 0 'blankroot: the next boot keeps the root, once' skip
	asked skip
	reset 'not reset'
	asked none
	reset 'root reset from root-blank'
}

check_rollback() {
	local archive

	archive=$(newest)
	on_image 0 "blankroot: would ask for this: the next boot starts from $archive, once" rollback "$archive" --dry-run
	asked none
	on_image 0 "blankroot: the next boot starts from $archive, once" rollback "$archive"
	asked "from $archive"
	reset "root reset from old_roots/$archive"
	asked none
	image_mount
	grep -qx 'edited by hand' "$top/root/etc/motd" || fail 'not what the archive has'
	image_unmount
	reset 'root reset from root-blank'
}

check_cancel() {
	local archive

	archive=$(newest)
	on_image 0 'blankroot: nothing to take back: the next boot resets the root from its blank' skip --cancel
	on_image 0 'blankroot: the next boot keeps the root, once' skip
	on_image 0 "blankroot: replaced an earlier request: that the next boot keeps the root\|blankroot: the next boot starts from $archive, once" \
		rollback "$archive"
	on_image 0 "blankroot: would take back that the next boot starts from $archive" rollback --undo --dry-run
	asked "from $archive"
	on_image 0 'blankroot: taken back: the next boot resets the root from its blank' rollback --undo
	asked none
	image_mount
	echo nonsense >"$top/.blankroot/request"
	image_unmount
	on_image 0 'blankroot: replaced an earlier request: that the next boot does what nobody can understand\|.*' skip
	on_image 0 'blankroot: taken back: .*' skip --cancel
	reset 'root reset from root-blank'
}

check_refusals() {
	local name

	for name in no-such-archive '' . .. ../root-blank old_roots/x $'a\nb'; do
		on_image 1 'blankroot rollback: .*' rollback -- "$name"
	done
	on_image 2 "blankroot rollback: which archive or snapshot\? Its name is missing\|Try .*" rollback
	on_image 2 "blankroot rollback: unexpected argument 'b'\|Try .*" rollback a b
	on_image 2 "blankroot rollback: unexpected argument 'a'\|Try .*" rollback a --undo
	on_image 2 "blankroot skip: unexpected argument 'a'\|Try .*" skip a
	asked none
	# what a reset refuses is refused now
	image_mount
	btrfs property set -ts "$top/root-blank" ro false
	mv "$top/.blankroot" "$top/.away"
	ln -s root "$top/.blankroot"
	image_unmount
	on_image 1 'blankroot skip: .*' skip
	image_mount
	[ ! -e "$top/root/request" ] || fail 'a link was followed'
	rm "$top/.blankroot"
	mv "$top/.away" "$top/.blankroot"
	mv "$top/root/etc/ssh" "$top/root/etc/elsewhere"
	ln -s elsewhere "$top/root/etc/ssh"
	mv "$top/root/etc" "$top/root/etc2"
	ln -s etc2 "$top/root/etc"
	image_unmount
	on_image 1 'blankroot rollback: symbolic link in path .*' rollback "$(newest)"
	asked none
	image_mount
	rm "$top/root/etc"
	mv "$top/root/etc2" "$top/root/etc"
	rm "$top/root/etc/ssh"
	mv "$top/root/etc/elsewhere" "$top/root/etc/ssh"
	btrfs property set -ts "$top/root-blank" ro true
	image_unmount
}

# In the running system: the file system is the one whose root is mounted; who works on it has the lock.
check_running() {
	local status=0

	mount -t btrfs -o subvol=root,noatime "$loop" "$root"
	expect 0 'blankroot: the next boot keeps the root, once' skip
	image_mount
	exec 8<"$top"
	flock 8
	expect 1 'blankroot skip: .*another run of blankroot is working on it; try again .*' skip --cancel --wait=0
	exec 8<&-
	image_unmount
	expect 0 'blankroot: taken back: .*' skip --cancel
	umount "$root"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BLANKROOT" skip --config=/dev/null >"$dir/out" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "an ordinary user: exit code $status: $(cat "$dir/out")"
}

# Without root all that is not there already on the disk is lost: what the command said is not.
check_power_cut() {
	local copy=$dir/copy other

	on_image 0 'blankroot: the next boot keeps the root, once' skip
	mount -t btrfs -o subvol=root,noatime "$loop" "$root"
	on_image 0 'blankroot: taken back: .*' skip --cancel
	on_image 0 "blankroot: the next boot starts from .*, once" rollback "$(newest)"
	# as it is on the disk at this moment, while the file system is mounted
	cat "$loop" >"$copy"
	on_image 0 'blankroot: taken back: .*' skip --cancel
	umount "$root"
	btrfs device scan --forget "$loop" 2>/dev/null || :
	btrfstune -f -u "$copy" >/dev/null
	other=$(losetup --find --show "$copy")
	mount -t btrfs -o subvolid=5 "$other" "$root"
	grep -q '^from ' "$root/.blankroot/request" || fail 'the request is not on the disk'
	umount "$root"
	losetup --detach "$other"
	rm "$copy"
}

make_image
check_skip
check_rollback
check_cancel
check_refusals
check_running
check_power_cut
