/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * said: every refusal of DOCA Flow, provoked. A call that must be refused is wrapped in said(), which prints the error and the
 * sentence, one a line (ERROR<TAB>sentence); devtools/flow_errors.py compares them with the sources and with docs/flow/errors.md,
 * so that none can drift. One file per idea; the programs of the older dialect (test_older.c) and of the DPDK bridge
 * (test_bridge.c) print the same lines.
 */
#ifndef TESTS_CONFORMANCE_ERRORS_SAID_H
#define TESTS_CONFORMANCE_ERRORS_SAID_H

#include "rig.h"

/* The program fails when the call was not refused. */
void said_at(doca_error_t err, const char *file, int line);
#define said(call) said_at(call, __FILE__, __LINE__)

/* A destination address that entries supply; by port 1; and a pipe on port 0 that has both and nothing wrong. */
struct doca_flow_match open_tuple(void);
struct doca_flow_fwd to_port(void);
struct doca_flow_pipe *good_pipe(const char *name, enum doca_flow_pipe_type type, bool open_fwd);
struct doca_flow_pipe_cfg *good_cfg(const char *name, enum doca_flow_pipe_type type);
doca_error_t add_basic(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t ip, uint8_t action, const struct doca_flow_fwd *f,
	struct doca_flow_pipe_entry **entry);
/* A pipe of this configuration is refused; destroys it. */
void refuse_cfg(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *f);

#define TESTS(X)                                                                                                   \
	X(library_cfg) X(port_cfg) X(ports) X(no_switch) X(definitions) X(pipe_cfg) X(pipes) X(actions) X(kinds_of_pipes) \
	X(too_many_pipes) X(resizing) X(entries_of_basic) X(entries_of_others) X(entries_without_a_way) X(full_rules)   \
	X(used_up)                                                                                                     \
	X(shared) X(choosing) X(two_counters) X(meters) X(extras) X(custom_headers) X(more_custom_headers) X(ct_cfg) X(ct_pipes) X(ct_entries)      \
	X(ct_room) X(ct_handles) X(tune_servers) X(no_memory)

#define DECLARE(name) void name(void **state);
TESTS(DECLARE)

#endif
