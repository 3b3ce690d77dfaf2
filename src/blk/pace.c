/* SPDX-License-Identifier: BSD-3-Clause */
#include "blk/pace.h"

#include <limits.h>

#include "base/base.h"

void pace_init(struct pace *p, unsigned fixed)
{
	*p = (struct pace){.limit = fixed ? fixed : UINT_MAX, .fixed = fixed != 0};
}

static void burst_end(struct pace *p)
{
	if (p->before >= PACE_MIN && p->burst * 2 >= p->before)
		p->in_bursts += p->burst;
}

static void round_end(struct pace *p)
{
	p->limit = p->in_bursts * 2 > p->seen ? MAX_OF(p->most * 5 / 8, PACE_MIN) : UINT_MAX;
	p->seen = p->in_bursts = p->most = 0;
}

void pace_done(struct pace *p, uint64_t now, unsigned busy, unsigned wanted)
{
	if (p->fixed)
		return;
	if (now != p->at) {
		burst_end(p);
		if (p->seen >= PACE_ROUND)
			round_end(p);
		p->at = now;
		p->burst = 0;
		p->before = busy;
	}
	p->burst++;
	p->seen++;
	p->most = MAX_OF(p->most, wanted);
}
