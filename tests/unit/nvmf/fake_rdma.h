/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_rdma: libibverbs and librdmacm as far as room nvmf calls them, in this process: queue pairs that copy memory,
 * a connection manager whose descriptors are eventfds. Linked into a test, its functions stand before the
 * libraries'. What cards check is checked: keys, bounds and rights of every access, queue and completion queue
 * sizes, one connection's order; nothing else has an order: a seed chooses who moves next, and how much.
 *
 *     fake_rdma_begin(&(struct fake_rdma_faults){.seed = 7, .cut = 0.01});
 *     for (;;) { reactor_run_once(...); fake_rdma_step(); }
 *     assert_int_equal(fake_rdma_alive(), 0);     everything was given back
 */
#ifndef TEST_FAKE_RDMA_H
#define TEST_FAKE_RDMA_H

#include <stdbool.h>
#include <stdint.h>

struct fake_rdma_faults {
	uint64_t seed;
	double cut;	    /* per work request: its connection dies */
	double refuse;	    /* per step of connecting: it fails */
	uint32_t most;	    /* work requests that move in one step; 0 = all */
	uint64_t cut_after; /* the n-th work request or step of connecting from now fails; 0 = none */
	uint64_t fail_call; /* the n-th call that may fail does; 0 = none */
};

/* Counts cut_after and fail_call from now on. */
void fake_rdma_begin(const struct fake_rdma_faults *faults);
/* Did cut_after or fail_call come to pass? */
bool fake_rdma_hit(void);
/* Moves what was posted. */
void fake_rdma_step(void);
/* Ids, queue pairs, registrations, ... not destroyed. */
unsigned fake_rdma_alive(void);
/* Accesses that a card would have refused. */
unsigned fake_rdma_violations(void);

#endif
