/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room core: a card brought to life. The other rooms are parts; this one puts them together, the same
 * way for softdpud, for a DOCA program (libdoca_flow) and for the DPDK driver inside OVS:
 *
 *     card (data) -> EAL and pool -> ports -> eswitch -> node (if the card serves one)
 *                                         -> ctl socket and metrics (so the tools see any process)
 *
 *     core_create(&(struct core_cfg){.card = card, .program = "softdpud"}, &core);    all or nothing
 *     core_start(core);                                                              card threads run
 *     while (!ended)
 *             core_process(core, 1000);                          main thread: ctl, metrics, signals of the owner
 *     core_destroy(core);                                        any order of what stopped before
 *
 *   core.h       this contract
 *   bringup.c    create, start, destroy
 *   reload.c     daemon.reload: the profile again, the difference applied
 *   status.c     switch.status, switch.ports, card.query
 *   flows.c      switch.flows, switch.pipes, switch.explain, switch.stats
 *   drops.c      switch.drops
 *   capture.c    switch.capture
 *   export.c     Prometheus
 *
 * Threads: everything here belongs to the thread that created it (the control thread); the workers are the
 * eswitch's. Ownership: the card is borrowed at create and owned after a reload replaced it.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdbool.h>

#include "card/card.h"

struct core;
struct esw;
struct node;
struct ctl_server;

struct core_cfg {
	struct card *card;       /* owned by the core from a successful create on */
	const char *program;     /* "softdpud": the name of the socket and of the lease's owner */
	const char *group;       /* of the ctl socket, NULL = root only */
	bool quiet_ports;        /* do not open the card's ports: the door attaches its own (DOCA, DPDK) */
	bool no_ctl;             /* no socket, no metrics */
};

/* 0, or -errno with the sentence of whatever failed; nothing is left behind then. */
int core_create(const struct core_cfg *cfg, struct core **core);
void core_destroy(struct core *core);

/* Start and stop the card threads. */
int core_start(struct core *core);
void core_stop(struct core *core);

/* One round of the control thread: ctl requests, scrapes, capture streams. Waits at most timeout_ms. */
void core_process(struct core *core, int timeout_ms);

/* Make core_process return early. Async-signal safe. */
void core_wake(struct core *core);

/* Read the profile again and apply the difference: ports that went, changed and came. `changed` (may be NULL) becomes a
 * list of sentences, one a line, to be freed. -EINVAL and so on: refused whole, the running state stays. */
int core_reload(struct core *core, char **changed);

struct esw *core_esw(struct core *core);
struct node *core_node(struct core *core); /* NULL when the card serves no node */
const struct card *core_card(const struct core *core);

#endif
