/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/refuse.h"
#include "base/yaml.h"

#include "nvmfd.h"

/* --- in --- */

static json_t *to_json(const struct yaml_node *n);

static json_t *scalar(const struct yaml_node *n)
{
	char *end;
	long long number;

	if (n->quoted)
		return json_string(n->text);
	if (!strcmp(n->text, "true") || !strcmp(n->text, "false"))
		return json_boolean(n->text[0] == 't');
	errno = 0;
	number = strtoll(n->text, &end, 10);
	if (n->text[0] && !*end && !errno)
		return json_integer(number);
	return json_string(n->text);
}

static json_t *to_json(const struct yaml_node *n)
{
	json_t *j;

	if (n->kind == YAML_NULL)
		return json_null();
	if (n->kind == YAML_SCALAR)
		return scalar(n);
	j = n->kind == YAML_LIST ? json_array() : json_object();
	yaml_each(kid, n)
	{
		if (n->kind == YAML_LIST)
			json_array_append_new(j, to_json(kid));
		else
			json_object_set_new(j, kid->key, to_json(kid));
	}
	return j;
}

int config_load(const char *path, json_t **out)
{
	struct yaml_file *f;
	const struct yaml_node *root;
	int err = yaml_load(path, &f);

	if (err)
		return err;
	root = yaml_count(f) == 1 ? yaml_root(f, 0) : NULL;
	if (!root || root->kind != YAML_MAP)
		err = refuse(EINVAL, "%s: expected one document with a map (see softdpu-nvmfd(8))", path);
	else
		*out = to_json(root);
	yaml_close(f);
	return err;
}

int config_only(const json_t *object, const char *const *known)
{
	const char *key, *near;
	json_t *value;
	unsigned n = 0, i;

	if (!json_is_object(object))
		return refuse(EINVAL, "expected a map");
	while (known[n])
		n++;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		for (i = 0; i < n && strcmp(known[i], key); i++)
			;
		if (i < n)
			continue;
		near = yaml_nearest(key, known, n);
		return near ? refuse(EINVAL, "no member '%s'; did you mean '%s'?", key, near)
			    : refuse(EINVAL, "no member '%s'", key);
	}
	return 0;
}

/* --- replay --- */

static int each(struct nvmfd *d, const json_t *wanted, const char *list,
	int (*op)(struct nvmfd *, const json_t *))
{
	const json_t *array = json_object_get(wanted, list);
	size_t i;
	json_t *element;

	if (array && !json_is_array(array) && !json_is_null(array))
		return refuse(EINVAL, "%s: expected a list", list);
	json_array_foreach((json_t *)(uintptr_t)array, i, element)
	{
		int err = op(d, element);

		if (err)
			return refuse_more(err, "%s[%zu]", list, i);
	}
	return 0;
}

int config_apply(struct nvmfd *d, const json_t *wanted)
{
	int err;

	d->replaying = true;
	err = each(d, wanted, "hosts", op_host_set);
	if (!err)
		err = each(d, wanted, "subsystems", op_subsystem_add);
	if (!err)
		err = each(d, wanted, "listen", op_listen);
	if (!err)
		err = each(d, wanted, "ana", op_ana_set);
	if (!err)
		err = each(d, wanted, "referrals", op_referral_add);
	d->replaying = false;
	return err;
}

/* --- out --- */

static int write_all(const char *path, const json_t *tree)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return -errno;
	if (json_dumpf(tree, f, JSON_INDENT(2)) || fputc('\n', f) == EOF || fflush(f) || fsync(fd))
		err = errno ? -errno : -EIO;
	fclose(f);
	return err;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* Beside, synced, renamed, directory synced: whenever the machine stops, one of the two is whole. */
int config_save(struct nvmfd *d)
{
	char beside[270];
	int err;

	if (d->replaying || !d->save_path[0])
		return 0;
	snprintf(beside, sizeof(beside), "%s.new", d->save_path);
	err = write_all(beside, d->model);
	if (!err && rename(beside, d->save_path))
		err = -errno;
	if (!err)
		err = sync_dir(d->state_dir);
	return err ? refuse(-err, "the change is in force but could not be saved to %s: %s", d->save_path,
			     strerror(-err))
		   : 0;
}
