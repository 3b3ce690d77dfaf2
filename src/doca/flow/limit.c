/* SPDX-License-Identifier: BSD-3-Clause */
/* limit: what the card's profile has room for. `fast` has none; bf3 and cx7 refuse here what those cards would. */
#include "doca/flow/flow_door.h"

doca_error_t door_limit(const char *limit, uint64_t value, const char *what)
{
	const struct card *card = dcore_card();
	int rc = card ? card_limit_check(&card->limits, limit, value, what) : 0;

	return rc ? dcore_fail(dcore_errno_to_error(rc), "%s", refusal()) : DOCA_SUCCESS;
}

doca_error_t door_limit_entries(enum doca_flow_pipe_type type, uint32_t nr_entries, const char *what)
{
	if (type == DOCA_FLOW_PIPE_ACL)
		return door_limit("acl_rules", nr_entries, what);
	if (type == DOCA_FLOW_PIPE_LPM)
		return door_limit("lpm_routes", nr_entries, what);
	return door_limit("entries", nr_entries, what);
}

doca_error_t door_limit_pipe(const struct doca_flow_pipe_cfg *cfg)
{
	char what[DOOR_NAME_MAX + 8];
	doca_error_t err;

	snprintf(what, sizeof(what), "pipe '%s'", cfg->name);
	err = door_limit("pipes", cfg->port->nr_pipes + 1u, what);
	if (err == DOCA_SUCCESS)
		err = door_limit_entries(cfg->type, cfg->nr_entries, what);
	if (err == DOCA_SUCCESS)
		err = door_limit("actions", cfg->nr_actions, what);
	if (err == DOCA_SUCCESS && cfg->hash_flags & DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING)
		err = door_limit("mirrors", cfg->nr_entries, what);
	return err;
}
