/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe: PCI functions of the card become ethdevs: the uplink, and the representors that the
 * device arguments list. Probing a function again adds representors it did not have yet.
 */
#include "net_softdpu_int.h"

#include <stdio.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_malloc.h>

#include "base/log.h"

LOG_MODULE("dpdk.net_softdpu");

/* Representor ids (DPDK's number space of one device): function, then kind, then index. */
#define ID_PF_SHIFT 12
#define ID_SF 0x800
#define ID_HPF 0xfff

struct net_softdpu_ops softdpu_ops;
void *softdpu_arg;
static struct net_softdpu_dev *devices; /* in order of probe */

void net_softdpu_listen(const struct net_softdpu_ops *ops, void *arg)
{
	softdpu_ops = ops ? *ops : (struct net_softdpu_ops){0};
	softdpu_arg = arg;
}

/* ---- the list ---- */

struct net_softdpu_dev *net_softdpu_next(const struct net_softdpu_dev *after)
{
	return after ? after->next : devices;
}

struct net_softdpu_dev *net_softdpu_by_ethdev(uint16_t ethdev)
{
	for (struct net_softdpu_dev *d = devices; d; d = d->next)
		if (d->ethdev == ethdev)
			return d;
	return NULL;
}

struct net_softdpu_dev *net_softdpu_by_port(const struct card_port *port)
{
	for (struct net_softdpu_dev *d = devices; d; d = d->next)
		if (port && strcmp(d->card_port->name, port->name) == 0)
			return d; /* by name: the asker may have read the profile himself */
	return NULL;
}

static void remember(struct net_softdpu_dev *dev)
{
	struct net_softdpu_dev **end = &devices;

	while (*end)
		end = &(*end)->next;
	*end = dev;
}

void softdpu_forget(struct net_softdpu_dev *dev)
{
	for (struct net_softdpu_dev **d = &devices; *d; d = &(*d)->next)
		if (*d == dev) {
			*d = dev->next;
			break;
		}
	for (struct net_softdpu_dev *d = devices; d; d = d->next)
		if (d->domain == dev->domain)
			return;
	rte_eth_switch_domain_free(dev->domain);
}

uint16_t net_softdpu_ethdev(const struct net_softdpu_dev *dev)
{
	return dev->ethdev;
}

const struct card_port *net_softdpu_card_port(const struct net_softdpu_dev *dev)
{
	return dev->card_port;
}

bool net_softdpu_is_representor(const struct net_softdpu_dev *dev)
{
	return dev->representor;
}

uint16_t net_softdpu_switch_domain(const struct net_softdpu_dev *dev)
{
	return dev->domain;
}

uint16_t net_softdpu_rx_queues(const struct net_softdpu_dev *dev)
{
	return dev->eth->data->nb_rx_queues;
}

struct port *net_softdpu_port(struct net_softdpu_dev *dev)
{
	return dev->port;
}

/* ---- representors ---- */

static uint16_t representor_id(const struct card_port *port)
{
	unsigned id = port->role == CARD_HPF ? ID_HPF
					     : port->function + (port->role == CARD_SF ? ID_SF : 0);

	return port->pf << ID_PF_SHIFT | id;
}

int softdpu_representor_info(struct rte_eth_dev *eth, struct rte_eth_representor_info *info)
{
	static const struct {
		enum rte_eth_representor_type type;
		unsigned first, last;
		const char *name;
	} kinds[] = {
		{RTE_ETH_REPRESENTOR_VF, 0, ID_SF - 1, "vf"},
		{RTE_ETH_REPRESENTOR_SF, ID_SF, ID_HPF - 1, "sf"},
		{RTE_ETH_REPRESENTOR_PF, ID_HPF, ID_HPF, "hpf"},
	};
	const struct card *card = net_softdpu_card();
	unsigned n = 0;

	if (!info)
		return card->n_pfs * ARRAY_SIZE(kinds);
	info->controller = 0;
	info->pf = softdpu_dev(eth)->card_port->pf;
	for (unsigned pf = 0; pf < card->n_pfs; pf++)
		for (unsigned k = 0; k < ARRAY_SIZE(kinds) && n < info->nb_ranges_alloc; k++, n++) {
			struct rte_eth_representor_range *r = &info->ranges[n];

			*r = (struct rte_eth_representor_range){.type = kinds[k].type,
				.controller = 0,
				.pf = pf,
				.id_base = pf << ID_PF_SHIFT | kinds[k].first,
				.id_end = pf << ID_PF_SHIFT | kinds[k].last};
			if (kinds[k].type == RTE_ETH_REPRESENTOR_VF)
				r->vf = 0;
			snprintf(r->name, sizeof(r->name), "pf%u%s", pf, kinds[k].name);
		}
	info->nb_ranges = n;
	return n;
}

/* ---- one ethdev ---- */

static int fill(struct rte_eth_dev *eth, struct rte_pci_device *pci, const struct card_port *port)
{
	struct net_softdpu_dev *dev = eth->data->dev_private;

	eth->data->mac_addrs = rte_zmalloc(NULL, sizeof(struct rte_ether_addr), 0);
	if (!eth->data->mac_addrs)
		return -ENOMEM;
	memcpy(eth->data->mac_addrs, port->mac, RTE_ETHER_ADDR_LEN);
	eth->device = &pci->device;
	rte_eth_copy_pci_info(eth, pci);
	eth->data->mtu = RTE_MIN(port->mtu, 9978u);
	eth->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	eth->dev_ops = &softdpu_eth_ops;
	eth->rx_pkt_burst = softdpu_rx_burst;
	eth->tx_pkt_burst = softdpu_tx_burst;
	*dev = (struct net_softdpu_dev){
		.eth = eth, .card_port = port, .ethdev = eth->data->port_id, .efd = -1};
	return 0;
}

/* uplink NULL: the device is the uplink. */
static int create(struct rte_pci_device *pci, const struct card_port *port,
	struct net_softdpu_dev *uplink, struct net_softdpu_dev **out)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct net_softdpu_dev *dev;
	struct rte_eth_dev *eth;
	int err = -ENOMEM;

	if (uplink)
		snprintf(name, sizeof(name), "%s_representor_%s", pci->device.name, port->name);
	else
		snprintf(name, sizeof(name), "%s", pci->device.name);
	eth = rte_eth_dev_allocate(name);
	if (!eth)
		return -ENOMEM;
	eth->data->dev_private = rte_zmalloc(name, sizeof(*dev), RTE_CACHE_LINE_SIZE);
	dev = eth->data->dev_private;
	if (!dev || (err = fill(eth, pci, port)) < 0)
		goto release;
	if (uplink) {
		dev->representor = true;
		dev->domain = uplink->domain;
		eth->data->dev_flags |= RTE_ETH_DEV_REPRESENTOR;
		eth->data->representor_id = representor_id(port);
		eth->data->backer_port_id = uplink->ethdev;
	} else if ((err = rte_eth_switch_domain_alloc(&dev->domain)) < 0) {
		goto release;
	}
	remember(dev);
	rte_eth_dev_probing_finish(eth);
	*out = dev;
	return 0;
release:
	rte_eth_dev_release_port(eth);
	return err;
}

/* ---- device arguments ---- */

static const struct card_port *find_port(enum card_role role, unsigned pf, unsigned function)
{
	const struct card *card = net_softdpu_card();

	for (unsigned i = 0; i < card->n_ports; i++) {
		const struct card_port *p = &card->ports[i];

		if (p->role == role && p->pf == pf && (role == CARD_HPF || p->function == function))
			return p;
	}
	return NULL;
}

/* BlueField's way to name the host PF's representor: VF 65535 (-1), or a PF representor. */
static const struct card_port *wanted(const struct rte_eth_devargs *da, unsigned pf, unsigned i)
{
	if (da->type == RTE_ETH_REPRESENTOR_PF)
		return find_port(CARD_HPF, pf, 0);
	if (da->type == RTE_ETH_REPRESENTOR_VF && da->representor_ports[i] == UINT16_MAX)
		return find_port(CARD_HPF, pf, 0);
	return find_port(da->type == RTE_ETH_REPRESENTOR_SF ? CARD_SF : CARD_VF, pf,
		da->representor_ports[i]);
}

static int add_representor(struct rte_pci_device *pci, struct net_softdpu_dev *uplink,
	const struct rte_eth_devargs *da, unsigned pf, unsigned i)
{
	const struct card_port *port = wanted(da, pf, i);
	struct net_softdpu_dev *dev;

	if (!port) {
		log_err("%s: card '%s' has no port for representor pf%u%s%u", pci->device.name,
			net_softdpu_card()->name, pf,
			da->type == RTE_ETH_REPRESENTOR_SF   ? "sf"
			: da->type == RTE_ETH_REPRESENTOR_PF ? "hpf"
							     : "vf",
			da->type == RTE_ETH_REPRESENTOR_PF ? 0u : da->representor_ports[i]);
		return -ENODEV;
	}
	return net_softdpu_by_port(port) ? 0 : create(pci, port, uplink, &dev);
}

static int add_representors(struct rte_pci_device *pci, struct net_softdpu_dev *uplink,
	const struct rte_eth_devargs *da)
{
	unsigned n_pfs = RTE_MAX(da->nb_ports, 1), n = RTE_MAX(da->nb_representor_ports, 1);
	int err = 0;

	for (unsigned p = 0; p < n_pfs && err == 0; p++) {
		unsigned pf = da->nb_ports ? da->ports[p] : uplink->card_port->pf;

		for (unsigned i = 0; i < n && err == 0; i++)
			err = add_representor(pci, uplink, da, pf, i);
	}
	return err;
}

/* Arguments of other drivers (dv_flow_en=2, ...) mean nothing here and are let pass. */
static int parse_args(struct rte_pci_device *pci, struct rte_eth_devargs *da)
{
	const char *args = pci->device.devargs ? pci->device.devargs->args : NULL;
	int err;

	memset(da, 0, sizeof(*da));
	da->type = RTE_ETH_REPRESENTOR_NONE;
	if (!args || !args[0])
		return 0;
	err = abi_devargs_parse(args, da);
	if (err < 0)
		log_err("%s: device arguments '%s' are not understood", pci->device.name, args);
	return err;
}

/* ---- the PCI driver ---- */

static int function_of(const struct rte_pci_device *pci)
{
	const struct card *card = net_softdpu_card();
	struct card_bdf bdf = {
		pci->addr.domain, pci->addr.bus, pci->addr.devid, pci->addr.function};

	for (unsigned pf = 0; card && pf < card->n_pfs; pf++)
		if (card_bdf_equal(&card->pfs[pf].dpu, &bdf))
			return (int)pf;
	return -1;
}

static void close_one(struct net_softdpu_dev *dev)
{
	rte_eth_dev_stop(dev->ethdev); /* the ethdev layer closes no running device */
	rte_eth_dev_close(dev->ethdev);
}

/* Representors before the uplink they stand on. */
static void close_all(struct rte_pci_device *pci)
{
	struct net_softdpu_dev *dev = devices, *next;

	for (; dev; dev = next) {
		next = dev->next;
		if (dev->eth->device == &pci->device && dev->representor)
			close_one(dev);
	}
	for (dev = devices; dev; dev = next) {
		next = dev->next;
		if (dev->eth->device == &pci->device)
			close_one(dev);
	}
}

static int probe(struct rte_pci_driver *driver, struct rte_pci_device *pci)
{
	int pf = function_of(pci), err;
	const struct card_port *port = pf < 0 ? NULL : find_port(CARD_UPLINK, pf, 0);
	struct net_softdpu_dev *uplink;
	struct rte_eth_devargs da;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		log_err("%s: DPDK's multi-process is not supported by virtual cards",
			pci->device.name);
		return -ENOTSUP;
	}
	if (!port) {
		log_err("%s: %s", pci->device.name,
			pf < 0 ? "no function of this process' card"
			       : "the card has no uplink on this function");
		return -ENODEV;
	}
	err = parse_args(pci, &da);
	if (err < 0)
		return err;
	uplink = net_softdpu_by_port(port);
	if (!uplink && (err = create(pci, port, NULL, &uplink)) < 0)
		return err;
	if (da.type != RTE_ETH_REPRESENTOR_NONE)
		err = add_representors(pci, uplink, &da);
	if (err < 0 && !rte_dev_is_probed(&pci->device))
		close_all(pci);
	return err;
}

static int remove_function(struct rte_pci_device *pci)
{
	close_all(pci);
	return 0;
}

static const struct rte_pci_id ids[] = {
	{RTE_PCI_DEVICE(SOFTDPU_PCI_VENDOR, SOFTDPU_PCI_DEVICE)}, {.vendor_id = 0}};

static struct rte_pci_driver driver = {
	.id_table = ids,
	.drv_flags = RTE_PCI_DRV_PROBE_AGAIN,
	.probe = probe,
	.remove = remove_function,
};

RTE_PMD_REGISTER_PCI(net_softdpu, driver);
RTE_PMD_REGISTER_PCI_TABLE(net_softdpu, ids);
