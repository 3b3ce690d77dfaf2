/* SPDX-License-Identifier: BSD-3-Clause */
/* The small files of the room: rng, cpu, refuse, log, drop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/cpu.h"
#include "base/drop.h"
#include "base/log.h"
#include "base/refuse.h"
#include "base/rng.h"

LOG_MODULE("base.test");

static void rng_repeats_and_spreads(void **state)
{
	unsigned buckets[10] = {0};
	struct rng a, b, c;
	uint8_t bytes[37] = {0};

	rng_init(&a, 42);
	rng_init(&b, 42);
	rng_init(&c, 43);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rng_u64(&a);

		assert_true(x == rng_u64(&b));
		assert_true(x != rng_u64(&c));
	}
	for (int i = 0; i < 100000; i++)
		buckets[rng_below(&a, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(buckets[i], 9400, 10600);
	for (int i = 0; i < 1000; i++) {
		double u = rng_unit(&a);

		assert_true(u >= 0 && u < 1);
		assert_in_range(rng_between(&a, 5, 7), 5, 7);
	}
	rng_between(&a, 0, UINT64_MAX);
	rng_bytes(&a, bytes, 36);
	assert_int_equal(bytes[36], 0);
}

/* First outputs for the state {1, 2, 3, 4}, worked from the published definition. */
static void rng_is_xoshiro(void **state)
{
	struct rng r = {{1, 2, 3, 4}};

	assert_int_equal(rng_u64(&r), 11520);
	assert_int_equal(rng_u64(&r), 0);
	assert_int_equal(rng_u64(&r), 1509978240);
}

static void cpu_can_be_lowered(void **state)
{
	uint32_t all = CPU_SSE42 | CPU_AVX2 | CPU_AVX512 | CPU_VAES, left = 0;

	assert_int_equal(cpu_lower(NULL, all, &left), 0);
	assert_int_equal(left, all);
	assert_int_equal(cpu_lower("avx2", all, &left), 0);
	assert_int_equal(left, CPU_SSE42 | CPU_AVX2);
	assert_int_equal(cpu_lower("generic", all, &left), 0);
	assert_int_equal(left, 0);
	assert_int_equal(cpu_lower("avx1024", all, &left), -EINVAL);
	/* the process itself was started with SOFTDPU_CPU=generic */
	assert_int_equal(cpu_features(), 0);
	assert_string_equal(cpu_level_name(), "generic");
	assert_false(cpu_has(CPU_AVX2));
	assert_true(cpu_has(0));
}

static void refusals_are_kept_and_prefixed(void **state)
{
	char long_text[3000];

	assert_int_equal(refuse(EINVAL, "field '%s'", "x"), -EINVAL);
	assert_string_equal(refusal(), "field 'x'");
	assert_int_equal(refuse_more(-EINVAL, "file %d", 7), -EINVAL);
	assert_string_equal(refusal(), "file 7: field 'x'");
	memset(long_text, 'y', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	refuse(EIO, "%s", long_text);
	refuse_more(-EIO, "%s", long_text);
	assert_true(strlen(refusal()) < 1024);
	refusal_clear();
	assert_string_equal(refusal(), "");
}

static char heard[256];
static int n_heard;

static void listen(void *arg, enum log_level level, const char *module, const char *file, int line,
	const char *text)
{
	snprintf(heard, sizeof(heard), "%s %s %s", log_level_name(level), module, text);
	n_heard++;
}

static void log_goes_to_sinks(void **state)
{
	int handle = log_sink_add(listen, NULL);

	assert_true(handle > 0);
	log_sink_remove(0); /* stderr */
	log_set_level(LOG_WARN);
	log_info("not this");
	assert_int_equal(n_heard, 0);
	log_warn("port %d", 3);
	assert_string_equal(heard, "warning base.test port 3");
	log_set_level(LOG_DEBUG);
	log_debug("now");
	assert_int_equal(n_heard, 2);
	log_sink_remove(handle);
	log_err("nobody listens");
	assert_int_equal(n_heard, 2);
	assert_int_equal(log_level_parse("WARNING"), LOG_WARN);
	assert_int_equal(log_level_parse("40"), LOG_WARN);
	assert_int_equal(log_level_parse("loud"), -EINVAL);
	assert_int_equal(log_get_level(), LOG_DEBUG);
}

static void every_drop_has_a_name_and_a_sentence(void **state)
{
	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		assert_true(strlen(drop_name(i)) > 3);
		assert_true(strlen(drop_sentence(i)) > 8);
		assert_null(strpbrk(drop_name(i), " _\"\\"));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(drop_name(i), drop_name(j));
	}
	assert_string_equal(drop_name(DROP_REASON_COUNT), "unknown");
	assert_string_equal(drop_name(-1), "unknown");
}

/* RFC 4648 section 10. */
static void base64_round_trips(void **state)
{
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {
		"Z", "Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zg==Zg==", "Zm9v\n"};
	uint8_t bytes[300], *back;
	char *text;
	size_t len;
	struct rng r;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		text = base64_encode(vectors[i][0], strlen(vectors[i][0]));
		assert_string_equal(text, vectors[i][1]);
		back = base64_decode(text, &len);
		assert_string_equal((char *)back, vectors[i][0]);
		free(text);
		free(back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(base64_decode(bad[i], &len));
	rng_init(&r, 1);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		rng_bytes(&r, bytes, n);
		text = base64_encode(bytes, n);
		back = base64_decode(text, &len);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
		free(text);
		free(back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rng_repeats_and_spreads),
		cmocka_unit_test(rng_is_xoshiro),
		cmocka_unit_test(cpu_can_be_lowered),
		cmocka_unit_test(refusals_are_kept_and_prefixed),
		cmocka_unit_test(log_goes_to_sinks),
		cmocka_unit_test(base64_round_trips),
		cmocka_unit_test(every_drop_has_a_name_and_a_sentence),
	};

	setenv("SOFTDPU_CPU", "generic", 1);
	unsetenv("SOFTDPU_LOG_LEVEL");
	unsetenv("DOCA_LOG_LEVEL");
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
