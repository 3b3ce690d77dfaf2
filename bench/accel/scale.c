/* SPDX-License-Identifier: BSD-3-Clause */
/* From one worker thread to two, with the program asleep between completions: pairs, as everywhere. */
#include "rig.h"

#include <doca_aes_gcm.h>
#include <doca_compress.h>

#define LEN 65536
#define PAIRS 9

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
		one[i] = rate(1);
		two[i] = rate(2);
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

void bench_scale(void)
{
	if (!rig_wants("scale"))
		return;
	scale("deflate", deflate_rate);
	scale("aes-gcm", gcm_rate);
}
