/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: what must hold between the ports of a card, and between cards of one network.
 */
#include "card/card_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ports are at most thousands and a profile is loaded once: sorting by each key is quick enough and
 * needs no table. A key is the text that must be unique; NULL takes no part. */
struct keyed {
	const struct card_port *port;
	char key[320];
};

typedef bool (*key_fn)(const struct card_port *port, char *key, size_t size);

static bool key_mac(const struct card_port *port, char *key, size_t size)
{
	char text[MAC_TEXT_MAX];

	snprintf(key, size, "MAC %s", mac_print(port->mac, text));
	return true;
}

static bool key_interface(const struct card_port *port, char *key, size_t size)
{
	if (!port->attach.ifname)
		return false;
	snprintf(key, size, "interface %s in namespace %s", port->attach.ifname,
		port->attach.netns ? port->attach.netns : "(own)");
	return true;
}

static bool key_pod(const struct card_port *port, char *key, size_t size)
{
	if (!port->pod)
		return false;
	snprintf(key, size, "pod %s", port->pod);
	return true;
}

/* A pcap file may be read by several ports, sockets may not be shared. */
static bool key_socket(const struct card_port *port, char *key, size_t size)
{
	if (!port->attach.path || port->attach.kind == CARD_ATTACH_PCAP)
		return false;
	snprintf(key, size, "socket %s", port->attach.path);
	return true;
}

static bool key_bdf(const struct card_port *port, char *key, size_t size)
{
	char text[13];

	if (port->role == CARD_SF)
		return false;
	snprintf(key, size, "PCI address %s", card_bdf_format(&port->bdf, text));
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : x->port->line - y->port->line;
}

static unsigned collect(const struct card *card, key_fn fn, struct keyed *keys)
{
	unsigned n = 0;

	for (unsigned i = 0; i < card->n_ports; i++)
		if (fn(&card->ports[i], keys[n].key, sizeof(keys[n].key)))
			keys[n++].port = &card->ports[i];
	qsort(keys, n, sizeof(*keys), by_key);
	return n;
}

static int check_unique(const struct card *card, key_fn fn, struct keyed *keys)
{
	unsigned n = collect(card, fn, keys);

	for (unsigned i = 1; i < n; i++)
		if (strcmp(keys[i - 1].key, keys[i].key) == 0)
			return refuse(EEXIST, "%s:%d: ports.%s: %s is used by %s (line %d) already",
				card->path, keys[i].port->line, keys[i].port->name, keys[i].key,
				keys[i - 1].port->name, keys[i - 1].port->line);
	return 0;
}

static int check_all_unique(const struct card *card)
{
	static const key_fn fns[] = {key_mac, key_interface, key_pod, key_socket, key_bdf};
	struct keyed *keys = malloc(card->n_ports * sizeof(*keys));
	int err = 0;

	if (!keys)
		return refuse(
			ENOMEM, "%s: no memory to compare %u ports", card->path, card->n_ports);
	for (unsigned i = 0; i < ARRAY_SIZE(fns) && err == 0; i++)
		err = check_unique(card, fns[i], keys);
	free(keys);
	return err;
}

static int check_pair(const struct card *card, const struct card_port *port)
{
	const struct card_port *peer = card_port_by_name(card, port->attach.peer);

	if (!peer)
		return refuse(ENOENT, "%s:%d: ports.%s: pair with '%s': the card has no such port",
			card->path, port->line, port->name, port->attach.peer);
	if (peer == port || peer->attach.kind != CARD_ATTACH_PAIR ||
		strcmp(peer->attach.peer, port->name) != 0)
		return refuse(EINVAL,
			"%s:%d: ports.%s: pair with '%s', which is not paired with '%s' in turn",
			card->path, port->line, port->name, peer->name, port->name);
	return 0;
}

static int check_limits(const struct card *card, const struct card_port *port)
{
	int err = 0;

	if (port->role == CARD_VF)
		err = card_limit_check(&card->limits, "vfs", port->function + 1, "number of VFs");
	if (err == 0)
		err = card_limit_check(&card->limits, "mtu", port->mtu, "mtu");
	if (err == 0 && port->role == CARD_VF && port->function >= CARD_VFS_PER_PF &&
		card->n_pfs > 1)
		err = refuse(E2BIG, "VF %u: a card with %u physical functions has %d VFs each",
			port->function, card->n_pfs, CARD_VFS_PER_PF);
	return err < 0 ? refuse_more(err, "%s:%d: ports.%s", card->path, port->line, port->name)
		       : 0;
}

int card_check(const struct card *card)
{
	int err = check_all_unique(card);

	for (unsigned i = 0; i < card->n_ports && err == 0; i++) {
		err = check_limits(card, &card->ports[i]);
		if (err == 0 && card->ports[i].attach.kind == CARD_ATTACH_PAIR)
			err = check_pair(card, &card->ports[i]);
	}
	return err;
}

/* ---- two cards ---- */

static bool same_vtep(const struct prefix *a, const struct prefix *b)
{
	return !addr_is_none(&a->addr) && addr_equal(&a->addr, &b->addr);
}

static int port_conflict(const struct card *a, const struct card_port *x, const struct card *b)
{
	static const key_fn fns[] = {key_mac, key_interface, key_pod, key_socket};
	char mine[320], other[320];

	for (unsigned i = 0; i < b->n_ports; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(fns); k++)
			if (fns[k](x, mine, sizeof(mine)) &&
				fns[k](&b->ports[i], other, sizeof(other)) &&
				strcmp(mine, other) == 0)
				return refuse(EEXIST,
					"%s:%d: ports.%s: %s is used by port %s of card '%s' "
					"(%s:%d)",
					a->path, x->line, x->name, mine, b->ports[i].name, b->name,
					b->path, b->ports[i].line);
	return 0;
}

int card_conflict(const struct card *a, const struct card *b)
{
	char text[ADDR_TEXT_MAX];
	int err = 0;

	if (strcmp(a->name, b->name) == 0)
		return refuse(
			EEXIST, "%s and %s: both cards are called '%s'", a->path, b->path, a->name);
	if (a->node.name[0] && strcmp(a->node.name, b->node.name) == 0)
		return refuse(
			EEXIST, "%s and %s: both serve node '%s'", a->path, b->path, a->node.name);
	if (same_vtep(&a->node.vtep4, &b->node.vtep4))
		return refuse(EEXIST, "%s and %s: both have VTEP address %s", a->path, b->path,
			addr_print(&a->node.vtep4.addr, text));
	if (same_vtep(&a->node.vtep6, &b->node.vtep6))
		return refuse(EEXIST, "%s and %s: both have VTEP address %s", a->path, b->path,
			addr_print(&a->node.vtep6.addr, text));
	for (unsigned i = 0; i < a->n_ports && err == 0; i++)
		err = port_conflict(a, &a->ports[i], b);
	return err;
}
