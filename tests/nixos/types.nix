# SPDX-License-Identifier: GPL-2.0-or-later
#
# Values that the types let through, and others. Evaluates to those that are taken for the wrong kind.
with import ./eval.nix;

let
  root = more: { ephemeral.root = more; };
  path = more: root { paths."/srv" = { create = "directory"; } // more; };
  values = {
    device = {
      of = value: { device = value; };
      # No file system to compare with: what is refused here is not a type's doing.
      good = [ "UUID=a" "LABEL=a b" "PARTUUID=a" "PARTLABEL=\"a\"" "/dev/mapper/a" ];
      bad = [ "" "UUID=" "sda" "ID=a" "/dev/\n" 1 ];
    };
    blank = { of = value: root { blank = value; }; good = [ "b" "a/b" "b c" ]; bad = [ "" "/b" "b/" "a//b" "a/../b" "." ".blankroot" "snapshots/a" "a\nb" [ ] ]; };
    archive = { of = value: root { archive = value; }; good = [ "none" "old" ]; bad = [ "/old" true ]; };
    mountpoint = { of = value: root { mountpoint = value; }; good = [ "/" "/var/cache" ]; bad = [ "" "var" "/var/" "/var/../x" "//" ]; };
    persist = { of = value: root { persist = [ value ]; }; good = [ "/a" "/a/b c" "/..." ]; bad = [ "" "/" "a" "/a/" "/a//b" "/a/./b" "/.." "/a\tb" { } ]; };
    persist-list = { of = value: root { persist = value; }; good = [ [ ] ]; bad = [ "/a" { } ]; };
    method = { of = value: path { method = value; }; good = [ "copy" "subvolume" ]; bad = [ "move" "" 1 ]; };
    create = { of = value: path { create = value; }; good = [ "no" "directory" "file" ]; bad = [ "yes" true ]; };
    owner = { of = value: path { owner = value; }; good = [ "a" "a:b" ":b" "a:" "1:2" ]; bad = [ "" ":" "a:b:c" "a b" "a/b" 0 ]; };
    mode = { of = value: path { mode = value; }; good = [ "700" "0700" "1777" "01777" ]; bad = [ "" "70" "0800" "10777" "u=rwx" 448 ]; };
    onFailure = { of = value: root { onFailure = value; }; good = [ "continue" "stop" ]; bad = [ "panic" null ]; };
    keep = { of = value: { archives.keep = value; }; good = [ "30d" "1y2w3d4h5m6s" "1h30min" ]; bad = [ "" "30" "30mins" "0d" "1h1d" "d" "1.5d" 30 ]; };
    keepMin = { of = value: { archives.keepMin = value; }; good = [ 0 5 ]; bad = [ (-1) "5" 4294967296 ]; };
    maxOverhead = { of = value: { archives.maxOverhead = value; }; good = [ "0%" "7.5%" "100%" ]; bad = [ "15" "101%" "7.%" "-1%" "100.5%" 15 ]; };
    minFree = { of = value: { archives.minFree = value; }; good = [ "5%" ]; bad = [ "5 %" ]; };
    subvolumes = { of = value: { snapshots.subvolumes = value; }; good = [ [ "persist" "a/b" ] ]; bad = [ "persist" [ "/persist" ] [ "snapshots" ] ]; };
    every = { of = value: { snapshots.every = value; }; good = [ "6h" "*-*-* 04:00" ]; bad = [ "" "a\nb" 6 ]; };
    snapshots-keep = { of = value: { snapshots.keep = value; }; good = [ "1y" ]; bad = [ "long" ]; };
    hourly = { of = value: { snapshots.hourly = value; }; good = [ 24 ]; bad = [ "24" ]; };
    onlyIfChanged = { of = value: { snapshots.onlyIfChanged = value; }; good = [ "no" "yes" ]; bad = [ "maybe" true ]; };
    before = { of = value: { snapshots.before = value; }; good = [ [ ] [ "/a" "" "b c" ] ]; bad = [ "/a" [ "a" ] [ "/a" "b\n" ] [ 1 ] ]; };
    after = { of = value: { snapshots.after = value; }; good = [ [ "/a" ] ]; bad = [ [ "" "/a" ] ]; };
    hookTimeout = { of = value: { snapshots.hookTimeout = value; }; good = [ "2m" ]; bad = [ 60 ]; };
    mode-of-performance = { of = value: { performance.mode = value; }; good = [ "none" "balanced" "io-optimized" "space-optimized" ]; bad = [ "fast" ]; };
    nodatacow = { of = value: { performance.nodatacow = value; }; good = [ [ ] [ "/a" "/b/c" ] ]; bad = [ "/a" [ "a" ] [ "/" ] [ "/a/../b" ] ]; };
    compress = { of = value: { performance.compress = value; }; good = [ [ "/a" ] ]; bad = [ [ "" ] ]; };
    set = { of = value: { performance.set = value; }; good = [ { } { "vm.swappiness" = 5; "mount.compress" = "zstd:2"; } ]; bad = [ [ ] { "vm.swappiness" = [ ]; } { "vm.swappiness" = ""; } ]; };
    scrub = { of = value: { maintenance.scrub = value; }; good = [ "monthly" ]; bad = [ "" 1 ]; };
    directory = { of = value: { metrics.directory = value; }; good = [ "/var/lib/a" ]; bad = [ "a" "/a/" "/a/../b" ]; };
    maxUsed = { of = value: { metrics.maxUsed = value; }; good = [ "85%" ]; bad = [ 85 "101%" ]; };
    onAlert = { of = value: { metrics.onAlert = value; }; good = [ [ "/a" "b" ] ]; bad = [ [ "a" ] ]; };
    unknown = { of = value: value; good = [ { } ]; bad = [ { devices = "/dev/a"; } (root { perist = [ ]; }) (path { user = "a"; }) { archives.keepmin = 1; } ]; };
  };

  taken = kind: value: evaluates (on "systemd" (settings (kind.of value)));
  wrongOf = kind: {
    refused = builtins.filter (value: !(taken kind value)) kind.good;
    taken = builtins.filter (taken kind) kind.bad;
  };
in
{
  accepted = map textOf (builtins.concatLists (builtins.attrValues (builtins.mapAttrs
    (_: kind: map (value: on "systemd" (settings (kind.of value))) kind.good) values)));
  wrong = lib.filterAttrs (_: found: found.refused != [ ] || found.taken != [ ]) (builtins.mapAttrs (_: wrongOf) values);
}
