# SPDX-License-Identifier: GPL-2.0-or-later
#
# NixOS: services.blankroot. The reset is a unit in a stage 1 with systemd, a hook in a scripted one; each option of
# the kind that is not in use has to stay empty, or nixpkgs refuses the configuration.
{ config, lib, options, pkgs, ... }:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.services.blankroot;

  # What this version of NixOS has: a stage 1 with systemd since 22.05, a scripted one until it is removed.
  has = name: options.boot.initrd ? ${name};
  systemdStage1 = config.boot.initrd.systemd.enable or (has "systemd");
  program = "${cfg.package}/bin/blankroot-initrd";

  mounts = import ./mounts.nix { inherit lib; inherit (config) fileSystems; };
  owners = import ./owners.nix { inherit lib; inherit (config.users) users groups; };
  confText = import ./conf-text.nix { inherit lib; };
  checks = import ./checks.nix { inherit lib config owners resumeIsAwaited; inherit (cfg) settings; };

  # Before a resume from hibernation, nothing may write to a file system.
  hookName = if has "postResumeCommands" then "postResumeCommands" else "postDeviceCommands";
  resumeIsAwaited = systemdStage1 || hookName == "postResumeCommands";

  stopsBoot = lib.any (one: one.onFailure == "stop") (builtins.attrValues cfg.settings.ephemeral);
  canRun = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;

  # As hooks/systemd/blankroot-reset.service, where the reasons are, and behind the service that loads
  # boot.initrd.kernelModules, for the package is built without libkmod.
  unit = {
    description = "Reset the root to its blank";
    documentation = [ "man:blankroot-initrd(8)" "man:blankroot.conf(5)" ];
    unitConfig = {
      DefaultDependencies = false;
      ConditionPathExists = "/etc/initrd-release";
    };
    requires = [ "initrd-root-device.target" ];
    after = [
      "initrd-root-device.target"
      "systemd-hibernate-resume.service"
      "local-fs-pre.target"
      "systemd-modules-load.service"
    ];
    before = [
      "systemd-fsck-root.service"
      "sysroot.mount"
      "initrd-root-fs.target"
      "shutdown.target"
      "emergency.target"
    ];
    conflicts = [ "shutdown.target" "emergency.target" ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = program;
      SuccessExitStatus = 5;
      TimeoutStartSec = "infinity";
      StandardOutput = "journal+console";
      StandardError = "journal+console";
    };
    wantedBy = lib.optional (!stopsBoot) "initrd.target";
    requiredBy = lib.optional stopsBoot "sysroot.mount";
  };

  # The hook's text is pasted into a template: no word of it may look like one of the template's own. What it names
  # in the store comes into the initrd with it. Not every version has a waitDevice by then.
  waitForDevice = lib.optionalString (cfg.settings.device != null) ''
    if type waitDevice >/dev/null 2>&1; then
      waitDevice ${lib.escapeShellArg (mounts.devicePath cfg.settings.device)} || :
    fi
  '';
  onFailure = if !stopsBoot then ":\n" else ''
    case $? in
    5) ;; # the new root is in place, the next boot finishes the archiving
    *)
      echo "blankroot: the root was not reset (exit code $?), and onFailure is stop"
      fail
      ;;
    esac
  '';
  hook = ''
    # blankroot: reset the root before it is mounted; the program tells on the console what happened
    ${waitForDevice}blankroot-initrd --config=${cfg.configFile} || '' + onFailure;
in
{
  options.services.blankroot = {
    enable = lib.mkEnableOption "a root that is reset to a blank subvolume at every boot";
    package = mkOption {
      type = types.package;
      default = pkgs.blankroot or (pkgs.callPackage ../../packaging/nix/package.nix { });
      defaultText = lib.literalExpression "pkgs.callPackage ./packaging/nix/package.nix { }";
      description = "The package with blankroot-initrd, blankroot and their units.";
    };
    settings = mkOption {
      type = types.submodule (import ./settings.nix { inherit lib; inherit (config) fileSystems; });
      default = { };
      description = "What is ephemeral and what survives: blankroot.conf(5), its keys in camel case.";
    };
    checkBeforeShutdown = lib.mkEnableOption ''
      a check, before the system goes down, of whether the next boot will reset the root: it warns on the console and in
      the journal'';
    resumeScrub = lib.mkEnableOption ''
      going on with an interrupted scrub after each boot and after sleep, and not only when the next one is due'';
    configFile = mkOption {
      type = types.package;
      readOnly = true;
      description = "The configuration file made from the settings, checked by the program.";
    };
  };

  config = mkIf cfg.enable {
    inherit (checks) assertions warnings;

    services.blankroot.configFile = pkgs.writeTextFile {
      name = "blankroot.conf";
      text = confText (owners.resolve cfg.settings);
      checkPhase = lib.optionalString canRun ''
        ${program} --check-config --config "$out"
      '';
    };

    environment.etc."blankroot.conf".source = cfg.configFile;
    environment.systemPackages = [ cfg.package ];

    # Those of hooks/systemd for the running system, and the generator that makes the timers: nixpkgs takes units and
    # generators from these packages. NixOS does not read [Install], and would run what has run again at each change
    # of the configuration; it starts timers.target anew, and new timers with it.
    systemd.packages = [ cfg.package ];
    systemd.services.blankroot-report = {
      wantedBy = [ "sysinit.target" ];
      restartIfChanged = false;
    };
    systemd.services.blankroot-good = {
      wantedBy = [ "multi-user.target" ];
      restartIfChanged = false;
    };
    systemd.services.blankroot-check = mkIf cfg.checkBeforeShutdown {
      wantedBy = [ "multi-user.target" ];
      # Stopping it is the check.
      restartIfChanged = false;
    };
    systemd.services.blankroot-scrub-resume = mkIf cfg.resumeScrub {
      wantedBy = [
        "multi-user.target"
        "suspend.target"
        "hibernate.target"
        "hybrid-sleep.target"
        "suspend-then-hibernate.target"
      ];
      restartIfChanged = false;
    };
    # The unit can only write to what is there.
    systemd.tmpfiles.rules = lib.optional (cfg.settings.metrics.directory != null)
      "d ${builtins.toJSON cfg.settings.metrics.directory} 0755 root root -";
    # Not every version brings systemd's own; where it does, this adds nothing to it.
    systemd.targets.boot-complete = {
      description = lib.mkDefault "Boot Completion Check";
      requires = [ "sysinit.target" ];
      after = [ "sysinit.target" ];
    };

    boot.initrd = {
      # btrfs.nix of nixpkgs brings the modules of the checksums, by the names that they have in this kernel. More
      # cannot be named here: a module that a kernel lacks ends the build of the initrd, and each of the optional
      # ones of hooks/initramfs.manifest is missing from some.
      supportedFilesystems = [ "btrfs" ];
      kernelModules = [ "btrfs" ];
    }
    // lib.optionalAttrs (has "systemd") {
      systemd = mkIf systemdStage1 {
        storePaths = [ program ];
        contents."/etc/blankroot.conf".source = cfg.configFile;
        services.blankroot-reset = unit;
      };
    }
    // lib.optionalAttrs (has hookName) {
      ${hookName} = mkIf (!systemdStage1) (lib.mkAfter hook);
      extraUtilsCommands = mkIf (!systemdStage1) "copy_bin_and_libs ${program}\n";
      extraUtilsCommandsTest = mkIf (!systemdStage1) "$out/bin/blankroot-initrd --version\n";
    };
  };
}
