/* SPDX-License-Identifier: BSD-3-Clause */
/* entries: added, changed, asked and removed, of every kind of pipe but CT, also with calls meant for another kind. */
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow_api.h"

#define ENTRIES 64

/* removed: asked for, the callback is still to come. */
static struct { struct doca_flow_pipe_entry *entry; struct doca_flow_pipe *pipe; bool removed; } entries[ENTRIES];

/* ---- handles ---- */

void entries_forget(void)
{
	memset(entries, 0, sizeof(entries));
}

void entries_forget_of(const struct doca_flow_pipe *pipe)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].pipe == pipe)
			memset(&entries[i], 0, sizeof(entries[i]));
}

void entries_on_change(struct doca_flow_pipe_entry *entry, enum doca_flow_entry_op op)
{
	for (unsigned i = 0; op == DOCA_FLOW_ENTRY_OP_DEL && i < ENTRIES; i++)
		if (entries[i].entry == entry)
			memset(&entries[i], 0, sizeof(entries[i]));
}

static void keep_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_pipe *p)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (!entries[i].entry) {
			entries[i].entry = entry;
			entries[i].pipe = p;
			entries[i].removed = false;
			return;
		}
}

static struct doca_flow_pipe_entry *some_entry(struct doca_flow_pipe **p)
{
	unsigned i = byte() % ENTRIES;

	*p = entries[i].removed ? NULL : entries[i].pipe;
	return entries[i].removed ? NULL : entries[i].entry;
}

/* ---- calls ---- */

static const struct doca_flow_ordered_list *draw_list(void)
{
	static struct doca_flow_ordered_list_element e[3];
	static union big_actions a[ARRAY_SIZE(e)];
	static struct doca_flow_monitor m[ARRAY_SIZE(e)];
	static struct doca_flow_ordered_list list;

	list = (struct doca_flow_ordered_list){.idx = small(3), .size = byte() % (ARRAY_SIZE(e) + 1), .elements = e};
	for (unsigned i = 0; i < ARRAY_SIZE(e); i++)
		e[i] = (struct doca_flow_ordered_list_element){.type = (enum doca_flow_ordered_list_element_type)small(6),
			.actions = draw_actions(&a[i]), .monitor = draw_monitor(&m[i])};
	return &list;
}

static doca_error_t add_to(struct doca_flow_pipe *p, enum doca_flow_pipe_type type, struct doca_flow_pipe_entry **e)
{
	static union big_match match, mask;
	static union big_actions a, a_mask;
	static struct doca_flow_monitor m;
	struct doca_flow_fwd f;
	struct doca_flow_match_condition c = {.operation = (enum doca_flow_compare_op)small(8)};
	struct doca_flow_action_desc array[2];
	struct doca_flow_action_descs descs;
	uint16_t queue = small(3);
	uint8_t action = small(2);

	switch (type) {
	case DOCA_FLOW_PIPE_CONTROL:
		c.field_op.a = (struct doca_flow_desc_field){field(), word()};
		c.field_op.b = (struct doca_flow_desc_field){field(), word()};
		c.field_op.width = word();
		return doca_flow_pipe_control_add_entry(queue, p, draw_match(&match), coin() ? draw_match(&mask) : NULL, coin() ? NULL : &c,
			draw_actions(&a), coin() ? draw_actions(&a_mask) : NULL, draw_descs(&descs, array, 2), draw_monitor(&m), small(9),
			draw_fwd(&f), NULL, e);
	case DOCA_FLOW_PIPE_LPM:
		return doca_flow_pipe_lpm_add_entry(queue, p, draw_match(&match), draw_match(&mask), action, draw_actions(&a), draw_monitor(&m),
			draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_ACL:
		return doca_flow_pipe_acl_add_entry(queue, p, draw_match(&match), draw_match(&mask), action, draw_actions(&a), word(),
			draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_HASH:
		return doca_flow_pipe_hash_add_entry(queue, p, small(70), action, draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_ORDERED_LIST:
		return doca_flow_pipe_ordered_list_add_entry(queue, p, small(4), coin() ? draw_list() : NULL, draw_fwd(&f), byte(), NULL, e);
	default:
		return doca_flow_pipe_basic_add_entry(queue, p, draw_match(&match), action, draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(),
			NULL, e);
	}
}

void entries_add(void)
{
	struct doca_flow_pipe *p = some_pipe();
	struct doca_flow_pipe_entry *e = NULL;
	enum doca_flow_pipe_type type = p && byte() % 8 ? p->type : (enum doca_flow_pipe_type)small(8);

	if (add_to(p, type, &e) == DOCA_SUCCESS && e)
		keep_entry(e, p);
}

void entries_change(void)
{
	static union big_actions a;
	static struct doca_flow_monitor m;
	struct doca_flow_resource_query query;
	struct doca_flow_fwd f;
	struct doca_flow_pipe *p;
	struct doca_flow_pipe_entry *e = some_entry(&p);

	switch (byte() % 6) {
	case 0:
		doca_flow_pipe_lpm_update_entry(small(3), p, small(2), draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), e);
		break;
	case 1:
		doca_flow_pipe_acl_update_entry(small(3), p, small(2), draw_actions(&a), draw_fwd(&f), byte(), e);
		break;
	case 2:
		doca_flow_pipe_basic_update_entry(small(3), p, small(2), draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), e);
		break;
	case 3:
		doca_flow_resource_query_entry(e, coin() ? &query : NULL);
		doca_flow_pipe_entry_get_status(e);
		break;
	default:
		if (doca_flow_pipe_remove_entry(small(3), byte(), e) == DOCA_SUCCESS)
			for (unsigned i = 0; i < ENTRIES; i++)
				if (entries[i].entry == e)
					entries[i].removed = true;
	}
}
