/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tune: what tools may ask of a program that uses DOCA Flow, over a UNIX socket of its own: ports, pipes, and the dump of
 * doca_flow_port_pipes_dump. One thread answers, under door_tune_lock: ports do not go away meanwhile.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"
#include "doca/flow/flow_door.h"
#include "doca/flow/setters.h"
#include "flow/list.h"

struct doca_flow_tune_cfg {
	enum doca_flow_tune_profile profile;
};
struct doca_flow_tune_server_cfg {
	char path[CTL_PATH_MAX];
};

pthread_mutex_t door_tune_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	bool running;
	pthread_t thread;
	int wake; /* readable: end */
	struct ctl_server *ctl;
} tune;

PLAIN_OBJECT(doca_flow_tune_cfg)
WITHIN(doca_flow_tune_cfg_set_profile, struct doca_flow_tune_cfg, enum doca_flow_tune_profile, profile, 0, DOCA_FLOW_TUNE_PROFILE_FULL)

doca_error_t doca_flow_cfg_set_tune_cfg(struct doca_flow_cfg *cfg, const struct doca_flow_tune_cfg *tune_cfg)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(tune_cfg);
	cfg->tune_closed = tune_cfg->profile == DOCA_FLOW_TUNE_PROFILE_NONE;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_tune_server_cfg_create(struct doca_flow_tune_server_cfg **cfg)
{
	const char *own = getenv("SOFTDPU_TUNE_SOCKET");

	NEW(cfg);
	if (own)
		snprintf((*cfg)->path, sizeof((*cfg)->path), "%s", own);
	return DOCA_SUCCESS;
}

PLAIN_DESTROY(doca_flow_tune_server_cfg)

/* ---- answers ---- */

static int may_ask(void)
{
	if (door.tune_closed)
		return refuse(EACCES, "the program runs with DOCA_FLOW_TUNE_PROFILE_NONE");
	return door.ctx ? 0 : refuse(EAGAIN, "no port is started yet");
}

static int answer_ports(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	json_t *ports = json_array();
	int err = may_ask();

	for (unsigned i = 0; !err && i < DOOR_PORTS_MAX; i++)
		if (door.port[i])
			json_array_append_new(ports, json_pack("{s:i, s:i, s:i}", "id", i, "port", door.port[i]->port, "state", door.port[i]->state));
	*result = err ? NULL : json_pack("{s:o}", "ports", json_incref(ports));
	json_decref(ports);
	return err;
}

static void add_pipe(void *arg, const struct flow_pipe_info *p)
{
	static const char *const domains[] = {"default", "secure-ingress", "egress", "secure-egress"};
	json_t *forward = json_array(), *to = arg;

	for (unsigned i = 0; i < p->nr_forwards; i++)
		json_array_append_new(forward, json_string(p->forwards[i]));
	json_array_append_new(to, json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:s}", "id", p->id, "name", p->name, "type",
					  p->type, "domain", domains[p->domain], "root", p->root, "entries", (json_int_t)p->entries, "limit",
					  (json_int_t)p->capacity, "hits", (json_int_t)p->hits, "misses", (json_int_t)p->misses, "forward",
					  forward, "miss", p->miss ? p->miss : "none"));
}

static int answer_pipes(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	int err = may_ask();
	json_t *pipes;

	if (err)
		return err;
	pipes = json_array();
	flow_pipe_each(door.ctx, add_pipe, pipes);
	*result = json_pack("{s:o}", "pipes", pipes);
	return 0;
}

static int answer_dump(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct str text = STR_INIT;
	const char *pipe = NULL;
	int err = may_ask();

	if (!err)
		err = ctl_want_string(params, "pipe", &pipe);
	if (!err && pipe)
		err = flow_explain_pipe(door.ctx, pipe, 0, &text);
	else if (!err)
		flow_dump(door.ctx, &text);
	if (!err)
		*result = json_pack("{s:s}", "text", str_text(&text));
	str_free(&text);
	return err;
}

/* ---- the server ---- */

static void *serve(void *arg)
{
	struct pollfd fds[2] = {{.fd = ctl_server_fd(tune.ctl), .events = POLLIN}, {.fd = tune.wake, .events = POLLIN}};

	while (!(fds[1].revents & POLLIN)) {
		if (poll(fds, 2, -1) <= 0)
			continue;
		pthread_mutex_lock(&door_tune_lock);
		ctl_server_process(tune.ctl);
		pthread_mutex_unlock(&door_tune_lock);
	}
	return NULL;
}

static int listen_at(const char *path)
{
	int err = ctl_server_create(path, NULL, &tune.ctl);

	if (!err)
		err = ctl_register(tune.ctl, CTL_FLOW_PORTS, answer_ports, NULL);
	if (!err)
		err = ctl_register(tune.ctl, CTL_FLOW_PIPES, answer_pipes, NULL);
	if (!err)
		err = ctl_register(tune.ctl, CTL_FLOW_DUMP, answer_dump, NULL);
	return err;
}

/* The program's signals stay the program's. */
static int start_thread(void)
{
	sigset_t everything, before;
	int err;

	tune.wake = eventfd(0, EFD_CLOEXEC);
	if (tune.wake < 0)
		return refuse(errno, "eventfd: %s", strerror(errno));
	sigfillset(&everything);
	pthread_sigmask(SIG_SETMASK, &everything, &before);
	err = pthread_create(&tune.thread, NULL, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		close(tune.wake);
	return err ? refuse(err, "no thread for the tune server: %s", strerror(err)) : 0;
}

doca_error_t doca_flow_tune_server_init(struct doca_flow_tune_server_cfg *cfg)
{
	char path[CTL_PATH_MAX];
	int err = 0;

	DCORE_NOT_NULL(cfg);
	if (tune.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_tune_server_init: it runs already");
	if (!door.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_tune_server_init: doca_flow_init comes first");
	if (cfg->path[0])
		snprintf(path, sizeof(path), "%s", cfg->path);
	else if (dcore_card())
		err = card_run_path(dcore_card(), "flow-tune.sock", path, sizeof(path));
	else
		err = -ENODEV;
	if (!err)
		err = listen_at(path);
	if (!err)
		err = start_thread();
	if (err) {
		ctl_server_destroy(tune.ctl);
		tune.ctl = NULL;
		return dcore_from_errno(err, "doca_flow_tune_server_init");
	}
	tune.running = true;
	return DOCA_SUCCESS;
}

void doca_flow_tune_server_destroy(void)
{
	const uint64_t one = 1;

	if (!tune.running)
		return;
	if (write(tune.wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(tune.thread, NULL);
	ctl_server_destroy(tune.ctl);
	close(tune.wake);
	memset(&tune, 0, sizeof(tune));
}
