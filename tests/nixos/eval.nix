# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module, evaluated: with the library of a nixpkgs, its path in NIXPKGS, or with the stub.
let
  nixpkgs = builtins.getEnv "NIXPKGS";
  lib = if nixpkgs == "" then import ./stub-lib.nix else import (/. + nixpkgs + "/lib");

  derivation = name: {
    type = "derivation";
    inherit name;
    outPath = "${builtins.storeDir}/00000000000000000000000000000000-${name}";
  };
  pkgs = {
    # A directory with bin/blankroot-initrd, where a test runs what comes out.
    blankroot = derivation "blankroot" // (
      let path = builtins.getEnv "BLANKROOT_PACKAGE"; in if path == "" then { } else { outPath = path; });
    writeTextFile = { name, text, checkPhase ? "" }: derivation name // { inherit text checkPhase; };
    stdenv = {
      buildPlatform.canExecute = _: true;
      hostPlatform = { };
    };
  };

  # Another one than that of the tree, for a test of the tests.
  otherModule = builtins.getEnv "BLANKROOT_MODULE";
  module = if otherModule == "" then ../../hooks/nixos/module.nix else /. + otherModule;

  evaluate = release: modules: lib.evalModules {
    modules = [ module (import ./stub-options.nix release) ] ++ modules;
    specialArgs = { inherit pkgs; };
  };
in
rec {
  inherit lib;

  disk = "/dev/disk/by-uuid/6d4be962-c34d-49b3-bfe4-402587c71ce5";

  # A machine without mistakes.
  machine = {
    services.blankroot = {
      enable = true;
      settings.ephemeral.root.persist = [ "/etc/machine-id" "/var/lib/nixos" ];
    };
    fileSystems = {
      "/" = { device = disk; fsType = "btrfs"; options = [ "subvol=root" "noatime" ]; };
      "/nix" = { device = disk; fsType = "btrfs"; options = [ "subvol=nix" ]; };
      "/boot" = { device = "/dev/disk/by-label/ESP"; fsType = "vfat"; };
    };
    users.users.root = { uid = 0; group = "root"; };
    users.groups.root.gid = 0;
  };
  settings = settings: { services.blankroot.settings = settings; };

  # The configuration of a release with this added to the machine; and that without the machine.
  on = release: module: (evaluate release [ machine module ]).config;
  bare = release: module: (evaluate release [ module ]).config;

  # The configurations of a flake's machines, its inputs stood in for.
  machinesOf = flake: builtins.mapAttrs (_: machine: machine.config) (flake.outputs {
    nixpkgs.lib = lib // { nixosSystem = { modules }: evaluate "systemd" (modules ++ [ ./stub-server.nix ]); };
    disko.nixosModules.disko = ./stub-disko.nix;
    blankroot.nixosModules.default = { };
  }).nixosConfigurations;

  # docs/nixos-options.md.
  optionsText = import ../../docs/nixos-options.nix {
    inherit lib;
    options = (evaluate "systemd" [ ]).options.services.blankroot;
  };

  refusals = config: map (one: one.message) (builtins.filter (one: !one.assertion) config.assertions);
  textOf = config: config.services.blankroot.configFile.text;

  # Does it evaluate, all of it?
  evaluates = config: (builtins.tryEval (builtins.deepSeq
    [ config.boot (refusals config) config.warnings (textOf config) config.environment.etc ] true)).success;

  # A unit as systemd reads it.
  unitText = unit:
    let
      render = value: if builtins.isBool value then lib.boolToString value else toString value;
      lists = { Description = [ unit.description ]; Documentation = unit.documentation; Requires = unit.requires;
        Wants = unit.wants; After = unit.after; Before = unit.before; Conflicts = unit.conflicts; };
      lines = set: lib.concatStrings (lib.mapAttrsToList (key: value: "${key}=${render value}\n") set);
      words = lib.concatStrings (lib.mapAttrsToList
        (key: value: lib.optionalString (value != [ ]) "${key}=${lib.concatStringsSep " " value}\n") lists);
    in
    "[Unit]\n${words}${lines unit.unitConfig}\n[Service]\n${lines unit.serviceConfig}";
}
