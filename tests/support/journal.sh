# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # $dir is that of shell.sh
#
# For tests in bash, to be sourced behind shell.sh: a journal that is none. It needs a /run of its own. Entries come to
# $dir/entries, below a first line that says it is ready.

journal_socket=/run/systemd/journal/socket

start_journal() {
	mkdir -p "$(dirname "$journal_socket")"
	: >"$dir/entries"
	# It dies with a test that fails, and has no part in the life of the image's device.
	setpriv --pdeathsig KILL tests/support/fake-journal "$journal_socket" 9>&- >>"$dir/entries" 2>"$dir/listen.err" &
	listener=$!
	for _ in {1..100}; do
		[ ! -s "$dir/entries" ] || return 0
		sleep 0.1
	done
	fail "the listener does not listen: $(cat "$dir/listen.err")"
}

stop_journal() {
	kill "$listener"
	wait "$listener" 2>/dev/null || true
	rm -f "$journal_socket"
}

# What was sent before has arrived when this has.
wait_for_entries() {
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"MESSAGE=the end\n", sys.argv[1])' "$journal_socket"
	for _ in {1..100}; do
		! grep -q 'the end' "$dir/entries" || return 0
		sleep 0.1
	done
	fail 'entries do not arrive'
}
