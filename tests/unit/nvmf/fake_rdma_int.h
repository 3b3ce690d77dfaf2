/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_rdma insides: fake_rdma.c is verbs and the network, fake_cm.c the connection manager. */
#ifndef TEST_FAKE_RDMA_INT_H
#define TEST_FAKE_RDMA_INT_H

#include <rdma/rdma_cma.h>

#include "base/list.h"
#include "base/rng.h"
#include "fake_rdma.h"

#undef ibv_reg_mr

/* Our own memory is not what a test lets fail. */
void *__real_calloc(size_t n, size_t size);
#define calloc __real_calloc

#define SGES_MAX 2
#define LISTENERS_MAX 4

struct work { /* a posted send or receive */
	struct list node;
	uint64_t wr_id, remote_addr;
	uint32_t rkey, len;
	enum ibv_wr_opcode opcode;
	bool signaled;
	struct ibv_sge sge[SGES_MAX];
	int n_sge;
};

struct queue_pair {
	struct ibv_qp qp;
	struct list node; /* all of them */
	struct id *id;
	struct list sends, recvs;
	unsigned n_sends, n_recvs;
	struct ibv_qp_cap cap;
	bool broken;
};

struct completions {
	struct ibv_cq cq;
	struct ibv_wc *wc;
	unsigned first, n;
	bool armed;
};

struct region {
	struct ibv_mr mr;
	struct list node;
	unsigned access;
};

struct event {
	struct rdma_cm_event e;
	struct list node; /* in its channel */
	uint8_t private_data[64];
};

struct channel {
	struct rdma_event_channel c;
	struct list events;
};

struct id {
	struct rdma_cm_id id;
	struct id *peer;
	bool connected, told; /* told: that the connection is over */
	unsigned unacked;
};

struct fake_net {
	struct fake_rdma_faults faults;
	struct rng rng;
	uint64_t moves, calls;
	bool hit;
	unsigned alive, violations;
	uint32_t next_key;
	struct id *listeners[LISTENERS_MAX];
	struct list pairs, regions;
};
extern struct fake_net fake_net;
extern struct ibv_context fake_verbs;

void *fake_make(size_t size); /* counted; never NULL */
void fake_unmake(void *p);
bool fake_call_fails(void);
bool fake_move_fails(double p);
void fake_bell(int fd);
struct queue_pair *fake_pair_of(const struct id *id);
void fake_break(struct queue_pair *p);

#endif
