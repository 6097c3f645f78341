# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lines of measured values, in the order in which they were measured, into one object for each row of the tables.
# "ratio" is the median of the ratios to the first contender of the same run, so what else a machine does meanwhile
# happens to both.

def quantile($q): sort | .[((length - 1) * $q) | round];
def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def rounded: . * 1000 | round / 1000;

[inputs | split("\t") | {
	bench: .[0], place: .[1], case: .[2], size: (.[3] | tonumber),
	contender: .[4], state: .[5], metric: .[6], value: (.[7] | tonumber)
}]
# group_by would sort: here the order of measuring is kept
| reduce .[] as $s ({ order: [], values: {} };
	([$s.bench, $s.place, $s.case, $s.size, $s.state, $s.metric, $s.contender] | tojson) as $key
	| (if .values[$key] then . else .order += [$key] end)
	| .values[$key] += [$s.value])
| . as $all
| reduce .order[] as $key ({ first: {}, rows: [] };
	($key | fromjson) as $k
	| ($k[:6] | tojson) as $group
	| (if .first[$group] then . else .first[$group] = $key end)
	| $all.values[$key] as $values
	| $all.values[.first[$group]] as $reference
	| .rows += [{
		bench: $k[0], place: $k[1], case: $k[2], size: $k[3], state: $k[4], metric: $k[5], contender: $k[6],
		runs: ($values | length),
		median: ($values | median | rounded), min: ($values | min), max: ($values | max),
		q1: ($values | quantile(0.25)), q3: ($values | quantile(0.75)),
		ratio: ([range([($values | length), ($reference | length)] | min)
			| select($reference[.] != 0) | $values[.] / $reference[.]]
			| if length == 0 then null else median | rounded end)
	}])
| { machine: $machine, rows }
