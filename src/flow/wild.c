/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wild: tuples in an array ordered by best priority. The array is immutable; a writer publishes a new one
 * whenever a tuple comes, goes, or gets a better best priority. A best priority that has become too good (its
 * rule was removed) costs a look at a tuple in vain, no more; it is put right once per as many removals as the
 * tuple has rules.
 */
#include "flow/wild.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/hmap.h"
#include "base/refuse.h"
#include "flow/exact.h"
#include "flow/flow_int.h"
#include "flow/hash.h"

#define TUPLES_MAX 65536u
#define KEY_WORDS (FLOW_KEY_SIZE / 8)

struct flow_wild_tuple {
	struct hmap_node node;    /* in wild->tuples, by mask */
	struct flow_exact *table; /* data of a record: first rule of its chain */
	struct flow_key mask;
	uint32_t best; /* no rule has a lower number */
	uint32_t rules;
	uint32_t stale; /* removals since `best` was right */
};

struct slot {
	uint32_t best;
	struct flow_wild_tuple *tuple;
};

struct list {
	uint32_t n;
	struct slot slot[];
};

struct flow_wild {
	struct flow_ctx *ctx;
	const struct list *list; /* published */
	pthread_mutex_t lock;    /* writers; guards all below */
	struct hmap tuples;
	uint64_t sequence;
	uint32_t capacity, count;
	unsigned lines; /* union over all tuples there ever were */
	char name[64];
};

static const struct list empty_list;

static const struct list *list_of(const struct flow_wild *w)
{
	return __atomic_load_n(&w->list, __ATOMIC_ACQUIRE);
}

static struct flow_wild_rule **head_of(const struct flow_wild_tuple *tuple, uint32_t index)
{
	return flow_exact_data(tuple->table, index);
}

static struct flow_wild_rule *next_of(struct flow_wild_rule *const *link)
{
	return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

static bool better(const struct flow_wild_rule *a, const struct flow_wild_rule *b)
{
	return a->priority < b->priority ||
	       (a->priority == b->priority && a->sequence < b->sequence);
}

int flow_wild_create(
	struct flow_ctx *ctx, const char *name, uint32_t capacity, struct flow_wild **wild)
{
	struct flow_wild *w = calloc(1, sizeof(*w));

	*wild = NULL;
	if (!w)
		return refuse(ENOMEM, "wildcard table '%s': out of memory", name);
	w->ctx = ctx;
	w->list = &empty_list;
	w->capacity = capacity;
	hmap_init(&w->tuples);
	pthread_mutex_init(&w->lock, NULL);
	snprintf(w->name, sizeof(w->name), "%s", name);
	*wild = w;
	return 0;
}

static void tuple_free(void *arg)
{
	struct flow_wild_tuple *t = arg;

	flow_exact_destroy(t->table);
	free(t);
}

static void free_rules(struct flow_wild_tuple *t)
{
	for (uint32_t i = flow_exact_next(t->table, 0); i; i = flow_exact_next(t->table, i))
		for (struct flow_wild_rule *r = *head_of(t, i), *next; r; r = next) {
			next = r->next;
			free(r);
		}
}

void flow_wild_destroy(struct flow_wild *w)
{
	struct flow_wild_tuple *t, *next;

	if (!w)
		return;
	hmap_for_each_safe(t, next, &w->tuples, node) {
		free_rules(t);
		tuple_free(t);
	}
	hmap_destroy(&w->tuples);
	if (w->list != &empty_list)
		free((void *)w->list);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int by_best(const void *a, const void *b)
{
	uint32_t x = ((const struct slot *)a)->best, y = ((const struct slot *)b)->best;

	return x < y ? -1 : x > y;
}

/* The array of all tuples as they are now. On failure readers go on with the old one. */
static int publish(struct flow_wild *w)
{
	uint32_t n = hmap_count(&w->tuples), i = 0;
	struct list *fresh = malloc(sizeof(*fresh) + n * sizeof(struct slot));
	const struct list *old = w->list;
	struct flow_wild_tuple *t;

	if (!fresh)
		return -ENOMEM;
	hmap_for_each(t, &w->tuples, node)
		fresh->slot[i++] = (struct slot){t->best, t};
	fresh->n = i;
	qsort(fresh->slot, i, sizeof(struct slot), by_best);
	__atomic_store_n(&w->list, fresh, __ATOMIC_RELEASE);
	if (old != &empty_list)
		flow_retire(w->ctx, free, (void *)old);
	return 0;
}

static uint64_t mask_hash(const struct flow_key *mask)
{
	static const struct flow_seed seed = {{0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full,
		0x165667b19e3779f9ull, 0xd6e8feb86659fd93ull}};

	return flow_hash_words(&seed, mask->words, KEY_WORDS);
}

static struct flow_wild_tuple *find_tuple(struct flow_wild *w, const struct flow_key *mask)
{
	struct flow_wild_tuple *t;

	hmap_for_each_hash(t, &w->tuples, mask_hash(mask), node)
		if (memcmp(&t->mask, mask, sizeof(*mask)) == 0)
			return t;
	return NULL;
}

static struct flow_wild_tuple *make_tuple(struct flow_wild *w, const struct flow_key *mask)
{
	struct flow_exact_cfg cfg = {.name = w->name,
		.mask = mask,
		.data_len = sizeof(struct flow_wild_rule *),
		.capacity = MAX_OF(1u, (w->capacity + 15) / 16)};
	struct flow_wild_tuple *t;

	if (hmap_count(&w->tuples) == TUPLES_MAX || posix_memalign((void **)&t, 64, sizeof(*t)))
		return NULL;
	memset(t, 0, sizeof(*t));
	/* The table reserves sixteen times its capacity; the rules of the whole may all come here. */
	if (flow_exact_create(w->ctx, &cfg, &t->table)) {
		free(t);
		return NULL;
	}
	flow_exact_resize(t->table, w->capacity);
	t->mask = *mask;
	t->best = UINT32_MAX;
	hmap_insert(&w->tuples, &t->node, mask_hash(mask));
	w->lines |= flow_exact_lines(t->table);
	return t;
}

static void drop_tuple(struct flow_wild *w, struct flow_wild_tuple *t)
{
	hmap_remove(&w->tuples, &t->node);
	/* Without memory for a shorter array the old one would keep naming it: keep the empty tuple too. */
	if (publish(w)) {
		hmap_insert(&w->tuples, &t->node, mask_hash(&t->mask));
		return;
	}
	flow_retire(w->ctx, tuple_free, t);
}

/* Where in its chain the rule belongs; NULL: an equal one is there. */
static struct flow_wild_rule **place_in(
	struct flow_wild_rule **link, const struct flow_wild_rule *rule)
{
	struct flow_wild_rule **at = link;

	for (; *at && (*at)->priority <= rule->priority; at = &(*at)->next)
		if ((*at)->priority == rule->priority && !(*at)->check && !rule->check)
			return NULL;
	return at;
}

static int chain_rule(
	struct flow_wild_tuple *t, const struct flow_key *value, struct flow_wild_rule *rule)
{
	struct flow_wild_rule **at;
	int err = flow_exact_insert(t->table, value, &rule, &rule->index);

	if (err != -EEXIST)
		return err;
	at = place_in(head_of(t, rule->index), rule);
	if (!at)
		return -EEXIST;
	rule->next = *at;
	__atomic_store_n(at, rule, __ATOMIC_RELEASE);
	return 0;
}

/* A rule is visible from the moment its tuple stands in the array at or before its priority. */
static int insert_rule(
	struct flow_wild *w, const struct flow_match *match, struct flow_wild_rule *rule)
{
	struct flow_wild_tuple *t = find_tuple(w, &match->mask);
	uint32_t old_best;
	int err;

	if (w->count >= w->capacity)
		return -ENOSPC;
	if (!t)
		t = make_tuple(w, &match->mask);
	if (!t)
		return -ENOMEM;
	rule->tuple = t;
	rule->sequence = ++w->sequence;
	old_best = t->best;
	err = chain_rule(t, &match->value, rule);
	if (err) {
		if (!t->rules)
			drop_tuple(w, t);
		return err;
	}
	t->rules++;
	w->count++;
	t->best = MIN_OF(t->best, rule->priority);
	return t->rules == 1 || t->best < old_best ? publish(w) : 0;
}

static uint32_t best_of(const struct flow_wild_tuple *t)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = flow_exact_next(t->table, 0); i; i = flow_exact_next(t->table, i))
		best = MIN_OF(best, (*head_of(t, i))->priority);
	return best;
}

static void unchain(struct flow_wild_tuple *t, struct flow_wild_rule *rule)
{
	struct flow_wild_rule **link = head_of(t, rule->index);

	if (*link == rule && !rule->next) { /* the last: the record goes as a whole */
		flow_exact_remove(t->table, rule->index);
		return;
	}
	while (*link != rule)
		link = &(*link)->next;
	__atomic_store_n(link, rule->next, __ATOMIC_RELEASE);
}

static void remove_rule(struct flow_wild *w, struct flow_wild_rule *rule)
{
	struct flow_wild_tuple *t = rule->tuple;

	unchain(t, rule);
	w->count--;
	if (--t->rules == 0) {
		drop_tuple(w, t);
	} else if (rule->priority == t->best && ++t->stale > t->rules) {
		t->stale = 0;
		t->best = best_of(t);
		(void)publish(w);
	}
	flow_retire(w->ctx, free, rule);
}

int flow_wild_insert(struct flow_wild *w, const struct flow_wild_rule_cfg *cfg,
	const struct flow_wild_rule **rule)
{
	struct flow_wild_rule *r = calloc(1, sizeof(*r));
	int err;

	*rule = NULL;
	if (!r)
		return refuse(ENOMEM, "wildcard table '%s': out of memory", w->name);
	r->owner = cfg->owner;
	r->priority = cfg->priority;
	r->check = cfg->check;
	r->looks = cfg->looks;
	pthread_mutex_lock(&w->lock);
	err = insert_rule(w, cfg->match, r);
	if (err == -ENOMEM && r->index &&
		r->tuple) { /* entered, but no memory to publish its tuple */
		remove_rule(w, r);
		r = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	if (!err) {
		*rule = r;
		return 0;
	}
	free(r);
	if (err == -EEXIST)
		return refuse(EEXIST,
			"wildcard table '%s': a rule with this mask, value and priority %u exists",
			w->name, cfg->priority);
	if (err == -ENOSPC)
		return refuse(ENOSPC, "wildcard table '%s': it is full with %u rules", w->name,
			w->capacity);
	return refuse(
		-err, "wildcard table '%s': out of memory or over %u masks", w->name, TUPLES_MAX);
}

void flow_wild_remove(struct flow_wild *w, const struct flow_wild_rule *rule)
{
	if (!rule)
		return;
	pthread_mutex_lock(&w->lock);
	remove_rule(w, (struct flow_wild_rule *)rule);
	pthread_mutex_unlock(&w->lock);
}

static void look_at(struct flow_key *looked, const struct flow_key *bits)
{
	if (looked && bits)
		for (unsigned i = 0; i < KEY_WORDS; i++)
			looked->words[i] |= bits->words[i];
}

/* The first rule of the chain that accepts the key, unless `found` is better. */
static const struct flow_wild_rule *best_in_chain(struct flow_wild_rule *const *link,
	const struct flow_key *key, const struct flow_wild_rule *found, struct flow_key *looked)
{
	for (const struct flow_wild_rule *r = next_of(link); r && !(found && better(found, r));
		r = next_of(&r->next)) {
		if (!r->check)
			return r;
		look_at(looked, r->looks);
		if (r->check(r->owner, key))
			return r;
	}
	return found;
}

const struct flow_wild_rule *flow_wild_lookup(
	const struct flow_wild *w, const struct flow_key *key, struct flow_key *looked)
{
	const struct list *list = list_of(w);
	const struct flow_wild_rule *found = NULL;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct flow_wild_tuple *t = list->slot[i].tuple;
		uint32_t index;

		if (found && found->priority < list->slot[i].best)
			break;
		look_at(looked, &t->mask);
		index = flow_exact_find(t->table, key);
		if (index)
			found = best_in_chain(head_of(t, index), key, found, looked);
	}
	return found;
}

/* Packets that tuple and everything behind it can no longer help are taken out of `todo`. */
static uint64_t still_open(uint64_t todo, const struct flow_wild_rule **rules, uint32_t best)
{
	uint64_t open = todo;

	for (uint64_t m = todo; m; m &= m - 1) {
		unsigned i = __builtin_ctzll(m);

		if (rules[i] && rules[i]->priority < best)
			open &= ~((uint64_t)1 << i);
	}
	return open;
}

uint64_t flow_wild_lookup_burst(const struct flow_wild *w, const struct flow_key *keys,
	uint64_t todo, const struct flow_wild_rule **rules)
{
	const struct list *list = list_of(w);
	uint64_t all = todo, found = 0;
	uint32_t index[64];

	for (uint64_t m = todo; m; m &= m - 1)
		rules[__builtin_ctzll(m)] = NULL;
	for (uint32_t n = 0; n < list->n && todo; n++) {
		const struct flow_wild_tuple *t = list->slot[n].tuple;

		if (found)
			todo = still_open(todo, rules, list->slot[n].best);
		for (uint64_t m = flow_exact_lookup(t->table, keys, todo, index); m; m &= m - 1) {
			unsigned i = __builtin_ctzll(m);

			rules[i] = best_in_chain(head_of(t, index[i]), &keys[i], rules[i], NULL);
			found |= (uint64_t) !!rules[i] << i;
		}
	}
	return found & all;
}

/* Under lock. */
static int resize_tuples(struct flow_wild *w, uint32_t capacity)
{
	struct flow_wild_tuple *t;
	int err;

	hmap_for_each(t, &w->tuples, node) {
		err = flow_exact_resize(t->table, capacity);
		if (err)
			return err;
	}
	return 0;
}

int flow_wild_resize(struct flow_wild *w, uint32_t capacity)
{
	int err;

	pthread_mutex_lock(&w->lock);
	err = resize_tuples(w, capacity);
	if (!err)
		w->capacity = capacity;
	pthread_mutex_unlock(&w->lock);
	return err;
}

uint32_t flow_wild_count(const struct flow_wild *w)
{
	return __atomic_load_n(&w->count, __ATOMIC_RELAXED);
}

uint32_t flow_wild_tuples(const struct flow_wild *w)
{
	return list_of(w)->n;
}

unsigned flow_wild_lines(const struct flow_wild *w)
{
	return __atomic_load_n(&w->lines, __ATOMIC_RELAXED);
}

bool flow_match_overlaps(const struct flow_match *a, const struct flow_match *b)
{
	uint64_t diff = 0;

	for (unsigned i = 0; i < KEY_WORDS; i++)
		diff |= (a->value.words[i] ^ b->value.words[i]) & a->mask.words[i] &
			b->mask.words[i];
	return diff == 0;
}
