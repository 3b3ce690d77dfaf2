/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_flow_ct of the module `doca`: connections as today, over this module's doca_flow.h. */
#ifndef DOCA_COMPAT_FLOW_CT_H_
#define DOCA_COMPAT_FLOW_CT_H_

#include <doca_flow.h>

#include_next <doca_flow_ct.h>

#endif
