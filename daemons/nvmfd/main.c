/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"

#include "nvmfd.h"
#include "nvmf/stream.h"

LOG_MODULE("nvmfd");

static const char *config_path = "/etc/softdpu/nvmfd.yaml", *ctl_group;
static bool check, reset;

static const struct args_option options[] = {
	{'c', "config", "CONFIG", "YAML or JSON (default: /etc/softdpu/nvmfd.yaml)", &config_path, NULL},
	{'g', "group", "GROUP", "let this group use the control socket (default: root only)", &ctl_group, NULL},
	{0, "check", NULL, "read and check the configuration, do nothing else", NULL, &check},
	{0, "reset", NULL, "forget saved live changes, start from CONFIG", NULL, &reset},
};

static const struct args_usage usage = {
	"softdpu-nvmfd", "Export block devices to NVMe/TCP and NVMe/RDMA hosts.",
	"Live changes (softdpu nvme target, softdpu volume) are saved below the state directory and used\n"
	"instead of CONFIG at the next start.\n",
	options, ARRAY_SIZE(options)};

/* --- starting --- */

static int make_reactors(struct nvmfd *d, const json_t *config)
{
	const json_t *list = json_object_get(config, "reactors");
	uint64_t spin_us = 50;
	size_t n = json_is_array(list) ? json_array_size(list) : json_is_integer(list) ? (size_t)json_integer_value(list) : 1;
	int err = ctl_want_u64(config, "spin_us", 0, UINT32_MAX, &spin_us);

	if (err)
		return err;
	if (!n || n > 32)
		return refuse(EINVAL, "'reactors': expected 1 to 32, or a list of CPUs");
	for (size_t i = 0; i < n; i++) {
		const json_t *cpu = json_array_get(list, i);
		char name[16];
		struct reactor_options o = {.cpu = json_is_integer(cpu) ? (int)json_integer_value(cpu) : -1,
			.spin_ns = spin_us * NS_PER_US, .name = name};

		snprintf(name, sizeof(name), "nvmf%zu", i);
		err = reactor_create(&o, &d->reactors[i]);
		if (err)
			return err;
		d->reactor_count++;
	}
	return 0;
}

static int make_target(struct nvmfd *d, const json_t *config)
{
	struct nvme_target_options to = {.reactors = d->reactors, .reactor_count = d->reactor_count,
		.state_dir = d->state_dir};
	struct nvmf_server_options so = {.target = NULL};
	uint64_t queue_size = 0, io_queues = 0, capsule = 0, connections = 0;
	int err = ctl_want_u64(config, "queue_size", 2, NVME_QUEUE_SIZE_MAX, &queue_size);

	if (!err)
		err = ctl_want_u64(config, "io_queues", 1, NVME_IO_QUEUES_MAX, &io_queues);
	if (!err)
		err = ctl_want_u64(config, "in_capsule_bytes", 512, 65536, &capsule);
	if (!err)
		err = ctl_want_u64(config, "max_connections", 1, 65536, &connections);
	if (err)
		return err;
	to.queue_size = (uint32_t)queue_size;
	to.io_queues = (uint32_t)io_queues;
	err = nvme_target_create(&to, &d->target);
	if (err)
		return err;
	so.target = d->target;
	so.in_capsule_bytes = (uint32_t)capsule;
	so.max_connections = (uint32_t)connections;
	return nvmf_server_create(&so, &d->server);
}

static int set_places(struct nvmfd *d, const json_t *config)
{
	const char *name = "nvmf0", *state = "/var/lib/softdpu/nvmfd";
	int err = ctl_want_string(config, "name", &name);

	if (!err)
		err = ctl_want_string(config, "state", &state);
	if (!err && (strlen(name) >= sizeof(d->name) || strlen(state) >= sizeof(d->state_dir) - 60))
		err = refuse(EINVAL, "'name' or 'state' is too long");
	if (err)
		return err;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->state_dir, sizeof(d->state_dir), "%s", state);
	return 0;
}

static int make_state_dir(const char *path)
{
	char part[256];

	for (const char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, 0700) && errno != EEXIST)
			return refuse(errno, "state directory %s: %s", part, strerror(errno));
		if (!*p)
			return 0;
	}
}

static int open_ctl(struct nvmfd *d, const json_t *config, const char *group)
{
	const char *listen = NULL;
	char path[CTL_PATH_MAX];
	int err = ctl_socket_path(d->name, "nvmfd", path);

	if (!err)
		err = ctl_server_create(path, group, &d->ctl);
	if (!err)
		err = rpc_register(d);
	if (!err)
		err = ctl_want_string(config, "metrics", &listen);
	if (!err && listen)
		err = metrics_create(listen, &d->metrics);
	if (!err && d->metrics)
		metrics_add(d);
	return err;
}

static int check_members(const json_t *config)
{
	static const char *const known[] = {"name", "state", "reactors", "spin_us", "queue_size", "io_queues",
		"in_capsule_bytes", "max_connections", "metrics", "listen", "referrals", "hosts", "subsystems", "ana",
		NULL};

	return config_only(config, known);
}

/* The model starts with what only a restart changes; the rest comes by replay. */
static void start_model(struct nvmfd *d, const json_t *config)
{
	static const char *const fixed[] = {"name", "state", "reactors", "spin_us", "queue_size", "io_queues",
		"in_capsule_bytes", "max_connections", "metrics"};

	d->model = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (json_object_get(config, fixed[i]))
			json_object_set(d->model, fixed[i], json_object_get(config, fixed[i]));
}

/* Saved live changes win over the file they started from, and say so. */
static int prefer_saved(struct nvmfd *d, json_t **config)
{
	json_t *saved;
	int err;

	if (reset && unlink(d->save_path) && errno != ENOENT)
		return refuse(errno, "%s: %s", d->save_path, strerror(errno));
	if (access(d->save_path, R_OK))
		return 0;
	err = config_load(d->save_path, &saved);
	if (err)
		return err;
	log_info("using %s, which live changes made; --reset goes back to %s", d->save_path, config_path);
	json_decref(*config);
	*config = saved;
	return 0;
}

static int start(struct nvmfd *d)
{
	json_t *config = NULL;
	int err;

	d->checking = check;
	err = config_load(config_path, &config);

	if (!err)
		err = check_members(config);
	if (!err)
		err = set_places(d, config);
	if (!err && !check)
		err = make_state_dir(d->state_dir);
	snprintf(d->save_path, sizeof(d->save_path), "%s/nvmfd.json", d->state_dir);
	if (!err && !check)
		err = prefer_saved(d, &config);
	if (!err)
		err = make_reactors(d, config);
	if (!err)
		err = make_target(d, config);
	start_model(d, config);
	for (unsigned i = 0; i < d->reactor_count && !err; i++)
		err = reactor_start(d->reactors[i]);
	if (!err)
		err = config_apply(d, config);
	if (!err && !check)
		err = open_ctl(d, config, ctl_group);
	json_decref(config);
	d->started_ns = clock_now_ns();
	return err;
}

/* --- running --- */

static int signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void loop(struct nvmfd *d, int signals)
{
	struct pollfd fds[3] = {{.fd = signals, .events = POLLIN}, {.fd = ctl_server_fd(d->ctl), .events = POLLIN},
		{.fd = d->metrics ? metrics_fd(d->metrics) : -1, .events = POLLIN}};

	while (!(fds[0].revents & POLLIN)) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			ctl_server_process(d->ctl);
		if (fds[2].revents)
			metrics_process(d->metrics, clock_now_ns());
	}
}

void print_connect_lines(const struct nvmfd *d)
{
	size_t i;
	json_t *s;

	for (unsigned l = 0; l < d->listener_count; l++) {
		const struct nvme_port_config *c = nvme_port_config(nvmf_listener_port(d->listeners[l]));
		const char *addr = c->advertise_traddr ? c->advertise_traddr : c->traddr;
		const char *transport = c->trtype == NVME_TRTYPE_RDMA ? "rdma" : "tcp";

		if (!strcmp(addr, "0.0.0.0") || !strcmp(addr, "::"))
			addr = "<this machine>";
		printf("nvme discover -t %s -a %s -s %s%s\n", transport, addr, c->trsvcid, c->secure ? " --tls" : "");
		json_array_foreach(json_object_get(d->model, "subsystems"), i, s)
			printf("nvme connect -t %s -a %s -s %s -n %s%s\n", transport, addr, c->trsvcid,
				json_string_value(json_object_get(s, "nqn")), c->secure ? " --tls" : "");
	}
	fflush(stdout);
}

/* --- ending --- */

static void drop_receive_buffers(void *arg)
{
	stream_pool_drop(arg);
}

static void note_gone(void *arg)
{
	__atomic_sub_fetch((int *)arg, 1, __ATOMIC_RELEASE);
}

static void remove_subsystems(struct nvmfd *d)
{
	size_t i;
	json_t *s;
	int left = 0;

	json_array_foreach(json_object_get(d->model, "subsystems"), i, s)
	{
		struct nvme_subsystem *sub =
			nvme_subsystem_find(d->target, json_string_value(json_object_get(s, "nqn")));

		if (!sub)
			continue;
		__atomic_add_fetch(&left, 1, __ATOMIC_RELAXED);
		nvme_subsystem_remove(sub, note_gone, &left);
	}
	while (__atomic_load_n(&left, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static void stop(struct nvmfd *d)
{
	metrics_destroy(d->metrics);
	ctl_server_destroy(d->ctl);
	nvmf_server_destroy(d->server);
	if (d->target)
		remove_subsystems(d);
	nvme_target_destroy(d->target);
	for (unsigned i = 0; i < d->reactor_count; i++) {
		reactor_call(d->reactors[i], drop_receive_buffers, d->reactors[i]);
		reactor_destroy(d->reactors[i]);
	}
	json_decref(d->model);
}

int main(int argc, char **argv)
{
	struct nvmfd d = {.started_ns = 0};
	int rc = args_parse(argc, argv, &usage), signals;

	if (rc >= 0)
		return rc;
	signals = signal_fd();
	rc = start(&d);
	if (rc) {
		fprintf(stderr, "softdpu-nvmfd: %s\n", refusal());
	} else if (check) {
		printf("%s: good\n", config_path);
	} else {
		print_connect_lines(&d);
		log_info("%s is ready: %u reactors, %u listeners", d.name, d.reactor_count, d.listener_count);
		loop(&d, signals);
		log_info("ending");
	}
	stop(&d);
	return rc ? 1 : 0;
}
