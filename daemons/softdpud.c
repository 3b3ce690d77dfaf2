/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpud: one virtual card, run. Reads a card profile, brings the switch and the node up (room core)
 * and answers the control socket until it is told to end.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/refuse.h"
#include "core/core.h"

LOG_MODULE("softdpud");

static volatile sig_atomic_t ended, reload_wanted;
static struct core *running;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		reload_wanted = 1;
	else
		ended = sig;
	if (running)
		core_wake(running);
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: softdpud [-c PROFILE] [-g GROUP] [-v] [--check] [--print]\n"
		"\n"
		"Run the virtual card that PROFILE (YAML, softdpu-card(5)) describes.\n"
		"\n"
		"  -c, --card PROFILE   the profile; without it $SOFTDPU_CARD, or the embedded default card\n"
		"  -g, --group GROUP    let this group use the control socket (default: root only)\n"
		"  -v, --verbose        log debug messages (SOFTDPU_LOG_LEVEL is finer)\n"
		"      --check          read and check the profile, do nothing else\n"
		"      --print          print the profile as it was understood, do nothing else\n"
		"  -h, --help           this text\n"
		"  -V, --version        version\n"
		"\n"
		"SIGHUP reads the profile again and applies the difference, like `softdpu reload`.\n"
		"SIGTERM and SIGINT end it; VFs leave their pods then.\n");
}

struct options {
	const char *profile, *group;
	bool check, print;
};

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"card", required_argument, NULL, 'c'},
		{"group", required_argument, NULL, 'g'},
		{"verbose", no_argument, NULL, 'v'},
		{"check", no_argument, NULL, 'C'},
		{"print", no_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:g:vhV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->profile = optarg;
			break;
		case 'g':
			o->group = optarg;
			break;
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		case 'C':
			o->check = true;
			break;
		case 'P':
			o->print = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			printf("softdpud %s\n", SOFTDPU_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "softdpud: unexpected argument '%s'\n", argv[optind]);
	return 2;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void reload(struct core *core)
{
	char *changed = NULL;

	reload_wanted = 0;
	if (core_reload(core, &changed) < 0)
		log_err("reload: %s", refusal());
	else
		log_info("reload: %s", changed && *changed ? changed : "nothing changed");
	free(changed);
}

static int run(struct core *core)
{
	if (core_start(core) < 0) {
		fprintf(stderr, "softdpud: %s\n", refusal());
		return 1;
	}
	log_info("card '%s' runs, pid %d", core_card(core)->name, getpid());
	while (!ended) {
		core_process(core, 1000);
		if (reload_wanted)
			reload(core);
	}
	log_info("card '%s' ends on signal %d", core_card(core)->name, (int)ended);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct core_cfg cfg = {.program = "softdpud"};
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	if ((o.profile ? card_load(o.profile, &cfg.card) : card_open(&cfg.card)) < 0) {
		fprintf(stderr, "softdpud: %s\n", refusal());
		return 1;
	}
	if (o.check || o.print) {
		if (o.print)
			card_print(cfg.card, stdout);
		else
			printf("%s: card '%s', %u ports: good\n", cfg.card->path, cfg.card->name, cfg.card->n_ports);
		card_destroy(cfg.card);
		return 0;
	}
	cfg.group = o.group;
	catch_signals();
	if (core_create(&cfg, &running) < 0) {
		fprintf(stderr, "softdpud: %s\n", refusal());
		card_destroy(cfg.card);
		return 1;
	}
	status = run(running);
	core_destroy(running);
	return status;
}
