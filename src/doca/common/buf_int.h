/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of buffers: who owns buffer heads (inventories, pools). */
#ifndef DOCA_COMMON_BUF_INT_H
#define DOCA_COMMON_BUF_INT_H

#include "doca/common/common.h"
#include "doca/common/mmap_int.h"

struct dcore_buf_owner {
	void (*put)(struct dcore_buf_owner *owner, struct doca_buf *buf);
};

/* `n` heads, zeroed, on cache lines of their own; free() them. */
struct doca_buf *buf_heads_create(size_t n);
void buf_init(struct doca_buf *buf, struct doca_mmap *mmap, struct dcore_buf_owner *owner);

static inline void mmap_count_buf(struct doca_mmap *mmap, int change)
{
	if (mmap->thread_safe)
		__atomic_add_fetch(&mmap->num_bufs, (uint32_t)change, __ATOMIC_RELAXED);
	else
		mmap->num_bufs += (uint32_t)change;
}

#endif
