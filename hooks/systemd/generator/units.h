/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The units that follow from a configuration. */
#ifndef BLANKROOT_GENERATOR_UNITS_H
#define BLANKROOT_GENERATOR_UNITS_H

#include "config.h"
#include "error.h"

#include <stdbool.h>

/* Where they go, and where what they say comes from. */
struct units {
	int dir;            /* the directory that systemd gave */
	const char *config; /* path of the configuration */
};

/*
 * Write the timers of everything that is to be done again and again, what the services need to know
 * about the configuration, and that the mode it names is applied at boot.
 *
 * refuse  called with what systemd would not take of a schedule: then there is no timer of it
 *
 * BR_ERR_CREATE, BR_ERR_WRITE, BR_ERR_NOMEM: some are missing.
 */
BR_MUST_CHECK int units_write(const struct units *units, const struct br_config *config,
			      void (*refuse)(const struct br_error *problem), struct br_error *err);

/*
 * Write a service that fails at boot with this message, which is its description too: that is what
 * systemctl --failed shows.
 *
 * self  path of this program: the service runs it with --fail MESSAGE
 *
 * Errors as above.
 */
BR_MUST_CHECK int units_write_failure(const struct units *units, const char *self,
				      const char *message, struct br_error *err);

#endif
