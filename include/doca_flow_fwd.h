/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_fwd: where a packet goes. Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_FWD_H_
#define DOCA_FLOW_FWD_H_

#include "doca_flow_types.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
