/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "nvmfd.h"

/* --- changes: method -> op --- */

static struct nvmfd *daemon_of; /* ctl hands over one pointer per method: the op; there is one daemon */

typedef int (*op_fn)(struct nvmfd *d, const json_t *p);

struct change {
	const char *method;
	op_fn op;
};

static const struct change changes[] = {
	{"nvmf.listen", op_listen},
	{"nvmf.unlisten", op_unlisten},
	{"nvmf.subsystem_add", op_subsystem_add},
	{"nvmf.subsystem_remove", op_subsystem_remove},
	{"nvmf.subsystem_set", op_subsystem_set},
	{"nvmf.namespace_add", op_namespace_add},
	{"nvmf.namespace_remove", op_namespace_remove},
	{"nvmf.namespace_set", op_namespace_set},
	{"nvmf.host_allow", op_host_allow},
	{"nvmf.host_deny", op_host_deny},
	{"nvmf.host_set", op_host_set},
	{"nvmf.ana_set", op_ana_set},
	{"nvmf.referral_add", op_referral_add},
	{"nvmf.referral_remove", op_referral_remove},
};

static int run_change(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	const struct change *c = arg;
	json_t *none = params ? NULL : json_object();
	int err = c->op(daemon_of, params ? params : none);

	json_decref(none);
	if (!err)
		*result = json_object();
	return err;
}

/* --- looking in --- */

static int config(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	*result = json_deep_copy(((struct nvmfd *)arg)->model);
	return 0;
}

static void hex(const uint8_t *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void add_namespace(void *arg, const struct nvme_namespace_info *n)
{
	const struct nvme_io_stats *s = &n->stats;
	char nguid[33], uuid[33];

	hex(n->nguid, 16, nguid);
	hex(n->uuid, 16, uuid);
	json_array_append_new(arg, json_pack("{s:i, s:s, s:I, s:i, s:i, s:b, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, "
					     "s:I, s:I, s:I, s:I}",
					   "nsid", (int)n->nsid, "backend", n->uri, "size", (json_int_t)n->size,
					   "block", (int)n->block_size, "ana_group", (int)n->ana_group, "readonly",
					   n->readonly, "masked", n->masked, "nguid", nguid, "uuid", uuid, "iops_limit",
					   (json_int_t)n->iops_limit, "bytes_limit", (json_int_t)n->bytes_limit,
					   "reads", (json_int_t)s->reads, "writes", (json_int_t)s->writes, "others",
					   (json_int_t)s->others, "read_bytes", (json_int_t)s->read_bytes,
					   "write_bytes", (json_int_t)s->write_bytes, "errors",
					   (json_int_t)s->errors, "read_ns", (json_int_t)s->latency_ns_read,
					   "write_ns", (json_int_t)s->latency_ns_write));
}

static void add_subsystem(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *i)
{
	json_t *namespaces = json_array();

	nvme_each_namespace(s, add_namespace, namespaces, true);
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:b, s:i, s:o}", "nqn", i->nqn, "serial", i->serial,
					   "model", i->model, "allow_any_host", i->allow_any_host, "controllers",
					   (int)i->controllers, "namespaces", namespaces));
}

static void add_ctrl(void *arg, const struct nvme_ctrl_info *c)
{
	json_array_append_new(arg, json_pack("{s:i, s:s, s:s, s:i, s:i, s:i, s:b, s:b}", "cntlid", c->cntlid, "nqn",
					   c->subnqn, "host", c->hostnqn, "port", c->port_id, "io_queues",
					   c->io_queues, "kato_ms", (int)c->kato_ms, "authenticated",
					   c->authenticated, "secure", c->secure));
}

static json_t *reactor_state(const struct nvmfd *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->reactor_count; i++) {
		struct reactor_stats s;

		reactor_stats(d->reactors[i], &s);
		json_array_append_new(list,
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "busy_ns", (json_int_t)s.busy_ns, "sleeps",
				(json_int_t)s.sleeps, "completions", (json_int_t)s.completions, "buffer_bytes",
				(json_int_t)s.buf_bytes, "buffer_failures", (json_int_t)s.buf_failures));
	}
	return list;
}

static json_t *listener_state(const struct nvmfd *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->listener_count; i++) {
		const struct nvme_port *p = nvmf_listener_port(d->listeners[i]);
		const struct nvme_port_config *c = nvme_port_config(p);

		json_array_append_new(list,
			json_pack("{s:i, s:s, s:s, s:s, s:b}", "id", c->id, "transport",
				c->trtype == NVME_TRTYPE_TCP ? "tcp" : "rdma", "address", c->traddr, "port",
				c->trsvcid, "secure", c->secure));
	}
	return list;
}

static int status(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct nvmfd *d = arg;
	struct nvmf_server_stats s;
	json_t *subsystems = json_array(), *ctrls = json_array();

	nvmf_server_stats(d->server, &s);
	nvme_each_subsystem(d->target, add_subsystem, subsystems);
	nvme_each_ctrl(d->target, add_ctrl, ctrls);
	*result = json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:{s:i, s:I, s:I, s:I, s:I, s:I, s:I}}", "name", d->name,
		"uptime_ns", (json_int_t)(clock_now_ns() - d->started_ns), "listeners", listener_state(d),
		"subsystems", subsystems, "controllers", ctrls, "reactors", reactor_state(d), "connections", "open",
		(int)s.connections, "accepted", (json_int_t)s.accepted, "refused", (json_int_t)s.refused,
		"protocol_errors", (json_int_t)s.protocol_errors, "digest_errors", (json_int_t)s.digest_errors,
		"timeouts", (json_int_t)s.timeouts, "buffer_waits", (json_int_t)s.waits);
	return 0;
}

int rpc_register(struct nvmfd *d)
{
	int err = 0;

	daemon_of = d;
	for (size_t i = 0; i < ARRAY_SIZE(changes) && !err; i++)
		err = ctl_register(d->ctl, changes[i].method, run_change, (void *)(uintptr_t)&changes[i]);
	if (!err)
		err = ctl_register(d->ctl, "nvmf.config", config, d);
	if (!err)
		err = ctl_register(d->ctl, "nvmf.status", status, d);
	return err ? err : volume_register(d);
}
