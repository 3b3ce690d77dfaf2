/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA connection management: listening, accepting with the private data of the NVMe/RDMA transport. */
#include "nvmf/rdma.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvmf/rdma_cm.h"

LOG_MODULE("nvmf.rdma");

#define TICK_NS NS_PER_SEC
#define HELLO_NS (10 * NS_PER_SEC)

enum {
	REJECT_LENGTH = 1,
	REJECT_RECFMT = 2,
	REJECT_HSQSIZE = 4,
	REJECT_RESOURCES = 6,
};

static void reject(struct rdma_cm_id *id, uint16_t status)
{
	struct rdma_cm_reject r = {.status = status};

	log_warn("an RDMA connection is rejected with status %u", status);
	rdma_reject(id, &r, sizeof(r));
}

/* Protection domain and registration of the reactor's buffers, once per device. */
static struct rdma_dev *device(struct rdma_listener *l, struct ibv_context *ctx)
{
	struct rdma_dev *d = l->devs;
	size_t bytes;
	void *start;

	while (d < l->devs + RDMA_DEVICES_MAX && d->ctx && d->ctx != ctx)
		d++;
	if (d == l->devs + RDMA_DEVICES_MAX)
		return NULL;
	if (d->ctx)
		return d;
	reactor_buf_arena(l->reactor, &start, &bytes);
	d->pd = ibv_alloc_pd(ctx);
	d->arena = d->pd ? ibv_reg_mr(d->pd, start, bytes, IBV_ACCESS_LOCAL_WRITE) : NULL;
	if (!d->arena) {
		log_err("the data buffers cannot be registered with %s: %s", ibv_get_device_name(ctx->device),
			strerror(errno));
		if (d->pd)
			ibv_dealloc_pd(d->pd);
		d->pd = NULL;
		return NULL;
	}
	d->ctx = ctx;
	return d;
}

static uint16_t check_request(const struct rdma_conn_param *p, struct rdma_cm_request *req)
{
	if (!p->private_data || p->private_data_len < sizeof(*req))
		return REJECT_LENGTH;
	memcpy(req, p->private_data, sizeof(*req));
	if (req->recfmt)
		return REJECT_RECFMT;
	if (req->hsqsize + 1u < 2 || req->hsqsize + 1u > NVME_QUEUE_SIZE_MAX)
		return REJECT_HSQSIZE;
	return 0;
}

/* Returns false when the id is still the event's: the caller destroys it after the acknowledgement. */
static bool accept_one(struct rdma_listener *l, struct rdma_cm_id *id, const struct rdma_conn_param *p)
{
	struct rdma_cm_request req;
	struct rdma_cm_reply reply = {.recfmt = 0};
	struct rdma_conn_param accept = {.private_data = &reply, .private_data_len = sizeof(reply),
		.initiator_depth = p->initiator_depth, .flow_control = 1, .rnr_retry_count = 7};
	uint16_t status = check_request(p, &req);
	struct rdma_dev *dev = status ? NULL : device(l, id->verbs);
	struct rdma_conn *c = NULL;

	if (!status && dev && l->count < RDMA_CONNECTIONS_MAX)
		c = rdma_conn_create(l, dev, id, req.hsqsize + 1u);
	if (!c) {
		reject(id, status ? status : REJECT_RESOURCES);
		return false;
	}
	reply.crqsize = (uint16_t)(req.hsqsize + 1);
	if (rdma_accept(id, &accept))
		rdma_conn_close(c);
	return true;
}

static void handle(struct rdma_listener *l, struct rdma_cm_event *ev)
{
	struct rdma_cm_id *id = ev->id;
	bool ours = true;

	switch (ev->event) {
	case RDMA_CM_EVENT_CONNECT_REQUEST:
		ours = !l->closing && accept_one(l, id, &ev->param.conn);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
	case RDMA_CM_EVENT_ADDR_CHANGE:
		break;
	default: /* disconnected, unreachable, rejected, device gone */
		if (id != l->id && id->context && id->context != l)
			rdma_conn_close(id->context);
	}
	rdma_ack_cm_event(ev);
	if (!ours)
		rdma_destroy_id(id);
}

static void arm(struct rdma_listener *l)
{
	reactor_watch(l->reactor, &l->poll_op, l->events->fd);
	__atomic_store_n(&l->armed, true, __ATOMIC_RELEASE);
}

static void events_ready(struct reactor_op *op, int res, uint32_t flags)
{
	struct rdma_listener *l = container_of(op, struct rdma_listener, poll_op);
	struct rdma_cm_event *ev;

	while (!rdma_get_cm_event(l->events, &ev))
		handle(l, ev);
	if (l->closing && !l->count)
		__atomic_store_n(&l->armed, false, __ATOMIC_RELEASE);
	else
		arm(l);
}

static void tick(struct reactor_timer *timer)
{
	struct rdma_listener *l = container_of(timer, struct rdma_listener, tick);
	struct rdma_conn *c, *next;

	reactor_timer_arm(l->reactor, timer, reactor_now(l->reactor) + TICK_NS);
	list_for_each_safe (c, next, &l->conns, node)
		if (!c->q.ctrl && reactor_now(l->reactor) - c->born > HELLO_NS)
			rdma_conn_close(c);
}

static void start(void *arg)
{
	struct rdma_listener *l = arg;

	l->tick.fire = tick;
	reactor_timer_arm(l->reactor, &l->tick, reactor_now(l->reactor) + TICK_NS);
	arm(l);
}

static int bind_and_listen(struct rdma_listener *l, const struct nvme_port_config *config)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE}, *ai;
	int err;

	l->events = rdma_create_event_channel();
	if (!l->events)
		return refuse(errno, "no RDMA connection manager: %s (modprobe rdma_ucm?)", strerror(errno));
	fcntl(l->events->fd, F_SETFL, O_NONBLOCK);
	if (rdma_create_id(l->events, &l->id, l, RDMA_PS_TCP))
		return refuse(errno, "rdma_create_id: %s", strerror(errno));
	if (getaddrinfo(config->traddr, config->trsvcid, &hints, &ai))
		return refuse(EINVAL, "RDMA listen on %s:%s: a numeric address and port are needed", config->traddr,
			config->trsvcid);
	err = rdma_bind_addr(l->id, ai->ai_addr) || rdma_listen(l->id, 128) ? errno : 0;
	freeaddrinfo(ai);
	return err ? refuse(err, "RDMA listen on %s:%s: %s (is there an RDMA device with this address?)",
			     config->traddr, config->trsvcid, strerror(err))
		   : 0;
}

static void destroy(struct rdma_listener *l)
{
	for (struct rdma_dev *d = l->devs; d < l->devs + RDMA_DEVICES_MAX && d->ctx; d++) {
		ibv_dereg_mr(d->arena);
		ibv_dealloc_pd(d->pd);
	}
	if (l->id)
		rdma_destroy_id(l->id);
	if (l->events)
		rdma_destroy_event_channel(l->events);
	free(l);
}

int rdma_listener_open(struct nvmf_server *s, struct nvme_target *target, struct reactor *r,
	const struct nvme_port_config *config, struct rdma_listener **out)
{
	struct rdma_listener *l = calloc(1, sizeof(*l));
	struct nvme_port_config real = *config;
	int err;

	if (!l)
		return -ENOMEM;
	list_init(&l->conns);
	l->server = s;
	l->target = target;
	l->reactor = r;
	l->poll_op.done = events_ready;
	l->ops = (struct nvme_transport_ops){.trtype = NVME_TRTYPE_RDMA, .keyed_sgl = true,
		.in_capsule_bytes = RDMA_IN_CAPSULE, .complete = rdma_conn_complete, .disconnect = rdma_conn_disconnect,
		.find = rdma_conn_find};
	err = bind_and_listen(l, config);
	if (!err) {
		real.adrfam = strchr(config->traddr, ':') ? NVME_ADRFAM_IPV6 : NVME_ADRFAM_IPV4;
		err = nvme_port_add(target, &real, &l->port);
	}
	if (err) {
		destroy(l);
		return err;
	}
	reactor_call(r, start, l);
	*out = l;
	return 0;
}

static void stop(void *arg)
{
	struct rdma_listener *l = arg;
	struct rdma_conn *c, *next;

	if (!l->closing)
		reactor_timer_cancel(l->reactor, &l->tick);
	l->closing = true;
	list_for_each_safe (c, next, &l->conns, node)
		rdma_conn_close(c);
	if (!l->count)
		reactor_unwatch(l->reactor, &l->poll_op);
}

void rdma_listener_close(struct rdma_listener *l)
{
	struct nvme_port *port = l->port;

	while (__atomic_load_n(&l->armed, __ATOMIC_ACQUIRE)) {
		reactor_call(l->reactor, stop, l);
		reactor_help(l->reactor);
	}
	destroy(l);
	nvme_port_remove(port);
}
