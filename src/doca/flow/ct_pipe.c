/* SPDX-License-Identifier: BSD-3-Clause */
/* ct_pipe: the tables of a CT pipe, what its connections may do, and where they may go. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/ct_door.h"

_Static_assert(offsetof(struct doca_flow_header_format, udp.l4_port) == offsetof(struct doca_flow_header_format, transport) &&
		       offsetof(struct doca_flow_header_format, tcp.l4_port) == offsetof(struct doca_flow_header_format, transport),
	"ports are written through one member of the union");

/* ---- templates ---- */

/* Template 0 of a table does nothing; then those of the origin direction, then those of the reply. */
static unsigned template_index(const struct ct_pipe *pipe, unsigned dir, unsigned action)
{
	return 1 + dir * pipe->nr_actions + action;
}

static void ask_word(uint32_t modify, uint32_t given, uint32_t *value, uint32_t *mask)
{
	if (!modify || given)
		return;
	*value = UINT32_MAX;
	*mask = modify;
}

/* Metadata words a direction may modify and the program's template leaves alone: entries supply them. */
static void ask_metadata(const struct doca_flow_ct_meta *modify, const struct doca_flow_meta *given, struct door_action *action)
{
	struct doca_flow_meta *value = &action->actions.meta, *mask = &action->mask.meta;

	action->has_mask = true;
	ask_word(modify->flow.pkt_meta, given->pkt_meta, &value->pkt_meta, &mask->pkt_meta);
	for (unsigned i = 0; i < DOCA_FLOW_META_SCRATCH_PAD_MAX; i++)
		ask_word(modify->flow.u32[i], given->u32[i], &value->u32[i], &mask->u32[i]);
	/* programs give this mask in either byte order; a mark is written as a whole */
	if (modify->mark || modify->flow.mark)
		ask_word(UINT32_MAX, given->mark, &value->mark, &mask->mark);
}

static doca_error_t make_template(const struct ct_pipe *pipe, unsigned dir, const struct door_action *from, struct door_template *t)
{
	static const struct door_action nothing;
	const struct door_action *own = from ? from : &nothing;
	struct door_action *meta;
	doca_error_t err;

	if (own->actions.encap_type != DOCA_FLOW_RESOURCE_TYPE_NONE || own->actions.decap_type != DOCA_FLOW_RESOURCE_TYPE_NONE ||
		own->actions.pop_vlan || own->actions.has_push)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': a connection changes metadata, addresses and ports; tunnels and "
			"tags are for the pipe it forwards to", pipe->door->name);
	meta = calloc(1, sizeof(*meta));
	if (!meta)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", pipe->door->name);
	ask_metadata(&ct.cfg.dir[dir].modify, &own->actions.meta, meta);
	err = door_template_make(pipe->door->port, pipe->door->name, meta, t);
	if (err == DOCA_SUCCESS)
		err = door_template_make(pipe->door->port, pipe->door->name, own, t);
	free(meta);
	return err;
}

static doca_error_t make_templates(struct ct_pipe *pipe, const struct doca_flow_pipe_cfg *cfg)
{
	doca_error_t err = DOCA_SUCCESS;

	if (cfg->nr_actions > CT_TEMPLATES_MAX)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "pipe '%s': %u actions; a CT pipe has at most %d", cfg->name, cfg->nr_actions,
			CT_TEMPLATES_MAX);
	pipe->nr_actions = MAX_OF(cfg->nr_actions, 1u);
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		pipe->template[dir] = calloc(pipe->nr_actions, sizeof(struct door_template));
		if (!pipe->template[dir])
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", cfg->name);
		for (unsigned i = 0; i < pipe->nr_actions && err == DOCA_SUCCESS; i++)
			err = make_template(pipe, dir, cfg->nr_actions ? &cfg->actions[i] : NULL, &pipe->template[dir][i]);
	}
	return err;
}

/* ---- tables ---- */

static bool look_alike(void)
{
	const struct ct_direction *o = &ct.cfg.dir[CT_ORIGIN], *r = &ct.cfg.dir[CT_REPLY];

	return o->inner == r->inner && o->zone_at == r->zone_at && o->zone_mask == r->zone_mask;
}

static void set_inner_mask(struct flow_match *m, unsigned family, struct flow_key *entry)
{
	unsigned n = family == CT_IP4 ? 4 : 16;

	m->value.inner.shape = (family == CT_IP4 ? PKT_L3_IP4 : PKT_L3_IP6) << FLOW_SHAPE_L3_SHIFT;
	m->mask.inner.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_LATER;
	memset(entry->inner.src, 0xff, n);
	memset(entry->inner.dst, 0xff, n);
	entry->inner.sport = entry->inner.dport = UINT16_MAX;
	entry->inner.proto = UINT8_MAX;
}

static void set_outer_mask(struct flow_match *m, unsigned family, struct flow_key *entry)
{
	unsigned n = family == CT_IP4 ? 4 : 16;

	m->value.hot.shape = (family == CT_IP4 ? PKT_L3_IP4 : PKT_L3_IP6) << FLOW_SHAPE_L3_SHIFT;
	m->mask.hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_LATER; /* a later fragment has no ports to look at */
	memset(entry->hot.src, 0xff, n);
	memset(entry->hot.dst, 0xff, n);
	entry->hot.sport = entry->hot.dport = UINT16_MAX;
	entry->hot.proto = UINT8_MAX;
}

static void set_mask(unsigned dir, unsigned family, struct flow_pipe_cfg *cfg)
{
	const struct ct_direction *d = &ct.cfg.dir[dir];

	if (d->inner)
		set_inner_mask(&cfg->match, family, &cfg->entry_mask);
	else
		set_outer_mask(&cfg->match, family, &cfg->entry_mask);
	if (d->zone_at)
		memcpy(cfg->entry_mask.bytes + d->zone_at, &d->zone_mask, sizeof(d->zone_mask));
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		cfg->match.mask.words[i] |= cfg->entry_mask.words[i];
}

void ct_match_key(unsigned dir, unsigned family, const struct doca_flow_ct_match *match, struct flow_key *key)
{
	const struct ct_direction *d = &ct.cfg.dir[dir];
	bool v4 = family == CT_IP4;
	const void *src = v4 ? (const void *)&match->ipv4.src_ip : match->ipv6.src_ip;
	const void *dst = v4 ? (const void *)&match->ipv4.dst_ip : match->ipv6.dst_ip;
	const struct doca_flow_header_l4_port *port = v4 ? &match->ipv4.l4_port : &match->ipv6.l4_port;
	uint32_t zone = (v4 ? match->ipv4.metadata : match->ipv6.metadata) & d->zone_mask;
	uint8_t proto = v4 ? match->ipv4.next_proto : match->ipv6.next_proto;
	unsigned n = v4 ? 4 : 16;

	memcpy(d->inner ? key->inner.src : key->hot.src, src, n);
	memcpy(d->inner ? key->inner.dst : key->hot.dst, dst, n);
	*(d->inner ? &key->inner.sport : &key->hot.sport) = port->src_port;
	*(d->inner ? &key->inner.dport : &key->hot.dport) = port->dst_port;
	*(d->inner ? &key->inner.proto : &key->hot.proto) = proto;
	if (d->zone_at)
		memcpy(key->bytes + d->zone_at, &zone, sizeof(zone));
}

static doca_error_t make_table(struct ct_pipe *pipe, unsigned family, unsigned dir, const struct flow_pipe_cfg *common)
{
	static const char *const names[CT_FAMILIES][CT_DIRS] = {{"IPv4 origin", "IPv4 reply"}, {"IPv6 origin", "IPv6 reply"}};
	static const char *const both[CT_FAMILIES] = {"IPv4", "IPv6"};
	struct flow_pipe_cfg cfg = *common;
	char name[DOOR_NAME_MAX + 16];
	bool alike = look_alike();
	int rc;

	if (alike && dir == CT_REPLY) {
		pipe->table[family][dir] = pipe->table[family][CT_ORIGIN];
		return DOCA_SUCCESS;
	}
	snprintf(name, sizeof(name), "%.*s/%s", DOOR_NAME_MAX - 1, pipe->door->name, alike ? both[family] : names[family][dir]);
	cfg.name = name;
	cfg.nr_entries = pipe->pool[family] * (alike ? 2 : 1);
	set_mask(dir, family, &cfg);
	rc = flow_pipe_create(door.ctx, &cfg, &pipe->table[family][dir]);
	return rc ? dcore_from_errno(rc, "doca_flow_pipe_create") : DOCA_SUCCESS;
}

/* From the end of the chain to its start: a table's miss is the one made before it. */
static doca_error_t make_tables(struct ct_pipe *pipe, struct flow_pipe_cfg *common)
{
	bool alike = look_alike();

	for (int family = CT_IP6; family >= CT_IP4; family--) {
		if (!pipe->pool[family])
			continue;
		for (int i = 0; i < CT_DIRS; i++) {
			unsigned dir = alike ? (unsigned)i : (unsigned)(CT_DIRS - 1 - i);
			doca_error_t err = make_table(pipe, family, dir, common);

			if (err != DOCA_SUCCESS)
				return err;
			if (!pipe->last)
				pipe->last = pipe->table[family][dir];
			pipe->door->real = pipe->table[family][dir];
			common->miss = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = pipe->door->real};
			common->miss_counter = false;
		}
	}
	return DOCA_SUCCESS;
}

static doca_error_t make_flow_pipes(struct ct_pipe *pipe, const struct doca_flow_pipe_cfg *cfg, const struct flow_fwd *fwd,
	const struct flow_fwd *miss)
{
	unsigned n = 1 + CT_DIRS * pipe->nr_actions;
	struct flow_action_template *templates = calloc(n, sizeof(*templates));
	struct flow_pipe_cfg common = {.kind = FLOW_PIPE_EXACT, .domain = (enum flow_domain)cfg->domain, .nr_templates = n,
		.templates = templates, .fwd = *fwd, .miss = *miss, .miss_counter = cfg->miss_counter};
	doca_error_t err;

	if (!templates)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", cfg->name);
	for (unsigned dir = 0; dir < CT_DIRS; dir++)
		for (unsigned i = 0; i < pipe->nr_actions; i++)
			templates[template_index(pipe, dir, i)] = pipe->template[dir][i].t;
	err = make_tables(pipe, &common);
	free(templates);
	return err;
}

/* ---- the pipe ---- */

static doca_error_t make_lanes(struct ct_pipe *pipe)
{
	pipe->lane = calloc(ct_lanes(), sizeof(*pipe->lane));
	for (unsigned i = 0; pipe->lane && i < ct_lanes(); i++) {
		doca_error_t err = ct_dups_make(&pipe->lane[i]);

		if (err != DOCA_SUCCESS)
			return err;
		pipe->lane[i].queue.size = door.depth;
		pipe->lane[i].queue.ring = calloc(door.depth, sizeof(struct door_completion));
		if (!pipe->lane[i].queue.ring)
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory for CT queue %u", pipe->door->name, i);
	}
	return pipe->lane ? DOCA_SUCCESS : dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", pipe->door->name);
}

static doca_error_t check_cfg(const struct doca_flow_pipe_cfg *cfg, const struct flow_fwd *fwd)
{
	struct doca_flow_match none;

	memset(&none, 0, sizeof(none));
	if (!ct.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "pipe '%s': a CT pipe needs doca_flow_ct_init", cfg->name);
	if (cfg->root)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': a CT pipe cannot be root; a BASIC or CONTROL pipe leads to it", cfg->name);
	if (cfg->has_match && memcmp(&cfg->match, &none, sizeof(none)))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a CT pipe matches its connections; its own match stays empty", cfg->name);
	if (fwd->kind == FLOW_FWD_NONE)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a CT pipe needs a forward for packets of its connections", cfg->name);
	return DOCA_SUCCESS;
}

static doca_error_t fill(struct ct_pipe *pipe, const struct doca_flow_pipe_cfg *cfg, const struct flow_fwd *fwd,
	const struct flow_fwd *miss)
{
	doca_error_t err;

	for (unsigned f = 0; f < CT_FAMILIES; f++)
		pipe->pool[f] = ct.cfg.connections[f] + ct.cfg.mixed;
	pipe->shared = calloc((size_t)ct.cfg.user_actions + 1, sizeof(*pipe->shared));
	if (!pipe->shared)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory for %u actions", cfg->name, ct.cfg.user_actions);
	err = make_templates(pipe, cfg);
	if (err == DOCA_SUCCESS)
		err = make_lanes(pipe);
	return err == DOCA_SUCCESS ? make_flow_pipes(pipe, cfg, fwd, miss) : err;
}

doca_error_t door_ct_pipe_make(struct doca_flow_pipe *door_pipe, const struct doca_flow_pipe_cfg *cfg, const struct flow_fwd *fwd,
	const struct flow_fwd *miss)
{
	doca_error_t err = check_cfg(cfg, fwd);
	struct ct_pipe *pipe;

	if (err != DOCA_SUCCESS)
		return err;
	pipe = calloc(1, sizeof(*pipe));
	if (!pipe)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", cfg->name);
	pipe->door = door_pipe;
	pthread_spin_init(&pipe->lock, PTHREAD_PROCESS_PRIVATE);
	hmap_init(&pipe->zones);
	pipe->next = ct.pipes;
	ct.pipes = pipe;
	err = fill(pipe, cfg, fwd, miss);
	if (err != DOCA_SUCCESS) {
		door_ct_pipe_free(pipe);
		door_pipe->real = NULL;
		return err;
	}
	door_pipe->ct = pipe;
	return DOCA_SUCCESS;
}

static void free_lane(struct ct_lane *lane)
{
	while (lane->first)
		ct_entry_free(lane, lane->first);
	ct_dups_free(lane);
	free(lane->queue.ring);
}

void door_ct_pipe_free(struct ct_pipe *pipe)
{
	struct ct_pipe **at = &ct.pipes;

	if (!pipe)
		return;
	while (*at != pipe)
		at = &(*at)->next;
	*at = pipe->next;
	/* rules first: what their packets count and touch is freed with the connections */
	for (unsigned f = 0; f < CT_FAMILIES; f++) {
		flow_pipe_destroy(pipe->table[f][CT_ORIGIN]);
		if (pipe->table[f][CT_REPLY] != pipe->table[f][CT_ORIGIN])
			flow_pipe_destroy(pipe->table[f][CT_REPLY]);
	}
	for (unsigned i = 0; pipe->lane && i < ct_lanes(); i++)
		free_lane(&pipe->lane[i]);
	ct_zones_free(pipe);
	free(pipe->template[CT_ORIGIN]);
	free(pipe->template[CT_REPLY]);
	free(pipe->shared);
	free(pipe->lane);
	free(pipe);
}

/* ---- what a direction does ---- */

static doca_error_t read_actions(struct ct_pipe *pipe, const struct doca_flow_ct_actions *a, struct doca_flow_ct_actions_data *data)
{
	bool found;

	if (a->resource_type != DOCA_FLOW_RESOURCE_TYPE_SHARED) {
		*data = a->data;
		return DOCA_SUCCESS;
	}
	pthread_spin_lock(&pipe->lock);
	found = a->action_handle && a->action_handle <= ct.cfg.user_actions && pipe->shared[a->action_handle - 1].used;
	if (found)
		*data = pipe->shared[a->action_handle - 1].data;
	pthread_spin_unlock(&pipe->lock);
	return found ? DOCA_SUCCESS
		     : dcore_fail(DOCA_ERROR_NOT_FOUND, "pipe '%s': no shared actions %u", pipe->door->name, a->action_handle);
}

/* An entry's values where the template's fillers look for them. */
static void spread(const struct doca_flow_ct_actions_data *data, enum doca_flow_l3_type l3, struct doca_flow_actions *out)
{
	memset(out, 0, sizeof(*out));
	out->meta = data->meta.flow;
	if (data->meta.mark)
		out->meta.mark = data->meta.mark;
	if (l3 == DOCA_FLOW_L3_TYPE_IP4) {
		out->outer.ip4.src_ip = data->ip4.src_ip;
		out->outer.ip4.dst_ip = data->ip4.dst_ip;
	} else if (l3 == DOCA_FLOW_L3_TYPE_IP6) {
		memcpy(out->outer.ip6.src_ip, data->ip6.src_ip, sizeof(data->ip6.src_ip));
		memcpy(out->outer.ip6.dst_ip, data->ip6.dst_ip, sizeof(data->ip6.dst_ip));
	}
	out->outer.transport = data->l4_port;
}

static doca_error_t specify_actions(struct ct_pipe *pipe, unsigned dir, unsigned family, const struct doca_flow_ct_actions *actions,
	uint8_t *data, struct flow_entry_spec *spec)
{
	static const enum doca_flow_l3_type types[] = {[CT_IP4] = DOCA_FLOW_L3_TYPE_IP4, [CT_IP6] = DOCA_FLOW_L3_TYPE_IP6};
	struct doca_flow_ct_actions_data values = {};
	struct doca_flow_actions spread_out;
	const struct door_template *t;
	doca_error_t err = read_actions(pipe, actions, &values);

	if (err != DOCA_SUCCESS)
		return err;
	if (values.action_idx >= pipe->nr_actions)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': action index %u of %u", pipe->door->name, values.action_idx,
			pipe->nr_actions);
	t = &pipe->template[dir][values.action_idx];
	if (t->actions.outer.l3_type != DOCA_FLOW_L3_TYPE_NONE && t->actions.outer.l3_type != types[family])
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': action %u writes the addresses of the other IP version",
			pipe->door->name, values.action_idx);
	spread(&values, t->actions.outer.l3_type, &spread_out);
	spec->template_index = template_index(pipe, dir, values.action_idx);
	spec->data = data;
	return door_template_fill(t, &spread_out, data);
}

doca_error_t ct_specify(struct ct_pipe *pipe, unsigned dir, unsigned family, const struct doca_flow_ct_actions *actions,
	uint32_t fwd_handle, uint8_t *data, struct flow_entry_spec *spec)
{
	if (fwd_handle > ct.nr_forwards)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': forward handle %u of %u registered; 0 is the pipe's own forward",
			pipe->door->name, fwd_handle, ct.nr_forwards);
	if (fwd_handle && ct.forward[fwd_handle - 1].kind == FLOW_FWD_NONE)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "pipe '%s': forward handle %u named a pipe that is gone", pipe->door->name, fwd_handle);
	if (fwd_handle)
		spec->fwd = ct.forward[fwd_handle - 1];
	if (!actions || (actions->resource_type == DOCA_FLOW_RESOURCE_TYPE_NONE))
		return DOCA_SUCCESS;
	return specify_actions(pipe, dir, family, actions, data, spec);
}

/* ---- shared actions and forwards ---- */

doca_error_t ct_check_pipe(const char *call, const struct doca_flow_pipe *pipe)
{
	if (!pipe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: the pipe is NULL", call);
	if (!pipe->ct)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' is no CT pipe", call, pipe->name);
	return DOCA_SUCCESS;
}

static uint32_t take_shared(struct ct_pipe *pipe, const struct doca_flow_ct_actions_data *data)
{
	uint32_t handle = 0;

	pthread_spin_lock(&pipe->lock);
	for (uint32_t i = 0; i < ct.cfg.user_actions && !handle; i++)
		if (!pipe->shared[i].used) {
			pipe->shared[i] = (struct ct_shared_action){.used = true, .data = *data};
			handle = i + 1;
		}
	pthread_spin_unlock(&pipe->lock);
	return handle;
}

static void give_shared(struct ct_pipe *pipe, uint32_t handle)
{
	pthread_spin_lock(&pipe->lock);
	pipe->shared[handle - 1].used = false;
	pthread_spin_unlock(&pipe->lock);
}

doca_error_t doca_flow_ct_actions_add_shared(uint16_t queue, struct doca_flow_pipe *pipe, const struct doca_flow_ct_actions actions[],
	uint32_t nb_actions, uint32_t actions_handles[])
{
	doca_error_t err = ct_check_pipe(__func__, pipe);

	if (err != DOCA_SUCCESS)
		return err;
	DCORE_NOT_NULL(actions);
	DCORE_NOT_NULL(actions_handles);
	for (uint32_t i = 0; i < nb_actions; i++) {
		if (actions[i].data.action_idx >= pipe->ct->nr_actions)
			err = dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': action index %u of %u", pipe->name,
				actions[i].data.action_idx, pipe->ct->nr_actions);
		else if (!(actions_handles[i] = take_shared(pipe->ct, &actions[i].data)))
			err = dcore_fail(DOCA_ERROR_FULL, "pipe '%s': all %u user actions are in use (doca_flow_ct_cfg_set_user_actions)",
				pipe->name, ct.cfg.user_actions);
		if (err == DOCA_SUCCESS)
			continue;
		while (i)
			give_shared(pipe->ct, actions_handles[--i]);
		return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_actions_rm_shared(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t actions_handles[], uint32_t nb_handles)
{
	doca_error_t err = ct_check_pipe(__func__, pipe);

	if (err != DOCA_SUCCESS)
		return err;
	DCORE_NOT_NULL(actions_handles);
	for (uint32_t i = 0; i < nb_handles; i++) {
		uint32_t handle = actions_handles[i];

		if (!handle || handle > ct.cfg.user_actions || !pipe->ct->shared[handle - 1].used)
			return dcore_fail(DOCA_ERROR_NOT_FOUND, "pipe '%s': no shared actions %u", pipe->name, handle);
		give_shared(pipe->ct, handle);
	}
	return DOCA_SUCCESS;
}

void door_ct_forget_pipe(const struct flow_pipe *real)
{
	for (unsigned i = 0; i < ct.nr_forwards; i++)
		if (real && ct.forward[i].pipe == real)
			ct.forward[i] = (struct flow_fwd){.kind = FLOW_FWD_NONE};
}

doca_error_t doca_flow_ct_fwd_register(struct doca_flow_port *port, uint32_t fwd_count, struct doca_flow_fwd fwd[],
	uint32_t fwd_handle[])
{
	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(fwd);
	DCORE_NOT_NULL(fwd_handle);
	if (!ct.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_ct_fwd_register: doca_flow_ct_init comes first");
	if (fwd_count > CT_FORWARDS_MAX - ct.nr_forwards)
		return dcore_fail(DOCA_ERROR_FULL, "doca_flow_ct_fwd_register: %u forwards beside %u; at most %d in all", fwd_count,
			ct.nr_forwards, CT_FORWARDS_MAX);
	for (uint32_t i = 0; i < fwd_count; i++) {
		doca_error_t err = door_fwd(port, "doca_flow_ct_fwd_register", &fwd[i], NULL, &ct.forward[ct.nr_forwards + i]);

		if (err != DOCA_SUCCESS)
			return err;
		if (ct.forward[ct.nr_forwards + i].kind == FLOW_FWD_NONE)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_ct_fwd_register: forward %u leads nowhere", i);
		fwd_handle[i] = ct.nr_forwards + i + 1;
	}
	ct.nr_forwards += fwd_count;
	return DOCA_SUCCESS;
}
