/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card: what a profile says, what a bad one is told, and that printing parses back. Sees the
 * insides (card_int.h) only for the equality of attachments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "card/card_int.h"

static const char node1[] =
	"name: node1\n"
	"limits: {profile: bf3, pipes: 16}\n"
	"pci:\n"
	"  dpu: [0000:03:00.0, 0000:03:00.1]\n"
	"  host: [0000:b1:00.0]\n"
	"ports:\n"
	"  p0: {mtu: 1600, packet: {netns: node1, ifname: eth0}}\n"
	"  p1: {null: {}}\n"
	"  pf0hpf: {tap: {ifname: hostpf0}}\n"
	"  pf0vf0: {mac: '02:00:0a:f4:01:0a', mtu: 1450, pod: default/client,\n"
	"           tap: {netns: client, ifname: eth0, queues: 2}}\n"
	"  pf0vf1: {pair: {peer: pf0vf2}, spoof_check: false}\n"
	"  pf0vf2: {pair: {peer: pf0vf1}}\n"
	"  pf1vf3: {vhost_user: {path: /run/vm\"0.sock, server: true}}\n"
	"  pf0sf9: {generator: {flows: 100, rate: 1000000, src: 'fd00::1', dst: 'fd00::2', proto: "
	"udp, imix: true, scatter: true, fan_out: true, replies: true, vni: 7}}\n"
	"node:\n"
	"  name: node1\n"
	"  vni: 100\n"
	"  vtep4: 192.168.1.101/24\n"
	"  vtep6: fd00:192:168:1::101/64\n"
	"  gateway4: 192.168.1.1\n"
	"  pod_cidrs: [10.244.1.0/24, 'fd00:10:244:1::/64']\n"
	"  metrics: 127.0.0.1:9464\n"
	"  timeouts: {udp: 20, tcp_established: 86400}\n"
	"worker: {mode: poll, count: 2, cpus: [0, 1], idle_us: 10, memory_mb: 128}\n"
	"run_dir: /run/softdpu-test\n";

static struct card *parse(const char *text)
{
	struct card *card = NULL;
	int err = card_parse("t.yaml", text, strlen(text), &card);

	if (err < 0)
		fail_msg("%s", refusal());
	return card;
}

static void refused(const char *text, int errnum, const char *words)
{
	struct card *card = NULL;

	refusal_clear();
	assert_int_equal(card_parse("t.yaml", text, strlen(text), &card), -errnum);
	if (!strstr(refusal(), words))
		fail_msg("'%s' does not say '%s'", refusal(), words);
	assert_null(card);
}

static void test_everything_is_read(void **state)
{
	struct card *card = parse(node1);
	const struct card_port *vf = card_port_by_name(card, "pf0vf0");
	char text[13];

	assert_int_equal(card->n_ports, 8);
	assert_int_equal(card->n_pfs, 2);
	assert_int_equal(card->limits.pipes, 16);
	assert_int_equal(card->limits.mtu, 9978);
	assert_int_equal(card_port_index(card, vf), 3);
	assert_int_equal(vf->role, CARD_VF);
	assert_int_equal(vf->attach.kind, CARD_ATTACH_TAP);
	assert_int_equal(vf->attach.queues, 2);
	assert_string_equal(vf->attach.netns, "client");
	assert_string_equal(vf->pod, "default/client");
	assert_true(vf->spoof_check && vf->mac_given);
	assert_int_equal(vf->mac[5], 0x0a);
	assert_string_equal(card_bdf_format(&vf->bdf, text), "0000:b1:00.2");
	assert_ptr_equal(card_port_by_bdf(card, &vf->bdf), vf);
	vf = card_port_by_name(card, "pf1vf3");
	assert_string_equal(card_bdf_format(&vf->bdf, text), "0000:b1:10.5");
	assert_int_equal(card_port_by_name(card, "pf0hpf")->bdf.bus, 0xb1);
	assert_false(card_port_by_name(card, "pf0vf1")->spoof_check);
	assert_int_equal(card->node.vni, 100);
	assert_int_equal(card->node.vtep4.len, 24);
	assert_int_equal(card->node.vtep4.addr.bytes[3], 101);
	assert_int_equal(card->node.timeouts.udp, 20);
	assert_int_equal(card->node.timeouts.tcp_established, 86400);
	assert_int_equal(card->node.timeouts.icmp, 0); /* the default */
	assert_int_equal(card->worker.mode, CARD_POLL);
	assert_int_equal(card->worker.n_cpus, 2);
	card_destroy(card);
}

static void test_default_card(void **state)
{
	struct card *card;
	char text[13];

	unsetenv("SOFTDPU_CARD");
	assert_int_equal(card_open(&card), 0);
	assert_true(card->is_private);
	assert_string_equal(card_bdf_format(&card->ports[0].bdf, text), CARD_DEFAULT_BDF);
	assert_string_equal(card->ports[0].name, "p0");
	assert_string_equal(
		card_bdf_format(&card_port_by_name(card, "p1")->bdf, text), "0000:03:00.1");
	assert_non_null(card_port_by_name(card, "pf0hpf"));
	assert_non_null(card_port_by_name(card, "pf0vf3"));
	assert_null(card_port_by_name(card, "pf0vf4"));
	assert_int_equal(card_limit_check(&card->limits, "pipes", UINT64_MAX, "x"), 0);
	card_destroy(card);
	card_destroy(NULL);
}

static void test_made_macs_are_stable_and_unicast(void **state)
{
	struct card *a = parse("name: a\nports: {p0: , pf0vf0: }\n");
	struct card *b = parse("name: a\nports: {pf0vf0: , p0: }\n");
	struct card *c = parse("name: c\nports: {p0: , pf0vf0: }\n");

	assert_memory_equal(card_port_by_name(a, "p0")->mac, card_port_by_name(b, "p0")->mac, 6);
	assert_memory_not_equal(a->ports[0].mac, a->ports[1].mac, 6);
	assert_memory_not_equal(a->ports[0].mac, c->ports[0].mac, 6);
	assert_int_equal(a->ports[0].mac[0], 2);
	card_destroy(a);
	card_destroy(b);
	card_destroy(c);
}

static void test_print_parses_back(void **state)
{
	struct card *card = parse(node1), *again;
	struct card_diff *diff;
	char *text, *text2;
	size_t len, len2;
	FILE *f = open_memstream(&text, &len), *f2 = open_memstream(&text2, &len2);

	assert_int_equal(card_print(card, f), 0);
	fclose(f);
	if (card_parse("printed.yaml", text, len, &again) < 0)
		fail_msg("%s\n%s", refusal(), text);
	assert_int_equal(card_diff(card, again, &diff), 0);
	for (unsigned i = 0; i < diff->n; i++)
		fail_msg("differs: %s %s", diff->changes[i].field,
			diff->changes[i].before ? diff->changes[i].before->name : "");
	assert_int_equal(card_print(again, f2), 0);
	fclose(f2);
	assert_string_equal(text, text2);
	card_diff_destroy(diff);
	card_destroy(card);
	card_destroy(again);
	free(text);
	free(text2);
}

static void test_refusals_name_the_place(void **state)
{
	refused("name: a\nports: {p0: }\nprots: 1\n", EINVAL, "t.yaml:3");
	refused("name: a\nports: {p0: }\nprots: 1\n", EINVAL, "ports");
	refused("ports: {p0: }\n", ENOENT, "'name' is missing");
	refused("name: a b\nports: {p0: }\n", EINVAL, "cannot be a card's name");
	refused("name: a\n", ENOENT, "'ports' is missing");
	refused("name: a\nports: {eth0: }\n", EINVAL, "not a port name");
	refused("name: a\nports: {pf0vf01: }\n", EINVAL, "not a port name");
	refused("name: a\nports: {p4: }\n", EINVAL, "not a port name");
	refused("name: a\nports:\n  p0: {tpa: {ifname: x}}\n", EINVAL, "tap");
	refused("name: a\nports:\n  p0: {tap: {}}\n", ENOENT, "ifname");
	refused("name: a\nports:\n  p0: {tap: {ifname: abcdefghijklmnopq}}\n", EINVAL,
		"interface name");
	refused("name: a\nports:\n  p0: {null: {}, tap: {ifname: x}}\n", EINVAL, "one only");
	refused("name: a\nports:\n  p0: {null: {netns: x}}\n", EINVAL, "netns");
	refused("name: a\nports:\n  p0: {mac: 02:00}\n", EINVAL, "t.yaml:3");
	refused("name: a\nports:\n  p0: {mac: '03:00:00:00:00:01'}\n", EINVAL, "group address");
	refused("name: a\nports:\n  p0: {mtu: 20}\n", EINVAL, "68");
	refused("name: a\nports:\n  pf0vf0: {pod: web}\n", EINVAL, "NAMESPACE/NAME");
	refused("name: a\nports: {p0: }\nlimits: bf9\n", EINVAL, "fast (no limits), bf3, cx7");
	refused("name: a\nports: {p0: }\nlimits: {pips: 3}\n", EINVAL, "pipes");
	refused("name: a\nports: {p0: }\nnode: {name: n, vni: 0}\n", EINVAL, "1 to 16777215");
	refused("name: a\nports: {p0: }\nnode: {name: n, vni: 16777216}\n", EINVAL, "16777216");
	refused("name: a\nports: {p0: }\nnode: {name: n, vtep4: 192.168.1.1}\n", EINVAL,
		"prefix length");
	refused("name: a\nports: {p0: }\nnode: {name: n, vtep4: 'fd00::1/64'}\n", EINVAL, "IPv4");
	refused("name: a\nports: {p0: }\nnode: {name: n, vtep4: 10.0.0.1/24, gateway4: 10.1.0.1}\n",
		EINVAL, "10.0.0.");
	refused("name: a\nports: {p0: }\nnode: {name: n, timeouts: {udp: 0}}\n", EINVAL,
		"1 to 604800");
	refused("name: a\nports: {p0: }\nnode: {name: n, timeouts: {upd: 9}}\n", EINVAL, "udp");
	refused("name: a\nports: {p0: }\nnode: {vni: 3}\n", ENOENT, "name");
	refused("name: a\nports: {p0: }\npci: {dpu: [03:00]}\n", EINVAL, "not a PCI address");
	refused("name: a\nports: {p0: }\nworker: {mode: lazy}\n", EINVAL, "adaptive");
	refused("name: a\nports: {p0: }\nrun_dir: here\n", EINVAL, "absolute");
	refused("name: a\nports: {p0: }\n---\nname: b\nports: {p0: }\n", EINVAL,
		"2 YAML documents");
	refused("", EINVAL, "0 YAML documents");
	refused("name: a\nports: {p0: , p0: }\n", EINVAL, "p0");
}

static void test_duplicates_name_both(void **state)
{
	refused("name: a\nports:\n  p0: {mac: '02:00:00:00:00:01'}\n  p1: {mac: "
		"'02:00:00:00:00:01'}\n",
		EEXIST, "t.yaml:4: ports.p1: MAC 02:00:00:00:00:01 is used by p0 (line 3)");
	refused("name: a\nports:\n  p0: {tap: {ifname: x, netns: n}}\n  p1: {packet: {ifname: x, "
		"netns: n}}\n",
		EEXIST, "interface x in namespace n");
	refused("name: a\nports:\n  pf0vf0: {pod: a/b}\n  pf0vf1: {pod: a/b}\n", EEXIST, "pod a/b");
	refused("name: a\nports:\n  p0: {dgram: {path: /x}}\n  p1: {memif: {path: /x}}\n", EEXIST,
		"socket /x");
	refused("name: a\nports: {p0: , p1: }\npci: {dpu: [0000:03:00.0, 0000:03:00.0]}\n", EEXIST,
		"PCI address 0000:03:00.0");
}

static void test_pairs_and_limits(void **state)
{
	refused("name: a\nports:\n  p0: {pair: {peer: p1}}\n", ENOENT, "no such port");
	refused("name: a\nports:\n  p0: {pair: {peer: p0}}\n", EINVAL, "in turn");
	refused("name: a\nports:\n  p0: {pair: {peer: p1}}\n  p1: \n", EINVAL, "in turn");
	refused("name: a\nlimits: {profile: cx7, vfs: 2}\nports:\n  pf0vf2: \n", E2BIG,
		"over the limit of 2 virtual functions per physical function of profile cx7");
	refused("name: a\nlimits: cx7\nports:\n  p0: {mtu: 10000}\n", E2BIG, "9978");
}

static void test_a_limit_nobody_knows(void **state)
{
	struct card_limits limits = {0};

	assert_int_equal(card_limit_check(&limits, "wishes", 3, "three wishes"), -EINVAL);
	assert_string_equal(refusal(), "three wishes: no limit is called 'wishes'");
}

static void test_bdf_forms(void **state)
{
	static const char *const bad[] = {"", "03", "03:00", "03:00.8", "03:20.0", "100:00.0",
		"g3:00.0", "0000:03:00.0 ", "00000:03:00.0", "0000:03:00.00", "pci/", "-3:00.0",
		"0x3:00.0"};
	struct card_bdf bdf, want = {0, 3, 0, 1};
	char text[13];

	assert_int_equal(card_bdf_parse("0000:03:00.1", &bdf), 0);
	assert_true(card_bdf_equal(&bdf, &want));
	assert_int_equal(card_bdf_parse("pci/0000:03:00.1", &bdf), 0);
	assert_true(card_bdf_equal(&bdf, &want));
	assert_int_equal(card_bdf_parse("03:00.1", &bdf), 0);
	assert_true(card_bdf_equal(&bdf, &want));
	assert_int_equal(card_bdf_parse("ABCD:ff:1f.7", &bdf), 0);
	assert_string_equal(card_bdf_format(&bdf, text), "abcd:ff:1f.7");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		if (card_bdf_parse(bad[i], &bdf) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
}

static void test_many_vfs(void **state)
{
	struct str s = STR_INIT;
	struct card *card;

	str_add(&s, "name: big\nports:\n  p0: \n");
	for (unsigned i = 0; i < 1000; i++)
		str_addf(&s, "  pf0vf%u: {tap: {netns: pod%u, ifname: eth0}, pod: default/pod%u}\n",
			i, i, i);
	card = parse(str_text(&s));
	assert_int_equal(card->n_ports, 1001);
	assert_int_equal(card_port_by_name(card, "pf0vf999")->function, 999);
	card_destroy(card);
	str_free(&s);
}

static void test_packaged_profiles_load(void **state)
{
	static const char *const names[] = {"node", "vms", "lab", "bench"};
	const char *src = getenv("SOFTDPU_SRC");
	struct card *card;
	char path[512];

	if (!src)
		skip();
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/packaging/cards/%s.yaml", src, names[i]);
		if (card_load(path, &card) < 0)
			fail_msg("%s", refusal());
		assert_true(card->n_ports >= 2);
		card_destroy(card);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_read),
		cmocka_unit_test(test_default_card),
		cmocka_unit_test(test_made_macs_are_stable_and_unicast),
		cmocka_unit_test(test_print_parses_back),
		cmocka_unit_test(test_refusals_name_the_place),
		cmocka_unit_test(test_duplicates_name_both),
		cmocka_unit_test(test_pairs_and_limits),
		cmocka_unit_test(test_a_limit_nobody_knows),
		cmocka_unit_test(test_bdf_forms),
		cmocka_unit_test(test_many_vfs),
		cmocka_unit_test(test_packaged_profiles_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
