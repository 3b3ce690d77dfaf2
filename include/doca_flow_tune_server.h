/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_tune_server: lets tools look at the ports and pipes of a running program, over a UNIX socket: <run>/<card>/flow-tune.sock,
 * or what SOFTDPU_TUNE_SOCKET names. It speaks JSON-RPC 2.0, one object a line: flow.ports, flow.pipes, flow.dump
 * (softdpu-ctl(7)). With the profile NONE (doca_flow_cfg_set_tune_cfg) it answers each with an error.
 *
 *   doca_flow_tune_server_cfg_create(&cfg); doca_flow_tune_server_init(cfg); doca_flow_tune_server_cfg_destroy(cfg);
 *   ... doca_flow_tune_server_destroy() before doca_flow_destroy()
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
