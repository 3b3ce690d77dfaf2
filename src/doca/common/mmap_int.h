/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of memory maps, shared by mmap.c (life, ranges, devices), mmap_export.c (giving to peers)
 * and mmap_import.c (taking from them).
 */
#ifndef DOCA_COMMON_MMAP_INT_H
#define DOCA_COMMON_MMAP_INT_H

#include "doca/common/common.h"
#include "doca/common/cuda.h"

#define MMAP_DEVICES_MAX 16
#define MMAP_MAGIC "SDPUMMAP"
#define MMAP_DESC_VERSION 1

enum mmap_over { OVER_PCI = 1, OVER_RDMA = 2 };

/* What a peer gets. Bytes of this struct, checked field by field on import. */
struct mmap_desc {
	char magic[8];
	uint32_t version;
	uint32_t over; /* enum mmap_over */
	struct dcore_peer_id peer;
	uint64_t addr, len;
	uint32_t permissions;
	int32_t mem_fd; /* -1: nothing is mapped, all is copied */
	uint64_t inner,
		inner_len;   /* the whole pages that mem_fd holds, by the exporter's address */
	uint64_t mem_offset; /* of `inner` within mem_fd */
	char card[CARD_NAME_MAX];
};

/* What every task on a peer's memory looks at fills the first cache line. */
struct doca_mmap {
	uint8_t *addr;
	size_t len;
	uint64_t dev_bits;
	uint32_t permissions;
	bool started, thread_safe, addr_is_ours;
	/* importer: desc[0] is the one it came with */
	struct dcore_peer *peer;
	uint8_t *inner, *inner_local; /* exporter's address of the mapped part, and ours */
	size_t inner_len;
	struct cuda_range *gpu; /* the range is a GPU's memory: found out at start */
	uint8_t *fd_map;        /* our own mapping of the file; `addr` may be the program's */
	struct doca_dev *devs[MMAP_DEVICES_MAX];
	uint32_t n_devs, max_devs;
	uint32_t num_bufs;
	doca_mmap_memrange_free_cb_t free_cb;
	void *free_opaque;
	union doca_data user_data;
	/* memory files, dmabufs */
	int fd;
	size_t fd_offset;
	/* exporter */
	struct dcore_offer *offer;
	struct mmap_desc desc[2]; /* PCI, RDMA */
	int export_fd;
	bool moved; /* the pages were private before the export */
	size_t export_inner, export_inner_len, export_offset;
};

/* The memory is where its addresses say, for good. */
static inline bool mmap_is_plain(const struct doca_mmap *mmap)
{
	return !mmap->peer && !mmap->gpu && (!mmap->fd_map || mmap->fd_map == mmap->addr);
}

/* What a peer may write, its owner may as well: programs give only the peer's right. */
static inline bool mmap_is_writable(const struct doca_mmap *mmap)
{
	return mmap->permissions &
	       (DOCA_ACCESS_FLAG_LOCAL_READ_WRITE | DOCA_ACCESS_FLAG_PCI_READ_WRITE |
		       DOCA_ACCESS_FLAG_RDMA_WRITE);
}

void mmap_export_end(struct doca_mmap *mmap);
void mmap_import_end(struct doca_mmap *mmap);

#endif
