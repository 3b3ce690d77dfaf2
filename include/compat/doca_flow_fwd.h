/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_flow_fwd of the module `doca`: the queues of an RSS forward also by their names up to DOCA 2.10 (F:3735). */
#ifndef DOCA_COMPAT_FLOW_FWD_H_
#define DOCA_COMPAT_FLOW_FWD_H_

#include <doca_flow_net.h>

#define doca_flow_fwd doca_flow_fwd_today
#include_next <doca_flow_fwd.h>
#undef doca_flow_fwd

struct doca_flow_fwd {
	enum doca_flow_fwd_type type;
	enum doca_flow_resource_type rss_type; /* an RSS forward that leaves it 0 has queues of its own */
	union {
		struct doca_flow_resource_rss_cfg rss;
		DOCA_FLOW_ANON struct {
			uint32_t rss_outer_flags; /* rss.outer_flags */
			uint32_t rss_inner_flags; /* rss.inner_flags */
			uint16_t *rss_queues;     /* rss.queues_array */
			int num_of_queues;        /* rss.nr_queues */
		};
		uint32_t shared_rss_id;
		uint16_t port_id;
		struct doca_flow_pipe *next_pipe;
		struct {
			struct doca_flow_pipe *pipe;
			uint32_t idx;
		} ordered_list_pipe;
		struct {
			struct doca_flow_pipe *pipe;
			uint32_t algorithm;
		} hash_pipe;
		struct doca_flow_target *target;
	};
};

#endif
