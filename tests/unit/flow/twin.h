/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin: the naive interpreter. It holds the same pipes and entries as a flow_ctx, as plain lists, looks
 * through all of them for every packet, parses anew before every pipe, edits bytes where they lie and computes
 * every checksum from scratch. It shares the parser and the key layout with the room, nothing else.
 */
#ifndef TESTS_UNIT_FLOW_TWIN_H
#define TESTS_UNIT_FLOW_TWIN_H

#include "flow/walk.h"

#define TWIN_PIPES 16
#define TWIN_ENTRIES 512
#define TWIN_OUT 256

struct twin_entry {
	bool live;
	struct flow_entry_spec spec;
	uint8_t data[512];
	struct flow_entry *real;
	uint64_t order, packets, bytes;
};

struct twin_pipe {
	bool live;
	struct flow_pipe_cfg cfg;
	struct flow_pipe *real;
	struct twin_entry *entry; /* TWIN_ENTRIES */
	uint64_t missed;
};

struct twin_out {
	uint8_t *bytes;
	size_t len;
	uint8_t kind, reason;
	uint16_t port;
	uint32_t index;
};

struct twin {
	struct twin_pipe pipe[TWIN_PIPES];
	unsigned root;
	uint64_t order;
	struct rte_mempool *pool;
	struct twin_out out[TWIN_OUT];
	unsigned nr_out;
};

/* Takes m. Results in t->out; twin_clear frees them. */
void twin_send(struct twin *t, uint16_t port, struct rte_mbuf *m);
void twin_clear(struct twin *t);

#endif
