/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_argp: command line and JSON parameters of a DOCA program.
 *
 *     doca_argp_init("my_app", &config);
 *     doca_argp_param_create(&p);
 *     doca_argp_param_set_short_name(p, "p");
 *     doca_argp_param_set_long_name(p, "pci-addr");
 *     doca_argp_param_set_type(p, DOCA_ARGP_TYPE_STRING);
 *     doca_argp_param_set_callback(p, on_pci);     // on_pci(char *value, &config)
 *     doca_argp_register_param(p);                 // argp owns p from here
 *     doca_argp_start(argc, argv);
 *     doca_argp_destroy();
 *
 * Every program has -h/--help, -v/--version, -l/--log-level N, --sdk-log-level N and -j/--json
 * FILE. A program that uses DPDK gives doca_argp_set_dpdk_program(): what stands before a lone "--"
 * goes to that callback, the rest is the program's. On a machine without hugepages argp adds the
 * EAL options that make DPDK start anyway (--no-huge, memory size); SOFTDPU_EAL_ARGS adds more.
 *
 * Types and what the callback's first argument points to: STRING char[]; INT int; BOOLEAN bool (a
 * bare flag gives true); DEVICE struct doca_argp_device_ctx; DEVICE_REP struct
 * doca_argp_device_rep_ctx, one call per representor. Devices are named pci/0000:03:00.0 or
 * pci/03:00.0 (or the bare address), auxiliary/NAME or aux/NAME, an interface name or an IB device
 * name; behind the first comma stand device arguments, for representors a pattern such as
 * pf0vf[0-3], pf0hpf, vf2, sf[0,2]. The program owns the devices it gets and closes them.
 *
 * JSON: {"doca_dpdk_flags": {...}, "doca_general_flags": {"log-level": 60}, "doca_program_flags":
 * {"pci-addr": "03:00.0", ...}}; keys are long names, a list repeats a parameter. Unknown keys are
 * refused.
 *
 * One parser per process, one thread. Errors: BAD_STATE when called out of order, INVALID_VALUE for
 * what the user wrote (with usage hint on stderr), and whatever a callback returned.
 */
#ifndef DOCA_ARGP_H_
#define DOCA_ARGP_H_

#include "doca_error.h"
#include "doca_log.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_dev;
struct doca_dev_rep;

enum doca_argp_type {
	DOCA_ARGP_TYPE_UNKNOWN = 0,
	DOCA_ARGP_TYPE_STRING,
	DOCA_ARGP_TYPE_INT,
	DOCA_ARGP_TYPE_BOOLEAN,
	DOCA_ARGP_TYPE_JSON_OBJ,
	DOCA_ARGP_TYPE_DEVICE,
	DOCA_ARGP_TYPE_DEVICE_REP,
};

struct doca_argp_param;
struct doca_argp_cmd;

/* An opened device and what followed the comma (NULL if nothing). devargs lives until argp_destroy.
 */
struct doca_argp_device_ctx {
	struct doca_dev *dev;
	const char *devargs;
};

/* A representor, and the device it belongs to (the same device for all representors of one flag).
 */
struct doca_argp_device_rep_ctx {
	struct doca_argp_device_ctx dev_ctx;
	struct doca_dev_rep *dev_rep;
};

typedef doca_error_t (*doca_argp_param_cb_t)(void *param, void *config);
typedef doca_error_t (*doca_argp_cmd_cb_t)(void *config);
typedef doca_error_t (*doca_argp_validation_cb_t)(void *config);
typedef doca_error_t (*doca_argp_dpdk_cb_t)(int argc, char **argv);

/* name NULL = take it from argv[0]; config is handed to the callbacks and stays the caller's. */
doca_error_t doca_argp_init(const char *name, void *config);

/* Parse, call back in command-line order, then validate. `--help` and `--version` print and
 * exit(0). */
doca_error_t doca_argp_start(int argc, char **argv);

/* Frees all registered parameters and commands. Calling it without init is BAD_STATE. */
doca_error_t doca_argp_destroy(void);

/* Print the help text and exit(0). */
void doca_argp_usage(void);

/* Parameters: create, describe, register once. */
doca_error_t doca_argp_param_create(struct doca_argp_param **param);
doca_error_t doca_argp_param_destroy(struct doca_argp_param *param);
void doca_argp_param_set_short_name(struct doca_argp_param *param, const char *name);
void doca_argp_param_set_long_name(struct doca_argp_param *param, const char *name);
void doca_argp_param_set_arguments(struct doca_argp_param *param, const char *arguments);
void doca_argp_param_set_description(struct doca_argp_param *param, const char *description);
void doca_argp_param_set_callback(struct doca_argp_param *param, doca_argp_param_cb_t callback);
void doca_argp_param_set_type(struct doca_argp_param *param, enum doca_argp_type type);
void doca_argp_param_set_mandatory(struct doca_argp_param *param);
void doca_argp_param_set_cli_only(struct doca_argp_param *param);
void doca_argp_param_set_multiplicity(struct doca_argp_param *param);
doca_error_t doca_argp_register_param(struct doca_argp_param *param);

/* Sub-commands: `program [flags] NAME [flags of NAME]`. */
doca_error_t doca_argp_cmd_create(struct doca_argp_cmd **cmd);
doca_error_t doca_argp_cmd_destroy(struct doca_argp_cmd *cmd);
void doca_argp_cmd_set_name(struct doca_argp_cmd *cmd, const char *name);
void doca_argp_cmd_set_description(struct doca_argp_cmd *cmd, const char *description);
void doca_argp_cmd_set_callback(struct doca_argp_cmd *cmd, doca_argp_cmd_cb_t callback);
doca_error_t doca_argp_cmd_register_param(struct doca_argp_cmd *cmd, struct doca_argp_param *param);
doca_error_t doca_argp_cmd_register_cmd(struct doca_argp_cmd *cmd, struct doca_argp_cmd *subcmd);
doca_error_t doca_argp_register_cmd(struct doca_argp_cmd *cmd);

/* Called after all parameters, in order of registration; the first error ends the start. */
doca_error_t doca_argp_register_validation_callback(doca_argp_validation_cb_t callback);

/* Replaces what --version does; called as callback(NULL, config). */
doca_error_t doca_argp_register_version_callback(doca_argp_param_cb_t callback);

/* The program uses DPDK; callback starts EAL with argv[0..argc-1]. Before doca_argp_start(). */
void doca_argp_set_dpdk_program(doca_argp_dpdk_cb_t callback);

/* Levels the user asked for (50 and 40 if none). */
doca_error_t doca_argp_get_log_level(int *log_level);
doca_error_t doca_argp_get_sdk_log_level(int *log_level);

#ifdef __cplusplus
}
#endif
#endif
