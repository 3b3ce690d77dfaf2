/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client: the initiator for callers that wait. It owns a reactor and runs it on the caller's thread while
 * a call waits; reconnecting and choosing among paths is nvmf_multi's. For the command line and for
 * libdoca_nvmf. One thread.
 */
#ifndef NVMF_CLIENT_H
#define NVMF_CLIENT_H

#include "nvmf/host.h"

struct nvmf_client;

/* Connects to the first path; -ECONNREFUSED, -EACCES, -ETIMEDOUT with a refusal. timeout_ms 0 = 10 s. */
int nvmf_client_open(const struct nvmf_host_options *options, uint32_t timeout_ms, struct nvmf_client **out);
/* One more path to the same subsystem; need not be up. */
int nvmf_client_add_path(struct nvmf_client *c, const struct nvmf_host_options *options);
void nvmf_client_close(struct nvmf_client *c);

struct nvmf_host *nvmf_client_host(const struct nvmf_client *c); /* the first path */
struct nvmf_multi *nvmf_client_paths(const struct nvmf_client *c);
struct reactor *nvmf_client_reactor(const struct nvmf_client *c);

/* Runs until the command has ended; io->done is used. Returns its status. */
uint16_t nvmf_client_io(struct nvmf_client *c, struct nvmf_io *io);
uint16_t nvmf_client_admin(struct nvmf_client *c, struct nvmf_io *io);
/* For commands submitted by callback (nvmf_multi_submit): let things happen for up to max_wait_ns. */
int nvmf_client_progress(struct nvmf_client *c, uint64_t max_wait_ns);

/* The whole discovery log, malloc'ed; read again when it changes underneath. */
int nvmf_client_discover(struct nvmf_client *c, struct nvme_discovery_log **out);

#endif
