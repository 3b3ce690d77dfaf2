/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer: what one process offers another: a shared control page, and word of its death.
 *
 * The owner keeps a memory file with struct dcore_control. Its descriptor number, the owner's pid
 * and start time and a random token travel in the descriptor a program passes on; the taker opens
 * /proc/PID/fd/N, which the kernel allows to the same user, and compares the token. A thread of the
 * taker's process waits on pidfds, so "is the owner dead" is one load. Where there are none (Linux before 5.3,
 * valgrind) it looks every 20 ms.
 */
#include "doca/common/common.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

struct dcore_offer {
	int fd;
	struct dcore_control *control;
	uint64_t start_time;
};

struct dcore_peer {
	struct list link;
	struct dcore_peer_id id;
	int pidfd;
	uint32_t dead; /* written by the watcher */
	struct dcore_control *control;
};

/* Field 22 of /proc/PID/stat: tells a process from a later one with the same pid. 0 = no such
 * process, or a zombie. */
static uint64_t start_time_of(int pid)
{
	char path[64], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p && p[1] == ' ' && p[2] == 'Z')
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* ---- the owner ---- */

int dcore_offer_create(struct dcore_offer **offer)
{
	struct dcore_offer *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return refuse(ENOMEM, "no memory to export");
	o->fd = memfd_create("softdpu-control", MFD_CLOEXEC);
	if (o->fd < 0 || ftruncate(o->fd, sizeof(*o->control)) < 0)
		goto fail;
	o->control = mmap(NULL, sizeof(*o->control), PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	if (o->control == MAP_FAILED)
		goto fail;
	if (getrandom(o->control->token, DCORE_TOKEN_LEN, 0) != DCORE_TOKEN_LEN)
		goto fail;
	o->start_time = start_time_of(getpid());
	__atomic_store_n(&o->control->live, 1, __ATOMIC_RELEASE);
	/* What cannot be mapped by the peer is copied with process_vm_readv; Yama asks for leave.
	 */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	*offer = o;
	return 0;
fail:
	err = refuse(errno, "shared control page: %m");
	if (o->fd >= 0)
		close(o->fd);
	free(o);
	return err;
}

void dcore_offer_revoke(struct dcore_offer *offer)
{
	if (!offer)
		return;
	__atomic_store_n(&offer->control->live, 0, __ATOMIC_RELEASE);
	munmap(offer->control, sizeof(*offer->control));
	close(offer->fd);
	free(offer);
}

struct dcore_control *dcore_offer_control(struct dcore_offer *offer)
{
	return offer->control;
}

void dcore_offer_id(const struct dcore_offer *offer, struct dcore_peer_id *id)
{
	*id = (struct dcore_peer_id){
		.pid = getpid(), .control_fd = offer->fd, .start_time = offer->start_time};
	memcpy(id->token, offer->control->token, DCORE_TOKEN_LEN);
}

/* ---- the watcher ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards peers and the watcher's start */
static struct list peers = LIST_INIT(peers);
static int watch_fd = -1;
static bool no_pidfds; /* of the system; set before the watcher starts */

#define LOOK_EVERY_MS 20

/* Several peers may share a pid; each has a pidfd of its own, so each gets its own event. */
static void mark_dead(const void *which)
{
	struct dcore_peer *peer;

	list_for_each(peer, &peers, link)
		if (peer == which) {
			__atomic_store_n(&peer->dead, 1, __ATOMIC_RELEASE);
			epoll_ctl(watch_fd, EPOLL_CTL_DEL, peer->pidfd, NULL);
			break;
		}
}

static void look_at_all(void)
{
	struct dcore_peer *peer;

	list_for_each(peer, &peers, link)
		if (start_time_of(peer->id.pid) != peer->id.start_time)
			__atomic_store_n(&peer->dead, 1, __ATOMIC_RELEASE);
}

static void *watch(void *arg)
{
	for (;;) {
		struct epoll_event event;
		int n = epoll_wait(watch_fd, &event, 1, no_pidfds ? LOOK_EVERY_MS : -1);

		pthread_mutex_lock(&lock);
		if (n > 0)
			mark_dead(event.data.ptr);
		else if (no_pidfds)
			look_at_all();
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

/* With the lock held. The thread lives as long as the process. */
static int start_watcher(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (watch_fd >= 0)
		return 0;
	watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch_fd < 0)
		return refuse(errno, "epoll: %m");
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	err = pthread_create(&thread, &attr, watch, NULL);
	pthread_attr_destroy(&attr);
	return err ? refuse(err, "thread that watches peers: %s", strerror(err)) : 0;
}

static int add_watch(struct dcore_peer *peer)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
	int err;

	pthread_mutex_lock(&lock);
	err = start_watcher();
	if (!err && !no_pidfds && epoll_ctl(watch_fd, EPOLL_CTL_ADD, peer->pidfd, &event) < 0)
		err = refuse(errno, "watching pid %d: %m", peer->id.pid);
	if (!err)
		list_push_back(&peers, &peer->link);
	pthread_mutex_unlock(&lock);
	return err;
}

/* ---- the taker ---- */

int dcore_peer_fd(const struct dcore_peer *peer, int fd, int flags)
{
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", peer->id.pid, fd);
	own = open(path, flags | O_CLOEXEC);
	return own >= 0 ? own : refuse(errno, "%s of the exporting process: %m", path);
}

static int map_control(struct dcore_peer *peer)
{
	int fd = dcore_peer_fd(peer, peer->id.control_fd, O_RDWR);
	off_t size;

	if (fd < 0)
		return fd;
	size = lseek(fd, 0, SEEK_END);
	if (size == sizeof(*peer->control))
		peer->control = mmap(
			NULL, sizeof(*peer->control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (size != sizeof(*peer->control) || peer->control == MAP_FAILED) {
		peer->control = NULL;
		return refuse(ENOENT, "pid %d does not offer this any more", peer->id.pid);
	}
	if (memcmp(peer->control->token, peer->id.token, DCORE_TOKEN_LEN) ||
		!__atomic_load_n(&peer->control->live, __ATOMIC_ACQUIRE))
		return refuse(ENOENT, "pid %d withdrew this export", peer->id.pid);
	return 0;
}

int dcore_peer_open(const struct dcore_peer_id *id, struct dcore_peer **peer)
{
	struct dcore_peer *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return refuse(ENOMEM, "no memory to import");
	list_init(&p->link);
	p->id = *id;
	p->pidfd = id->pid > 0 ? (int)syscall(SYS_pidfd_open, id->pid, 0) : -1;
	if (p->pidfd < 0 && errno == ENOSYS)
		no_pidfds = true;
	if (id->pid <= 0 || (p->pidfd < 0 && !no_pidfds) ||
		start_time_of(id->pid) != id->start_time)
		err = refuse(ESRCH, "the exporting process, pid %d, is gone", id->pid);
	else
		err = map_control(p);
	if (!err)
		err = add_watch(p);
	if (err) {
		dcore_peer_close(p);
		return err;
	}
	*peer = p;
	return 0;
}

void dcore_peer_close(struct dcore_peer *peer)
{
	if (!peer)
		return;
	pthread_mutex_lock(&lock);
	list_remove(&peer->link);
	if (watch_fd >= 0 && peer->pidfd >= 0)
		epoll_ctl(watch_fd, EPOLL_CTL_DEL, peer->pidfd, NULL);
	pthread_mutex_unlock(&lock);
	if (peer->pidfd >= 0)
		close(peer->pidfd);
	if (peer->control)
		munmap(peer->control, sizeof(*peer->control));
	free(peer);
}

bool dcore_peer_dead(const struct dcore_peer *peer)
{
	return __atomic_load_n(&peer->dead, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&peer->control->live, __ATOMIC_ACQUIRE);
}

struct dcore_control *dcore_peer_control(struct dcore_peer *peer)
{
	return peer->control;
}

int dcore_peer_pid(const struct dcore_peer *peer)
{
	return peer->id.pid;
}
