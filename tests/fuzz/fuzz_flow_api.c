/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DOCA Flow's public calls in an order and with arguments that the input chooses, wrong ones too, over a switch with in-memory
 * ports; packets run through whatever came of it. Only what C forbids is left out: handles that are gone, bool members
 * that are neither 0 nor 1, arrays shorter than their count. Nothing may crash, leak or hang, and no packet may be lost
 * unaccounted. flow_api/ has the calls; this is their order.
 */
#include <stdlib.h>
#include <unistd.h>

#include <doca_flow_tune_server.h>

#include "base/log.h"
#include "flow_api/flow_api.h"
#include "packet/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 400

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status, enum doca_flow_entry_op op,
	void *ctx)
{
	entries_on_change(entry, op);
	ct_on_change(entry, op);
}

static void on_pipe(struct doca_flow_pipe *pipe, enum doca_flow_pipe_status status, enum doca_flow_pipe_op op, void *ctx)
{
}

static void set_tune(struct doca_flow_cfg *cfg)
{
	struct doca_flow_tune_cfg *tune;

	doca_flow_tune_cfg_create(&tune);
	doca_flow_tune_cfg_set_profile(tune, (enum doca_flow_tune_profile)small(3));
	doca_flow_cfg_set_tune_cfg(cfg, tune);
	doca_flow_tune_cfg_destroy(tune);
}

/* A thread that answers tools; dear, so only now and then. */
static void use_tune_server(void)
{
	struct doca_flow_tune_server_cfg *cfg;

	if (byte() % 64)
		return;
	doca_flow_tune_server_cfg_create(&cfg);
	doca_flow_tune_server_init(cfg);
	doca_flow_tune_server_cfg_destroy(cfg);
}

static bool begin(const struct doca_flow_definitions *definitions, unsigned *queues)
{
	static const char *const modes[] = {"vnf,hws", "switch,hws", "vnf,hws,isolated", "switch,hws,expert", "vnf,nonsense"};
	struct doca_flow_resource_rss_cfg rss = {0};
	struct doca_flow_cfg *cfg;
	doca_error_t err;

	*queues = 1 + byte() % QUEUES_MAX;
	doca_flow_cfg_create(&cfg);
	doca_flow_cfg_set_mode_args(cfg, modes[byte() % ARRAY_SIZE(modes)]);
	doca_flow_cfg_set_pipe_queues(cfg, *queues);
	doca_flow_cfg_set_queue_depth(cfg, 1 + byte() % 32);
	doca_flow_cfg_set_cb_entry_process(cfg, on_entry);
	doca_flow_cfg_set_cb_pipe_process(cfg, coin() ? on_pipe : NULL);
	doca_flow_cfg_set_definitions(cfg, definitions);
	doca_flow_cfg_set_nr_shared_resource(cfg, small(8) % 64, (enum doca_flow_shared_resource_type)small(9));
	if (!(byte() % 8)) {
		draw_rss(&rss);
		doca_flow_cfg_set_default_rss(cfg, &rss);
	}
	if (!(byte() % 8))
		set_tune(cfg);
	err = doca_flow_init(cfg);
	doca_flow_cfg_destroy(cfg);
	return err == DOCA_SUCCESS;
}

static void step(void)
{
	switch (byte() % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
		pipes_configure();
		break;
	case 4:
		pipes_create();
		break;
	case 5:
	case 6:
		entries_add();
		break;
	case 7:
		entries_change();
		break;
	case 8:
		pipes_use();
		break;
	case 9:
		shared_use();
		break;
	case 10:
		extras_use();
		break;
	case 11:
	case 12:
		ct_use();
		break;
	case 13:
		doca_flow_entries_process(port[byte() % PORTS], small(3), 0, byte() % 4);
		break;
	case 14:
		world_send();
		break;
	default:
		world_use_port();
	}
}

static void run(unsigned flow_queues)
{
	ct_begin(flow_queues);
	world_start_ports();
	use_tune_server();
	for (unsigned i = 0; input_left() && i < STEPS_MAX; i++)
		step();
	pipes_forget_cfg();
	if (coin()) /* in either order */
		ct_end();
	doca_flow_tune_server_destroy();
	doca_flow_destroy();
}

static void set_up_once(void)
{
	static bool done;
	static char path[64];

	if (done)
		return;
	done = true;
	test_eal_init();
	log_set_level(LOG_CRIT);
	snprintf(path, sizeof(path), "/tmp/fuzz-flow-api-%d.sock", (int)getpid());
	setenv("SOFTDPU_TUNE_SOCKET", path, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned flow_queues;

	set_up_once();
	input_is(data, size);
	world_open();
	if (begin(before_begin(), &flow_queues))
		run(flow_queues);
	ct_end();
	for (unsigned i = 0; i < PIPES; i++)
		pipe_of[i] = NULL;
	entries_forget();
	before_end();
	world_close();
	return 0;
}
