/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow: program the switch. Names and shapes are those of DOCA 3.3.
 *
 * Model. doca_flow_init once, then ports, then pipes on ports, then entries in pipes. A pipe is a
 * template: which fields are matched, what is done with a packet that matches, where it goes. An entry
 * fills in the fields that the template left open ("changeable": all ones in the template).
 *
 *	doca_flow_cfg_create -> set_* -> doca_flow_init -> doca_flow_cfg_destroy
 *	doca_flow_port_cfg_create -> set_* -> doca_flow_port_start
 *	doca_flow_pipe_cfg_create -> set_* -> doca_flow_pipe_create(cfg, fwd, fwd_miss, &pipe)
 *	doca_flow_pipe_basic_add_entry(queue, pipe, match, action_idx, actions, monitor, fwd, flags, ctx, &entry)
 *	doca_flow_entries_process(port, queue, timeout_us, max)     callbacks come from here only
 *	doca_flow_resource_query_entry(entry, &query)
 *	doca_flow_port_stop -> doca_flow_destroy
 *
 * Match. Without a mask: 0 = ignored, all ones = changeable, else a constant. With a mask: only bits of the mask
 * count; a value of all ones under it is changeable, else constant. l3_type, l4_type_ext, tun.type and
 * l2_valid_headers choose the union member that is meant; they do not by themselves check the protocol
 * (parser_meta does), but a packet without the header cannot match its fields.
 *
 * Actions. Without a mask: 0 = untouched, all ones = changeable, else written as given; with a mask its bits are
 * written. The order is decap, pop, meta, headers, push, encap. Checksums are right afterwards.
 *
 * Byte order: headers and metadata as on the wire (doca_be*_t); parser_meta.port_id and enums host.
 *
 * Threads. A pipe queue belongs to one thread at a time; different queues need no lock. Configuration calls come
 * from one thread. Entries take effect in doca_flow_entries_process, or when pushed with NO_WAIT; callbacks run inside
 * doca_flow_entries_process of their queue. Objects belong to the library and die with their port.
 *
 * Errors. Every refusal is logged in one sentence with the pipe, the field, the value and the nearest legal form;
 * doca_softdpu_last_refusal() (doca_softdpu.h) gives it again.
 */
#ifndef DOCA_FLOW_H_
#define DOCA_FLOW_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_flow_crypto.h"
#include "doca_flow_definitions.h"
#include "doca_flow_net.h"
#include "doca_types.h"

#include <assert.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_port;
struct doca_flow_pipe;
struct doca_flow_pipe_entry;
struct doca_flow_cfg;
struct doca_flow_port_cfg;
struct doca_flow_pipe_cfg;
struct doca_flow_parser;
struct doca_flow_target;
struct doca_flow_tune_cfg;

#define DOCA_FLOW_META_SCRATCH_PAD_MAX (10)        /* words of meta.u32[] */
#define DOCA_FLOW_MAX_ENTRY_ACTIONS_MEM_SIZE (128) /* what one entry's actions may need; the memory is not limited here */
#define DOCA_FLOW_MAX_TIMEOUT_US UINT64_MAX
#define DOCA_FLOW_PORT_DEFAULT_MISS_KERNEL (1 << 0)
/* All bits of `flag` set in `flags`? */
#define DOCA_FLOW_FLAGS_IS_SET(flags, flag) (((flags) & (flag)) == (flag))

/* ---- what packets carry beside their bytes ---- */

struct doca_flow_meta {
	uint32_t pkt_meta;                            /* big-endian; survives a change of domain, reaches the application */
	uint32_t u32[DOCA_FLOW_META_SCRATCH_PAD_MAX]; /* big-endian scratch */
	uint32_t mark;                                /* big-endian */
};

enum doca_flow_l2_meta {
	DOCA_FLOW_L2_META_NO_VLAN = 0,
	DOCA_FLOW_L2_META_SINGLE_VLAN,
	DOCA_FLOW_L2_META_MULTI_VLAN,
};

enum doca_flow_l3_meta {
	DOCA_FLOW_L3_META_NONE = 0,
	DOCA_FLOW_L3_META_IPV4,
	DOCA_FLOW_L3_META_IPV6,
};

enum doca_flow_l4_meta {
	DOCA_FLOW_L4_META_NONE = 0,
	DOCA_FLOW_L4_META_TCP,
	DOCA_FLOW_L4_META_UDP,
	DOCA_FLOW_L4_META_ICMP,
	DOCA_FLOW_L4_META_ESP,
};

enum doca_flow_meter_color {
	DOCA_FLOW_METER_COLOR_GREEN = 0,
	DOCA_FLOW_METER_COLOR_YELLOW,
	DOCA_FLOW_METER_COLOR_RED,
};

/* What the parser found. Host byte order, except random (big-endian). */
struct doca_flow_parser_meta {
	uint16_t port_id;
	doca_be16_t random; /* 16 uniform bits per packet */
	enum doca_flow_l2_meta outer_l2_type;
	enum doca_flow_l3_meta outer_l3_type;
	enum doca_flow_l4_meta outer_l4_type;
	uint8_t outer_ip_fragmented;
	uint8_t outer_l3_ok;
	uint8_t outer_ip4_checksum_ok;
	uint8_t outer_l4_ok;
	uint8_t outer_l4_checksum_ok;
	enum doca_flow_l2_meta inner_l2_type;
	enum doca_flow_l3_meta inner_l3_type;
	enum doca_flow_l4_meta inner_l4_type;
	uint8_t inner_ip_fragmented;
	uint8_t inner_l3_ok;
	uint8_t inner_ip4_checksum_ok;
	uint8_t inner_l4_ok;
	uint8_t inner_l4_checksum_ok;
	enum doca_flow_meter_color meter_color;
	uint8_t ipsec_syndrome;
	uint8_t ipsec_ar_syndrome;
	uint8_t psp_syndrome;
};

/* ---- headers ---- */

enum doca_flow_l2_valid_header {
	DOCA_FLOW_L2_VALID_HEADER_VLAN_0 = (1 << 0), /* eth_vlan[0] is meant */
	DOCA_FLOW_L2_VALID_HEADER_VLAN_1 = (1 << 1),
};

struct doca_flow_header_format {
	struct doca_flow_header_eth eth;
	uint16_t l2_valid_headers; /* DOCA_FLOW_L2_VALID_HEADER_ */
	struct doca_flow_header_eth_vlan eth_vlan[DOCA_FLOW_VLAN_MAX];
	enum doca_flow_l3_type l3_type;
	union {
		struct doca_flow_header_ip4 ip4;
		struct doca_flow_header_ip6 ip6;
	};
	enum doca_flow_l4_type_ext l4_type_ext;
	union {
		struct doca_flow_header_icmp icmp;
		struct doca_flow_header_udp udp;
		struct doca_flow_header_tcp tcp;
		struct doca_flow_header_l4_port transport;
		struct doca_flow_header_roce_v2 roce_v2;
	};
};

struct doca_flow_tun {
	enum doca_flow_tun_type type;
	union {
		DOCA_FLOW_ANON struct {
			enum doca_flow_tun_ext_vxlan_type vxlan_type;
			doca_be32_t vxlan_tun_id; /* VNI in the low 24 bits */
			uint8_t vxlan_tun_rsvd1;
			uint8_t vxlan_gpe_flags;
			uint8_t vxlan_gpe_next_protocol;
			doca_be16_t vxlan_gbp_group_policy_id;
		};
		DOCA_FLOW_ANON struct {
			enum doca_flow_tun_ext_gre_type gre_type;
			doca_be16_t protocol; /* ethertype of what follows */
			bool key_present;
			doca_be32_t gre_key;
			doca_be32_t nvgre_vs_id; /* low 24 bits */
			uint8_t nvgre_flow_id;
		};
		DOCA_FLOW_ANON struct {
			doca_be32_t gtp_teid;
			uint8_t gtp_next_ext_hdr_type;
			uint8_t gtp_ext_psc_qfi; /* 6 bits */
		};
		DOCA_FLOW_ANON struct {
			doca_be32_t esp_spi;
			doca_be32_t esp_sn;
		};
		struct doca_flow_header_mpls mpls[DOCA_FLOW_MPLS_LABELS_MAX];
		DOCA_FLOW_ANON struct {
			struct doca_flow_header_geneve geneve;
			union doca_flow_geneve_option geneve_options[DOCA_FLOW_GENEVE_OPT_LEN_MAX];
		};
		struct doca_flow_header_psp psp;
	};
};

struct doca_flow_match {
	uint32_t flags;
	struct doca_flow_meta meta;
	struct doca_flow_parser_meta parser_meta;
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
	struct doca_flow_header_format inner;
};

/* ---- actions ---- */

enum doca_flow_resource_type {
	DOCA_FLOW_RESOURCE_TYPE_NONE = 0,
	DOCA_FLOW_RESOURCE_TYPE_SHARED,
	DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
	DOCA_FLOW_RESOURCE_TYPE_AUTO,
};

struct doca_flow_encap_action {
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
};

struct doca_flow_resource_encap_cfg {
	bool is_l2; /* keep the packet's Ethernet header inside the tunnel */
	struct doca_flow_encap_action encap;
};

struct doca_flow_resource_decap_cfg {
	bool is_l2; /* the tunnel carried Ethernet; else `eth` becomes the new header */
	struct doca_flow_header_eth eth;
	uint16_t l2_valid_headers;
	struct doca_flow_header_eth_vlan eth_vlan[DOCA_FLOW_VLAN_MAX];
};

enum doca_flow_push_action_type {
	DOCA_FLOW_PUSH_ACTION_VLAN = 0,
};

struct doca_flow_push_action {
	enum doca_flow_push_action_type type;
	union {
		struct {
			doca_be16_t eth_type;
			struct doca_flow_header_eth_vlan vlan_hdr;
		} vlan;
	};
};

struct doca_flow_nat64_action {
	enum doca_flow_l3_type original_l3_type;
};

struct doca_flow_actions {
	uint8_t action_idx;
	uint32_t flags;
	enum doca_flow_resource_type decap_type;
	union {
		struct doca_flow_resource_decap_cfg decap_cfg;
		uint32_t shared_decap_id;
	};
	bool pop_vlan;
	struct doca_flow_meta meta;
	struct doca_flow_parser_meta parser_meta;
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
	enum doca_flow_resource_type encap_type;
	union {
		struct doca_flow_resource_encap_cfg encap_cfg;
		uint32_t shared_encap_id;
	};
	bool has_push;
	struct doca_flow_push_action push;
	bool has_crypto_encap;
	struct doca_flow_crypto_encap_action crypto_encap;
	struct doca_flow_crypto_action crypto;
};

enum doca_flow_action_type {
	DOCA_FLOW_ACTION_AUTO = 0, /* as the field's value says */
	DOCA_FLOW_ACTION_ADD,      /* dst += src, or += the value given in the actions */
	DOCA_FLOW_ACTION_COPY,     /* dst = src */
};

struct doca_flow_desc_field {
	const char *field_string; /* "outer.ipv4.ttl"; NULL: none */
	uint32_t bit_offset;      /* from the field's least significant bit; "meta.data": from the start of struct doca_flow_meta */
};

struct doca_flow_action_desc {
	enum doca_flow_action_type type;
	struct {
		struct doca_flow_desc_field src;
		struct doca_flow_desc_field dst;
		uint32_t width; /* bits */
	} field_op;
};

struct doca_flow_action_descs {
	uint8_t nb_action_desc;
	struct doca_flow_action_desc *desc_array;
};

/* ---- conditions of CONTROL entries ---- */

enum doca_flow_compare_op {
	DOCA_FLOW_COMPARE_EQ = 0,
	DOCA_FLOW_COMPARE_NE,
	DOCA_FLOW_COMPARE_LT,
	DOCA_FLOW_COMPARE_LE,
	DOCA_FLOW_COMPARE_GT,
	DOCA_FLOW_COMPARE_GE,
};

/* a OP b; b's value stands in the match when b names no field. */
struct doca_flow_match_condition {
	enum doca_flow_compare_op operation;
	struct {
		struct doca_flow_desc_field a;
		struct doca_flow_desc_field b;
		uint32_t width; /* bits */
	} field_op;
};

/* ---- monitor ---- */

enum doca_flow_meter_limit_type {
	DOCA_FLOW_METER_LIMIT_TYPE_BYTES = 0,
	DOCA_FLOW_METER_LIMIT_TYPE_PACKETS,
};

enum doca_flow_meter_color_mode {
	DOCA_FLOW_METER_COLOR_MODE_BLIND = 0,
	DOCA_FLOW_METER_COLOR_MODE_AWARE,
};

enum doca_flow_meter_algorithm_type {
	DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2697 = 0,
	DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2698,
	DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115,
};

struct doca_flow_resource_meter_cfg {
	enum doca_flow_meter_limit_type limit_type;
	enum doca_flow_meter_color_mode color_mode;
	enum doca_flow_meter_algorithm_type alg;
	uint64_t cir; /* units per second */
	uint64_t cbs; /* units */
	union {
		struct {
			uint64_t ebs;
		} rfc2697;
		struct {
			uint64_t pir;
			uint64_t pbs;
		} rfc2698;
		struct {
			uint64_t eir;
			uint64_t ebs;
		} rfc4115;
	};
};

/* What an entry counts, meters and how it ages. All ones in the pipe's monitor: the entry says. */
struct doca_flow_monitor {
	enum doca_flow_resource_type meter_type;
	union {
		struct {
			enum doca_flow_meter_limit_type limit_type;
			uint64_t cir;
			uint64_t cbs;
		} non_shared_meter;
		struct {
			uint32_t shared_meter_id;
			enum doca_flow_meter_color meter_init_color;
		} shared_meter;
	};
	enum doca_flow_resource_type counter_type;
	union {
		struct {
			uint32_t shared_counter_id;
		} shared_counter;
	};
	uint32_t shared_mirror_id;
	bool aging_enabled;
	uint32_t aging_sec; /* 0 = never */
};

/* ---- forward ---- */

enum doca_flow_fwd_type {
	DOCA_FLOW_FWD_NONE = 0,
	DOCA_FLOW_FWD_RSS,
	DOCA_FLOW_FWD_PORT,
	DOCA_FLOW_FWD_PIPE,
	DOCA_FLOW_FWD_DROP,
	DOCA_FLOW_FWD_TARGET,
	DOCA_FLOW_FWD_ORDERED_LIST_PIPE,
	DOCA_FLOW_FWD_CHANGEABLE, /* each entry supplies the whole forward */
	DOCA_FLOW_FWD_HASH_PIPE,
};

enum doca_flow_target_type {
	DOCA_FLOW_TARGET_KERNEL = 0,
};

/* Fields that RSS hashes. */
enum doca_rss_type {
	DOCA_FLOW_RSS_IPV4 = (1 << 0),
	DOCA_FLOW_RSS_IPV6 = (1 << 1),
	DOCA_FLOW_RSS_UDP = (1 << 2),
	DOCA_FLOW_RSS_TCP = (1 << 3),
	DOCA_FLOW_RSS_ESP = (1 << 4),
	DOCA_FLOW_RSS_IPV4_SRC = (1 << 5),
	DOCA_FLOW_RSS_IPV4_DST = (1 << 6),
	DOCA_FLOW_RSS_IPV6_SRC = (1 << 7),
	DOCA_FLOW_RSS_IPV6_DST = (1 << 8),
	DOCA_FLOW_RSS_UDP_SRC = (1 << 9),
	DOCA_FLOW_RSS_UDP_DST = (1 << 10),
	DOCA_FLOW_RSS_TCP_SRC = (1 << 11),
	DOCA_FLOW_RSS_TCP_DST = (1 << 12),
};

enum doca_flow_rss_hash_function {
	DOCA_FLOW_RSS_HASH_FUNCTION_TOEPLITZ = 0,
	DOCA_FLOW_RSS_HASH_FUNCTION_SYMMETRIC_TOEPLITZ,
};

struct doca_flow_resource_rss_cfg {
	uint32_t outer_flags; /* enum doca_rss_type */
	uint32_t inner_flags;
	uint16_t *queues_array; /* borrowed for the call */
	int nr_queues;
	enum doca_flow_rss_hash_function rss_hash_func;
};

enum doca_flow_pipe_hash_map_algorithm {
	DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_HASH = (1 << 0),
	DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_RANDOM = (1 << 1),
	DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_IDENTITY = (1 << 2),
	DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING = (1 << 3),
};

struct doca_flow_fwd {
	enum doca_flow_fwd_type type;
	enum doca_flow_resource_type rss_type;
	union {
		struct doca_flow_resource_rss_cfg rss;
		uint32_t shared_rss_id;
		uint16_t port_id; /* 0xffff in a pipe: the entry says */
		struct doca_flow_pipe *next_pipe;
		struct {
			struct doca_flow_pipe *pipe;
			uint32_t idx; /* 0xffffffff in a pipe: the entry says */
		} ordered_list_pipe;
		struct {
			struct doca_flow_pipe *pipe;
			uint32_t algorithm; /* DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_ */
		} hash_pipe;
		struct doca_flow_target *target;
	};
};

doca_error_t doca_flow_get_target(enum doca_flow_target_type type, struct doca_flow_target **target);

/* ---- ordered lists ---- */

enum doca_flow_ordered_list_element_type {
	DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS = 0,
	DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTION_DESCS,
	DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR,
	DOCA_FLOW_ORDERED_LIST_ELEMENT_CRYPTO,
	DOCA_FLOW_ORDERED_LIST_ELEMENT_NAT64,
};

struct doca_flow_ordered_list_element {
	enum doca_flow_ordered_list_element_type type;
	const struct doca_flow_actions *actions;
	const struct doca_flow_actions *actions_mask;
	const struct doca_flow_action_descs *action_descs;
	const struct doca_flow_monitor *monitor;
	const struct doca_flow_crypto *crypto;
	const struct doca_flow_nat64_action *nat64;
};

struct doca_flow_ordered_list {
	uint32_t idx; /* which of the pipe's lists */
	uint32_t size;
	struct doca_flow_ordered_list_element *elements;
};

/* ---- callbacks ---- */

enum doca_flow_entry_status {
	DOCA_FLOW_ENTRY_STATUS_IN_PROCESS = 0,
	DOCA_FLOW_ENTRY_STATUS_SUCCESS,
	DOCA_FLOW_ENTRY_STATUS_ERROR,
};

enum doca_flow_entry_op {
	DOCA_FLOW_ENTRY_OP_ADD = 0,
	DOCA_FLOW_ENTRY_OP_DEL,
	DOCA_FLOW_ENTRY_OP_UPD,
	DOCA_FLOW_ENTRY_OP_AGED,
};

/* 0 also pushes at once. */
enum doca_flow_entry_flags {
	DOCA_FLOW_ENTRY_FLAGS_NO_WAIT = (1 << 0),
	DOCA_FLOW_ENTRY_FLAGS_WAIT_FOR_BATCH = (1 << 1), /* held until a push, a full queue, or entries_process */
};

enum doca_flow_pipe_status {
	DOCA_FLOW_PIPE_STATUS_SUCCESS = 1,
	DOCA_FLOW_PIPE_STATUS_ERROR,
};

enum doca_flow_pipe_op {
	DOCA_FLOW_PIPE_OP_CONGESTION_REACHED = 0,
	DOCA_FLOW_PIPE_OP_RESIZED,
	DOCA_FLOW_PIPE_OP_DESTROYED,
};

typedef void (*doca_flow_entry_process_cb)(struct doca_flow_pipe_entry *entry, uint16_t pipe_queue,
	enum doca_flow_entry_status status, enum doca_flow_entry_op op, void *user_ctx);
typedef void (*doca_flow_pipe_process_cb)(struct doca_flow_pipe *pipe, enum doca_flow_pipe_status status,
	enum doca_flow_pipe_op op, void *user_ctx);
typedef doca_error_t (*doca_flow_pipe_resize_nr_entries_changed_cb)(void *pipe_user_ctx, uint32_t nr_entries);
typedef doca_error_t (*doca_flow_pipe_resize_entry_relocate_cb)(void *pipe_user_ctx, uint16_t pipe_queue, void *entry_user_ctx,
	void **new_entry_user_ctx);

/* ---- shared resources ---- */

enum doca_flow_shared_resource_type {
	DOCA_FLOW_SHARED_RESOURCE_METER = 0,
	DOCA_FLOW_SHARED_RESOURCE_COUNTER,
	DOCA_FLOW_SHARED_RESOURCE_RSS,
	DOCA_FLOW_SHARED_RESOURCE_IPSEC_SA,
	DOCA_FLOW_SHARED_RESOURCE_PSP,
	DOCA_FLOW_SHARED_RESOURCE_ENCAP,
	DOCA_FLOW_SHARED_RESOURCE_DECAP,
	DOCA_FLOW_SHARED_RESOURCE_MAX,
};

/* What doca_flow_port_cfg_set_nr_resources reserves. */
enum doca_flow_resource {
	DOCA_FLOW_RESOURCE_COUNTER = 0,
	DOCA_FLOW_RESOURCE_METER,
	DOCA_FLOW_RESOURCE_RSS,
	DOCA_FLOW_RESOURCE_PSP,
	DOCA_FLOW_RESOURCE_ENCAP,
	DOCA_FLOW_RESOURCE_DECAP,
	DOCA_FLOW_RESOURCE_IPSEC_SA,
	DOCA_FLOW_RESOURCE_MAX,
};

enum doca_flow_resource_mode {
	DOCA_FLOW_RESOURCE_MODE_NONE = 0, /* reserved for the process, in doca_flow_cfg */
	DOCA_FLOW_RESOURCE_MODE_PORT,     /* reserved per port */
};

struct doca_flow_resource_ipsec_sa_cfg {
	struct doca_flow_crypto_key_cfg key_cfg;
	enum doca_flow_crypto_icv_len icv_len;
	doca_be32_t salt;
	doca_be64_t implicit_iv;
	bool esn_en;
	enum doca_flow_crypto_sn_offload_type sn_offload_type;
	enum doca_flow_crypto_replay_win_size win_size;
	uint64_t sn_initial;
	uint32_t lifetime_threshold;
};

struct doca_flow_resource_psp_cfg {
	struct doca_flow_crypto_key_cfg key_cfg;
};

struct doca_flow_shared_resource_cfg {
	union {
		struct doca_flow_resource_meter_cfg meter_cfg;
		struct doca_flow_resource_rss_cfg rss_cfg;
		struct doca_flow_resource_encap_cfg encap_cfg;
		struct doca_flow_resource_decap_cfg decap_cfg;
		struct doca_flow_resource_ipsec_sa_cfg ipsec_sa_cfg;
		struct doca_flow_resource_psp_cfg psp_cfg;
	};
};

struct doca_flow_resource_query {
	union {
		struct {
			uint64_t total_bytes; /* whole Ethernet frames without FCS */
			uint64_t total_pkts;
		} counter;
	};
};

/* ---- the library ---- */

doca_error_t doca_flow_cfg_create(struct doca_flow_cfg **cfg);
doca_error_t doca_flow_cfg_destroy(struct doca_flow_cfg *cfg);
/* Queues that threads use to add entries, >= 1; default 1. */
doca_error_t doca_flow_cfg_set_pipe_queues(struct doca_flow_cfg *cfg, uint16_t pipe_queues);
/* Operations one queue holds before AGAIN; default 1024. */
doca_error_t doca_flow_cfg_set_queue_depth(struct doca_flow_cfg *cfg, uint32_t queue_depth);
/* "vnf" or "switch", then comma-separated: hws, isolated, expert, cpds, hairpinq_num=N, use_doca_eth. Copied. */
doca_error_t doca_flow_cfg_set_mode_args(struct doca_flow_cfg *cfg, const char *mode_args);
doca_error_t doca_flow_cfg_set_nr_counters(struct doca_flow_cfg *cfg, uint32_t nr_counters);
doca_error_t doca_flow_cfg_set_nr_meters(struct doca_flow_cfg *cfg, uint32_t nr_meters);
doca_error_t doca_flow_cfg_set_nr_shared_resource(struct doca_flow_cfg *cfg, uint32_t nr_shared_resource,
	enum doca_flow_shared_resource_type type);
doca_error_t doca_flow_cfg_set_resource_mode(struct doca_flow_cfg *cfg, enum doca_flow_resource_mode mode);
doca_error_t doca_flow_cfg_set_rss_key(struct doca_flow_cfg *cfg, const uint8_t *rss_key, uint32_t rss_key_len);
doca_error_t doca_flow_cfg_set_default_rss(struct doca_flow_cfg *cfg, const struct doca_flow_resource_rss_cfg *rss);
doca_error_t doca_flow_cfg_set_cb_entry_process(struct doca_flow_cfg *cfg, doca_flow_entry_process_cb cb);
doca_error_t doca_flow_cfg_set_cb_pipe_process(struct doca_flow_cfg *cfg, doca_flow_pipe_process_cb cb);
doca_error_t doca_flow_cfg_set_definitions(struct doca_flow_cfg *cfg, const struct doca_flow_definitions *defs);
doca_error_t doca_flow_cfg_set_tune_cfg(struct doca_flow_cfg *cfg, const struct doca_flow_tune_cfg *tune_cfg);

/* How much tools may ask of a running program (doca_flow_tune_server.h): NONE refuses them, FULL is what a program gets that sets
 * no profile. The cfg above keeps a copy. */
enum doca_flow_tune_profile {
	DOCA_FLOW_TUNE_PROFILE_NONE = 0,
	DOCA_FLOW_TUNE_PROFILE_FULL,
};
doca_error_t doca_flow_tune_cfg_create(struct doca_flow_tune_cfg **cfg);
doca_error_t doca_flow_tune_cfg_set_profile(struct doca_flow_tune_cfg *cfg, enum doca_flow_tune_profile profile);
doca_error_t doca_flow_tune_cfg_destroy(struct doca_flow_tune_cfg *cfg);

/* Once, before any port. BAD_STATE when it runs already. */
doca_error_t doca_flow_init(struct doca_flow_cfg *cfg);
/* Stops what still runs. */
void doca_flow_destroy(void);

/* ---- ports ---- */

enum doca_flow_port_operation_state {
	DOCA_FLOW_PORT_OPERATION_STATE_ACTIVE = 0,
	DOCA_FLOW_PORT_OPERATION_STATE_ACTIVE_READY_TO_SWAP,
	DOCA_FLOW_PORT_OPERATION_STATE_STANDBY,
	DOCA_FLOW_PORT_OPERATION_STATE_UNCONNECTED,
};

doca_error_t doca_flow_port_cfg_create(struct doca_flow_port_cfg **cfg);
doca_error_t doca_flow_port_cfg_destroy(struct doca_flow_port_cfg *cfg);
doca_error_t doca_flow_port_cfg_set_port_id(struct doca_flow_port_cfg *cfg, uint16_t port_id);
doca_error_t doca_flow_port_cfg_set_dev(struct doca_flow_port_cfg *cfg, struct doca_dev *dev);
doca_error_t doca_flow_port_cfg_set_dev_rep(struct doca_flow_port_cfg *cfg, struct doca_dev_rep *dev_rep);
doca_error_t doca_flow_port_cfg_set_actions_mem_size(struct doca_flow_port_cfg *cfg, uint32_t size);
doca_error_t doca_flow_port_cfg_set_devargs(struct doca_flow_port_cfg *cfg, const char *devargs);
doca_error_t doca_flow_port_cfg_set_priv_data_size(struct doca_flow_port_cfg *cfg, uint16_t size);
doca_error_t doca_flow_port_cfg_set_nr_resources(struct doca_flow_port_cfg *cfg, enum doca_flow_resource type, uint32_t nr);
doca_error_t doca_flow_port_cfg_set_operation_state(struct doca_flow_port_cfg *cfg, enum doca_flow_port_operation_state state);
doca_error_t doca_flow_port_cfg_set_ipsec_sn_offload_disable(struct doca_flow_port_cfg *cfg);
doca_error_t doca_flow_port_cfg_set_service_threads_cycle(struct doca_flow_port_cfg *cfg, uint32_t cycle_ms);
doca_error_t doca_flow_port_cfg_set_rss_cfg(struct doca_flow_port_cfg *cfg, const struct doca_flow_resource_rss_cfg *rss);

doca_error_t doca_flow_port_start(struct doca_flow_port_cfg *cfg, struct doca_flow_port **port);
/* Destroys its pipes. */
doca_error_t doca_flow_port_stop(struct doca_flow_port *port);
/* vnf: what misses nothing decides goes out by the other. Both directions are paired by two calls. */
doca_error_t doca_flow_port_pair(struct doca_flow_port *port, struct doca_flow_port *pair_port);
/* The switch manager of a port's card; NULL: of the first. */
struct doca_flow_port *doca_flow_port_switch_get(const struct doca_flow_port *port);
uint8_t *doca_flow_port_priv_data(struct doca_flow_port *port);
uint16_t doca_flow_port_get_port_id(const struct doca_flow_port *port);
doca_error_t doca_flow_port_operation_state_modify(struct doca_flow_port *port, enum doca_flow_port_operation_state state);
/* Where packets go that the root does not match: DOCA_FLOW_PORT_DEFAULT_MISS_ bits, on or off. */
doca_error_t doca_flow_port_update_default_miss(struct doca_flow_port *port, uint32_t miss_bits, bool enable);
void doca_flow_port_pipes_flush(struct doca_flow_port *port);
void doca_flow_port_pipes_dump(struct doca_flow_port *port, FILE *f);
doca_error_t doca_flow_port_crypto_ipsec_update_sn(struct doca_flow_port *port, uint32_t crypto_id, uint64_t sn);

doca_error_t doca_flow_port_shared_resource_set_cfg(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t id, const struct doca_flow_shared_resource_cfg *cfg);
/* A free id of the type. */
doca_error_t doca_flow_port_shared_resource_get(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t *id);
doca_error_t doca_flow_port_shared_resource_put(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id);
doca_error_t doca_flow_port_shared_resources_query(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t *ids, struct doca_flow_resource_query *queries, uint32_t nr);

/* ---- entropy ---- */

struct doca_flow_entropy_format {
	enum doca_flow_l3_type l3_type;
	union {
		struct doca_flow_header_ip4 ip4;
		struct doca_flow_header_ip6 ip6;
	};
	bool is_transport;
	struct doca_flow_header_l4_port transport;
};

/* The UDP source port (host order) an encap with entropy would write for this flow. */
doca_error_t doca_flow_port_calc_entropy(struct doca_flow_port *port, struct doca_flow_entropy_format *header, uint16_t *entropy);

/* ---- Geneve options ---- */

enum doca_flow_parser_geneve_opt_mode {
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_IGNORE = 0,
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED,
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE,
};

struct doca_flow_parser_geneve_opt_cfg {
	enum doca_flow_parser_geneve_opt_mode match_on_class_mode;
	doca_be16_t option_class;
	uint8_t option_type;
	uint8_t option_len; /* data, 4-byte words */
	doca_be32_t data_mask[DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX];
};

doca_error_t doca_flow_parser_geneve_opt_create(struct doca_flow_port *port,
	const struct doca_flow_parser_geneve_opt_cfg tlv_list[], uint8_t nr_options, struct doca_flow_parser **parser);
doca_error_t doca_flow_parser_geneve_opt_destroy(struct doca_flow_parser *parser);

/* Build one label stack entry (RFC 3032). */
doca_error_t doca_flow_mpls_label_encode(uint32_t label, uint8_t traffic_class, uint8_t ttl, bool bottom_of_stack,
	struct doca_flow_header_mpls *mpls);
doca_error_t doca_flow_mpls_label_decode(const struct doca_flow_header_mpls *mpls, uint32_t *label, uint8_t *traffic_class,
	uint8_t *ttl, bool *bottom_of_stack);

/* ---- pipes ---- */

enum doca_flow_pipe_type {
	DOCA_FLOW_PIPE_BASIC = 0, /* one template, entries with unique keys */
	DOCA_FLOW_PIPE_CONTROL,   /* match, priority and forward per entry */
	DOCA_FLOW_PIPE_LPM,       /* longest prefix of one address */
	DOCA_FLOW_PIPE_CT,        /* connections */
	DOCA_FLOW_PIPE_ACL,       /* 5-tuple with masks, port ranges, priorities */
	DOCA_FLOW_PIPE_ORDERED_LIST, /* no match: a list of actions by index */
	DOCA_FLOW_PIPE_HASH,      /* entry by hash of the packet, or all of them */
};

enum doca_flow_pipe_domain {
	DOCA_FLOW_PIPE_DOMAIN_DEFAULT = 0,
	DOCA_FLOW_PIPE_DOMAIN_SECURE_INGRESS,
	DOCA_FLOW_PIPE_DOMAIN_EGRESS,
	DOCA_FLOW_PIPE_DOMAIN_SECURE_EGRESS,
};

doca_error_t doca_flow_pipe_cfg_create(struct doca_flow_pipe_cfg **cfg, struct doca_flow_port *port);
doca_error_t doca_flow_pipe_cfg_destroy(struct doca_flow_pipe_cfg *cfg);
doca_error_t doca_flow_pipe_cfg_set_match(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_match *match,
	const struct doca_flow_match *match_mask);
/* Arrays of nr_actions pointers; actions_masks and action_descs may be NULL. An entry picks one by action_idx. */
doca_error_t doca_flow_pipe_cfg_set_actions(struct doca_flow_pipe_cfg *cfg, struct doca_flow_actions *const *actions,
	struct doca_flow_actions *const *actions_masks, struct doca_flow_action_descs *const *action_descs, size_t nr_actions);
doca_error_t doca_flow_pipe_cfg_set_monitor(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_monitor *monitor);
doca_error_t doca_flow_pipe_cfg_set_ordered_lists(struct doca_flow_pipe_cfg *cfg,
	struct doca_flow_ordered_list *const *ordered_lists, size_t nr_ordered_lists);
doca_error_t doca_flow_pipe_cfg_set_name(struct doca_flow_pipe_cfg *cfg, const char *name);
doca_error_t doca_flow_pipe_cfg_set_label(struct doca_flow_pipe_cfg *cfg, const char *label);
doca_error_t doca_flow_pipe_cfg_set_type(struct doca_flow_pipe_cfg *cfg, enum doca_flow_pipe_type type);
doca_error_t doca_flow_pipe_cfg_set_domain(struct doca_flow_pipe_cfg *cfg, enum doca_flow_pipe_domain domain);
doca_error_t doca_flow_pipe_cfg_set_is_root(struct doca_flow_pipe_cfg *cfg, bool is_root);
/* Default 8192. HASH: a power of two. */
doca_error_t doca_flow_pipe_cfg_set_nr_entries(struct doca_flow_pipe_cfg *cfg, uint32_t nr_entries);
doca_error_t doca_flow_pipe_cfg_set_is_resizable(struct doca_flow_pipe_cfg *cfg, bool is_resizable);
doca_error_t doca_flow_pipe_cfg_set_congestion_level_threshold(struct doca_flow_pipe_cfg *cfg, uint8_t percent);
doca_error_t doca_flow_pipe_cfg_set_excluded_queue(struct doca_flow_pipe_cfg *cfg, uint16_t pipe_queue);
doca_error_t doca_flow_pipe_cfg_set_miss_counter(struct doca_flow_pipe_cfg *cfg, bool enable);
doca_error_t doca_flow_pipe_cfg_set_hash_map_algorithm(struct doca_flow_pipe_cfg *cfg, uint32_t algorithm_flags);
doca_error_t doca_flow_pipe_cfg_set_user_ctx(struct doca_flow_pipe_cfg *cfg, void *user_ctx);

/* fwd NULL: every entry gives one. fwd_miss NULL: drop; at a vnf root what the port's default says. */
doca_error_t doca_flow_pipe_create(const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *fwd_miss, struct doca_flow_pipe **pipe);
void doca_flow_pipe_destroy(struct doca_flow_pipe *pipe);
doca_error_t doca_flow_pipe_update_miss(struct doca_flow_pipe *pipe, const struct doca_flow_fwd *fwd_miss);
doca_error_t doca_flow_pipe_resize(struct doca_flow_pipe *pipe, uint8_t new_congestion_level,
	doca_flow_pipe_resize_nr_entries_changed_cb nr_entries_changed_cb,
	doca_flow_pipe_resize_entry_relocate_cb entry_relocation_cb);
void doca_flow_pipe_dump(struct doca_flow_pipe *pipe, FILE *f);
/* HASH: which entry a packet with these values gets. */
doca_error_t doca_flow_pipe_calc_hash(struct doca_flow_pipe *pipe, const struct doca_flow_match *match, uint32_t *hash);

/* ---- entries ----
 * NULL actions, monitor, fwd: the pipe's. AGAIN when the queue holds queue_depth operations; FULL when the pipe is. */

doca_error_t doca_flow_pipe_basic_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, uint8_t action_idx, const struct doca_flow_actions *actions,
	const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx,
	struct doca_flow_pipe_entry **entry);
doca_error_t doca_flow_pipe_control_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask,
	const struct doca_flow_match_condition *condition, const struct doca_flow_actions *actions,
	const struct doca_flow_actions *actions_mask, const struct doca_flow_action_descs *action_descs,
	const struct doca_flow_monitor *monitor, uint32_t priority, const struct doca_flow_fwd *fwd, void *usr_ctx,
	struct doca_flow_pipe_entry **entry);
doca_error_t doca_flow_pipe_lpm_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry);
doca_error_t doca_flow_pipe_acl_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask, uint8_t action_idx,
	const struct doca_flow_actions *actions, uint32_t priority, const struct doca_flow_fwd *fwd, uint32_t flags,
	void *usr_ctx, struct doca_flow_pipe_entry **entry);
doca_error_t doca_flow_pipe_hash_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint32_t entry_index,
	uint8_t action_idx, const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor,
	const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry);
doca_error_t doca_flow_pipe_ordered_list_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint32_t idx,
	const struct doca_flow_ordered_list *ordered_list, const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx,
	struct doca_flow_pipe_entry **entry);

/* Actions, monitor and forward of a live entry; packets see the old or the new ones, never a mix. */
doca_error_t doca_flow_pipe_basic_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, struct doca_flow_pipe_entry *entry);
doca_error_t doca_flow_pipe_lpm_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, struct doca_flow_pipe_entry *entry);
doca_error_t doca_flow_pipe_acl_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_fwd *fwd, uint32_t flags,
	struct doca_flow_pipe_entry *entry);
doca_error_t doca_flow_pipe_remove_entry(uint16_t pipe_queue, uint32_t flags, struct doca_flow_pipe_entry *entry);

/* Carry out what waits on the queue and call back for up to max_processed_entries (0 = all). timeout in microseconds. */
doca_error_t doca_flow_entries_process(struct doca_flow_port *port, uint16_t pipe_queue, uint64_t timeout,
	uint32_t max_processed_entries);
enum doca_flow_entry_status doca_flow_pipe_entry_get_status(struct doca_flow_pipe_entry *entry);
/* Look for idle entries for at most quota_time microseconds or max_entries (0 = no limit): the callback gets AGED for
 * each. > 0: found so many; -1: once round the table. */
int doca_flow_aging_handle(struct doca_flow_port *port, uint16_t queue, uint64_t quota_time, uint64_t max_entries);

doca_error_t doca_flow_resource_query_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_resource_query *query);
doca_error_t doca_flow_resource_query_pipe_miss(struct doca_flow_pipe *pipe, struct doca_flow_resource_query *query);

#ifdef __cplusplus
}
#endif
#endif
