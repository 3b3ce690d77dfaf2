/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_version: which DOCA release these headers speak, and which library is loaded.
 *
 *     if (strcmp(doca_version(), doca_version_runtime()) != 0) ...
 */
#ifndef DOCA_VERSION_H_
#define DOCA_VERSION_H_

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DOCA_VER_STRING "3.3.0-softdpu"
#define DOCA_VER_MAJOR 3
#define DOCA_VER_MINOR 3
#define DOCA_VER_PATCH 0

#define DOCA_VERSION_NUM(major, minor, patch) \
	((size_t)((major) << 24 | (minor) << 16 | (patch) << 8))
#define DOCA_CURRENT_VERSION_NUM DOCA_VERSION_NUM(DOCA_VER_MAJOR, DOCA_VER_MINOR, DOCA_VER_PATCH)
#define DOCA_VERSION_EQ_CURRENT(major, minor, patch) \
	(DOCA_VERSION_NUM(major, minor, patch) == DOCA_CURRENT_VERSION_NUM)
#define DOCA_VERSION_LTE_CURRENT(major, minor, patch) \
	(DOCA_VERSION_NUM(major, minor, patch) <= DOCA_CURRENT_VERSION_NUM)

/* Version of the headers the program was compiled with. Static storage. */
static inline const char *doca_version(void)
{
	return DOCA_VER_STRING;
}

/* Version of libdoca_common that is loaded now. Static storage. */
const char *doca_version_runtime(void);

#ifdef __cplusplus
}
#endif
#endif
