/* SPDX-License-Identifier: BSD-3-Clause */
/* wild_tree: building level by level, and looking up. */
#include "flow/wild_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define FAN_OUT 16
#define LEAF 0x80000000u /* a child: the rest is an offset in `list`; else the number of a node */
#define LEAF_RULES 8     /* so few are not divided any more */
#define SAMPLE 128       /* rules a cut is judged by */
#define KEY_HALVES (FLOW_KEY_SIZE / 4)

typedef uint32_t vec __attribute__((vector_size(16), may_alias));
#define VECS_MAX (WILD_TREE_WORDS / 4)

struct node {
	uint8_t word, shift; /* the nibble of the packed key */
	uint32_t child[FAN_OUT];
};

struct wild_tree {
	uint32_t root, nr_rules;
	unsigned nr_words, nr_vecs;
	uint8_t word[WILD_TREE_WORDS];      /* which of the key's 32-bit words are packed */
	uint32_t any[WILD_TREE_WORDS];      /* their bits that some rule looks at */
	const struct flow_wild_rule **rule; /* in order */
	uint16_t *uses;                     /* by rule: which of the words it looks at */
	vec *bits;                          /* by rule: nr_vecs of the value, nr_vecs of the mask */
	struct node *node;
	uint32_t *list; /* leaves: a number of rules, then the rules' numbers; the empty leaf is at 0 */
	uint32_t nr_nodes, nodes_room, list_len, list_room;
};

/* ---- looking up ---- */

static inline uint32_t half_of(const struct flow_key *key, unsigned i)
{
	uint32_t half;

	memcpy(&half, key->bytes + i * 4, 4);
	return half;
}

static void pack(const struct wild_tree *t, const struct flow_key *key, uint32_t *packed)
{
	for (unsigned i = 0; i < t->nr_words; i++)
		packed[i] = half_of(key, t->word[i]);
}

/* Whole words, as far as any rule looks at them: exact bits would give hardly two packets the same mask, and the
 * program cache a table per mask. */
static void add_looked(const struct wild_tree *t, unsigned seen, struct flow_key *looked)
{
	for (; seen; seen &= seen - 1) {
		unsigned i = (unsigned)__builtin_ctz(seen);
		uint32_t half = half_of(looked, t->word[i]) | t->any[i];

		memcpy(looked->bytes + t->word[i] * 4, &half, 4);
	}
}

static inline bool agrees(const struct wild_tree *t, uint32_t number, const vec *key)
{
	const vec *value = &t->bits[(size_t)number * 2 * t->nr_vecs], *mask = value + t->nr_vecs;
	vec differs = {0};

	for (unsigned i = 0; i < t->nr_vecs; i++)
		differs |= (key[i] ^ value[i]) & mask[i];
	return !(differs[0] | differs[1] | differs[2] | differs[3]);
}

/* A rule that is gone may have taken its check with it: `dead` comes first. */
static bool accepts(const struct flow_wild_rule *r, const struct flow_key *key, struct flow_key *looked)
{
	if (__atomic_load_n(&r->dead, __ATOMIC_ACQUIRE))
		return false;
	if (!r->check)
		return true;
	if (looked && r->looks)
		for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
			looked->words[i] |= r->looks->words[i];
	return r->check(r->owner, key);
}

const struct flow_wild_rule *wild_tree_find(
	const struct wild_tree *t, const struct flow_key *key, struct flow_key *looked)
{
	vec packed[VECS_MAX] = {0};
	const uint32_t *halves = (const uint32_t *)packed, *list;
	const struct flow_wild_rule *found = NULL;
	uint32_t at = t->root;
	unsigned seen = 0;

	pack(t, key, (uint32_t *)packed);
	while (!(at & LEAF)) {
		const struct node *n = &t->node[at];

		seen |= 1u << n->word;
		at = n->child[halves[n->word] >> n->shift & (FAN_OUT - 1)];
	}
	list = &t->list[at & ~LEAF];
	for (uint32_t i = 1; i <= list[0] && !found; i++) {
		seen |= t->uses[list[i]];
		if (agrees(t, list[i], packed) && accepts(t->rule[list[i]], key, looked))
			found = t->rule[list[i]];
	}
	if (looked)
		add_looked(t, seen, looked);
	return found;
}

/* ---- building ---- */

/* A list of rules that becomes a leaf or is divided, and where its number goes. */
struct todo {
	uint32_t node, value; /* child `value` of `node` */
	uint32_t n;
	uint32_t *rules;
	uint8_t tested[WILD_TREE_WORDS]; /* nibbles on the way here: each once, so that ways end */
};

struct build {
	struct wild_tree *tree;
	struct todo *todo; /* a queue: levels one after the other */
	size_t first, n, room;
	uint64_t places, budget; /* rules in lists, copies counted */
};

#define NO_NODE UINT32_MAX

/* One more element's room, doubling. */
static bool make_room(void **array, size_t have, size_t need, size_t size, size_t *room)
{
	size_t fresh = *room ? *room : 64;
	void *p;

	if (have + need <= *room)
		return true;
	while (fresh < have + need)
		fresh *= 2;
	p = realloc(*array, fresh * size);
	if (!p)
		return false;
	*array = p;
	*room = fresh;
	return true;
}

static bool push(struct build *b, struct todo todo)
{
	if (!make_room((void **)&b->todo, b->n, 1, sizeof(*b->todo), &b->room))
		return false;
	b->todo[b->n++] = todo;
	return true;
}

static uint32_t value_word(const struct wild_tree *t, uint32_t rule, unsigned word)
{
	return ((const uint32_t *)&t->bits[(size_t)rule * 2 * t->nr_vecs])[word];
}

static uint32_t mask_word(const struct wild_tree *t, uint32_t rule, unsigned word)
{
	return ((const uint32_t *)&t->bits[(size_t)rule * 2 * t->nr_vecs + t->nr_vecs])[word];
}

/* Bit v: the rule may match keys whose nibble is v. */
static uint16_t values_of(const struct wild_tree *t, uint32_t rule, unsigned word, unsigned shift)
{
	unsigned mask = mask_word(t, rule, word) >> shift & 15, value = value_word(t, rule, word) >> shift & 15;
	uint16_t values = 0;

	if (mask == 15)
		return (uint16_t)(1u << value);
	if (!mask)
		return UINT16_MAX;
	for (unsigned v = 0; v < FAN_OUT; v++)
		values |= (uint16_t)(((v ^ value) & mask) == 0) << v;
	return values;
}

static void count_children(const struct wild_tree *t, const struct todo *todo, unsigned word, unsigned shift, uint32_t step,
	uint32_t count[FAN_OUT])
{
	memset(count, 0, FAN_OUT * sizeof(*count));
	for (uint32_t i = 0; i < todo->n; i += step)
		for (uint16_t v = values_of(t, todo->rules[i], word, shift); v; v &= v - 1)
			count[__builtin_ctz(v)]++;
}

/* How long the list is, in the mean, that a packet finds which meets one of the rules. */
static double mean_length(const uint32_t count[FAN_OUT])
{
	double sum = 0, squares = 0;

	for (unsigned v = 0; v < FAN_OUT; v++) {
		sum += count[v];
		squares += (double)count[v] * count[v];
	}
	return squares / sum;
}

/* The nibble that makes it shortest. False: none makes it a quarter shorter. */
static bool choose_cut(const struct wild_tree *t, const struct todo *todo, unsigned *word, unsigned *shift)
{
	uint32_t step = todo->n / SAMPLE + 1, count[FAN_OUT];
	double best = 0.75 * ((todo->n + step - 1) / step);
	bool found = false;

	for (unsigned w = 0; w < t->nr_words; w++)
		for (unsigned s = 0; s < 32; s += 4) {
			double length;

			if (todo->tested[w] >> s / 4 & 1)
				continue;
			count_children(t, todo, w, s, step, count);
			length = mean_length(count);
			if (length >= best)
				continue;
			best = length;
			*word = w;
			*shift = s;
			found = true;
		}
	return found;
}

static void set_child(struct wild_tree *t, const struct todo *todo, uint32_t child)
{
	if (todo->node == NO_NODE)
		t->root = child;
	else
		t->node[todo->node].child[todo->value] = child;
}

static int make_leaf(struct wild_tree *t, const struct todo *todo)
{
	size_t room = t->list_room;

	if (!todo->n) {
		set_child(t, todo, LEAF);
		return 0;
	}
	if (t->list_len + todo->n + 1ull >= LEAF || !make_room((void **)&t->list, t->list_len, todo->n + 1, sizeof(*t->list), &room))
		return -ENOMEM;
	t->list_room = (uint32_t)room;
	set_child(t, todo, LEAF | t->list_len);
	t->list[t->list_len++] = todo->n;
	memcpy(&t->list[t->list_len], todo->rules, todo->n * sizeof(*todo->rules));
	t->list_len += todo->n;
	return 0;
}

static int new_node(struct wild_tree *t, const struct todo *todo, unsigned word, unsigned shift)
{
	size_t room = t->nodes_room;

	if (!make_room((void **)&t->node, t->nr_nodes, 1, sizeof(*t->node), &room))
		return -ENOMEM;
	t->nodes_room = (uint32_t)room;
	t->node[t->nr_nodes] = (struct node){.word = (uint8_t)word, .shift = (uint8_t)shift};
	set_child(t, todo, t->nr_nodes++);
	return 0;
}

/* The sixteen lists of a node go to the end of the queue. */
static int divide(struct build *b, const struct todo *todo, unsigned word, unsigned shift, const uint32_t count[FAN_OUT])
{
	struct wild_tree *t = b->tree;
	uint32_t *into[FAN_OUT];
	int err = new_node(t, todo, word, shift);

	for (unsigned v = 0; v < FAN_OUT && !err; v++) {
		struct todo child = *todo;

		child.node = t->nr_nodes - 1;
		child.value = v;
		child.n = count[v];
		child.tested[word] |= (uint8_t)(1u << shift / 4);
		child.rules = into[v] = malloc(MAX_OF(count[v], 1u) * sizeof(*child.rules));
		if (!child.rules || !push(b, child)) {
			free(child.rules);
			err = -ENOMEM;
		}
	}
	for (uint32_t i = 0; i < todo->n && !err; i++)
		for (uint16_t m = values_of(t, todo->rules[i], word, shift); m; m &= m - 1)
			*into[__builtin_ctz(m)]++ = todo->rules[i];
	return err;
}

static int settle_one(struct build *b, const struct todo *todo)
{
	uint32_t count[FAN_OUT], total = 0;
	unsigned word = 0, shift = 0;

	if (todo->n <= LEAF_RULES || !choose_cut(b->tree, todo, &word, &shift))
		return make_leaf(b->tree, todo);
	count_children(b->tree, todo, word, shift, 1, count);
	for (unsigned v = 0; v < FAN_OUT; v++)
		total += count[v];
	if (b->places - todo->n + total > b->budget)
		return make_leaf(b->tree, todo);
	b->places += total - todo->n;
	return divide(b, todo, word, shift, count);
}

static int grow(struct build *b)
{
	int err = 0;

	while (b->first < b->n && !err) {
		struct todo todo = b->todo[b->first++];

		err = settle_one(b, &todo);
		free(todo.rules);
	}
	while (b->first < b->n)
		free(b->todo[b->first++].rules);
	free(b->todo);
	return err;
}

/* Which words of the key any rule looks at. */
static bool choose_words(struct wild_tree *t, const struct wild_tree_rule *rules, uint32_t n)
{
	struct flow_key any = {};

	for (uint32_t i = 0; i < n; i++)
		for (unsigned w = 0; w < FLOW_KEY_SIZE / 8; w++)
			any.words[w] |= rules[i].match.mask.words[w];
	for (unsigned i = 0; i < KEY_HALVES; i++) {
		if (!half_of(&any, i))
			continue;
		if (t->nr_words == WILD_TREE_WORDS)
			return false;
		t->any[t->nr_words] = half_of(&any, i);
		t->word[t->nr_words++] = (uint8_t)i;
	}
	t->nr_vecs = MAX_OF((t->nr_words + 3) / 4, 1u);
	return true;
}

static int take_rules(struct wild_tree *t, const struct wild_tree_rule *rules, uint32_t n)
{
	size_t bytes = (size_t)MAX_OF(n, 1u) * 2 * t->nr_vecs * sizeof(vec);

	t->nr_rules = n;
	t->rule = malloc(MAX_OF(n, 1u) * sizeof(*t->rule));
	t->uses = calloc(MAX_OF(n, 1u), sizeof(*t->uses));
	t->bits = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	t->list = calloc(1, sizeof(*t->list)); /* the empty leaf */
	if (!t->rule || !t->uses || !t->bits || !t->list)
		return -ENOMEM;
	t->list_len = t->list_room = 1;
	memset(t->bits, 0, bytes);
	for (uint32_t i = 0; i < n; i++) {
		vec *value = &t->bits[(size_t)i * 2 * t->nr_vecs];

		t->rule[i] = rules[i].rule;
		pack(t, &rules[i].match.value, (uint32_t *)value);
		pack(t, &rules[i].match.mask, (uint32_t *)(value + t->nr_vecs));
		for (unsigned w = 0; w < t->nr_words; w++)
			t->uses[i] |= (uint16_t)((mask_word(t, i, w) != 0) << w);
	}
	return 0;
}

static int plant(struct wild_tree *t, uint32_t n)
{
	struct build b = {.tree = t, .places = n, .budget = (uint64_t)WILD_TREE_COPIES * n};
	struct todo all = {.node = NO_NODE, .n = n, .rules = malloc(MAX_OF(n, 1u) * sizeof(uint32_t))};

	if (!all.rules || !push(&b, all)) {
		free(all.rules);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		all.rules[i] = i;
	return grow(&b);
}

int wild_tree_build(const struct wild_tree_rule *rules, uint32_t n, struct wild_tree **tree)
{
	struct wild_tree *t = calloc(1, sizeof(*t));
	int err = t ? 0 : -ENOMEM;

	*tree = NULL;
	if (!err && !choose_words(t, rules, n))
		err = -ENOTSUP;
	if (!err)
		err = take_rules(t, rules, n);
	if (!err)
		err = plant(t, n);
	if (err)
		wild_tree_free(t);
	else
		*tree = t;
	return err;
}

void wild_tree_free(void *tree)
{
	struct wild_tree *t = tree;

	if (!t)
		return;
	free(t->rule);
	free(t->uses);
	free(t->bits);
	free(t->node);
	free(t->list);
	free(t);
}
