/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of room node. Three sorts of state:
 *
 *   struct model     what the agent wants, compiled flat: immutable, swapped whole, read by workers
 *   struct balancer  what selection remembers across models: backend counters, round-robin positions
 *   struct node      the rest: ports, tunnels and neighbours, connection tables, counters
 *
 * Addresses are 16 bytes, IPv4 in the first four and the rest zero, as in struct flow_key; `ip6` tells
 * the families apart. Ports are in network order, as packets have them, unless called `first`/`last`.
 */
#ifndef NODE_NODE_INT_H
#define NODE_NODE_INT_H

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_spinlock.h>

#include "base/addr.h"
#include "base/base.h"
#include "base/hmap.h"
#include "base/rng.h"
#include "card/card.h"
#include "eswitch/eswitch.h"
#include "node/node.h"
#include "packet/build.h"
#include "packet/edit.h"

#define NONE UINT32_MAX /* an index that names nothing */

/* --- model: compiled by compile*.c, read by everybody else --- */

enum addr_kind {
	ADDR_UNKNOWN,
	ADDR_POD,     /* index of a pod */
	ADDR_SERVICE, /* some port of it may be served; index is not used */
	ADDR_NODE,    /* a node's own address (VTEP); index of the peer */
	ADDR_GATEWAY, /* the pods' gateway on this node */
};

/* Hash slots, open addressing, linear probing, at most half full. */
struct addr_slot {
	uint8_t addr[16];
	uint32_t index;
	uint8_t kind; /* 0 = free */
	uint8_t ip6;
	uint8_t pad[2];
};

struct front_slot {
	uint8_t addr[16];
	uint16_t port; /* network order */
	uint8_t proto; /* 0 = free */
	uint8_t ip6;
	uint32_t front;
};

struct peer { /* a node of the cluster */
	const char *name;
	uint32_t vni;
	bool local;
	struct addr vtep[2]; /* IPv4, IPv6; family 0 = none */
	uint32_t tunnel[2];  /* node->tunnels; NONE */
};

struct pod {
	const char *name;
	uint32_t peer;
	struct addr addrs[2];
	uint32_t side
		[2];   /* policy sides: [INGRESS], [EGRESS]; NONE = not isolated. Local pods only */
	uint16_t port; /* representor, FLOW_PORT_NONE for remote pods and pods without a VF */
};

struct cidr { /* a node's block of pod addresses, longest first */
	struct prefix prefix;
	uint32_t peer;
};

enum algorithm {
	ALGO_ROUND_ROBIN,
	ALGO_LEAST_CONNECTIONS,
	ALGO_RANDOM,
	ALGO_SOURCE_HASH,
};

/* One port of a service in one family: what a packet's destination is looked up to. */
struct front {
	const char *service;   /* "default/web" */
	const char *port_name; /* "" */
	uint8_t addr[16];
	uint16_t port;
	uint8_t proto, ip6;
	uint8_t algorithm;
	uint32_t affinity_s;
	uint32_t turn;         /* balancer: position of the round robin */
	uint32_t first, count; /* backends */
};

struct backend {
	uint8_t addr[16];
	uint16_t port;
	uint8_t ip6, pad;
	uint32_t pod;  /* NONE: an address outside the overlay */
	uint32_t slot; /* balancer: counters */
	uint32_t hash; /* of address and port, for rendezvous hashing */
};

enum direction {
	INGRESS,
	EGRESS,
};

/* A policy side is a list of rules; any that matches allows. Ranges of the model's arrays. */
struct side {
	uint32_t first_rule, nr_rules;
};

struct rule {
	uint32_t pods; /* index of a pod set; NONE with nr_blocks 0 = everybody */
	uint32_t first_block, nr_blocks;
	uint32_t first_port, nr_ports; /* 0 = every port and protocol */
	bool anybody;
};

struct block {
	struct prefix cidr;
	uint32_t first_except, nr_except;
};

struct port_range {
	uint8_t proto;
	uint16_t first, last; /* host order */
};

struct model {
	uint64_t generation;
	uint32_t local;         /* peer */
	struct addr gateway[2]; /* IPv4, IPv6: what the pods on this node know as their gateway */
	struct peer *peers;
	uint32_t nr_peers;
	struct pod *pods;
	uint32_t nr_pods;
	struct cidr *cidrs;
	uint32_t nr_cidrs;
	struct front *fronts;
	uint32_t nr_fronts;
	struct backend *backends;
	uint32_t nr_backends;
	uint32_t nr_services, nr_policies;
	struct addr_slot *addr_slots;
	uint32_t addr_mask;
	struct front_slot *front_slots;
	uint32_t front_mask;
	/* policy */
	struct side *sides;
	uint32_t nr_sides;
	struct rule *rules;
	uint32_t nr_rules;
	struct block *blocks;
	uint32_t nr_blocks;
	struct prefix *excepts;
	uint32_t nr_excepts;
	struct port_range *ranges;
	uint32_t nr_ranges;
	uint64_t *pod_sets; /* nr_pod_sets * pod_words */
	uint32_t nr_pod_sets, pod_words;
	uint32_t *pod_by_port; /* ESW_PORTS_MAX entries: the pod behind a representor */
	json_t *state;         /* what it was compiled from; owns the names */
};

/* --- balancer: outlives models; slots are found by name, so a new model keeps the counts --- */

struct backend_count {
	uint32_t active; /* connections now; atomic */
	uint64_t total;  /* ever; atomic */
};

struct balancer;
struct balancer *balancer_create(void);
void balancer_destroy(struct balancer *b);
/* Control thread. The slot of "default/web 10.244.1.5:8080"; NONE when all are taken. */
uint32_t balancer_slot(
	struct balancer *b, const char *service, const struct addr *a, uint16_t port);
/* The round-robin position of one front, by its name. */
uint32_t balancer_turn(struct balancer *b, const char *front);
/* Any thread. */
struct backend_count *balancer_count(struct balancer *b, uint32_t slot);
uint32_t balancer_next_turn(struct balancer *b, uint32_t turn);
/* "default/web" of a slot, NULL if it never was one. Any thread; the text lives as long as b. */
const char *balancer_service(const struct balancer *b, uint32_t slot);

/* Who was given to whom: one per worker, so no sharing. Entries that expired or collide are replaced. */
struct affinity;
struct affinity *affinity_create(uint32_t entries);
void affinity_destroy(struct affinity *a);

struct selector {
	struct balancer *balancer;
	struct affinity *affinity;
	struct rng rng;
	/* Health: may say that a backend's node is dead; then others are tried first. May be NULL. */
	bool (*alive)(void *arg, const struct backend *backend);
	void *arg;
};
/* The backend for a new connection from src:sport, NULL when the front has none. Does not count it. */
const struct backend *select_backend(struct selector *s, const struct model *m,
	const struct front *f, const uint8_t src[16], uint64_t now_ns);

/* --- compile.c: JSON -> model. 0 or -errno with a refusal; nothing is changed but balancer slots. --- */

struct compile_env {
	const char *node;             /* whose switch this is */
	const struct card_node *card; /* defaults: VNI, VTEPs; NULL in tests */
	struct balancer *balancer;
	/* The representor a pod is behind: by the VF's name from the manifests (NULL if they give none)
	 * or by the pod's name from the card. -1: no such port. -2: none named. */
	int (*port_of)(void *arg, const char *vf, const char *pod);
	void *arg;
};
int model_compile(const struct compile_env *env, json_t *state, struct model **model);
void model_free(struct model *model); /* drops its reference to state */

/* compile_service.c, compile_policy.c */
struct compiler;
struct compiler {
	const struct compile_env *env;
	struct model *m;
	struct hmap pod_names;
	struct pod_name *pod_name_nodes;
	const char *object; /* "pod default/web-1", for refusals */
	uint32_t cap_backends, cap_rules, cap_blocks, cap_excepts, cap_ranges, cap_sets, cap_sides;
};
int compile_services(struct compiler *c);
int compile_policies(struct compiler *c);
uint32_t compile_pod_index(const struct compiler *c, const char *name);
int want_addr(const struct compiler *c, const json_t *value, const char *field, struct addr *a);
int want_prefix(const struct compiler *c, const json_t *value, const char *field, struct prefix *p);
int want_port(const struct compiler *c, const json_t *map, const char *field, uint16_t *port);
int want_proto(const struct compiler *c, const json_t *map, uint8_t *proto);
int compile_refuse(const struct compiler *c, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Room for one more element; the new element is zero. Aborts without memory, like model_alloc. */
#define GROW(array, n, cap) grow_array((void **)&(array), &(n), &(cap), sizeof(*(array)))
/* The new element's address; the array may have moved. */
#define NEW(array, n, cap)                           \
	({                                           \
		uint32_t new_ = GROW(array, n, cap); \
		&(array)[new_];                      \
	})
uint32_t grow_array(void **array, uint32_t *n, uint32_t *cap, size_t size);
void model_add_addr(struct model *m, const struct addr *a, enum addr_kind kind, uint32_t index);
void model_index_fronts(struct model *m);

/* --- model.c: look-ups; any thread, no allocation --- */

const struct addr_slot *model_addr(const struct model *m, const uint8_t addr[16], bool ip6);
const struct front *model_front(
	const struct model *m, const uint8_t addr[16], bool ip6, uint8_t proto, uint16_t port);
/* The peer whose pod addresses include it, NONE. */
uint32_t model_peer_of(const struct model *m, const uint8_t addr[16], bool ip6);
void wire_addr(const struct addr *a, uint8_t out[16]); /* the 16-byte form */
struct addr addr_wire(const uint8_t addr[16], bool ip6);

/* --- policy.c --- */

/* The other end of a flow as policy sees it. */
struct policy_peer {
	uint32_t pod; /* NONE */
	const uint8_t *addr;
	bool ip6;
};
/* May traffic pass one side of a pod? dport in network order (the destination pod's port, after NAT). */
bool policy_allows(const struct model *m, uint32_t side, const struct policy_peer *peer,
	uint8_t proto, uint16_t dport);
/* The same for a later fragment, whose ports nobody sees: as if it had the port that is allowed. */
bool policy_allows_fragment(
	const struct model *m, uint32_t side, const struct policy_peer *peer, uint8_t proto);

/* --- decide.c: the flow-miss decision, pure --- */

enum origin {
	FROM_POD,    /* a VF; source address and MAC are checked */
	FROM_TUNNEL, /* another node */
	FROM_HOST,   /* the host function */
};

struct question {
	enum origin origin;
	uint32_t pod; /* FROM_POD: who sends */
	bool ip6;
	uint8_t proto, tcp_flags;
	const uint8_t *src, *dst;
	uint16_t sport, dport; /* network order; ICMP: type<<8|code, identifier, as in the key */
	bool no_ports;         /* a fragment without transport header */
	uint64_t now_ns;
};

enum verdict {
	VERDICT_INSTALL,      /* a connection in the flow table */
	VERDICT_FORWARD,      /* forward only; the node remembers it for the answer */
	VERDICT_FORWARD_ONCE, /* forward only, nothing remembered */
	VERDICT_DROP,
	VERDICT_REFUSE, /* drop, and tell the sender by RST or ICMP */
	VERDICT_ECHO,   /* an echo request to the gateway */
};

/* Where to: resolved to a hop by the caller, who owns hops. */
struct target {
	enum { TO_NOWHERE, TO_PORT, TO_TUNNEL, TO_HOST } kind;
	uint16_t port;   /* TO_PORT */
	uint32_t tunnel; /* TO_TUNNEL */
};

struct decision {
	enum verdict verdict;
	enum drop_reason reason;
	struct target forward, reply;
	bool dnat, snat;
	uint8_t dst[16]; /* DNAT: the backend */
	uint16_t dport;
	uint8_t src[16]; /* SNAT: the gateway, when a pod reached itself through a service */
	bool learns;     /* unknown UDP: install with its second packet */
	const struct front *front; /* the service, or NULL */
	const struct backend *backend;
};

struct decider {
	const struct model *model;
	struct selector *selector;
	bool has_host;              /* there is a host function to route to */
	const uint16_t *long_lived; /* UDP ports (network order) installed at once */
	unsigned nr_long_lived;
};
void decide(const struct decider *d, const struct question *q, struct decision *out);

/* --- the live side: everything below needs an eswitch --- */

/* What an UPCALL forward tells us about the pipe it came from. */
enum cookie {
	COOKIE_CONN = 1, /* VF or host: no connection */
	COOKIE_TUNNEL,   /* uplink, decapsulated: no connection */
	COOKIE_SPOOF,    /* VF: not from the pod's MAC and address (ARP, ND and forgeries) */
	COOKIE_UPLINK,   /* uplink: not a tunnel packet of ours */
};

struct bound_port {
	uint16_t id, mtu, hop;
	enum node_port_role role;
	uint8_t mac[6];
	bool spoof_check;
	char name[ESW_NAME_MAX];
	char pod[320];           /* from the profile, "" = none */
	struct flow_pipe *guard; /* root pipe of a VF: the pod's addresses only */
	struct flow_entry *entry[2];
};

/* A neighbour on the underlay: a next hop, resolved by ARP or ND. Guarded by node->neigh_lock, which
 * is taken per ARP packet, per held packet and per tick, never for a packet of a live flow. */
enum neigh_state {
	NEIGH_NEW,        /* nobody asked yet */
	NEIGH_INCOMPLETE, /* asking; packets are held */
	NEIGH_REACHABLE,
	NEIGH_PROBE, /* asking again, unicast; packets still go */
	NEIGH_DEAD,  /* packets are refused; asked once a second whether it is back */
};

#define NEIGH_HELD 64 /* packets held per neighbour; more drop NEIGHBOUR_QUEUE_FULL */

struct held {
	struct rte_mbuf *m;
	uint16_t hop;
};

struct neigh {
	struct addr addr;
	enum neigh_state state;
	uint8_t mac[6];
	unsigned tries;
	uint64_t next_ns; /* when the timer does something */
	unsigned nr_held;
	struct held held[NEIGH_HELD];
};

struct tunnel { /* one remote VTEP */
	struct addr vtep;
	uint32_t vni, neigh;
	uint16_t hop;
	bool in_use;              /* some peer of the present model has it */
	struct flow_entry *entry; /* decap: packets from there are accepted */
};

struct node_worker {
	struct selector selector;
	uint64_t decided_install, decided_forward, decided_drop, refused_full, insertions;
	uint64_t evict_cursor;
	unsigned nr_specs; /* decided to install, not yet in the table */
	struct conn_spec specs[ESW_BURST];
	struct esw_upcall *spec_calls[ESW_BURST];
	struct error_budget {
		uint64_t refill_ns;
		unsigned left;
	} budget; /* of ICMP errors and RSTs */
} __attribute__((aligned(64)));

struct node {
	struct card_node card;
	struct esw *esw;
	struct flow_ctx *flow;
	const struct model *model; /* atomic; workers read it once per batch */
	json_t *state;
	uint64_t instance, generation, applied_ns;
	struct balancer *balancer;
	unsigned nr_workers;
	struct node_worker workers[FLOW_WORKERS_MAX];
	struct bound_port *ports[ESW_PORTS_MAX]; /* control thread writes, workers read */
	uint16_t uplink, host;                   /* FLOW_PORT_NONE */
	bool lenient;                  /* compiling because a port left: it may be missing */
	bool announce;                 /* the uplink is new: tell the neighbours */
	bool host_speaks;              /* the host function sent something: it can be routed to */
	struct flow_conn_table *conns; /* installed: the flow table */
	struct flow_conn_table *soft;  /* forwarded only: remembered for the answers */
	uint32_t capacity;
	struct flow_pipe *conn_pipe, *tunnel_pipe, *uplink_pipe;
	rte_spinlock_t neigh_lock;
	struct neigh *neighs;
	uint32_t nr_neighs, cap_neighs;
	struct tunnel *tunnels;
	uint32_t nr_tunnels;
	uint64_t soft_seen, soft_last_ns; /* software flows of the last second */
};

/* The gateway's MAC on every VF of every node, locally administered. */
extern const struct rte_ether_addr node_gateway_mac;

#define TUNNELS_MAX 16384u
#define NEIGHS_MAX 16384u

/* apply.c */
int node_recompile(struct node *node);

/* ports.c */
int ports_attach(struct node *node);
void ports_detach(struct node *node);
int ports_guard(struct node *node, const struct model *m); /* entries for the pods of a new model */
int port_of_pod(void *arg, const char *vf, const char *pod);

/* tunnel.c */
int tunnels_for(
	struct node *node, struct model *m); /* names every peer's tunnels, makes new ones */
int tunnels_refresh(struct node *node);      /* the uplink is another */
void tunnels_detach(struct node *node);
bool tunnel_alive(const struct node *node, uint32_t tunnel);

/* neigh.c: worker thread unless said otherwise */
uint32_t neigh_find(struct node *node, const struct addr *a, bool create); /* control thread */
void neigh_heard(struct node *node, unsigned worker, const struct addr *a, const uint8_t mac[6],
	uint64_t now_ns);
void neigh_hold(struct node *node, unsigned worker, struct esw_upcall *call, uint64_t now_ns);
void neigh_announce(struct node *node, unsigned worker);
void neigh_tick(struct node *node, unsigned worker, uint64_t now_ns);
void neigh_flush(struct node *node, unsigned worker); /* discard what is held */

/* answer.c */
void answer_arp(const struct node *node, const struct model *m, const struct bound_port *p,
	struct esw_upcall *call);
void answer_nd(struct node *node, const struct model *m, unsigned worker, struct esw_upcall *call);
void answer_uplink(struct node *node, const struct model *m, const struct bound_port *port,
	unsigned worker, struct esw_upcall *call, uint64_t now_ns);
void answer_echo(
	struct node *node, unsigned worker, struct esw_upcall *call, const struct target *back);
void answer_refuse(struct node *node, unsigned worker, struct esw_upcall *call,
	enum drop_reason reason, const struct target *back, uint64_t now_ns);
void answer_error(struct node *node, unsigned worker, struct rte_mbuf *m,
	const struct pkt_parse *parse, enum pkt_error error, uint32_t arg, uint16_t cause,
	const struct target *back, uint64_t now_ns);
bool is_nd(const struct esw_upcall *call);

/* conns.c */
uint16_t hop_of(const struct node *node, const struct target *t);
void conns_follow(struct node *node, unsigned worker, struct esw_upcall *call,
	const struct question *q, const struct decision *d);
void conns_commit(struct node *node, unsigned worker, uint64_t now_ns);
bool conns_soft_hit(
	struct node *node, unsigned worker, struct esw_upcall *call, conn_ref ref, uint64_t now_ns);
bool conns_related(struct node *node, struct esw_upcall *call);
void conns_restore(struct node *node, struct rte_mbuf *m, struct pkt_parse *parse);
void conns_revalidate(struct node *node, const struct model *m);
void conns_age(struct node *node, uint64_t now_ns);
int conns_attach(struct node *node);
void conns_detach(struct node *node);

/* upcall.c */
extern const struct esw_upcall_ops node_upcall_ops;
void selector_prepare(struct node *node, struct node_worker *w, uint64_t seed);
void question_from(const struct esw_upcall *call, enum origin origin, uint32_t pod, uint64_t now_ns,
	struct question *q);

#endif
