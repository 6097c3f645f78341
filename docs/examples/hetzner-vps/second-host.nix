# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same server without a database: what differs, and nothing else.
{
  imports = [ ./configuration.nix ];

  networking.hostName = "web1";
  services.postgresql.enable = false;
  services.blankroot.settings = {
    performance.mode = "balanced";
    snapshots.every = "12h";
  };
}
