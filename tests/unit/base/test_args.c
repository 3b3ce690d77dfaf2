/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <getopt.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/args.h"
#include "base/base.h"

static const char *profile;
static uint64_t depth;
static double seconds;
static bool check;

static const struct args_option rows[] = {
	{'c', "card", "PROFILE", "the profile", .text = &profile},
	{'d', "depth", "N", "commands in flight", .number = {&depth, 1, 1024}},
	{0, "lba", "N", "where", .number = {&depth, 0, UINT64_MAX}},
	{0, "seconds", "S", "how long", .real = {&seconds, 0.5, 60}},
	{0, "check", NULL, "only look", .flag = &check},
};

static struct args_usage usage = {"prog", "Do it.", "The end.\n", rows, ARRAY_SIZE(rows), NULL};
static char said[4096]; /* on stdout and stderr */

/* One command line in a fresh state; what it printed is in said[]. */
static int parse(const char *words, const char *line)
{
	static char copy[256]; /* text rows borrow from it */
	char *argv[16] = {copy, NULL}, *save;
	int argc = 1, out = dup(1), err = dup(2), status;
	FILE *file = tmpfile();

	profile = NULL, depth = 32, seconds = 5, check = false;
	usage.words = words;
	snprintf(copy, sizeof(copy), "prog %s", line);
	strtok_r(copy, " ", &save);
	for (char *word; (word = strtok_r(NULL, " ", &save));)
		argv[argc++] = word;
	argv[argc] = NULL;
	fflush(stdout);
	dup2(fileno(file), 1), dup2(fileno(file), 2);
	optind = 0; /* GNU: begin anew */
	status = args_parse(argc, argv, &usage);
	fflush(stdout);
	dup2(out, 1), dup2(err, 2);
	close(out), close(err);
	rewind(file);
	said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
	fclose(file);
	return status;
}

static void rows_store(void **state)
{
	assert_int_equal(parse(NULL, "-c a.yaml --depth 0x10 --seconds 0.5 --check"), -1);
	assert_string_equal(profile, "a.yaml");
	assert_int_equal(depth, 16);
	assert_true(seconds == 0.5);
	assert_true(check);
	assert_int_equal(parse(NULL, ""), -1);
	assert_null(profile);
	assert_int_equal(depth, 32);
	assert_int_equal(parse(NULL, "-d1024"), -1);
	assert_int_equal(depth, 1024);
	assert_int_equal(parse(NULL, "-d 010"), -1); /* decimal: nobody writes octal on purpose */
	assert_int_equal(depth, 10);
	assert_int_equal(parse(NULL, "--lba 18446744073709551615"), -1);
	assert_true(depth == UINT64_MAX);
	assert_string_equal(said, "");
}

static void wrong_numbers_are_named(void **state)
{
	static const char *const wrong[] = {
		"foo", "0", "1025", "-1", "+1", "12x", "0x", "99999999999999999999", "1.5"};
	char want[128], line[64];

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(line, sizeof(line), "--depth %s", wrong[i]);
		assert_int_equal(parse(NULL, line), 2);
		assert_int_equal(depth, 32);
		snprintf(want, sizeof(want), "prog: --depth: '%s' is not a number from 1 to 1024\n",
			wrong[i]);
		assert_string_equal(said, want);
	}
	assert_int_equal(parse(NULL, "--lba 18446744073709551616"), 2);
}

static void wrong_reals_are_named(void **state)
{
	static const char *const wrong[] = {"foo", "0.4", "61", "-1", "nan", "inf", "0x10", "1s"};
	char want[128], line[64];

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(line, sizeof(line), "--seconds %s", wrong[i]);
		assert_int_equal(parse(NULL, line), 2);
		assert_true(seconds == 5);
		snprintf(want, sizeof(want),
			"prog: --seconds: '%s' is not a number from 0.5 to 60\n", wrong[i]);
		assert_string_equal(said, want);
	}
}

static void words_only_where_named(void **state)
{
	assert_int_equal(parse(NULL, "stray"), 2);
	assert_string_equal(said, "prog: unexpected argument 'stray'; --help tells the options\n");
	assert_int_equal(parse("COMMAND", "go --check fast"), -1);
	assert_int_equal(optind, 2); /* options are sorted before words */
	assert_true(check);
}

static void wrong_options_are_named(void **state)
{
	static const struct {
		const char *line, *says;
	} wrong[] = {
		{"--nosuch", "there is no option --nosuch"},
		{"--detph 4", "there is no option --detph; did you mean --depth?"},
		{"--chekc", "there is no option --chekc; did you mean --check?"},
		{"--verbos=1", "there is no option --verbos; did you mean --verbose?"},
		{"--check=now", "--check takes no value"},
		{"--depth", "--depth: its value is missing"},
		{"-d", "-d: its value is missing"},
		{"-x", "there is no option -x"},
		{"-vx", "there is no option -x"},
	};
	char want[128];

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(parse("COMMAND", wrong[i].line), 2);
		snprintf(want, sizeof(want), "prog: %s; --help tells the options\n", wrong[i].says);
		assert_string_equal(said, want);
	}
}

static void help_and_version(void **state)
{
	assert_int_equal(parse("COMMAND", "--help"), 0);
	assert_non_null(strstr(said, "usage: prog [-c PROFILE] [-d N] [--lba N] [--seconds S] "
				     "[--check] [-v] COMMAND\n\nDo it.\n"));
	assert_non_null(strstr(said, "  -d, --depth N       commands in flight\n"));
	assert_non_null(strstr(said, "      --check         only look\n"));
	assert_non_null(strstr(said, "\nThe end.\n"));
	assert_int_equal(parse(NULL, "-V"), 0);
	assert_int_equal(strncmp(said, "prog ", 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_store),
		cmocka_unit_test(wrong_numbers_are_named),
		cmocka_unit_test(wrong_reals_are_named),
		cmocka_unit_test(words_only_where_named),
		cmocka_unit_test(wrong_options_are_named),
		cmocka_unit_test(help_and_version),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base.args", tests, NULL, NULL);
}
