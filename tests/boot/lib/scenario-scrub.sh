# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# A whole system with a scrub that takes long: it is stopped when the machine sleeps and when it is shut down, goes on
# where it was each time, though the root with its record is replaced, and what it was told of is in the metrics.

scenario_scrub() { # generator
	machine_memory=1024 boot_limit=${BOOT_LIMIT:-900}
	server_more=scrub_write_blank
	image_use "$1" server
	disk_make_server "$dir/disk"
	scrub_write_data
	scrub_boot_stopped
	scrub_boot_resumed
}

# Slow by its own limit, so that it is not over before somebody looks.
scrub_write_blank() { # directory
	echo 'maintenance { scrub = yearly } metrics { directory = "/var/metrics" }' >"$1/etc/blankroot.conf.d/scrub.conf"
	mkdir -p "$1/var/metrics" "$1/etc/systemd/system/blankroot-scrub.service.d"
	cat >"$1/etc/systemd/system/blankroot-scrub.service.d/limit.conf" <<-'END'
		[Service]
		ExecStart=
		ExecStart=/usr/sbin/blankroot scrub start --wait=86400 --limit=2M
	END
	chroot "$1" systemctl --quiet enable blankroot-scrub-resume.service
	# what other scenarios look at takes minutes
	sed -i '/^state=/,/^grep -qw test.commands/ { /^grep/! d }' "$1/usr/local/bin/facts"
}

scrub_write_data() {
	disk_mount "$dir/disk"
	head -c 100M /dev/urandom >"$top/services/data"
	disk_unmount
}

scrub_number() { # filter; of the status
	server_run 0 "blankroot scrub status --json | jq --monochrome-output '$1'"
	scrub_told=$(server_output)
}

# Until it runs and has scrubbed more.
scrub_await() { # bytes
	server_run 0 "until blankroot scrub status --json | jq -e '.running and .scrubbed > $1' >/dev/null; do sleep 3; done"
}

# The journal tells in which order.
scrub_expect_journal() { # lines that contain, in this order, one an argument
	server_run 0 'journalctl --boot --output=cat --unit=blankroot-scrub.service'
	server_output | awk 'BEGIN { for (i = 1; i < ARGC; i++) text[i] = ARGV[i]; count = ARGC; ARGC = 1; at = 1 }
		at < count && index($0, text[at]) { at++ }
		END { exit at < count }' "$@" || cell_fail "the journal of the scrub is not: $*"
}

scrub_expect_limit() { # bytes a second
	server_run 0 'cat /sys/fs/btrfs/*-*/devinfo/1/scrub_speed_max'
	expect_output "^$1\$"
}

scrub_boot_stopped() {
	server_start stopped
	server_run 0 'systemctl is-system-running --wait'
	server_run 0 'systemctl start blankroot-scrub.service'
	scrub_await 20000000
	scrub_expect_limit 2097152
	# what "systemctl suspend" starts; the clock wakes the machine up
	server_run 0 'rtcwake --mode no --seconds 30 && systemctl start suspend.target'
	server_run 0 'journalctl --boot --output=cat --unit=systemd-suspend.service'
	expect_output "System returned from sleep state"
	scrub_await 25000000
	scrub_expect_journal 'scrub stopped at' 'going on with the scrub that was interrupted'
	server_run 0 'journalctl --boot --output=json MESSAGE_ID=f537f2b0dcb1405db61198e378a3b685 | jq -r ".BLANKROOT_OPERATION + \" \" + .BLANKROOT_OUTCOME"'
	expect_output '^scrub stopped$'
	expect_output '^mark-good done$'
	scrub_number .scrubbed
	scrub_before=$scrub_told
	server_shut_down
}

scrub_boot_resumed() {
	server_start resumed
	server_run 0 'systemctl is-system-running --wait'
	scrub_await "$scrub_before"
	scrub_expect_journal 'going on with the scrub that was interrupted'
	# shellcheck disable=SC2016 # for the other shell
	server_run 0 'for file in /sys/fs/btrfs/*-*/devinfo/1/scrub_speed_max; do echo 0 >"$file"; done'
	server_run 0 'while systemctl is-active --quiet blankroot-scrub.service; do sleep 3; done'
	scrub_expect_journal 'going on with the scrub that was interrupted' 'scrub finished'
	scrub_number '.finished and .errors == 0 and .scrubbed >= .total and .scrubbed < .total * 2'
	[ "$scrub_told" = true ] || cell_fail 'it is not finished'
	# they are written after the job, which nobody waits for
	server_run 0 'until grep -q "^blankroot_task_last_success_timestamp_seconds.*scrub" /var/metrics/blankroot.prom; do sleep 3; done'
	server_run 0 'journalctl --boot --output=cat --unit=blankroot-metrics.service --priority=warning'
	! server_output | grep . >&2 || cell_fail 'there are warnings about the metrics'
	server_end
}
