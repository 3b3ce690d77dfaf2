/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args: the command line of a program as a table. --verbose, --help and --version are the same for all of
 * them and need no row. A row stores where it is told to; what is not given keeps the value it had.
 *
 *     static const char *profile;
 *     static uint64_t depth = 32;
 *     static bool check;
 *     static const struct args_option rows[] = {
 *             {'c', "card", "PROFILE", "the profile", .text = &profile},
 *             {0, "depth", "N", "commands in flight (32)", .number = {&depth, 1, 65535}},
 *             {0, "check", NULL, "read and check the profile, do nothing else", .flag = &check},
 *     };
 *     const struct args_usage usage = {"softdpud", "Run a card.", "SIGHUP reloads.\n", rows, 3};
 *     int status = args_parse(argc, argv, &usage);
 *     if (status >= 0)
 *             return status;
 *
 * A number is decimal, or hexadecimal after 0x; one that is no number or out of range is refused with the
 * option, the value and the limits. Words that are no options are an error unless the usage names them;
 * then they are argv[optind] .. argv[argc - 1] afterwards. One thread, at the start of main().
 */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define ARGS_OPTIONS_MAX 32

struct args_number {
	uint64_t *to;
	uint64_t min, max;
};

struct args_real {
	double *to;
	double min, max;
};

/* One of text, flag, number and real says where the value goes. */
struct args_option {
	char letter; /* 0: none */
	const char *name;
	const char *value; /* placeholder in the help; NULL: a flag */
	const char *help;
	const char **text; /* borrowed from argv */
	bool *flag;
	struct args_number number;
	struct args_real real;
};

struct args_usage {
	const char *program;
	const char *summary; /* one sentence */
	const char *epilog;  /* whole lines, below the options */
	const struct args_option *options;
	unsigned n;        /* at most ARGS_OPTIONS_MAX */
	const char *words; /* what the words after the options are; NULL: there are none */
};

/* -1: go on; else the exit status: 0 after --help and --version, 2 for a wrong command line. */
int args_parse(int argc, char **argv, const struct args_usage *usage);

/* The usage on stderr; returns the exit status of a wrong command line, 2. */
int args_wrong(const struct args_usage *usage);

#endif
