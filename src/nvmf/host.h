/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The initiator: a host's connection to one controller (nvmf_host), and several of those as paths to one
 * subsystem (nvmf_multi, host_multi.c).
 *
 * Model. An nvmf_host lives on one reactor: an admin queue and I/O queues over TCP. It connects by
 * itself after nvmf_host_start(), brings the controller up, learns the namespaces, and says so by
 * on_state(NVMF_HOST_LIVE). When the connection is lost its I/Os end with NVME_SC_HOST_PATH_ERROR, and it
 * connects again with growing pauses until ctrl_loss_ms have passed. Nothing blocks; timeouts, keep
 * alive and reconnecting run from timers of its own, so a dead controller delays no other.
 *
 * I/O. The caller owns struct nvmf_io from submit to done(). Data is one flat buffer.
 *
 *     io.cmd.opcode = NVME_IO_READ; io.cmd.nsid = 1; io.cmd.rw.slba = 0; io.cmd.rw.nlb = 7;
 *     io.buf = buf; io.len = 4096; io.dir = NVME_DIR_TO_HOST; io.done = finished;
 *     nvmf_host_submit(host, &io);
 *
 * Threads: everything on the host's reactor. Callbacks come from its iteration; done() may submit more
 * and may be called before submit returns when the host is not live. nvmf_host_destroy() may be
 * called from callbacks; the host is gone when on_state(NVMF_HOST_GONE) has been called.
 */
#ifndef NVMF_HOST_H
#define NVMF_HOST_H

#include "nvme/nvme.h"

struct nvmf_host;
struct nvmf_multi;
struct stream;

enum nvmf_host_state {
	NVMF_HOST_CONNECTING, /* or waiting to try again */
	NVMF_HOST_LIVE,
	NVMF_HOST_FAILED, /* given up: refused by the target, or ctrl_loss_ms have passed */
	NVMF_HOST_GONE,	  /* after destroy: the last callback */
};

enum nvmf_host_event {
	NVMF_EVENT_NAMESPACES, /* the list or a namespace changed; it has been read again */
	NVMF_EVENT_ANA,	       /* likewise the ANA states */
	NVMF_EVENT_DISCOVERY,  /* the discovery log changed: read it again */
};

struct nvmf_io {
	struct nvme_cmd cmd; /* flags, cid and SGL are filled in */
	void *buf;
	uint32_t len;
	enum nvme_dir dir;
	void (*done)(struct nvmf_io *io); /* cqe and status are set */
	void *arg;
	uint16_t status; /* code and DNR bit; NVME_SC_HOST_PATH_ERROR when the path was lost */
	struct nvme_cqe cqe;

	/* the initiator's while in flight */
	struct nvmf_io *next;
	struct nvmf_multi *multi;
	void *path;
	void (*path_done)(struct nvmf_io *io);
	uint64_t submitted, deadline;
	uint32_t received; /* data of a read that has come */
	uint32_t retries;
	uint16_t slot;
};

struct nvmf_host_options {
	struct reactor *reactor;
	uint8_t trtype;		      /* NVME_TRTYPE_TCP (also 0) or NVME_TRTYPE_RDMA */
	const char *traddr, *trsvcid; /* numeric */
	const char *subnqn;	      /* NULL = the discovery service */
	const char *hostnqn;	      /* NULL = nqn of /etc/nvme/hostnqn, or one derived from the machine id */
	const uint8_t *hostid;	      /* 16 bytes; NULL = derived from hostnqn */
	uint16_t io_queues;	      /* 0 = 1 */
	uint16_t queue_size;	      /* 0 = 128 */
	bool hdgst, ddgst;
	uint32_t kato_ms;	      /* 0 = 5 s; UINT32_MAX = none */
	uint32_t io_timeout_ms;	      /* 0 = 30 s: then the path counts as dead */
	uint32_t reconnect_ms;	      /* first pause, doubles up to 10 s; 0 = 100 ms */
	uint32_t ctrl_loss_ms;	      /* 0 = 600 s; UINT32_MAX = never give up */
	const char *dhchap_key, *dhchap_ctrl_key; /* DHHC-1:...; NULL = no authentication */
	const char *psk;	      /* NVMeTLSkey-1:...; NULL = plain TCP */
	void (*on_state)(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err);
	void (*on_event)(void *arg, struct nvmf_host *h, enum nvmf_host_event event); /* may be NULL */
	void *arg;
	/* Tests: a stream of their own making instead of a socket. */
	int (*dial)(void *arg, uint16_t qid, struct stream **out);
	void *dial_arg;
};

struct nvmf_ns {
	uint32_t nsid, block_size, ana_group;
	uint64_t blocks;
	uint8_t nguid[16];
	enum nvme_ana_state ana; /* by this controller */
	bool readonly;
};

int nvmf_host_create(const struct nvmf_host_options *options, struct nvmf_host **out);
void nvmf_host_start(struct nvmf_host *h);
void nvmf_host_destroy(struct nvmf_host *h);

enum nvmf_host_state nvmf_host_state(const struct nvmf_host *h);
/* Why it is not live, in a sentence; "" when it is. Borrowed. */
const char *nvmf_host_trouble(const struct nvmf_host *h);
const struct nvme_id_ctrl *nvmf_host_identity(const struct nvmf_host *h);
const struct nvmf_ns *nvmf_host_namespaces(const struct nvmf_host *h, unsigned *count);
const struct nvmf_ns *nvmf_host_ns(const struct nvmf_host *h, uint32_t nsid);
uint32_t nvmf_host_max_data(const struct nvmf_host *h); /* bytes per command */
unsigned nvmf_host_inflight(const struct nvmf_host *h);
const char *nvmf_host_address(const struct nvmf_host *h);

/* I/O command on the least busy queue; waits in line when all entries are taken. */
void nvmf_host_submit(struct nvmf_host *h, struct nvmf_io *io);
void nvmf_host_admin(struct nvmf_host *h, struct nvmf_io *io);

/* --- several paths --- */

enum nvmf_policy {
	NVMF_ROUND_ROBIN,
	NVMF_QUEUE_DEPTH, /* fewest commands in flight */
	NVMF_LATENCY,	  /* shortest smoothed latency times depth */
};

/* Optimized paths before non-optimized ones; a command whose path dies or turns inaccessible goes to
 * another, and waits while there is none, up to no_path_ms. */
int nvmf_multi_create(struct reactor *r, enum nvmf_policy policy, uint32_t no_path_ms, struct nvmf_multi **out);
/* A path by its options; on_state and on_event still reach the caller. */
int nvmf_multi_add(struct nvmf_multi *m, const struct nvmf_host_options *path);
void nvmf_multi_remove(struct nvmf_multi *m, struct nvmf_host *path);
void nvmf_multi_submit(struct nvmf_multi *m, struct nvmf_io *io);
/* done(arg) when all paths are gone; what still waits ends with NVME_SC_HOST_ABORTED. */
void nvmf_multi_destroy(struct nvmf_multi *m, void (*done)(void *arg), void *arg);
unsigned nvmf_multi_live(const struct nvmf_multi *m);
struct nvmf_host *nvmf_multi_path(const struct nvmf_multi *m, unsigned i); /* NULL beyond the last */

/* The text of a status for people: "Compare Failure (0x285)". Static or per-thread storage. */
const char *nvmf_status_text(uint16_t status);

#endif
