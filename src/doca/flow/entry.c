/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entry: added, changed and removed at once; the callback waits in the queue for doca_flow_entries_process. A queue's
 * ring is touched by the thread that owns the queue only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doca/flow/ct_door.h"
#include "doca/flow/flow_door.h"
#include "flow/field.h"

/* In switch mode everything belongs to the switch's manager. */
struct doca_flow_port *door_queue_port(const struct doca_flow_port *port)
{
	return port->manager;
}

static struct door_queue *queue_of(const struct doca_flow_pipe *pipe, uint16_t queue)
{
	return &door_queue_port(pipe->port)->queue[queue];
}

static doca_error_t check_queue(const char *call, const struct doca_flow_pipe *pipe, uint16_t queue)
{
	if (queue >= door.queues)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s': queue %u of %u", call, pipe->name, queue, door.queues);
	if (queue_of(pipe, queue)->n == queue_of(pipe, queue)->size)
		return DOCA_ERROR_AGAIN; /* no sentence: it is the ordinary way to be asked to wait */
	return DOCA_SUCCESS;
}

static void complete(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_op op)
{
	struct door_queue *q = queue_of(entry->pipe, queue);

	q->ring[(q->head + q->n++) % q->size] = (struct door_completion){entry, op};
}

static void link_entry(struct doca_flow_pipe_entry *entry)
{
	struct door_entries *list = &entry->pipe->entries[entry->queue];

	pthread_spin_lock(&list->lock);
	entry->prev = NULL;
	entry->next = list->first;
	if (list->first)
		list->first->prev = entry;
	list->first = entry;
	pthread_spin_unlock(&list->lock);
}

static void unlink_entry(struct doca_flow_pipe_entry *entry)
{
	struct door_entries *list = &entry->pipe->entries[entry->queue];

	pthread_spin_lock(&list->lock);
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		list->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	pthread_spin_unlock(&list->lock);
}

static void free_entry(struct doca_flow_pipe_entry *entry)
{
	unlink_entry(entry);
	if (entry->meter)
		flow_meter_free(door.ctx, entry->meter);
	flow_pipe_destroy(entry->actions);
	free(entry);
}

/* Completions of entries that go with their pipe are forgotten: nobody is called back for them. */
static void forget_completions(const struct doca_flow_pipe *pipe)
{
	struct doca_flow_port *port = door_queue_port(pipe->port);

	for (unsigned i = 0; i < door.queues; i++) {
		struct door_queue *q = &port->queue[i];
		unsigned kept = 0;

		for (unsigned k = 0; k < q->n; k++) {
			struct door_completion c = q->ring[(q->head + k) % q->size];

			if (c.entry->pipe != pipe)
				q->ring[(q->head + kept++) % q->size] = c;
		}
		q->n = kept;
	}
}

void door_entries_drop(struct doca_flow_pipe *pipe)
{
	forget_completions(pipe);
	for (unsigned i = 0; i < door.queues; i++)
		while (pipe->entries[i].first)
			free_entry(pipe->entries[i].first);
}

/* ---- what an entry is made of ---- */

static doca_error_t specify_actions(struct doca_flow_pipe *pipe, uint32_t action_idx, const struct doca_flow_actions *actions,
	uint8_t *data, struct flow_entry_spec *spec)
{
	const struct door_template *t = &pipe->templates[action_idx];
	doca_error_t err = t->choices ? door_choice_pick(pipe, actions, &t) : DOCA_SUCCESS;

	if (err == DOCA_SUCCESS)
		err = door_template_fill(t, actions, data);
	spec->template_index = t - pipe->templates;
	spec->data = data;
	return err;
}

static doca_error_t specify(struct doca_flow_pipe *pipe, uint32_t action_idx, const struct doca_flow_actions *actions,
	const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd, uint8_t *data, struct flow_entry_spec *spec,
	uint32_t *meter)
{
	const struct doca_flow_monitor *template = pipe->has_monitor ? &pipe->monitor : NULL;
	doca_error_t err;

	if (pipe->nr_templates && action_idx >= pipe->nr_templates)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': action index %u of %u", pipe->name, action_idx, pipe->nr_templates);
	if (pipe->nr_templates) {
		err = specify_actions(pipe, action_idx, actions, data, spec);
		if (err != DOCA_SUCCESS)
			return err;
		if (pipe->templates[action_idx].has_monitor)
			template = &pipe->templates[action_idx].monitor;
	}
	err = door_fwd(pipe->port, pipe->name, fwd, pipe->has_fwd ? &pipe->fwd : NULL, &spec->fwd);
	if (err != DOCA_SUCCESS)
		return err;
	return door_monitor(pipe->port, template, monitor, spec, meter);
}

static void check_congestion(struct doca_flow_pipe *pipe)
{
	if (!pipe->congestion || pipe->congested ||
		(uint64_t)flow_pipe_entries(pipe->real) * 100 < (uint64_t)pipe->nr_entries * pipe->congestion)
		return;
	pipe->congested = true;
	if (door.pipe_cb)
		door.pipe_cb(pipe, DOCA_FLOW_PIPE_STATUS_SUCCESS, DOCA_FLOW_PIPE_OP_CONGESTION_REACHED, pipe->user_ctx);
}

static doca_error_t publish(struct doca_flow_pipe *pipe, uint16_t queue, struct flow_entry_spec *spec, uint32_t meter, void *user_ctx,
	struct doca_flow_pipe_entry **out)
{
	struct doca_flow_pipe_entry *entry = calloc(1, sizeof(*entry));
	int rc;

	if (!entry)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory for an entry", pipe->name);
	entry->pipe = pipe;
	entry->queue = queue;
	entry->user_ctx = user_ctx;
	entry->meter = meter;
	entry->status = DOCA_FLOW_ENTRY_STATUS_IN_PROCESS;
	spec->owner = entry;
	rc = flow_entry_add(pipe->real, spec, &entry->real);
	if (rc) {
		if (meter)
			flow_meter_free(door.ctx, meter);
		free(entry);
		return dcore_from_errno(rc, "add_entry");
	}
	link_entry(entry);
	complete(entry, queue, DOCA_FLOW_ENTRY_OP_ADD);
	check_congestion(pipe);
	if (out)
		*out = entry;
	return DOCA_SUCCESS;
}

static doca_error_t check(const char *call, const struct doca_flow_pipe *pipe, enum doca_flow_pipe_type type, uint16_t queue)
{
	if (!pipe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: the pipe is NULL", call);
	if (pipe->type != type)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' is of another type (%d, not %d)", call, pipe->name, pipe->type, type);
	if (queue < door.queues && door_queue_excluded(pipe, queue))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' excludes queue %u", call, pipe->name, queue);
	return check_queue(call, pipe, queue);
}

doca_error_t doca_flow_pipe_basic_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, uint8_t action_idx, const struct doca_flow_actions *actions,
	const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx,
	struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_BASIC, pipe_queue);

	if (err != DOCA_SUCCESS)
		return err;
	door_match_entry(pipe, match, &spec.match.value);
	flow_entry_expect(pipe->real, &spec);
	err = specify(pipe, action_idx, actions, monitor, fwd, data, &spec, &meter);
	return err == DOCA_SUCCESS ? publish(pipe, pipe_queue, &spec, meter, usr_ctx, entry) : err;
}

doca_error_t doca_flow_pipe_hash_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint32_t entry_index,
	uint8_t action_idx, const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor,
	const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {.index = entry_index};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_HASH, pipe_queue);

	if (err == DOCA_SUCCESS)
		err = specify(pipe, action_idx, actions, monitor, fwd, data, &spec, &meter);
	return err == DOCA_SUCCESS ? publish(pipe, pipe_queue, &spec, meter, usr_ctx, entry) : err;
}

doca_error_t doca_flow_pipe_ordered_list_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint32_t idx,
	const struct doca_flow_ordered_list *ordered_list, const struct doca_flow_fwd *fwd, uint32_t flags, void *usr_ctx,
	struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {.index = idx};
	struct doca_flow_monitor monitor = {};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	bool any = false;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_ORDERED_LIST, pipe_queue);

	if (err != DOCA_SUCCESS)
		return err;
	DCORE_NOT_NULL(ordered_list);
	err = door_list_monitor(pipe->name, ordered_list, &monitor, &any);
	if (err == DOCA_SUCCESS)
		err = specify(pipe, ordered_list->idx, NULL, any ? &monitor : NULL, fwd, data, &spec, &meter);
	if (err == DOCA_SUCCESS && pipe->nr_templates)
		err = door_list_fill(&pipe->templates[ordered_list->idx], ordered_list, data);
	if (err != DOCA_SUCCESS) {
		if (meter)
			flow_meter_free(door.ctx, meter);
		return err;
	}
	return publish(pipe, pipe_queue, &spec, meter, usr_ctx, entry);
}

doca_error_t doca_flow_pipe_lpm_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {};
	const struct flow_field *f;
	struct flow_key prefix = {};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_LPM, pipe_queue);

	if (err == DOCA_SUCCESS)
		err = specify(pipe, action_idx, actions, monitor, fwd, data, &spec, &meter);
	if (err != DOCA_SUCCESS)
		return err;
	f = flow_field_get(pipe->lpm_field);
	door_match_entry(pipe, match, &spec.match.value);
	door_match_entry(pipe, match_mask, &prefix);
	memcpy(spec.match.mask.bytes + f->key_offset, prefix.bytes + f->key_offset, f->length);
	for (unsigned i = 0; i < f->length; i++)
		spec.match.value.bytes[f->key_offset + i] &= prefix.bytes[f->key_offset + i];
	return publish(pipe, pipe_queue, &spec, meter, usr_ctx, entry);
}

/* A port of an ACL entry: mask 0 = any, equal to the value = exact, larger = range value..mask, whose ends are no bits to compare. */
static void acl_port(uint16_t given, uint16_t *value, uint16_t *mask, uint16_t *low, uint16_t *high)
{
	if (*mask && *mask != given) {
		*low = given;
		*high = *mask;
		*value = *mask = 0;
	} else if (*mask) {
		*mask = UINT16_MAX;
	}
}

static void acl_ports(const struct doca_flow_match *match, struct flow_entry_spec *spec)
{
	const struct doca_flow_header_l4_port *outer = &match->outer.transport, *inner = &match->inner.transport;
	struct flow_key *value = &spec->match.value, *mask = &spec->match.mask, *low = &spec->range.value, *high = &spec->range.mask;

	acl_port(outer->src_port, &value->hot.sport, &mask->hot.sport, &low->hot.sport, &high->hot.sport);
	acl_port(outer->dst_port, &value->hot.dport, &mask->hot.dport, &low->hot.dport, &high->hot.dport);
	acl_port(inner->src_port, &value->inner.sport, &mask->inner.sport, &low->inner.sport, &high->inner.sport);
	acl_port(inner->dst_port, &value->inner.dport, &mask->inner.dport, &low->inner.dport, &high->inner.dport);
}

doca_error_t doca_flow_pipe_acl_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask, uint8_t action_idx,
	const struct doca_flow_actions *actions, uint32_t priority, const struct doca_flow_fwd *fwd, uint32_t flags,
	void *usr_ctx, struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {.priority = priority};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_ACL, pipe_queue);

	if (err != DOCA_SUCCESS)
		return err;
	DCORE_NOT_NULL(match);
	if (priority > 1024)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': priority %u; 0 (first) to 1024", pipe->name, priority);
	err = specify(pipe, action_idx, actions, NULL, fwd, data, &spec, &meter);
	if (err == DOCA_SUCCESS)
		err = door_match_own(match, match_mask, &spec.match);
	if (err != DOCA_SUCCESS)
		return err;
	acl_ports(match, &spec);
	return publish(pipe, pipe_queue, &spec, meter, usr_ctx, entry);
}

/* ---- CONTROL: everything comes with the entry, so its actions are a pipe of their own ---- */

/* The immediate of a condition stands in the match at the field's place. What room flow refuses anyhow has none. */
static uint64_t immediate(const struct doca_flow_match *match, const struct flow_condition *c)
{
	const struct flow_field *f = flow_field_get(c->field);
	struct flow_match key = {};

	if (f->key_offset == 0xffff || c->width > 64 || c->bit_offset + c->width > flow_field_bits(f))
		return 0;
	door_match_own(match, NULL, &key);
	return flow_field_bits_get(f, key.value.bytes + f->key_offset, c->bit_offset, c->width);
}

static doca_error_t lower_condition(const struct doca_flow_pipe *pipe, const struct doca_flow_match_condition *c,
	const struct doca_flow_match *match, struct flow_condition *out)
{
	static const enum flow_cond ops[] = {[DOCA_FLOW_COMPARE_EQ] = FLOW_COND_EQ, [DOCA_FLOW_COMPARE_NE] = FLOW_COND_NE,
		[DOCA_FLOW_COMPARE_LT] = FLOW_COND_LT, [DOCA_FLOW_COMPARE_LE] = FLOW_COND_LE, [DOCA_FLOW_COMPARE_GT] = FLOW_COND_GT,
		[DOCA_FLOW_COMPARE_GE] = FLOW_COND_GE};
	unsigned a_bit, b_bit = 0;
	int a, b = 0;

	if (c->operation > DOCA_FLOW_COMPARE_GE || !c->field_op.a.field_string)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a condition without a known operation or first field", pipe->name);
	a = door_find_field(c->field_op.a.field_string, c->field_op.a.bit_offset, &a_bit);
	if (c->field_op.b.field_string)
		b = door_find_field(c->field_op.b.field_string, c->field_op.b.bit_offset, &b_bit);
	if (a < 0 || b < 0)
		return dcore_from_errno(-EINVAL, pipe->name);
	*out = (struct flow_condition){.op = ops[c->operation], .field = a, .bit_offset = a_bit, .width = c->field_op.width,
		.against_field = b > 0, .other_field = b, .other_bit_offset = b_bit};
	if (!b && match)
		out->value = immediate(match, out);
	return DOCA_SUCCESS;
}

/* An entry with actions of its own goes through a small pipe that has them as its template. */
static doca_error_t own_actions(struct doca_flow_pipe *pipe, const struct doca_flow_actions *actions,
	const struct doca_flow_actions *mask, const struct doca_flow_action_descs *descs, struct flow_entry_spec *spec,
	struct flow_pipe **own)
{
	struct door_action *action = calloc(1, sizeof(*action));
	struct door_template *t = calloc(1, sizeof(*t));
	struct flow_pipe_cfg cfg = {.name = pipe->name, .kind = FLOW_PIPE_EXACT, .nr_entries = 1, .fwd = spec->fwd};
	struct flow_entry_spec only = {};
	struct flow_pipe *private = NULL;
	struct flow_entry *entry;
	doca_error_t err = action && t ? door_action_copy(action, actions, mask, descs)
					  : dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory for the entry's actions", pipe->name);
	int rc = 0;

	if (err == DOCA_SUCCESS)
		err = door_template_make(pipe->port, pipe->name, action, t);
	if (err == DOCA_SUCCESS && t->nr_ops) {
		memset(t->hole, 0, sizeof(t->hole));
		cfg.nr_templates = 1;
		cfg.templates = &t->t;
		rc = flow_pipe_create(door.ctx, &cfg, &private);
		if (!rc)
			rc = flow_entry_add(private, &only, &entry);
		if (rc) {
			flow_pipe_destroy(private);
			err = dcore_from_errno(rc, "doca_flow_pipe_control_add_entry");
		} else {
			spec->fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = private};
			*own = private;
		}
	}
	if (action)
		door_action_free(action);
	free(action);
	free(t);
	return err;
}

doca_error_t doca_flow_pipe_control_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe,
	const struct doca_flow_match *match, const struct doca_flow_match *match_mask,
	const struct doca_flow_match_condition *condition, const struct doca_flow_actions *actions,
	const struct doca_flow_actions *actions_mask, const struct doca_flow_action_descs *action_descs,
	const struct doca_flow_monitor *monitor, uint32_t priority, const struct doca_flow_fwd *fwd, void *usr_ctx,
	struct doca_flow_pipe_entry **entry)
{
	struct flow_entry_spec spec = {.priority = priority};
	struct doca_flow_pipe_entry *made = NULL;
	struct flow_pipe *own = NULL;
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err = check(__func__, pipe, DOCA_FLOW_PIPE_CONTROL, pipe_queue);

	if (err != DOCA_SUCCESS)
		return err;
	if (priority > 7)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': priority %u; 0 (first) to 7", pipe->name, priority);
	if (!fwd)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a CONTROL entry needs a forward", pipe->name);
	err = specify(pipe, 0, actions, monitor, fwd, data, &spec, &meter);
	if (err == DOCA_SUCCESS && condition)
		err = lower_condition(pipe, condition, match, &spec.cond);
	if (err == DOCA_SUCCESS && (match || match_mask) && !(condition && !match_mask))
		err = door_match_own(match, match_mask, &spec.match);
	if (err == DOCA_SUCCESS && actions && !pipe->nr_templates)
		err = own_actions(pipe, actions, actions_mask, action_descs, &spec, &own);
	if (err == DOCA_SUCCESS)
		err = publish(pipe, pipe_queue, &spec, meter, usr_ctx, &made);
	if (err != DOCA_SUCCESS) {
		flow_pipe_destroy(own);
		return err;
	}
	made->actions = own;
	if (entry)
		*entry = made;
	return DOCA_SUCCESS;
}

/* ---- update and remove ---- */

static doca_error_t update(const char *call, uint16_t queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	struct doca_flow_pipe_entry *entry)
{
	struct flow_entry_spec spec = {.owner = entry};
	uint8_t data[DOOR_DATA_MAX];
	uint32_t meter = 0;
	doca_error_t err;
	int rc;

	DCORE_NOT_NULL(pipe);
	DCORE_NOT_NULL(entry);
	if (entry->pipe != pipe || entry->removing)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: pipe '%s' has no such entry", call, pipe->name);
	err = check_queue(call, pipe, queue);
	if (err == DOCA_SUCCESS)
		err = specify(pipe, action_idx, actions, monitor, fwd, data, &spec, &meter);
	if (err != DOCA_SUCCESS)
		return err;
	rc = flow_entry_update(entry->real, &spec);
	if (rc)
		return dcore_from_errno(rc, call);
	if (meter) {
		if (entry->meter)
			flow_meter_free(door.ctx, entry->meter);
		entry->meter = meter;
	}
	complete(entry, queue, DOCA_FLOW_ENTRY_OP_UPD);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_basic_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, struct doca_flow_pipe_entry *entry)
{
	return update(__func__, pipe_queue, pipe, action_idx, actions, monitor, fwd, entry);
}

doca_error_t doca_flow_pipe_lpm_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, struct doca_flow_pipe_entry *entry)
{
	return update(__func__, pipe_queue, pipe, action_idx, actions, monitor, fwd, entry);
}

doca_error_t doca_flow_pipe_acl_update_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, uint8_t action_idx,
	const struct doca_flow_actions *actions, const struct doca_flow_fwd *fwd, uint32_t flags,
	struct doca_flow_pipe_entry *entry)
{
	return update(__func__, pipe_queue, pipe, action_idx, actions, NULL, fwd, entry);
}

doca_error_t doca_flow_pipe_remove_entry(uint16_t pipe_queue, uint32_t flags, struct doca_flow_pipe_entry *entry)
{
	doca_error_t err;

	DCORE_NOT_NULL(entry);
	if (entry->pipe->ct)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_remove_entry: pipe '%s' has connections; doca_flow_ct_rm_entry removes them",
			entry->pipe->name);
	if (entry->removing)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_pipe_remove_entry: the entry is being removed already");
	err = check_queue(__func__, entry->pipe, pipe_queue);
	if (err != DOCA_SUCCESS)
		return err;
	entry->removing = true;
	flow_entry_remove(entry->real);
	complete(entry, pipe_queue, DOCA_FLOW_ENTRY_OP_DEL);
	return DOCA_SUCCESS;
}

/* ---- callbacks ---- */

/* Entries of CONTROL pipes have no flags, they take effect within the call that adds them: programs do not count them in
 * `max_processed_entries` (flow_shared_meter adds eight entries and asks for the four that it gave a context). */
doca_error_t doca_flow_entries_process(struct doca_flow_port *port, uint16_t pipe_queue, uint64_t timeout,
	uint32_t max_processed_entries)
{
	struct door_queue *q;
	uint32_t left = max_processed_entries ? max_processed_entries : UINT32_MAX;

	DCORE_NOT_NULL(port);
	if (pipe_queue >= door.queues)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_entries_process: queue %u of %u", pipe_queue, door.queues);
	q = &door_queue_port(port)->queue[pipe_queue];
	while (q->n && left) {
		struct door_completion c = q->ring[q->head];

		left -= c.entry->pipe->type != DOCA_FLOW_PIPE_CONTROL;
		q->head = (q->head + 1) % q->size;
		q->n--;
		c.entry->status = DOCA_FLOW_ENTRY_STATUS_SUCCESS;
		if (door.entry_cb)
			door.entry_cb(c.entry, pipe_queue, DOCA_FLOW_ENTRY_STATUS_SUCCESS, c.op, c.entry->user_ctx);
		if (c.op == DOCA_FLOW_ENTRY_OP_DEL)
			free_entry(c.entry);
	}
	door_resize_process(door_queue_port(port), pipe_queue);
	return DOCA_SUCCESS;
}

enum doca_flow_entry_status doca_flow_pipe_entry_get_status(struct doca_flow_pipe_entry *entry)
{
	return entry ? (enum doca_flow_entry_status)entry->status : DOCA_FLOW_ENTRY_STATUS_ERROR;
}

struct aging {
	uint16_t queue;
	int found;
};

static void report_aged(void *arg, struct flow_entry *real)
{
	struct aging *a = arg;
	struct doca_flow_pipe_entry *entry = flow_entry_owner(real);

	if (!entry || entry->removing || entry->aged)
		return;
	entry->aged = true; /* once; it goes on matching until the program removes it */
	a->found++;
	if (door.entry_cb)
		door.entry_cb(entry, a->queue, DOCA_FLOW_ENTRY_STATUS_SUCCESS, DOCA_FLOW_ENTRY_OP_AGED, entry->user_ctx);
}

int doca_flow_aging_handle(struct doca_flow_port *port, uint16_t queue, uint64_t quota_time, uint64_t max_entries)
{
	uint64_t until = clock_now_ns() + (quota_time ? quota_time : UINT32_MAX) * NS_PER_US;
	struct aging a = {.queue = queue};

	if (!port)
		return -1;
	if (queue >= door.queues)
		return door_ct_aging(port, queue, quota_time, max_entries);
	do {
		if (flow_age_scan(door.ctx, clock_now_ns(), 64, report_aged, &a) < 0)
			return a.found ? a.found : -1;
	} while (clock_now_ns() < until && (!max_entries || a.found < (int)max_entries));
	return a.found;
}
