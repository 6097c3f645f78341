# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mistakes that can be told while the configuration is evaluated: what is wrong, where, and what to do about it. What
# concerns blankroot.conf alone, the build of the file tells.
{ lib, config, settings, owners, resumeIsAwaited }:

let
  mounts = import ./mounts.nix { inherit lib; inherit (config) fileSystems; };
  inherit (mounts) isWithin;

  prefix = "services.blankroot.settings";
  refuse = message: { assertion = false; inherit message; };
  refuseIf = condition: message: { assertion = !condition; inherit message; };
  onEach = check: lib.concatLists (lib.mapAttrsToList check settings.ephemeral);

  keptOf = one: one.persist ++ builtins.attrNames one.paths;
  join = dir: path: if dir == "/" then path else dir + path;
  quoteAll = lib.concatMapStringsSep ", " (text: "\"${text}\"");
  hasControl = text: builtins.match "[^[:cntrl:]]*" text == null;

  # --- the configuration as such ---

  checkShape = [
    (refuseIf (settings.ephemeral == { })
      "${prefix}.ephemeral: no ephemeral subvolume is declared. Declare one, for instance ephemeral.root.")
    (refuseIf (settings.device == null)
      "${prefix}.device: the file system is not known, because no file system in fileSystems mounts an ephemeral subvolume. Set it to what holds them.")
    (refuseIf (!(config.boot.initrd.enable or true))
      "services.blankroot: boot.initrd.enable is false, so that there is nothing to do the reset in. Enable it.")
  ];

  isSubvolume = name: !(lib.any (component: builtins.elem component [ "" "." ".." ]) (lib.splitString "/" name));
  checkNames = onEach (name: one: [
    (refuseIf (hasControl name || !isSubvolume name)
      "${prefix}.ephemeral: \"${name}\" is no path of a subvolume. Write it from the top level, without a slash at its ends and without \"..\".")
  ] ++ map
    (path: refuseIf (hasControl path || !(lib.hasPrefix "/" path) || !isSubvolume (lib.removePrefix "/" path))
      "${prefix}.ephemeral.${name}.paths: \"${path}\" is no absolute path. Write it as seen from the root of the subvolume, without a slash at its end and without \"..\".")
    (builtins.attrNames one.paths));

  # Of the paths after the first, those that are inside it or around it.
  conflictsWith = path: builtins.filter (other: isWithin other path || isWithin path other);
  conflicts = paths: if paths == [ ] then [ ] else
    let first = builtins.head paths; rest = builtins.tail paths; in
    map (other: { inherit first other; }) (conflictsWith first rest) ++ conflicts rest;
  checkPersist = onEach (name: one: map
    ({ first, other }:
      let
        isInner = isWithin first other;
        inner = if isInner then first else other;
        outer = if isInner then other else first;
      in
      refuse (if first == other
      then "${prefix}.ephemeral.${name}: the path \"${first}\" is declared twice, in persist or in paths. Remove one of them."
      else "${prefix}.ephemeral.${name}: the path \"${inner}\" is inside \"${outer}\", and carried with it. Remove the former."))
    (conflicts (keptOf one)));

  # --- where the ephemeral subvolumes are mounted ---

  checkMount = name: one:
    let
      fs = mounts.at one.mountpoint;
      where = "fileSystems.\"${one.mountpoint}\"";
      device = mounts.device fs;
      found = mounts.subvolumesOf fs;
    in
    if one.mountpoint == null then [ ]
    else if fs == null then [
      (refuse "${prefix}.ephemeral.${name}.mountpoint is \"${one.mountpoint}\", but there is no ${where}. Declare it, with the option \"subvol=${name}\", or correct the mountpoint.")
    ]
    else if fs.fsType != "btrfs" then [
      (refuse "${where}.fsType is \"${fs.fsType}\", but the ephemeral subvolume \"${name}\" needs a btrfs. Set it to \"btrfs\", if it is one.")
    ]
    else [
      (refuseIf (mounts.isPinned fs)
        "${where}.options has subvolid=, which stays with the old subvolume when \"${name}\" is replaced. Remove it, and mount by name: \"subvol=${name}\".")
      (refuseIf (found != [ name ])
        "${where}.options ${if found == [ ] then "has no subvol=" else "mounts ${quoteAll found}"}, so that the reset of \"${name}\" would not be seen. Set \"subvol=${name}\".")
      (refuseIf (settings.device != null && device != null && mounts.normalDevice device != mounts.normalDevice settings.device)
        "${prefix}.device is \"${toString settings.device}\", but ${where}.device is \"${toString device}\". Remove the former, or write the same in both.")
    ];

  # --- what is lost, or hidden ---

  # impermanence makes fileSystems of its directories, preservation makes units.
  enabled = lib.filterAttrs (_: storage: storage.enable or true);
  preservation = if config.preservation.enable or false then config.preservation.preserveAt else { };
  preserved = lib.concatMap (storage: map (entry: entry.directory) storage.directories or [ ])
    (builtins.attrValues preservation);

  # A path that is hidden by a mount would be carried all the same, without use and with a false feeling of safety.
  hidingOf = mountpoint: path: builtins.filter
    (fs: fs.mountPoint != mountpoint && isWithin fs.mountPoint mountpoint
      && isWithin (join mountpoint path) fs.mountPoint && !(mounts.isOptional fs))
    mounts.all;
  checkHidden = onEach (name: one: if one.mountpoint == null then [ ] else lib.concatMap
    (path: map
      (fs: refuse "${prefix}.ephemeral.${name}: the path \"${path}\" is on the file system mounted at ${fs.mountPoint}, not in the subvolume, and survives without being declared. Remove it.")
      (hidingOf one.mountpoint path)
    ++ map
      (dir: refuse "${prefix}.ephemeral.${name}: the path \"${path}\" is hidden by what preservation mounts at ${dir}. Declare it in one place only.")
      (builtins.filter (isWithin (join one.mountpoint path)) preserved))
    (keptOf one));

  ephemeralAt = mountpoint: builtins.filter (one: one.mountpoint == mountpoint) (builtins.attrValues settings.ephemeral);
  # Neither on a file system of its own nor declared.
  isLost = path:
    let fs = mounts.holderOf path; in
    fs != null && !(lib.any (isWithin path) preserved) && lib.any
      (one: !(lib.any (kept: isWithin path (join one.mountpoint kept)) (keptOf one)))
      (ephemeralAt fs.mountPoint);

  # mirroredBoots has no value where GRUB is not installed anywhere.
  grubPaths = if config.boot.loader.grub.enable or false
    then map (boot: boot.path) (config.boot.loader.grub.mirroredBoots or [ ]) else [ ];
  checkLost = [
    (refuseIf (isLost "/nix/store")
      "services.blankroot: /nix/store is in an ephemeral subvolume, and the next boot would find no system. Put /nix into a subvolume of its own, fileSystems.\"/nix\", or declare it: paths.\"/nix\".method = \"subvolume\".")
  ] ++ map
    (path: refuseIf (isLost path)
      "services.blankroot: ${path}, where GRUB has its menu, is in an ephemeral subvolume, and would be as old as the blank. Put it on a file system of its own, fileSystems.\"${path}\", or declare it in persist.")
    grubPaths;

  # --- what has to be mounted in the initrd ---

  storages = lib.mapAttrsToList (name: storage: storage.persistentStoragePath or name)
    (enabled (config.environment.persistence or { }) // preservation);
  checkHolder = what: path:
    let holder = mounts.holderOf path; in
    refuseIf (holder != null && !(mounts.isEarly holder))
      "${what} needs \"${path}\" in the initrd, but fileSystems.\"${holder.mountPoint}\" is mounted later. Set fileSystems.\"${holder.mountPoint}\".neededForBoot = true.";
  checkEarly = map (checkHolder "The persistent storage") storages ++ map
    (fs: checkHolder "The bind mount fileSystems.\"${fs.mountPoint}\"" fs.device)
    (builtins.filter (fs: mounts.isEarly fs && mounts.isBind fs && fs.device != null) mounts.all);

  # --- warnings ---

  # Those with a random key cannot hold an image.
  swapsThatKeep = builtins.filter (swap: !(swap.randomEncryption.enable or false)) config.swapDevices;
  isSleeper = config.boot.resumeDevice != "" || swapsThatKeep != [ ];

  unresolved = onEach (name: one: lib.concatLists (lib.mapAttrsToList
    (path: { owner, create, ... }: lib.optional
      (owner != null && !(builtins.elem create [ null "no" ]) && owners.numberOf owner == null
        && !(lib.all (file: lib.any (isWithin file) (keptOf one)) [ "/etc/passwd" "/etc/group" ]))
      "${prefix}.ephemeral.${name}.paths.\"${path}\".owner: \"${owner}\" has no fixed number, and the blank needs an /etc/passwd that knows it, or there is no reset. Set users.users.<name>.uid and users.groups.<name>.gid, or give numbers.")
    one.paths));

  unmounted = onEach (name: one: lib.optional (one.mountpoint == null)
    "${prefix}.ephemeral.${name}: no file system in fileSystems, or more than one, mounts the subvolume \"${name}\", so that nothing about it can be checked. Set mountpoint, or the mount option \"subvol=${name}\".");

  makesUsers = !(config.services.userborn.enable or false) && !(config.systemd.sysusers.enable or false);
in
{
  assertions = checkShape ++ checkNames ++ checkPersist ++ onEach checkMount ++ checkHidden ++ checkLost ++ checkEarly;
  warnings = unmounted ++ unresolved
    ++ lib.optional (!resumeIsAwaited && isSleeper)
    "services.blankroot: this version of NixOS has no boot.initrd.postResumeCommands, so that the reset comes before a resume from hibernation. A waiting image is noticed, and there is no reset then; do without hibernation to be sure of it, for instance with swapDevices.*.randomEncryption."
    ++ lib.optional (makesUsers && isLost "/var/lib/nixos")
    "services.blankroot: /var/lib/nixos does not survive a boot, so that users and groups without fixed numbers may get other ones, and with them other people's files. Add it to persist, or put it on a file system of its own.";
}
