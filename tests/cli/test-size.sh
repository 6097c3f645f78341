#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The static program stays small: initramfs images are read by boot loaders, and kept by the dozen.
set -eu

limit=$((1280 * 1024))           # 1.25 MiB
limit_compressed=$((512 * 1024)) # zstd -19, as the image will be

size=$(stat -c %s "$BLANKROOT_INITRD")
compressed=$(zstd -q -19 -c "$BLANKROOT_INITRD" | wc -c)
printf '%-12s %8d of %8d bytes\n' file "$size" "$limit" compressed "$compressed" "$limit_compressed"
[ "$size" -le "$limit" ] && [ "$compressed" -le "$limit_compressed" ]
