/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservations (Base 8.19): registrants by host identifier, one reservation per namespace. State that
 * persists through power loss is a small file per namespace in the target's state directory, written
 * beside, synced, then renamed before the command that changed it completes.
 */
#include "nvme/nvme_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

LOG_MODULE("nvme.reservation");

#define CONFLICT NVME_SC_RESERVATION_CONFLICT
#define BAD_FIELD (NVME_SC_INVALID_FIELD | NVME_SC_DNR)

enum { /* CDW10 of register, acquire, release */
	ACT_REGISTER = 0,
	ACT_UNREGISTER = 1,
	ACT_REPLACE = 2,
	ACT_ACQUIRE = 0,
	ACT_PREEMPT = 1,
	ACT_PREEMPT_ABORT = 2,
	ACT_RELEASE = 0,
	ACT_CLEAR = 1,
	IGNORE_KEY = 1 << 3,
	PTPL_OFF = 2,
	PTPL_ON = 3,
};

static bool is_all_type(uint8_t type)
{
	return type == NVME_RESV_WRITE_EXCLUSIVE_ALL || type == NVME_RESV_EXCLUSIVE_ACCESS_ALL;
}

static bool is_reg_type(uint8_t type)
{
	return type == NVME_RESV_WRITE_EXCLUSIVE_REG || type == NVME_RESV_EXCLUSIVE_ACCESS_REG;
}

static struct nvme_resv_registrant *find(struct nvme_resv *r, const uint8_t hostid[16])
{
	for (uint32_t i = 0; i < r->count; i++)
		if (!memcmp(r->reg[i].hostid, hostid, 16))
			return &r->reg[i];
	return NULL;
}

static bool holds(const struct nvme_resv *r, const struct nvme_resv_registrant *reg)
{
	return reg && r->type && (reg->holder || is_all_type(r->type));
}

static bool allowed(struct nvme_resv *r, const struct nvme_ctrl *c, bool write)
{
	const struct nvme_resv_registrant *reg = find(r, c->hostid);
	bool read_free = r->type == NVME_RESV_WRITE_EXCLUSIVE || r->type == NVME_RESV_WRITE_EXCLUSIVE_REG ||
			 r->type == NVME_RESV_WRITE_EXCLUSIVE_ALL;

	if (!r->type || holds(r, reg) || (!write && read_free))
		return true;
	return reg && (is_reg_type(r->type) || is_all_type(r->type));
}

uint16_t nvme_resv_check(struct nvme_namespace *ns, const struct nvme_ctrl *c, bool write)
{
	bool ok;

	if (likely(!__atomic_load_n(&ns->resv.type, __ATOMIC_ACQUIRE)))
		return 0;
	pthread_mutex_lock(&ns->resv.lock);
	ok = allowed(&ns->resv, c, write);
	pthread_mutex_unlock(&ns->resv.lock);
	return ok ? 0 : CONFLICT;
}

/* --- the file --- */

static void path_of(const struct nvme_namespace *ns, const char *suffix, char *out, size_t size)
{
	char hex[33];

	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", ns->nguid[i]);
	snprintf(out, size, "%s/reservation-%s%s", ns->subsys->target->state_dir, hex, suffix);
}

static int write_state(FILE *f, const struct nvme_resv *r)
{
	fprintf(f, "softdpu-reservation 1\ntype %u generation %u\n", r->type, r->generation);
	for (uint32_t i = 0; i < r->count; i++) {
		fprintf(f, "host ");
		for (int b = 0; b < 16; b++)
			fprintf(f, "%02x", r->reg[i].hostid[b]);
		fprintf(f, " key %llx holder %d\n", (unsigned long long)r->reg[i].key, r->reg[i].holder);
	}
	return fprintf(f, "end\n") < 0 || fflush(f) || fsync(fileno(f)) ? -EIO : 0;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* Rare and small; done on the reactor on purpose: the command may not complete before it is durable. */
static uint16_t save(struct nvme_namespace *ns)
{
	char tmp[600], path[600];
	FILE *f;
	int err;

	if (!ns->subsys->target->state_dir)
		return 0;
	path_of(ns, "", path, sizeof(path));
	if (!ns->resv.ptpl || !ns->resv.count) {
		unlink(path);
		return 0;
	}
	path_of(ns, ".new", tmp, sizeof(tmp));
	f = fopen(tmp, "we");
	err = f ? write_state(f, &ns->resv) : -errno;
	if (f)
		fclose(f);
	if (!err && (rename(tmp, path) || sync_dir(ns->subsys->target->state_dir)))
		err = -errno;
	if (err)
		log_err("reservation of namespace %u cannot be saved to %s: %s", ns->nsid, path, strerror(-err));
	return err ? NVME_SC_INTERNAL : 0;
}

static bool parse_host(const char *hex, uint8_t out[16])
{
	for (int i = 0; i < 16; i++) {
		unsigned b;

		if (sscanf(hex + 2 * i, "%2x", &b) != 1)
			return false;
		out[i] = (uint8_t)b;
	}
	return true;
}

static bool load_from(FILE *f, struct nvme_resv *r)
{
	unsigned type, generation, holder;
	unsigned long long key;
	char hex[33], end[8];

	if (fscanf(f, "softdpu-reservation 1 type %u generation %u", &type, &generation) != 2 || type > 6)
		return false;
	while (r->count < NVME_REGISTRANTS_MAX &&
		fscanf(f, " host %32s key %llx holder %u", hex, &key, &holder) == 3) {
		struct nvme_resv_registrant *reg = &r->reg[r->count];

		if (strlen(hex) != 32 || !parse_host(hex, reg->hostid))
			return false;
		reg->key = key;
		reg->holder = holder;
		r->count++;
	}
	r->type = (uint8_t)type;
	r->generation = generation;
	return fscanf(f, " %7s", end) == 1 && !strcmp(end, "end");
}

void nvme_resv_open(struct nvme_namespace *ns)
{
	struct nvme_resv *r = &ns->resv;
	char path[600];
	FILE *f;

	pthread_mutex_init(&r->lock, NULL);
	if (!ns->subsys->target->state_dir)
		return;
	path_of(ns, "", path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return;
	r->ptpl = load_from(f, r);
	fclose(f);
	if (!r->ptpl) { /* never guess who may write */
		log_err("%s is damaged: the reservation of namespace %u is lost", path, ns->nsid);
		r->type = 0;
		r->count = 0;
	}
}

void nvme_resv_close(struct nvme_namespace *ns)
{
	pthread_mutex_destroy(&ns->resv.lock);
}

uint16_t nvme_resv_set_persist(struct nvme_namespace *ns, bool on)
{
	uint16_t status;

	if (on && !ns->subsys->target->state_dir)
		return BAD_FIELD;
	pthread_mutex_lock(&ns->resv.lock);
	ns->resv.ptpl = on;
	status = save(ns);
	pthread_mutex_unlock(&ns->resv.lock);
	return status;
}

/* --- telling others --- */

struct notice {
	uint8_t hostid[16];
	uint8_t type;
};
struct notices {
	struct notice n[NVME_REGISTRANTS_MAX];
	uint32_t count;
};

static void note(struct notices *list, const uint8_t hostid[16], uint8_t type)
{
	if (list->count == NVME_REGISTRANTS_MAX)
		return;
	memcpy(list->n[list->count].hostid, hostid, 16);
	list->n[list->count++].type = type;
}

static void note_others(struct notices *list, struct nvme_resv *r, const uint8_t me[16], uint8_t type)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (memcmp(r->reg[i].hostid, me, 16))
			note(list, r->reg[i].hostid, type);
}

static void tell(struct nvme_namespace *ns, const struct notices *list)
{
	struct nvme_ctrl *c;

	if (!list->count)
		return;
	pthread_mutex_lock(&ns->subsys->target->lock);
	list_for_each (c, &ns->subsys->ctrls, node)
		for (uint32_t i = 0; i < list->count; i++)
			if (!memcmp(c->hostid, list->n[i].hostid, 16) &&
				!(c->resv_mask >> list->n[i].type & 1))
				nvme_event_reservation(c, ns->nsid, list->n[i].type);
	pthread_mutex_unlock(&ns->subsys->target->lock);
}

/* --- changing --- */

static void set_type(struct nvme_resv *r, uint8_t type)
{
	__atomic_store_n(&r->type, type, __ATOMIC_RELEASE);
}

static void drop_reservation(struct nvme_resv *r, const uint8_t me[16], struct notices *list)
{
	uint8_t old = r->type;

	for (uint32_t i = 0; i < r->count; i++)
		r->reg[i].holder = false;
	set_type(r, 0);
	if (is_reg_type(old) || is_all_type(old))
		note_others(list, r, me, NVME_RESV_LOG_RELEASED);
}

static void remove_registrant(struct nvme_resv *r, struct nvme_resv_registrant *reg, const uint8_t me[16],
	struct notices *list)
{
	bool last_holder = r->type && (reg->holder || (is_all_type(r->type) && r->count == 1));

	*reg = r->reg[--r->count];
	if (last_holder)
		drop_reservation(r, me, list);
}

static uint16_t do_register(struct nvme_resv *r, const struct nvme_ctrl *c, uint32_t cdw10,
	const struct nvme_resv_keys *keys, struct notices *list)
{
	struct nvme_resv_registrant *reg = find(r, c->hostid);
	bool ignore = cdw10 & IGNORE_KEY;

	switch (cdw10 & 7) {
	case ACT_REGISTER:
		if (reg)
			return reg->key == keys->nrkey ? 0 : CONFLICT;
		if (r->count == NVME_REGISTRANTS_MAX)
			return NVME_SC_INTERNAL;
		reg = &r->reg[r->count++];
		memset(reg, 0, sizeof(*reg));
		memcpy(reg->hostid, c->hostid, 16);
		reg->key = keys->nrkey;
		break;
	case ACT_UNREGISTER:
		if (!reg || (!ignore && reg->key != keys->crkey))
			return CONFLICT;
		remove_registrant(r, reg, c->hostid, list);
		break;
	case ACT_REPLACE:
		if (!reg || (!ignore && reg->key != keys->crkey))
			return CONFLICT;
		reg->key = keys->nrkey;
		break;
	default:
		return BAD_FIELD;
	}
	r->generation++;
	return 0;
}

static uint16_t do_preempt(struct nvme_resv *r, struct nvme_resv_registrant *me, uint8_t type, uint64_t prkey,
	struct notices *list)
{
	uint8_t self[16], old = r->type;
	bool takes = false, removed = false;

	memcpy(self, me->hostid, 16);
	if (is_all_type(old) && !prkey)
		takes = true; /* everybody else goes */
	for (uint32_t i = 0; i < r->count; i++)
		takes |= !is_all_type(old) && r->reg[i].holder && r->reg[i].key == prkey;
	if (!prkey && !takes)
		return BAD_FIELD;
	for (uint32_t i = 0; i < r->count;) {
		struct nvme_resv_registrant *reg = &r->reg[i];
		bool match = takes && is_all_type(old) ? true : reg->key == prkey;

		if (!match || !memcmp(reg->hostid, self, 16)) {
			i++;
			continue;
		}
		note(list, reg->hostid,
			takes && reg->holder ? NVME_RESV_LOG_RESV_PREEMPTED : NVME_RESV_LOG_PREEMPTED);
		*reg = r->reg[--r->count];
		removed = true;
	}
	if (!takes && !removed)
		return CONFLICT;
	r->generation++;
	if (takes) {
		for (uint32_t i = 0; i < r->count; i++)
			r->reg[i].holder = !memcmp(r->reg[i].hostid, self, 16);
		set_type(r, type);
		if (old != type && (is_reg_type(old) || is_all_type(old)))
			note_others(list, r, self, NVME_RESV_LOG_RELEASED);
	}
	return 0;
}

static uint16_t do_acquire(struct nvme_resv *r, const struct nvme_ctrl *c, uint32_t cdw10,
	const struct nvme_resv_keys *keys, struct notices *list)
{
	struct nvme_resv_registrant *reg = find(r, c->hostid);
	uint8_t type = cdw10 >> 8 & 0xff;

	if (!type || type > 6 || cdw10 & IGNORE_KEY)
		return BAD_FIELD;
	if (!reg || reg->key != keys->crkey)
		return CONFLICT;
	switch (cdw10 & 7) {
	case ACT_ACQUIRE:
		if (r->type)
			return holds(r, reg) && r->type == type ? 0 : CONFLICT;
		reg->holder = true;
		set_type(r, type);
		return 0;
	case ACT_PREEMPT:
	case ACT_PREEMPT_ABORT:
		if (!r->type && keys->nrkey == 0)
			return BAD_FIELD;
		return do_preempt(r, reg, type, keys->nrkey, list);
	default:
		return BAD_FIELD;
	}
}

static uint16_t do_release(struct nvme_resv *r, const struct nvme_ctrl *c, uint32_t cdw10, uint64_t crkey,
	struct notices *list)
{
	struct nvme_resv_registrant *reg = find(r, c->hostid);
	uint8_t type = cdw10 >> 8 & 0xff;

	if (cdw10 & IGNORE_KEY)
		return BAD_FIELD;
	if (!reg || reg->key != crkey)
		return CONFLICT;
	switch (cdw10 & 7) {
	case ACT_RELEASE:
		if (!holds(r, reg))
			return 0;
		if (r->type != type)
			return BAD_FIELD;
		drop_reservation(r, c->hostid, list);
		return 0;
	case ACT_CLEAR:
		note_others(list, r, c->hostid, NVME_RESV_LOG_RESV_PREEMPTED);
		r->count = 0;
		set_type(r, 0);
		r->generation++;
		return 0;
	default:
		return BAD_FIELD;
	}
}

/* CDW10 31:30 of register: change of persistence. */
static uint16_t change_persistence(struct nvme_namespace *ns, uint32_t cptpl)
{
	if (cptpl == PTPL_ON && !ns->subsys->target->state_dir)
		return BAD_FIELD;
	if (cptpl == PTPL_ON || cptpl == PTPL_OFF)
		ns->resv.ptpl = cptpl == PTPL_ON;
	return cptpl == 1 ? BAD_FIELD : 0;
}

static uint16_t change(struct nvme_request *req, struct notices *list)
{
	struct nvme_namespace *ns = req->ns;
	struct nvme_ctrl *c = req->queue->ctrl;
	const struct nvme_resv_keys *keys = (const struct nvme_resv_keys *)req->data;
	uint32_t cdw10 = req->cmd.cdw10;
	uint16_t status;

	switch (req->cmd.opcode) {
	case NVME_IO_RESV_REGISTER:
		status = change_persistence(ns, cdw10 >> 30);
		return status ? status : do_register(&ns->resv, c, cdw10, keys, list);
	case NVME_IO_RESV_ACQUIRE:
		return do_acquire(&ns->resv, c, cdw10, keys, list);
	default:
		return do_release(&ns->resv, c, cdw10, keys->crkey, list);
	}
}

static void change_execute(struct nvme_request *req)
{
	struct nvme_namespace *ns = req->ns;
	struct notices list = {.count = 0};
	uint16_t status;

	pthread_mutex_lock(&ns->resv.lock);
	status = change(req, &list);
	if (!status)
		status = save(ns);
	pthread_mutex_unlock(&ns->resv.lock);
	tell(ns, &list);
	nvme_request_complete(req, status);
}

/* --- report --- */

static uint16_t cntlid_of(const struct nvme_subsystem *s, const uint8_t hostid[16])
{
	const struct nvme_ctrl *c;

	list_for_each (c, &s->ctrls, node)
		if (!memcmp(c->hostid, hostid, 16))
			return c->cntlid;
	return 0xffff; /* registered, and not connected now */
}

static size_t build_report(struct nvme_namespace *ns, uint8_t *out)
{
	struct nvme_resv *r = &ns->resv;
	struct nvme_resv_status *head = (struct nvme_resv_status *)out;
	struct nvme_registrant_ext *e = (struct nvme_registrant_ext *)(out + 64);

	head->gen = r->generation;
	head->rtype = r->type;
	head->regctl = (uint16_t)r->count;
	head->ptpls = r->ptpl;
	for (uint32_t i = 0; i < r->count; i++) {
		e[i].cntlid = cntlid_of(ns->subsys, r->reg[i].hostid);
		e[i].rcsts = holds(r, &r->reg[i]);
		e[i].rkey = r->reg[i].key;
		memcpy(e[i].hostid, r->reg[i].hostid, 16);
	}
	return 64 + r->count * sizeof(*e);
}

static void report_execute(struct nvme_request *req)
{
	struct nvme_target *t = req->queue->target;
	uint8_t report[64 + NVME_REGISTRANTS_MAX * sizeof(struct nvme_registrant_ext)] = {0};
	size_t len;

	pthread_mutex_lock(&t->lock);
	pthread_mutex_lock(&req->ns->resv.lock);
	len = build_report(req->ns, report);
	pthread_mutex_unlock(&req->ns->resv.lock);
	pthread_mutex_unlock(&t->lock);
	memset(req->data, 0, req->data_len);
	memcpy(req->data, report, MIN_OF(len, (size_t)req->data_len));
	nvme_request_complete(req, 0);
}

static uint16_t report_init(struct nvme_request *req)
{
	uint64_t len = ((uint64_t)req->cmd.cdw10 + 1) * 4;

	if (!(req->cmd.cdw11 & 1)) /* EDS: fabrics hosts have 128-bit identifiers */
		return NVME_SC_HOSTID_INCONSISTENT | NVME_SC_DNR;
	if (len > NVME_MAX_DATA)
		return BAD_FIELD;
	req->dir = NVME_DIR_TO_HOST;
	req->data_len = (uint32_t)len;
	req->execute = report_execute;
	return 0;
}

uint16_t nvme_resv_init(struct nvme_request *req)
{
	if (req->cmd.opcode == NVME_IO_RESV_REPORT)
		return report_init(req);
	req->dir = NVME_DIR_FROM_HOST;
	req->data_len = req->cmd.opcode == NVME_IO_RESV_RELEASE ? 8 : 16;
	req->execute = change_execute;
	return 0;
}
