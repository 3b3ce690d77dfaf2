/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PAIRS 25
#define ROUND_NS (16 * NS_PER_MS)
#define LONG_TASK (64u << 10) /* bytes from which the clock is looked at after each */

struct rig rig;

static const char *only;
static size_t src_stride, dst_stride, dst_base;
static uint64_t done;
static bool stopping;
static unsigned short_rows;

bool rig_wants(const char *name)
{
	return !only || !strncmp(name, only, strlen(only));
}

/* ---- the loop of tasks ---- */

void rig_done(void *task, union doca_data user, union doca_data ctx)
{
	unsigned i = (unsigned)user.u64;

	done++;
	if (rig.completed)
		rig.completed(i);
	if (rig.dsts[i])
		doca_buf_reset_data_len(rig.dsts[i]);
	if (!stopping)
		MUST(doca_task_submit(rig.tasks[i]));
}

void rig_failed(void *task, union doca_data user, union doca_data ctx)
{
	fprintf(stderr, "task failed: %s: %s\n",
		doca_error_get_name(doca_task_get_status(rig.tasks[user.u64])),
		doca_softdpu_last_refusal());
	exit(1);
}

static void doze(void)
{
	doca_event_handle_t handle;
	struct epoll_event e;

	MUST(doca_pe_get_notification_handle(rig.pe, &handle));
	MUST(doca_pe_request_notification(rig.pe));
	epoll_wait(handle, &e, 1, 100);
	MUST(doca_pe_clear_notification(rig.pe, 0));
}

static uint64_t cpu_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static unsigned between_clocks(void)
{
	return rig.len < LONG_TASK ? 16 : 1;
}

static void drain(void)
{
	size_t left;

	stopping = true;
	do {
		doca_pe_progress(rig.pe);
		MUST(doca_pe_get_num_inflight_tasks(rig.pe, &left));
	} while (left);
}

/* Who sleeps has workers, and the clock stops while they are all busy. Otherwise a round ends with all that was begun:
 * of a burst of 32 one has been delivered when the clock is looked at. */
double rig_tasks(bool asleep)
{
	uint64_t start = clock_now_ns(), until = start + ROUND_NS, cpu = cpu_now_ns(), took,
		 finished;
	unsigned calls = between_clocks();

	stopping = false;
	done = 0;
	for (unsigned i = 0; i < rig.n; i++)
		MUST(doca_task_submit(rig.tasks[i]));
	while (clock_now_ns() < until)
		for (unsigned i = 0; i < calls; i++)
			if (!doca_pe_progress(rig.pe) && asleep)
				doze();
	finished = done;
	took = clock_now_ns() - start;
	drain();
	if (!asleep) {
		finished = done;
		took = cpu_now_ns() - cpu;
	}
	return (double)finished * 1e9 / (double)took;
}

double rig_direct(rig_op op)
{
	uint64_t until = clock_now_ns() + ROUND_NS, cpu = cpu_now_ns(), n = 0;
	unsigned calls = between_clocks();

	do
		for (unsigned i = 0; i < calls; i++)
			if (!op(&rig.requests[n++ % rig.n])) {
				fprintf(stderr, "the library, called directly, failed\n");
				exit(1);
			}
	while (n % rig.n || clock_now_ns() < until);
	return (double)n * 1e9 / (double)(cpu_now_ns() - cpu);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

const char *rig_verdict(bool reached)
{
	short_rows += !reached;
	return reached ? "true" : "false";
}

unsigned rig_short(void)
{
	return short_rows;
}

void rig_report(const char *name, size_t bytes, rig_op direct, double must)
{
	double ours[PAIRS], theirs[PAIRS], ratio[PAIRS], r;

	rig_tasks(false);
	rig_direct(direct);
	for (int i = 0; i < PAIRS; i++) {
		bool first = i % 2;

		if (first)
			theirs[i] = rig_direct(direct);
		ours[i] = rig_tasks(false);
		if (!first)
			theirs[i] = rig_direct(direct);
		ratio[i] = ours[i] / theirs[i];
	}
	r = median(ratio, PAIRS);
	printf("{\"bench\":\"accel\",\"case\":\"%s\",\"bytes\":%zu,\"ours\":%.3f,\"direct\":%.3f,"
	       "\"unit\":\"GB/s\",\"ratio\":%.3f,\"must\":%.2f,\"reached\":%s}\n",
		name, bytes, median(ours, PAIRS) * (double)bytes / 1e9,
		median(theirs, PAIRS) * (double)bytes / 1e9, r, must, rig_verdict(r >= must));
	if (getenv("DEV"))
		printf("   %s best ours %.1f ns, direct %.1f ns\n", name, 1e9 / ours[PAIRS - 1],
			1e9 / theirs[PAIRS - 1]);
	fflush(stdout);
}

/* ---- buffers and contexts ---- */

uint8_t *src_at(unsigned i)
{
	return rig.mem + i * src_stride;
}

uint8_t *dst_at(unsigned i)
{
	return rig.mem + dst_base + i * dst_stride;
}

void rig_bufs(unsigned n, size_t src, size_t dst)
{
	dst_base = rig.mem_len / 2;
	src_stride = src;
	dst_stride = dst;
	rig.n = n;
	rig.len = src;
	rig.completed = NULL;
	for (unsigned i = 0; i < n; i++) {
		rig.dsts[i] = NULL;
		rig.requests[i] = (struct rig_request){
			.src = src_at(i), .len = src, .dst = dst_at(i), .room = dst};
		MUST(doca_buf_inventory_buf_get_by_data(
			rig.inv, rig.mmap, src_at(i), src, &rig.srcs[i]));
		if (dst)
			MUST(doca_buf_inventory_buf_get_by_addr(
				rig.inv, rig.mmap, dst_at(i), dst, &rig.dsts[i]));
	}
}

void rig_start(struct doca_ctx *ctx, unsigned workers)
{
	MUST(doca_softdpu_ctx_set_workers(ctx, workers));
	MUST(doca_pe_connect_ctx(rig.pe, ctx));
	MUST(doca_ctx_start(ctx));
}

void rig_stop(struct doca_ctx *ctx)
{
	for (unsigned i = 0; i < rig.n; i++) {
		doca_task_free(rig.tasks[i]);
		doca_buf_dec_refcount(rig.srcs[i], NULL);
		if (rig.dsts[i])
			doca_buf_dec_refcount(rig.dsts[i], NULL);
	}
	MUST(doca_ctx_stop(ctx));
}

/* Words from a skewed vocabulary, a random byte between them. */
static void fill(void)
{
	static char words[512][12];
	uint64_t x = 88172645463325252ull;

	for (int w = 0; w < 512; w++)
		for (int i = 0; i < 12; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			words[w][i] = (char)(x % 96 + 32);
		}
	for (size_t at = 0; at + 16 < rig.mem_len;) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		size_t n = 3 + x % 9,
		       word = (x >> 8) % 448 * ((x >> 20) % 4 ? 1 : 0) + (x >> 30) % 64;

		memcpy(rig.mem + at, words[word], n);
		at += n;
		rig.mem[at++] = (uint8_t)(x >> 40);
	}
}

void rig_open(const char *prefix)
{
	struct doca_devinfo **list;
	cpu_set_t all;
	uint32_t n;

	only = prefix;
	CPU_ZERO(&all);
	for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		CPU_SET(i, &all);
	sched_setaffinity(0, sizeof(all), &all); /* run.sh pins to one core: workers need theirs */
	MUST(doca_devinfo_create_list(&list, &n));
	MUST(doca_dev_open(list[0], &rig.dev));
	MUST(doca_devinfo_destroy_list(list));
	MUST(doca_pe_create(&rig.pe));
	rig.mem_len = 512u << 20;
	rig.mem = aligned_alloc(2 << 20, rig.mem_len);
	madvise(rig.mem, rig.mem_len, MADV_HUGEPAGE); /* as memory for a card is: few TLB entries */
	fill();
	MUST(doca_mmap_create(&rig.mmap));
	MUST(doca_mmap_set_memrange(rig.mmap, rig.mem, rig.mem_len));
	MUST(doca_mmap_set_permissions(rig.mmap, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE));
	MUST(doca_mmap_add_dev(rig.mmap, rig.dev));
	MUST(doca_mmap_start(rig.mmap));
	MUST(doca_buf_inventory_create(4 * DEPTH, &rig.inv));
	MUST(doca_buf_inventory_start(rig.inv));
}
