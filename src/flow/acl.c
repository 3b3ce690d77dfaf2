/* SPDX-License-Identifier: BSD-3-Clause */
/* acl: a range is its common leading bits, as part of a tuple's mask, and a check of the rest. */
#include "flow/acl.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/flow_int.h"

struct acl_rule {
	void *owner;
	struct flow_key looks;
	unsigned nr_ranges;
	struct flow_acl_range range[FLOW_ACL_RANGES];
};

/* The number in the field; network order unless the field is one of the host's. */
static uint64_t read_field(const uint8_t *at, const struct flow_acl_range *r)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < r->length; i++)
		v = v << 8 | at[r->host_order ? r->length - 1 - i : i];
	return v;
}

static void write_field(uint8_t *at, const struct flow_acl_range *r, uint64_t v)
{
	for (unsigned i = 0; i < r->length; i++, v >>= 8)
		at[r->host_order ? i : r->length - 1 - i] = v;
}

static bool in_ranges(const void *owner, const struct flow_key *key)
{
	const struct acl_rule *rule = owner;

	for (unsigned i = 0; i < rule->nr_ranges; i++) {
		const struct flow_acl_range *r = &rule->range[i];
		uint64_t v = read_field(key->bytes + r->offset, r);

		if (v < r->low || v > r->high)
			return false;
	}
	return true;
}

static uint64_t field_max(const struct flow_acl_range *r)
{
	return r->length == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * r->length)) - 1;
}

/* All-ones from the first bit on which low and high agree down to the last. */
static uint64_t common_bits(const struct flow_acl_range *r)
{
	uint64_t differ = r->low ^ r->high;

	return field_max(r) & ~(differ ? UINT64_MAX >> __builtin_clzll(differ) : 0);
}

static int check_range(const struct flow_acl_range *r, const struct flow_key *mask)
{
	if (r->length < 1 || r->length > 8 || r->offset + r->length > FLOW_KEY_SIZE)
		return refuse(EINVAL,
			"acl: a range of %u bytes at key offset %u; 1 to 8 bytes inside the key "
			"are legal",
			r->length, r->offset);
	if (r->low > r->high || r->high > field_max(r))
		return refuse(EINVAL,
			"acl: range %lu..%lu at key offset %u is empty or wider than its field",
			r->low, r->high, r->offset);
	for (unsigned i = 0; i < r->length; i++)
		if (mask->bytes[r->offset + i])
			return refuse(EINVAL, "acl: key offset %u is in the mask and in a range",
				r->offset + i);
	return 0;
}

/* The tuple's part of the range into the match, the rest into the rule. */
static void split(const struct flow_acl_range *r, struct flow_match *match, struct acl_rule *rule)
{
	uint64_t common = common_bits(r);
	uint8_t ones[8];

	write_field(match->mask.bytes + r->offset, r, common);
	write_field(match->value.bytes + r->offset, r, r->low & common);
	/* A prefix needs no check. */
	if ((r->low & ~common) == 0 && (r->high | common) == field_max(r))
		return;
	memset(ones, 0xff, sizeof(ones));
	memcpy(rule->looks.bytes + r->offset, ones, r->length);
	rule->range[rule->nr_ranges++] = *r;
}

int flow_acl_insert(struct flow_ctx *ctx, struct flow_wild *wild,
	const struct flow_acl_rule_cfg *cfg, const struct flow_wild_rule **rule)
{
	struct flow_match match = *cfg->match;
	struct flow_wild_rule_cfg wc = {.match = &match, .priority = cfg->priority};
	struct acl_rule *acl;
	int err = 0;

	*rule = NULL;
	if (cfg->nr_ranges > FLOW_ACL_RANGES)
		return refuse(EINVAL, "acl: %u ranges in one rule, %u are legal", cfg->nr_ranges,
			FLOW_ACL_RANGES);
	if (posix_memalign((void **)&acl, 64, sizeof(*acl)))
		return refuse(ENOMEM, "acl: out of memory");
	memset(acl, 0, sizeof(*acl));
	acl->owner = cfg->owner;
	for (unsigned i = 0; i < cfg->nr_ranges && !err; i++) {
		err = check_range(&cfg->ranges[i], &match.mask);
		if (!err)
			split(&cfg->ranges[i], &match, acl);
	}
	wc.owner = acl;
	wc.check = acl->nr_ranges ? in_ranges : NULL;
	wc.looks = &acl->looks;
	if (!err)
		err = flow_wild_insert(wild, &wc, rule);
	if (err)
		free(acl);
	return err;
}

void flow_acl_remove(
	struct flow_ctx *ctx, struct flow_wild *wild, const struct flow_wild_rule *rule)
{
	struct acl_rule *acl;

	if (!rule)
		return;
	acl = rule->owner;
	flow_wild_remove(wild, rule);
	flow_retire(ctx, free, acl);
}

void *flow_acl_owner(const struct flow_wild_rule *rule)
{
	return ((struct acl_rule *)rule->owner)->owner;
}

unsigned flow_acl_ranges(const struct flow_wild_rule *rule, const struct flow_acl_range **ranges)
{
	const struct acl_rule *acl = rule->owner;

	*ranges = acl->range;
	return acl->nr_ranges;
}
