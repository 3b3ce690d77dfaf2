/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show the switch: status ports flows pipes drops stats explain. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/base64.h"
#include "base/refuse.h"
#include "base/str.h"
#include "ctl/messages.h"

#define DAEMON "softdpud"

static void each_text(struct str *s, const json_t *list, const char *between)
{
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
		str_addf(s, "%s%s", i ? between : "",
			json_is_string(text) ? json_string_value(text) : "?");
}

/* --- status --- */

static void show_worker(const json_t *w)
{
	const json_t *cpu = json_object_get(w, "cpu");

	printf("worker %-4llu  ", (unsigned long long)cli_u64(w, "id"));
	if (json_is_integer(cpu))
		printf("cpu %lld, ", (long long)json_integer_value(cpu));
	printf("%s, %.0f%% busy, %s packets\n", cli_text(w, "mode"), 100 * cli_real(w, "busy"),
		human_count(cli_u64(w, "packets")));
}

static void show_node(const json_t *n)
{
	if (!n)
		return;
	printf("node         %s: generation %llu", cli_text(n, "name"),
		(unsigned long long)cli_u64(n, "generation"));
	if (cli_u64(n, "generation"))
		printf(" applied %s ago", human_ns(cli_u64(n, "applied_ns")));
	printf("; nodes %s, pods %s, services %s, policies %s\n", human_count(cli_u64(n, "nodes")),
		human_count(cli_u64(n, "pods")), human_count(cli_u64(n, "services")),
		human_count(cli_u64(n, "policies")));
}

static void show_status(const json_t *r)
{
	const json_t *ports = json_object_get(r, "ports"), *problems = cli_list(r, "problems"),
		     *item;
	size_t i;

	printf("card         %s, %s, profile %s\n", cli_text(r, "card"), cli_text(r, "pci"),
		cli_text(r, "profile"));
	printf("program      %s %s, pid %llu, up %s, %s code\n", cli_text(r, "program"),
		cli_text(r, "version"), (unsigned long long)cli_u64(r, "pid"),
		human_ns(cli_u64(r, "uptime_ns")), cli_text(r, "cpu"));
	json_array_foreach(cli_list(r, "workers"), i, item)
		show_worker(item);
	printf("ports        %llu, %llu up\n", (unsigned long long)cli_u64(ports, "total"),
		(unsigned long long)cli_u64(ports, "up"));
	printf("tables       flows %s, pipes %s, connections %s\n",
		human_count(cli_u64(r, "flows")), human_count(cli_u64(r, "pipes")),
		human_count(cli_u64(r, "connections")));
	show_node(json_object_get(r, "node"));
	json_array_foreach(problems, i, item)
		printf("problem      %s\n", json_is_string(item) ? json_string_value(item) : "?");
	if (!json_array_size(problems))
		puts("health       ok");
}

static enum cli_exit run_status(struct cli *cli)
{
	struct cli quiet = *cli;
	enum cli_exit code;
	json_t *r;

	quiet.json = false; /* the exit code needs the result in both cases */
	code = cli_fetch(&quiet, DAEMON, CTL_SWITCH_STATUS, NULL, &r);
	if (code)
		return code;
	if (cli->json)
		cli_print_json(r);
	else
		show_status(r);
	code = json_array_size(cli_list(r, "problems")) ? CLI_PROBLEM : CLI_OK;
	json_decref(r);
	return code;
}

const struct command cmd_status = {
	.name = "status",
	.summary = "Show the card, its program, its workers and whether something is wrong",
	.help = "Exit status 4 when something is wrong.",
	.run = run_status,
};

/* --- ports --- */

static void port_row(struct table *t, const json_t *p)
{
	table_cellf(t, "%llu", (unsigned long long)cli_u64(p, "id"));
	table_cell(t, cli_text(p, "name"));
	table_cell(t, cli_text(p, "kind"));
	table_cell(t, cli_text(p, "link"));
	table_cellf(t, "%llu", (unsigned long long)cli_u64(p, "mtu"));
	table_cell(t, cli_text(p, "mac"));
	table_cell(t, human_count(cli_u64(p, "rx_packets")));
	table_cell(t, human_bytes(cli_u64(p, "rx_bytes")));
	table_cell(t, human_count(cli_u64(p, "tx_packets")));
	table_cell(t, human_bytes(cli_u64(p, "tx_bytes")));
	table_cellf(t, "%s", human_count(cli_u64(p, "rx_drops") + cli_u64(p, "tx_drops")));
	table_cell(t, cli_text(p, "attach"));
	table_cell(t, cli_text(p, "pod"));
}

static enum cli_exit run_ports(struct cli *cli)
{
	static const char *const titles[] = {">ID", "PORT", "KIND", "LINK", ">MTU", "MAC", ">RX",
		">RX BYTES", ">TX", ">TX BYTES", ">DROPS", "ATTACHED TO", "POD", NULL};
	json_t *params = cli->n_words ? json_pack("{s:s}", "port", cli->words[0]) : NULL, *r;
	enum cli_exit code = cli_fetch(cli, DAEMON, CTL_SWITCH_PORTS, params, &r);
	struct table *t;
	const json_t *p;
	size_t i;

	if (code || !r)
		return code;
	t = table_create(titles);
	json_array_foreach(cli_list(r, "ports"), i, p)
		port_row(t, p);
	table_finish(t, "no ports");
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_ports = {
	.name = "ports",
	.words = "[PORT]",
	.max_words = 1,
	.summary = "List ports with their packets, bytes and drops",
	.run = run_ports,
};

/* --- flows --- */

static const char *flows_limit, *flows_offset, *flows_port, *flows_pipe;

static const struct cli_option flow_options[] = {
	{'n', "limit", "N", "at most N (1000)", &flows_limit, NULL},
	{0, "offset", "N", "skip the first N", &flows_offset, NULL},
	{'p', "port", "PORT", "only those of a port", &flows_port, NULL},
	{0, "pipe", "PIPE", "only the entries of a pipe", &flows_pipe, NULL},
};

/* An option that is a parameter of the same name. */
static bool add_number(
	struct cli *cli, json_t *params, const char *name, const char *text, uint64_t min)
{
	char option[32];
	uint64_t n;

	if (!text)
		return true;
	snprintf(option, sizeof(option), "--%s", name);
	if (!cli_number(cli, option, text, min, 1u << 30, &n))
		return false;
	json_object_set_new(params, name, json_integer((json_int_t)n));
	return true;
}

/* "-" where the switch keeps no such number. */
static void known_cell(
	struct table *t, const json_t *object, const char *name, const char *(*text)(uint64_t))
{
	table_cell(t, json_is_integer(json_object_get(object, name)) ? text(cli_u64(object, name)) : "-");
}

static void flow_row(struct table *t, const json_t *f)
{
	table_cellf(t, "%llu", (unsigned long long)cli_u64(f, "id"));
	table_cell(
		t, json_is_string(json_object_get(f, "pipe")) ? cli_text(f, "pipe") : "(cached)");
	table_cell(t, cli_text(f, "port"));
	known_cell(t, f, "packets", human_count);
	known_cell(t, f, "bytes", human_bytes);
	known_cell(t, f, "age_ns", human_ns);
	known_cell(t, f, "idle_ns", human_ns);
	table_cellf(t, "%s -> %s", cli_text(f, "match"), cli_text(f, "actions"));
}

static void more_note(const json_t *r, size_t shown)
{
	uint64_t total = cli_u64(r, "total");

	if (total > shown)
		printf("%zu of %llu shown; --limit and --offset show others\n", shown,
			(unsigned long long)total);
}

static enum cli_exit run_flows(struct cli *cli)
{
	static const char *const titles[] = {">ID", "PIPE", "PORT", ">PACKETS", ">BYTES", ">AGE",
		">IDLE", "MATCH -> ACTIONS", NULL};
	json_t *params = json_pack("{s:s*, s:s*}", "port", flows_port, "pipe", flows_pipe), *r;
	enum cli_exit code;
	struct table *t;
	const json_t *f;
	size_t i;

	if (!add_number(cli, params, "limit", flows_limit, 1) ||
		!add_number(cli, params, "offset", flows_offset, 0)) {
		json_decref(params);
		return CLI_USAGE;
	}
	code = cli_fetch(cli, DAEMON, CTL_SWITCH_FLOWS, params, &r);
	if (code || !r)
		return code;
	t = table_create(titles);
	json_array_foreach(cli_list(r, "flows"), i, f)
		flow_row(t, f);
	table_finish(t, "no flows");
	more_note(r, json_array_size(cli_list(r, "flows")));
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_flows = {
	.name = "flows",
	.summary = "List what the flow table holds: pipe entries and cached flows",
	.options = flow_options,
	.n_options = ARRAY_SIZE(flow_options),
	.run = run_flows,
};

/* --- pipes --- */

static const char *pipes_port, *pipes_graph;

static const struct cli_option pipe_options[] = {
	{'p', "port", "PORT", "only those of a port", &pipes_port, NULL},
	{'g', "graph", "dot|mermaid", "print a graph for Graphviz or Mermaid", &pipes_graph, NULL},
};

static void pipe_row(struct table *t, const json_t *p)
{
	struct str forward = STR_INIT;

	each_text(&forward, cli_list(p, "forward"), ", ");
	table_cellf(t, "%llu", (unsigned long long)cli_u64(p, "id"));
	table_cellf(t, "%s%s", cli_text(p, "name"), cli_true(p, "root") ? " (root)" : "");
	table_cell(t, cli_text(p, "type"));
	table_cell(t, cli_text(p, "domain"));
	table_cell(t, cli_text(p, "port"));
	if (cli_u64(p, "limit"))
		table_cellf(t, "%llu/%llu", (unsigned long long)cli_u64(p, "entries"),
			(unsigned long long)cli_u64(p, "limit"));
	else
		table_cellf(t, "%llu", (unsigned long long)cli_u64(p, "entries"));
	known_cell(t, p, "hits", human_count);
	known_cell(t, p, "misses", human_count);
	table_cell(t, str_len(&forward) ? str_text(&forward) : "-");
	table_cell(t, cli_text(p, "miss"));
	str_free(&forward);
}

/* Names may hold quotes and brackets; both graph languages take quoted labels. */
static void print_label(const char *text)
{
	putchar('"');
	for (; *text; text++)
		putchar(*text == '"' || *text == '\\' ? '\'' : *text);
	putchar('"');
}

/* "pipe acl" and "pipe 'acl'" name the pipe acl. */
static bool names_pipe(const char *target, const char *name)
{
	size_t len = strlen(name);
	bool quoted;

	if (strncmp(target, "pipe ", 5))
		return false;
	target += 5;
	quoted = *target == '\'';
	return !strncmp(target + quoted, name, len) &&
	       !strcmp(target + quoted + len, quoted ? "'" : "");
}

/* The pipe that a forward leads to: by its id, or by the name in its text, of a switch that tells no ids. 0: no pipe. */
static uint64_t target_pipe(const json_t *pipes, const char *target, uint64_t id)
{
	const json_t *p;
	size_t i;

	json_array_foreach(pipes, i, p)
		if (!id && names_pipe(target, cli_text(p, "name")))
			return cli_u64(p, "id");
	return id;
}

/* An edge to pipe `to`, or to a node of its own that says `target`. */
static void print_edge(const json_t *from, const char *target, uint64_t to, bool miss, bool dot, unsigned *other)
{
	unsigned mine = *other;

	printf(dot ? "  p%llu -> " : "  p%llu %s ", (unsigned long long)cli_u64(from, "id"),
		miss ? "-. miss .->" : "-->");
	printf("%c%llu", to ? 'p' : 'o', to ? (unsigned long long)to : (*other)++);
	if (dot)
		printf("%s", miss ? " [style=dashed, label=miss]" : "");
	if (mine != *other && !dot) {
		putchar('[');
		print_label(target);
		putchar(']');
	} else if (mine != *other) {
		printf(";\n  o%u [shape=plaintext, label=", mine);
		print_label(target);
		putchar(']');
	}
	puts(dot ? ";" : "");
}

static void print_edges(const json_t *pipes, const json_t *p, bool dot, unsigned *other)
{
	const json_t *target, *to = cli_list(p, "to");
	const char *miss = cli_text(p, "miss");
	size_t k;

	json_array_foreach(cli_list(p, "forward"), k, target) {
		uint64_t id = (uint64_t)json_integer_value(json_array_get(to, k));

		if (json_is_string(target))
			print_edge(p, json_string_value(target), target_pipe(pipes, json_string_value(target), id), false, dot, other);
	}
	if (strcmp(miss, "-"))
		print_edge(p, miss, target_pipe(pipes, miss, cli_u64(p, "miss_to")), true, dot, other);
}

static void print_graph(const json_t *pipes, bool dot)
{
	const json_t *p;
	unsigned other = 0;
	size_t i;

	puts(dot ? "digraph pipes {\n  rankdir=LR;\n  node [shape=box];" : "flowchart LR");
	json_array_foreach(pipes, i, p) {
		printf(dot ? "  p%llu [label=" : "  p%llu[", (unsigned long long)cli_u64(p, "id"));
		print_label(cli_text(p, "name"));
		puts(!dot ? "]" : cli_true(p, "root") ? ", style=bold];" : "];");
	}
	json_array_foreach(pipes, i, p)
		print_edges(pipes, p, dot, &other);
	if (dot)
		puts("}");
}

static void show_pipes(const json_t *pipes)
{
	static const char *const titles[] = {">ID", "PIPE", "TYPE", "DOMAIN", "PORT", ">ENTRIES",
		">HITS", ">MISSES", "FORWARDS TO", "ON MISS", NULL};
	struct table *t = table_create(titles);
	const json_t *p;
	size_t i;

	json_array_foreach(pipes, i, p)
		pipe_row(t, p);
	table_finish(t, "no pipes");
}

static enum cli_exit run_pipes(struct cli *cli)
{
	bool dot = pipes_graph && !strcmp(pipes_graph, "dot");
	enum cli_exit code;
	json_t *r;

	if (pipes_graph && !dot && strcmp(pipes_graph, "mermaid"))
		return cli_say(cli, CLI_USAGE, "--graph: '%s' is not dot or mermaid", pipes_graph);
	code = cli_fetch(
		cli, DAEMON, CTL_SWITCH_PIPES, json_pack("{s:s*}", "port", pipes_port), &r);
	if (code || !r)
		return code;
	if (pipes_graph)
		print_graph(cli_list(r, "pipes"), dot);
	else
		show_pipes(cli_list(r, "pipes"));
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_pipes = {
	.name = "pipes",
	.summary = "List pipes, or draw how they forward to each other",
	.options = pipe_options,
	.n_options = ARRAY_SIZE(pipe_options),
	.run = run_pipes,
};

/* --- drops --- */

static void drop_row(struct table *t, const json_t *d)
{
	const json_t *ports = json_object_get(d, "ports"), *n;
	struct str where = STR_INIT;
	const char *port;

	json_object_foreach((json_t *)ports, port, n)
		str_addf(&where, "%s%s %lld", str_len(&where) ? ", " : "", port,
			(long long)json_integer_value(n));
	table_cell(t, human_count(cli_u64(d, "packets")));
	table_cell(t, cli_text(d, "reason"));
	table_cell(t, str_len(&where) ? str_text(&where) : "-");
	table_cell(t, cli_text(d, "sentence"));
	str_free(&where);
}

static void show_accounting(const json_t *a)
{
	if (!a)
		return;
	printf("\nreceived %llu + generated %llu + copies %llu %s transmitted %llu + dropped %llu "
	       "+ consumed %llu "
	       "+ queued %llu\n",
		(unsigned long long)cli_u64(a, "received"),
		(unsigned long long)cli_u64(a, "generated"),
		(unsigned long long)cli_u64(a, "copies"),
		cli_true(a, "balanced") ? "=" : "!=", (unsigned long long)cli_u64(a, "transmitted"),
		(unsigned long long)cli_u64(a, "dropped"),
		(unsigned long long)cli_u64(a, "consumed"),
		(unsigned long long)cli_u64(a, "queued"));
}

static enum cli_exit run_drops(struct cli *cli)
{
	static const char *const titles[] = {
		">PACKETS", "REASON", "CAME IN BY", "WHICH MEANS", NULL};
	struct table *t;
	const json_t *d;
	json_t *r;
	enum cli_exit code = cli_fetch(cli, DAEMON, CTL_SWITCH_DROPS, NULL, &r);
	size_t i;

	if (code || !r)
		return code;
	t = table_create(titles);
	json_array_foreach(cli_list(r, "drops"), i, d)
		drop_row(t, d);
	table_finish(t, "no packet was dropped");
	show_accounting(json_object_get(r, "accounting"));
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_drops = {
	.name = "drops",
	.summary = "Say why packets were not delivered, and whether every packet is accounted for",
	.help = "While packets move, both sides of the sum may differ by those that are inside.",
	.run = run_drops,
};

/* --- stats --- */

static const char *stats_port;

static const struct cli_option stats_options[] = {
	{'p', "port", "ID", "only the ports table of this port", &stats_port, NULL},
};

static void show_latency(const char *name, const json_t *l)
{
	if (l)
		printf("%s: p50 %s, p99 %s, max %s (%s packets)\n", name,
			human_ns(cli_u64(l, "p50")), human_ns(cli_u64(l, "p99")),
			human_ns(cli_u64(l, "max")), human_count(cli_u64(l, "count")));
}

/* The first three lines are those of the founding document (F:5313-5319). */
static void show_stats(const json_t *r)
{
	uint64_t flows = cli_u64(r, "flows"), table = cli_u64(r, "packets_offloaded"),
		 software = cli_u64(r, "packets_software");

	printf("flows: %llu\n", (unsigned long long)flows);
	printf("flows_offloaded: %llu (%s)\n", (unsigned long long)cli_u64(r, "flows_offloaded"),
		human_share(cli_u64(r, "flows_offloaded"), flows));
	printf("flows_software: %llu (%s)\n", (unsigned long long)cli_u64(r, "flows_software"),
		human_share(cli_u64(r, "flows_software"), flows));
	printf("packets: %llu\n", (unsigned long long)(table + software));
	printf("packets_offloaded: %llu (%s)\n", (unsigned long long)table,
		human_share(table, table + software));
	printf("packets_software: %llu (%s)\n", (unsigned long long)software,
		human_share(software, table + software));
	printf("insertions: %llu (%llu/s)\n", (unsigned long long)cli_u64(r, "insertions"),
		(unsigned long long)cli_u64(r, "insertions_per_s"));
	show_latency("first_packet", json_object_get(r, "first_packet_ns"));
	show_latency("table_packet", json_object_get(r, "table_packet_ns"));
}

static enum cli_exit run_stats(struct cli *cli)
{
	json_t *params = json_object(), *r;
	enum cli_exit code;

	if (!add_number(cli, params, "port", stats_port, 0)) {
		json_decref(params);
		return CLI_USAGE;
	}
	code = cli_fetch(cli, DAEMON, CTL_SWITCH_STATS, params, &r);
	if (code || !r)
		return code;
	show_stats(r);
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_stats = {
	.name = "stats",
	.summary =
		"Show how many flows and packets run from the flow table and how many in software",
	.help = "doca-flow-stats shows the same port by port.",
	.options = stats_options,
	.n_options = ARRAY_SIZE(stats_options),
	.run = run_stats,
};

/* --- explain --- */

static const char *explain_port, *explain_packet;

static const struct cli_option explain_options[] = {
	{'p', "port", "PORT", "the walk a packet would take that comes in by PORT", &explain_port,
		NULL},
	{'x', "packet", "HEX", "that packet, from its Ethernet header on", &explain_packet, NULL},
};

static int nibble(char c)
{
	const char *digits = "0123456789abcdefABCDEF", *at = c ? strchr(digits, c) : NULL;

	return !at ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* Hexadecimal digits, blanks and colons between them being ignored, to base64. NULL: broken. */
static char *hex_to_base64(const char *hex)
{
	struct str bytes = STR_INIT;
	char *text = NULL;
	int high = -1;

	for (; *hex; hex++) {
		int n = nibble(*hex);

		if (strchr(" :\n\t", *hex))
			continue;
		if (n < 0)
			break;
		if (high >= 0)
			str_add_char(&bytes, (char)(high << 4 | n));
		high = high < 0 ? n : -1;
	}
	if (!*hex && high < 0 && str_len(&bytes))
		text = base64_encode(str_text(&bytes), str_len(&bytes));
	str_free(&bytes);
	return text;
}

static enum cli_exit explain_params(struct cli *cli, json_t **params)
{
	const char *what = cli->n_words ? cli->words[0] : NULL;
	char *packet, *end;

	if (!what == !explain_packet || !explain_port != !explain_packet)
		return cli_say(
			cli, CLI_USAGE, "explain needs PIPE or ENTRY, or --port and --packet");
	if (what) {
		unsigned long long id = strtoull(what, &end, 0);

		*params = *end || end == what ? json_pack("{s:s}", "pipe", what)
					      : json_pack("{s:I}", "entry", (json_int_t)id);
		return CLI_OK;
	}
	packet = hex_to_base64(explain_packet);
	if (!packet)
		return cli_say(cli, CLI_USAGE, "--packet: not pairs of hexadecimal digits");
	*params = json_pack("{s:s, s:s}", "port", explain_port, "packet", packet);
	free(packet);
	return CLI_OK;
}

static enum cli_exit run_explain(struct cli *cli)
{
	json_t *params = NULL, *r;
	enum cli_exit code = explain_params(cli, &params);
	const char *text;

	if (!code)
		code = cli_fetch(cli, DAEMON, CTL_SWITCH_EXPLAIN, params, &r);
	if (code || !r)
		return code;
	text = cli_text(r, "text");
	fputs(text, stdout);
	if (*text && text[strlen(text) - 1] != '\n')
		putchar('\n');
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_explain = {
	.name = "explain",
	.words = "[PIPE|ENTRY]",
	.max_words = 1,
	.summary = "Print the compiled program of a pipe or an entry, or the walk of a packet",
	.options = explain_options,
	.n_options = ARRAY_SIZE(explain_options),
	.run = run_explain,
};
