/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: one epoll descriptor over the listening socket, its connections and an eventfd that says
 * "buffered lines may go on". Connections are only freed by reap(), at the end of a round, so a method
 * may do anything to any of them.
 *
 * Relies on line.c and rpc.c for the messages, lease.c for the right to the path.
 */
#include "ctl/server_int.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/refuse.h"
#include "ctl/messages.h"

LOG_MODULE("ctl.server");

#define EVENTS_PER_ROUND 64
#define ACCEPTS_PER_ROUND 16

/* --- rounds --- */

void server_again(struct ctl_server *server)
{
	if (!server->in_round)
		eventfd_write(server->again_fd, 1);
}

static void turn_away(int fd)
{
	char *line;
	size_t len;

	refuse(EMFILE, "more than %u connections", CTL_CONNECTIONS_MAX);
	line = rpc_error(NULL, -EMFILE, refusal(), &len);
	if (line && send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("cannot even say no: %s", strerror(errno));
	free(line);
	close(fd);
}

static void accept_some(struct ctl_server *server)
{
	for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (server->n_conns >= CTL_CONNECTIONS_MAX)
			turn_away(fd);
		else
			conn_new(server, fd);
	}
}

static void reap(struct ctl_server *server)
{
	struct conn *c, *tmp;

	list_for_each_safe(c, tmp, &server->conns, link) {
		if (conn_finished(c))
			conn_free(c);
		else
			conn_watch(c);
	}
}

void ctl_server_process(struct ctl_server *server)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int n = epoll_wait(server->epoll_fd, events, EVENTS_PER_ROUND, 0);
	eventfd_t ignored;
	struct conn *c;

	server->in_round = true;
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &server->listen_fd)
			accept_some(server);
		else if (events[i].data.ptr == &server->again_fd)
			eventfd_read(server->again_fd, &ignored);
		else
			conn_process(events[i].data.ptr, events[i].events);
	}
	list_for_each(c, &server->conns, link)
		conn_resume(c);
	reap(server);
	server->in_round = false;
}

/* --- methods --- */

struct method *server_find_method(const struct ctl_server *server, const char *name)
{
	struct method *m;

	hmap_for_each_hash(m, &server->methods, hmap_hash_str(name), node)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

int ctl_register(struct ctl_server *server, const char *method, ctl_method_fn fn, void *arg)
{
	struct method *m;

	if (server_find_method(server, method))
		return refuse(EEXIST, "method '%s' is registered twice", method);
	if (hmap_count(&server->methods) == CTL_METHODS_MAX)
		return refuse(ENOSPC, "method '%s': more than %u methods", method, CTL_METHODS_MAX);
	m = calloc(1, sizeof(*m));
	if (!m)
		return refuse(ENOMEM, "method '%s': no memory", method);
	m->name = method;
	m->fn = fn;
	m->arg = arg;
	hmap_insert(&server->methods, &m->node, hmap_hash_str(method));
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_methods(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct ctl_server *server = arg;
	const char *names[CTL_METHODS_MAX];
	json_t *list = json_array();
	struct method *m;
	size_t n = 0;

	hmap_for_each(m, &server->methods, node)
		names[n++] = m->name;
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
	*result = json_pack("{s:o}", "methods", list);
	return 0;
}

/* --- life --- */

static int make_directories(const char *path)
{
	char dir[CTL_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return refuse(
				errno, "cannot make the directory %s: %s", dir, strerror(errno));
		*p = '/';
	}
	return 0;
}

static int find_group(const char *name, gid_t *gid)
{
	char buf[4096];
	struct group entry, *found = NULL;

	getgrnam_r(name, &entry, buf, sizeof(buf), &found);
	if (!found)
		return refuse(EINVAL, "group '%s' does not exist", name);
	*gid = found->gr_gid;
	return 0;
}

/* The mode is set before bind, so that no moment exists in which others may connect. */
static int listen_on(struct ctl_server *server, const char *group)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;
	gid_t gid = 0;

	if (fd < 0)
		return refuse(errno, "%s: cannot make a socket: %s", server->path, strerror(errno));
	server->listen_fd = fd;
	err = group ? find_group(group, &gid) : 0;
	if (err)
		return err;
	memcpy(sun.sun_path, server->path, strlen(server->path));
	unlink(server->path); /* the lease is ours, so this is a dead owner's */
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
		(group && (chown(server->path, (uid_t)-1, gid) || chmod(server->path, 0660))) ||
		listen(fd, CTL_CONNECTIONS_MAX))
		return refuse(errno, "%s: cannot listen: %s", server->path, strerror(errno));
	return 0;
}

static int add_fd(struct ctl_server *server, int *fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = fd};

	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, *fd, &e))
		return refuse(errno, "%s: epoll: %s", server->path, strerror(errno));
	return 0;
}

static int start(struct ctl_server *server, const char *group)
{
	int err = make_directories(server->path);

	if (!err)
		err = lease_take(server->path, &server->lease);
	if (!err)
		err = listen_on(server, group);
	if (err)
		return err;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll_fd < 0 || server->again_fd < 0)
		return refuse(errno, "%s: epoll or eventfd: %s", server->path, strerror(errno));
	err = add_fd(server, &server->listen_fd);
	if (!err)
		err = add_fd(server, &server->again_fd);
	return err ? err : ctl_register(server, CTL_METHODS, list_methods, server);
}

int ctl_server_create(const char *path, const char *group, struct ctl_server **out)
{
	struct ctl_server *server;
	int err;

	if (strlen(path) >= CTL_PATH_MAX)
		return refuse(
			EINVAL, "%s is over the %d bytes of a socket path", path, CTL_PATH_MAX - 1);
	server = calloc(1, sizeof(*server));
	if (!server)
		return refuse(ENOMEM, "%s: no memory", path);
	strcpy(server->path, path);
	server->epoll_fd = server->listen_fd = server->again_fd = server->lease.fd = -1;
	list_init(&server->conns);
	err = start(server, group);
	if (err) {
		ctl_server_destroy(server);
		return err;
	}
	*out = server;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void ctl_server_destroy(struct ctl_server *server)
{
	struct method *m, *next;
	struct conn *c, *tmp;

	if (!server)
		return;
	list_for_each_safe(c, tmp, &server->conns, link)
		conn_free(c);
	hmap_for_each_safe(m, next, &server->methods, node) {
		hmap_remove(&server->methods, &m->node);
		free(m);
	}
	hmap_destroy(&server->methods);
	if (server->lease.fd >= 0) {
		unlink(server->path);
		lease_give_back(&server->lease);
	}
	close_fd(server->listen_fd);
	close_fd(server->again_fd);
	close_fd(server->epoll_fd);
	free(server);
}

int ctl_server_fd(const struct ctl_server *server)
{
	return server->epoll_fd;
}
