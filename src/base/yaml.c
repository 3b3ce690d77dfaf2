/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From libyaml's events to a tree. Memory is an arena per file: nodes and strings are carved from
 * blocks and go all at once. The getters are in yaml_get.c.
 */
#include "base/yaml.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

#include "base/hmap.h"
#include "base/refuse.h"

#define BLOCK_BYTES 65536u
#define LONG_MAP 16u /* maps beyond this many keys get an index while loading */

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

struct anchor {
	struct hmap_node node;
	const char *name;
	struct yaml_node *target;
};

struct yaml_file {
	char *name;
	struct block *blocks;
	struct yaml_node **roots;
	unsigned n_roots, n_nodes;
};

/* One open list or map while parsing. */
struct level {
	struct yaml_node *node, *last;
	const char *key; /* a map's key that waits for its value */
	int key_line;
	struct hmap keys;
};

struct loader {
	struct yaml_file *file;
	yaml_parser_t parser;
	struct hmap anchors; /* of the present document */
	struct level stack[YAML_DEPTH_MAX];
	unsigned depth;
	struct yaml_node *root;
	int line, column; /* of the present event */
};

/* An entry of a long map's key index. */
struct key_entry {
	struct hmap_node node;
	const struct yaml_node *value;
};

static void *carve(struct yaml_file *f, size_t size)
{
	struct block *b = f->blocks;

	size = (size + 15) & ~(size_t)15;
	if (!b || b->size - b->used < size) {
		size_t bytes = MAX_OF(size, (size_t)BLOCK_BYTES);

		b = malloc(sizeof(*b) + bytes);
		if (!b) {
			refuse(ENOMEM, "%s: no memory for %u nodes", f->name, f->n_nodes);
			return NULL;
		}
		b->next = f->blocks;
		b->size = bytes;
		b->used = 0;
		f->blocks = b;
	}
	b->used += size;
	return memset(b->bytes + b->used - size, 0, size);
}

static const char *keep(struct yaml_file *f, const char *text, size_t len)
{
	char *copy = carve(f, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

static int refuse_here(struct loader *l, int errnum, const char *what)
{
	return refuse(errnum, "%s:%d: column %d: %s", l->file->name, l->line, l->column, what);
}

static int node_new(struct loader *l, enum yaml_kind kind, struct yaml_node **out)
{
	struct yaml_node *n;

	if (l->file->n_nodes >= YAML_NODES_MAX)
		return refuse(EFBIG, "%s:%d: more than %u nodes, counting what aliases expand to",
			l->file->name, l->line, YAML_NODES_MAX);
	n = *out = carve(l->file, sizeof(*n));
	if (!n)
		return -ENOMEM;
	l->file->n_nodes++;
	n->kind = kind;
	n->line = l->line;
	n->column = l->column;
	n->file = l->file;
	return 0;
}

/* --- duplicate keys --- */

static const struct yaml_node *find_short(const struct yaml_node *map, const char *key)
{
	yaml_each(child, map)
		if (!strcmp(child->key, key))
			return child;
	return NULL;
}

static const struct yaml_node *find_long(struct level *at, const char *key)
{
	struct key_entry *e;

	hmap_for_each_hash(e, &at->keys, hmap_hash_str(key), node)
		if (!strcmp(e->value->key, key))
			return e->value;
	return NULL;
}

static int index_add(struct loader *l, struct level *at, const struct yaml_node *value)
{
	struct key_entry *e = carve(l->file, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->value = value;
	hmap_insert(&at->keys, &e->node, hmap_hash_str(value->key));
	return 0;
}

/* Keep the index of a long map in step with its newest child. */
static int index_child(struct loader *l, struct level *at)
{
	int err = 0;

	if (at->node->count < LONG_MAP)
		return 0;
	if (at->node->count > LONG_MAP)
		return index_add(l, at, at->last);
	yaml_each(child, at->node)
		if (!err)
			err = index_add(l, at, child);
	return err;
}

/* --- building --- */

static int take_key(struct loader *l, struct level *at, const char *text, size_t len)
{
	const struct yaml_node *twin;

	if (memchr(text, '\0', len))
		return refuse_here(l, EINVAL, "a key holds a NUL byte");
	at->key = keep(l->file, text, len);
	if (!at->key)
		return -ENOMEM;
	at->key_line = l->line;
	twin = at->node->count < LONG_MAP ? find_short(at->node, at->key) : find_long(at, at->key);
	if (twin)
		return refuse(EINVAL,
			"%s:%d: column %d: key '%.64s' is here twice, first in line %d",
			l->file->name, l->line, l->column, at->key, twin->key_line);
	return 0;
}

/* Hang a node below the open list or map, or make it the root. */
static int attach(struct loader *l, struct yaml_node *n)
{
	struct level *at = l->depth ? &l->stack[l->depth - 1] : NULL;

	if (!at) {
		l->root = n;
		return 0;
	}
	n->parent = at->node;
	n->index = at->node->count++;
	if (at->last)
		at->last->next = n;
	else
		at->node->first = n;
	at->last = n;
	if (at->node->kind != YAML_MAP)
		return 0;
	n->key = at->key;
	n->key_line = at->key_line;
	at->key = NULL;
	return index_child(l, at);
}

static bool key_expected(const struct loader *l)
{
	const struct level *at = l->depth ? &l->stack[l->depth - 1] : NULL;

	return at && at->node->kind == YAML_MAP && !at->key;
}

static int anchor_add(struct loader *l, const yaml_char_t *name, struct yaml_node *target)
{
	struct anchor *a;

	if (!name)
		return 0;
	a = carve(l->file, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->name = keep(l->file, (const char *)name, strlen((const char *)name));
	if (!a->name)
		return -ENOMEM;
	a->target = target;
	/* a later anchor of the same name hides the earlier: chains are newest first */
	hmap_insert(&l->anchors, &a->node, hmap_hash_str(a->name));
	return 0;
}

static struct yaml_node *anchor_find(const struct loader *l, const char *name)
{
	struct anchor *a, *newest = NULL;

	hmap_for_each_hash(a, &l->anchors, hmap_hash_str(name), node)
		if (!strcmp(a->name, name) &&
			(!newest || a->target->line > newest->target->line ||
				(a->target->line == newest->target->line &&
					a->target->column > newest->target->column)))
			newest = a;
	return newest ? newest->target : NULL;
}

static bool is_null_word(const char *text)
{
	return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
	       !strcmp(text, "NULL");
}

static int on_scalar(struct loader *l, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct yaml_node *n;
	int err;

	if (key_expected(l))
		return take_key(l, &l->stack[l->depth - 1], text, len);
	err = node_new(l, YAML_SCALAR, &n);
	if (err)
		return err;
	n->text = keep(l->file, text, len);
	if (!n->text)
		return -ENOMEM;
	n->text_len = len;
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!n->quoted && is_null_word(n->text)) {
		n->kind = YAML_NULL;
		n->text = "";
		n->text_len = 0;
	}
	err = anchor_add(l, e->data.scalar.anchor, n);
	return err ? err : attach(l, n);
}

static int open_level(struct loader *l, enum yaml_kind kind, const yaml_char_t *anchor)
{
	struct yaml_node *n;
	int err;

	if (key_expected(l))
		return refuse_here(l, EINVAL, "a list or map cannot be a key");
	if (l->depth == YAML_DEPTH_MAX)
		return refuse(EFBIG, "%s:%d: nested deeper than %u levels", l->file->name, l->line,
			YAML_DEPTH_MAX);
	err = node_new(l, kind, &n);
	if (err)
		return err;
	err = anchor_add(l, anchor, n);
	if (!err)
		err = attach(l, n);
	if (err)
		return err;
	l->stack[l->depth++] = (struct level){.node = n};
	return 0;
}

static int close_level(struct loader *l)
{
	assert(l->depth);
	hmap_destroy(&l->stack[--l->depth].keys);
	return 0;
}

/* Copy `from` below the present place, as if it had been written there. Depth is bounded by
 * open_level(), size by node_new(). */
static int expand(struct loader *l, const struct yaml_node *from)
{
	struct yaml_node *n;
	int err;

	if (from->kind == YAML_LIST || from->kind == YAML_MAP) {
		err = open_level(l, from->kind, NULL);
		yaml_each(child, from) {
			if (err)
				return err;
			l->stack[l->depth - 1].key = child->key;
			l->stack[l->depth - 1].key_line = l->line;
			err = expand(l, child);
		}
		return err ? err : close_level(l);
	}
	err = node_new(l, from->kind, &n);
	if (err)
		return err;
	n->text = from->text;
	n->text_len = from->text_len;
	n->quoted = from->quoted;
	return attach(l, n);
}

static int on_alias(struct loader *l, const char *name)
{
	const struct yaml_node *target = anchor_find(l, name);

	if (!target)
		return refuse(EINVAL, "%s:%d: alias '*%.64s' has no anchor before it",
			l->file->name, l->line, name);
	if (key_expected(l)) {
		if (target->kind != YAML_SCALAR)
			return refuse_here(l, EINVAL, "a list or map cannot be a key");
		return take_key(l, &l->stack[l->depth - 1], target->text, target->text_len);
	}
	for (unsigned i = 0; i < l->depth; i++)
		if (l->stack[i].node == target)
			return refuse(EINVAL, "%s:%d: alias '*%.64s' contains itself",
				l->file->name, l->line, name);
	return expand(l, target);
}

static int end_document(struct loader *l)
{
	struct yaml_file *f = l->file;
	struct yaml_node **more;

	hmap_destroy(&l->anchors);
	if (!l->root || l->root->kind == YAML_NULL)
		return 0;
	if (f->n_roots >= YAML_DOCUMENTS_MAX)
		return refuse(EFBIG, "%s:%d: more than %u documents", f->name, l->line,
			YAML_DOCUMENTS_MAX);
	if ((f->n_roots & (f->n_roots - 1)) == 0) {
		more = realloc(f->roots, sizeof(*more) * MAX_OF(2 * f->n_roots, 1u));
		if (!more)
			return refuse(
				ENOMEM, "%s: no memory for %u documents", f->name, f->n_roots);
		f->roots = more;
	}
	f->roots[f->n_roots++] = l->root;
	l->root = NULL;
	return 0;
}

static int on_event(struct loader *l, const yaml_event_t *e)
{
	l->line = (int)e->start_mark.line + 1;
	l->column = (int)e->start_mark.column + 1;
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(l, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(l, YAML_LIST, e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return open_level(l, YAML_MAP, e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(l);
	case YAML_ALIAS_EVENT:
		return on_alias(l, (const char *)e->data.alias.anchor);
	case YAML_DOCUMENT_START_EVENT:
		l->root = NULL;
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return end_document(l);
	default:
		return 0;
	}
}

static int refuse_syntax(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "broken";

	if (p->error == YAML_MEMORY_ERROR)
		return refuse(ENOMEM, "%s: no memory to parse it", l->file->name);
	if (p->error == YAML_READER_ERROR)
		return refuse(
			EINVAL, "%s: byte %zu: %s", l->file->name, p->problem_offset, problem);
	return refuse(EINVAL, "%s:%zu: column %zu: %s%s%s", l->file->name, p->problem_mark.line + 1,
		p->problem_mark.column + 1, problem, p->context ? " " : "",
		p->context ? p->context : "");
}

static int parse_all(struct loader *l)
{
	bool end = false;
	int err = 0;

	while (!err && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(&l->parser, &event))
			return refuse_syntax(l);
		err = on_event(l, &event);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return err;
}

static int load(struct yaml_file *f, const char *text, size_t len)
{
	struct loader *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return refuse(ENOMEM, "%s: no memory to parse it", f->name);
	l->file = f;
	if (!yaml_parser_initialize(&l->parser)) {
		free(l);
		return refuse(ENOMEM, "%s: no memory to parse it", f->name);
	}
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, len);
	err = parse_all(l);
	while (l->depth)
		close_level(l);
	hmap_destroy(&l->anchors);
	yaml_parser_delete(&l->parser);
	free(l);
	/* node_new() and carve() have said more than -ENOMEM can */
	return err;
}

int yaml_load_text(const char *name, const char *text, size_t len, struct yaml_file **out)
{
	struct yaml_file *f;
	int err;

	if (len > YAML_BYTES_MAX)
		return refuse(
			EFBIG, "%s: %zu bytes is over the limit of %u", name, len, YAML_BYTES_MAX);
	f = calloc(1, sizeof(*f));
	if (f)
		f->name = strdup(name);
	if (!f || !f->name) {
		free(f);
		return refuse(ENOMEM, "%s: no memory to parse it", name);
	}
	err = load(f, text, len);
	if (err) {
		yaml_close(f);
		return err;
	}
	*out = f;
	return 0;
}

/* The whole file, malloc'ed. Pipes and the like are read to their end. */
static int slurp(const char *path, int fd, char **text, size_t *len)
{
	size_t room = 16384, have = 0;
	char *data = NULL, *more;
	ssize_t n = 1;

	while (n > 0 && have <= YAML_BYTES_MAX) {
		if (!data || have == room) {
			room *= 2;
			more = realloc(data, room);
			if (!more)
				break;
			data = more;
		}
		n = read(fd, data + have, room - have);
		have += n > 0 ? (size_t)n : 0;
	}
	if (!n && have <= YAML_BYTES_MAX) {
		*text = data;
		*len = have;
		return 0;
	}
	free(data);
	if (n < 0)
		return refuse(errno == EISDIR ? EISDIR : EIO, "%s: cannot read: %s", path,
			strerror(errno));
	if (have > YAML_BYTES_MAX)
		return refuse(EFBIG, "%s: over the limit of %u bytes", path, YAML_BYTES_MAX);
	return refuse(ENOMEM, "%s: no memory to read it", path);
}

int yaml_load(const char *path, struct yaml_file **f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return refuse(errno, "%s: cannot open: %s", path, strerror(errno));
	err = slurp(path, fd, &text, &len);
	close(fd);
	if (err)
		return err;
	err = yaml_load_text(path, text, len, f);
	free(text);
	return err;
}

void yaml_close(struct yaml_file *f)
{
	struct block *next;

	if (!f)
		return;
	for (struct block *b = f->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(f->roots);
	free(f->name);
	free(f);
}

unsigned yaml_count(const struct yaml_file *f)
{
	return f->n_roots;
}

const struct yaml_node *yaml_root(const struct yaml_file *f, unsigned i)
{
	return i < f->n_roots ? f->roots[i] : NULL;
}

const char *yaml_file_name(const struct yaml_file *f)
{
	return f->name;
}
