/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmf_target: export 64 MiB of memory over NVMe/TCP, on this program's own loop.
 *
 * pkg-config: doca-nvmf
 * shell: "$E/nvmf_target" 4520 & P=$!; sleep 1; "$E/nvmf_io" 4520; R=$?; kill $P; wait $P; exit $R
 * expect: nvme connect -t tcp -a 127.0.0.1
 * expect: 32768 bytes came back as they went
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <doca_nvmf.h>

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

int main(int argc, char **argv)
{
	struct doca_nvmf_subsystem_cfg subsys_cfg = {.nqn = "nqn.2026-11.io.softdpu:example", .allow_any_host = true};
	struct doca_nvmf_namespace_cfg ns_cfg = {.nsid = 1, .size = 64ull << 20, .block_size = 4096,
		.backend_type = DOCA_NVMF_BACKEND_MEMORY};
	struct doca_nvmf_transport_cfg transport_cfg = {.type = DOCA_NVMF_TRANSPORT_TCP, .addr = "127.0.0.1",
		.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 4420)};
	struct doca_nvmf_subsystem *subsys;
	struct doca_nvmf_tgt *tgt;
	doca_error_t result;

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	result = doca_nvmf_tgt_create(&tgt);
	if (result != DOCA_SUCCESS)
		return EXIT_FAILURE;
	result = doca_nvmf_subsystem_create(tgt, &subsys_cfg, &subsys);
	if (result == DOCA_SUCCESS)
		result = doca_nvmf_namespace_add(subsys, &ns_cfg, NULL);
	if (result == DOCA_SUCCESS)
		result = doca_nvmf_transport_create(tgt, &transport_cfg, NULL);
	if (result == DOCA_SUCCESS)
		printf("nvme connect -t tcp -a 127.0.0.1 -s %u -n %s\n", transport_cfg.port, subsys_cfg.nqn);
	fflush(stdout);
	while (result == DOCA_SUCCESS && !ended)
		result = doca_nvmf_target_process_events(tgt);
	doca_nvmf_tgt_destroy(tgt);
	return result == DOCA_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
