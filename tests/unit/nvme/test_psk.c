/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS keys of NVMe/TCP. Interchange texts and version 1 identities are those other implementations give for
 * the same key and names; the derived keys were computed with Python's hmac from RFC 5869 and RFC 8446.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvme/tls_psk.h"

#define HOST "nqn.psk-test-host"
#define SUBSYS "nqn.psk-test-subsys"
#define KEY00 "NVMeTLSkey-1:00:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:"
#define KEY01 "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:"
#define KEY02 "NVMeTLSkey-1:02:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwP/w0S89ELi3W2LxIcLXVsDn8kXZQ==:"

static void check(const char *text, int version, const char *identity, const char *hex)
{
	struct tls_psk psk;
	char got[2 * TLS_PSK_BYTES_MAX + 1];

	assert_int_equal(tls_psk_derive(text, HOST, SUBSYS, version, &psk), 0);
	assert_string_equal(psk.identity, identity);
	for (size_t i = 0; i < psk.len; i++)
		snprintf(got + 2 * i, 3, "%02x", psk.bytes[i]);
	assert_string_equal(got, hex);
}

static void test_vectors(void **state)
{
	check(KEY00, 0, "NVMe0R01 " HOST " " SUBSYS,
		"ec85300ba827726bd3bc4fc07f3a34aec5fe7c8ccac05fefc2f021c74e0df9ef");
	check(KEY01, 0, "NVMe0R01 " HOST " " SUBSYS,
		"05c6503551ad136e6ee32e6eeb3f6d500b69701d84ec71e328f65c7f51566f68");
	check(KEY01, 1, "NVMe1R01 " HOST " " SUBSYS " iSbjiStwJ/1TrTvDlt2fjFmzvsytOJelidNnA+X5lEU=",
		"8fc3c0badfd4c0c66fa3ca33aadd0314f85536cc9bc47338b60f3e6e563786ca");
	check(KEY02, 1,
		"NVMe1R02 " HOST " " SUBSYS " QhW2+Rp6RzHlNtCslyRxMnwJ11tKKhz8JCAQpQ+XUD8f9td1VeH5h53yz2wKJG1a",
		"a2b2f943f479fc682555cec89857c80ed004ce92f32a973d5764155bb7e36b17a85368a0666d250afac9282dda2e62ca");
	check(KEY02, 0, "NVMe0R02 " HOST " " SUBSYS,
		"f42ba63824cdfe421914c582921f85b5b5b7e2d4df084caeedc9be20b212e8bb0fe8a23e9d59a1c8fc6449da4970a78d");
}

static void test_bad_texts(void **state)
{
	static const char *const bad[] = {"", "NVMeTLSkey-1", "NVMeTLSkey-1:01::", "DHHC-1" KEY01 + 12,
		/* a wrong checksum, a missing colon, a hash that does not exist, not base64 */
		"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrA:",
		"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ",
		"NVMeTLSkey-1:03:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "NVMeTLSkey-1:01:====:"};

	assert_int_equal(tls_psk_check(KEY02), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tls_psk_check(bad[i]), -EINVAL);
}

static void test_long_names(void **state)
{
	char host[224], subsys[224];
	struct tls_psk psk;

	memset(host, 'h', 223);
	memset(subsys, 's', 223);
	host[223] = subsys[223] = '\0';
	assert_int_equal(tls_psk_derive(KEY02, host, subsys, 0, &psk), -EINVAL);
	assert_int_equal(tls_psk_derive(KEY02, host, subsys, -1, &psk), 0);
	assert_memory_equal(psk.identity, "NVMe1R02 hhh", 12);
	assert_int_equal(tls_psk_derive(KEY01, HOST, SUBSYS, -1, &psk), 0);
	assert_memory_equal(psk.identity, "NVMe0R01 nqn", 12);
}

static void test_split(void **state)
{
	static const char *const good[] = {"NVMe0R01 a b", "NVMe0R02 " HOST " " SUBSYS, "NVMe1R01 a b digest="};
	static const char *const bad[] = {"", "NVMe0R01", "NVMe0R01 a", "NVMe0R01  b", "NVMe0R01 a b c", "NVMe1R01 a b",
		"NVMe2R01 a b", "NVMe0G01 a b", "NVMe0R00 a b", "NVMe0R03 a b", "NVMe0R011 a b", "nvme0R01 a b",
		"NVMe1R01 a b c d"};
	struct tls_psk_name name;
	char longer[TLS_PSK_IDENTITY_MAX + 8] = "NVMe0R01 ";

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(tls_psk_split(good[i], strlen(good[i]), &name), 0);
	assert_string_equal(name.hostnqn, "a");
	assert_string_equal(name.subnqn, "b");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tls_psk_split(bad[i], strlen(bad[i]), &name), -EINVAL);
	assert_int_equal(tls_psk_split("NVMe0R01 a\0b c", 14, &name), -EINVAL);
	memset(longer + 9, 'x', sizeof(longer) - 9);
	assert_int_equal(tls_psk_split(longer, sizeof(longer), &name), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_bad_texts),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests_name("nvme-psk", tests, NULL, NULL);
}
