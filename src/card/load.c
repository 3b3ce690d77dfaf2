/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load: a profile becomes a card. The YAML tree stays with the card, whose strings live in it.
 */
#include "card/card_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a program sees that was given no profile: nothing is attached, packets come from tests. */
static const char default_profile[] = "name: card0\n"
				      "ports:\n"
				      "  p0: {null: {}}\n"
				      "  p1: {null: {}}\n"
				      "  pf0hpf: {null: {}}\n"
				      "  pf0vf0: {null: {}}\n"
				      "  pf0vf1: {null: {}}\n"
				      "  pf0vf2: {null: {}}\n"
				      "  pf0vf3: {null: {}}\n";

static const struct card_bdf default_dpu = {0, 0x03, 0, 0}, default_host = {0, 0xb1, 0, 0};

/* ---- names ---- */

/* Decimal without sign or leading zero, below `limit`; moves *at behind it. */
static bool number(const char **at, unsigned limit, unsigned *value)
{
	unsigned v = 0;
	const char *start = *at;

	while (isdigit((unsigned char)**at) && v < limit)
		v = v * 10 + (*(*at)++ - '0');
	if (*at == start || v >= limit || (*start == '0' && *at - start > 1))
		return false;
	*value = v;
	return true;
}

static bool parse_name(const char *name, struct card_port *port)
{
	unsigned pf, function = 0;
	const char *at = name;
	bool uplink = strncmp(at, "pf", 2) != 0;

	if (*at != 'p')
		return false;
	at += uplink ? 1 : 2;
	if (!number(&at, CARD_PFS_MAX, &pf))
		return false;
	if (uplink) {
		port->role = CARD_UPLINK;
	} else if (strcmp(at, "hpf") == 0) {
		port->role = CARD_HPF;
		at += 3;
	} else if (strncmp(at, "vf", 2) == 0 || strncmp(at, "sf", 2) == 0) {
		port->role = *at == 'v' ? CARD_VF : CARD_SF;
		at += 2;
		if (!number(&at, CARD_PORTS_MAX, &function))
			return false;
	} else {
		return false;
	}
	port->pf = pf;
	port->function = function;
	return *at == 0;
}

static bool plain_name(const char *name)
{
	if (!name[0] || strlen(name) >= CARD_NAME_MAX || name[0] == '.')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

/* The same card and port always have the same MAC: locally administered, unicast (IEEE 802, U/L).
 */
static void make_mac(const char *card, const char *port, uint8_t mac[6])
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const char *s = card; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	h = (h ^ '/') * 0x100000001b3ull;
	for (const char *s = port; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	h ^= h >> 29;
	mac[0] = 0x02;
	for (unsigned i = 1; i < 6; i++)
		mac[i] = h >> (8 * i);
}

/* ---- the parts ---- */

static int load_limits(const struct yaml_node *root, struct card *card)
{
	static const char *const keys[] = {"profile",
#define LIMIT_KEY(member, unit) #member,
		CARD_LIMITS(LIMIT_KEY)
#undef LIMIT_KEY
	};
	const struct yaml_node *node = yaml_key(root, "limits");
	const char *profile = "fast";
	int err;

	if (node && node->kind == YAML_MAP) {
		if ((err = yaml_only_keys(node, keys, ARRAY_SIZE(keys))) < 0 ||
			(err = yaml_want_string(node, "profile", &profile)) < 0)
			return err;
	} else if ((err = yaml_want_string(root, "limits", &profile)) < 0) {
		return err;
	}
	err = card_limits_set(&card->limits, profile);
	if (err < 0)
		return yaml_refuse(node, -err, "%s", refusal());
	if (!node || node->kind != YAML_MAP)
		return 0;
#define LIMIT_LOAD(member, unit)                                                           \
	if ((err = yaml_want_u64(node, #member, 0, UINT64_MAX, &card->limits.member)) < 0) \
		return err;
	CARD_LIMITS(LIMIT_LOAD)
#undef LIMIT_LOAD
	return 0;
}

static int load_bdfs(const struct yaml_node *pci, const char *key, struct card *card, bool host)
{
	const struct yaml_node *list = NULL;
	const char *text;
	int err = yaml_want_list(pci, key, &list);

	if (err < 0 || !list)
		return err;
	if (list->count > CARD_PFS_MAX)
		return yaml_refuse(list, E2BIG, "%u physical functions: at most %d", list->count,
			CARD_PFS_MAX);
	yaml_each(node, list)
	{
		struct card_bdf *b =
			host ? &card->pfs[node->index].host : &card->pfs[node->index].dpu;

		if ((err = yaml_as_string(node, &text)) < 0)
			return err;
		if ((err = card_bdf_parse(text, b)) < 0)
			return yaml_refuse(node, -err, "%s", refusal());
	}
	if (list->count > card->n_pfs)
		card->n_pfs = list->count;
	return 0;
}

/* Functions that the profile does not list follow function 0. */
static int load_pci(const struct yaml_node *root, struct card *card)
{
	static const char *const keys[] = {"dpu", "host"};
	const struct yaml_node *pci = NULL;
	int err = yaml_want_map(root, "pci", &pci);

	card->pfs[0].dpu = default_dpu;
	card->pfs[0].host = default_host;
	if (err < 0)
		return err;
	if (pci && ((err = yaml_only_keys(pci, keys, ARRAY_SIZE(keys))) < 0 ||
			   (err = load_bdfs(pci, "dpu", card, false)) < 0 ||
			   (err = load_bdfs(pci, "host", card, true)) < 0))
		return err;
	for (unsigned i = 1; i < CARD_PFS_MAX; i++) {
		const struct card_bdf none = {0};
		struct card_pf *pf = &card->pfs[i], *before = &card->pfs[i - 1];

		if (card_bdf_equal(&pf->dpu, &none))
			pf->dpu = (struct card_bdf){before->dpu.domain, before->dpu.bus,
				before->dpu.device, before->dpu.function + 1};
		if (card_bdf_equal(&pf->host, &none))
			pf->host = (struct card_bdf){before->host.domain, before->host.bus,
				before->host.device, before->host.function + 1};
	}
	return 0;
}

static int port_keys(const struct yaml_node *node)
{
	const char *keys[4 + CARD_ATTACH_KINDS] = {"mac", "mtu", "pod", "spoof_check"};

	for (unsigned k = 0; k < CARD_ATTACH_KINDS; k++)
		keys[4 + k] = card_attach_kind_key(k);
	return yaml_only_keys(node, keys, ARRAY_SIZE(keys));
}

static int load_pod(const struct yaml_node *node, struct card_port *port)
{
	int err = yaml_want_string(node, "pod", &port->pod);
	const char *slash;

	if (err < 0 || !port->pod)
		return err;
	slash = strchr(port->pod, '/');
	if (!slash || slash == port->pod || !slash[1] || strchr(slash + 1, '/'))
		return yaml_refuse(yaml_key(node, "pod"), EINVAL,
			"'%s' is not NAMESPACE/NAME, for example default/web-1", port->pod);
	return 0;
}

static int load_mac(const struct yaml_node *node, const struct card *card, struct card_port *port)
{
	int err;

	make_mac(card->name, port->name, port->mac);
	port->mac_given = yaml_key(node, "mac") != NULL;
	if ((err = yaml_want_mac(node, "mac", port->mac)) < 0)
		return err;
	if (port->mac[0] & 1)
		return yaml_refuse(
			yaml_key(node, "mac"), EINVAL, "a port's MAC may not be a group address");
	return 0;
}

static int load_port(const struct yaml_node *node, struct card *card, struct card_port *port)
{
	uint64_t mtu = 1500;
	int err;

	if (strlen(node->key) >= CARD_NAME_MAX || !parse_name(node->key, port))
		return yaml_refuse(node, EINVAL,
			"'%s' is not a port name; known forms are p0, pf0hpf, pf0vf7, pf0sf3 (PFs "
			"0 to %d)",
			node->key, CARD_PFS_MAX - 1);
	strcpy(port->name, node->key);
	port->line = node->key_line;
	port->spoof_check = port->role == CARD_VF || port->role == CARD_SF;
	if (port->pf + 1u > card->n_pfs)
		card->n_pfs = port->pf + 1;
	if (node->kind != YAML_NULL && (err = yaml_as_map(node, &node)) < 0)
		return err;
	if ((err = port_keys(node)) < 0 || (err = load_mac(node, card, port)) < 0 ||
		(err = yaml_want_u64(node, "mtu", CARD_MTU_MIN, CARD_MTU_MAX, &mtu)) < 0 ||
		(err = yaml_want_bool(node, "spoof_check", &port->spoof_check)) < 0 ||
		(err = load_pod(node, port)) < 0)
		return err;
	port->mtu = mtu;
	return card_attach_load(node, &port->attach);
}

/* Addresses need the number of PFs, so they come after all names are known. */
static void place_functions(struct card *card)
{
	for (unsigned i = 0; i < card->n_ports; i++) {
		struct card_port *port = &card->ports[i];

		if (port->role == CARD_UPLINK || port->role == CARD_SF)
			port->bdf = card->pfs[port->pf].dpu;
		else if (port->role == CARD_HPF)
			port->bdf = card->pfs[port->pf].host;
		else
			port->bdf = card_vf_bdf(card, port->pf, port->function);
	}
}

static int load_ports(const struct yaml_node *root, struct card *card)
{
	const struct yaml_node *ports;
	int err = yaml_need_map(root, "ports", &ports);

	if (err < 0)
		return err;
	if (ports->count == 0 || ports->count > CARD_PORTS_MAX)
		return yaml_refuse(
			ports, E2BIG, "%u ports: a card has 1 to %d", ports->count, CARD_PORTS_MAX);
	card->ports = calloc(ports->count, sizeof(*card->ports));
	if (!card->ports)
		return refuse(ENOMEM, "no memory for %u ports", ports->count);
	yaml_each(node, ports)
	{
		if ((err = load_port(node, card, &card->ports[card->n_ports])) < 0)
			return err;
		card->n_ports++;
	}
	place_functions(card);
	return 0;
}

static int load_cidrs(const struct yaml_node *node, struct card_node *n)
{
	const struct yaml_node *list = NULL;
	int err = yaml_want_list(node, "pod_cidrs", &list);

	if (err < 0 || !list)
		return err;
	if (list->count > CARD_POD_CIDRS_MAX)
		return yaml_refuse(
			list, E2BIG, "%u prefixes: at most %d", list->count, CARD_POD_CIDRS_MAX);
	yaml_each(cidr, list)
	{
		if ((err = yaml_as_prefix(cidr, &n->pod_cidrs[n->n_pod_cidrs])) < 0)
			return err;
		n->n_pod_cidrs++;
	}
	return 0;
}

/* A VTEP needs its prefix length: peers beyond it are reached through the gateway. */
static int load_vtep(const struct yaml_node *node, const char *key, int family, struct prefix *vtep)
{
	const struct yaml_node *at = yaml_key(node, key);
	int err = yaml_want_prefix(node, key, vtep);

	if (err < 0 || !at)
		return err;
	if (vtep->addr.family != (uint32_t)family)
		return yaml_refuse(at, EINVAL, "'%s' is not an IPv%d address", at->text,
			family == AF_INET ? 4 : 6);
	if (!strchr(at->text, '/'))
		return yaml_refuse(at, EINVAL,
			"'%s' lacks the underlay's prefix length, for example %s/%d", at->text,
			at->text, family == AF_INET ? 24 : 64);
	if (addr_is_multicast(&vtep->addr) || addr_is_unspecified(&vtep->addr))
		return yaml_refuse(at, EINVAL, "'%s' is not a unicast address", at->text);
	return 0;
}

static int load_gateway(const struct yaml_node *node, const char *key, const struct prefix *vtep,
	struct addr *gateway)
{
	char text[PREFIX_TEXT_MAX];
	int err = yaml_want_addr(node, key, gateway);

	if (err < 0 || addr_is_none(gateway))
		return err;
	if (!prefix_contains(vtep, gateway) && !(addr_is_v6(gateway) && gateway->bytes[0] == 0xfe))
		return yaml_refuse(yaml_key(node, key), EINVAL,
			"the gateway is not on the underlay's network %s",
			prefix_print(vtep, text));
	return 0;
}

static int load_timeouts(const struct yaml_node *node, struct card_timeouts *t)
{
	static const char *const keys[] = {
#define TIMEOUT_KEY(member) #member,
		CARD_TIMEOUTS(TIMEOUT_KEY)
#undef TIMEOUT_KEY
	};
	const struct yaml_node *map = NULL;
	uint64_t seconds;
	int err = yaml_want_map(node, "timeouts", &map);

	if (err < 0 || !map)
		return err;
	if ((err = yaml_only_keys(map, keys, ARRAY_SIZE(keys))) < 0)
		return err;
#define TIMEOUT_LOAD(member)                                                              \
	seconds = 0;                                                                      \
	if ((err = yaml_want_u64(map, #member, 1, CARD_TIMEOUT_MAX_S, &seconds)) < 0) \
		return err;                                                               \
	t->member = seconds;
	CARD_TIMEOUTS(TIMEOUT_LOAD)
#undef TIMEOUT_LOAD
	return 0;
}

static int load_node(const struct yaml_node *root, struct card *card)
{
	static const char *const keys[] = {
		"name", "vni", "vtep4", "vtep6", "gateway4", "gateway6", "pod_cidrs", "metrics",
		"timeouts"};
	struct card_node *n = &card->node;
	const struct yaml_node *node = NULL;
	const char *name;
	uint64_t vni = 0;
	struct addr listen;
	uint16_t port;
	int err = yaml_want_map(root, "node", &node);

	if (err < 0 || !node)
		return err;
	if ((err = yaml_only_keys(node, keys, ARRAY_SIZE(keys))) < 0 ||
		(err = yaml_need_string(node, "name", &name)) < 0 ||
		(err = yaml_want_u64(node, "vni", 1, (1 << 24) - 1, &vni)) < 0 ||
		(err = load_vtep(node, "vtep4", AF_INET, &n->vtep4)) < 0 ||
		(err = load_vtep(node, "vtep6", AF_INET6, &n->vtep6)) < 0 ||
		(err = load_gateway(node, "gateway4", &n->vtep4, &n->gateway4)) < 0 ||
		(err = load_gateway(node, "gateway6", &n->vtep6, &n->gateway6)) < 0 ||
		(err = load_cidrs(node, n)) < 0 || (err = load_timeouts(node, &n->timeouts)) < 0 ||
		(err = yaml_want_string(node, "metrics", &n->metrics)) < 0)
		return err;
	if (!name[0] || strlen(name) >= sizeof(n->name))
		return yaml_refuse(yaml_key(node, "name"), EINVAL,
			"a node's name has 1 to %zu bytes", sizeof(n->name) - 1);
	strcpy(n->name, name);
	n->vni = vni;
	if (n->metrics && (err = addr_port_parse(n->metrics, &listen, &port)) < 0)
		return yaml_refuse(yaml_key(node, "metrics"), -err, "%s", refusal());
	return 0;
}

static int load_cpus(const struct yaml_node *node, struct card_worker *w)
{
	const struct yaml_node *cpus = NULL;
	uint64_t cpu;
	int err = yaml_want_list(node, "cpus", &cpus);

	if (err < 0 || !cpus)
		return err;
	if (cpus->count > CARD_CPUS_MAX)
		return yaml_refuse(cpus, E2BIG, "%u cores: at most %d", cpus->count, CARD_CPUS_MAX);
	yaml_each(c, cpus)
	{
		if ((err = yaml_as_u64(c, 0, 1023, &cpu)) < 0)
			return err;
		w->cpus[w->n_cpus++] = cpu;
	}
	return 0;
}

static int load_worker(const struct yaml_node *root, struct card *card)
{
	static const char *const keys[] = {"mode", "count", "cpus", "idle_us", "memory_mb"};
	static const char *const modes[] = {"adaptive", "poll", "inline"};
	struct card_worker *w = &card->worker;
	const struct yaml_node *node = NULL;
	uint64_t count = 1, idle_us = 50, memory_mb = 0;
	unsigned mode = CARD_ADAPTIVE;
	int err = yaml_want_map(root, "worker", &node);

	if (err < 0)
		return err;
	if (node &&
		((err = yaml_only_keys(node, keys, ARRAY_SIZE(keys))) < 0 ||
			(err = yaml_want_enum(node, "mode", modes, ARRAY_SIZE(modes), &mode)) < 0 ||
			(err = yaml_want_u64(node, "count", 1, 16, &count)) < 0 ||
			(err = yaml_want_u64(node, "idle_us", 0, 1000000, &idle_us)) < 0 ||
			(err = yaml_want_u64(node, "memory_mb", 16, 1 << 20, &memory_mb)) < 0 ||
			(err = load_cpus(node, w)) < 0))
		return err;
	w->mode = mode;
	w->count = count;
	w->idle_us = idle_us;
	w->memory_mb = memory_mb;
	return 0;
}

static int load_run_dir(const struct yaml_node *root, struct card_owned *owned)
{
	const char *dir = getenv("SOFTDPU_RUN_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	int err = yaml_want_string(root, "run_dir", &dir), n;

	if (err < 0)
		return err;
	if (dir && dir[0])
		n = asprintf(&owned->run_dir, "%s", dir);
	else if (geteuid() == 0)
		n = asprintf(&owned->run_dir, "/run/softdpu");
	else if (xdg && xdg[0])
		n = asprintf(&owned->run_dir, "%s/softdpu", xdg);
	else
		n = asprintf(&owned->run_dir, "/tmp/softdpu-%u", geteuid());
	if (n < 0) {
		owned->run_dir = NULL;
		return refuse(ENOMEM, "no memory for the run directory's name");
	}
	owned->card.run_dir = owned->run_dir;
	if (owned->run_dir[0] != '/')
		return refuse(EINVAL, "%s: run_dir '%s' is not an absolute path", owned->card.path,
			owned->run_dir);
	return 0;
}

static int load_root(const struct yaml_node *root, struct card_owned *owned)
{
	static const char *const keys[] = {
		"name", "limits", "pci", "ports", "node", "worker", "run_dir"};
	struct card *card = &owned->card;
	const char *name;
	int err;

	if ((err = yaml_as_map(root, &root)) < 0 ||
		(err = yaml_only_keys(root, keys, ARRAY_SIZE(keys))) < 0 ||
		(err = yaml_need_string(root, "name", &name)) < 0)
		return err;
	if (!plain_name(name))
		return yaml_refuse(yaml_key(root, "name"), EINVAL,
			"'%s' cannot be a card's name; 1 to %d letters, digits, '-', '_' or '.'",
			name, CARD_NAME_MAX - 1);
	strcpy(card->name, name);
	if ((err = load_limits(root, card)) < 0 || (err = load_pci(root, card)) < 0 ||
		(err = load_ports(root, card)) < 0 || (err = load_node(root, card)) < 0 ||
		(err = load_worker(root, card)) < 0 || (err = load_run_dir(root, owned)) < 0)
		return err;
	return card_check(card);
}

/* Takes the file, also on failure. */
static int build(const char *path, struct yaml_file *file, struct card **out)
{
	struct card_owned *owned = calloc(1, sizeof(*owned));
	int err;

	if (!owned || !(owned->path = strdup(path))) {
		yaml_close(file);
		free(owned);
		return refuse(ENOMEM, "%s: no memory for a card", path);
	}
	owned->file = file;
	owned->card.path = owned->path;
	if (yaml_count(file) != 1)
		err = refuse(EINVAL, "%s: %u YAML documents; a card profile is exactly one", path,
			yaml_count(file));
	else
		err = load_root(yaml_root(file, 0), owned);
	if (err < 0) {
		card_destroy(&owned->card);
		return err;
	}
	*out = &owned->card;
	return 0;
}

int card_load(const char *path, struct card **card)
{
	struct yaml_file *file;
	int err = yaml_load(path, &file);

	return err < 0 ? err : build(path, file, card);
}

int card_parse(const char *path, const char *text, size_t len, struct card **card)
{
	struct yaml_file *file;
	int err = yaml_load_text(path, text, len, &file);

	return err < 0 ? err : build(path, file, card);
}

int card_default(struct card **card)
{
	int err = card_parse("(default card)", default_profile, sizeof(default_profile) - 1, card);

	if (err == 0)
		(*card)->is_private = true;
	return err;
}

int card_open(struct card **card)
{
	const char *path = getenv("SOFTDPU_CARD");

	return path && path[0] ? card_load(path, card) : card_default(card);
}

void card_destroy(struct card *card)
{
	struct card_owned *owned = card ? container_of(card, struct card_owned, card) : NULL;

	if (!owned)
		return;
	free(owned->card.ports);
	free(owned->run_dir);
	free(owned->path);
	yaml_close(owned->file);
	free(owned);
}

/* ---- look ---- */

const struct card_port *card_port_by_name(const struct card *card, const char *name)
{
	for (unsigned i = 0; i < card->n_ports; i++)
		if (strcmp(card->ports[i].name, name) == 0)
			return &card->ports[i];
	return NULL;
}

/* A sub function shares its PF's address, so it is never what an address alone names. */
const struct card_port *card_port_by_bdf(const struct card *card, const struct card_bdf *bdf)
{
	for (unsigned i = 0; i < card->n_ports; i++)
		if (card->ports[i].role != CARD_SF && card_bdf_equal(&card->ports[i].bdf, bdf))
			return &card->ports[i];
	return NULL;
}

unsigned card_port_index(const struct card *card, const struct card_port *port)
{
	return port - card->ports;
}
