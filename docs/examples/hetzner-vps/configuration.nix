# SPDX-License-Identifier: GPL-2.0-or-later
#
# A server with a database, a web server and containers, whose root begins anew at every boot. What is set with
# mkDefault is what another host says differently: second-host.nix.
{ config, lib, ... }:

let
  metrics = config.services.blankroot.settings.metrics.directory;
  database = config.services.postgresql;
in
{
  services.blankroot = {
    enable = true;
    checkBeforeShutdown = true;
    resumeScrub = true;

    settings = {
      # Of the root survives what is named here; the subvolumes of disko.nix survive as they are. All of them, and
      # where they are mounted, the module finds in fileSystems.
      ephemeral.root = {
        persist = [
          "/etc/machine-id"
          "/etc/ssh"
          "/root"
          "/var/lib/nixos"
          "/var/lib/systemd"
        ];
        # A subvolume of its own: however large, carried at once.
        paths."/home" = { method = "subvolume"; create = "directory"; };
      };
      ephemeral.cache.archive = "none";
      ephemeral.tmp.archive = "none";

      # Former roots, in old_roots: 30 days, and the last three in any case.
      archives = { keep = "30d"; keepMin = 3; };

      snapshots = {
        subvolumes = [ "persist" "services" "caddy" ];
        every = lib.mkDefault "6h";
        keep = "30d";
        onlyIfChanged = "yes";
      };

      performance = {
        mode = lib.mkDefault "io-optimized";
        # For files made from now on. They have no checksums: PostgreSQL has its own. A snapshot makes the first write to
        # each block a copy all the same.
        nodatacow = lib.optionals database.enable [ database.dataDir "/var/lib/containers/storage/volumes" ];
        compress = [ "/var/log" ];
      };

      # Of the three, the balance moves only what has to be moved. trim: in case the disk cannot discard by itself.
      maintenance = { scrub = "monthly"; balance = "weekly"; trim = "weekly"; };

      metrics = { directory = "/var/lib/node-exporter"; every = "5m"; maxUsed = "85%"; };
    };
  };

  # Prometheus asks this for all there is, what blankroot writes included. The port is not open to the world.
  services.prometheus.exporters.node = {
    enable = true;
    enabledCollectors = [ "systemd" "textfile" ];
    extraFlags = [ "--collector.textfile.directory=${toString metrics}" ];
  };

  # The directory has to be nodatacow before the first file is made in it.
  services.postgresql = {
    enable = lib.mkDefault true;
    dataDir = "/srv/postgresql/${database.package.psqlSchema}";
    initdbArgs = [ "--data-checksums" ];
  };
  systemd.services.postgresql = lib.mkIf database.enable { after = [ "blankroot-tune.service" ]; };
  systemd.tmpfiles.rules = lib.optional database.enable "d ${database.dataDir} 0700 postgres postgres -";
  services.postgresqlBackup = {
    enable = database.enable;
    location = "/var/backup/postgresql";
  };

  services.caddy = {
    enable = true;
    virtualHosts."www.example.org".extraConfig = "respond \"It works\"";
  };
  virtualisation.podman.enable = true;

  networking.hostName = lib.mkDefault "db1";
  networking.firewall.allowedTCPPorts = [ 80 443 ];
  services.openssh = {
    enable = true;
    settings.PasswordAuthentication = false;
  };

  # What passwd writes is in the root, and gone at the next boot.
  users.mutableUsers = false;
  users.users.admin = {
    isNormalUser = true;
    extraGroups = [ "wheel" ];
    hashedPasswordFile = "/persist/passwords/admin";
    openssh.authorizedKeys.keys = [ "ssh-ed25519 REPLACE-THIS admin@example.org" ];
  };

  # disko tells GRUB about the disk.
  boot.loader.grub = {
    efiSupport = true;
    efiInstallAsRemovable = true;
  };
  boot.initrd.availableKernelModules = [ "ahci" "sd_mod" "virtio_pci" "virtio_scsi" "xhci_pci" ];

  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";
}
