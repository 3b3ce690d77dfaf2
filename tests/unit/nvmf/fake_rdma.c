/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs half is first, then the connection manager, then the network between them. */
#include "fake_rdma.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base.h"
#include "base/list.h"
#include "base/rng.h"

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

static struct {
	struct fake_rdma_faults faults;
	struct rng rng;
	uint64_t moves, calls;
	bool hit;
	unsigned alive, violations;
	uint32_t next_key;
	struct id *listeners[LISTENERS_MAX];
	struct list pairs, regions;
} net = {.pairs = LIST_INIT(net.pairs), .regions = LIST_INIT(net.regions), .next_key = 1};

void fake_rdma_begin(const struct fake_rdma_faults *faults)
{
	net.faults = *faults;
	rng_init(&net.rng, faults->seed);
	net.moves = net.calls = 0;
	net.hit = false;
}

bool fake_rdma_hit(void)
{
	return net.hit;
}

unsigned fake_rdma_alive(void)
{
	return net.alive;
}

unsigned fake_rdma_violations(void)
{
	return net.violations;
}

static void *make(size_t size)
{
	void *p = calloc(1, size);

	assert(p);
	net.alive++;
	return p;
}

static void unmake(void *p)
{
	net.alive--;
	free(p);
}

static bool call_fails(void)
{
	if (++net.calls != net.faults.fail_call)
		return false;
	net.hit = true;
	errno = ENOMEM;
	return true;
}

static bool chance(double p)
{
	return p > 0 && rng_unit(&net.rng) < p;
}

static bool move_fails(double p)
{
	if (++net.moves == net.faults.cut_after)
		return net.hit = true;
	return chance(p);
}

/* --- memory --- */

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct ibv_pd *pd;

	if (call_fails())
		return NULL;
	pd = make(sizeof(*pd));
	pd->context = context;
	return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	unmake(pd);
	return 0;
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access)
{
	struct region *r;

	if (call_fails())
		return NULL;
	r = make(sizeof(*r));
	r->mr = (struct ibv_mr){.pd = pd, .addr = addr, .length = length, .lkey = net.next_key, .rkey = net.next_key};
	net.next_key++;
	r->access = access;
	list_push_back(&net.regions, &r->node);
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
	unmake(r);
	return 0;
}

static bool may(const struct ibv_pd *pd, uint32_t key, uint64_t addr, uint64_t len, unsigned access)
{
	struct region *r;

	list_for_each (r, &net.regions, node)
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

	if (call_fails())
		return NULL;
	c = make(sizeof(*c));
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	return c;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *c)
{
	close(c->fd);
	unmake(c);
	return 0;
}

struct ibv_cq *ibv_create_cq(
	struct ibv_context *context, int cqe, void *cq_context, struct ibv_comp_channel *channel, int vector)
{
	struct completions *q;

	if (call_fails())
		return NULL;
	q = make(sizeof(*q));
	q->cq = (struct ibv_cq){.context = context, .channel = channel, .cqe = cqe};
	q->wc = calloc((size_t)cqe, sizeof(*q->wc));
	return &q->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	struct completions *q = container_of(cq, struct completions, cq);

	free(q->wc);
	unmake(q);
	return 0;
}

static void bell(int fd)
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
		bell(cq->channel->fd);
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
	if (call_fails())
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
static void break_pair(struct queue_pair *p)
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
	break_pair(container_of(qp, struct queue_pair, qp));
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
	if (call_fails())
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
	if (call_fails() || p->n_recvs == p->cap.max_recv_wr)
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
static struct ibv_context verbs = {.device = &device,
	.ops = {.poll_cq = poll_cq, .req_notify_cq = req_notify_cq, .post_send = post_send, .post_recv = post_recv}};

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
	*attr = (struct ibv_device_attr){.max_qp_rd_atom = 4};
	return call_fails() ? ENOMEM : 0;
}

static struct queue_pair *pair_of(const struct id *id)
{
	return id && id->id.qp ? container_of(id->id.qp, struct queue_pair, qp) : NULL;
}

int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct queue_pair *p;

	if (call_fails())
		return -1;
	p = make(sizeof(*p));
	p->qp = (struct ibv_qp){.context = &verbs, .pd = pd, .send_cq = attr->send_cq, .recv_cq = attr->recv_cq};
	p->cap = attr->cap;
	p->id = container_of(id, struct id, id);
	list_init(&p->sends);
	list_init(&p->recvs);
	list_push_back(&net.pairs, &p->node);
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
	unmake(p);
}

/* --- the connection manager --- */

struct rdma_event_channel *rdma_create_event_channel(void)
{
	struct channel *c;

	if (call_fails())
		return NULL;
	c = make(sizeof(*c));
	c->c.fd = eventfd(0, EFD_NONBLOCK);
	list_init(&c->events);
	return &c->c;
}

void rdma_destroy_event_channel(struct rdma_event_channel *channel)
{
	struct channel *c = container_of(channel, struct channel, c);

	assert(list_is_empty(&c->events));
	close(c->c.fd);
	unmake(c);
}

static struct event *tell(struct id *id, enum rdma_cm_event_type type)
{
	struct channel *c = container_of(id->id.channel, struct channel, c);
	struct event *e = calloc(1, sizeof(*e));

	assert(e);
	e->e.id = &id->id;
	e->e.event = type;
	list_push_back(&c->events, &e->node);
	bell(c->c.fd);
	return e;
}

int rdma_create_id(struct rdma_event_channel *channel, struct rdma_cm_id **id, void *context, enum rdma_port_space ps)
{
	struct id *i;

	if (call_fails())
		return -1;
	i = make(sizeof(*i));
	i->id.channel = channel;
	i->id.context = context;
	*id = &i->id;
	return 0;
}

/* The connection is over: who has not heard of it does. */
static void hang_up(struct id *id)
{
	if (id && id->connected && !id->told) {
		id->told = true;
		tell(id, RDMA_CM_EVENT_DISCONNECTED);
	}
}

static void leave(struct id *id)
{
	struct id *peer = id->peer;

	id->peer = NULL;
	if (!peer)
		return;
	peer->peer = NULL;
	if (!peer->connected && !peer->told) { /* it was still asking */
		peer->told = true;
		tell(peer, RDMA_CM_EVENT_UNREACHABLE);
	}
	hang_up(peer);
}

int rdma_destroy_id(struct rdma_cm_id *id)
{
	struct id *i = container_of(id, struct id, id);
	struct channel *c = container_of(id->channel, struct channel, c);
	struct event *e, *next;

	assert(!id->qp && !i->unacked); /* the real one waits for ever */
	leave(i);
	for (unsigned l = 0; l < LISTENERS_MAX; l++)
		if (net.listeners[l] == i)
			net.listeners[l] = NULL;
	list_for_each_safe (e, next, &c->events, node) {
		if (e->e.id != id && e->e.listen_id != id)
			continue;
		list_remove(&e->node);
		if (e->e.listen_id == id)
			rdma_destroy_id(e->e.id);
		free(e);
	}
	unmake(i);
	return 0;
}

int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *addr)
{
	memcpy(&id->route.addr.src_storage, addr, sizeof(struct sockaddr_in));
	return call_fails() ? -1 : 0;
}

int rdma_listen(struct rdma_cm_id *id, int backlog)
{
	unsigned l = 0;

	while (l < LISTENERS_MAX && net.listeners[l])
		l++;
	assert(l < LISTENERS_MAX);
	net.listeners[l] = container_of(id, struct id, id);
	return 0;
}

static int next_step(struct rdma_cm_id *id, enum rdma_cm_event_type good, enum rdma_cm_event_type bad)
{
	if (call_fails())
		return -1;
	tell(container_of(id, struct id, id), move_fails(net.faults.refuse) ? bad : good);
	return 0;
}

int rdma_resolve_addr(struct rdma_cm_id *id, struct sockaddr *src, struct sockaddr *dst, int timeout_ms)
{
	memcpy(&id->route.addr.dst_storage, dst, sizeof(struct sockaddr_in));
	id->verbs = &verbs;
	return next_step(id, RDMA_CM_EVENT_ADDR_RESOLVED, RDMA_CM_EVENT_ADDR_ERROR);
}

int rdma_resolve_route(struct rdma_cm_id *id, int timeout_ms)
{
	return next_step(id, RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ROUTE_ERROR);
}

static struct id *listener_at(const struct sockaddr_in *where)
{
	for (unsigned l = 0; l < LISTENERS_MAX; l++)
		if (net.listeners[l] && net.listeners[l]->id.route.addr.src_sin.sin_port == where->sin_port)
			return net.listeners[l];
	return NULL;
}

int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct id *mine = container_of(id, struct id, id), *child, *listener = listener_at(&id->route.addr.dst_sin);
	struct event *e;

	if (call_fails())
		return -1;
	if (!listener || move_fails(net.faults.refuse)) {
		tell(mine, RDMA_CM_EVENT_REJECTED);
		return 0;
	}
	child = make(sizeof(*child));
	child->id.channel = listener->id.channel;
	child->id.context = listener->id.context;
	child->id.verbs = &verbs;
	child->id.route.addr.src_sin = listener->id.route.addr.src_sin;
	child->peer = mine;
	mine->peer = child;
	e = tell(child, RDMA_CM_EVENT_CONNECT_REQUEST);
	e->e.listen_id = &listener->id;
	e->e.param.conn = *param;
	assert(param->private_data_len <= sizeof(e->private_data));
	memcpy(e->private_data, param->private_data, param->private_data_len);
	e->e.param.conn.private_data = e->private_data;
	return 0;
}

int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct id *mine = container_of(id, struct id, id), *peer = mine->peer;

	if (call_fails())
		return -1;
	mine->connected = true;
	if (!peer) { /* who asked has gone */
		hang_up(mine);
		return 0;
	}
	peer->connected = true;
	if (move_fails(net.faults.refuse)) {
		leave(mine);
		hang_up(mine);
		return 0;
	}
	tell(mine, RDMA_CM_EVENT_ESTABLISHED);
	tell(peer, RDMA_CM_EVENT_ESTABLISHED);
	return 0;
}

int rdma_reject(struct rdma_cm_id *id, const void *private_data, uint8_t len)
{
	struct id *mine = container_of(id, struct id, id), *peer = mine->peer;

	mine->peer = NULL;
	if (!peer)
		return 0;
	peer->peer = NULL;
	peer->told = true;
	tell(peer, RDMA_CM_EVENT_REJECTED);
	return 0;
}

int rdma_disconnect(struct rdma_cm_id *id)
{
	struct id *mine = container_of(id, struct id, id);

	if (!mine->connected) {
		errno = EINVAL;
		return -1;
	}
	if (id->qp)
		break_pair(pair_of(mine));
	hang_up(mine->peer);
	hang_up(mine);
	return 0;
}

int rdma_get_cm_event(struct rdma_event_channel *channel, struct rdma_cm_event **event)
{
	struct channel *c = container_of(channel, struct channel, c);
	struct event *e;
	uint64_t count;

	if (list_is_empty(&c->events)) {
		if (read(c->c.fd, &count, sizeof(count)) < 0)
			assert(errno == EAGAIN);
		errno = EAGAIN;
		return -1;
	}
	e = list_entry(c->events.next, struct event, node);
	list_remove(&e->node);
	container_of(e->e.id, struct id, id)->unacked++;
	*event = &e->e;
	return 0;
}

int rdma_ack_cm_event(struct rdma_cm_event *event)
{
	container_of(event->id, struct id, id)->unacked--;
	free(container_of(event, struct event, e));
	return 0;
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

	list_for_each (r, &net.regions, node)
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
	struct queue_pair *to = pair_of(p->id->peer);
	struct work *w = list_entry(p->sends.next, struct work, node);
	enum ibv_wc_status status = IBV_WC_SUCCESS;

	if (!to || to->broken || move_fails(net.faults.cut))
		status = IBV_WC_RETRY_EXC_ERR;
	else if (!may_all(p->qp.pd, w, w->opcode == IBV_WR_RDMA_READ ? IBV_ACCESS_LOCAL_WRITE : 0))
		status = IBV_WC_LOC_PROT_ERR;
	else if (w->opcode == IBV_WR_RDMA_READ || w->opcode == IBV_WR_RDMA_WRITE)
		status = one_sided(w, to);
	else if (!deliver(w, to, &status))
		return false;
	net.violations += status && status != IBV_WC_RETRY_EXC_ERR;
	list_remove(&w->node);
	p->n_sends--;
	if (w->signaled || status)
		complete(p->qp.send_cq, w->wr_id, status, w->len);
	free(w);
	if (status)
		break_pair(p);
	return true;
}

static void run(struct queue_pair *p)
{
	uint64_t most = net.faults.most ? rng_below(&net.rng, net.faults.most + 1) : UINT64_MAX;

	while (p->id->connected && !list_is_empty(&p->sends) && most-- && move(p))
		;
}

void fake_rdma_step(void)
{
	struct queue_pair *p;

	for (int pass = 0; pass < 2; pass++) /* some before the others */
		list_for_each (p, &net.pairs, node)
			if (pass || rng_one_in(&net.rng, 2))
				run(p);
}
