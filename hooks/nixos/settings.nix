# SPDX-License-Identifier: GPL-2.0-or-later
#
# The keys of blankroot.conf(5) as typed options: services.blankroot.settings. What is not said is not written, so
# that the defaults are those of the program.
#
# fileSystems: those of the system, for what can be derived from them.
{ lib, fileSystems }:

let
  inherit (lib) mkOption types;
  mounts = import ./mounts.nix { inherit lib fileSystems; };

  matches = pattern: text: builtins.match pattern text != null;
  isText = text: text != "" && matches "[^[:cntrl:]]*" text;

  # A path without a slash at its ends.
  isComponent = text: !(builtins.elem text [ "" "." ".." ]) && builtins.stringLength text <= 255;
  isNormal = path: isText path && lib.all isComponent (lib.splitString "/" path);
  isAbsolute = path: lib.hasPrefix "/" path && isNormal (lib.removePrefix "/" path);
  isSubvolume = path: isNormal path
    && !(builtins.elem (builtins.head (lib.splitString "/" path)) [ ".blankroot" "snapshots" ]);

  # A string of a kind; description goes behind "is not of type".
  stringThat = check: description: types.addCheck types.str check // { inherit description; };

  text = stringThat isText "non-empty string without control characters";
  subvolume = stringThat isSubvolume
    "path of a subvolume from the top level: no slash at its ends, no \"..\", not below .blankroot or snapshots";
  persistentPath = stringThat isAbsolute
    "absolute path below the subvolume's root: no slash at its end, no \".\", \"..\" or empty component";
  mountpoint = stringThat (path: path == "/" || isAbsolute path)
    "absolute path: no slash at its end, no \".\", \"..\" or empty component";
  device = stringThat
    (spec: isText spec && matches "((PART)?(UUID|LABEL)=.+|/.+)" spec)
    "device: UUID=, LABEL=, PARTUUID=, PARTLABEL= or an absolute path";
  mode = stringThat (matches "0?[0-7]{3,4}") "octal mode such as \"0750\"";
  interval = stringThat
    (length: matches "([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m(in)?)?([0-9]+s)?" length
      && matches ".*[1-9].*" length)
    "length of time such as \"30d\", \"12h\" or \"1d12h\"";
  share = stringThat (matches "0*(100([.]0+)?|[0-9]{1,2}([.][0-9]+)?)%") "share from \"0%\" to \"100%\"";
  owner = stringThat
    (text: text != ":" && isText text && matches "[^:/[:space:]]*(:[^:/[:space:]]*)?" text)
    "owner: \"user:group\", names or numbers";
  commandLine = types.addCheck
    (types.listOf (stringThat (matches "[^[:cntrl:]]*") "string without control characters"))
    (words: words == [ ] || builtins.isString (builtins.head words) && lib.hasPrefix "/" (builtins.head words))
  // { description = "list of a program's absolute path and its arguments"; };

  # A key that need not be given.
  key = type: description: mkOption {
    type = types.nullOr type;
    default = null;
    inherit description;
  };

  # A section with the same keys for all.
  section = options: description: mkOption {
    type = types.submodule { inherit options; };
    default = { };
    inherit description;
  };

  path.options = {
    method = key (types.enum [ "copy" "subvolume" ]) ''
      How the path is carried. `copy` (the default): the tree is made anew and shares its data with the old one.
      `subvolume`: the path is a subvolume and is carried by a snapshot, in constant time.
    '';
    create = key (types.enum [ "no" "directory" "file" ])
      "What to make if neither the old root nor the blank has the path. Default: `no`.";
    owner = key owner ''
      Owner of what `create` makes, and only for that. A user and a group to whom `users.users` and
      `users.groups` give fixed numbers are written as numbers. Other names are looked up in the /etc/passwd of
      the new root, which a blank NixOS root does not have. Default: `root:root`.
    '';
    mode = key mode "Mode of what `create` makes, and only for that. Default: `0755` for a directory, `0644` for a file.";
  };

  ephemeral = { name, ... }: {
    options = {
      blank = key subvolume "Read-only subvolume that it is made from. Default: the name with `-blank` appended.";
      blankChanged = key (types.enum [ "warn" "refuse" ])
        "What to do when the blank is not what it was at the last reset. Default: `warn`.";
      archive = key subvolume ''
        Directory, from the top level, where the old ones are kept; `none`: they are not kept. Default: `old_roots`.
      '';
      mountpoint = mkOption {
        type = types.nullOr mountpoint;
        default = mounts.mountpointOf name;
        defaultText = lib.literalMD "where `fileSystems` mounts it";
        description = "Where the running system mounts it.";
      };
      persist = mkOption {
        type = types.listOf persistentPath;
        default = [ ];
        example = [ "/etc/machine-id" "/etc/ssh" "/var/lib/nixos" ];
        description = "Persistent paths, as seen from the root of the subvolume. They are carried with method `copy`.";
      };
      paths = mkOption {
        type = types.attrsOf (types.submodule path);
        default = { };
        example = { "/var/lib/postgresql".method = "subvolume"; };
        description = "Persistent paths with options. They are carried after those of `persist`, sorted by name.";
      };
      onFailure = mkOption {
        type = types.enum [ "continue" "stop" ];
        default = "continue";
        description = ''
          What the boot does when there was no reset. `continue`: boot the old root, which is unchanged. `stop`: do
          not boot, give the administrator a shell; one with systemd needs `boot.initrd.systemd.emergencyAccess`.
        '';
      };
    };
  };

  count = key types.ints.u32;
  snapshotCount = period: count "Number of snapshots to keep, one for each ${period}.";
  hook = description: mkOption {
    type = commandLine;
    default = [ ];
    example = [ "/run/current-system/sw/bin/systemctl" "reload" "database.service" ];
    inherit description;
  };
  directories = description: mkOption {
    type = types.listOf persistentPath;
    default = [ ];
    inherit description;
  };
  howOften = what: key text ''
    When to ${what}, again and again: a length of time such as `6h`, a word such as `daily`, or a calendar expression
    of systemd.time(7). It is checked when the file is built.
  '';
in
{ config, ... }: {
  options = {
    device = mkOption {
      type = types.nullOr device;
      default = mounts.deviceOf (lib.mapAttrsToList (_: one: one.mountpoint) config.ephemeral);
      defaultText = lib.literalMD "the device of the ephemeral root in `fileSystems`";
      description = "The file system with the ephemeral subvolumes.";
    };
    degraded = key (types.enum [ "no" "yes" ]) ''
      Whether the file system is used while some of its devices are missing, after the wait for them. The system
      needs `rootflags=degraded` in `boot.kernelParams`, too. Default: `no`.
    '';
    ephemeral = mkOption {
      type = types.attrsOf (types.submodule ephemeral);
      default = { };
      example = { root.persist = [ "/etc/machine-id" "/var/lib/nixos" ]; };
      description = "Subvolumes that are replaced at every boot, by their paths from the top level.";
    };
    archives = section {
      keep = key interval "How long an archive is kept, counted from the boot that made it. Default: `30d`.";
      keepMin = count "Archives that each subvolume keeps, whatever their age and size. Default: 3.";
      maxOverhead = key share "Share of the used space that archives alone may hold. Default: `15%`.";
      minFree = key share "Share of the file system that shall be free. Default: `5%`.";
    } "How long archives are kept.";
    snapshots = section {
      subvolumes = mkOption {
        type = types.listOf subvolume;
        default = [ ];
        description = "Persistent subvolumes to take snapshots of.";
      };
      every = howOften "take them";
      keep = key interval "How long to keep them.";
      hourly = snapshotCount "hour";
      daily = snapshotCount "day";
      weekly = snapshotCount "week";
      monthly = snapshotCount "month";
      yearly = snapshotCount "year";
      onlyIfChanged = key (types.enum [ "no" "yes" ])
        "Whether to leave out subvolumes that are as they were when the last snapshot was taken. Default: `no`.";
      before = hook ''
        Program and arguments to run before a snapshot, to quiesce a database for instance. Unless it succeeds, no
        snapshot is taken.
      '';
      after = hook "Program and arguments to run after a snapshot, also when it failed.";
      hookTimeout = key interval "How long each of them may take. Default: `60s`.";
    } "Snapshots in the running system.";
    performance = section {
      mode = key (types.enum [ "none" "balanced" "io-optimized" "space-optimized" ]) ''
        What `blankroot tune` sets at each boot. Default: `none`, which changes nothing.
      '';
      nodatacow = directories ''
        Directories whose new files are not copied on write, and have neither checksums nor compression. If none is
        given, those of databases and disk images that the mode knows.
      '';
      compress = directories "Directories whose new files are compressed. If none is given, those that the mode knows.";
      set = mkOption {
        type = types.attrsOf (types.either types.int text);
        default = { };
        example = { "vm.swappiness" = 10; "mount.commit" = "keep"; };
        description = ''
          Knobs that get another value than the mode gives them, or `keep`; blankroot.conf(5) lists them. They are
          checked when the file is built.
        '';
      };
    } "What to optimise for.";
    maintenance = section {
      scrub = howOften "scrub";
      balance = howOften "balance";
      trim = howOften "trim";
    } "Maintenance of the file system. What is not said is not done.";
    metrics = section {
      directory = key mountpoint ''
        Directory of node_exporter's textfile collector, to which `blankroot-metrics.service` writes; it is made if it is
        not there. Say the same to `services.prometheus.exporters.node.extraFlags`, with
        `--collector.textfile.directory=`.
      '';
      every = howOften "write the metrics and look at the alerts";
      maxUsed = key share "Share of the file system that may be used without an alert. Default: `85%`.";
      onAlert = hook "Program and arguments to run when an alert begins, and when it ends.";
      hookTimeout = key interval "How long it may take. Default: `60s`.";
    } "Metrics for Prometheus, and alerts. Nothing is written, and no alert looked at, without `directory` or `onAlert`.";
  };
}
