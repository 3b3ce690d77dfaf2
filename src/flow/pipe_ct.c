/* SPDX-License-Identifier: BSD-3-Clause */
/* CT: a place in the chain where connections are looked up. It has no entries; the burst does the look-up. */
#include "base/refuse.h"
#include "flow/pipe_int.h"

/* The verdict of a packet without a connection: only forwards that need no further op. */
static int miss_verdict(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg, struct flow_verdict *v)
{
	switch (cfg->miss.kind) {
	case FLOW_FWD_NONE:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = DROP_PIPE_MISS};
		return 0;
	case FLOW_FWD_DROP:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = pipe->miss->reason};
		return 0;
	case FLOW_FWD_PIPE:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_AGAIN, .index = cfg->miss.pipe->id};
		return 0;
	case FLOW_FWD_PORT:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = cfg->miss.port};
		return 0;
	case FLOW_FWD_QUEUE:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_QUEUE, .index = cfg->miss.index};
		return 0;
	case FLOW_FWD_UPCALL:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_UPCALL, .index = cfg->miss.index};
		return 0;
	case FLOW_FWD_KERNEL:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_KERNEL};
		return 0;
	default:
		return refuse(EINVAL, "pipe '%s': a connection pipe's miss cannot go to a hop, list or hash pipe", pipe->name);
	}
}

static int ct_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	if (!cfg->conns)
		return refuse(EINVAL, "pipe '%s': a connection pipe needs a connection table", pipe->name);
	pipe->ct.conns = cfg->conns;
	pipe->ct.zone = cfg->ct_zone;
	pipe->ct.hit_resume = cfg->ct_hit ? cfg->ct_hit->id : 0;
	if (!cfg->ct_miss)
		return miss_verdict(pipe, cfg, &pipe->ct.miss);
	pipe->ct.miss = (struct flow_verdict){.kind = FLOW_VERDICT_AGAIN, .index = cfg->ct_miss->id};
	return 0;
}

static int ct_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	return refuse(ENOTSUP, "pipe '%s': connections are added to the connection table, not as entries", pipe->name);
}

static struct flow_entry *ct_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	return NULL;
}

const struct pipe_kind pipe_ct = {
	.name = "ct",
	.create = ct_create,
	.add = ct_add,
	.find = ct_find,
};
