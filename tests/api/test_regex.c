/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libdoca_regex. Judge: PCRE2, asked for every end a pattern can match at and its leftmost start there,
 * which is what a scan reports.
 */
#include "fixture.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <doca_regex.h>
#include <doca_softdpu.h>
#include <doca_softdpu_regex.h>

#define IN_FLIGHT 8

static unsigned finished, failed;

static void on_found(struct doca_regex_task_search *t, union doca_data user, union doca_data ctx)
{
	finished++;
}

static void on_error(struct doca_regex_task_search *t, union doca_data user, union doca_data ctx)
{
	failed++;
}

static struct doca_regex *start(struct fix *f, const char *rules, uint32_t max_matches)
{
	struct doca_regex *regex;

	finished = failed = 0;
	OK(doca_regex_create_on_dev(f->dev, &regex));
	OK(doca_regex_set_hardware_compiled_rules(regex, rules, strlen(rules)));
	if (max_matches)
		OK(doca_regex_set_max_matches(regex, max_matches));
	OK(doca_regex_task_search_set_conf(regex, on_found, on_error, IN_FLIGHT));
	OK(doca_pe_connect_ctx(f->pe, doca_regex_as_ctx(regex)));
	OK(doca_ctx_start(doca_regex_as_ctx(regex)));
	return regex;
}

static void stop(struct doca_regex *regex)
{
	OK(doca_ctx_stop(doca_regex_as_ctx(regex)));
	OK(doca_regex_destroy(regex));
}

static void search(struct fix *f, struct doca_regex *regex, const char *text,
	const uint16_t *groups, struct doca_regex_search_result *result)
{
	struct doca_regex_task_search *task;
	struct doca_buf *buf;
	unsigned before = finished + failed;

	memcpy(f->mem, text, strlen(text));
	OK(doca_buf_inventory_buf_get_by_data(f->inv, f->mmap, f->mem, strlen(text), &buf));
	OK(doca_regex_task_search_alloc_init(
		regex, buf, groups, result, (union doca_data){0}, &task));
	OK(doca_task_submit(doca_regex_task_search_as_task(task)));
	while (finished + failed == before)
		doca_pe_progress(f->pe);
	assert_ptr_equal(doca_regex_task_search_get_result(task), result);
	doca_task_free(doca_regex_task_search_as_task(task));
	OK(doca_buf_dec_refcount(buf, NULL));
}

static void groups_and_limits(void **state)
{
	static const char rules[] = "# comment\n\n1:10, /abc/\n2:20, /a.c/i\n30, /c$/\n";
	struct fix *f = *state;
	struct doca_regex *regex = start(f, rules, 0);
	struct doca_regex_search_result r;

	search(f, regex, "xabc ABC abc", (uint16_t[4]){1}, &r);
	assert_int_equal(r.num_matches, 2);
	assert_int_equal(r.matches->rule_id, 10);
	assert_int_equal(r.matches->match_start, 1);
	assert_int_equal(r.matches->length, 3);
	assert_int_equal(r.matches->next->match_start, 9);
	doca_regex_search_result_release(&r);
	search(f, regex, "xabc ABC abc", (uint16_t[4]){2}, &r);
	assert_int_equal(r.num_matches, 3);
	doca_regex_search_result_release(&r);
	search(f, regex, "xabc ABC abc", NULL, &r);
	assert_int_equal(r.num_matches, 6);
	assert_int_equal(r.status_flags, 0);
	doca_regex_search_result_release(&r);
	search(f, regex, "nothing", NULL, &r);
	assert_int_equal(r.num_matches, 0);
	assert_null(r.matches);
	stop(regex);

	regex = start(f, "1, /a/\n", 3);
	search(f, regex, "aaaaaaa", NULL, &r);
	assert_int_equal(r.num_matches, 3);
	assert_int_equal(r.status_flags, DOCA_REGEX_STATUS_MAX_MATCH);
	doca_regex_search_result_release(&r);
	stop(regex);
}

/* Rules whose compilation would take seconds to minutes are refused at once; large ones are not. */
static void repeats_have_a_limit(void **state)
{
	static const char *const far[] = {"1, /a{5001}/\n", "1, /[x-z]{1,32767}\\d/\n",
		"1, /(a{1,100}b{1,100}){1,100}/\n", "1, /((((a{9}){9}){9}){9}){9}/\n",
		"1, /(?:[^)]{70}){80,}/\n", "1, /(a{1,40}b{0,40}){1,60}/\n"};
	static const char *const near[] = {"1, /a{5000}/\n", "1, /(\\w{1,9}){1,99}/\n",
		"1, /x\\{9999\\}[{]9999}{,9999}/\n", "1, /[]a{9999}]b/\n"};
	struct fix *f = *state;
	struct doca_regex *regex;

	OK(doca_regex_create_on_dev(f->dev, &regex));
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		if (doca_regex_set_hardware_compiled_rules(regex, far[i], strlen(far[i])) !=
				DOCA_ERROR_INVALID_VALUE ||
			!strstr(doca_softdpu_last_refusal(), "repeats"))
			fail_msg("%s", far[i]);
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (doca_regex_set_hardware_compiled_rules(regex, near[i], strlen(near[i])) &&
			strstr(doca_softdpu_last_refusal(), "repeats"))
			fail_msg("%s", near[i]);
	OK(doca_regex_destroy(regex));
}

static void bad_rules(void **state)
{
	static const char *const bad[] = {"", "# nothing\n", "1, abc\n", "x, /a/\n", "1, /a\n",
		"1, /a/q\n", "1, /(a/\n", "1, /(a)\\1/\n", "1, /(?=a)b/\n", "1:1:1, /a/\n",
		"99999999999, /a/\n", "1 /a/\n"};
	struct fix *f = *state;
	struct doca_regex *regex;

	OK(doca_regex_create_on_dev(f->dev, &regex));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		doca_error_t result =
			doca_regex_set_hardware_compiled_rules(regex, bad[i], strlen(bad[i]));

		if (result != DOCA_ERROR_INVALID_VALUE)
			fail_msg("rules \"%s\": %s", bad[i], doca_error_get_name(result));
	}
	/* any damage to good rules: refused or compiled, never worse */
	srand(5);
	for (int i = 0; i < 3000; i++) {
		char rules[] = "1:10, /ab+c/i\n2:7, /[x-z]{1,3}\\d/\n";

		for (int n = rand() % 3; n >= 0; n--)
			rules[rand() % (int)(sizeof(rules) - 1)] =
				(char)(rand() % 4 ? 32 + rand() % 95 : rand());
		doca_regex_set_hardware_compiled_rules(regex, rules, sizeof(rules) - 1);
	}
	OK(doca_regex_destroy(regex));
}

/* The leftmost start from which the pattern can match exactly up to END, or -1. */
static long judge_at(
	pcre2_code *code, pcre2_match_data *md, const char *text, size_t len, size_t end)
{
	for (size_t at = 0; at <= end; at++)
		if (pcre2_match(code, (PCRE2_SPTR)text, len, at,
			    PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, md, NULL) > 0 &&
			pcre2_get_ovector_pointer(md)[1] == end)
			return (long)at;
	return -1;
}

/* Patterns whose every match has one end for a start, so PCRE2's one answer per start is all there is. */
static void against_pcre2(void **state)
{
	static const char *const patterns[] = {"abc", "a.c", "[ab]c", "(ab|cd)e", "^ab", "b\\b",
		"a[^b]c", "\\d\\d", "c{3}", "(a|b)(c|d)", "\\w\\s\\w", "dee?d"};
	struct fix *f = *state;
	long checked = 0;

	srand(7);
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		struct doca_regex_search_result r;
		struct doca_regex *regex;
		pcre2_code *code;
		pcre2_match_data *md;
		PCRE2_SIZE where;
		char rule[64];
		int err;

		snprintf(rule, sizeof(rule), "5, /%s/\n", patterns[p]);
		regex = start(f, rule, 0);
		code = pcre2_compile(
			(PCRE2_SPTR)patterns[p], PCRE2_ZERO_TERMINATED, 0, &err, &where, NULL);
		md = pcre2_match_data_create_from_pattern(code, NULL);
		for (int round = 0; round < 200; round++) {
			struct doca_regex_match *m;
			char text[64];
			size_t len = 1 + (size_t)rand() % 60;

			for (size_t i = 0; i < len; i++)
				text[i] = "abcde 17"[rand() % 8];
			text[len] = 0;
			search(f, regex, text, NULL, &r);
			m = r.matches;
			for (size_t end = 0; end <= len; end++) {
				long at = judge_at(code, md, text, len, end);

				if (at < 0)
					continue;
				if (!m || m->match_start != (uint32_t)at ||
					m->match_start + m->length != end)
					fail_msg("/%s/ in \"%s\": PCRE2 finds %ld-%zu", patterns[p],
						text, at, end);
				m = m->next;
				checked++;
			}
			if (m)
				fail_msg("/%s/ in \"%s\": a match too many at %u", patterns[p],
					text, m->match_start);
			doca_regex_search_result_release(&r);
		}
		pcre2_match_data_free(md);
		pcre2_code_free(code);
		stop(regex);
	}
	print_message("# %ld matches as PCRE2's\n", checked);
}

/* ---- streams ---- */

static void one_piece(struct fix *f, struct doca_regex *regex,
	struct doca_softdpu_regex_stream *stream, size_t at, size_t len, bool last,
	struct doca_regex_search_result *result)
{
	struct doca_regex_task_search *task;
	struct doca_buf *buf = fix_src(f, at, len);
	unsigned before = finished + failed;

	OK(doca_regex_task_search_alloc_init(
		regex, buf, NULL, result, (union doca_data){0}, &task));
	OK(doca_softdpu_regex_task_search_set_stream(task, stream, last));
	OK(doca_task_submit(doca_regex_task_search_as_task(task)));
	while (finished + failed == before)
		doca_pe_progress(f->pe);
	doca_task_free(doca_regex_task_search_as_task(task));
	OK(doca_buf_dec_refcount(buf, NULL));
}

#define TOLD_MAX 4096

struct told {
	uint32_t rule, start, length;
};

/* Of the same rule and start only the longest, sorted. */
static unsigned add_told(struct told *t, unsigned n, struct doca_regex_search_result *r)
{
	for (struct doca_regex_match *m = r->matches; m; m = m->next) {
		unsigned i = 0;

		while (i < n && (t[i].rule != m->rule_id || t[i].start != m->match_start))
			i++;
		assert_true(i < TOLD_MAX);
		if (i == n)
			t[n++] = (struct told){.rule = m->rule_id, .start = m->match_start};
		if (m->length > t[i].length)
			t[i].length = m->length;
	}
	doca_regex_search_result_release(r);
	return n;
}

static int by_place(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* A text cut anywhere: together the pieces tell what the whole text tells. */
static void pieces_find_what_the_whole_finds(void **state)
{
	static const char rules[] =
		"1, /ab{2,6}c/\n2, /quick.brown/s\n3, /[0-9]+-[a-z]+/\n4, /end$/\n";
	static const char *const words[] = {
		"abbc", "abbbbbc", "quick\nbrown", "17-xyz", "ab", "bc", "-", "9", "q"};
	static struct told whole[TOLD_MAX], cut[TOLD_MAX];
	struct fix *f = *state;
	struct doca_regex *regex = start(f, rules, 4000);
	struct doca_softdpu_regex_stream *stream;
	struct doca_regex_search_result r;
	unsigned seed = 77;

	OK(doca_softdpu_regex_stream_open(regex, &stream));
	for (unsigned round = 0; round < 200; round++) {
		size_t len = 0, at = 0;
		unsigned n, m = 0;

		while (len < 300) {
			const char *w = words[rand_r(&seed) % (sizeof(words) / sizeof(words[0]))];

			memcpy(f->mem + len, w, strlen(w));
			len += strlen(w);
		}
		memcpy(f->mem + len, "end", 3);
		len += 3;
		one_piece(f, regex, NULL, 0, len, false, &r);
		n = add_told(whole, 0, &r);
		while (at < len) {
			size_t piece = 1 + (size_t)rand_r(&seed) % 40;

			piece = piece < len - at ? piece : len - at;
			one_piece(f, regex, stream, at, piece, at + piece == len, &r);
			m = add_told(cut, m, &r);
			at += piece;
		}
		qsort(whole, n, sizeof(*whole), by_place);
		qsort(cut, m, sizeof(*cut), by_place);
		assert_true(n > 0);
		assert_int_equal(m, n);
		assert_memory_equal(whole, cut, n * sizeof(*whole));
		memset(whole, 0, sizeof(whole));
		memset(cut, 0, sizeof(cut));
	}
	assert_int_equal(failed, 0);
	OK(doca_softdpu_regex_stream_close(stream));
	stop(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(groups_and_limits, fix_setup, fix_teardown),
		cmocka_unit_test_setup_teardown(repeats_have_a_limit, fix_setup, fix_teardown),
		cmocka_unit_test_setup_teardown(bad_rules, fix_setup, fix_teardown),
		cmocka_unit_test_setup_teardown(against_pcre2, fix_setup, fix_teardown),
		cmocka_unit_test_setup_teardown(
			pieces_find_what_the_whole_finds, fix_setup, fix_teardown),
	};

	return cmocka_run_group_tests_name("regex", tests, NULL, NULL);
}
