/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other main of a fuzz target: give it every file of its corpus directory, and seeded mutations of
 * each (cut, flipped, doubled, spliced), so that `make check` exercises parsers without clang. Not a
 * fuzzer: it has no feedback. usage: fuzz_x DIRECTORY
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

#define INPUT_MAX 65536u
#define MUTATIONS 300u
#define BUDGET_NS (3 * NS_PER_SEC) /* for all mutations together */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t seed[INPUT_MAX], input[INPUT_MAX];

static size_t read_file(const char *dir, const char *name)
{
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f) {
		printf("Bail out! cannot open %s\n", path);
		exit(1);
	}
	n = fread(seed, 1, sizeof(seed), f);
	fclose(f);
	return n;
}

/* An exact-size heap copy, so that a sanitizer sees a read one byte beyond. */
static void run(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static size_t mutate(struct rng *r, size_t n)
{
	memcpy(input, seed, n);
	for (uint64_t times = 1 + rng_below(r, 4); times && n; times--) {
		size_t at = rng_below(r, n), len = rng_below(r, n - at) + 1;

		switch (rng_below(r, 5)) {
		case 0:
			input[at] ^= (uint8_t)(1u << rng_below(r, 8));
			break;
		case 1:
			input[at] = (uint8_t)rng_u64(r);
			break;
		case 2:
			n = at + 1;
			break;
		case 3:
			memmove(input + at, input + at + len, n - at - len);
			n -= len;
			break;
		default:
			len = MIN_OF(len, INPUT_MAX - n);
			memmove(input + at + len, input + at, n - at);
			n += len;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t end = clock_now_ns() + BUDGET_NS;
	struct dirent *e;
	unsigned files = 0, mutations = 0;
	struct rng r;
	DIR *dir;

	rng_init(&r, rng_test_seed("replay"));
	dir = argc == 2 ? opendir(argv[1]) : NULL;
	if (!dir) {
		printf("Bail out! usage: %s CORPUS_DIRECTORY\n", argv[0]);
		return 1;
	}
	run(seed, 0);
	while ((e = readdir(dir))) {
		size_t n;

		if (e->d_name[0] == '.')
			continue;
		n = read_file(argv[1], e->d_name);
		files++;
		run(seed, n);
		for (unsigned i = 0; i < MUTATIONS && clock_now_ns() < end; i++, mutations++)
			run(input, mutate(&r, n));
	}
	closedir(dir);
	printf("1..1\n%sok 1 - %u files, %u mutations survived\n", files ? "" : "not ", files,
		mutations);
	return files ? 0 : 1;
}
