/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room engine: the variants of each kernel. */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "base/base.h"

uint32_t checksum_bytes_generic(const void *bytes, size_t len, uint32_t sum);
uint32_t checksum_bytes_avx2(const void *bytes, size_t len, uint32_t sum);
uint32_t checksum_bytes_avx512(const void *bytes, size_t len, uint32_t sum);

#endif
