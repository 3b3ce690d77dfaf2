/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_types: the objects of DOCA Flow, and what the library tells a program about them. Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_TYPES_H_
#define DOCA_FLOW_TYPES_H_

#include "doca_error.h"
#include "doca_types.h"

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

/* Where a meter, counter, encap, decap or RSS comes from. */
enum doca_flow_resource_type {
	DOCA_FLOW_RESOURCE_TYPE_NONE = 0,
	DOCA_FLOW_RESOURCE_TYPE_SHARED,
	DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
	DOCA_FLOW_RESOURCE_TYPE_AUTO,
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

#ifdef __cplusplus
}
#endif
#endif
