/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wild: tuples in an array ordered by best priority, beside the tree if there is one: together they are the VIEW
 * readers have. A view is immutable; a writer publishes a new one whenever a tuple comes, goes, gets a better best
 * priority, or gets its first rule that the tree does not have. A best priority that has become too good (its
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
#include "flow/wild_tree.h"

#define TUPLES_MAX 65536u
#define DEAD_MIN 1024u /* removed rules that are kept for a tree however few stand */
#define KEY_WORDS (FLOW_KEY_SIZE / 8)

struct flow_wild_tuple {
	struct hmap_node node;    /* in wild->tuples, by mask */
	struct flow_exact *table; /* data of a record: first rule of its chain */
	struct flow_key mask;
	uint32_t best; /* no rule has a lower number */
	uint32_t rules;
	uint32_t stale; /* removals since `best` was right */
	uint64_t newest; /* sequence of the last rule that came */
};

struct slot {
	uint32_t best;
	struct flow_wild_tuple *tuple;
};

struct view {
	const struct wild_tree *tree; /* NULL: the tuples are all there is */
	uint32_t n;                   /* tuples with rules the tree does not have */
	struct slot slot[];
};

struct flow_wild {
	struct flow_ctx *ctx;
	const struct view *view; /* published */
	pthread_mutex_t lock;    /* writers; guards all below */
	struct hmap tuples;
	uint64_t sequence;
	struct wild_tree *tree;
	uint64_t tree_sequence;      /* rules up to it are in the tree */
	uint64_t settled_sequence;   /* when the tree was last thought of */
	uint64_t barren_sequence;    /* of these rules no tree could be made */
	bool growing;                /* somebody makes a new tree, without the lock */
	struct flow_wild_rule *dead; /* removed, but in the tree or in that which grows */
	uint32_t nr_dead;
	uint32_t capacity, count, nr_tuples;
	unsigned lines; /* union over all tuples there ever were */
	char name[64];
};

static const struct view empty_view;

static const struct view *view_of(const struct flow_wild *w)
{
	return __atomic_load_n(&w->view, __ATOMIC_ACQUIRE);
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
	w->view = &empty_view;
	w->capacity = capacity;
	w->barren_sequence = UINT64_MAX;
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

static void free_dead(void *first)
{
	for (struct flow_wild_rule *r = first, *next; r; r = next) {
		next = r->next_dead;
		free(r);
	}
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
	free_dead(w->dead);
	wild_tree_free(w->tree);
	if (w->view != &empty_view)
		free((void *)w->view);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int by_best(const void *a, const void *b)
{
	uint32_t x = ((const struct slot *)a)->best, y = ((const struct slot *)b)->best;

	return x < y ? -1 : x > y;
}

/* Has the tuple a rule that the tree has not? */
static bool beside_tree(const struct flow_wild *w, const struct flow_wild_tuple *t)
{
	return !w->tree || t->newest > w->tree_sequence;
}

static void show(struct flow_wild *w, const struct view *fresh)
{
	const struct view *old = w->view;

	__atomic_store_n(&w->view, fresh, __ATOMIC_RELEASE);
	if (old != &empty_view)
		flow_retire(w->ctx, free, (void *)old);
}

/* The tree and the tuples as they are now. On failure readers go on with the old view. */
static int publish(struct flow_wild *w)
{
	struct view *fresh = malloc(sizeof(*fresh) + hmap_count(&w->tuples) * sizeof(struct slot));
	struct flow_wild_tuple *t;

	if (!fresh)
		return -ENOMEM;
	fresh->tree = w->tree;
	fresh->n = 0;
	hmap_for_each(t, &w->tuples, node)
		if (beside_tree(w, t))
			fresh->slot[fresh->n++] = (struct slot){t->best, t};
	qsort(fresh->slot, fresh->n, sizeof(struct slot), by_best);
	show(w, fresh);
	return 0;
}

/* The view with one tuple where it belongs now, or without it. Nothing else has changed since the last view, so this is
 * a copy: sorting for each of ten thousand new masks took most of a minute. */
static int publish_tuple(struct flow_wild *w, struct flow_wild_tuple *t, bool gone)
{
	const struct view *old = w->view;
	struct view *fresh = malloc(sizeof(*fresh) + (old->n + 1) * sizeof(struct slot));
	bool missing = !gone && beside_tree(w, t);

	if (!fresh)
		return -ENOMEM;
	fresh->tree = w->tree;
	fresh->n = 0;
	for (uint32_t i = 0; i < old->n; i++) {
		if (missing && t->best < old->slot[i].best) {
			fresh->slot[fresh->n++] = (struct slot){t->best, t};
			missing = false;
		}
		if (old->slot[i].tuple != t)
			fresh->slot[fresh->n++] = old->slot[i];
	}
	if (missing)
		fresh->slot[fresh->n++] = (struct slot){t->best, t};
	show(w, fresh);
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
	w->nr_tuples++;
	w->lines |= flow_exact_lines(t->table);
	return t;
}

static void drop_tuple(struct flow_wild *w, struct flow_wild_tuple *t)
{
	hmap_remove(&w->tuples, &t->node);
	/* Without memory for a shorter array the old one would keep naming it: keep the empty tuple too. */
	if (publish_tuple(w, t, true)) {
		hmap_insert(&w->tuples, &t->node, mask_hash(&t->mask));
		return;
	}
	w->nr_tuples--;
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
	uint64_t old_newest;
	uint32_t old_best;
	bool shown;
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
	old_newest = t->newest;
	shown = t->rules && beside_tree(w, t);
	err = chain_rule(t, &match->value, rule);
	if (err) {
		if (!t->rules)
			drop_tuple(w, t);
		return err;
	}
	t->rules++;
	w->count++;
	t->best = MIN_OF(t->best, rule->priority);
	t->newest = rule->sequence;
	err = !shown || t->best < old_best ? publish_tuple(w, t, false) : 0;
	if (err) { /* the caller takes the rule out again */
		t->best = old_best;
		t->newest = old_newest;
	}
	return err;
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

/* No tree any more, and what was kept for it goes too. Without memory for the view without it all stays. */
static void drop_tree(struct flow_wild *w)
{
	struct wild_tree *tree = w->tree;

	w->tree = NULL;
	if (publish(w)) {
		w->tree = tree;
		return;
	}
	flow_retire(w->ctx, wild_tree_free, tree);
	flow_retire(w->ctx, free_dead, w->dead);
	w->dead = NULL;
	w->nr_dead = 0;
}

/* A tree may still name the rule: it is kept for that one's time. */
static void bury(struct flow_wild *w, struct flow_wild_rule *rule)
{
	__atomic_store_n(&rule->dead, true, __ATOMIC_RELEASE);
	if (!w->tree && !w->growing) {
		flow_retire(w->ctx, free, rule);
		return;
	}
	rule->next_dead = w->dead;
	w->dead = rule;
	if (++w->nr_dead > w->count + DEAD_MIN && w->tree && !w->growing)
		drop_tree(w);
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
		(void)publish_tuple(w, t, false);
	}
	bury(w, rule);
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

/* ---- the tree ---- */

/* Few masks are quick as they are. A tree that is there is renewed when many rules came or went, or some and now it is
 * quiet. */
static bool tree_pays(struct flow_wild *w)
{
	bool quiet = w->sequence == w->settled_sequence;

	w->settled_sequence = w->sequence;
	if (w->growing || w->nr_tuples <= WILD_TUPLES_FEW || w->sequence == w->barren_sequence)
		return false;
	if (!w->tree || w->nr_dead > w->count / 4)
		return true;
	return w->view->n > WILD_TUPLES_FEW && (quiet || w->sequence - w->tree_sequence > w->count / 8);
}

static int by_order(const void *a, const void *b)
{
	const struct wild_tree_rule *x = a, *y = b;

	return better(x->rule, y->rule) ? -1 : 1;
}

/* Every rule with what it matches, in order. NULL: no memory. */
static struct wild_tree_rule *list_rules(const struct flow_wild *w)
{
	struct wild_tree_rule *rules = malloc(MAX_OF(w->count, 1u) * sizeof(*rules));
	const struct flow_wild_tuple *t;
	uint32_t n = 0;

	if (!rules)
		return NULL;
	hmap_for_each(t, &w->tuples, node)
		for (uint32_t i = flow_exact_next(t->table, 0); i; i = flow_exact_next(t->table, i))
			for (const struct flow_wild_rule *r = *head_of(t, i); r; r = r->next) {
				assert(n < w->count);
				rules[n].rule = r;
				rules[n].match.mask = t->mask;
				flow_exact_key(t->table, i, &rules[n++].match.value);
			}
	qsort(rules, n, sizeof(*rules), by_order);
	return rules;
}

/* These are needed for longer, after all. */
static void keep_dead(struct flow_wild *w, struct flow_wild_rule *dead)
{
	while (dead) {
		struct flow_wild_rule *next = dead->next_dead;

		dead->next_dead = w->dead;
		w->dead = dead;
		w->nr_dead++;
		dead = next;
	}
}

/* The new tree instead of the old; `dead` is what only the old one still named. */
static void change_tree(struct flow_wild *w, struct wild_tree *tree, uint64_t sequence, struct flow_wild_rule *dead)
{
	struct wild_tree *old = w->tree;
	uint64_t old_sequence = w->tree_sequence;

	w->tree = tree;
	w->tree_sequence = sequence;
	if (publish(w)) { /* the old one, and all rules it names, stay */
		w->tree = old;
		w->tree_sequence = old_sequence;
		wild_tree_free(tree);
		keep_dead(w, dead);
		return;
	}
	if (old)
		flow_retire(w->ctx, wild_tree_free, old);
	if (dead)
		flow_retire(w->ctx, free_dead, dead);
}

void flow_wild_settle(struct flow_wild *w)
{
	struct flow_wild_rule *dead = NULL;
	struct wild_tree_rule *rules = NULL;
	struct wild_tree *tree = NULL;
	uint64_t sequence = 0;
	uint32_t n = 0;

	pthread_mutex_lock(&w->lock);
	if (tree_pays(w))
		rules = list_rules(w);
	if (rules) {
		n = w->count;
		sequence = w->sequence;
		dead = w->dead;
		w->dead = NULL;
		w->nr_dead = 0;
		w->growing = true;
	}
	pthread_mutex_unlock(&w->lock);
	if (!rules)
		return;
	(void)wild_tree_build(rules, n, &tree);
	free(rules);
	pthread_mutex_lock(&w->lock);
	w->growing = false;
	if (tree) {
		change_tree(w, tree, sequence, dead);
	} else {
		w->barren_sequence = sequence;
		keep_dead(w, dead);
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- looking up ---- */

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
	const struct view *view = view_of(w);
	const struct flow_wild_rule *found = view->tree ? wild_tree_find(view->tree, key, looked) : NULL;

	for (uint32_t i = 0; i < view->n; i++) {
		const struct flow_wild_tuple *t = view->slot[i].tuple;
		uint32_t index;

		if (found && found->priority < view->slot[i].best)
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
	const struct view *view = view_of(w);
	uint64_t all = todo, found = 0;
	uint32_t index[64];

	for (uint64_t m = todo; m; m &= m - 1) {
		unsigned i = __builtin_ctzll(m);

		rules[i] = view->tree ? wild_tree_find(view->tree, &keys[i], NULL) : NULL;
		found |= (uint64_t) !!rules[i] << i;
	}
	for (uint32_t n = 0; n < view->n && todo; n++) {
		const struct flow_wild_tuple *t = view->slot[n].tuple;

		if (found)
			todo = still_open(todo, rules, view->slot[n].best);
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
	return __atomic_load_n(&w->nr_tuples, __ATOMIC_RELAXED);
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
