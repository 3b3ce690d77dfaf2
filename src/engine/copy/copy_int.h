/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of engine/copy: its variants. They take at least COPY_SHORT bytes. */
#ifndef ENGINE_COPY_COPY_INT_H
#define ENGINE_COPY_COPY_INT_H

#include <stdint.h>

#include "engine/copy/copy.h"

void copy_avx2(uint8_t *to, const uint8_t *from, size_t len);
void copy_avx2_stream(uint8_t *to, const uint8_t *from, size_t len);

#endif
