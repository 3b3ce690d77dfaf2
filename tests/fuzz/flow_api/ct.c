/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ct: connections, prepared, added, changed, asked, iterated and removed, with the right pipe and queue most of the time. The
 * table below knows which handles the program still holds; a handle is gone when an add of a prepared one fails in earnest.
 */
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow_api.h"

#define CONNECTIONS 32
#define HANDLES 8

static struct {
	struct doca_flow_pipe_entry *entry;
	struct doca_flow_pipe *pipe;
	uint16_t queue;
	bool added, removed;
} connections[CONNECTIONS];
static uint32_t shared_actions[HANDLES], forwards[HANDLES];
static unsigned first_queue; /* CT queues stand behind those of DOCA Flow */
static bool begun;

/* ---- the library ---- */

static void on_finalize(struct doca_flow_pipe *pipe, void *entry, uint16_t queue, void *usr_ctx)
{
	struct doca_flow_resource_query query;

	doca_flow_ct_query_entry(queue, pipe, 0, entry, &query, &query, NULL);
}

static void set_direction(struct doca_flow_ct_cfg *cfg)
{
	struct doca_flow_meta zone = {0};
	struct doca_flow_ct_meta modify = {0};

	if (coin())
		zone.pkt_meta = word();
	zone.u32[byte() % 10] = byte() % 4 ? 0 : word();
	modify.flow.pkt_meta = word();
	modify.mark = word();
	doca_flow_ct_cfg_set_direction(cfg, coin(), coin(), coin() ? &zone : NULL, coin() ? &modify : NULL);
}

void ct_begin(unsigned flow_queues)
{
	struct doca_flow_ct_cfg *cfg;

	first_queue = flow_queues;
	if (coin())
		return;
	doca_flow_ct_cfg_create(&cfg);
	doca_flow_ct_cfg_set_flags(cfg, coin() ? word() : DOCA_FLOW_CT_FLAG_ITERATOR | DOCA_FLOW_CT_FLAG_MANAGED);
	doca_flow_ct_cfg_set_queues(cfg, 1 + byte() % 2);
	doca_flow_ct_cfg_set_ctrl_queues(cfg, small(2));
	doca_flow_ct_cfg_set_user_actions(cfg, small(8));
	doca_flow_ct_cfg_set_entry_finalize_cb(cfg, coin() ? on_finalize : NULL);
	doca_flow_ct_cfg_set_connections(cfg, byte() % 64, byte() % 64, byte() % 64);
	doca_flow_ct_cfg_set_dup_filter_size(cfg, small(16) % 1024);
	doca_flow_ct_cfg_set_max_connections_per_zone(cfg, small(16));
	set_direction(cfg);
	begun = doca_flow_ct_init(coin() || coin() ? cfg : NULL) == DOCA_SUCCESS;
	doca_flow_ct_cfg_destroy(cfg);
}

void ct_end(void)
{
	if (begun)
		doca_flow_ct_destroy();
	begun = false;
	memset(connections, 0, sizeof(connections));
	memset(shared_actions, 0, sizeof(shared_actions));
	memset(forwards, 0, sizeof(forwards));
}

/* ---- handles ---- */

void ct_on_change(struct doca_flow_pipe_entry *entry, enum doca_flow_entry_op op)
{
	for (unsigned i = 0; op == DOCA_FLOW_ENTRY_OP_DEL && i < CONNECTIONS; i++)
		if (connections[i].entry == entry)
			memset(&connections[i], 0, sizeof(connections[i]));
}

void ct_forget_of(const struct doca_flow_pipe *pipe)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].pipe == pipe)
			memset(&connections[i], 0, sizeof(connections[i]));
}

static void keep(struct doca_flow_pipe_entry *entry, struct doca_flow_pipe *pipe, uint16_t queue)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].entry == entry)
			return; /* the filter found it */
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (!connections[i].entry) {
			connections[i].entry = entry;
			connections[i].pipe = pipe;
			connections[i].queue = queue;
			return;
		}
}

static struct doca_flow_pipe *some_ct_pipe(void)
{
	for (unsigned i = 0, from = byte(); i < PIPES; i++) {
		struct doca_flow_pipe *pipe = pipe_of[(from + i) % PIPES];

		if (pipe && pipe->type == DOCA_FLOW_PIPE_CT)
			return pipe;
	}
	return some_pipe();
}

static uint16_t some_queue(void)
{
	return byte() % 8 ? first_queue + byte() % 3 : small(4);
}

/* ---- structures ---- */

static const struct doca_flow_ct_match *draw_ct_match(struct doca_flow_ct_match *m, bool ip6)
{
	if (!(byte() % 16))
		return NULL;
	memset(m, 0, sizeof(*m));
	if (ip6) {
		m->ipv6.src_ip[0] = byte() % 4;
		m->ipv6.l4_port.src_port = byte() % 4;
		m->ipv6.next_proto = coin() ? 6 : byte() % 8 ? 17 : byte();
		m->ipv6.metadata = byte() % 4;
		return m;
	}
	m->ipv4.src_ip = RTE_BE32(0x01020304);
	m->ipv4.dst_ip = RTE_BE32(0x08080808);
	m->ipv4.l4_port.src_port = coin() ? RTE_BE16(1234) : byte() % 4;
	m->ipv4.l4_port.dst_port = RTE_BE16(80);
	m->ipv4.next_proto = coin() ? 6 : byte() % 8 ? 17 : byte();
	m->ipv4.metadata = byte() % 4;
	return m;
}

static const struct doca_flow_ct_actions *draw_ct_actions(struct doca_flow_ct_actions *a)
{
	if (coin())
		return NULL;
	scatter(a, sizeof(*a));
	a->resource_type = coin() ? DOCA_FLOW_RESOURCE_TYPE_NON_SHARED : (enum doca_flow_resource_type)small(5);
	if (a->resource_type == DOCA_FLOW_RESOURCE_TYPE_SHARED)
		a->action_handle = coin() ? shared_actions[byte() % HANDLES] : small(40);
	else
		a->data.action_idx = small(3);
	return a;
}

static uint32_t some_forward(void)
{
	return byte() % 4 ? 0 : coin() ? forwards[byte() % HANDLES] : small(8);
}

static uint32_t draw_flags(void)
{
	uint32_t flags = (uint32_t)byte() << 4 | byte();

	return coin() ? flags : flags | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS;
}

/* ---- calls ---- */

/* A configuration drawn at random is hardly ever one of a CT pipe. */
static void create_pipe(void)
{
	static union big_actions a;
	struct doca_flow_actions *actions[] = {draw_actions(&a)};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_fwd fwd, miss;

	if (doca_flow_pipe_cfg_create(&cfg, port[byte() % PORTS]) != DOCA_SUCCESS)
		return;
	doca_flow_pipe_cfg_set_type(cfg, DOCA_FLOW_PIPE_CT);
	doca_flow_pipe_cfg_set_is_root(cfg, !(byte() % 16));
	if (actions[0])
		doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, byte() % 16 ? 1 : 0);
	if (doca_flow_pipe_create(cfg, draw_fwd(&fwd), draw_fwd(&miss), &pipe) == DOCA_SUCCESS)
		pipes_keep(pipe);
	doca_flow_pipe_cfg_destroy(cfg);
}

static void prepare(void)
{
	struct doca_flow_pipe *pipe = some_ct_pipe();
	struct doca_flow_ct_match origin, reply;
	struct doca_flow_pipe_entry *entry = NULL;
	uint16_t queue = some_queue();
	uint32_t flags = draw_flags();
	bool found;

	if (doca_flow_ct_entry_prepare(queue, pipe, flags, draw_ct_match(&origin, flags & DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN), byte(),
		    draw_ct_match(&reply, flags & DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY), byte(), &entry, coin() ? &found : NULL) == DOCA_SUCCESS &&
		entry)
		keep(entry, pipe, queue);
}

static void add(unsigned i)
{
	struct doca_flow_ct_match origin, reply;
	struct doca_flow_ct_actions ours, theirs;
	bool right_queue = byte() % 8, right_pipe = byte() % 8;
	struct doca_flow_pipe *pipe = right_pipe ? connections[i].pipe : some_pipe();
	uint32_t flags = draw_flags();
	doca_error_t err;

	right_pipe = pipe == connections[i].pipe;
	err = doca_flow_ct_add_entry(right_queue ? connections[i].queue : connections[i].queue + 1, pipe, flags,
		draw_ct_match(&origin, flags & DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN), draw_ct_match(&reply, flags & DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY),
		draw_ct_actions(&ours), draw_ct_actions(&theirs), some_forward(), some_forward(), small(100), NULL, connections[i].entry);
	if (err == DOCA_SUCCESS)
		connections[i].added = true;
	else if (err != DOCA_ERROR_AGAIN && right_queue && right_pipe && !connections[i].added && !connections[i].removed)
		memset(&connections[i], 0, sizeof(connections[i]));
}

static void ask(unsigned i)
{
	struct doca_flow_ct_match origin, reply;
	struct doca_flow_resource_query ours, theirs;
	uint32_t hash[2];
	uint64_t flags, last;

	doca_flow_ct_get_entry(connections[i].queue, connections[i].pipe, 0, connections[i].entry, &origin, coin() ? &reply : NULL, &flags,
		&hash[0], &hash[1]);
	doca_flow_ct_query_entry(connections[i].queue, connections[i].pipe, 0, connections[i].entry, &ours, coin() ? &theirs : NULL, &last);
}

static void change(unsigned i)
{
	struct doca_flow_ct_actions ours, theirs;
	struct doca_flow_pipe *pipe = byte() % 16 ? connections[i].pipe : some_pipe();
	uint16_t queue = byte() % 16 ? connections[i].queue : some_queue();

	switch (byte() % 4) {
	case 0:
		doca_flow_ct_update_entry(queue, pipe, draw_flags(), connections[i].entry, draw_ct_actions(&ours), draw_ct_actions(&theirs),
			some_forward(), some_forward(), small(100));
		break;
	case 1:
		ask(i);
		break;
	case 2:
		doca_flow_resource_query_entry(connections[i].entry, NULL);
		doca_flow_pipe_remove_entry(queue, byte(), connections[i].entry); /* not the way to do it */
		break;
	default:
		if (doca_flow_ct_rm_entry(queue, pipe, draw_flags(), connections[i].entry) == DOCA_SUCCESS)
			connections[i].removed = true;
	}
}

static void on_iterate(uint16_t queue, struct doca_flow_pipe *pipe, struct doca_flow_pipe_entry *entry, void *user_ctx)
{
	doca_flow_ct_get_entry(queue, pipe, 0, entry, NULL, NULL, NULL, NULL, NULL);
}

static void use_handles(void)
{
	struct doca_flow_pipe *pipe = some_ct_pipe();
	struct doca_flow_ct_actions actions[2];
	struct doca_flow_fwd fwd = {0};
	unsigned slot = byte() % HANDLES;

	memset(actions, 0, sizeof(actions));
	draw_ct_actions(&actions[0]);
	draw_ct_actions(&actions[1]);
	draw_fwd(&fwd);
	switch (byte() % 3) {
	case 0:
		doca_flow_ct_actions_add_shared(some_queue(), pipe, actions, byte() % 2, &shared_actions[slot]);
		break;
	case 1:
		doca_flow_ct_actions_rm_shared(some_queue(), pipe, &shared_actions[slot], byte() % 2);
		break;
	default:
		doca_flow_ct_fwd_register(port[byte() % PORTS], 1, &fwd, &forwards[slot]);
	}
}

void ct_use(void)
{
	unsigned i = byte() % CONNECTIONS;
	uint32_t room;

	switch (byte() % 8) {
	case 0:
		create_pipe();
		break;
	case 1:
		prepare();
		break;
	case 2:
	case 3:
		if (connections[i].entry)
			add(i);
		break;
	case 4:
		if (connections[i].entry)
			change(i);
		break;
	case 5:
		use_handles();
		break;
	case 6:
		doca_flow_ct_pipe_iterate(some_ct_pipe(), coin() ? on_iterate : NULL, NULL);
		break;
	default:
		doca_flow_ct_entries_process(port[byte() % PORTS], some_queue(), small(4), small(8), &room);
	}
}
