/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pair: two ports of one process, each the far end of the other, over one ring per direction. The
 * switch's side of a DOCA program's port, the wire between two switches in a test.
 *
 * A sleeper says so (arm) and is woken by an eventfd, once per sleep; a poller costs its peer only
 * the look at one flag per burst.
 */
#include "port/port_int.h"

#include <pthread.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAIR_DEPTH 1024

/* What flows towards one end: the ring it reads, and how it is woken. */
struct end {
	struct rte_ring *in;
	int efd;
	_Atomic bool armed;
	_Atomic bool open;
	char name[PORT_NAME_MAX];
	char want[PORT_NAME_MAX]; /* joined by name: who may be the other end */
};

struct pair {
	struct end end[2];
	struct pair *next; /* half-open ones, under `lock` */
};

struct side {
	struct pair *pair;
	struct end *own, *peer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pair *half_open;

/* ---- burst path ---- */

static uint16_t pair_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct side *s = port->priv;

	return rte_ring_dequeue_burst(s->own->in, (void **)pkts, n, NULL);
}

static void wake(struct end *end)
{
	atomic_thread_fence(
		memory_order_seq_cst); /* the ring's tail, then the flag: see pair_arm */
	if (unlikely(atomic_load_explicit(&end->armed, memory_order_relaxed)) &&
		atomic_exchange(&end->armed, false))
		eventfd_write(end->efd, 1);
}

static uint16_t pair_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct side *s = port->priv;
	uint16_t sent;

	if (unlikely(!atomic_load_explicit(&s->peer->open, memory_order_relaxed))) {
		port->txq[queue].why = DROP_PORT_DOWN;
		return 0;
	}
	sent = rte_ring_enqueue_burst(s->peer->in, (void **)pkts, n, NULL);
	if (sent > 0)
		wake(s->peer);
	if (sent < n)
		port->txq[queue].why = DROP_PORT_TX_FULL;
	return sent;
}

static bool pair_arm(struct port *port, unsigned queue)
{
	struct side *s = port->priv;

	atomic_store_explicit(&s->own->armed, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* the flag, then the ring: see wake */
	if (rte_ring_empty(s->own->in))
		return false;
	atomic_store(&s->own->armed, false);
	return true;
}

/* ---- control path ---- */

static bool pair_link_up(struct port *port)
{
	struct side *s = port->priv;

	return atomic_load(&s->peer->open);
}

static void pair_describe(const struct port *port, char *buf, size_t size)
{
	const struct side *s = port->priv;

	snprintf(buf, size, "with %s", s->peer->name[0] ? s->peer->name : s->own->want);
}

static void end_destroy(struct end *end)
{
	struct rte_mbuf *m;

	while (end->in && rte_ring_dequeue(end->in, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	free(end->in);
	if (end->efd >= 0)
		close(end->efd);
}

static void pair_destroy(struct pair *pair)
{
	end_destroy(&pair->end[0]);
	end_destroy(&pair->end[1]);
	free(pair);
}

static void forget_half_open(struct pair *pair)
{
	for (struct pair **p = &half_open; *p; p = &(*p)->next)
		if (*p == pair) {
			*p = pair->next;
			return;
		}
}

/* The last end to close takes the rings and what is in them along. */
static void pair_close(struct port *port)
{
	struct side *s = port->priv;
	bool last;

	pthread_mutex_lock(&lock);
	atomic_store(&s->own->open, false);
	last = !atomic_load(&s->peer->open);
	if (last)
		forget_half_open(s->pair);
	pthread_mutex_unlock(&lock);
	if (last)
		pair_destroy(s->pair);
	free(s);
}

static const struct port_ops pair_ops = {
	.rx = pair_rx,
	.tx = pair_tx,
	.arm = pair_arm,
	.link_up = pair_link_up,
	.describe = pair_describe,
	.close = pair_close,
};

/* Multi-producer and multi-consumer always: how many queues the other end will use is not known
 * when the first one opens, and an uncontended compare-and-swap per burst is below the noise. */
static int end_init(struct end *end, unsigned depth)
{
	ssize_t size = rte_ring_get_memsize(depth);

	end->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (end->efd < 0)
		return refuse(errno, "eventfd: %s", strerror(errno));
	if (size < 0)
		return refuse(EINVAL, "a ring of %u: the depth must be a power of two", depth);
	end->in = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (!end->in)
		return refuse(ENOMEM, "no memory for a ring of %u", depth);
	rte_ring_init(end->in, "port_pair", depth, 0);
	return 0;
}

static int pair_create(unsigned depth, struct pair **out)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int err;

	if (!pair)
		return refuse(ENOMEM, "no memory for a pair");
	pair->end[0].efd = pair->end[1].efd = -1;
	err = end_init(&pair->end[0], depth);
	if (err == 0)
		err = end_init(&pair->end[1], depth);
	if (err < 0) {
		pair_destroy(pair);
		return err;
	}
	*out = pair;
	return 0;
}

/* Make `port` one end. After this the pair is closed through the port. */
static int attach_end(struct port *port, struct pair *pair, unsigned which)
{
	struct side *s = calloc(1, sizeof(*s));

	if (!s)
		return refuse(ENOMEM, "no memory for a pair");
	*s = (struct side){pair, &pair->end[which], &pair->end[!which]};
	port->priv = s;
	port->ops = &pair_ops;
	port->kind = PORT_PAIR;
	port->rx_queues = 1;
	port->caps = PORT_CAP_TX_IP4_CSUM | PORT_CAP_TX_L4_CSUM | PORT_CAP_TX_TSO4 |
		     PORT_CAP_TX_TSO6 | PORT_CAP_TX_USO | PORT_CAP_TX_TUNNEL_CSUM |
		     PORT_CAP_TX_TUNNEL_TSO | PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT |
		     PORT_CAP_RX_PARTIAL;
	port->max_tso = 65535;
	port->fd[0] = s->own->efd;
	snprintf(s->own->name, sizeof(s->own->name), "%s", port->name);
	atomic_store(&s->own->open, true);
	return 0;
}

int port_pair_open(const struct port_cfg *a, const struct port_cfg *b, unsigned depth,
	struct port **port_a, struct port **port_b)
{
	struct pair *pair;
	int err = pair_create(depth ? depth : PAIR_DEPTH, &pair);

	if (err < 0)
		return err;
	err = port_new(a, port_a);
	if (err < 0)
		goto destroy_pair;
	err = port_new(b, port_b);
	if (err < 0)
		goto free_a;
	err = attach_end(*port_a, pair, 0);
	if (err < 0)
		goto free_b;
	err = attach_end(*port_b, pair, 1);
	if (err == 0)
		return 0;
	free((*port_a)->priv);
free_b:
	port_free(*port_b);
free_a:
	port_free(*port_a);
destroy_pair:
	pair_destroy(pair);
	return err;
}

/* The half-open pair that waits for us under our name. */
static struct pair *find_waiting(const char *name, const char *peer)
{
	for (struct pair *p = half_open; p; p = p->next)
		if (strcmp(p->end[0].want, name) == 0 && strcmp(p->end[0].name, peer) == 0)
			return p;
	return NULL;
}

int port_pair_join(struct port *port, const struct card_attach *attach)
{
	struct pair *pair;
	bool first;
	int err = 0;

	if (!attach->peer || strlen(attach->peer) >= PORT_NAME_MAX)
		return refuse(EINVAL, "a pair needs the other port's name of 1 to %d bytes",
			PORT_NAME_MAX - 1);
	pthread_mutex_lock(&lock);
	pair = find_waiting(port->name, attach->peer);
	first = !pair;
	if (first)
		err = pair_create(PAIR_DEPTH, &pair);
	if (err == 0) {
		err = attach_end(port, pair, !first);
		if (err < 0 && first)
			pair_destroy(pair);
	}
	if (err == 0 && first) {
		snprintf(pair->end[0].want, PORT_NAME_MAX, "%s", attach->peer);
		pair->next = half_open;
		half_open = pair;
	} else if (err == 0) {
		forget_half_open(pair);
	}
	pthread_mutex_unlock(&lock);
	return err;
}
