/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source: port `mem` as a DPDK device, so that a peer (OVS-DPDK, testpmd) is fed by the very code that feeds
 * bench-esw: a mempool alloc and a copy of a template's headers per packet, a bulk free at the other end.
 *
 *   -d librte_net_benchsource.so --vdev net_benchsource0,flows=100000,size=60[,proto=17][,vni=100][,imix=1]
 *                                       [,scatter=1][,replies=1][,fan_out=1][,src=10.0.0.1][,dst=10.255.0.1]
 *                                       [,dport=80][,rate=1000000][,fresh=20][,sink=1][,latency=FILE]
 *
 * The keys are those of softdpu-card(5)'s mem; rate and fresh as in ../shape.h. sink=1 is a device nothing comes from;
 * latency=FILE: whenever its statistics are read, it writes what it saw there, a line "nanoseconds packets" per
 * bucket, the upper end of it. Never installed; only the peers' benches load it.
 */
#include <arpa/inet.h>
#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_kvargs.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "port/port.h"
#include "shape.h"

#define QUEUES_MAX 16

struct queue {
	struct port *port;
	uint16_t index;
	bool silent;
	uint64_t packets;
	struct shape shape;
	struct hist *latency; /* tx; NULL: nobody asked */
};

struct source {
	struct card_attach attach;
	struct port *port;
	bool silent;
	struct rte_mempool *pool;
	struct shape shape;        /* what the first rx queue begins with */
	char latency[256];         /* a file's name; empty: nobody asked */
	struct hist seen[QUEUES_MAX];
	struct queue rx[QUEUES_MAX], tx[QUEUES_MAX];
};

/* ---- burst ---- */

static uint16_t receive(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct queue *q = queue;

	if (q->silent)
		return 0;
	n = shape_rx(&q->shape, q->port, q->index, m, RTE_MIN(n, PORT_BURST));
	for (uint16_t i = 0; i < n; i++) /* a NIC has checked the sums */
		m[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	q->packets += n;
	return n;
}

static uint16_t transmit(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct queue *q = queue;
	uint16_t sent = 0;

	if (q->latency)
		shape_latency(q->latency, m, n);
	while (sent < n) {
		uint16_t k = port_tx(q->port, q->index, m + sent, RTE_MIN(n - sent, PORT_BURST));

		sent += k;
		if (!k)
			break;
	}
	q->packets += sent;
	return sent;
}

/* ---- control ---- */

static int configure(struct rte_eth_dev *dev)
{
	return 0;
}

/* The port needs the pool, which comes with the first receive queue. */
static int start(struct rte_eth_dev *dev)
{
	struct source *s = dev->data->dev_private;
	struct port_cfg cfg = {.name = dev->data->name, .pool = s->pool, .mtu = 1500, .rx_queues = 1,
		.tx_queues = QUEUES_MAX};
	int err;

	memcpy(cfg.mac, dev->data->mac_addrs, 6);
	if (!s->port && (err = port_open(&cfg, &s->attach, &s->port)) < 0) {
		fprintf(stderr, "benchsource: %s\n", refusal());
		return err;
	}
	for (uint16_t q = 0; q < QUEUES_MAX; q++) {
		s->rx[q].port = s->tx[q].port = s->port;
		s->rx[q].silent = s->silent || q > 0;
		s->tx[q].index = q;
		s->tx[q].latency = *s->latency ? &s->seen[q] : NULL;
	}
	s->rx[0].shape = s->shape;
	dev->data->dev_link.link_status = RTE_ETH_LINK_UP;
	return 0;
}

static int stop(struct rte_eth_dev *dev)
{
	dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	return 0;
}

static int close_device(struct rte_eth_dev *dev)
{
	struct source *s = dev->data->dev_private;

	if (s->port)
		port_close(s->port);
	s->port = NULL;
	dev->data->mac_addrs = NULL; /* inside dev_private */
	return 0;
}

static int set_up_rx(struct rte_eth_dev *dev, uint16_t q, uint16_t depth, unsigned socket,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct source *s = dev->data->dev_private;

	s->pool = pool;
	dev->data->rx_queues[q] = &s->rx[q];
	return 0;
}

static int set_up_tx(struct rte_eth_dev *dev, uint16_t q, uint16_t depth, unsigned socket,
	const struct rte_eth_txconf *conf)
{
	struct source *s = dev->data->dev_private;

	dev->data->tx_queues[q] = &s->tx[q];
	return 0;
}

static int info(struct rte_eth_dev *dev, struct rte_eth_dev_info *i)
{
	i->max_rx_queues = i->max_tx_queues = QUEUES_MAX;
	i->max_mac_addrs = 1;
	i->max_rx_pktlen = UINT16_MAX;
	i->min_mtu = RTE_ETHER_MIN_MTU;
	i->max_mtu = 9000;
	i->rx_offload_capa = RTE_ETH_RX_OFFLOAD_CHECKSUM;
	i->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	return 0;
}

static void write_latency(const struct source *s)
{
	static struct hist all;
	FILE *f = fopen(s->latency, "w");

	if (!f)
		return;
	hist_reset(&all);
	for (unsigned q = 0; q < QUEUES_MAX; q++)
		hist_merge(&all, &s->seen[q]);
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (all.bucket[i])
			fprintf(f, "%lu %lu\n", hist_bucket_high(i), all.bucket[i]);
	fclose(f);
}

static int statistics(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	struct source *s = dev->data->dev_private;

	for (unsigned q = 0; q < QUEUES_MAX; q++) {
		stats->ipackets += s->rx[q].packets;
		stats->opackets += s->tx[q].packets;
	}
	if (*s->latency)
		write_latency(s);
	return 0;
}

static int link_update(struct rte_eth_dev *dev, int wait)
{
	return 0;
}

static int accept_anything(struct rte_eth_dev *dev)
{
	return 0;
}

static int set_mtu(struct rte_eth_dev *dev, uint16_t mtu)
{
	return 0;
}

static int set_mac(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_device,
	.rx_queue_setup = set_up_rx,
	.tx_queue_setup = set_up_tx,
	.dev_infos_get = info,
	.stats_get = statistics,
	.link_update = link_update,
	.promiscuous_enable = accept_anything,
	.promiscuous_disable = accept_anything,
	.allmulticast_enable = accept_anything,
	.mtu_set = set_mtu,
	.mac_addr_set = set_mac,
};

static int take(const char *key, const char *value, void *arg)
{
	struct source *s = arg;
	struct card_frames *f = &s->attach.frames;
	uint32_t n = (uint32_t)strtoul(value, NULL, 0);

	if (!strcmp(key, "flows"))
		f->flows = n;
	else if (!strcmp(key, "size"))
		f->size = n;
	else if (!strcmp(key, "proto"))
		f->proto = (uint8_t)n;
	else if (!strcmp(key, "vni"))
		f->vni = n;
	else if (!strcmp(key, "imix"))
		f->imix = n;
	else if (!strcmp(key, "scatter"))
		f->scatter = n;
	else if (!strcmp(key, "replies"))
		f->replies = n;
	else if (!strcmp(key, "fan_out"))
		f->fan_out = n;
	else if (!strcmp(key, "dport"))
		f->dport = (uint16_t)n;
	else if (!strcmp(key, "rate"))
		s->shape.rate = n;
	else if (!strcmp(key, "fresh"))
		s->shape.fresh = n;
	else if (!strcmp(key, "latency"))
		snprintf(s->latency, sizeof(s->latency), "%s", value);
	else if (!strcmp(key, "sink"))
		s->silent = n;
	else if (inet_pton(AF_INET, value, !strcmp(key, "src") ? f->src : f->dst) != 1)
		return -EINVAL;
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	static const char *const keys[] = {
		"flows", "size", "proto", "vni", "imix", "scatter", "replies", "fan_out", "src", "dst", "dport", "rate", "fresh",
		"sink", "latency", NULL};
	static uint8_t last_mac;
	struct rte_kvargs *args = rte_kvargs_parse(rte_vdev_device_args(vdev), keys);
	static struct rte_ether_addr mac[32];
	struct rte_eth_dev *dev;
	struct source *s;
	int err;

	if (!args)
		return -EINVAL;
	dev = rte_eth_vdev_allocate(vdev, sizeof(*s));
	if (!dev) {
		rte_kvargs_free(args);
		return -ENOMEM;
	}
	s = dev->data->dev_private;
	s->attach = (struct card_attach){.kind = CARD_ATTACH_MEM,
		.frames = {.flows = 1, .size = 60, .proto = 17, .dst_mac = {2, 0, 0, 0, 0, 2}}};
	err = rte_kvargs_process(args, NULL, take, s);
	rte_kvargs_free(args);
	if (err < 0) {
		rte_eth_dev_release_port(dev);
		return -EINVAL;
	}
	mac[last_mac % RTE_DIM(mac)] = (struct rte_ether_addr){{2, 0xbe, 0, 0, 0, last_mac}};
	dev->data->mac_addrs = &mac[last_mac++ % RTE_DIM(mac)];
	dev->data->dev_link = (struct rte_eth_link){.link_speed = RTE_ETH_SPEED_NUM_100G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX};
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = receive;
	dev->tx_pkt_burst = transmit;
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int remove_device(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (!dev)
		return 0;
	close_device(dev);
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver driver = {.probe = probe, .remove = remove_device};

RTE_PMD_REGISTER_VDEV(net_benchsource, driver);
RTE_PMD_REGISTER_PARAM_STRING(net_benchsource, "flows=<n> size=<bytes> proto=<6|17> vni=<n> imix=<0|1> scatter=<0|1> replies=<0|1> fan_out=<0|1> src=<ip> dst=<ip> dport=<n> rate=<pps> fresh=<percent> sink=<0|1> latency=<file>");
