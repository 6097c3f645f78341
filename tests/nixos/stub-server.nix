# SPDX-License-Identifier: GPL-2.0-or-later
#
# Those options of NixOS that docs/examples sets and stub-options.nix does not have, as nixpkgs declares them.
{ config, lib, ... }:

let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  enable = option types.bool false;
  strings = option (types.listOf types.str) [ ];
  set = options: option (types.attrsOf (types.submodule { inherit options; })) { };
in
{
  options = {
    boot.initrd.luks.devices = set {
      device = mkOption { type = types.str; };
      allowDiscards = enable;
    };
    boot.loader.grub = {
      devices = strings;
      efiSupport = enable;
      efiInstallAsRemovable = enable;
    };
    networking.hostName = option types.str "nixos";
    networking.firewall.allowedTCPPorts = option (types.listOf types.int) [ ];
    nixpkgs.hostPlatform = mkOption { type = types.either types.str types.attrs; };
    services.caddy.enable = enable;
    services.caddy.virtualHosts = set { extraConfig = option types.lines ""; };
    services.openssh.enable = enable;
    services.openssh.settings = option types.attrs { };
    services.postgresql = {
      enable = enable;
      dataDir = mkOption { type = types.path; };
      initdbArgs = strings;
      package = option types.attrs { psqlSchema = "17"; };
    };
    services.postgresqlBackup.enable = enable;
    services.postgresqlBackup.location = option types.path "/var/backup/postgresql";
    services.prometheus.exporters.node = {
      enable = enable;
      enabledCollectors = strings;
      extraFlags = strings;
      openFirewall = enable;
    };
    system.stateVersion = mkOption { type = types.str; };
    users.mutableUsers = option types.bool true;
    virtualisation.podman.enable = enable;
  };

  # As grub.nix has it, of which GRUB is the default.
  config.boot.loader.grub = {
    enable = lib.mkDefault true;
    mirroredBoots = lib.optional (config.boot.loader.grub.devices != [ ]) { path = "/boot"; inherit (config.boot.loader.grub) devices; };
  };
}
