/* SPDX-License-Identifier: BSD-3-Clause */
/* capture: packets of a port into a file, or one line each. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#include "base/base64.h"
#include "base/refuse.h"
#include "ctl/messages.h"

static const char *file_text, *count_text, *direction_text, *snaplen_text;
static volatile sig_atomic_t interrupted;

static const struct cli_option options[] = {
	{'w', "write", "FILE",
		"write FILE.pcap or FILE.pcapng, - for stdout; else one line a packet", &file_text,
		NULL},
	{'n', "count", "N", "stop after N packets", &count_text, NULL},
	{'d', "direction", "DIR", "rx, tx, both or drop (both)", &direction_text, NULL},
	{'s', "snaplen", "BYTES", "at most so many bytes of a packet (65535)", &snaplen_text, NULL},
};

struct capture {
	struct cli *cli;
	struct ctl_client *client;
	struct pcap_file *file;
	uint64_t id, packets;
	bool end;
};

static void on_signal(int sig)
{
	interrupted = 1;
}

static void print_time(uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	localtime_r(&s, &tm);
	printf("%02d:%02d:%02d.%06llu", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned long long)(ns % 1000000000 / 1000));
}

/* The first bytes as hexadecimal: tshark knows better, with -w - | tshark -r -. */
static void print_packet(const json_t *p, const uint8_t *bytes, size_t n)
{
	print_time(cli_u64(p, "time_ns"));
	printf(" %-10s %-4s %5llu ", cli_text(p, "port"), cli_text(p, "direction"),
		(unsigned long long)cli_u64(p, "length"));
	for (size_t i = 0; i < MIN_OF(n, (size_t)54); i++)
		printf("%s%02x", i == 6 || i == 12 || i == 14 || i == 34 ? " " : "", bytes[i]);
	if (json_object_get(p, "reason"))
		printf(" (%s)", cli_text(p, "reason"));
	putchar('\n');
	fflush(stdout);
}

static enum cli_exit on_packet(struct capture *c, const json_t *p)
{
	size_t n;
	uint8_t *bytes = base64_decode(cli_text(p, "data"), &n);
	const char *reason = json_string_value(json_object_get(p, "reason"));
	int err = 0;

	if (!bytes)
		return cli_say(c->cli, CLI_REFUSED, "a packet that cannot be read: %s", refusal());
	c->packets++;
	if (c->file)
		err = pcap_write(c->file, cli_u64(p, "time_ns"), cli_text(p, "port"),
			cli_text(p, "direction"), reason, bytes, n, cli_u64(p, "length"));
	else if (c->cli->json)
		json_dumpf(p, stdout, JSON_COMPACT), putchar('\n'), fflush(stdout);
	else
		print_packet(p, bytes, n);
	free(bytes);
	return err ? cli_say(c->cli, CLI_REFUSED, "%s", refusal()) : CLI_OK;
}

static void report(const struct capture *c, uint64_t missed, const char *why)
{
	fprintf(stderr, "%llu packets captured%s%s", (unsigned long long)c->packets,
		*why ? ": " : "", why);
	if (missed)
		fprintf(stderr, "; %llu missed, they came faster than they were read",
			(unsigned long long)missed);
	fputc('\n', stderr);
}

static enum cli_exit on_message(struct capture *c, const char *method, const json_t *params)
{
	if (cli_u64(params, "id") != c->id)
		return CLI_OK;
	if (!strcmp(method, CTL_SWITCH_PACKET))
		return on_packet(c, params);
	if (!strcmp(method, CTL_SWITCH_CAPTURE_END)) {
		c->end = true;
		report(c, cli_u64(params, "missed"), cli_text(params, "why"));
	}
	return CLI_OK;
}

/* After ^C: ask it to stop, take what is still on its way. */
static enum cli_exit stop(struct capture *c)
{
	enum cli_exit code = CLI_OK;
	json_t *result = NULL, *params;
	const char *method;

	if (ctl_call(c->client, CTL_SWITCH_CAPTURE_STOP,
		    json_pack("{s:I}", "id", (json_int_t)c->id), 3000, &result))
		return cli_say(c->cli, CLI_REFUSED, "%s", refusal());
	while (!code && !c->end && !ctl_next(c->client, 0, &method, &params)) {
		code = on_message(c, method, params);
		json_decref(params);
	}
	if (!c->end)
		report(c, cli_u64(result, "missed"), "interrupted");
	json_decref(result);
	return code;
}

/* Wait in small steps so that ^C is seen even when no packet comes. */
static enum cli_exit run_stream(struct capture *c)
{
	enum cli_exit code = CLI_OK;

	while (!c->end && !code && !interrupted) {
		const char *method;
		json_t *params;
		int err = ctl_next(c->client, 200, &method, &params);

		if (err == -ETIMEDOUT)
			continue;
		if (err)
			return cli_refused(c->cli, err);
		code = on_message(c, method, params);
		json_decref(params);
	}
	return code || c->end ? code : stop(c);
}

static enum cli_exit begin(struct capture *c, const char *port, uint64_t count, uint64_t snaplen)
{
	json_t *result;
	enum cli_exit code = cli_connect(c->cli, "softdpud", &c->client);
	int err;

	if (code)
		return code;
	err = ctl_call(c->client, CTL_SWITCH_CAPTURE,
		json_pack("{s:s, s:s, s:I, s:I}", "port", port, "direction",
			direction_text ? direction_text : "both", "count", (json_int_t)count,
			"snaplen", (json_int_t)snaplen),
		c->cli->timeout_ms, &result);
	if (err)
		return cli_refused(c->cli, err);
	c->id = cli_u64(result, "id");
	json_decref(result);
	if (file_text && pcap_create(file_text, (uint32_t)snaplen, &c->file))
		return cli_say(c->cli, CLI_REFUSED, "%s", refusal());
	return CLI_OK;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static enum cli_exit run_capture(struct cli *cli)
{
	static const char *const directions[] = {"rx", "tx", "both", "drop"};
	struct capture c = {.cli = cli};
	uint64_t count = 0, snaplen = 65535;
	bool known = !direction_text;
	enum cli_exit code;

	if (count_text && !cli_number(cli, "--count", count_text, 1, INT64_MAX, &count))
		return CLI_USAGE;
	if (snaplen_text && !cli_number(cli, "--snaplen", snaplen_text, 14, 65535, &snaplen))
		return CLI_USAGE;
	for (unsigned i = 0; i < ARRAY_SIZE(directions) && !known; i++)
		known = !strcmp(direction_text, directions[i]);
	if (!known)
		return cli_say(cli, CLI_USAGE, "--direction: '%s' is not rx, tx, both or drop",
			direction_text);
	catch_signals();
	code = begin(&c, cli->words[0], count, snaplen);
	if (!code)
		code = run_stream(&c);
	ctl_disconnect(c.client);
	if (pcap_close(c.file) && !code)
		code = cli_say(cli, CLI_REFUSED, "%s", refusal());
	return code;
}

const struct command cmd_capture = {
	.name = "capture",
	.words = "PORT",
	.min_words = 1,
	.max_words = 1,
	.summary = "Capture packets of a port, of any port, or those that are dropped",
	.help = "PORT is a port's name or 'any'. Examples:\n"
		"  softdpu capture p0 -w p0.pcap -n 100\n"
		"  softdpu capture any -d drop -w why.pcapng    the reasons are comments of the "
		"packets\n"
		"  softdpu capture pf0vf1 -w - | tshark -r -",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = run_capture,
};
