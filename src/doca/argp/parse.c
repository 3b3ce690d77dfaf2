/* SPDX-License-Identifier: BSD-3-Clause */
/* Words of the command line and members of JSON files become parameter values. */
#include "doca/argp/argp_int.h"

#include <doca_version.h>

#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

/* ---- values ---- */

static doca_error_t int_value(struct doca_argp_param *param, const char *text)
{
	char *end;
	long n;
	int value;

	errno = 0;
	n = strtol(text, &end, 0);
	if (end == text || *end || errno || n != (int)n)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "--%s: '%s' is not a number of 32 bits",
			argp_param_name(param), text);
	value = (int)n;
	return param->callback(&value, argp.config);
}

static doca_error_t bool_value(struct doca_argp_param *param, const char *text)
{
	bool value = !text || !strcmp(text, "true") || !strcmp(text, "1");

	if (text && !value && strcmp(text, "false") && strcmp(text, "0"))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "--%s: '%s' is neither true nor false",
			argp_param_name(param), text);
	return param->callback(&value, argp.config);
}

/* Programs keep the pointer (upf_accel does). */
static doca_error_t string_value(struct doca_argp_param *param, const char *text)
{
	char *own = argp_keep(text);

	return own ? param->callback(own, argp.config) : DOCA_ERROR_NO_MEMORY;
}

doca_error_t argp_value(struct doca_argp_param *param, const char *text)
{
	if (param->is_set && !param->multiple)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "--%s is given twice", argp_param_name(param));
	param->is_set = true;
	switch (param->type) {
	case DOCA_ARGP_TYPE_STRING:
	case DOCA_ARGP_TYPE_JSON_OBJ:
		return string_value(param, text);
	case DOCA_ARGP_TYPE_INT:
		return int_value(param, text);
	case DOCA_ARGP_TYPE_BOOLEAN:
		return bool_value(param, text);
	case DOCA_ARGP_TYPE_DEVICE:
		return argp_device(param, text);
	case DOCA_ARGP_TYPE_DEVICE_REP:
		return argp_device_rep(param, text);
	default:
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "--%s has unknown type %d",
			argp_param_name(param), param->type);
	}
}

/* ---- argp's own flags ---- */

static doca_error_t set_level(const char *flag, const char *text, int *level)
{
	int n = log_level_parse(text);

	if (n < 0)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "--%s: %s", flag, refusal());
	*level = n;
	if (level == &argp.log_level)
		return doca_log_level_set_global_lower_limit((uint32_t)n);
	return doca_log_level_set_global_sdk_limit((uint32_t)n);
}

static void version(void)
{
	if (argp.version_cb)
		argp.version_cb(NULL, argp.config);
	else
		printf("DOCA version (compilation): %s\nDOCA version (runtime):     %s\n",
			doca_version(), doca_version_runtime());
	exit(EXIT_SUCCESS);
}

struct word {
	const char *flag; /* without dashes */
	size_t len;
	const char *value; /* behind '=', else NULL */
	bool is_short;
};

static bool is_flag(const struct word *w, const char *short_name, const char *long_name)
{
	const char *name = w->is_short ? short_name : long_name;

	return name && strlen(name) == w->len && !memcmp(name, w->flag, w->len);
}

/* 1 = was ours; needs says whether it took the next word. */
static bool own_flag(const struct word *w, const char *next, bool *took, doca_error_t *result)
{
	const char *value = w->value ? w->value : next;
	bool json = is_flag(w, "j", "json"), log = is_flag(w, "l", "log-level"),
	     sdk = is_flag(w, NULL, "sdk-log-level");

	*took = false;
	*result = DOCA_SUCCESS;
	if (is_flag(w, "h", "help"))
		doca_argp_usage();
	if (is_flag(w, "v", "version"))
		version();
	if (!json && !log && !sdk)
		return false;
	*took = !w->value;
	if (!value)
		*result = dcore_fail(DOCA_ERROR_INVALID_VALUE, "-%s%.*s needs a value",
			w->is_short ? "" : "-", (int)w->len, w->flag);
	else if (json)
		*result = argp_json(value);
	else
		*result = set_level(log ? "log-level" : "sdk-log-level", value,
			log ? &argp.log_level : &argp.sdk_log_level);
	return true;
}

/* ---- words ---- */

static struct word split(const char *text)
{
	bool is_short = text[1] != '-';
	const char *flag = text + (is_short ? 1 : 2);
	const char *eq = strchr(flag, '=');

	return (struct word){.flag = flag,
		.len = eq ? (size_t)(eq - flag) : strlen(flag),
		.value = eq ? eq + 1 : NULL,
		.is_short = is_short};
}

/* "-p03:00.0": a one-letter flag with its value behind it. */
static struct doca_argp_param *glued(struct argp_set *set, struct word *w)
{
	struct doca_argp_param *param =
		w->is_short && w->len > 1 ? argp_find(set, w->flag, 1, true) : NULL;

	if (param && param->type != DOCA_ARGP_TYPE_BOOLEAN) {
		w->value = w->flag + 1;
		w->len = 1;
		return param;
	}
	return NULL;
}

static doca_error_t unknown(struct argp_set *set, const struct word *w)
{
	const char *names[PARAMS_MAX];
	unsigned n = 0;
	const char *near;
	char flag[64];

	for (unsigned i = 0; i < set->n_params; i++)
		if (set->params[i]->long_name)
			names[n++] = set->params[i]->long_name;
	snprintf(flag, sizeof(flag), "%.*s", (int)MIN_OF(w->len, 60u), w->flag);
	near = yaml_nearest(flag, names, n);
	return dcore_fail(DOCA_ERROR_INVALID_VALUE, "unknown flag '%s%s'%s%s; see --help",
		w->is_short ? "-" : "--", flag, near ? ", did you mean --" : "", near ? near : "");
}

/* One flag and its value; *used is how many words it took. */
static doca_error_t one_flag(struct argp_set *set, int argc, char **argv, int *used)
{
	struct word w = split(argv[0]);
	const char *next = argc > 1 ? argv[1] : NULL;
	struct doca_argp_param *param;
	doca_error_t result;
	bool took;

	*used = 1;
	if (own_flag(&w, next, &took, &result)) {
		*used += took;
		return result;
	}
	param = argp_find(set, w.flag, w.len, w.is_short);
	if (!param)
		param = glued(set, &w);
	if (!param && set != &argp.set)
		param = argp_find(&argp.set, w.flag, w.len, w.is_short);
	if (!param)
		return unknown(set, &w);
	if (param->type == DOCA_ARGP_TYPE_BOOLEAN || w.value)
		return argp_value(param, w.value);
	if (!next)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "--%s needs a value", argp_param_name(param));
	*used = 2;
	return argp_value(param, next);
}

static struct doca_argp_cmd *find_cmd(struct argp_set *set, const char *name)
{
	for (unsigned i = 0; i < set->n_cmds; i++)
		if (!strcmp(set->cmds[i]->name, name))
			return set->cmds[i];
	return NULL;
}

doca_error_t argp_words(int argc, char **argv)
{
	struct argp_set *set = &argp.set;
	struct doca_argp_cmd *cmd = NULL;
	doca_error_t result = DOCA_SUCCESS;
	int used;

	for (int i = 0; i < argc && result == DOCA_SUCCESS; i += used) {
		used = 1;
		if (argv[i][0] == '-' && argv[i][1]) {
			result = one_flag(set, argc - i, argv + i, &used);
			continue;
		}
		cmd = find_cmd(set, argv[i]);
		if (!cmd)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE,
				"unexpected word '%s'; see --help", argv[i]);
		set = &cmd->set;
	}
	if (result == DOCA_SUCCESS && cmd && cmd->callback)
		result = cmd->callback(argp.config);
	return result;
}

/* ---- JSON ---- */

static doca_error_t json_value(struct doca_argp_param *param, const struct yaml_node *node)
{
	const char *text;

	if (node->kind == YAML_LIST) {
		doca_error_t result = DOCA_SUCCESS;

		for (const struct yaml_node *n = node->first; n && result == DOCA_SUCCESS;
			n = n->next)
			result = json_value(param, n);
		return result;
	}
	if (yaml_as_string(node, &text) < 0)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s", refusal());
	return argp_value(param, text);
}

/* A section of the file: absent, or an object. */
static doca_error_t json_section(
	const struct yaml_node *root, const char *name, const struct yaml_node **map)
{
	*map = yaml_key(root, name);
	if (!*map || (*map)->kind == YAML_MAP)
		return DOCA_SUCCESS;
	yaml_refuse(*map, EINVAL, "an object is wanted, with names and values");
	return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s", refusal());
}

static doca_error_t json_program(const struct yaml_node *map)
{
	doca_error_t result = DOCA_SUCCESS;

	for (const struct yaml_node *n = map ? map->first : NULL; n && result == DOCA_SUCCESS;
		n = n->next) {
		struct doca_argp_param *param = argp_find(&argp.set, n->key, strlen(n->key), false);

		if (!param || param->cli_only) {
			yaml_refuse(n, EINVAL,
				param ? "only the command line may set it" : "no such parameter");
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s", refusal());
		}
		result = json_value(param, n);
	}
	return result;
}

static doca_error_t json_general(const struct yaml_node *map)
{
	static const char *const known[] = {"log-level", "sdk-log-level"};
	const char *text = NULL, *sdk = NULL;
	doca_error_t result = DOCA_SUCCESS;

	if (map && (yaml_only_keys(map, known, ARRAY_SIZE(known)) < 0 ||
			   yaml_want_string(map, "log-level", &text) < 0 ||
			   yaml_want_string(map, "sdk-log-level", &sdk) < 0))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s", refusal());
	if (text)
		result = set_level("log-level", text, &argp.log_level);
	if (sdk && result == DOCA_SUCCESS)
		result = set_level("sdk-log-level", sdk, &argp.sdk_log_level);
	return result;
}

doca_error_t argp_json(const char *path)
{
	static const char *const known[] = {
		"doca_program_type", "doca_dpdk_flags", "doca_general_flags", "doca_program_flags"};
	struct yaml_file *file;
	const struct yaml_node *root, *map;
	doca_error_t result;

	if (yaml_load(path, &file) < 0)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "--json: %s", refusal());
	root = yaml_count(file) ? yaml_root(file, 0) : NULL;
	if (!root || root->kind != YAML_MAP || yaml_only_keys(root, known, ARRAY_SIZE(known)) < 0) {
		result = dcore_fail(DOCA_ERROR_INVALID_VALUE, "--json: %s",
			root && root->kind == YAML_MAP ? refusal()
						       : "the file holds no JSON object");
	} else {
		result = json_section(root, "doca_general_flags", &map);
		if (result == DOCA_SUCCESS)
			result = json_general(map);
		if (result == DOCA_SUCCESS)
			result = json_section(root, "doca_program_flags", &map);
		if (result == DOCA_SUCCESS)
			result = json_program(map);
	}
	yaml_close(file);
	return result;
}
