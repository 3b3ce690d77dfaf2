/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "base/refuse.h"
#include "flow_world.h"
#include "packet/fixture.h"

void world_open(struct world *w)
{
	struct flow_ctx_cfg cfg = {.nr_workers = 1, .cache_entries = 4096, .socket_id = -1};

	memset(w, 0, sizeof(*w));
	w->now_ns = 1000000000;
	assert_int_equal(flow_ctx_create(&cfg, &w->ctx), 0);
}

void world_close(struct world *w)
{
	world_clear(w);
	flow_ctx_destroy(w->ctx);
}

void world_clear(struct world *w)
{
	for (unsigned i = 0; i < w->nr_out; i++)
		rte_pktmbuf_free(w->out[i].m);
	w->nr_out = 0;
}

static void put(struct world *w, struct rte_mbuf *m, struct flow_verdict v, const struct flow_pkt_meta *meta)
{
	assert_true(w->nr_out < WORLD_OUT);
	w->out[w->nr_out].m = m;
	w->out[w->nr_out].verdict = v;
	w->out[w->nr_out++].meta = *meta;
}

/* What the eswitch does with a packet that stands at a connection pipe. */
static struct flow_verdict track(struct world *w, struct flow_pkt *pkt, struct flow_verdict v)
{
	const struct flow_ct *ct = flow_ct_get(w->ctx, v.index);

	assert_non_null(ct);
	flow_track_burst(w->ctx, 0, ct, pkt, pkt->key, 1, w->now_ns, &v);
	return v;
}

static void run(struct world *w, struct rte_mbuf *m, struct flow_pkt_meta meta)
{
	struct rte_mbuf *fork_m[64];
	struct flow_pkt_meta fork_meta[64];
	struct flow_verdict fork_verdict[64], v;
	struct flow_forks forks = {.max = 64, .m = fork_m, .meta = fork_meta, .verdict = fork_verdict};
	struct flow_hit hit;
	struct pkt_parse parse;
	struct flow_key key;
	struct flow_pkt pkt = {.m = m, .parse = &parse, .key = &key, .meta = &meta};

	for (unsigned round = 0;; round++) {
		unsigned lines = flow_key_lines(w->ctx);

		w->rounds++;
		v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = DROP_PIPE_LOOP};
		if (round == 70)
			break;
		if (pkt_parse(m, &parse) < 0) {
			v.reason = parse.drop;
			break;
		}
		flow_key_build(&m, &parse, &meta, &key, 1, lines);
		if (flow_cache_lookup(w->ctx, 0, &key, lines, &hit, 1)) {
			flow_run_burst(w->ctx, 0, &pkt, &hit, 1, w->now_ns, &forks, &v);
			w->hits++;
			w->flats += hit.flat->exit != FLOW_FLAT_NONE;
		} else {
			v = flow_walk(w->ctx, 0, &pkt, w->now_ns, &forks);
			w->walks++;
		}
		if (v.kind == FLOW_VERDICT_CT)
			v = track(w, &pkt, v);
		if (v.kind != FLOW_VERDICT_AGAIN)
			break;
		meta.resume = v.index;
	}
	put(w, m, v, &meta);
	for (unsigned i = 0; i < forks.n; i++) {
		if (forks.verdict[i].kind == FLOW_VERDICT_AGAIN) {
			forks.meta[i].resume = forks.verdict[i].index;
			run(w, forks.m[i], forks.meta[i]);
		} else {
			put(w, forks.m[i], forks.verdict[i], &forks.meta[i]);
		}
	}
}

void world_send(struct world *w, uint16_t port, struct rte_mbuf *m)
{
	struct flow_pkt_meta meta = {.port = port};

	flow_reader_online(w->ctx, 0);
	run(w, m, meta);
	flow_reader_offline(w->ctx, 0);
}

static void parse_value(const struct flow_field *f, const char *text, uint8_t *out)
{
	unsigned long n;

	memset(out, 0, 32);
	if (f->length == 4 && strchr(text, '.'))
		assert_int_equal(inet_pton(AF_INET, text, out), 1);
	else if (f->length == 16)
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
	else {
		n = strtoul(text, NULL, 0);
		flow_field_bits_set(f, out, 0, MIN_OF(flow_field_bits(f), 64u), n);
	}
}

void world_match(struct flow_match *match, const char *field, const char *value)
{
	int index = flow_field_find(field);
	uint8_t bytes[32];

	assert_true(index > 0);
	parse_value(flow_field_get(index), value, bytes);
	flow_field_match(match, index, bytes);
}

struct flow_pipe *world_pipe(struct world *w, const struct flow_pipe_cfg *cfg)
{
	struct flow_pipe *pipe;
	int err = flow_pipe_create(w->ctx, cfg, &pipe);

	if (err)
		fail_msg("%s", refusal());
	return pipe;
}

void world_op(struct world_template *t, struct flow_op op)
{
	t->op[t->t.nr_ops++] = op;
	t->t.ops = t->op;
	t->t.data = t->data;
	t->t.hole = t->hole;
}

void world_set(struct world_template *t, const char *field, const char *value, bool hole)
{
	int index = flow_field_find(field);
	const struct flow_field *f = flow_field_get(index);
	unsigned at = t->t.data_len;
	uint8_t bytes[32];

	assert_true(index > 0);
	parse_value(f, value, bytes);
	memcpy(t->data + at, bytes, f->length);
	if (f->bit_width)
		flow_field_bits_set(f, t->data + at + f->length, 0, f->bit_width, UINT64_MAX);
	else
		memset(t->data + at + f->length, 0xff, f->length);
	if (hole)
		memset(t->hole + at, 0xff, f->length);
	t->t.data_len += 2u * f->length;
	world_op(t, (struct flow_op){.code = FLOW_OP_SET, .field = index, .data = at});
}

uint64_t world_packets(const struct flow_entry *entry)
{
	struct flow_count count;

	flow_entry_query(entry, &count);
	return count.packets;
}
