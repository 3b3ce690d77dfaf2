/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room doca/common: libdoca_common, the floor of all public libraries. It holds devices, memory
 * maps, buffers, the progress engine and contexts, sync events, graphs, clocks and logs, and no
 * DPDK.
 *
 * This header is the contract with the sibling libraries (doca/dma, doca/sha, ..., doca/flow). What
 * is declared here is exported from libdoca_common.so under the version node SOFTDPU_PRIVATE,
 * together with room base, so that one process has one log, one refusal text and one card. Programs
 * never see it.
 *
 * A library in five steps (doca/sha is the shortest example):
 *
 *     struct doca_sha { struct doca_ctx ctx; struct dcore_task_type types[2]; ... };
 *     dcore_ctx_init(&sha->ctx, dev, &ops, sha->types, 2)         in X_create
 *     dcore_task_conf(&sha->ctx, &sha->types[0], ok, err, n)      in X_task_y_set_conf
 *     task = dcore_task_alloc(&sha->types[0], user_data)          in X_task_y_alloc_init
 *     static void run(struct doca_task **tasks, unsigned n)       the engine: sets task->status
 *     dcore_ctx_fini(&sha->ctx)                                   in X_destroy
 *
 * Life of a task: idle -> submitted (queue `pending`) -> run, in bursts of one type, inside
 * doca_pe_progress() or on the context's worker threads -> queue `done` -> its callback, one per
 * doca_pe_progress(). A run function may leave a task's status at DOCA_ERROR_IN_PROGRESS and finish
 * it later, from the progress engine's thread, with dcore_task_done().
 *
 * After a callback nothing of the task or context is touched: the program may have freed both.
 *
 * Threads: everything belongs to the thread of the progress engine, except `run` on workers.
 */
#ifndef DOCA_COMMON_COMMON_H
#define DOCA_COMMON_COMMON_H

#include <doca_dev.h>
#include <doca_error.h>

#include "base/base.h"
#include "base/list.h"
#include "base/log.h"
#include "base/refuse.h"
#include "card/card.h"

/* ---- refusing ---- */

/* Remember and log the sentence, return the error: return dcore_fail(DOCA_ERROR_BAD_STATE, "...").
 */
doca_error_t dcore_fail(doca_error_t error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A negative errno of an inner room, whose refusal() explains it. */
doca_error_t dcore_from_errno(int err, const char *what);
doca_error_t dcore_errno_to_error(int err);

/* Arguments that must not be NULL. */
#define DCORE_NOT_NULL(pointer)                                                                  \
	do {                                                                                     \
		if (!(pointer))                                                                  \
			return dcore_fail(                                                       \
				DOCA_ERROR_INVALID_VALUE, "%s: %s is NULL", __func__, #pointer); \
	} while (0)

/* ---- devices ---- */

enum dcore_side { DCORE_DPU, DCORE_HOST };

/* The card of this process; opened on first use. NULL with a refusal when its profile is bad. */
const struct card *dcore_card(void);
/* Card port a device stands for: p0 for the card's function, pf0hpf for the host PF, pf0vfN for a
 * VF. */
const struct card_port *dcore_dev_port(const struct doca_dev *dev);
const struct card_port *dcore_info_port(const struct doca_devinfo *devinfo);
enum dcore_side dcore_dev_side(const struct doca_dev *dev);
enum dcore_side dcore_info_side(const struct doca_devinfo *devinfo);
const struct card_port *dcore_rep_port(const struct doca_dev_rep *rep);
struct doca_dev *dcore_rep_dev(const struct doca_dev_rep *rep);
/* Somebody uses the device: close is refused meanwhile. */
void dcore_dev_hold(struct doca_dev *dev);
void dcore_dev_release(struct doca_dev *dev);
/* A bit of its own per open device, for membership tests. */
uint64_t dcore_dev_bit(const struct doca_dev *dev);
/* By address, name or interface, as argp understands it. NULL: refusal says what there is. */
struct doca_devinfo *dcore_find_device(const char *text);

/* Directory where processes of this user meet for this card; made on demand. 0 or -errno. */
int dcore_rendezvous(char *buf, size_t size, const char *file);

#endif
