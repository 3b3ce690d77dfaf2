/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs: memory, completions, queue pairs; and the network between queue pairs. */
#include "fake_rdma_int.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base.h"

struct fake_net fake_net = {.pairs = LIST_INIT(fake_net.pairs), .regions = LIST_INIT(fake_net.regions), .next_key = 1};

void fake_rdma_begin(const struct fake_rdma_faults *faults)
{
	fake_net.faults = *faults;
	rng_init(&fake_net.rng, faults->seed);
	fake_net.moves = fake_net.calls = 0;
	fake_net.hit = false;
}

bool fake_rdma_hit(void)
{
	return fake_net.hit;
}

unsigned fake_rdma_alive(void)
{
	return fake_net.alive;
}

unsigned fake_rdma_violations(void)
{
	return fake_net.violations;
}

void *fake_make(size_t size)
{
	void *p = calloc(1, size);

	assert(p);
	fake_net.alive++;
	return p;
}

void fake_unmake(void *p)
{
	fake_net.alive--;
	free(p);
}

bool fake_call_fails(void)
{
	if (++fake_net.calls != fake_net.faults.fail_call)
		return false;
	fake_net.hit = true;
	errno = ENOMEM;
	return true;
}

static bool chance(double p)
{
	return p > 0 && rng_unit(&fake_net.rng) < p;
}

bool fake_move_fails(double p)
{
	if (++fake_net.moves == fake_net.faults.cut_after)
		return fake_net.hit = true;
	return chance(p);
}

/* --- memory --- */

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct ibv_pd *pd;

	if (fake_call_fails())
		return NULL;
	pd = fake_make(sizeof(*pd));
	pd->context = context;
	return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	fake_unmake(pd);
	return 0;
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access)
{
	struct region *r;

	if (fake_call_fails())
		return NULL;
	r = fake_make(sizeof(*r));
	r->mr = (struct ibv_mr){.pd = pd, .addr = addr, .length = length, .lkey = fake_net.next_key, .rkey = fake_net.next_key};
	fake_net.next_key++;
	r->access = access;
	list_push_back(&fake_net.regions, &r->node);
	return &r->mr;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, (unsigned)access);
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	struct region *r = container_of(mr, struct region, mr);

	list_remove(&r->node);
	fake_unmake(r);
	return 0;
}

static bool may(const struct ibv_pd *pd, uint32_t key, uint64_t addr, uint64_t len, unsigned access)
{
	struct region *r;

	list_for_each (r, &fake_net.regions, node)
		if (r->mr.rkey == key)
			return r->mr.pd == pd && (r->access & access) == access && addr >= (uintptr_t)r->mr.addr &&
			       len <= r->mr.length && addr - (uintptr_t)r->mr.addr <= r->mr.length - len;
	return false;
}

static bool may_all(const struct ibv_pd *pd, const struct work *w, unsigned access)
{
	for (int i = 0; i < w->n_sge; i++)
		if (!may(pd, w->sge[i].lkey, w->sge[i].addr, w->sge[i].length, access))
			return false;
	return true;
}

/* --- completions --- */

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context)
{
	struct ibv_comp_channel *c;

	if (fake_call_fails())
		return NULL;
	c = fake_make(sizeof(*c));
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	return c;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *c)
{
	close(c->fd);
	fake_unmake(c);
	return 0;
}

struct ibv_cq *ibv_create_cq(
	struct ibv_context *context, int cqe, void *cq_context, struct ibv_comp_channel *channel, int vector)
{
	struct completions *q;

	if (fake_call_fails())
		return NULL;
	q = fake_make(sizeof(*q));
	q->cq = (struct ibv_cq){.context = context, .channel = channel, .cqe = cqe};
	q->wc = calloc((size_t)cqe, sizeof(*q->wc));
	return &q->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	struct completions *q = container_of(cq, struct completions, cq);

	free(q->wc);
	fake_unmake(q);
	return 0;
}

void fake_bell(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

static void complete(struct ibv_cq *cq, uint64_t wr_id, enum ibv_wc_status status, uint32_t bytes)
{
	struct completions *q = container_of(cq, struct completions, cq);

	assert(q->n < (unsigned)cq->cqe); /* a card would lose it */
	q->wc[(q->first + q->n++) % (unsigned)cq->cqe] =
		(struct ibv_wc){.wr_id = wr_id, .status = status, .byte_len = bytes};
	if (q->armed)
		fake_bell(cq->channel->fd);
	q->armed = false;
}

static int poll_cq(struct ibv_cq *cq, int most, struct ibv_wc *wc)
{
	struct completions *q = container_of(cq, struct completions, cq);
	int n = 0;

	for (; n < most && q->n; n++, q->n--) {
		wc[n] = q->wc[q->first];
		q->first = (q->first + 1) % (unsigned)cq->cqe;
	}
	return n;
}

static int req_notify_cq(struct ibv_cq *cq, int solicited)
{
	if (fake_call_fails())
		return ENOMEM;
	container_of(cq, struct completions, cq)->armed = true;
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context)
{
	uint64_t count;

	return read(channel->fd, &count, sizeof(count)) == sizeof(count) ? 0 : -1;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int n)
{
}

/* --- queue pairs --- */

static void drop(struct list *works)
{
	while (!list_is_empty(works)) {
		struct work *w = list_entry(works->next, struct work, node);

		list_remove(&w->node);
		free(w);
	}
}

/* Everything posted comes back, what was not signaled too. */
void fake_break(struct queue_pair *p)
{
	struct work *w;

	if (p->broken)
		return;
	p->broken = true;
	list_for_each (w, &p->sends, node)
		complete(p->qp.send_cq, w->wr_id, IBV_WC_WR_FLUSH_ERR, 0);
	list_for_each (w, &p->recvs, node)
		complete(p->qp.recv_cq, w->wr_id, IBV_WC_WR_FLUSH_ERR, 0);
	drop(&p->sends);
	drop(&p->recvs);
	p->n_sends = p->n_recvs = 0;
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	assert(attr->qp_state == IBV_QPS_ERR);
	fake_break(container_of(qp, struct queue_pair, qp));
	return 0;
}

static struct work *work_of(uint64_t wr_id, const struct ibv_sge *sge, int n)
{
	struct work *w = calloc(1, sizeof(*w));

	assert(w && n <= SGES_MAX);
	w->wr_id = wr_id;
	w->n_sge = n;
	memcpy(w->sge, sge, (size_t)n * sizeof(*sge));
	for (int i = 0; i < n; i++)
		w->len += sge[i].length;
	return w;
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct queue_pair *p = container_of(qp, struct queue_pair, qp);

	*bad = wr;
	if (fake_call_fails())
		return ENOMEM;
	for (; wr; wr = wr->next) {
		struct work *w;

		if (p->n_sends == p->cap.max_send_wr)
			return ENOMEM;
		if (p->broken) {
			complete(qp->send_cq, wr->wr_id, IBV_WC_WR_FLUSH_ERR, 0);
			continue;
		}
		w = work_of(wr->wr_id, wr->sg_list, wr->num_sge);
		w->opcode = wr->opcode;
		w->signaled = wr->send_flags & IBV_SEND_SIGNALED;
		w->remote_addr = wr->wr.rdma.remote_addr;
		w->rkey = wr->opcode == IBV_WR_SEND_WITH_INV ? wr->invalidate_rkey : wr->wr.rdma.rkey;
		list_push_back(&p->sends, &w->node);
		p->n_sends++;
	}
	return 0;
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	struct queue_pair *p = container_of(qp, struct queue_pair, qp);
	struct work *w;

	*bad = wr;
	if (fake_call_fails() || p->n_recvs == p->cap.max_recv_wr)
		return ENOMEM;
	if (p->broken) {
		complete(qp->recv_cq, wr->wr_id, IBV_WC_WR_FLUSH_ERR, 0);
		return 0;
	}
	w = work_of(wr->wr_id, wr->sg_list, wr->num_sge);
	list_push_back(&p->recvs, &w->node);
	p->n_recvs++;
	return 0;
}

static struct ibv_device device = {.name = "fake0"};
struct ibv_context fake_verbs = {.device = &device,
	.ops = {.poll_cq = poll_cq, .req_notify_cq = req_notify_cq, .post_send = post_send, .post_recv = post_recv}};

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
	*attr = (struct ibv_device_attr){.max_qp_rd_atom = 4};
	return fake_call_fails() ? ENOMEM : 0;
}

struct queue_pair *fake_pair_of(const struct id *id)
{
	return id && id->id.qp ? container_of(id->id.qp, struct queue_pair, qp) : NULL;
}

int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct queue_pair *p;

	if (fake_call_fails())
		return -1;
	p = fake_make(sizeof(*p));
	p->qp = (struct ibv_qp){.context = &fake_verbs, .pd = pd, .send_cq = attr->send_cq, .recv_cq = attr->recv_cq};
	p->cap = attr->cap;
	p->id = container_of(id, struct id, id);
	list_init(&p->sends);
	list_init(&p->recvs);
	list_push_back(&fake_net.pairs, &p->node);
	id->qp = &p->qp;
	return 0;
}

void rdma_destroy_qp(struct rdma_cm_id *id)
{
	struct queue_pair *p = container_of(id->qp, struct queue_pair, qp);

	drop(&p->sends);
	drop(&p->recvs);
	list_remove(&p->node);
	id->qp = NULL;
	fake_unmake(p);
}

/* --- the network --- */

static void copy(const struct work *from, struct work *to)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)from->sge[0].addr;
	uint32_t left = from->len;

	assert(from->n_sge == 1);
	for (int i = 0; i < to->n_sge && left; i++) {
		uint32_t n = MIN_OF(left, to->sge[i].length);

		memcpy((void *)(uintptr_t)to->sge[i].addr, bytes, n);
		bytes += n;
		left -= n;
	}
}

static void invalidate(uint32_t rkey)
{
	struct region *r;

	list_for_each (r, &fake_net.regions, node)
		if (r->mr.rkey == rkey)
			r->access = 0;
}

/* true: the peer had a receive for it */
static bool deliver(const struct work *w, struct queue_pair *to, enum ibv_wc_status *status)
{
	struct work *r;

	if (list_is_empty(&to->recvs))
		return false;
	r = list_entry(to->recvs.next, struct work, node);
	list_remove(&r->node);
	to->n_recvs--;
	if (w->len > r->len || !may_all(to->qp.pd, r, IBV_ACCESS_LOCAL_WRITE))
		*status = IBV_WC_REM_INV_REQ_ERR;
	else
		copy(w, r);
	if (w->opcode == IBV_WR_SEND_WITH_INV)
		invalidate(w->rkey);
	complete(to->qp.recv_cq, r->wr_id, *status ? IBV_WC_LOC_LEN_ERR : IBV_WC_SUCCESS, w->len);
	free(r);
	return true;
}

static enum ibv_wc_status one_sided(const struct work *w, const struct queue_pair *to)
{
	bool read = w->opcode == IBV_WR_RDMA_READ;
	void *far = (void *)(uintptr_t)w->remote_addr, *near = (void *)(uintptr_t)w->sge[0].addr;

	if (!may(to->qp.pd, w->rkey, w->remote_addr, w->len, read ? IBV_ACCESS_REMOTE_READ : IBV_ACCESS_REMOTE_WRITE))
		return IBV_WC_REM_ACCESS_ERR;
	memcpy(read ? near : far, read ? far : near, w->len);
	return IBV_WC_SUCCESS;
}

/* The head of a send queue moves. false: it waits for a receive. */
static bool move(struct queue_pair *p)
{
	struct queue_pair *to = fake_pair_of(p->id->peer);
	struct work *w = list_entry(p->sends.next, struct work, node);
	enum ibv_wc_status status = IBV_WC_SUCCESS;

	if (!to || to->broken || fake_move_fails(fake_net.faults.cut))
		status = IBV_WC_RETRY_EXC_ERR;
	else if (!may_all(p->qp.pd, w, w->opcode == IBV_WR_RDMA_READ ? IBV_ACCESS_LOCAL_WRITE : 0))
		status = IBV_WC_LOC_PROT_ERR;
	else if (w->opcode == IBV_WR_RDMA_READ || w->opcode == IBV_WR_RDMA_WRITE)
		status = one_sided(w, to);
	else if (!deliver(w, to, &status))
		return false;
	fake_net.violations += status && status != IBV_WC_RETRY_EXC_ERR;
	list_remove(&w->node);
	p->n_sends--;
	if (w->signaled || status)
		complete(p->qp.send_cq, w->wr_id, status, w->len);
	free(w);
	if (status)
		fake_break(p);
	return true;
}

static void run(struct queue_pair *p)
{
	uint64_t most = fake_net.faults.most ? rng_below(&fake_net.rng, fake_net.faults.most + 1) : UINT64_MAX;

	while (p->id->connected && !list_is_empty(&p->sends) && most-- && move(p))
		;
}

void fake_rdma_step(void)
{
	struct queue_pair *p;

	for (int pass = 0; pass < 2; pass++) /* some before the others */
		list_for_each (p, &fake_net.pairs, node)
			if (pass || rng_one_in(&fake_net.rng, 2))
				run(p);
}
