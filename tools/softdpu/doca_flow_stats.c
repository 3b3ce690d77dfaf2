/* SPDX-License-Identifier: BSD-3-Clause */
/* doca-flow-stats: use of the flow table, port by port, as the founding document prints it (F:5325). */
#include "cli.h"

#include "ctl/messages.h"

static const char *port_text;

static const struct cli_option options[] = {
	{'p', "port", "ID", "only this port", &port_text, NULL},
};

static void show(const json_t *p)
{
	printf("Port %llu: %s\n", (unsigned long long)cli_u64(p, "id"), cli_text(p, "name"));
	printf("  Total flows: %llu\n", (unsigned long long)cli_u64(p, "total_flows"));
	printf("  Active flows: %llu\n", (unsigned long long)cli_u64(p, "active_flows"));
	printf("  Flow insertions/s: %llu\n", (unsigned long long)cli_u64(p, "insertions_per_s"));
	printf("  Packets processed: %s\n", human_count(cli_u64(p, "packets")));
	printf("  Bytes processed: %s\n", human_bytes(cli_u64(p, "bytes")));
}

static enum cli_exit run(struct cli *cli)
{
	json_t *params = json_object(), *r;
	enum cli_exit code;
	uint64_t port;
	const json_t *p;
	size_t i;

	if (port_text && !cli_number(cli, "--port", port_text, 0, 65535, &port)) {
		json_decref(params);
		return CLI_USAGE;
	}
	if (port_text)
		json_object_set_new(params, "port", json_integer((json_int_t)port));
	code = cli_fetch(cli, "softdpud", CTL_SWITCH_STATS, params, &r);
	if (code || !r)
		return code;
	json_array_foreach(cli_list(r, "ports"), i, p)
		show(p);
	json_decref(r);
	return CLI_OK;
}

int main(int argc, char **argv)
{
	static const struct command cmd = {
		.name = "doca-flow-stats",
		.summary = "Show how each port uses the flow table",
		.options = options,
		.n_options = ARRAY_SIZE(options),
		.run = run,
	};
	struct cli cli = {.tool = "doca-flow-stats"};
	int rc = cli_parse(&cli, &cmd, argc, argv);

	return rc >= 0 ? rc : (int)run(&cli);
}
