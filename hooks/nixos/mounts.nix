# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the fileSystems of a NixOS configuration say about subvolumes and paths.
{ lib, fileSystems }:

let
  # enable came late.
  all = builtins.filter (fs: fs.enable or true) (builtins.attrValues fileSystems);

  # Those that nixpkgs mounts in the initrd without being asked.
  early = [ "/" "/nix" "/nix/store" "/var" "/var/log" "/var/lib" "/var/lib/nixos" "/etc" "/usr" ];

  optionsOf = fs: lib.concatMap (lib.splitString ",") fs.options;
  valuesOf = name: fs: map (lib.removePrefix "${name}=") (builtins.filter (lib.hasPrefix "${name}=") (optionsOf fs));

  kinds = [
    { prefix = "/dev/disk/by-uuid/"; tag = "UUID="; }
    { prefix = "/dev/disk/by-label/"; tag = "LABEL="; }
    { prefix = "/dev/disk/by-partuuid/"; tag = "PARTUUID="; }
    { prefix = "/dev/disk/by-partlabel/"; tag = "PARTLABEL="; }
  ];
  kindWith = key: text: lib.findFirst (kind: lib.hasPrefix kind.${key} text) null kinds;
in
rec {
  inherit all;

  isWithin = path: dir: dir == "/" || path == dir || lib.hasPrefix "${dir}/" path;
  at = mountpoint: lib.findFirst (fs: fs.mountPoint == mountpoint) null all;

  # The file system that a path is on; null where not even / is declared.
  holderOf = path:
    let
      deeper = a: b: if a == null || builtins.stringLength b.mountPoint > builtins.stringLength a.mountPoint then b else a;
    in
    lib.foldl' deeper null (builtins.filter (fs: isWithin path fs.mountPoint) all);

  isEarly = fs: fs.neededForBoot || builtins.elem fs.mountPoint early;
  isBind = fs: lib.any (option: builtins.elem option [ "bind" "rbind" ]) (optionsOf fs);

  # Not mounted unless somebody asks; then it hides nothing.
  isOptional = fs: builtins.elem "noauto" (optionsOf fs) && !(builtins.elem "x-systemd.automount" (optionsOf fs));

  # Names of subvolumes without a slash in front, as the configuration has them.
  subvolumesOf = fs: map (lib.removePrefix "/") (valuesOf "subvol" fs);
  isPinned = fs: valuesOf "subvolid" fs != [ ];

  device = fs:
    if fs.device != null then fs.device
    else if fs.label or null != null then "/dev/disk/by-label/${fs.label}"
    else null;

  # One spelling of UUID=x and /dev/disk/by-uuid/x.
  normalDevice = spec:
    let kind = kindWith "prefix" spec; value = lib.removePrefix kind.prefix spec; in
    if kind == null then spec else kind.tag + value;
  # A path for a device, for those who need one.
  devicePath = spec:
    let kind = kindWith "tag" spec; in
    if kind == null then spec else kind.prefix + lib.removePrefix kind.tag spec;

  # The one place where a subvolume is mounted; null if there is none or more than one.
  mountpointOf = subvolume:
    let found = builtins.filter (fs: fs.fsType == "btrfs" && builtins.elem subvolume (subvolumesOf fs)) all; in
    if builtins.length found == 1 then (builtins.head found).mountPoint else null;

  # The device that is mounted at the first of these places.
  deviceOf = mountpoints:
    let found = builtins.filter (fs: fs != null) (map at (builtins.filter (one: one != null) mountpoints)); in
    if found == [ ] then null else device (builtins.head found);
}
