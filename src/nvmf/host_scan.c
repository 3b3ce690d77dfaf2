/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host learns about namespaces: the active list, each one's size and group, the ANA states. */
#include <stdlib.h>

#include "nvmf/host_int.h"

static void read_list(struct nvmf_host *h, uint32_t after);

static void end(struct nvmf_host *h)
{
	h->scan_len = 0;
	h->step_busy = false;
	host_scanned(h);
}

static bool ok(struct nvmf_host *h, const char *what)
{
	if (h->phase != PHASE_LIVE && h->phase != PHASE_SCAN) {
		h->scan_len = 0;
		h->step_busy = false;
		return false;
	}
	if (!h->step.status)
		return true;
	h->scan_len = 0;
	h->step_busy = false;
	host_fail(h, true, "%s: %s", what, nvmf_status_text(h->step.status));
	return false;
}

static struct nvmf_ns *new_ns(struct nvmf_host *h)
{
	if (h->ns_new_count == h->ns_cap || !h->ns_new) {
		unsigned cap = h->ns_new ? h->ns_cap * 2 : 16;
		struct nvmf_ns *grown = realloc(h->ns_new, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		h->ns_new = grown;
		h->ns_cap = cap;
	}
	return &h->ns_new[h->ns_new_count++];
}

/* --- ANA --- */

static void set_group(struct nvmf_host *h, uint32_t group, uint8_t state)
{
	for (unsigned i = 0; i < h->ns_new_count; i++)
		if (h->ns_new[i].ana_group == group)
			h->ns_new[i].ana = state;
}

/* Groups only (RGO), so 128 of them fit the page; members are known from Identify. */
static void ana_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	const struct nvme_ana_log *log = (const struct nvme_ana_log *)h->page;
	size_t at = sizeof(*log);

	if (!ok(h, "Get Log Page, ANA"))
		return;
	for (unsigned i = 0; i < log->ngrps; i++) {
		const struct nvme_ana_group_desc *d = (const struct nvme_ana_group_desc *)(h->page + at);

		at += sizeof(*d) + d->nnsids * sizeof(uint32_t);
		if (at > 4096)
			break;
		set_group(h, d->grpid, d->state);
	}
	end(h);
}

static void read_ana(struct nvmf_host *h)
{
	if (!(h->identity.cmic & NVME_CMIC_ANA)) {
		end(h);
		return;
	}
	memset(&h->step.cmd, 0, sizeof(h->step.cmd));
	memset(h->page, 0, 4096);
	h->step.cmd.nsid = NVME_NSID_ALL;
	h->step.cmd.cdw10 = NVME_LOG_ANA | NVME_ANA_LSP_RGO << 8 | (4096 / 4 - 1) << 16;
	host_step(h, NVME_ADMIN_GET_LOG_PAGE, NVME_DIR_TO_HOST, 4096, ana_read);
}

/* --- namespaces --- */

static void read_next_ns(struct nvmf_host *h);

static void ns_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	const struct nvme_id_ns *id = (const struct nvme_id_ns *)h->page;
	struct nvmf_ns *ns;

	if ((io->status & 0x7ff) == NVME_SC_INVALID_NS)
		h->step.status = 0; /* it went while we were looking */
	else if (id->nsze && (ns = new_ns(h))) {
		uint8_t format = id->flbas & 0xf, shift = id->lbaf[format].lbads;

		*ns = (struct nvmf_ns){.nsid = h->scan_list[h->scan_at], .blocks = id->nsze,
			.block_size = shift >= 9 && shift <= 16 ? 1u << shift : 512, .ana_group = id->anagrpid,
			.ana = NVME_ANA_OPTIMIZED, .readonly = id->nsattr & NVME_NSATTR_WRITE_PROTECTED};
		memcpy(ns->nguid, id->nguid, sizeof(ns->nguid));
	}
	if (!ok(h, "Identify namespace"))
		return;
	h->scan_at++;
	read_next_ns(h);
}

static void read_next_ns(struct nvmf_host *h)
{
	if (h->scan_at == h->scan_len) {
		if (h->scan_len == ARRAY_SIZE(h->scan_list))
			read_list(h, h->scan_list[h->scan_len - 1]);
		else
			read_ana(h);
		return;
	}
	memset(&h->step.cmd, 0, sizeof(h->step.cmd));
	memset(h->page, 0, 4096);
	h->step.cmd.nsid = h->scan_list[h->scan_at];
	h->step.cmd.cdw10 = NVME_CNS_NS;
	host_step(h, NVME_ADMIN_IDENTIFY, NVME_DIR_TO_HOST, 4096, ns_read);
}

static void list_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!ok(h, "Identify namespace list"))
		return;
	memcpy(h->scan_list, h->page, sizeof(h->scan_list));
	h->scan_at = h->scan_len = 0;
	while (h->scan_len < ARRAY_SIZE(h->scan_list) && h->scan_list[h->scan_len])
		h->scan_len++;
	read_next_ns(h);
}

static void read_list(struct nvmf_host *h, uint32_t after)
{
	memset(&h->step.cmd, 0, sizeof(h->step.cmd));
	memset(h->page, 0, 4096);
	h->step.cmd.nsid = after;
	h->step.cmd.cdw10 = NVME_CNS_NS_LIST;
	host_step(h, NVME_ADMIN_IDENTIFY, NVME_DIR_TO_HOST, 4096, list_read);
}

/* --- the changed list: reading it is what re-arms the event (Base 5.16.1.5) --- */

static void changed_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (ok(h, "Get Log Page, changed namespaces"))
		read_list(h, 0);
}

void host_scan(struct nvmf_host *h)
{
	h->step_busy = true;
	free(h->ns_new);
	h->ns_new = NULL;
	h->ns_new_count = 0;
	memset(&h->step.cmd, 0, sizeof(h->step.cmd));
	h->step.cmd.nsid = NVME_NSID_ALL;
	h->step.cmd.cdw10 = NVME_LOG_CHANGED_NS | (4096 / 4 - 1) << 16;
	if (h->identity.oaes & NVME_OAES_NS_ATTR)
		host_step(h, NVME_ADMIN_GET_LOG_PAGE, NVME_DIR_TO_HOST, 4096, changed_read);
	else
		read_list(h, 0);
}
