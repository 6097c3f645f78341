# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with those who source this
#
# Cells of the matrix: what is checked of one boot, and the count of cells that hold.

cells=0
cells_failed=0

# Ends the cell; the console says why.
cell_fail() { # message
	{
		echo "cell $cell: $*"
		if [ -n "${console:-}" ]; then
			echo "--- the end of $console"
			tail -n "${BOOT_QUOTE:-60}" "$console" | tr -d '\r'
			echo '---'
		fi
	} >&2
	exit 1
}

# Run a function as a cell, in a process of its own: what it opened and started ends with it.
cell_run() { # name, function, argument...
	local begin=$EPOCHREALTIME status=0

	cell=$1
	dir=$scratch/$cell
	mkdir -p "$dir"
	(
		set -e
		"${@:2}"
		machine_kill
	) || status=$?
	cells=$((cells + 1))
	[ "$status" -eq 0 ] || cells_failed=$((cells_failed + 1))
	printf 'cell %-4s %-44s %6.1f s\n' "$([ "$status" -eq 0 ] && echo ok || echo FAIL)" "$cell" \
		"$(awk "BEGIN { print $EPOCHREALTIME - $begin }")"
	if [ "${KEEP:-}" != 1 ]; then
		rm -rf --one-file-system "$dir"
	fi
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
