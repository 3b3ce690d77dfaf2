/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_softdpu_compress: levels of deflate, which a card does not have. softdpu only.
 */
#ifndef DOCA_SOFTDPU_COMPRESS_H_
#define DOCA_SOFTDPU_COMPRESS_H_

#include "doca_compress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Level of compress_deflate tasks: 0 to 3 are ISA-L's (0 fastest), 4 to 12 libdeflate's. Default 1.
 * While the context is idle. */
doca_error_t doca_softdpu_compress_set_level(struct doca_compress *compress, uint32_t level);

#ifdef __cplusplus
}
#endif
#endif
