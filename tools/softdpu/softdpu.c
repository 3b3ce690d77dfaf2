/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#include "base/str.h"
#include "base/yaml.h"

static const struct command *const commands[] = {
	&cmd_status,
	&cmd_ports,
	&cmd_flows,
	&cmd_pipes,
	&cmd_services,
	&cmd_connections,
	&cmd_drops,
	&cmd_stats,
	&cmd_capture,
	&cmd_explain,
	&cmd_reload,
};

/* The directory we were started from; false if the kernel does not tell. */
static bool own_directory(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);

	if (n <= 0)
		return false;
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	return true;
}

static int is_extension(const struct dirent *e)
{
	return !strncmp(e->d_name, "softdpu-", 8) && !strchr(e->d_name, '.');
}

static void list_extensions(FILE *out)
{
	struct dirent **found = NULL;
	char dir[4096];
	int n = own_directory(dir, sizeof(dir)) ? scandir(dir, &found, is_extension, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		fprintf(out, "%s%s", i ? ", " : "Here: ", found[i]->d_name + 8);
		free(found[i]);
	}
	if (n > 0)
		fputs(".\n", out);
	free(found);
}

static void usage(FILE *out)
{
	fprintf(out, "usage: softdpu [-c CARD] [-j] COMMAND ...\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out,
		"\nEach command has --help and --json. Cards are found under %s (SOFTDPU_RUN).\n"
		"Any other COMMAND runs the program softdpu-COMMAND.\n",
		ctl_run_dir());
	list_extensions(out);
}

/* "softdpu oracle x" runs softdpu-oracle: beside us first, then along PATH. Returns if there is none. */
static void run_extension(const char *name, char **argv)
{
	struct str path = STR_INIT;
	char dir[4096];

	if (own_directory(dir, sizeof(dir))) {
		str_addf(&path, "%s/softdpu-%s", dir, name);
		execv(str_text(&path), argv);
		str_clear(&path);
	}
	str_addf(&path, "softdpu-%s", name);
	execvp(str_text(&path), argv);
	str_free(&path);
}

static enum cli_exit unknown(struct cli *cli, const char *name)
{
	const char *names[ARRAY_SIZE(commands)], *near;

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = yaml_nearest(name, names, ARRAY_SIZE(commands));
	if (near)
		return cli_say(cli, CLI_USAGE, "no command '%s'; did you mean '%s'?", name, near);
	return cli_say(cli, CLI_USAGE, "no command '%s'; --help lists them", name);
}

/* Options before the command are moved behind it, where its parser knows them. */
static int find_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-') {
		bool takes_value = !strcmp(argv[i], "-c") || !strcmp(argv[i], "--card") ||
				   !strcmp(argv[i], "-t") || !strcmp(argv[i], "--timeout");

		i += takes_value ? 2 : 1;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct cli cli = {.tool = "softdpu"};
	int at = find_command(argc, argv), rc;
	const char *name = at < argc ? argv[at] : NULL;

	if (!name) {
		bool asked = argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"));

		usage(asked ? stdout : stderr);
		return asked ? CLI_OK : CLI_USAGE;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name))
			continue;
		memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof(*argv));
		rc = cli_parse(&cli, commands[i], argc - 1, argv);
		return rc >= 0 ? rc : (int)commands[i]->run(&cli);
	}
	run_extension(name, argv + at);
	return unknown(&cli, name);
}
