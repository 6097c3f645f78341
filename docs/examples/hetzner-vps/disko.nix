# SPDX-License-Identifier: GPL-2.0-or-later
#
# The disk, for disko (https://github.com/nix-community/disko): GPT for BIOS and UEFI, swap with a random key, and one
# btrfs whose subvolumes lie side by side. To be imported with what differs between machines:
#
#   (import ./disko.nix { device = "/dev/sda"; })
{
  # The whole of it is overwritten.
  device
  # Never to hibernate to: its key is lost at each boot.
, swapSize ? "4G"
  # Such as "zstd:1", for all that is written; null: none.
, compress ? null
  # LUKS below btrfs. disko takes the passphrase from passwordFile, once, or asks for it.
, encrypted ? false
, passwordFile ? null
}:
{ lib, ... }:

let
  # All mounts have the options of btrfs, compress among them, from that which came first: whatever else is said
  # here. Those of a mount alone are noatime, nodev, nosuid, noexec.
  common = [ "noatime" ] ++ lib.optional (compress != null) "compress=${compress}";
  at = mountpoint: options: { inherit mountpoint; mountOptions = common ++ options; };

  system = {
    type = "btrfs";
    extraArgs = [ "-f" "-L" "system" ];
    subvolumes = {
      # Ephemeral: replaced at every boot, each by a snapshot of its blank.
      "root" = at "/" [ ];
      "cache" = at "/var/cache" [ "nodev" "nosuid" "noexec" ];
      "tmp" = at "/tmp" [ "nodev" "nosuid" ];
      "root-blank" = { };
      "cache-blank" = { };
      "tmp-blank" = { };

      # Persistent: a reset never opens them.
      "nix" = at "/nix" [ "nodev" ];
      "persist" = at "/persist" [ "nodev" "nosuid" ];
      "log" = at "/var/log" [ "nodev" "nosuid" "noexec" ];
      "services" = at "/srv" [ "nodev" "nosuid" ];
      "caddy" = at "/var/lib/caddy" [ "nodev" "nosuid" "noexec" ];
      "backup" = at "/var/backup" [ "nodev" "nosuid" "noexec" ];
      # What is in containers may be anything.
      "containers" = at "/var/lib/containers" [ ];
    };

    # NixOS makes what it needs from the store, so the blanks are empty. Run again, it changes nothing.
    # disko sets $device.
    postCreateHook = ''
      (
        top=$(mktemp -d)
        mount -t btrfs -o subvolid=5 "$device" "$top"
        trap 'umount "$top"; rmdir "$top"' EXIT
        for name in tmp tmp-blank; do
          [ -k "$top/$name" ] || chmod 1777 "$top/$name"
        done
        for name in root cache tmp; do
          btrfs property set -ts "$top/$name-blank" ro true
        done
        install -d -m 0700 "$top/old_roots" "$top/snapshots"
      )
    '';
  };

  luks = {
    type = "luks";
    name = "system";
    inherit passwordFile;
    # Tells what is unused on the disk to who can read it; without, trim and discard=async do nothing.
    settings.allowDiscards = true;
    content = system;
  };
in
{
  disko.devices.disk.main = {
    type = "disk";
    inherit device;
    content = {
      type = "gpt";
      partitions = {
        # For GRUB on machines that boot by BIOS, as most virtual ones at Hetzner do.
        bios = {
          size = "1M";
          type = "EF02";
          priority = 1;
        };
        ESP = {
          size = "1G";
          type = "EF00";
          priority = 2;
          content = {
            type = "filesystem";
            format = "vfat";
            mountpoint = "/boot";
            mountOptions = [ "umask=0077" ];
          };
        };
        swap = {
          size = swapSize;
          content = {
            type = "swap";
            randomEncryption = true;
          };
        };
        system = {
          size = "100%";
          content = if encrypted then luks else system;
        };
      };
    };
  };

  # Passwords are needed before the system mounts the rest.
  fileSystems."/persist".neededForBoot = true;
}
