/* SPDX-License-Identifier: BSD-3-Clause */
/* The door to rooms nvme and nvmf, target side. One reactor: the caller's loop, or a thread of its own. */
#include "doca_nvmf.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/refuse.h"
#include "doca/common/common.h"
#include "nvmf/nvmf.h"
#include "nvmf/stream.h"

#define IDLE_NS NS_PER_SEC

struct doca_nvmf_target {
	struct reactor *reactor;
	struct nvme_target *target;
	struct nvmf_server *server;
	struct list subsystems, transports;
	bool threaded;
};

struct doca_nvmf_subsystem {
	struct list node, namespaces;
	struct doca_nvmf_target *target;
	struct nvme_subsystem *subsys;
};

struct doca_nvmf_namespace {
	struct list node;
	struct doca_nvmf_subsystem *subsys;
	struct nvme_namespace *ns;
	uint32_t nsid;
};

struct doca_nvmf_transport {
	struct list node;
	struct doca_nvmf_target *target;
	struct nvmf_listener *listener;
};

static doca_error_t need(const void *p, const char *call, const char *what)
{
	return p ? DOCA_SUCCESS : dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %s is NULL", call, what);
}

/* --- target --- */

doca_error_t doca_nvmf_target_create(struct doca_nvmf_target **target)
{
	struct reactor_options ro = {.cpu = -1, .spin_ns = 50 * NS_PER_US, .name = "doca-nvmf"};
	struct nvme_target_options to = {.reactor_count = 1};
	struct doca_nvmf_target *t;
	int err;

	if (need(target, __func__, "target"))
		return DOCA_ERROR_INVALID_VALUE;
	t = calloc(1, sizeof(*t));
	if (!t)
		return DOCA_ERROR_NO_MEMORY;
	list_init(&t->subsystems);
	list_init(&t->transports);
	err = reactor_create(&ro, &t->reactor);
	to.reactors = &t->reactor;
	if (!err)
		err = nvme_target_create(&to, &t->target);
	if (!err)
		err = nvmf_server_create(&(struct nvmf_server_options){.target = t->target}, &t->server);
	if (err) {
		doca_nvmf_target_destroy(t);
		return dcore_from_errno(err, __func__);
	}
	*target = t;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_tgt_create(struct doca_nvmf_tgt **tgt)
{
	return doca_nvmf_target_create(tgt);
}

static void drop_buffers(void *arg)
{
	stream_pool_drop(arg);
}

doca_error_t doca_nvmf_target_destroy(struct doca_nvmf_target *t)
{
	if (!t)
		return DOCA_SUCCESS;
	while (!list_is_empty(&t->transports))
		doca_nvmf_transport_destroy(list_entry(t->transports.next, struct doca_nvmf_transport, node));
	nvmf_server_destroy(t->server);
	while (!list_is_empty(&t->subsystems))
		doca_nvmf_subsystem_destroy(list_entry(t->subsystems.next, struct doca_nvmf_subsystem, node));
	nvme_target_destroy(t->target);
	if (t->reactor)
		reactor_call(t->reactor, drop_buffers, t->reactor);
	reactor_destroy(t->reactor);
	free(t);
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_tgt_destroy(struct doca_nvmf_tgt *tgt)
{
	return doca_nvmf_target_destroy(tgt);
}

doca_error_t doca_nvmf_target_process_events(struct doca_nvmf_target *t)
{
	if (need(t, __func__, "target"))
		return DOCA_ERROR_INVALID_VALUE;
	if (t->threaded)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the target runs on its own thread since "
							"doca_nvmf_tgt_start()",
			__func__);
	reactor_run_once(t->reactor, IDLE_NS);
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_tgt_start(struct doca_nvmf_tgt *t)
{
	int err;

	if (need(t, __func__, "tgt"))
		return DOCA_ERROR_INVALID_VALUE;
	err = reactor_start(t->reactor);
	t->threaded |= !err;
	return err ? dcore_from_errno(err, __func__) : DOCA_SUCCESS;
}

doca_error_t doca_nvmf_tgt_stop(struct doca_nvmf_tgt *t)
{
	if (need(t, __func__, "tgt"))
		return DOCA_ERROR_INVALID_VALUE;
	if (!t->threaded)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the target was not started", __func__);
	reactor_stop(t->reactor);
	return DOCA_SUCCESS;
}

/* --- subsystems --- */

doca_error_t doca_nvmf_subsystem_create(struct doca_nvmf_tgt *t, const struct doca_nvmf_subsystem_cfg *cfg,
	struct doca_nvmf_subsystem **subsys)
{
	struct nvme_subsystem_config c;
	struct doca_nvmf_subsystem *s;
	int err;

	if (need(t, __func__, "tgt") || need(cfg, __func__, "cfg") || need(subsys, __func__, "subsys") ||
		need(cfg->nqn, __func__, "cfg->nqn"))
		return DOCA_ERROR_INVALID_VALUE;
	c = (struct nvme_subsystem_config){.nqn = cfg->nqn, .serial = cfg->serial_number, .model = cfg->model_number,
		.max_namespaces = cfg->max_namespaces, .allow_any_host = cfg->allow_any_host};
	s = calloc(1, sizeof(*s));
	if (!s)
		return DOCA_ERROR_NO_MEMORY;
	err = nvme_subsystem_add(t->target, &c, &s->subsys);
	if (err) {
		free(s);
		return dcore_from_errno(err, __func__);
	}
	s->target = t;
	list_init(&s->namespaces);
	list_push_back(&t->subsystems, &s->node);
	*subsys = s;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_target_subsystem_create(
	struct doca_nvmf_target *target, const char *nqn, struct doca_nvmf_subsystem **subsys)
{
	struct doca_nvmf_subsystem_cfg cfg = {.nqn = nqn, .allow_any_host = true};

	return doca_nvmf_subsystem_create(target, &cfg, subsys);
}

static void note(void *arg)
{
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
}

doca_error_t doca_nvmf_subsystem_destroy(struct doca_nvmf_subsystem *s)
{
	bool gone = false;

	if (!s)
		return DOCA_SUCCESS;
	nvme_subsystem_remove(s->subsys, note, &gone);
	while (!__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
		reactor_help(s->target->reactor);
	while (!list_is_empty(&s->namespaces)) {
		struct doca_nvmf_namespace *ns = list_entry(s->namespaces.next, struct doca_nvmf_namespace, node);

		list_remove(&ns->node);
		free(ns);
	}
	list_remove(&s->node);
	free(s);
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_subsystem_allow_host(struct doca_nvmf_subsystem *s, const char *host_nqn)
{
	int err;

	if (need(s, __func__, "subsys") || need(host_nqn, __func__, "host_nqn"))
		return DOCA_ERROR_INVALID_VALUE;
	err = nvme_subsystem_host_add(s->subsys, host_nqn);
	return err ? dcore_from_errno(err, __func__) : DOCA_SUCCESS;
}

/* --- namespaces --- */

static doca_error_t add(struct doca_nvmf_subsystem *s, const char *uri, uint32_t nsid, bool readonly,
	struct doca_nvmf_namespace **out, const char *call)
{
	struct nvme_namespace_config c = {.nsid = nsid, .readonly = readonly};
	struct doca_nvmf_namespace *ns = calloc(1, sizeof(*ns));
	int err = ns ? blk_open(uri, &c.dev) : -ENOMEM;

	if (!err) {
		err = nvme_namespace_add(s->subsys, &c, &ns->ns);
		if (err)
			blk_close(c.dev);
	}
	if (err) {
		free(ns);
		return dcore_from_errno(err, call);
	}
	ns->subsys = s;
	ns->nsid = nvme_namespace_id(ns->ns);
	list_push_back(&s->namespaces, &ns->node);
	if (out)
		*out = ns;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_subsystem_add_ns(struct doca_nvmf_subsystem *subsys, const char *path, uint32_t nsid,
	struct doca_nvmf_namespace **ns)
{
	if (need(subsys, __func__, "subsys") || need(path, __func__, "path"))
		return DOCA_ERROR_INVALID_VALUE;
	return add(subsys, path, nsid, false, ns, __func__);
}

static doca_error_t build_uri(const struct doca_nvmf_namespace_cfg *cfg, char *uri, size_t size)
{
	unsigned block = cfg->block_size ? cfg->block_size : 512;
	const char *path = cfg->backend_path;
	bool in_memory = cfg->backend_type == DOCA_NVMF_BACKEND_MEMORY || cfg->backend_type == DOCA_NVMF_BACKEND_NULL;
	int n;

	if (!in_memory && (!path || !*path))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_nvmf_namespace_add: cfg->backend_path is empty");
	switch (cfg->backend_type) {
	case DOCA_NVMF_BACKEND_MEMORY:
	case DOCA_NVMF_BACKEND_NULL:
		n = snprintf(uri, size, "%s:%llu?block=%u",
			cfg->backend_type == DOCA_NVMF_BACKEND_MEMORY ? "mem" : "null", (unsigned long long)cfg->size,
			block);
		break;
	case DOCA_NVMF_BACKEND_FILE:
	case DOCA_NVMF_BACKEND_NVME:
		n = snprintf(uri, size, "file:%s?", path);
		if (cfg->size)
			n += snprintf(uri + n, size - (size_t)n, "size=%llu&", (unsigned long long)cfg->size);
		n += snprintf(uri + n, size - (size_t)n, "block=%u", block);
		break;
	case DOCA_NVMF_BACKEND_URI:
		n = snprintf(uri, size, "%s", path);
		break;
	default:
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_nvmf_namespace_add: backend type %d does not exist",
			(int)cfg->backend_type);
	}
	return (size_t)n < size ? DOCA_SUCCESS
				: dcore_fail(DOCA_ERROR_TOO_BIG, "doca_nvmf_namespace_add: the path is too long");
}

doca_error_t doca_nvmf_namespace_add(struct doca_nvmf_subsystem *subsys,
	const struct doca_nvmf_namespace_cfg *cfg, struct doca_nvmf_namespace **ns)
{
	char uri[4300];
	doca_error_t result;

	if (need(subsys, __func__, "subsys") || need(cfg, __func__, "cfg"))
		return DOCA_ERROR_INVALID_VALUE;
	if (cfg->compression_enabled)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: compression_enabled: the compression layer is not there "
							    "yet; set it to false",
			__func__);
	if (cfg->backend_path && strlen(cfg->backend_path) > 4096)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "%s: the path is over 4096 characters", __func__);
	result = build_uri(cfg, uri, sizeof(uri));
	return result ? result : add(subsys, uri, cfg->nsid, cfg->read_only, ns, __func__);
}

doca_error_t doca_nvmf_namespace_remove(struct doca_nvmf_namespace *ns)
{
	bool gone = false;

	if (!ns)
		return DOCA_SUCCESS;
	nvme_namespace_remove(ns->ns, note, &gone);
	while (!__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
		reactor_help(ns->subsys->target->reactor);
	list_remove(&ns->node);
	free(ns);
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_namespace_resize(struct doca_nvmf_namespace *ns, uint64_t size)
{
	int err;

	if (need(ns, __func__, "ns"))
		return DOCA_ERROR_INVALID_VALUE;
	err = nvme_namespace_resize(ns->ns, size);
	return err ? dcore_from_errno(err, __func__) : DOCA_SUCCESS;
}

doca_error_t doca_nvmf_namespace_get_nsid(const struct doca_nvmf_namespace *ns, uint32_t *nsid)
{
	if (need(ns, __func__, "ns") || need(nsid, __func__, "nsid"))
		return DOCA_ERROR_INVALID_VALUE;
	*nsid = ns->nsid;
	return DOCA_SUCCESS;
}

/* --- transports --- */

static doca_error_t listen_on(struct doca_nvmf_target *t, uint8_t trtype, const char *addr, uint16_t port,
	struct doca_nvmf_transport **out, const char *call)
{
	struct nvme_port_config pc = {.trtype = trtype, .traddr = addr};
	struct doca_nvmf_transport *x = calloc(1, sizeof(*x));
	char service[8];
	int err;

	if (!x)
		return DOCA_ERROR_NO_MEMORY;
	snprintf(service, sizeof(service), "%u", port);
	pc.trsvcid = service;
	err = nvmf_listen(t->server, &pc, &x->listener);
	if (err) {
		free(x);
		return dcore_from_errno(err, call);
	}
	x->target = t;
	list_push_back(&t->transports, &x->node);
	if (out)
		*out = x;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_target_listen(struct doca_nvmf_target *target, const struct sockaddr *addr)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes;
	uint16_t port;

	if (need(target, __func__, "target") || need(addr, __func__, "addr"))
		return DOCA_ERROR_INVALID_VALUE;
	if (addr->sa_family == AF_INET) {
		bytes = &((const struct sockaddr_in *)addr)->sin_addr;
		port = ntohs(((const struct sockaddr_in *)addr)->sin_port);
	} else if (addr->sa_family == AF_INET6) {
		bytes = &((const struct sockaddr_in6 *)addr)->sin6_addr;
		port = ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
	} else {
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: address family %d: expected AF_INET or AF_INET6",
			__func__, addr->sa_family);
	}
	inet_ntop(addr->sa_family, bytes, text, sizeof(text));
	return listen_on(target, NVME_TRTYPE_TCP, text, port, NULL, __func__);
}

doca_error_t doca_nvmf_transport_create(struct doca_nvmf_tgt *tgt, const struct doca_nvmf_transport_cfg *cfg,
	struct doca_nvmf_transport **transport)
{
	int err;

	if (need(tgt, __func__, "tgt") || need(cfg, __func__, "cfg") || need(cfg->addr, __func__, "cfg->addr"))
		return DOCA_ERROR_INVALID_VALUE;
	if (cfg->type != DOCA_NVMF_TRANSPORT_TCP && cfg->type != DOCA_NVMF_TRANSPORT_RDMA)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: transport type %d does not exist", __func__,
			(int)cfg->type);
	err = nvme_target_set_limits(tgt->target, cfg->max_queue_depth, cfg->max_io_size);
	if (err)
		return dcore_from_errno(err, __func__);
	return listen_on(tgt, cfg->type == DOCA_NVMF_TRANSPORT_RDMA ? NVME_TRTYPE_RDMA : NVME_TRTYPE_TCP, cfg->addr,
		cfg->port ? cfg->port : 4420, transport, __func__);
}

doca_error_t doca_nvmf_transport_destroy(struct doca_nvmf_transport *transport)
{
	if (!transport)
		return DOCA_SUCCESS;
	nvmf_listener_close(transport->listener);
	list_remove(&transport->node);
	free(transport);
	return DOCA_SUCCESS;
}
