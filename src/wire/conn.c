/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: handshake over the socket, then two rings in a sealed memory file. */
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "base/list.h"
#include "base/refuse.h"

#define MAGIC 0x53445031u /* "SDP1" */

struct hello { /* client to server */
	uint32_t magic, max_msg, queue, pad;
};

struct welcome { /* server to client, with memory file, its eventfd, the client's eventfd */
	uint32_t magic, max_msg, to_server_slots, to_client_slots, slot_size, pad;
};

struct wire_conn {
	int sock, rx_event, tx_event;
	struct ring_end rx, tx;
	uint32_t max_msg;
	bool up;
	void *map;
	size_t map_len;
	struct list link; /* half-open, in its listener */
};

struct wire_listener {
	int sock, poll; /* poll: the socket and all half-open ones */
	struct wire_opts opts;
	struct sockaddr_un addr;
	struct list half;
};

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static int check_opts(const struct wire_opts *opts)
{
	if (!opts->max_msg || opts->max_msg > WIRE_MSG_MAX)
		return refuse(EINVAL, "message size %u; 1 to %u", opts->max_msg, WIRE_MSG_MAX);
	if (!opts->queue || opts->queue > WIRE_QUEUE_MAX)
		return refuse(EINVAL, "queue of %u messages; 1 to %u", opts->queue, WIRE_QUEUE_MAX);
	return 0;
}

static int make_address(const char *path, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(addr->sun_path))
		return refuse(ENAMETOOLONG, "socket path %s is longer than %zu bytes", path,
			sizeof(addr->sun_path) - 1);
	strcpy(addr->sun_path, path);
	return 0;
}

static struct wire_conn *new_conn(int sock)
{
	struct wire_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->sock = sock;
	c->rx_event = c->tx_event = -1;
	list_init(&c->link);
	return c;
}

void wire_close(struct wire_conn *conn)
{
	if (!conn)
		return;
	list_remove(&conn->link);
	if (conn->map)
		munmap(conn->map, conn->map_len);
	if (conn->rx_event >= 0)
		close(conn->rx_event);
	if (conn->tx_event >= 0)
		close(conn->tx_event);
	close(conn->sock);
	free(conn);
}

/* ---- messages with descriptors ---- */

static int send_fds(int sock, const void *msg, size_t len, const int *fds, unsigned n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control = {.buf = {0}};
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len ? 0 : -errno;
}

/* Length, 0 for nothing now, -ECONNRESET for the end. Descriptors beyond the room are closed. */
static int recv_fds(int sock, void *buf, size_t size, int *fds, unsigned *n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned room = *n_fds;

	*n_fds = 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -ECONNRESET;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		unsigned have = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		for (unsigned i = 0; c->cmsg_type == SCM_RIGHTS && i < have; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*n_fds < room)
				fds[(*n_fds)++] = fd;
			else
				close(fd);
		}
	}
	return n == 0 ? -ECONNRESET : (int)n;
}

int wire_control_send(
	struct wire_conn *conn, const void *msg, size_t len, const int *fds, unsigned n_fds)
{
	return send_fds(conn->sock, msg, len, fds, n_fds);
}

int wire_control(struct wire_conn *conn, void *buf, size_t size, int *fds, unsigned *n_fds)
{
	return recv_fds(conn->sock, buf, size, fds, n_fds);
}

/* ---- rings ---- */

/* Both rings follow each other in the file; `server` says which end is ours. */
static void place_rings(struct wire_conn *c, const struct welcome *w, bool server)
{
	uint8_t *to_server = c->map,
		*to_client = to_server + ring_bytes(w->to_server_slots, w->slot_size);
	struct ring_end a = ring_end(to_server, w->to_server_slots, w->slot_size);
	struct ring_end b = ring_end(to_client, w->to_client_slots, w->slot_size);

	c->rx = server ? a : b;
	c->tx = server ? b : a;
	c->max_msg = w->max_msg;
	c->up = true;
}

static size_t rings_len(const struct welcome *w)
{
	return ring_bytes(w->to_server_slots, w->slot_size) +
	       ring_bytes(w->to_client_slots, w->slot_size);
}

static int map_rings(struct wire_conn *c, int fd, size_t len)
{
	c->map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (c->map == MAP_FAILED) {
		c->map = NULL;
		return refuse(errno, "mapping %zu bytes of rings: %m", len);
	}
	c->map_len = len;
	return 0;
}

/* ---- server ---- */

static bool somebody_listens(const struct sockaddr_un *addr)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes = sock >= 0 && connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) == 0;

	if (sock >= 0)
		close(sock);
	return yes;
}

static int poll_add(const struct wire_listener *l, int sock)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(l->poll, EPOLL_CTL_ADD, sock, &event);
}

int wire_listen(const char *path, const struct wire_opts *opts, struct wire_listener **listener)
{
	struct wire_listener *l;
	int err = check_opts(opts);

	if (err)
		return err;
	l = calloc(1, sizeof(*l));
	if (!l)
		return refuse(ENOMEM, "no memory to listen");
	l->opts = *opts;
	list_init(&l->half);
	err = make_address(path, &l->addr);
	l->sock = err ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!err && l->sock < 0)
		err = refuse(errno, "socket: %m");
	if (!err && somebody_listens(&l->addr))
		err = refuse(EADDRINUSE, "%s: another process serves it", path);
	if (!err) {
		unlink(path);
		if (bind(l->sock, (struct sockaddr *)&l->addr, sizeof(l->addr)) < 0 ||
			chmod(path, 0600) < 0 || listen(l->sock, 64) < 0 ||
			(l->poll = epoll_create1(EPOLL_CLOEXEC)) < 0 || poll_add(l, l->sock) < 0)
			err = refuse(errno, "listening on %s: %m", path);
	}
	if (err) {
		if (l->sock >= 0)
			close(l->sock);
		if (l->poll > 0)
			close(l->poll);
		free(l);
		return err;
	}
	*listener = l;
	return 0;
}

int wire_listener_fd(const struct wire_listener *listener)
{
	return listener->poll;
}

void wire_listener_close(struct wire_listener *listener)
{
	struct wire_conn *c, *tmp;

	if (!listener)
		return;
	list_for_each_safe(c, tmp, &listener->half, link)
		wire_close(c);
	unlink(listener->addr.sun_path);
	close(listener->sock);
	close(listener->poll);
	free(listener);
}

static int welcome(struct wire_listener *l, struct wire_conn *c, const struct hello *h)
{
	struct wire_opts theirs = {.max_msg = h->max_msg, .queue = h->queue};
	struct welcome w = {.magic = MAGIC};
	int mem, fds[3], err;

	if (h->magic != MAGIC || check_opts(&theirs) < 0)
		return -EPROTO;
	w.max_msg = MIN_OF(l->opts.max_msg, h->max_msg);
	w.to_server_slots = power_of_two(l->opts.queue);
	w.to_client_slots = power_of_two(h->queue);
	w.slot_size = (w.max_msg + RING_SLOT_HEAD + 63) & ~63u;
	mem = memfd_create("softdpu-wire", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	c->rx_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	c->tx_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mem < 0 || c->rx_event < 0 || c->tx_event < 0 ||
		ftruncate(mem, (off_t)rings_len(&w)) < 0 ||
		fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = refuse(errno, "rings for a client: %m");
	else
		err = map_rings(c, mem, rings_len(&w));
	if (!err) {
		place_rings(c, &w, true);
		ring_format(&c->rx);
		ring_format(&c->tx);
		fds[0] = mem;
		fds[1] = c->rx_event;
		fds[2] = c->tx_event;
		err = send_fds(c->sock, &w, sizeof(w), fds, 3);
	}
	if (mem >= 0)
		close(mem);
	return err;
}

static void take_sockets(struct wire_listener *l)
{
	int sock;

	while ((sock = accept4(l->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct wire_conn *c = new_conn(sock);

		if (c) {
			list_push_back(&l->half, &c->link);
			poll_add(l, sock); /* its greeting wakes a sleeper */
		} else {
			close(sock);
		}
	}
}

int wire_accept(struct wire_listener *listener, struct wire_conn **conn)
{
	struct wire_conn *c, *tmp;

	take_sockets(listener);
	list_for_each_safe(c, tmp, &listener->half, link) {
		unsigned none = 0;
		struct hello h;
		int n = recv_fds(c->sock, &h, sizeof(h), NULL, &none);

		if (n == 0)
			continue;
		if (n == sizeof(h) && welcome(listener, c, &h) == 0) {
			list_remove(&c->link);
			epoll_ctl(listener->poll, EPOLL_CTL_DEL, c->sock, NULL);
			*conn = c;
			return 0;
		}
		wire_close(c);
	}
	return -EAGAIN;
}

/* ---- client ---- */

int wire_connect(const char *path, const struct wire_opts *opts, struct wire_conn **conn)
{
	struct hello h = {.magic = MAGIC, .max_msg = opts->max_msg, .queue = opts->queue};
	struct sockaddr_un addr;
	int err = check_opts(opts), sock;

	if (!err)
		err = make_address(path, &addr);
	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return refuse(errno, "socket: %m");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		(err = send_fds(sock, &h, sizeof(h), NULL, 0)) < 0) {
		err = refuse(err ? -err : errno, "nobody serves %s: %s", path,
			strerror(err ? -err : errno));
		close(sock);
		return err;
	}
	*conn = new_conn(sock);
	if (!*conn)
		close(sock);
	return *conn ? 0 : refuse(ENOMEM, "no memory to connect");
}

/* What the server says fits its memory file, and that can never shrink under us. */
static bool is_sane(const struct welcome *w, int mem)
{
	off_t size = lseek(mem, 0, SEEK_END);
	int seals = fcntl(mem, F_GET_SEALS);

	return w->magic == MAGIC && w->max_msg && w->max_msg <= WIRE_MSG_MAX &&
	       w->to_server_slots && w->to_server_slots <= WIRE_QUEUE_MAX && w->to_client_slots &&
	       w->to_client_slots <= WIRE_QUEUE_MAX &&
	       power_of_two(w->to_server_slots) == w->to_server_slots &&
	       power_of_two(w->to_client_slots) == w->to_client_slots &&
	       w->slot_size == ((w->max_msg + RING_SLOT_HEAD + 63) & ~63u) &&
	       size == (off_t)rings_len(w) && seals >= 0 && (seals & F_SEAL_SHRINK);
}

int wire_connected(struct wire_conn *conn)
{
	int fds[3], n, err;
	unsigned n_fds = 3;
	struct welcome w;

	if (conn->up)
		return 0;
	n = recv_fds(conn->sock, &w, sizeof(w), fds, &n_fds);
	if (n == 0)
		return -EAGAIN;
	if (n < 0)
		return n;
	if (n != sizeof(w) || n_fds != 3 || !is_sane(&w, fds[0])) {
		for (unsigned i = 0; i < n_fds; i++)
			close(fds[i]);
		return -EPROTO;
	}
	conn->tx_event = fds[1];
	conn->rx_event = fds[2];
	err = map_rings(conn, fds[0], rings_len(&w));
	close(fds[0]);
	if (!err)
		place_rings(conn, &w, false);
	return err;
}

/* ---- messages ---- */

uint32_t wire_max_msg(const struct wire_conn *conn)
{
	return conn->max_msg;
}

static void ring_bell(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

int wire_send(struct wire_conn *conn, const void *data, uint32_t len)
{
	struct ring_slot *slot;

	if (len > conn->max_msg)
		return -EMSGSIZE;
	slot = ring_claim(&conn->tx);
	if (!slot)
		return -EAGAIN;
	slot->len = len;
	memcpy(slot->data, data, len);
	if (ring_push(&conn->tx))
		ring_bell(conn->tx_event);
	return 0;
}

bool wire_recv(struct wire_conn *conn, uint8_t **data, uint32_t *len)
{
	struct ring_slot *slot = conn->up ? ring_front(&conn->rx) : NULL;

	if (!slot)
		return false;
	*len = __atomic_load_n(&slot->len, __ATOMIC_RELAXED); /* once: the peer may change it */
	if (*len > conn->max_msg) {
		conn->rx.broken = true;
		return false;
	}
	*data = slot->data;
	return true;
}

void wire_recv_done(struct wire_conn *conn)
{
	ring_pop(&conn->rx);
}

bool wire_is_broken(const struct wire_conn *conn)
{
	return conn->rx.broken || conn->tx.broken;
}

bool wire_arm(struct wire_conn *conn)
{
	return conn->up && ring_arm(&conn->rx);
}

int wire_event_fd(const struct wire_conn *conn)
{
	return conn->rx_event;
}

int wire_socket_fd(const struct wire_conn *conn)
{
	return conn->sock;
}

void wire_event_clear(struct wire_conn *conn)
{
	uint64_t count;

	if (conn->rx_event >= 0 && read(conn->rx_event, &count, sizeof(count)) < 0)
		return; /* it was not readable */
}

void wire_shutdown(struct wire_conn *conn)
{
	shutdown(conn->sock, SHUT_RDWR);
}
