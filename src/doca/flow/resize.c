/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resize: a pipe that grows. There is room for the new entries at once; that the old ones have moved is told queue by
 * queue, each from the queue's own doca_flow_entries_process: the program may give every entry another context then. When all
 * queues that the pipe uses have come by, the pipe is resized.
 */
#include <stdlib.h>

#include "doca/flow/flow_door.h"

bool door_queue_excluded(const struct doca_flow_pipe *pipe, uint16_t queue)
{
	return pipe->excluded[queue / 64] >> queue % 64 & 1;
}

static unsigned queues_in_use(const struct doca_flow_pipe *pipe)
{
	unsigned n = 0;

	for (unsigned q = 0; q < door.queues; q++)
		n += !door_queue_excluded(pipe, q);
	return n;
}

static void move_entries(struct doca_flow_pipe *pipe, uint16_t queue)
{
	struct door_entries *list = &pipe->entries[queue];

	if (!pipe->resize.relocate)
		return;
	pthread_spin_lock(&list->lock); /* the callback adds and removes no entries */
	for (struct doca_flow_pipe_entry *e = list->first; e; e = e->next) {
		void *user_ctx = e->user_ctx;

		if (pipe->resize.relocate(pipe->user_ctx, queue, e->user_ctx, &user_ctx) == DOCA_SUCCESS)
			e->user_ctx = user_ctx;
	}
	pthread_spin_unlock(&list->lock);
}

static void end(struct doca_flow_pipe *pipe)
{
	free(pipe->resize.moved);
	pipe->resize.moved = NULL;
	__atomic_store_n(&pipe->resize.active, false, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&pipe->port->manager->resizing, 1, __ATOMIC_RELAXED);
}

static void process(struct doca_flow_pipe *pipe, uint16_t queue)
{
	if (!__atomic_load_n(&pipe->resize.active, __ATOMIC_ACQUIRE) || door_queue_excluded(pipe, queue) || pipe->resize.moved[queue])
		return;
	pipe->resize.moved[queue] = true;
	move_entries(pipe, queue);
	if (__atomic_sub_fetch(&pipe->resize.left, 1, __ATOMIC_ACQ_REL))
		return;
	end(pipe);
	if (door.pipe_cb)
		door.pipe_cb(pipe, DOCA_FLOW_PIPE_STATUS_SUCCESS, DOCA_FLOW_PIPE_OP_RESIZED, pipe->user_ctx);
}

void door_resize_process(struct doca_flow_port *manager, uint16_t queue)
{
	if (likely(!__atomic_load_n(&manager->resizing, __ATOMIC_RELAXED)))
		return;
	for (unsigned i = 0; i < DOOR_PORTS_MAX; i++)
		for (struct doca_flow_pipe *p = door.port[i] && door.port[i]->manager == manager ? door.port[i]->pipes : NULL; p; p = p->next)
			process(p, queue);
}

void door_resize_forget(struct doca_flow_pipe *pipe)
{
	if (pipe->resize.active)
		end(pipe);
}

static doca_error_t start(struct doca_flow_pipe *pipe, doca_flow_pipe_resize_entry_relocate_cb relocate)
{
	pipe->resize.moved = calloc(door.queues, sizeof(*pipe->resize.moved));
	if (!pipe->resize.moved)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory to resize it", pipe->name);
	pipe->resize.relocate = relocate;
	pipe->resize.left = queues_in_use(pipe);
	__atomic_store_n(&pipe->resize.active, true, __ATOMIC_RELEASE);
	__atomic_fetch_add(&pipe->port->manager->resizing, 1, __ATOMIC_RELEASE);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_resize(struct doca_flow_pipe *pipe, uint8_t new_congestion_level,
	doca_flow_pipe_resize_nr_entries_changed_cb nr_entries_changed_cb,
	doca_flow_pipe_resize_entry_relocate_cb entry_relocation_cb)
{
	doca_error_t err;
	int rc;

	DCORE_NOT_NULL(pipe);
	if (!pipe->resizable)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "pipe '%s': it was not created resizable", pipe->name);
	if (pipe->resize.active)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "pipe '%s': it is being resized; doca_flow_entries_process on its queues goes on with that",
			pipe->name);
	if (new_congestion_level > 100)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': congestion at %u percent; 0 to 100", pipe->name, new_congestion_level);
	err = door_limit_entries(pipe->type, pipe->nr_entries * 2, pipe->name);
	if (err != DOCA_SUCCESS)
		return err;
	rc = flow_pipe_grow(pipe->real, pipe->nr_entries * 2);
	if (rc)
		return dcore_from_errno(rc, "doca_flow_pipe_resize");
	err = start(pipe, entry_relocation_cb);
	if (err != DOCA_SUCCESS)
		return err;
	pipe->nr_entries *= 2;
	pipe->congestion = new_congestion_level;
	pipe->congested = false;
	if (nr_entries_changed_cb)
		nr_entries_changed_cb(pipe->user_ctx, pipe->nr_entries);
	return DOCA_SUCCESS;
}
