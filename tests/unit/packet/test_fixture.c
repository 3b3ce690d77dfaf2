/* SPDX-License-Identifier: BSD-3-Clause */
/* The fixture itself: known bytes, and a checksum twin that notices one flipped bit. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void known_bytes(void **state)
{
	/* Worked by hand: IPv4 header of RFC 791's shape, UDP of 4 bytes. */
	static const uint8_t want[] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45,
		0, 0, 32, 0, 7, 0x40, 0, 64, 17, 0x26, 0xc4, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2,
		0, 12, 0xe9, 0xcc, 0, 1, 2, 3};
	uint8_t buf[128];
	size_t n = test_bytes(buf, sizeof(buf), "eth ip4:10.0.0.1>10.0.0.2,id=7,df udp:1>2 data:4");

	assert_int_equal(n, sizeof(want));
	assert_memory_equal(buf, want, n);
}

static void twin_sees_flips(void **state)
{
	static const char *const specs[] = {
		"eth ip4 tcp:1>2 data:33",
		"eth vlan:5 ip6 hbh:6 dopt:14 udp:1>2 data:7",
		"eth ip4 udp:9>4789 vxlan:100 eth ip6 tcp:1>2,mss=1400 data:11",
		"eth ip6 icmp6:128 data:8",
		"eth ip4 gre:key=4,csum ip4 icmp:8 data:9",
	};
	uint8_t buf[512];

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		size_t n = test_bytes(buf, sizeof(buf), "%s", specs[i]);

		assert_null(test_bad_sum_bytes(buf, n));
		buf[n - 1] ^= 4; /* last payload byte */
		assert_non_null(test_bad_sum_bytes(buf, n));
	}
}

static void split_keeps_bytes(void **state)
{
	uint8_t a[512], b[512];
	size_t n = test_bytes(a, sizeof(a), "eth ip4 udp:1>2 data:300");
	struct rte_mbuf *m = test_mbuf_split(test_pool(), a, n, 7);

	assert_int_equal(test_copy_out(m, b, sizeof(b)), n);
	assert_memory_equal(a, b, n);
	assert_int_equal(rte_pktmbuf_pkt_len(m), n);
	rte_pktmbuf_free(m);
	assert_int_equal(test_pool_in_use(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_bytes),
		cmocka_unit_test(twin_sees_flips),
		cmocka_unit_test(split_keeps_bytes),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
