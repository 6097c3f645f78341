#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the services of the timers are left with is enough for their work: the same commands with the capabilities that
# the units name, on a read-only system, with no system call beyond those that the units allow. And nothing in a unit
# that deletes may hide from it what is mounted.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

command -v systemd-analyze >/dev/null || skip 'needs systemd-analyze'

values() { # unit, key
	sed -n "s/^$2=//p" "hooks/systemd/blankroot-$1.service"
}

# The names of the system calls behind a name that may be a set.
expand() { # name
	local name

	if [[ $1 != @* ]]; then
		echo "$1"
		return
	fi
	systemd-analyze syscall-filter "$1" | sed -n 's/^ \+\([@a-z0-9_-]*\)$/\1/p' | while read -r name; do
		expand "$name"
	done
}

expand_all() { # name...
	local name

	for name; do
		expand "$name"
	done | sort -u
}

# Each line of the key adds, or takes away.
allowed() { # unit
	local line list=$dir/allowed

	: >"$list"
	while read -r line; do
		# shellcheck disable=SC2086 # words
		case $line in
		'~'*) expand_all ${line#'~'} | comm -23 "$list" - >"$list.new" ;;
		*) expand_all $line | sort -u - "$list" >"$list.new" ;;
		esac
		mv "$list.new" "$list"
	done < <(values "$1" SystemCallFilter)
	cat "$list"
}

# The command of the unit as the unit runs it, but on the image.
confined() { # unit, capabilities
	local -a command
	local set

	# whether this is the moment on this machine is not the question
	read -ra command <<<"$(values "$1" 'Exec\(Start\|Condition\)' | sed -n '1{s|^[^ ]*||; s| --scheduled||; p}')"
	set=$(tr -s ' ' '\n' <<<"$2" | sed 's/^CAP_/+/' | tr '[:upper:]' '[:lower:]' | paste -sd,)
	unshare --mount sh -euc 'mount --bind / / && mount -o remount,bind,ro / && exec "$@"' sh \
		setpriv --no-new-privs --bounding-set "-all,$set" --inh-caps=-all \
		"${tracer[@]}" "$BLANKROOT" "${command[@]}" --config="$dir/conf" --device="$loop" >"$dir/out" 2>"$dir/err"
}

check_calls() { # unit
	local calls

	allowed "$1" >"$dir/list"
	[ "$(wc -l <"$dir/list")" -gt 100 ] || fail "$1: a filter of $(wc -l <"$dir/list") system calls"
	calls=$(sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$dir/trace" | sort -u)
	grep -qx fsmount <<<"$calls" || fail "$1: the trace is incomplete"
	# what it is begun with is before the filter
	calls=$(comm -23 - "$dir/list" <<<"$calls" | grep -vx execve || true)
	[ -z "$calls" ] || fail "$1: these are not allowed: $calls"
}

prepare() {
	local root

	image_mount
	"$BLANKROOT_INITRD" --config "$dir/conf" --device "$loop" --cmdline noresume >"$dir/out" 2>&1 || fail "reset: $(cat "$dir/out")"
	# what is in the archive of the next reset, and in the directory of somebody
	root=$top/root
	install -d -o 1000 -g 1000 "$root/home/user"
	btrfs -q subvolume create "$root/home/user/nested"
	chown 1000:1000 "$root/home/user/nested"
	"$BLANKROOT_INITRD" --config "$dir/conf" --device "$loop" --cmdline noresume >"$dir/out" 2>&1 || fail "reset: $(cat "$dir/out")"
	image_unmount
}

count() { # kind
	"$BLANKROOT" list --config="$dir/conf" --device="$loop" --noheadings | grep -cw "$1" || true
}

check_snapshot() {
	local tracer=(strace -f -o "$dir/trace")

	confined snapshot "$(values snapshot CapabilityBoundingSet)" || fail "snapshot: $(cat "$dir/err")"
	[ "$(count snapshot)" = 1 ] || fail 'no snapshot was taken'
	check_calls snapshot
}

check_prune() {
	local tracer=(strace -f -o "$dir/trace")

	[ "$(count archive)" = 2 ] || fail 'not two archives'
	sleep 2
	confined prune "$(values prune CapabilityBoundingSet)" || fail "prune: $(cat "$dir/err")"
	[ "$(count archive)" = 0 ] || fail "archives were left: $(cat "$dir/out")"
	check_calls prune
}

# With the record of btrfs-progs where the unit has it, in StateDirectory. What the other unit asks is whether there is
# something to go on with.
check_scrub() {
	local tracer=(strace -f -o "$dir/trace") records=/var/lib/btrfs

	mkdir -p "$records"
	mount -t tmpfs none "$records"
	[ "$(values scrub StateDirectory)" = "${records##*/}" ] || fail "scrub: no $records"
	confined scrub "$(values scrub CapabilityBoundingSet)" || fail "scrub: $(cat "$dir/err")"
	grep -q 'scrub finished' "$dir/out" || fail "scrub: $(cat "$dir/out")"
	[ ! -s "$dir/err" ] || fail "scrub: $(cat "$dir/err")"
	check_calls scrub
	grep -q 'ioprio_set(.*IOPRIO_CLASS_IDLE' "$dir/trace" || fail 'scrub: not idle'
	! confined scrub-resume "$(values scrub-resume CapabilityBoundingSet)" || fail 'scrub-resume: it goes on with nothing'
	sed -i 's/canceled:0/canceled:1/' "$records"/scrub.status.*
	confined scrub-resume "$(values scrub-resume CapabilityBoundingSet)" || fail "scrub-resume: $(cat "$dir/err")"
	check_calls scrub-resume
	umount "$records"
}

check_job() { # name
	local tracer=(strace -f -o "$dir/trace")

	confined "$1" "$(values "$1" CapabilityBoundingSet)" || fail "$1: $(cat "$dir/err")"
	check_calls "$1"
}

# The directory belongs to somebody else.
check_metrics() {
	local tracer=(strace -f -o "$dir/trace") text=$dir/text set

	mkdir "$text"
	mount -t tmpfs -o uid=1000,mode=755 tmpfs "$text"
	mount -t tmpfs tmpfs /run
	echo "metrics { directory = \"$text\" }" >>"$dir/conf"
	confined metrics "$(values metrics CapabilityBoundingSet)" || fail "metrics: $(cat "$dir/err")"
	grep -qx 'blankroot_metrics_part_success{part="overhead"} 1' "$text/blankroot.prom" || fail "metrics: $(cat "$dir/err")"
	check_calls metrics
	tracer=()
	for set in $(values metrics CapabilityBoundingSet); do
		set=$(values metrics CapabilityBoundingSet | tr ' ' '\n' | grep -vx "$set" | xargs)
		rm "$text/blankroot.prom"
		if confined metrics "$set" && ! grep -q 'part_success.* 0$' "$text/blankroot.prom"; then
			fail "metrics can do with $set alone"
		fi
		: >"$text/blankroot.prom"
	done
}

# What it sets of the machine is left alone here, and it has a directory of its own for what it writes down. That the rest
# is set for everybody needs more than a command with the same rights: nothing in its unit may make a mount namespace.
check_tune() {
	local namespaced tracer=(strace -f -o "$dir/trace")

	namespaced=$(grep -nE '^(Private|Protect|ReadOnly|ReadWrite|Inaccessible|Temporary|Bind|Root|MountAPIVFS|MountFlags|DynamicUser|ProcSubset|.*Directory)[A-Za-z]*=' \
		hooks/systemd/blankroot-tune.service || true)
	[ -z "$namespaced" ] || fail "a mount namespace for blankroot-tune: $namespaced"
	mount -t tmpfs none /run
	mkdir "$dir/mounted"
	mount -o subvol=root "$loop" "$dir/mounted"
	install -d -o 1000 -g 1000 -m 0700 "$dir/mounted/db"
	cp "$dir/conf" "$dir/conf.before"
	cat >>"$dir/conf" <<-END
		performance {
			mode = space-optimized
			nodatacow = { "$dir/mounted/db" }
			set = { "vm.dirty_bytes=keep", "vm.dirty_background_bytes=keep" }
		}
	END
	confined tune "$(values tune CapabilityBoundingSet)" || fail "tune: $(cat "$dir/out" "$dir/err")"
	check_calls tune
	grep -q '^mode space-optimized: [1-9]' "$dir/out" || fail "tune: $(cat "$dir/out")"
	[[ $(lsattr -d "$dir/mounted/db") == *C* ]] || fail "tune: $(lsattr -d "$dir/mounted/db")"
	"$BLANKROOT" tune --config="$dir/conf" --device="$loop" --reset >"$dir/out" || fail "tune --reset: $(cat "$dir/out")"
	mv "$dir/conf.before" "$dir/conf"
	umount "$dir/mounted" /run
}

# Each of them is needed: without it one of the two fails.
check_capabilities() {
	local capability set tracer=()

	for capability in $(values prune CapabilityBoundingSet); do
		prepare
		sleep 2
		set=$(values prune CapabilityBoundingSet | tr ' ' '\n' | grep -vx "$capability" | xargs)
		if confined snapshot "$set" && confined prune "$set"; then
			fail "$capability is not needed"
		fi
	done
}

# An archive that is mounted must be seen to be.
check_mounts() {
	local hiding

	hiding=$(grep -nE '^(PrivateTmp|PrivateDevices|ProtectHome=(yes|tmpfs)|InaccessiblePaths|TemporaryFileSystem|RootDirectory|BindPaths|DynamicUser)' \
		hooks/systemd/blankroot-prune.service || true)
	[ -z "$hiding" ] || fail "what is mounted may be hidden from prune: $hiding"
}

# What they change is to be in the audit trail.
check_journal() {
	local unit

	for unit in balance good prune scrub snapshot trim tune; do
		[ "$(values "$unit" RestrictAddressFamilies)" = AF_UNIX ] || fail "$unit cannot write to the journal"
	done
}

image_create
image_mount
image_make_root
mkdir "$top/root/home"
btrfs -q subvolume create "$top/persist"
echo data >"$top/persist/file"
chown -R 1000:1000 "$top/persist"
image_unmount
cat >"$dir/conf" <<-'END'
	ephemeral root {
		persist = { "/etc/machine-id" }
	}
	archives { keep = 1s keep-min = 0 }
	snapshots { subvolumes = { persist } keep = 1d }
END
check_journal
prepare
check_snapshot
check_metrics
check_prune
check_scrub
check_job balance
check_job trim
check_tune
check_capabilities
check_mounts
