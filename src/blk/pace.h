/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pace: how many transfers a device is given at once.
 *
 * A hypervisor's disk takes all it finds in the queue and tells when all of it is done. With a network before it,
 * whatever hosts keep in flight is then either all in the device or all on the wire, by turns, and each waits for the
 * other. A few held back are what the device does meanwhile. A real disk answers one by one and wants all it can get.
 *
 * So the answers are watched: PACE_ROUND of them at a time. If most came in bursts - half or more of what the
 * device had, found at one moment - it gets five eighths of what was wanted in that round; else everything.
 *
 *     pace_init(&p, 0);
 *     if (pace_admits(&p, busy)) busy++, submit;  else keep it
 *     pace_done(&p, reactor_now(r), busy, busy + kept);  busy--;     on each answer
 */
#ifndef BLK_PACE_H
#define BLK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_ROUND 256u
#define PACE_MIN 8u /* fewer in the device say nothing about bursts */

struct pace {
	unsigned limit;
	bool fixed;
	uint64_t at;	       /* the moment of the present burst */
	unsigned burst, before; /* its answers so far, and what the device had before them */
	unsigned seen, in_bursts, most; /* of this round: answers, those of bursts, most that was wanted */
};

/* fixed: the limit, never changed; 0 = by what the device does. */
void pace_init(struct pace *p, unsigned fixed);

static inline bool pace_admits(const struct pace *p, unsigned busy)
{
	return busy < p->limit;
}

/* One answer, found at `now`: busy is what the device had, this one included; wanted adds what was kept from it. */
void pace_done(struct pace *p, uint64_t now, unsigned busy, unsigned wanted);

#endif
