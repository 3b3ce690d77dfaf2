/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_types: the small types that all libraries share.
 */
#ifndef DOCA_TYPES_H_
#define DOCA_TYPES_H_

#include "doca_bitfield.h"
#include "doca_common_defines.h"
#include "doca_compat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a program may attach to a context, task, connection or pipe entry: a pointer or a number. */
union doca_data {
	void *ptr;
	uint64_t u64;
};

/* A file descriptor that polls readable when a progress engine has something to do. */
typedef int doca_event_handle_t;
#define doca_event_invalid_handle (-1)

/* What may be done with registered memory, and by whom. Or-ed together, uint32_t at the calls. */
enum doca_access_flag {
	DOCA_ACCESS_FLAG_LOCAL_READ_ONLY = 0,         /* tasks of this process may read */
	DOCA_ACCESS_FLAG_LOCAL_READ_WRITE = (1 << 0), /* ... and write */
	DOCA_ACCESS_FLAG_RDMA_READ = (1 << 1),        /* a network peer may read */
	DOCA_ACCESS_FLAG_RDMA_WRITE = (1 << 2),       /* a network peer may write */
	DOCA_ACCESS_FLAG_RDMA_ATOMIC = (1 << 3),      /* a network peer may do atomics */
	DOCA_ACCESS_FLAG_PCI_READ_ONLY = (1 << 4),    /* the other side of the PCI bus may read */
	DOCA_ACCESS_FLAG_PCI_READ_WRITE = (1 << 5),   /* ... and write */
	DOCA_ACCESS_FLAG_PCI_RELAXED_ORDERING = (1 << 6), /* writes over PCI may pass each other */
};

/* Kind of PCI function behind a device or representor. */
enum doca_pci_func_type {
	DOCA_PCI_FUNC_TYPE_PF = 0,
	DOCA_PCI_FUNC_TYPE_VF = 1,
	DOCA_PCI_FUNC_TYPE_SF = 2,
};

/* Plain memory pieces in order; the caller owns nodes and memory. Used for packet headers. */
struct doca_gather_list {
	void *addr;
	uint64_t len;                  /* bytes */
	struct doca_gather_list *next; /* NULL ends the list */
};

/* Objects of libraries that a program may name before it includes their header. */
struct doca_gpu;
struct doca_dpa;

#ifdef __cplusplus
}
#endif
#endif
