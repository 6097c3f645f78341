#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A machine whose reset fails, a real node_exporter that reads what blankroot metrics writes, and a real Prometheus with
# the rules of docs/monitoring, all on the loopback interface: the alert fires, alone, and ends after a reset that is done.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

for program in prometheus prometheus-node-exporter promtool curl; do
	command -v "$program" >/dev/null || skip "needs $program"
done

text=$dir/text
services=()
stop_all() {
	[ ${#services[@]} -eq 0 ] || kill "${services[@]}" 2>/dev/null || :
	wait
}
trap stop_all EXIT

# Two ports that are free now.
read -r exporter_port prometheus_port < <(python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
for one in sockets: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in sockets])')
exporter=127.0.0.1:$exporter_port
prometheus=127.0.0.1:$prometheus_port

# A service that has ended ends the wait, too.
wait_for() { # what, command...
	local i

	for ((i = 0; i < 300; i++)); do
		! "${@:2}" || return 0
		kill -0 "${services[@]}" 2>/dev/null || break
		sleep 0.1
	done
	fail "$1: $(tail -n 5 "$dir"/*.log; get alerts)"
}

get() { # of the API
	curl -sS --noproxy '*' --max-time 10 "http://$prometheus/api/v1/$1" 2>&1
}

start_services() {
	cp docs/monitoring/blankroot.rules.yml "$dir/rules.yml"
	sed -i 's/for: .*/for: 0s/' "$dir/rules.yml" # a test does not wait a day
	cat >"$dir/prometheus.yml" <<-END_CONF
		global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
		rule_files: [$dir/rules.yml]
		scrape_configs:
		- job_name: node
		  static_configs: [{ targets: ['$exporter'] }]
	END_CONF
	promtool check config "$dir/prometheus.yml" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	prometheus-node-exporter --web.listen-address="$exporter" --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$text" >"$dir/exporter.log" 2>&1 &
	services+=($!)
	prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="$prometheus" \
		--log.level=warn >"$dir/prometheus.log" 2>&1 &
	services+=($!)
}

reset() { # exit code
	local status=0

	"$BLANKROOT_INITRD" --config="$dir/conf" --device="$loop" --report="$dir/report" --cmdline noresume 2>"$dir/err" ||
		status=$?
	[ "$status" -eq "$1" ] || fail "the reset ended with $status, not $1: $(cat "$dir/err")"
	"$BLANKROOT" metrics --config="$dir/conf" --device="$loop" --report="$dir/report" --state="$dir/state" 2>"$dir/err" ||
		fail "metrics: $(cat "$dir/err")"
}

firing() {
	get alerts | jq -r '.data.alerts[] | select(.state == "firing") | .labels.alertname' 2>/dev/null | sort | xargs
}

fires() { # names
	[ "$(firing)" = "$1" ]
}

knows() { # query, value
	[ "$(get "query?query=$1" | jq -r '.data.result[0].value[1]' 2>/dev/null)" = "$2" ]
}

make_image() {
	image_make_server
	mkdir "$text"
	cat >"$dir/conf" <<-END_CONF
		ephemeral root { path "/srv" { create = directory owner = "no-such-user" } }
		metrics { directory = "$text" }
	END_CONF
}

make_image
reset 4
start_services
wait_for 'no scrape' knows blankroot_reset_success 0
knows node_textfile_scrape_error 0 || fail 'node_exporter does not understand the file'
wait_for 'no alert' fires BlankrootResetFailed
get alerts | jq -c '.data.alerts[] | {state, labels, annotations: .annotations.summary}'
sed -i 's/ owner = "no-such-user"//' "$dir/conf"
reset 0
wait_for 'the alert does not end' fires ''
knows blankroot_reset_success 1 || fail 'the alert has ended for another reason'
