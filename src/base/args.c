/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/log.h"
#include "base/yaml.h"

#define SYNOPSIS_MAX 8 /* options a usage line names one by one */
#define FIRST_LONG 256 /* what getopt returns for row i without a letter: FIRST_LONG + i */

static const struct args_option common[] = {
	{'v', "verbose", .help = "log debug messages (SOFTDPU_LOG_LEVEL is finer)"},
	{'h', "help", .help = "this text"},
	{'V', "version", .help = "version"},
};
#define COMMON (sizeof(common) / sizeof(common[0]))

/* "--card PROFILE"; its length. */
static int long_form(const struct args_option *o, char text[64])
{
	return snprintf(
		text, 64, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static void print_row(FILE *to, const struct args_option *o, int width)
{
	char letter[5] = "", name[64];

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	long_form(o, name);
	fprintf(to, "  %4s%-*s  %s\n", letter, width, name, o->help);
}

static int name_width(const struct args_usage *u)
{
	int width = sizeof("--verbose") - 1;
	char text[64];

	for (unsigned i = 0; i < u->n; i++)
		width = MAX_OF(width, long_form(&u->options[i], text));
	return width;
}

static void print_synopsis(FILE *to, const struct args_usage *u)
{
	fprintf(to, "usage: %s", u->program);
	if (u->n > SYNOPSIS_MAX)
		fprintf(to, " [options]");
	for (unsigned i = 0; i < u->n && u->n <= SYNOPSIS_MAX; i++) {
		const struct args_option *o = &u->options[i];
		char text[64];

		long_form(o, text);
		if (o->letter) /* "--card PROFILE" as "-c PROFILE" */
			fprintf(to, " [-%c%s]", o->letter, text + 2 + strlen(o->name));
		else
			fprintf(to, " [%s]", text);
	}
	fprintf(to, "%s%s%s\n", u->n <= SYNOPSIS_MAX ? " [-v]" : "", u->words ? " " : "",
		u->words ? u->words : "");
}

static void print_usage(FILE *to, const struct args_usage *u)
{
	int width = name_width(u);

	print_synopsis(to, u);
	fprintf(to, "\n%s\n\n", u->summary);
	for (unsigned i = 0; i < u->n; i++)
		print_row(to, &u->options[i], width);
	for (unsigned i = 0; i < COMMON; i++)
		print_row(to, &common[i], width);
	fprintf(to, "\n%s", u->epilog);
}

static void describe(const struct args_usage *u, struct option *longs, char *shorts)
{
	for (unsigned i = 0; i < u->n + COMMON; i++) {
		const struct args_option *o = i < u->n ? &u->options[i] : &common[i - u->n];

		longs[i] = (struct option){.name = o->name,
			.has_arg = o->value ? required_argument : no_argument,
			.val = o->letter ? o->letter : FIRST_LONG + (int)i};
		if (!o->letter)
			continue;
		*shorts++ = o->letter;
		if (o->value)
			*shorts++ = ':';
	}
	*shorts = 0;
}

/* The option getopt stopped at: a word, or a letter among several. */
static void stopped_at(char **argv, char word[64])
{
	const char *last = argv[optind - 1];

	if (!strncmp(last, "--", 2))
		snprintf(word, 64, "%.*s", (int)strcspn(last, "="), last);
	else
		snprintf(word, 64, "-%c", optopt);
}

/* '?': an option that is not there, or a flag with a value; ':': one without its value. The exit status. */
static int wrong_option(const struct args_usage *u, const struct option *longs, int c, char **argv)
{
	const char *names[ARGS_OPTIONS_MAX + COMMON], *near = NULL;
	char word[64];

	for (unsigned i = 0; i < u->n + COMMON; i++)
		names[i] = longs[i].name;
	stopped_at(argv, word);
	if (c == '?' && word[1] == '-')
		near = yaml_nearest(word + 2, names, u->n + COMMON);
	if (c == ':')
		fprintf(stderr, "%s: %s: its value is missing", u->program, word);
	else if (near && !strcmp(near, word + 2))
		fprintf(stderr, "%s: %s takes no value", u->program, word);
	else
		fprintf(stderr, "%s: there is no option %s%s%s%s", u->program, word, near ? "; did you mean --" : "",
			near ? near : "", near ? "?" : "");
	fprintf(stderr, "; --help tells the options\n");
	return 2;
}

static bool take_number(const struct args_option *o, const char *text)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, hex ? 16 : 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || n < o->number.min ||
		n > o->number.max)
		return false;
	*o->number.to = n;
	return true;
}

static bool take_real(const struct args_option *o, const char *text)
{
	double x;
	char *end;

	x = strtod(text, &end);
	/* "inf" and "nan" begin with no digit, and hexadecimal is for integers */
	if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xX") || *end || x < o->real.min ||
		x > o->real.max)
		return false;
	*o->real.to = x;
	return true;
}

/* False after a sentence. */
static bool take_value(const struct args_usage *u, const struct args_option *o, const char *text)
{
	if (o->text)
		*o->text = text;
	if (o->flag)
		*o->flag = true;
	if (o->number.to && !take_number(o, text)) {
		fprintf(stderr, "%s: --%s: '%s' is not a number from %llu to %llu\n", u->program,
			o->name, text, (unsigned long long)o->number.min,
			(unsigned long long)o->number.max);
		return false;
	}
	if (o->real.to && !take_real(o, text)) {
		fprintf(stderr, "%s: --%s: '%s' is not a number from %g to %g\n", u->program,
			o->name, text, o->real.min, o->real.max);
		return false;
	}
	return true;
}

static const struct args_option *row_of(const struct args_usage *u, int c)
{
	for (unsigned i = 0; i < u->n; i++)
		if (c == (u->options[i].letter ? u->options[i].letter : FIRST_LONG + (int)i))
			return &u->options[i];
	return NULL;
}

/* -1: go on. */
static int take_common(const struct args_usage *u, int c)
{
	switch (c) {
	case 'v':
		log_set_level(LOG_DEBUG);
		return -1;
	case 'h':
		print_usage(stdout, u);
		return 0;
	default:
		printf("%s %s\n", u->program, SOFTDPU_VERSION);
		return 0;
	}
}

int args_parse(int argc, char **argv, const struct args_usage *u)
{
	struct option longs[ARGS_OPTIONS_MAX + COMMON + 1] = {0};
	char shorts[2 * (ARGS_OPTIONS_MAX + COMMON) + 2] = ":"; /* missing values are told apart */
	int c, status;

	assert(u->n <= ARGS_OPTIONS_MAX);
	describe(u, longs, shorts + 1);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct args_option *o = row_of(u, c);

		if (c == '?' || c == ':')
			return wrong_option(u, longs, c, argv);
		if (o && !take_value(u, o, optarg))
			return 2;
		status = o ? -1 : take_common(u, c);
		if (status >= 0)
			return status;
	}
	if (optind == argc || u->words)
		return -1;
	fprintf(stderr, "%s: unexpected argument '%s'; --help tells the options\n", u->program,
		argv[optind]);
	return 2;
}

int args_wrong(const struct args_usage *u)
{
	print_usage(stderr, u);
	return 2;
}
