# SPDX-License-Identifier: GPL-2.0-or-later
{
  description = "Servers whose root begins anew at every boot";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    disko.url = "github:nix-community/disko/latest";
    disko.inputs.nixpkgs.follows = "nixpkgs";
    blankroot.url = "path:/path/to/blankroot";
    blankroot.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { nixpkgs, disko, blankroot, ... }:
    let
      host = modules: nixpkgs.lib.nixosSystem {
        modules = [ disko.nixosModules.disko blankroot.nixosModules.default ] ++ modules;
      };
      disk = import ./disko.nix;
    in
    {
      nixosConfigurations = {
        db1 = host [ ./configuration.nix (disk { device = "/dev/sda"; }) ];
        web1 = host [ ./second-host.nix (disk { device = "/dev/sda"; swapSize = "2G"; compress = "zstd:1"; }) ];

        # The first one with LUKS.
        db1-luks = host [
          ./configuration.nix
          (disk { device = "/dev/sda"; encrypted = true; passwordFile = "/tmp/disk.key"; })
        ];
      };
    };
}
