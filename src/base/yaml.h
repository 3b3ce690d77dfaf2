/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml: configuration files, Kubernetes manifests and JSON (which is YAML) as a tree whose nodes know
 * file, line and column, so that every refusal can name the place.
 *
 *     struct yaml_file *f;
 *     uint64_t vni;
 *
 *     err = yaml_load("card.yaml", &f);                                  one or more documents
 *     for (unsigned i = 0; i < yaml_count(f); i++) {
 *             const struct yaml_node *doc = yaml_root(f, i);
 *             static const char *const known[] = {"name", "ports", "vni"};
 *
 *             err = yaml_only_keys(doc, known, ARRAY_SIZE(known));       refuses typos, with a hint
 *             err = yaml_need_u64(doc, "vni", 1, 16777215, &vni);        must be there
 *             err = yaml_want_u64(doc, "limits.flows", 1, 1 << 24, &n);  may be there
 *             yaml_each (port, yaml_get(doc, "ports"))
 *                     err = yaml_need_mac(port, "mac", mac);
 *     }
 *     yaml_close(f);
 *
 * Getters return 0, -ENOENT (a needed field is missing) or -EINVAL, always with a refusal like
 *     card.yaml:12: field 'ports[0].mac': value '02:00' is not a MAC address; expected for example ...
 * A wanted field that is absent or null leaves *out untouched, so set the default first.
 *
 * The tree is read only and owned by the file; strings live as long as the file. One thread at a time
 * may build it, any number may read it. Duplicate keys, undefined aliases and broken UTF-8 are refused
 * while loading. Aliases are expanded (each use is a copy of its own), and what they expand to counts
 * against the node limit, so a "billion laughs" file is refused. Merge keys ("<<") mean nothing here.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/addr.h"
#include "base/base.h"

/* Limits; a refusal names the one that was hit. A 10,000-object cluster dump is about 600,000 nodes. */
#define YAML_BYTES_MAX (64u << 20)
#define YAML_NODES_MAX 2000000u
#define YAML_DEPTH_MAX 64u
#define YAML_DOCUMENTS_MAX 100000u

enum yaml_kind {
	YAML_NULL,   /* ~, null, or nothing */
	YAML_SCALAR, /* text, number, bool: `text` */
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;      /* a scalar in quotes or a block: "true" is text then, not a bool */
	const char *text; /* scalar text, NUL-terminated; "" for null; NULL for lists and maps */
	size_t text_len;
	const char *key;  /* own key in the parent map, else NULL */
	unsigned index;   /* own place in the parent */
	unsigned count;   /* children of a list or map */
	int line, column; /* from 1: where the value begins */
	int key_line;     /* where its key stands; 0 without one */
	const struct yaml_node *parent;
	const struct yaml_node *first, *next; /* children in file order */
	const struct yaml_file *file;
};

struct yaml_file;

/* Read and parse a whole file, or a text that is called `name` in refusals. 0 with *f owned by the
 * caller (yaml_close), or -ENOENT, -EIO, -EFBIG, -EINVAL, -ENOMEM with a refusal. */
int yaml_load(const char *path, struct yaml_file **f);
int yaml_load_text(const char *name, const char *text, size_t len, struct yaml_file **f);
void yaml_close(struct yaml_file *f);

/* Documents with content ("---" with nothing behind it does not count). */
unsigned yaml_count(const struct yaml_file *f);
const struct yaml_node *yaml_root(const struct yaml_file *f, unsigned i);
const char *yaml_file_name(const struct yaml_file *f);

/* By path from `node`: "spec.ports", "spec.ports[0].port". A key that holds a dot or a bracket
 * (Kubernetes labels) needs yaml_key(). NULL when absent or `node` is NULL: no refusal. */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *path);
const struct yaml_node *yaml_key(const struct yaml_node *map, const char *key);
const struct yaml_node *yaml_at(const struct yaml_node *list, unsigned i);

/* Children of a list or map (none for NULL). */
#define yaml_each(pos, parent_node)                                         \
	for (const struct yaml_node *yaml_p_ = (parent_node),               \
				    *pos = yaml_p_ ? yaml_p_->first : NULL; \
		pos; pos = pos->next)

/* The node itself as a value. -EINVAL with a refusal that names file, line, field and value. */
int yaml_as_u64(const struct yaml_node *node, uint64_t min, uint64_t max, uint64_t *out);
int yaml_as_i64(const struct yaml_node *node, int64_t min, int64_t max, int64_t *out);
int yaml_as_bool(const struct yaml_node *node, bool *out);
int yaml_as_string(const struct yaml_node *node, const char **out); /* any scalar; borrowed */
int yaml_as_addr(const struct yaml_node *node, struct addr *out);
int yaml_as_prefix(const struct yaml_node *node, struct prefix *out);
int yaml_as_mac(const struct yaml_node *node, uint8_t out[6]);
/* Bytes, with a Kubernetes-style suffix: 4096, 64Ki, 1Mi, 10G. */
int yaml_as_size(const struct yaml_node *node, uint64_t min, uint64_t max, uint64_t *out);
/* One of `n` words; *out is its index. */
int yaml_as_enum(const struct yaml_node *node, const char *const *words, unsigned n, unsigned *out);
int yaml_as_list(const struct yaml_node *node, const struct yaml_node **out);
int yaml_as_map(const struct yaml_node *node, const struct yaml_node **out);

/* need: the field must be there. want: it may be there. */
int yaml_need_u64(
	const struct yaml_node *map, const char *path, uint64_t min, uint64_t max, uint64_t *out);
int yaml_want_u64(
	const struct yaml_node *map, const char *path, uint64_t min, uint64_t max, uint64_t *out);
int yaml_need_bool(const struct yaml_node *map, const char *path, bool *out);
int yaml_want_bool(const struct yaml_node *map, const char *path, bool *out);
int yaml_need_string(const struct yaml_node *map, const char *path, const char **out);
int yaml_want_string(const struct yaml_node *map, const char *path, const char **out);
int yaml_need_addr(const struct yaml_node *map, const char *path, struct addr *out);
int yaml_want_addr(const struct yaml_node *map, const char *path, struct addr *out);
int yaml_need_prefix(const struct yaml_node *map, const char *path, struct prefix *out);
int yaml_want_prefix(const struct yaml_node *map, const char *path, struct prefix *out);
int yaml_need_mac(const struct yaml_node *map, const char *path, uint8_t out[6]);
int yaml_want_mac(const struct yaml_node *map, const char *path, uint8_t out[6]);
int yaml_need_size(
	const struct yaml_node *map, const char *path, uint64_t min, uint64_t max, uint64_t *out);
int yaml_want_size(
	const struct yaml_node *map, const char *path, uint64_t min, uint64_t max, uint64_t *out);
int yaml_need_enum(const struct yaml_node *map, const char *path, const char *const *words,
	unsigned n, unsigned *out);
int yaml_want_enum(const struct yaml_node *map, const char *path, const char *const *words,
	unsigned n, unsigned *out);
int yaml_need_list(const struct yaml_node *map, const char *path, const struct yaml_node **out);
int yaml_want_list(const struct yaml_node *map, const char *path, const struct yaml_node **out);
int yaml_need_map(const struct yaml_node *map, const char *path, const struct yaml_node **out);
int yaml_want_map(const struct yaml_node *map, const char *path, const struct yaml_node **out);

/* Refuse every key of `map` that is not among `known`, naming the nearest known one. A null map passes. */
int yaml_only_keys(const struct yaml_node *map, const char *const *known, unsigned n);

/* The first key of `map` that is not known, after `after` (NULL = from the start); NULL when none. For
 * callers that only warn. */
const struct yaml_node *yaml_unknown_key(const struct yaml_node *map, const struct yaml_node *after,
	const char *const *known, unsigned n);

/* The nearest of `n` words to `text` by edit distance, NULL when none is near. */
const char *yaml_nearest(const char *text, const char *const *words, unsigned n);

/* refuse() with "file:line: field 'a.b': " in front: for checks that only the caller can make. */
int yaml_refuse(const struct yaml_node *node, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "spec.ports[0].port" into text (cut at size). Returns text. */
const char *yaml_path(const struct yaml_node *node, char *text, size_t size);

#endif
