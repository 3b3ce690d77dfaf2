/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ct_entry: one connection. It is prepared (memory and the duplicate filter), added (a rule per direction), updated, removed.
 * All of it takes effect at once; the callback waits in the lane for doca_flow_ct_entries_process.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "doca/flow/ct_door.h"
#include "flow/age.h"
#include "flow/counter.h"

struct ct_lane *ct_lane_of(const char *call, struct doca_flow_pipe *pipe, uint16_t queue)
{
	if (ct_check_pipe(call, pipe) != DOCA_SUCCESS)
		return NULL;
	if (queue < door.queues || queue >= door.queues + ct_lanes()) {
		dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s': queue %u; CT queues are %u to %u, behind those of DOCA Flow", call,
			pipe->name, queue, door.queues, door.queues + ct_lanes() - 1);
		return NULL;
	}
	return &pipe->ct->lane[queue - door.queues];
}

/* ---- prepare ---- */

static struct ct_entry *find_duplicate(const struct ct_lane *lane, uint32_t flags, const struct doca_flow_ct_match *const match[])
{
	static const uint32_t wanted[CT_DIRS] = {DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN, DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_REPLY};

	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		struct ct_entry *e = NULL;

		if (flags & wanted[dir] && match[dir])
			e = ct_dup_find(lane, dir, ct_family(flags, dir), match[dir]);
		if (e)
			return e;
	}
	return NULL;
}

/* Into the filter with the keys that the flags name. */
static void filter(struct ct_lane *lane, struct ct_entry *entry, uint32_t flags)
{
	if (flags & DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN)
		ct_dup_put(lane, entry, CT_ORIGIN);
	if (flags & DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_REPLY)
		ct_dup_put(lane, entry, CT_REPLY);
}

static struct ct_entry *new_entry(struct doca_flow_pipe *pipe, uint16_t queue, uint32_t flags,
	const struct doca_flow_ct_match *const match[])
{
	struct ct_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->door.pipe = pipe;
	e->door.queue = queue;
	e->door.status = DOCA_FLOW_ENTRY_STATUS_IN_PROCESS;
	e->flags = flags;
	for (unsigned dir = 0; dir < CT_DIRS; dir++)
		if (match[dir])
			e->match[dir] = *match[dir];
	return e;
}

doca_error_t doca_flow_ct_entry_prepare(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, uint32_t hash_origin, const struct doca_flow_ct_match *match_reply,
	uint32_t hash_reply, struct doca_flow_pipe_entry **entry, bool *conn_found)
{
	const struct doca_flow_ct_match *const match[CT_DIRS] = {match_origin, match_reply};
	struct ct_lane *lane = ct_lane_of(__func__, pipe, queue);
	struct ct_entry *e;

	if (!lane)
		return DOCA_ERROR_INVALID_VALUE;
	DCORE_NOT_NULL(entry);
	e = find_duplicate(lane, flags, match);
	*entry = e ? &e->door : NULL;
	if (conn_found)
		*conn_found = e != NULL;
	if (e || !(flags & DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS))
		return DOCA_SUCCESS;
	e = new_entry(pipe, queue, flags, match);
	if (!e)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory for a connection", pipe->name);
	e->hash[CT_ORIGIN] = hash_origin;
	e->hash[CT_REPLY] = hash_reply;
	ct_link(lane, e);
	filter(lane, e, flags);
	*entry = &e->door;
	return DOCA_SUCCESS;
}

/* ---- add ---- */

/* A connection takes one place in the pool of each family it uses. */
static doca_error_t charge(struct ct_pipe *pipe, struct ct_entry *e)
{
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		unsigned f = ct_family(e->flags, dir);

		if (!ct_has_dir(e->flags, dir) || e->charged[f])
			continue;
		if (__atomic_add_fetch(&pipe->live[f], 1, __ATOMIC_RELAXED) > pipe->pool[f]) {
			__atomic_fetch_sub(&pipe->live[f], 1, __ATOMIC_RELAXED);
			return dcore_fail(DOCA_ERROR_FULL, "pipe '%s' has its %u IPv%c connections", pipe->door->name, pipe->pool[f],
				f == CT_IP4 ? '4' : '6');
		}
		e->charged[f] = true;
	}
	return DOCA_SUCCESS;
}

static void discharge(struct ct_pipe *pipe, struct ct_entry *e)
{
	for (unsigned f = 0; f < CT_FAMILIES; f++) {
		if (e->charged[f])
			__atomic_fetch_sub(&pipe->live[f], 1, __ATOMIC_RELAXED);
		e->charged[f] = false;
	}
	ct_zone_leave(pipe, e);
}

static doca_error_t give_slots(struct ct_entry *e)
{
	static const uint32_t wanted[CT_DIRS] = {DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN, DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY};
	bool shared = e->flags & DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_SHARED;

	if (!e->age)
		e->age = flow_age_new(door.ctx, clock_now_ns());
	if (!e->age)
		return dcore_fail(DOCA_ERROR_FULL, "pipe '%s': no age slot left", e->door.pipe->name);
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		if (!(e->flags & wanted[dir]) || e->counter[dir])
			continue;
		e->counter[dir] = shared && e->counter[!dir] ? e->counter[!dir] : flow_counter_new(door.ctx);
		if (!e->counter[dir])
			return dcore_fail(DOCA_ERROR_FULL, "pipe '%s': no counter left", e->door.pipe->name);
	}
	return DOCA_SUCCESS;
}

/* What a program says a connection does, by direction. */
struct ct_deeds {
	const struct doca_flow_ct_actions *actions[CT_DIRS];
	uint32_t fwd_handle[CT_DIRS];
};

/* The rule of a direction, its data in `data`. */
static doca_error_t make_rule(struct ct_pipe *pipe, const struct ct_entry *e, unsigned dir, const struct ct_deeds *deeds, uint8_t *data,
	struct flow_entry_spec *spec)
{
	unsigned family = ct_family(e->flags, dir);
	doca_error_t err = ct_specify(pipe, dir, family, deeds->actions[dir], deeds->fwd_handle[dir], data, spec);

	if (err != DOCA_SUCCESS)
		return err;
	ct_match_key(dir, family, &e->match[dir], &spec->match.value);
	spec->age = e->age + 1;
	spec->counter = e->counter[dir] ? e->counter[dir] + 1 : 0;
	spec->owner = NULL;
	return DOCA_SUCCESS;
}

static doca_error_t check_match(const struct doca_flow_pipe *pipe, const struct ct_entry *e, unsigned dir)
{
	unsigned family = ct_family(e->flags, dir);
	uint8_t proto = family == CT_IP4 ? e->match[dir].ipv4.next_proto : e->match[dir].ipv6.next_proto;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': protocol %u; connections are TCP (6) or UDP (17)", pipe->name, proto);
	if (!pipe->ct->table[family][dir])
		return dcore_fail(DOCA_ERROR_FULL, "pipe '%s' has no IPv%c connections (doca_flow_ct_cfg_set_connections)", pipe->name,
			family == CT_IP4 ? '4' : '6');
	return DOCA_SUCCESS;
}

static doca_error_t add_direction(struct ct_pipe *pipe, struct ct_entry *e, unsigned dir, const struct ct_deeds *deeds)
{
	struct flow_entry_spec spec = {};
	uint8_t data[DOOR_DATA_MAX];
	doca_error_t err = make_rule(pipe, e, dir, deeds, data, &spec);
	int rc;

	if (err != DOCA_SUCCESS)
		return err;
	rc = flow_entry_add(pipe->table[ct_family(e->flags, dir)][dir], &spec, &e->real[dir]);
	return rc ? dcore_from_errno(rc, "doca_flow_ct_add_entry") : DOCA_SUCCESS;
}

static void remove_rules(struct ct_entry *e)
{
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		flow_entry_remove(e->real[dir]);
		e->real[dir] = NULL;
	}
}

static doca_error_t check_flags(const struct doca_flow_pipe *pipe, uint32_t flags, const struct doca_flow_ct_match *const match[])
{
	const uint32_t counters = DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY;

	if (!ct_has_dir(flags, CT_ORIGIN) && !ct_has_dir(flags, CT_REPLY))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a connection has DIR_ORIGIN, DIR_REPLY or both", pipe->name);
	for (unsigned dir = 0; dir < CT_DIRS; dir++)
		if (ct_has_dir(flags, dir) && !match[dir])
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': the %s direction has no match", pipe->name,
				dir == CT_ORIGIN ? "origin" : "reply");
	if (flags & counters && ct.cfg.flags & DOCA_FLOW_CT_FLAG_NO_COUNTER)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a counter, but CT runs with NO_COUNTER", pipe->name);
	return DOCA_SUCCESS;
}

/*
 * What add, update and remove ask first: the lane of the queue, with room for a callback, and a connection of this pipe and
 * queue in one of `states`. AGAIN comes without a sentence: it is the ordinary way to be asked to wait.
 */
static doca_error_t enter(const char *call, struct doca_flow_pipe *pipe, uint16_t queue, struct doca_flow_pipe_entry *entry,
	unsigned states, struct ct_lane **lane)
{
	static const char *const is[] = {[CT_PREPARED] = "not added yet", [CT_LIVE] = "added already", [CT_LEAVING] = "being removed"};
	const struct ct_entry *e = ct_of(entry);

	*lane = ct_lane_of(call, pipe, queue);
	if (!*lane)
		return DOCA_ERROR_INVALID_VALUE;
	if (!entry || entry->pipe != pipe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' has no such connection", call, pipe->name);
	if (entry->queue != queue)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s': the connection belongs to queue %u, not %u", call, pipe->name,
			entry->queue, queue);
	if (!(states & 1u << e->state))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: pipe '%s': the connection is %s", call, pipe->name, is[e->state]);
	return (*lane)->queue.n == (*lane)->queue.size ? DOCA_ERROR_AGAIN : DOCA_SUCCESS;
}

static void take_in(struct ct_entry *e, uint32_t flags, const struct doca_flow_ct_match *const match[], uint32_t timeout_s, void *usr_ctx)
{
	e->flags = flags;
	for (unsigned dir = 0; dir < CT_DIRS; dir++)
		if (match[dir])
			e->match[dir] = *match[dir];
	e->zone = ct_family(flags, CT_ORIGIN) == CT_IP4 ? e->match[CT_ORIGIN].ipv4.metadata : e->match[CT_ORIGIN].ipv6.metadata;
	e->zone &= ct.cfg.dir[CT_ORIGIN].zone_mask;
	e->timeout_s = timeout_s;
	e->updated_ns = clock_now_ns();
	e->door.user_ctx = usr_ctx;
}

static doca_error_t publish(struct ct_pipe *pipe, struct ct_entry *e, const struct ct_deeds *deeds)
{
	doca_error_t err = DOCA_SUCCESS;

	for (unsigned dir = 0; dir < CT_DIRS && err == DOCA_SUCCESS; dir++)
		if (ct_has_dir(e->flags, dir))
			err = check_match(pipe->door, e, dir);
	if (err == DOCA_SUCCESS)
		err = ct_zone_enter(pipe, e);
	if (err == DOCA_SUCCESS)
		err = charge(pipe, e);
	if (err == DOCA_SUCCESS)
		err = give_slots(e);
	for (unsigned dir = 0; dir < CT_DIRS && err == DOCA_SUCCESS; dir++)
		if (ct_has_dir(e->flags, dir))
			err = add_direction(pipe, e, dir, deeds);
	return err;
}

doca_error_t doca_flow_ct_add_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, const struct doca_flow_ct_match *match_reply,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s, void *usr_ctx, struct doca_flow_pipe_entry *entry)
{
	const struct doca_flow_ct_match *const match[CT_DIRS] = {match_origin, match_reply};
	const struct ct_deeds deeds = {{actions_origin, actions_reply}, {fwd_handle_origin, fwd_handle_reply}};
	struct ct_entry *e = ct_of(entry);
	struct ct_lane *lane;
	doca_error_t err = enter(__func__, pipe, queue, entry, 1 << CT_PREPARED, &lane);

	if (err != DOCA_SUCCESS)
		return err;
	err = check_flags(pipe, flags, match);
	if (err == DOCA_SUCCESS) {
		ct_dup_drop(lane, e); /* by the keys it was prepared with, which need not be these */
		take_in(e, flags, match, timeout_s, usr_ctx);
		filter(lane, e, flags);
		err = publish(pipe->ct, e, &deeds);
	}
	if (err != DOCA_SUCCESS) {
		remove_rules(e);
		discharge(pipe->ct, e);
		ct_entry_free(lane, e);
		return err;
	}
	e->state = CT_LIVE;
	ct_complete(lane, e, DOCA_FLOW_ENTRY_OP_ADD);
	return DOCA_SUCCESS;
}

/* ---- update, remove ---- */

static doca_error_t update_direction(struct ct_pipe *pipe, struct ct_entry *e, unsigned dir, const struct ct_deeds *deeds)
{
	struct flow_entry_spec spec = {};
	uint8_t data[DOOR_DATA_MAX];
	doca_error_t err;
	int rc;

	if (!e->real[dir])
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': the connection has no %s direction", pipe->door->name,
			dir == CT_ORIGIN ? "origin" : "reply");
	err = make_rule(pipe, e, dir, deeds, data, &spec);
	if (err != DOCA_SUCCESS)
		return err;
	rc = flow_entry_update(e->real[dir], &spec);
	return rc ? dcore_from_errno(rc, "doca_flow_ct_update_entry") : DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_update_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s)
{
	const struct ct_deeds deeds = {{actions_origin, actions_reply}, {fwd_handle_origin, fwd_handle_reply}};
	struct ct_entry *e = ct_of(entry);
	struct ct_lane *lane;
	doca_error_t err = enter(__func__, pipe, queue, entry, 1 << CT_LIVE, &lane);

	if (err != DOCA_SUCCESS)
		return err;
	for (unsigned dir = 0; dir < CT_DIRS && err == DOCA_SUCCESS; dir++)
		if (ct_has_dir(flags, dir))
			err = update_direction(pipe->ct, e, dir, &deeds);
	if (err != DOCA_SUCCESS)
		return err;
	e->timeout_s = timeout_s;
	e->updated_ns = clock_now_ns();
	e->door.aged = false;
	ct_complete(lane, e, DOCA_FLOW_ENTRY_OP_UPD);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_rm_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry)
{
	struct ct_entry *e = ct_of(entry);
	struct ct_lane *lane;
	doca_error_t err = enter(__func__, pipe, queue, entry, 1 << CT_PREPARED | 1 << CT_LIVE, &lane);

	if (err != DOCA_SUCCESS)
		return err;
	e->state = CT_LEAVING;
	e->door.removing = true;
	remove_rules(e);
	discharge(pipe->ct, e);
	ct_dup_drop(lane, e);
	ct_complete(lane, e, DOCA_FLOW_ENTRY_OP_DEL);
	return DOCA_SUCCESS;
}

/* ---- what it is and has seen ---- */

static doca_error_t check_query(const char *call, struct doca_flow_pipe *pipe, uint16_t queue, const struct doca_flow_pipe_entry *entry)
{
	if (!ct_lane_of(call, pipe, queue))
		return DOCA_ERROR_INVALID_VALUE;
	if (!entry || entry->pipe != pipe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' has no such connection", call, pipe->name);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_get_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_ct_match *match_origin, struct doca_flow_ct_match *match_reply, uint64_t *entry_flags, uint32_t *hash_origin,
	uint32_t *hash_reply)
{
	doca_error_t err = check_query(__func__, pipe, queue, entry);
	const struct ct_entry *e = ct_of(entry);

	if (err != DOCA_SUCCESS)
		return err;
	if (match_origin)
		*match_origin = e->match[CT_ORIGIN];
	if (match_reply)
		*match_reply = e->match[CT_REPLY];
	if (entry_flags)
		*entry_flags = e->flags & ~(uint32_t)DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT;
	if (hash_origin)
		*hash_origin = e->hash[CT_ORIGIN];
	if (hash_reply)
		*hash_reply = e->hash[CT_REPLY];
	return DOCA_SUCCESS;
}

static void read_counter(uint32_t counter, struct doca_flow_resource_query *query)
{
	struct flow_count count = {0};

	if (!query)
		return;
	if (counter)
		flow_counter_read(door.ctx, counter, &count);
	query->counter.total_pkts = count.packets;
	query->counter.total_bytes = count.bytes;
}

doca_error_t doca_flow_ct_query_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_resource_query *query_origin, struct doca_flow_resource_query *query_reply, uint64_t *last_hit_s)
{
	doca_error_t err = check_query(__func__, pipe, queue, entry);
	const struct ct_entry *e = ct_of(entry);

	if (err != DOCA_SUCCESS)
		return err;
	if (e->state == CT_PREPARED)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "pipe '%s': the connection is not added yet", pipe->name);
	read_counter(e->counter[CT_ORIGIN], query_origin);
	read_counter(e->counter[CT_REPLY], query_reply);
	if (last_hit_s)
		*last_hit_s = time(NULL) - flow_age_idle_ns(door.ctx, e->age, clock_now_ns()) / NS_PER_SEC;
	return DOCA_SUCCESS;
}
