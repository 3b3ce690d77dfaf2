/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpud: one virtual card, run. Reads a card profile, brings the switch and the node up (room core)
 * and answers the control socket until it is told to end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
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

static const char *profile, *group;
static bool check, print;

static const struct args_option options[] = {
	{'c', "card", "PROFILE", "the profile; without it $SOFTDPU_CARD, or the embedded default card", &profile, NULL},
	{'g', "group", "GROUP", "let this group use the control socket (default: root only)", &group, NULL},
	{0, "check", NULL, "read and check the profile, do nothing else", NULL, &check},
	{0, "print", NULL, "print the profile as it was understood, do nothing else", NULL, &print},
};

static const struct args_usage usage = {
	"softdpud", "Run the virtual card that PROFILE (YAML, softdpu-card(5)) describes.",
	"SIGHUP reads the profile again and applies the difference, like `softdpu reload`.\n"
	"SIGTERM and SIGINT end it; VFs leave their pods then.\n",
	options, ARRAY_SIZE(options)};

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
	struct core_cfg cfg = {.program = "softdpud"};
	int status = args_parse(argc, argv, &usage);

	if (status >= 0)
		return status;
	if ((profile ? card_load(profile, &cfg.card) : card_open(&cfg.card)) < 0) {
		fprintf(stderr, "softdpud: %s\n", refusal());
		return 1;
	}
	if (check || print) {
		if (print)
			card_print(cfg.card, stdout);
		else
			printf("%s: card '%s', %u ports: good\n", cfg.card->path, cfg.card->name, cfg.card->n_ports);
		card_destroy(cfg.card);
		return 0;
	}
	cfg.group = group;
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
