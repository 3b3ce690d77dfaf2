/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections and what server and client have in common. */
#include "doca/comch/comch_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- sends ---- */

/* Runs inside submit: the message is in the peer's ring, or AGAIN. */
static doca_error_t send_now(struct doca_task *task)
{
	struct doca_comch_task_send *t = container_of(task, struct doca_comch_task_send, task);

	if (comch_conn_dead(t->conn))
		return DOCA_ERROR_CONNECTION_RESET;
	switch (wire_send(t->conn->wire, t->msg, t->len)) {
	case 0:
		return DOCA_SUCCESS;
	case -EAGAIN:
		return DOCA_ERROR_AGAIN;
	default:
		return DOCA_ERROR_TOO_BIG;
	}
}

doca_error_t comch_task_alloc(struct comch_side *side, struct doca_comch_connection *conn,
	const void *msg, uint32_t len, struct doca_comch_task_send **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(side);
	DCORE_NOT_NULL(conn);
	DCORE_NOT_NULL(msg);
	DCORE_NOT_NULL(task);
	if (conn->side != side || comch_conn_dead(conn))
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED,
			"Comch: the connection has ended or is another's");
	if (!len || len > wire_max_msg(conn->wire))
		return dcore_fail(len ? DOCA_ERROR_TOO_BIG : DOCA_ERROR_INVALID_VALUE,
			"Comch: a message of %u bytes; 1 to %u on this connection", len,
			wire_max_msg(conn->wire));
	*task = dcore_task_alloc(&side->send_type, (union doca_data){.u64 = 0}, &result);
	if (*task) {
		(*task)->conn = conn;
		(*task)->msg = msg;
		(*task)->len = len;
	}
	return result;
}

struct doca_task *doca_comch_task_send_as_task(struct doca_comch_task_send *task)
{
	return &task->task;
}

/* ---- configuration ---- */

void comch_side_init(struct comch_side *side, struct doca_dev *dev, const struct dcore_ctx_ops *ops)
{
	side->send_type = (struct dcore_task_type){
		.name = "Comch send", .size = sizeof(struct doca_comch_task_send), .now = send_now};
	side->opts = (struct wire_opts){.max_msg = WIRE_MSG_MAX, .queue = DEFAULT_QUEUE};
	list_init(&side->conns);
	dcore_ctx_init(&side->ctx, dev, ops, &side->send_type, 1);
}

/* A service name may hold anything; its file name holds the harmless bytes and the others in hex.
 */
static void file_name(const char *port, const char *name, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "comch.%s.", port);

	for (; *name && n + 4 < size; name++)
		n += (size_t)snprintf(out + n, size - n,
			isalnum((unsigned char)*name) || *name == '-' || *name == '_' ? "%c"
										      : "%%%02x",
			(unsigned char)*name);
}

doca_error_t comch_make_path(
	struct comch_side *side, const struct card_port *port, const char *name, bool client)
{
	char port_name[CARD_NAME_MAX], file[512], path[768];
	int err;

	if (!*name || strlen(name) > NAME_MAX_LEN)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"Comch: a service name of %zu bytes; 1 to %u", strlen(name), NAME_MAX_LEN);
	/* A client on the card's own function stands for that function's host PF. */
	if (client && port->role == CARD_UPLINK)
		snprintf(port_name, sizeof(port_name), "pf%uhpf", port->pf);
	else
		snprintf(port_name, sizeof(port_name), "%s", port->name);
	file_name(port_name, name, file, sizeof(file));
	err = dcore_rendezvous(path, sizeof(path), file);
	if (err)
		return dcore_from_errno(err, "Comch service");
	if (strlen(path) >= sizeof(side->path))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"Comch: the socket's path %s is longer than %zu bytes; take a shorter name "
			"or SOFTDPU_RUN_DIR",
			path, sizeof(side->path) - 1);
	strcpy(side->path, path);
	return DOCA_SUCCESS;
}

static doca_error_t set_option(
	struct comch_side *side, uint32_t *option, uint32_t value, uint32_t max, const char *what)
{
	DCORE_NOT_NULL(side);
	if (!dcore_ctx_is_idle(&side->ctx))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "Comch: %s is set while idle", what);
	if (!value || value > max)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "Comch: %s %u; 1 to %u", what, value, max);
	*option = value;
	return DOCA_SUCCESS;
}

doca_error_t comch_set_msg_size(struct comch_side *side, uint32_t size)
{
	DCORE_NOT_NULL(side);
	return set_option(side, &side->opts.max_msg, size, WIRE_MSG_MAX, "message size");
}

doca_error_t comch_set_queue(struct comch_side *side, uint32_t size)
{
	DCORE_NOT_NULL(side);
	return set_option(side, &side->opts.queue, size, WIRE_QUEUE_MAX, "receive queue size");
}

/* ---- life of a connection ---- */

struct doca_comch_connection *comch_conn_create(struct comch_side *side, struct wire_conn *wire)
{
	struct doca_comch_connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->side = side;
	conn->wire = wire;
	conn->refs = 1;
	/* ids of both sides' consumers differ, so a program may use one table for all */
	conn->next_id = side->is_server ? 1 : 0x10001;
	pthread_mutex_init(&conn->lock, NULL);
	list_init(&conn->remotes);
	list_push_back(&side->conns, &conn->link);
	dcore_pe_add_fd(side->ctx.pe, wire_socket_fd(wire));
	dcore_pe_add_fd(side->ctx.pe, wire_event_fd(wire));
	return conn;
}

bool comch_conn_dead(const struct doca_comch_connection *conn)
{
	return __atomic_load_n(&conn->dead, __ATOMIC_ACQUIRE);
}

void comch_conn_hold(struct doca_comch_connection *conn)
{
	__atomic_add_fetch(&conn->refs, 1, __ATOMIC_RELAXED);
}

static void remote_free(struct remote_consumer *r)
{
	doca_mmap_destroy(r->mmap);
	munmap(r->map, LANE_BYTES);
	close(r->event);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void comch_remote_put(struct remote_consumer *r)
{
	if (__atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) == 0)
		remote_free(r);
}

void comch_conn_release(struct doca_comch_connection *conn)
{
	struct remote_consumer *r, *tmp;

	if (__atomic_sub_fetch(&conn->refs, 1, __ATOMIC_ACQ_REL))
		return;
	list_for_each_safe(r, tmp, &conn->remotes, link) {
		list_remove(&r->link);
		comch_remote_put(r);
	}
	wire_close(conn->wire);
	pthread_mutex_destroy(&conn->lock);
	free(conn);
}

void comch_conn_cut(struct doca_comch_connection *conn)
{
	if (conn->side->cursor_conn == conn)
		conn->side->cursor_conn = NULL;
	list_remove(&conn->link);
	dcore_pe_remove_fd(conn->side->ctx.pe, wire_socket_fd(conn->wire));
	dcore_pe_remove_fd(conn->side->ctx.pe, wire_event_fd(conn->wire));
	__atomic_store_n(&conn->dead, 1, __ATOMIC_RELEASE);
	/* the peer sees the end of the socket at once, though producers here may still hold the
	 * rings */
	wire_shutdown(conn->wire);
	comch_conn_release(conn);
}

/* ---- consumers of the peer ---- */

struct remote_consumer *comch_remote_get(struct doca_comch_connection *conn, uint32_t id)
{
	struct remote_consumer *r, *found = NULL;

	pthread_mutex_lock(&conn->lock);
	list_for_each(r, &conn->remotes, link)
		if (r->id == id && !r->gone) {
			__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
			found = r;
			break;
		}
	pthread_mutex_unlock(&conn->lock);
	return found;
}

/* fds[0]: the lane's memory, fds[1]: the consumer's eventfd; both are taken over. */
static struct remote_consumer *remote_create(
	struct doca_comch_connection *conn, const struct control_msg *m, const int *fds)
{
	struct remote_consumer *r = calloc(1, sizeof(*r));
	void *map = MAP_FAILED;

	if (r && lseek(fds[0], 0, SEEK_END) == (off_t)LANE_BYTES)
		map = mmap(NULL, LANE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (map == MAP_FAILED || doca_mmap_create_from_export(NULL, m->desc, m->desc_len,
					 conn->side->ctx.dev, &r->mmap) != DOCA_SUCCESS) {
		if (map != MAP_FAILED)
			munmap(map, LANE_BYTES);
		free(r);
		close(fds[1]);
		return NULL;
	}
	r->id = m->id;
	r->refs = 1;
	r->map = map;
	r->event = fds[1];
	r->posts = ring_end(map, POST_SLOTS, LANE_SLOT);
	r->dones =
		ring_end((uint8_t *)map + ring_bytes(POST_SLOTS, LANE_SLOT), POST_SLOTS, LANE_SLOT);
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

static void add_remote(
	struct doca_comch_connection *conn, const struct control_msg *m, const int *fds)
{
	struct remote_consumer *r = remote_create(conn, m, fds);
	doca_comch_event_consumer_cb_t cb = conn->side->on_consumer;

	close(fds[0]);
	if (!r)
		return;
	pthread_mutex_lock(&conn->lock);
	list_push_back(&conn->remotes, &r->link);
	pthread_mutex_unlock(&conn->lock);
	if (cb)
		cb((struct doca_comch_event_consumer *)(void *)r, conn, m->id);
}

static void remove_remote(struct doca_comch_connection *conn, uint32_t id)
{
	struct remote_consumer *r = comch_remote_get(conn, id);
	doca_comch_event_consumer_cb_t cb = conn->side->on_consumer_gone;

	if (!r)
		return;
	pthread_mutex_lock(&conn->lock);
	r->gone = true;
	list_remove(&r->link);
	pthread_mutex_unlock(&conn->lock);
	comch_remote_put(r); /* ours */
	comch_remote_put(r); /* the list's */
	if (cb)
		cb((struct doca_comch_event_consumer *)(void *)conn, conn, id);
}

/* One message from the socket. */
static enum conn_look look_at_socket(struct doca_comch_connection *conn)
{
	unsigned n_fds = WIRE_FDS_MAX;
	int fds[WIRE_FDS_MAX], n;
	struct control_msg m;

	memset(&m, 0, sizeof(m));
	n = wire_control(conn->wire, &m, sizeof(m), fds, &n_fds);
	if (n == 0)
		return LOOK_NOTHING;
	if (n < 0)
		return LOOK_ENDED;
	if (n == sizeof(m) && m.kind == CONSUMER_NEW && n_fds == 2 &&
		m.desc_len <= sizeof(m.desc)) {
		add_remote(conn, &m, fds);
		return LOOK_EVENT;
	}
	for (unsigned i = 0; i < n_fds; i++)
		close(fds[i]);
	if (n == sizeof(m) && m.kind == CONSUMER_GONE) {
		remove_remote(conn, m.id);
		return LOOK_EVENT;
	}
	return LOOK_ENDED; /* a peer that talks nonsense */
}

enum conn_look comch_conn_look(struct doca_comch_connection *conn)
{
	uint8_t *data;
	uint32_t len;
	bool have = wire_recv(conn->wire, &data, &len);

	/* Consumers are announced before messages that may speak of them: the socket's turn comes however many
	 * messages there are. A peer's last messages are delivered before its end is told. */
	if (rare_is_due(&conn->socket)) {
		enum conn_look look = look_at_socket(conn);

		have = have || wire_recv(conn->wire, &data, &len);
		if (look == LOOK_EVENT || (look == LOOK_ENDED && !have))
			return look;
	}
	if (!have)
		return wire_is_broken(conn->wire) ? LOOK_ENDED : LOOK_NOTHING;
	if (conn->side->on_msg) {
		comch_conn_hold(conn); /* the callback may disconnect */
		conn->side->on_msg(
			(struct doca_comch_event_msg_recv *)(void *)conn, data, len, conn);
		wire_recv_done(conn->wire);
		comch_conn_release(conn);
	} else {
		wire_recv_done(conn->wire);
	}
	return LOOK_EVENT;
}

bool comch_conn_arm(struct doca_comch_connection *conn)
{
	conn->socket.due = 0; /* the next look goes to the socket, which may be what wakes us */
	wire_event_clear(conn->wire);
	return wire_arm(conn->wire);
}

/* ---- properties ---- */

doca_error_t doca_comch_connection_set_user_data(
	struct doca_comch_connection *connection, union doca_data user_data)
{
	DCORE_NOT_NULL(connection);
	connection->user_data = user_data;
	return DOCA_SUCCESS;
}

union doca_data doca_comch_connection_get_user_data(const struct doca_comch_connection *connection)
{
	return connection->user_data;
}

/* ---- capabilities ---- */

static doca_error_t number(const struct doca_devinfo *devinfo, uint32_t *out, uint32_t value)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(out);
	*out = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_cap_server_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return dcore_info_side(devinfo) == DCORE_DPU ? DOCA_SUCCESS : DOCA_ERROR_NOT_SUPPORTED;
}

doca_error_t doca_comch_cap_client_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_cap_get_max_name_len(
	const struct doca_devinfo *devinfo, uint32_t *max_name_len)
{
	return number(devinfo, max_name_len, NAME_MAX_LEN + 1);
}

doca_error_t doca_comch_cap_get_max_msg_size(
	const struct doca_devinfo *devinfo, uint32_t *max_msg_size)
{
	return number(devinfo, max_msg_size, WIRE_MSG_MAX);
}

doca_error_t doca_comch_cap_get_max_recv_queue_size(
	const struct doca_devinfo *devinfo, uint32_t *max_recv_queue_size)
{
	return number(devinfo, max_recv_queue_size, WIRE_QUEUE_MAX);
}

doca_error_t doca_comch_cap_get_max_send_tasks(
	const struct doca_devinfo *devinfo, uint32_t *max_send_tasks)
{
	return number(devinfo, max_send_tasks, WIRE_QUEUE_MAX);
}

doca_error_t doca_comch_cap_get_max_clients(
	const struct doca_devinfo *devinfo, uint32_t *num_clients)
{
	return number(devinfo, num_clients, MAX_CLIENTS);
}
