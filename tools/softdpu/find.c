/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/refuse.h"
#include "base/str.h"

static void add_names(struct str *s, char **names, int n)
{
	for (int i = 0; i < n; i++)
		str_addf(s, "%s%s", i ? ", " : "", names[i]);
}

static const char *starter(const char *program)
{
	return strcmp(program, "softdpud") ? "softdpu-agentd" : "softdpud -c PROFILE.yaml";
}

/* What to do when nobody answers for the card. */
static enum cli_exit nobody(const struct cli *cli, const char *program)
{
	struct str others = STR_INIT;
	char **names;
	int n = ctl_running(program, &names);

	add_names(&others, names, n);
	if (n)
		cli_say(cli, CLI_ABSENT, "%s\nrunning cards: %s; choose one with -c NAME",
			refusal(), str_text(&others));
	else
		cli_say(cli, CLI_ABSENT,
			"%s\nno other is running under %s (SOFTDPU_RUN); start one with: %s",
			refusal(), ctl_run_dir(), starter(program));
	str_free(&others);
	free(names);
	return CLI_ABSENT;
}

/* The one card that runs; sets cli->card. */
static enum cli_exit choose(struct cli *cli, const char *program)
{
	static char chosen[CTL_PATH_MAX];
	struct str all = STR_INIT;
	char **names;
	int n = ctl_running(program, &names);
	enum cli_exit code = CLI_OK;

	add_names(&all, names, n);
	if (n == 1)
		cli->card = memcpy(chosen, names[0], MIN_OF(strlen(names[0]) + 1, sizeof(chosen)));
	else if (n)
		code = cli_say(cli, CLI_USAGE,
			"several cards are running: %s; choose one with -c NAME", str_text(&all));
	else
		code = CLI_ABSENT;
	str_free(&all);
	free(names);
	if (code == CLI_ABSENT) {
		cli_say(cli, code,
			"no card is running: looked for %s/*/%s.sock (SOFTDPU_RUN)\nstart one "
			"with: %s",
			ctl_run_dir(), program, starter(program));
	}
	return code;
}

enum cli_exit cli_connect(struct cli *cli, const char *program, struct ctl_client **client)
{
	enum cli_exit code = cli->card ? CLI_OK : choose(cli, program);
	char path[CTL_PATH_MAX];
	int err;

	if (code)
		return code;
	if (ctl_socket_path(cli->card, program, path))
		return cli_say(cli, CLI_USAGE, "%s", refusal());
	err = ctl_connect(path, client);
	if (!err)
		return CLI_OK;
	if (err != -ENOENT && err != -ECONNREFUSED)
		return cli_say(cli, CLI_ABSENT, "%s", refusal());
	refuse_more(err, "card '%s' is not running", cli->card);
	return nobody(cli, program);
}

enum cli_exit cli_refused(const struct cli *cli, int err)
{
	if (err == -ETIMEDOUT)
		return cli_say(cli, CLI_REFUSED, "%s (%d s; --timeout waits longer)", refusal(),
			cli->timeout_ms / 1000);
	return cli_say(cli, err == -ECONNRESET ? CLI_ABSENT : CLI_REFUSED, "%s", refusal());
}

enum cli_exit cli_fetch(
	struct cli *cli, const char *program, const char *method, json_t *params, json_t **result)
{
	struct ctl_client *client;
	enum cli_exit code = cli_connect(cli, program, &client);
	int err;

	*result = NULL;
	if (code) {
		json_decref(params);
		return code;
	}
	err = ctl_call(client, method, params, cli->timeout_ms, result);
	ctl_disconnect(client);
	if (err)
		return cli_refused(cli, err);
	if (cli->json) {
		cli_print_json(*result);
		json_decref(*result);
		*result = NULL;
	}
	return CLI_OK;
}

void cli_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

uint64_t cli_u64(const json_t *object, const char *name)
{
	const json_t *n = json_object_get(object, name);

	if (json_is_real(n)) /* rates are averages */
		return json_real_value(n) > 0 ? (uint64_t)(json_real_value(n) + 0.5) : 0;
	return json_integer_value(n) > 0 ? (uint64_t)json_integer_value(n) : 0;
}

double cli_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool cli_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

const char *cli_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

/* Never NULL, so that json_array_foreach() may walk it. */
const json_t *cli_list(const json_t *object, const char *name)
{
	static json_t *empty;
	const json_t *list = json_object_get(object, name);

	if (!empty)
		empty = json_array();
	return json_is_array(list) ? list : empty;
}
