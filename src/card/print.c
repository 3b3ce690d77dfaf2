/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * print: a card as the profile that gives the same card. Everything is spelled out, defaults too,
 * so the output also answers "what did it make of my file?".
 */
#include "card/card_int.h"

#include <string.h>

/* Double quotes make any text safe; printable ASCII needs only these two escapes. */
void card_print_text(struct str *s, const char *text)
{
	str_add_char(s, '"');
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			str_addf(s, "\\x%02x", (unsigned char)*text);
			continue;
		}
		if (*text == '"' || *text == '\\')
			str_add_char(s, '\\');
		str_add_char(s, *text);
	}
	str_add_char(s, '"');
}

static void print_limits(struct str *s, const struct card_limits *limits)
{
	str_addf(s, "limits: {profile: %s", limits->profile);
#define LIMIT_PRINT(member, unit) \
	str_addf(s, ", %s: %llu", #member, (unsigned long long)limits->member);
	CARD_LIMITS(LIMIT_PRINT)
#undef LIMIT_PRINT
	str_add(s, "}\n");
}

static void print_pci(struct str *s, const struct card *card)
{
	char text[13];

	str_add(s, "pci:\n  dpu: [");
	for (unsigned i = 0; i < card->n_pfs; i++)
		str_addf(s, "%s\"%s\"", i ? ", " : "", card_bdf_format(&card->pfs[i].dpu, text));
	str_add(s, "]\n  host: [");
	for (unsigned i = 0; i < card->n_pfs; i++)
		str_addf(s, "%s\"%s\"", i ? ", " : "", card_bdf_format(&card->pfs[i].host, text));
	str_add(s, "]\n");
}

static void print_port(struct str *s, const struct card_port *port)
{
	char mac[MAC_TEXT_MAX];

	str_addf(s, "  %s: {", port->name);
	if (port->mac_given)
		str_addf(s, "mac: \"%s\", ", mac_print(port->mac, mac));
	str_addf(s, "mtu: %u, spoof_check: %s, ", port->mtu, port->spoof_check ? "true" : "false");
	if (port->pod) {
		str_add(s, "pod: ");
		card_print_text(s, port->pod);
		str_add(s, ", ");
	}
	card_attach_print(s, &port->attach);
	str_add(s, "}\n");
}

static void print_prefix(struct str *s, const char *key, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	if (!addr_is_none(&p->addr))
		str_addf(s, "  %s: \"%s\"\n", key, prefix_print(p, text));
}

static void print_addr(struct str *s, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_none(a))
		str_addf(s, "  %s: \"%s\"\n", key, addr_print(a, text));
}

static void print_timeouts(struct str *s, const struct card_timeouts *t)
{
	const char *between = "  timeouts: {";

#define TIMEOUT_PRINT(member)                                            \
	if (t->member) {                                                 \
		str_addf(s, "%s" #member ": %u", between, t->member); \
		between = ", ";                                          \
	}
	CARD_TIMEOUTS(TIMEOUT_PRINT)
#undef TIMEOUT_PRINT
	str_add(s, between[0] == ',' ? "}\n" : "");
}

static void print_node(struct str *s, const struct card_node *n)
{
	char text[PREFIX_TEXT_MAX];

	if (!n->name[0])
		return;
	str_add(s, "node:\n  name: ");
	card_print_text(s, n->name);
	str_add(s, "\n");
	if (n->vni)
		str_addf(s, "  vni: %u\n", n->vni);
	print_prefix(s, "vtep4", &n->vtep4);
	print_prefix(s, "vtep6", &n->vtep6);
	print_addr(s, "gateway4", &n->gateway4);
	print_addr(s, "gateway6", &n->gateway6);
	for (unsigned i = 0; i < n->n_pod_cidrs; i++)
		str_addf(s, "%s\"%s\"", i ? ", " : "  pod_cidrs: [",
			prefix_print(&n->pod_cidrs[i], text));
	str_add(s, n->n_pod_cidrs ? "]\n" : "");
	if (n->metrics)
		str_addf(s, "  metrics: \"%s\"\n", n->metrics);
	print_timeouts(s, &n->timeouts);
}

static void print_worker(struct str *s, const struct card_worker *w)
{
	static const char *const modes[] = {"adaptive", "poll", "inline"};

	str_addf(s, "worker: {mode: %s, count: %u, idle_us: %u", modes[w->mode], w->count,
		w->idle_us);
	if (w->memory_mb)
		str_addf(s, ", memory_mb: %u", w->memory_mb);
	for (unsigned i = 0; i < w->n_cpus; i++)
		str_addf(s, "%s%u", i ? ", " : ", cpus: [", w->cpus[i]);
	str_add(s, w->n_cpus ? "]}\n" : "}\n");
}

int card_print(const struct card *card, FILE *out)
{
	struct str s = STR_INIT;
	int err = 0;

	str_addf(&s, "name: %s\n", card->name);
	print_limits(&s, &card->limits);
	print_pci(&s, card);
	str_add(&s, "ports:\n");
	for (unsigned i = 0; i < card->n_ports; i++)
		print_port(&s, &card->ports[i]);
	print_node(&s, &card->node);
	print_worker(&s, &card->worker);
	str_add(&s, "run_dir: ");
	card_print_text(&s, card->run_dir);
	str_add(&s, "\n");
	if (str_failed(&s))
		err = refuse(ENOMEM, "no memory to print card '%s'", card->name);
	else if (fputs(str_text(&s), out) < 0 || fflush(out) < 0)
		err = refuse(errno, "printing card '%s': %s", card->name, strerror(errno));
	str_free(&s);
	return err;
}
