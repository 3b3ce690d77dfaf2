/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keeper: a thread that looks after the tables once a second. Workers only ever ask for small pages, because
 * clearing two megabytes would be seen in a packet's way; the keeper puts what has grown on huge pages.
 */
#include <errno.h>
#include <time.h>

#include "core/core_int.h"

#define ROUND_S 1

static void keep_tables(struct core *core)
{
	flow_settle(esw_flow(core->esw));
	if (core->node)
		node_settle(core->node);
}

static void *keep(void *arg)
{
	struct core *core = arg;
	struct core_keeper *k = &core->keeper;
	struct timespec next;

	pthread_setname_np(pthread_self(), "keeper");
	clock_gettime(CLOCK_REALTIME, &next);
	pthread_mutex_lock(&k->lock);
	while (!k->stop) {
		next.tv_sec += ROUND_S;
		while (!k->stop && pthread_cond_timedwait(&k->wake, &k->lock, &next) != ETIMEDOUT)
			;
		if (!k->stop)
			keep_tables(core);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

int core_keeper_start(struct core *core)
{
	struct core_keeper *k = &core->keeper;
	int err;

	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	k->stop = false;
	err = pthread_create(&k->thread, NULL, keep, core);
	if (err)
		return refuse(
			err, "card '%s': no thread to look after its tables", core->card->name);
	k->runs = true;
	return 0;
}

void core_keeper_stop(struct core *core)
{
	struct core_keeper *k = &core->keeper;

	if (!k->runs)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	k->runs = false;
}
