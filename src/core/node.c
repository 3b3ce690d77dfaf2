/* SPDX-License-Identifier: BSD-3-Clause */
/* node: the methods of the node in this process, if the card serves one. */
#include "core/core_int.h"

static int no_node(const struct core *core)
{
	return refuse(EOPNOTSUPP, "card '%s' serves no node: its profile has no 'node' section", core->card->name);
}

static int apply(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;

	return core->node ? node_apply(core->node, params, result) : no_node(core);
}

static int state(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;

	return core->node ? node_state_json(core->node, params, result) : no_node(core);
}

static int services(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;

	return core->node ? node_services_json(core->node, params, result) : no_node(core);
}

static int connections(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;

	return core->node ? node_connections_json(core->node, params, result) : no_node(core);
}

int core_node_methods(struct core *core)
{
	int err = ctl_register(core->ctl, CTL_NODE_APPLY, apply, core);

	if (!err)
		err = ctl_register(core->ctl, CTL_NODE_STATE, state, core);
	if (!err)
		err = ctl_register(core->ctl, CTL_NODE_SERVICES, services, core);
	return err ? err : ctl_register(core->ctl, CTL_NODE_CONNECTIONS, connections, core);
}
