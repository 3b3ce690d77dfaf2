/* SPDX-License-Identifier: BSD-3-Clause */
/* list against a plain array, random operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/rng.h"

#define N 64

struct item {
	int id;
	struct list link;
};

static struct item items[N];
static int twin[N], n_twin;

static void twin_insert(int at, int id)
{
	memmove(twin + at + 1, twin + at, sizeof(twin[0]) * (size_t)(n_twin - at));
	twin[at] = id;
	n_twin++;
}

static int twin_find(int id)
{
	for (int i = 0; i < n_twin; i++)
		if (twin[i] == id)
			return i;
	return -1;
}

static void twin_remove(int at)
{
	n_twin--;
	memmove(twin + at, twin + at + 1, sizeof(twin[0]) * (size_t)(n_twin - at));
}

static void compare(struct list *head)
{
	struct item *it;
	int i = 0;

	assert_int_equal(list_size(head), n_twin);
	assert_int_equal(list_is_empty(head), n_twin == 0);
	list_for_each(it, head, link)
		assert_int_equal(it->id, twin[i++]);
	assert_int_equal(i, n_twin);
	for (struct list *l = head->prev; l != head; l = l->prev)
		assert_int_equal(list_entry(l, struct item, link)->id, twin[--i]);
	if (n_twin) {
		assert_ptr_equal(list_front(head), &items[twin[0]].link);
		assert_ptr_equal(list_back(head), &items[twin[n_twin - 1]].link);
	} else {
		assert_null(list_front(head));
		assert_null(list_back(head));
	}
}

static void put(struct rng *r, struct list *head, int id)
{
	switch (rng_below(r, n_twin ? 3 : 2)) {
	case 0:
		list_push_back(head, &items[id].link);
		twin_insert(n_twin, id);
		break;
	case 1:
		list_push_front(head, &items[id].link);
		twin_insert(0, id);
		break;
	default: {
		int at = (int)rng_below(r, (uint64_t)n_twin);

		list_insert_before(&items[twin[at]].link, &items[id].link);
		twin_insert(at, id);
	}
	}
}

static void random_operations(void **state)
{
	struct list head = LIST_INIT(head);
	struct rng r;

	rng_init(&r, rng_test_seed("list"));
	for (int i = 0; i < N; i++) {
		items[i].id = i;
		list_init(&items[i].link);
	}
	for (int step = 0; step < 20000; step++) {
		int id = (int)rng_below(&r, N), at = twin_find(id);

		if (at < 0) {
			put(&r, &head, id);
		} else {
			list_remove(&items[id].link);
			list_remove(&items[id].link); /* harmless twice */
			twin_remove(at);
		}
		if (rng_one_in(&r, 50) && n_twin) {
			assert_ptr_equal(list_pop_front(&head), &items[twin[0]].link);
			twin_remove(0);
		}
		compare(&head);
	}
}

static void walking_while_removing(void **state)
{
	struct list head = LIST_INIT(head), other = LIST_INIT(other);
	struct item *it, *tmp;

	n_twin = 0;
	for (int i = 0; i < 10; i++)
		list_push_back(&head, &items[i].link);
	list_for_each_safe(it, tmp, &head, link) {
		if (it->id % 2)
			list_remove(&it->link);
		else
			twin[n_twin++] = it->id;
	}
	compare(&head);
	list_splice_back(&other, &head);
	compare(&other);
	assert_true(list_is_empty(&head));
	list_splice_back(&other, &head);
	compare(&other);
	list_push_back(&head, &items[1].link);
	list_splice_back(&other, &head);
	twin_insert(n_twin, 1);
	compare(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(walking_while_removing),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
