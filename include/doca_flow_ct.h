/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_ct: connections managed by the program. A pipe of type DOCA_FLOW_PIPE_CT looks every packet up by its 5-tuple and
 * zone: packets of known connections get the connection's actions and go to the pipe's forward, others to its miss forward,
 * usually an RSS pipe: the program sees the first packet, decides, and adds the connection.
 *
 *   doca_flow_init, doca_flow_ct_init(cfg), doca_flow_port_start ...
 *   pipe cfg with type CT, never root; a BASIC or CONTROL root forwards TCP and UDP to it
 *   for a packet that missed:
 *     doca_flow_ct_entry_prepare(queue, pipe, ALLOC_ON_MISS | DUP_FILTER_ORIGIN, &origin, hash, &reply, hash, &entry, &found);
 *     if (!found)
 *             doca_flow_ct_add_entry(queue, pipe, NO_WAIT | DIR_ORIGIN | DIR_REPLY, &origin, &reply, NULL, NULL, 0, 0, 30, ctx, entry);
 *   doca_flow_ct_entries_process(port, queue, 0, 0, NULL);     callbacks of adds, updates and removals
 *   doca_flow_aging_handle(port, queue, 0, 0);                 callback with AGED for each idle connection; the program removes it
 *   doca_flow_pipe_destroy, doca_flow_port_stop, doca_flow_ct_destroy, doca_flow_destroy
 *
 * Directions. An entry has an origin match, a reply match or both, as the packets of each direction arrive; with NAT they are
 * no mirror images. Either may be IPv4 or IPv6 (IPV6_ORIGIN, IPV6_REPLY name the union's member). match_inner of
 * doca_flow_ct_cfg_set_direction takes the 5-tuple from the headers inside a tunnel. Protocols: TCP and UDP. The library keeps
 * no TCP state and drops nothing: a connection is what the program says.
 *
 * Zone. The bits of zone_match_mask, in pkt_meta or in one of u32[], are compared with the same bits of `metadata`; all
 * big-endian. A pipe before the CT pipe writes them. Without a mask there is one zone.
 *
 * Actions. The pipe's actions (doca_flow_pipe_cfg_set_actions) are templates: metadata, addresses, ports; what is all ones comes
 * from the entry. Metadata bits of meta_modify_mask are written for any template; the mark as a whole. Each direction names its
 * template by action_idx, or a handle of doca_flow_ct_actions_add_shared, of which there are nb_user_actions. Removing shared
 * actions does not change connections that were added with them.
 *
 * Room. A connection takes one place of the IPv4 pool if any direction is IPv4 and one of the IPv6 pool if any is IPv6;
 * nb_ipv4_6 adds to both. A queue takes queue_depth operations until they are processed; then AGAIN. A key that is present
 * already is refused with ALREADY_EXIST. When add fails for what it asks of the connection the prepared entry is gone; it stays when
 * the answer is AGAIN, or the pipe, the queue or the entry is not one to add.
 *
 * Duplicate filter. Prepare with DUP_FILTER_ORIGIN or _REPLY finds a connection that this queue prepared before with the same key,
 * as long as it is among the last dup_filter_size ones; conn_found tells.
 *
 * Counters: with COUNTER_ORIGIN and COUNTER_REPLY one for each direction, with COUNTER_SHARED one for both. Aging: timeout_s
 * without a packet in either direction; 0 = never; an update sets it anew and starts the time again. Finalize: entries added with
 * ENTRY_FINALIZE are handed to the callback when their removal is processed; they can still be queried there.
 *
 * Threads: CT queue q (q from pipe_queues of DOCA Flow on, data queues before control queues) belongs to one thread, which
 * makes all calls for the entries it prepared; get and query may come from any thread. Configuration, pipes, shared actions and
 * forwards belong to the control thread.
 *
 * Here all operations take effect at once, with or without NO_WAIT; aging_core and nb_counters of counter_asymmetric are
 * accepted and mean nothing (no thread is needed, counters come from the switch's pool).
 */
#ifndef DOCA_FLOW_CT_H_
#define DOCA_FLOW_CT_H_

#include "doca_flow.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_ct_cfg;

enum doca_flow_ct_flags {
	DOCA_FLOW_CT_FLAG_STATS = (1 << 0),
	DOCA_FLOW_CT_FLAG_NO_AGING = (1 << 1),
	DOCA_FLOW_CT_FLAG_MANAGED = (1 << 2),
	DOCA_FLOW_CT_FLAG_ASYMMETRIC_TUNNEL = (1 << 3),
	DOCA_FLOW_CT_FLAG_NO_COUNTER = (1 << 4),
	DOCA_FLOW_CT_FLAG_ORIGIN_WIRE = (1 << 5),
	DOCA_FLOW_CT_FLAG_REPLY_WIRE = (1 << 6),
	DOCA_FLOW_CT_FLAG_ITERATOR = (1 << 7),
};

enum doca_flow_ct_entry_flags {
	DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT = (1 << 0),
	DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN = (1 << 1),
	DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY = (1 << 2),
	DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN = (1 << 3),
	DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY = (1 << 4),
	DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN = (1 << 5),
	DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY = (1 << 6),
	DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_SHARED = (1 << 7),
	DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS = (1 << 8),
	DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN = (1 << 9),
	DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_REPLY = (1 << 10),
	DOCA_FLOW_CT_ENTRY_FLAGS_ENTRY_FINALIZE = (1 << 11),
};

/* The mark a hit wrote, from the mark DPDK delivers with the packet. */
#define DOCA_FLOW_CT_MARK_FROM_DPDK(mark) (mark)

struct doca_flow_ct_meta {
	struct doca_flow_meta flow;
	uint32_t mark;
};

struct doca_flow_ct_match4 {
	doca_be32_t src_ip;
	doca_be32_t dst_ip;
	struct doca_flow_header_l4_port l4_port;
	uint32_t metadata; /* zone */
	uint8_t next_proto;
};

struct doca_flow_ct_match6 {
	doca_be32_t src_ip[4];
	doca_be32_t dst_ip[4];
	struct doca_flow_header_l4_port l4_port;
	uint32_t metadata;
	uint8_t next_proto;
};

struct doca_flow_ct_match {
	union {
		struct doca_flow_ct_match4 ipv4;
		struct doca_flow_ct_match6 ipv6;
	};
};

struct doca_flow_ct_ip4_action {
	doca_be32_t src_ip;
	doca_be32_t dst_ip;
};

struct doca_flow_ct_ip6_action {
	doca_be32_t src_ip[4];
	doca_be32_t dst_ip[4];
};

struct doca_flow_ct_actions_data {
	uint32_t action_idx;
	struct doca_flow_ct_meta meta;
	struct doca_flow_ct_ip4_action ip4;
	struct doca_flow_ct_ip6_action ip6;
	struct doca_flow_header_l4_port l4_port;
};

struct doca_flow_ct_actions {
	enum doca_flow_resource_type resource_type;
	union {
		uint32_t action_handle; /* SHARED */
		struct doca_flow_ct_actions_data data;
	};
};

typedef void (*doca_flow_ct_entry_finalize_cb)(struct doca_flow_pipe *pipe, void *entry, uint16_t ct_queue, void *usr_ctx);
typedef void (*doca_flow_ct_pipe_iterate_cb)(uint16_t pipe_queue, struct doca_flow_pipe *pipe, struct doca_flow_pipe_entry *entry, void *user_ctx);

doca_error_t doca_flow_ct_cap_is_dev_supported(const struct doca_devinfo *dev_info);

doca_error_t doca_flow_ct_cfg_create(struct doca_flow_ct_cfg **cfg);
doca_error_t doca_flow_ct_cfg_destroy(struct doca_flow_ct_cfg *cfg);
doca_error_t doca_flow_ct_cfg_set_flags(struct doca_flow_ct_cfg *cfg, uint32_t flags);
doca_error_t doca_flow_ct_cfg_set_queues(struct doca_flow_ct_cfg *cfg, uint32_t nb_queues);
doca_error_t doca_flow_ct_cfg_set_ctrl_queues(struct doca_flow_ct_cfg *cfg, uint32_t nb_ctrl_queues);
doca_error_t doca_flow_ct_cfg_set_user_actions(struct doca_flow_ct_cfg *cfg, uint32_t nb_user_actions);
doca_error_t doca_flow_ct_cfg_set_aging_core(struct doca_flow_ct_cfg *cfg, uint32_t core);
doca_error_t doca_flow_ct_cfg_set_entry_finalize_cb(struct doca_flow_ct_cfg *cfg, doca_flow_ct_entry_finalize_cb cb);
doca_error_t doca_flow_ct_cfg_set_connections(struct doca_flow_ct_cfg *cfg, uint32_t nb_ipv4, uint32_t nb_ipv6, uint32_t nb_ipv4_6);
doca_error_t doca_flow_ct_cfg_set_counter_asymmetric(struct doca_flow_ct_cfg *cfg, uint32_t nb_counters);
doca_error_t doca_flow_ct_cfg_set_dup_filter_size(struct doca_flow_ct_cfg *cfg, uint32_t size);
doca_error_t doca_flow_ct_cfg_set_max_connections_per_zone(struct doca_flow_ct_cfg *cfg, uint32_t nb_connections);
doca_error_t doca_flow_ct_cfg_set_direction(struct doca_flow_ct_cfg *cfg, bool is_reply, bool match_inner,
	struct doca_flow_meta *zone_match_mask, struct doca_flow_ct_meta *meta_modify_mask);

/* After doca_flow_init, before ports. */
doca_error_t doca_flow_ct_init(const struct doca_flow_ct_cfg *cfg);
void doca_flow_ct_destroy(void);

doca_error_t doca_flow_ct_entry_prepare(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, uint32_t hash_origin, const struct doca_flow_ct_match *match_reply,
	uint32_t hash_reply, struct doca_flow_pipe_entry **entry, bool *conn_found);
doca_error_t doca_flow_ct_add_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, const struct doca_flow_ct_match *match_reply,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s, void *usr_ctx, struct doca_flow_pipe_entry *entry);
doca_error_t doca_flow_ct_update_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s);
doca_error_t doca_flow_ct_rm_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry);
doca_error_t doca_flow_ct_get_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_ct_match *match_origin, struct doca_flow_ct_match *match_reply, uint64_t *entry_flags, uint32_t *hash_origin,
	uint32_t *hash_reply);
doca_error_t doca_flow_ct_query_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_resource_query *query_origin, struct doca_flow_resource_query *query_reply, uint64_t *last_hit_s);
/* Callbacks of the queue: at most max_processed (0 = all), but until min_room operations (0 = any; never more than the queue's depth)
 * fit again. `room` (may be NULL): how many do. */
doca_error_t doca_flow_ct_entries_process(struct doca_flow_port *port, uint16_t queue, uint32_t min_room, uint32_t max_processed,
	uint32_t *room);
/* Each queue's next doca_flow_ct_entries_process calls go through the connections of that queue, at most max_processed a call; those
 * added meanwhile are not among them. Needs DOCA_FLOW_CT_FLAG_ITERATOR. */
doca_error_t doca_flow_ct_pipe_iterate(struct doca_flow_pipe *pipe, doca_flow_ct_pipe_iterate_cb cb, void *user_ctx);
doca_error_t doca_flow_ct_actions_add_shared(uint16_t queue, struct doca_flow_pipe *pipe, const struct doca_flow_ct_actions actions[],
	uint32_t nb_actions, uint32_t actions_handles[]);
doca_error_t doca_flow_ct_actions_rm_shared(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t actions_handles[], uint32_t nb_handles);
/* Forwards that entries name by handle instead of the pipe's own (handle 0). A handle whose pipe is destroyed is refused. */
doca_error_t doca_flow_ct_fwd_register(struct doca_flow_port *port, uint32_t fwd_count, struct doca_flow_fwd fwd[],
	uint32_t fwd_handle[]);

#ifdef __cplusplus
}
#endif
#endif
