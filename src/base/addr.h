/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * addr: IPv4 and IPv6 addresses, prefixes, MAC addresses, "address and port", as values.
 *
 * A struct addr has no padding and its unused bytes are zero, so equal addresses are equal memory:
 * hash and compare it whole. Parsing is strict: no octal, no short forms of IPv4, no scope ("%eth0"),
 * no spaces; a refusal names the text. Printing is RFC 5952. An IPv4-mapped IPv6 address stays IPv6.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <string.h>
#include <sys/socket.h>

#include "base/base.h"

struct addr {
	uint32_t family;   /* AF_INET, AF_INET6; 0 = none */
	uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest zero */
};

struct prefix {
	struct addr addr; /* host bits are kept as written; see prefix_network() */
	uint32_t len;     /* 0..32 or 0..128 */
};

#define ADDR_TEXT_MAX 46      /* with the NUL */
#define PREFIX_TEXT_MAX 50    /* "addr/128" */
#define ADDR_PORT_TEXT_MAX 54 /* "[addr]:65535" */
#define MAC_TEXT_MAX 18

/* 10.0.0.1 and fd00::1. -EINVAL with a refusal. */
int addr_parse(const char *text, struct addr *a);
const char *addr_print(const struct addr *a, char text[ADDR_TEXT_MAX]); /* "none" for family 0 */

struct addr addr_from_v4(const void *four_bytes);
struct addr addr_from_v6(const void *sixteen_bytes);

static inline bool addr_is_none(const struct addr *a)
{
	return !a->family;
}

static inline bool addr_is_v4(const struct addr *a)
{
	return a->family == AF_INET;
}

static inline bool addr_is_v6(const struct addr *a)
{
	return a->family == AF_INET6;
}

/* IPv4 in network order, as packet headers and DPDK hold it. */
static inline uint32_t addr_v4(const struct addr *a)
{
	uint32_t be;

	memcpy(&be, a->bytes, 4);
	return be;
}

static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* <0, 0, >0: IPv4 before IPv6, then by value. */
int addr_compare(const struct addr *a, const struct addr *b);

unsigned addr_bits(const struct addr *a);     /* 32, 128, 0 */
bool addr_is_multicast(const struct addr *a); /* 224/4, ff00::/8 */
bool addr_is_loopback(const struct addr *a);
bool addr_is_unspecified(const struct addr *a); /* 0.0.0.0, :: */

/* "10.244.1.0/24"; an address alone is a /32 or /128. Host bits may be set. */
int prefix_parse(const char *text, struct prefix *p);
const char *prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX]);

/* Host bits cleared. */
struct prefix prefix_network(const struct prefix *p);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_contains_prefix(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* Same network, host bits ignored. */
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* The family's whole space: 0.0.0.0/0 or ::/0. */
struct prefix prefix_all(int family);
/* A single address as /32 or /128. */
struct prefix prefix_from_addr(const struct addr *a);

/* "10.0.0.1:80", "[fd00::1]:80". Port in host order, 0..65535. */
int addr_port_parse(const char *text, struct addr *a, uint16_t *port);
const char *addr_port_print(const struct addr *a, uint16_t port, char text[ADDR_PORT_TEXT_MAX]);

/* To and from the kernel's form; the port in host order. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss);
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *a, uint16_t *port);

/* "02:00:5e:10:00:01" (or with '-'), six octets of two digits. */
int mac_parse(const char *text, uint8_t mac[6]);
const char *mac_print(const uint8_t mac[6], char text[MAC_TEXT_MAX]);

#endif
