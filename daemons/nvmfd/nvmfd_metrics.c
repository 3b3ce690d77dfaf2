/* SPDX-License-Identifier: BSD-3-Clause */
/* Prometheus: per namespace, per I/O queue, and for the whole target. */
#include <stdio.h>
#include <stdlib.h>

#include "nvmfd.h"

/* A row is a namespace's counters (subsystem, nsid) or a queue's (subsystem, host, controller, queue). */
struct row {
	char nqn[NVME_NQN_SIZE], nsid[12], host[NVME_NQN_SIZE], cntlid[8], qid[8];
	struct nvme_io_stats s;
};
struct rows {
	struct row *row;
	size_t n, cap;
	const char *nqn, *prefix; /* prefix: of the families' names */
};

static struct row *add_row(struct rows *r, const char *nqn, const struct nvme_io_stats *s)
{
	struct row *row;

	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct row *grown = realloc(r->row, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		r->row = grown;
		r->cap = cap;
	}
	row = &r->row[r->n++];
	*row = (struct row){.s = *s};
	snprintf(row->nqn, sizeof(row->nqn), "%s", nqn);
	return row;
}

static void add_namespace(void *arg, const struct nvme_namespace_info *info)
{
	struct rows *r = arg;
	struct row *row = add_row(r, r->nqn, &info->stats);

	if (row)
		snprintf(row->nsid, sizeof(row->nsid), "%u", info->nsid);
}

static void add_subsystem(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *info)
{
	struct rows *r = arg;

	r->nqn = info->nqn;
	nvme_each_namespace(s, add_namespace, r, true);
}

static void add_queue(void *arg, const struct nvme_queue_info *info)
{
	struct row *row = add_row(arg, info->subnqn, &info->stats);

	if (!row)
		return;
	snprintf(row->host, sizeof(row->host), "%s", info->hostnqn);
	snprintf(row->cntlid, sizeof(row->cntlid), "%u", info->cntlid);
	snprintf(row->qid, sizeof(row->qid), "%u", info->qid);
}

/* op and le are of a latency's bucket, else NULL: then the labels end before them. */
static void count(struct metrics_out *out, uint64_t value, const struct row *row, const char *op, const char *le)
{
	const char *last = op ? "op" : NULL;

	if (row->nsid[0])
		metrics_count(out, value, "subsystem", row->nqn, "nsid", row->nsid, last, op, "le", le, NULL);
	else
		metrics_count(out, value, "subsystem", row->nqn, "host", row->host, "controller", row->cntlid, "queue",
			row->qid, last, op, "le", le, NULL);
}

static void family(struct metrics_out *out, const struct rows *r, const char *name, const char *help,
	size_t field)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", r->prefix, name);
	metrics_family(out, full, METRICS_COUNTER, help);
	for (size_t i = 0; i < r->n; i++)
		count(out, *(const uint64_t *)((const char *)&r->row[i].s + field), &r->row[i], NULL, NULL);
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
			count(out, sum, &r->row[i], op, b == NVME_LATENCY_BUCKETS - 1 ? "+Inf" : le);
		}
	}
}

static void all_families(struct metrics_out *out, const struct rows *r)
{
	char full[64];

	family(out, r, "reads_total", "Read commands", offsetof(struct nvme_io_stats, reads));
	family(out, r, "writes_total", "Write commands", offsetof(struct nvme_io_stats, writes));
	family(out, r, "other_commands_total", "Commands that are neither", offsetof(struct nvme_io_stats, others));
	family(out, r, "read_bytes_total", "Bytes read", offsetof(struct nvme_io_stats, read_bytes));
	family(out, r, "written_bytes_total", "Bytes written", offsetof(struct nvme_io_stats, write_bytes));
	family(out, r, "errors_total", "Commands that failed", offsetof(struct nvme_io_stats, errors));
	family(out, r, "throttled_total", "Commands held back by a limit", offsetof(struct nvme_io_stats, throttled));
	family(out, r, "read_ns_total", "Time of reads in the target, in nanoseconds",
		offsetof(struct nvme_io_stats, latency_ns_read));
	family(out, r, "write_ns_total", "Time of writes in the target, in nanoseconds",
		offsetof(struct nvme_io_stats, latency_ns_write));
	snprintf(full, sizeof(full), "%slatency_seconds_bucket", r->prefix);
	metrics_family(out, full, METRICS_GAUGE, "I/Os that took at most le seconds in the target");
	latency(out, r, "read", offsetof(struct nvme_io_stats, latency_read));
	latency(out, r, "write", offsetof(struct nvme_io_stats, latency_write));
}

static void namespaces(struct metrics_out *out, void *arg)
{
	struct nvmfd *d = arg;
	struct rows r = {.prefix = "softdpu_nvmf_"};

	nvme_each_subsystem(d->target, add_subsystem, &r);
	all_families(out, &r);
	free(r.row);
}

static void queues(struct metrics_out *out, void *arg)
{
	struct nvmfd *d = arg;
	struct rows r = {.prefix = "softdpu_nvmf_queue_"};

	nvme_each_queue(d->target, add_queue, &r);
	all_families(out, &r);
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
	metrics_register(d->metrics, queues, d);
}
