/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include "base/clock.h"

#define TICK_NS 10000000ull

static const struct {
	const char *name, *ip4, *ip6;
	unsigned node;
} cast[WORLD_PODS] = {
	[CLIENT] = {"default/client", "10.244.1.10", "fd00:10:244:1::a", 0},
	[WEB1] = {"default/web-1", "10.244.1.5", "fd00:10:244:1::5", 0},
	[WEB2] = {"default/web-2", "10.244.2.3", "fd00:10:244:2::3", 1},
	[COREDNS] = {"kube-system/coredns-1", "10.244.2.53", "fd00:10:244:2::53", 1},
	[WEB3] = {"default/web-3", "10.244.3.8", "fd00:10:244:3::8", 2},
	[INTRUDER] = {"default/intruder", "10.244.3.66", "fd00:10:244:3::66", 2},
};

static void clear(struct inbox *in)
{
	rte_pktmbuf_free_bulk(in->m, in->n);
	in->n = 0;
}

/* --- making it --- */

static void pair(uint16_t id, const char *name, const uint8_t mac[6], unsigned mtu,
	struct port **near, struct port **far)
{
	struct port_cfg a = {.id = id,
		.name = name,
		.mtu = mtu,
		.rx_queues = 1,
		.tx_queues = 1,
		.pool = test_pool()};
	struct port_cfg b = a;

	memcpy(a.mac, mac, 6);
	if (port_pair_open(&a, &b, 4096, near, far) < 0)
		fail_msg("%s", refusal());
}

static void bind_port(struct world_node *n, struct port *port, const char *name,
	enum node_port_role role, const uint8_t mac[6])
{
	struct node_port np = {.id = port->id,
		.mtu = (uint16_t)port->mtu,
		.name = name,
		.role = role,
		.spoof_check = true};

	memcpy(np.mac, mac, 6);
	if (esw_port_add(n->esw, port) < 0 || node_bind_port(n->node, &np) < 0)
		fail_msg("%s", refusal());
}

static void make_node(struct world *w, unsigned i)
{
	struct world_node *n = &w->nodes[i];
	struct esw_cfg cfg = {.name = "test", .nr_workers = 1, .pool = test_pool()};
	struct node_cfg nc = {.card = &n->card, .capacity = 4096, .nr_workers = 1};
	char text[64];

	snprintf(n->card.name, sizeof(n->card.name), "node%u", i + 1);
	n->card.vni = 100;
	snprintf(text, sizeof(text), "192.168.1.10%u/24", i + 1);
	n->card.timeouts.udp_unreplied = i == 2 ? 5 : 0; /* node3 forgets sooner */
	prefix_parse(text, &n->card.vtep4);
	snprintf(text, sizeof(text), "fd00:192:168:1::10%u/64", i + 1);
	prefix_parse(text, &n->card.vtep6);
	memcpy(n->mac, ((uint8_t[]){2, 0, 0xc0, 0xa8, 1, (uint8_t)(101 + i)}), 6);
	if (esw_create(&cfg, &n->esw) < 0 || node_create(&nc, &n->node) < 0 ||
		node_attach(n->node, n->esw) < 0)
		fail_msg("%s", refusal());
	pair(0, "p0", n->mac, 1500, &n->near, &n->far);
	bind_port(n, n->near, "p0", NODE_PORT_UPLINK, n->mac);
}

static void make_pod(struct world *w, unsigned i)
{
	struct world_pod *p = &w->pods[i];
	unsigned vf = i % 2; /* two pods per node, pf0vf0 and pf0vf1 */
	char name[16];

	p->name = cast[i].name;
	p->ip4 = cast[i].ip4;
	p->ip6 = cast[i].ip6;
	p->node = cast[i].node;
	memcpy(p->mac, ((uint8_t[]){2, 0, 0x0a, 0xf4, 0, (uint8_t)(i + 1)}), 6);
	snprintf(name, sizeof(name), "pf0vf%u", vf);
	pair((uint16_t)(2 + vf), name, p->mac, 1430, &p->near, &p->far);
	bind_port(&w->nodes[p->node], p->near, name, NODE_PORT_VF, p->mac);
}

struct world *world_create(void)
{
	struct world *w = calloc(1, sizeof(*w));

	test_eal_init();
	w->now_ns = 1000000000ull;
	for (unsigned i = 0; i < NODES; i++)
		make_node(w, i);
	for (unsigned i = 0; i < WORLD_PODS; i++)
		make_pod(w, i);
	world_apply(w, NULL);
	return w;
}

void world_drop_all(struct world *w)
{
	clear(&w->underlay);
	for (unsigned i = 0; i < WORLD_PODS; i++)
		clear(&w->pods[i].in);
}

void world_destroy(struct world *w)
{
	world_drop_all(w);
	for (unsigned i = 0; i < NODES; i++) {
		node_destroy(w->nodes[i].node);
		esw_destroy(w->nodes[i].esw);
		port_close(w->nodes[i].near);
		port_close(w->nodes[i].far);
	}
	for (unsigned i = 0; i < WORLD_PODS; i++) {
		port_close(w->pods[i].near);
		port_close(w->pods[i].far);
	}
	free(w);
	assert_int_equal(test_pool_in_use(), 0);
}

/* --- desired state --- */

static json_t *resolve(const char *node, const char *more)
{
	struct agent_model *am;
	json_t *state;
	char path[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/daemons/demo/manifests", getenv("SOFTDPU_SRC"));
	rc = more ? agent_model_parse("more.yaml", more, strlen(more), &am)
		  : agent_model_load(path, &am);
	if (rc < 0 || agent_resolve(am, node, &state) < 0)
		fail_msg("%s", refusal());
	agent_model_free(am);
	return state;
}

void world_apply(struct world *w, const char *more)
{
	for (unsigned i = 0; i < NODES; i++) {
		const char *name = w->nodes[i].card.name;
		json_t *state = resolve(name, more), *result, *params;

		params = json_pack("{s:s, s:o}", "node", name, "ops", agent_diff(NULL, state));
		if (node_apply(w->nodes[i].node, params, &result) < 0)
			fail_msg("%s", refusal());
		json_decref(result);
		json_decref(params);
		json_decref(state);
	}
}

/* The demo's manifests after a sed script; files begin without a separator, so put one before each object. */
static char *manifests(const char *script)
{
	char command[4096], line[1024], *text = calloc(1, 1 << 20), *out = text;
	FILE *f;

	snprintf(command, sizeof(command), "cat %s/daemons/demo/manifests/*.yaml | sed '%s'",
		getenv("SOFTDPU_SRC"), script);
	f = popen(command, "r");
	while (fgets(line, sizeof(line), f))
		out += sprintf(out, "%s%s", strncmp(line, "apiVersion", 10) ? "" : "---\n", line);
	assert_int_equal(pclose(f), 0);
	assert_true(out - text > 4000);
	return text;
}

void world_apply_edited(struct world *w, const char *script)
{
	char *text = manifests(script);

	world_apply(w, text);
	free(text);
}

/* --- the underlay and time --- */

static void put(struct inbox *in, struct rte_mbuf *m)
{
	if (in->n == INBOX)
		fail_msg("an inbox is full");
	in->m[in->n++] = m;
}

static void deliver(struct world *w, unsigned from, struct rte_mbuf *m)
{
	const uint8_t *dst = rte_pktmbuf_mtod(m, uint8_t *);

	if (w->underlay.n == 1000)
		clear(&w->underlay);
	put(&w->underlay, rte_pktmbuf_copy(m, test_pool(), 0, UINT32_MAX));
	for (unsigned i = 0; i < NODES; i++) {
		struct rte_mbuf *copy;

		if (i == from || w->nodes[i].cut || w->nodes[from].cut)
			continue;
		if (!(dst[0] & 1) && memcmp(dst, w->nodes[i].mac, 6))
			continue;
		copy = rte_pktmbuf_copy(m, test_pool(), 0, UINT32_MAX);
		assert_int_equal(port_tx(w->nodes[i].far, 0, &copy, 1), 1);
	}
	rte_pktmbuf_free(m);
}

static unsigned collect(struct world *w)
{
	struct rte_mbuf *m[32];
	unsigned total = 0, n;

	for (unsigned i = 0; i < NODES; i++)
		for (; (n = port_rx(w->nodes[i].far, 0, m, 32)); total += n)
			for (unsigned k = 0; k < n; k++)
				deliver(w, i, m[k]);
	for (unsigned i = 0; i < WORLD_PODS; i++)
		for (; (n = port_rx(w->pods[i].far, 0, m, 32)); total += n)
			for (unsigned k = 0; k < n; k++)
				put(&w->pods[i].in, m[k]);
	return total;
}

void world_run(struct world *w)
{
	unsigned moved = 1;

	for (unsigned round = 0; moved; round++) {
		moved = 0;
		for (unsigned i = 0; i < NODES && !w->threaded; i++)
			moved += esw_poll(w->nodes[i].esw, 0, w->now_ns);
		moved += collect(w);
		assert_in_range(round, 0, 1000); /* a loop somewhere */
	}
}

void world_start(struct world *w)
{
	w->threaded = true;
	for (unsigned i = 0; i < NODES; i++)
		if (esw_start(w->nodes[i].esw) < 0)
			fail_msg("%s", refusal());
}

void world_stop(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++)
		esw_stop(w->nodes[i].esw);
	w->threaded = false;
	w->now_ns = clock_now_ns();
	world_run(w);
}

void world_pass(struct world *w, uint64_t ns)
{
	for (uint64_t end = w->now_ns + ns; w->now_ns < end;) {
		w->now_ns += TICK_NS;
		world_run(w);
	}
}

/* --- the pods --- */

void world_send_mbuf(struct world *w, enum who from, struct rte_mbuf *m)
{
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);

	if (!(eth[0] & 1))
		memcpy(eth, &node_gateway_mac, 6);
	memcpy(eth + 6, w->pods[from].mac, 6);
	assert_int_equal(port_tx(w->pods[from].far, 0, &m, 1), 1);
	world_run(w);
}

void world_send(struct world *w, enum who from, const char *spec, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, spec);
	vsnprintf(text, sizeof(text), spec, ap);
	va_end(ap);
	world_send_mbuf(w, from, test_packet(test_pool(), "%s", text));
}

struct rte_mbuf *world_take(struct world *w, enum who pod)
{
	struct inbox *in = &w->pods[pod].in;
	struct rte_mbuf *m;

	if (!in->n)
		return NULL;
	m = in->m[0];
	memmove(in->m, in->m + 1, --in->n * sizeof(in->m[0]));
	return m;
}

/* --- figures --- */

uint64_t world_drops(struct world *w, unsigned node, enum drop_reason reason)
{
	struct esw_counts c;

	esw_stats(w->nodes[node].esw, FLOW_PORT_NONE, &c);
	return c.drops[reason];
}

struct node_stats world_stats(struct world *w, unsigned node)
{
	struct node_stats s;

	node_stats(w->nodes[node].node, &s);
	return s;
}

void world_check(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++)
		if (esw_stats_check(w->nodes[i].esw) < 0)
			fail_msg("node%u: %s", i + 1, refusal());
}
