/* SPDX-License-Identifier: BSD-3-Clause */
/* ct_lane: what a CT queue's thread is told: completions, aged connections, the connections of an iteration. */
#include <stdlib.h>

#include "base/clock.h"
#include "doca/flow/ct_door.h"
#include "flow/age.h"
#include "flow/counter.h"

void ct_link(struct ct_lane *lane, struct ct_entry *entry)
{
	entry->prev = NULL;
	entry->next = lane->first;
	if (lane->first)
		lane->first->prev = entry;
	lane->first = entry;
}

/* Scans under way go on behind it. */
static void unlink_entry(struct ct_lane *lane, struct ct_entry *entry)
{
	if (lane->age_next == entry)
		lane->age_next = entry->next;
	if (lane->walk_next == entry)
		lane->walk_next = entry->next;
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		lane->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
}

void ct_entry_free(struct ct_lane *lane, struct ct_entry *entry)
{
	unlink_entry(lane, entry);
	ct_dup_drop(lane, entry);
	if (entry->counter[CT_ORIGIN])
		flow_counter_free(door.ctx, entry->counter[CT_ORIGIN]);
	if (entry->counter[CT_REPLY] && entry->counter[CT_REPLY] != entry->counter[CT_ORIGIN])
		flow_counter_free(door.ctx, entry->counter[CT_REPLY]);
	flow_age_free(door.ctx, entry->age);
	free(entry);
}

void ct_complete(struct ct_lane *lane, struct ct_entry *entry, enum doca_flow_entry_op op)
{
	struct door_queue *q = &lane->queue;

	q->ring[(q->head + q->n++) % q->size] = (struct door_completion){&entry->door, op};
}

static void deliver_one(struct ct_pipe *pipe, struct ct_lane *lane, uint16_t queue)
{
	struct door_queue *q = &lane->queue;
	struct door_completion c = q->ring[q->head];
	struct ct_entry *e = ct_of(c.entry);
	bool gone = c.op == DOCA_FLOW_ENTRY_OP_DEL;

	q->head = (q->head + 1) % q->size;
	q->n--;
	e->door.status = DOCA_FLOW_ENTRY_STATUS_SUCCESS;
	if (gone && e->flags & DOCA_FLOW_CT_ENTRY_FLAGS_ENTRY_FINALIZE && ct.cfg.finalize)
		ct.cfg.finalize(pipe->door, e, queue, e->door.user_ctx);
	if (door.entry_cb)
		door.entry_cb(&e->door, queue, DOCA_FLOW_ENTRY_STATUS_SUCCESS, c.op, e->door.user_ctx);
	if (gone)
		ct_entry_free(lane, e);
}

/* Connections added while an iteration runs are not part of it. */
static uint32_t walk(struct ct_pipe *pipe, struct ct_lane *lane, uint16_t queue, uint32_t max)
{
	uint32_t asked = __atomic_load_n(&pipe->walk_serial, __ATOMIC_ACQUIRE), n = 0;

	if (lane->walk_serial != asked) {
		lane->walk_serial = asked;
		lane->walk_next = lane->first;
	}
	while (lane->walk_next && n < max) {
		struct ct_entry *e = lane->walk_next;

		lane->walk_next = e->next;
		if (e->state != CT_LIVE)
			continue;
		pipe->walk_cb(queue, pipe->door, &e->door, pipe->walk_ctx);
		n++;
	}
	return n;
}

static bool belongs(const struct ct_pipe *pipe, struct doca_flow_port *port)
{
	return pipe->door->port == port || pipe->door->port == door_queue_port(port);
}

doca_error_t doca_flow_ct_entries_process(struct doca_flow_port *port, uint16_t queue, uint32_t min_room, uint32_t max_processed,
	uint32_t *room)
{
	uint32_t left = max_processed ? max_processed : UINT32_MAX, free_room = door.depth;

	DCORE_NOT_NULL(port);
	if (!ct.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_ct_entries_process: doca_flow_ct_init comes first");
	if (queue < door.queues || queue >= door.queues + ct_lanes())
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_ct_entries_process: queue %u; CT queues are %u to %u", queue,
			door.queues, door.queues + ct_lanes() - 1);
	for (struct ct_pipe *pipe = ct.pipes, *next; pipe; pipe = next) {
		struct ct_lane *lane = &pipe->lane[queue - door.queues];
		uint32_t wanted = MIN_OF(min_room, lane->queue.size);

		next = pipe->next;
		if (!belongs(pipe, port))
			continue;
		left -= walk(pipe, lane, queue, left);
		for (; lane->queue.n && (left || lane->queue.size - lane->queue.n < wanted); left -= !!left)
			deliver_one(pipe, lane, queue);
		free_room = MIN_OF(free_room, lane->queue.size - lane->queue.n);
	}
	if (room)
		*room = free_room;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_pipe_iterate(struct doca_flow_pipe *pipe, doca_flow_ct_pipe_iterate_cb cb, void *user_ctx)
{
	doca_error_t err = ct_check_pipe(__func__, pipe);

	if (err != DOCA_SUCCESS)
		return err;
	DCORE_NOT_NULL(cb);
	if (!(ct.cfg.flags & DOCA_FLOW_CT_FLAG_ITERATOR))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "pipe '%s': iterating needs DOCA_FLOW_CT_FLAG_ITERATOR at doca_flow_ct_init", pipe->name);
	pipe->ct->walk_cb = cb;
	pipe->ct->walk_ctx = user_ctx;
	__atomic_fetch_add(&pipe->ct->walk_serial, 1, __ATOMIC_RELEASE);
	return DOCA_SUCCESS;
}

/* ---- aging ---- */

static bool is_due(const struct ct_entry *e, uint64_t now_ns)
{
	uint64_t idle = flow_age_idle_ns(door.ctx, e->age, now_ns), since = now_ns > e->updated_ns ? now_ns - e->updated_ns : 0;

	return MIN_OF(idle, since) > e->timeout_s * (uint64_t)NS_PER_SEC;
}

struct aging {
	uint16_t queue;
	uint64_t until_ns, max;
	int found;
};

/* Goes on where it stopped last time; true: the end was reached. An aged connection is told once and goes on working
 * until the program removes it. */
static bool age_lane(struct ct_lane *lane, struct aging *a)
{
	uint64_t now = clock_now_ns();
	unsigned seen = 0;

	if (!lane->age_next)
		lane->age_next = lane->first;
	while (lane->age_next) {
		struct ct_entry *e = lane->age_next;

		if (a->max && (uint64_t)a->found >= a->max)
			return false;
		if (++seen % 64 == 0 && (now = clock_now_ns()) > a->until_ns)
			return false;
		lane->age_next = e->next;
		if (e->state != CT_LIVE || e->door.aged || !e->timeout_s || !is_due(e, now))
			continue;
		e->door.aged = true;
		a->found++;
		if (door.entry_cb)
			door.entry_cb(&e->door, a->queue, DOCA_FLOW_ENTRY_STATUS_SUCCESS, DOCA_FLOW_ENTRY_OP_AGED, e->door.user_ctx);
	}
	return true;
}

int door_ct_aging(struct doca_flow_port *port, uint16_t queue, uint64_t quota_us, uint64_t max)
{
	struct aging a = {.queue = queue, .max = max, .until_ns = quota_us ? clock_now_ns() + quota_us * NS_PER_US : UINT64_MAX};
	bool whole = true;

	if (!ct.running || queue >= door.queues + ct_lanes() || ct.cfg.flags & DOCA_FLOW_CT_FLAG_NO_AGING)
		return -1;
	for (struct ct_pipe *pipe = ct.pipes, *next; pipe; pipe = next) {
		next = pipe->next;
		if (belongs(pipe, port))
			whole &= age_lane(&pipe->lane[queue - door.queues], &a);
	}
	return a.found || !whole ? a.found : -1;
}
