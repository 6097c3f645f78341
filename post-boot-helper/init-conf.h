/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the parts of the configuration that it writes. */
#ifndef BLANKROOT_INIT_CONF_H
#define BLANKROOT_INIT_CONF_H

#include "init.h"

#include <stdio.h>

/* Write all sections of a preset but the ephemeral ones, as far as they say something. Failures show in ferror. */
void init_put_policies(FILE *out, const struct br_config *preset);

#endif
