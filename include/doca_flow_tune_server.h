/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_tune_server: lets tools look at the pipes of a running program. Here every program that runs a switch
 * answers `softdpu pipes` and friends through its control socket anyway; these calls choose how much.
 */
#ifndef DOCA_FLOW_TUNE_SERVER_H_
#define DOCA_FLOW_TUNE_SERVER_H_

#include "doca_flow.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_tune_server_cfg;

doca_error_t doca_flow_tune_server_cfg_create(struct doca_flow_tune_server_cfg **cfg);
doca_error_t doca_flow_tune_server_cfg_destroy(struct doca_flow_tune_server_cfg *cfg);
/* After doca_flow_init. BAD_STATE before it, or when it runs already. */
doca_error_t doca_flow_tune_server_init(struct doca_flow_tune_server_cfg *cfg);
void doca_flow_tune_server_destroy(void);

#ifdef __cplusplus
}
#endif
#endif
