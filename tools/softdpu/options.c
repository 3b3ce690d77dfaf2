/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/yaml.h"

static const char *timeout_text, *card_text;
static bool json_flag, help_flag;

/* Every command has these. */
static const struct cli_option common[] = {
	{'c', "card", "CARD", "the card's name; not needed when one runs", &card_text, NULL},
	{'j', "json", NULL, "the result as JSON", NULL, &json_flag},
	{'t', "timeout", "SECONDS", "how long to wait for an answer (10)", &timeout_text, NULL},
	{'h', "help", NULL, "this text", NULL, &help_flag},
};

enum cli_exit cli_say(const struct cli *cli, enum cli_exit code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", cli->tool);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t min, uint64_t max,
	uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 0);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *n >= min && *n <= max)
		return true;
	cli_say(cli, CLI_USAGE, "%s: '%s' is not a number from %llu to %llu", name, text,
		(unsigned long long)min, (unsigned long long)max);
	return false;
}

static void help_option(const struct cli_option *o)
{
	char left[48];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
		o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
		o->value ? o->value : "");
	printf("  %-24s %s\n", left, o->help);
}

static void help(const struct cli *cli, const struct command *cmd)
{
	bool alone = !strcmp(cli->tool, cmd->name);

	printf("usage: %s%s%s [options]%s%s\n\n%s.\n", cli->tool, alone ? "" : " ",
		alone ? "" : cmd->name, cmd->words ? " " : "", cmd->words ? cmd->words : "",
		cmd->summary);
	if (cmd->help)
		printf("%s\n", cmd->help);
	putchar('\n');
	for (unsigned i = 0; i < cmd->n_options; i++)
		help_option(&cmd->options[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(common); i++)
		help_option(&common[i]);
}

static const struct cli_option *at(const struct command *cmd, unsigned i)
{
	return i < cmd->n_options ? &cmd->options[i] : &common[i - cmd->n_options];
}

static unsigned count(const struct command *cmd)
{
	return cmd->n_options + (unsigned)ARRAY_SIZE(common);
}

static const struct cli_option *by_letter(const struct command *cmd, char letter)
{
	for (unsigned i = 0; i < count(cmd); i++)
		if (at(cmd, i)->letter == letter)
			return at(cmd, i);
	return NULL;
}

static const struct cli_option *by_name(const struct command *cmd, const char *name, size_t len)
{
	for (unsigned i = 0; i < count(cmd); i++)
		if (strlen(at(cmd, i)->name) == len && !memcmp(at(cmd, i)->name, name, len))
			return at(cmd, i);
	return NULL;
}

static int unknown(const struct cli *cli, const struct command *cmd, const char *arg)
{
	const char *names[CLI_OPTIONS_MAX + ARRAY_SIZE(common)], *near = NULL;

	for (unsigned i = 0; i < count(cmd); i++)
		names[i] = at(cmd, i)->name;
	if (!strncmp(arg, "--", 2))
		near = yaml_nearest(arg + 2, names, count(cmd));
	if (near)
		return cli_say(cli, CLI_USAGE, "no option '%s'; did you mean '--%s'?", arg, near);
	return cli_say(cli, CLI_USAGE, "no option '%s'; --help lists them", arg);
}

/* One option at argv[*i], its value perhaps in argv[*i + 1]. */
static int take_option(struct cli *cli, const struct command *cmd, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *value = NULL;
	const struct cli_option *o;

	if (arg[1] == '-') {
		size_t len = strcspn(arg + 2, "=");

		o = by_name(cmd, arg + 2, len);
		value = arg[2 + len] ? arg + 3 + len : NULL;
	} else {
		o = by_letter(cmd, arg[1]);
		value = arg[2] ? arg + 2 : NULL;
	}
	if (!o || (!o->value && value && arg[1] != '-'))
		return unknown(cli, cmd, arg);
	if (!o->value && value)
		return cli_say(cli, CLI_USAGE, "--%s takes no value", o->name);
	if (!o->value) {
		*o->flag = true;
		return -1;
	}
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return cli_say(cli, CLI_USAGE, "--%s needs a value: %s", o->name, o->value);
	*o->text = value;
	return -1;
}

static int take_word(struct cli *cli, const struct command *cmd, const char *word)
{
	if (cli->n_words == cmd->max_words)
		return cli_say(cli, CLI_USAGE, "%s: what is '%s'? --help tells the usage",
			cmd->name, word);
	cli->words[cli->n_words++] = word;
	return -1;
}

static int finish(struct cli *cli, const struct command *cmd)
{
	uint64_t seconds = 10;

	if (help_flag) {
		help(cli, cmd);
		return CLI_OK;
	}
	if (cli->n_words < cmd->min_words)
		return cli_say(cli, CLI_USAGE, "%s: needs %s; --help tells the usage", cmd->name,
			cmd->words);
	if (timeout_text && !cli_number(cli, "--timeout", timeout_text, 1, 3600, &seconds))
		return CLI_USAGE;
	cli->timeout_ms = (int)seconds * 1000;
	cli->json = json_flag;
	cli->card = card_text;
	return -1;
}

int cli_parse(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	bool options = true;
	int rc = -1;

	for (int i = 1; i < argc && rc < 0; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			rc = take_option(cli, cmd, argc, argv, &i);
		else
			rc = take_word(cli, cmd, argv[i]);
	}
	return rc < 0 ? finish(cli, cmd) : rc;
}
