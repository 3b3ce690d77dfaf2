/* SPDX-License-Identifier: BSD-3-Clause */
/* Usage text: general flags, then the program's, then commands. */
#include "doca/argp/argp_int.h"

#include <stdlib.h>
#include <string.h>

static void line(
	FILE *out, const char *short_name, const char *long_name, const char *arg, const char *text)
{
	char flags[128];

	snprintf(flags, sizeof(flags), "%s%s%s%s%s%s%s", short_name ? "-" : "    ",
		short_name ? short_name : "", short_name && long_name ? ", " : "",
		long_name ? "--" : "", long_name ? long_name : "", arg && *arg ? " " : "",
		arg ? arg : "");
	fprintf(out, "  %-36s  %s\n", flags, text ? text : "");
}

static const char *type_word(const struct doca_argp_param *param)
{
	if (param->arguments)
		return param->arguments;
	switch (param->type) {
	case DOCA_ARGP_TYPE_BOOLEAN:
		return "";
	case DOCA_ARGP_TYPE_INT:
		return "<number>";
	case DOCA_ARGP_TYPE_DEVICE:
		return "<device[,arguments]>";
	case DOCA_ARGP_TYPE_DEVICE_REP:
		return "<device,representors>";
	default:
		return "<text>";
	}
}

static void params(FILE *out, const struct argp_set *set)
{
	for (unsigned i = 0; i < set->n_params; i++) {
		const struct doca_argp_param *p = set->params[i];
		char text[512];

		snprintf(text, sizeof(text), "%s%s%s", p->description ? p->description : "",
			p->mandatory ? " (mandatory)" : "",
			p->multiple ? " (may be repeated)" : "");
		line(out, p->short_name, p->long_name, type_word(p), text);
	}
}

void argp_help(FILE *out)
{
	const struct argp_set *set = &argp.set;

	fprintf(out, "Usage: %s%s [flags]%s\n", argp.name ? argp.name : "program",
		argp.is_dpdk ? " [DPDK flags] --" : "", set->n_cmds ? " COMMAND [flags]" : "");
	fprintf(out, "\nGeneral flags:\n");
	line(out, "h", "help", "", "Print this help");
	line(out, "v", "version", "", "Print the version");
	line(out, "l", "log-level", "<level>",
		"Level of the program's log: 10 disable, 20 critical, 30 error, 40 warning, 50 "
		"info, 60 debug, 70 trace");
	line(out, NULL, "sdk-log-level", "<level>", "Level of the libraries' log");
	line(out, "j", "json", "<path>", "Read parameters from a JSON file");
	if (set->n_params)
		fprintf(out, "\nProgram flags:\n");
	params(out, set);
	for (unsigned i = 0; i < set->n_cmds; i++) {
		fprintf(out, "\nCommand %s: %s\n", set->cmds[i]->name,
			set->cmds[i]->description ? set->cmds[i]->description : "");
		params(out, &set->cmds[i]->set);
	}
}

void doca_argp_usage(void)
{
	argp_help(stdout);
	exit(EXIT_SUCCESS);
}
