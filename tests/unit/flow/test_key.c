/* SPDX-License-Identifier: BSD-3-Clause */
/* Every variant of flow_key_build() fills the same lines with the same bytes, whatever the packets are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "flow/key_int.h"
#include "packet/fixture.h"

#define ROUNDS 4000
#define BURST 32

static const char *const specs[] = {"eth ip4 udp:1>2 data:9", "eth ip4 tcp:1>2,fl=SA data:30", "eth ip6 udp:3>4", "eth ip6 tcp:5>6,fl=F",
	"eth ip4 udp:9>4789 vxlan:77 eth ip4 udp:1>2", "eth ip6 udp:9>4789 vxlan:78 eth ip6 tcp:1>2",
	"eth vlan:7 ip4 udp:1>2", "eth vlan:7 vlan:8 ip6 tcp:1>2", "eth ip4 icmp:8,0", "eth ip6 icmp6:128,0", "eth arp",
	"eth ip4:mf udp:1>2 data:8", "eth ip4 udp:9>6081 geneve:5 eth ip6 tcp:1>2", "eth ip4 gre:t eth ip4 tcp:1>2"};

static void random_meta(struct rng *r, struct flow_pkt_meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	if (rng_one_in(r, 2))
		rng_bytes(r, (uint8_t *)meta, sizeof(*meta));
}

/* The packets of a burst, parsed; some with bits flipped. Those that cannot be parsed do not come this far. */
static unsigned burst(struct rng *r, struct rte_mbuf **m, struct pkt_parse *p, struct flow_pkt_meta *meta)
{
	unsigned n = 0, common = rng_below(r, RTE_DIM(specs));

	for (unsigned i = 0; i < BURST; i++) {
		m[n] = test_packet(test_pool(), "%s", specs[rng_one_in(r, 3) ? rng_below(r, RTE_DIM(specs)) : common]);
		for (unsigned k = rng_below(r, 3); k; k--)
			*(uint8_t *)pkt_at(m[n], 14 + rng_below(r, m[n]->data_len - 14u)) ^= (uint8_t)(1u << rng_below(r, 8));
		random_meta(r, &meta[n]);
		if (pkt_parse(m[n], &p[n]) < 0)
			rte_pktmbuf_free(m[n]);
		else
			n++;
	}
	return n;
}

static void variants_agree(void **state)
{
	static struct flow_key keys[2][BURST];
	struct flow_pkt_meta meta[BURST];
	struct pkt_parse parse[BURST];
	struct rte_mbuf *m[BURST];
	struct rng r;

	if (!key_build_variant(true))
		skip();
	rng_init(&r, rng_test_seed("key"));
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = burst(&r, m, parse, meta), lines = (unsigned)rng_below(&r, 1u << FLOW_KEY_LINES);

		lines &= ~(1u << 3); /* draws at random */
		memset(keys, 0xaa, sizeof(keys));
		key_build_variant(false)(m, parse, meta, keys[0], n, lines);
		key_build_variant(true)(m, parse, meta, keys[1], n, lines);
		assert_memory_equal(keys[0], keys[1], sizeof(keys[0]));
		for (unsigned i = 0; i < n; i++)
			rte_pktmbuf_free(m[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(variants_agree)};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
