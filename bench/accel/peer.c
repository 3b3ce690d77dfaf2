/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA out of another process's memory, against the same copies out of our own. */
#include "rig.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_dma.h>

#define PAIRS 25
#define PEER_LEN (64u << 20)

struct exported {
	uint64_t addr;
	size_t desc_len;
	uint8_t desc[1024];
};

/* The other process: memory of its own, exported, until it is killed. */
static void serve(int out)
{
	struct exported e = {0};
	struct doca_mmap *mmap;
	const void *desc;
	uint8_t *mem = aligned_alloc(2 << 20, PEER_LEN);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(mem, 0x5a, PEER_LEN);
	MUST(doca_mmap_create(&mmap));
	MUST(doca_mmap_set_memrange(mmap, mem, PEER_LEN));
	MUST(doca_mmap_set_permissions(mmap, DOCA_ACCESS_FLAG_PCI_READ_WRITE));
	MUST(doca_mmap_add_dev(mmap, rig.dev));
	MUST(doca_mmap_start(mmap));
	MUST(doca_mmap_export_pci(mmap, rig.dev, &desc, &e.desc_len));
	memcpy(e.desc, desc, e.desc_len);
	e.addr = (uintptr_t)mem;
	if (write(out, &e, sizeof(e)) == sizeof(e))
		pause();
	_exit(1);
}

static pid_t start_peer(struct exported *e)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		exit(1);
	pid = fork();
	if (pid == 0)
		serve(fds[1]);
	close(fds[1]);
	if (read(fds[0], e, sizeof(*e)) != sizeof(*e))
		exit(1);
	close(fds[0]);
	return pid;
}

static double one_round(struct doca_task **tasks)
{
	memcpy(rig.tasks, tasks, sizeof(rig.tasks));
	return rig_tasks(false);
}

static void compare(struct doca_dma *dma, struct doca_mmap *theirs, uint64_t base, size_t len)
{
	struct doca_task *near[DEPTH], *far[DEPTH];
	struct doca_buf *far_src[DEPTH];
	double ours[PAIRS], local[PAIRS], ratio[PAIRS], r;
	struct doca_dma_task_memcpy *t;

	rig_bufs(len > 65536 ? 4 : DEPTH, len, len);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_buf_inventory_buf_get_by_data(
			rig.inv, theirs, (void *)(uintptr_t)(base + i * len), len, &far_src[i]));
		MUST(doca_dma_task_memcpy_alloc_init(dma, rig.srcs[i], rig.dsts[i], user, &t));
		near[i] = doca_dma_task_memcpy_as_task(t);
		MUST(doca_dma_task_memcpy_alloc_init(dma, far_src[i], rig.dsts[i], user, &t));
		far[i] = doca_dma_task_memcpy_as_task(t);
	}
	one_round(far);
	for (int i = 0; i < PAIRS; i++) {
		local[i] = one_round(near);
		ours[i] = one_round(far);
		ratio[i] = ours[i] / local[i];
	}
	r = median(ratio, PAIRS);
	printf("{\"bench\":\"accel\",\"case\":\"peer-dma\",\"bytes\":%zu,\"ours\":%.3f,"
	       "\"local\":%.3f,\"unit\":\"GB/s\",\"ratio\":%.3f,\"must\":0.90,\"reached\":%s}\n",
		len, median(ours, PAIRS) * (double)len / 1e9,
		median(local, PAIRS) * (double)len / 1e9, r, rig_verdict(r >= 0.9));
	fflush(stdout);
	for (unsigned i = 0; i < rig.n; i++) {
		doca_task_free(near[i]);
		doca_task_free(far[i]);
		doca_buf_dec_refcount(far_src[i], NULL);
		doca_buf_dec_refcount(rig.srcs[i], NULL);
		doca_buf_dec_refcount(rig.dsts[i], NULL);
	}
}

void bench_peer(void)
{
	static const size_t sizes[] = {4096, 65536, 1 << 20, 16 << 20};
	struct exported e;
	struct doca_mmap *theirs;
	struct doca_dma *dma;
	pid_t pid;

	if (!rig_wants("peer"))
		return;
	pid = start_peer(&e);
	MUST(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, rig.dev, &theirs));
	MUST(doca_dma_create(rig.dev, &dma));
	MUST(doca_dma_task_memcpy_set_conf(
		dma, DONE(doca_dma_task_memcpy), FAILED(doca_dma_task_memcpy), 2 * DEPTH));
	rig_start(doca_dma_as_ctx(dma), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		compare(dma, theirs, e.addr, sizes[i]);
	MUST(doca_ctx_stop(doca_dma_as_ctx(dma)));
	MUST(doca_dma_destroy(dma));
	MUST(doca_mmap_destroy(theirs));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
