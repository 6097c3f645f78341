# SPDX-License-Identifier: GPL-2.0-or-later
#
# Users' mistakes and what is said about each, told by a part of the message. A machine with nothing but that
# mistake: one message, no other. Evaluates to the cases that go wrong, with what was said.
with import ./eval.nix;

let
  root = more: settings { ephemeral.root = more; };
  fs = mountpoint: fs: { fileSystems.${mountpoint} = fs; };
  btrfs = subvolume: { device = disk; fsType = "btrfs"; options = [ "subvol=${subvolume}" ]; };
  preserve = more: { preservation = { enable = true; preserveAt."/persist" = more; }; };
  both = a: b: { imports = [ a b ]; };

  # release defaults to "systemd"; without refuses and warns, nothing is said.
  cases = {
    nothing = { module = { }; };

    # The configuration as such.
    none = {
      module = { services.blankroot.settings.ephemeral = lib.mkForce { }; };
      refuses = [ "no ephemeral subvolume is declared" "device: the file system is not known" ];
    };
    no-device = {
      module = settings { device = null; };
      refuses = [ "device: the file system is not known" ];
    };
    no-initrd = {
      module = { options.boot.initrd.enable = lib.mkOption { type = lib.types.bool; default = false; }; };
      refuses = [ "boot.initrd.enable is false" ];
    };
    initrd = { module = { options.boot.initrd.enable = lib.mkOption { type = lib.types.bool; default = true; }; }; };
    drop-in = {
      module = { environment.etc."blankroot.conf.d/a.conf".text = ""; };
      refuses = [ "environment.etc.\"blankroot.conf.d/a.conf\": it does not reach the initrd" ];
    };
    name-with-slash = {
      module = both (settings { ephemeral."/cache".mountpoint = "/var/cache"; }) (fs "/var/cache" (btrfs "/cache"));
      refuses = [ "\"/cache\" is no path of a subvolume" "they mount \"cache\"" ];
    };
    name-with-newline = {
      module = both (settings { ephemeral."a\nb".mountpoint = "/c"; }) (fs "/c" (btrfs "a\nb"));
      refuses = [ "is no path of a subvolume" ];
    };
    path-relative = { module = root { paths."etc/ssh" = { }; }; refuses = [ "\"etc/ssh\" is no absolute path" ]; };
    path-dots = { module = root { paths."/etc/../ssh" = { }; }; refuses = [ "\"/etc/../ssh\" is no absolute path" ]; };
    path-root = { module = root { persist = lib.mkForce [ ]; paths."/" = { }; }; refuses = [ "\"/\" is no absolute path" ]; };
    path-newline = { module = root { paths."/a\nb" = { }; }; refuses = [ "is no absolute path" ]; };
    twice = {
      module = root { persist = [ "/etc/ssh" "/etc/ssh" ]; };
      refuses = [ "the path \"/etc/ssh\" is declared twice" ];
    };
    twice-in-both = {
      module = root { persist = [ "/etc/ssh" ]; paths."/etc/ssh" = { }; };
      refuses = [ "the path \"/etc/ssh\" is declared twice" ];
    };
    nested = {
      module = root { persist = [ "/var/lib" ]; };
      refuses = [ "the path \"/var/lib/nixos\" is inside \"/var/lib\"" ];
    };
    nested-other-way = {
      module = root { persist = [ "/srv" ]; paths."/srv/a" = { }; };
      refuses = [ "the path \"/srv/a\" is inside \"/srv\"" ];
    };
    not-nested = { module = root { persist = [ "/srv" "/srv2" ]; }; };
    alike-in-two = {
      module = both (settings { ephemeral.cache = { persist = [ "/etc/machine-id" ]; }; }) (fs "/var/cache" (btrfs "cache"));
    };

    # Where they are mounted.
    no-mount = {
      module = settings { ephemeral.cache.mountpoint = "/var/cache"; };
      refuses = [ "mountpoint: it is \"/var/cache\", but there is no fileSystems.\"/var/cache\"" ];
    };
    not-btrfs = {
      module = both (fs "/" { fsType = lib.mkForce "ext4"; }) (root { mountpoint = "/"; });
      refuses = [ "fileSystems.\"/\".fsType: it is \"ext4\"" ];
    };
    pinned = { module = fs "/" { options = [ "subvolid=256" ]; }; refuses = [ "fileSystems.\"/\".options: subvolid=" ]; };
    no-subvol = {
      module = both (fs "/" { options = lib.mkForce [ "noatime" ]; }) (root { mountpoint = "/"; });
      refuses = [ "fileSystems.\"/\".options: there is no subvol=" ];
    };
    other-subvol = {
      module = both (fs "/" { options = lib.mkForce [ "subvol=@" ]; }) (root { mountpoint = "/"; });
      refuses = [ "fileSystems.\"/\".options: they mount \"@\"" ];
    };
    subvol-with-slash = { module = fs "/" { options = lib.mkForce [ "noatime,subvol=/root" ]; }; };
    subvol-twice = { module = fs "/" { options = [ "subvol=root" ]; }; };
    subvol-twice-unlike = {
      module = both (fs "/" { options = [ "subvol=nix" ]; }) (root { mountpoint = "/"; });
      refuses = [ "fileSystems.\"/\".options: they mount \"root\", \"nix\"" ];
    };
    other-device = {
      module = settings { device = "UUID=11111111-2222-3333-4444-555555555555"; };
      refuses = [ "device: it is \"UUID=11111111-2222-3333-4444-555555555555\", but fileSystems.\"/\".device is" ];
    };
    same-device = { module = settings { device = "UUID=6d4be962-c34d-49b3-bfe4-402587c71ce5"; }; };
    by-label = {
      module = both (fs "/" { device = lib.mkForce null; label = "system"; }) (settings { device = "LABEL=system"; });
    };
    mapper = { module = fs "/" { device = lib.mkForce "/dev/mapper/crypted"; }; };
    not-mounted = {
      module = settings { ephemeral.cache = { }; };
      warns = [ "ephemeral.cache: no file system in fileSystems, or more than one, mounts the subvolume," ];
    };

    # What is hidden, or lost.
    hidden = {
      module = both (root { persist = [ "/var/log/journal" ]; }) (fs "/var/log" (btrfs "log"));
      refuses = [ "the path \"/var/log/journal\" is on the file system mounted at /var/log" ];
    };
    hidden-itself = {
      module = both (root { paths."/var/log" = { }; }) (fs "/var/log" (btrfs "log"));
      refuses = [ "the path \"/var/log\" is on the file system mounted at /var/log" ];
    };
    hidden-in-another = {
      module = {
        imports = [ (settings { ephemeral.cache.persist = [ "/a/b" ]; }) (fs "/var/cache" (btrfs "cache")) (fs "/var/cache/a" (btrfs "a")) ];
      };
      refuses = [ "ephemeral.cache: the path \"/a/b\" is on the file system mounted at /var/cache/a" ];
    };
    above-a-mount = { module = both (root { persist = [ "/var/log" ]; }) (fs "/var/log/journal" (btrfs "journal")); };
    beside-a-mount = { module = both (root { persist = [ "/var/log2" ]; }) (fs "/var/log" (btrfs "log")); };
    automounted = {
      module = both (root { persist = [ "/srv" ]; }) (fs "/srv" { device = "x"; fsType = "nfs"; options = [ "noauto" "x-systemd.automount" ]; });
      refuses = [ "the path \"/srv\" is on the file system mounted at /srv" ];
    };
    not-automatic = { module = both (root { persist = [ "/srv" ]; }) (fs "/srv" { device = "x"; fsType = "nfs"; options = [ "noauto" ]; }); };
    no-store = {
      module = { fileSystems = lib.mkForce { "/" = btrfs "root"; }; };
      refuses = [ "/nix/store is in an ephemeral subvolume" ];
    };
    store-of-its-own = { module = { fileSystems = lib.mkForce { "/" = btrfs "root"; "/nix/store" = btrfs "store"; }; }; };
    store-kept = {
      module = both { fileSystems = lib.mkForce { "/" = btrfs "root"; }; } (root { paths."/nix".method = "subvolume"; });
    };
    grub-lost = {
      module = { boot.loader.grub = { enable = true; mirroredBoots = [ { path = "/boot"; } { path = "/boot2"; } ]; }; };
      refuses = [ "/boot2, where GRUB has its menu" ];
    };
    grub-kept = {
      module = both (root { persist = [ "/boot2" ]; }) { boot.loader.grub = { enable = true; mirroredBoots = [ { path = "/boot2"; } ]; }; };
    };
    grub-off = { module = { boot.loader.grub.mirroredBoots = [ { path = "/boot2"; } ]; }; };

    # What has to be there early.
    bind-too-late = {
      module = both (fs "/persist" (btrfs "persist"))
        (fs "/var/log" { device = "/persist/log"; fsType = "none"; options = [ "bind" ]; });
      refuses = [ "fileSystems.\"/persist\": the bind mount at /var/log needs \"/persist/log\" in the initrd" ];
    };
    bind-in-time = {
      module = both (fs "/persist" (btrfs "persist" // { neededForBoot = true; }))
        (fs "/var/log" { device = "/persist/log"; fsType = "none"; options = [ "bind" ]; });
    };
    bind-not-early = {
      module = both (fs "/persist" (btrfs "persist"))
        (fs "/srv" { device = "/persist/srv"; fsType = "none"; options = [ "bind" ]; });
    };
    impermanence = {
      module = both (fs "/persist" (btrfs "persist")) { environment.persistence."/persist".files = [ "/etc/machine-id" ]; };
      refuses = [ "the persistent storage needs \"/persist\" in the initrd" ];
    };
    impermanence-in-time = {
      module = both (fs "/persist" (btrfs "persist" // { neededForBoot = true; })) { environment.persistence."/persist" = { }; };
    };
    impermanence-elsewhere = {
      module = both (fs "/persist" (btrfs "persist")) { environment.persistence.main.persistentStoragePath = "/persist/main"; };
      refuses = [ "the persistent storage needs \"/persist/main\" in the initrd" ];
    };
    impermanence-off = {
      module = both (fs "/persist" (btrfs "persist")) { environment.persistence."/persist".enable = false; };
    };
    preservation = {
      module = both (fs "/persist" (btrfs "persist")) (preserve { });
      refuses = [ "the persistent storage needs \"/persist\" in the initrd" ];
    };
    preservation-off = {
      module = { imports = [ (fs "/persist" (btrfs "persist")) (preserve { }) { preservation.enable = lib.mkForce false; } ]; };
    };
    preserved = {
      module = both (preserve { directories = [ { directory = "/var/lib/nixos"; } ]; }) (root { persist = lib.mkForce [ ]; });
    };
    preserved-twice = {
      module = preserve { directories = [ { directory = "/var/lib"; } ]; };
      refuses = [ "the path \"/var/lib/nixos\" is hidden by what preservation mounts at /var/lib" ];
    };

    # Hibernation.
    sleeper = { release = "old"; module = { boot.resumeDevice = "/dev/vda3"; }; warns = [ "no boot.initrd.postResumeCommands" ]; };
    swap = { release = "old"; module = { swapDevices = [ { device = "/dev/vda3"; } ]; }; warns = [ "no boot.initrd.postResumeCommands" ]; };
    random-swap = { release = "old"; module = { swapDevices = [ { device = "/dev/vda3"; randomEncryption.enable = true; } ]; }; };
    sleeper-scripted = { release = "scripted"; module = { boot.resumeDevice = "/dev/vda3"; }; };
    sleeper-systemd = { module = { boot.resumeDevice = "/dev/vda3"; }; };

    # Users.
    lost-numbers = { module = root { persist = lib.mkForce [ "/etc/machine-id" ]; }; warns = [ "/var/lib/nixos does not survive" ]; };
    lost-numbers-userborn = {
      module = both (root { persist = lib.mkForce [ ]; }) { services.userborn.enable = true; };
    };
    numbers-elsewhere = { module = both (root { persist = lib.mkForce [ ]; }) (fs "/var/lib" (btrfs "lib")); };
    unknown-owner = {
      module = root { paths."/srv" = { create = "directory"; owner = "web"; }; };
      warns = [ "paths.\"/srv\".owner: \"web\" has no fixed number" ];
    };
    kept-owner = {
      module = root { persist = [ "/etc/passwd" "/etc/group" ]; paths."/srv" = { create = "directory"; owner = "web"; }; };
    };
    known-owner = { module = root { paths."/srv" = { create = "directory"; owner = "root"; }; }; };
  };

  contains = text: part: builtins.replaceStrings [ part ] [ "" ] text != text;
  agree = said: expected: builtins.length said == builtins.length expected
    && builtins.all (part: builtins.any (text: contains text part) said) expected;

  results = builtins.mapAttrs
    (_: { module, release ? "systemd", refuses ? [ ], warns ? [ ] }:
      let config = on release module; in {
        refusals = refusals config;
        inherit (config) warnings;
        right = agree (refusals config) refuses && agree config.warnings warns;
      })
    cases;
in
{
  count = builtins.length (builtins.attrNames cases);
  wrong = removeAttrs results (builtins.filter (name: results.${name}.right) (builtins.attrNames results));
}
