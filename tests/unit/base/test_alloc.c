/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory runs short at each allocation in turn: a refusal each time, nothing lost (the sanitizer run sees). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../alloc_fail.h"

#include "base/base64.h"
#include "base/hmap.h"
#include "base/refuse.h"
#include "base/ring.h"
#include "base/str.h"
#include "base/yaml.h"

static unsigned yaml_failures(const char *text)
{
	struct yaml_file *f;
	unsigned n = 1;
	int err;

	for (;; n++) {
		f = NULL;
		refusal_clear();
		alloc_fail_at(n);
		err = yaml_load_text("t.yaml", text, strlen(text), &f);
		if (!alloc_fail_stop())
			break;
		/* the key index of a long map is an ease, not a need: losing its growth is fine */
		if (!err) {
			yaml_close(f);
			continue;
		}
		assert_int_equal(err, -ENOMEM);
		assert_null(f);
		assert_non_null(strstr(refusal(), "no memory"));
	}
	assert_int_equal(err, 0);
	yaml_close(f);
	return n - 1;
}

static void yaml(void **state)
{
	struct str s = STR_INIT;

	for (int i = 0; i < 3000; i++)
		str_addf(&s, "key%d: &a%d {list: [1, 2, %d], copy: null}\n", i, i, i);
	str_add(&s, "alias: *a7\n---\nsecond: 2\n---\nthird: 3\n");
	assert_true(yaml_failures(str_text(&s)) > 20);
	assert_true(yaml_failures("") >= 3);
	str_free(&s);
}

static void yaml_from_a_file(void **state)
{
	char path[64];
	struct yaml_file *f;
	unsigned n = 1;
	int err;

	snprintf(path, sizeof(path), "/tmp/softdpu-alloc-%d.yaml", (int)getpid());
	FILE *out = fopen(path, "w");
	for (int i = 0; i < 10000; i++)
		fprintf(out, "key%d: value\n", i);
	fclose(out);
	for (;; n++) {
		alloc_fail_at(n);
		err = yaml_load(path, &f);
		if (!alloc_fail_stop())
			break;
		if (!err)
			yaml_close(f);
		assert_true(!err || err == -ENOMEM);
	}
	assert_int_equal(err, 0);
	yaml_close(f);
	remove(path);
}

static void strings(void **state)
{
	for (unsigned n = 1;; n++) {
		struct str s = STR_INIT;

		alloc_fail_at(n);
		for (int i = 0; i < 1000; i++)
			str_addf(&s, "%d,", i);
		if (!alloc_fail_stop()) {
			assert_false(str_failed(&s));
			str_free(&s);
			return;
		}
		assert_true(str_failed(&s));
		/* what was there before is whole */
		assert_int_equal(strlen(str_text(&s)), str_len(&s));
		str_free(&s);
	}
}

struct item {
	struct hmap_node node;
	int key;
};

/* The map gets slower, never wrong. */
static void maps_never_fail(void **state)
{
	static struct item items[5000];
	struct hmap map = HMAP_INIT;
	struct item *it;
	unsigned failed = 0;

	for (int i = 0; i < 5000; i++) {
		items[i].key = i;
		alloc_fail_at(i % 3 ? 1 : 100);
		hmap_insert(&map, &items[i].node, hmap_hash_u64((uint64_t)i));
		failed += alloc_fail_stop();
	}
	assert_true(failed > 2);
	for (int i = 0; i < 5000; i++) {
		int found = 0;

		hmap_for_each_hash(it, &map, hmap_hash_u64((uint64_t)i), node)
			found += it->key == i;
		assert_int_equal(found, 1);
	}
	hmap_destroy(&map);
}

static void the_rest(void **state)
{
	size_t len;

	alloc_fail_at(1);
	assert_null(ring_spsc_create(8));
	assert_true(alloc_fail_stop());
	assert_non_null(strstr(refusal(), "no memory"));
	alloc_fail_at(1);
	assert_null(ring_mpmc_create(8));
	assert_true(alloc_fail_stop());
	alloc_fail_at(1);
	assert_null(base64_encode("x", 1));
	assert_true(alloc_fail_stop());
	alloc_fail_at(1);
	assert_null(base64_decode("Zg==", &len));
	assert_true(alloc_fail_stop());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml),
		cmocka_unit_test(yaml_from_a_file),
		cmocka_unit_test(strings),
		cmocka_unit_test(maps_never_fail),
		cmocka_unit_test(the_rest),
	};

	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
