/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, prefixes, address-and-port, MACs: what is taken must print, and parse back to the same. */
#include <assert.h>
#include <stdio.h>

#include "base/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void addresses(const char *text)
{
	char printed[ADDR_TEXT_MAX];
	struct addr a, b;

	if (addr_parse(text, &a))
		return;
	assert(!addr_parse(addr_print(&a, printed), &b));
	assert(addr_equal(&a, &b) && !addr_compare(&a, &b));
}

static void prefixes(const char *text)
{
	char printed[PREFIX_TEXT_MAX];
	struct prefix a, b, net;

	if (prefix_parse(text, &a))
		return;
	assert(a.len <= addr_bits(&a.addr));
	assert(!prefix_parse(prefix_print(&a, printed), &b));
	assert(prefix_equal(&a, &b) && addr_equal(&a.addr, &b.addr));
	net = prefix_network(&a);
	assert(prefix_equal(&net, &a) && prefix_contains(&net, &a.addr));
}

static void ports_and_macs(const char *text)
{
	char printed[ADDR_PORT_TEXT_MAX], mac_text[MAC_TEXT_MAX];
	uint8_t mac[6], mac_again[6];
	uint16_t port, port_again;
	struct addr a, b;

	if (!addr_port_parse(text, &a, &port)) {
		assert(!addr_port_parse(addr_port_print(&a, port, printed), &b, &port_again));
		assert(addr_equal(&a, &b) && port == port_again);
	}
	if (!mac_parse(text, mac)) {
		assert(!mac_parse(mac_print(mac, mac_text), mac_again));
		assert(!memcmp(mac, mac_again, 6));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)MIN_OF(size, sizeof(text) - 1),
		(const char *)data);
	addresses(text);
	prefixes(text);
	ports_and_macs(text);
	return 0;
}
