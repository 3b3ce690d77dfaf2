/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl.h"

#include <string.h>

#include "base/refuse.h"

static const json_t *get(const json_t *params, const char *name)
{
	const json_t *value = json_object_get(params, name);

	return json_is_null(value) ? NULL : value;
}

int ctl_want_u64(const json_t *params, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	const json_t *value = get(params, name);
	json_int_t n = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return refuse(EINVAL, "parameter '%s' is not a whole number from %llu to %llu",
			name, (unsigned long long)min, (unsigned long long)max);
	*out = (uint64_t)n;
	return 0;
}

int ctl_want_bool(const json_t *params, const char *name, bool *out)
{
	const json_t *value = get(params, name);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return refuse(EINVAL, "parameter '%s' is not true or false", name);
	*out = json_is_true(value);
	return 0;
}

int ctl_want_string(const json_t *params, const char *name, const char **out)
{
	const json_t *value = get(params, name);

	if (!value)
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return refuse(EINVAL, "parameter '%s' is not a text", name);
	*out = json_string_value(value);
	return 0;
}

static int need(const json_t *params, const char *name)
{
	return get(params, name) ? 0 : refuse(EINVAL, "parameter '%s' is missing", name);
}

int ctl_need_string(const json_t *params, const char *name, const char **out)
{
	int err = need(params, name);

	return err ? err : ctl_want_string(params, name, out);
}

int ctl_need_u64(const json_t *params, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	int err = need(params, name);

	return err ? err : ctl_want_u64(params, name, min, max, out);
}
