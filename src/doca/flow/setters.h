/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * setters: the shapes that setters and objects of configuration have in common. A line makes one public function, so that a
 * file of them reads as a table: what is kept, within which limits, and what is accepted though nothing here depends on it.
 *
 *	WITHIN(doca_flow_cfg_set_pipe_queues, struct doca_flow_cfg, uint16_t, queues, 1, DOOR_QUEUES_MAX)
 *	KEPT(doca_flow_pipe_cfg_set_user_ctx, struct doca_flow_pipe_cfg, void *, user_ctx)
 *	IDLE(doca_flow_pipe_cfg_set_label, struct doca_flow_pipe_cfg, const char *)
 *
 * What does not fit a line is written out.
 */
#ifndef DOCA_FLOW_SETTERS_H
#define DOCA_FLOW_SETTERS_H

#include <doca_error.h>

#include "doca/common/common.h"

/* *out is a zeroed object, or the call ends. */
#define NEW(out)                                                                                   \
	do {                                                                                           \
		DCORE_NOT_NULL(out);                                                                       \
		*(out) = calloc(1, sizeof(**(out)));                                                       \
		if (!*(out))                                                                               \
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "%s: no memory", __func__);                     \
	} while (0)

/* An object that starts as zeros and holds nothing. */
#define PLAIN_OBJECT(type)                                                                         \
	doca_error_t type##_create(struct type **out)                                                  \
	{                                                                                              \
		NEW(out);                                                                                  \
		return DOCA_SUCCESS;                                                                       \
	}                                                                                              \
	PLAIN_DESTROY(type)
#define PLAIN_DESTROY(type)                                                                        \
	doca_error_t type##_destroy(struct type *object)                                               \
	{                                                                                              \
		free(object);                                                                              \
		return DOCA_SUCCESS;                                                                       \
	}

/* The value is remembered. */
#define KEPT(call, object, type, member)                                                           \
	doca_error_t call(object *cfg, type value)                                                     \
	{                                                                                              \
		DCORE_NOT_NULL(cfg);                                                                       \
		cfg->member = value;                                                                       \
		return DOCA_SUCCESS;                                                                       \
	}

/* A number from low to high is remembered. */
#define WITHIN(call, object, type, member, low, high)                                              \
	doca_error_t call(object *cfg, type value)                                                     \
	{                                                                                              \
		doca_error_t err;                                                                          \
		DCORE_NOT_NULL(cfg);                                                                       \
		err = door_within(__func__, #member, value, low, high);                                    \
		if (err == DOCA_SUCCESS)                                                                   \
			cfg->member = value;                                                                   \
		return err;                                                                                \
	}

/* Accepted; nothing in this implementation depends on it. */
#define IDLE(call, object, type)                                                                   \
	doca_error_t call(object *cfg, type value)                                                     \
	{                                                                                              \
		DCORE_NOT_NULL(cfg);                                                                       \
		return DOCA_SUCCESS;                                                                       \
	}

static inline doca_error_t door_within(const char *call, const char *what, uint64_t value, uint64_t low, uint64_t high)
{
	if (value >= low && value <= high)
		return DOCA_SUCCESS;
	return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %s %" PRIu64 "; %" PRIu64 " to %" PRIu64 " are possible", call, what, value, low,
		high);
}

#endif
