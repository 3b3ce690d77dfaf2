/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The discovery log (Base 5.16.1.23): for each port, each subsystem this host may use there; then the
 * referrals. A port bound to a wildcard is told as the address the host reached us by, unless the
 * configuration names one to advertise.
 */
#include "nvme/nvme_int.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_wildcard(const char *traddr)
{
	return !traddr[0] || !strcmp(traddr, "0.0.0.0") || !strcmp(traddr, "::");
}

static const char *address_for(const struct nvme_queue *q, const struct nvme_port_config *p)
{
	if (p->advertise_traddr)
		return p->advertise_traddr;
	return is_wildcard(p->traddr) && q->local_addr[0] ? q->local_addr : p->traddr;
}

static void transport_specific(struct nvme_discovery_entry *e, const struct nvme_port_config *p)
{
	if (p->trtype == NVME_TRTYPE_TCP) {
		e->tsas[0] = p->secure ? NVME_TCP_SECTYPE_TLS13 : NVME_TCP_SECTYPE_NONE;
	} else if (p->trtype == NVME_TRTYPE_RDMA) {
		e->tsas[0] = NVME_RDMA_QPTYPE_CONNECTED;
		e->tsas[1] = NVME_RDMA_PRTYPE_NONE;
		e->tsas[2] = NVME_RDMA_CMS_RDMA_CM;
	}
}

static void fill(struct nvme_discovery_entry *e, const struct nvme_queue *q, const struct nvme_port_config *p,
	const char *nqn, uint8_t subtype)
{
	const char *traddr = address_for(q, p);

	e->trtype = p->trtype;
	e->adrfam = p->adrfam;
	if (p->trtype != NVME_TRTYPE_LOOP)
		e->adrfam = strchr(traddr, ':') ? NVME_ADRFAM_IPV6 : NVME_ADRFAM_IPV4;
	e->subtype = subtype;
	/* "not required" (2) would make nvme-cli ask for TLS all the same: say "not specified" */
	e->treq = (p->secure ? NVME_TREQ_SECURE_REQUIRED : 0) | NVME_TREQ_NO_SQFC;
	e->portid = p->id;
	e->cntlid = NVME_CNTLID_DYNAMIC;
	e->asqsz = 32;
	snprintf(e->traddr, sizeof(e->traddr), "%s", traddr);
	snprintf(e->trsvcid, sizeof(e->trsvcid), "%s",
		p->advertise_trsvcid ? p->advertise_trsvcid : p->trsvcid);
	snprintf(e->subnqn, sizeof(e->subnqn), "%s", nqn);
	transport_specific(e, p);
}

/* Writes entries when out is there; counts in any case. */
static size_t list_entries(const struct nvme_request *req, struct nvme_discovery_entry *out)
{
	const struct nvme_queue *q = req->queue;
	const struct nvme_target *t = q->target;
	const struct nvme_subsystem *s;
	const struct nvme_port *p;
	const struct nvme_referral *r;
	size_t n = 0;

	list_for_each (p, &t->ports, node) {
		list_for_each (s, &t->subsystems, node) {
			if (!nvme_subsystem_on_port(s, p) ||
				!nvme_subsystem_host_allowed(s, q->ctrl->hostnqn))
				continue;
			if (out)
				fill(&out[n], q, &p->config, s->nqn, NVME_SUBTYPE_NVME);
			n++;
		}
	}
	list_for_each (r, &t->referrals, node) {
		if (out)
			fill(&out[n], q, &r->config, NVME_DISCOVERY_NQN, NVME_SUBTYPE_REFERRAL);
		n++;
	}
	return n;
}

void nvme_discovery_log(struct nvme_request *req, uint8_t **log, size_t *len)
{
	struct nvme_target *t = req->queue->target;
	struct nvme_discovery_log *head;
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = list_entries(req, NULL);
	*len = sizeof(*head) + n * sizeof(struct nvme_discovery_entry);
	head = calloc(1, *len);
	if (head) {
		head->genctr = t->generation;
		head->numrec = n;
		list_entries(req, head->entries);
	}
	pthread_mutex_unlock(&t->lock);
	*log = (uint8_t *)head;
}
