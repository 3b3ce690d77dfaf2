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
 * Headers. This one brings all of DOCA Flow but connections (doca_flow_ct.h), custom headers and the tune server; it has the
 * library itself. doca_flow_match.h, _actions.h, _monitor.h and _fwd.h are what a pipe says about a packet, _port.h, _pipe.h and
 * _entry.h the calls, _resource.h what entries share.
 *
 * Errors. Every refusal is logged in one sentence with the pipe, the field, the value and the nearest legal form;
 * doca_softdpu_last_refusal() (doca_softdpu.h) gives it again.
 */
#ifndef DOCA_FLOW_H_
#define DOCA_FLOW_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_flow_actions.h"
#include "doca_flow_crypto.h"
#include "doca_flow_definitions.h"
#include "doca_flow_entry.h"
#include "doca_flow_fwd.h"
#include "doca_flow_match.h"
#include "doca_flow_monitor.h"
#include "doca_flow_net.h"
#include "doca_flow_pipe.h"
#include "doca_flow_port.h"
#include "doca_flow_resource.h"
#include "doca_flow_types.h"
#include "doca_types.h"

#include <assert.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
