/* SPDX-License-Identifier: BSD-3-Clause */
/* nvme insides. Lock order: target->lock, then ctrl->lock or ns->resv.lock. */
#ifndef NVME_INT_H
#define NVME_INT_H

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/list.h"
#include "nvme/nvme.h"

/* Life of a request, asserted at each step. */
enum nvme_stage {
	NVME_STAGE_IDLE,
	NVME_STAGE_READY,     /* init done; the transport moves data */
	NVME_STAGE_EXECUTING,
};
enum { /* request.fuse */
	NVME_FUSE_NONE,
	NVME_FUSE_ONE,
	NVME_FUSE_TWO,
	NVME_FUSE_BROKEN, /* its other half failed or never came */
};

struct nvme_host_ref { /* an NQN in an allow-list */
	struct list node;
	char nqn[NVME_NQN_SIZE];
};

struct nvme_host {
	struct list node; /* target->hosts */
	char nqn[NVME_NQN_SIZE];
	char *dhchap_key, *dhchap_ctrl_key, *psk;
	uint8_t hash, dhgroup; /* 0 = default */
};

struct nvme_port {
	struct list node; /* target->ports */
	struct nvme_target *target;
	struct nvme_port_config config; /* strings owned */
	uint8_t ana[NVME_ANA_GROUPS_MAX + 1]; /* atomic bytes */
	unsigned bit; /* in subsystem->ports */
	int refs; /* atomic: queues that came in here, and the target */
};

struct nvme_referral {
	struct list node;
	struct nvme_port_config config; /* strings owned */
};

struct nvme_target {
	pthread_mutex_t lock;
	struct reactor *reactors[REACTORS_MAX];
	unsigned reactor_count;
	struct reactor *by_index[REACTORS_MAX];
	char *state_dir;
	uint32_t io_queues, queue_size, max_data;
	/* below: lock */
	struct list ports, subsystems, hosts, referrals;
	struct nvme_subsystem *discovery;
	uint64_t generation, ana_change; /* ana_change counts state changes for the ANA log */
	unsigned ctrl_count;
	uint64_t ports_used; /* bits given to ports: 64 at most */
};

struct nvme_subsystem {
	struct list node; /* target->subsystems */
	struct nvme_target *target;
	char nqn[NVME_NQN_SIZE], serial[21], model[41];
	uint16_t cntlid_min, cntlid_max, cntlid_next;
	uint32_t max_namespaces;
	bool discovery;
	/* target->lock */
	bool allow_any_host, removing;
	bool ports_chosen;
	uint64_t ports; /* bits of ports it shows on, when ports_chosen */
	struct list hosts; /* nvme_host_ref */
	struct list ctrls;
	uint32_t ns_count, ns_pending; /* published; being removed */
	void (*removed)(void *arg);
	void *removed_arg;
	struct nvme_namespace **ns; /* [max_namespaces + 1], slots atomic: the I/O path reads them */
};

struct nvme_resv_registrant {
	uint8_t hostid[16];
	uint64_t key;
	bool holder;
};

struct nvme_resv {
	pthread_mutex_t lock;
	uint8_t type; /* atomic for the I/O path; enum nvme_resv_type */
	bool ptpl;
	uint32_t generation;
	uint32_t count;
	struct nvme_resv_registrant reg[NVME_REGISTRANTS_MAX];
};

struct nvme_qos {
	uint64_t iops, bytes; /* per second, 0 = none; atomic */
	pthread_mutex_t lock; /* taken only when a limit is set */
	double io_tokens, byte_tokens;
	uint64_t refilled;
};

struct nvme_namespace {
	struct nvme_subsystem *subsys;
	uint32_t nsid;
	struct blk_dev *dev;
	uint8_t shift; /* log2 of the block size */
	uint8_t nguid[16], eui64[8], uuid[16];
	uint64_t blocks;    /* atomic */
	uint32_t ana_group; /* atomic */
	bool readonly, masked;
	struct list hosts; /* nvme_host_ref, target->lock */
	struct nvme_ns_channel *channels[REACTORS_MAX]; /* slot i: reactor i only */
	struct nvme_resv resv;
	struct nvme_qos qos;
	/* fused compare-and-write: one at a time per namespace */
	pthread_mutex_t range_lock;
	unsigned fused_active; /* atomic; ordinary writes look only at this */
	struct nvme_request *fused_holder, *fused_waiting, **fused_tail;
	/* removal */
	struct reactor_msg *drain_msgs;
	int drain_left; /* atomic */
	void (*removed)(void *arg);
	void *removed_arg;
};

struct nvme_ns_channel {
	struct nvme_namespace *ns;
	struct blk_channel *blk;
	struct reactor *reactor;
	uint32_t inflight;
	bool draining;
	struct nvme_request *throttled, **throttled_tail;
	struct reactor_timer throttle_timer;
	struct nvme_io_stats stats;
};

struct nvme_event { /* an asynchronous event not yet told */
	uint8_t type, info, page;
};

struct nvme_ctrl {
	struct list node; /* subsys->ctrls */
	struct nvme_subsystem *subsys;
	struct nvme_target *target;
	struct nvme_port *port;
	char hostnqn[NVME_NQN_SIZE];
	uint8_t hostid[16];
	uint16_t cntlid;
	int refs; /* atomic: queues and messages on their way */
	bool secure, authenticated;

	struct reactor *reactor; /* the admin queue's; admin commands and timers run there */
	struct nvme_queue *admin;
	uint32_t cc, csts, kato_ms;
	struct reactor_timer kato_timer;
	uint64_t last_seen; /* atomic; any queue's reactor */
	struct nvme_request *aer[NVME_AER_MAX];
	unsigned aer_count;
	uint32_t feat_async, feat_power, feat_temp, feat_arbitration, feat_error_recovery;
	uint32_t feat_write_atomicity, resv_mask;
	uint8_t host_behavior[512];

	pthread_mutex_t lock; /* below */
	struct nvme_queue *io[NVME_IO_QUEUES_MAX + 1];
	unsigned io_count;
	bool dying;
	struct nvme_event events[8];
	unsigned event_count;
	uint32_t masked_pages; /* bit per event kind that waits for its log page to be read */
	uint32_t changed[NVME_CHANGED_NS_MAX];
	unsigned changed_count; /* NVME_CHANGED_NS_MAX + 1 = overflow */
	struct nvme_error_entry errors[NVME_ERROR_LOG_ENTRIES];
	uint64_t error_count;
	struct nvme_resv_log resv_log[16];
	unsigned resv_log_count;
	uint64_t resv_log_seq;
	uint64_t visible[(NVME_NAMESPACES_MAX + 64) / 64]; /* atomic words: nsid is attached for this host */
	bool has_msg; /* event message under way */
	struct reactor_msg event_msg;
	struct reactor_msg kill_msg;
	bool kill_sent;
};

/* --- target.c / subsystem.c / namespace.c --- */
void nvme_generation_bump(struct nvme_target *t); /* lock held; tells discovery controllers */
struct nvme_host *nvme_host_find(struct nvme_target *t, const char *nqn);	/* lock held */
void nvme_host_free(struct nvme_host *h);					/* lock held */
bool nvme_psk_required(struct nvme_target *t, const char *hostnqn);		/* lock held */
bool nvme_host_listed(const struct list *hosts, const char *nqn);
int nvme_host_list_add(struct list *hosts, const char *nqn);
int nvme_host_list_remove(struct list *hosts, const char *nqn);
void nvme_host_list_clear(struct list *hosts);
bool nvme_subsystem_host_allowed(const struct nvme_subsystem *s, const char *nqn); /* lock held */
bool nvme_subsystem_on_port(const struct nvme_subsystem *s, const struct nvme_port *p); /* lock held */
void nvme_subsystem_maybe_free(struct nvme_subsystem *s); /* lock held on entry, released */
int nvme_port_config_copy(struct nvme_port_config *to, const struct nvme_port_config *from);
void nvme_port_config_free(struct nvme_port_config *c);
int nvme_discovery_create(struct nvme_target *t);

static inline struct nvme_namespace *nvme_ns_slot(const struct nvme_subsystem *s, uint32_t nsid)
{
	return nsid && nsid <= s->max_namespaces ? __atomic_load_n(&s->ns[nsid], __ATOMIC_ACQUIRE) : NULL;
}
/* Adds counters that another thread is writing. */
void nvme_io_stats_add(struct nvme_io_stats *sum, const struct nvme_io_stats *part);
bool nvme_ns_host_sees(const struct nvme_namespace *ns, const char *hostnqn); /* target lock */
struct nvme_ns_channel *nvme_ns_channel(struct nvme_namespace *ns, struct reactor *r);
void nvme_ns_channel_idle(struct nvme_ns_channel *nsc); /* inflight reached 0 while draining */

/* --- controller.c --- */
int nvme_ctrl_create(struct nvme_subsystem *s, struct nvme_queue *q, const struct nvme_connect_data *data,
	uint32_t kato_ms, struct nvme_ctrl **out, uint16_t *status);
struct nvme_ctrl *nvme_ctrl_find(struct nvme_subsystem *s, uint16_t cntlid); /* lock held */
void nvme_ctrl_get(struct nvme_ctrl *c);
void nvme_ctrl_put(struct nvme_ctrl *c);
/* Any thread. All its queues get disconnected on their reactors. */
void nvme_ctrl_kill(struct nvme_ctrl *c);
void nvme_ctrl_queue_gone(struct nvme_ctrl *c, struct nvme_queue *q);
void nvme_ctrl_set_kato(struct nvme_ctrl *c, uint32_t ms);
void nvme_ctrl_fatal(struct nvme_ctrl *c);
static inline bool nvme_ctrl_sees(const struct nvme_ctrl *c, uint32_t nsid)
{
	return __atomic_load_n(&c->visible[nsid / 64], __ATOMIC_RELAXED) >> (nsid % 64) & 1;
}
void nvme_ctrl_set_visible(struct nvme_ctrl *c, uint32_t nsid, bool visible);

/* --- event.c --- */
void nvme_event_ns_changed(struct nvme_ctrl *c, uint32_t nsid);
void nvme_event_ana(struct nvme_ctrl *c);
void nvme_event_discovery(struct nvme_ctrl *c);
void nvme_event_reservation(struct nvme_ctrl *c, uint32_t nsid, uint8_t type);
void nvme_event_page_read(struct nvme_ctrl *c, uint8_t page); /* unmasks */
void nvme_event_deliver(struct nvme_ctrl *c);			      /* on ctrl->reactor */
void nvme_event_aer(struct nvme_request *req);
void nvme_event_abort_all(struct nvme_ctrl *c);
void nvme_event_post(struct nvme_ctrl *c, struct nvme_event e, uint32_t enable_bit);

/* --- choosing (request.c calls one of these) --- */
uint16_t nvme_admin_init(struct nvme_request *req);
uint16_t nvme_discovery_init(struct nvme_request *req);
uint16_t nvme_io_init(struct nvme_request *req);
uint16_t nvme_fabrics_init(struct nvme_request *req);
uint16_t nvme_connect_init(struct nvme_request *req); /* first command of a queue */

/* --- admin's parts --- */
uint16_t nvme_identify_init(struct nvme_request *req);
uint16_t nvme_log_init(struct nvme_request *req);
uint16_t nvme_feature_get_init(struct nvme_request *req);
uint16_t nvme_feature_set_init(struct nvme_request *req);
void nvme_identify_ctrl(struct nvme_ctrl *c, const struct nvme_transport_ops *ops, struct nvme_id_ctrl *id);
uint64_t nvme_ctrl_cap(const struct nvme_ctrl *c);
void nvme_discovery_log(struct nvme_request *req, uint8_t **log, size_t *len); /* malloc'ed */
/* copy log[offset..] into the request's buffer, zero what is beyond, free log, complete */
void nvme_log_reply(struct nvme_request *req, uint8_t *log, size_t len);
uint64_t nvme_log_offset(const struct nvme_request *req);
void nvme_error_log(struct nvme_request *req, uint16_t status);

/* --- io's parts --- */
uint16_t nvme_status_of_errno(int err, enum blk_op op);
/* -> 0, or the status a command that reads / writes this namespace gets now */
uint16_t nvme_resv_check(struct nvme_namespace *ns, const struct nvme_ctrl *c, bool write);
uint16_t nvme_resv_init(struct nvme_request *req);
void nvme_resv_open(struct nvme_namespace *ns);
void nvme_resv_close(struct nvme_namespace *ns);
uint16_t nvme_resv_set_persist(struct nvme_namespace *ns, bool on);
/* true: go on now; false: it was queued and will be executed by qos.c */
bool nvme_qos_admit(struct nvme_request *req, uint64_t bytes);
/* true: the command waited in line, and is completed as aborted. */
bool nvme_qos_abort(struct nvme_request *req);
void nvme_qos_open(struct nvme_ns_channel *nsc);
void nvme_qos_close(struct nvme_ns_channel *nsc);
void nvme_io_submit(struct nvme_request *req);
/* abort.c */
void nvme_abort(struct nvme_request *req);
void nvme_abort_ended(struct nvme_request *victim, uint16_t status); /* a command with ->abort completes */
/* fused.c */
void nvme_fused_execute(struct nvme_request *req);
void nvme_fused_break(struct nvme_request *req); /* a half ended without executing */
uint16_t nvme_fused_init(struct nvme_request *req);
bool nvme_fused_hold_write(struct nvme_request *req); /* true: queued behind a fused pair */

/* --- auth.c --- */
/* NULL or a well-formed DHHC-1 secret: 0; else a refusal */
int nvme_auth_key_check(const char *text);
bool nvme_auth_required(struct nvme_target *t, const char *hostnqn); /* lock held */
uint16_t nvme_auth_init(struct nvme_request *req);
void nvme_auth_free(struct nvme_queue *q);

#endif
