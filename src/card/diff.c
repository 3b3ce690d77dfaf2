/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff: what a reload has to do. Ports are the same port when they have the same name; the index
 * (the port id) may move, which the caller sees by comparing card_port_index.
 */
#include "card/card_int.h"

#include <stdlib.h>
#include <string.h>

static void add(struct card_diff *d, enum card_change_kind kind, const struct card_port *before,
	const struct card_port *after, const char *field)
{
	d->changes[d->n++] = (struct card_change){kind, before, after, field};
	d->needs_restart |= kind == CARD_RESTART;
}

static const char *restart_field(const struct card *a, const struct card *b)
{
	if (strcmp(a->name, b->name) != 0)
		return "name";
	if (memcmp(&a->limits, &b->limits, sizeof(a->limits)) != 0)
		return "limits";
	if (a->n_pfs != b->n_pfs)
		return "pci";
	for (unsigned i = 0; i < a->n_pfs; i++)
		if (!card_bdf_equal(&a->pfs[i].dpu, &b->pfs[i].dpu) ||
			!card_bdf_equal(&a->pfs[i].host, &b->pfs[i].host))
			return "pci";
	return strcmp(a->run_dir, b->run_dir) != 0 ? "run_dir" : NULL;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return addr_equal(&a->addr, &b->addr) && a->len == b->len;
}

static const char *node_field(const struct card_node *a, const struct card_node *b)
{
	if (strcmp(a->name, b->name) != 0)
		return "name";
	if (a->vni != b->vni)
		return "vni";
	if (!same_prefix(&a->vtep4, &b->vtep4))
		return "vtep4";
	if (!same_prefix(&a->vtep6, &b->vtep6))
		return "vtep6";
	if (!addr_equal(&a->gateway4, &b->gateway4))
		return "gateway4";
	if (!addr_equal(&a->gateway6, &b->gateway6))
		return "gateway6";
	if (a->n_pod_cidrs != b->n_pod_cidrs)
		return "pod_cidrs";
	for (unsigned i = 0; i < a->n_pod_cidrs; i++)
		if (!same_prefix(&a->pod_cidrs[i], &b->pod_cidrs[i]))
			return "pod_cidrs";
	if (memcmp(&a->timeouts, &b->timeouts, sizeof(a->timeouts)) != 0)
		return "timeouts";
	return card_text_equal(a->metrics, b->metrics) ? NULL : "metrics";
}

static const char *worker_field(const struct card_worker *a, const struct card_worker *b)
{
	if (a->mode != b->mode)
		return "mode";
	if (a->count != b->count)
		return "count";
	if (a->idle_us != b->idle_us)
		return "idle_us";
	if (a->memory_mb != b->memory_mb)
		return "memory_mb";
	if (a->n_cpus != b->n_cpus || memcmp(a->cpus, b->cpus, a->n_cpus * sizeof(a->cpus[0])) != 0)
		return "cpus";
	return NULL;
}

/* An interface of ours gets MAC and MTU when it is made; on others they are only the switch's. */
static const char *reattach_field(const struct card_port *a, const struct card_port *b)
{
	bool made = a->attach.kind == CARD_ATTACH_TAP;

	if (!card_attach_equal(&a->attach, &b->attach))
		return "attach";
	if (made && memcmp(a->mac, b->mac, 6) != 0)
		return "mac";
	return made && a->mtu != b->mtu ? "mtu" : NULL;
}

static const char *change_field(const struct card_port *a, const struct card_port *b)
{
	if (!card_text_equal(a->pod, b->pod))
		return "pod";
	if (a->mtu != b->mtu)
		return "mtu";
	if (memcmp(a->mac, b->mac, 6) != 0)
		return "mac";
	return a->spoof_check != b->spoof_check ? "spoof_check" : NULL;
}

static void diff_port(struct card_diff *d, const struct card_port *a, const struct card_port *b)
{
	const char *field = reattach_field(a, b);

	if (field) {
		add(d, CARD_PORT_REATTACHED, a, b, field);
		return;
	}
	field = change_field(a, b);
	if (field)
		add(d, CARD_PORT_CHANGED, a, b, field);
}

int card_diff(const struct card *before, const struct card *after, struct card_diff **out)
{
	struct card_diff *d = calloc(1, sizeof(*d));
	const char *field;

	if (d)
		d->changes = calloc(before->n_ports + after->n_ports + 3, sizeof(*d->changes));
	if (!d || !d->changes) {
		card_diff_destroy(d);
		return refuse(ENOMEM, "no memory to compare two cards");
	}
	if ((field = restart_field(before, after)))
		add(d, CARD_RESTART, NULL, NULL, field);
	for (unsigned i = 0; i < before->n_ports; i++)
		if (!card_port_by_name(after, before->ports[i].name))
			add(d, CARD_PORT_REMOVED, &before->ports[i], NULL, "name");
	if ((field = node_field(&before->node, &after->node)))
		add(d, CARD_NODE_CHANGED, NULL, NULL, field);
	if ((field = worker_field(&before->worker, &after->worker)))
		add(d, CARD_WORKER_CHANGED, NULL, NULL, field);
	for (unsigned i = 0; i < after->n_ports; i++) {
		const struct card_port *old = card_port_by_name(before, after->ports[i].name);

		if (old)
			diff_port(d, old, &after->ports[i]);
	}
	for (unsigned i = 0; i < after->n_ports; i++)
		if (!card_port_by_name(before, after->ports[i].name))
			add(d, CARD_PORT_ADDED, NULL, &after->ports[i], "name");
	*out = d;
	return 0;
}

void card_diff_destroy(struct card_diff *diff)
{
	if (!diff)
		return;
	free(diff->changes);
	free(diff);
}
