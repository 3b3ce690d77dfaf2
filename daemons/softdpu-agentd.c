/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpu-agentd: keeps one node's switch at what the Kubernetes manifests say. It watches their
 * directory, reads all of it when something changed, resolves it for the node of the card, and pushes
 * the difference; when the switch restarts it connects again and pushes everything. Manifests that are
 * refused change nothing. Traffic does not need it: the switch keeps what it has when the agent is gone.
 */
#include <limits.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/args.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"
#include "card/card.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"

LOG_MODULE("agentd");

#define MANIFESTS_DEFAULT "/etc/softdpu/manifests"
#define CALL_TIMEOUT_MS 10000
#define SETTLE_NS \
	(100 * NS_PER_MS) /* an editor writes, renames and removes: wait until it is done */
#define RETRY_NS (500 * NS_PER_MS) /* between attempts to reach the switch */

struct agentd {
	struct card *card;
	const char *manifests;
	const char *group;
	struct agent_model *model; /* what the manifests say; NULL until they were read once */
	json_t *state;             /* the same, resolved for our node */
	unsigned objects;
	struct agent_session *session;
	struct ctl_client *client; /* NULL: the switch is not there */
	struct ctl_server *server;
	int inotify, signals, watch;
	uint64_t reload_ns, retry_ns; /* when to do it; 0 = not */
	bool silent;                  /* the absence of the switch was reported */
	bool ended;
};

/* --- reading --- */

/* Replaces model and state when everything is good, else nothing. */
static int read_manifests(struct agentd *a)
{
	struct agent_model *model;
	struct agent_counts n;
	json_t *state;
	int rc = agent_model_load(a->manifests, &model);

	if (rc < 0)
		return rc;
	rc = agent_resolve(model, a->card->node.name, &state);
	if (rc < 0) {
		agent_model_free(model);
		return refuse_more(rc, "%s", a->manifests);
	}
	agent_model_free(a->model);
	json_decref(a->state);
	a->model = model;
	a->state = state;
	n = agent_model_counts(model);
	a->objects = n.nodes + n.pods + n.services + n.slices + n.policies + n.namespaces;
	log_info("%s: %u nodes, %u pods, %u services, %u policies", a->manifests, n.nodes, n.pods,
		n.services, n.policies);
	return 0;
}

/* --- the switch --- */

static int call_switch(void *arg, const char *method, const json_t *params, json_t **result)
{
	struct agentd *a = arg;
	int rc;

	if (!a->client)
		return refuse(ENOTCONN, "the switch of card '%s' is not running", a->card->name);
	rc = ctl_call(a->client, method, params ? json_incref((json_t *)(uintptr_t)params) : NULL,
		CALL_TIMEOUT_MS, result);
	return rc;
}

static void disconnect(struct agentd *a)
{
	ctl_disconnect(a->client);
	a->client = NULL;
	agent_session_disconnected(a->session);
	a->retry_ns = clock_now_ns() + RETRY_NS;
}

static int connect_switch(struct agentd *a)
{
	char path[CTL_PATH_MAX];
	int rc;

	if (a->client)
		return 0;
	if ((rc = card_run_path(a->card, "softdpud.sock", path, sizeof(path))) < 0 ||
		(rc = ctl_connect(path, &a->client)) < 0)
		return rc;
	a->silent = false;
	log_info("connected to the switch of card '%s'", a->card->name);
	return 0;
}

/* "node.apply: pod default/x: field 'vf': ..." gets the file and line it comes from in front. */
static void name_the_place(const struct agentd *a)
{
	char kind[16], name[600], field[64] = "", where[PATH_MAX + 16];
	const char *sentence = strstr(refusal(), "node.apply: ");

	if (!sentence || sscanf(sentence, "node.apply: %15s %599[^:]: field '%63[^']'", kind, name,
				 field) < 2)
		return;
	if (*agent_where(a->model, kind, name, field, where, sizeof(where)))
		refuse_more(-EINVAL, "%s", where);
}

static bool link_broke(int rc)
{
	return rc == -ECONNRESET || rc == -EPIPE || rc == -ETIMEDOUT || rc == -EPROTO ||
	       rc == -ENOTCONN;
}

static int push(struct agentd *a)
{
	struct agent_push last;
	int rc = connect_switch(a);

	a->retry_ns = 0;
	if (rc == 0)
		rc = agent_session_push(a->session, a->state);
	if (rc == 0) {
		last = agent_session_last(a->session);
		if (last.upserts || last.deletes || last.full)
			log_info("generation %llu: %s%u set, %u removed",
				(unsigned long long)last.generation,
				last.full ? "everything, " : "", last.upserts, last.deletes);
		return 0;
	}
	if (!a->client || link_broke(rc)) {
		if (!a->silent)
			log_warn("%s; trying again", refusal());
		a->silent = true;
		disconnect(a);
	} else {
		name_the_place(a);
		log_err("the switch refused: %s", refusal());
	}
	return rc;
}

/* --- changes --- */

static void reload(struct agentd *a)
{
	a->reload_ns = 0;
	if (read_manifests(a) < 0)
		log_err("%s; the running state stays", refusal());
	else
		push(a);
}

static const char *kubernetes_kind(const char *kind)
{
	static const char *const names[][2] = {{"node", "Node"}, {"pod", "Pod"},
		{"service", "Service"}, {"policy", "NetworkPolicy"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(kind, names[i][0]))
			return names[i][1];
	return kind;
}

/* What an operation means to the one who edited the manifests. */
static void report(
	const json_t *op, const json_t *before, json_t *added, json_t *changed, json_t *removed)
{
	const char *kind = json_string_value(json_object_get(op, "kind"));
	const char *name = json_string_value(json_object_get(op, "name"));
	bool upsert = !strcmp(json_string_value(json_object_get(op, "op")), "upsert");
	char key[1200];

	snprintf(key, sizeof(key), "%s/%s", kind, name);
	json_array_append_new(!upsert                        ? removed
			      : json_object_get(before, key) ? changed
							     : added,
		json_sprintf("%s %s", kubernetes_kind(kind), name));
}

static int on_reload(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	json_t *before, *ops, *op, *added, *changed, *removed;
	struct agentd *a = arg;
	size_t i;
	int rc;

	before = json_incref(a->state);
	if ((rc = read_manifests(a)) == 0) {
		a->reload_ns = 0;
		rc = push(a);
	}
	if (rc < 0) {
		json_decref(before);
		return rc;
	}
	added = json_array();
	changed = json_array();
	removed = json_array();
	ops = agent_diff(before, a->state);
	json_array_foreach(ops, i, op)
		report(op, before, added, changed, removed);
	json_decref(ops);
	json_decref(before);
	*result = json_pack("{s:I, s:I, s:o, s:o, s:o}", "generation",
		(json_int_t)agent_session_last(a->session).generation, "objects",
		(json_int_t)a->objects, "added", added, "changed", changed, "removed", removed);
	return 0;
}

/* --- watching --- */

static void watch(struct agentd *a)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", a->manifests);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		dirname(path);
	a->watch = inotify_add_watch(a->inotify, path,
		IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
			IN_MOVE_SELF);
}

static void on_inotify(struct agentd *a)
{
	char events[4096] __attribute__((aligned(8)));

	while (read(a->inotify, events, sizeof(events)) > 0)
		;
	a->reload_ns = clock_now_ns() + SETTLE_NS;
	watch(a); /* the directory itself may be another one now */
}

static void on_signal(struct agentd *a)
{
	struct signalfd_siginfo info;

	while (read(a->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(a);
		else
			a->ended = true;
	}
}

/* The switch never speaks first: what comes is the end of the connection. */
static void on_switch(struct agentd *a)
{
	const char *method;
	json_t *params;
	int rc = ctl_next(a->client, 0, &method, &params);

	if (rc == 0)
		json_decref(params);
	if (rc == 0 || rc == -ETIMEDOUT)
		return;
	log_warn("the switch of card '%s' closed the connection", a->card->name);
	a->silent = true;
	disconnect(a);
}

static int timeout_ms(const struct agentd *a)
{
	uint64_t now = clock_now_ns(), next = UINT64_MAX;

	if (a->reload_ns)
		next = a->reload_ns;
	if (a->retry_ns && a->retry_ns < next)
		next = a->retry_ns;
	if (a->watch < 0 && now + NS_PER_SEC < next)
		next = now + NS_PER_SEC;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void on_time(struct agentd *a)
{
	uint64_t now = clock_now_ns();

	if (a->watch < 0) {
		watch(a);
		if (a->watch >= 0)
			a->reload_ns = now;
	}
	if (a->reload_ns && now >= a->reload_ns)
		reload(a);
	if (a->retry_ns && now >= a->retry_ns && a->state)
		push(a);
}

static void loop(struct agentd *a)
{
	while (!a->ended) {
		struct pollfd fds[] = {
			{.fd = a->signals, .events = POLLIN},
			{.fd = a->inotify, .events = POLLIN},
			{.fd = ctl_server_fd(a->server), .events = POLLIN},
			{.fd = a->client ? ctl_client_fd(a->client) : -1, .events = POLLIN},
		};

		if (poll(fds, ARRAY_SIZE(fds), timeout_ms(a)) > 0) {
			if (fds[0].revents)
				on_signal(a);
			if (fds[1].revents)
				on_inotify(a);
			if (fds[3].revents && a->client)
				on_switch(a);
			if (fds[2].revents)
				ctl_server_process(a->server);
		}
		on_time(a);
	}
}

/* --- life --- */

static int start(struct agentd *a)
{
	struct agent_link link = {call_switch, a};
	char path[CTL_PATH_MAX];
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	a->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	a->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (a->signals < 0 || a->inotify < 0)
		return refuse(errno, "cannot watch: %s", strerror(errno));
	if ((rc = agent_session_create(a->card->node.name, &link, &a->session)) < 0 ||
		(rc = card_run_path(a->card, "agentd.sock", path, sizeof(path))) < 0 ||
		(rc = ctl_server_create(path, a->group, &a->server)) < 0)
		return rc;
	return ctl_register(a->server, CTL_AGENT_RELOAD, on_reload, a);
}

static void stop(struct agentd *a)
{
	ctl_server_destroy(a->server);
	ctl_disconnect(a->client);
	agent_session_destroy(a->session);
	json_decref(a->state);
	agent_model_free(a->model);
	if (a->inotify >= 0)
		close(a->inotify);
	if (a->signals >= 0)
		close(a->signals);
	card_destroy(a->card);
}

static const char *profile, *manifests = MANIFESTS_DEFAULT, *group;
static bool check, print;

static const struct args_option options[] = {
	{'c', "card", "PROFILE", "the card profile; without it $SOFTDPU_CARD", &profile, NULL},
	{'m', "manifests", "PATH", "a directory or a file (default " MANIFESTS_DEFAULT ")", &manifests, NULL},
	{'g', "group", "GROUP", "let this group use the control socket (default: root only)", &group, NULL},
	{0, "check", NULL, "read and check the manifests, do nothing else", NULL, &check},
	{0, "print", NULL, "print the node's desired state as JSON, do nothing else", NULL, &print},
};

static const struct args_usage usage = {
	"softdpu-agentd", "Keep the node of card PROFILE at what the Kubernetes manifests under PATH say.",
	"Changes under PATH are applied as they happen; SIGHUP and `softdpu reload` apply them now.\n",
	options, ARRAY_SIZE(options)};

static int complain(void)
{
	fprintf(stderr, "softdpu-agentd: %s\n", refusal());
	return 1;
}

/* --check and --print. */
static int look_only(struct agentd *a)
{
	if (read_manifests(a) < 0)
		return complain();
	if (print) {
		json_dumpf(a->state, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%s: %u objects: good\n", a->manifests, a->objects);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct agentd a = {.inotify = -1, .signals = -1, .watch = -1};
	int status = args_parse(argc, argv, &usage);

	if (status >= 0)
		return status;
	a.manifests = manifests;
	a.group = group;
	if ((profile ? card_load(profile, &a.card) : card_open(&a.card)) < 0)
		return complain();
	if (!a.card->node.name[0]) {
		refuse(EINVAL, "card '%s' serves no node: its profile has no 'node' section",
			a.card->name);
		status = complain();
	} else if (check || print) {
		status = look_only(&a);
	} else if (start(&a) < 0) {
		status = complain();
	} else {
		watch(&a);
		reload(&a);
		loop(&a);
		status = 0;
	}
	stop(&a);
	return status;
}
