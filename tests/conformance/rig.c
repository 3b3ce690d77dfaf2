/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "rig.h"

#include "base/clock.h"
#include "doca/flow/flow_door.h"
#include "eswitch/eswitch.h"
#include "packet/fixture.h"
#include "port/port.h"

struct doca_flow_port *rig_port[RIG_PORTS];
unsigned rig_callbacks, rig_aged;
void (*rig_on_init)(void);
unsigned rig_queues;
doca_flow_entry_process_cb rig_on_entry;
doca_flow_pipe_process_cb rig_on_pipe;

static struct esw *esw;
static struct port *near[RIG_PORTS], *far[RIG_PORTS];
static unsigned nr_ports;
static struct { unsigned where; struct rte_mbuf *m; } out[64];
static unsigned nr_out;

#define QUEUE 1000 /* out[].where of queue 0 */

static uint16_t same(uint16_t id)
{
	return id;
}

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status,
	enum doca_flow_entry_op op, void *ctx)
{
	assert_int_equal(status, DOCA_FLOW_ENTRY_STATUS_SUCCESS);
	rig_callbacks++;
	rig_aged += op == DOCA_FLOW_ENTRY_OP_AGED;
}

static unsigned on_queue(void *arg, unsigned worker, uint32_t index, uint16_t port, struct rte_mbuf **m, unsigned n)
{
	const struct flow_qset *set = flow_qset_get(esw_flow(esw), index);

	assert_non_null(set);
	for (unsigned i = 0; i < n; i++) {
		out[nr_out].where = QUEUE + flow_qset_pick(set, m[i], 4);
		out[nr_out++].m = m[i];
	}
	return n;
}

void rig_ok(doca_error_t err, const char *what)
{
	if (err != DOCA_SUCCESS)
		fail_msg("%s: %s: %s", what, doca_error_get_name(err), refusal());
}

static void open_switch(void)
{
	struct esw_cfg cfg = {.name = "rig", .nr_workers = 1, .pool = test_pool()};

	assert_int_equal(esw_create(&cfg, &esw), 0);
	esw_set_queue(esw, on_queue, NULL);
	for (unsigned i = 0; i < nr_ports; i++) {
		struct port_cfg a = {.id = i, .name = "near", .pool = test_pool(), .mtu = 1500};
		struct port_cfg b = {.id = 100 + i, .name = "far", .pool = test_pool(), .mtu = 1500};

		assert_int_equal(port_pair_open(&a, &b, 0, &near[i], &far[i]), 0);
		assert_int_equal(esw_port_add(esw, near[i]), 0);
	}
	flow_door_use(esw_flow(esw), same, NULL);
}

struct flow_ctx *rig_flow(void)
{
	return esw_flow(esw);
}

static void start_port(unsigned i)
{
	struct doca_flow_port_cfg *cfg;

	OK(doca_flow_port_cfg_create(&cfg));
	OK(doca_flow_port_cfg_set_port_id(cfg, i));
	OK(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_COUNTER, 16));
	OK(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_METER, 16));
	OK(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_ENCAP, 2));
	OK(doca_flow_port_start(cfg, &rig_port[i]));
	OK(doca_flow_port_cfg_destroy(cfg));
}

void rig_open_with(const char *mode, unsigned n, struct doca_flow_definitions *defs)
{
	struct doca_flow_cfg *cfg;

	nr_ports = n;
	rig_callbacks = rig_aged = 0;
	open_switch();
	OK(doca_flow_cfg_create(&cfg));
	OK(doca_flow_cfg_set_mode_args(cfg, mode));
	OK(doca_flow_cfg_set_pipe_queues(cfg, rig_queues ? rig_queues : 2));
	OK(doca_flow_cfg_set_cb_entry_process(cfg, rig_on_entry ? rig_on_entry : on_entry));
	if (rig_on_pipe)
		OK(doca_flow_cfg_set_cb_pipe_process(cfg, rig_on_pipe));
	if (defs)
		OK(doca_flow_cfg_set_definitions(cfg, defs));
	OK(doca_flow_init(cfg));
	OK(doca_flow_cfg_destroy(cfg));
	if (rig_on_init)
		rig_on_init();
	for (unsigned i = 0; i < n; i++)
		start_port(i);
}

void rig_open(const char *mode, unsigned n)
{
	rig_open_with(mode, n, NULL);
}

void rig_close(void)
{
	for (unsigned i = 0; i < nr_ports; i++)
		OK(doca_flow_port_stop(rig_port[i]));
	doca_flow_destroy();
	assert_int_equal(esw_stats_check(esw), 0);
	flow_door_use(NULL, NULL, NULL);
	for (unsigned i = 0; i < nr_ports; i++) {
		esw_port_remove(esw, i);
		port_close(near[i]);
		port_close(far[i]);
	}
	for (unsigned i = 0; i < nr_out; i++)
		rte_pktmbuf_free(out[i].m);
	nr_out = 0;
	esw_destroy(esw);
	assert_int_equal(test_pool_in_use(), 0);
}

static void collect(void)
{
	for (unsigned i = 0; i < nr_ports; i++) {
		struct rte_mbuf *m[32];
		uint16_t n = port_rx(far[i], 0, m, 32);

		for (unsigned k = 0; k < n; k++) {
			out[nr_out].where = i;
			out[nr_out++].m = m[k];
		}
	}
}

void rig_send(unsigned port, const char *spec)
{
	struct rte_mbuf *m = test_packet(test_pool(), "%s", spec);

	rig_expect_nothing();
	esw_burst(esw, 0, port, &m, 1, clock_now_ns());
	esw_flush(esw, 0);
	collect();
}

static void hex(const char *who, unsigned where, const uint8_t *b, size_t n)
{
	print_error("%s %u:", who, where);
	for (size_t i = 0; i < n; i++)
		print_error("%s%02x", i % 2 ? "" : " ", b[i]);
	print_error("\n");
}

static bool take(unsigned where, const uint8_t *want, size_t n)
{
	uint8_t got[2048];

	for (unsigned i = 0; i < nr_out; i++)
		if (out[i].where == where && test_copy_out(out[i].m, got, sizeof(got)) == n && !memcmp(got, want, n)) {
			rte_pktmbuf_free(out[i].m);
			out[i] = out[--nr_out];
			return true;
		}
	return false;
}

static void expect(unsigned where, const char *spec)
{
	uint8_t want[2048], got[2048];
	size_t n = test_bytes(want, sizeof(want), "%s", spec);

	if (take(where, want, n))
		return;
	hex("expected at", where, want, n);
	for (unsigned i = 0; i < nr_out; i++)
		hex("came out at", out[i].where, got, test_copy_out(out[i].m, got, sizeof(got)));
	fail_msg("the frame did not come out");
}

void rig_expect(unsigned port, const char *spec)
{
	expect(port, spec);
}

void rig_expect_queue(unsigned queue, const char *spec)
{
	expect(QUEUE + queue, spec);
}

int rig_where(void)
{
	if (!nr_out)
		return -1;
	assert_int_equal(nr_out, 1);
	rte_pktmbuf_free(out[--nr_out].m);
	return out[nr_out].where;
}

void rig_expect_nothing(void)
{
	uint8_t got[2048];

	for (unsigned i = 0; i < nr_out; i++)
		hex("unexpected at", out[i].where, got, test_copy_out(out[i].m, got, sizeof(got)));
	assert_int_equal(nr_out, 0);
}

void rig_process(struct doca_flow_port *port, unsigned n)
{
	unsigned before = rig_callbacks;

	OK(doca_flow_entries_process(port, 0, 10000, n));
	assert_int_equal(rig_callbacks - before, n);
}

struct doca_flow_pipe_cfg *rig_pipe_cfg(struct doca_flow_port *port, const char *name, enum doca_flow_pipe_type type, bool root)
{
	struct doca_flow_pipe_cfg *cfg;

	OK(doca_flow_pipe_cfg_create(&cfg, port));
	OK(doca_flow_pipe_cfg_set_name(cfg, name));
	OK(doca_flow_pipe_cfg_set_type(cfg, type));
	OK(doca_flow_pipe_cfg_set_is_root(cfg, root));
	return cfg;
}

struct doca_flow_pipe *rig_pipe(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *miss)
{
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_create(cfg, fwd, miss, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
	return pipe;
}
