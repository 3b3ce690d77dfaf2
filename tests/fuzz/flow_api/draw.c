/* SPDX-License-Identifier: BSD-3-Clause */
/* draw: structures of DOCA Flow out of the input, sensible enough to get past the first check more often than not. */
#include <string.h>

#include "flow/qset.h"
#include "flow_api.h"

static void choose_unions(struct doca_flow_header_format *h)
{
	h->l3_type = (enum doca_flow_l3_type)small(4);
	h->l4_type_ext = (enum doca_flow_l4_type_ext)small(8);
	h->l2_valid_headers = byte() & 3;
}

static void draw_tun(struct doca_flow_tun *t)
{
	if (t->type == DOCA_FLOW_TUN_GRE)
		t->key_present = coin();
}

struct doca_flow_match *draw_match(union big_match *big)
{
	struct doca_flow_match *m = &big->m;

	if (!(byte() % 8))
		return NULL;
	scatter(big, byte() % 8 ? sizeof(*m) : sizeof(*big));
	choose_unions(&m->outer);
	choose_unions(&m->inner);
	m->tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&m->tun);
	return m;
}

void draw_encap(struct doca_flow_resource_encap_cfg *e)
{
	e->is_l2 = coin();
	choose_unions(&e->encap.outer);
	e->encap.tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&e->encap.tun);
}

struct doca_flow_actions *draw_actions(union big_actions *big)
{
	struct doca_flow_actions *a = &big->a;

	if (!(byte() % 4))
		return NULL;
	scatter(big, byte() % 8 ? sizeof(*a) : sizeof(*big));
	choose_unions(&a->outer);
	a->tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&a->tun);
	a->decap_type = (enum doca_flow_resource_type)(byte() % 8 ? 0 : small(5));
	if (a->decap_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		a->decap_cfg.is_l2 = coin();
	else
		a->shared_decap_id = coin() ? small(8) : UINT32_MAX;
	a->encap_type = (enum doca_flow_resource_type)(byte() % 4 ? 0 : small(5));
	if (a->encap_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		draw_encap(&a->encap_cfg);
	else
		a->shared_encap_id = coin() ? small(8) : UINT32_MAX;
	a->pop_vlan = !(byte() % 8);
	a->has_push = !(byte() % 8);
	a->has_crypto_encap = !(byte() % 32);
	a->crypto.ipsec_sa.sn_en = coin();
	if (byte() % 32)
		a->crypto.action_type = DOCA_FLOW_CRYPTO_ACTION_NONE;
	return a;
}

struct doca_flow_action_descs *draw_descs(struct doca_flow_action_descs *d, struct doca_flow_action_desc *array, unsigned max)
{
	if (byte() % 4)
		return NULL;
	d->nb_action_desc = byte() % (max + 1);
	d->desc_array = array;
	for (unsigned i = 0; i < max; i++) {
		array[i].type = (enum doca_flow_action_type)small(4);
		array[i].field_op.src = (struct doca_flow_desc_field){field(), word()};
		array[i].field_op.dst = (struct doca_flow_desc_field){field(), word()};
		array[i].field_op.width = word();
	}
	return d;
}

struct doca_flow_monitor *draw_monitor(struct doca_flow_monitor *m)
{
	if (coin())
		return NULL;
	memset(m, 0, sizeof(*m));
	m->counter_type = (enum doca_flow_resource_type)small(5);
	m->shared_counter.shared_counter_id = small(8);
	m->meter_type = (enum doca_flow_resource_type)(byte() % 4 ? 0 : small(5));
	if (m->meter_type == DOCA_FLOW_RESOURCE_TYPE_SHARED) {
		m->shared_meter.shared_meter_id = small(8);
	} else {
		m->non_shared_meter.limit_type = (enum doca_flow_meter_limit_type)small(3);
		m->non_shared_meter.cir = word();
		m->non_shared_meter.cbs = word();
	}
	m->aging_enabled = coin();
	m->aging_sec = small(100);
	return m;
}

void draw_rss(struct doca_flow_resource_rss_cfg *rss)
{
	static uint16_t queues[FLOW_QSET_QUEUES_MAX];

	rss->outer_flags = byte();
	rss->inner_flags = byte();
	rss->nr_queues = (int)small(300);
	rss->queues_array = byte() % 16 ? queues : NULL;
	rss->rss_hash_func = (enum doca_flow_rss_hash_function)small(3);
	for (unsigned i = 0; i < 4; i++)
		queues[i] = byte();
}

struct doca_flow_fwd *draw_fwd(struct doca_flow_fwd *f)
{
	if (!(byte() % 6))
		return NULL;
	memset(f, 0, sizeof(*f));
	f->type = (enum doca_flow_fwd_type)small(10);
	f->rss_type = (enum doca_flow_resource_type)small(4);
	switch (f->type) {
	case DOCA_FLOW_FWD_RSS:
		if (f->rss_type == DOCA_FLOW_RESOURCE_TYPE_SHARED) {
			f->shared_rss_id = small(8);
			break;
		}
		draw_rss(&f->rss);
		break;
	case DOCA_FLOW_FWD_PORT:
		f->port_id = coin() ? byte() % PORTS : word();
		break;
	case DOCA_FLOW_FWD_ORDERED_LIST_PIPE:
		f->ordered_list_pipe.pipe = some_pipe();
		f->ordered_list_pipe.idx = small(4);
		break;
	case DOCA_FLOW_FWD_HASH_PIPE:
		f->hash_pipe.pipe = some_pipe();
		f->hash_pipe.algorithm = small(16);
		break;
	case DOCA_FLOW_FWD_TARGET:
		doca_flow_get_target((enum doca_flow_target_type)small(2), &f->target);
		break;
	default:
		f->next_pipe = some_pipe();
	}
	return f;
}
