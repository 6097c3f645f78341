# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables for, and of, those who source this
#
# For benchmarks, to be sourced: a throw-away btrfs image, contenders that take turns, medians and ratios.
#
#   $root  the sources     $work  scratch directory     $mnt  the top level of the image     $loop  its device
#
# The image has no name and its loop device detaches itself: also when a benchmark is killed in a way that it cannot
# notice, nothing is left but small files in $work.
#
# Knobs in the environment: RUNS=5; IMAGE_DIR where the image is (default /dev/shm); IMAGE_SIZE=16G, sparse.
#
# With BENCH_SAMPLES=FILE each measured value is appended to it as a line, too, for tests/bench/tables: "make bench".

: "${RUNS:=5}" "${IMAGE_DIR:=/dev/shm}" "${IMAGE_SIZE:=16G}" "${CC:=cc}" "${BENCH_SAMPLES:=}" "${BENCH_PLACE:=-}"
bench=${0##*/}
bench_case= # what is measured, where a benchmark has several
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${BLANKROOT:=$root/build/blankroot}"

if [ "$(id -u)" -ne 0 ]; then
	echo "$bench: skipped, needs root for loop devices"
	exit 0
fi
if [ "${BENCH_ISOLATED:-}" != "$bench" ]; then
	BENCH_ISOLATED=$bench exec unshare --mount --propagation private -- "$0" "$@"
fi

work=$(mktemp -d "$IMAGE_DIR/$bench.XXXXXX")
mnt=$work/mnt
mkdir "$mnt" "$work/times"

clean_up() {
	cd /
	! mountpoint -q /etc/snapper || umount /etc/snapper
	! mountpoint -q "$mnt" || umount "$mnt"
	! mountpoint -q "$work/dev" || umount --recursive "$work/dev"
	exec 9>&-
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

give_up() {
	echo "$bench: $*" >&2
	exit 1
}

# Keeps descriptor 9 open, on which the device lives.
create_image() {
	truncate -s "$IMAGE_SIZE" "$work/image"
	loop=$(losetup --find --show ${DIRECT_IO:+--direct-io=on} "$work/image")
	exec 9<>"$loop"
	losetup --detach "$loop"
	rm "$work/image"
	mkfs.btrfs -q "$loop" >"$work/mkfs" 2>&1
	mount -o subvolid=5,noatime "$loop" "$mnt"
}

# Nothing of the file system is in the caches of the kernel then; its device may have some.
mount_anew() {
	! mountpoint -q "$mnt" || umount "$mnt"
	mount -o subvolid=5,noatime "$loop" "$mnt"
}

# A program beside the benchmarks, from its source alone.
build() { # name
	"$CC" -std=gnu11 -O2 -D_GNU_SOURCE -o "$work/$1" "$root/tests/bench/$1.c"
}

# snapper with one configuration, of a subvolume of the image. False: it is not installed.
has_snapper() { # path of the subvolume
	command -v snapper >"$work/which" && [ -d /etc/snapper ] && [ -f /etc/default/snapper ] || return 1
	mkdir -p "$work/snapper/configs"
	printf '%s\n' "SUBVOLUME=\"$1\"" 'FSTYPE="btrfs"' 'QGROUP=""' 'BACKGROUND_COMPARISON="no"' >"$work/snapper/configs/bench"
	echo 'SNAPPER_CONFIGS="bench"' >"$work/snapper-default"
	mount --bind "$work/snapper" /etc/snapper
	mount --bind "$work/snapper-default" /etc/default/snapper
}

by_hand_snapper() {
	snapper --no-dbus -c bench "$@"
}

# What is measured grows with this: files, archives. A benchmark may have another.
bench_size() {
	echo "${FILES:-${SNAPSHOTS:-1}}"
}

# Notes a value, for tables and plots. The first contender is what the others are compared with.
sample() { # contender, state, what it is, value
	[ -z "$BENCH_SAMPLES" ] || printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
		"${bench#bench-}" "$BENCH_PLACE" "$bench_case" "$(bench_size)" "$1" "$2" "$3" "$4" >>"$BENCH_SAMPLES"
}

# Runs by_CONTENDER, and notes how long it took, in ms, and how often the disk was read.
measure() { # contender, cold or warm
	local begin end before after

	before=$(awk '{ print $1 }' "/sys/block/${loop#/dev/}/stat")
	begin=${EPOCHREALTIME/[^0-9]/}
	"by_$1" || give_up "$1 failed"
	end=${EPOCHREALTIME/[^0-9]/}
	after=$(awk '{ print $1 }' "/sys/block/${loop#/dev/}/stat")
	awk -v us=$((end - begin)) 'BEGIN { printf "%.1f\n", us / 1000 }' >>"$work/times/$1.$2"
	echo $((after - before)) >>"$work/times/$1.$2.reads"
	sample "$1" "$2" ms "$(tail -n 1 "$work/times/$1.$2")"
	sample "$1" "$2" reads $((after - before))
}

# They take turns: each on the file system mounted anew, "cold", and right after, "warm".
measure_all() { # contender...
	local run contender

	for ((run = 0; run < RUNS; run++)); do
		for contender; do
			mount_anew
			measure "$contender" cold
			measure "$contender" warm
		done
	done
}

median() { # file
	sort -n "$1" | awk '{ value[NR] = $1 } END {
		print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# A line for each contender, with how many times as long as the first one it took.
report() { # contender...
	local first=$1 contender

	printf '%-22s %10s %6s %8s %10s %6s\n' '' 'cold, ms' '' 'reads' 'warm, ms' ''
	for contender; do
		awk -v name="$contender" -v cold="$(median "$work/times/$contender.cold")" \
			-v warm="$(median "$work/times/$contender.warm")" \
			-v reads="$(median "$work/times/$contender.cold.reads")" \
			-v cold1="$(median "$work/times/$first.cold")" -v warm1="$(median "$work/times/$first.warm")" \
			'BEGIN { printf "%-22s %10.1f %6.2f %8d %10.1f %6.2f\n", name, cold, cold / cold1, reads, warm, warm / warm1 }'
	done
}
