# SPDX-License-Identifier: GPL-2.0-or-later
#
# Those options of NixOS that the module reads or sets, and no others, as nixpkgs declares them. Of users also what
# docs/examples set: an option cannot be declared in two places.
#
# release  "systemd"   both kinds of stage 1, systemd by default (26.05)
#          "scripted"  both, scripted by default (up to 25.11)
#          "old"       a scripted one alone, without postResumeCommands
#          "future"    systemd alone
release:
{ lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  list = type: option (types.listOf type) [ ];
  set = type: option (types.attrsOf (types.submodule type)) { };
  lines = option types.lines "";

  unitName = types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";
  unitNames = list unitName;

  # Those of a unit in stage 1.
  service.options = {
    enable = option types.bool true;
    description = option types.str "";
    documentation = list types.str;
    requires = unitNames;
    wants = unitNames;
    after = unitNames;
    before = unitNames;
    conflicts = unitNames;
    wantedBy = unitNames;
    requiredBy = unitNames;
    unitConfig = option types.attrs { };
    serviceConfig = option types.attrs { };
    path = list types.package;
  };

  file = { name, ... }: {
    options = {
      enable = option types.bool true;
      target = option types.str name;
      text = option (types.nullOr types.lines) null;
      source = mkOption { type = types.either types.path types.package; };
    };
  };

  fileSystem = { name, ... }: {
    options = {
      mountPoint = option types.str name;
      device = option (types.nullOr types.str) null;
      label = option (types.nullOr types.str) null;
      fsType = option types.str "auto";
      options = option (types.listOf types.str) [ "defaults" ];
      neededForBoot = option types.bool false;
    };
  };

  scripted = {
    preLVMCommands = lines;
    postDeviceCommands = lines;
    postMountCommands = lines;
    extraUtilsCommands = lines;
    extraUtilsCommandsTest = lines;
  };
  resume.postResumeCommands = lines;
  systemd.systemd = {
    storePaths = list (types.either types.str types.package);
    contents = set file;
    services = set service;
  };
  enable.systemd.enable = option types.bool (release == "systemd");
  stage1 = {
    systemd = scripted // resume // { systemd = systemd.systemd // enable.systemd; };
    scripted = scripted // resume // { systemd = systemd.systemd // enable.systemd; };
    old = scripted;
    future = systemd;
  }.${release};
in
{
  options = {
    assertions = list types.attrs;
    warnings = list types.str;
    boot.initrd = stage1 // {
      supportedFilesystems = list types.str;
      kernelModules = list types.str;
      availableKernelModules = list types.str;
    };
    boot.resumeDevice = option types.str "";
    boot.loader.grub = {
      enable = option types.bool false;
      mirroredBoots = list types.attrs;
    };
    environment.etc = set file;
    environment.systemPackages = list types.package;
    environment.persistence = option (types.attrsOf types.attrs) { };
    preservation.enable = option types.bool false;
    preservation.preserveAt = option (types.attrsOf types.attrs) { };
    fileSystems = set fileSystem;
    swapDevices = list types.attrs;
    services.userborn.enable = option types.bool false;
    systemd.services = set { options = service.options // { restartIfChanged = option types.bool true; }; };
    systemd.targets = set { options = { inherit (service.options) description requires after; }; };
    systemd.packages = list types.package;
    systemd.tmpfiles.rules = list types.str;
    users.users = set {
      options = {
        uid = option (types.nullOr types.int) null;
        group = option types.str "";
        isNormalUser = option types.bool false;
        extraGroups = list types.str;
        hashedPasswordFile = option (types.nullOr types.str) null;
        openssh.authorizedKeys.keys = list types.str;
      };
    };
    users.groups = set { options.gid = option (types.nullOr types.int) null; };
  };
}
