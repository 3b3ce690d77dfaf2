/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list: pipes, entries and cached flows one by one, for `softdpu pipes`, `flows` and `explain`. Control
 * thread. Texts are borrowed for the call of fn.
 */
#ifndef FLOW_LIST_H
#define FLOW_LIST_H

#include "flow/pipe.h"

struct flow_pipe_info {
	uint16_t id, port;             /* port FLOW_PORT_NONE: any */
	const char *name;
	const char *type;              /* "basic", "control", "acl", "lpm", "hash", "ct", "ordered-list" */
	enum flow_domain domain;
	bool root;
	uint64_t entries, capacity;
	uint64_t connections;          /* "ct": live ones of its table, which pipes may share */
	bool counts_hits, counts_misses; /* an entry has a counter; the pipe has a miss counter */
	uint64_t hits, misses;         /* 0 where nothing counts */
	unsigned nr_forwards;
	const char *const *forwards;   /* distinct targets: "pipe 'acl'", "port 3", "drop policy-egress" */
	const uint16_t *to;            /* the ids of those that are pipes, else 0 */
	const char *miss;
	uint16_t miss_to;
};
void flow_pipe_each(struct flow_ctx *ctx, void (*fn)(void *arg, const struct flow_pipe_info *info), void *arg);

struct flow_entry_info {
	uint64_t id;                   /* pipe id << 32 | number of the entry; what flow_explain_pipe takes */
	const char *pipe;              /* NULL: a cached flow */
	const char *match, *actions;
	uint16_t port;
	bool counts, ages;             /* it has a counter; an idle timeout */
	struct flow_count count;
	uint64_t idle_ns;              /* 0 unless it ages */
};
/* All entries, pipe by pipe, then the cached flows. */
void flow_entry_each(struct flow_ctx *ctx, uint64_t now_ns, void (*fn)(void *arg, const struct flow_entry_info *info), void *arg);

/* The pipe of this name with its entries, or with `entry` not 0 that entry and its pipe: configuration, programs. -ENOENT. */
int flow_explain_pipe(struct flow_ctx *ctx, const char *pipe, uint64_t entry, struct str *out);

#endif
