/* SPDX-License-Identifier: BSD-3-Clause */
/* What a card's profile has no room for: the same lines as test_errors, on a card with the limits of bf3. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <doca_flow.h>
#include <doca_softdpu.h>

int main(void)
{
	struct doca_flow_cfg *cfg;
	doca_error_t err;

	setenv("SOFTDPU_CARD", CARD, 1);
	if (doca_flow_cfg_create(&cfg) != DOCA_SUCCESS)
		return 1;
	err = doca_flow_cfg_set_nr_counters(cfg, UINT32_MAX);
	printf("%s\t%s\n", doca_error_get_name(err), doca_softdpu_last_refusal());
	doca_flow_cfg_destroy(cfg);
	return err == DOCA_SUCCESS;
}
