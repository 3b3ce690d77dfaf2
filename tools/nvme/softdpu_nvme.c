/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpu-nvme, run as `softdpu nvme`: our initiator on the command line, and the door to a running
 * softdpu-nvmfd. No kernel driver, no root: `io` and `perf` talk NVMe/TCP from this process.
 */
#include <errno.h>
#include <getopt.h> /* optind */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "ctl/ctl.h"
#include "nvmf/client.h"
#include "nvmf/perf.h"

#define COMMANDS_TEXT                                                                             \
	"  discover              what a target offers this host\n"                                \
	"  list                  namespaces of a subsystem (-n)\n"                                \
	"  connect               connect, identify, say what is there, disconnect\n"              \
	"  read | write          blocks to stdout, from stdin (--lba, --blocks)\n"                \
	"  perf                  load: --block --depth --connections --write PERCENT --seconds\n" \
	"  target METHOD [JSON]  call a running softdpu-nvmfd (nvmf.status, nvmf.config, ...)"

static struct {
	const char *transport, *addr, *port, *nqn, *hostnqn, *name, *psk, *dhchap_key,
		*dhchap_ctrl_key;
	uint64_t nsid, lba, blocks, block, depth, connections, namespaces, write_percent;
	double seconds;
	bool digests, json, verify, sequential;
} opt = {.transport = "tcp",
	.addr = "127.0.0.1",
	.port = "4420",
	.name = "nvmf0",
	.nsid = 1,
	.block = 4096,
	.depth = 32,
	.connections = 1,
	.namespaces = 1,
	.blocks = 1,
	.seconds = 5};

static const struct args_option options[] = {
	{0, "transport", "tcp|rdma", "how to reach the target (tcp)", .text = &opt.transport},
	{'a', "addr", "ADDRESS", "its numeric address (127.0.0.1)", .text = &opt.addr},
	{'s', "port", "PORT", "its port (4420)", .text = &opt.port},
	{'n', "nqn", "NQN", "the subsystem", .text = &opt.nqn},
	{'q', "hostnqn", "NQN", "who we are (/etc/nvme/hostnqn)", .text = &opt.hostnqn},
	{0, "psk", "KEY", "TLS 1.3 with this key: its text, or @FILE that holds it",
		.text = &opt.psk},
	{0, "dhchap-key", "KEY", "authenticate with this key, or @FILE", .text = &opt.dhchap_key},
	{0, "dhchap-ctrl-key", "KEY", "the controller's key, or @FILE",
		.text = &opt.dhchap_ctrl_key},
	{0, "digests", NULL, "ask for header and data digests", .flag = &opt.digests},
	{'i', "nsid", "N", "the namespace (1)", .number = {&opt.nsid, 1, NVME_NSID_ALL - 1}},
	{0, "lba", "N", "first block to read or write (0)", .number = {&opt.lba, 0, UINT64_MAX}},
	{0, "blocks", "N", "how many (1)", .number = {&opt.blocks, 1, UINT64_MAX}},
	{0, "block", "BYTES", "load: bytes per command (4096)",
		.number = {&opt.block, 512, REACTOR_BUF_MAX}},
	{0, "depth", "N", "load: commands in flight per connection (32)",
		.number = {&opt.depth, 1, 1024}},
	{0, "connections", "N", "load: connections (1)", .number = {&opt.connections, 1, 1024}},
	{0, "namespaces", "N", "load: this many namespaces in turn, from -i on (1)",
		.number = {&opt.namespaces, 1, 4096}},
	{0, "write", "PERCENT", "load: share of writes (0)",
		.number = {&opt.write_percent, 0, 100}},
	{0, "seconds", "S", "load: how long (5)", .real = {&opt.seconds, 0.001, 1e6}},
	{0, "sequential", NULL, "load: one block after the other", .flag = &opt.sequential},
	{0, "verify", NULL, "load: mark what is written, check what is read", .flag = &opt.verify},
	{'j', "json", NULL, "one JSON object per line", .flag = &opt.json},
	{0, "name", "NAME", "which softdpu-nvmfd (nvmf0)", .text = &opt.name},
};

static const struct args_usage usage = {
	"softdpu nvme", COMMANDS_TEXT, "", options, ARRAY_SIZE(options), "COMMAND"};

static int fail(void)
{
	fprintf(stderr, "softdpu nvme: %s\n", refusal());
	return 1;
}

static struct nvmf_host_options host_options(const char *nqn)
{
	uint8_t trtype = !strcmp(opt.transport, "rdma") ? NVME_TRTYPE_RDMA : NVME_TRTYPE_TCP;

	return (struct nvmf_host_options){.trtype = trtype,
		.traddr = opt.addr,
		.trsvcid = opt.port,
		.subnqn = nqn,
		.hostnqn = opt.hostnqn,
		.hdgst = opt.digests,
		.ddgst = opt.digests,
		.ctrl_loss_ms = 3000,
		.psk = opt.psk,
		.dhchap_key = opt.dhchap_key,
		.dhchap_ctrl_key = opt.dhchap_ctrl_key};
}

static int need_nqn(void)
{
	if (opt.nqn)
		return 0;
	return refuse(EINVAL, "which subsystem? give -n NQN ('softdpu nvme discover' lists them)");
}

/* --- discover --- */

static const char *transport(uint8_t trtype)
{
	return trtype == NVME_TRTYPE_TCP ? "tcp" : trtype == NVME_TRTYPE_RDMA ? "rdma" : "other";
}

static void print_entry(const struct nvme_discovery_entry *e)
{
	if (opt.json)
		printf("{\"transport\": \"%s\", \"address\": \"%.*s\", \"port\": \"%.*s\", "
		       "\"nqn\": \"%.*s\", "
		       "\"referral\": %s, \"portid\": %u}\n",
			transport(e->trtype), (int)sizeof(e->traddr), e->traddr,
			(int)sizeof(e->trsvcid), e->trsvcid, (int)sizeof(e->subnqn), e->subnqn,
			e->subtype == NVME_SUBTYPE_REFERRAL ? "true" : "false", e->portid);
	else if (e->subtype == NVME_SUBTYPE_REFERRAL)
		printf("referral: softdpu nvme discover -a %s -s %s\n", e->traddr, e->trsvcid);
	else
		printf("nvme connect -t %s -a %s -s %s -n %s\n", transport(e->trtype), e->traddr,
			e->trsvcid, e->subnqn);
}

static int discover(void)
{
	struct nvmf_host_options o = host_options(NULL);
	struct nvme_discovery_log *log;
	struct nvmf_client *c;
	int err = nvmf_client_open(&o, 5000, &c);

	if (err)
		return fail();
	err = nvmf_client_discover(c, &log);
	if (!err) {
		for (uint64_t i = 0; i < log->numrec; i++)
			print_entry(&log->entries[i]);
		if (!log->numrec && !opt.json)
			printf("%s:%s offers nothing to this host\n", opt.addr, opt.port);
		free(log);
	}
	nvmf_client_close(c);
	return err ? fail() : 0;
}

/* --- list, connect --- */

static int print_namespaces(struct nvmf_client *c)
{
	unsigned n;
	const struct nvmf_ns *ns = nvmf_host_namespaces(nvmf_client_host(c), &n);

	if (!opt.json)
		printf("%6s %16s %6s %10s  %s\n", "NSID", "BYTES", "BLOCK", "ANA GROUP", "STATE");
	for (unsigned i = 0; i < n; i++)
		printf(opt.json ? "{\"nsid\": %u, \"bytes\": %llu, \"block\": %u, \"ana_group\": "
				  "%u, \"ana\": \"%s\"}\n"
				: "%6u %16llu %6u %10u  %s\n",
			ns[i].nsid, (unsigned long long)(ns[i].blocks * ns[i].block_size),
			ns[i].block_size, ns[i].ana_group,
			nvme_ana_state_name(ns[i].ana) ? nvme_ana_state_name(ns[i].ana) : "?");
	return 0;
}

static int print_controller(struct nvmf_client *c)
{
	const struct nvme_id_ctrl *id = nvmf_host_identity(nvmf_client_host(c));

	printf("connected to %s as controller %u\nserial %.20s\nmodel %.40s\nfirmware %.8s\nup to "
	       "%u bytes per command\n",
		opt.nqn, id->cntlid, id->sn, id->mn, id->fr,
		nvmf_host_max_data(nvmf_client_host(c)));
	return print_namespaces(c);
}

static int with_client(int (*fn)(struct nvmf_client *c))
{
	struct nvmf_host_options o;
	struct nvmf_client *c;
	int err = need_nqn();

	if (err)
		return fail();
	o = host_options(opt.nqn);
	if (nvmf_client_open(&o, 5000, &c))
		return fail();
	err = fn(c);
	nvmf_client_close(c);
	return err ? fail() : 0;
}

/* --- read, write --- */

static int one_io(struct nvmf_client *c, bool write, uint8_t *buf, const struct nvmf_ns *ns,
	uint64_t lba, uint32_t n)
{
	struct nvmf_io io = {.cmd.opcode = write ? NVME_IO_WRITE : NVME_IO_READ,
		.buf = buf,
		.len = n * ns->block_size,
		.dir = write ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST};
	uint16_t status;

	io.cmd.nsid = ns->nsid;
	io.cmd.rw.slba = lba;
	io.cmd.rw.nlb = (uint16_t)(n - 1);
	status = nvmf_client_io(c, &io);
	return status ? refuse(EIO, "%s of %u blocks at %llu: %s", write ? "write" : "read", n,
				(unsigned long long)lba, nvmf_status_text(status))
		      : 0;
}

static int move_blocks(struct nvmf_client *c, bool write)
{
	const struct nvmf_ns *ns = nvmf_host_ns(nvmf_client_host(c), (uint32_t)opt.nsid);
	uint64_t lba = opt.lba, left = opt.blocks;
	uint32_t most;
	uint8_t *buf;
	int err = 0;

	if (!ns)
		return refuse(ENOENT, "%s has no namespace %llu for this host", opt.nqn,
			(unsigned long long)opt.nsid);
	most = MIN_OF(nvmf_host_max_data(nvmf_client_host(c)), 131072u) / ns->block_size;
	buf = aligned_alloc(4096, 131072);
	while (left && !err) {
		uint32_t n = (uint32_t)MIN_OF(left, (uint64_t)most);
		size_t bytes = (size_t)n * ns->block_size;

		if (write && fread(buf, 1, bytes, stdin) != bytes)
			err = refuse(EINVAL, "stdin ends before %llu blocks",
				(unsigned long long)opt.blocks);
		if (!err)
			err = one_io(c, write, buf, ns, lba, n);
		if (!err && !write && fwrite(buf, 1, bytes, stdout) != bytes)
			err = refuse(errno, "stdout: %s", strerror(errno));
		lba += n;
		left -= n;
	}
	free(buf);
	return err;
}

static int read_blocks(struct nvmf_client *c)
{
	return move_blocks(c, false);
}

static int write_blocks(struct nvmf_client *c)
{
	return move_blocks(c, true);
}

/* --- perf --- */

static int perf(void)
{
	struct nvmf_perf_options o = {.connections = (unsigned)opt.connections,
		.nsid = (uint32_t)opt.nsid,
		.namespaces = (uint32_t)opt.namespaces,
		.block = (uint32_t)opt.block,
		.depth = (unsigned)opt.depth,
		.write_percent = (unsigned)opt.write_percent,
		.sequential = opt.sequential,
		.verify = opt.verify,
		.seconds = opt.seconds,
		.warmup = 0.5,
		.spin_ns = 50 * NS_PER_US,
		.cpu = -1,
		.seed = rng_fresh_seed()};
	struct nvmf_perf_result r;

	if (need_nqn())
		return fail();
	o.host = host_options(opt.nqn);
	o.host.queue_size = (uint16_t)MIN_OF(opt.depth + 1, (uint64_t)128);
	if (nvmf_perf_run(&o, &r))
		return fail();
	if (opt.json)
		printf("{\"iops\": %.0f, \"bytes_per_s\": %.0f, \"mean_ns\": %llu, \"p50_ns\": "
		       "%llu, \"p99_ns\": %llu, "
		       "\"errors\": %llu, \"mismatches\": %llu}\n",
			r.iops, r.bytes_per_s, (unsigned long long)r.latency_mean_ns,
			(unsigned long long)r.p50_ns, (unsigned long long)r.p99_ns,
			(unsigned long long)r.errors, (unsigned long long)r.mismatches);
	else
		printf("%.0f IOPS, %.1f MiB/s, latency mean %.1f us, p50 %.1f, p99 %.1f, p99.9 "
		       "%.1f, max %.1f; %llu errors, "
		       "%llu mismatches\n",
			r.iops, r.bytes_per_s / 1048576, (double)r.latency_mean_ns / 1e3,
			(double)r.p50_ns / 1e3, (double)r.p99_ns / 1e3, (double)r.p999_ns / 1e3,
			(double)r.max_ns / 1e3, (unsigned long long)r.errors,
			(unsigned long long)r.mismatches);
	return r.errors || r.mismatches;
}

/* --- target --- */

static int target(const char *method, const char *params_text)
{
	char path[CTL_PATH_MAX];
	struct ctl_client *client;
	json_t *params = NULL, *result;
	json_error_t where;
	int err;

	if (params_text && !(params = json_loads(params_text, 0, &where))) {
		fprintf(stderr, "softdpu nvme: parameters: %s\n", where.text);
		return 2;
	}
	err = ctl_socket_path(opt.name, "nvmfd", path);
	if (!err)
		err = ctl_connect(path, &client);
	if (err)
		return fail();
	err = ctl_call(client, method, params, 10000, &result);
	if (!err) {
		json_dumpf(result, stdout, JSON_INDENT(opt.json ? 0 : 2));
		putchar('\n');
		json_decref(result);
	}
	ctl_disconnect(client);
	return err ? fail() : 0;
}

/* A key on the command line is seen by everybody who may list processes: @FILE is the better way. */
static int read_key(const char **key, char line[256])
{
	FILE *f;

	if (!*key || (*key)[0] != '@')
		return 0;
	f = fopen(*key + 1, "re");
	if (!f || !fgets(line, 256, f)) {
		int err = refuse(f ? EINVAL : errno, "no key in %s: %s", *key + 1,
			f ? "it is empty" : strerror(errno));

		if (f)
			fclose(f);
		return err;
	}
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	*key = line;
	return 0;
}

static int read_keys(void)
{
	static char lines[3][256];
	int err = read_key(&opt.psk, lines[0]);

	err = err ? err : read_key(&opt.dhchap_key, lines[1]);
	return err ? err : read_key(&opt.dhchap_ctrl_key, lines[2]);
}

static int check_transport(void)
{
	if (!strcmp(opt.transport, "tcp") || !strcmp(opt.transport, "rdma"))
		return 0;
	return refuse(EINVAL, "--transport: '%s' is neither tcp nor rdma", opt.transport);
}

static int list(void)
{
	return with_client(print_namespaces);
}

static int connect_once(void)
{
	return with_client(print_controller);
}

static int read_to_stdout(void)
{
	return with_client(read_blocks);
}

static int write_from_stdin(void)
{
	return with_client(write_blocks);
}

static int (*command_of(const char *name))(void)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} commands[] = {{"discover", discover}, {"list", list}, {"connect", connect_once},
		{"read", read_to_stdout}, {"write", write_from_stdin}, {"perf", perf}};

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run;
	return NULL;
}

int main(int argc, char **argv)
{
	int status = args_parse(argc, argv, &usage), words = argc - optind;
	const char *command = argv[optind];

	if (status >= 0)
		return status;
	if (check_transport() || read_keys()) {
		fail();
		return 2;
	}
	if (words == 1 && command_of(command))
		return command_of(command)();
	if ((words == 2 || words == 3) && !strcmp(command, "target"))
		return target(argv[optind + 1], words == 3 ? argv[optind + 2] : NULL);
	return args_wrong(&usage);
}
