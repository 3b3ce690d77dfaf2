/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_pipe: pipes, the templates that entries fill in. Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_PIPE_H_
#define DOCA_FLOW_PIPE_H_

#include "doca_flow_port.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
