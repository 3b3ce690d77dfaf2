/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca-query: what a device can do (F:4751). Asks every running card whether the PCI address is one of
 * its functions, on the DPU's or on the host's side, or one of its virtual functions.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

#include "base/refuse.h"
#include "base/str.h"
#include "ctl/messages.h"

static const char *device_text;

static const struct cli_option options[] = {
	{'d', "device", "PCI", "only this device: 0000:03:00.0, 03:00.0 or pci/0000:03:00.0",
		&device_text, NULL},
};

/* "pci/0000:03:00.0" and "03:00.0" mean "0000:03:00.0". */
static bool same_device(const char *asked, const char *pci)
{
	if (!strncmp(asked, "pci/", 4))
		asked += 4;
	return !strcasecmp(asked, pci) ||
	       (!strncmp(pci, "0000:", 5) && !strcasecmp(asked, pci + 5));
}

static bool is_meant(const json_t *f)
{
	const json_t *r;
	size_t i;

	if (!device_text || same_device(device_text, cli_text(f, "pci")) ||
		same_device(device_text, cli_text(f, "host_pci")))
		return true;
	json_array_foreach(cli_list(f, "representors"), i, r)
		if (same_device(device_text, cli_text(r, "pci")))
			return true;
	return false;
}

static void show_libraries(const json_t *libraries)
{
	const json_t *can;
	const char *name;

	printf("  Libraries:");
	json_object_foreach((json_t *)libraries, name, can)
		if (json_is_true(can))
			printf(" %s", name);
	putchar('\n');
}

static void show_limits(const json_t *limits)
{
	const json_t *n;
	const char *name;
	bool any = false;

	printf("  Limits (profile %s):", cli_text(limits, "profile"));
	json_object_foreach((json_t *)limits, name, n) {
		if (!json_integer_value(n))
			continue;
		printf(" %s=%lld", name, (long long)json_integer_value(n));
		any = true;
	}
	puts(any ? "" : " none");
}

static void show_function(const json_t *card, const json_t *f)
{
	const json_t *r;
	size_t i;

	printf("Device %s: %s\n", cli_text(f, "pci"), cli_text(f, "name"));
	printf("  Card: %s, softdpu %s\n", cli_text(card, "name"), cli_text(card, "version"));
	printf("  Host function: %s\n", cli_text(f, "host_pci"));
	printf("  MAC: %s\n  MTU: %llu\n  Link: %s\n", cli_text(f, "mac"),
		(unsigned long long)cli_u64(f, "mtu"), cli_text(f, "link"));
	show_libraries(json_object_get(card, "libraries"));
	show_limits(json_object_get(card, "limits"));
	printf("  Representors: %zu\n", json_array_size(cli_list(f, "representors")));
	json_array_foreach(cli_list(f, "representors"), i, r)
		printf("    %-10s %-5s %s %s%s%s\n", cli_text(r, "name"), cli_text(r, "kind"),
			cli_text(r, "mac"), cli_text(r, "pci"),
			json_object_get(r, "pod") ? " pod " : "",
			json_object_get(r, "pod") ? cli_text(r, "pod") : "");
}

static unsigned take_card(struct cli *cli, const json_t *card, json_t *all, struct str *seen)
{
	const json_t *f;
	unsigned found = 0;
	size_t i;

	json_array_foreach(cli_list(card, "functions"), i, f) {
		str_addf(seen, "%s%s (%s)", str_len(seen) ? ", " : "", cli_text(f, "pci"),
			cli_text(card, "name"));
		if (!is_meant(f))
			continue;
		if (!cli->json)
			show_function(card, f);
		found++;
	}
	if (found)
		json_array_append(all, (json_t *)card);
	return found;
}

static enum cli_exit ask_card(
	struct cli *cli, const char *name, json_t *all, struct str *seen, unsigned *found)
{
	struct cli one = *cli;
	enum cli_exit code;
	json_t *card;

	one.card = name;
	one.json = false;
	code = cli_fetch(&one, "softdpud", CTL_CARD_QUERY, NULL, &card);
	if (code)
		return code;
	*found += take_card(cli, card, all, seen);
	json_decref(card);
	return CLI_OK;
}

static enum cli_exit conclude(
	struct cli *cli, const json_t *all, const struct str *seen, unsigned found)
{
	if (found && cli->json)
		cli_print_json(all);
	if (found)
		return CLI_OK;
	if (str_len(seen))
		return cli_say(cli, CLI_ABSENT, "no running card has a device %s; there are: %s",
			device_text, str_text(seen));
	return cli_say(cli, CLI_ABSENT,
		"no card is running under %s (SOFTDPU_RUN); a DOCA program started now finds the "
		"built-in card at "
		"0000:03:00.0",
		ctl_run_dir());
}

static enum cli_exit run(struct cli *cli)
{
	struct str seen = STR_INIT;
	json_t *all = json_array();
	enum cli_exit code = CLI_OK;
	unsigned found = 0;
	char **names;
	int n = ctl_running("softdpud", &names);

	if (cli->card)
		code = ask_card(cli, cli->card, all, &seen, &found);
	for (int i = 0; i < n && !cli->card && !code; i++)
		code = ask_card(cli, names[i], all, &seen, &found);
	if (!code)
		code = conclude(cli, all, &seen, found);
	json_decref(all);
	str_free(&seen);
	free(names);
	return code;
}

int main(int argc, char **argv)
{
	static const struct command cmd = {
		.name = "doca-query",
		.summary = "Show devices of running cards and what they can do",
		.options = options,
		.n_options = ARRAY_SIZE(options),
		.run = run,
	};
	struct cli cli = {.tool = "doca-query"};
	int rc = cli_parse(&cli, &cmd, argc, argv);

	return rc >= 0 ? rc : (int)run(&cli);
}
