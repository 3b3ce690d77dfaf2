/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits: what the profiles refuse beyond. Their figures are data, profiles/NAME.yaml, made part of the program when it is built
 * (devtools/profiles.py): a profile is there wherever the library is.
 */
#include "card/card_int.h"

#include <string.h>

static const struct card_limits profiles[] = {
#include "limits_profiles.h"
};

int card_limits_set(struct card_limits *limits, const char *profile)
{
	for (unsigned i = 0; i < ARRAY_SIZE(profiles); i++)
		if (strcmp(profiles[i].profile, profile) == 0) {
			*limits = profiles[i];
			return 0;
		}
	return refuse(EINVAL,
		"limits profile '%s' is unknown; known are fast (no limits), bf3, cx7", profile);
}

int card_limit_check(
	const struct card_limits *limits, const char *limit, uint64_t value, const char *what)
{
	const struct {
		const char *name, *unit;
		uint64_t limit;
	} all[] = {
#define LIMIT_ROW(member, unit) {#member, unit, limits->member},
		CARD_LIMITS(LIMIT_ROW)
#undef LIMIT_ROW
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i].name, limit) != 0)
			continue;
		if (all[i].limit == 0 || value <= all[i].limit)
			return 0;
		return refuse(E2BIG, "%s: %llu is over the limit of %llu %s of profile %s", what,
			(unsigned long long)value, (unsigned long long)all[i].limit, all[i].unit,
			limits->profile);
	}
	return refuse(EINVAL, "%s: no limit is called '%s'", what, limit);
}
