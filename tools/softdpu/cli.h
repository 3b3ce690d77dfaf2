/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line tools: softdpu, doca-flow-stats, doca-query, doca-version. They speak ctl and nothing
 * else; what they print comes from ctl/messages.h.
 *
 *   softdpu.c        the table of commands, main
 *   options.c        options of a command: parsing, --help
 *   find.c           which card is meant, connecting, saying what to do when nobody is there
 *   show_switch.c    status ports flows pipes drops stats explain
 *   show_node.c      services connections
 *   capture.c        capture, with pcap.c that writes files
 *   reload.c         reload
 *   table.c human.c  aligned columns; numbers for people
 *
 * A command is a struct command; its run() gets the parsed options in static variables and the words
 * that are no options in cli->words. It prints with --json the result as it came, else a table.
 */
#ifndef SOFTDPU_CLI_H
#define SOFTDPU_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"
#include "ctl/ctl.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_REFUSED = 1, /* the switch said no, and why */
	CLI_USAGE = 2,   /* the command line is wrong */
	CLI_ABSENT = 3,  /* nobody to talk to */
	CLI_PROBLEM = 4, /* status: it runs and has a problem */
};

#define CLI_WORDS_MAX 2
#define CLI_OPTIONS_MAX 8

struct cli {
	const char *tool; /* "softdpu", for messages */
	const char *card; /* -c, NULL = the one that runs */
	const char *words[CLI_WORDS_MAX];
	unsigned n_words;
	int timeout_ms;
	bool json;
};

struct cli_option {
	char letter; /* 0: none */
	const char *name;
	const char *value; /* placeholder in the help; NULL: a flag */
	const char *help;
	const char **text; /* where a value goes */
	bool *flag;        /* where a flag goes */
};

struct command {
	const char *name;
	const char *words; /* "PORT", "[SERVICE]": words beside options; NULL: none */
	unsigned min_words, max_words;
	const char *summary;
	const char *help; /* further lines, may be NULL */
	const struct cli_option *options;
	unsigned n_options;
	enum cli_exit (*run)(struct cli *cli);
};

/* --- options.c --- */

/* Parse argv[1..]: -1 = go on, else exit with that (--help, or a mistake that was told). */
int cli_parse(struct cli *cli, const struct command *cmd, int argc, char **argv);

/* text as a number; false after telling. `name` is the option's. */
bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t min, uint64_t max,
	uint64_t *n);

/* "softdpu: ..." to stderr. Returns code. */
enum cli_exit cli_say(const struct cli *cli, enum cli_exit code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- find.c --- */

/* Connect to `program` of the card that is meant. CLI_OK, or the code after telling what to do. */
enum cli_exit cli_connect(struct cli *cli, const char *program, struct ctl_client **client);

/* Connect, call, disconnect. `params` is taken. With --json the result is printed and *result NULL. */
enum cli_exit cli_fetch(
	struct cli *cli, const char *program, const char *method, json_t *params, json_t **result);

/* The exit code for a failed ctl_call, after telling its refusal. */
enum cli_exit cli_refused(const struct cli *cli, int err);

void cli_print_json(const json_t *value);

/* Members of a result, missing ones being 0 and "-". */
uint64_t cli_u64(const json_t *object, const char *name);
double cli_real(const json_t *object, const char *name);
bool cli_true(const json_t *object, const char *name);
const char *cli_text(const json_t *object, const char *name);
const json_t *cli_list(const json_t *object, const char *name);

/* --- human.c: all write into a ring of static buffers, good for the arguments of one printf --- */

const char *human_count(uint64_t n);                    /* 9950, 10.5B */
const char *human_bytes(uint64_t n);                    /* 512B, 7.2TB */
const char *human_ns(uint64_t ns);                      /* 850ns, 12.3us, 3h12m */
const char *human_share(uint64_t part, uint64_t whole); /* 99.5% */

/* --- table.c --- */

struct table;

/* Titles, NULL-terminated; '>' in front aligns the column to the right. */
struct table *table_create(const char *const *titles);
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Print and destroy. `empty` is printed instead when there are no rows. */
void table_finish(struct table *t, const char *empty);

/* --- pcap.c --- */

struct pcap_file;

/* "x.pcap" (nanosecond pcap), "x.pcapng" (with port names, direction, drop reasons), "-" = stdout. */
int pcap_create(const char *path, uint32_t snaplen, struct pcap_file **f);
int pcap_write(struct pcap_file *f, uint64_t time_ns, const char *port, const char *direction,
	const char *reason, const void *bytes, size_t n, size_t wire_n);
/* 0, or -errno with a refusal when something could not be written. */
int pcap_close(struct pcap_file *f);

/* --- commands --- */

extern const struct command cmd_status, cmd_ports, cmd_flows, cmd_pipes, cmd_drops, cmd_stats,
	cmd_explain;
extern const struct command cmd_services, cmd_connections, cmd_capture, cmd_reload;

#endif
