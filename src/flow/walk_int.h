/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the walk: one packet's way through the pipes while it is composed. walk.c goes the way, walk_key.c keeps
 * where every bit of the key came from, walk_fuse.c makes one rewrite of what most programs do.
 */
#ifndef FLOW_WALK_INT_H
#define FLOW_WALK_INT_H

#include "flow/pipe_int.h"
#include "flow/walk.h"

#define WALK_OPS 2048   /* ops of one program with all its forks */
#define WALK_DATA 65536 /* bytes of op data */
#define WALK_REFS (2 * FLOW_WALK_MAX + 2 + 4096)
#define WALK_DEPS 16
#define WALK_MARGIN 8   /* ops a pipe may add beside its entry's actions */

struct walk {
	struct flow_ctx *ctx;
	struct flow_pipes *ps;
	struct str *trace;            /* explain: what happened; else NULL */
	struct flow_key orig, key, mask;
	/* Provenance. A bit of the key is constant (konst), not known (unknown), or a function of the original:
	 * of its byte from[b], or of all bits of deps[dep[b] - 1]. */
	uint16_t from[FLOW_KEY_SIZE];
	uint8_t konst[FLOW_KEY_SIZE], unknown[FLOW_KEY_SIZE], dep[FLOW_KEY_SIZE];
	struct flow_key deps[WALK_DEPS];
	unsigned nr_deps;
	bool edited;                  /* provenance is not the identity any more */
	bool blurred;                 /* some bits are unknown */
	bool moved;                   /* headers moved: the next pipe needs a new parse */
	bool uncacheable, missed;
	unsigned walked;
	uint8_t domain;               /* of the last pipe: a chain may lead from ingress into an egress pipe */
	struct flow_ref refs[WALK_REFS];
	unsigned nr_refs;
	uint64_t changes, adds;
	unsigned nr_ops, data_len;
	bool fused;
	struct flow_rewrite rewrite;
	struct {
		struct flow_program head;
		struct flow_op ops[WALK_OPS];
	} prog;                       /* what is composed; runs from here when it cannot be cached */
	uint8_t data[WALK_DATA] __attribute__((aligned(16)));
};

/* Where a member lies in the key. */
#define OFF(member) ((unsigned)offsetof(struct flow_key, member))

static inline unsigned walk_l4(const struct flow_key *key)
{
	return (key->hot.shape & FLOW_SHAPE_L4) >> FLOW_SHAPE_L4_SHIFT;
}

/* walk_key.c: the result depends on these bits of the present key. */
void walk_look(struct walk *w, const struct flow_key *bits);
/* Are all these bits known, without a new parse? */
bool walk_knows(const struct walk *w, const struct flow_key *bits);
/* Follow one op on the key. */
void walk_edit(struct walk *w, const struct flow_op *op, const uint8_t *data);

/* walk_fuse.c: replace the SETs of a program that does nothing but count, rewrite the tuple and leave. */
void walk_fuse(struct walk *w);

#endif
