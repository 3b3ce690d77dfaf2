/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of DOCA Flow CT: connections that the program manages.
 *
 * A CT pipe is up to four EXACT pipes of room flow in a chain: one for each address family, and one for each direction
 * where the directions look at different headers or zones.
 *
 *     packet -> IPv4 origin -> IPv4 reply -> IPv6 origin -> IPv6 reply -> the pipe's miss
 *                   |hit           |hit          |hit           |hit
 *                   +--------------+-------------+--------------+-> actions of the direction, then the pipe's forward
 *
 * A connection is one entry in each direction's table. They share one age slot, and one counter if the program says so.
 * The connection table of the node (flow/conn.h) is not used: it keeps TCP state and drops what does not fit it, while here
 * the program decides what a connection is. As ordinary pipes the tables are composed into cached programs like all others.
 *
 *   ct_cfg.c      the configuration object, init and destroy
 *   ct_pipe.c     the tables of a pipe, its action templates, shared actions, forwards
 *   ct_entry.c    prepare, add, update, remove, query
 *   ct_lane.c     callbacks, aging, iteration: what happens in doca_flow_ct_entries_process
 *   ct_dup.c      the duplicate filter and the limit per zone
 *
 * Threads: a CT queue belongs to one thread; its lane (callbacks, connections, duplicate filter) is touched by that
 * thread only. Tables, pools and zones are shared between queues.
 */
#ifndef DOCA_FLOW_CT_DOOR_H
#define DOCA_FLOW_CT_DOOR_H

#include <doca_flow_ct.h>

#include "base/hmap.h"
#include "doca/flow/flow_door.h"

#define CT_TEMPLATES_MAX 32
#define CT_FORWARDS_MAX 256
#define CT_USER_ACTIONS_MAX (1u << 20)
#define CT_DUP_FILTER_MAX (1u << 24)

enum { CT_ORIGIN, CT_REPLY, CT_DIRS };
enum { CT_IP4, CT_IP6, CT_FAMILIES };

struct ct_direction {
	bool inner;                      /* the 5-tuple is that of the inner headers */
	uint16_t zone_at;                /* where the key has the metadata word with the zone; 0 = there is no zone */
	uint32_t zone_mask;              /* big-endian, of that word */
	struct doca_flow_ct_meta modify; /* metadata bits an entry's actions may write */
};

struct doca_flow_ct_cfg {
	uint32_t flags, queues, ctrl_queues, user_actions, dup_size, zone_max;
	uint32_t connections[CT_FAMILIES], mixed;
	doca_flow_ct_entry_finalize_cb finalize;
	struct ct_direction dir[CT_DIRS];
};

/* The library: what doca_flow_ct_init was given, and the registered forwards. */
struct ct_library {
	bool running;
	struct doca_flow_ct_cfg cfg;
	struct ct_pipe *pipes;
	unsigned nr_forwards;
	struct flow_fwd forward[CT_FORWARDS_MAX]; /* handle - 1 */
};
extern struct ct_library ct;

enum ct_state { CT_PREPARED, CT_LIVE, CT_LEAVING };

struct ct_entry {
	struct doca_flow_pipe_entry door; /* first: what the program holds */
	struct ct_entry *prev, *next;     /* of its lane */
	struct flow_entry *real[CT_DIRS];
	struct doca_flow_ct_match match[CT_DIRS];
	uint32_t hash[CT_DIRS];           /* the program's, only given back */
	uint32_t counter[CT_DIRS];        /* 0 = none; both the same: shared */
	uint32_t age, timeout_s, flags, zone;
	uint64_t updated_ns;              /* aging counts from here at the earliest */
	struct hmap_node dup[CT_DIRS];
	uint32_t dup_slot[CT_DIRS];       /* in the filter's ring, 0 = not in it */
	bool charged[CT_FAMILIES], in_zone;
	uint8_t state;                    /* enum ct_state */
};

/* The connections a queue prepared last, by one direction's key. When the ring is full the oldest is forgotten. */
struct ct_dups {
	struct hmap map;
	struct ct_entry **ring; /* [0] unused; NULL without a filter */
	uint32_t at;
};

/* What one queue's thread has of a pipe. */
struct ct_lane {
	struct door_queue queue;          /* completions */
	struct ct_entry *first;           /* newest first */
	struct ct_entry *age_next;        /* where the aging scan goes on; NULL = at the start */
	struct ct_entry *walk_next;       /* the iterator's */
	uint32_t walk_serial;             /* the last iteration begun here */
	bool walking;
	struct ct_dups dups[CT_DIRS];
};

struct ct_shared_action {
	bool used;
	struct doca_flow_ct_actions_data data;
};

struct ct_pipe {
	struct doca_flow_pipe *door;
	struct ct_pipe *next;
	struct flow_pipe *table[CT_FAMILIES][CT_DIRS]; /* the same twice: the directions look alike */
	struct flow_pipe *last;                        /* has the miss */
	unsigned nr_actions;                           /* of the program; a table's template = ct_template_index() */
	struct door_template *template[CT_DIRS];
	uint32_t pool[CT_FAMILIES], live[CT_FAMILIES]; /* connections; live atomic */
	struct ct_lane *lane;                          /* by CT queue */
	uint32_t walk_serial;                          /* atomic: iterations asked for */
	doca_flow_ct_pipe_iterate_cb walk_cb;
	void *walk_ctx;
	pthread_spinlock_t lock;                       /* shared actions, zones */
	struct ct_shared_action *shared;               /* handle - 1 */
	struct hmap zones;
};

static inline struct ct_entry *ct_of(struct doca_flow_pipe_entry *entry)
{
	return (struct ct_entry *)entry;
}

static inline unsigned ct_lanes(void)
{
	return ct.cfg.queues + ct.cfg.ctrl_queues;
}

/* Which union member of a match is meant. */
static inline unsigned ct_family(uint32_t flags, unsigned dir)
{
	return flags & (dir == CT_ORIGIN ? DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN : DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY) ? CT_IP6 : CT_IP4;
}

static inline bool ct_has_dir(uint32_t flags, unsigned dir)
{
	return flags & (dir == CT_ORIGIN ? DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN : DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY);
}

/* Is it a CT pipe? Else refused. */
doca_error_t ct_check_pipe(const char *call, const struct doca_flow_pipe *pipe);

/* The pipe's lane of a queue, or NULL with a sentence when there is no such CT pipe or queue. */
struct ct_lane *ct_lane_of(const char *call, struct doca_flow_pipe *pipe, uint16_t queue);

/* ct_pipe.c */
doca_error_t door_ct_pipe_make(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *cfg, const struct flow_fwd *fwd,
	const struct flow_fwd *miss);
void door_ct_pipe_free(struct ct_pipe *pipe);
/* A direction's match as a table's value. */
void ct_match_key(unsigned dir, unsigned family, const struct doca_flow_ct_match *match, struct flow_key *key);
/* Registered forwards to a pipe that goes lead nowhere from now on. */
void door_ct_forget_pipe(const struct flow_pipe *real);
/* Template, data (DOOR_DATA_MAX bytes) and forward of a direction. `actions` NULL: none. */
doca_error_t ct_specify(struct ct_pipe *pipe, unsigned dir, unsigned family, const struct doca_flow_ct_actions *actions,
	uint32_t fwd_handle, uint8_t *data, struct flow_entry_spec *spec);

/* ct_dup.c */
doca_error_t ct_dups_make(struct ct_lane *lane);
void ct_dups_free(struct ct_lane *lane);
struct ct_entry *ct_dup_find(const struct ct_lane *lane, unsigned dir, unsigned family, const struct doca_flow_ct_match *match);
void ct_dup_put(struct ct_lane *lane, struct ct_entry *entry, unsigned dir);
void ct_dup_drop(struct ct_lane *lane, struct ct_entry *entry);
doca_error_t ct_zone_enter(struct ct_pipe *pipe, struct ct_entry *entry);
void ct_zone_leave(struct ct_pipe *pipe, struct ct_entry *entry);
void ct_zones_free(struct ct_pipe *pipe);

/* ct_lane.c */
void ct_link(struct ct_lane *lane, struct ct_entry *entry);
void ct_complete(struct ct_lane *lane, struct ct_entry *entry, enum doca_flow_entry_op op);
/* The entry's memory and slots; its rules are gone or go with their tables. */
void ct_entry_free(struct ct_lane *lane, struct ct_entry *entry);
int door_ct_aging(struct doca_flow_port *port, uint16_t queue, uint64_t quota_us, uint64_t max);

#endif
