/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perf: a load on any NVMe/TCP target, from one reactor, through the initiator. For `softdpu nvme perf` and
 * bench/nvmf; points at any target, measures latency per command, and checks what it reads if asked to.
 */
#ifndef NVMF_PERF_H
#define NVMF_PERF_H

#include "base/hist.h"
#include "nvmf/host.h"

struct nvmf_perf_options {
	struct nvmf_host_options host; /* address, NQN, queue_size, digests; callbacks are perf's */
	unsigned connections;	       /* hosts with one I/O queue each; 0 = 1 */
	uint32_t nsid, namespaces;     /* namespaces nsid .. nsid + namespaces - 1, round robin */
	uint32_t block;		       /* bytes per command */
	unsigned depth;		       /* commands in flight per connection */
	unsigned write_percent;	       /* 0 = reads only, 100 = writes only */
	bool sequential, verify;       /* verify: writes carry their address, reads are checked */
	uint64_t span;		       /* bytes from the start of the namespace; 0 = all of it */
	double seconds, warmup;
	uint64_t spin_ns;	       /* of the reactor it makes */
	int cpu;
	uint64_t seed;
};

struct nvmf_perf_result {
	uint64_t ops, bytes, errors, mismatches;
	double seconds, iops, bytes_per_s;
	uint64_t latency_mean_ns, p50_ns, p99_ns, p999_ns, max_ns;
};

/* Blocks for the duration. 0, or -errno with a refusal when the target cannot be reached. */
int nvmf_perf_run(const struct nvmf_perf_options *options, struct nvmf_perf_result *out);

#endif
