/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of sync events.
 *
 *   sync_event.c         life, descriptors, the context and its tasks
 *   sync_event_number.c  the number itself: read, change, wait for
 */
#ifndef DOCA_COMMON_SYNC_EVENT_INT_H
#define DOCA_COMMON_SYNC_EVENT_INT_H

#include <doca_sync_event.h>

#include <pthread.h>

#include "doca/common/common.h"

enum { TASK_GET, TASK_NOTIFY_SET, TASK_NOTIFY_ADD, TASK_WAIT_EQ, TASK_WAIT_NEQ, TASK_TYPES };

struct event_desc {
	char magic[8];
	uint32_t over, pad;
	struct dcore_peer_id peer;
};

struct event_task { /* of all five types */
	struct doca_task task;
	uint64_t value, mask, *fetched;
	struct list link; /* in event->waiting */
};

struct doca_sync_event {
	struct doca_ctx ctx;
	struct dcore_task_type types[TASK_TYPES];
	bool started, remote_pci, remote_net;
	bool publisher, subscriber;
	struct doca_dev *dev;
	uint64_t *addr; /* the program's, or NULL */
	struct dcore_offer *offer;
	struct dcore_peer *peer;
	struct dcore_control *control;
	struct event_desc desc[2];
	struct list waiting;
	pthread_t waker; /* sleeps on seq while the program sleeps on its progress engine */
	bool waker_runs;
	uint32_t waker_quit;
};

struct doca_sync_event_remote_net {
	struct dcore_peer *peer;
};

uint64_t event_load(const struct doca_sync_event *event);
void event_set(struct doca_sync_event *event, uint64_t value);
/* The number before. */
uint64_t event_add(struct doca_sync_event *event, uint64_t value);
/* Sleep until seq differs from `seen`, or a while. */
void event_sleep_on(struct dcore_control *control, uint32_t seen);
/* Its owner was another process, and is gone. */
bool event_is_dead(const struct doca_sync_event *event);

#endif
