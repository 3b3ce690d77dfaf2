/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow of the module `doca`: the dialect of the founding document and of DOCA 2.0 to 2.6, over today's library.
 *
 * How to get it. `pkg-config --cflags --libs doca` puts this header before today's; `doca-flow` never shows it. A program
 * speaks one dialect: configurations are structures here (today's objects of the same name end in _today), so mixing the two
 * styles is an error of the compiler. Include <doca_flow.h> before other headers of DOCA Flow.
 *
 *	struct doca_flow_cfg cfg = {.pipe_queues = 1, .mode_args = "vnf,hws"};
 *	doca_flow_init(&cfg);
 *	struct doca_flow_port_cfg port_cfg = {.port_id = 0, .type = DOCA_FLOW_PORT_DPDK_BY_ID};
 *	doca_flow_port_start(&port_cfg, &port);
 *	struct doca_flow_pipe_cfg pipe_cfg = {.attr = {.name = "HTTP", .type = DOCA_FLOW_PIPE_BASIC, .is_root = true},
 *		.match = &match, .actions = &actions, .port = port};
 *	doca_flow_pipe_create(&pipe_cfg, &fwd, NULL, &pipe);
 *	doca_flow_pipe_add_entry(0, pipe, &match, &actions, NULL, &fwd, 0, NULL, &entry);
 *
 * What differs from today.
 *   add_entry      9 arguments: the action's index stands in actions->action_idx; 10 are today's basic_add_entry; 4 are the
 *                  document's short form (queue 0, the pipe's monitor and forward, pushed at once)
 *   addresses      of IPv6 are 16 bytes (doca_flow_net.h); parser_meta.port_meta is port_id; fwd.rss_queues, num_of_queues,
 *                  rss_outer_flags and rss_inner_flags are members of fwd.rss
 *   flags          DOCA_FLOW_NO_WAIT is 0
 *   queries        struct doca_flow_query is flat
 * All else is today's: CONTROL, LPM, ACL and hash entries have today's arguments, actions have encap_type and decap_type. What
 * these structures can say and the switch cannot do is refused in a sentence (doca_softdpu_last_refusal); members of other
 * releases are not there, so that the compiler tells.
 *
 * Threads, ownership and errors are those of doca_flow.h. The structures are read during the call and not kept.
 */
#ifndef DOCA_COMPAT_FLOW_H_
#define DOCA_COMPAT_FLOW_H_

#ifdef DOCA_FLOW_TYPES_H_
#error "include <doca_flow.h> before other headers of DOCA Flow"
#endif

#include "doca_compat_args.h"

#define doca_flow_cfg doca_flow_cfg_today
#define doca_flow_port_cfg doca_flow_port_cfg_today
#define doca_flow_pipe_cfg doca_flow_pipe_cfg_today
#include <doca_flow_fwd.h>
#include <doca_flow_match.h>
#include <doca_flow_net.h>
#include_next <doca_flow.h>
#undef doca_flow_cfg
#undef doca_flow_port_cfg
#undef doca_flow_pipe_cfg

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configurations ---- */

enum doca_flow_mode {
	DOCA_FLOW_MODE_UNSET = 0, /* mode_args says, or "vnf,hws" */
	DOCA_FLOW_MODE_VNF,
	DOCA_FLOW_MODE_SWITCH, /* F:1635 */
};

struct doca_flow_resources {
	uint32_t nb_counters; /* both grow as needed */
	uint32_t nb_meters;
};

struct doca_flow_cfg {
	union {
		uint16_t pipe_queues; /* 0: one */
		uint16_t queues;      /* up to DOCA 2.5, and F:1634 */
	};
	uint32_t queue_depth;   /* 0: today's default */
	const char *mode_args;  /* NULL: `mode` */
	enum doca_flow_mode mode;
	struct doca_flow_resources resource;
	uint32_t nr_shared_resources[DOCA_FLOW_SHARED_RESOURCE_MAX];
	doca_flow_entry_process_cb cb;
};

enum doca_flow_port_type {
	DOCA_FLOW_PORT_DPDK_BY_ID = 0,
};

struct doca_flow_port_cfg {
	uint16_t port_id;
	enum doca_flow_port_type type;
	const char *devargs; /* a number: the port id, when port_id is 0 or the same */
	uint16_t priv_data_size;
	struct doca_dev *dev;
};

struct doca_flow_pipe_attr {
	const char *name;
	enum doca_flow_pipe_type type;
	enum doca_flow_pipe_domain domain;
	bool is_root;
	uint32_t nb_flows;        /* 0: today's default */
	uint8_t nb_actions;       /* structures in `actions`; 0: `actions` points to the one */
	uint8_t nb_ordered_lists; /* in `ordered_lists` */
};

struct doca_flow_pipe_cfg {
	struct doca_flow_pipe_attr attr;
	struct doca_flow_port *port;
	const struct doca_flow_match *match;
	const struct doca_flow_match *match_mask;
	/* nb_actions pointers each; with nb_actions 0 one structure each (F:3746). */
	const void *actions;
	const void *actions_masks;
	const void *action_descs;
	const struct doca_flow_monitor *monitor;
	struct doca_flow_ordered_list *const *ordered_lists;
};

/* ---- entries ---- */

#define DOCA_FLOW_NO_WAIT 0
#define DOCA_FLOW_WAIT_FOR_BATCH DOCA_FLOW_ENTRY_FLAGS_WAIT_FOR_BATCH

struct doca_flow_query {
	uint64_t total_bytes;
	uint64_t total_pkts;
};

/* The founding document's context (F:4372); the library has one. */
struct doca_flow_ctx;

/* What the macros below call. */
doca_error_t doca_compat_flow_init(const struct doca_flow_cfg *cfg);
doca_error_t doca_compat_flow_init_ctx(const struct doca_flow_cfg *cfg, struct doca_flow_ctx **ctx);
doca_error_t doca_compat_flow_port_start(const struct doca_flow_port_cfg *cfg, struct doca_flow_port **port);
doca_error_t doca_compat_flow_pipe_create(const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *fwd_miss, struct doca_flow_pipe **pipe);
doca_error_t doca_compat_flow_pipe_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, const struct doca_flow_match *match,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry);

/* Up to DOCA 2.6 and 2.8. */
doca_error_t doca_flow_query_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_query *query);

#ifdef __cplusplus
}
#endif

#define DOCA_COMPAT_FLOW_INIT_1(cfg) doca_compat_flow_init(cfg)
#define DOCA_COMPAT_FLOW_INIT_2(cfg, ctx) doca_compat_flow_init_ctx(cfg, ctx)
#define doca_flow_init(...) \
	DOCA_COMPAT_PICK3(__VA_ARGS__, , DOCA_COMPAT_FLOW_INIT_2, DOCA_COMPAT_FLOW_INIT_1, )(__VA_ARGS__)
#define doca_flow_port_start(cfg, port) doca_compat_flow_port_start(cfg, port)
#define doca_flow_pipe_create(cfg, fwd, fwd_miss, pipe) doca_compat_flow_pipe_create(cfg, fwd, fwd_miss, pipe)

#define DOCA_COMPAT_ADD_ENTRY_4(pipe, match, actions, entry) \
	doca_compat_flow_pipe_add_entry(0, pipe, match, actions, NULL, NULL, DOCA_FLOW_NO_WAIT, NULL, entry)
#define doca_flow_pipe_add_entry(...)                                                                          \
	DOCA_COMPAT_PICK10(__VA_ARGS__, doca_flow_pipe_basic_add_entry, doca_compat_flow_pipe_add_entry, , , , ,   \
		DOCA_COMPAT_ADD_ENTRY_4, , , )(__VA_ARGS__)

#define DOCA_COMPAT_RM_ENTRY_2(pipe_queue, entry) doca_flow_pipe_remove_entry(pipe_queue, DOCA_FLOW_NO_WAIT, entry)
#define DOCA_COMPAT_RM_ENTRY_3(pipe_queue, flags, entry) doca_flow_pipe_remove_entry(pipe_queue, flags, entry)
#define doca_flow_pipe_rm_entry(...) \
	DOCA_COMPAT_PICK3(__VA_ARGS__, DOCA_COMPAT_RM_ENTRY_3, DOCA_COMPAT_RM_ENTRY_2, , )(__VA_ARGS__)

#endif
