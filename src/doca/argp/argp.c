/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry: what the program told us it takes, and the order of doca_argp_start(). */
#include "doca/argp/argp_int.h"

#include <doca_version.h>

#include <stdlib.h>
#include <string.h>

struct argp argp;

static void copy(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

char *argp_keep(const char *text)
{
	char **more = text ? realloc(argp.kept, (argp.n_kept + 1) * sizeof(*more)) : NULL;

	if (!more)
		return NULL;
	argp.kept = more;
	argp.kept[argp.n_kept] = strdup(text);
	return argp.kept[argp.n_kept++];
}

doca_error_t doca_argp_init(const char *name, void *config)
{
	if (argp.is_init)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "argp: doca_argp_init() was called before");
	memset(&argp, 0, sizeof(argp));
	argp.is_init = true;
	copy(&argp.name, name);
	argp.config = config;
	argp.log_level = DOCA_LOG_LEVEL_INFO;
	argp.sdk_log_level = DOCA_LOG_LEVEL_WARNING;
	return DOCA_SUCCESS;
}

/* ---- parameters ---- */

static void param_free(struct doca_argp_param *param)
{
	if (!param)
		return;
	free(param->short_name);
	free(param->long_name);
	free(param->arguments);
	free(param->description);
	free(param);
}

doca_error_t doca_argp_param_create(struct doca_argp_param **param)
{
	DCORE_NOT_NULL(param);
	*param = calloc(1, sizeof(**param));
	return *param ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

doca_error_t doca_argp_param_destroy(struct doca_argp_param *param)
{
	if (param && param->registered)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"argp: parameter %s is registered and belongs to argp",
			argp_param_name(param));
	param_free(param);
	return DOCA_SUCCESS;
}

void doca_argp_param_set_short_name(struct doca_argp_param *param, const char *name)
{
	copy(&param->short_name, name);
}

void doca_argp_param_set_long_name(struct doca_argp_param *param, const char *name)
{
	copy(&param->long_name, name);
}

void doca_argp_param_set_arguments(struct doca_argp_param *param, const char *arguments)
{
	copy(&param->arguments, arguments);
}

void doca_argp_param_set_description(struct doca_argp_param *param, const char *description)
{
	copy(&param->description, description);
}

void doca_argp_param_set_callback(struct doca_argp_param *param, doca_argp_param_cb_t callback)
{
	param->callback = callback;
}

void doca_argp_param_set_type(struct doca_argp_param *param, enum doca_argp_type type)
{
	param->type = type;
}

void doca_argp_param_set_mandatory(struct doca_argp_param *param)
{
	param->mandatory = true;
}

void doca_argp_param_set_cli_only(struct doca_argp_param *param)
{
	param->cli_only = true;
}

void doca_argp_param_set_multiplicity(struct doca_argp_param *param)
{
	param->multiple = true;
}

const char *argp_param_name(const struct doca_argp_param *param)
{
	return param->long_name    ? param->long_name
	       : param->short_name ? param->short_name
				   : "(unnamed)";
}

struct doca_argp_param *argp_find(struct argp_set *set, const char *name, size_t len, bool is_short)
{
	for (unsigned i = 0; i < set->n_params; i++) {
		const char *own = is_short ? set->params[i]->short_name : set->params[i]->long_name;

		if (own && strlen(own) == len && !memcmp(own, name, len))
			return set->params[i];
	}
	return NULL;
}

static const char *const reserved_long[] = {
	"help", "version", "log-level", "sdk-log-level", "json"};
static const char reserved_short[] = "hvlj";

static doca_error_t check_names(struct argp_set *set, const struct doca_argp_param *param)
{
	const char *s = param->short_name, *l = param->long_name;

	if (!s && !l)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"argp: a parameter has neither a short nor a long name");
	for (unsigned i = 0; l && i < ARRAY_SIZE(reserved_long); i++)
		if (!strcmp(l, reserved_long[i]))
			return dcore_fail(DOCA_ERROR_ALREADY_EXIST, "argp: --%s is argp's own", l);
	if (s && strlen(s) == 1 && strchr(reserved_short, *s))
		return dcore_fail(DOCA_ERROR_ALREADY_EXIST, "argp: -%s is argp's own", s);
	if ((s && argp_find(set, s, strlen(s), true)) || (l && argp_find(set, l, strlen(l), false)))
		return dcore_fail(DOCA_ERROR_ALREADY_EXIST,
			"argp: parameter %s is registered twice", argp_param_name(param));
	return DOCA_SUCCESS;
}

static doca_error_t add_param(struct argp_set *set, struct doca_argp_param *param)
{
	doca_error_t result;

	DCORE_NOT_NULL(param);
	if (!argp.is_init)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "argp: doca_argp_init() comes first");
	result = check_names(set, param);
	if (result != DOCA_SUCCESS)
		return result;
	if (!param->callback || param->type == DOCA_ARGP_TYPE_UNKNOWN)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "argp: parameter %s has no %s",
			argp_param_name(param), param->callback ? "type" : "callback");
	if (set->n_params == PARAMS_MAX)
		return dcore_fail(DOCA_ERROR_FULL, "argp: more than %d parameters", PARAMS_MAX);
	param->registered = true;
	set->params[set->n_params++] = param;
	return DOCA_SUCCESS;
}

doca_error_t doca_argp_register_param(struct doca_argp_param *param)
{
	return add_param(&argp.set, param);
}

/* ---- commands ---- */

doca_error_t doca_argp_cmd_create(struct doca_argp_cmd **cmd)
{
	DCORE_NOT_NULL(cmd);
	*cmd = calloc(1, sizeof(**cmd));
	return *cmd ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

static void set_free(struct argp_set *set);

static void cmd_free(struct doca_argp_cmd *cmd)
{
	set_free(&cmd->set);
	free(cmd->name);
	free(cmd->description);
	free(cmd);
}

static void set_free(struct argp_set *set)
{
	for (unsigned i = 0; i < set->n_params; i++)
		param_free(set->params[i]);
	for (unsigned i = 0; i < set->n_cmds; i++)
		cmd_free(set->cmds[i]);
}

doca_error_t doca_argp_cmd_destroy(struct doca_argp_cmd *cmd)
{
	if (cmd && cmd->registered)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"argp: command %s is registered and belongs to argp", cmd->name);
	if (cmd)
		cmd_free(cmd);
	return DOCA_SUCCESS;
}

void doca_argp_cmd_set_name(struct doca_argp_cmd *cmd, const char *name)
{
	copy(&cmd->name, name);
}

void doca_argp_cmd_set_description(struct doca_argp_cmd *cmd, const char *description)
{
	copy(&cmd->description, description);
}

void doca_argp_cmd_set_callback(struct doca_argp_cmd *cmd, doca_argp_cmd_cb_t callback)
{
	cmd->callback = callback;
}

doca_error_t doca_argp_cmd_register_param(struct doca_argp_cmd *cmd, struct doca_argp_param *param)
{
	DCORE_NOT_NULL(cmd);
	return add_param(&cmd->set, param);
}

static doca_error_t add_cmd(struct argp_set *set, struct doca_argp_cmd *cmd)
{
	DCORE_NOT_NULL(cmd);
	if (!cmd->name)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "argp: a command has no name");
	if (set->n_cmds == CMDS_MAX)
		return dcore_fail(DOCA_ERROR_FULL, "argp: more than %d commands", CMDS_MAX);
	cmd->registered = true;
	set->cmds[set->n_cmds++] = cmd;
	return DOCA_SUCCESS;
}

doca_error_t doca_argp_cmd_register_cmd(struct doca_argp_cmd *cmd, struct doca_argp_cmd *subcmd)
{
	DCORE_NOT_NULL(cmd);
	return add_cmd(&cmd->set, subcmd);
}

doca_error_t doca_argp_register_cmd(struct doca_argp_cmd *cmd)
{
	return add_cmd(&argp.set, cmd);
}

/* ---- callbacks and levels ---- */

doca_error_t doca_argp_register_validation_callback(doca_argp_validation_cb_t callback)
{
	DCORE_NOT_NULL(callback);
	if (argp.n_validations == CALLBACKS_MAX)
		return dcore_fail(
			DOCA_ERROR_FULL, "argp: more than %d validation callbacks", CALLBACKS_MAX);
	argp.validations[argp.n_validations++] = callback;
	return DOCA_SUCCESS;
}

doca_error_t doca_argp_register_version_callback(doca_argp_param_cb_t callback)
{
	DCORE_NOT_NULL(callback);
	argp.version_cb = callback;
	return DOCA_SUCCESS;
}

void doca_argp_set_dpdk_program(doca_argp_dpdk_cb_t callback)
{
	argp.is_dpdk = true;
	argp.dpdk_cb = callback;
}

doca_error_t doca_argp_get_log_level(int *log_level)
{
	DCORE_NOT_NULL(log_level);
	*log_level = argp.log_level;
	return DOCA_SUCCESS;
}

doca_error_t doca_argp_get_sdk_log_level(int *log_level)
{
	DCORE_NOT_NULL(log_level);
	*log_level = argp.sdk_log_level;
	return DOCA_SUCCESS;
}

/* ---- life ---- */

static doca_error_t check_mandatory(const struct argp_set *set)
{
	for (unsigned i = 0; i < set->n_params; i++)
		if (set->params[i]->mandatory && !set->params[i]->is_set)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE,
				"argp: parameter --%s is mandatory; see --help",
				argp_param_name(set->params[i]));
	return DOCA_SUCCESS;
}

/* The lone "--" that parts EAL's words from ours; argc when there is none. */
static int find_separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			return i;
	return argc;
}

static doca_error_t start_parsed(int argc, char **argv)
{
	int cut = argp.is_dpdk ? find_separator(argc, argv) : 0;
	bool have_cut = cut < argc && cut > 0;
	doca_error_t result;

	result = argp_words(argc - (have_cut ? cut + 1 : 1), argv + (have_cut ? cut + 1 : 1));
	if (result == DOCA_SUCCESS)
		result = check_mandatory(&argp.set);
	if (result == DOCA_SUCCESS && argp.is_dpdk && argp.dpdk_cb) {
		char *name_only[] = {argv[0], NULL};

		result = have_cut ? argp_start_eal(cut, argv) : argp_start_eal(1, name_only);
	}
	for (unsigned i = 0; result == DOCA_SUCCESS && i < argp.n_validations; i++)
		result = argp.validations[i](argp.config);
	return result;
}

doca_error_t doca_argp_start(int argc, char **argv)
{
	doca_error_t result;

	if (!argp.is_init)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "argp: doca_argp_init() comes first");
	if (argc < 1 || !argv)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "argp: no argument vector");
	if (!argp.name) {
		const char *slash = strrchr(argv[0], '/');

		copy(&argp.name, slash ? slash + 1 : argv[0]);
	}
	refusal_clear();
	for (unsigned i = 0; i < argp.set.n_params; i++)
		argp.set.params[i]->is_set = false;
	result = start_parsed(argc, argv);
	if (result != DOCA_SUCCESS && *refusal())
		fprintf(stderr, "%s: %s\n", argp.name, refusal());
	return result;
}

doca_error_t doca_argp_destroy(void)
{
	if (!argp.is_init)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "argp: doca_argp_init() was not called");
	set_free(&argp.set);
	for (unsigned i = 0; i < argp.n_kept; i++)
		free(argp.kept[i]);
	free(argp.kept);
	free(argp.name);
	memset(&argp, 0, sizeof(argp));
	return DOCA_SUCCESS;
}
