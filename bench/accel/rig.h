/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rig of bench-accel: one device, one progress engine, one mapped piece of memory, DEPTH tasks that are
 * submitted again as they complete, and the library called directly on the same bytes: request after request of
 * a list as long, each looked at when it is done.
 *
 * The two alternate in short rounds, the one first that was second before. A case reports the median of each
 * side and the median of the pairs' ratios, so that a neighbour on the machine disturbs both sides of a pair or one
 * pair of many. Both sides of a pair run on one thread and are charged what that thread ran: time in which a
 * neighbour had the processor is nobody's. Only where workers share the work (scale) the wall clock counts.
 */
#ifndef BENCH_ACCEL_RIG_H
#define BENCH_ACCEL_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_mmap.h>
#include <doca_pe.h>
#include <doca_softdpu.h>

#define DEPTH 32
#define MUST(call)                                                                    \
	do {                                                                          \
		doca_error_t r_ = (call);                                             \
		if (r_ != DOCA_SUCCESS) {                                             \
			fprintf(stderr, "%s: %s\n", #call, doca_error_get_descr(r_)); \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

/*
 * What the direct side keeps for each piece of work, as a program without tasks would: where the bytes are, how
 * many came out, whether that went well. A cache line each.
 */
struct rig_request {
	const uint8_t *src;
	size_t len;
	uint8_t *dst;
	size_t room, out;
} __attribute__((aligned(64)));

/* The library called directly. False: it failed. */
typedef bool (*rig_op)(struct rig_request *request);

struct rig {
	struct doca_dev *dev;
	struct doca_pe *pe;
	struct doca_mmap *mmap;
	struct doca_buf_inventory *inv;
	uint8_t *mem; /* filled with text that compresses about 2.6 times */
	size_t mem_len;
	unsigned n; /* tasks in flight */
	size_t len; /* bytes of one task's source */
	struct doca_task *tasks[DEPTH];
	struct doca_buf *srcs[DEPTH], *dsts[DEPTH];
	struct rig_request requests[DEPTH];
	void (*completed)(unsigned i); /* besides counting; may be NULL */
};
extern struct rig rig;

void rig_open(const char *only);
/* Is this case among those asked for? */
bool rig_wants(const char *name);

/* Sources at src_at(i), destinations at dst_at(i), with these strides. */
void rig_bufs(unsigned n, size_t src, size_t dst);
uint8_t *src_at(unsigned i);
uint8_t *dst_at(unsigned i);
void rig_start(struct doca_ctx *ctx, unsigned workers);
/* Frees the tasks and buffers, stops the context. */
void rig_stop(struct doca_ctx *ctx);

/* The callbacks of every task; user data is the task's index. */
void rig_done(void *task, union doca_data user, union doca_data ctx);
void rig_failed(void *task, union doca_data user, union doca_data ctx);
#define DONE(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)rig_done)
#define FAILED(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)rig_failed)

/* Tasks per second of this thread's processor time; asleep: the program waits for the notification instead of
 * polling, and seconds are the wall clock's. */
double rig_tasks(bool asleep);
/* Calls of op() per second of processor time, request after request. */
double rig_direct(rig_op op);
/* Ours against direct, in pairs; one JSON line that says whether the ratio reaches `must`. */
void rig_report(const char *name, size_t bytes, rig_op direct, double must);
/* For lines printed elsewhere: "true" or "false", and counts rows that fall short. */
const char *rig_verdict(bool reached);
unsigned rig_short(void);
double median(double *v, unsigned n);

/* The cases, a file each. */
void bench_task(void);
void bench_dma(void);
void bench_peer(void);
void bench_sha(size_t len);
void bench_gcm(size_t len);
void bench_compress(size_t len);
void bench_ec(size_t block);
void bench_regex(void);
void bench_scale(void);

struct doca_aes_gcm;
struct doca_aes_gcm_key;
struct doca_compress;
struct doca_aes_gcm *gcm_start(size_t len, unsigned workers, struct doca_aes_gcm_key **key);
void gcm_stop(struct doca_aes_gcm *gcm, struct doca_aes_gcm_key *key);
struct doca_compress *deflate_start(size_t len, unsigned workers);
void deflate_stop(struct doca_compress *compress);
void dma_start(size_t len, unsigned depth, unsigned workers);
void dma_stop(void);

#endif
