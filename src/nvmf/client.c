/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvmf/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "nvmf/stream.h"

struct nvmf_client {
	struct reactor *reactor;
	struct nvmf_multi *multi;
	bool gone;
};

static int wait_live(struct nvmf_client *c, uint32_t timeout_ms)
{
	uint64_t give_up = clock_now_ns() + (timeout_ms ? timeout_ms : 10000) * NS_PER_MS;
	const struct nvmf_host *h = nvmf_client_host(c);

	while (nvmf_host_state(h) == NVMF_HOST_CONNECTING && clock_now_ns() < give_up)
		reactor_run_once(c->reactor, 50 * NS_PER_MS);
	if (nvmf_host_state(h) == NVMF_HOST_LIVE)
		return 0;
	return refuse(nvmf_host_state(h) == NVMF_HOST_FAILED ? ECONNREFUSED : ETIMEDOUT, "%s: %s",
		nvmf_host_address(h), nvmf_host_trouble(h)[0] ? nvmf_host_trouble(h) : "no answer");
}

int nvmf_client_add_path(struct nvmf_client *c, const struct nvmf_host_options *options)
{
	struct nvmf_host_options o = *options;

	o.reactor = c->reactor;
	return nvmf_multi_add(c->multi, &o);
}

int nvmf_client_open(const struct nvmf_host_options *options, uint32_t timeout_ms, struct nvmf_client **out)
{
	static const uint32_t few[REACTOR_BUF_CLASSES] = {16, 4, 1, 1};
	struct reactor_options ro = {.cpu = -1, .spin_ns = 20 * NS_PER_US, .name = "nvmf-client"};
	struct nvmf_client *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	memcpy(ro.buffers, few, sizeof(few));
	if (!err)
		err = reactor_create(&ro, &c->reactor);
	if (!err)
		err = nvmf_multi_create(c->reactor, NVMF_QUEUE_DEPTH, 60000, &c->multi);
	if (!err)
		err = nvmf_client_add_path(c, options);
	if (!err)
		err = wait_live(c, timeout_ms);
	if (err) {
		nvmf_client_close(c);
		return err;
	}
	*out = c;
	return 0;
}

static void note_gone(void *arg)
{
	((struct nvmf_client *)arg)->gone = true;
}

void nvmf_client_close(struct nvmf_client *c)
{
	if (!c)
		return;
	if (c->multi) {
		nvmf_multi_destroy(c->multi, note_gone, c);
		while (!c->gone)
			reactor_run_once(c->reactor, 50 * NS_PER_MS);
	}
	if (c->reactor)
		stream_pool_drop(c->reactor);
	reactor_destroy(c->reactor);
	free(c);
}

struct nvmf_host *nvmf_client_host(const struct nvmf_client *c)
{
	return nvmf_multi_path(c->multi, 0);
}

struct nvmf_multi *nvmf_client_paths(const struct nvmf_client *c)
{
	return c->multi;
}

struct reactor *nvmf_client_reactor(const struct nvmf_client *c)
{
	return c->reactor;
}

static void note_done(struct nvmf_io *io)
{
	*(bool *)io->arg = true;
}

static uint16_t wait_for(struct nvmf_client *c, const bool *done, const struct nvmf_io *io)
{
	while (!*done)
		reactor_run_once(c->reactor, 50 * NS_PER_MS);
	return io->status;
}

uint16_t nvmf_client_io(struct nvmf_client *c, struct nvmf_io *io)
{
	bool done = false;

	io->done = note_done;
	io->arg = &done;
	nvmf_multi_submit(c->multi, io);
	return wait_for(c, &done, io);
}

uint16_t nvmf_client_admin(struct nvmf_client *c, struct nvmf_io *io)
{
	bool done = false;

	io->done = note_done;
	io->arg = &done;
	nvmf_host_admin(nvmf_client_host(c), io);
	return wait_for(c, &done, io);
}

int nvmf_client_progress(struct nvmf_client *c, uint64_t max_wait_ns)
{
	return reactor_run_once(c->reactor, max_wait_ns);
}

/* --- discovery --- */

static int read_log(struct nvmf_client *c, uint8_t *to, uint64_t offset, uint32_t len)
{
	struct nvmf_io io = {.cmd.opcode = NVME_ADMIN_GET_LOG_PAGE, .buf = to, .len = len, .dir = NVME_DIR_TO_HOST};
	uint16_t status;

	io.cmd.cdw10 = NVME_LOG_DISCOVERY | (len / 4 - 1) << 16;
	io.cmd.cdw11 = (len / 4 - 1) >> 16;
	io.cmd.cdw12 = (uint32_t)offset;
	io.cmd.cdw13 = (uint32_t)(offset >> 32);
	status = nvmf_client_admin(c, &io);
	return status ? refuse(EIO, "discovery log: %s", nvmf_status_text(status)) : 0;
}

int nvmf_client_discover(struct nvmf_client *c, struct nvme_discovery_log **out)
{
	struct nvme_discovery_log head, *log;
	size_t len;
	int err;

	for (int tries = 0; tries < 8; tries++) {
		err = read_log(c, (uint8_t *)&head, 0, sizeof(head));
		if (err)
			return err;
		if (head.numrec > 65536)
			return refuse(EPROTO, "a discovery log of %llu records", (unsigned long long)head.numrec);
		len = sizeof(head) + head.numrec * sizeof(struct nvme_discovery_entry);
		log = malloc(len);
		if (!log)
			return -ENOMEM;
		for (size_t at = 0; at < len && !err; at += 65536)
			err = read_log(c, (uint8_t *)log + at, at, (uint32_t)MIN_OF(len - at, (size_t)65536));
		if (!err && log->genctr == head.genctr && log->numrec == head.numrec) {
			*out = log;
			return 0;
		}
		free(log);
		if (err)
			return err;
	}
	return refuse(EAGAIN, "the discovery log changes faster than it can be read");
}
