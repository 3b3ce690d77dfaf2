/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload: the agent reads the manifests again, the daemon its card profile. Each applies the difference
 * whole or not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/refuse.h"
#include "ctl/messages.h"

static unsigned show_list(const json_t *r, const char *name, const char *sign)
{
	const json_t *text;
	size_t i;

	json_array_foreach(cli_list(r, name), i, text)
		printf("  %s %s\n", sign, json_is_string(text) ? json_string_value(text) : "?");
	return (unsigned)json_array_size(cli_list(r, name));
}

static void show_agent(const json_t *r)
{
	unsigned n;

	printf("agent: %s objects, generation %llu\n", human_count(cli_u64(r, "objects")),
		(unsigned long long)cli_u64(r, "generation"));
	n = show_list(r, "added", "+");
	n += show_list(r, "changed", "~");
	n += show_list(r, "removed", "-");
	if (!n)
		puts("  nothing changed");
}

static void show_daemon(const json_t *r)
{
	puts("card:");
	if (!show_list(r, "changed", "~"))
		puts("  nothing changed");
}

static enum cli_exit part(struct cli *cli, const char *program, const char *method,
	void (*show)(const json_t *), json_t *all)
{
	struct cli plain = *cli;
	enum cli_exit code;
	json_t *r;

	plain.json = false;
	code = cli_fetch(&plain, program, method, NULL, &r);
	if (code)
		return code;
	if (cli->json)
		json_object_set(all, program, r);
	else
		show(r);
	json_decref(r);
	return CLI_OK;
}

/* The agent of the same card, or any when no card is named. */
static bool has_agent(const struct cli *cli)
{
	char **names;
	int n = ctl_running("agentd", &names);
	bool found = n > 0 && !cli->card;

	for (int i = 0; i < n; i++)
		found = found || !strcmp(names[i], cli->card);
	free(names);
	return found;
}

static enum cli_exit run_reload(struct cli *cli)
{
	const char *what = cli->n_words ? cli->words[0] : NULL;
	bool card = !what || !strcmp(what, "card"), agent = !what || !strcmp(what, "agent");
	enum cli_exit code = CLI_OK;
	json_t *all;

	if (!card && !agent)
		return cli_say(cli, CLI_USAGE, "reload: '%s' is neither card nor agent", what);
	all = json_object();
	if (card)
		code = part(cli, "softdpud", CTL_DAEMON_RELOAD, show_daemon, all);
	/* a node without an agent is fine unless the agent was asked for */
	if (!code && agent && (what || has_agent(cli)))
		code = part(cli, "agentd", CTL_AGENT_RELOAD, show_agent, all);
	if (!code && cli->json)
		cli_print_json(all);
	json_decref(all);
	return code;
}

const struct command cmd_reload = {
	.name = "reload",
	.words = "[card|agent]",
	.max_words = 1,
	.summary =
		"Read the card profile and the Kubernetes manifests again and apply the difference",
	.help = "A mistake in a file is refused with its line; what runs stays as it was.",
	.run = run_reload,
};
