/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * action: the instruction set. A program is a list of ops; it ends with exactly one terminal op.
 * In a composed program the branch a flow took is inlined when it is a fact of the key (a hash select is:
 * the hashed bits are part of the cached key); otherwise the program ends in RESUME(pipe), and the packet
 * is looked up again with that resume point.
 *
 * Most flows do the same few things: rewrite addresses and ports, decrement TTL, set MACs, encapsulate,
 * send. They compile to ONE struct flow_rewrite, executed straight-line with precomputed checksum
 * deltas; only what does not fit runs as ops. `fused` runs where the op REWRITE stands, so that
 * counters before it count the frame as it arrived.
 */
#ifndef FLOW_ACTION_H
#define FLOW_ACTION_H

#include <assert.h>

#include "base/drop.h"
#include "flow/field.h"
#include "flow/flow.h"

enum flow_opcode {
	/* edit */
	FLOW_OP_NONE,
	FLOW_OP_SET,       /* field <- value under mask; data: value, then mask, field->length bytes each */
	FLOW_OP_ADD,       /* width bits of field at bit_offset += data (8 bytes, host order) or, with src_field, += that
			    * field's width bits from bit `index`; wraps */
	FLOW_OP_COPY,      /* width bits of field at bit_offset <- src_field from bit `index` */
	FLOW_OP_TTL_DEC,   /* drop TTL_EXPIRED at zero */
	FLOW_OP_PUSH_VLAN, /* data: TPID, TCI, network order */
	FLOW_OP_POP_VLAN,
	FLOW_OP_DECAP,     /* remove the outer headers; data, index bytes of it: new Ethernet header for L3 tunnels */
	FLOW_OP_ENCAP,     /* in templates: data, index bytes of it: the headers to push, width 1 = keep the inner Ethernet
			    * header; in entries and programs: data = a prepared struct pkt_encap */
	FLOW_OP_NAT64,     /* to the other family; width: enum pkt_l3 of what it takes */
	FLOW_OP_REWRITE,   /* program's `fused`; terminal when it names a hop */
	FLOW_OP_CRYPTO,    /* encrypt / decrypt through an SA: the packet may be suspended and resumed here */
	/* account */
	FLOW_OP_COUNT,     /* counter index */
	FLOW_OP_TOUCH,     /* age index: seen now */
	FLOW_OP_METER,     /* meter index -> meta.meter_color */
	/* branch */
	FLOW_OP_CT,        /* terminal: connection lookup as the CT pipe `field` says (flow_ct_get) */
	FLOW_OP_FORK,      /* a copy of the packet runs this program from op `index` (mirror, flooding) */
	FLOW_OP_RESUME,    /* terminal: re-parse, re-key, look up again at pipe */
	/* terminal */
	FLOW_OP_PORT,      /* send by port (ports other than the manager may run an egress domain) */
	FLOW_OP_HOP,       /* send by hop index */
	FLOW_OP_QUEUE,     /* deliver to the application: receive queue set (RSS) */
	FLOW_OP_KERNEL,    /* hand to the Linux netdev behind the ingress port */
	FLOW_OP_UPCALL,    /* flow miss: to the node (eswitch.h) */
	FLOW_OP_DROP,      /* with a reason */
	FLOW_OP_CODES,
};

struct flow_op {
	uint8_t code;        /* enum flow_opcode */
	uint8_t width;       /* SET/ADD/COPY: bits */
	uint16_t field;      /* index of field.h; PORT: port id; HOP: hop; RESUME: pipe id; DROP: reason */
	uint16_t src_field;  /* COPY */
	uint16_t bit_offset; /* within the field, from its least significant bit */
	uint32_t index;      /* counter, age, meter, queue set, cookie, first op of a fork, length of data, ... */
	uint32_t data;       /* offset of this op's bytes (value, mask) in the program's data */
};
static_assert(sizeof(struct flow_op) == 16, "four ops to a line");

/* Everything common, at once. Checksum deltas are one's-complement differences to be added
 * (RFC 1624): l3 = IPv4 header (addresses), l4_addr = addresses as seen by the pseudo header, l4 = addresses
 * and ports. A packet with partial checksum gets l4_addr only. TTL is applied from the hop. */
enum {
	FLOW_RW_SRC_IP = 1, FLOW_RW_DST_IP = 2, FLOW_RW_SRC_PORT = 4, FLOW_RW_DST_PORT = 8,
	FLOW_RW_IP6 = 16,      /* addresses are 16 bytes */
	FLOW_RW_MSS = 32,      /* clamp TCP MSS on SYN to the hop's MTU */
};
struct flow_rewrite {
	uint16_t flags;
	uint16_t hop;          /* flow_hop index, or FLOW_HOP_NONE when a terminal op follows */
	uint16_t l3_delta, l4_addr_delta, l4_delta;
	uint16_t sport, dport; /* network order */
	uint16_t pad;
	uint8_t src[16], dst[16];
};
static_assert(sizeof(struct flow_rewrite) == 48, "fits beside a counter in a line");

/* An immutable program. Built by walk.c or by the node; shared, retired through the epoch. */
struct flow_program {
	uint16_t nr_ops;
	uint16_t fused_flags;  /* FLOW_PROGRAM_* */
	uint32_t data_len;
	struct flow_rewrite fused;
	const uint8_t *data;
	struct flow_op ops[];
};
enum {
	FLOW_PROGRAM_FUSED = 1,  /* `fused` is set and an op REWRITE runs it */
};

#endif
