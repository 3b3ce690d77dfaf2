/* SPDX-License-Identifier: BSD-3-Clause */
/* Prometheus: per namespace and for the whole target. */
#include <stdio.h>
#include <stdlib.h>

#include "nvmfd.h"

struct row {
	char nqn[NVME_NQN_SIZE], nsid[12];
	struct nvme_io_stats s;
};
struct rows {
	struct row *row;
	size_t n, cap;
	const char *nqn;
};

static void add_row(void *arg, const struct nvme_namespace_info *info)
{
	struct rows *r = arg;
	struct row *grown;

	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		grown = realloc(r->row, r->cap * sizeof(*grown));
		if (!grown) {
			r->cap = r->n;
			return;
		}
		r->row = grown;
	}
	snprintf(r->row[r->n].nqn, sizeof(r->row[r->n].nqn), "%s", r->nqn);
	snprintf(r->row[r->n].nsid, sizeof(r->row[r->n].nsid), "%u", info->nsid);
	r->row[r->n++].s = info->stats;
}

static void add_subsystem(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *info)
{
	struct rows *r = arg;

	r->nqn = info->nqn;
	nvme_each_namespace(s, add_row, r, true);
}

static void family(struct metrics_out *out, const struct rows *r, const char *name, const char *help,
	size_t field)
{
	metrics_family(out, name, METRICS_COUNTER, help);
	for (size_t i = 0; i < r->n; i++)
		metrics_count(out, *(const uint64_t *)((const char *)&r->row[i].s + field), "subsystem",
			r->row[i].nqn, "nsid", r->row[i].nsid, NULL);
}

/* Bucket i holds I/Os below 2^i us; Prometheus wants running sums. */
static void latency(struct metrics_out *out, const struct rows *r, const char *op, size_t field)
{
	for (size_t i = 0; i < r->n; i++) {
		const uint64_t *bucket = (const uint64_t *)((const char *)&r->row[i].s + field);
		uint64_t sum = 0;

		for (int b = 0; b < NVME_LATENCY_BUCKETS; b++) {
			char le[24];

			sum += bucket[b];
			snprintf(le, sizeof(le), "%g", (double)(1ull << b) / 1e6);
			metrics_count(out, sum, "subsystem", r->row[i].nqn, "nsid", r->row[i].nsid, "op", op, "le",
				b == NVME_LATENCY_BUCKETS - 1 ? "+Inf" : le, NULL);
		}
	}
}

static void namespaces(struct metrics_out *out, void *arg)
{
	struct nvmfd *d = arg;
	struct rows r = {.row = NULL};

	nvme_each_subsystem(d->target, add_subsystem, &r);
	family(out, &r, "softdpu_nvmf_reads_total", "Read commands", offsetof(struct nvme_io_stats, reads));
	family(out, &r, "softdpu_nvmf_writes_total", "Write commands", offsetof(struct nvme_io_stats, writes));
	family(out, &r, "softdpu_nvmf_other_commands_total", "Commands that are neither",
		offsetof(struct nvme_io_stats, others));
	family(out, &r, "softdpu_nvmf_read_bytes_total", "Bytes read", offsetof(struct nvme_io_stats, read_bytes));
	family(out, &r, "softdpu_nvmf_written_bytes_total", "Bytes written",
		offsetof(struct nvme_io_stats, write_bytes));
	family(out, &r, "softdpu_nvmf_errors_total", "Commands that failed", offsetof(struct nvme_io_stats, errors));
	family(out, &r, "softdpu_nvmf_throttled_total", "Commands held back by a limit",
		offsetof(struct nvme_io_stats, throttled));
	family(out, &r, "softdpu_nvmf_read_ns_total", "Time of reads in the target, in nanoseconds",
		offsetof(struct nvme_io_stats, latency_ns_read));
	family(out, &r, "softdpu_nvmf_write_ns_total", "Time of writes in the target, in nanoseconds",
		offsetof(struct nvme_io_stats, latency_ns_write));
	metrics_family(out, "softdpu_nvmf_latency_seconds_bucket", METRICS_GAUGE,
		"I/Os that took at most le seconds in the target");
	latency(out, &r, "read", offsetof(struct nvme_io_stats, latency_read));
	latency(out, &r, "write", offsetof(struct nvme_io_stats, latency_write));
	free(r.row);
}

static void count_ctrl(void *arg, const struct nvme_ctrl_info *info)
{
	unsigned *n = arg;

	n[info->discovery]++;
}

static void target(struct metrics_out *out, void *arg)
{
	struct nvmfd *d = arg;
	struct nvmf_server_stats s;
	unsigned ctrls[2] = {0, 0};

	nvmf_server_stats(d->server, &s);
	nvme_each_ctrl(d->target, count_ctrl, ctrls);
	metrics_family(out, "softdpu_nvmf_connections", METRICS_GAUGE, "Open connections (queues)");
	metrics_count(out, s.connections, NULL);
	metrics_family(out, "softdpu_nvmf_controllers", METRICS_GAUGE, "Controllers");
	metrics_count(out, ctrls[0], "type", "io", NULL);
	metrics_count(out, ctrls[1], "type", "discovery", NULL);
	metrics_family(out, "softdpu_nvmf_accepted_total", METRICS_COUNTER, "Connections accepted");
	metrics_count(out, s.accepted, NULL);
	metrics_family(out, "softdpu_nvmf_refused_total", METRICS_COUNTER, "Connections over the limit");
	metrics_count(out, s.refused, NULL);
	metrics_family(out, "softdpu_nvmf_protocol_errors_total", METRICS_COUNTER, "Connections that broke the protocol");
	metrics_count(out, s.protocol_errors, NULL);
	metrics_family(out, "softdpu_nvmf_digest_errors_total", METRICS_COUNTER, "PDUs with a wrong digest");
	metrics_count(out, s.digest_errors, NULL);
	metrics_family(out, "softdpu_nvmf_buffer_waits_total", METRICS_COUNTER, "Commands that waited for a buffer");
	metrics_count(out, s.waits, NULL);
}

void metrics_add(struct nvmfd *d)
{
	metrics_register(d->metrics, target, d);
	metrics_register(d->metrics, namespaces, d);
}
