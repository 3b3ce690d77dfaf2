/* SPDX-License-Identifier: BSD-3-Clause */
/* softdpu-volume, run as `softdpu volume`: disks for hosts, from a running softdpu-nvmfd. */
#include <getopt.h> /* optind */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/base.h"
#include "base/refuse.h"
#include "ctl/ctl.h"

static const char *name = "nvmf0";
static bool as_json;

static const struct args_option options[] = {
	{0, "name", "DAEMON", "which softdpu-nvmfd (nvmf0)", .text = &name},
	{'j', "json", NULL, "the answer as JSON", .flag = &as_json},
};

static const struct args_usage usage = {"softdpu volume",
	"  create NAME SIZE     a sparse volume, 4096-byte blocks; SIZE like 10G\n"
	"  list\n"
	"  resize NAME SIZE     hosts see the new size at once\n"
	"  attach NAME HOSTNQN  let a host use it; prints what to run there (cat "
	"/etc/nvme/hostnqn)\n"
	"  detach NAME HOSTNQN  its connections end\n"
	"  delete NAME          with its data",
	"", options, ARRAY_SIZE(options), "COMMAND"};

static int fail(void)
{
	fprintf(stderr, "softdpu volume: %s\n", refusal());
	return 1;
}

static int call(const char *method, json_t *params, json_t **result)
{
	char path[CTL_PATH_MAX];
	struct ctl_client *client;
	int err = ctl_socket_path(name, "nvmfd", path);

	if (!err)
		err = ctl_connect(path, &client);
	if (err) {
		json_decref(params);
		return err;
	}
	err = ctl_call(client, method, params, 30000, result);
	ctl_disconnect(client);
	return err;
}

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "-";
}

static void print_volumes(const json_t *result)
{
	const json_t *list = json_object_get(result, "volumes");

	printf("%-24s %16s %6s  %s\n", "VOLUME", "BYTES", "HOSTS", "CONNECTED");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		printf("%-24s %16lld %6zu  %lld\n", text(v, "name"),
			(long long)json_integer_value(json_object_get(v, "size")),
			json_array_size(json_object_get(v, "hosts")),
			(long long)json_integer_value(json_object_get(v, "controllers")));
	}
}

static int print_connect(const char *nqn)
{
	json_t *status;
	const json_t *list;

	if (call("nvmf.status", NULL, &status))
		return fail();
	list = json_object_get(status, "listeners");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *l = json_array_get(list, i);

		printf("nvme connect -t %s -a %s -s %s -n %s\n", text(l, "transport"),
			text(l, "address"), text(l, "port"), nqn);
	}
	json_decref(status);
	return 0;
}

static int run(const char *method, json_t *params, const char *command)
{
	json_t *result;
	int rc = 0;

	if (call(method, params, &result))
		return fail();
	if (as_json) {
		json_dumpf(result, stdout, 0);
		putchar('\n');
	} else if (!strcmp(command, "list")) {
		print_volumes(result);
	} else if (!strcmp(command, "attach")) {
		rc = print_connect(text(result, "nqn"));
	}
	json_decref(result);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *command, *method, *second;
		int words;
	} commands[] = {{"create", "volume.create", "size", 2}, {"list", "volume.list", NULL, 0},
		{"resize", "volume.resize", "size", 2}, {"attach", "volume.attach", "host", 2},
		{"detach", "volume.detach", "host", 2}, {"delete", "volume.delete", NULL, 1}};
	int status = args_parse(argc, argv, &usage);

	if (status >= 0)
		return status;
	for (size_t i = 0; optind < argc && i < ARRAY_SIZE(commands); i++) {
		json_t *params;

		if (strcmp(commands[i].command, argv[optind]) ||
			argc - optind - 1 != commands[i].words)
			continue;
		params = json_object();
		if (commands[i].words > 0)
			json_object_set_new(params, "name", json_string(argv[optind + 1]));
		if (commands[i].words > 1)
			json_object_set_new(
				params, commands[i].second, json_string(argv[optind + 2]));
		return run(commands[i].method, params, argv[optind]);
	}
	return args_wrong(&usage);
}
