/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_entry: entries of pipes, and what they have seen. Part of doca_flow.h.
 *
 * NULL actions, monitor, fwd: the pipe's. AGAIN when the queue holds queue_depth operations; FULL when the pipe is.
 */
#ifndef DOCA_FLOW_ENTRY_H_
#define DOCA_FLOW_ENTRY_H_

#include "doca_flow_pipe.h"

#ifdef __cplusplus
extern "C" {
#endif

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
