/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA against the best of four ways to copy: glibc's memcpy, `rep movsb`, AVX loads with ordinary and with
 * non-temporal stores. Up to 4 KiB the row of issue 5 leaves the task's cost out; `net` is what remains of
 * ours when the cost of an empty copy task (1 byte) less the cost of one byte is taken off.
 */
#include "rig.h"

#include <immintrin.h>
#include <string.h>

#include <doca_dma.h>

static struct doca_dma *dma;

static void with_memcpy(unsigned i)
{
	memcpy(dst_at(i), src_at(i), rig.len);
	__asm__ volatile("" ::: "memory");
}

static void with_movsb(unsigned i)
{
	void *to = dst_at(i), *from = src_at(i);
	size_t n = rig.len;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

__attribute__((target("avx"))) static void with_avx(unsigned i)
{
	const uint8_t *from = src_at(i);
	uint8_t *to = dst_at(i);

	for (size_t at = 0; at < rig.len; at += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i_u *)(const void *)(from + at));
		__m256i b = _mm256_loadu_si256((const __m256i_u *)(const void *)(from + at + 32));

		_mm256_storeu_si256((__m256i_u *)(void *)(to + at), a);
		_mm256_storeu_si256((__m256i_u *)(void *)(to + at + 32), b);
	}
	__asm__ volatile("" ::: "memory");
}

__attribute__((target("avx"))) static void with_stream(unsigned i)
{
	const uint8_t *from = src_at(i);
	uint8_t *to = dst_at(i);

	for (size_t at = 0; at < rig.len; at += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i_u *)(const void *)(from + at));
		__m256i b = _mm256_loadu_si256((const __m256i_u *)(const void *)(from + at + 32));

		_mm256_stream_si256((__m256i *)(void *)(to + at), a);
		_mm256_stream_si256((__m256i *)(void *)(to + at + 32), b);
	}
	_mm_sfence();
}

static void start(size_t len, unsigned depth)
{
	struct doca_dma_task_memcpy *t;

	rig_bufs(depth, len, len);
	MUST(doca_dma_create(rig.dev, &dma));
	MUST(doca_dma_task_memcpy_set_conf(
		dma, DONE(doca_dma_task_memcpy), FAILED(doca_dma_task_memcpy), DEPTH));
	rig_start(doca_dma_as_ctx(dma), 0);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_dma_task_memcpy_alloc_init(dma, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_dma_task_memcpy_as_task(t);
	}
}

static void stop(void)
{
	rig_stop(doca_dma_as_ctx(dma));
	MUST(doca_dma_destroy(dma));
}

#define WAYS 4
static void (*const ways[WAYS])(unsigned) = {with_memcpy, with_movsb, with_avx, with_stream};
static const char *const way_names[WAYS] = {"memcpy", "movsb", "avx", "stream"};

static int best_way(void)
{
	double rate[WAYS], v[5];
	int best = 0;

	for (int w = 0; w < WAYS; w++) {
		for (int i = 0; i < 5; i++)
			v[i] = rig_direct(ways[w]);
		rate[w] = median(v, 5);
		if (rate[w] > rate[best])
			best = w;
	}
	return best;
}

/* Nanoseconds a task adds to the copying of its byte. */
static double task_cost(void)
{
	double with[9], without[9];

	start(1, DEPTH);
	for (int i = 0; i < 9; i++) {
		with[i] = 1e9 / rig_tasks(false);
		without[i] = 1e9 / rig_direct(with_memcpy);
	}
	stop();
	return median(with, 9) - median(without, 9);
}

static void copy(size_t len, unsigned depth, double cost)
{
	double ours[25], theirs[25], ratio[25], net[25];
	int best;

	start(len, depth);
	best = best_way();
	for (int i = 0; i < 25; i++) {
		ours[i] = 1e9 / rig_tasks(false);
		theirs[i] = 1e9 / rig_direct(ways[best]);
		ratio[i] = theirs[i] / ours[i];
		net[i] = theirs[i] / (ours[i] - cost);
	}
	stop();
	printf("{\"bench\":\"accel\",\"case\":\"dma\",\"bytes\":%zu,\"ours\":%.3f,\"direct\":%.3f,"
	       "\"best\":\"%s\",\"unit\":\"GB/s\",\"ratio\":%.3f,\"task_ns\":%.1f,\"net\":%.3f}\n",
		len, (double)len / median(ours, 25), (double)len / median(theirs, 25),
		way_names[best], median(ratio, 25), cost, median(net, 25));
	fflush(stdout);
}

void bench_dma(void)
{
	double cost;

	if (!rig_wants("dma"))
		return;
	cost = task_cost();
	copy(64, DEPTH, cost);
	copy(4096, DEPTH, cost);
	copy(8192, DEPTH, cost);
	copy(65536, DEPTH, cost);
	copy(1 << 20, 4, cost);
	copy(256u << 20, 1, cost);
}
