/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_dpdk: DOCA devices as DPDK ports (libdoca_dpdk_bridge). Ports keep the order of probing: the first device
 * probed is DPDK port 0, its representors follow.
 */
#ifndef DOCA_DPDK_H_
#define DOCA_DPDK_H_

#include "doca_dev.h"
#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Make a DPDK port of a device; devargs as "key=value,...", may be NULL or empty. EAL runs already. */
doca_error_t doca_dpdk_port_probe(struct doca_dev *dev, const char *devargs);
/* The same with representors, in this order behind the device's own port. */
doca_error_t doca_dpdk_port_probe_with_representors(struct doca_dev *dev, const char *devargs,
	struct doca_dev_rep *dev_reps[], uint16_t nr_reps);
/* The device behind a DPDK port id. Works after rte_eal_cleanup too. Borrowed. NOT_FOUND. */
doca_error_t doca_dpdk_port_as_dev(uint16_t port_id, struct doca_dev **dev);

#ifdef __cplusplus
}
#endif
#endif
