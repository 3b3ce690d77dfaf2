/* SPDX-License-Identifier: BSD-3-Clause */
/* The founding document's first target (F:3446-3487) as it stands; what it elides comes from -D. */
#include <doca_nvmf.h>
#include <doca_dma.h>

int main()
{
	struct doca_nvmf_target *target;
	doca_nvmf_target_create(&target);

	struct doca_nvmf_subsystem *subsys;
	doca_nvmf_target_subsystem_create(target, "nqn.2024.io.storage", &subsys);

	struct doca_nvmf_namespace *ns;
	doca_nvmf_subsystem_add_ns(subsys, F_DEVICE, 1, &ns);

	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(F_PORT),
	};
	doca_nvmf_target_listen(target, (struct sockaddr *)&addr);

	printf("NVMe-oF target running on DPU\n");
	printf("Host CPU usage: 0%%\n");

	while (1) {
		doca_nvmf_target_process_events(target);
	}
}
