/* SPDX-License-Identifier: BSD-3-Clause */
/* fixture: see fixture.h. Deliberately simple and independent of src/packet. */
#include "fixture.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "fixture: %s: %s\n", what, detail);
	abort();
}

void test_eal_init(void)
{
	static bool done;
	char lcores[32];
	int cpu = sched_getcpu();
	char *argv[] = {"test", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m",
		"64", "--log-level=error", lcores, NULL};

	if (done)
		return;
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", cpu < 0 ? 0 : cpu);
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0)
		die("rte_eal_init", "failed");
	done = true;
}

struct rte_mempool *test_pool(void)
{
	static struct rte_mempool *pool;

	if (!pool)
		pool = rte_pktmbuf_pool_create(
			"test_pool", 4096, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	if (!pool)
		die("test_pool", "no memory");
	return pool;
}

unsigned test_pool_in_use(void)
{
	return rte_mempool_in_use_count(test_pool());
}

/* ---- writing a packet by spec ---- */

enum kind {
	K_ETH,
	K_VLAN,
	K_ARP,
	K_IP4,
	K_IP6,
	K_HBH,
	K_DOPT,
	K_RT,
	K_FRAG,
	K_AH,
	K_TCP,
	K_UDP,
	K_ICMP,
	K_ICMP6,
	K_SCTP,
	K_GRE,
	K_VXLAN,
	K_GPE,
	K_GENEVE,
	K_GTPU,
	K_MPLS,
	K_PSP,
	K_ESP,
	K_DATA,
	K_PAD,
	K_END,
};

static const char *const kind_names[] = {"eth", "vlan", "arp", "ip4", "ip6", "hbh", "dopt", "rt",
	"frag", "ah", "tcp", "udp", "icmp", "icmp6", "sctp", "gre", "vxlan", "gpe", "geneve",
	"gtpu", "mpls", "psp", "esp", "data", "pad"};

struct layer {
	enum kind kind;
	size_t off, len;
	char args[128];
};

struct builder {
	uint8_t *b;
	size_t len, size;
	struct layer layer[32];
	unsigned n;
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Argument number i without '=' (0-based), or the one named key. NULL if absent. */
static const char *arg_find(const struct layer *l, const char *key, int i, char out[64])
{
	char copy[128], *save = NULL;

	memcpy(copy, l->args, sizeof(copy));
	for (char *t = strtok_r(copy, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
		size_t k = key ? strlen(key) : 0;

		if (key && !strncmp(t, key, k) && (t[k] == '=' || t[k] == 0)) {
			snprintf(out, 64, "%s", t[k] ? t + k + 1 : "");
			return out;
		}
		if (!key && !strchr(t, '=') && i-- == 0) {
			snprintf(out, 64, "%s", t);
			return out;
		}
	}
	return NULL;
}

static bool has(const struct layer *l, const char *key)
{
	char v[64];

	return arg_find(l, key, 0, v) != NULL;
}

static uint32_t num(const struct layer *l, const char *key, uint32_t fallback)
{
	char v[64];

	return arg_find(l, key, 0, v) ? (uint32_t)strtoul(v, NULL, 0) : fallback;
}

static uint32_t pos(const struct layer *l, int i, uint32_t fallback)
{
	char v[64];

	return arg_find(l, NULL, i, v) ? (uint32_t)strtoul(v, NULL, 0) : fallback;
}

static void ports(const struct layer *l, uint8_t *p)
{
	char v[64], *gt;

	if (!arg_find(l, NULL, 0, v) || !(gt = strchr(v, '>')))
		die("needs SPORT>DPORT", kind_names[l->kind]);
	put16(p, (unsigned)atoi(v));
	put16(p + 2, (unsigned)atoi(gt + 1));
}

static void addresses(const struct layer *l, int family, uint8_t *src, uint8_t *dst)
{
	char v[64], *gt;
	const char *s = family == AF_INET ? "10.0.0.1" : "fd00::1";
	const char *d = family == AF_INET ? "10.0.0.2" : "fd00::2";

	if (arg_find(l, NULL, 0, v) && (gt = strchr(v, '>'))) {
		*gt = 0;
		s = v;
		d = gt + 1;
	}
	if (inet_pton(family, s, src) != 1 || inet_pton(family, d, dst) != 1)
		die("bad address", l->args);
}

static uint8_t *grow(struct builder *w, size_t n)
{
	uint8_t *p = w->b + w->len;

	if (w->len + n > w->size)
		die("packet too large", "test_bytes");
	memset(p, 0, n);
	w->len += n;
	return p;
}

static void mac(uint8_t *p, uint32_t n)
{
	memset(p, 0, 6);
	p[0] = 2;
	put16(p + 4, n);
}

static void write_eth(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 14);

	mac(p, num(l, "d", 2));
	mac(p + 6, num(l, "s", 1));
}

static void write_vlan(struct builder *w, struct layer *l)
{
	put16(grow(w, 4), pos(l, 0, 1));
}

static void write_arp(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 28);
	char v[64];

	put16(p, 1);
	put16(p + 2, 0x0800);
	p[4] = 6;
	p[5] = 4;
	put16(p + 6, num(l, "op", 1));
	mac(p + 8, num(l, "sm", 1));
	inet_pton(AF_INET, arg_find(l, "s", 0, v) ? v : "10.0.0.1", p + 14);
	if (has(l, "tm"))
		mac(p + 18, num(l, "tm", 0));
	inet_pton(AF_INET, arg_find(l, "t", 0, v) ? v : "10.0.0.2", p + 24);
}

static void write_ip4(struct builder *w, struct layer *l)
{
	uint32_t opt = num(l, "opt", 0);
	uint8_t *p = grow(w, 20 + opt);

	p[0] = (uint8_t)(0x40 | (20 + opt) / 4);
	p[1] = (uint8_t)num(l, "tos", 0);
	put16(p + 4, num(l, "id", 0));
	put16(p + 6, num(l, "off", 0) | (has(l, "df") ? 0x4000 : 0) | (has(l, "mf") ? 0x2000 : 0));
	p[8] = (uint8_t)num(l, "ttl", 64);
	addresses(l, AF_INET, p + 12, p + 16);
	memset(p + 20, 1, opt); /* NOP */
}

static void write_ip6(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 40);

	put32(p, 0x60000000u | num(l, "tc", 0) << 20 | num(l, "fl", 0));
	p[7] = (uint8_t)num(l, "hl", 64);
	addresses(l, AF_INET6, p + 8, p + 24);
}

static void write_options(struct builder *w, struct layer *l)
{
	uint32_t want = pos(l, 0, 6), total = (2 + want + 7) / 8 * 8;
	uint8_t *p = grow(w, total); /* Pad1 is zero */

	p[1] = (uint8_t)(total / 8 - 1);
}

static void write_rt(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 24);

	p[1] = 2;
	p[3] = (uint8_t)pos(l, 0, 0);
	p[8] = 0xfd;
	p[23] = 9;
}

static void write_frag(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 8);

	put16(p + 2, num(l, "off", 0) << 3 | has(l, "mf"));
	put32(p + 4, num(l, "id", 0));
}

static void write_ah(struct builder *w, struct layer *l)
{
	grow(w, 24)[1] = 4;
}

static void write_tcp(struct builder *w, struct layer *l)
{
	static const char letters[] = "FSRPAUEC";
	uint32_t opt = num(l, "opt", 0), mss = num(l, "mss", 0);
	uint8_t *p = grow(w, 20 + opt + (mss ? 4 : 0));
	char v[64];

	ports(l, p);
	put32(p + 4, num(l, "seq", 0));
	put32(p + 8, num(l, "ack", 0));
	p[12] = (uint8_t)((20 + opt + (mss ? 4 : 0)) / 4 << 4);
	for (const char *c = arg_find(l, "fl", 0, v) ? v : "A"; *c; c++)
		if (strchr(letters, *c))
			p[13] |= (uint8_t)(1u << (strchr(letters, *c) - letters));
	put16(p + 14, num(l, "win", 1000));
	memset(p + 20, 1, opt);
	if (mss) {
		p[20 + opt] = 2;
		p[21 + opt] = 4;
		put16(p + 22 + opt, mss);
	}
}

static void write_udp(struct builder *w, struct layer *l)
{
	ports(l, grow(w, 8));
}

static void write_icmp(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 8);

	p[0] = (uint8_t)pos(l, 0, l->kind == K_ICMP ? 8 : 128);
	p[1] = (uint8_t)pos(l, 1, 0);
	put16(p + 4, num(l, "id", 0));
	put16(p + 6, num(l, "seq", 0));
}

static void write_sctp(struct builder *w, struct layer *l)
{
	ports(l, grow(w, 12));
}

static void write_gre(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 4 + 4 * (has(l, "csum") + has(l, "key") + has(l, "seq")));
	uint8_t *q = p + 4;

	if (has(l, "csum")) {
		p[0] |= 0x80;
		q += 4;
	}
	if (has(l, "key")) {
		p[0] |= 0x20;
		put32(q, num(l, "key", 0));
		q += 4;
	}
	if (has(l, "seq")) {
		p[0] |= 0x10;
		put32(q, num(l, "seq", 0));
	}
}

static void write_vxlan(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 8);

	p[0] = l->kind == K_GPE ? 0x0c : 0x08;
	put32(p + 4, pos(l, 0, 1) << 8);
}

static void write_geneve(struct builder *w, struct layer *l)
{
	uint32_t opt = num(l, "opt", 0);
	uint8_t *p = grow(w, 8 + opt);

	p[0] = (uint8_t)(opt / 4);
	put32(p + 4, pos(l, 0, 1) << 8);
	if (opt >= 4) { /* one option fills it */
		put16(p + 8, 0x0102);
		p[10] = 0x21;
		p[11] = (uint8_t)((opt - 4) / 4);
		if (opt >= 8)
			put32(p + 8 + opt - 4, num(l, "word", 0));
	}
}

static void write_gtpu(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, has(l, "psc") ? 16 : 8);

	p[0] = has(l, "psc") ? 0x34 : 0x30;
	p[1] = (uint8_t)num(l, "type", 255);
	put32(p + 4, pos(l, 0, 1));
	if (has(l, "psc")) {
		p[11] = 0x85; /* PDU session container */
		p[12] = 1;    /* in units of 4 bytes */
		p[14] = (uint8_t)num(l, "qfi", 9);
	}
}

static void write_mpls(struct builder *w, struct layer *l)
{
	char v[64];

	for (int i = 0; i == 0 || arg_find(l, NULL, i, v); i++) {
		bool last = !arg_find(l, NULL, i + 1, v);

		put32(grow(w, 4), pos(l, i, 16) << 12 | (last ? 0x100u : 0) | 64);
	}
}

static void write_psp(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 16);

	p[0] = 4;
	p[1] = 1;
	p[3] = 1;
	put32(p + 4, pos(l, 0, 1));
}

static void write_esp(struct builder *w, struct layer *l)
{
	uint8_t *p = grow(w, 8);

	put32(p, pos(l, 0, 1));
	put32(p + 4, 1);
}

static void write_data(struct builder *w, struct layer *l)
{
	uint32_t n = pos(l, 0, 0);
	uint8_t *p = grow(w, n);

	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)num(l, "fill", i);
	if (l->kind == K_PAD)
		memset(p, 0, n);
}

typedef void (*write_fn)(struct builder *w, struct layer *l);

static const write_fn writers[] = {write_eth, write_vlan, write_arp, write_ip4, write_ip6,
	write_options, write_options, write_rt, write_frag, write_ah, write_tcp, write_udp,
	write_icmp, write_icmp, write_sctp, write_gre, write_vxlan, write_vxlan, write_geneve,
	write_gtpu, write_mpls, write_psp, write_esp, write_data, write_data};

/* ---- filling in lengths, protocols and checksums, innermost first ---- */

static unsigned ethertype_of(const struct builder *w, const struct layer *l)
{
	switch (l->kind) {
	case K_ETH:
		return 0x6558;
	case K_VLAN:
		return num(l, "tpid", 0x8100);
	case K_ARP:
		return 0x0806;
	case K_IP4:
		return 0x0800;
	case K_IP6:
		return 0x86dd;
	case K_MPLS:
		return 0x8847;
	default:
		return 0x88b5;
	}
}

static unsigned protocol_of(const struct builder *w, const struct layer *l)
{
	static const uint8_t proto[K_END + 1] = {[K_IP4] = 4,
		[K_IP6] = 41,
		[K_HBH] = 0,
		[K_DOPT] = 60,
		[K_RT] = 43,
		[K_FRAG] = 44,
		[K_AH] = 51,
		[K_TCP] = 6,
		[K_UDP] = 17,
		[K_ICMP] = 1,
		[K_ICMP6] = 58,
		[K_SCTP] = 132,
		[K_GRE] = 47,
		[K_ESP] = 50,
		[K_DATA] = 253,
		[K_PAD] = 59,
		[K_END] = 59};

	return proto[l->kind];
}

uint16_t test_sum(const uint8_t *b, size_t len, uint32_t start)
{
	uint64_t sum = start;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(b + i);
	if (len & 1)
		sum += (unsigned)b[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t pseudo(const uint8_t *ip, unsigned proto, size_t l4_len)
{
	uint32_t sum = proto + (uint32_t)(l4_len & 0xffff) + (uint32_t)(l4_len >> 16);

	return ip[0] >> 4 == 4 ? test_sum(ip + 12, 8, sum) : test_sum(ip + 8, 32, sum);
}

static const struct layer *enclosing_ip(const struct builder *w, const struct layer *l)
{
	while (l > w->layer)
		if ((--l)->kind == K_IP4 || l->kind == K_IP6)
			return l;
	die("no IP around", kind_names[l->kind]);
	return NULL;
}

static bool is_fragment(const struct builder *w, const struct layer *l)
{
	for (const struct layer *i = enclosing_ip(w, l); i < l; i++)
		if (i->kind == K_FRAG || has(i, "mf") || has(i, "off"))
			return true;
	return false;
}

static void sum_l4(struct builder *w, struct layer *l, unsigned field, size_t end)
{
	const struct layer *ip = enclosing_ip(w, l);
	size_t len = end - l->off;
	uint8_t *p = w->b + l->off;
	uint32_t ps = l->kind == K_ICMP ? 0 : pseudo(w->b + ip->off, protocol_of(w, l), len);
	uint16_t sum;

	if (has(l, "nosum") || is_fragment(w, l))
		return;
	sum = (uint16_t)~test_sum(p, len, ps);
	if (l->kind == K_UDP && sum == 0)
		sum = 0xffff;
	put16(p + field, has(l, "badsum") ? sum ^ 0x5555 : sum);
}

static void finish_ip4(struct builder *w, struct layer *l, const struct layer *next, size_t end)
{
	uint8_t *p = w->b + l->off;

	put16(p + 2, num(l, "len", (uint32_t)(end - l->off)));
	p[9] = (uint8_t)num(l, "proto", protocol_of(w, next));
	put16(p + 10, (uint16_t)~test_sum(p, l->len, 0) ^ (has(l, "badsum") ? 0x5555 : 0));
}

static void finish_gre(struct builder *w, struct layer *l, const struct layer *next, size_t end)
{
	uint8_t *p = w->b + l->off;

	put16(p + 2, ethertype_of(w, next));
	if (has(l, "csum"))
		put16(p + 4, (uint16_t)~test_sum(p, end - l->off, 0));
}

static unsigned gpe_proto(const struct layer *next)
{
	return next->kind == K_IP4 ? 1 : next->kind == K_IP6 ? 2 : next->kind == K_ETH ? 3 : 4;
}

static void finish(struct builder *w, struct layer *l, size_t end)
{
	static const struct layer nothing = {.kind = K_END};
	const struct layer *next = l + 1 < w->layer + w->n ? l + 1 : &nothing;
	uint8_t *p = w->b + l->off;

	switch (l->kind) {
	case K_ETH:
		put16(p + 12, num(l, "type", ethertype_of(w, next)));
		break;
	case K_VLAN:
		put16(p + 2, num(l, "type", ethertype_of(w, next)));
		break;
	case K_IP4:
		finish_ip4(w, l, next, end);
		break;
	case K_IP6:
		put16(p + 4, num(l, "len", (uint32_t)(end - l->off - 40)));
		p[6] = (uint8_t)num(l, "proto", protocol_of(w, next));
		break;
	case K_HBH:
	case K_DOPT:
	case K_RT:
	case K_FRAG:
	case K_AH:
		p[0] = (uint8_t)num(l, "proto", protocol_of(w, next));
		break;
	case K_UDP:
		put16(p + 4, num(l, "len", (uint32_t)(end - l->off)));
		sum_l4(w, l, 6, end);
		break;
	case K_TCP:
		sum_l4(w, l, 16, end);
		break;
	case K_ICMP:
	case K_ICMP6:
		sum_l4(w, l, 2, end);
		break;
	case K_GRE:
		finish_gre(w, l, next, end);
		break;
	case K_GPE:
		p[3] = (uint8_t)gpe_proto(next);
		break;
	case K_GENEVE:
		put16(p + 2, ethertype_of(w, next));
		break;
	case K_GTPU:
		put16(p + 2, (unsigned)(end - l->off - 8));
		break;
	default:
		break;
	}
}

static void add_layer(struct builder *w, const char *token)
{
	struct layer *l = &w->layer[w->n];
	size_t name = strcspn(token, ":");

	for (l->kind = 0; l->kind < K_END; l->kind++)
		if (strlen(kind_names[l->kind]) == name &&
			!strncmp(token, kind_names[l->kind], name))
			break;
	if (l->kind == K_END || w->n + 1 >= 32 || strlen(token) >= sizeof(l->args))
		die("do not understand", token);
	snprintf(l->args, sizeof(l->args), "%s", token[name] ? token + name + 1 : "");
	l->off = w->len;
	writers[l->kind](w, l);
	l->len = w->len - l->off;
	w->n++;
}

static size_t build(uint8_t *buf, size_t size, const char *spec, va_list ap)
{
	static struct builder w;
	char text[1024], *save = NULL;
	size_t end;

	memset(&w, 0, sizeof(w));
	w.b = buf;
	w.size = size;
	vsnprintf(text, sizeof(text), spec, ap);
	for (char *t = strtok_r(text, " ", &save); t; t = strtok_r(NULL, " ", &save))
		add_layer(&w, t);
	end = w.len;
	if (w.n && w.layer[w.n - 1].kind == K_PAD)
		end = w.layer[--w.n].off;
	for (unsigned i = w.n; i-- > 0;)
		finish(&w, &w.layer[i], end);
	return w.len;
}

size_t test_bytes(uint8_t *buf, size_t size, const char *spec, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, spec);
	n = build(buf, size, spec, ap);
	va_end(ap);
	return n;
}

struct rte_mbuf *test_packet(struct rte_mempool *pool, const char *spec, ...)
{
	static uint8_t buf[TEST_PACKET_MAX];
	va_list ap;
	size_t n;

	va_start(ap, spec);
	n = build(buf, sizeof(buf), spec, ap);
	va_end(ap);
	return test_mbuf(pool, buf, n);
}

/* ---- mbufs ---- */

struct rte_mbuf *test_mbuf_split(
	struct rte_mempool *pool, const void *bytes, size_t len, size_t seg)
{
	struct rte_mbuf *head = NULL;
	size_t done = 0;

	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		size_t n = len - done < seg ? len - done : seg;

		if (!m || !rte_pktmbuf_append(m, (uint16_t)n))
			die("test_mbuf", "pool empty or segment too long");
		memcpy(rte_pktmbuf_mtod(m, void *), (const uint8_t *)bytes + done, n);
		if (!head)
			head = m;
		else if (rte_pktmbuf_chain(head, m))
			die("test_mbuf", "too many segments");
		done += n;
	} while (done < len);
	return head;
}

struct rte_mbuf *test_mbuf(struct rte_mempool *pool, const void *bytes, size_t len)
{
	return test_mbuf_split(
		pool, bytes, len, rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);
}

size_t test_copy_out(const struct rte_mbuf *m, uint8_t *buf, size_t size)
{
	size_t n = 0;

	for (; m; m = m->next) {
		if (n + m->data_len > size)
			die("test_copy_out", "buffer too small");
		memcpy(buf + n, rte_pktmbuf_mtod(m, void *), m->data_len);
		n += m->data_len;
	}
	return n;
}

/* ---- the checksum twin ---- */

static const char *bad_eth(const uint8_t *b, size_t len, int depth);

static const char *say(int depth, const char *outer, const char *inner)
{
	return depth ? inner : outer;
}

static const char *bad_udp(const uint8_t *ip, const uint8_t *b, size_t len, int depth)
{
	unsigned dport = get16(b + 2), want = get16(b + 4);

	if (want < 8 || want > len)
		return say(depth, "udp length", "inner udp length");
	if (get16(b + 6) ? test_sum(b, want, pseudo(ip, 17, want)) != 0xffff
			 : ip[0] >> 4 == 6 && dport != 4789 && dport != 6081)
		return say(depth, "udp", "inner udp");
	if (dport == 4789 && want >= 16)
		return bad_eth(b + 16, want - 16, depth + 1);
	if (dport == 6081 && want >= 16 && get16(b + 10) == 0x6558)
		return bad_eth(b + 16 + (b[8] & 63) * 4, want - 16 - (b[8] & 63) * 4u, depth + 1);
	return NULL;
}

static const char *bad_ip(const uint8_t *b, size_t len, int depth);

static const char *bad_gre(const uint8_t *b, size_t len, int depth)
{
	size_t n = 4 + 4u * ((b[0] >> 7) + (b[0] >> 5 & 1) + (b[0] >> 4 & 1));

	if (b[0] & 0x80 && test_sum(b, len, 0) != 0xffff)
		return "gre";
	if (get16(b + 2) == 0x6558)
		return bad_eth(b + n, len - n, depth + 1);
	if (get16(b + 2) == 0x0800 || get16(b + 2) == 0x86dd)
		return bad_ip(b + n, len - n, depth + 1);
	return NULL;
}

static const char *bad_l4(
	const uint8_t *ip, unsigned proto, const uint8_t *b, size_t len, int depth)
{
	switch (proto) {
	case 6:
		return test_sum(b, len, pseudo(ip, 6, len)) == 0xffff
			       ? NULL
			       : say(depth, "tcp", "inner tcp");
	case 17:
		return bad_udp(ip, b, len, depth);
	case 1:
		return test_sum(b, len, 0) == 0xffff ? NULL : say(depth, "icmp", "inner icmp");
	case 58:
		return test_sum(b, len, pseudo(ip, 58, len)) == 0xffff
			       ? NULL
			       : say(depth, "icmp6", "inner icmp6");
	case 47:
		return bad_gre(b, len, depth);
	case 4:
	case 41:
		return bad_ip(b, len, depth + 1);
	default:
		return NULL;
	}
}

static const char *bad_ip4(const uint8_t *b, size_t len, int depth)
{
	size_t h = (b[0] & 15) * 4u, total = get16(b + 2);

	if (total > len || h > total)
		return say(depth, "ip4 length", "inner ip4 length");
	if (test_sum(b, h, 0) != 0xffff)
		return say(depth, "ip4", "inner ip4");
	if (get16(b + 6) & 0x3fff)
		return NULL;
	return bad_l4(b, b[9], b + h, total - h, depth);
}

static const char *bad_ip6(const uint8_t *b, size_t len, int depth)
{
	size_t at = 40, end = 40u + get16(b + 4);
	unsigned next = b[6];

	if (end > len)
		return say(depth, "ip6 length", "inner ip6 length");
	while (next == 0 || next == 43 || next == 60 || next == 51 || next == 44) {
		const uint8_t *h = b + at;

		if (next == 44 && get16(h + 2) & 0xfff9)
			return NULL;
		at += next == 44 ? 8 : next == 51 ? (h[1] + 2) * 4u : (h[1] + 1) * 8u;
		next = h[0];
	}
	return bad_l4(b, next, b + at, end - at, depth);
}

static const char *bad_ip(const uint8_t *b, size_t len, int depth)
{
	return b[0] >> 4 == 4 ? bad_ip4(b, len, depth) : bad_ip6(b, len, depth);
}

static const char *bad_eth(const uint8_t *b, size_t len, int depth)
{
	size_t at = 12;

	while (get16(b + at) == 0x8100 || get16(b + at) == 0x88a8)
		at += 4;
	if (get16(b + at) == 0x0800 || get16(b + at) == 0x86dd)
		return bad_ip(b + at + 2, len - at - 2, depth);
	return NULL;
}

const char *test_bad_sum_bytes(const uint8_t *b, size_t len)
{
	return bad_eth(b, len, 0);
}

const char *test_bad_sum(const struct rte_mbuf *m)
{
	static uint8_t buf[TEST_PACKET_MAX];

	return test_bad_sum_bytes(buf, test_copy_out(m, buf, sizeof(buf)));
}
