/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_resource: what entries may share (meters, counters, queues, headers), reserved by number and set on a port.
 * Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_RESOURCE_H_
#define DOCA_FLOW_RESOURCE_H_

#include "doca_flow_actions.h"
#include "doca_flow_fwd.h"
#include "doca_flow_monitor.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
