/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/custom.h"

#include <string.h>

#include <rte_byteorder.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/custom_int.h"

static struct {
	bool enabled;
	unsigned nr_headers, nr_samplers, bytes;
	struct flow_custom_header header[FLOW_CUSTOM_HEADERS_MAX];
	struct flow_custom_sampler sampler[FLOW_CUSTOM_SAMPLERS_MAX];
	uint8_t place[FLOW_CUSTOM_SAMPLERS_MAX]; /* in custom[] of the key */
	char name[2 * FLOW_CUSTOM_SAMPLERS_MAX][24];
	struct flow_field field[2 * FLOW_CUSTOM_SAMPLERS_MAX]; /* data, valid */
} custom;

int flow_custom_header_add(const struct flow_custom_header *header)
{
	for (unsigned i = 0; i < custom.nr_headers; i++)
		if (custom.header[i].udp_port == header->udp_port)
			return refuse(EEXIST, "custom header: UDP port %u leads to another one already", header->udp_port);
	if (custom.nr_headers == FLOW_CUSTOM_HEADERS_MAX)
		return refuse(ENOSPC, "custom header: all %d are in use", FLOW_CUSTOM_HEADERS_MAX);
	custom.header[custom.nr_headers] = *header;
	return custom.nr_headers++;
}

static void name_fields(unsigned n, unsigned length)
{
	struct flow_field *data = &custom.field[2 * n], *valid = data + 1;

	snprintf(custom.name[2 * n], sizeof(custom.name[0]), "custom.%u.data", n);
	snprintf(custom.name[2 * n + 1], sizeof(custom.name[0]), "custom.%u.valid", n);
	*data = (struct flow_field){.name = custom.name[2 * n], .key_offset = offsetof(struct flow_key, tunnel.custom) + custom.place[n],
		.length = length, .header = FLOW_HDR_CUSTOM, .header_offset = n, .writable = true};
	*valid = (struct flow_field){.name = custom.name[2 * n + 1], .length = 1, .bit_shift = n % 8, .bit_width = 1,
		.key_offset = offsetof(struct flow_key, tunnel.custom) + FLOW_CUSTOM_BYTES + n / 8, .header = FLOW_HDR_NONE};
}

int flow_custom_sampler_add(const struct flow_custom_sampler *sampler)
{
	unsigned n = custom.nr_samplers;

	if (sampler->header >= custom.nr_headers || !sampler->length || sampler->length > 8)
		return refuse(EINVAL, "custom header: a sampler of %u bytes; 1 to 8, of a header that exists", sampler->length);
	if (sampler->in_option && !custom.header[sampler->header].has_options)
		return refuse(EINVAL, "custom header: a sampler looks into options, which the header has not");
	if (n == FLOW_CUSTOM_SAMPLERS_MAX || custom.bytes + sampler->length > FLOW_CUSTOM_BYTES)
		return refuse(ENOSPC, "custom header: %u samplers take %u bytes; at most %d and %d", n + 1, custom.bytes + sampler->length,
			FLOW_CUSTOM_SAMPLERS_MAX, FLOW_CUSTOM_BYTES);
	custom.sampler[n] = *sampler;
	custom.place[n] = custom.bytes;
	custom.bytes += sampler->length;
	name_fields(n, sampler->length);
	return custom.nr_samplers++;
}

unsigned flow_custom_data_field(unsigned sampler)
{
	return custom_field_base() + 2 * sampler;
}

unsigned flow_custom_valid_field(unsigned sampler)
{
	return custom_field_base() + 2 * sampler + 1;
}

unsigned custom_fields(void)
{
	return 2 * custom.nr_samplers;
}

const struct flow_field *custom_field(unsigned i)
{
	return i < custom_fields() ? &custom.field[i] : NULL;
}

void flow_custom_enable(bool on)
{
	__atomic_store_n(&custom.enabled, on, __ATOMIC_RELEASE);
}

void flow_custom_clear(void)
{
	flow_custom_enable(false);
	custom.nr_headers = custom.nr_samplers = custom.bytes = 0;
}

/* ---- packets ---- */

/* `width` (<= 32) bits from bit `offset` of what begins at `at`; the bytes are there. */
static uint32_t bits_at(const struct rte_mbuf *m, unsigned at, uint32_t offset, uint32_t width)
{
	const uint8_t *b = pkt_at(m, at + offset / 8);
	uint32_t value = 0;

	for (uint32_t i = 0; i < width; i++) {
		unsigned bit = offset % 8 + i;

		value = value << 1 | (b[bit / 8] >> (7 - bit % 8) & 1);
	}
	return value;
}

static bool has(const struct rte_mbuf *m, unsigned at, uint32_t bits)
{
	return at + (bits + 7) / 8 <= rte_pktmbuf_data_len(m);
}

/* Bytes of the thing at `at`, 0 when its number is not in the packet. */
static uint32_t length_of(const struct rte_mbuf *m, unsigned at, const struct flow_custom_length *l)
{
	if (!l->width)
		return l->fixed;
	if (!has(m, at, l->offset + l->width))
		return 0;
	return l->fixed + bits_at(m, at, l->offset, l->width) * l->multiplier;
}

/* The option of a type in the header at `at`; PKT_ABSENT. */
static unsigned find_option(const struct rte_mbuf *m, unsigned at, const struct flow_custom_header *h, const struct flow_custom_sampler *s)
{
	unsigned end = at + MIN_OF(length_of(m, at, &h->length), rte_pktmbuf_data_len(m)), o = at + h->options;

	while (o < end && has(m, o, h->type_offset + h->type_width)) {
		uint32_t len = length_of(m, o, &h->option);

		if (((bits_at(m, o, h->type_offset, h->type_width) ^ s->type) & (s->type_mask ? s->type_mask : UINT32_MAX)) == 0)
			return o;
		if (!len)
			break;
		o += len;
	}
	return PKT_ABSENT;
}

/* The header's first byte when the packet announces it; PKT_ABSENT. */
static unsigned find_header(const struct rte_mbuf *m, const struct pkt_parse *p, const struct flow_custom_header *h)
{
	uint16_t port;

	if (p->outer.l4_type != PKT_L4_UDP)
		return PKT_ABSENT;
	memcpy(&port, (const uint8_t *)pkt_at(m, p->outer.l4) + 2, 2);
	if (rte_be_to_cpu_16(port) != h->udp_port)
		return PKT_ABSENT;
	return p->tun_type == PKT_TUN_NONE ? p->outer.payload : p->tun;
}

unsigned flow_custom_locate(const struct rte_mbuf *m, const struct pkt_parse *p, unsigned sampler)
{
	const struct flow_custom_sampler *s = &custom.sampler[sampler];
	const struct flow_custom_header *h = &custom.header[s->header];
	unsigned at = find_header(m, p, h);

	if (at != PKT_ABSENT && s->in_option)
		at = find_option(m, at, h, s);
	return at != PKT_ABSENT && has(m, at, 8 * (s->offset + s->length)) ? at + s->offset : PKT_ABSENT;
}

void flow_custom_extract(const struct rte_mbuf *m, const struct pkt_parse *p, uint8_t *out)
{
	if (!__atomic_load_n(&custom.enabled, __ATOMIC_ACQUIRE) || p->outer.l4_type != PKT_L4_UDP)
		return;
	for (unsigned i = 0; i < custom.nr_samplers; i++) {
		unsigned at = flow_custom_locate(m, p, i);

		if (at == PKT_ABSENT)
			continue;
		memcpy(out + custom.place[i], pkt_at(m, at), custom.sampler[i].length);
		out[FLOW_CUSTOM_BYTES + i / 8] |= 1u << i % 8;
	}
}
