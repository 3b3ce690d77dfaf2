/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA against the best of four ways to copy: glibc's memcpy, `rep movsb`, AVX loads with ordinary and with
 * non-temporal stores. Up to 4 KiB the row of issue 5 leaves the task's cost out: there the copy that a task
 * makes, copy_bytes(), is what is compared; "copy_only" is its ratio, "ratio" the task's.
 */
#include "rig.h"

#include <immintrin.h>
#include <string.h>

#include <doca_dma.h>

#include "engine/copy/copy.h"

#define DMA_MUST 0.95
#define ROUNDS 15

static struct doca_dma *dma;

static void with_memcpy(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

static void with_movsb(void *to, const void *from, size_t len)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len)::"memory");
}

__attribute__((target("avx"))) static void with_avx(void *to, const void *from, size_t len)
{
	const __m256i_u *src = from;
	__m256i_u *dst = to;

	for (size_t i = 0; i < len / 32; i += 2) {
		__m256i a = _mm256_loadu_si256(src + i), b = _mm256_loadu_si256(src + i + 1);

		_mm256_storeu_si256(dst + i, a);
		_mm256_storeu_si256(dst + i + 1, b);
	}
}

__attribute__((target("avx"))) static void with_stream(void *to, const void *from, size_t len)
{
	const __m256i_u *src = from;
	__m256i *dst = to;

	for (size_t i = 0; i < len / 32; i += 2) {
		__m256i a = _mm256_loadu_si256(src + i), b = _mm256_loadu_si256(src + i + 1);

		_mm256_stream_si256(dst + i, a);
		_mm256_stream_si256(dst + i + 1, b);
	}
	_mm_sfence();
}

enum { MEMCPY, MOVSB, AVX, STREAM, THEIRS, OURS = THEIRS, TASK, SIDES };
static void (*const ways[])(void *to, const void *from, size_t len) = {
	with_memcpy, with_movsb, with_avx, with_stream, copy_bytes};
static const char *const way_names[] = {"memcpy", "movsb", "avx", "stream"};
static void (*way)(void *to, const void *from, size_t len);

static bool direct(struct rig_request *r)
{
	way(r->dst, r->src, r->len);
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

static double one_round(unsigned side)
{
	if (side == TASK)
		return rig_tasks(false);
	way = ways[side];
	return rig_direct(direct);
}

/* Nanoseconds of one copy, for each side: all of them in each round, each time another first. */
static void rounds(double (*took)[ROUNDS])
{
	for (unsigned i = 0; i < ROUNDS; i++)
		for (unsigned k = 0; k < SIDES; k++) {
			unsigned side = (i + k) % SIDES;

			took[side][i] = 1e9 / one_round(side);
		}
}

static double median_of(const double *v)
{
	double copy[ROUNDS];

	memcpy(copy, v, sizeof(copy));
	return median(copy, ROUNDS);
}

static double ratio_of(const double *theirs, const double *ours)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		ratio[i] = theirs[i] / ours[i];
	return median(ratio, ROUNDS);
}

static unsigned best_way(double (*took)[ROUNDS])
{
	unsigned best = 0;

	for (unsigned w = 1; w < THEIRS; w++)
		if (median_of(took[w]) < median_of(took[best]))
			best = w;
	return best;
}

static void copy(size_t len, unsigned depth)
{
	double took[SIDES][ROUNDS], whole, copying;
	unsigned best;

	dma_start(len, depth, 0);
	rounds(took);
	dma_stop();
	best = best_way(took);
	whole = ratio_of(took[best], took[TASK]);
	copying = ratio_of(took[best], took[OURS]);
	printf("{\"bench\":\"accel\",\"case\":\"dma\",\"bytes\":%zu,\"ours\":%.3f,\"direct\":%.3f,"
	       "\"best\":\"%s\",\"unit\":\"GB/s\",\"ratio\":%.3f,\"copy_only\":%.3f,\"must\":%.2f,"
	       "\"reached\":%s}\n",
		len, (double)len / median_of(took[TASK]), (double)len / median_of(took[best]),
		way_names[best], whole, copying, DMA_MUST,
		rig_verdict((len > 4096 ? whole : copying) >= DMA_MUST));
	fflush(stdout);
}

void bench_dma(void)
{
	if (!rig_wants("dma"))
		return;
	copy_init();
	copy(64, DEPTH);
	copy(4096, DEPTH);
	copy(65536, DEPTH);
	copy(1 << 20, 4);
	copy(256u << 20, 1);
}
