/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_world: a flow_ctx with one worker and the rounds a switch makes around it, for tests of pipes.
 *
 *	struct world w;
 *	world_open(&w);
 *	world_send(&w, port, m);          // m belongs to the world; w.out[0..w.nr_out) holds what came of it
 *	assert_int_equal(w.out[0].verdict.kind, FLOW_VERDICT_PORT);
 *	world_clear(&w);                  // frees what came out
 *	world_close(&w);
 */
#ifndef TESTS_UNIT_FLOW_WORLD_H
#define TESTS_UNIT_FLOW_WORLD_H

#include "flow/conn.h"
#include "flow/walk.h"

#define WORLD_OUT 512

struct world {
	struct flow_ctx *ctx;
	uint64_t now_ns;
	unsigned nr_out, hits, walks, rounds;
	unsigned flats; /* of the hits: those with a flat form */
	struct {
		struct rte_mbuf *m;
		struct flow_verdict verdict;
		struct flow_pkt_meta meta;
	} out[WORLD_OUT];
};

void world_open(struct world *w);
void world_close(struct world *w);
void world_send(struct world *w, uint16_t port, struct rte_mbuf *m);
void world_clear(struct world *w);

/* Shorthands for building pipes. */
void world_match(struct flow_match *match, const char *field, const char *value);
struct flow_pipe *world_pipe(struct world *w, const struct flow_pipe_cfg *cfg);
/* One SET op of a constant whole field into a template's arrays. */
struct world_template {
	struct flow_op op[16];
	uint8_t data[512], hole[512];
	struct flow_action_template t;
};
void world_set(struct world_template *t, const char *field, const char *value, bool hole);
void world_op(struct world_template *t, struct flow_op op);
uint64_t world_packets(const struct flow_entry *entry);

#endif
