# SPDX-License-Identifier: GPL-2.0-or-later
#
# Settings with every option, each with a value of its own that the program takes.
{
  device = "LABEL=everything";
  degraded = "yes";
  ephemeral.root = {
    blank = "blanks/root";
    blankChanged = "refuse";
    archive = "archives/root";
    mountpoint = "/";
    persist = [ "/etc/machine-id" "/var/lib/nixos" ];
    paths."/srv/data" = {
      method = "subvolume";
      create = "directory";
      owner = "71:72";
      mode = "0750";
    };
    onFailure = "stop";
  };
  archives = { keep = "31d"; keepMin = 4; maxOverhead = "16%"; minFree = "6%"; };
  snapshots = {
    subvolumes = [ "persist" "services" ];
    every = "7h";
    keep = "32d";
    hourly = 24;
    daily = 7;
    weekly = 5;
    monthly = 12;
    yearly = 2;
    onlyIfChanged = "yes";
    before = [ "/run/quiesce" "a b" "" ];
    after = [ "/run/resume" ];
    hookTimeout = "2m";
  };
  performance = {
    mode = "io-optimized";
    nodatacow = [ "/var/lib/db" ];
    compress = [ "/var/log" "/srv/text" ];
    set = { "vm.swappiness" = 5; "mount.commit" = "keep"; };
  };
  maintenance = { scrub = "monthly"; balance = "weekly"; trim = "daily"; };
  metrics = {
    directory = "/var/lib/node-exporter";
    every = "10m";
    maxUsed = "90%";
    onAlert = [ "/run/alert" "--to" "me" ];
    hookTimeout = "30s";
  };
}
