/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show what the node decided: services, connections. */
#include <string.h>

#include "cli.h"

#include "base/str.h"
#include "ctl/messages.h"

#define DAEMON "softdpud"

static void join(struct str *s, const json_t *list)
{
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
		str_addf(s, "%s%s", i ? ", " : "",
			json_is_string(text) ? json_string_value(text) : "?");
}

static void service_ports(struct str *s, const json_t *service)
{
	const json_t *p;
	size_t i;

	json_array_foreach(cli_list(service, "ports"), i, p)
		str_addf(s, "%s%llu/%s", i ? ", " : "", (unsigned long long)cli_u64(p, "port"),
			cli_text(p, "protocol"));
}

/* One line per endpoint below the service's own. */
static void service_rows(struct table *t, const json_t *s)
{
	struct str addresses = STR_INIT, ports = STR_INIT;
	const json_t *e;
	size_t i;

	join(&addresses, cli_list(s, "addresses"));
	service_ports(&ports, s);
	table_cellf(t, "%s/%s", cli_text(s, "namespace"), cli_text(s, "name"));
	table_cell(t, cli_text(s, "type"));
	table_cell(t, str_len(&addresses) ? str_text(&addresses) : "-");
	table_cell(t, str_len(&ports) ? str_text(&ports) : "-");
	table_cell(t, "");
	table_cell(t, human_count(cli_u64(s, "connections")));
	json_array_foreach(cli_list(s, "endpoints"), i, e) {
		table_cellf(t, "  %s", cli_true(e, "ready") ? "ready" : "not ready");
		table_cell(t, "");
		table_cell(t, cli_text(e, "address"));
		table_cellf(t, "%llu", (unsigned long long)cli_u64(e, "port"));
		table_cell(t, cli_text(e, "node"));
		table_cell(t, human_count(cli_u64(e, "connections")));
	}
	str_free(&addresses);
	str_free(&ports);
}

static enum cli_exit run_services(struct cli *cli)
{
	static const char *const titles[] = {
		"SERVICE", "TYPE", "ADDRESS", "PORT", "NODE", ">CONNECTIONS", NULL};
	const char *slash = cli->n_words ? strchr(cli->words[0], '/') : NULL;
	json_t *params = json_object(), *r;
	enum cli_exit code;
	struct table *t;
	const json_t *s;
	size_t i;

	if (slash)
		json_object_set_new(params, "namespace",
			json_stringn(cli->words[0], (size_t)(slash - cli->words[0])));
	if (cli->n_words)
		json_object_set_new(params, "name", json_string(slash ? slash + 1 : cli->words[0]));
	code = cli_fetch(cli, DAEMON, CTL_NODE_SERVICES, params, &r);
	if (code || !r)
		return code;
	t = table_create(titles);
	json_array_foreach(cli_list(r, "services"), i, s)
		service_rows(t, s);
	table_finish(t, "no services");
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_services = {
	.name = "services",
	.words = "[[NAMESPACE/]SERVICE]",
	.max_words = 1,
	.summary = "List services with their endpoints and the connections each got",
	.run = run_services,
};

/* --- connections --- */

static const char *limit_text, *offset_text, *service_text;

static const struct cli_option options[] = {
	{'n', "limit", "N", "at most N (1000)", &limit_text, NULL},
	{0, "offset", "N", "skip the first N", &offset_text, NULL},
	{'s', "service", "NAMESPACE/NAME", "only those of a service", &service_text, NULL},
};

static void connection_row(struct table *t, const json_t *c)
{
	table_cell(t, cli_text(c, "protocol"));
	table_cell(t, cli_text(c, "source"));
	table_cell(t, cli_text(c, "destination"));
	table_cell(t, cli_text(c, "backend"));
	table_cell(t, cli_text(c, "state"));
	table_cell(t, cli_true(c, "offloaded") ? "table" : "software");
	table_cell(t, human_count(cli_u64(c, "packets")));
	table_cell(t, human_count(cli_u64(c, "reply_packets")));
	table_cell(t, human_bytes(cli_u64(c, "bytes") + cli_u64(c, "reply_bytes")));
	table_cell(t, human_ns(cli_u64(c, "age_ns")));
	table_cell(t, human_ns(cli_u64(c, "idle_ns")));
	table_cell(t, cli_text(c, "service"));
}

static void show_connections(const json_t *r)
{
	static const char *const titles[] = {"PROTO", "SOURCE", "DESTINATION", "BACKEND", "STATE",
		"RUNS IN", ">PACKETS", ">REPLIES", ">BYTES", ">AGE", ">IDLE", "SERVICE", NULL};
	const json_t *list = cli_list(r, "connections"), *c;
	struct table *t = table_create(titles);
	size_t i;

	json_array_foreach(list, i, c)
		connection_row(t, c);
	table_finish(t, "no connections");
	if (cli_u64(r, "total") > json_array_size(list))
		printf("%zu of %llu shown; --limit and --offset show others\n",
			json_array_size(list), (unsigned long long)cli_u64(r, "total"));
}

static enum cli_exit run_connections(struct cli *cli)
{
	uint64_t limit = 1000, offset = 0;
	enum cli_exit code;
	json_t *r;

	if (limit_text && !cli_number(cli, "--limit", limit_text, 1, 1u << 30, &limit))
		return CLI_USAGE;
	if (offset_text && !cli_number(cli, "--offset", offset_text, 0, 1u << 30, &offset))
		return CLI_USAGE;
	code = cli_fetch(cli, DAEMON, CTL_NODE_CONNECTIONS,
		json_pack("{s:I, s:I, s:s*}", "limit", (json_int_t)limit, "offset",
			(json_int_t)offset, "service", service_text),
		&r);
	if (code || !r)
		return code;
	show_connections(r);
	json_decref(r);
	return CLI_OK;
}

const struct command cmd_connections = {
	.name = "connections",
	.summary = "List tracked connections",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run_connections,
};
