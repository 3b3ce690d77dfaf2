/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmf_io: write eight blocks to an NVMe/TCP target, read them back, compare. nvmf_target is its target.
 *
 * pkg-config: doca-nvmf
 * shell: "$E/nvmf_target" 4521 & P=$!; sleep 1; "$E/nvmf_io" 4521; R=$?; kill $P; wait $P; exit $R
 * expect: namespace 1: 16384 blocks of 4096 bytes
 * expect: 32768 bytes came back as they went
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doca_nvmf.h>

static doca_error_t io(struct doca_nvmf_initiator *initiator, enum doca_nvmf_cmd opcode, void *buffer)
{
	struct doca_nvmf_io_request req = {.opcode = opcode, .nsid = 1, .lba = 0, .num_blocks = 8, .buffer = buffer};
	doca_error_t result = doca_nvmf_io_submit(initiator, &req);

	return result == DOCA_SUCCESS ? doca_nvmf_io_wait_completion(initiator, &req) : result;
}

int main(int argc, char **argv)
{
	struct doca_nvmf_initiator_cfg cfg = {.transport = DOCA_NVMF_TRANSPORT_TCP, .target_addr = "127.0.0.1",
		.target_port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 4420), .nqn = "nqn.2026-11.io.softdpu:example"};
	static unsigned char out[8 * 4096], in[8 * 4096];
	struct doca_nvmf_initiator *initiator;
	uint32_t block_size = 0;
	uint64_t blocks = 0;
	doca_error_t result = doca_nvmf_initiator_create(&cfg, &initiator);

	if (result != DOCA_SUCCESS)
		return EXIT_FAILURE;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7);
	result = doca_nvmf_initiator_connect(initiator);
	if (result == DOCA_SUCCESS)
		result = doca_nvmf_initiator_get_namespace(initiator, 1, &blocks, &block_size);
	if (result == DOCA_SUCCESS)
		result = io(initiator, DOCA_NVMF_CMD_WRITE, out);
	if (result == DOCA_SUCCESS)
		result = io(initiator, DOCA_NVMF_CMD_READ, in);
	if (result == DOCA_SUCCESS && !memcmp(in, out, sizeof(in))) {
		printf("namespace 1: %llu blocks of %u bytes\n", (unsigned long long)blocks, block_size);
		printf("%zu bytes came back as they went\n", sizeof(in));
	} else {
		printf("failed: %s\n", doca_error_get_descr(result));
		result = DOCA_ERROR_IO_FAILED;
	}
	doca_nvmf_initiator_destroy(initiator);
	return result == DOCA_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
