/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: one table of the kinds and their keys, read and printed from it.
 */
#include "card/card_int.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	NETNS = 1 << 0,
	IFNAME = 1 << 1,
	DEVARGS = 1 << 2,
	PATH = 1 << 3,
	PEER = 1 << 4,
	SERVER = 1 << 5,
	QUEUES = 1 << 6,
	FRAMES = 1 << 7,
};

static const struct {
	const char *name;
	unsigned keys, needed;
} kinds[CARD_ATTACH_KINDS] = {
	[CARD_ATTACH_NULL] = {"null", 0, 0},
	[CARD_ATTACH_TAP] = {"tap", NETNS | IFNAME | QUEUES, IFNAME},
	[CARD_ATTACH_PACKET] = {"packet", NETNS | IFNAME | QUEUES, IFNAME},
	[CARD_ATTACH_XDP] = {"xdp", NETNS | IFNAME | QUEUES | DEVARGS, IFNAME},
	[CARD_ATTACH_DPDK] = {"dpdk", DEVARGS | QUEUES, DEVARGS},
	[CARD_ATTACH_VHOST_USER] = {"vhost_user", PATH | SERVER | QUEUES | DEVARGS, PATH},
	[CARD_ATTACH_MEMIF] = {"memif", PATH | SERVER | QUEUES | DEVARGS, PATH},
	[CARD_ATTACH_PCAP] = {"pcap", PATH | PEER | DEVARGS, 0},
	[CARD_ATTACH_DGRAM] = {"dgram", PATH | PEER, PATH},
	[CARD_ATTACH_PAIR] = {"pair", PEER, PEER},
	[CARD_ATTACH_MEM] = {"mem", FRAMES, 0},
	[CARD_ATTACH_GENERATOR] = {"generator", FRAMES, 0},
};

static const struct {
	unsigned bit;
	const char *key;
	size_t offset;
} texts[] = {
	{NETNS, "netns", offsetof(struct card_attach, netns)},
	{IFNAME, "ifname", offsetof(struct card_attach, ifname)},
	{DEVARGS, "devargs", offsetof(struct card_attach, devargs)},
	{PATH, "path", offsetof(struct card_attach, path)},
	{PEER, "peer", offsetof(struct card_attach, peer)},
};

static const char *const frame_keys[] = {"flows", "size", "rate", "count", "proto", "src", "dst",
	"sport", "dport", "src_mac", "dst_mac", "imix", "scatter", "fan_out", "replies", "vni"};

static const char *const protos[] = {"mixed", "tcp", "udp"};
static const uint8_t proto_numbers[] = {0, 6, 17};

const char *card_attach_name(enum card_attach_kind kind)
{
	return kind < CARD_ATTACH_KINDS ? kinds[kind].name : "unknown";
}

const char *card_attach_kind_key(unsigned i)
{
	return i < CARD_ATTACH_KINDS ? kinds[i].name : NULL;
}

static const char **text_of(const struct card_attach *attach, size_t offset)
{
	return (const char **)((char *)(uintptr_t)attach + offset);
}

static int only_keys(const struct yaml_node *map, unsigned bits)
{
	const char *known[ARRAY_SIZE(texts) + 2 + ARRAY_SIZE(frame_keys)];
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		if (bits & texts[i].bit)
			known[n++] = texts[i].key;
	if (bits & SERVER)
		known[n++] = "server";
	if (bits & QUEUES)
		known[n++] = "queues";
	for (unsigned i = 0; (bits & FRAMES) && i < ARRAY_SIZE(frame_keys); i++)
		known[n++] = frame_keys[i];
	return yaml_only_keys(map, known, n);
}

static int load_ends(const struct yaml_node *map, struct card_frames *f)
{
	struct addr src = addr_from_v4((const uint8_t[]){10, 0, 0, 1});
	struct addr dst = addr_from_v4((const uint8_t[]){10, 255, 0, 1});
	int err;

	if ((err = yaml_want_addr(map, "src", &src)) < 0 ||
		(err = yaml_want_addr(map, "dst", &dst)) < 0)
		return err;
	if (src.family != dst.family)
		return yaml_refuse(map, EINVAL, "src and dst are not of one address family");
	f->family = addr_is_v6(&src) ? 6 : 4;
	memcpy(f->src, src.bytes, 16);
	memcpy(f->dst, dst.bytes, 16);
	if ((err = yaml_want_mac(map, "src_mac", f->src_mac)) < 0)
		return err;
	return yaml_want_mac(map, "dst_mac", f->dst_mac);
}

static int load_frames(const struct yaml_node *map, struct card_frames *f)
{
	uint64_t flows = 1, size = 60, sport = 1024, dport = 80, vni = 0;
	unsigned proto = 1;
	int err;

	if ((err = load_ends(map, f)) < 0 ||
		(err = yaml_want_u64(map, "flows", 1, 16 << 20, &flows)) < 0 ||
		(err = yaml_want_u64(map, "size", 60, 9018, &size)) < 0 ||
		(err = yaml_want_u64(map, "rate", 0, UINT64_MAX, &f->rate)) < 0 ||
		(err = yaml_want_u64(map, "count", 0, UINT64_MAX, &f->count)) < 0 ||
		(err = yaml_want_u64(map, "sport", 0, 65535, &sport)) < 0 ||
		(err = yaml_want_u64(map, "dport", 0, 65535, &dport)) < 0 ||
		(err = yaml_want_u64(map, "vni", 0, (1 << 24) - 1, &vni)) < 0 ||
		(err = yaml_want_bool(map, "imix", &f->imix)) < 0 ||
		(err = yaml_want_bool(map, "scatter", &f->scatter)) < 0 ||
		(err = yaml_want_bool(map, "fan_out", &f->fan_out)) < 0 ||
		(err = yaml_want_bool(map, "replies", &f->replies)) < 0 ||
		(err = yaml_want_enum(map, "proto", protos, ARRAY_SIZE(protos), &proto)) < 0)
		return err;
	if (f->family == 6 && size < 74)
		size = 74; /* Ethernet, IPv6, TCP */
	f->flows = flows;
	f->size = size;
	f->vni = vni;
	f->sport = sport;
	f->dport = dport;
	f->proto = proto_numbers[proto];
	return 0;
}

static int check_ifname(const struct yaml_node *map, const char *ifname)
{
	if (!ifname)
		return 0;
	if (!ifname[0] || strlen(ifname) > 15 || strpbrk(ifname, "/ \t:") || ifname[0] == '.')
		return yaml_refuse(yaml_key(map, "ifname"), EINVAL,
			"'%s' cannot be an interface name; 1 to 15 bytes without '/', ':' or "
			"blanks",
			ifname);
	return 0;
}

static int load_kind(const struct yaml_node *map, struct card_attach *attach)
{
	unsigned bits = kinds[attach->kind].keys;
	uint64_t queues = 0;
	int err;

	if (map->kind != YAML_NULL && (err = yaml_as_map(map, &map)) < 0)
		return err;
	if ((err = only_keys(map, bits)) < 0)
		return err;
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!(bits & texts[i].bit))
			continue;
		if (kinds[attach->kind].needed & texts[i].bit)
			err = yaml_need_string(map, texts[i].key, text_of(attach, texts[i].offset));
		else
			err = yaml_want_string(map, texts[i].key, text_of(attach, texts[i].offset));
		if (err < 0)
			return err;
	}
	if ((err = yaml_want_bool(map, "server", &attach->server)) < 0 ||
		(err = yaml_want_u64(map, "queues", 1, 16, &queues)) < 0 ||
		(err = check_ifname(map, attach->ifname)) < 0)
		return err;
	attach->queues = queues;
	return bits & FRAMES ? load_frames(map, &attach->frames) : 0;
}

int card_attach_load(const struct yaml_node *port, struct card_attach *attach)
{
	const struct yaml_node *found = NULL;

	for (unsigned k = 0; k < CARD_ATTACH_KINDS; k++) {
		const struct yaml_node *node = yaml_key(port, kinds[k].name);

		if (!node)
			continue;
		if (found)
			return yaml_refuse(node, EINVAL,
				"the port is attached to '%s' (line %d) already; one only",
				found->key, found->key_line);
		found = node;
		attach->kind = k;
	}
	return found ? load_kind(found, attach) : 0;
}

static void print_frames(struct str *s, const struct card_frames *f)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX], mac[MAC_TEXT_MAX];
	struct addr a = f->family == 6 ? addr_from_v6(f->src) : addr_from_v4(f->src);
	struct addr b = f->family == 6 ? addr_from_v6(f->dst) : addr_from_v4(f->dst);

	str_addf(s, "flows: %u, size: %u, rate: %llu, count: %llu, sport: %u, dport: %u, ",
		f->flows, f->size, (unsigned long long)f->rate, (unsigned long long)f->count,
		f->sport, f->dport);
	str_addf(s, "proto: %s, src: \"%s\", dst: \"%s\", ",
		protos[f->proto == 6     ? 1
			: f->proto == 17 ? 2
					 : 0],
		addr_print(&a, src), addr_print(&b, dst));
	str_addf(s, "src_mac: \"%s\", ", mac_print(f->src_mac, mac));
	str_addf(s, "dst_mac: \"%s\", imix: %s, scatter: %s, fan_out: %s, replies: %s, vni: %u", mac_print(f->dst_mac, mac),
		f->imix ? "true" : "false", f->scatter ? "true" : "false", f->fan_out ? "true" : "false", f->replies ? "true" : "false", f->vni);
}

void card_attach_print(struct str *s, const struct card_attach *attach)
{
	const char *comma = "";

	str_addf(s, "%s: {", card_attach_name(attach->kind));
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = *text_of(attach, texts[i].offset);

		if (!text)
			continue;
		str_addf(s, "%s%s: ", comma, texts[i].key);
		card_print_text(s, text);
		comma = ", ";
	}
	if (attach->server) {
		str_addf(s, "%sserver: true", comma);
		comma = ", ";
	}
	if (attach->queues)
		str_addf(s, "%squeues: %u", comma, attach->queues);
	if (kinds[attach->kind].keys & FRAMES)
		print_frames(s, &attach->frames);
	str_add(s, "}");
}

static bool frames_equal(const struct card_frames *a, const struct card_frames *b)
{
	return a->flows == b->flows && a->size == b->size && a->rate == b->rate &&
	       a->count == b->count && a->family == b->family && a->proto == b->proto &&
	       a->sport == b->sport && a->dport == b->dport && a->imix == b->imix &&
	       a->scatter == b->scatter && a->fan_out == b->fan_out && a->replies == b->replies && a->vni == b->vni && !memcmp(a->src, b->src, 16) &&
	       !memcmp(a->dst, b->dst, 16) && !memcmp(a->src_mac, b->src_mac, 6) &&
	       !memcmp(a->dst_mac, b->dst_mac, 6);
}

bool card_attach_equal(const struct card_attach *a, const struct card_attach *b)
{
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		if (!card_text_equal(*text_of(a, texts[i].offset), *text_of(b, texts[i].offset)))
			return false;
	return a->kind == b->kind && a->server == b->server && a->queues == b->queues &&
	       frames_equal(&a->frames, &b->frames);
}
