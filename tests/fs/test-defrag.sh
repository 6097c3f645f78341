#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot defrag: few extents where there were many, as filefrag counts them, with the same content; what is shared,
# written to, nodatacow, in another subvolume or on another file system is left alone.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

defrag() { # expected exit code, argument...
	local code=0

	"$BLANKROOT" defrag "${@:2}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" -eq "$1" ] || fail "'${*:2}' ended with $code, not $1: $(cat "$dir/out" "$dir/err")"
}

says() { # text
	grep -qF -- "$1" "$dir/out" "$dir/err" || fail "not '$1' in: $(cat "$dir/out" "$dir/err")"
}

is() { # filter, of the last --json
	jq -e "$1" "$dir/out" >/dev/null || fail "not $1: $(cat "$dir/out")"
}

extents() { # file
	filefrag "$1" | sed -nE 's/.*: ([0-9]+) extents? found/\1/p'
}

compressed() { # file
	filefrag -v "$1" | grep -qE '\<encoded\>'
}

# Every second block, and then the others.
make_fragments() { # file
	local i begin

	: >"$1"
	for begin in 0 1; do
		for ((i = begin; i < 100; i += 2)); do
			dd if=/dev/zero of="$1" bs=4k count=1 seek="$i" conv=notrunc oflag=direct status=none
		done
	done
	[ "$(extents "$1")" -ge 50 ] || fail "only $(extents "$1") extents were made"
}

image_create
image_mount
echo 'ephemeral root { }' >"$dir/conf"
mkdir -p "$top/tree/below"
file=$top/tree/below/file
make_fragments "$file"
sum=$(sha256sum <"$file")

defrag 0 --dry-run --json "$top/tree"
is '.files == 1 and .extents >= 50 and .done_files == 0'
[ "$(extents "$file")" -ge 50 ] || fail 'a dry run has written'

# somebody writes
exec 8>>"$file"
defrag 0 --json "$top/tree"
is '.files == 0 and .busy == 1'
exec 8>&-

# a copy, and a snapshot
cp --reflink=always "$file" "$top/copy"
sync -f "$top"
defrag 1 "$top/tree"
says 'shared with snapshots or copies'
[ "$(extents "$file")" -ge 50 ] || fail 'what is shared was written anew'
defrag 0 --dry-run --json "$top/tree"
is ".shared_files == 1 and .shared_bytes == $(stat -c %s "$file")"
rm "$top/copy"
btrfs -q subvolume snapshot -r "$top" "$top/snapshot"
defrag 1 "$top/tree"
says '--force'
# it was told to who had asked; nobody else is to be alarmed
jq -e '.outcome == "not-now"' "$top/.blankroot/jobs/defrag.json" >"$dir/record" || fail "$(cat "$top/.blankroot/jobs/defrag.json")"
defrag 1 --force "$top/snapshot/tree"
says 'read-only subvolume'
btrfs -q subvolume delete --commit-after "$top/snapshot"
btrfs subvolume sync "$top" >/dev/null

defrag 0 "$top/tree"
[ "$(extents "$file")" -lt 5 ] || fail "it still has $(extents "$file") extents"
defrag 0 --json "$top/tree"
is '.files == 0 and .not_needed == 1'
jq -e '.outcome == "done"' "$top/.blankroot/jobs/defrag.json" >/dev/null || fail 'no record'

# compressed, and not
for how in zstd lzo zlib; do
	defrag 0 --compress="$how" "$file"
	compressed "$file" || fail "it is not compressed by $how"
done
if defrag 0 --compress=none "$file"; then
	! compressed "$file" || fail 'it is compressed'
fi
[ "$(sha256sum <"$file")" = "$sum" ] || fail 'its content is another one'

# nodatacow: in few pieces, but not compressed
: >"$top/tree/nocow"
chattr +C "$top/tree/nocow"
head -c 1M /dev/zero >"$top/tree/nocow"
sync -f "$top"
defrag 0 --compress=zstd --json "$top/tree/nocow"
is '.not_compressible == 1 and .files == 0'

# with --force
make_fragments "$file"
cp --reflink=always "$file" "$top/copy"
sync -f "$top"
defrag 0 --force "$top/tree/below"
says 'will take their own space'
[ "$(extents "$file")" -lt 5 ] || fail "it still has $(extents "$file") extents"
[ "$(extents "$top/copy")" -ge 50 ] || fail 'the copy was written anew'

# nested subvolumes and what is no file
btrfs -q subvolume create "$top/tree/nested"
make_fragments "$top/tree/nested/file"
ln -s file "$top/tree/below/link"
mkfifo "$top/tree/pipe"
defrag 0 --json "$top/tree"
is '.files == 0 and .subvolumes == 1'
defrag 1 "$top/tree/below/link"
says 'symbolic link'
defrag 1 "$top/tree/pipe"
says 'neither a file nor a directory'
defrag 1 "$top/tree/missing"
says 'No such file or directory'
defrag 1 /proc
says 'not on a btrfs'
defrag 2
defrag 2 --compress=gzip "$top/tree"
defrag 2 --compress=zstd:16 "$top/tree"
