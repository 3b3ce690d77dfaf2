/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_sync_event: a 64-bit number that one side updates and another waits for.
 *
 * Publishers set or add, subscribers read or wait until (value & mask) equals, or exceeds,
 * something. Both may be in this process (CPU locations), or one of them on the other side of the
 * PCI bus: the owner exports the event, the peer process makes its own handle from the descriptor.
 * Names with remote_net export it to a network peer for doca_rdma's tasks.
 *
 * Use it directly (blocking calls, any thread, no progress engine: doca_sync_event_start), or as a
 * context whose get / notify / wait tasks complete through a progress engine (doca_ctx_start).
 *
 *     doca_sync_event_create(&se);
 *     doca_sync_event_add_publisher_location_cpu(se, dev);
 *     doca_sync_event_add_subscriber_location_cpu(se, dev);
 *     doca_sync_event_start(se);
 *     doca_sync_event_wait_gt(se, 41, UINT64_MAX);
 *
 * The value starts at 0. Waiting spins briefly, then sleeps in the kernel; the _yield variants give
 * the CPU away instead of spinning. A wait whose peer process died returns (or completes with)
 * CONNECTION_ABORTED.
 */
#ifndef DOCA_SYNC_EVENT_H_
#define DOCA_SYNC_EVENT_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_ctx;
struct doca_sync_event;
struct doca_sync_event_remote_net;
struct doca_task;

/* What a device can do: SUCCESS or NOT_SUPPORTED. */
doca_error_t doca_sync_event_cap_is_create_from_export_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_sync_event_cap_is_export_to_remote_pci_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_sync_event_cap_is_export_to_remote_net_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_sync_event_cap_task_wait_eq_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_sync_event_cap_task_wait_neq_is_supported(const struct doca_devinfo *devinfo);

doca_error_t doca_sync_event_create(struct doca_sync_event **event);
/* The peer's handle; NOT_FOUND when the exporter is gone. */
doca_error_t doca_sync_event_create_from_export(
	struct doca_dev *dev, const uint8_t *data, size_t sz, struct doca_sync_event **event);
doca_error_t doca_sync_event_destroy(struct doca_sync_event *event);
struct doca_ctx *doca_sync_event_as_ctx(struct doca_sync_event *event);

/* Who updates and who waits; at least one of each before start, except on an imported event. */
doca_error_t doca_sync_event_add_publisher_location_cpu(
	struct doca_sync_event *event, struct doca_dev *dev);
doca_error_t doca_sync_event_add_publisher_location_remote_pci(struct doca_sync_event *event);
doca_error_t doca_sync_event_add_publisher_location_remote_net(struct doca_sync_event *event);
doca_error_t doca_sync_event_add_subscriber_location_cpu(
	struct doca_sync_event *event, struct doca_dev *dev);
doca_error_t doca_sync_event_add_subscriber_location_remote_pci(struct doca_sync_event *event);
/* Keep the value in the program's own memory (8 bytes, 8-aligned). Not together with a remote side.
 */
doca_error_t doca_sync_event_set_addr(struct doca_sync_event *event, uint64_t *addr);

doca_error_t doca_sync_event_start(struct doca_sync_event *event);
doca_error_t doca_sync_event_stop(struct doca_sync_event *event);

/* Descriptors live as long as the event is started. */
doca_error_t doca_sync_event_export_to_remote_pci(
	struct doca_sync_event *event, struct doca_dev *dev, const uint8_t **data, size_t *sz);
doca_error_t doca_sync_event_export_to_remote_net(
	struct doca_sync_event *event, const uint8_t **data, size_t *sz);
doca_error_t doca_sync_event_remote_net_create_from_export(struct doca_dev *dev,
	const uint8_t *data, size_t sz, struct doca_sync_event_remote_net **event);
doca_error_t doca_sync_event_remote_net_destroy(struct doca_sync_event_remote_net *event);

doca_error_t doca_sync_event_get(struct doca_sync_event *event, uint64_t *value);
doca_error_t doca_sync_event_update_add(
	struct doca_sync_event *event, uint64_t value, uint64_t *fetched);
doca_error_t doca_sync_event_update_set(struct doca_sync_event *event, uint64_t value);
doca_error_t doca_sync_event_wait_gt(struct doca_sync_event *event, uint64_t value, uint64_t mask);
doca_error_t doca_sync_event_wait_eq(struct doca_sync_event *event, uint64_t value, uint64_t mask);
doca_error_t doca_sync_event_wait_neq(struct doca_sync_event *event, uint64_t value, uint64_t mask);
doca_error_t doca_sync_event_wait_gt_yield(
	struct doca_sync_event *event, uint64_t value, uint64_t mask);
doca_error_t doca_sync_event_wait_eq_yield(
	struct doca_sync_event *event, uint64_t value, uint64_t mask);
doca_error_t doca_sync_event_wait_neq_yield(
	struct doca_sync_event *event, uint64_t value, uint64_t mask);

/* Read the value into *fetched_value. num_tasks: how many may be allocated. */
struct doca_sync_event_task_get;
typedef void (*doca_sync_event_task_get_completion_cb_t)(struct doca_sync_event_task_get *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_sync_event_task_get_set_conf(struct doca_sync_event *event,
	doca_sync_event_task_get_completion_cb_t completion_cb,
	doca_sync_event_task_get_completion_cb_t error_cb, uint32_t num_tasks);
doca_error_t doca_sync_event_task_get_alloc_init(struct doca_sync_event *event,
	uint64_t *fetched_value, union doca_data user_data, struct doca_sync_event_task_get **task);
struct doca_task *doca_sync_event_task_get_as_doca_task(struct doca_sync_event_task_get *task);

/* Set the value. num_tasks: how many may be allocated. */
struct doca_sync_event_task_notify_set;
typedef void (*doca_sync_event_task_notify_set_completion_cb_t)(
	struct doca_sync_event_task_notify_set *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_sync_event_task_notify_set_set_conf(struct doca_sync_event *event,
	doca_sync_event_task_notify_set_completion_cb_t completion_cb,
	doca_sync_event_task_notify_set_completion_cb_t error_cb, uint32_t num_tasks);
doca_error_t doca_sync_event_task_notify_set_alloc_init(struct doca_sync_event *event,
	uint64_t set_value, union doca_data user_data,
	struct doca_sync_event_task_notify_set **task);
struct doca_task *doca_sync_event_task_notify_set_as_doca_task(
	struct doca_sync_event_task_notify_set *task);

/* Add; the value before goes to *fetched_value. num_tasks: how many may be allocated. */
struct doca_sync_event_task_notify_add;
typedef void (*doca_sync_event_task_notify_add_completion_cb_t)(
	struct doca_sync_event_task_notify_add *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_sync_event_task_notify_add_set_conf(struct doca_sync_event *event,
	doca_sync_event_task_notify_add_completion_cb_t completion_cb,
	doca_sync_event_task_notify_add_completion_cb_t error_cb, uint32_t num_tasks);
doca_error_t doca_sync_event_task_notify_add_alloc_init(struct doca_sync_event *event,
	uint64_t inc_value, uint64_t *fetched_value, union doca_data user_data,
	struct doca_sync_event_task_notify_add **task);
struct doca_task *doca_sync_event_task_notify_add_as_doca_task(
	struct doca_sync_event_task_notify_add *task);

/* Complete when (value & mask) == wait_value. num_tasks: how many may be allocated. */
struct doca_sync_event_task_wait_eq;
typedef void (*doca_sync_event_task_wait_eq_completion_cb_t)(
	struct doca_sync_event_task_wait_eq *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_sync_event_task_wait_eq_set_conf(struct doca_sync_event *event,
	doca_sync_event_task_wait_eq_completion_cb_t completion_cb,
	doca_sync_event_task_wait_eq_completion_cb_t error_cb, uint32_t num_tasks);
doca_error_t doca_sync_event_task_wait_eq_alloc_init(struct doca_sync_event *event,
	uint64_t wait_value, uint64_t mask, union doca_data user_data,
	struct doca_sync_event_task_wait_eq **task);
struct doca_task *doca_sync_event_task_wait_eq_as_doca_task(
	struct doca_sync_event_task_wait_eq *task);

/* Complete when (value & mask) != wait_value. num_tasks: how many may be allocated. */
struct doca_sync_event_task_wait_neq;
typedef void (*doca_sync_event_task_wait_neq_completion_cb_t)(
	struct doca_sync_event_task_wait_neq *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_sync_event_task_wait_neq_set_conf(struct doca_sync_event *event,
	doca_sync_event_task_wait_neq_completion_cb_t completion_cb,
	doca_sync_event_task_wait_neq_completion_cb_t error_cb, uint32_t num_tasks);
doca_error_t doca_sync_event_task_wait_neq_alloc_init(struct doca_sync_event *event,
	uint64_t wait_value, uint64_t mask, union doca_data user_data,
	struct doca_sync_event_task_wait_neq **task);
struct doca_task *doca_sync_event_task_wait_neq_as_doca_task(
	struct doca_sync_event_task_wait_neq *task);

#ifdef __cplusplus
}
#endif
#endif
