/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eth: the ethdev operations of the control path. Most of what a NIC can be told has no meaning
 * for a switch in software (promiscuity, RSS tables, descriptors): it is accepted and remembered
 * by the ethdev layer, as a program written for the card expects.
 */
#include "net_softdpu_int.h"

#include <string.h>
#include <unistd.h>

#include <rte_flow.h>
#include <rte_flow_driver.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#define TX_CAPA                                                             \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |     \
		RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
#define RX_CAPA \
	(RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH | \
		RTE_ETH_RX_OFFLOAD_TIMESTAMP)
#define RSS_CAPA                                                                              \
	(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP |              \
		RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_SRC_ONLY | \
		RTE_ETH_RSS_L4_DST_ONLY)

static int configure(struct rte_eth_dev *eth)
{
	return 0;
}

static int link_update(struct rte_eth_dev *eth, int wait)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);
	struct rte_eth_link link = {.link_speed = RTE_ETH_SPEED_NUM_100G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED};
	bool up = dev->started && !dev->link_down;

	if (up && softdpu_ops.link_up)
		up = softdpu_ops.link_up(softdpu_arg, dev);
	link.link_status = up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
	return rte_eth_linkstatus_set(eth, &link);
}

static int start(struct rte_eth_dev *eth)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);
	int err;

	dev->n_rxq = eth->data->nb_rx_queues;
	dev->n_txq = eth->data->nb_tx_queues;
	dev->stamp_flag = 0;
	if (eth->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP &&
		rte_mbuf_dyn_rx_timestamp_register(&dev->stamp_offset, &dev->stamp_flag) < 0)
		return -rte_errno;
	err = dev->n_rxq ? softdpu_port_create(dev) : -EINVAL;
	if (err < 0)
		return err;
	if (softdpu_ops.started)
		err = softdpu_ops.started(softdpu_arg, dev);
	if (err < 0) {
		softdpu_port_destroy(dev);
		return err;
	}
	dev->started = true;
	link_update(eth, 0);
	return 0;
}

static int stop(struct rte_eth_dev *eth)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	if (!dev->started)
		return 0;
	if (softdpu_ops.stopping)
		softdpu_ops.stopping(softdpu_arg, dev);
	dev->started = false;
	softdpu_port_destroy(dev);
	link_update(eth, 0);
	return 0;
}

static int close_dev(struct rte_eth_dev *eth)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	stop(eth);
	for (unsigned q = 0; q < eth->data->nb_rx_queues; q++)
		softdpu_rx_queue_release(eth, q);
	for (unsigned q = 0; q < eth->data->nb_tx_queues; q++)
		softdpu_tx_queue_release(eth, q);
	if (dev->efd >= 0)
		close(dev->efd);
	softdpu_forget(dev);
	return 0;
}

static int set_link_up(struct rte_eth_dev *eth)
{
	softdpu_dev(eth)->link_down = false;
	return link_update(eth, 0);
}

static int set_link_down(struct rte_eth_dev *eth)
{
	softdpu_dev(eth)->link_down = true;
	return link_update(eth, 0);
}

static int granted(struct rte_eth_dev *eth)
{
	return 0;
}

static int mac_set(struct rte_eth_dev *eth, struct rte_ether_addr *mac)
{
	return 0; /* the ethdev layer remembers it */
}

static int mac_add(
	struct rte_eth_dev *eth, struct rte_ether_addr *mac, uint32_t index, uint32_t pool)
{
	return 0;
}

static void mac_remove(struct rte_eth_dev *eth, uint32_t index)
{
}

static int mtu_set(struct rte_eth_dev *eth, uint16_t mtu)
{
	return 0;
}

static int infos_get(struct rte_eth_dev *eth, struct rte_eth_dev_info *info)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = 9978;
	info->max_rx_pktlen = info->max_mtu + 22 /* Ethernet and two VLAN tags */;
	info->min_rx_bufsize = 64;
	info->max_rx_queues = info->max_tx_queues = softdpu_within(net_softdpu_card()->limits.queues, NET_SOFTDPU_QUEUES);
	info->max_mac_addrs = 1;
	info->reta_size = 128;
	info->hash_key_size = 40;
	info->flow_type_rss_offloads = RSS_CAPA;
	info->rx_offload_capa = RX_CAPA;
	info->tx_offload_capa = TX_CAPA;
	info->rx_queue_offload_capa = RX_CAPA;
	info->tx_queue_offload_capa = TX_CAPA;
	info->speed_capa = RTE_ETH_LINK_SPEED_100G;
	info->rx_desc_lim = info->tx_desc_lim = (struct rte_eth_desc_lim){.nb_max = 32768,
		.nb_min = 1,
		.nb_align = 1,
		.nb_seg_max = 64,
		.nb_mtu_seg_max = 64};
	info->default_rxportconf.burst_size = info->default_txportconf.burst_size = 32;
	info->default_rxportconf.ring_size = info->default_txportconf.ring_size = 1024;
	info->default_rxportconf.nb_queues = info->default_txportconf.nb_queues = 1;
	info->switch_info.name = net_softdpu_card()->name;
	info->switch_info.domain_id = dev->domain;
	info->switch_info.port_id = card_port_index(net_softdpu_card(), dev->card_port);
	return 0;
}

static void sum(struct net_softdpu_dev *dev, struct rte_eth_stats *s)
{
	for (unsigned i = 0; i < dev->eth->data->nb_rx_queues; i++) {
		const struct queue *q = dev->rxq[i];

		s->ipackets += q ? q->packets : 0;
		s->ibytes += q ? q->bytes : 0;
		s->imissed += q ? atomic_load(&q->missed) : 0;
	}
	for (unsigned i = 0; i < dev->eth->data->nb_tx_queues; i++) {
		const struct queue *q = dev->txq[i];

		s->opackets += q ? q->packets : 0;
		s->obytes += q ? q->bytes : 0;
	}
}

static int stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *s)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	sum(dev, s);
	s->ipackets -= dev->stats_base[0];
	s->opackets -= dev->stats_base[1];
	s->ibytes -= dev->stats_base[2];
	s->obytes -= dev->stats_base[3];
	s->imissed -= dev->stats_base[4];
	return 0;
}

static int stats_reset(struct rte_eth_dev *eth)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);
	struct rte_eth_stats s = {0};

	sum(dev, &s);
	memcpy(dev->stats_base, (uint64_t[]){s.ipackets, s.opackets, s.ibytes, s.obytes, s.imissed},
		sizeof(dev->stats_base));
	return 0;
}

static int rss_update(struct rte_eth_dev *eth, struct rte_eth_rss_conf *conf)
{
	return 0;
}

static int rss_get(struct rte_eth_dev *eth, struct rte_eth_rss_conf *conf)
{
	conf->rss_hf = eth->data->dev_conf.rx_adv_conf.rss_conf.rss_hf;
	conf->rss_key_len = 0;
	return 0;
}

static int reta_update(
	struct rte_eth_dev *eth, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	return 0;
}

/* What choose() in queue.c does with a hash. */
static int reta_query(struct rte_eth_dev *eth, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	for (uint16_t i = 0; i < size; i++)
		if (reta[i / RTE_ETH_RETA_GROUP_SIZE].mask & (1ull << i % RTE_ETH_RETA_GROUP_SIZE))
			reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
				i % RTE_MAX(eth->data->nb_rx_queues, 1);
	return 0;
}

static int metadata_negotiate(struct rte_eth_dev *eth, uint64_t *features)
{
	return 0; /* mark, flag and tunnel metadata: all of it */
}

/* ---- rte_flow without a listener ---- */

static int isolate(struct rte_eth_dev *eth, int set, struct rte_flow_error *error)
{
	softdpu_dev(eth)->isolated = set != 0;
	return 0;
}

bool net_softdpu_isolated(const struct net_softdpu_dev *dev)
{
	return dev->isolated;
}

static const struct rte_flow_ops isolation_only = {.isolate = isolate};

static int flow_ops_get(struct rte_eth_dev *eth, const struct rte_flow_ops **ops)
{
	*ops = softdpu_ops.flow_ops ? softdpu_ops.flow_ops(softdpu_arg, softdpu_dev(eth)) : NULL;
	if (!*ops)
		*ops = &isolation_only;
	return 0;
}

const struct eth_dev_ops softdpu_eth_ops = {
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_set_link_up = set_link_up,
	.dev_set_link_down = set_link_down,
	.dev_close = close_dev,
	.link_update = link_update,
	.promiscuous_enable = granted,
	.promiscuous_disable = granted,
	.allmulticast_enable = granted,
	.allmulticast_disable = granted,
	.mac_addr_remove = mac_remove,
	.mac_addr_add = mac_add,
	.mac_addr_set = mac_set,
	.mtu_set = mtu_set,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.dev_infos_get = infos_get,
	.rx_queue_setup = softdpu_rx_queue_setup,
	.rx_queue_release = softdpu_rx_queue_release,
	.tx_queue_setup = softdpu_tx_queue_setup,
	.tx_queue_release = softdpu_tx_queue_release,
	.rss_hash_update = rss_update,
	.rss_hash_conf_get = rss_get,
	.reta_update = reta_update,
	.reta_query = reta_query,
	.flow_ops_get = flow_ops_get,
	.representor_info_get = softdpu_representor_info,
	.hairpin_cap_get = softdpu_hairpin_cap_get,
	.rx_hairpin_queue_setup = softdpu_rx_hairpin_setup,
	.tx_hairpin_queue_setup = softdpu_tx_hairpin_setup,
	.hairpin_bind = softdpu_hairpin_bind,
	.hairpin_unbind = softdpu_hairpin_unbind,
	.hairpin_get_peer_ports = softdpu_hairpin_peers,
	.rx_metadata_negotiate = metadata_negotiate,
};
