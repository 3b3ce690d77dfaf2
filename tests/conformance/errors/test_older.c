/* SPDX-License-Identifier: BSD-3-Clause */
/* What the older dialect (module doca) refuses: the same lines as test_errors. No switch is needed. */
#include <stdio.h>
#include <stdlib.h>

#include <doca_flow.h>
#include <doca_softdpu.h>

static void said(doca_error_t err)
{
	if (err == DOCA_SUCCESS) {
		fprintf(stderr, "a call that must be refused was not; before it: %s\n", doca_softdpu_last_refusal());
		exit(1);
	}
	printf("%s\t%s\n", doca_error_get_name(err), doca_softdpu_last_refusal());
}

static void library(void)
{
	struct doca_flow_cfg unknown = {.mode = (enum doca_flow_mode)9}, both = {.mode = DOCA_FLOW_MODE_SWITCH, .mode_args = "vnf"};
	struct doca_flow_ctx *ctx;

	said(doca_flow_init(&unknown));
	said(doca_flow_init(&both, &ctx));
}

static void ports(void)
{
	struct doca_flow_port_cfg other_type = {.type = (enum doca_flow_port_type)1}, two_ids = {.port_id = 1, .devargs = "2"};
	struct doca_flow_port *port;

	said(doca_flow_port_start(&other_type, &port));
	said(doca_flow_port_start(&two_ids, &port));
}

static void pipes(void)
{
	struct doca_flow_pipe_cfg no_port = {.attr.name = "LB"};
	struct doca_flow_pipe *pipe;

	said(doca_flow_pipe_create(&no_port, NULL, NULL, &pipe));
}

int main(void)
{
	library();
	ports();
	pipes();
	return 0;
}
