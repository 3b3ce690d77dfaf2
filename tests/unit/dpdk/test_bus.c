/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_softdpu: the card's PCI functions as DPDK programs meet them: at start, by hotplug, with
 * representors in every spelling, twice, and gone again.
 */
#include "dpdk_test.h"

static int start(void **state)
{
	make_card();
	if (net_softdpu_setup(card) < 0) {
		print_error("%s\n", refusal());
		return -1;
	}
	return start_eal("0000:03:00.0,representor=vf[0-1]");
}

static void test_named_function_and_representors_are_there(void **state)
{
	struct rte_eth_dev_info up, rep;
	struct rte_ether_addr mac;
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t id = ethdev_of("p0"), mtu;

	assert_int_equal(rte_eth_dev_count_avail(), 3);
	assert_int_equal(rte_eth_dev_get_name_by_port(id, name), 0);
	assert_string_equal(name, "0000:03:00.0");
	assert_int_equal(rte_eth_macaddr_get(id, &mac), 0);
	assert_int_equal(mac.addr_bytes[5], 1);
	assert_int_equal(rte_eth_dev_get_mtu(id, &mtu), 0);
	assert_int_equal(mtu, 1600);
	assert_int_equal(rte_eth_dev_info_get(id, &up), 0);
	assert_int_equal(rte_eth_dev_info_get(ethdev_of("pf0vf1"), &rep), 0);
	assert_int_equal(up.switch_info.domain_id, rep.switch_info.domain_id);
	assert_int_not_equal(up.switch_info.domain_id, RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID);
	assert_int_equal(rep.switch_info.port_id, 4);
	assert_true(*rep.dev_flags & RTE_ETH_DEV_REPRESENTOR);
	assert_false(*up.dev_flags & RTE_ETH_DEV_REPRESENTOR);
	assert_int_equal(ethdev_of("p1"), UINT16_MAX);
}

static uint16_t match(const char *devargs)
{
	struct rte_dev_iterator it;
	uint16_t id, found = UINT16_MAX;

	RTE_ETH_FOREACH_MATCHING_DEV(id, devargs, &it)
	{
		if (found != UINT16_MAX) {
			rte_eth_iterator_cleanup(&it);
			return UINT16_MAX - 1;
		}
		found = id;
	}
	return found;
}

/* How OVS and others find the ethdev they asked for. */
static void test_devargs_find_the_right_ethdev(void **state)
{
	assert_int_equal(match("0000:03:00.0,representor=vf1"), ethdev_of("pf0vf1"));
	assert_int_equal(match("0000:03:00.0,representor=[0]"), ethdev_of("pf0vf0"));
	assert_int_equal(match("0000:03:00.0,representor=pf0vf0"), ethdev_of("pf0vf0"));
}

static void test_probe_again_adds_representors(void **state)
{
	uint16_t p0 = ethdev_of("p0");

	assert_int_equal(rte_dev_probe("0000:03:00.0,dv_flow_en=2,representor=pf0vf[1,5]"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 4);
	assert_int_equal(rte_dev_probe("pci:0000:03:00.0,representor=sf2"), 0);
	assert_int_equal(rte_dev_probe("0000:03:00.0,representor=vf65535"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 6);
	assert_int_equal(ethdev_of("p0"), p0);
	assert_int_not_equal(ethdev_of("pf0hpf"), UINT16_MAX);
	assert_int_not_equal(ethdev_of("pf0sf2"), UINT16_MAX);
}

static void test_unknown_representor_is_refused(void **state)
{
	unsigned before = rte_eth_dev_count_avail();

	assert_true(rte_dev_probe("0000:03:00.0,representor=vf77") < 0);
	assert_true(rte_dev_probe("0000:03:00.7") < 0);
	assert_int_equal(rte_eth_dev_count_avail(), before);
	assert_true(net_softdpu_setup(NULL) == 0); /* again: nothing to do */
}

static void test_second_card_is_refused(void **state)
{
	struct card *other;

	assert_int_equal(card_default(&other), 0);
	assert_int_equal(net_softdpu_setup(other), -EBUSY);
	card_destroy(other);
}

static void test_hotplug_of_the_other_function(void **state)
{
	struct rte_eth_dev_info a, b;
	unsigned before = rte_eth_dev_count_avail();

	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(rte_eal_hotplug_add("pci", "0000:03:00.1", "representor=vf0"), 0);
		assert_int_equal(rte_eth_dev_count_avail(), before + 2);
		assert_int_equal(rte_eth_dev_info_get(ethdev_of("p0"), &a), 0);
		assert_int_equal(rte_eth_dev_info_get(ethdev_of("pf1vf0"), &b), 0);
		assert_int_not_equal(a.switch_info.domain_id, b.switch_info.domain_id);
		start_port(ethdev_of("pf1vf0"), 1);
		assert_int_equal(rte_eal_hotplug_remove("pci", "0000:03:00.1"), 0);
		assert_int_equal(rte_eth_dev_count_avail(), before);
	}
}

static void test_real_devices_stay_visible(void **state)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		"test $(ls -d %s/pci-t-*/* | wc -l) -ge $(( 2 + $(ls /sys/bus/pci/devices | wc -l) "
		"))",
		run_dir);
	if (access("/sys/bus/pci/devices", F_OK) == 0)
		assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_function_and_representors_are_there),
		cmocka_unit_test(test_devargs_find_the_right_ethdev),
		cmocka_unit_test(test_probe_again_adds_representors),
		cmocka_unit_test(test_unknown_representor_is_refused),
		cmocka_unit_test(test_second_card_is_refused),
		cmocka_unit_test(test_hotplug_of_the_other_function),
		cmocka_unit_test(test_real_devices_stay_visible),
	};

	return cmocka_run_group_tests(tests, start, stop_eal);
}
