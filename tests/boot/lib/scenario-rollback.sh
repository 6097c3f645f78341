# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A whole system that somebody breaks and brings back, with the helper alone: rollback and its undo, skip and its
# cancelling, a new blank and the way back to the old one. Each boot checks what the commands of the one before promised.

scenario_rollback() { # generator
	machine_memory=1024
	image_use "$1" server
	disk_make_server "$dir/disk"
	rollback_boot_good "$1"
	rollback_boot_broken "$1"
	rollback_boot_archive "$1"
	rollback_boot_undone "$1"
	rollback_boot_kept "$1"
	rollback_boot_new_blank "$1"
	rollback_boot_old_blank "$1"
}

# Up to where the server takes commands.
server_start() { # name
	commands=0
	machine_start "$1" "$vmlinuz" "$image" \
		"$boot_flags root=UUID=$disk_uuid systemd.show_status=no test.commands" "$dir/disk"
	machine_await '^@@ ready'
}

server_run() { # exit code, command
	commands=$((commands + 1))
	machine_type "$2"
	machine_await "^@@ code-$commands "
	[ "$(fact "code-$commands")" = "$1" ] || cell_fail "'$2' ended with $(fact "code-$commands"), not $1"
}

# What the last command wrote.
server_output() {
	tr -d '\r' <"$console" | awk -v last="$commands" '
		$1 == "@@" && $2 == "code-" last { inside = 0 }
		inside
		$1 == "@@" && $2 == (last == 1 ? "ready" : "code-" (last - 1)) { inside = 1 }'
}

expect_output() { # extended regular expression
	grep -qE -e "$1" <<<"$(server_output)" || cell_fail "no '$1' in what the last command wrote"
}

server_end() {
	machine_type end
	machine_await_end
}

# As somebody would do it, with all units being stopped.
server_shut_down() {
	machine_type 'systemctl poweroff'
	machine_await_off 120
}

# Nothing is wrong, not even worth a warning.
expect_good_status() { # this boot, next boot, as extended regular expressions
	server_run 0 'blankroot status'
	expect_output '^Health +good$'
	expect_output "^This boot +$1"
	expect_output "^Next boot +$2$"
	! server_output | grep -E '^(error|warning): ' >&2 || cell_fail 'status knows of a problem'
}

# Sets newest.
find_newest_archive() {
	server_run 0 'blankroot list --noheadings --output=NAME,KIND root'
	newest=$(server_output | awk '$2 == "archive" { name = $1 } END { print name }')
	[[ $newest == root.* ]] || cell_fail "'$newest' is no archive"
}

from_blank='resets the root from its blank'
reset_from_blank='root reset from root-blank '

expect_from_blank() { # generator
	expect_server_reset "$1" "$no_drift"
	expect_fact requested-by configuration
	expect_fact source root-blank
	server_run 1 'cat /etc/precious'
	expect_good_status "$reset_from_blank" "$from_blank"
}

# What is in this root will be in an archive only. What was asked for is taken back.
rollback_boot_good() { # generator
	server_start good
	expect_from_blank "$1"
	server_run 0 'echo "set up by hand" >/etc/precious'
	server_run 0 'blankroot skip'
	expect_good_status "$reset_from_blank" 'keeps the root'
	server_run 0 'blankroot skip --cancel'
	expect_good_status "$reset_from_blank" "$from_blank"
	server_end
}

# There is no init any more, nor what this server is for.
rollback_boot_broken() { # generator
	server_start broken
	expect_from_blank "$1"
	find_newest_archive
	archive=$newest
	server_run 0 "blankroot snapshot pin $archive"
	server_run 0 'rm /usr/lib/systemd/systemd /usr/sbin/sshd'
	server_run 1 "blankroot rollback $archive-2"
	expect_good_status "$reset_from_blank" "$from_blank"
	server_run 0 "blankroot rollback $archive"
	expect_good_status "$reset_from_blank" "starts from $archive"
	server_end
}

# It comes up from the archive, the broken root has become one, and nothing of it is lost. A further rollback, that could
# not be met any more, is taken back.
rollback_boot_archive() { # generator
	local broken reset_from_archive="root reset from old_roots/$archive "

	server_start archive
	expect_server_reset "$1" /drift
	expect_fact requested-by one-shot-request
	expect_fact source "old_roots/$archive"
	server_run 0 'cat /etc/precious'
	expect_output '^set up by hand$'
	expect_good_status "$reset_from_archive" "$from_blank"
	find_newest_archive
	broken=$newest
	server_run 3 "blankroot diff --exit-code --of=$broken --only=/usr"
	expect_output '^- .*/usr/lib/systemd/systemd( |$)'
	expect_output '^- .*/usr/sbin/sshd( |$)'
	server_run 0 "blankroot rollback $broken"
	expect_good_status "$reset_from_archive" "starts from $broken"
	server_run 0 "mount -o subvolid=5 /dev/vda /mnt && mv /mnt/old_roots/$broken /mnt/old_roots/away"
	server_run 1 'blankroot status'
	expect_output '^Health +NOT GOOD'
	expect_output "^error: the next reset would fail: .*$broken"
	server_run 0 'blankroot rollback --undo'
	expect_good_status "$reset_from_archive" "$from_blank"
	server_run 0 "mv /mnt/old_roots/away /mnt/old_roots/$broken && umount /mnt"
	server_end
}

rollback_boot_undone() { # generator
	server_start undone
	expect_from_blank "$1"
	server_run 0 'echo "for one boot more" >/etc/kept'
	server_run 0 'blankroot skip'
	server_end
}

# The same root once more. Of an archive a blank is made.
rollback_boot_kept() { # generator
	local skipped='not reset: skipped this once, as requested'

	server_start kept
	expect_same_server
	expect_fact outcome skipped
	expect_fact requested-by one-shot-request
	expect_fact drift /drift
	server_run 0 'cat /etc/kept'
	expect_output '^for one boot more$'
	expect_good_status "$skipped" "$from_blank"
	server_run 0 "blankroot rollback --now-blank $archive"
	way_back=$(server_output | sed -n 's/.*to go back: \(blankroot rollback --now-blank .*\)/\1/p')
	[ -n "$way_back" ] || cell_fail 'it does not say how to go back'
	expect_good_status "$skipped" "$from_blank"
	server_end
}

# The blank is what the archive is, and nobody takes it for a changed one.
rollback_boot_new_blank() { # generator
	server_start new-blank
	expect_server_reset "$1" /drift
	expect_fact requested-by configuration
	expect_fact source root-blank
	server_run 0 'cat /etc/precious'
	expect_output '^set up by hand$'
	server_run 1 'cat /etc/kept'
	expect_good_status "$reset_from_blank" "$from_blank"
	server_run 0 "$way_back"
	expect_good_status "$reset_from_blank" "$from_blank"
	server_end
}

rollback_boot_old_blank() { # generator
	server_start old-blank
	expect_from_blank "$1"
	server_end
	printf 'cell      %s: %s\n' "$cell" "$(fact analyze)"
}
