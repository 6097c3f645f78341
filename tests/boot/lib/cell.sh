# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Cells of the matrix: what is checked of one boot, and the count of cells that hold.

cells=0
cells_failed=0
cells_jobs=${BOOT_JOBS:-$(nproc)}
declare -A cells_running=()

# Ends the cell; the console says why.
cell_fail() { # message
	{
		echo "cell $cell: $*"
		if [ -n "${console:-}" ]; then
			echo "--- the end of $console"
			grep -av ' Job .* running' "$console" | tail -n "${BOOT_QUOTE:-60}" | tr -d '\r'
			echo '---'
		fi
	} >&2
	exit 1
}

# Run a function as a cell, in a process of its own: what it opened and started ends with it.
cell_run() { # name, function, argument...
	local begin=$EPOCHREALTIME status

	cell=$1
	dir=$scratch/$cell
	mkdir -p "$dir"
	(
		set -e
		"${@:2}"
		machine_kill
	)
	status=$?
	printf 'cell %-4s %-44s %6.1f s%s\n' "$([ "$status" -eq 0 ] && echo ok || echo FAIL)" "$cell" \
		"$(awk "BEGIN { print $EPOCHREALTIME - $begin }")" "$(cell_uptimes)"
	if [ "${KEEP:-}" != 1 ]; then
		rm -rf --one-file-system "$dir"
	fi
	return "$status"
}

# Seconds from the start of the kernel to the init of the root, of each boot.
cell_uptimes() {
	if [ -s "$dir/uptimes" ]; then
		echo "   init after $(tr '\n' ' ' <"$dir/uptimes")s"
	fi
}

# As many at a time as $cells_jobs. Their output comes when they end.
cell_make_room() {
	while [ "${#cells_running[@]}" -ge "$cells_jobs" ]; do
		cell_reap
	done
}

cell_start() { # name, function, argument...
	cell_make_room
	cell_run "$@" >"$scratch/$1.out" 2>&1 &
	cells_running[$!]=$1
}

cell_reap() {
	local pid status=0

	wait -n -p pid || status=$?
	[ -n "${pid:-}" ] || return 0
	cells=$((cells + 1))
	[ "$status" -eq 0 ] || cells_failed=$((cells_failed + 1))
	cat "$scratch/${cells_running[$pid]}.out"
	unset "cells_running[$pid]"
}

cell_reap_all() {
	while [ "${#cells_running[@]}" -gt 0 ]; do
		cell_reap
	done
}

cell_kill_all() {
	[ "${#cells_running[@]}" -eq 0 ] || kill "${!cells_running[@]}" 2>/dev/null
}

# The values of a fact, one a line.
fact() { # key
	tr -d '\r' <"$console" | sed -n "s/^@@ $1 //p"
}

expect_fact() { # key, value; without trailing blanks
	local value

	value=$(fact "$1" | sed 's/ *$//')
	[ "$value" = "$2" ] || cell_fail "$1 is '$value', not '$2'"
}

expect_console() { # extended regular expression
	console_has "$1" || cell_fail "no '$1' on the console"
}

expect_not_on_console() { # extended regular expression
	! console_has "$1" || cell_fail "'$1' on the console"
}
