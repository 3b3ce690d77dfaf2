/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/str.h"

static void grows(void **state)
{
	static char twin[200000];
	struct str s = STR_INIT;
	size_t n = 0;
	struct rng r;

	rng_init(&r, rng_test_seed("str"));
	assert_string_equal(str_text(&s), "");
	while (n < sizeof(twin) - 5000) {
		unsigned k = (unsigned)rng_below(&r, 300);

		switch (rng_below(&r, 5)) {
		case 0:
			str_addf(&s, "%u:%*d", k, (int)k, 7);
			n += (size_t)sprintf(twin + n, "%u:%*d", k, (int)k, 7);
			break;
		case 1:
			str_add(&s, "text");
			n += (size_t)sprintf(twin + n, "text");
			break;
		case 2:
			str_add_char(&s, 'c');
			twin[n++] = 'c';
			break;
		case 3:
			str_pad(&s, '-', k);
			memset(twin + n, '-', k);
			n += k;
			break;
		default:
			n -= MIN_OF(n, k);
			str_cut(&s, n);
		}
		twin[n] = '\0';
		assert_int_equal(str_len(&s), n);
		assert_int_equal(strlen(str_text(&s)), n);
	}
	assert_string_equal(str_text(&s), twin);
	assert_false(str_failed(&s));
	str_clear(&s);
	assert_string_equal(str_text(&s), "");
	str_free(&s);
	str_free(NULL);
}

static void gives_away(void **state)
{
	struct str s = STR_INIT;
	char *text = str_steal(&s);

	assert_string_equal(text, "");
	free(text);
	str_add(&s, "mine");
	text = str_steal(&s);
	assert_string_equal(text, "mine");
	assert_int_equal(str_len(&s), 0);
	free(text);
}

static void failure_sticks(void **state)
{
	struct str s = STR_INIT;

	str_add(&s, "before");
	str_pad(&s, 'x', SIZE_MAX / 2 + 1); /* no machine has that */
	assert_true(str_failed(&s));
	str_add(&s, "after");
	assert_string_equal(str_text(&s), "before");
	assert_null(str_steal(&s));
	str_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(gives_away),
		cmocka_unit_test(failure_sticks),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
