/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room card: the virtual card as data. A YAML profile becomes one immutable struct card; nothing
 * here opens a device, starts a thread or knows DPDK, so softdpud, libdoca_common and the tools
 * read the same description.
 *
 * Model. A card has PCI functions (one pair of addresses per physical function: the DPU side,
 * where `p0` and its siblings live, and the host side, where the VFs are), ports, limits, the
 * node it serves, and how its worker behaves. A port is named as on a BlueField:
 *
 *   p0 p1          uplinks, one per physical function           (F:101-115)
 *   pf0hpf         representor of the host's physical function 0
 *   pf0vf7         representor of virtual function 7 of physical function 0
 *   pf0sf3         representor of sub function 3
 *
 * and says where its other end is: an attach spec (enum card_attach_kind). A port's index in
 * card->ports is its order in the file; the switch uses it as port id unless told otherwise.
 *
 *     name: node1                    # the lease, the run directory and messages carry this name
 *     limits: fast                   # fast (none) | bf3 | cx7, or {profile: bf3, pipes: 16}
 *     pci:
 *       dpu:  [0000:03:00.0, 0000:03:00.1]
 *       host: [0000:b1:00.0, 0000:b1:00.1]
 *     ports:
 *       p0:     {mtu: 1600, packet: {netns: node1, ifname: eth0}}
 *       p1:     {null: {}}
 *       pf0hpf: {tap: {ifname: hostpf0}}
 *       pf0vf0: {mac: 02:00:0a:f4:01:0a, mtu: 1450, pod: default/client,
 *                tap: {netns: client, ifname: eth0}}
 *     node:
 *       name: node1
 *       vni: 100
 *       vtep4: 192.168.1.101/24
 *       vtep6: fd00:192:168:1::101/64
 *       gateway4: 192.168.1.1
 *       pod_cidrs: [10.244.1.0/24, "fd00:10:244:1::/64"]
 *       metrics: 127.0.0.1:9464
 *       timeouts: {udp: 60, tcp_established: 300}      # idle seconds; the others keep their default
 *     worker: {mode: adaptive, count: 1, cpus: [1]}
 *     run_dir: /run/softdpu
 *
 * Life.
 *     struct card *card;
 *     if (card_load("node1.yaml", &card) < 0)
 *             log_err("%s", refusal());            "node1.yaml:7: ports.pf0vf0: ..."
 *     struct card_lease *lease;
 *     if (card_lease_take(card, &lease) < 0) ...   "card 'node1' is run by softdpud, pid 812"
 *     ... ports are opened from card->ports[i].attach by room port ...
 *     card_lease_release(lease);
 *     card_destroy(card);
 *
 * Changing it. A reload loads the file again into a second card and asks card_diff() what to do;
 * a card is never modified, it is replaced.
 *
 * With no profile at all card_default() is the card: private to the process (no lease, its run
 * directory carries the pid), p0 and p1 at 0000:03:00.0 and .1, pf0hpf, four VFs, attached to
 * nothing. card_open() is what programs call: the profile SOFTDPU_CARD names, else the default.
 *
 * What is refused, always with file:line, the key, the value and what was meant: unknown keys
 * (with the nearest known one), duplicate port names, MACs, PCI addresses, tap names within a
 * namespace, pods; a VF beyond the profile's limit; addresses without their prefix; a VNI of 0 or
 * over 2^24-1; two attach kinds on one port. Cards that share a machine are compared with
 * card_conflict(): two nodes with one VTEP address.
 *
 * Threads: a card is immutable after card_load, any thread may read it. Ownership: everything
 * inside belongs to the card; borrowed pointers die with it.
 */
#ifndef CARD_CARD_H
#define CARD_CARD_H

#include "base/addr.h"
#include "card/attach.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CARD_NAME_MAX 32    /* bytes with the NUL, of a card's and a port's name */
#define CARD_PORTS_MAX 4096 /* ports of one card; ids are 16 bit, a burst's port mask is not */
#define CARD_PFS_MAX 4      /* physical functions of one card */
#define CARD_CPUS_MAX 64    /* worker cores that can be named */
#define CARD_POD_CIDRS_MAX 4
#define CARD_VFS_PER_PF 128 /* stride of VF PCI addresses between physical functions */
#define CARD_MTU_MIN 68     /* RFC 791 */
#define CARD_MTU_MAX 65521  /* what a TAP takes: 65535 less the Ethernet header */
#define CARD_DEFAULT_BDF "0000:03:00.0"

struct card_bdf {
	uint16_t domain;
	uint8_t bus, device, function;
};

/* "0000:03:00.0", "03:00.0" and "pci/0000:03:00.0" -> bdf. -EINVAL with a refusal. */
int card_bdf_parse(const char *text, struct card_bdf *bdf);
/* Writes "0000:03:00.0" (13 bytes with the NUL); returns buf. */
const char *card_bdf_format(const struct card_bdf *bdf, char buf[13]);
bool card_bdf_equal(const struct card_bdf *a, const struct card_bdf *b);

/*
 * Limits: 0 means none. X(member, key in the profile, unit for messages). Profile `fast` has all
 * zero; bf3 and cx7 are what those cards refuse beyond (profiles/NAME.yaml has the figures and their source).
 */
#define CARD_LIMITS(X)                                    \
	X(vfs, "virtual functions per physical function") \
	X(mtu, "bytes of MTU")                            \
	X(queues, "queues per port")                      \
	X(hairpin_queues, "hairpin queues per port")      \
	X(pipes, "pipes per port")                        \
	X(entries, "entries per pipe")                    \
	X(actions, "action templates per pipe")           \
	X(counters, "counters per port")                  \
	X(meters, "meters per port")                      \
	X(connections, "tracked connections")             \
	X(acl_rules, "rules per ACL pipe")                \
	X(lpm_routes, "routes per LPM pipe")              \
	X(encap_bytes, "bytes of encapsulation header")   \
	X(mirrors, "copies of one packet")                \
	X(rss_queues, "queues of one RSS action")

struct card_limits {
	char profile[8]; /* "fast", "bf3", "cx7" */
#define CARD_LIMIT_MEMBER(member, unit) uint64_t member;
	CARD_LIMITS(CARD_LIMIT_MEMBER)
#undef CARD_LIMIT_MEMBER
};

/* Fill limits from a profile name; -EINVAL names the known ones. */
int card_limits_set(struct card_limits *limits, const char *profile);
/*
 * value <= limit (or limit 0): 0. Else -E2BIG with "WHAT: 17 is over the limit of 16 pipes per
 * port of profile bf3". `limit` is one of the members' names, so callers write
 * card_limit_check(&card->limits, "pipes", n, "pipe 'acl'").
 */
int card_limit_check(
	const struct card_limits *limits, const char *limit, uint64_t value, const char *what);

enum card_role {
	CARD_UPLINK, /* pN */
	CARD_HPF,    /* pfNhpf */
	CARD_VF,     /* pfNvfM */
	CARD_SF,     /* pfNsfM */
};

struct card_port {
	char name[CARD_NAME_MAX];
	enum card_role role;
	uint16_t pf;         /* N */
	uint16_t function;   /* M of a VF or SF, else 0 */
	struct card_bdf bdf; /* uplink: DPU side; hpf, VF: host side; SF: of its PF */
	uint8_t mac[6];      /* given, or made from the card's and the port's name */
	bool mac_given;
	bool spoof_check; /* default: true for VF and SF. Source MAC must be `mac` */
	uint32_t mtu;     /* L3 bytes; default 1500 */
	const char *pod;  /* "namespace/name" or NULL */
	struct card_attach attach;
	int line; /* in the profile; 0 in the default card */
};

struct card_pf {
	struct card_bdf dpu; /* 0000:03:00.0: what DOCA programs on the DPU name */
	struct card_bdf
		host; /* what host programs name; VF k is host + CARD_VFS_PER_PF * pf + npfs + k */
};

/*
 * Idle seconds after which a connection is forgotten, by protocol and state; 0 = not given: the
 * default of flow's conn_timeouts_default.
 */
#define CARD_TIMEOUTS(X)                                         \
	X(tcp_new) /* picked up in the middle, not yet answered */ \
	X(tcp_syn_sent)                                            \
	X(tcp_syn_received)                                        \
	X(tcp_established)                                         \
	X(tcp_fin_wait)                                            \
	X(tcp_closing)                                             \
	X(tcp_closed)                                              \
	X(udp_unreplied)                                           \
	X(udp)                                                     \
	X(icmp)
#define CARD_TIMEOUT_MAX_S 604800 /* a week */

struct card_timeouts {
#define CARD_TIMEOUT_MEMBER(member) uint32_t member;
	CARD_TIMEOUTS(CARD_TIMEOUT_MEMBER)
#undef CARD_TIMEOUT_MEMBER
};

struct card_node {
	char name[64];              /* "" = the card serves no node: a plain switch */
	uint32_t vni;               /* 1 to 2^24 - 1; 0 = not given */
	struct prefix vtep4, vtep6; /* address with the underlay's prefix length; family 0: none */
	struct addr gateway4, gateway6; /* underlay next hop for VTEPs beyond the prefix */
	struct prefix pod_cidrs[CARD_POD_CIDRS_MAX];
	unsigned n_pod_cidrs;
	const char *metrics; /* "127.0.0.1:9464" or NULL: no Prometheus listener */
	struct card_timeouts timeouts;
};

enum card_worker_mode {
	CARD_ADAPTIVE, /* polls under load, waits on file descriptors when idle */
	CARD_POLL,     /* never sleeps */
	CARD_INLINE,   /* the poller of a port runs the switch (OVS) */
};

struct card_worker {
	enum card_worker_mode mode;
	unsigned count; /* default 1 */
	uint16_t cpus[CARD_CPUS_MAX];
	unsigned n_cpus;    /* 0 = not pinned */
	uint32_t idle_us;   /* adaptive: polls this long after the last packet; default 50 */
	uint32_t memory_mb; /* DPDK memory; 0 = as many as the ports need */
};

struct card {
	char name[CARD_NAME_MAX];
	bool is_private; /* the embedded default: no lease */
	struct card_limits limits;
	struct card_pf pfs[CARD_PFS_MAX];
	unsigned n_pfs;
	struct card_port *ports;
	unsigned n_ports;
	struct card_node node;
	struct card_worker worker;
	const char *run_dir; /* never NULL */
	const char *path;    /* of the profile; "(default card)" */
};

/* ---- load ---- */

/* Parse and validate a profile. 0 and *card, or -errno with one sentence naming file:line. */
int card_load(const char *path, struct card **card);
/* The same from memory; `path` is for messages and card->path. */
int card_parse(const char *path, const char *text, size_t len, struct card **card);
/* The embedded card, private to this process. */
int card_default(struct card **card);
/* SOFTDPU_CARD's profile when set and not empty, else card_default(). */
int card_open(struct card **card);
void card_destroy(struct card *card);

/* ---- look ---- */

/* Borrowed, or NULL. */
const struct card_port *card_port_by_name(const struct card *card, const char *name);
/* The port whose function has this address: the uplink on the DPU side, hpf or VF on the host's. */
const struct card_port *card_port_by_bdf(const struct card *card, const struct card_bdf *bdf);
/* The port's index (its id) in its card. */
unsigned card_port_index(const struct card *card, const struct card_port *port);
const char *card_role_name(enum card_role role);

/* The profile as YAML that parses back to an equal card. 0 or -errno of the stream. */
int card_print(const struct card *card, FILE *out);

/* ---- compare ---- */

enum card_change_kind {
	CARD_PORT_ADDED,
	CARD_PORT_REMOVED,
	CARD_PORT_REATTACHED, /* other attach, mac or name of the interface: close and open */
	CARD_PORT_CHANGED,    /* pod, mtu, spoof check: in place */
	CARD_NODE_CHANGED,    /* VTEPs, VNI, gateways, CIDRs, metrics, timeouts */
	CARD_WORKER_CHANGED,  /* needs a restart of the worker threads */
	CARD_RESTART, /* name, PCI addresses, limits, run directory: only a restart applies it */
};

struct card_change {
	enum card_change_kind kind;
	const struct card_port *before,
		*after;    /* borrowed from the two cards; NULL where it is not */
	const char *field; /* the first field that differs; static text */
};

struct card_diff {
	struct card_change *changes; /* removals first, then changes, then additions */
	unsigned n;
	bool needs_restart;
};

/* 0 and a diff (n = 0: equal), or -ENOMEM. card_diff_destroy(NULL) is fine. */
int card_diff(const struct card *before, const struct card *after, struct card_diff **diff);
void card_diff_destroy(struct card_diff *diff);

/*
 * Two cards that are to live on one network: the same node name, VTEP address, or MAC, or the same
 * interface in the same namespace is -EEXIST with a sentence naming both; else 0.
 */
int card_conflict(const struct card *a, const struct card *b);

/* ---- run directory and lease ---- */

/*
 * RUN_DIR/CARD/file (private card: RUN_DIR/CARD.PID/file) into buf; the directory is made, mode
 * 0700. `file` "" gives the directory. -ENAMETOOLONG, or mkdir's error.
 */
int card_run_path(const struct card *card, const char *file, char *buf, size_t size);

struct card_lease;

/*
 * Become the one switch owner of a named card: an flock on RUN_DIR/CARD/lease, so a crash frees it.
 * -EBUSY names program and pid of the owner. A private card gives 0 and *lease = NULL.
 */
int card_lease_take(const struct card *card, struct card_lease **lease);
void card_lease_release(struct card_lease *lease);
/* pid of the live owner, 0 when nobody owns it, -errno. Does not take anything. */
int card_lease_owner(const struct card *card);

#endif
