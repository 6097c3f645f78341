/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of numbers other than zero: 16 bytes each at most, whatever their order. */
#ifndef BR_NUMBER_SET_H
#define BR_NUMBER_SET_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. Treat as opaque. */
struct br_number_set {
	uint64_t *places; /* 0: free */
	size_t capacity;  /* a power of two */
	size_t used;
};

/* Add a number. Returns 1 when it is new, 0 when it was there; BR_ERR_NOMEM, and the set is as it was. */
BR_MUST_CHECK int br_number_set_add(struct br_number_set *set, uint64_t number,
				    struct br_error *err);

/* Release. A zeroed set is fine. */
void br_number_set_free(struct br_number_set *set);

#endif
