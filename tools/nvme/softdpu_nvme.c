/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpu-nvme, run as `softdpu nvme`: our initiator on the command line, and the door to a running
 * softdpu-nvmfd. No kernel driver, no root: `io` and `perf` talk NVMe/TCP from this process.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "ctl/ctl.h"
#include "nvmf/client.h"
#include "nvmf/perf.h"

static struct {
	const char *addr, *port, *nqn, *hostnqn, *name;
	uint32_t nsid, block, depth, connections, namespaces, write_percent;
	uint64_t lba, blocks;
	double seconds;
	uint8_t trtype;
	bool digests, json, verify, sequential;
	char *dhchap_key, *dhchap_ctrl_key, *psk;
} opt = {.addr = "127.0.0.1", .port = "4420", .name = "nvmf0", .nsid = 1, .block = 4096, .depth = 32, .connections = 1,
	.namespaces = 1, .blocks = 1, .seconds = 5};

static void usage(FILE *to)
{
	fputs("usage: softdpu nvme COMMAND [options]\n"
	      "\n"
	      "  discover              what a target offers this host\n"
	      "  list                  namespaces of a subsystem (-n)\n"
	      "  connect               connect, identify, say what is there, disconnect\n"
	      "  read | write          blocks to stdout, from stdin (--lba, --blocks)\n"
	      "  perf                  load: --block --depth --connections --write PERCENT --seconds\n"
	      "  target METHOD [JSON]  call a running softdpu-nvmfd (nvmf.status, nvmf.config, ...)\n"
	      "\n"
	      "  --transport tcp|rdma  -a, --addr ADDRESS (127.0.0.1)  -s, --port PORT (4420)  -n, --nqn NQN  -q, --hostnqn NQN\n"
	      "  --psk KEY  --dhchap-key KEY  --dhchap-ctrl-key KEY   a key's text, or @FILE that holds it\n"
	      "  -i, --nsid N (1)  --digests  -j, --json  --name NAME of the daemon (nvmf0)\n"
	      "  --lba N  --blocks N  --block BYTES  --depth N  --connections N  --namespaces N  --write PERCENT\n"
	      "  --seconds S  --verify  --sequential\n",
		to);
}

static int fail(void)
{
	fprintf(stderr, "softdpu nvme: %s\n", refusal());
	return 1;
}

static struct nvmf_host_options host_options(const char *nqn)
{
	return (struct nvmf_host_options){.trtype = opt.trtype, .traddr = opt.addr, .trsvcid = opt.port, .subnqn = nqn,
		.hostnqn = opt.hostnqn, .hdgst = opt.digests, .ddgst = opt.digests, .ctrl_loss_ms = 3000,
		.psk = opt.psk, .dhchap_key = opt.dhchap_key, .dhchap_ctrl_key = opt.dhchap_ctrl_key};
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
		printf("{\"transport\": \"%s\", \"address\": \"%.*s\", \"port\": \"%.*s\", \"nqn\": \"%.*s\", "
		       "\"referral\": %s, \"portid\": %u}\n",
			transport(e->trtype), (int)sizeof(e->traddr), e->traddr, (int)sizeof(e->trsvcid), e->trsvcid,
			(int)sizeof(e->subnqn), e->subnqn, e->subtype == NVME_SUBTYPE_REFERRAL ? "true" : "false",
			e->portid);
	else if (e->subtype == NVME_SUBTYPE_REFERRAL)
		printf("referral: softdpu nvme discover -a %s -s %s\n", e->traddr, e->trsvcid);
	else
		printf("nvme connect -t %s -a %s -s %s -n %s\n", transport(e->trtype), e->traddr, e->trsvcid,
			e->subnqn);
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
		printf(opt.json ? "{\"nsid\": %u, \"bytes\": %llu, \"block\": %u, \"ana_group\": %u, \"ana\": \"%s\"}\n"
				: "%6u %16llu %6u %10u  %s\n",
			ns[i].nsid, (unsigned long long)(ns[i].blocks * ns[i].block_size), ns[i].block_size,
			ns[i].ana_group, nvme_ana_state_name(ns[i].ana) ? nvme_ana_state_name(ns[i].ana) : "?");
	return 0;
}

static int print_controller(struct nvmf_client *c)
{
	const struct nvme_id_ctrl *id = nvmf_host_identity(nvmf_client_host(c));

	printf("connected to %s as controller %u\nserial %.20s\nmodel %.40s\nfirmware %.8s\nup to %u bytes per command\n",
		opt.nqn, id->cntlid, id->sn, id->mn, id->fr, nvmf_host_max_data(nvmf_client_host(c)));
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

static int one_io(struct nvmf_client *c, bool write, uint8_t *buf, const struct nvmf_ns *ns, uint64_t lba, uint32_t n)
{
	struct nvmf_io io = {.cmd.opcode = write ? NVME_IO_WRITE : NVME_IO_READ, .buf = buf, .len = n * ns->block_size,
		.dir = write ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST};
	uint16_t status;

	io.cmd.nsid = ns->nsid;
	io.cmd.rw.slba = lba;
	io.cmd.rw.nlb = (uint16_t)(n - 1);
	status = nvmf_client_io(c, &io);
	return status ? refuse(EIO, "%s of %u blocks at %llu: %s", write ? "write" : "read", n, (unsigned long long)lba,
				nvmf_status_text(status))
		      : 0;
}

static int move_blocks(struct nvmf_client *c, bool write)
{
	const struct nvmf_ns *ns = nvmf_host_ns(nvmf_client_host(c), opt.nsid);
	uint64_t lba = opt.lba, left = opt.blocks;
	uint32_t most;
	uint8_t *buf;
	int err = 0;

	if (!ns)
		return refuse(ENOENT, "%s has no namespace %u for this host", opt.nqn, opt.nsid);
	most = MIN_OF(nvmf_host_max_data(nvmf_client_host(c)), 131072u) / ns->block_size;
	buf = aligned_alloc(4096, 131072);
	while (left && !err) {
		uint32_t n = (uint32_t)MIN_OF(left, (uint64_t)most);
		size_t bytes = (size_t)n * ns->block_size;

		if (write && fread(buf, 1, bytes, stdin) != bytes)
			err = refuse(EINVAL, "stdin ends before %llu blocks", (unsigned long long)opt.blocks);
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
	struct nvmf_perf_options o = {.connections = opt.connections, .nsid = opt.nsid, .namespaces = opt.namespaces,
		.block = opt.block, .depth = opt.depth, .write_percent = opt.write_percent, .sequential = opt.sequential,
		.verify = opt.verify, .seconds = opt.seconds, .warmup = 0.5, .spin_ns = 50 * NS_PER_US, .cpu = -1,
		.seed = rng_fresh_seed()};
	struct nvmf_perf_result r;

	if (need_nqn())
		return fail();
	o.host = host_options(opt.nqn);
	o.host.queue_size = (uint16_t)MIN_OF(opt.depth + 1, 128u);
	if (nvmf_perf_run(&o, &r))
		return fail();
	if (opt.json)
		printf("{\"iops\": %.0f, \"bytes_per_s\": %.0f, \"mean_ns\": %llu, \"p50_ns\": %llu, \"p99_ns\": %llu, "
		       "\"errors\": %llu, \"mismatches\": %llu}\n",
			r.iops, r.bytes_per_s, (unsigned long long)r.latency_mean_ns, (unsigned long long)r.p50_ns,
			(unsigned long long)r.p99_ns, (unsigned long long)r.errors, (unsigned long long)r.mismatches);
	else
		printf("%.0f IOPS, %.1f MiB/s, latency mean %.1f us, p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f; %llu errors, "
		       "%llu mismatches\n",
			r.iops, r.bytes_per_s / 1048576, (double)r.latency_mean_ns / 1e3, (double)r.p50_ns / 1e3,
			(double)r.p99_ns / 1e3, (double)r.p999_ns / 1e3, (double)r.max_ns / 1e3,
			(unsigned long long)r.errors, (unsigned long long)r.mismatches);
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
static char *key_text(const char *arg)
{
	char line[256] = "";
	FILE *f;

	if (arg[0] != '@')
		return strdup(arg);
	f = fopen(arg + 1, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		fprintf(stderr, "softdpu nvme: no key in %s: %s\n", arg + 1, strerror(errno));
		exit(2);
	}
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	return strdup(line);
}

static int parse(int argc, char **argv)
{
	static const struct option longs[] = {{"addr", 1, NULL, 'a'}, {"port", 1, NULL, 's'}, {"nqn", 1, NULL, 'n'},
		{"hostnqn", 1, NULL, 'q'}, {"nsid", 1, NULL, 'i'}, {"json", 0, NULL, 'j'}, {"digests", 0, NULL, 'D'},
		{"name", 1, NULL, 'N'}, {"lba", 1, NULL, 'l'}, {"blocks", 1, NULL, 'B'}, {"block", 1, NULL, 'b'},
		{"depth", 1, NULL, 'd'}, {"connections", 1, NULL, 'c'}, {"namespaces", 1, NULL, 'm'},
		{"write", 1, NULL, 'w'}, {"seconds", 1, NULL, 't'}, {"verify", 0, NULL, 'v'},
		{"sequential", 0, NULL, 'S'}, {"psk", 1, NULL, 'P'}, {"transport", 1, NULL, 'T'}, {"dhchap-key", 1, NULL, 'K'},
		{"dhchap-ctrl-key", 1, NULL, 'C'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "a:s:n:q:i:jh", longs, NULL)) >= 0)
		switch (c) {
		case 'a':
			opt.addr = optarg;
			break;
		case 's':
			opt.port = optarg;
			break;
		case 'n':
			opt.nqn = optarg;
			break;
		case 'q':
			opt.hostnqn = optarg;
			break;
		case 'i':
			opt.nsid = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'j':
			opt.json = true;
			break;
		case 'D':
			opt.digests = true;
			break;
		case 'N':
			opt.name = optarg;
			break;
		case 'l':
			opt.lba = strtoull(optarg, NULL, 0);
			break;
		case 'B':
			opt.blocks = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			opt.block = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'd':
			opt.depth = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'c':
			opt.connections = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			opt.namespaces = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'w':
			opt.write_percent = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'v':
			opt.verify = true;
			break;
		case 'S':
			opt.sequential = true;
			break;
		case 'T':
			if (strcmp(optarg, "tcp") && strcmp(optarg, "rdma"))
				return -1;
			opt.trtype = optarg[0] == 'r' ? NVME_TRTYPE_RDMA : NVME_TRTYPE_TCP;
			break;
		case 'P':
			opt.psk = key_text(optarg);
			break;
		case 'K':
			opt.dhchap_key = key_text(optarg);
			break;
		case 'C':
			opt.dhchap_ctrl_key = key_text(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return -1;
		}
	return opt.depth && opt.block && opt.blocks && opt.seconds > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *command;

	if (parse(argc, argv) || optind >= argc) {
		usage(stderr);
		return 2;
	}
	command = argv[optind];
	if (!strcmp(command, "discover"))
		return discover();
	if (!strcmp(command, "list"))
		return with_client(print_namespaces);
	if (!strcmp(command, "connect"))
		return with_client(print_controller);
	if (!strcmp(command, "read"))
		return with_client(read_blocks);
	if (!strcmp(command, "write"))
		return with_client(write_blocks);
	if (!strcmp(command, "perf"))
		return perf();
	if (!strcmp(command, "target") && optind + 1 < argc)
		return target(argv[optind + 1], argv[optind + 2]);
	usage(stderr);
	return 2;
}
