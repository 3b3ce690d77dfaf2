/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * set: which of a worker's queues deserve a poll. A descriptor is watched edge triggered: it fires
 * when a frame arrives at a drained queue, the member is hot until a poll comes back short (which
 * for a socket or TAP means it was read until it would block), and then the next frame fires again.
 * Nothing is re-armed by system call, and quiet members cost nothing at all.
 */
#include "port/port_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct member {
	struct port_ref ref;
	bool watched;   /* has a descriptor that fires without arming */
	uint64_t nobuf; /* of the queue's counter when it was last seen */
};

struct port_set {
	int epfd, wakefd;
	unsigned rounds;  /* since the last look at epfd */
	unsigned n, room; /* members */
	unsigned n_watched;
	unsigned n_extra; /* port_set_watch() */
	unsigned fair;    /* where the next round starts in `live` */
	unsigned n_live;
	struct member **members;
	struct member **live; /* hot members and pollees: `room` of them fit */
	uint32_t poll_us;     /* least of the pollees' */
};

int port_set_create(struct port_set **out)
{
	struct port_set *set = calloc(1, sizeof(*set));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	if (!set)
		return refuse(ENOMEM, "no memory for a ready set");
	set->poll_us = UINT32_MAX;
	set->epfd = epoll_create1(EPOLL_CLOEXEC);
	set->wakefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (set->epfd < 0 || set->wakefd < 0 ||
		epoll_ctl(set->epfd, EPOLL_CTL_ADD, set->wakefd, &ev) < 0) {
		int err = refuse(errno, "a ready set's descriptors: %s", strerror(errno));

		port_set_destroy(set);
		return err;
	}
	*out = set;
	return 0;
}

void port_set_destroy(struct port_set *set)
{
	if (!set)
		return;
	for (unsigned i = 0; i < set->n; i++)
		free(set->members[i]);
	free(set->members);
	free(set->live);
	if (set->epfd >= 0)
		close(set->epfd);
	if (set->wakefd >= 0)
		close(set->wakefd);
	free(set);
}

static int grow(struct port_set *set)
{
	unsigned room = set->room ? 2 * set->room : 16;
	struct member **members, **live;

	if (set->n < set->room)
		return 0;
	members = realloc(set->members, room * sizeof(*members));
	if (members)
		set->members = members;
	live = realloc(set->live, room * sizeof(*live));
	if (live)
		set->live = live;
	if (!members || !live)
		return refuse(ENOMEM, "no memory for %u members of a ready set", room);
	set->room = room;
	return 0;
}

/* ---- hot or quiet ---- */

static void make_hot(struct port_set *set, struct member *m)
{
	if (m->ref.hot)
		return;
	m->ref.hot = true;
	m->ref.index = set->n_live;
	set->live[set->n_live++] = m;
}

static void make_quiet(struct port_set *set, struct member *m)
{
	struct member *last = set->live[--set->n_live];

	assert(m->ref.hot && set->live[m->ref.index] == m);
	set->live[m->ref.index] = last;
	last->ref.index = m->ref.index;
	m->ref.hot = false;
}

static void pollee_interval(struct port_set *set)
{
	set->poll_us = UINT32_MAX;
	for (unsigned i = 0; i < set->n; i++)
		if (set->members[i]->ref.port->fd[set->members[i]->ref.queue] < 0)
			set->poll_us = MIN_OF(set->poll_us, set->members[i]->ref.port->poll_us);
}

int port_set_add(struct port_set *set, struct port *port, unsigned queue)
{
	struct member *m;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	int err = grow(set);

	assert(queue < port->rx_queues);
	if (err < 0)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return refuse(ENOMEM, "no memory for a member of a ready set");
	m->ref.port = port;
	m->ref.queue = queue;
	m->watched = port->fd[queue] >= 0 && !port->ops->arm;
	ev.data.ptr = m;
	if (port->fd[queue] >= 0 && epoll_ctl(set->epfd, EPOLL_CTL_ADD, port->fd[queue], &ev) < 0) {
		free(m);
		return refuse(errno, "port '%s': its descriptor cannot be watched: %s", port->name,
			strerror(errno));
	}
	set->members[set->n++] = m;
	set->n_watched += m->watched;
	make_hot(set, m); /* what came before the descriptor was watched fires no edge */
	pollee_interval(set);
	return 0;
}

static void drop_member(struct port_set *set, unsigned i)
{
	struct member *m = set->members[i];
	int fd = m->ref.port->fd[m->ref.queue];

	if (m->ref.hot)
		make_quiet(set, m);
	if (fd >= 0)
		epoll_ctl(set->epfd, EPOLL_CTL_DEL, fd, NULL);
	set->n_watched -= m->watched;
	set->members[i] = set->members[--set->n];
	free(m);
}

int port_set_remove(struct port_set *set, struct port *port)
{
	unsigned before = set->n;

	for (unsigned i = set->n; i-- > 0;)
		if (set->members[i]->ref.port == port)
			drop_member(set, i);
	pollee_interval(set);
	return set->n < before ? 0
			       : refuse(ENOENT, "port '%s' is not in this ready set", port->name);
}

int port_set_watch(struct port_set *set, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	if (epoll_ctl(set->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return refuse(errno, "descriptor %d cannot be watched: %s", fd, strerror(errno));
	set->n_extra++;
	return 0;
}

void port_set_wake(struct port_set *set)
{
	uint64_t one = 1;

	if (write(set->wakefd, &one, sizeof(one)) < 0) {
		/* the counter is at its limit: a wake-up is pending anyway */
	}
}

unsigned port_set_count(const struct port_set *set)
{
	return set->n;
}

/* ---- one round ---- */

/* Events into hot members. */
static void look(struct port_set *set, uint64_t timeout_us)
{
	struct epoll_event ev[EVENTS_MAX];
	struct timespec ts = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
	int n = epoll_pwait2(set->epfd, ev, EVENTS_MAX, &ts, NULL);

	set->rounds = 0;
	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr)
			make_hot(set, ev[i].data.ptr);
}

/* May this worker sleep? Arms everybody who wants to be asked first. */
static bool may_sleep(struct port_set *set)
{
	bool yes = true;

	for (unsigned i = 0; i < set->n_live; i++) {
		struct member *m = set->live[i];
		struct port *port = m->ref.port;

		if (m->watched)
			return false;
		if (port->ops->arm && port->ops->arm(port, m->ref.queue))
			yes = false;
	}
	return yes;
}

static unsigned give(struct port_set *set, struct port_ref **ready, unsigned n)
{
	unsigned count = MIN_OF(n, set->n_live);

	if (set->fair >= set->n_live)
		set->fair = 0;
	for (unsigned i = 0; i < count; i++) {
		ready[i] = &set->live[set->fair]->ref;
		if (++set->fair == set->n_live)
			set->fair = 0;
	}
	return count;
}

unsigned port_set_wait(
	struct port_set *set, uint64_t timeout_us, struct port_ref **ready, unsigned n)
{
	bool sleep = timeout_us > 0 && set->poll_us > 0 && may_sleep(set);

	if (sleep)
		look(set, MIN_OF(timeout_us, (uint64_t)set->poll_us));
	else if (set->n_watched > 0 && (set->n_live == 0 || ++set->rounds >= PORT_SET_CHECK))
		look(set, 0);
	return give(set, ready, n);
}

void port_set_got(struct port_set *set, struct port_ref *ref, uint16_t got, uint16_t asked)
{
	struct member *m = container_of(ref, struct member, ref);
	uint64_t nobuf = ref->port->rxq[ref->queue].nobuf;
	bool starved = nobuf != m->nobuf; /* stopped early: what is left fires no new edge */

	m->nobuf = nobuf;
	if (got < asked && m->watched && ref->hot && !starved)
		make_quiet(set, m);
}
