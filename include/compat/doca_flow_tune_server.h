/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_flow_tune_server of the module `doca`: the tune server as today, over this module's doca_flow.h. */
#ifndef DOCA_COMPAT_FLOW_TUNE_SERVER_H_
#define DOCA_COMPAT_FLOW_TUNE_SERVER_H_

#include <doca_flow.h>

#include_next <doca_flow_tune_server.h>

#endif
