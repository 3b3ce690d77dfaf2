/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/refuse.h"

static int refuse_text(const char *what, const char *text, const char *expected)
{
	return refuse(EINVAL, "'%.64s' is not %s; expected %s", text, what, expected);
}

int addr_parse(const char *text, struct addr *a)
{
	struct addr parsed = {0};

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.family = AF_INET;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.family = AF_INET6;
	else
		return refuse_text("an IP address", text, "for example 10.244.1.5 or fd00::5");
	*a = parsed;
	return 0;
}

const char *addr_print(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	if (!a->family || !inet_ntop((int)a->family, a->bytes, text, ADDR_TEXT_MAX))
		strcpy(text, "none");
	return text;
}

struct addr addr_from_v4(const void *four_bytes)
{
	struct addr a = {.family = AF_INET};

	memcpy(a.bytes, four_bytes, 4);
	return a;
}

struct addr addr_from_v6(const void *sixteen_bytes)
{
	struct addr a = {.family = AF_INET6};

	memcpy(a.bytes, sixteen_bytes, 16);
	return a;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

unsigned addr_bits(const struct addr *a)
{
	return addr_is_v4(a) ? 32 : addr_is_v6(a) ? 128 : 0;
}

bool addr_is_multicast(const struct addr *a)
{
	return addr_is_v4(a) ? (a->bytes[0] & 0xf0) == 0xe0 : addr_is_v6(a) && a->bytes[0] == 0xff;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return addr_is_v4(a) ? a->bytes[0] == 127 : addr_is_v6(a) && !memcmp(a->bytes, one, 16);
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family && !memcmp(a->bytes, zero, 16);
}

/* --- prefixes --- */

/* 1 to 3 digits and nothing else; -1 otherwise. No sign, no space, no "08". */
static int small_number(const char *text, int max)
{
	int n = 0;

	if (!*text || strlen(text) > 5 || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n <= max ? n : -1;
}

int prefix_parse(const char *text, struct prefix *p)
{
	static const char expected[] = "for example 10.244.1.0/24 or fd00:1::/64";
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT_MAX];
	struct prefix parsed = {0};
	int len;

	if (strlen(text) >= PREFIX_TEXT_MAX || (slash && slash - text >= ADDR_TEXT_MAX))
		return refuse_text("an IP prefix", text, expected);
	snprintf(addr, sizeof(addr), "%.*s", slash ? (int)(slash - text) : (int)sizeof(addr) - 1,
		text);
	if (addr_parse(addr, &parsed.addr))
		return refuse_text("an IP prefix", text, expected);
	len = (int)addr_bits(&parsed.addr);
	if (slash)
		len = small_number(slash + 1, len);
	if (len < 0)
		return refuse(EINVAL, "'%s' is not an IP prefix; its length must be 0 to %u", text,
			addr_bits(&parsed.addr));
	parsed.len = (uint32_t)len;
	*p = parsed;
	return 0;
}

const char *prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(text, PREFIX_TEXT_MAX, "%s/%u", addr_print(&p->addr, addr), MIN_OF(p->len, 128u));
	return text;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned rest = n % 8;

	if (memcmp(a, b, n / 8))
		return false;
	return !rest || !((a[n / 8] ^ b[n / 8]) >> (8 - rest));
}

struct prefix prefix_network(const struct prefix *p)
{
	struct prefix out = {.addr.family = p->addr.family, .len = p->len};
	unsigned rest = p->len % 8;

	memcpy(out.addr.bytes, p->addr.bytes, p->len / 8);
	if (rest)
		out.addr.bytes[p->len / 8] = p->addr.bytes[p->len / 8] & (uint8_t)(0xff00 >> rest);
	return out;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	return p->addr.family == a->family && same_bits(p->addr.bytes, a->bytes, p->len);
}

bool prefix_contains_prefix(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains_prefix(a, b) || prefix_contains_prefix(b, a);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && prefix_contains(a, &b->addr);
}

struct prefix prefix_all(int family)
{
	return (struct prefix){.addr.family = (uint32_t)family};
}

struct prefix prefix_from_addr(const struct addr *a)
{
	return (struct prefix){.addr = *a, .len = addr_bits(a)};
}

/* --- address and port --- */

int addr_port_parse(const char *text, struct addr *a, uint16_t *port)
{
	static const char expected[] = "for example 10.0.0.1:80 or [fd00::1]:80";
	bool bracket = text[0] == '[';
	const char *start = text + bracket, *end = strrchr(text, bracket ? ']' : ':');
	char addr[ADDR_TEXT_MAX];
	struct addr parsed;
	int n;

	if (!end || end < start || end - start >= ADDR_TEXT_MAX || (bracket && end[1] != ':'))
		return refuse_text("an address and port", text, expected);
	snprintf(addr, sizeof(addr), "%.*s", (int)(end - start), start);
	n = small_number(end + 1 + bracket, 65535);
	/* "fd00::1:80" would be ambiguous, so IPv6 needs its brackets and IPv4 has none */
	if (n < 0 || addr_parse(addr, &parsed) || addr_is_v6(&parsed) != bracket)
		return refuse_text("an address and port", text, expected);
	*a = parsed;
	*port = (uint16_t)n;
	return 0;
}

const char *addr_port_print(const struct addr *a, uint16_t port, char text[ADDR_PORT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(text, ADDR_PORT_TEXT_MAX, addr_is_v6(a) ? "[%s]:%u" : "%s:%u", addr_print(a, addr),
		port);
	return text;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)a->family;
	if (addr_is_v6(a)) {
		memcpy(&in6->sin6_addr, a->bytes, 16);
		in6->sin6_port = htons(port);
		return sizeof(*in6);
	}
	memcpy(&in->sin_addr, a->bytes, 4);
	in->sin_port = htons(port);
	return sizeof(*in);
}

int addr_from_sockaddr(const struct sockaddr *sa, struct addr *a, uint16_t *port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

	if (sa->sa_family == AF_INET) {
		*a = addr_from_v4(&in->sin_addr);
		*port = ntohs(in->sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		*a = addr_from_v6(&in6->sin6_addr);
		*port = ntohs(in6->sin6_port);
		return 0;
	}
	return refuse(
		EAFNOSUPPORT, "socket address family %d is neither IPv4 nor IPv6", sa->sa_family);
}

/* --- MAC --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t parsed[6];
	bool good = strlen(text) == MAC_TEXT_MAX - 1;

	for (int i = 0; i < 6 && good; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		good = high >= 0 && low >= 0;
		if (i < 5)
			good = good && (text[3 * i + 2] == ':' || text[3 * i + 2] == '-');
		if (good)
			parsed[i] = (uint8_t)(high << 4 | low);
	}
	if (!good)
		return refuse_text("a MAC address", text, "for example 02:00:5e:10:00:01");
	memcpy(mac, parsed, 6);
	return 0;
}

const char *mac_print(const uint8_t mac[6], char text[MAC_TEXT_MAX])
{
	snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return text;
}
