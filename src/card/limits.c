/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits: what the profiles refuse beyond. `fast` has none. The figures of bf3 and cx7 are chosen
 * to make a program meet on a laptop what it would meet on a card; they come from NVIDIA's public
 * documentation (DOCA Flow and DOCA Flow CT programming guides, ConnectX-7 and BlueField-3 product
 * pages) where it states one, and are rounded down where it says "up to".
 */
#include "card/card_int.h"

#include <string.h>

static const struct card_limits profiles[] = {
	{.profile = "fast"},
	{
		.profile = "bf3",
		.vfs = 127,
		.mtu = 9978,
		.queues = 256,
		.hairpin_queues = 32,
		.pipes = 8192,
		.entries = 8 << 20,
		.actions = 256,
		.counters = 8 << 20,
		.meters = 1 << 20,
		.connections = 4 << 20,
		.acl_rules = 16384,
		.lpm_routes = 1 << 20,
		.encap_bytes = 128,
		.mirrors = 254,
		.rss_queues = 256,
	},
	{
		.profile = "cx7",
		.vfs = 127,
		.mtu = 9978,
		.queues = 256,
		.hairpin_queues = 32,
		.pipes = 4096,
		.entries = 4 << 20,
		.actions = 128,
		.counters = 4 << 20,
		.meters = 512 << 10,
		.connections = 2 << 20,
		.acl_rules = 8192,
		.lpm_routes = 512 << 10,
		.encap_bytes = 128,
		.mirrors = 254,
		.rss_queues = 256,
	},
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
