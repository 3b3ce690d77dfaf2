/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool: mbufs for receive, in huge pages whether or not the machine has reserved any.
 *
 * A packet costs two or three TLB misses when its mbuf lies in 4 KiB pages. Where EAL has reserved
 * hugepages its allocator is used. Elsewhere EAL's memory is a memfd that no 2 MiB page fits into
 * (its addresses and offsets disagree), so the pool gets anonymous memory of its own, aligned to
 * 2 MiB and advised before it is touched: the kernel backs it with transparent huge pages as far as
 * it finds some, and with small ones else.
 *
 * EAL does not know such memory: it has no physical address, and virtio-user does not share it with
 * its back end. So where a card attaches DPDK devices the pool stays EAL's.
 */
#include "port/eal.h"

#include "base/base.h"
#include "base/refuse.h"
#include "port/port_int.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <sys/mman.h>

#define POOL_CACHE 256
#define HUGE_BYTES (2u << 20)
/* Without it DPDK lets no mbuf cross 4 KiB, which leaves one a page. */
#define OWN_MEMORY RTE_MEMPOOL_F_NO_IOVA_CONTIG

static void unmap(struct rte_mempool_memhdr *chunk, void *bytes)
{
	munmap(chunk->addr, (size_t)(uintptr_t)bytes);
}

/* `bytes` (of 2 MiB) at an address of 2 MiB, or NULL. What the alignment left over is given back. */
static void *map_huge(size_t bytes)
{
	size_t all = bytes + HUGE_BYTES;
	char *from = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)RTE_ALIGN_CEIL((uintptr_t)from, HUGE_BYTES);

	if (from == MAP_FAILED)
		return NULL;
	if (at > from)
		munmap(from, (size_t)(at - from));
	if (from + all > at + bytes)
		munmap(at + bytes, (size_t)(from + all - (at + bytes)));
	madvise(at, bytes, MADV_HUGEPAGE);
	return at;
}

/* 0, or -errno: the pool then has no object. */
static int populate(struct rte_mempool *pool)
{
	size_t least, align, bytes;
	ssize_t need = rte_mempool_op_calc_mem_size_default(pool, pool->size, 0, &least, &align);
	void *at;
	int n;

	if (need < 0)
		return (int)need;
	bytes = RTE_ALIGN_CEIL((size_t)need, HUGE_BYTES);
	at = map_huge(bytes);
	if (!at)
		return -ENOMEM;
	n = rte_mempool_populate_iova(
		pool, at, (rte_iova_t)(uintptr_t)at, bytes, unmap, (void *)(uintptr_t)bytes);
	if (n <= 0)
		munmap(at, bytes);
	return n == (int)pool->size ? 0 : n < 0 ? n : -ENOMEM;
}

static struct rte_mempool *transparent(const char *name, unsigned n, unsigned cache, uint16_t room)
{
	struct rte_pktmbuf_pool_private layout = {.mbuf_data_room_size = room};
	struct rte_mempool *pool =
		rte_mempool_create_empty(name, n, (unsigned)sizeof(struct rte_mbuf) + room, cache,
			sizeof(layout), SOCKET_ID_ANY, OWN_MEMORY);
	int err;

	if (!pool)
		return NULL;
	err = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (!err) {
		rte_pktmbuf_pool_init(pool, &layout);
		err = populate(pool);
	}
	if (err) {
		rte_mempool_free(pool);
		rte_errno = -err;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

struct rte_mempool *port_pool_create(const char *name, unsigned n)
{
	uint16_t room = PORT_HEADROOM + 2048;
	unsigned cache = MIN_OF(POOL_CACHE, n / 4);
	bool own =
		!port_eal_hugepages() && !port_eal_devices() && rte_eal_iova_mode() == RTE_IOVA_VA;
	struct rte_mempool *pool =
		own ? transparent(name, n, cache, room)
		    : rte_pktmbuf_pool_create(name, n, cache, 0, room, SOCKET_ID_ANY);

	if (!pool)
		refuse(rte_errno, "pool '%s' of %u mbufs (%llu MiB): %s", name, n,
			(unsigned long long)n * (room + 256) >> 20, rte_strerror(rte_errno));
	return pool;
}

bool port_pool_known_to_dpdk(const struct rte_mempool *pool)
{
	return !(pool->flags & OWN_MEMORY);
}

/* Someone may still hold buffers, a program those it received: then the memory stays. */
void port_pool_destroy(struct rte_mempool *pool)
{
	if (!pool || rte_mempool_in_use_count(pool) == 0)
		rte_mempool_free(pool);
}
