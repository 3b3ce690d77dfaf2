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
 *     static void run(struct doca_task **tasks, unsigned n)       the engine: sets task->status, or
 *     static doca_error_t convert(task, src, len, dst, room, &n)  bytes into bytes, one task
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

#include <doca_buf.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_error.h>
#include <doca_mmap.h>
#include <doca_pe.h>

#include <stdlib.h>

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

/* ---- DPDK ---- */

/* A program's EAL arguments plus what this machine needs (no hugepages, missing cores): *words is
 * NULL-terminated and stays valid until the second next call. Their number, or -E2BIG. */
int dcore_eal_words(int argc, char *const *argv, char ***words);

/* ---- buffers ---- */

struct dcore_buf_owner; /* inventory or pool */

/* What a task looks at fills the first cache line. */
struct doca_buf {
	uint8_t *head, *data; /* the program's addresses */
	size_t len, data_len;
	struct doca_buf *next; /* in list */
	struct doca_mmap *mmap;
	/* Devices (dcore_dev_bit) whose tasks may read, and write, this memory through its own address: the
	 * common case, decided when the buffer was made. 0 when it takes more: a peer's memory, a GPU's, a
	 * file mapped elsewhere, no right to it. */
	uint64_t readers, writers;
	struct doca_buf *first; /* head of its list; itself when alone */
	struct doca_buf *last;  /* valid in the head only */
	uint32_t list_len;      /* valid in the head only */
	uint16_t refcount;      /* of the list, in the head */
	struct dcore_buf_owner *owner;
} __attribute__((aligned(64)));

/* May tasks on this device read, or write, memory of this map? Else NOT_PERMITTED and why. */
doca_error_t dcore_mmap_may(const struct doca_mmap *mmap, const struct doca_dev *dev, bool write);
/* Where this process sees the program's address, or NULL when it has to be copied (imported edges).
 */
uint8_t *dcore_mmap_local(const struct doca_mmap *mmap, const uint8_t *addr, size_t len);
/* Where this process sees `len` bytes at the program's address `at` of the buffer, if tasks on the device may
 * read (write) them: the permission and the mapping in one call. NULL otherwise. Afterwards dcore_mmap_dead() says
 * whether the bytes count. */
uint8_t *dcore_buf_reach(const struct doca_buf *buf, const uint8_t *at, size_t len,
	const struct doca_dev *dev, bool write);
/* The descriptor a PCI peer imports; exports the map if it was not. Needs PCI permission. */
doca_error_t dcore_mmap_descriptor(struct doca_mmap *mmap, const void **desc, size_t *len);
struct doca_dev *dcore_mmap_dev(const struct doca_mmap *mmap);
/* Copy within reach of either kind; -errno. */
int dcore_mmap_read(const struct doca_mmap *mmap, const uint8_t *addr, void *to, size_t len);
int dcore_mmap_write(const struct doca_mmap *mmap, uint8_t *addr, const void *from, size_t len);
/* From one GPU range to another without a stop in host memory; -ENOTSUP when one side is none. */
int dcore_mmap_copy_on_gpu(const struct doca_mmap *src, const uint8_t *from,
	const struct doca_mmap *dst, uint8_t *to, size_t len);
/* Imported memory whose exporter is gone: true. One load. */
bool dcore_mmap_dead(const struct doca_mmap *mmap);

static inline size_t dcore_buf_tailroom(const struct doca_buf *buf)
{
	return (size_t)(buf->head + buf->len - (buf->data + buf->data_len));
}

static inline size_t dcore_buf_list_data_len(const struct doca_buf *list)
{
	size_t n = list->data_len;

	while (unlikely((list = list->next)))
		n += list->data_len;
	return n;
}

static inline size_t dcore_buf_list_tailroom(const struct doca_buf *list)
{
	size_t n = dcore_buf_tailroom(list);

	while (unlikely((list = list->next)))
		n += dcore_buf_tailroom(list);
	return n;
}

/* ---- contexts and tasks ---- */

struct dcore_ctx_ops {
	const char *name; /* "DMA", in messages */
	/* Each may be NULL. start: SUCCESS, or IN_PROGRESS and later dcore_ctx_running(). */
	doca_error_t (*start)(struct doca_ctx *ctx);
	/* Flush has begun. Return true when nothing of the library's own has to end first. */
	bool (*stop)(struct doca_ctx *ctx);
	bool (*stopped)(struct doca_ctx *ctx); /* polled while stopping: true lets it become idle */
	void (*idle)(struct doca_ctx *ctx);    /* just before the state becomes idle */
	/* Look for events and finished tasks. Returns true if an event callback ran. */
	bool (*progress)(struct doca_ctx *ctx);
	/* The program is going to sleep: true if there is work now, else arrange for a wake-up. */
	bool (*arm)(struct doca_ctx *ctx);
	bool may_run_without_pe;
	bool may_have_workers; /* run() may be called on other threads */
	bool error_stops; /* a failed task puts the whole context into stopping, as a DMA queue does
			   */
};

/* Tasks in order, linked by `next`. */
struct dcore_fifo {
	struct doca_task *head, **tail;
};

struct dcore_workers;

struct doca_ctx {
	struct list pe_link;
	struct doca_pe *pe;
	struct doca_dev *dev;
	uint64_t dev_bit;
	const struct dcore_ctx_ops *ops;
	struct dcore_task_type *types;
	unsigned n_types;
	enum doca_ctx_states state;
	union doca_data user_data;
	doca_ctx_state_changed_callback_t state_cb;
	size_t inflight;
	struct dcore_fifo pending, done;
	unsigned n_workers;
	struct dcore_workers *workers;
};

typedef void (*dcore_task_cb)(
	void *task, union doca_data task_user_data, union doca_data ctx_user_data);

/* One kind of task of one context. `name, size, run, check, batch` are the library's, set at
 * create. */
struct dcore_task_type {
	const char *name;
	size_t size; /* of the task structure, whose first member is struct doca_task */
	/* One of run, convert, now; with convert, run is for what is not two buffers of ordinary memory. */
	void (*run)(struct doca_task **tasks, unsigned n);
	/* The bytes of task->src become bytes of task->dst, as one run each; *written of at most `room`.
	 * task->bounced: what they were may be gone after the call. */
	doca_error_t (*convert)(struct doca_task *task, const uint8_t *src, size_t len,
		uint8_t *dst, size_t room, size_t *written);
	doca_error_t (*check)(struct doca_task *task); /* may be NULL; what try_submit asks */
	/* For workers, may be NULL: how many of them shall share this task (1: one does it all); the work of one of
	 * them; and what is left to do when all have done theirs. */
	unsigned (*pieces)(const struct doca_task *task);
	void (*piece)(struct doca_task *task, unsigned index, unsigned of);
	void (*joined)(struct doca_task *task);
	/* Perform the task inside submit. SUCCESS or an error completes it;
	 * IN_PROGRESS leaves it for dcore_task_done(); AGAIN refuses the submission. */
	doca_error_t (*now)(struct doca_task *task);
	unsigned batch; /* tasks run() likes to get at once */
	/* For convert, may be NULL: this task is next; prefetch its memory, better than dcore_task_soon(). */
	void (*soon)(const struct doca_task *task);
	dcore_task_cb ok, error;
	uint32_t num; /* 0 = not configured */
	void *slab;
	struct doca_task *free;
	struct doca_ctx *ctx;
};

enum dcore_task_state { DCORE_TASK_FREE, DCORE_TASK_IDLE, DCORE_TASK_INFLIGHT };

/* What every task looks at fills the first cache line. */
struct doca_task {
	struct doca_task *next; /* free list, pending or done */
	struct dcore_task_type *type;
	struct doca_ctx *ctx;
	union doca_data user_data;
	doca_error_t status;
	uint8_t state;       /* enum dcore_task_state */
	bool free_when_done; /* freed while in flight */
	bool bounced;        /* convert works on copies */
	/* Of libraries that turn one list of buffers into another; NULL elsewhere. */
	const struct doca_buf *src;
	struct doca_buf *dst;
	void (*hook)(struct doca_task *task, void *arg); /* instead of the callbacks (graphs) */
	void *hook_arg;
};

static inline void dcore_fifo_init(struct dcore_fifo *f)
{
	f->head = NULL;
	f->tail = &f->head;
}

static inline void dcore_fifo_push(struct dcore_fifo *f, struct doca_task *task)
{
	task->next = NULL;
	*f->tail = task;
	f->tail = &task->next;
}

static inline struct doca_task *dcore_fifo_pop(struct dcore_fifo *f)
{
	struct doca_task *task = f->head;

	if (task) {
		f->head = task->next;
		if (!f->head)
			f->tail = &f->head;
	}
	return task;
}

/* Brings the first lines of both buffers into the cache: where a copy or a cipher starts to wait. */
void dcore_task_soon(const struct doca_task *task);

/* ---- views ---- */

/* A list of buffers as one run of bytes: the memory itself when it is in one piece, else a copy. */
struct dcore_view {
	uint8_t *ptr;
	size_t len;
	uint8_t *copy; /* freed on close; NULL when ptr is the memory itself */
	struct doca_buf *list;
};

/* What the four below do when one buffer of ordinary memory is not all there is. */
doca_error_t dcore_view_gather(
	struct dcore_view *view, const struct doca_buf *list, const struct doca_dev *dev);
doca_error_t dcore_view_reserve(
	struct dcore_view *view, struct doca_buf *list, const struct doca_dev *dev, size_t max);
doca_error_t dcore_view_scatter(struct dcore_view *view, size_t written);

/* The data of a source list. */
static inline doca_error_t dcore_view_src(
	struct dcore_view *view, const struct doca_buf *list, const struct doca_ctx *ctx)
{
	if (unlikely(list->next || !(list->readers & ctx->dev_bit)))
		return dcore_view_gather(view, list, ctx->dev);
	view->ptr = list->data;
	view->len = list->data_len;
	view->copy = NULL;
	return DOCA_SUCCESS;
}

/* The free space behind the data of a destination list, at most `max` bytes of it. */
static inline doca_error_t dcore_view_dst(
	struct dcore_view *view, struct doca_buf *list, const struct doca_ctx *ctx, size_t max)
{
	if (unlikely(list->next || !(list->writers & ctx->dev_bit)))
		return dcore_view_reserve(view, list, ctx->dev, max);
	view->ptr = list->data + list->data_len;
	view->len = MIN_OF(dcore_buf_tailroom(list), max);
	view->copy = NULL;
	view->list = list;
	return DOCA_SUCCESS;
}

/* `written` bytes of the view are data now: copies back if needed and moves data_len. */
static inline doca_error_t dcore_view_commit(struct dcore_view *view, size_t written)
{
	if (unlikely(view->list->next || !view->list->writers))
		return dcore_view_scatter(view, written);
	view->list->data_len += written;
	return DOCA_SUCCESS;
}

static inline void dcore_view_close(struct dcore_view *view)
{
	if (unlikely(view->copy))
		free(view->copy);
}

/* The head of a library's task batch. */
struct dcore_batch_ops {
	doca_error_t (*submit)(struct doca_task_batch *batch, bool check);
	void (*free)(struct doca_task_batch *batch);
};

struct doca_task_batch {
	const struct dcore_batch_ops *ops;
	struct doca_ctx *ctx;
	union doca_data user_data;
};

void dcore_ctx_init(struct doca_ctx *ctx, struct doca_dev *dev, const struct dcore_ctx_ops *ops,
	struct dcore_task_type *types, unsigned n_types);
/* Disconnect and free; BAD_STATE unless idle. */
doca_error_t dcore_ctx_fini(struct doca_ctx *ctx);
/* A start that returned IN_PROGRESS ended well, or (false) badly. From progress. */
void dcore_ctx_running(struct doca_ctx *ctx, bool ok);
/* Begin to stop from inside (peer gone, fatal error). */
void dcore_ctx_break(struct doca_ctx *ctx);
bool dcore_ctx_is_idle(const struct doca_ctx *ctx);

doca_error_t dcore_task_conf(struct doca_ctx *ctx, struct dcore_task_type *type, dcore_task_cb ok,
	dcore_task_cb error, uint32_t num);
/* NULL when the type is not configured or all are out; result says which. */
void *dcore_task_alloc(
	struct dcore_task_type *type, union doca_data user_data, doca_error_t *result);
/* Finish a task that run() left in progress. */
void dcore_task_done(struct doca_task *task, doca_error_t status);

/* ---- progress engine ---- */

/* Make the notification handle readable. Any thread. */
void dcore_pe_wake(struct doca_pe *pe);
/* A descriptor that wakes the sleeper too. */
int dcore_pe_add_fd(struct doca_pe *pe, int fd);
void dcore_pe_remove_fd(struct doca_pe *pe, int fd);

/* ---- peers: what one process gives another ---- */

#define DCORE_TOKEN_LEN 16

/* Which live process, and a page it shares: live until the owner revokes it. Part of a descriptor.
 */
struct dcore_peer_id {
	int32_t pid;
	int32_t control_fd; /* in the owner */
	uint64_t start_time;
	uint8_t token[DCORE_TOKEN_LEN];
};

struct dcore_control {
	uint8_t token[DCORE_TOKEN_LEN];
	uint32_t live; /* 1 until revoked */
	uint32_t pad;
	uint64_t value;   /* a sync event's number */
	uint32_t seq;     /* futex: changes with every update of value */
	uint32_t waiters; /* how many sleep on seq */
};

struct dcore_offer; /* the owner's side */
int dcore_offer_create(struct dcore_offer **offer);
void dcore_offer_revoke(struct dcore_offer *offer);
struct dcore_control *dcore_offer_control(struct dcore_offer *offer);
void dcore_offer_id(const struct dcore_offer *offer, struct dcore_peer_id *id);

struct dcore_peer; /* the taker's side */
int dcore_peer_open(const struct dcore_peer_id *id, struct dcore_peer **peer);
void dcore_peer_close(struct dcore_peer *peer);
bool dcore_peer_dead(const struct dcore_peer *peer);
struct dcore_control *dcore_peer_control(struct dcore_peer *peer);
/* Open the owner's descriptor `fd` here. A new descriptor or -errno. */
int dcore_peer_fd(const struct dcore_peer *peer, int fd, int flags);
int dcore_peer_pid(const struct dcore_peer *peer);

/* The value of a control page was changed: wake who waits. */
void dcore_control_changed(struct dcore_control *control);
struct doca_sync_event_remote_net;
struct dcore_control *dcore_remote_net_control(struct doca_sync_event_remote_net *event);

#endif
