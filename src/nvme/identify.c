/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify (Base 5.17). All structures are built in the request's 4096-byte buffer. */
#include "nvme/nvme_int.h"

/* --- controller --- */

static void pad(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	memset(field, ' ', size);
	memcpy(field, text, MIN_OF(n, size));
}

static void names(const struct nvme_ctrl *c, struct nvme_id_ctrl *id)
{
	pad(id->sn, sizeof(id->sn), c->subsys->serial);
	pad(id->mn, sizeof(id->mn), c->subsys->model);
	pad(id->fr, sizeof(id->fr), "3.3");
	memcpy(id->subnqn, c->subsys->nqn, strlen(c->subsys->nqn));
	id->cntlid = c->cntlid;
	id->ver = NVME_VERSION_1_4;
	id->mdts = (uint8_t)__builtin_ctz(c->target->max_data / NVME_PAGE);
	id->ctratt = NVME_CTRATT_HOST_ID_128 | NVME_CTRATT_TBKAS;
	id->cntrltype = c->subsys->discovery ? NVME_CTRL_DISCOVERY : NVME_CTRL_IO;
	id->kas = 1; /* keep alive in units of 100 ms */
	id->maxcmd = (uint16_t)c->target->queue_size;
	id->lpa = NVME_LPA_EXTENDED;
	id->aerl = NVME_AER_MAX - 1;
}

static void transport_part(const struct nvme_ctrl *c, const struct nvme_transport_ops *ops,
	struct nvme_id_ctrl *id)
{
	id->sgls = NVME_SGLS_SUPPORTED | (ops->keyed_sgl ? NVME_SGLS_KEYED : 0) |
		   (ops->in_capsule_bytes ? NVME_SGLS_OFFSET : 0);
	if (c->subsys->discovery)
		return;
	id->ioccsz = (64 + ops->in_capsule_bytes) / 16;
	id->iorcsz = 1;
	id->msdbd = 1;
	id->ofcs = 1; /* Disconnect of single I/O queues */
}

static void io_part(const struct nvme_ctrl *c, struct nvme_id_ctrl *id)
{
	id->rab = 6;
	id->cmic = NVME_CMIC_MULTI_PORT | NVME_CMIC_MULTI_CTRL | NVME_CMIC_ANA;
	id->oaes = NVME_OAES_NS_ATTR | NVME_OAES_ANA;
	id->lpa |= NVME_LPA_EFFECTS;
	id->acl = 3;
	id->frmw = 1 << 1 | 1; /* one slot, read-only */
	id->elpe = NVME_ERROR_LOG_ENTRIES - 1;
	id->wctemp = 0x157;
	id->cctemp = 0x15c;
	id->anatt = 10;
	id->anacap = 0x1f; /* reports all five states */
	id->anagrpmax = id->nanagrpid = NVME_ANA_GROUPS_MAX;
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->nn = id->mnan = c->subsys->max_namespaces;
	id->oncs = NVME_ONCS_COMPARE | NVME_ONCS_DSM | NVME_ONCS_WRITE_ZEROES | NVME_ONCS_RESERVATIONS |
		   NVME_ONCS_VERIFY | NVME_ONCS_COPY;
	id->fuses = NVME_FUSES_COMPARE_WRITE;
	id->vwc = NVME_VWC_PRESENT | 2 << 1; /* flush of all namespaces at once: no */
	id->cdfs = 1;			      /* copy descriptor format 0 */
	id->psd[0].mp = 1;
}

void nvme_identify_ctrl(struct nvme_ctrl *c, const struct nvme_transport_ops *ops, struct nvme_id_ctrl *id)
{
	memset(id, 0, sizeof(*id));
	names(c, id);
	transport_part(c, ops, id);
	if (c->subsys->discovery)
		id->oaes = NVME_OAES_DISCOVERY;
	else
		io_part(c, id);
}

static void controller(struct nvme_request *req)
{
	nvme_identify_ctrl(req->queue->ctrl, req->queue->ops, (struct nvme_id_ctrl *)req->data);
	nvme_request_complete(req, 0);
}

/* NVM command set specific controller data: limits of verify, write zeroes and deallocate. */
static void csi_controller(struct nvme_request *req)
{
	memset(req->data, 0, req->data_len);
	req->data[0] = NVME_MDTS;	    /* VSL: verify up to the data size limit */
	req->data[3] = NVME_DSM_RANGES_MAX - 1; /* DMRL */
	nvme_request_complete(req, 0);
}

/* --- namespaces --- */

static struct nvme_namespace *visible_ns(const struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;
	uint32_t nsid = req->cmd.nsid;

	if (!nsid || nsid > c->subsys->max_namespaces || !nvme_ctrl_sees(c, nsid))
		return NULL;
	return nvme_ns_slot(c->subsys, nsid);
}

static uint16_t absent(const struct nvme_request *req)
{
	uint32_t nsid = req->cmd.nsid;

	return !nsid || nsid > req->queue->ctrl->subsys->max_namespaces ? NVME_SC_INVALID_NS | NVME_SC_DNR : 0;
}

static uint8_t nsfeat(const struct blk_limits *l)
{
	return NVME_NSFEAT_OPTIMAL | NVME_NSFEAT_ATOMIC | (l->thin ? NVME_NSFEAT_THIN : 0);
}

static void fill_limits(const struct nvme_namespace *ns, struct nvme_id_ns *id)
{
	const struct blk_limits *l = blk_limits(ns->dev);
	uint32_t block = l->block_size;
	uint16_t optimal = (uint16_t)(MAX_OF(l->optimal_bytes, block) / block - 1);
	uint16_t atomic = (uint16_t)(MAX_OF(l->atomic_bytes, block) / block - 1);

	id->nsfeat = nsfeat(l);
	id->npwg = id->npwa = id->npdg = id->npda = id->nows = optimal;
	id->nawun = id->nawupf = id->nacwu = atomic;
	id->dlfeat = (l->unmap_zeroes ? NVME_DLFEAT_READS_ZERO : 0) | NVME_DLFEAT_WZ_DEALLOC;
	id->mssrl = (uint16_t)MIN_OF(65535u, (64u << 20) / block);
	id->mcl = (64u << 20) / block;
	id->msrc = NVME_COPY_RANGES_MAX - 1;
	id->noiob = 0;
}

static void fill_ns(const struct nvme_request *req, const struct nvme_namespace *ns, struct nvme_id_ns *id)
{
	uint64_t blocks = __atomic_load_n(&ns->blocks, __ATOMIC_ACQUIRE);
	enum nvme_ana_state ana = nvme_port_ana(req->queue->ctrl->port, ns->ana_group);

	id->nsze = id->ncap = id->nuse = blocks;
	if (ana == NVME_ANA_INACCESSIBLE_STATE || ana == NVME_ANA_PERSISTENT_LOSS_STATE)
		id->nuse = 0; /* Base 8.1.3: cleared where the group cannot be reached */
	fill_limits(ns, id);
	id->lbaf[0].lbads = ns->shift;
	id->nmic = NVME_NMIC_SHARED;
	id->rescap = 0xff; /* every type, persistence, ignore existing key as of 1.3 */
	if (!req->queue->target->state_dir)
		id->rescap &= 0xfe;
	id->fpi = 0;
	id->anagrpid = ns->ana_group;
	id->nsattr = ns->readonly ? NVME_NSATTR_WRITE_PROTECTED : 0;
	memcpy(id->nguid, ns->nguid, sizeof(id->nguid));
	memcpy(id->eui64, ns->eui64, sizeof(id->eui64));
}

/* An inactive number is answered with zeroes (Base 5.17.2.1). */
static void namespace(struct nvme_request *req)
{
	struct nvme_target *t = req->queue->target;
	struct nvme_namespace *ns;

	memset(req->data, 0, req->data_len);
	pthread_mutex_lock(&t->lock);
	ns = visible_ns(req);
	if (ns)
		fill_ns(req, ns, (struct nvme_id_ns *)req->data);
	pthread_mutex_unlock(&t->lock);
	nvme_request_complete(req, 0);
}

static void independent(struct nvme_request *req)
{
	struct nvme_id_ns_independent *id = (struct nvme_id_ns_independent *)req->data;
	struct nvme_target *t = req->queue->target;
	struct nvme_namespace *ns;

	memset(id, 0, sizeof(*id));
	pthread_mutex_lock(&t->lock);
	ns = visible_ns(req);
	if (ns) {
		id->nsfeat = nsfeat(blk_limits(ns->dev));
		id->nmic = NVME_NMIC_SHARED;
		id->rescap = t->state_dir ? 0xff : 0xfe;
		id->anagrpid = ns->ana_group;
		id->nsattr = ns->readonly ? NVME_NSATTR_WRITE_PROTECTED : 0;
		id->nstat = NVME_NSTAT_READY;
	}
	pthread_mutex_unlock(&t->lock);
	nvme_request_complete(req, ns ? 0 : NVME_SC_INVALID_NS | NVME_SC_DNR);
}

/* NVM command set specific: no protection information, so all of it is zero. */
static void csi_namespace(struct nvme_request *req)
{
	memset(req->data, 0, req->data_len);
	nvme_request_complete(req, visible_ns(req) ? 0 : absent(req));
}

static uint8_t *add_desc(uint8_t *p, uint8_t type, const void *id, uint8_t len)
{
	struct nvme_ns_desc *d = (struct nvme_ns_desc *)p;

	d->type = type;
	d->length = len;
	memcpy(d->id, id, len);
	return p + sizeof(*d) + len;
}

static void descriptors(struct nvme_request *req)
{
	static const uint8_t zero[16], csi_nvm;
	struct nvme_target *t = req->queue->target;
	uint8_t *p = req->data;
	struct nvme_namespace *ns;

	memset(req->data, 0, req->data_len);
	pthread_mutex_lock(&t->lock);
	ns = visible_ns(req);
	if (ns) {
		if (memcmp(ns->eui64, zero, sizeof(ns->eui64)))
			p = add_desc(p, NVME_NIDT_EUI64, ns->eui64, sizeof(ns->eui64));
		p = add_desc(p, NVME_NIDT_NGUID, ns->nguid, sizeof(ns->nguid));
		p = add_desc(p, NVME_NIDT_UUID, ns->uuid, sizeof(ns->uuid));
		add_desc(p, NVME_NIDT_CSI, &csi_nvm, 1);
	}
	pthread_mutex_unlock(&t->lock);
	nvme_request_complete(req, ns ? 0 : NVME_SC_INVALID_NS | NVME_SC_DNR);
}

static void namespace_list(struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;
	uint32_t *list = (uint32_t *)req->data, n = 0;

	memset(req->data, 0, req->data_len);
	pthread_mutex_lock(&c->target->lock);
	for (uint32_t i = req->cmd.nsid + 1; i <= c->subsys->max_namespaces && n < 1024; i++)
		if (nvme_ctrl_sees(c, i) && nvme_ns_slot(c->subsys, i))
			list[n++] = i;
	pthread_mutex_unlock(&c->target->lock);
	nvme_request_complete(req, 0);
}

/* Controllers of the subsystem from CDW10.CNTID on; CNS 12h: those that see the namespace. */
static void controller_list(struct nvme_request *req)
{
	struct nvme_subsystem *s = req->queue->ctrl->subsys;
	uint16_t *list = (uint16_t *)req->data, from = (uint16_t)(req->cmd.cdw10 >> 16), n = 0;
	bool of_ns = (req->cmd.cdw10 & 0xff) == NVME_CNS_NS_CTRL_LIST;
	struct nvme_ctrl *c;

	memset(req->data, 0, req->data_len);
	pthread_mutex_lock(&s->target->lock);
	for (uint32_t id = MAX_OF(from, s->cntlid_min); id <= s->cntlid_max && n < 2047; id++) {
		if (n == list_size(&s->ctrls))
			break;
		c = nvme_ctrl_find(s, (uint16_t)id);
		if (c && (!of_ns || nvme_ctrl_sees(c, req->cmd.nsid)))
			list[1 + n++] = (uint16_t)id;
	}
	list[0] = n;
	pthread_mutex_unlock(&s->target->lock);
	nvme_request_complete(req, 0);
}

static void command_sets(struct nvme_request *req)
{
	memset(req->data, 0, req->data_len);
	req->data[0] = 1; /* vector 0: the NVM command set alone */
	nvme_request_complete(req, 0);
}

/* --- choosing --- */

static uint16_t choose_csi(struct nvme_request *req, uint8_t cns)
{
	if (cns != NVME_CNS_CSI_INDEPENDENT_NS && req->cmd.cdw11 >> 24) /* CSI: the NVM command set is 0 */
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	switch (cns) {
	case NVME_CNS_CSI_NS:
		req->execute = csi_namespace;
		return absent(req);
	case NVME_CNS_CSI_CTRL:
		req->execute = csi_controller;
		return 0;
	case NVME_CNS_CSI_INDEPENDENT_NS:
		req->execute = independent;
		return absent(req);
	default:
		req->execute = namespace_list;
		return req->cmd.nsid >= 0xfffffffe ? NVME_SC_INVALID_NS | NVME_SC_DNR : 0;
	}
}

static uint16_t choose_io(struct nvme_request *req, uint8_t cns)
{
	switch (cns) {
	case NVME_CNS_NS:
	case NVME_CNS_NS_ALLOCATED:
		req->execute = namespace;
		return absent(req);
	case NVME_CNS_NS_LIST:
	case NVME_CNS_NS_LIST_ALLOCATED:
		req->execute = namespace_list;
		return req->cmd.nsid >= 0xfffffffe ? NVME_SC_INVALID_NS | NVME_SC_DNR : 0;
	case NVME_CNS_NS_DESC:
		req->execute = descriptors;
		return absent(req);
	case NVME_CNS_NS_CTRL_LIST:
		req->execute = controller_list;
		return absent(req);
	case NVME_CNS_CTRL_LIST:
		req->execute = controller_list;
		return 0;
	case NVME_CNS_CSI_COMMAND_SETS:
		req->execute = command_sets;
		return 0;
	case NVME_CNS_CSI_NS:
	case NVME_CNS_CSI_CTRL:
	case NVME_CNS_CSI_NS_LIST:
	case NVME_CNS_CSI_INDEPENDENT_NS:
		return choose_csi(req, cns);
	default:
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	}
}

uint16_t nvme_identify_init(struct nvme_request *req)
{
	uint8_t cns = req->cmd.cdw10 & 0xff;

	req->dir = NVME_DIR_TO_HOST;
	req->data_len = 4096;
	if (cns == NVME_CNS_CTRL) {
		req->execute = controller;
		return 0;
	}
	if (req->queue->ctrl->subsys->discovery)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	return choose_io(req, cns);
}
