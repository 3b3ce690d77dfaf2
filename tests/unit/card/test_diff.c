/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card: what a reload is told to do, and cards that cannot share a network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "card/card_int.h"

#define HEAD "name: a\nrun_dir: /run/t\n"

static struct card *parse(const char *text)
{
	struct card *card = NULL;

	if (card_parse("t.yaml", text, strlen(text), &card) < 0)
		fail_msg("%s", refusal());
	return card;
}

/* The changes as one line: "-pf0vf1 ~p0.mtu !limits +p1", in order. */
static void expect(const char *before, const char *after, const char *want)
{
	static const char marks[] = {'+', '-', 'r', '~', 'n', 'w', '!'};
	struct card *a = parse(before), *b = parse(after);
	struct card_diff *d;
	struct str s = STR_INIT;

	assert_int_equal(card_diff(a, b, &d), 0);
	for (unsigned i = 0; i < d->n; i++) {
		const struct card_change *c = &d->changes[i];

		str_addf(&s, "%s%c", i ? " " : "", marks[c->kind]);
		if (c->after || c->before)
			str_add(&s, (c->after ? c->after : c->before)->name);
		if (c->kind != CARD_PORT_ADDED && c->kind != CARD_PORT_REMOVED)
			str_addf(&s, ".%s", c->field);
	}
	assert_string_equal(str_text(&s), want);
	assert_int_equal(d->needs_restart, strchr(want, '!') != NULL);
	str_free(&s);
	card_diff_destroy(d);
	card_destroy(a);
	card_destroy(b);
}

static void test_ports(void **state)
{
	expect(HEAD "ports: {p0: , p1: }\n", HEAD "ports: {p0: , p1: }\n", "");
	expect(HEAD "ports: {p0: , p1: }\n", HEAD "ports: {p1: , p0: }\n", "");
	expect(HEAD "ports: {p0: , pf0vf1: }\n", HEAD "ports: {p0: , pf0vf2: }\n",
		"-pf0vf1 +pf0vf2");
	expect(HEAD "ports: {p0: {mtu: 1500}}\n", HEAD "ports: {p0: {mtu: 1600}}\n", "~p0.mtu");
	expect(HEAD "ports: {pf0vf0: {pod: a/b}}\n", HEAD "ports: {pf0vf0: {pod: a/c}}\n",
		"~pf0vf0.pod");
	expect(HEAD "ports: {pf0vf0: }\n", HEAD "ports: {pf0vf0: {spoof_check: false}}\n",
		"~pf0vf0.spoof_check");
	expect(HEAD "ports: {p0: }\n", HEAD "ports: {p0: {tap: {ifname: x}}}\n", "rp0.attach");
	expect(HEAD "ports: {p0: {tap: {ifname: x}}}\n", HEAD "ports: {p0: {tap: {ifname: y}}}\n",
		"rp0.attach");
	expect(HEAD "ports: {p0: {tap: {ifname: x}}}\n",
		HEAD "ports: {p0: {mtu: 9000, tap: {ifname: x}}}\n", "rp0.mtu");
	expect(HEAD "ports: {p0: {mem: {flows: 1}}}\n", HEAD "ports: {p0: {mem: {flows: 2}}}\n",
		"rp0.attach");
}

static void test_the_rest(void **state)
{
	expect(HEAD "ports: {p0: }\n", HEAD "ports: {p0: }\nlimits: bf3\n", "!.limits");
	expect(HEAD "ports: {p0: }\n", HEAD "ports: {p0: }\npci: {dpu: ['0000:04:00.0']}\n",
		"!.pci");
	expect(HEAD "ports: {p0: }\n", "name: a\nrun_dir: /run/u\nports: {p0: }\n", "!.run_dir");
	expect(HEAD "ports: {p0: }\n", HEAD "ports: {p0: }\nnode: {name: n}\n", "n.name");
	expect(HEAD "ports: {p0: }\nnode: {name: n, timeouts: {udp: 9}}\n",
		HEAD "ports: {p0: }\nnode: {name: n}\n", "n.timeouts");
	expect(HEAD "ports: {p0: }\nnode: {name: n, vtep4: 10.0.0.1/24}\n",
		HEAD "ports: {p0: }\nnode: {name: n, vtep4: 10.0.0.2/24}\n", "n.vtep4");
	expect(HEAD "ports: {p0: }\n", HEAD "ports: {p0: }\nworker: {cpus: [1]}\n", "w.cpus");
	expect(HEAD "ports: {p0: , p1: }\n",
		HEAD "ports: {p1: {mtu: 68}, pf0hpf: }\nworker: {idle_us: 1}\n",
		"-p0 w.idle_us ~p1.mtu +pf0hpf");
}

static void conflict(const char *a_text, const char *b_text, const char *words)
{
	struct card *a = parse(a_text), *b = parse(b_text);

	assert_int_equal(card_conflict(a, b), words ? -EEXIST : 0);
	if (words && !strstr(refusal(), words))
		fail_msg("'%s' does not say '%s'", refusal(), words);
	card_destroy(a);
	card_destroy(b);
}

static void test_conflicts(void **state)
{
	conflict("name: a\nports: {p0: }\n", "name: b\nports: {p0: }\n", NULL);
	conflict("name: a\nports: {p0: }\n", "name: a\nports: {p1: }\n", "called 'a'");
	conflict("name: a\nports: {p0: }\nnode: {name: n}\n",
		"name: b\nports: {p0: }\nnode: {name: n}\n", "node 'n'");
	conflict("name: a\nports: {p0: }\nnode: {name: n, vtep4: 1.2.3.4/8}\n",
		"name: b\nports: {p0: }\nnode: {name: m, vtep4: 1.2.3.4/9}\n",
		"VTEP address 1.2.3.4");
	conflict("name: a\nports: {p0: {mac: '02:00:00:00:00:01'}}\n",
		"name: b\nports: {p1: {mac: '02:00:00:00:00:01'}}\n", "MAC 02:00:00:00:00:01");
	conflict("name: a\nports: {p0: {tap: {ifname: eth0, netns: x}}}\n",
		"name: b\nports: {p1: {tap: {ifname: eth0, netns: x}}}\n",
		"interface eth0 in namespace x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_conflicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
