/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options: the command line of a daemon as a table. --verbose, --help and --version are the same for all
 * of them and need no row.
 *
 *     static const char *profile;
 *     static bool check;
 *     static const struct daemon_option rows[] = {
 *             {'c', "card", "PROFILE", "the profile", .text = &profile},
 *             {0, "check", NULL, "read and check the profile, do nothing else", .flag = &check},
 *     };
 *     const struct daemon_usage usage = {"softdpud", "Run a card.", "SIGHUP reloads.\n", rows, 2};
 *     int status = daemon_options(argc, argv, &usage);
 *     if (status >= 0)
 *             return status;
 */
#ifndef DAEMONS_OPTIONS_H
#define DAEMONS_OPTIONS_H

#include <stdbool.h>

#define DAEMON_OPTIONS_MAX 8

struct daemon_option {
	char letter; /* 0: none */
	const char *name;
	const char *value; /* placeholder in the help; NULL: a flag */
	const char *help;
	const char **text; /* where the value goes: borrowed from argv */
	bool *flag;        /* or that the flag was there */
};

struct daemon_usage {
	const char *program;
	const char *summary; /* one sentence */
	const char *epilog;  /* whole lines, below the options */
	const struct daemon_option *options;
	unsigned n; /* at most DAEMON_OPTIONS_MAX */
};

/* -1: go on; else the exit status: 0 after --help and --version, 2 for a wrong command line. */
int daemon_options(int argc, char **argv, const struct daemon_usage *usage);

#endif
