/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/regex/regex.h"

#include <ctype.h>
#include <errno.h>
#include <hs/hs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 100000u
/* Bounded repeats are written short and compiled long: x{1,30000} took 5 s, and they nest. */
#define SPREAD_RULE_MAX 5000u
#define SPREAD_ALL_MAX 100000u
#define LOOSE 4u
#define NEST_MAX 64u

struct rule {
	char *pattern;
	uint32_t id;
	uint16_t group;
	unsigned flags, line;
};

struct regex_rules {
	hs_database_t *db;
	struct rule *rules;
	unsigned n, room;
	uint64_t spread; /* positions that repeats of all rules come to */
	uint64_t serial; /* tells databases apart in a thread's cache */
	/* for streams, made when the first is opened */
	pthread_mutex_t lock;
	hs_database_t *stream_db;
	uint64_t stream_serial;
};

/* Scratch memory of a thread, grown to fit each database it meets. */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread hs_scratch_t *scratch;
static __thread uint64_t scratch_fits;
static uint64_t next_serial = 1;

static void free_scratch(void *s)
{
	hs_free_scratch(s);
}

static void make_key(void)
{
	pthread_key_create(&key, free_scratch);
}

static hs_scratch_t *own_scratch(const hs_database_t *db, uint64_t serial)
{
	if (scratch_fits == serial)
		return scratch;
	pthread_once(&once, make_key);
	if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		return NULL;
	scratch_fits = serial;
	pthread_setspecific(key, scratch);
	return scratch;
}

/* ---- rules ---- */

static int fail(char *err, size_t size, unsigned line, const char *what)
{
	snprintf(err, size, "line %u: %s", line, what);
	return -EINVAL;
}

/* The upper bound of the repeat at `at`, "{m}", "{m,}" or "{m,n}"; 0: it is no repeat, a brace is a brace.
 * varies: the last. */
static uint64_t repeat_at(const char *at, const char **after, bool *varies)
{
	char *end;
	uint64_t low, high;

	if (*at != '{' || !isdigit((unsigned char)at[1]))
		return 0;
	low = high = strtoul(at + 1, &end, 10);
	if (*end == ',')
		high = isdigit((unsigned char)end[1]) ? strtoul(end + 1, &end, 10) : (end++, low);
	if (*end != '}')
		return 0;
	*after = end + 1;
	*varies = high != low;
	return high > low ? high : low + !low;
}

static const char *skip_class(const char *at)
{
	at += at[1] == '^' ? 2 : 1;
	at += *at == ']';
	while (*at && *at != ']')
		at += *at == '\\' && at[1] ? 2 : 1;
	return *at ? at + 1 : at;
}

/* Positions a pattern has once its bounded repeats are written out; those of a repeated group multiply. Only an
 * estimate of the work: what the pattern means is the compiler's business. A repeat of a group with {m,n} inside
 * counts LOOSE times: any of its positions may follow many others. */
static uint64_t spread_of(const char *at)
{
	uint64_t sums[NEST_MAX] = {0}, atom = 0, times;
	bool loose[NEST_MAX] = {false}, atom_loose = false, varies;
	unsigned depth = 0;

	while (*at) {
		times = repeat_at(at, &at, &varies);
		if (times) {
			times *= atom_loose && times > 1 ? LOOSE : 1;
			sums[depth] += atom * (times - 1);
			atom *= times;
			loose[depth] |= varies;
		} else if (*at == '(' && depth + 1 < NEST_MAX) {
			sums[++depth] = atom = 0;
			loose[depth] = atom_loose = false;
			at++;
		} else if (*at == ')' && depth) {
			atom_loose = loose[depth];
			atom = sums[depth--];
			sums[depth] += atom;
			loose[depth] |= atom_loose;
			at++;
		} else {
			atom = 1;
			atom_loose = false;
			sums[depth]++;
			at = *at == '[' ? skip_class(at) : at + (*at == '\\' && at[1] ? 2 : 1);
		}
		if (sums[depth] > UINT32_MAX || atom > UINT32_MAX)
			return UINT32_MAX;
	}
	while (depth--)
		sums[depth] += sums[depth + 1];
	return sums[0];
}

static int check_spread(
	struct regex_rules *r, const char *pattern, unsigned line, char *err, size_t size)
{
	uint64_t spread = spread_of(pattern), written = strlen(pattern);

	if (spread > SPREAD_RULE_MAX)
		return fail(err, size, line, "its repeats come to more than 5000 positions");
	r->spread += spread > written ? spread - written : 0;
	if (r->spread > SPREAD_ALL_MAX)
		return fail(err, size, line,
			"the repeats of all rules come to more than 100000 positions");
	return 0;
}

static int add_rule(struct regex_rules *r, struct rule rule)
{
	if (r->n == r->room) {
		struct rule *more = realloc(r->rules, (r->room * 2 + 64) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->rules = more;
		r->room = r->room * 2 + 64;
	}
	r->rules[r->n++] = rule;
	return 0;
}

/* [GROUP:]ID, /PATTERN/FLAGS in `line` (NUL-terminated). */
static int parse_line(struct regex_rules *r, char *line, unsigned number, char *err, size_t size)
{
	struct rule rule = {.line = number, .flags = HS_FLAG_SOM_LEFTMOST};
	char *at = line, *end, *close;
	unsigned long value;
	int ret;

	if (r->n == RULES_MAX)
		return fail(err, size, number, "too many rules");
	if (!isdigit((unsigned char)*at))
		return fail(err, size, number, "a rule begins with its number: 7, /pattern/");
	value = strtoul(at, &end, 10);
	if (*end == ':') {
		rule.group = (uint16_t)value;
		if (value > UINT16_MAX || !isdigit((unsigned char)end[1]))
			return fail(err, size, number, "a group is 0 to 65535, before GROUP:ID");
		value = strtoul(end + 1, &end, 10);
	}
	rule.id = (uint32_t)value;
	end += strspn(end, " \t");
	if (value > UINT32_MAX || *end != ',')
		return fail(err, size, number, "a comma stands between number and pattern");
	at = end + 1 + strspn(end + 1, " \t");
	close = strrchr(at, '/');
	if (*at != '/' || close == at)
		return fail(err, size, number, "a pattern stands between slashes");
	for (end = close + 1; *end && !isspace((unsigned char)*end); end++)
		switch (*end) {
		case 'i':
			rule.flags |= HS_FLAG_CASELESS;
			break;
		case 's':
			rule.flags |= HS_FLAG_DOTALL;
			break;
		case 'm':
			rule.flags |= HS_FLAG_MULTILINE;
			break;
		default:
			return fail(err, size, number, "the flags are i, s and m");
		}
	rule.pattern = strndup(at + 1, (size_t)(close - at - 1));
	if (!rule.pattern)
		return -ENOMEM;
	ret = check_spread(r, rule.pattern, number, err, size);
	if (!ret)
		ret = add_rule(r, rule);
	if (ret)
		free(rule.pattern);
	return ret;
}

static int parse(struct regex_rules *r, const char *text, size_t len, char *err, size_t size)
{
	unsigned number = 0;

	for (const char *at = text, *end = text + len; at < end;) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t n = eol ? (size_t)(eol - at) : (size_t)(end - at);
		char *line = strndup(at, n), *first;
		int ret = 0;

		if (!line)
			return -ENOMEM;
		number++;
		if (strlen(line) != n)
			ret = fail(err, size, number, "a NUL byte");
		first = line + strspn(line, " \t\r");
		if (!ret && *first && *first != '#')
			ret = parse_line(r, first, number, err, size);
		free(line);
		if (ret)
			return ret;
		at += n + 1;
	}
	return r->n ? 0 : fail(err, size, number, "no rules");
}

static int build(
	const struct regex_rules *r, unsigned mode, hs_database_t **db, char *err, size_t size)
{
	const char **patterns = calloc(r->n, sizeof(*patterns));
	unsigned *flags = calloc(r->n, sizeof(*flags)), *ids = calloc(r->n, sizeof(*ids));
	hs_compile_error_t *wrong = NULL;
	int ret = patterns && flags && ids ? 0 : -ENOMEM;

	for (unsigned i = 0; !ret && i < r->n; i++) {
		patterns[i] = r->rules[i].pattern;
		flags[i] = r->rules[i].flags;
		ids[i] = i;
	}
	if (!ret && hs_compile_multi(patterns, flags, ids, r->n, mode, NULL, db, &wrong) !=
			    HS_SUCCESS) {
		ret = fail(err, size,
			wrong && wrong->expression >= 0 ? r->rules[wrong->expression].line : 0,
			wrong ? wrong->message : "does not compile");
		hs_free_compile_error(wrong);
	}
	free(patterns);
	free(flags);
	free(ids);
	return ret;
}

int regex_compile(
	const char *text, size_t len, struct regex_rules **rules, char *err, size_t err_size)
{
	struct regex_rules *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	ret = parse(r, text, len, err, err_size);
	if (!ret)
		ret = build(r, HS_MODE_BLOCK, &r->db, err, err_size);
	if (ret) {
		regex_destroy(r);
		return ret;
	}
	r->serial = __atomic_fetch_add(&next_serial, 1, __ATOMIC_RELAXED);
	*rules = r;
	return 0;
}

void regex_destroy(struct regex_rules *rules)
{
	if (!rules)
		return;
	for (unsigned i = 0; i < rules->n; i++)
		free(rules->rules[i].pattern);
	free(rules->rules);
	hs_free_database(rules->db);
	hs_free_database(rules->stream_db);
	pthread_mutex_destroy(&rules->lock);
	free(rules);
}

/* ---- scanning ---- */

struct scan {
	const struct regex_rules *rules;
	const uint16_t *groups;
	unsigned n_groups;
	regex_match_fn fn;
	void *arg;
	/* the match that may still grow */
	bool have, ended;
	unsigned index;
	uint64_t start, end;
};

static bool is_wanted(const struct scan *s, unsigned index)
{
	for (unsigned i = 0; i < s->n_groups; i++)
		if (s->groups[i] == s->rules->rules[index].group)
			return true;
	return !s->n_groups;
}

static int tell(struct scan *s)
{
	if (!s->have)
		return 0;
	s->have = false;
	s->ended = s->fn(s->arg, s->rules->rules[s->index].id, s->start, s->end - s->start);
	return s->ended;
}

/* Hyperscan tells every end of a match; ends of one start and rule come in growing order. */
static int on_match(
	unsigned index, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct scan *s = arg;

	if (!is_wanted(s, index))
		return 0;
	if (s->have && s->index == index && s->start == from) {
		s->end = to;
		return 0;
	}
	if (tell(s))
		return 1;
	s->have = true;
	s->index = index;
	s->start = from;
	s->end = to;
	return 0;
}

int regex_scan(const struct regex_rules *rules, const uint16_t *groups, unsigned n_groups,
	const void *text, size_t len, regex_match_fn fn, void *arg)
{
	struct scan s = {
		.rules = rules, .groups = groups, .n_groups = n_groups, .fn = fn, .arg = arg};
	hs_scratch_t *own = own_scratch(rules->db, rules->serial);
	hs_error_t err;

	if (!own || len > UINT32_MAX)
		return -EIO;
	err = hs_scan(rules->db, text, (unsigned)len, 0, own, on_match, &s);
	if (err != HS_SUCCESS && err != HS_SCAN_TERMINATED)
		return -EIO;
	if (!s.ended)
		tell(&s);
	return 0;
}

/* ---- streams ---- */

struct regex_stream {
	const struct regex_rules *rules;
	hs_stream_t *state;
};

static int have_stream_db(struct regex_rules *rules, char *err, size_t size)
{
	int ret = 0;

	pthread_mutex_lock(&rules->lock);
	if (!rules->stream_db) {
		ret = build(rules, HS_MODE_STREAM | HS_MODE_SOM_HORIZON_LARGE, &rules->stream_db,
			err, size);
		rules->stream_serial = __atomic_fetch_add(&next_serial, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&rules->lock);
	return ret;
}

int regex_stream_open(
	struct regex_rules *rules, struct regex_stream **stream, char *err, size_t err_size)
{
	int ret = have_stream_db(rules, err, err_size);

	if (ret)
		return ret;
	*stream = calloc(1, sizeof(**stream));
	if (!*stream)
		return -ENOMEM;
	(*stream)->rules = rules;
	if (hs_open_stream(rules->stream_db, 0, &(*stream)->state) == HS_SUCCESS)
		return 0;
	free(*stream);
	return -ENOMEM;
}

void regex_stream_close(struct regex_stream *stream)
{
	if (!stream)
		return;
	hs_close_stream(stream->state, NULL, NULL, NULL);
	free(stream);
}

int regex_stream_scan(struct regex_stream *stream, const uint16_t *groups, unsigned n_groups,
	const void *text, size_t len, bool last, regex_match_fn fn, void *arg)
{
	const struct regex_rules *rules = stream->rules;
	struct scan s = {
		.rules = rules, .groups = groups, .n_groups = n_groups, .fn = fn, .arg = arg};
	hs_scratch_t *own = own_scratch(rules->stream_db, rules->stream_serial);
	hs_error_t err;

	if (!own || len > UINT32_MAX)
		return -EIO;
	err = hs_scan_stream(stream->state, text, (unsigned)len, 0, own, on_match, &s);
	if (last && err == HS_SUCCESS)
		err = hs_reset_stream(stream->state, 0, own, on_match, &s);
	if (err != HS_SUCCESS && err != HS_SCAN_TERMINATED)
		return -EIO;
	if (!s.ended)
		tell(&s);
	return 0;
}
