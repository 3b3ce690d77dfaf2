/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lpm: longest prefix match over one field of the key, 1 to 16 bytes, network order. A trie of 8-bit strides
 * (the first step takes 16 bits when the field has them), leaves pushed down, so an IPv4 lookup is one to
 * three dependent loads. Readers never wait; a writer publishes nodes bottom up and retires what it replaced.
 *
 * Values are 32-bit, 0 = none. Lookup tells how many leading bits decided, for the cache's mask: any address
 * that agrees on that many bits gives the same answer.
 */
#ifndef FLOW_LPM_H
#define FLOW_LPM_H

#include "flow/flow.h"

struct flow_lpm;

int flow_lpm_create(struct flow_ctx *ctx, unsigned bytes, uint32_t capacity, struct flow_lpm **lpm);
void flow_lpm_destroy(struct flow_lpm *lpm);
/* prefix bits 0..8*bytes; bits of `addr` behind the prefix must be zero (-EINVAL). -EEXIST, -ENOSPC, -ENOMEM. */
int flow_lpm_add(struct flow_lpm *lpm, const uint8_t *addr, unsigned prefix, uint32_t value);
/* -ENOENT */
int flow_lpm_set(struct flow_lpm *lpm, const uint8_t *addr, unsigned prefix, uint32_t value);
int flow_lpm_remove(struct flow_lpm *lpm, const uint8_t *addr, unsigned prefix);
/* Online readers. *bits (may be NULL): how many leading bits were looked at. */
uint32_t flow_lpm_find(const struct flow_lpm *lpm, const uint8_t *addr, unsigned *bits);
uint32_t flow_lpm_count(const struct flow_lpm *lpm);

#endif
