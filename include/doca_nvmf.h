/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_nvmf: NVMe over Fabrics, target and initiator (softdpu's extension; DOCA 3.3 has no such library).
 * Both spellings of the founding document: "target" (F:3446-3487) and "tgt" with configuration
 * structs (F:3986-4055); they name the same objects and mix freely.
 *
 * Target: create, add subsystems and namespaces, listen, run. Running is either the caller's loop,
 *
 *     doca_nvmf_target_create(&target);
 *     doca_nvmf_target_subsystem_create(target, "nqn.2024.io.storage", &subsys);
 *     doca_nvmf_subsystem_add_ns(subsys, "/dev/nvme0n1", 1, &ns);
 *     doca_nvmf_target_listen(target, (struct sockaddr *)&addr);
 *     while (running)
 *             doca_nvmf_target_process_events(target);        sleeps inside when there is nothing to do
 *
 * or a thread of its own: doca_nvmf_tgt_start(tgt). Live changes are allowed in both.
 *
 * Initiator: create, connect, then submit and wait, or submit with a callback and progress.
 *
 *     doca_nvmf_initiator_create(&cfg, &initiator);
 *     doca_nvmf_initiator_connect(initiator);
 *     doca_nvmf_io_submit(initiator, &req);
 *     doca_nvmf_io_wait_completion(initiator, &req);
 *
 * Buffers and requests belong to the caller and must stay until completion. Errors come with a log line
 * and doca_nvmf's refusal text; the NVMe status of a request is in its `nvme_status`.
 *
 * Threads: a target, or an initiator, is used by one thread at a time.
 */
#ifndef DOCA_NVMF_H_
#define DOCA_NVMF_H_

/* F's target example uses these without including them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_nvmf_target;
#define doca_nvmf_tgt doca_nvmf_target /* the second spelling of the same object */
struct doca_nvmf_subsystem;
struct doca_nvmf_namespace;
struct doca_nvmf_transport;
struct doca_nvmf_initiator;

enum doca_nvmf_transport_type {
	DOCA_NVMF_TRANSPORT_TCP = 0,
	DOCA_NVMF_TRANSPORT_RDMA = 1,
};

enum doca_nvmf_backend_type {
	DOCA_NVMF_BACKEND_FILE = 0,   /* backend_path is a file; created or extended to `size` */
	DOCA_NVMF_BACKEND_NVME = 1,   /* a local block device */
	DOCA_NVMF_BACKEND_MEMORY = 2, /* `size` bytes of memory; no path */
	DOCA_NVMF_BACKEND_NULL = 3,   /* reads zeroes, forgets writes */
	DOCA_NVMF_BACKEND_URI = 4,    /* backend_path is any of softdpu's backends: "mem:1G", "rbd:pool/image" */
};

/* --- target --- */

doca_error_t doca_nvmf_target_create(struct doca_nvmf_target **target);
doca_error_t doca_nvmf_tgt_create(struct doca_nvmf_tgt **tgt);

/* Ends its thread, its connections, then everything below it. NULL is fine. */
doca_error_t doca_nvmf_target_destroy(struct doca_nvmf_target *target);
doca_error_t doca_nvmf_tgt_destroy(struct doca_nvmf_tgt *tgt);

/* Any host may connect to it. ALREADY_EXIST, INVALID_VALUE (not an NQN). */
doca_error_t doca_nvmf_target_subsystem_create(
	struct doca_nvmf_target *target, const char *nqn, struct doca_nvmf_subsystem **subsys);

struct doca_nvmf_subsystem_cfg {
	const char *nqn;
	const char *serial_number; /* up to 20 characters; NULL = derived from the NQN */
	const char *model_number;  /* up to 40; NULL = "softdpu" */
	uint32_t max_namespaces;   /* 0 = 4096, the limit */
	bool allow_any_host;	   /* else doca_nvmf_subsystem_allow_host() */
};
doca_error_t doca_nvmf_subsystem_create(struct doca_nvmf_tgt *tgt, const struct doca_nvmf_subsystem_cfg *cfg,
	struct doca_nvmf_subsystem **subsys);
/* Hosts are disconnected; the pointer and those of its namespaces are dead. */
doca_error_t doca_nvmf_subsystem_destroy(struct doca_nvmf_subsystem *subsys);
doca_error_t doca_nvmf_subsystem_allow_host(struct doca_nvmf_subsystem *subsys, const char *host_nqn);

/* path: a block device, a file, or a softdpu backend URI. nsid 0 = the lowest free. */
doca_error_t doca_nvmf_subsystem_add_ns(struct doca_nvmf_subsystem *subsys, const char *path, uint32_t nsid,
	struct doca_nvmf_namespace **ns);

struct doca_nvmf_namespace_cfg {
	uint32_t nsid;	     /* 0 = the lowest free */
	uint64_t size;	     /* bytes; 0 = that of the file or device */
	uint32_t block_size; /* 512 or 4096; 0 = 512, or the device's */
	enum doca_nvmf_backend_type backend_type;
	const char *backend_path;
	bool compression_enabled; /* F:4274; NOT_SUPPORTED until the compression layer is there */
	bool read_only;
};
/* ns may be NULL (F:4278). */
doca_error_t doca_nvmf_namespace_add(struct doca_nvmf_subsystem *subsys,
	const struct doca_nvmf_namespace_cfg *cfg, struct doca_nvmf_namespace **ns);
/* Hosts see it go at once. */
doca_error_t doca_nvmf_namespace_remove(struct doca_nvmf_namespace *ns);
doca_error_t doca_nvmf_namespace_resize(struct doca_nvmf_namespace *ns, uint64_t size);
doca_error_t doca_nvmf_namespace_get_nsid(const struct doca_nvmf_namespace *ns, uint32_t *nsid);

/* NVMe/TCP on an IPv4 or IPv6 address (sockaddr_in, sockaddr_in6). */
doca_error_t doca_nvmf_target_listen(struct doca_nvmf_target *target, const struct sockaddr *addr);

struct doca_nvmf_transport_cfg {
	enum doca_nvmf_transport_type type;
	const char *addr; /* numeric */
	uint16_t port;	  /* 0 = 4420 */
	uint32_t max_queue_depth; /* 2 to 1024; 0 = 128 */
	uint32_t max_io_size;	  /* bytes, a power of two of 4096 to 1 MiB; 0 = 1 MiB */
};
doca_error_t doca_nvmf_transport_create(struct doca_nvmf_tgt *tgt, const struct doca_nvmf_transport_cfg *cfg,
	struct doca_nvmf_transport **transport);
doca_error_t doca_nvmf_transport_destroy(struct doca_nvmf_transport *transport);

/* One round of the caller's loop; waits up to a second when idle. BAD_STATE after tgt_start. */
doca_error_t doca_nvmf_target_process_events(struct doca_nvmf_target *target);

/* Run on a thread of its own from now on; it polls under load and sleeps when idle. */
doca_error_t doca_nvmf_tgt_start(struct doca_nvmf_tgt *tgt);
doca_error_t doca_nvmf_tgt_stop(struct doca_nvmf_tgt *tgt);

/* --- initiator --- */

enum doca_nvmf_cmd { /* NVMe I/O opcodes */
	DOCA_NVMF_CMD_FLUSH = 0x00,
	DOCA_NVMF_CMD_WRITE = 0x01,
	DOCA_NVMF_CMD_READ = 0x02,
	DOCA_NVMF_CMD_COMPARE = 0x05,
	DOCA_NVMF_CMD_WRITE_ZEROES = 0x08,
};

struct doca_nvmf_initiator_cfg {
	enum doca_nvmf_transport_type transport;
	const char *target_addr;
	uint16_t target_port; /* 0 = 4420 */
	const char *nqn;
	const char *host_nqn;	 /* NULL = /etc/nvme/hostnqn, or one of this machine */
	uint16_t queue_depth;	 /* 0 = 128 */
	bool header_digest, data_digest;
	uint32_t connect_timeout_ms; /* 0 = 10 s */
};
doca_error_t doca_nvmf_initiator_create(
	const struct doca_nvmf_initiator_cfg *cfg, struct doca_nvmf_initiator **initiator);
doca_error_t doca_nvmf_initiator_destroy(struct doca_nvmf_initiator *initiator);

/* Waits until it is up. NOT_CONNECTED, NOT_PERMITTED (the target refuses this host), TIME_OUT. */
doca_error_t doca_nvmf_initiator_connect(struct doca_nvmf_initiator *initiator);
/* One more way to the same subsystem, ANA aware; used when the first fails, or beside it. */
doca_error_t doca_nvmf_initiator_add_path(
	struct doca_nvmf_initiator *initiator, const char *target_addr, uint16_t target_port);
doca_error_t doca_nvmf_initiator_disconnect(struct doca_nvmf_initiator *initiator);
/* NOT_FOUND when the host does not see that namespace. */
doca_error_t doca_nvmf_initiator_get_namespace(const struct doca_nvmf_initiator *initiator, uint32_t nsid,
	uint64_t *num_blocks, uint32_t *block_size);

struct doca_nvmf_io_request;
typedef void (*doca_nvmf_io_cb_t)(struct doca_nvmf_io_request *req, doca_error_t result, void *user_data);

struct doca_nvmf_io_request {
	enum doca_nvmf_cmd opcode;
	uint32_t nsid;
	uint64_t lba;
	uint32_t num_blocks;
	void *buffer;		    /* num_blocks * block size bytes; NULL for flush and write zeroes */
	doca_nvmf_io_cb_t callback; /* NULL = doca_nvmf_io_wait_completion() */
	void *user_data;

	/* set by the library */
	doca_error_t result; /* IN_PROGRESS until it has completed */
	uint16_t nvme_status; /* status code and type, 0 = success (NVMe Base 3.3.3.2.1) */
	void *in_flight;
};

/* INVALID_VALUE, NOT_CONNECTED, AGAIN (queue_depth requests are in flight). */
doca_error_t doca_nvmf_io_submit(struct doca_nvmf_initiator *initiator, struct doca_nvmf_io_request *req);
/* Waits for this request; returns its result: IO_FAILED with the NVMe status in the request. */
doca_error_t doca_nvmf_io_wait_completion(
	struct doca_nvmf_initiator *initiator, struct doca_nvmf_io_request *req);
/* Let things happen, callbacks included, for up to timeout_us (0 = do not wait). AGAIN: nothing did. */
doca_error_t doca_nvmf_initiator_progress(struct doca_nvmf_initiator *initiator, uint32_t timeout_us);

#ifdef __cplusplus
}
#endif
#endif
