/* SPDX-License-Identifier: BSD-3-Clause */
/* DH-HMAC-CHAP between our host and our target: every hash, some groups, right and wrong keys. */
#include "nvme/dhchap.h"
#include "rig.h"

/* secrets 00 01 02 ... 1f and their 48- and 64-byte cousins, with checksums */
static char key_a[128], key_b[128];

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;

	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static void make_key(char out[128], uint8_t first, size_t len, int hash)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t raw[72] = {0};
	uint32_t crc;
	size_t at;

	for (size_t i = 0; i < len; i++)
		raw[i] = (uint8_t)(first + i);
	crc = crc32_of(raw, len);
	memcpy(raw + len, &crc, 4);
	at = (size_t)sprintf(out, "DHHC-1:%02d:", hash);
	for (size_t i = 0; i < len + 4; i += 3) {
		uint32_t v = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];

		for (int k = 0; k < 4; k++)
			out[at++] = (size_t)k <= len + 4 - i ? digits[v >> (18 - 6 * k) & 63] : '=';
	}
	strcpy(out + at, ":");
}

static enum nvmf_host_state try_keys(struct rig *r, const char *mine, const char *theirs, const char **why)
{
	static char text[256];
	struct nvmf_host_options o = rig_host_options(r);
	enum nvmf_host_state state;
	struct nvmf_host *h;
	uint8_t buf[512];

	o.dhchap_key = mine;
	o.dhchap_ctrl_key = theirs;
	o.io_queues = 2;
	h = rig_connect(r, &o);
	state = nvmf_host_state(h);
	if (state == NVMF_HOST_LIVE)
		assert_int_equal(rig_rw(r, h, NVME_IO_READ, 0, 1, buf), 0);
	snprintf(text, sizeof(text), "%s", nvmf_host_trouble(h));
	if (why)
		*why = text;
	rig_leave(r, h);
	return state;
}

static void test_authentication(void **state)
{
	static const char *const hashes[] = {"sha256", "sha384", "sha512"}, *const groups[] = {"null", "ffdhe2048", "ffdhe3072"};
	const char *why;
	struct rig r;

	make_key(key_a, 1, 32, 1);
	make_key(key_b, 77, 64, 0);
	rig_open(&r, "mem:1M", 0, NULL);
	for (int i = 0; i < 3; i++) {
		struct nvme_host_config c = {.nqn = RIG_HOST, .dhchap_key = key_a, .dhchap_ctrl_key = key_b,
			.dhchap_hash = hashes[i], .dhchap_dhgroup = groups[i]};

		if (nvme_host_set(r.target, &c))
			fail_msg("%s", refusal());
		assert_int_equal(try_keys(&r, key_a, NULL, NULL), NVMF_HOST_LIVE);
		assert_int_equal(try_keys(&r, key_a, key_b, NULL), NVMF_HOST_LIVE);
		assert_int_equal(try_keys(&r, key_b, NULL, &why), NVMF_HOST_FAILED);
		assert_non_null(strstr(why, "rejects our key"));
		assert_int_equal(try_keys(&r, key_a, key_a, &why), NVMF_HOST_FAILED);
		assert_non_null(strstr(why, "does not know its own key"));
		assert_int_equal(try_keys(&r, NULL, NULL, &why), NVMF_HOST_FAILED);
		assert_non_null(strstr(why, "has no key"));
	}
	/* hosts without keys are not asked */
	nvme_host_set(r.target, &(struct nvme_host_config){.nqn = RIG_HOST});
	assert_int_equal(try_keys(&r, NULL, NULL, NULL), NVMF_HOST_LIVE);
	key_a[12] ^= 1;
	assert_true(nvme_host_set(r.target, &(struct nvme_host_config){.nqn = RIG_HOST, .dhchap_key = key_a}) < 0);
	rig_close(&r);
}

static void auth_message(struct nvmf_io *io, uint8_t fctype, void *buf, uint32_t len)
{
	*io = (struct nvmf_io){.cmd.opcode = NVME_FABRICS, .buf = buf, .len = len,
		.dir = fctype == NVME_FC_AUTH_SEND ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST};
	io->cmd.auth.fctype = fctype;
	io->cmd.auth.spsp0 = io->cmd.auth.spsp1 = 1;
	io->cmd.auth.secp = DHCHAP_SECP;
	io->cmd.auth.length = len;
}

/* Secure channel concatenation (SC_C) is refused with its own explanation, before any key is looked at. */
static void test_no_concatenation(void **state)
{
	struct nvme_host_config c = {.nqn = RIG_HOST, .dhchap_key = key_a};
	struct {
		struct auth_negotiate m;
		uint8_t protocol[64];
	} negotiate = {.m = {.h.tid = 77, .sc_c = 1, .napd = 1}};
	struct auth_failure answer = {.reason = 0};
	struct nvmf_host_options o;
	struct nvmf_host *h;
	struct nvmf_io io;
	struct rig r;

	make_key(key_a, 1, 32, 1);
	rig_open(&r, "mem:1M", 0, NULL);
	assert_int_equal(nvme_host_set(r.target, &c), 0);
	o = rig_host_options(&r);
	o.dhchap_key = key_a;
	h = rig_connect(&r, &o);
	assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	auth_message(&io, NVME_FC_AUTH_SEND, &negotiate, sizeof(negotiate));
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	auth_message(&io, NVME_FC_AUTH_RECEIVE, &answer, sizeof(answer));
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(auth_kind(&answer.h), AUTH_FAILURE1);
	assert_int_equal(answer.h.tid, 77);
	assert_int_equal(answer.reason, 1);
	assert_int_equal(answer.explanation, AUTH_NO_SECURE_CHANNEL);
	rig_leave(&r, h);
	rig_close(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_no_concatenation),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-auth", tests, NULL, NULL);
}
