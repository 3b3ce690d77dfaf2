/* SPDX-License-Identifier: BSD-3-Clause */
/* From one worker thread to two, with the program asleep between completions: pairs, as everywhere. */
#include "rig.h"

#include <doca_aes_gcm.h>
#include <doca_compress.h>

#define LEN 65536
#define PAIRS 15

static double gcm_rate(unsigned workers)
{
	struct doca_aes_gcm_key *key;
	struct doca_aes_gcm *gcm = gcm_start(LEN, workers, &key);
	double rate;

	rig_tasks(true);
	rate = rig_tasks(true);
	gcm_stop(gcm, key);
	return rate;
}

static double deflate_rate(unsigned workers)
{
	struct doca_compress *c = deflate_start(LEN, workers);
	double rate;

	rig_tasks(true);
	rate = rig_tasks(true);
	deflate_stop(c);
	return rate;
}

static void scale(const char *name, double (*rate)(unsigned workers))
{
	double one[PAIRS], two[PAIRS], ratio[PAIRS], r;

	for (int i = 0; i < PAIRS; i++) {
		if (i % 2)
			one[i] = rate(1);
		two[i] = rate(2);
		if (i % 2 == 0)
			one[i] = rate(1);
		ratio[i] = two[i] / one[i];
	}
	r = median(ratio, PAIRS);
	printf("{\"bench\":\"accel\",\"case\":\"scale-%s\",\"bytes\":%d,\"one_worker\":%.3f,"
	       "\"two_workers\":%.3f,\"unit\":\"GB/s\",\"ratio\":%.2f,"
	       "\"must\":1.80,\"reached\":%s}\n",
		name, LEN, median(one, PAIRS) * LEN / 1e9, median(two, PAIRS) * LEN / 1e9, r,
		rig_verdict(r >= 1.8));
	fflush(stdout);
}

/* One long copy at a time, which the workers share: no issue says how much that must gain. */
static void share(size_t len)
{
	double rate[3][PAIRS];

	for (int i = 0; i < PAIRS; i++)
		for (unsigned workers = 0; workers < 3; workers++) {
			dma_start(len, 1, workers);
			rig_tasks(true);
			rate[workers][i] = rig_tasks(true) * (double)len / 1e9;
			dma_stop();
		}
	printf("{\"bench\":\"accel\",\"case\":\"share-dma\",\"bytes\":%zu,\"in_progress\":%.2f,"
	       "\"one_worker\":%.2f,\"two_workers\":%.2f,\"unit\":\"GB/s\"}\n",
		len, median(rate[0], PAIRS), median(rate[1], PAIRS), median(rate[2], PAIRS));
	fflush(stdout);
}

void bench_scale(void)
{
	if (!rig_wants("scale"))
		return;
	scale("deflate", deflate_rate);
	scale("aes-gcm", gcm_rate);
	share(1 << 20);
	share(2 << 20);
	share(8 << 20);
}
