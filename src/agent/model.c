/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model: files -> documents -> objects, and the memory they live in. Relies on base/yaml.h for the
 * trees and on one read_<kind>() per kind; the checks across objects are in check.c.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

/* --- memory: chunks that die with the model --- */

#define ARENA_CHUNK (64u << 10)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

/* Desired state is small and read by a program that can do nothing without it, so running out of
 * memory here ends the program: callers stay readable. */
void *model_alloc(struct agent_model *model, size_t size)
{
	struct arena_chunk *c = model->arena;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!c || c->size - c->used < size) {
		size_t room = MAX_OF(size, (size_t)ARENA_CHUNK);

		c = calloc(1, sizeof(*c) + room);
		if (!c)
			abort();
		c->size = room;
		c->next = model->arena;
		model->arena = c;
	}
	p = c->bytes + c->used;
	c->used += size;
	return p;
}

static void arena_free(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

/* --- objects --- */

static const struct kind {
	const char *name, *api; /* api: what apiVersion must begin with */
	int (*read)(struct agent_model *model, const struct yaml_node *doc);
} kinds[KIND_COUNT] = {
	[KIND_NODE] = {"Node", "v1", read_node},
	[KIND_POD] = {"Pod", "v1", read_pod},
	[KIND_SERVICE] = {"Service", "v1", read_service},
	[KIND_SLICE] = {"EndpointSlice", "discovery.k8s.io/", read_slice},
	[KIND_POLICY] = {"NetworkPolicy", "networking.k8s.io/", read_policy},
	[KIND_NAMESPACE] = {"Namespace", "v1", read_namespace},
};

const char *kind_name(enum object_kind kind)
{
	return kinds[kind].name;
}

static uint64_t name_hash(enum object_kind kind, const char *ns, const char *name)
{
	return hmap_hash_str(name) ^ hmap_hash_u64(hmap_hash_str(ns) + kind);
}

struct object *model_find(
	const struct agent_model *model, enum object_kind kind, const char *ns, const char *name)
{
	struct object *o;

	hmap_for_each_hash(o, &model->by_name, name_hash(kind, ns, name), by_name)
		if (o->kind == kind && strcmp(o->name, name) == 0 && strcmp(o->ns, ns) == 0)
			return o;
	return NULL;
}

int model_add(struct agent_model *model, struct object *o)
{
	const struct object *old = model_find(model, o->kind, o->ns, o->name);

	if (old)
		return yaml_refuse(yaml_get(o->at, "metadata.name"), EINVAL,
			"value '%s' is the name of another %s, at %s:%d", o->name,
			kind_name(o->kind), yaml_file_name(old->at->file), old->at->line);
	hmap_insert(&model->by_name, &o->by_name, name_hash(o->kind, o->ns, o->name));
	*model->tail[o->kind] = o;
	model->tail[o->kind] = &o->next;
	model->count[o->kind]++;
	return 0;
}

/* --- documents --- */

/* "Pod default/web-1" in front of the sentence, as far as the document says who it is. */
static int refuse_object(int rc, const char *kind, const struct yaml_node *doc)
{
	const char *ns = NULL, *name = NULL;
	const struct yaml_node *n;

	if ((n = yaml_get(doc, "metadata.namespace")) && n->kind == YAML_SCALAR)
		ns = n->text;
	if ((n = yaml_get(doc, "metadata.name")) && n->kind == YAML_SCALAR)
		name = n->text;
	return refuse_more(rc, "%s %s%s%s", kind, ns ? ns : "", ns ? "/" : "", name ? name : "?");
}

static int read_items(struct agent_model *model, const struct yaml_node *doc);

static int read_document(struct agent_model *model, const struct yaml_node *doc)
{
	const char *kind, *api;
	size_t len;
	int rc;

	if ((rc = yaml_as_map(doc, &doc)) < 0)
		return rc;
	if ((rc = yaml_need_string(doc, "kind", &kind)) < 0 ||
		(rc = yaml_need_string(doc, "apiVersion", &api)) < 0)
		return rc == -ENOENT ? refuse_more(-EINVAL, "not a Kubernetes object") : rc;
	len = strlen(kind);
	if (len >= 4 && strcmp(kind + len - 4, "List") == 0)
		return read_items(model, doc);
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, kind) || strncmp(kinds[i].api, api, strlen(kinds[i].api)))
			continue;
		rc = kinds[i].read(model, doc);
		return rc < 0 ? refuse_object(-EINVAL, kind, doc) : 0;
	}
	model->skipped++;
	return 0;
}

/* A List (or PodList, ...). kubectl leaves kind and apiVersion on every item. */
static int read_items(struct agent_model *model, const struct yaml_node *doc)
{
	const struct yaml_node *items = NULL;
	int rc = yaml_want_list(doc, "items", &items);

	yaml_each(item, items)
		if (rc == 0)
			rc = read_document(model, item);
	return rc;
}

/* Takes the file, also on error: it may be named by objects already read. */
static int read_file(struct agent_model *model, struct yaml_file *file)
{
	int rc = 0;

	model->files = realloc(model->files, (model->nr_files + 1) * sizeof(*model->files));
	if (!model->files)
		abort();
	model->files[model->nr_files++] = file;
	for (unsigned i = 0; i < yaml_count(file) && rc == 0; i++)
		rc = read_document(model, yaml_root(file, i));
	return rc;
}

/* --- files --- */

static int load_path(struct agent_model *model, const char *path)
{
	struct yaml_file *file;
	int rc = yaml_load(path, &file);

	return rc < 0 ? rc : read_file(model, file);
}

static int is_manifest(const struct dirent *entry)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json"};
	size_t len = strlen(entry->d_name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes) && entry->d_name[0] != '.'; i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && strcmp(entry->d_name + len - n, suffixes[i]) == 0)
			return 1;
	}
	return 0;
}

static int load_directory(struct agent_model *model, const char *path)
{
	struct dirent **entries;
	char file[PATH_MAX];
	int n = scandir(path, &entries, is_manifest, alphasort), rc = 0;

	if (n < 0)
		return refuse(
			errno, "manifests: cannot read directory '%s': %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0) {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			rc = load_path(model, file);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static struct agent_model *model_new(void)
{
	struct agent_model *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	hmap_init(&model->by_name);
	for (size_t i = 0; i < KIND_COUNT; i++)
		model->tail[i] = &model->first[i];
	return model;
}

static int model_finish(struct agent_model *model, int rc, struct agent_model **out)
{
	if (rc == 0)
		rc = model_check(model);
	if (rc < 0) {
		agent_model_free(model);
		return rc;
	}
	*out = model;
	return 0;
}

int agent_model_load(const char *path, struct agent_model **out)
{
	struct agent_model *model;
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(errno, "manifests: cannot read '%s': %s", path, strerror(errno));
	model = model_new();
	return model_finish(model,
		S_ISDIR(st.st_mode) ? load_directory(model, path) : load_path(model, path), out);
}

int agent_model_parse(const char *name, const char *text, size_t len, struct agent_model **out)
{
	struct agent_model *model;
	struct yaml_file *file;
	int rc = yaml_load_text(name, text, len, &file);

	if (rc < 0)
		return rc;
	model = model_new();
	return model_finish(model, read_file(model, file), out);
}

void agent_model_free(struct agent_model *model)
{
	if (!model)
		return;
	hmap_destroy(&model->by_name);
	arena_free(model->arena);
	for (size_t i = 0; i < model->nr_files; i++)
		yaml_close(model->files[i]);
	free(model->files);
	free(model);
}

struct agent_counts agent_model_counts(const struct agent_model *model)
{
	return (struct agent_counts){
		.nodes = (unsigned)model->count[KIND_NODE],
		.pods = (unsigned)model->count[KIND_POD],
		.services = (unsigned)model->count[KIND_SERVICE],
		.slices = (unsigned)model->count[KIND_SLICE],
		.policies = (unsigned)model->count[KIND_POLICY],
		.namespaces = (unsigned)model->count[KIND_NAMESPACE],
		.skipped = (unsigned)model->skipped,
	};
}

/* --- back from the desired state to the manifests --- */

/* "default/np#2" is the second part of default/np. */
static const struct object *find_named(
	const struct agent_model *model, enum object_kind kind, const char *name)
{
	const char *slash = strchr(name, '/'), *hash = strchr(name, '#');
	char ns[256] = "", object[256];
	size_t len;

	if (slash && (size_t)(slash - name) < sizeof(ns))
		memcpy(ns, name, (size_t)(slash - name));
	name = slash ? slash + 1 : name;
	len = hash ? (size_t)(hash - name) : strlen(name);
	if (len >= sizeof(object))
		return NULL;
	memcpy(object, name, len);
	object[len] = 0;
	return model_find(model, kind, ns, object);
}

/* The line of a field that has one of its own; else the object's. */
static const struct yaml_node *field_at(const struct object *o, const char *field)
{
	const struct yaml_node *at = NULL;

	if (!strcmp(field, "vf"))
		at = annotation(o->at, "softdpu.io/vf");
	else if (!strcmp(field, "vni"))
		at = annotation(o->at, "softdpu.io/vni");
	else if (!strcmp(field, "node"))
		at = yaml_get(o->at, "spec.nodeName");
	else if (!strcmp(field, "cidrs"))
		at = yaml_get(o->at, "spec.podCIDRs");
	return at ? at : o->at;
}

const char *agent_where(const struct agent_model *model, const char *kind, const char *name,
	const char *field, char *text, size_t size)
{
	static const struct {
		const char *name;
		enum object_kind kind;
	} map[] = {{"node", KIND_NODE}, {"pod", KIND_POD}, {"service", KIND_SERVICE},
		{"policy", KIND_POLICY}};
	const struct object *o = NULL;
	const struct yaml_node *at;

	*text = 0;
	for (size_t i = 0; i < ARRAY_SIZE(map) && !o; i++)
		if (!strcmp(map[i].name, kind))
			o = find_named(model, map[i].kind, name);
	if (!o)
		return text;
	at = field_at(o, field);
	snprintf(text, size, "%s:%d", yaml_file_name(at->file), at->line);
	return text;
}
