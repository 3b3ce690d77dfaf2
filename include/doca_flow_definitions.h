/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_definitions: more fields than the structures have. A program that wraps struct
 * doca_flow_match or doca_flow_actions in a structure of its own registers where its extra members
 * lie; pipes then read them at that offset.
 *
 *	struct my_actions { struct doca_flow_actions base; doca_be32_t mark; };
 *	doca_flow_definitions_add_field(defs, "actions.packet.meta.mark",
 *		offsetof(struct my_actions, mark), sizeof(doca_be32_t));
 *	doca_flow_cfg_set_definitions(cfg, defs);            before doca_flow_init
 */
#ifndef DOCA_FLOW_DEFINITIONS_H_
#define DOCA_FLOW_DEFINITIONS_H_

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_definitions_cfg;
struct doca_flow_definitions;

doca_error_t doca_flow_definitions_cfg_create(struct doca_flow_definitions_cfg **cfg);
doca_error_t doca_flow_definitions_cfg_destroy(struct doca_flow_definitions_cfg *cfg);

doca_error_t doca_flow_definitions_create(const struct doca_flow_definitions_cfg *cfg,
	struct doca_flow_definitions **defs);
/* After doca_flow_destroy. */
doca_error_t doca_flow_definitions_destroy(struct doca_flow_definitions *defs);

/* opcode: a field string with its prefix "match.packet.", "actions.packet." or none. offset and size: bytes in
 * the program's own structure. INVALID_VALUE for unknown fields (the refusal names the nearest) and wrong sizes. */
doca_error_t doca_flow_definitions_add_field(struct doca_flow_definitions *defs, const char *opcode,
	uint32_t offset, uint16_t size);

#ifdef __cplusplus
}
#endif
#endif
