/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Volumes (F:4244-4300): "give this host a disk of that size". A volume is a subsystem of its own with
 * one namespace on a sparse file below the state directory; nobody sees it until it is attached.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/refuse.h"

#include "nvmfd.h"

#define VOLUME_NQN "nqn.2026-11.io.softdpu:volume."

static int check_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != n ||
		name[0] == '.')
		return refuse(EINVAL, "volume '%.80s': expected 1 to 64 of a-z A-Z 0-9 - _ .", name);
	return 0;
}

static int need_name(const json_t *p, const char **name, char nqn[NVME_NQN_SIZE])
{
	int err = ctl_need_string(p, "name", name);

	if (!err)
		err = check_name(*name);
	if (!err)
		snprintf(nqn, NVME_NQN_SIZE, VOLUME_NQN "%s", *name);
	return err;
}

static void path_of(const struct nvmfd *d, const char *name, char out[300])
{
	snprintf(out, 300, "%s/volumes/%s", d->state_dir, name);
}

static int make_dir(const struct nvmfd *d)
{
	char dir[220];

	snprintf(dir, sizeof(dir), "%s/volumes", d->state_dir);
	return mkdir(dir, 0700) && errno != EEXIST ? refuse(errno, "%s: %s", dir, strerror(errno)) : 0;
}

static int create(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	static const char *const known[] = {"name", "size", "block", "iops", "bytes", NULL};
	struct nvmfd *d = arg;
	const char *name, *size;
	char nqn[NVME_NQN_SIZE], path[300], backend[400];
	uint64_t bytes, block = 4096, iops = 0, rate = 0;
	json_t *p;
	int err = config_only(params, known);

	if (!err)
		err = need_name(params, &name, nqn);
	if (!err)
		err = ctl_need_string(params, "size", &size);
	if (!err)
		err = blk_size_parse(size, &bytes);
	if (!err)
		err = ctl_want_u64(params, "block", 512, 4096, &block);
	if (!err)
		err = ctl_want_u64(params, "iops", 0, UINT32_MAX, &iops);
	if (!err)
		err = ctl_want_u64(params, "bytes", 0, UINT64_MAX >> 1, &rate);
	if (!err && nvme_subsystem_find(d->target, nqn))
		err = refuse(EEXIST, "volume %s exists already", name);
	if (!err)
		err = make_dir(d);
	if (err)
		return err;
	path_of(d, name, path);
	snprintf(backend, sizeof(backend), "file:%s?size=%llu&block=%llu", path, (unsigned long long)bytes,
		(unsigned long long)block);
	p = json_pack("{s:s, s:s, s:s, s:[{s:s, s:i, s:I, s:I}]}", "nqn", nqn, "volume", name, "model",
		"softdpu volume", "namespaces", "backend", backend, "nsid", 1, "iops", (json_int_t)iops, "bytes",
		(json_int_t)rate);
	err = op_subsystem_add(d, p);
	json_decref(p);
	if (!err)
		*result = json_pack("{s:s, s:s, s:I}", "name", name, "nqn", nqn, "size", (json_int_t)bytes);
	return err;
}

static void add_volume(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *i)
{
	if (!strncmp(i->nqn, VOLUME_NQN, strlen(VOLUME_NQN)))
		json_array_append_new(arg, json_pack("{s:s, s:s, s:i}", "name", i->nqn + strlen(VOLUME_NQN), "nqn",
						   i->nqn, "controllers", (int)i->controllers));
}

static int list(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct nvmfd *d = arg;
	json_t *volumes = json_array(), *v;
	size_t i;

	nvme_each_subsystem(d->target, add_volume, volumes);
	json_array_foreach(volumes, i, v)
	{
		const char *nqn = json_string_value(json_object_get(v, "nqn"));
		const json_t *note = op_find(d, "subsystems", "nqn", nqn), *hosts;
		struct nvme_namespace *ns = nvme_namespace_find(nvme_subsystem_find(d->target, nqn), 1);

		hosts = json_object_get(note, "hosts");
		json_object_set_new(v, "hosts", hosts ? json_deep_copy(hosts) : json_array());
		if (ns)
			json_object_set_new(v, "size", json_integer((json_int_t)blk_limits(nvme_namespace_dev(ns))->size));
	}
	*result = json_pack("{s:o}", "volumes", volumes);
	return 0;
}

/* The saved backend names the size the file is made with: keep it in step. */
static void note_size(struct nvmfd *d, const char *nqn, const char *name, uint64_t bytes)
{
	json_t *ns = json_array_get(json_object_get(op_find(d, "subsystems", "nqn", nqn), "namespaces"), 0);
	char path[300], backend[400];
	uint32_t block = blk_limits(nvme_namespace_dev(nvme_namespace_find(nvme_subsystem_find(d->target, nqn), 1)))
				 ->block_size;

	path_of(d, name, path);
	snprintf(backend, sizeof(backend), "file:%s?size=%llu&block=%u", path, (unsigned long long)bytes, block);
	json_object_set_new(ns, "backend", json_string(backend));
}

static int resize(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct nvmfd *d = arg;
	const char *name, *size;
	char nqn[NVME_NQN_SIZE];
	uint64_t bytes = 0;
	json_t *p;
	int err = need_name(params, &name, nqn);

	if (!err)
		err = ctl_need_string(params, "size", &size);
	if (!err)
		err = blk_size_parse(size, &bytes);
	if (err)
		return err;
	p = json_pack("{s:s, s:i, s:I}", "nqn", nqn, "nsid", 1, "size", (json_int_t)bytes);
	err = op_namespace_set(d, p);
	json_decref(p);
	if (err)
		return err;
	note_size(d, nqn, name, bytes);
	*result = json_object();
	return config_save(d);
}

static int delete_volume(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct nvmfd *d = arg;
	char nqn[NVME_NQN_SIZE], path[300];
	const char *name;
	json_t *p;
	int err = need_name(params, &name, nqn);

	if (err)
		return err;
	p = json_pack("{s:s}", "nqn", nqn);
	err = op_subsystem_remove(d, p);
	json_decref(p);
	if (err)
		return refuse_more(err, "volume %s", name);
	path_of(d, name, path);
	if (unlink(path))
		return refuse(errno, "volume %s is gone, its file %s is not: %s", name, path, strerror(errno));
	*result = json_object();
	return 0;
}

static int attach_or_detach(struct nvmfd *d, const json_t *params, json_t **result,
	int (*op)(struct nvmfd *, const json_t *))
{
	char nqn[NVME_NQN_SIZE];
	const char *name, *host;
	json_t *p;
	int err = need_name(params, &name, nqn);

	if (!err)
		err = ctl_need_string(params, "host", &host);
	if (err)
		return err;
	p = json_pack("{s:s, s:s}", "nqn", nqn, "host", host);
	err = op(d, p);
	json_decref(p);
	if (!err)
		*result = json_pack("{s:s}", "nqn", nqn);
	return err;
}

static int attach(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	return attach_or_detach(arg, params, result, op_host_allow);
}

static int detach(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	return attach_or_detach(arg, params, result, op_host_deny);
}

int volume_register(struct nvmfd *d)
{
	static const struct {
		const char *method;
		ctl_method_fn fn;
	} methods[] = {{"volume.create", create}, {"volume.list", list}, {"volume.resize", resize},
		{"volume.delete", delete_volume}, {"volume.attach", attach}, {"volume.detach", detach}};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(methods) && !err; i++)
		err = ctl_register(d->ctl, methods[i].method, methods[i].fn, d);
	return err;
}
