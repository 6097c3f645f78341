#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Boots of images that the hook for mkinitcpio is in, with systemd.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/boot/lib/suite.sh
. tests/boot/lib/suite.sh

suite_run mkinitcpio-systemd
