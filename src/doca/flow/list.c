/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list: the elements of an ordered list become one template, in their order.
 *
 * An entry's list has the same elements: its first ACTIONS element fills what the first one of the template left open, its second
 * the second's. Monitors of one list are one monitor: own counters in several places are the entry's one counter, and besides that
 * each kind (counter, meter, aging) is named once.
 */
#include <stdlib.h>

#include "doca/flow/flow_door.h"

static bool clash(const struct doca_flow_monitor *a, const struct doca_flow_monitor *b)
{
	bool count = a->counter_type != DOCA_FLOW_RESOURCE_TYPE_NONE && b->counter_type != DOCA_FLOW_RESOURCE_TYPE_NONE;
	bool own = a->counter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED && b->counter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
	bool meter = a->meter_type != DOCA_FLOW_RESOURCE_TYPE_NONE && b->meter_type != DOCA_FLOW_RESOURCE_TYPE_NONE;

	return (count && !own) || meter || (a->aging_sec && b->aging_sec && a->aging_sec != b->aging_sec);
}

/* Adds what `from` monitors; false when `to` monitors something of the kind already. */
static bool join(struct doca_flow_monitor *to, const struct doca_flow_monitor *from)
{
	bool counts = from->counter_type != DOCA_FLOW_RESOURCE_TYPE_NONE, meters = from->meter_type != DOCA_FLOW_RESOURCE_TYPE_NONE;
	struct doca_flow_monitor joined = meters ? *from : *to;

	if (clash(to, from))
		return false;
	joined.counter_type = counts ? from->counter_type : to->counter_type;
	joined.shared_counter = counts ? from->shared_counter : to->shared_counter;
	joined.aging_enabled = from->aging_enabled || to->aging_enabled;
	joined.aging_sec = from->aging_sec ? from->aging_sec : to->aging_sec;
	*to = joined;
	return true;
}

static doca_error_t add_monitor(const char *pipe, const struct doca_flow_monitor *from, struct doca_flow_monitor *to)
{
	return join(to, from) ? DOCA_SUCCESS
			      : dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': a list has two meters, two agings, or a shared counter beside another; one of each", pipe);
}

doca_error_t door_list_template(struct doca_flow_pipe *pipe, const struct door_list *list, struct door_template *t)
{
	unsigned actions = 0;

	for (unsigned i = 0; i < list->size; i++) {
		unsigned before = t->nr_fillers;
		doca_error_t err = DOCA_SUCCESS;

		if (list->type[i] == DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR) {
			err = add_monitor(pipe->name, &list->monitor[i], &t->monitor);
			t->has_monitor = true;
		} else {
			err = door_template_make(pipe->port, pipe->name, &list->action[i], t);
		}
		if (err != DOCA_SUCCESS)
			return err;
		for (; before < t->nr_fillers; before++)
			t->filler[before].element = actions;
		actions += list->type[i] == DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS;
	}
	return DOCA_SUCCESS;
}

doca_error_t door_list_fill(const struct door_template *t, const struct doca_flow_ordered_list *list, uint8_t *data)
{
	unsigned actions = 0;

	for (unsigned i = 0; i < list->size; i++) {
		doca_error_t err;

		if (list->elements[i].type != DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS)
			continue;
		err = door_template_fill_element(t, actions++, list->elements[i].actions, data);
		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t door_list_monitor(const char *pipe, const struct doca_flow_ordered_list *list, struct doca_flow_monitor *out, bool *any)
{
	*any = false;
	for (unsigned i = 0; i < list->size; i++) {
		doca_error_t err;

		if (list->elements[i].type != DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR || !list->elements[i].monitor)
			continue;
		err = add_monitor(pipe, list->elements[i].monitor, out);
		if (err != DOCA_SUCCESS)
			return err;
		*any = true;
	}
	return DOCA_SUCCESS;
}
