#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot diff on an image: its ways to print, what it leaves out, exit codes, and that nothing is left behind.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

export LC_ALL=C

run_diff() { # argument...
	local status=0

	"$BLANKROOT" diff --config "$dir/conf" --device "$loop" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	return "$status"
}

# It prints what is on standard input, ends with that exit code and complains of nothing.
expect() { # exit code, argument...
	local expected=$1 status=0

	shift
	run_diff "$@" || status=$?
	diff - "$dir/out" || fail "'$*': expected (<) and printed (>) differ"
	[ ! -s "$dir/err" ] || fail "'$*' said: $(cat "$dir/err")"
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected"
}

expect_failure() { # exit code, message, argument...
	local expected=$1 message=$2 status=0

	shift 2
	run_diff "$@" || status=$?
	[ "$status" -eq "$expected" ] || fail "'$*' ended with $status, not $expected"
	grep -qF -- "$message" "$dir/err" || fail "'$*' said: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "'$*' printed: $(cat "$dir/out")"
}

make_layout() {
	image_create
	image_mount
	image_make_root
	btrfs -q subvolume create "$top/home"
	echo 'a user' >"$top/home/u"
	btrfs -q subvolume snapshot -r "$top/home" "$top/home-blank"
	mkdir -m 0700 "$top/old_roots"
	cat >"$dir/conf" <<-'END'
		ephemeral root {
		    mountpoint = "/"
		    persist = { "/etc/machine-id", "/etc/ssh" }
		}
		ephemeral home { mountpoint = "/home" }
	END
}

change() {
	echo 'new' >"$top/home/new"
	mkdir -p "$top/root/srv/www/a" "$top/root/var/lib/app"
	echo '<html>' >"$top/root/srv/www/a/index"
	chmod 700 "$top/root/var/log"
	echo 'state' >"$top/root/var/lib/app/state"
	mv "$top/root/var/lib/app" "$top/root/var/lib/application"
	ln -s /nowhere "$top/root/etc/link"
	printf 'x' >"$top/root/etc/"$'escape\e[31m\nline'
	btrfs -q subvolume create "$top/root/var/lib/machines"
}

check_nothing() {
	echo 'as installed' >"$top/root/etc/motd"
	touch -r "$top/root-blank/etc/motd" "$top/root/etc/motd"
	expect 0 --exit-code </dev/null
	expect 0 --suggest </dev/null
	expect 0 --summary <<-'END'
		/  nothing
		/home  nothing
	END
}

check_flat() {
	echo 'edited by hand' >"$top/root/etc/motd"
	expect 0 <<-'END'
		+ /etc/escape\x1b[31m\x0aline  (1 B)
		+ /etc/link  (link)
		* /etc/motd  (content, time, 13 B -> 15 B)
		+ /srv/
		+ /srv/www/
		+ /srv/www/a/
		+ /srv/www/a/index  (7 B)
		+ /var/lib/application/
		+ /var/lib/application/state  (6 B)
		+ /var/lib/machines/  (subvolume)
		. /var/log/  (mode)
		+ /home/new  (4 B)
	END
	expect 3 --exit-code --only /var/log <<<'. /var/log/  (mode)'
	expect 3 --exit-code --only /home <<<'+ /home/new  (4 B)'
	expect 3 --exit-code --subvolume home <<<'+ /home/new  (4 B)'
	expect 0 --exit-code --only /usr </dev/null
	expect_failure 2 '"/usr": is where no ephemeral subvolume is mounted' --subvolume home --only /usr
}

check_summary() {
	expect 0 --summary <<-'END'
		/  9 created (22 B), 1 changed (15 B), 1 changed in attributes only
		|- etc/  2 created (9 B), 1 changed (15 B)
		|- srv/  4 created (7 B)
		`- var/  3 created (6 B), 1 changed in attributes only
		   `- lib/  3 created (6 B)
		      |- application/  2 created (6 B)
		      `- machines/  1 created (0 B)
		/home  1 created (4 B)
	END
}

check_suggestion() {
	expect 0 --suggest <<-'END'
		ephemeral root {
		    # cannot be named in a configuration: /etc/escape\x1b[31m\x0aline
		    persist += { "/etc/link" }
		    persist += { "/etc/motd" }
		    persist += { "/srv" }
		    persist += { "/var/lib/application" }
		    path "/var/lib/machines" { method = subvolume }
		    # only the directory's own attributes: /var/log
		}
		ephemeral home {
		    persist += { "/new" }
		}
	END
	# with it nothing is lost but what was only a comment, and the configuration is one
	mkdir -p "$dir/conf.d"
	mkdir -p "$dir/kept.d"
	cp "$dir/conf" "$dir/kept"
	cp "$dir/out" "$dir/kept.d/10.conf"
	"$BLANKROOT_INITRD" --check-config --config "$dir/kept" >/dev/null
	"$BLANKROOT" diff --config "$dir/kept" --device "$loop" >"$dir/out"
	[ "$(wc -l <"$dir/out")" -eq 2 ] || fail "with what it suggested: $(cat "$dir/out")"
}

check_json() {
	run_diff --json
	python3 - "$dir/out" <<-'END' || fail 'the JSON is not as expected'
		import json, sys
		found = json.load(open(sys.argv[1]))
		assert found["version"] == 1
		root, home = found["ephemeral"]
		assert (root["subvolume"], root["from"], root["of"]) == ("root", "root-blank", "root")
		assert root["related"] is True and home["mountpoint"] == "/home"
		changes = {change["path"]: change for change in root["changes"]}
		assert len(changes) == 11, changes
		motd = changes["etc/motd"]
		assert motd["kind"] == "changed" and motd["content"] and motd["time"] and not motd["mode"]
		assert (motd["old_size"], motd["size"], motd["type"]) == (13, 15, "file")
		assert changes["var/lib/machines"]["subvolume"] is True
		assert "etc/escape\x1b[31m\nline" in changes
		assert found["total"]["created"] == 10 and found["total"]["changed"] == 1
	END
}

check_archives() {
	local archive=root.20261123T190501Z

	# as snapshots are: without what is nested in it
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/$archive"
	mv "$top/root/var/lib/application/state" "$top/root/var/lib/application/state.1"
	rm "$top/root/etc/link"
	expect 0 --from "$archive" <<-'END'
		- /etc/link  (link)
		> /var/lib/application/state -> /var/lib/application/state.1
		+ /var/lib/machines/  (subvolume)
	END
	expect 0 --of "$archive" --only /etc/motd <<<'* /etc/motd  (content, time, 13 B -> 15 B)'
	expect 0 --of "old_roots/$archive" --from root --only /etc <<<'+ /etc/link  (link)'
	expect_failure 2 'there is no archive, snapshot or subvolume of that name' --of nothing
	expect_failure 2 'is no ephemeral subvolume of the configuration' --subvolume nothing
	btrfs -q subvolume create "$top/stranger"
	run_diff --of stranger --exit-code && fail 'a stranger is the same'
	grep -q 'is not known to descend' "$dir/err" || fail "about a stranger it said: $(cat "$dir/err")"
}

# What is at a name is something else now.
check_types() {
	local archive=root.20261124T190501Z types=$top/root/srv/types name

	mkdir "$types"
	for name in device directory fifo link socket; do
		echo x >"$types/$name"
	done
	mkfifo "$types/file"
	btrfs -q subvolume snapshot -r "$top/root" "$top/old_roots/$archive"
	rm -r "$types"
	mkdir -p "$types/directory"
	mknod "$types/device" c 1 3
	mkfifo "$types/fifo"
	ln -s x "$types/link"
	(cd "$types" && perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; bind($s, sockaddr_un("socket")) or die')
	echo x >"$types/file"
	run_diff --from "$archive" --only /srv/types
	grep -o '/srv/types/.*became [a-z]*' "$dir/out" | sed 's/ .*[(,] *\([a-z]* became\)/: \1/' |
		diff - <(printf '%s\n' '/srv/types/device: file became device' '/srv/types/directory/: file became directory' \
			'/srv/types/fifo: file became fifo' '/srv/types/file: fifo became file' \
			'/srv/types/link: file became link' '/srv/types/socket: file became socket') >&2 ||
		fail "types: $(cat "$dir/out")"
}

# Killed while it works, it leaves at most a snapshot, which the next one deletes.
check_clean() {
	local n

	[ -z "$(ls -A "$top/.blankroot")" ] || fail "left: $(ls -A "$top/.blankroot")"
	for n in 1 2 3 4 5 6 7 8; do
		timeout --signal=KILL "0.0$n" "$BLANKROOT" diff --config "$dir/conf" --device "$loop" >/dev/null 2>&1 || true
	done
	btrfs -q subvolume snapshot -r "$top/root" "$top/.blankroot/frozen-1-1"
	mkdir "$top/.blankroot/frozen-not"
	run_diff
	[ "$(ls -A "$top/.blankroot")" = frozen-not ] || fail "left: $(ls -A "$top/.blankroot")"
	rmdir "$top/.blankroot/frozen-not"
}

check_usage() {
	expect_failure 1 'configuration error' --config /nonexistent
	expect_failure 2 'only one of --summary, --json and --suggest' --json --suggest
	expect_failure 2 '--only takes an absolute path' --only etc
	expect_failure 2 "unexpected argument 'etc'" etc
	"$BLANKROOT" diff --config "$dir/conf" --device "$loop" >/dev/full 2>"$dir/err" && fail 'lost output is no error'
	grep -q 'No space left' "$dir/err"
}

make_layout
check_nothing
change
check_flat
check_summary
check_suggestion
check_json
check_archives
check_types
check_clean
check_usage
