/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O commands (NVM Command Set 1.0 section 3): each init checks everything that can be known before
 * data moves, each execute becomes block I/Os, and the last of them ends the command.
 */
#include "nvme/nvme_int.h"

#define DNR(code) ((code) | NVME_SC_DNR)

uint16_t nvme_status_of_errno(int err, enum blk_op op)
{
	switch (-err) {
	case 0:
		return 0;
	case EILSEQ:
		return DNR(NVME_SC_COMPARE_FAILED);
	case ENOSPC:
		return DNR(NVME_SC_CAPACITY_EXCEEDED);
	case ERANGE:
		return DNR(NVME_SC_LBA_RANGE);
	case EROFS:
		return DNR(NVME_SC_NS_WRITE_PROTECTED);
	case EAGAIN:
	case ENOMEM:
		return NVME_SC_NS_NOT_READY;
	case ETIMEDOUT:
		return NVME_SC_TRANSIENT_TRANSPORT;
	case ECANCELED:
		return NVME_SC_ABORT_REQUESTED;
	case EIO:
		return op == BLK_READ || op == BLK_COMPARE ? NVME_SC_UNRECOVERED_READ : NVME_SC_WRITE_FAULT;
	default:
		return DNR(NVME_SC_INTERNAL);
	}
}

/* --- the namespace of a command --- */

static uint16_t ana_status(enum nvme_ana_state state)
{
	switch (state) {
	case NVME_ANA_OPTIMIZED:
	case NVME_ANA_NON_OPTIMIZED:
		return 0;
	case NVME_ANA_PERSISTENT_LOSS_STATE:
		return NVME_SC_ANA_PERSISTENT_LOSS;
	case NVME_ANA_CHANGE:
		return NVME_SC_ANA_TRANSITION;
	default:
		return NVME_SC_ANA_INACCESSIBLE;
	}
}

static uint16_t enter_namespace(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;
	struct nvme_ctrl *c = q->ctrl;
	uint32_t nsid = req->cmd.nsid;
	struct nvme_namespace *ns;
	uint16_t status;

	if (unlikely(!nsid || nsid > c->subsys->max_namespaces || !nvme_ctrl_sees(c, nsid)))
		return DNR(NVME_SC_INVALID_NS);
	ns = nvme_ns_slot(c->subsys, nsid);
	if (unlikely(!ns))
		return DNR(NVME_SC_INVALID_NS);
	status = ana_status(nvme_port_ana(q->port, __atomic_load_n(&ns->ana_group, __ATOMIC_RELAXED)));
	if (unlikely(status))
		return status;
	req->nsc = nvme_ns_channel(ns, q->reactor);
	if (unlikely(!req->nsc))
		return NVME_SC_NS_NOT_READY;
	req->nsc->inflight++;
	req->ns = ns;
	return 0;
}

static uint16_t may_write(const struct nvme_request *req)
{
	if (unlikely(__atomic_load_n(&req->ns->readonly, __ATOMIC_RELAXED)))
		return DNR(NVME_SC_NS_WRITE_PROTECTED);
	return nvme_resv_check(req->ns, req->queue->ctrl, true);
}

static uint16_t may_read(const struct nvme_request *req)
{
	return nvme_resv_check(req->ns, req->queue->ctrl, false);
}

static uint16_t check_range(const struct nvme_namespace *ns, uint64_t slba, uint64_t count)
{
	uint64_t blocks = __atomic_load_n(&ns->blocks, __ATOMIC_ACQUIRE);

	return count > blocks || slba > blocks - count ? DNR(NVME_SC_LBA_RANGE) : 0;
}

/* --- ends --- */

static unsigned bucket_of(uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned b = us ? 64 - (unsigned)__builtin_clzll(us) : 0;

	return MIN_OF(b, (unsigned)NVME_LATENCY_BUCKETS - 1);
}

static void bump(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

static void account(struct nvme_io_stats *s, const struct nvme_request *req, uint16_t status, uint64_t took)
{
	if (unlikely(status && (status & 0x7ff) != NVME_SC_COMPARE_FAILED))
		bump(&s->errors, 1);
	if (req->cmd.opcode == NVME_IO_READ) {
		bump(&s->reads, 1);
		bump(&s->read_bytes, req->data_len);
		bump(&s->latency_ns_read, took);
		bump(&s->latency_read[bucket_of(took)], 1);
	} else if (req->cmd.opcode == NVME_IO_WRITE) {
		bump(&s->writes, 1);
		bump(&s->write_bytes, req->data_len);
		bump(&s->latency_ns_write, took);
		bump(&s->latency_write[bucket_of(took)], 1);
	} else {
		bump(&s->others, 1);
	}
}

static void end(struct nvme_request *req, uint16_t status)
{
	uint64_t took = reactor_now(req->queue->reactor) - req->started;

	if (req->nsc) {
		account(&req->nsc->stats, req, status, took);
		account(&req->queue->stats, req, status, took);
	}
	nvme_request_complete(req, status);
}

static void io_done(struct blk_io *io, int err)
{
	struct nvme_request *req = container_of(io, struct nvme_request, io);

	end(req, nvme_status_of_errno(err, io->op));
}

/* --- read, write, compare: one block I/O over the request's buffer --- */

/* A read without a buffer: the answer is sent from where the data lie. */
static void lend(struct nvme_request *req)
{
	const void *p = blk_view(req->nsc->blk, req->io.offset, req->io.length);

	if (!p) { /* shrunk since the command was checked */
		end(req, DNR(NVME_SC_LBA_RANGE));
		return;
	}
	req->data = (uint8_t *)(uintptr_t)p;
	req->lender = blk_ref(req->ns->dev);
	end(req, 0);
}

void nvme_io_submit(struct nvme_request *req)
{
	if (req->lent) {
		lend(req);
	} else {
		req->submitted = true;
		blk_submit(req->nsc->blk, &req->io);
	}
}

static void rw_execute(struct nvme_request *req)
{
	struct blk_io *io = &req->io;

	req->iov = (struct iovec){req->data, req->data_len};
	io->offset = req->cmd.rw.slba << req->ns->shift;
	io->length = req->data_len;
	io->iov = &req->iov;
	io->iovcnt = 1;
	io->done = io_done;
	if (unlikely(io->op == BLK_WRITE && nvme_fused_hold_write(req)))
		return;
	if (likely(nvme_qos_admit(req, req->data_len)))
		nvme_io_submit(req);
}

static uint16_t rw_init(struct nvme_request *req, enum blk_op op)
{
	uint64_t count = (uint64_t)req->cmd.rw.nlb + 1;
	uint16_t status = enter_namespace(req);

	if (unlikely(status))
		return status;
	status = op == BLK_WRITE ? may_write(req) : may_read(req);
	if (unlikely(status))
		return status;
	status = check_range(req->ns, req->cmd.rw.slba, count);
	if (unlikely(status))
		return status;
	if (unlikely(count << req->ns->shift > req->queue->target->max_data))
		return DNR(NVME_SC_INVALID_FIELD);
	req->data_len = (uint32_t)(count << req->ns->shift);
	req->dir = op == BLK_READ ? NVME_DIR_TO_HOST : NVME_DIR_FROM_HOST;
	req->io.op = op;
	req->io.flags = op == BLK_WRITE && req->cmd.rw.control & NVME_RW_FUA ? BLK_FUA : 0;
	req->lent = op == BLK_READ && req->queue->borrows && blk_has_view(req->ns->dev);
	req->execute = rw_execute;
	return 0;
}

/* --- flush, write zeroes, verify --- */

static void flush_execute(struct nvme_request *req)
{
	req->io.op = BLK_FLUSH;
	req->io.flags = 0;
	req->io.offset = req->io.length = 0;
	req->io.done = io_done;
	if (!blk_limits(req->ns->dev)->volatile_cache)
		end(req, 0);
	else
		nvme_io_submit(req);
}

static uint16_t flush_init(struct nvme_request *req)
{
	req->execute = flush_execute;
	return enter_namespace(req);
}

static void zeroes_execute(struct nvme_request *req)
{
	struct blk_io *io = &req->io;
	uint16_t control = req->cmd.rw.control;

	io->op = BLK_ZERO;
	io->flags = (control & NVME_RW_FUA ? BLK_FUA : 0) | (control & NVME_RW_DEAC ? BLK_MAY_UNMAP : 0);
	io->offset = req->cmd.rw.slba << req->ns->shift;
	io->length = ((uint64_t)req->cmd.rw.nlb + 1) << req->ns->shift;
	io->done = io_done;
	if (nvme_qos_admit(req, 0))
		nvme_io_submit(req);
}

static uint16_t zeroes_init(struct nvme_request *req)
{
	uint16_t status = enter_namespace(req);

	if (!status)
		status = may_write(req);
	if (!status)
		status = check_range(req->ns, req->cmd.rw.slba, (uint64_t)req->cmd.rw.nlb + 1);
	req->execute = zeroes_execute;
	return status;
}

static void verify_done(struct blk_io *io, int err)
{
	struct nvme_request *req = container_of(io, struct nvme_request, io);

	reactor_buf_put(req->queue->reactor, req->scratch);
	end(req, nvme_status_of_errno(err, BLK_READ));
}

/* Reads into a buffer nobody looks at: what counts is that the medium can deliver. */
static void verify_execute(struct nvme_request *req)
{
	struct blk_io *io = &req->io;
	size_t len = ((size_t)req->cmd.rw.nlb + 1) << req->ns->shift;

	req->scratch = reactor_buf_get(req->queue->reactor, len);
	if (!req->scratch) {
		end(req, NVME_SC_NS_NOT_READY);
		return;
	}
	req->iov = (struct iovec){req->scratch, len};
	*io = (struct blk_io){.op = BLK_READ, .offset = req->cmd.rw.slba << req->ns->shift, .length = len,
		.iov = &req->iov, .iovcnt = 1, .done = verify_done};
	if (nvme_qos_admit(req, len))
		nvme_io_submit(req);
}

static uint16_t verify_init(struct nvme_request *req)
{
	uint64_t count = (uint64_t)req->cmd.rw.nlb + 1;
	uint16_t status = enter_namespace(req);

	if (!status)
		status = may_read(req);
	if (!status)
		status = check_range(req->ns, req->cmd.rw.slba, count);
	if (!status && count << req->ns->shift > NVME_MAX_DATA)
		status = DNR(NVME_SC_INVALID_FIELD);
	req->execute = verify_execute;
	return status;
}

/* --- dataset management, copy: several block I/Os, one after another --- */

enum { STEP_RUNNING = 1, STEP_ENDED = 2 };

static bool step_start(struct nvme_request *req);

/* Block I/Os may end inside submit: the loop keeps 256 of those from nesting. */
static void steps_run(struct nvme_request *req)
{
	while (req->step < req->steps && !req->status) {
		req->active = STEP_RUNNING;
		if (step_start(req) && !(req->active & STEP_ENDED)) {
			req->active = 0;
			return;
		}
		req->step++;
	}
	req->active = 0;
	end(req, req->status);
}

static void step_done(struct blk_io *io, int err)
{
	struct nvme_request *req = container_of(io, struct nvme_request, io);

	req->status = nvme_status_of_errno(err, io->op);
	if (req->active & STEP_RUNNING) {
		req->active |= STEP_ENDED;
		return;
	}
	req->step++;
	steps_run(req);
}

static bool unmap_step(struct nvme_request *req)
{
	const struct nvme_dsm_range *r = (const struct nvme_dsm_range *)req->data + req->step;

	if (!r->nlb)
		return false;
	req->io = (struct blk_io){.op = BLK_UNMAP, .offset = r->slba << req->ns->shift,
		.length = (uint64_t)r->nlb << req->ns->shift, .done = step_done};
	nvme_io_submit(req);
	return true;
}

static bool copy_step(struct nvme_request *req)
{
	const struct nvme_copy_range *r = (const struct nvme_copy_range *)req->data + req->step;
	uint64_t to = req->cmd.rw.slba, count = (uint64_t)r->nlb + 1;

	for (uint32_t i = 0; i < req->step; i++)
		to += (uint64_t)r[(int)i - (int)req->step].nlb + 1;
	req->io = (struct blk_io){.op = BLK_COPY, .offset = to << req->ns->shift,
		.copy_from = r->slba << req->ns->shift, .length = count << req->ns->shift,
		.flags = req->cmd.cdw12 & 1u << 30 ? BLK_FUA : 0, .done = step_done};
	nvme_io_submit(req);
	return true;
}

/* false: nothing to do in this step */
static bool step_start(struct nvme_request *req)
{
	return req->cmd.opcode == NVME_IO_DSM ? unmap_step(req) : copy_step(req);
}

static void dsm_execute(struct nvme_request *req)
{
	const struct nvme_dsm_range *r = (const struct nvme_dsm_range *)req->data;

	req->steps = (req->cmd.cdw10 & 0xff) + 1;
	for (uint32_t i = 0; i < req->steps && !req->status; i++)
		req->status = check_range(req->ns, r[i].slba, r[i].nlb);
	if (!(req->cmd.cdw11 & NVME_DSM_DEALLOCATE))
		req->steps = 0; /* the hints of integral reads and writes change nothing here */
	steps_run(req);
}

static uint16_t dsm_init(struct nvme_request *req)
{
	uint32_t need = ((req->cmd.cdw10 & 0xff) + 1) * (uint32_t)sizeof(struct nvme_dsm_range);
	uint32_t given = req->cmd.sgl.length;
	uint16_t status = enter_namespace(req);

	if (!status)
		status = may_write(req);
	if (req->cmd.sgl.type >> 4 == NVME_SGL_KEYED_DATA_BLOCK)
		given &= 0xffffff;
	/* a host may send the full 4096-byte list however few ranges count */
	req->data_len = given > need && given <= 4096 ? given : need;
	req->dir = NVME_DIR_FROM_HOST;
	req->execute = dsm_execute;
	return status;
}

static uint16_t check_copy(const struct nvme_request *req)
{
	const struct nvme_copy_range *r = (const struct nvme_copy_range *)req->data;
	uint32_t most = MIN_OF(65535u, (64u << 20) >> req->ns->shift);
	uint64_t total = 0;

	for (uint32_t i = 0; i < req->steps; i++) {
		uint64_t count = (uint64_t)r[i].nlb + 1;
		uint16_t status = check_range(req->ns, r[i].slba, count);

		if (status)
			return status;
		if (count > most)
			return DNR(NVME_SC_CMD_SIZE_LIMIT);
		total += count;
	}
	if (total > (64u << 20) >> req->ns->shift)
		return DNR(NVME_SC_CMD_SIZE_LIMIT);
	return check_range(req->ns, req->cmd.rw.slba, total);
}

static void copy_execute(struct nvme_request *req)
{
	req->steps = (req->cmd.cdw12 & 0xff) + 1;
	req->status = check_copy(req);
	steps_run(req);
}

static uint16_t copy_init(struct nvme_request *req)
{
	uint32_t ranges = (req->cmd.cdw12 & 0xff) + 1;
	uint16_t status = enter_namespace(req);

	if (!status)
		status = may_write(req);
	if (!status)
		status = may_read(req);
	if (!status && req->cmd.cdw12 >> 8 & 0xf) /* descriptor formats beyond 0 */
		status = DNR(NVME_SC_INVALID_FIELD);
	if (!status && ranges > NVME_COPY_RANGES_MAX)
		status = DNR(NVME_SC_CMD_SIZE_LIMIT);
	req->dir = NVME_DIR_FROM_HOST;
	req->data_len = ranges * (uint32_t)sizeof(struct nvme_copy_range);
	req->execute = copy_execute;
	return status;
}

static uint16_t resv_init(struct nvme_request *req)
{
	uint16_t status = enter_namespace(req);

	return status ? status : nvme_resv_init(req);
}

uint16_t nvme_io_init(struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;

	if (unlikely(!(c->csts & NVME_CSTS_RDY)))
		return DNR(NVME_SC_SEQUENCE);
	switch (req->cmd.opcode) {
	case NVME_IO_READ:
		return rw_init(req, BLK_READ);
	case NVME_IO_WRITE:
		return rw_init(req, BLK_WRITE);
	case NVME_IO_FLUSH:
		return flush_init(req);
	case NVME_IO_COMPARE:
		return rw_init(req, BLK_COMPARE);
	case NVME_IO_WRITE_ZEROES:
		return zeroes_init(req);
	case NVME_IO_DSM:
		return dsm_init(req);
	case NVME_IO_VERIFY:
		return verify_init(req);
	case NVME_IO_COPY:
		return copy_init(req);
	case NVME_IO_RESV_REGISTER:
	case NVME_IO_RESV_REPORT:
	case NVME_IO_RESV_ACQUIRE:
	case NVME_IO_RESV_RELEASE:
		return resv_init(req);
	default:
		return DNR(NVME_SC_INVALID_OPCODE);
	}
}
