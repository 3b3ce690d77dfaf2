/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: opening, closing and describing; the kinds do the rest. Everything here is control path.
 */
#include "port/port_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

LOG_MODULE("port");

static const char *const kind_names[PORT_KINDS] = {
	[PORT_NULL] = "null",
	[PORT_TAP] = "tap",
	[PORT_PACKET] = "packet",
	[PORT_ETHDEV] = "ethdev",
	[PORT_PAIR] = "pair",
	[PORT_MEM] = "mem",
	[PORT_GENERATOR] = "generator",
	[PORT_DGRAM] = "dgram",
	[PORT_CUSTOM] = "custom",
};

const char *port_kind_name(enum port_kind kind)
{
	return kind < PORT_KINDS ? kind_names[kind] : "unknown";
}

static int open_kind(struct port *port, const struct card_attach *attach)
{
	switch (attach->kind) {
	case CARD_ATTACH_NULL:
		return port_null_open(port, attach);
	case CARD_ATTACH_TAP:
		return port_tap_open(port, attach);
	case CARD_ATTACH_PACKET:
		return port_packet_open(port, attach);
	case CARD_ATTACH_DGRAM:
		return port_dgram_open(port, attach);
	case CARD_ATTACH_PAIR:
		return port_pair_join(port, attach);
	case CARD_ATTACH_MEM:
	case CARD_ATTACH_GENERATOR:
		return port_mem_open(port, attach);
	case CARD_ATTACH_XDP:
	case CARD_ATTACH_DPDK:
	case CARD_ATTACH_VHOST_USER:
	case CARD_ATTACH_MEMIF:
	case CARD_ATTACH_PCAP:
		return port_ethdev_open(port, attach);
	case CARD_ATTACH_KINDS:
		break;
	}
	return refuse(EINVAL, "attach kind %d is none of the known ones", (int)attach->kind);
}

static struct port_counters *new_counters(unsigned n)
{
	struct port_counters *c = aligned_alloc(64, n * sizeof(*c));

	if (c)
		memset(c, 0, n * sizeof(*c));
	return c;
}

static int check_cfg(const struct port_cfg *cfg)
{
	if (!cfg->name || !cfg->name[0] || strlen(cfg->name) >= PORT_NAME_MAX)
		return refuse(EINVAL, "a port's name must have 1 to %d bytes", PORT_NAME_MAX - 1);
	if (cfg->rx_queues > PORT_QUEUES_MAX || cfg->tx_queues > PORT_QUEUES_MAX)
		return refuse(EINVAL, "%u receive and %u transmit queues: at most %d each",
			cfg->rx_queues, cfg->tx_queues, PORT_QUEUES_MAX);
	if (!cfg->pool)
		return refuse(EINVAL, "no mbuf pool");
	if (rte_pktmbuf_data_room_size(cfg->pool) <= PORT_HEADROOM)
		return refuse(EINVAL,
			"mbufs of pool %s have %u bytes: not more than the headroom of %d",
			cfg->pool->name, rte_pktmbuf_data_room_size(cfg->pool), PORT_HEADROOM);
	return 0;
}

int port_new(const struct port_cfg *cfg, struct port **out)
{
	struct port *port;
	int err = check_cfg(cfg);

	if (err < 0)
		return err;
	port = calloc(1, sizeof(*port));
	if (!port)
		return refuse(ENOMEM, "no memory for a port");
	port->id = cfg->id;
	port->rx_queues = MAX_OF(cfg->rx_queues, 1);
	port->tx_queues = MAX_OF(cfg->tx_queues, 1);
	port->mtu = cfg->mtu ? cfg->mtu : PORT_MTU_DEFAULT;
	port->ethdev = UINT16_MAX;
	port->pool = cfg->pool;
	port->admin_up = true;
	memcpy(port->mac, cfg->mac, sizeof(port->mac));
	snprintf(port->name, sizeof(port->name), "%s", cfg->name);
	for (unsigned q = 0; q < PORT_QUEUES_MAX; q++)
		port->fd[q] = -1;
	port->rxq = new_counters(port->rx_queues);
	port->txq = new_counters(port->tx_queues);
	if (!port->rxq || !port->txq) {
		port_free(port);
		return refuse(ENOMEM, "no memory for a port's counters");
	}
	*out = port;
	return 0;
}

void port_free(struct port *port)
{
	if (!port)
		return;
	free(port->rxq);
	free(port->txq);
	free(port);
}

int port_open(const struct port_cfg *cfg, const struct card_attach *attach, struct port **out)
{
	struct port *port;
	char text[128];
	int err = port_new(cfg, &port);

	if (err == 0) {
		err = open_kind(port, attach);
		if (err < 0)
			port_free(port);
	}
	if (err < 0)
		return refuse_more(err, "port '%s'", cfg->name ? cfg->name : "");
	assert(port->ops && port->ops->rx && port->ops->tx);
	port_describe(port, text, sizeof(text));
	log_debug("%s: %s", port->name, text);
	*out = port;
	return 0;
}

int port_wrap(const struct port_cfg *cfg, const struct port_ops *ops, void *priv, struct port **out)
{
	struct port *port;
	int err = port_new(cfg, &port);

	assert(ops->rx && ops->tx);
	if (err < 0)
		return err;
	port->kind = PORT_CUSTOM;
	port->ops = ops;
	port->priv = priv;
	*out = port;
	return 0;
}

void port_close(struct port *port)
{
	if (!port)
		return;
	if (port->ops->close)
		port->ops->close(port);
	port_free(port);
}

void port_set_up(struct port *port, bool up)
{
	port->admin_up = up;
}

bool port_link_up(struct port *port)
{
	return port->admin_up && (!port->ops->link_up || port->ops->link_up(port));
}

void port_stats(const struct port *port, struct port_stats *s)
{
	memset(s, 0, sizeof(*s));
	for (unsigned q = 0; q < port->rx_queues; q++) {
		const struct port_counters *c = &port->rxq[q];

		s->rx_packets += c->packets;
		s->rx_bytes += c->bytes;
		s->rx_errors += c->errors;
		s->rx_nobuf += c->nobuf;
		s->rx_calls += c->calls;
	}
	for (unsigned q = 0; q < port->tx_queues; q++) {
		const struct port_counters *c = &port->txq[q];

		s->tx_packets += c->packets;
		s->tx_bytes += c->bytes;
		s->tx_errors += c->errors;
		s->tx_calls += c->calls;
	}
}

static size_t add_caps(uint32_t caps, char *buf, size_t size, size_t at)
{
	static const struct {
		uint32_t cap;
		const char *name;
	} names[] = {
		{PORT_CAP_TX_L4_CSUM, "csum"},
		{PORT_CAP_TX_TSO4, "tso4"},
		{PORT_CAP_TX_TSO6, "tso6"},
		{PORT_CAP_TX_USO, "uso"},
		{PORT_CAP_TX_TUNNEL_CSUM, "tunnel-csum"},
		{PORT_CAP_TX_TUNNEL_TSO, "tunnel-tso"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names) && at < size; i++)
		if (caps & names[i].cap)
			at += snprintf(buf + at, size - at, " %s", names[i].name);
	return at;
}

void port_describe(const struct port *port, char *buf, size_t size)
{
	size_t at = snprintf(buf, size, "%s", port_kind_name(port->kind));

	if (port->ops->describe && at + 2 < size) {
		buf[at++] = ' ';
		buf[at] = 0;
		port->ops->describe(port, buf + at, size - at);
		at += strlen(buf + at);
	}
	if (at < size)
		add_caps(port->caps, buf, size, at);
}
