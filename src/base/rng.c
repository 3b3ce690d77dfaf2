/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void rng_init(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

void rng_bytes(struct rng *r, void *bytes, size_t len)
{
	uint8_t *p = bytes;

	while (len) {
		uint64_t word = rng_u64(r);
		size_t n = MIN_OF(len, sizeof(word));

		memcpy(p, &word, n);
		p += n;
		len -= n;
	}
}

uint64_t rng_fresh_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = clock_now_ns();
	return seed;
}

uint64_t rng_test_seed(const char *name)
{
	const char *text = getenv("SOFTDPU_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : rng_fresh_seed();

	fprintf(stderr, "# %s: SOFTDPU_SEED=%llu\n", name, (unsigned long long)seed);
	return seed;
}
