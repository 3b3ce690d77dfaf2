/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA out of another process's memory, against the same copies out of our own: memory that was got and exported in
 * the same way, so that both lie on the same kind of pages.
 */
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

/* Memory for peers. Its owner keeps the map until it ends. */
static struct doca_mmap *export(struct exported *e)
{
	uint8_t *mem = aligned_alloc(2 << 20, PEER_LEN);
	struct doca_mmap *mmap;
	const void *desc;

	memset(mem, 0x5a, PEER_LEN);
	MUST(doca_mmap_create(&mmap));
	MUST(doca_mmap_set_memrange(mmap, mem, PEER_LEN));
	MUST(doca_mmap_set_permissions(mmap, DOCA_ACCESS_FLAG_PCI_READ_WRITE));
	MUST(doca_mmap_add_dev(mmap, rig.dev));
	MUST(doca_mmap_start(mmap));
	MUST(doca_mmap_export_pci(mmap, rig.dev, &desc, &e->desc_len));
	memcpy(e->desc, desc, e->desc_len);
	e->addr = (uintptr_t)mem;
	return mmap;
}

/* The other process, until it is killed. */
static void serve(int out)
{
	struct exported e = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	export(&e);
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

/* Copies out of one of the two memories, to the rig's destinations. */
struct side {
	struct doca_mmap *mmap;
	uint64_t addr;
	struct doca_buf *srcs[DEPTH];
	struct doca_task *tasks[DEPTH];
};

static void prepare(struct side *side, struct doca_dma *dma, size_t len)
{
	struct doca_dma_task_memcpy *t;

	for (unsigned i = 0; i < rig.n; i++) {
		void *from = (void *)(uintptr_t)(side->addr + i * len);

		MUST(doca_buf_inventory_buf_get_by_data(
			rig.inv, side->mmap, from, len, &side->srcs[i]));
		MUST(doca_dma_task_memcpy_alloc_init(
			dma, side->srcs[i], rig.dsts[i], (union doca_data){.u64 = i}, &t));
		side->tasks[i] = doca_dma_task_memcpy_as_task(t);
	}
}

/* The next window of the memory: which pages of 4 KiB share lines of the second level cache is chance, and moved a
 * ratio by 3%. */
static void move(struct side *side, size_t len, unsigned round)
{
	size_t window = rig.n * len, at = round % (PEER_LEN / window) * window;

	for (unsigned i = 0; i < rig.n; i++)
		MUST(doca_buf_inventory_buf_reuse_by_data(
			side->srcs[i], (void *)(uintptr_t)(side->addr + at + i * len), len));
}

static void drop(struct side *side)
{
	for (unsigned i = 0; i < rig.n; i++) {
		doca_task_free(side->tasks[i]);
		doca_buf_dec_refcount(side->srcs[i], NULL);
	}
}

static double one_round(const struct side *side)
{
	memcpy(rig.tasks, side->tasks, sizeof(rig.tasks));
	return rig_tasks(false);
}

static void compare(struct doca_dma *dma, struct side *near, struct side *far, size_t len)
{
	double ours[PAIRS], local[PAIRS], ratio[PAIRS], r;

	rig_bufs(len > 65536 ? 4 : DEPTH, len, len);
	prepare(near, dma, len);
	prepare(far, dma, len);
	one_round(far);
	one_round(near);
	for (int i = 0; i < PAIRS; i++) {
		bool first = i % 2;

		move(near, len, (unsigned)i);
		move(far, len, (unsigned)i);
		if (first)
			local[i] = one_round(near);
		ours[i] = one_round(far);
		if (!first)
			local[i] = one_round(near);
		ratio[i] = ours[i] / local[i];
	}
	r = median(ratio, PAIRS);
	printf("{\"bench\":\"accel\",\"case\":\"peer-dma\",\"bytes\":%zu,\"ours\":%.3f,"
	       "\"local\":%.3f,\"unit\":\"GB/s\",\"ratio\":%.3f,\"must\":0.90,\"reached\":%s}\n",
		len, median(ours, PAIRS) * (double)len / 1e9,
		median(local, PAIRS) * (double)len / 1e9, r, rig_verdict(r >= 0.9));
	fflush(stdout);
	drop(near);
	drop(far);
	for (unsigned i = 0; i < rig.n; i++) {
		doca_buf_dec_refcount(rig.srcs[i], NULL);
		doca_buf_dec_refcount(rig.dsts[i], NULL);
	}
}

void bench_peer(void)
{
	static const size_t sizes[] = {4096, 65536, 1 << 20, 16 << 20};
	struct exported theirs, ours;
	struct side near = {0}, far = {0};
	struct doca_dma *dma;
	pid_t pid;

	if (!rig_wants("peer"))
		return;
	pid = start_peer(&theirs);
	MUST(doca_mmap_create_from_export(NULL, theirs.desc, theirs.desc_len, rig.dev, &far.mmap));
	far.addr = theirs.addr;
	near.mmap = export(&ours);
	near.addr = ours.addr;
	MUST(doca_dma_create(rig.dev, &dma));
	MUST(doca_dma_task_memcpy_set_conf(
		dma, DONE(doca_dma_task_memcpy), FAILED(doca_dma_task_memcpy), 2 * DEPTH));
	rig_start(doca_dma_as_ctx(dma), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		compare(dma, &near, &far, sizes[i]);
	MUST(doca_ctx_stop(doca_dma_as_ctx(dma)));
	MUST(doca_dma_destroy(dma));
	MUST(doca_mmap_destroy(far.mmap));
	MUST(doca_mmap_destroy(near.mmap));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
