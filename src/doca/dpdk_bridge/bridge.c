/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_dpdk: DOCA devices as DPDK ports. The ports are net_softdpu's ethdevs (dpdk/); this file
 * names them as DPDK wants them named and remembers which device each belongs to. That map is our
 * own memory: programs ask for it after rte_eal_cleanup (doca_dpdk_port_as_dev in a teardown).
 *
 * Loading the library makes the card's PCI functions exist for DPDK, before EAL looks for them.
 */
#include <doca_dpdk.h>

/* before DPDK's headers: <sys/queue.h> has a LIST_INIT of its own */
#include "doca/common/common.h"

#include <pthread.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <string.h>

#include "doca/dpdk_bridge/bridge_int.h"
#include "net_softdpu.h"

LOG_MODULE("dpdk_bridge");

#define DEVARGS_MAX 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct doca_dev *dev_of[RTE_MAX_ETHPORTS]; /* by DPDK port id, under lock */
static char no_card[512]; /* why the card cannot be shown to DPDK; "" = it is */

static void __attribute__((constructor)) show_card(void)
{
	const struct card *card = dcore_card();

	if (!card || net_softdpu_setup(card) < 0) {
		snprintf(no_card, sizeof(no_card), "%s", refusal());
		log_err("the card is not visible to DPDK: %s", no_card);
	}
	bridge_attach();
}

static doca_error_t ready(const char *call)
{
	if (no_card[0])
		return dcore_fail(DOCA_ERROR_BAD_CONFIG, "%s: the card is not visible to DPDK: %s",
			call, no_card);
	if (rte_lcore_count() == 0)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"%s: EAL does not run; call rte_eal_init first", call);
	return DOCA_SUCCESS;
}

/* The uplink of the function that a device stands for. */
static const struct card_port *uplink_of(const struct doca_dev *dev)
{
	const struct card_port *port = dcore_dev_port(dev);

	return port->role == CARD_UPLINK ? port : NULL;
}

/* "pf0vf3" as DPDK writes it; the host PF's is VF -1 (mlx5's way). */
static void representor_text(const struct card_port *port, char *text, size_t size)
{
	if (port->role == CARD_HPF)
		snprintf(text, size, "pf%uvf65535", port->pf);
	else
		snprintf(text, size, "%s", port->name);
}

static uint16_t ethdev_of(const struct card_port *port)
{
	struct net_softdpu_dev *dev = net_softdpu_by_port(port);

	return dev ? net_softdpu_ethdev(dev) : UINT16_MAX;
}

/* All ports of the device's function that nobody has claimed yet are this device's. */
static void claim(struct doca_dev *dev, const struct card_port *uplink)
{
	pthread_mutex_lock(&lock);
	for (struct net_softdpu_dev *d = net_softdpu_next(NULL); d; d = net_softdpu_next(d)) {
		uint16_t id = net_softdpu_ethdev(d);

		if (net_softdpu_card_port(d)->pf == uplink->pf && id < RTE_MAX_ETHPORTS)
			dev_of[id] = dev;
	}
	pthread_mutex_unlock(&lock);
}

static doca_error_t probe(struct doca_dev *dev, const char *args, const char *representor)
{
	const struct card_port *uplink = uplink_of(dev);
	char text[DEVARGS_MAX], bdf[13];
	int n, err;

	if (!uplink)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"doca_dpdk_port_probe: device %s is a host function; DPDK ports are the "
			"card's own (%s)",
			dcore_dev_port(dev)->name, card_bdf_format(&dcore_card()->pfs[0].dpu, bdf));
	n = snprintf(text, sizeof(text), "%s%s%s%s%s", card_bdf_format(&uplink->bdf, bdf),
		args && args[0] ? "," : "", args ? args : "", representor ? ",representor=" : "",
		representor ? representor : "");
	if (n < 0 || (size_t)n >= sizeof(text))
		return dcore_fail(DOCA_ERROR_TOO_BIG,
			"doca_dpdk_port_probe: devargs are longer than %d bytes", DEVARGS_MAX - 1);
	err = rte_dev_probe(text);
	if (err < 0)
		return dcore_fail(DOCA_ERROR_DRIVER,
			"doca_dpdk_port_probe: DPDK did not take '%s': %s%s", text,
			rte_strerror(-err),
			err == -ENODEV ? " (was EAL started with --no-pci?)" : "");
	claim(dev, uplink);
	if (ethdev_of(uplink) == UINT16_MAX)
		return dcore_fail(DOCA_ERROR_DRIVER,
			"doca_dpdk_port_probe: '%s' came up without a port", text);
	return DOCA_SUCCESS;
}

doca_error_t doca_dpdk_port_probe(struct doca_dev *dev, const char *devargs)
{
	doca_error_t result;

	DCORE_NOT_NULL(dev);
	result = ready(__func__);
	return result == DOCA_SUCCESS ? probe(dev, devargs, NULL) : result;
}

doca_error_t doca_dpdk_port_probe_with_representors(struct doca_dev *dev, const char *devargs,
	struct doca_dev_rep *dev_reps[], uint16_t nr_reps)
{
	doca_error_t result = doca_dpdk_port_probe(dev, devargs);
	char text[CARD_NAME_MAX];

	for (uint16_t i = 0; i < nr_reps && result == DOCA_SUCCESS; i++) {
		if (!dev_reps || !dev_reps[i])
			return dcore_fail(
				DOCA_ERROR_INVALID_VALUE, "%s: dev_reps[%u] is NULL", __func__, i);
		if (dcore_rep_dev(dev_reps[i]) != dev)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE,
				"%s: dev_reps[%u] (%s) is a representor of another device",
				__func__, i, dcore_rep_port(dev_reps[i])->name);
		representor_text(dcore_rep_port(dev_reps[i]), text, sizeof(text));
		result = probe(dev, devargs, text);
	}
	return result;
}

/* A port that EAL's own arguments brought (-a 0000:03:00.0): open its device for the asker; it
 * stays open, as nobody else would close it. */
static struct doca_dev *open_for(const struct net_softdpu_dev *port)
{
	const struct card *card = net_softdpu_card();
	struct doca_devinfo *info;
	struct doca_dev *dev;
	char bdf[13];

	info = dcore_find_device(
		card_bdf_format(&card->pfs[net_softdpu_card_port(port)->pf].dpu, bdf));
	return info && doca_dev_open(info, &dev) == DOCA_SUCCESS ? dev : NULL;
}

doca_error_t doca_dpdk_port_as_dev(uint16_t port_id, struct doca_dev **dev)
{
	struct net_softdpu_dev *port = net_softdpu_by_ethdev(port_id);

	DCORE_NOT_NULL(dev);
	if (port_id >= RTE_MAX_ETHPORTS)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: port %u: DPDK has %d at most",
			__func__, port_id, RTE_MAX_ETHPORTS);
	pthread_mutex_lock(&lock);
	if (!dev_of[port_id] && port)
		dev_of[port_id] = open_for(port);
	*dev = dev_of[port_id];
	pthread_mutex_unlock(&lock);
	if (!*dev)
		return dcore_fail(DOCA_ERROR_NOT_FOUND,
			"%s: DPDK port %u is not a port of the card '%s'", __func__, port_id,
			dcore_card() ? dcore_card()->name : "(none)");
	return DOCA_SUCCESS;
}
