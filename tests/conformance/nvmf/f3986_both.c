/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The founding document's second target and its initiator (F:3986-4055) in one program: the fragments as
 * they stand, addresses from -D; TCP in place of RDMA unless F_TRANSPORT says otherwise (in the guest, where there is
 * an RDMA device, tests/system/nvmf/rdma.sh). The target is started and then used.
 */
#include <stdlib.h>
#include <string.h>

#include <doca_nvmf.h>

#ifndef F_TRANSPORT
#define F_TRANSPORT DOCA_NVMF_TRANSPORT_TCP
#define F_LISTEN "127.0.0.1"
#endif

static int target(void)
{
	/* Create NVMe-oF target context */
	struct doca_nvmf_tgt *nvmf_tgt;
	doca_nvmf_tgt_create(&nvmf_tgt);

	/* Configure subsystem */
	struct doca_nvmf_subsystem_cfg subsys_cfg = {
		.nqn = "nqn.2024-11.com.nvidia:nvme:storage01",
		.serial_number = "DOCA-NVME-001",
		.model_number = "NVIDIA BlueField NVMe",
		.max_namespaces = 16,
		.allow_any_host = F_ANY_HOST,
	};

	struct doca_nvmf_subsystem *subsys;
	doca_nvmf_subsystem_create(nvmf_tgt, &subsys_cfg, &subsys);

	/* Add namespace */
	struct doca_nvmf_namespace_cfg ns_cfg = {
		.nsid = 1,
		.size = 1024ULL * 1024 * 64,
		.block_size = 4096,
		.backend_type = DOCA_NVMF_BACKEND_FILE,
		.backend_path = F_DEVICE,
	};

	struct doca_nvmf_namespace *ns;
	if (doca_nvmf_namespace_add(subsys, &ns_cfg, &ns) != DOCA_SUCCESS)
		return 1;

	/* Create transport */
	struct doca_nvmf_transport_cfg transport_cfg = {
		.type = F_TRANSPORT,
		.addr = F_LISTEN,
		.port = F_PORT,
		.max_queue_depth = 128,
		.max_io_size = 131072,
	};

	struct doca_nvmf_transport *transport;
	if (doca_nvmf_transport_create(nvmf_tgt, &transport_cfg, &transport) != DOCA_SUCCESS)
		return 1;

	/* Start target */
	return doca_nvmf_tgt_start(nvmf_tgt) != DOCA_SUCCESS;
}

static int initiator_reads(void *read_buffer)
{
	/* Connect to NVMe-oF target */
	struct doca_nvmf_initiator_cfg init_cfg = {
		.transport = F_TRANSPORT,
		.target_addr = F_ADDR,
		.target_port = F_PORT,
		.nqn = F_NQN,
	};

	struct doca_nvmf_initiator *initiator;
	doca_nvmf_initiator_create(&init_cfg, &initiator);
	if (doca_nvmf_initiator_connect(initiator) != DOCA_SUCCESS)
		return 1;

	/* Perform I/O operations */
	struct doca_nvmf_io_request req = {
		.opcode = DOCA_NVMF_CMD_READ,
		.nsid = 1,
		.lba = 0,
		.num_blocks = 8,
		.buffer = read_buffer,
	};

	doca_nvmf_io_submit(initiator, &req);
	return doca_nvmf_io_wait_completion(initiator, &req) != DOCA_SUCCESS;
}

int main(int argc, char **argv)
{
	static char buffer[8 * 4096];

	if (argc > 1 && !strcmp(argv[1], "target+initiator") && target())
		return 1;
	if (initiator_reads(buffer))
		return 1;
	printf("read: %.20s\n", buffer);
	return 0;
}
