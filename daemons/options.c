/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/log.h"

#define FIRST_LONG 256 /* what getopt returns for row i without a letter: FIRST_LONG + i */

static const struct daemon_option common[] = {
	{'v', "verbose", .help = "log debug messages (SOFTDPU_LOG_LEVEL is finer)"},
	{'h', "help", .help = "this text"},
	{'V', "version", .help = "version"},
};
#define COMMON (sizeof(common) / sizeof(common[0]))

/* "--card PROFILE"; its length. */
static int long_form(const struct daemon_option *o, char text[64])
{
	return snprintf(text, 64, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static void print_row(FILE *to, const struct daemon_option *o, int width)
{
	char letter[5] = "", name[64];

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	long_form(o, name);
	fprintf(to, "  %4s%-*s  %s\n", letter, width, name, o->help);
}

static int name_width(const struct daemon_usage *u)
{
	int width = sizeof("--verbose") - 1;
	char text[64];

	for (unsigned i = 0; i < u->n; i++)
		width = MAX_OF(width, long_form(&u->options[i], text));
	return width;
}

static void print_usage(FILE *to, const struct daemon_usage *u)
{
	int width = name_width(u);

	fprintf(to, "usage: %s", u->program);
	for (unsigned i = 0; i < u->n; i++) {
		const struct daemon_option *o = &u->options[i];
		char text[64];

		long_form(o, text);
		if (o->letter) /* "--card PROFILE" as "-c PROFILE" */
			fprintf(to, " [-%c%s]", o->letter, text + 2 + strlen(o->name));
		else
			fprintf(to, " [%s]", text);
	}
	fprintf(to, " [-v]\n\n%s\n\n", u->summary);
	for (unsigned i = 0; i < u->n; i++)
		print_row(to, &u->options[i], width);
	for (unsigned i = 0; i < COMMON; i++)
		print_row(to, &common[i], width);
	fprintf(to, "\n%s", u->epilog);
}

static void describe(const struct daemon_usage *u, struct option *longs, char *shorts)
{
	for (unsigned i = 0; i < u->n + COMMON; i++) {
		const struct daemon_option *o = i < u->n ? &u->options[i] : &common[i - u->n];

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

static bool take(const struct daemon_usage *u, int c)
{
	for (unsigned i = 0; i < u->n; i++) {
		const struct daemon_option *o = &u->options[i];

		if (c != (o->letter ? o->letter : FIRST_LONG + (int)i))
			continue;
		if (o->value)
			*o->text = optarg;
		else
			*o->flag = true;
		return true;
	}
	return false;
}

int daemon_options(int argc, char **argv, const struct daemon_usage *u)
{
	struct option longs[DAEMON_OPTIONS_MAX + COMMON + 1] = {0};
	char shorts[2 * (DAEMON_OPTIONS_MAX + COMMON) + 1];
	int c;

	assert(u->n <= DAEMON_OPTIONS_MAX);
	describe(u, longs, shorts);
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (take(u, c))
			continue;
		switch (c) {
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		case 'h':
			print_usage(stdout, u);
			return 0;
		case 'V':
			printf("%s %s\n", u->program, SOFTDPU_VERSION);
			return 0;
		default:
			fprintf(stderr, "%s: --help tells the options\n", u->program);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "%s: unexpected argument '%s'; --help tells the options\n", u->program, argv[optind]);
	return 2;
}
