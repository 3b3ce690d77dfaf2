/* SPDX-License-Identifier: BSD-3-Clause */
/* Get Log Page (Base 5.16). A page is made whole, then the slice the host asked for is cut out. */
#include "nvme/nvme_int.h"

#include <stdlib.h>

uint64_t nvme_log_offset(const struct nvme_request *req)
{
	return req->cmd.cdw12 | (uint64_t)req->cmd.cdw13 << 32;
}

void nvme_log_reply(struct nvme_request *req, uint8_t *log, size_t len)
{
	uint64_t offset = nvme_log_offset(req);
	size_t n = 0;

	if (!log) {
		nvme_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	if (offset < len)
		n = MIN_OF(len - offset, (size_t)req->data_len);
	memcpy(req->data, log + (n ? offset : 0), n);
	memset(req->data + n, 0, req->data_len - n);
	free(log);
	if (offset > len)
		nvme_request_complete(req, NVME_SC_INVALID_FIELD | NVME_SC_DNR);
	else
		nvme_request_complete(req, 0);
}

/* RAE (bit 15): the event stays masked, the host only looks. */
static void page_read(struct nvme_request *req)
{
	if (!(req->cmd.cdw10 & 1 << 15))
		nvme_event_page_read(req->queue->ctrl, (uint8_t)req->cmd.cdw10);
}

static void supported_pages(struct nvme_request *req)
{
	static const uint8_t pages[] = {NVME_LOG_SUPPORTED, NVME_LOG_ERROR, NVME_LOG_SMART, NVME_LOG_FIRMWARE,
		NVME_LOG_CHANGED_NS, NVME_LOG_EFFECTS, NVME_LOG_ANA, NVME_LOG_FEATURE_EFFECTS,
		NVME_LOG_RESERVATION};
	uint32_t *log = calloc(256, sizeof(*log));

	for (size_t i = 0; log && i < sizeof(pages); i++)
		log[pages[i]] = 1;
	nvme_log_reply(req, (uint8_t *)log, 1024);
}

void nvme_error_log(struct nvme_request *req, uint16_t status)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	struct nvme_error_entry *e;

	if ((status & 0x7ff) == NVME_SC_COMPARE_FAILED || (status & 0x7ff) == NVME_SC_ABORT_REQUESTED)
		return; /* answers, not errors */
	pthread_mutex_lock(&c->lock);
	e = &c->errors[c->error_count % NVME_ERROR_LOG_ENTRIES];
	*e = (struct nvme_error_entry){.error_count = ++c->error_count, .sqid = req->queue->qid,
		.cid = req->cmd.cid, .status = (uint16_t)(status << 1), .location = 0xffff};
	if (req->queue->qid) {
		e->nsid = req->cmd.nsid;
		e->lba = req->cmd.rw.slba;
	}
	e->trtype = req->queue->ops->trtype;
	pthread_mutex_unlock(&c->lock);
}

/* Newest first. */
static void error_page(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	size_t len = sizeof(c->errors);
	struct nvme_error_entry *log = calloc(1, len);

	pthread_mutex_lock(&c->lock);
	for (uint64_t i = 0; log && i < NVME_ERROR_LOG_ENTRIES && i < c->error_count; i++)
		log[i] = c->errors[(c->error_count - 1 - i) % NVME_ERROR_LOG_ENTRIES];
	pthread_mutex_unlock(&c->lock);
	page_read(req);
	nvme_log_reply(req, (uint8_t *)log, len);
}

struct totals {
	uint64_t read_units, written_units, reads, writes, errors;
};

static void add_totals(void *arg, const struct nvme_namespace_info *info)
{
	struct totals *t = arg;

	t->read_units += info->stats.read_bytes / 512;
	t->written_units += info->stats.write_bytes / 512;
	t->reads += info->stats.reads;
	t->writes += info->stats.writes;
	t->errors += info->stats.errors;
}

static void smart_page(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	struct nvme_smart_log *log = calloc(1, sizeof(*log));
	struct totals t = {0};

	if (log) {
		nvme_each_namespace(c->subsys, add_totals, &t, false);
		log->temperature = 313; /* 40 C: there is no sensor, and 0 K alarms monitoring */
		log->avail_spare = 100;
		log->spare_thresh = 10;
		log->data_units_read[0] = (t.read_units + 999) / 1000;
		log->data_units_written[0] = (t.written_units + 999) / 1000;
		log->host_reads[0] = t.reads;
		log->host_writes[0] = t.writes;
		log->media_errors[0] = t.errors;
		log->num_err_log_entries[0] = c->error_count;
		log->power_on_hours[0] = reactor_now(c->reactor) / NS_PER_SEC / 3600;
	}
	page_read(req);
	nvme_log_reply(req, (uint8_t *)log, sizeof(*log));
}

static void firmware_page(struct nvme_request *req)
{
	struct nvme_fw_slot_log *log = calloc(1, sizeof(*log));

	if (log) {
		log->afi = 1;
		memcpy(log->frs[0], "3.3     ", 8);
	}
	nvme_log_reply(req, (uint8_t *)log, sizeof(*log));
}

static void changed_page(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	size_t len = NVME_CHANGED_NS_MAX * sizeof(uint32_t);
	uint32_t *log = calloc(1, len);

	pthread_mutex_lock(&c->lock);
	if (log && c->changed_count > NVME_CHANGED_NS_MAX)
		log[0] = NVME_NSID_ALL;
	else if (log)
		memcpy(log, c->changed, c->changed_count * sizeof(uint32_t));
	if (!(req->cmd.cdw10 & 1 << 15))
		c->changed_count = 0;
	pthread_mutex_unlock(&c->lock);
	page_read(req);
	nvme_log_reply(req, (uint8_t *)log, len);
}

static void effects_page(struct nvme_request *req)
{
	static const uint8_t admin[] = {NVME_ADMIN_GET_LOG_PAGE, NVME_ADMIN_IDENTIFY, NVME_ADMIN_ABORT,
		NVME_ADMIN_SET_FEATURES, NVME_ADMIN_GET_FEATURES, NVME_ADMIN_ASYNC_EVENT, NVME_ADMIN_KEEP_ALIVE};
	static const uint8_t plain[] = {NVME_IO_FLUSH, NVME_IO_READ, NVME_IO_COMPARE, NVME_IO_VERIFY,
		NVME_IO_RESV_REGISTER, NVME_IO_RESV_REPORT, NVME_IO_RESV_ACQUIRE, NVME_IO_RESV_RELEASE};
	static const uint8_t changing[] = {NVME_IO_WRITE, NVME_IO_WRITE_ZEROES, NVME_IO_DSM, NVME_IO_COPY};
	struct nvme_effects_log *log = calloc(1, sizeof(*log));

	for (size_t i = 0; log && i < sizeof(admin); i++)
		log->acs[admin[i]] = NVME_EFFECT_SUPPORTED;
	for (size_t i = 0; log && i < sizeof(plain); i++)
		log->iocs[plain[i]] = NVME_EFFECT_SUPPORTED;
	for (size_t i = 0; log && i < sizeof(changing); i++)
		log->iocs[changing[i]] = NVME_EFFECT_SUPPORTED | NVME_EFFECT_LBCC;
	nvme_log_reply(req, (uint8_t *)log, sizeof(*log));
}

static void feature_effects_page(struct nvme_request *req)
{
	static const uint8_t features[] = {NVME_FEAT_ARBITRATION, NVME_FEAT_POWER, NVME_FEAT_TEMP_THRESHOLD,
		NVME_FEAT_ERROR_RECOVERY, NVME_FEAT_VOLATILE_WC, NVME_FEAT_NUM_QUEUES,
		NVME_FEAT_WRITE_ATOMICITY, NVME_FEAT_ASYNC_EVENT, NVME_FEAT_KATO, NVME_FEAT_HOST_BEHAVIOR,
		NVME_FEAT_HOST_ID, NVME_FEAT_RESV_MASK, NVME_FEAT_RESV_PERSIST, NVME_FEAT_WRITE_PROTECT};
	uint32_t *log = calloc(256, sizeof(*log));

	for (size_t i = 0; log && i < sizeof(features); i++)
		log[features[i]] = 1;
	nvme_log_reply(req, (uint8_t *)log, 1024);
}

/* --- ANA (Base 5.16.1.13) --- */

static uint32_t group_members(const struct nvme_ctrl *c, uint32_t group, uint32_t *nsids)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= c->subsys->max_namespaces; i++) {
		const struct nvme_namespace *ns = nvme_ns_slot(c->subsys, i);

		if (!ns || ns->ana_group != group || !nvme_ctrl_sees(c, i))
			continue;
		if (nsids)
			nsids[n] = i;
		n++;
	}
	return n;
}

/* Which groups have members, in one pass: 4096 namespaces in 128 groups is not 128 passes. */
static void used_groups(const struct nvme_ctrl *c, bool used[NVME_ANA_GROUPS_MAX + 1])
{
	memset(used, 0, NVME_ANA_GROUPS_MAX + 1);
	for (uint32_t i = 1; i <= c->subsys->max_namespaces; i++) {
		const struct nvme_namespace *ns = nvme_ns_slot(c->subsys, i);

		if (ns && nvme_ctrl_sees(c, i))
			used[ns->ana_group] = true;
	}
	used[1] = true; /* a host sees its default group before it sees a namespace */
}

static size_t write_ana(const struct nvme_ctrl *c, uint8_t *log, bool groups_only)
{
	struct nvme_ana_log *head = (struct nvme_ana_log *)log;
	size_t at = sizeof(*head);
	bool used[NVME_ANA_GROUPS_MAX + 1];

	head->chgcnt = c->target->ana_change;
	used_groups(c, used);
	for (uint32_t g = 1; g <= NVME_ANA_GROUPS_MAX; g++) {
		struct nvme_ana_group_desc *d = (struct nvme_ana_group_desc *)(log + at);

		if (!used[g])
			continue;
		d->grpid = g;
		d->chgcnt = c->target->ana_change;
		d->state = (uint8_t)nvme_port_ana(c->port, g);
		d->nnsids = groups_only ? 0 : group_members(c, g, (uint32_t *)(void *)(d + 1));
		at += sizeof(*d) + d->nnsids * sizeof(uint32_t);
		head->ngrps++;
	}
	return at;
}

static void ana_page(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	size_t most = sizeof(struct nvme_ana_log) + NVME_ANA_GROUPS_MAX * sizeof(struct nvme_ana_group_desc) +
		      NVME_NAMESPACES_MAX * sizeof(uint32_t);
	uint8_t *log = calloc(1, most);
	size_t len = 0;

	pthread_mutex_lock(&c->target->lock);
	if (log)
		len = write_ana(c, log, req->cmd.cdw10 >> 8 & NVME_ANA_LSP_RGO);
	pthread_mutex_unlock(&c->target->lock);
	page_read(req);
	nvme_log_reply(req, log, len);
}

/* One entry per read, oldest first (Base 5.16.1.25). */
static void reservation_page(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	struct nvme_resv_log *log = calloc(1, sizeof(*log));
	bool more;

	pthread_mutex_lock(&c->lock);
	if (log && c->resv_log_count) {
		*log = c->resv_log[0];
		memmove(&c->resv_log[0], &c->resv_log[1], --c->resv_log_count * sizeof(*log));
		log->available = (uint8_t)c->resv_log_count;
	}
	more = c->resv_log_count;
	pthread_mutex_unlock(&c->lock);
	page_read(req);
	if (more)
		nvme_event_post(c, (struct nvme_event){NVME_AER_IO_SPECIFIC, NVME_IOSPEC_RESERVATION,
			NVME_LOG_RESERVATION}, 0);
	nvme_log_reply(req, (uint8_t *)log, sizeof(*log));
}

static void discovery_page(struct nvme_request *req)
{
	uint8_t *log;
	size_t len;

	nvme_discovery_log(req, &log, &len);
	page_read(req);
	nvme_log_reply(req, log, len);
}

/* --- choosing --- */

static uint16_t choose_io(struct nvme_request *req, uint8_t page)
{
	switch (page) {
	case NVME_LOG_SUPPORTED:
		req->execute = supported_pages;
		return 0;
	case NVME_LOG_ERROR:
		req->execute = error_page;
		return 0;
	case NVME_LOG_SMART:
		req->execute = smart_page;
		return 0;
	case NVME_LOG_FIRMWARE:
		req->execute = firmware_page;
		return 0;
	case NVME_LOG_CHANGED_NS:
		req->execute = changed_page;
		return 0;
	case NVME_LOG_EFFECTS:
		req->execute = effects_page;
		return 0;
	case NVME_LOG_ANA:
		req->execute = ana_page;
		return 0;
	case NVME_LOG_FEATURE_EFFECTS:
		req->execute = feature_effects_page;
		return 0;
	case NVME_LOG_RESERVATION:
		req->execute = reservation_page;
		return 0;
	default:
		return NVME_SC_INVALID_LOG_PAGE | NVME_SC_DNR;
	}
}

uint16_t nvme_log_init(struct nvme_request *req)
{
	uint64_t dwords = (uint64_t)(req->cmd.cdw10 >> 16 | (req->cmd.cdw11 & 0xffff) << 16) + 1;
	uint8_t page = (uint8_t)req->cmd.cdw10;

	if (dwords * 4 > NVME_MAX_DATA || nvme_log_offset(req) & 3)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	req->dir = NVME_DIR_TO_HOST;
	req->data_len = (uint32_t)dwords * 4;
	if (!req->queue->ctrl->subsys->discovery)
		return choose_io(req, page);
	if (page != NVME_LOG_DISCOVERY)
		return NVME_SC_INVALID_LOG_PAGE | NVME_SC_DNR;
	req->execute = discovery_page;
	return 0;
}
