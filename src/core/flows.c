/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flows: what the flow table holds and how much of the traffic it carries. "Offloaded" is F's word
 * (F:5313-5319): run from the flow table, here by the burst path, without asking the node.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/str.h"
#include "core/core_int.h"
#include "flow/list.h"
#include "packet/packet.h"

#define LIST_DEFAULT 1000
#define LIST_MAX 100000
#define WALK_CHUNK 4096
#define ACTIVE_NS NS_PER_SEC /* hit within the last second */

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* null where nothing counts: 0 would say "no packet". */
static json_t *count_if(bool known, uint64_t n)
{
	return known ? count(n) : json_null();
}

uint64_t core_conn_count(struct core *core)
{
	struct conn_stats cs;

	if (!core->node)
		return 0;
	conn_table_stats(node_conns(core->node), &cs);
	return cs.live;
}

static void count_pipe(void *arg, const struct flow_pipe_info *info)
{
	++*(uint64_t *)arg;
}

uint64_t core_pipe_count(struct core *core)
{
	uint64_t n = 0;

	flow_pipe_each(esw_flow(core->esw), count_pipe, &n);
	return n;
}

static void add_entries(void *arg, const struct flow_pipe_info *info)
{
	*(uint64_t *)arg += info->entries;
}

static double rate_of(struct core *core, uint64_t insertions)
{
	uint64_t now = clock_now_ns(), passed = now - core->rate_ns;

	if (!core->rate_ns || passed > NS_PER_SEC / 10) {
		core->rate = core->rate_ns ? (double)(insertions - core->rate_count) * 1e9 / (double)passed : 0;
		core->rate_ns = now;
		core->rate_count = insertions;
	}
	return core->rate;
}

void core_flow_totals(struct core *core, struct core_flow_totals *t)
{
	struct node_stats ns = {0};
	struct esw_counts c;
	uint64_t entries = 0;

	esw_stats(core->esw, FLOW_PORT_NONE, &c);
	flow_pipe_each(esw_flow(core->esw), add_entries, &entries);
	if (core->node)
		node_stats(core->node, &ns);
	t->offloaded = core_conn_count(core) + entries;
	t->software = ns.flows_software;
	t->flows = t->offloaded + t->software;
	t->packets_software = c.upcalls;
	t->packets_offloaded = c.rx - MIN_OF(c.rx, c.upcalls);
	t->insertions = ns.insertions + entries;
	t->misses = ns.decided_install + ns.decided_forward + ns.decided_drop;
	t->insertions_per_s = rate_of(core, t->insertions);
}

/* --- switch.stats --- */

struct port_flows {
	uint64_t total[ESW_PORTS_MAX], active[ESW_PORTS_MAX];
	uint64_t now_ns;
};

static void tally_conn(void *arg, const struct conn_info *info)
{
	struct port_flows *pf = arg;

	for (unsigned d = 0; d < 2; d++) {
		uint16_t p = info->in_port[d];

		if (p >= ESW_PORTS_MAX)
			continue;
		pf->total[p]++;
		pf->active[p] += pf->now_ns - MIN_OF(pf->now_ns, info->seen_ns) < ACTIVE_NS;
	}
}

static void walk_conns(struct core *core, void (*fn)(void *arg, const struct conn_info *info), void *arg)
{
	uint64_t cursor = 0;

	if (core->node)
		while (conn_walk(node_conns(core->node), &cursor, WALK_CHUNK, fn, arg))
			;
}

static json_t *hist_json(const struct hist *h)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "p50", count(hist_quantile(h, 0.5)), "p99", count(hist_quantile(h, 0.99)), "max",
		count(hist_max(h)), "count", count(hist_count(h)));
}

static void add_latency(struct core *core, json_t *result)
{
	struct hist *h = calloc(2, sizeof(*h));

	if (!h)
		return;
	esw_latency(core->esw, &h[0], &h[1]);
	if (hist_count(&h[0]))
		json_object_set_new(result, "first_packet_ns", hist_json(&h[0]));
	if (hist_count(&h[1]))
		json_object_set_new(result, "table_packet_ns", hist_json(&h[1]));
	free(h);
}

static json_t *port_stats_json(struct core *core, const struct port_flows *pf, uint64_t only, double rate)
{
	json_t *list = json_array();

	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		struct port *port = esw_port(core->esw, (uint16_t)p);
		struct esw_counts c;

		if (!port || (only != UINT64_MAX && only != p))
			continue;
		esw_stats(core->esw, (uint16_t)p, &c);
		json_array_append_new(list, json_pack("{s:i, s:s, s:o, s:o, s:f, s:o, s:o}", "id", (int)p, "name", port->name,
			"total_flows", count(pf->total[p]), "active_flows", count(pf->active[p]), "insertions_per_s", rate,
			"packets", count(c.rx), "bytes", count(c.rx_bytes)));
	}
	return list;
}

static int stats(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	struct core_flow_totals t;
	struct port_flows *pf;
	uint64_t only = UINT64_MAX;
	int err = ctl_want_u64(params, "port", 0, ESW_PORTS_MAX - 1, &only);

	if (!err && only != UINT64_MAX && !esw_port(core->esw, (uint16_t)only))
		err = refuse(ENOENT, "parameter 'port': no port %lu", only);
	if (err)
		return err;
	pf = calloc(1, sizeof(*pf));
	if (!pf)
		return refuse(ENOMEM, "no memory");
	pf->now_ns = clock_now_ns();
	walk_conns(core, tally_conn, pf);
	core_flow_totals(core, &t);
	*result = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o}", "flows", count(t.flows), "flows_offloaded",
		count(t.offloaded), "flows_software", count(t.software), "packets_offloaded", count(t.packets_offloaded),
		"packets_software", count(t.packets_software), "flow_misses", count(t.misses), "insertions", count(t.insertions),
		"insertions_per_s", t.insertions_per_s, "ports", port_stats_json(core, pf, only, t.insertions_per_s));
	add_latency(core, *result);
	free(pf);
	return 0;
}

/* --- switch.flows --- */

struct flow_list {
	struct core *core;
	json_t *list;
	uint64_t total, limit, offset, now_ns;
	uint16_t port;        /* FLOW_PORT_NONE = all */
	const char *pipe;     /* NULL = all */
};

static bool on_page(struct flow_list *l)
{
	uint64_t at = l->total++;

	return at >= l->offset && at - l->offset < l->limit;
}

static json_t *port_name_json(struct core *core, uint16_t id)
{
	const struct port *port = esw_port(core->esw, id);

	return port ? json_string(port->name) : json_null();
}

static void endpoint_text(struct str *s, const struct conn_key *k, bool dst)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(k->ip6 ? AF_INET6 : AF_INET, dst ? k->dst : k->src, ip, sizeof(ip));
	str_addf(s, k->ip6 ? "[%s]:%u" : "%s:%u", ip, ntohs(dst ? k->dport : k->sport));
}

static void match_text(struct str *s, const struct conn_key *k)
{
	static const char *const names[256] = {[1] = "icmp", [6] = "tcp", [17] = "udp", [58] = "icmp6", [132] = "sctp"};

	if (names[k->proto])
		str_addf(s, "%s ", names[k->proto]);
	else
		str_addf(s, "proto %u ", k->proto);
	endpoint_text(s, k, false);
	str_add(s, " -> ");
	endpoint_text(s, k, true);
}

static void address_text(struct str *s, const struct flow_rewrite *rw, const char *what, const uint8_t *ip, uint16_t port,
	bool has_ip, bool has_port)
{
	char text[INET6_ADDRSTRLEN];

	if (!has_ip && !has_port)
		return;
	str_addf(s, "%s", what);
	if (has_ip)
		str_addf(s, " %s", inet_ntop(rw->flags & FLOW_RW_IP6 ? AF_INET6 : AF_INET, ip, text, sizeof(text)));
	if (has_port)
		str_addf(s, " port %u", ntohs(port));
	str_add(s, ", ");
}

static void actions_text(struct core *core, struct str *s, const struct flow_rewrite *rw)
{
	const struct flow_hop *hop;
	const struct port *port;

	address_text(s, rw, "set source", rw->src, rw->sport, rw->flags & FLOW_RW_SRC_IP, rw->flags & FLOW_RW_SRC_PORT);
	address_text(s, rw, "set destination", rw->dst, rw->dport, rw->flags & FLOW_RW_DST_IP, rw->flags & FLOW_RW_DST_PORT);
	hop = rw->hop ? flow_hop_get(esw_flow(core->esw), rw->hop) : NULL;
	if (!hop) {
		str_add(s, "continue");
		return;
	}
	if (hop->flags & FLOW_HOP_ENCAP)
		str_addf(s, "encap %s, ", pkt_tun_name(hop->encap.tun_type));
	port = esw_port(core->esw, hop->port);
	str_addf(s, "port %s", port ? port->name : "(gone)");
}

static void list_conn(void *arg, const struct conn_info *info)
{
	struct flow_list *l = arg;

	for (unsigned d = 0; d < 2; d++) {
		struct str match = {0}, actions = {0};

		if (l->port != FLOW_PORT_NONE && info->in_port[d] != l->port)
			continue;
		if (!on_page(l))
			continue;
		match_text(&match, &info->key[d]);
		actions_text(l->core, &actions, &info->rewrite[d]);
		json_array_append_new(l->list, json_pack("{s:o, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
			count((info->ref & ~1ull) | d), "pipe", "connections", "port", port_name_json(l->core, info->in_port[d]),
			"match", str_text(&match), "actions", str_text(&actions), "packets", count(info->count[d].packets), "bytes",
			count(info->count[d].bytes), "age_ns", count(l->now_ns - MIN_OF(l->now_ns, info->created_ns)), "idle_ns",
			count(l->now_ns - MIN_OF(l->now_ns, info->seen_ns)), "timeout_ns",
			count(info->expires_ns - MIN_OF(info->expires_ns, l->now_ns))));
		str_free(&match);
		str_free(&actions);
	}
}

static void list_entry(void *arg, const struct flow_entry_info *info)
{
	struct flow_list *l = arg;

	if (l->pipe && (!info->pipe || strcmp(l->pipe, info->pipe)))
		return;
	if (l->port != FLOW_PORT_NONE && info->port != l->port)
		return;
	if (!on_page(l))
		return;
	json_array_append_new(l->list, json_pack("{s:o, s:s?, s:o, s:s, s:s, s:o, s:o, s:o}", "id", count(info->id), "pipe",
		info->pipe, "port", port_name_json(l->core, info->port), "match", info->match, "actions", info->actions, "packets",
		count_if(info->counts, info->count.packets), "bytes", count_if(info->counts, info->count.bytes), "idle_ns",
		count_if(info->ages, info->idle_ns)));
}

static int flows(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	struct flow_list l = {.core = core, .limit = LIST_DEFAULT, .port = FLOW_PORT_NONE, .now_ns = clock_now_ns()};
	const char *port = NULL;
	int err = ctl_want_u64(params, "limit", 0, LIST_MAX, &l.limit);

	if (!err)
		err = ctl_want_u64(params, "offset", 0, UINT32_MAX, &l.offset);
	if (!err)
		err = ctl_want_string(params, "port", &port);
	if (!err)
		err = ctl_want_string(params, "pipe", &l.pipe);
	if (!err && port)
		err = core_port_find(core, port, false, &l.port);
	if (err)
		return err;
	l.list = json_array();
	flow_entry_each(esw_flow(core->esw), l.now_ns, list_entry, &l);
	if (!l.pipe || !strcmp(l.pipe, "connections"))
		walk_conns(core, list_conn, &l);
	*result = json_pack("{s:o, s:o}", "total", count(l.total), "flows", l.list);
	return 0;
}

/* --- switch.pipes, switch.explain --- */

struct pipe_list {
	struct core *core;
	json_t *list;
	uint16_t port;
};

static void list_pipe(void *arg, const struct flow_pipe_info *info)
{
	static const char *const domains[] = {"default", "secure-ingress", "egress", "secure-egress"};
	struct pipe_list *l = arg;
	json_t *forwards = json_array(), *to = json_array();

	if (l->port != FLOW_PORT_NONE && info->port != FLOW_PORT_NONE && info->port != l->port) {
		json_decref(forwards);
		json_decref(to);
		return;
	}
	for (unsigned i = 0; i < info->nr_forwards; i++) {
		json_array_append_new(forwards, json_string(info->forwards[i]));
		json_array_append_new(to, json_integer(info->to[i]));
	}
	json_array_append_new(l->list, json_pack("{s:i, s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:i}", "id", info->id,
		"name", info->name, "type", info->type, "domain", domains[info->domain], "port",
		port_name_json(l->core, info->port), "root", info->root, "entries", count(info->entries + info->connections), "limit",
		count(info->capacity), "hits", count_if(info->counts_hits, info->hits), "misses", count_if(info->counts_misses, info->misses), "forward", forwards, "to", to, "miss",
		info->miss, "miss_to", info->miss_to));
}

static int pipes(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	struct pipe_list l = {.core = core, .port = FLOW_PORT_NONE};
	const char *port = NULL;
	int err = ctl_want_string(params, "port", &port);

	if (!err && port)
		err = core_port_find(core, port, false, &l.port);
	if (err)
		return err;
	l.list = json_array();
	flow_pipe_each(esw_flow(core->esw), list_pipe, &l);
	*result = json_pack("{s:o}", "pipes", l.list);
	return 0;
}

static struct rte_mbuf *frame_of(struct core *core, const char *text)
{
	size_t len = 0;
	uint8_t *bytes = base64_decode(text, &len);
	struct rte_mbuf *m = bytes && len <= PORT_FRAME_MAX ? rte_pktmbuf_alloc(core->pool) : NULL;
	char *to = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (to)
		memcpy(to, bytes, len);
	else if (m)
		rte_pktmbuf_free(m);
	free(bytes);
	return to ? m : NULL;
}

static int explain_packet(struct core *core, const char *port_name, const char *frame, struct str *out)
{
	struct flow_pkt_meta meta = {0};
	struct pkt_parse parse;
	struct flow_key key;
	struct flow_pkt pkt = {.parse = &parse, .key = &key, .meta = &meta};
	int err = core_port_find(core, port_name, false, &meta.port);

	if (err)
		return err;
	pkt.m = frame_of(core, frame);
	if (!pkt.m)
		return refuse(EINVAL, "parameter 'packet': not base64 of a frame of at most 2048 bytes");
	if (pkt_parse(pkt.m, &parse) < 0) {
		str_addf(out, "parse: drop %s: %s\n", drop_name(parse.drop), drop_sentence(parse.drop));
	} else {
		flow_key_build(&pkt.m, &parse, &meta, &key, 1, ~0u);
		flow_explain(esw_flow(core->esw), &pkt, clock_now_ns(), out);
	}
	rte_pktmbuf_free(pkt.m);
	return 0;
}

static int explain(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	const char *pipe = NULL, *port = NULL, *packet = NULL;
	struct str out = {0};
	uint64_t entry = 0;
	int err = ctl_want_string(params, "pipe", &pipe);

	if (!err)
		err = ctl_want_u64(params, "entry", 1, UINT64_MAX >> 1, &entry);
	if (!err)
		err = ctl_want_string(params, "port", &port);
	if (!err)
		err = ctl_want_string(params, "packet", &packet);
	if (err)
		return err;
	if (port && packet)
		err = explain_packet(core, port, packet, &out);
	else if (pipe || entry)
		err = flow_explain_pipe(esw_flow(core->esw), pipe, entry, &out);
	else
		err = refuse(EINVAL, "explain: name a pipe, an entry id, or a port and a packet");
	if (!err)
		*result = json_pack("{s:s}", "text", str_text(&out));
	str_free(&out);
	return err;
}

int core_flows_methods(struct core *core)
{
	static const struct {
		const char *method;
		ctl_method_fn fn;
	} methods[] = {{CTL_SWITCH_STATS, stats}, {CTL_SWITCH_FLOWS, flows}, {CTL_SWITCH_PIPES, pipes},
		{CTL_SWITCH_EXPLAIN, explain}};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(methods) && !err; i++)
		err = ctl_register(core->ctl, methods[i].method, methods[i].fn, core);
	return err;
}
