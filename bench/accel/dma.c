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

#define DMA_MUST 0.95

static struct doca_dma *dma;

static bool with_memcpy(struct rig_request *r)
{
	memcpy(r->dst, r->src, r->len);
	r->out = r->len;
	return true;
}

static bool with_movsb(struct rig_request *r)
{
	const void *from = r->src;
	void *to = r->dst;
	size_t n = r->len;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
	r->out = r->len;
	return true;
}

__attribute__((target("avx"))) static bool with_avx(struct rig_request *r)
{
	for (size_t at = 0; at < r->len; at += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i_u *)(const void *)(r->src + at));
		__m256i b = _mm256_loadu_si256((const __m256i_u *)(const void *)(r->src + at + 32));

		_mm256_storeu_si256((__m256i_u *)(void *)(r->dst + at), a);
		_mm256_storeu_si256((__m256i_u *)(void *)(r->dst + at + 32), b);
	}
	r->out = r->len;
	return true;
}

__attribute__((target("avx"))) static bool with_stream(struct rig_request *r)
{
	for (size_t at = 0; at < r->len; at += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i_u *)(const void *)(r->src + at));
		__m256i b = _mm256_loadu_si256((const __m256i_u *)(const void *)(r->src + at + 32));

		_mm256_stream_si256((__m256i *)(void *)(r->dst + at), a);
		_mm256_stream_si256((__m256i *)(void *)(r->dst + at + 32), b);
	}
	_mm_sfence();
	r->out = r->len;
	return true;
}

void dma_start(size_t len, unsigned depth, unsigned workers)
{
	struct doca_dma_task_memcpy *t;

	rig_bufs(depth, len, len);
	MUST(doca_dma_create(rig.dev, &dma));
	MUST(doca_dma_task_memcpy_set_conf(
		dma, DONE(doca_dma_task_memcpy), FAILED(doca_dma_task_memcpy), DEPTH));
	rig_start(doca_dma_as_ctx(dma), workers);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_dma_task_memcpy_alloc_init(dma, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_dma_task_memcpy_as_task(t);
	}
}

void dma_stop(void)
{
	rig_stop(doca_dma_as_ctx(dma));
	MUST(doca_dma_destroy(dma));
}

#define WAYS 4
static const rig_op ways[WAYS] = {with_memcpy, with_movsb, with_avx, with_stream};
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

	dma_start(1, DEPTH, 0);
	for (int i = 0; i < 9; i++) {
		with[i] = 1e9 / rig_tasks(false);
		without[i] = 1e9 / rig_direct(with_memcpy);
	}
	dma_stop();
	return median(with, 9) - median(without, 9);
}

static void copy(size_t len, unsigned depth, double cost)
{
	double ours[25], theirs[25], ratio[25], net[25], whole, copying;
	int best;

	dma_start(len, depth, 0);
	best = best_way();
	for (int i = 0; i < 25; i++) {
		ours[i] = 1e9 / rig_tasks(false);
		theirs[i] = 1e9 / rig_direct(ways[best]);
		ratio[i] = theirs[i] / ours[i];
		net[i] = theirs[i] / (ours[i] - cost);
	}
	dma_stop();
	whole = median(ratio, 25);
	copying = median(net, 25);
	printf("{\"bench\":\"accel\",\"case\":\"dma\",\"bytes\":%zu,\"ours\":%.3f,\"direct\":%.3f,"
	       "\"best\":\"%s\",\"unit\":\"GB/s\",\"ratio\":%.3f,\"task_ns\":%.1f,\"net\":%.3f,"
	       "\"must\":%.2f,\"reached\":%s}\n",
		len, (double)len / median(ours, 25), (double)len / median(theirs, 25),
		way_names[best], whole, cost, copying, DMA_MUST,
		rig_verdict((len > 4096 ? whole : copying) >= DMA_MUST));
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
