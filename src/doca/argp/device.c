/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device values: "pci/0000:03:00.0,dv_flow_en=2" and "pci/0000:03:00.0,pf0vf[0-3]".
 */
#include "doca/argp/argp_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define INDEXES_MAX 1024

/* Text up to the first comma outside brackets; the rest is behind it (NULL: none). */
static char *cut_comma(char *text)
{
	int depth = 0;

	for (; *text; text++) {
		depth += (*text == '[') - (*text == ']');
		if (*text == ',' && depth <= 0) {
			*text = '\0';
			return text + 1;
		}
	}
	return NULL;
}

static doca_error_t open_device(
	struct doca_argp_param *param, const char *name, struct doca_dev **dev)
{
	struct doca_devinfo *info = dcore_find_device(name);

	if (!info)
		return dcore_fail(
			DOCA_ERROR_NOT_FOUND, "--%s: %s", argp_param_name(param), refusal());
	return doca_dev_open(info, dev);
}

doca_error_t argp_device(struct doca_argp_param *param, const char *text)
{
	struct doca_argp_device_ctx ctx = {.dev = NULL};
	char *name = strdup(text), *args;
	doca_error_t result;

	if (!name)
		return DOCA_ERROR_NO_MEMORY;
	args = cut_comma(name);
	ctx.devargs = args && *args ? argp_keep(args) : NULL;
	result = open_device(param, name, &ctx.dev);
	free(name);
	return result == DOCA_SUCCESS ? param->callback(&ctx, argp.config) : result;
}

/* "[0-3,7]" or "5" or "" to numbers; the count, or -1. "" is one number of no meaning (pf0hpf). */
static int indexes(const char *text, unsigned *out)
{
	bool bracket = *text == '[';
	int n = 0;

	text += bracket;
	if (!*text)
		return bracket ? -1 : 0;
	for (;;) {
		char *end;
		unsigned long from, to;

		if (!isdigit((unsigned char)*text))
			return -1;
		from = to = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			to = strtoul(end + 1, &end, 10);
		if (to < from || to - from >= (unsigned long)(INDEXES_MAX - n))
			return -1;
		for (; from <= to; from++)
			out[n++] = (unsigned)from;
		text = end;
		if (*text != ',')
			break;
		text++;
	}
	return !strcmp(text, bracket ? "]" : "") ? n : -1;
}

static struct doca_devinfo_rep *find_rep(
	struct doca_devinfo_rep **list, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++) {
		char own[DOCA_DEVINFO_REP_IFACE_NAME_SIZE];
		const char *tail;

		if (doca_devinfo_rep_get_iface_name(list[i], own, sizeof(own)) != DOCA_SUCCESS)
			continue;
		/* "vf3" means the own function's: pf0vf3 */
		tail = strncmp(own, "pf", 2) ? own : own + 2 + strspn(own + 2, "0123456789");
		if (!strcmp(own, name) || !strcmp(tail, name))
			return list[i];
	}
	return NULL;
}

/* Prefix of the pattern: everything before its last index ("pf0vf" of "pf0vf[0-3]" or "pf0vf2"). */
static size_t prefix_len(const char *pattern)
{
	const char *bracket = strchr(pattern, '[');
	size_t n = bracket ? (size_t)(bracket - pattern) : strlen(pattern);

	while (!bracket && n && isdigit((unsigned char)pattern[n - 1]))
		n--;
	return n;
}

static doca_error_t call_rep(struct doca_argp_param *param,
	const struct doca_argp_device_ctx *dev_ctx, struct doca_devinfo_rep **list, uint32_t n,
	const char *name)
{
	struct doca_argp_device_rep_ctx ctx = {.dev_ctx = *dev_ctx};
	struct doca_devinfo_rep *rep = find_rep(list, n, name);
	doca_error_t result;

	if (!rep)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "--%s: card '%s' has no representor '%s'",
			argp_param_name(param), dcore_card()->name, name);
	result = doca_dev_rep_open(rep, &ctx.dev_rep);
	return result == DOCA_SUCCESS ? param->callback(&ctx, argp.config) : result;
}

static doca_error_t call_pattern(struct doca_argp_param *param,
	const struct doca_argp_device_ctx *dev_ctx, struct doca_devinfo_rep **list, uint32_t n_list,
	const char *pattern)
{
	unsigned index[INDEXES_MAX];
	size_t prefix = prefix_len(pattern);
	int n = indexes(pattern + prefix, index);
	doca_error_t result = DOCA_SUCCESS;

	if (n < 0)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"--%s: '%s' is no representor pattern; write pf0hpf, pf0vf3, vf[0-3] or "
			"sf[0,2]",
			argp_param_name(param), pattern);
	if (n == 0)
		return call_rep(param, dev_ctx, list, n_list, pattern);
	for (int i = 0; i < n && result == DOCA_SUCCESS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s%u", (int)MIN_OF(prefix, 40u), pattern, index[i]);
		result = call_rep(param, dev_ctx, list, n_list, name);
	}
	return result;
}

/* Words with '=' are device arguments, the others patterns. */
static doca_error_t call_words(struct doca_argp_param *param, struct doca_dev *dev, char *words)
{
	struct doca_argp_device_ctx dev_ctx = {.dev = dev};
	struct doca_devinfo_rep **list;
	struct str args = STR_INIT;
	char *patterns[64];
	unsigned n_patterns = 0;
	uint32_t n_list;
	doca_error_t result =
		doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_ALL, &list, &n_list);

	if (result != DOCA_SUCCESS)
		return result;
	for (char *next; words; words = next) {
		next = cut_comma(words);
		if (!strncmp(words, "representor=", 12))
			words += 12;
		if (strchr(words, '='))
			str_addf(&args, "%s%s", str_len(&args) ? "," : "", words);
		else if (n_patterns < ARRAY_SIZE(patterns) && *words)
			patterns[n_patterns++] = words;
	}
	dev_ctx.devargs = str_len(&args) ? argp_keep(str_text(&args)) : NULL;
	str_free(&args);
	for (unsigned i = 0; i < n_patterns && result == DOCA_SUCCESS; i++)
		result = call_pattern(param, &dev_ctx, list, n_list, patterns[i]);
	if (!n_patterns)
		result = dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"--%s: no representor behind the device; write pci/0000:03:00.0,pf0vf[0-3]",
			argp_param_name(param));
	doca_devinfo_rep_destroy_list(list);
	return result;
}

doca_error_t argp_device_rep(struct doca_argp_param *param, const char *text)
{
	char *name = strdup(text), *words;
	struct doca_dev *dev;
	doca_error_t result;

	if (!name)
		return DOCA_ERROR_NO_MEMORY;
	words = cut_comma(name);
	result = open_device(param, name, &dev);
	if (result == DOCA_SUCCESS) {
		result = call_words(param, dev, words);
		if (result != DOCA_SUCCESS)
			doca_dev_close(dev);
	}
	free(name);
	return result;
}
