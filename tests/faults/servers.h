/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers whose resets make every system call that a reset can make. */
#ifndef FAULTS_SERVERS_H
#define FAULTS_SERVERS_H

#include "scenario.h"

#include <stddef.h>

extern const struct scenario servers[];
extern const size_t servers_count;

#endif
