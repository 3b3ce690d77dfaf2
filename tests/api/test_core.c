/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_common through its public headers: errors, logs, devices, representors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <doca_bitfield.h>
#include <doca_dev.h>
#include <doca_error.h>
#include <doca_log.h>
#include <doca_version.h>

DOCA_LOG_REGISTER(TEST::CORE);

static char line[4096];
static unsigned lines;

static void on_line(char *text)
{
	lines++;
}

static void errors_have_names_and_sentences(void **state)
{
	for (int e = DOCA_SUCCESS; e <= DOCA_ERROR_SKIPPED; e++) {
		const char *name = doca_error_get_name((doca_error_t)e);

		assert_memory_equal(name, "DOCA_", 5);
		assert_true(strlen(doca_error_get_descr((doca_error_t)e)) > 5);
		for (int other = 0; other < e; other++)
			assert_string_not_equal(name, doca_error_get_name((doca_error_t)other));
	}
	assert_string_equal(doca_error_get_name(DOCA_ERROR_NOT_FOUND), "DOCA_ERROR_NOT_FOUND");
	assert_non_null(doca_error_get_descr((doca_error_t)4711));
}

static void propagate_keeps_the_first_error(void **state)
{
	doca_error_t result = DOCA_SUCCESS;

	DOCA_ERROR_PROPAGATE(result, DOCA_ERROR_AGAIN);
	DOCA_ERROR_PROPAGATE(result, DOCA_ERROR_FULL);
	assert_int_equal(result, DOCA_ERROR_AGAIN);
	assert_true(DOCA_IS_ERROR(result));
}

static void versions_agree(void **state)
{
	assert_string_equal(doca_version(), doca_version_runtime());
	assert_true(DOCA_VERSION_EQ_CURRENT(3, 3, 0));
}

static void bit_fields_are_big_endian(void **state)
{
	static const doca_be32_t mask = DOCA_BE32_GENMASK(15, 0);
	const uint8_t *bytes = (const uint8_t *)&mask;
	doca_be32_t word = DOCA_BE32_SET(mask, 0xaabb);

	assert_int_equal(bytes[0], 0);
	assert_int_equal(bytes[3], 0xff);
	assert_int_equal(DOCA_BE32_GET(word, mask), 0xaabb);
	word |= DOCA_BE32_SET(DOCA_BE32_GENMASK(31, 20), 0x123);
	assert_int_equal(DOCA_BETOH32(word), 0x1230aabb);
	assert_int_equal(DOCA_BETOH16(DOCA_HTOBE16(80)), 80);
}

static void program_log_respects_levels(void **state)
{
	static struct doca_log_backend *backend;

	assert_int_equal(doca_log_backend_create_with_buf(line, sizeof(line), on_line, &backend),
		DOCA_SUCCESS);
	lines = 0;
	DOCA_LOG_INFO("%d ports", 3);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "[DOCA][INF][TEST::CORE][test_core.c:"));
	assert_non_null(strstr(line, "[program_log_respects_levels] 3 ports\n"));
	DOCA_LOG_DBG("not now");
	assert_int_equal(lines, 1);
	assert_int_equal(doca_log_level_set_global_lower_limit(DOCA_LOG_LEVEL_DEBUG), DOCA_SUCCESS);
	DOCA_LOG_DBG("now");
	assert_int_equal(lines, 2);
	assert_int_equal(doca_log_level_set_global_lower_limit(5), DOCA_ERROR_INVALID_VALUE);
	doca_log_level_set_global_lower_limit(DOCA_LOG_LEVEL_INFO);
	assert_int_equal(doca_log_backend_set_sdk_level(backend, DOCA_LOG_LEVEL_DEBUG),
		DOCA_ERROR_INVALID_VALUE);
	doca_log_backend_set_level_upper_limit(backend, DOCA_LOG_LEVEL_DISABLE);
}

static void refusals_reach_sdk_backends(void **state)
{
	static struct doca_log_backend *backend;
	uint32_t n;

	assert_int_equal(
		doca_log_backend_create_with_buf_sdk(line, sizeof(line), on_line, &backend),
		DOCA_SUCCESS);
	lines = 0;
	assert_int_equal(doca_devinfo_create_list(NULL, &n), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "doca_devinfo_create_list: dev_list is NULL"));
	assert_int_equal(
		doca_log_backend_set_sdk_level(backend, DOCA_LOG_LEVEL_DISABLE), DOCA_SUCCESS);
	assert_int_equal(doca_devinfo_create_list(NULL, &n), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(lines, 1);
}

static struct doca_devinfo *find(struct doca_devinfo **list, uint32_t n, const char *pci)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t equal;

		assert_int_equal(
			doca_devinfo_is_equal_pci_addr(list[i], pci, &equal), DOCA_SUCCESS);
		if (equal)
			return list[i];
	}
	return NULL;
}

static void default_card_is_at_03_00_0(void **state)
{
	struct doca_devinfo **list;
	struct doca_dev *dev, *again;
	enum doca_pci_func_type type;
	char text[DOCA_DEVINFO_IFACE_NAME_SIZE];
	uint8_t mac[6], equal;
	uint32_t n, sf;

	assert_int_equal(doca_devinfo_create_list(&list, &n), DOCA_SUCCESS);
	assert_true(n >= 3);
	assert_null(list[n]);
	assert_non_null(find(list, n, "03:00.0"));
	assert_ptr_equal(find(list, n, "0000:03:00.0"), find(list, n, "03:00.0"));
	assert_null(find(list, n, "0000:7f:1f.7"));
	assert_int_equal(doca_devinfo_is_equal_pci_addr(list[0], "not an address", &equal),
		DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_devinfo_get_pci_func_type(list[0], &type), DOCA_SUCCESS);
	assert_int_equal(type, DOCA_PCI_FUNC_TYPE_PF);
	assert_int_equal(doca_devinfo_get_sf_index(list[0], &sf), DOCA_ERROR_NOT_FOUND);
	assert_int_equal(doca_devinfo_get_mac_addr(list[0], mac, 5), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_devinfo_get_mac_addr(list[0], mac, 6), DOCA_SUCCESS);
	assert_int_equal(mac[0] & 1, 0);
	assert_int_equal(doca_devinfo_get_iface_name(list[0], text, sizeof(text)), DOCA_SUCCESS);
	assert_string_equal(text, "p0");
	assert_int_equal(doca_dev_open(list[0], &dev), DOCA_SUCCESS);
	assert_int_equal(doca_dev_open(list[0], &again), DOCA_SUCCESS);
	assert_ptr_equal(dev, again);
	assert_int_equal(doca_devinfo_destroy_list(list), DOCA_SUCCESS);
	assert_int_equal(doca_dev_close(dev), DOCA_SUCCESS);
	assert_int_equal(
		doca_devinfo_get_pci_addr_str(doca_dev_as_devinfo(dev), text), DOCA_SUCCESS);
	assert_string_equal(text, "0000:03:00.0");
	assert_int_equal(doca_dev_close(dev), DOCA_SUCCESS);
	assert_int_equal(doca_dev_close(dev), DOCA_ERROR_INVALID_VALUE);
}

static void representors_belong_to_the_card_side(void **state)
{
	struct doca_devinfo **list;
	struct doca_devinfo_rep **reps;
	struct doca_dev_rep *rep;
	struct doca_dev *dev;
	char name[DOCA_DEVINFO_REP_IFACE_NAME_SIZE], vuid[DOCA_DEVINFO_REP_VUID_SIZE], pci[13];
	uint32_t n, n_reps;
	uint8_t yes;

	doca_devinfo_create_list(&list, &n);
	assert_int_equal(doca_devinfo_rep_cap_is_filter_net_supported(list[0], &yes), DOCA_SUCCESS);
	assert_int_equal(yes, 1);
	assert_int_equal(doca_dev_open(list[0], &dev), DOCA_SUCCESS);
	assert_int_equal(
		doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &reps, &n_reps),
		DOCA_SUCCESS);
	assert_true(n_reps >= 2);
	for (uint32_t i = 0; i < n_reps; i++) {
		assert_int_equal(
			doca_devinfo_rep_get_iface_name(reps[i], name, sizeof(name)), DOCA_SUCCESS);
		assert_memory_equal(name, "pf0", 3);
		assert_int_equal(
			doca_devinfo_rep_get_vuid(reps[i], vuid, sizeof(vuid)), DOCA_SUCCESS);
		doca_devinfo_rep_get_pci_addr_str(reps[i], pci);
		assert_int_equal(
			doca_devinfo_rep_is_equal_pci_addr(reps[i], pci, &yes), DOCA_SUCCESS);
		assert_int_equal(yes, 1);
		/* the host's function with the same address is a device of its own */
		assert_non_null(find(list, n, pci));
	}
	assert_int_equal(doca_dev_rep_open(reps[0], &rep), DOCA_SUCCESS);
	assert_int_equal(doca_dev_close(dev), DOCA_ERROR_IN_USE);
	assert_int_equal(doca_dev_rep_close(rep), DOCA_SUCCESS);
	doca_devinfo_rep_destroy_list(reps);
	assert_int_equal(doca_dev_close(dev), DOCA_SUCCESS);
	assert_int_equal(doca_dev_open(find(list, n, pci), &dev), DOCA_SUCCESS);
	assert_int_equal(
		doca_devinfo_rep_create_list(dev, 0, &reps, &n_reps), DOCA_ERROR_NOT_SUPPORTED);
	doca_dev_close(dev);
	doca_devinfo_destroy_list(list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_names_and_sentences),
		cmocka_unit_test(propagate_keeps_the_first_error),
		cmocka_unit_test(versions_agree),
		cmocka_unit_test(bit_fields_are_big_endian),
		cmocka_unit_test(program_log_respects_levels),
		cmocka_unit_test(refusals_reach_sdk_backends),
		cmocka_unit_test(default_card_is_at_03_00_0),
		cmocka_unit_test(representors_belong_to_the_card_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
