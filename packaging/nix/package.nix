# SPDX-License-Identifier: GPL-2.0-or-later
#
# For callPackage of nixpkgs.
#
# Linked dynamically and without libkmod. Both kinds of stage 1 of NixOS copy the libraries of a program, the
# libraries are those that the system has and its binary cache holds, and stage 1 loads btrfs from
# boot.initrd.kernelModules before the reset. Static libraries would be built for this one program, and kmod has no
# static one since it is built with meson.
{ lib
, stdenv
, btrfs-progs
, jansson
, libarchive
, libconfuse
, systemd
, util-linux
}:

let
  lines = lib.splitString "\n" (builtins.readFile ../../Makefile);
  version = lib.removePrefix "VERSION := " (lib.findFirst (lib.hasPrefix "VERSION := ") null lines);
in
stdenv.mkDerivation {
  pname = "blankroot";
  inherit version;

  src = lib.cleanSourceWith {
    name = "blankroot";
    src = ../..;
    filter = path: _: !(builtins.elem (baseNameOf path) [ ".git" "build" "result" ]);
  };

  buildInputs = [ btrfs-progs jansson libarchive libconfuse systemd util-linux ];

  # A warning of a newer compiler is no reason not to have it.
  makeFlags = [
    "CC=${stdenv.cc.targetPrefix}cc"
    "STATIC=no"
    "WITH_KMOD=no"
    "WERROR=no"
    "PREFIX=$(out)"
    "SBINDIR=$(out)/bin"
  ];
  enableParallelBuilding = true;

  # The hooks are those of other distributions; that of NixOS is a module.
  installTargets = [ "install-programs" "install-units" "install-man" "install-completions" "install-presets" ];

  # The test suite needs root and loop devices.
  doInstallCheck = true;
  installCheckPhase = ''
    $out/bin/blankroot-initrd --version
    $out/bin/blankroot --version
    $out/bin/blankroot-initrd --check-config --config docs/blankroot.conf.example
  '';

  meta = {
    description = "Start from a known blank btrfs root at every boot, and keep what was declared";
    longDescription = ''
      Runs in the initrd before the root is mounted: replaces the root subvolume by a snapshot of a blank one,
      carries the declared paths across, and keeps the old root as a read-only archive.
    '';
    license = lib.licenses.gpl2Plus;
    platforms = lib.platforms.linux;
    mainProgram = "blankroot-initrd";
  };
}
