/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room nvme: the NVMe controller model - subsystems, namespaces, controllers, commands - without a
 * socket. A transport (room nvmf) moves capsules and data; a control thread changes configuration.
 *
 * Model.
 *   target      everything exported by this process: ports, subsystems, referrals, known hosts
 *   port        an address hosts reach us by; has an ANA state per ANA group
 *   subsystem   an NQN with namespaces, an allow-list of hosts, and live controllers
 *   namespace   a block device (room blk) under a number; per reactor it has a channel
 *   controller  born by a Connect on an admin queue, dies with that queue or its keep alive
 *   queue       embedded in a transport's connection; lives on one reactor
 *   request     embedded in a transport's command slot
 *
 * Life of a command (DESIGN 7, "command path"):
 *     memcpy(&req->cmd, capsule, 64);
 *     status = nvme_request_init(req);       validates, chooses req->execute, data_len and dir
 *     status ? nvme_request_complete(req, status)          (the transport may drop data first)
 *            : move data_len bytes into req->data if dir is NVME_DIR_FROM_HOST
 *     nvme_request_execute(req);             ... ops->complete(req) is called exactly once, possibly
 *                                            before execute returns, always on the queue's reactor
 *     send req->data if dir is NVME_DIR_TO_HOST and the status is success; send req->cqe
 *
 * Threads. Requests and queues belong to their reactor. Configuration calls (target, port, subsystem,
 * namespace, host) come from one control thread or from the reactor of a caller's loop, and take
 * target->lock inside, as the admin commands do; the I/O path takes no lock. A namespace is removed by
 * unpublishing it and then visiting every reactor (nvme_namespace_remove), so a reactor may use
 * what it looked up until its next message.
 *
 * Errors. Commands end with NVMe status codes from end to end; configuration returns 0/-errno and
 * refuses with a sentence.
 *
 * Limits. See the enum below; each is reported to hosts or refused with a sentence.
 */
#ifndef NVME_NVME_H
#define NVME_NVME_H

#include <stdbool.h>
#include <stdint.h>

#include "blk/blk.h"
#include "nvme/spec.h"

enum {
	NVME_NAMESPACES_MAX = 4096,  /* per subsystem: the changed list and lists of hosts stay cheap */
	NVME_QUEUE_SIZE_MAX = 1024,  /* entries; CAP.MQES. Each entry costs sizeof(tcp request) */
	NVME_IO_QUEUES_MAX = 128,    /* per controller */
	NVME_CONTROLLERS_MAX = 4096, /* per target, all subsystems: bounds a connection flood */
	NVME_ANA_GROUPS_MAX = 128,
	NVME_AER_MAX = 4, /* outstanding asynchronous event requests per controller */
	NVME_ERROR_LOG_ENTRIES = 64,
	NVME_CHANGED_NS_MAX = 1024, /* Base 5.16.1.5: more than that is reported as "all" */
	NVME_REGISTRANTS_MAX = 64,  /* hosts registered with one namespace */
	NVME_MDTS = 8,              /* 2^8 pages of 4 KiB = 1 MiB, the largest pool buffer */
	NVME_MAX_DATA = 1 << 20,
	NVME_COPY_RANGES_MAX = 128,
	NVME_DSM_RANGES_MAX = 256,
	NVME_KATO_MIN_MS = 1000,
	NVME_KATO_DEFAULT_MS = 15000, /* for a host that asks for none on an I/O controller: no timer */
};

struct nvme_target;
struct nvme_port;
struct nvme_subsystem;
struct nvme_namespace;
struct nvme_ns_channel;
struct nvme_ctrl;
struct nvme_request;
struct nvme_queue;
struct nvme_auth;
struct tls_psk;

/* --- for transports --- */

enum nvme_dir {
	NVME_DIR_NONE,
	NVME_DIR_FROM_HOST,
	NVME_DIR_TO_HOST,
};

struct nvme_transport_ops {
	uint8_t trtype;
	bool keyed_sgl;
	uint32_t in_capsule_bytes; /* data an I/O capsule may carry; the admin queue's is 8192 */
	/* The request is finished: req->cqe is complete. On the queue's reactor, exactly once. */
	void (*complete)(struct nvme_request *req);
	/* Close this connection (fatal controller error, removal, keep alive). On the queue's reactor.
	 * The transport answers, now or later, with nvme_queue_close(). */
	void (*disconnect)(struct nvme_queue *queue);
	/* The request with this command identifier that is between init and complete, or NULL. For Abort. */
	struct nvme_request *(*find)(struct nvme_queue *queue, uint16_t cid);
};

struct nvme_request {
	struct nvme_cmd cmd;
	struct nvme_cqe cqe;
	struct nvme_queue *queue; /* set once by the transport */

	/* chosen by nvme_request_init() */
	void (*execute)(struct nvme_request *req);
	uint32_t data_len;
	enum nvme_dir dir;

	/* the transport's, data_len bytes, 4 KiB aligned; valid from execute to complete. A read of a queue that
	 * borrows may say `lent`: it needs no buffer, execute points data at the device's own memory, and the
	 * transport calls nvme_request_return() when it has sent them. */
	uint8_t *data;
	bool lent;
	struct blk_dev *lender; /* held until then */

	/* the room's, from init to complete */
	uint8_t stage, fuse, active;
	bool submitted; /* io was given to the device */
	uint16_t status;
	struct nvme_namespace *ns;
	struct nvme_ns_channel *nsc;
	struct nvme_request *peer; /* the other half of a fused pair; of an Abort: the command it is about */
	struct nvme_request *abort; /* the Abort that is about this command */
	struct nvme_request *next; /* in a waiting list: throttled, range locked, AER */
	uint64_t started;
	struct iovec iov;
	struct blk_io io;
	struct reactor_msg msg;
	uint32_t step, steps;
	void *scratch;
};

#define NVME_LATENCY_BUCKETS 24 /* bucket i counts I/Os that took less than 2^i microseconds */

struct nvme_io_stats {
	uint64_t reads, writes, others, read_bytes, write_bytes, errors, throttled;
	uint64_t latency_ns_read, latency_ns_write; /* sums */
	uint64_t latency_read[NVME_LATENCY_BUCKETS], latency_write[NVME_LATENCY_BUCKETS];
};

struct nvme_queue {
	const struct nvme_transport_ops *ops; /* the transport sets these five before init */
	struct reactor *reactor;
	struct nvme_target *target;
	struct nvme_port *port;
	char local_addr[64]; /* address the host connected to, for the discovery log */
	bool borrows;        /* of the next command, if a read: its data may lie in the device's memory and change */
	bool secure;         /* the channel below is TLS with a PSK; set before Connect */
	char psk_hostnqn[NVME_NQN_SIZE], psk_subnqn[NVME_NQN_SIZE]; /* whom that key belongs to, and what for */

	struct nvme_ctrl *ctrl; /* NULL before Connect and after close */
	uint16_t qid, size, sqhd;
	bool no_sqfc, authenticated, closed;
	uint32_t inflight; /* requests between init and complete */
	struct nvme_request *fuse_first;
	struct nvme_auth *auth;
	struct reactor_msg kill_msg;
	bool kill_sent; /* atomic: kill_msg is on its way */
	struct nvme_io_stats stats; /* of its I/O commands; written by its reactor, read by anybody */
};

void nvme_queue_init(struct nvme_queue *q);

/* The connection is gone or going. Completes what only waits (AERs, half a fused pair) and leaves the
 * controller; requests in backends still complete later. Again is a no-op. */
void nvme_queue_close(struct nvme_queue *q);
/* Of a closed queue: may its memory go? False while requests or a disconnect message are under way;
 * each of their ends calls ops->complete() or ops->disconnect(), where the transport asks again. */
bool nvme_queue_idle(const struct nvme_queue *q);

/* 0 or a status the request must be completed with. */
uint16_t nvme_request_init(struct nvme_request *req);
void nvme_request_execute(struct nvme_request *req);
/* Ends the request with a status of the transport's (a failed init, a data digest error). */
void nvme_request_complete(struct nvme_request *req, uint16_t status);

/* What was lent has been sent; nothing to do for other requests. */
static inline void nvme_request_return(struct nvme_request *req)
{
	if (req->lender)
		blk_close(req->lender);
	req->lender = NULL;
}

/* --- configuration --- */

struct nvme_target_options {
	struct reactor *const *reactors; /* those that may carry queues; borrowed, must outlive the target */
	unsigned reactor_count;
	const char *state_dir; /* reservations that persist through power loss; NULL = not persistent */
	uint32_t io_queues;    /* per controller; 0 = NVME_IO_QUEUES_MAX */
	uint32_t queue_size;   /* 0 = 128 */
};

int nvme_target_create(const struct nvme_target_options *options, struct nvme_target **out);
/* Queue entries (2 to NVME_QUEUE_SIZE_MAX) and data per command (a power of two of 4 KiB up to
 * NVME_MAX_DATA) for controllers made from now on; 0 = leave it. */
int nvme_target_set_limits(struct nvme_target *t, uint32_t queue_size, uint32_t max_data);
/* All connections must be gone. NULL is a no-op. */
void nvme_target_destroy(struct nvme_target *t);
unsigned nvme_target_reactors(const struct nvme_target *t, struct reactor *const **out);

struct nvme_port_config {
	uint16_t id;       /* 1..65535, 0 = next free */
	uint8_t trtype;    /* NVME_TRTYPE_* */
	uint8_t adrfam;    /* NVME_ADRFAM_* */
	const char *traddr, *trsvcid;
	const char *advertise_traddr, *advertise_trsvcid; /* in the discovery log; NULL = the address used */
	bool secure;       /* TLS required */
};
int nvme_port_add(struct nvme_target *t, const struct nvme_port_config *config, struct nvme_port **out);
/* Its queues are disconnected first; freed when the last has gone. */
void nvme_port_remove(struct nvme_port *p);
/* Whoever keeps a pointer across time holds a reference (any thread). NULL is a no-op. */
void nvme_port_get(struct nvme_port *p);
void nvme_port_put(struct nvme_port *p);
uint16_t nvme_port_id(const struct nvme_port *p);
const struct nvme_port_config *nvme_port_config(const struct nvme_port *p);
struct nvme_port *nvme_port_find(struct nvme_target *t, uint16_t id);
/* Live: hosts get the ANA change event. -EINVAL for a state or group that does not exist. */
int nvme_port_ana_set(struct nvme_port *p, uint32_t group, enum nvme_ana_state state);
enum nvme_ana_state nvme_port_ana(const struct nvme_port *p, uint32_t group);

/* Another discovery service to send hosts to. Replaces one with the same address. */
int nvme_referral_add(struct nvme_target *t, const struct nvme_port_config *where);
int nvme_referral_remove(struct nvme_target *t, const char *traddr, const char *trsvcid);

struct nvme_subsystem_config {
	const char *nqn;
	const char *serial; /* up to 20 ASCII; NULL = derived from the NQN */
	const char *model;  /* up to 40 ASCII; NULL = "softdpu" */
	uint16_t cntlid_min, cntlid_max; /* 0 = 1 .. 0xffef; disjoint ranges let two targets be one subsystem */
	uint32_t max_namespaces;         /* 0 = NVME_NAMESPACES_MAX */
	bool allow_any_host;
	bool hidden; /* no port at all until nvme_subsystem_port_add(); else every port */
};
int nvme_subsystem_add(struct nvme_target *t, const struct nvme_subsystem_config *config,
	struct nvme_subsystem **out);
/* Disconnects its controllers, removes its namespaces; done (may be NULL) runs when all has gone, on
 * some reactor. The pointer is dead for the caller on return. */
void nvme_subsystem_remove(struct nvme_subsystem *s, void (*done)(void *arg), void *arg);
struct nvme_subsystem *nvme_subsystem_find(struct nvme_target *t, const char *nqn);
const char *nvme_subsystem_nqn(const struct nvme_subsystem *s);
struct nvme_target *nvme_subsystem_target(const struct nvme_subsystem *s);
int nvme_subsystem_allow_any(struct nvme_subsystem *s, bool any);
int nvme_subsystem_host_add(struct nvme_subsystem *s, const char *hostnqn);
int nvme_subsystem_host_remove(struct nvme_subsystem *s, const char *hostnqn);
/* Show the subsystem on these ports only (from the first call on). */
int nvme_subsystem_port_add(struct nvme_subsystem *s, const struct nvme_port *p);
int nvme_subsystem_port_remove(struct nvme_subsystem *s, const struct nvme_port *p);

/* Secrets of a host, for all subsystems: DHHC-1:... keys (Base 8.13.5.7) and a TLS PSK (NVMeTLSkey-1:).
 * NULL leaves that out; all NULL forgets the host. */
struct nvme_host_config {
	const char *nqn, *dhchap_key, *dhchap_ctrl_key, *psk;
	const char *dhchap_hash, *dhchap_dhgroup; /* NULL = sha256, ffdhe2048 */
};
int nvme_host_set(struct nvme_target *t, const struct nvme_host_config *config);
/* The key of what a host offers in a TLS handshake (untrusted). -EINVAL for no identity of NVMe/TCP, -ENOENT for
 * a host without PSK, -EKEYREJECTED for another key's digest; each with a refusal. Any thread. */
int nvme_host_psk(struct nvme_target *t, const void *identity, size_t len, struct tls_psk *out);

struct nvme_namespace_config {
	uint32_t nsid; /* 0 = the lowest free */
	struct blk_dev *dev; /* one reference is taken over on success */
	uint8_t nguid[16], eui64[8], uuid[16]; /* all zero = NGUID and UUID derived from subsystem and nsid */
	uint32_t ana_group; /* 0 = 1 */
	bool readonly;
	bool masked; /* visible only to hosts added by nvme_namespace_host_add() */
	uint64_t iops_limit, bytes_limit; /* per second; 0 = none */
};
int nvme_namespace_add(struct nvme_subsystem *s, const struct nvme_namespace_config *config,
	struct nvme_namespace **out);
/* Hosts see it go at once; done (may be NULL) runs when its last I/O has completed and the device is
 * closed, on some reactor. */
void nvme_namespace_remove(struct nvme_namespace *ns, void (*done)(void *arg), void *arg);
struct nvme_namespace *nvme_namespace_find(struct nvme_subsystem *s, uint32_t nsid);
uint32_t nvme_namespace_id(const struct nvme_namespace *ns);
struct blk_dev *nvme_namespace_dev(const struct nvme_namespace *ns);
int nvme_namespace_resize(struct nvme_namespace *ns, uint64_t bytes);
int nvme_namespace_set_ana_group(struct nvme_namespace *ns, uint32_t group);
int nvme_namespace_set_readonly(struct nvme_namespace *ns, bool readonly);
int nvme_namespace_set_qos(struct nvme_namespace *ns, uint64_t iops, uint64_t bytes);
int nvme_namespace_host_add(struct nvme_namespace *ns, const char *hostnqn);
int nvme_namespace_host_remove(struct nvme_namespace *ns, const char *hostnqn);

/* --- looking in --- */

struct nvme_namespace_info {
	uint32_t nsid, block_size, ana_group;
	uint64_t size;
	uint8_t nguid[16], eui64[8], uuid[16];
	bool readonly, masked;
	uint64_t iops_limit, bytes_limit;
	const char *uri; /* borrowed, valid inside the walk */
	struct nvme_io_stats stats;
};
struct nvme_ctrl_info {
	uint16_t cntlid, io_queues, port_id;
	uint32_t kato_ms;
	bool discovery, authenticated, secure;
	const char *hostnqn;
	uint8_t hostid[16];
	const char *subnqn;
};
struct nvme_queue_info {
	uint16_t cntlid, qid;
	const char *hostnqn, *subnqn;
	struct nvme_io_stats stats;
};
struct nvme_subsystem_info {
	const char *nqn, *serial, *model;
	uint16_t cntlid_min, cntlid_max;
	uint32_t max_namespaces, namespaces, controllers;
	bool allow_any_host;
};

/* Walks hold target->lock: the callback must not change configuration. */
void nvme_each_subsystem(struct nvme_target *t,
	void (*fn)(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *info), void *arg);
/* From inside a walk over subsystems, or on its own (locked says which). */
void nvme_each_namespace(struct nvme_subsystem *s,
	void (*fn)(void *arg, const struct nvme_namespace_info *info), void *arg, bool locked);
void nvme_each_ctrl(struct nvme_target *t, void (*fn)(void *arg, const struct nvme_ctrl_info *info),
	void *arg);
/* I/O queues. */
void nvme_each_queue(struct nvme_target *t, void (*fn)(void *arg, const struct nvme_queue_info *info), void *arg);
/* Are there connections (queues with a controller)? */
unsigned nvme_target_controllers(struct nvme_target *t);
uint64_t nvme_target_generation(struct nvme_target *t);

/* "optimized", ... and back; NULL / -EINVAL when unknown. */
const char *nvme_ana_state_name(enum nvme_ana_state state);
int nvme_ana_state_parse(const char *text, enum nvme_ana_state *out);

/* Is it an NQN (Base 4.5: nqn.yyyy-mm.reverse.domain:... or the uuid form)? 0/-EINVAL with a refusal. */
int nvme_nqn_check(const char *nqn);

#endif
