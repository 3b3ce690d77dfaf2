/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/refuse.h"
#include "base/rng.h"

static struct addr parsed(const char *text)
{
	struct addr a;

	memset(&a, 0xff, sizeof(a)); /* parsing must clear what it does not use */
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefixed(const char *text)
{
	struct prefix p;

	memset(&p, 0xff, sizeof(p));
	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void addresses_round_trip(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"10.244.1.5", "10.244.1.5"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"fd00:0:0:0:0:0:0:5", "fd00::5"},
		{"2001:DB8::a:0:0:1", "2001:db8::a:0:0:1"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
	};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct addr a = parsed(cases[i].in), b = parsed(cases[i].out);

		assert_string_equal(addr_print(&a, text), cases[i].out);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	assert_string_equal(addr_print(&(struct addr){0}, text), "none");
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {"", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256",
		"1.2.3.4 ", " ::", ":::", "fe80::1%eth0", "1::2::3", "12345::", "g::"};
	struct addr a;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(addr_parse(bad[i], &a), -EINVAL);
		assert_non_null(strstr(refusal(), "is not an IP address"));
	}
}

static void bad_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {"", "/", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1",
		"1.2.3.4/+1", "1.2.3.4/ 1", "1.2.3.4/08", "::/129", "::/1x", "::/0x1", "1.2.3/8",
		"/8", "1.2.3.4/99999999999999999999",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111/1"};
	struct prefix p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prefix_parse(bad[i], &p), -EINVAL);
}

/* Bit by bit, from the definition. */
static bool twin_contains(const struct prefix *p, const struct addr *a)
{
	if (p->addr.family != a->family)
		return false;
	for (unsigned bit = 0; bit < p->len; bit++)
		if ((p->addr.bytes[bit / 8] ^ a->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static struct addr random_near(struct rng *r, const struct addr *base)
{
	struct addr a = *base;
	unsigned bit = (unsigned)rng_below(r, addr_bits(base));

	a.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	return rng_one_in(r, 4) ? *base : a;
}

static void containment_matches_the_definition(void **state)
{
	struct prefix all4 = prefix_all(AF_INET), all6 = prefix_all(AF_INET6);
	struct rng r;

	rng_init(&r, rng_test_seed("addr"));
	for (int i = 0; i < 50000; i++) {
		struct addr base = {.family = rng_one_in(&r, 2) ? AF_INET : AF_INET6}, other;
		struct prefix p, q, net;

		rng_bytes(&r, base.bytes, addr_bits(&base) / 8);
		other = random_near(&r, &base);
		p = (struct prefix){base, (uint32_t)rng_below(&r, addr_bits(&base) + 1)};
		q = (struct prefix){other, (uint32_t)rng_below(&r, addr_bits(&base) + 1)};
		net = prefix_network(&p);
		assert_int_equal(prefix_contains(&p, &other), twin_contains(&p, &other));
		assert_true(prefix_contains(&net, &base) && prefix_equal(&net, &p));
		assert_int_equal(prefix_contains_prefix(&p, &q),
			p.len <= q.len && twin_contains(&p, &other));
		assert_int_equal(prefix_overlaps(&p, &q), prefix_overlaps(&q, &p));
		assert_int_equal(addr_compare(&base, &other) == 0, addr_equal(&base, &other));
		assert_true(prefix_contains(addr_is_v4(&base) ? &all4 : &all6, &base));
		assert_false(prefix_contains(addr_is_v4(&base) ? &all6 : &all4, &base));
	}
}

static void prefixes_print(void **state)
{
	struct prefix p = prefixed("10.244.1.7/24"), net = prefix_network(&p),
		      one = prefixed("fd00::1");
	char text[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_print(&p, text), "10.244.1.7/24");
	assert_string_equal(prefix_print(&net, text), "10.244.1.0/24");
	assert_string_equal(prefix_print(&one, text), "fd00::1/128");
	p = prefix_from_addr(&one.addr);
	assert_true(prefix_equal(&p, &one));
}

static void kinds(void **state)
{
	struct addr m4 = parsed("239.1.1.1"), m6 = parsed("ff02::1"), l4 = parsed("127.3.2.1"),
		    l6 = parsed("::1"), u4 = parsed("0.0.0.0"), u6 = parsed("::"), none = {0},
		    x = parsed("223.255.255.255");

	assert_true(addr_is_multicast(&m4) && addr_is_multicast(&m6) && !addr_is_multicast(&x));
	assert_true(addr_is_loopback(&l4) && addr_is_loopback(&l6) && !addr_is_loopback(&u6));
	assert_true(addr_is_unspecified(&u4) && addr_is_unspecified(&u6) &&
		    !addr_is_unspecified(&none));
	assert_true(addr_is_none(&none) && !addr_is_none(&u4));
	assert_int_equal(ntohl(addr_v4(&l4)), 0x7f030201);
}

static void address_and_port(void **state)
{
	static const char *const good[] = {"10.0.0.1:80", "[fd00::1]:65535", "0.0.0.0:0"};
	static const char *const bad[] = {"10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1",
		"fd00::1:80", "[fd00::1]", "[fd00::1]80", "[fd00::1", "[10.0.0.1]:80", ":80",
		"[]:80", "10.0.0.1:8 0", ""};
	char text[ADDR_PORT_TEXT_MAX];
	struct sockaddr_storage ss;
	struct addr a, b;
	uint16_t port, port_b;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(addr_port_parse(good[i], &a, &port), 0);
		assert_string_equal(addr_port_print(&a, port, text), good[i]);
		addr_to_sockaddr(&a, port, &ss);
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &b, &port_b), 0);
		assert_true(addr_equal(&a, &b) && port == port_b);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(addr_port_parse(bad[i], &a, &port), -EINVAL);
	ss.ss_family = AF_UNIX;
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &b, &port_b), -EAFNOSUPPORT);
}

static void macs(void **state)
{
	static const char *const bad[] = {"", "02:00:5e:10:00", "02:00:5e:10:00:0g",
		"02:00:5e:10:00:01:", "2:0:5e:10:0:1", "02005e100001", "02:00:5e:10:00:1 "};
	uint8_t mac[6], again[6];
	char text[MAC_TEXT_MAX];

	assert_int_equal(mac_parse("02-00-5E:10:00:fF", mac), 0);
	assert_string_equal(mac_print(mac, text), "02:00:5e:10:00:ff");
	assert_int_equal(mac_parse(text, again), 0);
	assert_memory_equal(mac, again, 6);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mac_parse(bad[i], again), -EINVAL);
	assert_memory_equal(mac, again, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_round_trip),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(bad_prefixes_are_refused),
		cmocka_unit_test(containment_matches_the_definition),
		cmocka_unit_test(prefixes_print),
		cmocka_unit_test(kinds),
		cmocka_unit_test(address_and_port),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
