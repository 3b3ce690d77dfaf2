/* SPDX-License-Identifier: BSD-3-Clause */
/* hop: a table of pointers; a hop is immutable once published and replaced as a whole. */
#include "flow/hop.h"

#include <assert.h>
#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/flow_int.h"
#include "flow/pool.h"

int flow_hops_init(struct flow_ctx *ctx)
{
	ctx->hops = calloc(1, sizeof(*ctx->hops));
	if (!ctx->hops)
		return refuse(ENOMEM, "flow hops: out of memory");
	flow_pool_init(&ctx->hops->pool, ctx, ctx->hops->link, HOPS_MAX, NULL, NULL);
	return 0;
}

void flow_hops_fini(struct flow_ctx *ctx)
{
	if (!ctx->hops)
		return;
	for (unsigned i = 1; i <= HOPS_MAX; i++)
		free(ctx->hops->hop[i]);
	flow_pool_fini(&ctx->hops->pool);
	free(ctx->hops);
	ctx->hops = NULL;
}

static struct flow_hop *copy_of(const struct flow_hop *hop)
{
	bool less = hop->flags & FLOW_HOP_TTL;
	struct flow_hop *copy = NULL;

	if (posix_memalign((void **)&copy, 64, sizeof(*copy)))
		return NULL;
	*copy = *hop;
	copy->plain.most = hop->flags & FLOW_HOP_HOLD ? 0 : hop->mtu ? hop->mtu : UINT16_MAX;
	copy->plain.ttl_less = less;
	copy->plain.ttl_least = less ? 2 : 0;
	copy->plain.ttl_delta = less ? (uint16_t)~RTE_BE16(0x0100) : 0; /* the TTL is the first byte of its word */
	return copy;
}

/* Put `fresh` (NULL = none) in place; the old one goes when its readers have gone. */
static struct flow_hop *swap(struct flow_ctx *ctx, uint16_t index, struct flow_hop *fresh)
{
	struct flow_hop *old = __atomic_exchange_n(&ctx->hops->hop[index], fresh, __ATOMIC_ACQ_REL);

	if (old)
		flow_retire(ctx, free, old);
	return old;
}

int flow_hop_add(struct flow_ctx *ctx, const struct flow_hop *hop)
{
	struct flow_hop *copy = copy_of(hop);
	uint32_t index;

	if (!copy)
		return refuse(ENOMEM, "hop: out of memory");
	index = flow_pool_take(&ctx->hops->pool);
	if (!index) {
		free(copy);
		return refuse(ENOSPC, "hop: all %u hops of the switch are in use", HOPS_MAX);
	}
	swap(ctx, index, copy);
	return index;
}

int flow_hop_replace(struct flow_ctx *ctx, uint16_t index, const struct flow_hop *hop)
{
	struct flow_hop *copy;

	if (!flow_hop_get(ctx, index))
		return refuse(ENOENT, "hop %u: no such hop to replace", index);
	copy = copy_of(hop);
	if (!copy)
		return refuse(ENOMEM, "hop %u: out of memory", index);
	swap(ctx, index, copy);
	return 0;
}

void flow_hop_remove(struct flow_ctx *ctx, uint16_t index)
{
	if (index != FLOW_HOP_NONE && swap(ctx, index, NULL))
		flow_pool_give(&ctx->hops->pool, index);
}

const struct flow_hop *flow_hop_get(const struct flow_ctx *ctx, uint16_t index)
{
	return hop_at(ctx, index);
}
