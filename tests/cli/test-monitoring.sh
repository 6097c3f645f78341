#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/monitoring: the rules do what their tests say, and each has one; rules, dashboard and documentation name metrics
# and alerts that there are, as does docs/fleet.md; the catalog has an entry for each message of the journal.
# shellcheck disable=SC2016 # back quotes are those of Markdown
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/shell.sh
. tests/support/shell.sh

rules=docs/monitoring/blankroot.rules.yml
tests=docs/monitoring/blankroot.rules.test.yml
readme=docs/monitoring/README.md

# "NAME TYPE" of all metrics that the program knows.
metrics() {
	tr -s ' \t\n' ' ' <post-boot-helper/metrics-write.c | grep -oE '\{ "blankroot_[a-z_]+", "[a-z]+"' | tr -d '{",' | xargs -n 2
}

# "NAME SEVERITY" of all alerts that the program knows.
alerts() {
	tr -s ' \t\n' ' ' <post-boot-helper/alerts.c | grep -oE '\{ "Blankroot[A-Za-z]+", "[a-z]+"' | tr -d '{",' | xargs -n 2
}

# Every metric that is named is one.
check_names() { # file
	local unknown

	unknown=$(grep -oE '\bblankroot_[a-z_]+' "$1" | sort -u | comm -23 - <(metrics | cut -d ' ' -f 1 | sort))
	[ -z "$unknown" ] || fail "$1: there is no metric $unknown"
}

check_rules() {
	command -v promtool >/dev/null || skip 'needs promtool'
	promtool check rules "$rules" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	(cd "${tests%/*}" && promtool test rules "${tests##*/}") >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	# a test that fires, for each
	agree 'tests of rules' "$(sed -n 's/^ *- alert: //p' "$rules")" \
		"$(grep -A3 'alertname:' "$tests" | awk '/alertname:/ { name = $NF } /exp_labels/ { print name }' | sort -u)"
	check_names "$rules"
	check_names "$tests"
}

check_alerts() {
	local found

	found=$(awk '/- alert:/ { name = $3 } /severity:/ { print name, $2 }' "$rules")
	agree 'alerts' "$(alerts && printf '%s warning\n' BlankrootMetricsStale BlankrootMetricsMissing)" "$found"
	agree 'alerts in the documentation' "$found" "$(sed -nE 's/^\| `(Blankroot[A-Za-z]+)` \| ([a-z]+) \|.*/\1 \2/p' "$readme")"
	agree 'alerts in the man page' "$(alerts | cut -d ' ' -f 1)" "$(sed -n 's/^\.It Li \(Blankroot.*\)/\1/p' docs/man/blankroot.8)"
}

check_metrics() {
	check_names docs/fleet.md
	agree 'metrics' "$(metrics)" "$(sed -nE 's/^\| `(blankroot_[a-z_]+)` \| ([a-z]+) \|.*/\1 \2/p' "$readme")"
}

check_dashboard() {
	local file=docs/monitoring/blankroot.dashboard.json

	jq -e '[.panels[].id] | length > 10 and length == (unique | length)' "$file" >/dev/null || fail "$file: panels"
	jq -e '[.panels[].gridPos | [.x, .y]] | length == (unique | length)' "$file" >/dev/null ||
		fail "$file: panels lie on one another"
	check_names "$file"
	# Prometheus understands each query; JSON is YAML
	jq '{groups: [{name: "a", rules: [.panels[].targets[].expr] | to_entries | map({record: "a:\(.key)", expr: .value})}]}' \
		"$file" >"$dir/queries.yml"
	promtool check rules "$dir/queries.yml" >"$dir/out" 2>&1 || fail "$file: $(cat "$dir/out")"
}

check_catalog() {
	agree 'messages of the catalog' \
		"$(sed -nE 's/^#define [A-Z_]*MESSAGE_ID "([0-9a-f]{32})"$/\1/p' post-boot-helper/*.h)" \
		"$(sed -n 's/^-- //p' hooks/systemd/blankroot.catalog)"
	command -v journalctl >/dev/null || return 0
	mkdir -p "$dir/root/usr/lib/systemd/catalog" "$dir/root/var/lib/systemd/catalog"
	cp hooks/systemd/blankroot.catalog "$dir/root/usr/lib/systemd/catalog/"
	journalctl --root="$dir/root" --update-catalog >"$dir/out" 2>&1 || fail "the catalog: $(cat "$dir/out")"
	journalctl --root="$dir/root" --list-catalog >"$dir/out" 2>&1 || fail "the catalog: $(cat "$dir/out")"
	[ "$(grep -c 'blankroot: ' "$dir/out")" -eq 5 ] || fail "systemd reads this of the catalog: $(cat "$dir/out")"
}

check_metrics
check_alerts
check_catalog
check_rules
check_dashboard
