/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/comch.
 *
 *   conn.c      connections: one peer's wire, its consumers, its end
 *   server.c    accepts, events of many connections
 *   client.c    connects, events of one
 *   consumer.c  posts buffers, receives into them
 *   producer.c  writes into a peer's posted buffers
 *
 * The control context (server or client) owns its connections; consumers and producers, which may
 * live on other threads, hold a reference. What they share is guarded by the connection's lock,
 * `dead` is atomic.
 */
#ifndef DOCA_COMCH_COMCH_INT_H
#define DOCA_COMCH_COMCH_INT_H

#include <doca_comch.h>
#include <doca_comch_consumer.h>
#include <doca_comch_producer.h>

#include <pthread.h>

#include "base/clock.h"
#include "doca/common/common.h"
#include "wire/wire.h"

#define NAME_MAX_LEN 119u
#define MAX_CLIENTS 512u
#define DEFAULT_QUEUE 64u
#define IMM_MAX 32u
#define POST_SLOTS 4096u    /* receives a consumer can have posted */
#define BULK_MAX (1u << 30) /* bytes of one message */

/* ---- rare looks ---- */

#define RARE_TICKS 200000u /* 50 to 100 us: a look at a socket is a system call */

/* When to look at what seldom changes. By time, not by number of calls: a program may call
 * doca_pe_progress() a million times a second, or once. */
struct rare {
	uint64_t due; /* 0: at once */
};

static inline uint64_t rare_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return clock_now_ns();
#endif
}

static inline bool rare_is_due(struct rare *r)
{
	uint64_t now = rare_ticks();

	if (now < r->due)
		return false;
	r->due = now + RARE_TICKS;
	return true;
}

/* ---- over the socket ---- */

enum control_kind { CONSUMER_NEW = 1, CONSUMER_GONE = 2 };

struct control_msg {
	uint32_t kind, id;
	uint32_t desc_len;
	uint8_t desc[512]; /* of the consumer's memory map */
};

/* ---- lane: what a consumer shares with the peer's producers ---- */

struct lane_post { /* consumer to producers */
	uint64_t addr, len;
	uint32_t cookie, pad;
};

struct lane_done { /* producers to consumer */
	uint32_t cookie, len, imm_len, producer;
	uint8_t imm[IMM_MAX];
};

#define LANE_SLOT 64u
_Static_assert(
	RING_SLOT_HEAD + sizeof(struct lane_done) <= LANE_SLOT, "a lane's slot is one cache line");
#define LANE_BYTES (2 * ring_bytes(POST_SLOTS, LANE_SLOT))

/* A consumer of the peer. */
struct remote_consumer {
	struct list link; /* in conn->remotes */
	uint32_t id;
	pthread_mutex_t lock; /* producers of this process, one at a time */
	struct doca_mmap *mmap;
	void *map;
	struct ring_end posts, dones;
	int event;
	bool gone;
	uint32_t refs;
};

/* ---- connections ---- */

struct comch_side; /* what server and client have in common */

struct doca_comch_connection {
	struct list link; /* in side->conns */
	struct comch_side *side;
	struct wire_conn *wire;
	union doca_data user_data;
	uint32_t refs;
	uint32_t dead;  /* atomic */
	bool announced; /* the program heard of it */
	struct rare socket;
	pthread_mutex_t lock; /* remotes, next_id */
	struct list remotes;
	uint32_t next_id;
};

struct comch_side {
	struct doca_ctx ctx;
	struct dcore_task_type send_type;
	bool is_server;
	char path[108];
	struct wire_opts opts;
	struct list conns;
	struct doca_comch_connection *cursor_conn;
	doca_comch_event_msg_recv_cb_t on_msg;
	doca_comch_event_consumer_cb_t on_consumer, on_consumer_gone;
	doca_comch_event_connection_status_changed_cb_t on_connect, on_disconnect;
};

struct doca_comch_task_send {
	struct doca_task task;
	struct doca_comch_connection *conn;
	const void *msg;
	uint32_t len;
};

void comch_side_init(
	struct comch_side *side, struct doca_dev *dev, const struct dcore_ctx_ops *ops);
doca_error_t comch_make_path(
	struct comch_side *side, const struct card_port *port, const char *name, bool client);
doca_error_t comch_set_msg_size(struct comch_side *side, uint32_t size);
doca_error_t comch_set_queue(struct comch_side *side, uint32_t size);
doca_error_t comch_task_alloc(struct comch_side *side, struct doca_comch_connection *conn,
	const void *msg, uint32_t len, struct doca_comch_task_send **task);

struct doca_comch_connection *comch_conn_create(struct comch_side *side, struct wire_conn *wire);
/* Cut it: no more events; producers and consumers on it end. Drops the control context's reference.
 */
void comch_conn_cut(struct doca_comch_connection *conn);
void comch_conn_hold(struct doca_comch_connection *conn);
void comch_conn_release(struct doca_comch_connection *conn);
bool comch_conn_dead(const struct doca_comch_connection *conn);

/* One event of a connection. NOTHING, EVENT (a callback ran: the connection may be gone), ENDED. */
enum conn_look { LOOK_NOTHING, LOOK_EVENT, LOOK_ENDED };
enum conn_look comch_conn_look(struct doca_comch_connection *conn);
bool comch_conn_arm(struct doca_comch_connection *conn);

/* The consumer with this id, referenced; NULL. */
struct remote_consumer *comch_remote_get(struct doca_comch_connection *conn, uint32_t id);
void comch_remote_put(struct remote_consumer *r);

#endif
