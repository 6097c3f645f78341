# SPDX-License-Identifier: GPL-2.0-or-later
#
# From services.blankroot.settings to the text of blankroot.conf(5).
{ lib }:

let
  # Within double quotes a backslash makes the next character an ordinary one. "${" is refused there as it stands.
  quote = text: "\"" + builtins.replaceStrings [ "\\" "\"" "\${" ] [ "\\\\" "\\\"" "$\\{" ] text + "\"";

  render = value:
    if builtins.isInt value then toString value
    else if builtins.isList value then "{ ${lib.concatMapStringsSep ", " quote value} }"
    else quote value;

  # What is null or an empty list is not said.
  keys = indent: pairs: lib.concatMapStrings
    ({ name, value }: lib.optionalString (value != null && value != [ ]) "${indent}${name} = ${render value}\n")
    pairs;
  pair = name: value: { inherit name value; };

  # Sections without content are left out, those with a title are not.
  section = name: pairs:
    let content = keys "    " pairs; in
    lib.optionalString (content != "") "${name} {\n${content}}\n";

  path = name: path: "    path ${quote name} {\n" + keys "        " [
    (pair "method" path.method)
    (pair "create" path.create)
    (pair "owner" path.owner)
    (pair "mode" path.mode)
  ] + "    }\n";

  # The order is one of carrying: what persist has, /etc/passwd perhaps, is there when owners of paths are looked up.
  ephemeral = name: one: "ephemeral ${quote name} {\n" + keys "    " [
    (pair "blank" one.blank)
    (pair "blank-changed" one.blankChanged)
    (pair "archive" one.archive)
    (pair "mountpoint" one.mountpoint)
    (pair "persist" one.persist)
    (pair "on-failure" one.onFailure)
  ] + lib.concatStrings (lib.mapAttrsToList path one.paths) + "}\n";
in
settings:
keys "" [ (pair "device" settings.device) (pair "degraded" settings.degraded) ]
+ lib.concatStrings (lib.mapAttrsToList ephemeral settings.ephemeral)
+ section "archives" (with settings.archives; [
  (pair "keep" keep)
  (pair "keep-min" keepMin)
  (pair "max-overhead" maxOverhead)
  (pair "min-free" minFree)
])
+ section "snapshots" (with settings.snapshots; [
  (pair "subvolumes" subvolumes)
  (pair "every" every)
  (pair "keep" keep)
  (pair "hourly" hourly)
  (pair "daily" daily)
  (pair "weekly" weekly)
  (pair "monthly" monthly)
  (pair "yearly" yearly)
  (pair "only-if-changed" onlyIfChanged)
  (pair "before" before)
  (pair "after" after)
  (pair "hook-timeout" hookTimeout)
])
+ section "performance" (with settings.performance; [
  (pair "mode" mode)
  (pair "nodatacow" nodatacow)
  (pair "compress" compress)
  (pair "set" (lib.mapAttrsToList (knob: value: "${knob}=${toString value}") set))
])
+ section "maintenance" (with settings.maintenance; [
  (pair "scrub" scrub)
  (pair "balance" balance)
  (pair "trim" trim)
])
+ section "metrics" (with settings.metrics; [
  (pair "directory" directory)
  (pair "every" every)
  (pair "max-used" maxUsed)
  (pair "on-alert" onAlert)
  (pair "hook-timeout" hookTimeout)
])
