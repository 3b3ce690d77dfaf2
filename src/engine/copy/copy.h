/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy: bytes from one place to another, for DMA. Three ways, chosen by length; the limits are measured
 * (bench-accel dma, Zen 4 and Sapphire Rapids):
 *
 *   below COPY_SHORT          memcpy(): its branches for short lengths are hard to beat
 *   up to a quarter of L3     32-byte loads and stores; 1.07 to 1.15 of glibc, which uses `rep movsb` here
 *   above                     the same with non-temporal stores: the destination will not be found in the
 *                             cache anyway, and is not read first; 1.5 to 1.8 of glibc
 *
 * Without AVX2 all is memcpy(). Source and destination do not overlap. Any thread.
 */
#ifndef ENGINE_COPY_COPY_H
#define ENGINE_COPY_COPY_H

#include <stddef.h>

#define COPY_SHORT 64u

/* Choose for this processor; call it before copy_bytes(), as often as you like. */
void copy_init(void);
void copy_bytes(void *to, const void *from, size_t len);

#endif
