/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's btrfs: built in, loaded, or to be loaded. */
#ifndef BR_MODULE_H
#define BR_MODULE_H

#include "error.h"

/*
 * Make sure that the kernel knows btrfs: nothing to do when /proc/filesystems lists it (without
 * /proc: when fsopen takes it); else load the module with libkmod, with all it depends on. Commands
 * that modprobe's configuration has for it are not run.
 *
 * Built WITH_KMOD=no it cannot load and says so (somebody else, such as the initramfs, must).
 * BR_ERR_MODULE: not found, or refused by the kernel; BR_ERR_NOMEM. Privilege: CAP_SYS_MODULE when
 * it loads.
 */
BR_MUST_CHECK int br_module_load_btrfs(struct br_error *err);

#endif
