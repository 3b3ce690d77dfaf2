/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NVMe/TCP target against a byte stream: the first byte says how far an honest host got before these
 * bytes (0: nowhere, 1: ICReq, 2: a connected and enabled admin queue, 3: an I/O queue beside it), bit 4
 * asks for digests, bit 5 makes the host one that must authenticate. The rest is what it sends next.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nvmf/nvmf.h"
#include "nvmf/pdu.h"
#include "nvmf/stream.h"

#define NQN "nqn.2026-11.test:fuzz"
#define KEY "DHHC-1:00:iYqLjI2Oj5CRkpOUlZaXmJmam5ydnp+goaKjpKWmp6jbvFIZ:"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	struct stream *s;
	struct iovec iov;
	bool busy, ended;
	uint8_t in[4096];
	size_t in_len;
};

static struct reactor *reactor;
static struct nvme_target *target;
static struct nvmf_server *server;
static struct nvme_port *port;
static struct nvme_subsystem *subsys;

static void received(struct stream *s, const uint8_t *data, ssize_t n)
{
	struct peer *p = s->owner;

	if (n <= 0) {
		p->ended = true;
		return;
	}
	p->in_len = (size_t)n < sizeof(p->in) ? (size_t)n : sizeof(p->in);
	memcpy(p->in, data, p->in_len);
	stream_release(s);
	stream_recv(s, STREAM_ALL);
}

static void sent(struct stream *s, int err)
{
	((struct peer *)s->owner)->busy = false;
}

static void closed(struct stream *s)
{
	((struct peer *)s->owner)->s = NULL;
}

static const struct stream_user user = {.received = received, .sent = sent, .closed = closed};

static void settle(void)
{
	for (int i = 0; i < 6; i++) {
		reactor_advance(reactor, 100 * NS_PER_US);
		reactor_run_once(reactor, 0);
	}
}

static void open_peer(struct peer *p)
{
	struct stream *theirs;

	memset(p, 0, sizeof(*p));
	if (stream_pipe(reactor, &p->s, &theirs))
		abort();
	p->s->user = &user;
	p->s->owner = p;
	nvmf_attach(server, reactor, port, theirs, "192.0.2.1");
	stream_recv(p->s, STREAM_ALL);
}

static void put(struct peer *p, const void *bytes, size_t n)
{
	if (p->ended || p->busy || !n)
		return;
	p->busy = true;
	p->iov = (struct iovec){(void *)(uintptr_t)bytes, n};
	stream_send(p->s, &p->iov, 1);
	settle();
}

static void hello(struct peer *p, bool digests)
{
	struct pdu_ic ic = {.ch = {.type = PDU_IC_REQ, .hlen = 128, .plen = 128}, .digest = digests ? 3 : 0};

	put(p, &ic, sizeof(ic));
}

static void connect_queue(struct peer *p, uint16_t qid, uint16_t cntlid, const char *host)
{
	static uint8_t capsule[72 + 1024];
	struct pdu_cmd *c = (struct pdu_cmd *)capsule;
	struct nvme_connect_data *d = (struct nvme_connect_data *)(capsule + 72);

	memset(capsule, 0, sizeof(capsule));
	c->ch = (struct pdu_common){.type = PDU_CMD, .hlen = 72, .pdo = 72, .plen = sizeof(capsule)};
	c->cmd.opcode = NVME_FABRICS;
	c->cmd.flags = NVME_PSDT_SGL;
	c->cmd.connect.fctype = NVME_FC_CONNECT;
	c->cmd.connect.qid = qid;
	c->cmd.connect.sqsize = 15;
	c->cmd.connect.sgl = (struct nvme_sgl){.length = 1024, .type = 1};
	d->cntlid = cntlid;
	strcpy(d->subnqn, NQN);
	strcpy(d->hostnqn, host);
	put(p, capsule, sizeof(capsule));
}

static void enable(struct peer *p)
{
	struct pdu_cmd c = {.ch = {.type = PDU_CMD, .hlen = 72, .plen = 72}};

	c.cmd.opcode = NVME_FABRICS;
	c.cmd.flags = NVME_PSDT_SGL;
	c.cmd.property.fctype = NVME_FC_PROPERTY_SET;
	c.cmd.property.offset = NVME_REG_CC;
	c.cmd.property.value = 1 | 6 << 16 | 4 << 20;
	put(p, &c, sizeof(c));
}

static void start(void)
{
	struct blk_dev *dev;
	struct nvme_namespace *ns;

	log_set_level(LOG_DISABLE);
	if (reactor_create(&(struct reactor_options){.virtual_time = true, .cpu = -1, .buffers = {16, 8, 4, 2}}, &reactor) ||
		nvme_target_create(&(struct nvme_target_options){.reactors = &reactor, .reactor_count = 1}, &target) ||
		nvmf_server_create(&(struct nvmf_server_options){.target = target, .in_capsule_bytes = 4096}, &server) ||
		nvme_port_add(target, &(struct nvme_port_config){.trtype = NVME_TRTYPE_TCP, .traddr = "192.0.2.1",
					      .trsvcid = "4420"}, &port) ||
		nvme_subsystem_add(target, &(struct nvme_subsystem_config){.nqn = NQN, .allow_any_host = true}, &subsys) ||
		blk_open("mem:1M", &dev) || nvme_namespace_add(subsys, &(struct nvme_namespace_config){.dev = dev}, &ns))
		abort();
	nvme_host_set(target, &(struct nvme_host_config){.nqn = "nqn.2026-11.test:keyed", .dhchap_key = KEY,
				      .dhchap_dhgroup = "null"});
}

static void leave(struct peer *p)
{
	stream_close(p->s);
	for (int i = 0; i < 100 && p->s; i++)
		settle();
	if (p->s)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer admin, io;
	struct reactor_stats stats;
	const char *host;
	struct peer *p = &admin;
	uint16_t cntlid = 0;
	uint8_t how;

	if (!reactor)
		start();
	if (!size)
		return 0;
	how = data[0];
	host = how & 32 ? "nqn.2026-11.test:keyed" : "nqn.2026-11.test:plain";
	open_peer(&admin);
	open_peer(&io);
	if ((how & 3) > 0)
		hello(&admin, how & 16 && (how & 3) == 1);
	if ((how & 3) > 1) {
		connect_queue(&admin, 0, 0xffff, host);
		cntlid = (uint16_t)((struct pdu_rsp *)admin.in)->cqe.result;
		enable(&admin);
	}
	if ((how & 3) > 2) {
		hello(&io, false);
		connect_queue(&io, 1, cntlid, host);
		p = &io;
	}
	put(p, data + 1, size - 1);
	leave(&io);
	leave(&admin);
	settle();
	if (nvme_target_controllers(target))
		abort();
	reactor_stats(reactor, &stats);
	for (int i = 0; i < REACTOR_BUF_CLASSES; i++)
		if (stats.buf_free[i] != stats.buf_total[i])
			abort();
	return 0;
}
