# SPDX-License-Identifier: GPL-2.0-or-later
{
  description = "Start from a known blank btrfs root at every boot, and keep what was declared";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { nixpkgs, ... }:
    let
      forEachSystem = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ];
      package = system: nixpkgs.legacyPackages.${system}.callPackage ./packaging/nix/package.nix { };

      # A machine with an ephemeral root, as small as it can be.
      machine = system: nixpkgs.lib.nixosSystem {
        inherit system;
        modules = [
          ./hooks/nixos/module.nix
          {
            services.blankroot = {
              enable = true;
              settings.ephemeral.root.persist = [ "/etc/machine-id" "/var/lib/nixos" ];
            };
            fileSystems = nixpkgs.lib.genAttrs [ "/" "/nix" ] (mountpoint: {
              device = "/dev/disk/by-label/system";
              fsType = "btrfs";
              options = [ (if mountpoint == "/" then "subvol=root" else "subvol=nix") ];
            });
            boot.loader.grub.enable = false;
            system.stateVersion = nixpkgs.lib.trivial.release;
          }
        ];
      };
    in
    {
      packages = forEachSystem (system: {
        default = package system;
        blankroot = package system;
      });

      nixosModules.default = ./hooks/nixos/module.nix;

      # The program, the configuration file, and an initrd with both.
      checks = forEachSystem (system: {
        blankroot = package system;
        initrd = (machine system).config.system.build.initialRamdisk;
      });
    };
}
