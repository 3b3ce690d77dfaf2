/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpu-nvmfd: rooms nvme and nvmf given threads, sockets and time.
 *
 *   main.c     options, signals, the loop of the control thread
 *   config.c   YAML or JSON in, one JSON tree; saving it so that a crash leaves the old or the new file
 *   ops.c      one function per change: does it, then notes it in the tree
 *   rpc.c      JSON-RPC: changes by ops.c, and looking in
 *   volume.c   volumes: a subsystem with one namespace on a file of our own, shown to chosen hosts
 *   metrics.c  Prometheus
 *
 * Starting is replaying: the configuration's elements go through the same functions as live changes, so
 * a configuration can do nothing the socket cannot, and what is saved is exactly what was done.
 */
#ifndef NVMFD_H
#define NVMFD_H

#include <jansson.h>

#include "base/base.h"
#include "blk/blk.h"
#include "ctl/ctl.h"
#include "ctl/metrics.h"
#include "nvmf/nvmf.h"

#define NVMFD_LISTENERS_MAX 64

struct nvmfd {
	char name[32], state_dir[200], save_path[256];
	struct reactor *reactors[REACTORS_MAX];
	unsigned reactor_count;
	struct nvme_target *target;
	struct nvmf_server *server;
	struct nvmf_listener *listeners[NVMFD_LISTENERS_MAX];
	unsigned listener_count;
	json_t *model; /* what is in force, in the shape of the configuration file */
	struct ctl_server *ctl;
	struct metrics *metrics;
	uint64_t started_ns;
	bool replaying; /* while the configuration is applied nothing is saved */
	bool checking;  /* --check: no socket is bound, no device opened */
};

/* config.c */
int config_load(const char *path, json_t **out);
int config_save(struct nvmfd *d);
/* Refuse members of `object` that are not listed (NULL-terminated). */
int config_only(const json_t *object, const char *const *known);
int config_apply(struct nvmfd *d, const json_t *wanted);

/* ops.c */
int op_listen(struct nvmfd *d, const json_t *p);
int op_unlisten(struct nvmfd *d, const json_t *p);
int op_subsystem_add(struct nvmfd *d, const json_t *p);
int op_subsystem_remove(struct nvmfd *d, const json_t *p);
int op_subsystem_set(struct nvmfd *d, const json_t *p);
int op_namespace_add(struct nvmfd *d, const json_t *p);
int op_namespace_remove(struct nvmfd *d, const json_t *p);
int op_namespace_set(struct nvmfd *d, const json_t *p);
int op_host_allow(struct nvmfd *d, const json_t *p);
int op_host_deny(struct nvmfd *d, const json_t *p);
int op_host_set(struct nvmfd *d, const json_t *p);
int op_ana_set(struct nvmfd *d, const json_t *p);
int op_referral_add(struct nvmfd *d, const json_t *p);
int op_referral_remove(struct nvmfd *d, const json_t *p);
json_t *op_find(const struct nvmfd *d, const char *list, const char *key, const char *value);

/* rpc.c, volume.c, metrics.c */
int rpc_register(struct nvmfd *d);
int volume_register(struct nvmfd *d);
void metrics_add(struct nvmfd *d);
/* The lines a user pastes on a host. */
void print_connect_lines(const struct nvmfd *d);

#endif
