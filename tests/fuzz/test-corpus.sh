#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Replay the committed inputs of the fuzz targets. BLANKROOT_FUZZ: the folder of the targets.
set -eu

cd "$(dirname "$0")/../.."
checks=0 failures=0
for source in tests/fuzz/fuzz-*.c; do
	name=$(basename "$source" .c)
	checks=$((checks + 1))
	if ! said=$(timeout 120 "$BLANKROOT_FUZZ/$name" "tests/fuzz/corpus/${name#fuzz-}" 2>&1); then
		failures=$((failures + 1))
		tail -n 40 <<<"$said"
		echo "$name: a property does not hold for the input named last"
	fi
done
echo "$((100 * (checks - failures) / checks))%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
