# SPDX-License-Identifier: GPL-2.0-or-later
#
# Those types of disko that docs/examples/hetzner-vps uses, with options as disko declares them, and what it makes of
# them for NixOS. Names, types and defaults are facts of lib/types/{disk,gpt,filesystem,swap,luks,btrfs}.nix as of
# March 2026.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  needed = type: mkOption { inherit type; };
  strings = option (types.listOf types.str);

  absolutePath = types.addCheck types.str (lib.hasPrefix "/") // { description = "absolute path"; };
  size = types.either (types.enum [ "100%" ]) (types.strMatching "[0-9]+[KMGTP]?");
  hooks = lib.genAttrs
    [ "preCreateHook" "postCreateHook" "preMountHook" "postMountHook" "preUnmountHook" "postUnmountHook" ]
    (_: option types.lines "");

  # A submodule that is told by its type.
  kind = name: options: types.addCheck
    (types.submodule { options = options // hooks // { type = needed (types.enum [ name ]); }; })
    (value: (value.type or null) == name);

  filesystem = kind "filesystem" {
    format = needed types.str;
    extraArgs = strings [ ];
    mountpoint = option (types.nullOr absolutePath) null;
    mountOptions = strings [ "defaults" ];
  };
  swap = kind "swap" {
    randomEncryption = option types.bool false;
    resumeDevice = option types.bool false;
    extraArgs = strings [ ];
  };
  btrfs = kind "btrfs" {
    extraArgs = strings [ ];
    mountpoint = option (types.nullOr absolutePath) null;
    mountOptions = strings [ "defaults" ];
    subvolumes = option (types.attrsOf (types.submodule ({ name, ... }: {
      options = {
        name = option types.str name;
        extraArgs = strings [ ];
        mountpoint = option (types.nullOr absolutePath) null;
        mountOptions = strings [ "defaults" ];
      };
    }))) { };
  };
  luks = kind "luks" {
    name = needed types.str;
    passwordFile = option (types.nullOr absolutePath) null;
    settings = option types.attrs { };
    content = option (types.nullOr (types.either btrfs filesystem)) null;
  };
  gpt = kind "gpt" {
    partitions = option (types.attrsOf (types.submodule ({ name, config, ... }: {
      options = {
        name = option types.str name;
        size = option size "0";
        type = option (types.strMatching "[A-Fa-f0-9]{4}") (if (config.content.type or null) == "swap" then "8200" else "8300");
        priority = option types.int (if config.size == "100%" then 9001 else if config.type == "EF02" then 100 else 1000);
        content = option (types.nullOr (types.either filesystem (types.either swap (types.either luks btrfs)))) null;
      };
    }))) { };
  };

  disk.options = {
    type = needed (types.enum [ "disk" ]);
    device = needed absolutePath;
    content = option (types.nullOr gpt) null;
  };

  disks = config.disko.devices.disk;
  each = f: lib.concatLists (lib.mapAttrsToList
    (name: disk: lib.mapAttrsToList (_: part: f disk part "/dev/disk/by-partlabel/disk-${name}-${part.name}") disk.content.partitions)
    disks);

  # Contents with the device that each is on, those inside of LUKS too.
  contents = lib.concatLists (each (_: { content, ... }: device:
    if content == null then [ ]
    else [ { inherit device content; } ]
      ++ lib.optional ((content.content or null) != null) { device = "/dev/mapper/${content.name}"; inherit (content) content; }));
  ofType = type: builtins.filter (one: one.content.type == type) contents;
  mounts = fsType: device: found: map
    (one: { name = one.mountpoint; value = { inherit device fsType; options = one.options; }; })
    (builtins.filter (one: one.mountpoint != null) found);
in
{
  options.disko.devices.disk = option (types.attrsOf (types.submodule disk)) { };

  config = {
    fileSystems = builtins.listToAttrs (lib.concatMap
      ({ device, content }: mounts content.format device [ { inherit (content) mountpoint; options = content.mountOptions; } ])
      (ofType "filesystem")
    ++ lib.concatMap
      ({ device, content }: mounts "btrfs" device (lib.mapAttrsToList
        (_: one: { inherit (one) mountpoint; options = one.mountOptions ++ [ "subvol=${one.name}" ]; })
        content.subvolumes))
      (ofType "btrfs"));
    # NixOS makes a set of the bool.
    swapDevices = map
      ({ device, content }: { inherit device; randomEncryption.enable = content.randomEncryption; })
      (ofType "swap");
    boot.initrd.luks.devices = builtins.listToAttrs (map
      ({ device, content }: { inherit (content) name; value = { inherit device; } // content.settings; })
      (ofType "luks"));
    boot.loader.grub.devices = lib.concatLists (each (disk: part: _: lib.optional (part.type == "EF02") disk.device));
  };
}
