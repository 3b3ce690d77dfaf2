/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser against somebody else's: random header stacks are written to a capture file, tshark
 * dissects it (-T pdml), and every header's name, offset and length, and every checksum's verdict,
 * must be what pkt_parse() and csum.h say. Skipped where tshark is not installed.
 */
#include "packet/csum.h"
#include "packet/packet_int.h"
#include "packet/pcap.h"

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"

#define PACKETS 1500
#define HEADERS_MAX 24

struct seen {
	char name[24];
	uint32_t pos, size; /* size 0: not compared */
	int csum;           /* -1 not compared, 0 bad, 1 good */
};

struct dissection {
	struct seen s[HEADERS_MAX];
	unsigned n;
};

static char specs[PACKETS][700];
static struct dissection ours[PACKETS];
static struct rng rng;

/* ---- random header stacks ---- */

static void put(char *s, const char *text)
{
	strcat(s, text);
	strcat(s, " ");
}

static void random_l4(char *s, bool six)
{
	char t[80];
	unsigned sport = 40000 + (unsigned)rng_below(&rng, 900),
		 dport = 40000 + (unsigned)rng_below(&rng, 900);
	const char *bad = rng_one_in(&rng, 6) ? ",badsum" : "";

	switch (rng_below(&rng, 6)) {
	case 0:
	case 1:
		snprintf(t, sizeof(t), "tcp:%u>%u,fl=A%s%s%s", sport, dport,
			rng_one_in(&rng, 2) ? "S,mss=1400" : "",
			rng_one_in(&rng, 3) ? ",opt=8" : "", bad);
		break;
	case 2:
	case 3:
		snprintf(t, sizeof(t), "udp:%u>%u%s", sport, dport,
			!six && rng_one_in(&rng, 5) ? ",nosum" : bad);
		break;
	case 4:
		snprintf(t, sizeof(t), "%s,id=7%s", six ? "icmp6:128,0" : "icmp:8,0", bad);
		break;
	default:
		snprintf(t, sizeof(t), "sctp:%u>%u", sport, dport);
		break;
	}
	put(s, t);
	snprintf(t, sizeof(t), "data:%u", (unsigned)rng_below(&rng, 60));
	put(s, t);
}

/* Returns whether the L4 that follows is IPv6's. Extension headers in the recommended order. */
static bool random_l3(char *s)
{
	if (rng_one_in(&rng, 2)) {
		put(s, rng_one_in(&rng, 4)    ? "ip4:opt=8"
			: rng_one_in(&rng, 6) ? "ip4:badsum"
					      : "ip4:df");
		return false;
	}
	put(s, "ip6");
	if (rng_one_in(&rng, 4))
		put(s, rng_one_in(&rng, 2) ? "hbh:6" : "hbh:14");
	if (rng_one_in(&rng, 4))
		put(s, "dopt:6");
	if (rng_one_in(&rng, 5))
		put(s, "rt:0");
	if (rng_one_in(&rng, 6))
		put(s, "frag:id=99"); /* atomic */
	if (rng_one_in(&rng, 6))
		put(s, "ah");
	if (rng_one_in(&rng, 6))
		put(s, "dopt:14");
	return true;
}

static void random_l2(char *s)
{
	put(s, "eth");
	switch (rng_below(&rng, 5)) {
	case 0:
		put(s, "vlan:77");
		break;
	case 1:
		put(s, "vlan:5,tpid=0x88a8 vlan:6");
		break;
	case 2:
		put(s, "vlan:5 vlan:6");
		break;
	default:
		break;
	}
}

static void random_inner(char *s, bool l2)
{
	if (l2)
		random_l2(s);
	if (l2 && rng_one_in(&rng, 8))
		put(s, "arp");
	else
		random_l4(s, random_l3(s));
}

static void random_tunnel(char *s)
{
	static const struct {
		const char *header;
		bool l2;
	} tunnels[] = {{"udp:50000>4789,nosum vxlan:100", true}, {"udp:50000>4789 vxlan:100", true},
		{"udp:50000>4790 gpe:9", true}, {"udp:50000>4790 gpe:9", false},
		{"udp:50000>6081 geneve:5", true}, {"udp:50000>6081 geneve:5,opt=12", true},
		{"udp:50000>6081 geneve:5", false}, {"gre", false}, {"gre:key=5", false},
		{"gre:key=0x500", true}, {"gre:key=5,seq=1,csum", true},
		{"udp:50000>2152 gtpu:5", false}, {"udp:50000>2152 gtpu:5,psc", false}, {"", false},
		{"udp:50000>6635 mpls:16", false}, {"udp:50000>6635 mpls:16,17", false}};
	size_t i = rng_below(&rng, ARRAY_SIZE(tunnels));

	put(s, tunnels[i].header);
	random_inner(s, tunnels[i].l2);
}

static void random_packet(char *s)
{
	bool six;

	s[0] = 0;
	random_l2(s);
	if (rng_one_in(&rng, 30)) {
		put(s, "arp:op=2,tm=5");
		return;
	}
	six = random_l3(s);
	if (rng_one_in(&rng, 2))
		random_tunnel(s);
	else
		random_l4(s, six);
}

/* ---- what we say ---- */

static void add(struct dissection *d, const char *name, uint32_t pos, uint32_t size, int csum)
{
	struct seen *s = &d->s[d->n++];

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->pos = pos;
	s->size = size;
	s->csum = csum;
}

static void add_l3(struct dissection *d, const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	if (h->l3_type == PKT_L3_IP4)
		add(d, "ip", h->l3, (ip[0] & 15u) * 4, !(h->flags & PKT_BAD_IP_CSUM));
	else if (h->l3_type == PKT_L3_IP6)
		add(d, "ipv6", h->l3, 0, -1);
	else if (h->l3_type == PKT_L3_ARP)
		add(d, "arp", h->l3, 28, -1);
}

static void add_headers(struct dissection *d, const struct rte_mbuf *m, const struct pkt_parse *p,
	enum pkt_level level)
{
	static const char *const l4[] = {[PKT_L4_TCP] = "tcp",
		[PKT_L4_UDP] = "udp",
		[PKT_L4_ICMP] = "icmp",
		[PKT_L4_ICMP6] = "icmpv6",
		[PKT_L4_SCTP] = "sctp",
		[PKT_L4_OTHER] = NULL};
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;
	const uint16_t *field;
	int csum;

	if (h->l2_type)
		add(d, "eth", h->l2, 14, -1);
	for (unsigned i = 0; i + PKT_L2_VLAN <= h->l2_type; i++)
		add(d, "vlan", h->l2 + 14u + 4 * i, 4, -1);
	add_l3(d, m, h);
	if (!h->l4_type || !l4[h->l4_type])
		return;
	field = pkt_l4_csum_field(m, h);
	csum = field && *field ? pkt_l4_csum_ok(m, p, level) : -1;
	add(d, l4[h->l4_type], h->l4, h->l4_type == PKT_L4_TCP ? h->l4_len : 0, csum);
}

static void dissect(struct dissection *d, struct rte_mbuf *m)
{
	static const char *const tun[] = {[PKT_TUN_VXLAN] = "vxlan",
		[PKT_TUN_VXLAN_GPE] = "vxlan",
		[PKT_TUN_GENEVE] = "geneve",
		[PKT_TUN_GRE] = "gre",
		[PKT_TUN_NVGRE] = "gre",
		[PKT_TUN_GTPU] = "gtp",
		[PKT_TUN_MPLS_UDP] = "mpls",
		[PKT_TUN_ESP] = NULL};
	struct pkt_parse p;

	if (pkt_parse(m, &p) < 0) {
		add(d, drop_name(p.drop), 0, 0, -1);
		return;
	}
	add_headers(d, m, &p, PKT_OUTER);
	if (p.tun_type && p.tun_type != PKT_TUN_IPIP)
		add(d, tun[p.tun_type], p.tun,
			p.tun_type == PKT_TUN_MPLS_UDP ? 0 : p.tun_end - p.tun, -1);
	add_headers(d, m, &p, PKT_INNER);
}

/* ---- what tshark says ---- */

static bool attribute(const char *line, const char *name, char *value, size_t size)
{
	char key[32];
	const char *at;
	size_t n;

	snprintf(key, sizeof(key), " %s=\"", name);
	at = strstr(line, key);
	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, "\"");
	snprintf(value, size, "%.*s", (int)n, at);
	return true;
}

static bool is_ours(const char *name)
{
	static const char *const names[] = {"eth", "vlan", "arp", "ip", "ipv6", "tcp", "udp",
		"icmp", "icmpv6", "sctp", "vxlan", "geneve", "gre", "gtp", "mpls"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void read_proto(struct dissection *d, const char *line)
{
	char name[64], pos[16], size[16];

	if (!attribute(line, "name", name, sizeof(name)) ||
		!attribute(line, "pos", pos, sizeof(pos)) ||
		!attribute(line, "size", size, sizeof(size)) || d->n == HEADERS_MAX)
		return;
	if (!strcmp(name, "ieee8021ad"))
		strcpy(name, "vlan");
	/* a label stack is one header to us, one per label to tshark */
	if (!strcmp(name, "mpls") && d->n && !strcmp(d->s[d->n - 1].name, "mpls"))
		return;
	if (is_ours(name))
		add(d, name, (uint32_t)atoi(pos), (uint32_t)atoi(size), -1);
}

/* "tcp.checksum.status" belongs to the last header of that name. */
static void read_status(struct dissection *d, const char *line)
{
	char name[64], show[16], proto[64];

	if (!attribute(line, "name", name, sizeof(name)) ||
		!attribute(line, "show", show, sizeof(show)))
		return;
	snprintf(proto, sizeof(proto), "%.*s", (int)strcspn(name, "."), name);
	for (unsigned i = d->n; i-- > 0;)
		if (!strcmp(d->s[i].name, proto)) {
			d->s[i].csum = atoi(show) == 1;
			return;
		}
}

/* ---- comparison ---- */

static bool same(const struct dissection *a, const struct dissection *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct seen *x = &a->s[i], *y = &b->s[i];

		if (strcmp(x->name, y->name) || x->pos != y->pos ||
			(x->size && x->size != y->size) ||
			(x->csum >= 0 && y->csum >= 0 && x->csum != y->csum))
			return false;
	}
	return true;
}

static void show(const char *who, const struct dissection *d)
{
	printf("#   %-7s", who);
	for (unsigned i = 0; i < d->n; i++)
		printf(" %s@%u+%u%s", d->s[i].name, d->s[i].pos, d->s[i].size,
			d->s[i].csum < 0 ? ""
			: d->s[i].csum   ? "=ok"
					 : "=bad");
	printf("\n");
}

static int compare(FILE *pdml)
{
	static struct dissection theirs;
	char *line = NULL;
	size_t cap = 0;
	int i = -1, wrong = 0;

	while (getline(&line, &cap, pdml) > 0) {
		if (strstr(line, "<packet>")) {
			i++;
			memset(&theirs, 0, sizeof(theirs));
		} else if (strstr(line, "<proto ")) {
			read_proto(&theirs, line);
		} else if (strstr(line, ".checksum.status\"")) {
			read_status(&theirs, line);
		} else if (strstr(line, "</packet>") && !same(&ours[i], &theirs) && wrong++ < 10) {
			printf("# packet %d: %s\n", i + 1, specs[i]);
			show("softdpu", &ours[i]);
			show("tshark", &theirs);
		}
	}
	free(line);
	if (i + 1 != PACKETS) {
		printf("# tshark saw %d packets of %d\n", i + 1, PACKETS);
		wrong++;
	}
	return wrong;
}

static void write_capture(const char *path)
{
	struct pkt_pcap *pc;

	if (pkt_pcap_open(&pc, path, 0))
		exit(2);
	for (int i = 0; i < PACKETS; i++) {
		struct rte_mbuf *m;

		random_packet(specs[i]);
		m = test_packet(test_pool(), "%s", specs[i]);
		pkt_pcap_write(pc, m, 1700000000000000000ull + (uint64_t)i);
		dissect(&ours[i], m);
		rte_pktmbuf_free(m);
	}
	if (pkt_pcap_close(pc))
		exit(2);
}

int main(void)
{
	char path[] = "/tmp/softdpu-tshark-XXXXXX", command[600];
	FILE *pdml;
	int wrong;

	if (system("command -v tshark >/dev/null 2>&1")) {
		printf("1..0 # SKIP tshark is not installed\n");
		return 0;
	}
	close(mkstemp(path));
	test_eal_init();
	rng_init(&rng, rng_test_seed("tshark"));
	write_capture(path);
	snprintf(command, sizeof(command),
		"tshark -n -r %s -T pdml -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "
		"-o udp.check_checksum:TRUE -o ip.defragment:FALSE -o ipv6.defragment:FALSE "
		"-o tcp.desegment_tcp_streams:FALSE 2>/dev/null",
		path);
	printf("1..1\n");
	pdml = popen(command, "r");
	wrong = compare(pdml);
	pclose(pdml);
	if (!wrong)
		unlink(path);
	printf("%sok 1 - %d packets dissected as tshark does, %d differ%s%s\n", wrong ? "not " : "",
		PACKETS, wrong, wrong ? ", see " : "", wrong ? path : "");
	return wrong != 0;
}
