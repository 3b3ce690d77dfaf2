/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sync events. The number lives in a shared control page (peer.c), in the program's memory
 * (doca_sync_event_set_addr), or in a peer's page.
 */
#include "doca/common/sync_event_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define EVENT_MAGIC "SDPUSYNC"

enum over { OVER_PCI = 1, OVER_NET = 2 };

/* ---- descriptors ---- */

static doca_error_t export(
	struct doca_sync_event *event, enum over over, const uint8_t **data, size_t *sz)
{
	struct event_desc *desc;

	DCORE_NOT_NULL(event);
	DCORE_NOT_NULL(data);
	DCORE_NOT_NULL(sz);
	if (event->peer || event->addr)
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"sync event: one that is %s cannot be exported",
			event->peer ? "imported" : "kept in the program's memory");
	if (over == OVER_PCI ? !event->remote_pci : !event->remote_net)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"sync event: no remote %s location was added before it is exported",
			over == OVER_PCI ? "PCI" : "network");
	if (!event->offer)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "sync event: start it before it is exported");
	desc = &event->desc[over - 1];
	*desc = (struct event_desc){.over = over};
	memcpy(desc->magic, EVENT_MAGIC, sizeof(desc->magic));
	dcore_offer_id(event->offer, &desc->peer);
	*data = (const uint8_t *)desc;
	*sz = sizeof(*desc);
	return DOCA_SUCCESS;
}

doca_error_t doca_sync_event_export_to_remote_pci(
	struct doca_sync_event *event, struct doca_dev *dev, const uint8_t **data, size_t *sz)
{
	DCORE_NOT_NULL(dev);
	return export(event, OVER_PCI, data, sz);
}

doca_error_t doca_sync_event_export_to_remote_net(
	struct doca_sync_event *event, const uint8_t **data, size_t *sz)
{
	return export(event, OVER_NET, data, sz);
}

static doca_error_t import(const uint8_t *data, size_t sz, enum over over, struct dcore_peer **peer)
{
	struct event_desc desc;
	int err;

	if (sz < sizeof(desc))
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "sync event: %zu bytes are no descriptor", sz);
	memcpy(&desc, data, sizeof(desc));
	if (memcmp(desc.magic, EVENT_MAGIC, sizeof(desc.magic)) || desc.over != over)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "sync event: this is no descriptor of one");
	err = dcore_peer_open(&desc.peer, peer);
	return err ? dcore_from_errno(err, "sync event import") : DOCA_SUCCESS;
}

doca_error_t doca_sync_event_remote_net_create_from_export(struct doca_dev *dev,
	const uint8_t *data, size_t sz, struct doca_sync_event_remote_net **event)
{
	doca_error_t result;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(data);
	DCORE_NOT_NULL(event);
	*event = calloc(1, sizeof(**event));
	if (!*event)
		return DOCA_ERROR_NO_MEMORY;
	result = import(data, sz, OVER_NET, &(*event)->peer);
	if (result != DOCA_SUCCESS) {
		free(*event);
		*event = NULL;
	}
	return result;
}

doca_error_t doca_sync_event_remote_net_destroy(struct doca_sync_event_remote_net *event)
{
	if (event)
		dcore_peer_close(event->peer);
	free(event);
	return DOCA_SUCCESS;
}

struct dcore_control *dcore_remote_net_control(struct doca_sync_event_remote_net *event)
{
	return dcore_peer_control(event->peer);
}

/* ---- life ---- */

static doca_error_t prepare(struct doca_sync_event *event)
{
	int err;

	if (!event->peer && (!event->publisher || !event->subscriber))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "sync event: it has no %s location",
			event->publisher ? "subscriber" : "publisher");
	if (event->control)
		return DOCA_SUCCESS;
	if (event->peer) {
		event->control = dcore_peer_control(event->peer);
		return DOCA_SUCCESS;
	}
	err = dcore_offer_create(&event->offer);
	if (err)
		return dcore_from_errno(err, "sync event");
	event->control = dcore_offer_control(event->offer);
	return DOCA_SUCCESS;
}

static void unprepare(struct doca_sync_event *event)
{
	dcore_offer_revoke(event->offer);
	event->offer = NULL;
	event->control = NULL;
}

doca_error_t doca_sync_event_start(struct doca_sync_event *event)
{
	doca_error_t result;

	DCORE_NOT_NULL(event);
	if (event->started || event->ctx.state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: it is started", __func__);
	result = prepare(event);
	event->started = result == DOCA_SUCCESS;
	return result;
}

doca_error_t doca_sync_event_stop(struct doca_sync_event *event)
{
	DCORE_NOT_NULL(event);
	if (!event->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: it is not started", __func__);
	unprepare(event);
	event->started = false;
	return DOCA_SUCCESS;
}

static doca_error_t start_ctx(struct doca_ctx *ctx)
{
	struct doca_sync_event *event = container_of(ctx, struct doca_sync_event, ctx);

	return event->started ? dcore_fail(DOCA_ERROR_BAD_STATE,
					"sync event: doca_sync_event_start() was called")
			      : prepare(event);
}

static void *wake_loop(void *arg)
{
	struct doca_sync_event *event = arg;
	uint32_t last = __atomic_load_n(&event->control->seq, __ATOMIC_SEQ_CST);

	dcore_pe_wake(event->ctx.pe); /* an update may have come before `last` was read */
	while (!__atomic_load_n(&event->waker_quit, __ATOMIC_ACQUIRE)) {
		uint32_t now = __atomic_load_n(&event->control->seq, __ATOMIC_SEQ_CST);

		if (now != last || event_is_dead(event)) {
			last = now;
			dcore_pe_wake(event->ctx.pe);
		}
		if (now == last)
			event_sleep_on(event->control, last);
	}
	return NULL;
}

static void stop_waker(struct doca_sync_event *event)
{
	if (!event->waker_runs)
		return;
	__atomic_store_n(&event->waker_quit, 1, __ATOMIC_RELEASE);
	dcore_control_changed(event->control);
	pthread_join(event->waker, NULL);
	event->waker_runs = false;
	event->waker_quit = 0;
}

static bool stop_ctx(struct doca_ctx *ctx)
{
	struct doca_sync_event *event = container_of(ctx, struct doca_sync_event, ctx);
	struct event_task *t, *tmp;

	list_for_each_safe(t, tmp, &event->waiting, link) {
		list_remove(&t->link);
		dcore_task_done(&t->task, DOCA_ERROR_SHUTDOWN);
	}
	return true;
}

static void idle_ctx(struct doca_ctx *ctx)
{
	struct doca_sync_event *event = container_of(ctx, struct doca_sync_event, ctx);

	stop_waker(event);
	unprepare(event);
}

static bool is_met(const struct event_task *t, uint64_t value)
{
	bool equal = (value & t->mask) == t->value;

	return t->task.type - t->task.type->ctx->types == TASK_WAIT_EQ ? equal : !equal;
}

static bool progress_ctx(struct doca_ctx *ctx)
{
	struct doca_sync_event *event = container_of(ctx, struct doca_sync_event, ctx);
	struct event_task *t, *tmp;
	uint64_t value;
	bool dead;

	if (list_is_empty(&event->waiting))
		return false;
	value = event_load(event);
	dead = event_is_dead(event);
	list_for_each_safe(t, tmp, &event->waiting, link) {
		if (!is_met(t, value) && !dead)
			continue;
		list_remove(&t->link);
		dcore_task_done(
			&t->task, is_met(t, value) ? DOCA_SUCCESS : DOCA_ERROR_CONNECTION_ABORTED);
	}
	return false;
}

static bool arm_ctx(struct doca_ctx *ctx)
{
	struct doca_sync_event *event = container_of(ctx, struct doca_sync_event, ctx);

	if (list_is_empty(&event->waiting))
		return false;
	progress_ctx(ctx);
	if (ctx->done.head)
		return true;
	if (!event->waker_runs)
		event->waker_runs = pthread_create(&event->waker, NULL, wake_loop, event) == 0;
	return !event->waker_runs; /* without a thread the program has to poll */
}

static void run(struct doca_task **tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct event_task *t = container_of(tasks[i], struct event_task, task);
		struct doca_sync_event *event =
			container_of(tasks[i]->ctx, struct doca_sync_event, ctx);

		t->task.status =
			event_is_dead(event) ? DOCA_ERROR_CONNECTION_ABORTED : DOCA_SUCCESS;
		if (t->task.status != DOCA_SUCCESS)
			continue;
		switch (t->task.type - event->types) {
		case TASK_GET:
			*t->fetched = event_load(event);
			break;
		case TASK_NOTIFY_SET:
			event_set(event, t->value);
			break;
		case TASK_NOTIFY_ADD:
			*t->fetched = event_add(event, t->value);
			break;
		default:
			if (is_met(t, event_load(event)))
				break;
			t->task.status = DOCA_ERROR_IN_PROGRESS;
			list_push_back(&event->waiting, &t->link);
		}
	}
}

static const struct dcore_ctx_ops ops = {
	.name = "sync event",
	.start = start_ctx,
	.stop = stop_ctx,
	.idle = idle_ctx,
	.progress = progress_ctx,
	.arm = arm_ctx,
};

doca_error_t doca_sync_event_create(struct doca_sync_event **event)
{
	static const char *const names[TASK_TYPES] = {"sync event get", "sync event notify set",
		"sync event notify add", "sync event wait equal", "sync event wait not equal"};
	struct doca_sync_event *e;

	DCORE_NOT_NULL(event);
	e = calloc(1, sizeof(*e));
	if (!e)
		return DOCA_ERROR_NO_MEMORY;
	for (unsigned i = 0; i < TASK_TYPES; i++)
		e->types[i] = (struct dcore_task_type){.name = names[i],
			.size = sizeof(struct event_task),
			.run = run,
			.batch = 16};
	dcore_ctx_init(&e->ctx, NULL, &ops, e->types, TASK_TYPES);
	list_init(&e->waiting);
	*event = e;
	return DOCA_SUCCESS;
}

doca_error_t doca_sync_event_create_from_export(
	struct doca_dev *dev, const uint8_t *data, size_t sz, struct doca_sync_event **event)
{
	doca_error_t result;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(data);
	result = doca_sync_event_create(event);
	if (result != DOCA_SUCCESS)
		return result;
	result = import(data, sz, OVER_PCI, &(*event)->peer);
	if (result != DOCA_SUCCESS) {
		doca_sync_event_destroy(*event);
		*event = NULL;
	}
	return result;
}

doca_error_t doca_sync_event_destroy(struct doca_sync_event *event)
{
	doca_error_t result;

	if (!event)
		return DOCA_SUCCESS;
	result = dcore_ctx_fini(&event->ctx);
	if (result != DOCA_SUCCESS)
		return result;
	if (event->started)
		doca_sync_event_stop(event);
	dcore_peer_close(event->peer);
	dcore_dev_release(event->dev);
	free(event);
	return DOCA_SUCCESS;
}

struct doca_ctx *doca_sync_event_as_ctx(struct doca_sync_event *event)
{
	return event ? &event->ctx : NULL;
}

/* ---- locations ---- */

static doca_error_t add_location(struct doca_sync_event *event, bool *role, bool *remote)
{
	DCORE_NOT_NULL(event);
	if (event->started || event->peer || event->ctx.state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"sync event: locations are added before start, by its owner");
	if (remote && event->addr)
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"sync event: a remote side cannot reach the program's own memory");
	*role = true;
	if (remote)
		*remote = true;
	return DOCA_SUCCESS;
}

static doca_error_t add_cpu(struct doca_sync_event *event, bool *role, struct doca_dev *dev)
{
	doca_error_t result = add_location(event, role, NULL);

	if (result == DOCA_SUCCESS && !event->dev) {
		event->dev = dev;
		dcore_dev_hold(dev);
	}
	return result;
}

doca_error_t doca_sync_event_add_publisher_location_cpu(
	struct doca_sync_event *event, struct doca_dev *dev)
{
	DCORE_NOT_NULL(event);
	DCORE_NOT_NULL(dev);
	return add_cpu(event, &event->publisher, dev);
}

doca_error_t doca_sync_event_add_subscriber_location_cpu(
	struct doca_sync_event *event, struct doca_dev *dev)
{
	DCORE_NOT_NULL(event);
	DCORE_NOT_NULL(dev);
	return add_cpu(event, &event->subscriber, dev);
}

doca_error_t doca_sync_event_add_publisher_location_remote_pci(struct doca_sync_event *event)
{
	DCORE_NOT_NULL(event);
	return add_location(event, &event->publisher, &event->remote_pci);
}

doca_error_t doca_sync_event_add_subscriber_location_remote_pci(struct doca_sync_event *event)
{
	DCORE_NOT_NULL(event);
	return add_location(event, &event->subscriber, &event->remote_pci);
}

doca_error_t doca_sync_event_add_publisher_location_remote_net(struct doca_sync_event *event)
{
	DCORE_NOT_NULL(event);
	return add_location(event, &event->publisher, &event->remote_net);
}

doca_error_t doca_sync_event_set_addr(struct doca_sync_event *event, uint64_t *addr)
{
	DCORE_NOT_NULL(event);
	DCORE_NOT_NULL(addr);
	if ((uintptr_t)addr % sizeof(*addr) || event->remote_pci || event->remote_net ||
		event->started)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %p is not 8-aligned, or the event is started or has a remote side",
			__func__, (void *)addr);
	event->addr = addr;
	return DOCA_SUCCESS;
}

/* ---- capabilities ---- */

static doca_error_t supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_sync_event_cap_is_create_from_export_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo);
}

doca_error_t doca_sync_event_cap_is_export_to_remote_pci_supported(
	const struct doca_devinfo *devinfo)
{
	return supported(devinfo);
}

doca_error_t doca_sync_event_cap_is_export_to_remote_net_supported(
	const struct doca_devinfo *devinfo)
{
	return supported(devinfo);
}

doca_error_t doca_sync_event_cap_task_wait_eq_is_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo);
}

doca_error_t doca_sync_event_cap_task_wait_neq_is_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo);
}

/* ---- tasks ---- */

static doca_error_t alloc(struct doca_sync_event *event, int type, uint64_t value, uint64_t mask,
	uint64_t *fetched, union doca_data user_data, void *out)
{
	doca_error_t result;
	struct event_task *t;

	DCORE_NOT_NULL(event);
	DCORE_NOT_NULL(out);
	t = dcore_task_alloc(&event->types[type], user_data, &result);
	if (!t)
		return result;
	t->value = value;
	t->mask = mask;
	t->fetched = fetched;
	list_init(&t->link);
	*(struct event_task **)out = t;
	return DOCA_SUCCESS;
}

#define TASK(name, TYPE)                                                                    \
	doca_error_t doca_sync_event_task_##name##_set_conf(struct doca_sync_event *event,  \
		doca_sync_event_task_##name##_completion_cb_t completion_cb,                \
		doca_sync_event_task_##name##_completion_cb_t error_cb, uint32_t num_tasks) \
	{                                                                                   \
		DCORE_NOT_NULL(event);                                                      \
		return dcore_task_conf(&event->ctx, &event->types[TYPE],                    \
			(dcore_task_cb)completion_cb, (dcore_task_cb)error_cb, num_tasks);  \
	}                                                                                   \
	struct doca_task *doca_sync_event_task_##name##_as_doca_task(                       \
		struct doca_sync_event_task_##name *task)                                   \
	{                                                                                   \
		return &((struct event_task *)(void *)task)->task;                          \
	}
TASK(get, TASK_GET)
TASK(notify_set, TASK_NOTIFY_SET)
TASK(notify_add, TASK_NOTIFY_ADD)
TASK(wait_eq, TASK_WAIT_EQ)
TASK(wait_neq, TASK_WAIT_NEQ)

doca_error_t doca_sync_event_task_get_alloc_init(struct doca_sync_event *event,
	uint64_t *fetched_value, union doca_data user_data, struct doca_sync_event_task_get **task)
{
	DCORE_NOT_NULL(fetched_value);
	return alloc(event, TASK_GET, 0, 0, fetched_value, user_data, task);
}

doca_error_t doca_sync_event_task_notify_set_alloc_init(struct doca_sync_event *event,
	uint64_t set_value, union doca_data user_data,
	struct doca_sync_event_task_notify_set **task)
{
	return alloc(event, TASK_NOTIFY_SET, set_value, 0, NULL, user_data, task);
}

doca_error_t doca_sync_event_task_notify_add_alloc_init(struct doca_sync_event *event,
	uint64_t inc_value, uint64_t *fetched_value, union doca_data user_data,
	struct doca_sync_event_task_notify_add **task)
{
	DCORE_NOT_NULL(fetched_value);
	return alloc(event, TASK_NOTIFY_ADD, inc_value, 0, fetched_value, user_data, task);
}

doca_error_t doca_sync_event_task_wait_eq_alloc_init(struct doca_sync_event *event,
	uint64_t wait_value, uint64_t mask, union doca_data user_data,
	struct doca_sync_event_task_wait_eq **task)
{
	return alloc(event, TASK_WAIT_EQ, wait_value, mask, NULL, user_data, task);
}

doca_error_t doca_sync_event_task_wait_neq_alloc_init(struct doca_sync_event *event,
	uint64_t wait_value, uint64_t mask, union doca_data user_data,
	struct doca_sync_event_task_wait_neq **task)
{
	return alloc(event, TASK_WAIT_NEQ, wait_value, mask, NULL, user_data, task);
}
