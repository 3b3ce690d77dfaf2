/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_argp through its public header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <doca_argp.h>
#include <doca_dev.h>

struct config {
	char text[64], devargs[64], reps[256], order[64];
	int number, eal_argc, validated, cmd_ran;
	bool flag;
};

static struct config config;

static void note(char c)
{
	size_t n = strlen(config.order);

	config.order[n] = c;
}

static doca_error_t on_text(void *param, void *arg)
{
	strncat(((struct config *)arg)->text, param, 30);
	note('t');
	return strcmp(param, "bad") ? DOCA_SUCCESS : DOCA_ERROR_INVALID_VALUE;
}

static doca_error_t on_number(void *param, void *arg)
{
	((struct config *)arg)->number = *(int *)param;
	note('n');
	return DOCA_SUCCESS;
}

static doca_error_t on_flag(void *param, void *arg)
{
	((struct config *)arg)->flag = *(bool *)param;
	note('f');
	return DOCA_SUCCESS;
}

static doca_error_t on_device(void *param, void *arg)
{
	struct doca_argp_device_ctx *ctx = param;

	assert_non_null(ctx->dev);
	strcpy(((struct config *)arg)->devargs, ctx->devargs ? ctx->devargs : "(none)");
	return doca_dev_close(ctx->dev);
}

static doca_error_t on_rep(void *param, void *arg)
{
	struct doca_argp_device_rep_ctx *ctx = param;
	char name[DOCA_DEVINFO_REP_IFACE_NAME_SIZE];

	doca_devinfo_rep_get_iface_name(doca_dev_rep_as_devinfo(ctx->dev_rep), name, sizeof(name));
	strcat(((struct config *)arg)->reps, name);
	strcat(((struct config *)arg)->reps, " ");
	strcpy(((struct config *)arg)->devargs,
		ctx->dev_ctx.devargs ? ctx->dev_ctx.devargs : "(none)");
	return doca_dev_rep_close(ctx->dev_rep);
}

static doca_error_t validate(void *arg)
{
	((struct config *)arg)->validated++;
	return ((struct config *)arg)->number == 13 ? DOCA_ERROR_BAD_CONFIG : DOCA_SUCCESS;
}

static doca_error_t on_eal(int argc, char **argv)
{
	config.eal_argc = argc;
	assert_null(argv[argc]);
	note('e');
	return DOCA_SUCCESS;
}

static doca_error_t on_cmd(void *arg)
{
	((struct config *)arg)->cmd_ran++;
	return DOCA_SUCCESS;
}

static struct doca_argp_param *param(
	const char *s, const char *l, enum doca_argp_type type, doca_argp_param_cb_t cb)
{
	struct doca_argp_param *p;

	assert_int_equal(doca_argp_param_create(&p), DOCA_SUCCESS);
	doca_argp_param_set_short_name(p, s);
	doca_argp_param_set_long_name(p, l);
	doca_argp_param_set_description(p, "a parameter");
	doca_argp_param_set_type(p, type);
	doca_argp_param_set_callback(p, cb);
	return p;
}

static int setup(void **state)
{
	struct doca_argp_param *reps = param("r", "rep", DOCA_ARGP_TYPE_DEVICE_REP, on_rep);

	memset(&config, 0, sizeof(config));
	assert_int_equal(doca_argp_init("test", &config), DOCA_SUCCESS);
	doca_argp_param_set_multiplicity(reps);
	doca_argp_register_param(reps);
	doca_argp_register_param(param("t", "text", DOCA_ARGP_TYPE_STRING, on_text));
	doca_argp_register_param(param("n", "number", DOCA_ARGP_TYPE_INT, on_number));
	doca_argp_register_param(param("f", "flag", DOCA_ARGP_TYPE_BOOLEAN, on_flag));
	doca_argp_register_param(param("a", "device", DOCA_ARGP_TYPE_DEVICE, on_device));
	doca_argp_register_validation_callback(validate);
	return 0;
}

static int teardown(void **state)
{
	return doca_argp_destroy() != DOCA_SUCCESS;
}

#define start(...)                                                                 \
	({                                                                         \
		char *argv_[] = {"prog", ##__VA_ARGS__, NULL};                     \
		doca_argp_start((int)(sizeof(argv_) / sizeof(*argv_)) - 1, argv_); \
	})

static void flags_call_back_in_order(void **state)
{
	assert_int_equal(start("-n", "7", "--text=hello", "-f"), DOCA_SUCCESS);
	assert_string_equal(config.order, "ntf");
	assert_string_equal(config.text, "hello");
	assert_int_equal(config.number, 7);
	assert_true(config.flag);
	assert_int_equal(config.validated, 1);
}

static void values_are_checked(void **state)
{
	assert_int_equal(start("-n", "seven"), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(start("-n"), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(start("--numbr", "7"), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(start("stray"), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(start("-t", "bad"), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(config.validated, 0);
	assert_int_equal(start("-n", "13"), DOCA_ERROR_BAD_CONFIG);
}

static void a_flag_twice_is_refused(void **state)
{
	assert_int_equal(start("-n", "1", "--number", "2"), DOCA_ERROR_INVALID_VALUE);
}

static void mandatory_must_be_given(void **state)
{
	struct doca_argp_param *must = param(NULL, "must", DOCA_ARGP_TYPE_INT, on_number);

	doca_argp_param_set_mandatory(must);
	assert_int_equal(doca_argp_register_param(must), DOCA_SUCCESS);
	assert_int_equal(start(), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(start("--must", "0x10"), DOCA_SUCCESS);
	assert_int_equal(config.number, 16);
}

static void names_are_unique(void **state)
{
	struct doca_argp_param *twice = param("n", "other", DOCA_ARGP_TYPE_INT, on_number);
	struct doca_argp_param *own = param("h", "mine", DOCA_ARGP_TYPE_INT, on_number);

	assert_int_equal(doca_argp_register_param(twice), DOCA_ERROR_ALREADY_EXIST);
	assert_int_equal(doca_argp_register_param(own), DOCA_ERROR_ALREADY_EXIST);
	doca_argp_param_destroy(twice);
	doca_argp_param_destroy(own);
}

static void devices_open(void **state)
{
	assert_int_equal(start("-a", "pci/0000:03:00.0,dv_flow_en=2"), DOCA_SUCCESS);
	assert_string_equal(config.devargs, "dv_flow_en=2");
}

static void unknown_device_is_refused(void **state)
{
	assert_int_equal(start("-a", "pci/0000:99:00.0"), DOCA_ERROR_NOT_FOUND);
}

static void representor_patterns_expand(void **state)
{
	assert_int_equal(
		start("-r", "pci/03:00.0,pf0vf[0-1,3]", "-r", "03:00.0,pf0hpf,dv_flow_en=2"),
		DOCA_SUCCESS);
	assert_string_equal(config.reps, "pf0vf0 pf0vf1 pf0vf3 pf0hpf ");
	assert_string_equal(config.devargs, "dv_flow_en=2");
}

static void bad_patterns_are_refused(void **state)
{
	static char *const bad[] = {"03:00.0", "03:00.0,pf0vf[", "03:00.0,pf0vf[3-1]",
		"03:00.0,pf0vf[0-99]", "03:00.0,pf7vf0", "03:00.0,vf[0-4294967295]"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(start("-r", bad[i]), DOCA_SUCCESS);
}

static void dpdk_words_stand_before_the_dashes(void **state)
{
	doca_argp_set_dpdk_program(on_eal);
	assert_int_equal(start("-l", "0", "--", "-n", "3"), DOCA_SUCCESS);
	assert_true(config.eal_argc >= 3);
	assert_int_equal(config.number, 3);
	assert_string_equal(config.order, "ne");
}

static void write_file(char path[], const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

static void json_sets_parameters(void **state)
{
	char path[] = "/tmp/core-argp-XXXXXX";
	int level;

	write_file(path, "{\"doca_general_flags\": {\"log-level\": 60},\n \"doca_program_flags\": "
			 "{\"text\": \"from json\", \"number\": 5, \"flag\": true, "
			 "\"rep\": [\"03:00.0,vf0\", \"03:00.0,vf1\"]}}");
	assert_int_equal(start("--json", path), DOCA_SUCCESS);
	unlink(path);
	assert_string_equal(config.text, "from json");
	assert_int_equal(config.number, 5);
	assert_true(config.flag);
	assert_string_equal(config.reps, "pf0vf0 pf0vf1 ");
	assert_int_equal(doca_argp_get_log_level(&level), DOCA_SUCCESS);
	assert_int_equal(level, 60);
}

static void bad_json_is_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "{\"doca_program_flags\": {\"nonsense\": 1}}",
		"{\"a\": 1}", "{\"doca_program_flags\": {\"number\": {}}}",
		"{\"doca_program_flags\": {\"number\":", "\xff\xfe",
		"{\"doca_program_flags\": [\"text\"]}", "{\"doca_general_flags\": [60]}",
		"{\"doca_program_flags\": 3}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char path[] = "/tmp/core-argp-XXXXXX";

		write_file(path, bad[i]);
		assert_int_not_equal(start("-j", path), DOCA_SUCCESS);
		unlink(path);
	}
	assert_int_not_equal(start("-j", "/nonexistent"), DOCA_SUCCESS);
}

static void commands_have_flags_of_their_own(void **state)
{
	struct doca_argp_cmd *cmd;

	assert_int_equal(doca_argp_cmd_create(&cmd), DOCA_SUCCESS);
	doca_argp_cmd_set_name(cmd, "set");
	doca_argp_cmd_set_callback(cmd, on_cmd);
	assert_int_equal(doca_argp_cmd_register_param(
				 cmd, param("x", "extra", DOCA_ARGP_TYPE_INT, on_number)),
		DOCA_SUCCESS);
	assert_int_equal(doca_argp_register_cmd(cmd), DOCA_SUCCESS);
	assert_int_equal(start("set", "-x", "9", "-t", "also"), DOCA_SUCCESS);
	assert_int_equal(config.cmd_ran, 1);
	assert_int_equal(config.number, 9);
	assert_string_equal(config.text, "also");
}

static void order_of_calls_is_enforced(void **state)
{
	assert_int_equal(doca_argp_init("again", NULL), DOCA_ERROR_BAD_STATE);
	assert_int_equal(doca_argp_destroy(), DOCA_SUCCESS);
	assert_int_equal(doca_argp_destroy(), DOCA_ERROR_BAD_STATE);
	assert_int_equal(start(), DOCA_ERROR_BAD_STATE);
	assert_int_equal(doca_argp_init("again", &config), DOCA_SUCCESS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {T(flags_call_back_in_order),
		T(values_are_checked), T(a_flag_twice_is_refused), T(mandatory_must_be_given),
		T(names_are_unique), T(devices_open), T(unknown_device_is_refused),
		T(representor_patterns_expand), T(bad_patterns_are_refused),
		T(dpdk_words_stand_before_the_dashes), T(json_sets_parameters),
		T(bad_json_is_refused), T(commands_have_flags_of_their_own),
		T(order_of_calls_is_enforced)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
