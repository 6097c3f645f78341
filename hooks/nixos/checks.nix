# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mistakes that can be told while the configuration is evaluated: where, what is wrong, and what to do about it. What
# concerns blankroot.conf alone, the build of the file tells.
{ lib, config, settings, owners, resumeIsAwaited }:

let
  mounts = import ./mounts.nix { inherit lib; inherit (config) fileSystems; };
  inherit (mounts) isWithin;

  say = where: what: remedy: "${where}: ${what}. ${remedy}.";
  refuseIf = condition: where: what: remedy: { assertion = !condition; message = say where what remedy; };
  refuse = refuseIf true;
  warnIf = condition: where: what: remedy: lib.optional condition (say where what remedy);

  module = "services.blankroot";
  options = "${module}.settings";
  ephemeral = name: "${options}.ephemeral.${name}";
  fileSystem = mountpoint: "fileSystems.\"${mountpoint}\"";

  onEach = check: lib.concatLists (lib.mapAttrsToList check settings.ephemeral);
  keptOf = one: one.persist ++ builtins.attrNames one.paths;
  join = dir: path: if dir == "/" then path else dir + path;
  quoteAll = lib.concatMapStringsSep ", " (text: "\"${text}\"");

  # --- the configuration as such ---

  checkShape = [
    (refuseIf (settings.ephemeral == { }) "${options}.ephemeral"
      "no ephemeral subvolume is declared"
      "Declare one, for instance ephemeral.root")
    (refuseIf (settings.device == null) "${options}.device"
      "the file system is not known, because fileSystems does not mount an ephemeral subvolume"
      "Set it to the device that holds them")
    (refuseIf (!(config.boot.initrd.enable or true)) module
      "boot.initrd.enable is false, so that there is nothing to do the reset in"
      "Enable it")
  ];

  # They would be read in the running system only.
  checkDropIns = map
    (name: refuseIf (lib.hasPrefix "blankroot.conf.d/" name) "environment.etc.\"${name}\""
      "it does not reach the initrd"
      "Use ${options}")
    (builtins.attrNames config.environment.etc);

  isPath = path: builtins.match "[^[:cntrl:]]*" path != null
    && !(lib.any (component: builtins.elem component [ "" "." ".." ]) (lib.splitString "/" path));
  isAbsolute = path: lib.hasPrefix "/" path && isPath (lib.removePrefix "/" path);
  checkNames = onEach (name: one: [
    (refuseIf (!(isPath name)) "${options}.ephemeral"
      "\"${name}\" is no path of a subvolume"
      "Write it from the top level, without a slash at its ends and without \"..\"")
  ] ++ map
    (path: refuseIf (!(isAbsolute path)) "${ephemeral name}.paths"
      "\"${path}\" is no absolute path"
      "Write it as seen from the root of the subvolume, without a slash at its end and without \"..\"")
    (builtins.attrNames one.paths));

  # Pairs of paths of which one is inside the other, or the same.
  conflicts = paths: if paths == [ ] then [ ] else
    let first = builtins.head paths; rest = builtins.tail paths; in
    map (other: if isWithin first other then { inner = first; outer = other; } else { inner = other; outer = first; })
      (builtins.filter (other: isWithin other first || isWithin first other) rest)
    ++ conflicts rest;
  checkPersist = onEach (name: one: map
    ({ inner, outer }: if inner == outer
      then
        refuse (ephemeral name)
          "the path \"${inner}\" is declared twice, in persist or in paths"
          "Remove one of them"
      else
        refuse (ephemeral name)
          "the path \"${inner}\" is inside \"${outer}\", and carried with it"
          "Remove the former")
    (conflicts (keptOf one)));

  # --- where the ephemeral subvolumes are mounted ---

  checkOptions = name: fs:
    let
      where = "${fileSystem fs.mountPoint}.options";
      found = mounts.subvolumesOf fs;
    in
    [
      (refuseIf (mounts.isPinned fs) where
        "subvolid= stays with the old subvolume when \"${name}\" is replaced"
        "Remove it, and mount by name: \"subvol=${name}\"")
      (refuseIf (found == [ ]) where
        "there is no subvol=, so that the reset of \"${name}\" would not be seen"
        "Add \"subvol=${name}\"")
      (refuseIf (lib.any (subvolume: subvolume != name) found) where
        "they mount ${quoteAll found}, so that the reset of \"${name}\" would not be seen"
        "Set \"subvol=${name}\"")
    ];

  checkDevice = fs:
    let device = mounts.device fs; in
    refuseIf
      (settings.device != null && device != null
        && mounts.normalDevice device != mounts.normalDevice settings.device)
      "${options}.device"
      "it is \"${toString settings.device}\", but ${fileSystem fs.mountPoint}.device is \"${toString device}\""
      "Remove the former, or write the same in both";

  checkMount = name: one:
    let fs = mounts.at one.mountpoint; in
    if one.mountpoint == null then [ ]
    else if fs == null then [
      (refuse "${ephemeral name}.mountpoint"
        "it is \"${one.mountpoint}\", but there is no ${fileSystem one.mountpoint}"
        "Declare that, with the option \"subvol=${name}\", or correct the mountpoint")
    ]
    else if fs.fsType != "btrfs" then [
      (refuse "${fileSystem one.mountpoint}.fsType"
        "it is \"${fs.fsType}\", but the ephemeral subvolume \"${name}\" needs a btrfs"
        "Set it to \"btrfs\", if it is one")
    ]
    else checkOptions name fs ++ [ (checkDevice fs) ];

  # --- what is hidden, or lost ---

  # impermanence makes fileSystems of its directories, preservation makes units.
  enabled = lib.filterAttrs (_: storage: storage.enable or true);
  preservation = if config.preservation.enable or false then config.preservation.preserveAt else { };
  preserved = lib.concatMap (storage: map (entry: entry.directory) storage.directories or [ ])
    (builtins.attrValues preservation);

  # A path that a mount hides would be carried all the same, without use and with a false feeling of safety.
  mountsOver = mountpoint: path: builtins.filter
    (fs: fs.mountPoint != mountpoint && isWithin fs.mountPoint mountpoint && !(mounts.isOptional fs)
      && isWithin (join mountpoint path) fs.mountPoint)
    mounts.all;
  checkHidden = onEach (name: one: if one.mountpoint == null then [ ] else lib.concatMap
    (path: map
      (fs: refuse (ephemeral name)
        "the path \"${path}\" is on the file system mounted at ${fs.mountPoint}, and survives without being declared"
        "Remove it")
      (mountsOver one.mountpoint path)
    ++ map
      (dir: refuse (ephemeral name)
        "the path \"${path}\" is hidden by what preservation mounts at ${dir}"
        "Declare it in one place only")
      (builtins.filter (isWithin (join one.mountpoint path)) preserved))
    (keptOf one));

  # Neither on a file system of its own nor declared.
  isLost = path:
    let
      fs = mounts.holderOf path;
      isKept = one: lib.any (kept: isWithin path (join one.mountpoint kept)) (keptOf one);
    in
    fs != null && !(lib.any (isWithin path) preserved)
    && lib.any (one: one.mountpoint == fs.mountPoint && !(isKept one)) (builtins.attrValues settings.ephemeral);

  grub = config.boot.loader.grub;
  checkLost = [
    (refuseIf (isLost "/nix/store") module
      "/nix/store is in an ephemeral subvolume, and the next boot would find no system"
      "Put /nix on a subvolume of its own, or declare it: paths.\"/nix\".method = \"subvolume\"")
  ] ++ map
    ({ path, ... }: refuseIf (grub.enable && isLost path) module
      "${path}, where GRUB has its menu, is in an ephemeral subvolume, and would be as old as the blank"
      "Put it on a file system of its own, ${fileSystem path}, or declare it in persist")
    grub.mirroredBoots;

  # --- what has to be mounted in the initrd ---

  storages = lib.mapAttrsToList (name: storage: storage.persistentStoragePath or name)
    (enabled (config.environment.persistence or { }) // preservation);
  checkHolder = what: path:
    let holder = mounts.holderOf path; in
    refuseIf (holder != null && !(mounts.isEarly holder)) (fileSystem holder.mountPoint)
      "${what} needs \"${path}\" in the initrd, but it is mounted later"
      "Set ${fileSystem holder.mountPoint}.neededForBoot = true";
  checkEarly = map (checkHolder "the persistent storage") storages ++ map
    (fs: checkHolder "the bind mount at ${fs.mountPoint}" fs.device)
    (builtins.filter (fs: mounts.isEarly fs && mounts.isBind fs && fs.device != null) mounts.all);

  # --- warnings ---

  # Swap with a random key cannot hold an image.
  canSleep = config.boot.resumeDevice != ""
    || lib.any (swap: !(swap.randomEncryption.enable or false)) config.swapDevices;
  makesUsers = !(config.services.userborn.enable or false) && !(config.systemd.sysusers.enable or false);

  warnGeneral = warnIf (!resumeIsAwaited && canSleep) module
    ("this NixOS has no boot.initrd.postResumeCommands, so that the reset comes before a resume from hibernation. "
      + "A waiting image is noticed, and there is no reset then")
    "Do without hibernation to be sure of it, for instance with swapDevices.*.randomEncryption"
  ++ warnIf (makesUsers && isLost "/var/lib/nixos") module
    ("/var/lib/nixos does not survive a boot, so that users and groups without fixed numbers may get other ones, "
      + "and with them other people's files")
    "Add it to persist, or put it on a file system of its own";

  warnMount = name: one: warnIf (one.mountpoint == null) (ephemeral name)
    "no file system in fileSystems, or more than one, mounts the subvolume, so that nothing about it can be checked"
    "Set mountpoint, or the mount option \"subvol=${name}\"";

  hasUsers = one: lib.all (file: lib.any (isWithin file) (keptOf one)) [ "/etc/passwd" "/etc/group" ];
  warnOwners = name: one: lib.concatLists (lib.mapAttrsToList
    (path: { owner, ... }: warnIf (owner != null && owners.numberOf owner == null && !(hasUsers one))
      "${ephemeral name}.paths.\"${path}\".owner"
      "\"${owner}\" has no fixed number, and without an /etc/passwd in the blank that knows it there is no reset"
      "Set users.users.<name>.uid and users.groups.<name>.gid, or give numbers")
    one.paths);
in
{
  assertions = checkShape ++ checkDropIns ++ checkNames ++ checkPersist
    ++ onEach checkMount ++ checkHidden ++ checkLost ++ checkEarly;
  warnings = warnGeneral ++ onEach warnMount ++ onEach warnOwners;
}
