/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of fuzz_flow_api: what its files share.
 *
 *   input.c     the input as numbers, bytes and names
 *   draw.c      structures out of it
 *   world.c     the switch, its ports, handles the program still holds; packets
 *   pipes.c     pipe configurations, pipes
 *   entries.c   entries of all kinds, but those of CT pipes
 *   shared.c    shared resources, parsers, labels, crypto
 *   ct.c        connections
 *   before.c    what comes before doca_flow_init and goes after doca_flow_destroy: definitions, custom headers
 *
 * fuzz_flow_api.c has the order of calls. A target keeps no state between inputs: whatever a file remembers, its *_forget ends.
 */
#ifndef FUZZ_FLOW_API_H
#define FUZZ_FLOW_API_H

#include <doca_flow.h>
#include <doca_flow_ct.h>

#include "base/base.h"

#define PORTS 3
#define PIPES 16
#define QUEUES_MAX 2

/* ---- input.c ---- */

void input_is(const uint8_t *data, size_t size);
bool input_left(void);
uint8_t byte(void);
bool coin(void);
/* Now and then huge. */
uint32_t word(void);
/* Mostly below, sometimes all ones. */
uint32_t small(uint32_t below);
/* Zeros but for a few places, as programs have it. */
void scatter(void *object, size_t size);
/* A field string, a wrong one, or NULL. */
const char *field(void);

/* ---- draw.c: NULL now and then ---- */

#define DEFINITIONS_REACH 2048 /* bytes from a structure's start that definitions may name */

/* Structures with the memory behind them that definitions may name. */
union big_match {
	struct doca_flow_match m;
	uint8_t reach[DEFINITIONS_REACH + 64];
};
union big_actions {
	struct doca_flow_actions a;
	uint8_t reach[DEFINITIONS_REACH + 64];
};

struct doca_flow_match *draw_match(union big_match *m);
struct doca_flow_actions *draw_actions(union big_actions *a);
struct doca_flow_action_descs *draw_descs(struct doca_flow_action_descs *d, struct doca_flow_action_desc *array, unsigned max);
struct doca_flow_monitor *draw_monitor(struct doca_flow_monitor *m);
struct doca_flow_fwd *draw_fwd(struct doca_flow_fwd *f);
void draw_rss(struct doca_flow_resource_rss_cfg *rss);
void draw_encap(struct doca_flow_resource_encap_cfg *e);

/* ---- world.c ---- */

extern struct doca_flow_port *port[PORTS];

void world_open(void);
void world_close(void);
void world_start_ports(void);
void world_use_port(void);
void world_send(void);

/* ---- pipes.c ---- */

extern struct doca_flow_pipe *pipe_of[PIPES];

struct doca_flow_pipe *some_pipe(void);
void pipes_keep(struct doca_flow_pipe *pipe);
/* The program no longer holds them, nor their entries. */
void pipes_forget(const struct doca_flow_pipe *pipe);
void pipes_forget_of(const struct doca_flow_port *owner);
void pipes_forget_cfg(void);
void pipes_configure(void);
void pipes_create(void);
void pipes_use(void);

/* ---- entries.c ---- */

void entries_on_change(struct doca_flow_pipe_entry *entry, enum doca_flow_entry_op op);
void entries_forget_of(const struct doca_flow_pipe *pipe);
void entries_forget(void);
void entries_add(void);
void entries_change(void);

/* ---- shared.c ---- */

void shared_use(void);
void extras_use(void);

/* ---- ct.c ---- */

/* Between doca_flow_init and the first port. */
void ct_begin(unsigned flow_queues);
void ct_end(void);
void ct_on_change(struct doca_flow_pipe_entry *entry, enum doca_flow_entry_op op);
void ct_forget_of(const struct doca_flow_pipe *pipe);
void ct_use(void);

/* ---- before.c ---- */

/* The definitions to run with, or NULL; custom headers are bound. */
const struct doca_flow_definitions *before_begin(void);
void before_end(void);

#endif
