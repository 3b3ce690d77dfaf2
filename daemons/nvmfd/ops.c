/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

#include "nvmfd.h"

/* --- the tree --- */

static json_t *list_of(json_t *object, const char *name)
{
	json_t *list = json_object_get(object, name);

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(object, name, list);
	}
	return list;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_t *op_find(const struct nvmfd *d, const char *list, const char *key, const char *value)
{
	size_t i;
	json_t *e;

	json_array_foreach(list_of(d->model, list), i, e)
		if (!strcmp(text_of(e, key), value))
			return e;
	return NULL;
}

static void drop(json_t *list, const json_t *element)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i, e)
		if (e == element) {
			json_array_remove(list, i);
			return;
		}
}

static json_t *by_number(json_t *list, const char *key, uint64_t number)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i, e)
		if ((uint64_t)json_integer_value(json_object_get(e, key)) == number)
			return e;
	return NULL;
}

/* --- listeners --- */

static int port_text(const json_t *p, const char *name, const char *fallback, char out[8])
{
	const json_t *v = json_object_get(p, name);

	if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 65536)
		snprintf(out, 8, "%d", (int)json_integer_value(v));
	else if (json_is_string(v) && strlen(json_string_value(v)) < 6)
		snprintf(out, 8, "%s", json_string_value(v));
	else if (!v)
		snprintf(out, 8, "%s", fallback);
	else
		return refuse(EINVAL, "'%s': expected a port number", name);
	return 0;
}

static int parse_transport(const json_t *p, uint8_t *trtype)
{
	const char *text = "tcp";
	int err = ctl_want_string(p, "transport", &text);

	if (!err && !strcmp(text, "tcp"))
		*trtype = NVME_TRTYPE_TCP;
	else if (!err && !strcmp(text, "rdma"))
		*trtype = NVME_TRTYPE_RDMA;
	else if (!err)
		err = refuse(EINVAL, "transport '%s': expected tcp or rdma", text);
	return err;
}

int op_listen(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"transport", "address", "port", "id", "advertise", "advertise_port",
		"secure", NULL};
	struct nvme_port_config c = {.adrfam = NVME_ADRFAM_IPV4};
	char port[8], advertised[8];
	struct nvmf_listener *l;
	uint64_t id = 0;
	json_t *note;
	int err = config_only(p, known);

	if (!err)
		err = parse_transport(p, &c.trtype);
	if (!err)
		err = ctl_need_string(p, "address", &c.traddr);
	if (!err)
		err = ctl_want_string(p, "advertise", &c.advertise_traddr);
	if (!err)
		err = ctl_want_u64(p, "id", 1, 65535, &id);
	if (!err)
		err = ctl_want_bool(p, "secure", &c.secure);
	if (!err && c.secure && c.trtype != NVME_TRTYPE_TCP)
		err = refuse(EINVAL, "listener 'secure': only TCP has TLS; protect RDMA hosts with dhchap_key");
	if (!err)
		err = port_text(p, "port", "4420", port);
	if (!err)
		err = port_text(p, "advertise_port", "", advertised);
	if (!err && d->listener_count == NVMFD_LISTENERS_MAX)
		err = refuse(ENOSPC, "%d listeners exist already, the limit", NVMFD_LISTENERS_MAX);
	if (err)
		return err;
	c.id = (uint16_t)id;
	c.trsvcid = port;
	c.advertise_trsvcid = advertised[0] ? advertised : NULL;
	if (d->checking)
		return 0;
	err = nvmf_listen(d->server, &c, &l);
	if (err)
		return err;
	d->listeners[d->listener_count++] = l;
	note = json_deep_copy(p);
	json_object_set_new(note, "id", json_integer(nvme_port_id(nvmf_listener_port(l))));
	json_array_append_new(list_of(d->model, "listen"), note);
	return config_save(d);
}

static void drop_ana(struct nvmfd *d, uint64_t port)
{
	json_t *list = list_of(d->model, "ana"), *e;

	while ((e = by_number(list, "port", port)))
		drop(list, e);
}

int op_unlisten(struct nvmfd *d, const json_t *p)
{
	uint64_t id;
	int err = ctl_need_u64(p, "id", 1, 65535, &id);

	for (unsigned i = 0; i < d->listener_count && !err; i++) {
		struct nvmf_listener *l = d->listeners[i];

		if (nvme_port_id(nvmf_listener_port(l)) != id)
			continue;
		d->listeners[i] = d->listeners[--d->listener_count];
		nvmf_listener_close(l);
		drop(list_of(d->model, "listen"), by_number(list_of(d->model, "listen"), "id", id));
		drop_ana(d, id);
		return config_save(d);
	}
	return err ? err : refuse(ENOENT, "no listener %llu", (unsigned long long)id);
}

/* --- subsystems --- */

static int need_subsystem(struct nvmfd *d, const json_t *p, struct nvme_subsystem **s, json_t **note)
{
	const char *nqn;
	int err = ctl_need_string(p, "nqn", &nqn);

	if (err)
		return err;
	*s = nvme_subsystem_find(d->target, nqn);
	*note = op_find(d, "subsystems", "nqn", nqn);
	return *s && *note ? 0 : refuse(ENOENT, "no subsystem %s", nqn);
}

/* The lists of a subsystem element: each becomes the change it stands for. */
static int add_parts(struct nvmfd *d, const json_t *p, const char *list, const char *key,
	int (*op)(struct nvmfd *, const json_t *))
{
	const json_t *array = json_object_get(p, list);
	size_t i;
	json_t *e;

	json_array_foreach((json_t *)(uintptr_t)array, i, e)
	{
		json_t *params = key ? json_object() : json_deep_copy(e);
		int err;

		if (key)
			json_object_set(params, key, e);
		json_object_set(params, "nqn", json_object_get(p, "nqn"));
		err = op(d, params);
		json_decref(params);
		if (err)
			return refuse_more(err, "%s[%zu]", list, i);
	}
	return 0;
}

int op_subsystem_add(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"nqn", "serial", "model", "cntlid_min", "cntlid_max",
		"max_namespaces", "allow_any_host", "hosts", "namespaces", "volume", NULL};
	static const char *const scalars[] = {"nqn", "serial", "model", "cntlid_min", "cntlid_max",
		"max_namespaces", "allow_any_host", "volume"};
	struct nvme_subsystem_config c = {.allow_any_host = false};
	uint64_t lo = 0, hi = 0, most = 0;
	struct nvme_subsystem *s;
	json_t *note;
	int err = config_only(p, known);

	if (!err)
		err = ctl_need_string(p, "nqn", &c.nqn);
	if (!err)
		err = ctl_want_string(p, "serial", &c.serial);
	if (!err)
		err = ctl_want_string(p, "model", &c.model);
	if (!err)
		err = ctl_want_u64(p, "cntlid_min", 1, 0xffef, &lo);
	if (!err)
		err = ctl_want_u64(p, "cntlid_max", 1, 0xffef, &hi);
	if (!err)
		err = ctl_want_u64(p, "max_namespaces", 1, NVME_NAMESPACES_MAX, &most);
	if (!err)
		err = ctl_want_bool(p, "allow_any_host", &c.allow_any_host);
	if (err)
		return err;
	c.cntlid_min = (uint16_t)lo;
	c.cntlid_max = (uint16_t)hi;
	c.max_namespaces = (uint32_t)most;
	err = nvme_subsystem_add(d->target, &c, &s);
	if (err)
		return err;
	note = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
		if (json_object_get(p, scalars[i]))
			json_object_set(note, scalars[i], json_object_get(p, scalars[i]));
	json_array_append_new(list_of(d->model, "subsystems"), note);
	err = add_parts(d, p, "hosts", "host", op_host_allow);
	if (!err)
		err = add_parts(d, p, "namespaces", NULL, op_namespace_add);
	if (err && !d->replaying) { /* all of it or nothing */
		drop(list_of(d->model, "subsystems"), note);
		nvme_subsystem_remove(s, NULL, NULL);
	}
	return err ? refuse_more(err, "%s", c.nqn) : config_save(d);
}

int op_subsystem_remove(struct nvmfd *d, const json_t *p)
{
	struct nvme_subsystem *s;
	json_t *note;
	int err = need_subsystem(d, p, &s, &note);

	if (err)
		return err;
	nvme_subsystem_remove(s, NULL, NULL);
	drop(list_of(d->model, "subsystems"), note);
	return config_save(d);
}

int op_subsystem_set(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"nqn", "allow_any_host", NULL};
	struct nvme_subsystem *s;
	json_t *note;
	bool any = false;
	int err = config_only(p, known);

	if (!err)
		err = need_subsystem(d, p, &s, &note);
	if (!err)
		err = ctl_want_bool(p, "allow_any_host", &any);
	if (err)
		return err;
	nvme_subsystem_allow_any(s, any);
	json_object_set_new(note, "allow_any_host", json_boolean(any));
	return config_save(d);
}

/* --- namespaces --- */

static int parse_hex(const json_t *p, const char *name, uint8_t *out, size_t bytes)
{
	const char *text = NULL;
	size_t n = 0;
	int err = ctl_want_string(p, name, &text), half = -1;

	if (err || !text)
		return err;
	for (const char *c = text; *c; c++) {
		int v = *c >= '0' && *c <= '9' ? *c - '0' : (*c | 32) >= 'a' && (*c | 32) <= 'f' ? (*c | 32) - 'a' + 10 : -1;

		if (*c == '-')
			continue;
		if (v < 0 || n == bytes)
			return refuse(EINVAL, "'%s' '%s': expected %zu hexadecimal digits", name, text, 2 * bytes);
		if (half < 0) {
			half = v;
			continue;
		}
		out[n++] = (uint8_t)(half << 4 | v);
		half = -1;
	}
	return n == bytes && half < 0 ? 0 : refuse(EINVAL, "'%s' '%s': expected %zu hexadecimal digits", name, text,
						    2 * bytes);
}

static int parse_namespace(const json_t *p, struct nvme_namespace_config *c, const char **backend)
{
	static const char *const known[] = {"nqn", "nsid", "backend", "ana_group", "readonly", "masked", "hosts",
		"iops", "bytes", "nguid", "uuid", "eui64", "compression", NULL};
	uint64_t nsid = 0, group = 0;
	bool compression = false;
	int err = config_only(p, known);

	if (!err)
		err = ctl_need_string(p, "backend", backend);
	if (!err)
		err = ctl_want_u64(p, "nsid", 1, NVME_NAMESPACES_MAX, &nsid);
	if (!err)
		err = ctl_want_u64(p, "ana_group", 1, NVME_ANA_GROUPS_MAX, &group);
	if (!err)
		err = ctl_want_bool(p, "readonly", &c->readonly);
	if (!err)
		err = ctl_want_bool(p, "masked", &c->masked);
	if (!err)
		err = ctl_want_u64(p, "iops", 0, UINT32_MAX, &c->iops_limit);
	if (!err)
		err = ctl_want_u64(p, "bytes", 0, UINT64_MAX >> 1, &c->bytes_limit);
	if (!err)
		err = parse_hex(p, "nguid", c->nguid, 16);
	if (!err)
		err = parse_hex(p, "uuid", c->uuid, 16);
	if (!err)
		err = parse_hex(p, "eui64", c->eui64, 8);
	if (!err)
		err = ctl_want_bool(p, "compression", &compression);
	if (!err && compression)
		err = refuse(EOPNOTSUPP, "'compression': the compression layer is not there yet; leave it out");
	c->nsid = (uint32_t)nsid;
	c->ana_group = (uint32_t)group;
	return err;
}

static void note_namespace(struct nvmfd *d, json_t *subsystem, const json_t *p, uint32_t nsid)
{
	json_t *note = json_deep_copy(p);

	json_object_del(note, "nqn");
	json_object_del(note, "hosts");
	json_object_set_new(note, "nsid", json_integer(nsid));
	json_array_append_new(list_of(subsystem, "namespaces"), note);
}

static int show_to(struct nvmfd *d, const json_t *p, uint32_t nsid)
{
	size_t i;
	json_t *host;

	json_array_foreach(json_object_get(p, "hosts"), i, host)
	{
		json_t *params = json_pack("{s:O, s:i, s:O}", "nqn", json_object_get(p, "nqn"), "nsid", (int)nsid,
			"host", host);
		int err = op_host_allow(d, params);

		json_decref(params);
		if (err)
			return err;
	}
	return 0;
}

int op_namespace_add(struct nvmfd *d, const json_t *p)
{
	struct nvme_namespace_config c = {.nsid = 0};
	struct nvme_namespace *ns;
	struct nvme_subsystem *s;
	const char *backend;
	json_t *subsystem;
	int err = parse_namespace(p, &c, &backend);

	if (!err)
		err = need_subsystem(d, p, &s, &subsystem);
	if (err || d->checking)
		return err;
	err = blk_open(backend, &c.dev);
	if (err)
		return err;
	if (json_object_get(p, "hosts"))
		c.masked = true;
	err = nvme_namespace_add(s, &c, &ns);
	if (err) {
		blk_close(c.dev);
		return err;
	}
	note_namespace(d, subsystem, p, nvme_namespace_id(ns));
	err = show_to(d, p, nvme_namespace_id(ns));
	return err ? err : config_save(d);
}

static int need_namespace(struct nvmfd *d, const json_t *p, struct nvme_namespace **ns, json_t **list,
	json_t **note)
{
	struct nvme_subsystem *s;
	json_t *subsystem;
	uint64_t nsid;
	int err = need_subsystem(d, p, &s, &subsystem);

	if (!err)
		err = ctl_need_u64(p, "nsid", 1, NVME_NAMESPACES_MAX, &nsid);
	if (err)
		return err;
	*ns = nvme_namespace_find(s, (uint32_t)nsid);
	*list = list_of(subsystem, "namespaces");
	*note = by_number(*list, "nsid", nsid);
	return *ns && *note ? 0 : refuse(ENOENT, "%s has no namespace %llu", nvme_subsystem_nqn(s),
				    (unsigned long long)nsid);
}

int op_namespace_remove(struct nvmfd *d, const json_t *p)
{
	struct nvme_namespace *ns;
	json_t *list, *note;
	int err = need_namespace(d, p, &ns, &list, &note);

	if (err)
		return err;
	nvme_namespace_remove(ns, NULL, NULL);
	drop(list, note);
	return config_save(d);
}

static int set_size(struct nvme_namespace *ns, const json_t *p)
{
	const json_t *size = json_object_get(p, "size");
	uint64_t bytes;
	int err = 0;

	if (!size)
		return 0;
	if (json_is_integer(size))
		bytes = (uint64_t)json_integer_value(size);
	else
		err = json_is_string(size) ? blk_size_parse(json_string_value(size), &bytes)
					   : refuse(EINVAL, "'size': expected bytes, or text like 10G");
	return err ? err : nvme_namespace_resize(ns, bytes);
}

static int set_limits(struct nvme_namespace *ns, const json_t *p, const json_t *note)
{
	uint64_t iops = (uint64_t)json_integer_value(json_object_get(note, "iops"));
	uint64_t bytes = (uint64_t)json_integer_value(json_object_get(note, "bytes"));
	int err = ctl_want_u64(p, "iops", 0, UINT32_MAX, &iops);

	if (!err)
		err = ctl_want_u64(p, "bytes", 0, UINT64_MAX >> 1, &bytes);
	return err ? err : nvme_namespace_set_qos(ns, iops, bytes);
}

/* A resized file says its new size itself; memory has to be told at the next start. */
static void note_changes(json_t *note, const json_t *p)
{
	static const char *const kept[] = {"ana_group", "readonly", "iops", "bytes"};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (json_object_get(p, kept[i]))
			json_object_set(note, kept[i], json_object_get(p, kept[i]));
}

int op_namespace_set(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"nqn", "nsid", "size", "ana_group", "readonly", "iops", "bytes", NULL};
	struct nvme_namespace *ns;
	json_t *list, *note;
	uint64_t group = 0;
	bool readonly = false;
	int err = config_only(p, known);

	if (!err)
		err = need_namespace(d, p, &ns, &list, &note);
	if (!err)
		err = ctl_want_u64(p, "ana_group", 1, NVME_ANA_GROUPS_MAX, &group);
	if (!err)
		err = ctl_want_bool(p, "readonly", &readonly);
	if (!err)
		err = set_size(ns, p);
	if (!err && group)
		err = nvme_namespace_set_ana_group(ns, (uint32_t)group);
	if (!err && json_object_get(p, "readonly"))
		err = nvme_namespace_set_readonly(ns, readonly);
	if (!err)
		err = set_limits(ns, p, note);
	if (err)
		return err;
	note_changes(note, p);
	return config_save(d);
}

/* --- hosts --- */

static bool listed(const json_t *list, const char *text, size_t *at)
{
	for (*at = 0; *at < json_array_size(list); (*at)++) {
		const char *e = json_string_value(json_array_get(list, *at));

		if (e && !strcmp(e, text))
			return true;
	}
	return false;
}

/* With an nsid: one namespace of the subsystem; without: the subsystem itself. */
static int change_host(struct nvmfd *d, const json_t *p, bool add)
{
	static const char *const known[] = {"nqn", "host", "nsid", NULL};
	struct nvme_namespace *ns = NULL;
	struct nvme_subsystem *s;
	json_t *note, *list;
	const char *host;
	size_t at;
	int err = config_only(p, known);

	if (!err)
		err = ctl_need_string(p, "host", &host);
	if (!err)
		err = json_object_get(p, "nsid") ? need_namespace(d, p, &ns, &list, &note)
						 : need_subsystem(d, p, &s, &note);
	if (err)
		return err;
	if (ns)
		err = add ? nvme_namespace_host_add(ns, host) : nvme_namespace_host_remove(ns, host);
	else
		err = add ? nvme_subsystem_host_add(s, host) : nvme_subsystem_host_remove(s, host);
	if (err)
		return err;
	list = list_of(note, "hosts");
	if (add && !listed(list, host, &at))
		json_array_append_new(list, json_string(host));
	else if (!add && listed(list, host, &at))
		json_array_remove(list, at);
	return config_save(d);
}

int op_host_allow(struct nvmfd *d, const json_t *p)
{
	return change_host(d, p, true);
}

int op_host_deny(struct nvmfd *d, const json_t *p)
{
	return change_host(d, p, false);
}

int op_host_set(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"nqn", "dhchap_key", "dhchap_ctrl_key", "dhchap_hash", "dhchap_dhgroup",
		"psk", NULL};
	struct nvme_host_config c = {.nqn = NULL};
	json_t *old;
	int err = config_only(p, known);

	if (!err)
		err = ctl_need_string(p, "nqn", &c.nqn);
	if (!err)
		err = ctl_want_string(p, "dhchap_key", &c.dhchap_key);
	if (!err)
		err = ctl_want_string(p, "dhchap_ctrl_key", &c.dhchap_ctrl_key);
	if (!err)
		err = ctl_want_string(p, "dhchap_hash", &c.dhchap_hash);
	if (!err)
		err = ctl_want_string(p, "dhchap_dhgroup", &c.dhchap_dhgroup);
	if (!err)
		err = ctl_want_string(p, "psk", &c.psk);
	if (!err)
		err = nvme_host_set(d->target, &c);
	if (err)
		return err;
	old = op_find(d, "hosts", "nqn", c.nqn);
	if (old)
		drop(list_of(d->model, "hosts"), old);
	if (c.dhchap_key || c.psk)
		json_array_append_new(list_of(d->model, "hosts"), json_deep_copy(p));
	return config_save(d);
}

/* --- ANA, referrals --- */

int op_ana_set(struct nvmfd *d, const json_t *p)
{
	static const char *const known[] = {"port", "group", "state", NULL};
	uint64_t port, group;
	const char *state;
	enum nvme_ana_state s;
	struct nvme_port *np = NULL;
	json_t *list = list_of(d->model, "ana"), *e;
	size_t i;
	int err = config_only(p, known);

	if (!err)
		err = ctl_need_u64(p, "port", 1, 65535, &port);
	if (!err)
		err = ctl_need_u64(p, "group", 1, NVME_ANA_GROUPS_MAX, &group);
	if (!err)
		err = ctl_need_string(p, "state", &state);
	if (!err)
		err = nvme_ana_state_parse(state, &s);
	if (!err && d->checking)
		return 0;
	if (!err && !(np = nvme_port_find(d->target, (uint16_t)port)))
		err = refuse(ENOENT, "no listener %llu", (unsigned long long)port);
	if (!err)
		err = nvme_port_ana_set(np, (uint32_t)group, s);
	if (err)
		return err;
	json_array_foreach(list, i, e)
		if ((uint64_t)json_integer_value(json_object_get(e, "port")) == port &&
			(uint64_t)json_integer_value(json_object_get(e, "group")) == group) {
			json_array_remove(list, i);
			break;
		}
	json_array_append_new(list, json_deep_copy(p));
	return config_save(d);
}

static int parse_referral(const json_t *p, struct nvme_port_config *c, char port[8])
{
	static const char *const known[] = {"transport", "address", "port", NULL};
	int err = config_only(p, known);

	if (!err)
		err = parse_transport(p, &c->trtype);
	if (!err)
		err = ctl_need_string(p, "address", &c->traddr);
	if (!err)
		err = port_text(p, "port", "8009", port);
	c->trsvcid = port;
	return err;
}

int op_referral_add(struct nvmfd *d, const json_t *p)
{
	struct nvme_port_config c = {.adrfam = NVME_ADRFAM_IPV4};
	char port[8];
	int err = parse_referral(p, &c, port);

	if (!err)
		err = nvme_referral_add(d->target, &c);
	if (err)
		return err;
	json_array_append_new(list_of(d->model, "referrals"), json_deep_copy(p));
	return config_save(d);
}

int op_referral_remove(struct nvmfd *d, const json_t *p)
{
	struct nvme_port_config c = {.adrfam = NVME_ADRFAM_IPV4};
	char port[8];
	json_t *note;
	int err = parse_referral(p, &c, port);

	if (!err)
		err = nvme_referral_remove(d->target, c.traddr, c.trsvcid);
	if (err)
		return err;
	note = op_find(d, "referrals", "address", c.traddr);
	if (note)
		drop(list_of(d->model, "referrals"), note);
	return config_save(d);
}
