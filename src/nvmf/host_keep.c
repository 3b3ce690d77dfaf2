/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller that is up: events, keep alive, deadlines; and the pause before the next try when it is lost. */
#include "nvmf/host_int.h"

static void event_read(struct nvmf_host *h, uint32_t result)
{
	uint8_t type = result & 7, info = (uint8_t)(result >> 8);

	if (type != NVME_AER_NOTICE)
		return;
	if (info == NVME_NOTICE_DISCOVERY) {
		if (h->o.on_event)
			h->o.on_event(h->o.arg, h, NVMF_EVENT_DISCOVERY);
	} else if (info == NVME_NOTICE_NS_CHANGED || info == NVME_NOTICE_ANA) {
		if (h->scan_len || h->step_busy)
			h->rescan = true;
		else
			host_scan(h);
	}
}

static void aer_done(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	h->aer_busy[io - h->aer] = false;
	if (h->phase != PHASE_LIVE || io->status)
		return;
	event_read(h, io->cqe.result);
	host_arm_aers(h);
}

void host_arm_aers(struct nvmf_host *h)
{
	for (unsigned i = 0; i < HOST_AERS; i++) {
		if (h->aer_busy[i])
			continue;
		h->aer_busy[i] = true;
		h->aer[i] = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_ASYNC_EVENT, .done = aer_done, .arg = h,
			.deadline = UINT64_MAX};
		qp_submit(h->admin, &h->aer[i]);
	}
}

static void kept_alive(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	h->keep_alive_busy = false;
	if (h->phase == PHASE_LIVE && io->status)
		host_fail(h, true, "keep alive: %s", nvmf_status_text(io->status));
}

void host_keep_fire(struct reactor_timer *timer)
{
	struct nvmf_host *h = container_of(timer, struct nvmf_host, keep);

	if (h->phase != PHASE_LIVE)
		return;
	reactor_timer_arm(h->o.reactor, timer, host_now(h) + h->o.kato_ms / 2 * NS_PER_MS);
	if (h->keep_alive_busy)
		return;
	h->keep_alive_busy = true;
	h->keep_alive = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_KEEP_ALIVE, .done = kept_alive, .arg = h,
		.deadline = host_now(h) + h->o.kato_ms * NS_PER_MS};
	qp_submit(h->admin, &h->keep_alive);
}

static bool overdue(const struct nvmf_host *h)
{
	if (h->admin && qp_overdue(h->admin, host_now(h)))
		return true;
	for (unsigned i = 0; i < h->io_up; i++)
		if (qp_overdue(h->io[i], host_now(h)))
			return true;
	return false;
}

void host_tick_fire(struct reactor_timer *timer)
{
	struct nvmf_host *h = container_of(timer, struct nvmf_host, tick);

	if (h->phase >= PHASE_CLOSING)
		return;
	if (h->phase == PHASE_LIVE && !h->keep.slot && h->o.kato_ms != UINT32_MAX)
		reactor_timer_arm(h->o.reactor, &h->keep, host_now(h) + h->o.kato_ms / 2 * NS_PER_MS);
	reactor_timer_arm(h->o.reactor, timer, host_now(h) + HOST_TICK_NS);
	if (h->phase < PHASE_SCAN && host_now(h) - h->phase_since > HOST_BRING_UP_NS)
		host_fail(h, true, "the controller did not come up within 10 s");
	else if (overdue(h))
		host_fail(h, true, "a command was not answered in time");
}

void host_pause_fire(struct reactor_timer *timer)
{
	host_begin(container_of(timer, struct nvmf_host, pause));
}

