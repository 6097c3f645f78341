/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generator known as SplitMix64. */
#include "random.h"

uint64_t random_next(struct random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

struct random random_start(uint64_t seed, uint64_t stream)
{
	struct random random = { .state = seed };

	random.state = random_next(&random) ^ stream * 0xd1342543de82ef95ULL;
	(void)random_next(&random);
	return random;
}

size_t random_below(struct random *random, size_t limit)
{
	return (size_t)(random_next(random) % limit); /* not quite even: does not matter here */
}

bool random_chance(struct random *random, unsigned percent)
{
	return random_below(random, 100) < percent;
}
