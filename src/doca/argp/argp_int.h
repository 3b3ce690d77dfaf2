/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/argp. One parser per process, kept in `argp`.
 *
 *   argp.c    registry: parameters, commands, callbacks; start
 *   parse.c   words of the command line, and JSON files, to parameter values
 *   device.c  DEVICE and DEVICE_REP values
 *   eal.c     the arguments DPDK gets
 *   help.c    usage text
 */
#ifndef DOCA_ARGP_ARGP_INT_H
#define DOCA_ARGP_ARGP_INT_H

#include <doca_argp.h>

#include "base/list.h"
#include "base/str.h"
#include "doca/common/common.h"

#define PARAMS_MAX 256
#define CMDS_MAX 64
#define CALLBACKS_MAX 16

struct doca_argp_param {
	char *short_name, *long_name, *arguments, *description;
	doca_argp_param_cb_t callback;
	enum doca_argp_type type;
	bool mandatory, multiple, cli_only, registered, is_set;
};

struct argp_set {
	struct doca_argp_param *params[PARAMS_MAX];
	unsigned n_params;
	struct doca_argp_cmd *cmds[CMDS_MAX];
	unsigned n_cmds;
};

struct doca_argp_cmd {
	char *name, *description;
	doca_argp_cmd_cb_t callback;
	struct argp_set set;
	bool registered;
};

struct argp {
	bool is_init, is_dpdk;
	char *name;
	void *config;
	int log_level, sdk_log_level;
	struct argp_set set;
	doca_argp_validation_cb_t validations[CALLBACKS_MAX];
	unsigned n_validations;
	doca_argp_param_cb_t version_cb;
	doca_argp_dpdk_cb_t dpdk_cb;
	char **kept; /* strings that live until destroy: device arguments */
	unsigned n_kept;
};

extern struct argp argp;

/* Own copy that lives until doca_argp_destroy(). NULL for NULL or without memory. */
char *argp_keep(const char *text);

struct doca_argp_param *argp_find(
	struct argp_set *set, const char *name, size_t len, bool is_short);

/* One value for one parameter; text is NULL for a bare boolean flag. Calls the program back. */
doca_error_t argp_value(struct doca_argp_param *param, const char *text);
doca_error_t argp_words(int argc, char **argv);
doca_error_t argp_json(const char *path);

doca_error_t argp_device(struct doca_argp_param *param, const char *text);
doca_error_t argp_device_rep(struct doca_argp_param *param, const char *text);

doca_error_t argp_start_eal(int argc, char **argv);

void argp_help(FILE *out);
const char *argp_param_name(const struct doca_argp_param *param);

#endif
