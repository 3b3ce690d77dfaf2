/* SPDX-License-Identifier: BSD-3-Clause */
/* The reading half of yaml.h: paths, typed values, unknown keys. Relies on the tree being whole. */
#include "base/yaml.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/str.h"

#define VALUE_TEXT_MAX 72
#define PATH_TEXT_MAX 256

/* --- finding --- */

static const struct yaml_node *key_n(const struct yaml_node *map, const char *key, size_t len)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	yaml_each(child, map)
		if (!strncmp(child->key, key, len) && !child->key[len])
			return child;
	return NULL;
}

const struct yaml_node *yaml_key(const struct yaml_node *map, const char *key)
{
	return key_n(map, key, strlen(key));
}

const struct yaml_node *yaml_at(const struct yaml_node *list, unsigned i)
{
	if (!list || list->kind != YAML_LIST)
		return NULL;
	yaml_each(child, list)
		if (child->index == i)
			return child;
	return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *path)
{
	while (node && *path) {
		if (*path == '[') {
			char *end;

			node = yaml_at(node, (unsigned)strtoul(path + 1, &end, 10));
			assert(*end == ']');
			path = end + 1;
		} else {
			size_t len = strcspn(path, ".[");

			node = key_n(node, path, len);
			path += len;
		}
		if (*path == '.')
			path++;
	}
	return node;
}

/* --- saying no --- */

static void path_add(struct str *s, const struct yaml_node *node)
{
	if (!node->parent)
		return;
	path_add(s, node->parent);
	if (!node->key)
		str_addf(s, "[%u]", node->index);
	else
		str_addf(s, "%s%s", s->len ? "." : "", node->key);
}

const char *yaml_path(const struct yaml_node *node, char *text, size_t size)
{
	struct str s = STR_INIT;

	path_add(&s, node);
	snprintf(text, size, "%s", str_text(&s));
	str_free(&s);
	return text;
}

int yaml_refuse(const struct yaml_node *node, int errnum, const char *fmt, ...)
{
	char path[PATH_TEXT_MAX], what[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!node->parent)
		return refuse(errnum, "%s:%d: %s", yaml_file_name(node->file), node->line, what);
	return refuse(errnum, "%s:%d: field '%s': %s", yaml_file_name(node->file), node->line,
		yaml_path(node, path, sizeof(path)), what);
}

/* The value for a sentence: what a stranger wrote, made printable and short. */
static const char *value_text(const struct yaml_node *node, char text[VALUE_TEXT_MAX])
{
	size_t n = MIN_OF(node->text_len, (size_t)VALUE_TEXT_MAX - 4);

	for (size_t i = 0; i < n; i++)
		text[i] = isprint((unsigned char)node->text[i]) ? node->text[i] : '?';
	strcpy(text + n, n < node->text_len ? "..." : "");
	return text;
}

static int not_a(const struct yaml_node *node, const char *what, const char *expected)
{
	static const char *const kinds[] = {"nothing", "a value", "a list", "a map"};
	char text[VALUE_TEXT_MAX];

	if (node->kind != YAML_SCALAR)
		return yaml_refuse(node, EINVAL, "%s where %s is expected (%s)", kinds[node->kind],
			what, expected);
	return yaml_refuse(node, EINVAL, "value '%s' is not %s; expected %s",
		value_text(node, text), what, expected);
}

static int missing(const struct yaml_node *map, const char *path)
{
	char where[PATH_TEXT_MAX];

	yaml_path(map, where, sizeof(where));
	return refuse(ENOENT, "%s:%d: field '%s%s%s' is missing", yaml_file_name(map->file),
		map->line, where, *where ? "." : "", path);
}

/* --- values --- */

static bool is_scalar(const struct yaml_node *node)
{
	/* a NUL inside would let a value end early for us and not for its author */
	return node->kind == YAML_SCALAR && strlen(node->text) == node->text_len;
}

/* Decimal or 0x hexadecimal digits up to *end; false when there are none or they overflow. */
static bool digits(const char *text, const char **end, uint64_t *out)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	char *stop;

	if (base == 16)
		text += 2;
	if (!isxdigit((unsigned char)*text) || (base == 10 && !isdigit((unsigned char)*text)))
		return false;
	errno = 0;
	*out = strtoull(text, &stop, base);
	*end = stop;
	return !errno;
}

int yaml_as_u64(const struct yaml_node *node, uint64_t min, uint64_t max, uint64_t *out)
{
	char expected[80];
	const char *end;
	uint64_t n;

	snprintf(expected, sizeof(expected), "a number from %llu to %llu", (unsigned long long)min,
		(unsigned long long)max);
	if (!is_scalar(node) || !digits(node->text, &end, &n) || *end)
		return not_a(node, "a number", expected);
	if (n < min || n > max)
		return not_a(node, "in range", expected);
	*out = n;
	return 0;
}

int yaml_as_i64(const struct yaml_node *node, int64_t min, int64_t max, int64_t *out)
{
	char expected[80];
	const char *end;
	bool negative;
	uint64_t n;

	snprintf(expected, sizeof(expected), "a number from %lld to %lld", (long long)min,
		(long long)max);
	negative = is_scalar(node) && node->text[0] == '-';
	if (!is_scalar(node) || !digits(node->text + negative, &end, &n) || *end)
		return not_a(node, "a number", expected);
	if (n > (uint64_t)INT64_MAX + negative)
		return not_a(node, "in range", expected);
	*out = negative ? (int64_t)(0 - n) : (int64_t)n;
	return *out < min || *out > max ? not_a(node, "in range", expected) : 0;
}

int yaml_as_size(const struct yaml_node *node, uint64_t min, uint64_t max, uint64_t *out)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = {{"", 1}, {"k", 1000}, {"Ki", 1ull << 10}, {"M", 1000000}, {"Mi", 1ull << 20},
		{"G", 1000000000}, {"Gi", 1ull << 30}, {"T", 1000000000000}, {"Ti", 1ull << 40}};
	char expected[96];
	const char *end;
	uint64_t n;

	snprintf(expected, sizeof(expected),
		"bytes from %llu to %llu, for example 4096, 64Ki or 1Mi", (unsigned long long)min,
		(unsigned long long)max);
	if (!is_scalar(node) || !digits(node->text, &end, &n))
		return not_a(node, "a size", expected);
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		if (__builtin_mul_overflow(n, units[i].factor, &n) || n < min || n > max)
			return not_a(node, "in range", expected);
		*out = n;
		return 0;
	}
	return not_a(node, "a size", expected);
}

int yaml_as_bool(const struct yaml_node *node, bool *out)
{
	static const char *const yes[] = {"true", "True", "TRUE", "yes", "on"};
	static const char *const no[] = {"false", "False", "FALSE", "no", "off"};

	for (unsigned i = 0; i < ARRAY_SIZE(yes) && is_scalar(node) && !node->quoted; i++) {
		if (strcmp(node->text, yes[i]) && strcmp(node->text, no[i]))
			continue;
		*out = !strcmp(node->text, yes[i]);
		return 0;
	}
	return not_a(node, "a yes or no", "true or false");
}

int yaml_as_string(const struct yaml_node *node, const char **out)
{
	if (!is_scalar(node))
		return not_a(node, "a text", "text without NUL bytes");
	*out = node->text;
	return 0;
}

int yaml_as_addr(const struct yaml_node *node, struct addr *out)
{
	if (!is_scalar(node) || addr_parse(node->text, out))
		return not_a(node, "an IP address", "for example 10.244.1.5 or fd00::5");
	return 0;
}

int yaml_as_prefix(const struct yaml_node *node, struct prefix *out)
{
	if (!is_scalar(node) || prefix_parse(node->text, out))
		return not_a(node, "an IP prefix", "for example 10.244.1.0/24 or fd00:1::/64");
	return 0;
}

int yaml_as_mac(const struct yaml_node *node, uint8_t out[6])
{
	if (!is_scalar(node) || mac_parse(node->text, out))
		return not_a(node, "a MAC address", "for example 02:00:5e:10:00:01");
	return 0;
}

int yaml_as_enum(const struct yaml_node *node, const char *const *words, unsigned n, unsigned *out)
{
	const char *near = is_scalar(node) ? yaml_nearest(node->text, words, n) : NULL;
	struct str list = STR_INIT;
	int err;

	for (unsigned i = 0; i < n; i++) {
		if (is_scalar(node) && !strcmp(node->text, words[i])) {
			*out = i;
			str_free(&list);
			return 0;
		}
		str_addf(&list, "%s%s", !i ? "" : i + 1 < n ? ", " : " or ", words[i]);
	}
	if (near)
		str_addf(&list, "; did you mean '%s'?", near);
	err = not_a(node, "a known word", str_text(&list));
	str_free(&list);
	return err;
}

int yaml_as_list(const struct yaml_node *node, const struct yaml_node **out)
{
	if (node->kind != YAML_LIST)
		return not_a(node, "a list", "[...] or lines that begin with '-'");
	*out = node;
	return 0;
}

int yaml_as_map(const struct yaml_node *node, const struct yaml_node **out)
{
	if (node->kind != YAML_MAP)
		return not_a(node, "a map", "'key: value' lines");
	*out = node;
	return 0;
}

/* --- need and want: the same for every type --- */

/* The field if it is there and not null; *err is what to return otherwise. */
static const struct yaml_node *field(
	const struct yaml_node *map, const char *path, bool needed, int *err)
{
	const struct yaml_node *n = yaml_get(map, path);

	if (n && n->kind != YAML_NULL)
		return n;
	*err = needed ? missing(map, path) : 0;
	return NULL;
}

#define NEED_AND_WANT(type, params, args)                                  \
	int yaml_need_##type params                                        \
	{                                                                  \
		int err;                                                   \
		const struct yaml_node *n = field(map, path, true, &err);  \
                                                                           \
		return n ? yaml_as_##type args : err;                      \
	}                                                                  \
	int yaml_want_##type params                                        \
	{                                                                  \
		int err;                                                   \
		const struct yaml_node *n = field(map, path, false, &err); \
                                                                           \
		return n ? yaml_as_##type args : err;                      \
	}
#define AT const struct yaml_node *map, const char *path

NEED_AND_WANT(u64, (AT, uint64_t min, uint64_t max, uint64_t *out), (n, min, max, out))
NEED_AND_WANT(size, (AT, uint64_t min, uint64_t max, uint64_t *out), (n, min, max, out))
NEED_AND_WANT(bool, (AT, bool *out), (n, out))
NEED_AND_WANT(string, (AT, const char **out), (n, out))
NEED_AND_WANT(addr, (AT, struct addr *out), (n, out))
NEED_AND_WANT(prefix, (AT, struct prefix *out), (n, out))
NEED_AND_WANT(mac, (AT, uint8_t out[6]), (n, out))
NEED_AND_WANT(list, (AT, const struct yaml_node **out), (n, out))
NEED_AND_WANT(map, (AT, const struct yaml_node **out), (n, out))
NEED_AND_WANT(enum, (AT, const char *const *words, unsigned n_words, unsigned *out),
	(n, words, n_words, out))

/* --- unknown keys --- */

/* Levenshtein distance, at most 32 characters each; longer texts are far from everything. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[33];

	if (la > 32 || lb > 32)
		return 99;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			unsigned replace = diagonal + !same;

			diagonal = row[j];
			row[j] = MIN_OF(replace, MIN_OF(row[j], row[j - 1]) + 1);
		}
	}
	return row[lb];
}

const char *yaml_nearest(const char *text, const char *const *words, unsigned n)
{
	/* one slip in three letters is a typo, more is another word */
	unsigned best = (unsigned)MIN_OF(strlen(text), (size_t)32) / 3 + 1;
	const char *found = NULL;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = distance(text, words[i]);

		if (d > best || (found && d == best))
			continue;
		best = d;
		found = words[i];
	}
	return found;
}

const struct yaml_node *yaml_unknown_key(const struct yaml_node *map, const struct yaml_node *after,
	const char *const *known, unsigned n)
{
	const struct yaml_node *child;

	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (child = after ? after->next : map->first; child; child = child->next) {
		bool found = false;

		for (unsigned i = 0; i < n && !found; i++)
			found = !strcmp(child->key, known[i]);
		if (!found)
			break;
	}
	return child;
}

int yaml_only_keys(const struct yaml_node *map, const char *const *known, unsigned n)
{
	const struct yaml_node *unknown;
	struct str list = STR_INIT;
	struct yaml_node key;
	const char *near;
	int err;

	if (map && map->kind != YAML_MAP && map->kind != YAML_NULL)
		return not_a(map, "a map", "'key: value' lines");
	unknown = yaml_unknown_key(map, NULL, known, n);
	if (!unknown)
		return 0;
	key = *unknown;
	key.line = key.key_line; /* the slip is in the key, not in the value below it */
	near = yaml_nearest(key.key, known, n);
	if (near)
		return yaml_refuse(&key, EINVAL, "unknown key; did you mean '%s'?", near);
	for (unsigned i = 0; i < n; i++)
		str_addf(&list, "%s%s", i ? ", " : "", known[i]);
	err = yaml_refuse(&key, EINVAL, "unknown key; known here: %s", str_text(&list));
	str_free(&list);
	return err;
}
