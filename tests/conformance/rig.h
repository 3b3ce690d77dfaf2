/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig: a switch with in-memory ports in this process, under libdoca_flow, for programs that use only doca_flow.h.
 *
 *	rig_open("vnf,hws", 2);                         ports[0], ports[1] are started
 *	... create pipes, add entries, rig_process(port, n) ...
 *	rig_send(0, "eth ip4:1.2.3.4>8.8.8.8 tcp:1234>80");
 *	rig_expect(1, "eth ip4:...");                   exactly this frame came out there
 *	rig_expect_nothing();                           and no other
 *	rig_close();
 *
 * Frames are specs of tests/unit/packet/fixture.h.
 */
#ifndef TESTS_CONFORMANCE_RIG_H
#define TESTS_CONFORMANCE_RIG_H

#include <doca_flow.h>

#define RIG_PORTS 6

extern struct doca_flow_port *rig_port[RIG_PORTS];
extern unsigned rig_callbacks, rig_aged;
/* Set before rig_open: queues of DOCA Flow (0: two), and who is called back instead of the rig's counters. */
extern unsigned rig_queues;
extern doca_flow_entry_process_cb rig_on_entry;
extern doca_flow_pipe_process_cb rig_on_pipe;
/* Called between doca_flow_init and the first port, when set. */
extern void (*rig_on_init)(void);

void rig_open(const char *mode, unsigned nr_ports);
void rig_open_with(const char *mode, unsigned nr_ports, struct doca_flow_definitions *defs);
void rig_close(void);
/* The switch's tables, for tests that use them up. */
struct flow_ctx *rig_flow(void);
void rig_send(unsigned port, const char *spec);
void rig_expect(unsigned port, const char *spec);
/* Where the one frame went that came out: port, -1 = nothing did. The frame is freed. */
int rig_where(void);
/* A frame for the application's queue `queue`. */
void rig_expect_queue(unsigned queue, const char *spec);
void rig_expect_nothing(void);
/* entries_process on queue 0 until n callbacks came. */
void rig_process(struct doca_flow_port *port, unsigned n);

/* Fails the test with the library's sentence. */
void rig_ok(doca_error_t err, const char *what);
#define OK(call) rig_ok(call, #call)

/* A pipe configuration with name, type and root set. */
struct doca_flow_pipe_cfg *rig_pipe_cfg(struct doca_flow_port *port, const char *name, enum doca_flow_pipe_type type, bool root);
struct doca_flow_pipe *rig_pipe(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *miss);

#endif
