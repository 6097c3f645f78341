# SPDX-License-Identifier: GPL-2.0-or-later
#
# Owners by number. In the initramfs names are looked up in the new root, and a blank NixOS root has no /etc/passwd
# yet: the activation script makes it, from the numbers that the configuration fixes, and those are known here.
{ lib, users, groups }:

let
  isNumber = text: builtins.match "[0-9]*" text != null; # or nothing, which means root
  numberIn = table: field: name: if isNumber name then name else
    let number = (table.${name} or { }).${field} or null; in
    if number == null then null else toString number;

  uid = numberIn users "uid";
  gid = numberIn groups "gid";

  split = owner:
    let parts = lib.splitString ":" owner; user = builtins.head parts; in {
      inherit user;
      group = if builtins.length parts > 1 then builtins.elemAt parts 1
        # A number alone means root's group.
        else if isNumber user then ""
        else (users.${user} or { }).group or null;
    };
in
rec {
  # "uid:gid", null when the configuration fixes not all of it.
  numberOf = owner:
    let parts = split owner; user = uid parts.user; group = if parts.group == null then null else gid parts.group; in
    if user == null || group == null then null else "${user}:${group}";

  # The same settings with numbers as far as they are known.
  resolve = settings: settings // {
    ephemeral = lib.mapAttrs
      (_: one: one // {
        paths = lib.mapAttrs
          (_: path: path // {
            owner = if path.owner != null && numberOf path.owner != null then numberOf path.owner else path.owner;
          })
          one.paths;
      })
      settings.ephemeral;
  };
}
