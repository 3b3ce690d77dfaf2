/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_ctx of the module `doca`: today's header, and work queues beside it. */
#ifndef DOCA_COMPAT_CTX_H_
#define DOCA_COMPAT_CTX_H_

#include_next <doca_ctx.h>

#include "doca_compat_workq.h"

#define doca_ctx_start(ctx) doca_compat_ctx_start(ctx)
#define doca_ctx_stop(ctx) doca_compat_ctx_stop(ctx)

#endif
