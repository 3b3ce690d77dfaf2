/* SPDX-License-Identifier: BSD-3-Clause */
/* A program's --json file: bytes from outside reach the program's callbacks through a parser of every type. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <doca_argp.h>
#include <doca_dev.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t bytes; /* of the values that arrived: each is read to its end */

static doca_error_t on_text(void *param, void *config)
{
	bytes += strlen(param);
	return DOCA_SUCCESS;
}

static doca_error_t on_number(void *param, void *config)
{
	bytes += *(int *)param == 0;
	return *(int *)param == 13 ? DOCA_ERROR_INVALID_VALUE : DOCA_SUCCESS;
}

static doca_error_t on_flag(void *param, void *config)
{
	bytes += *(bool *)param;
	return DOCA_SUCCESS;
}

static doca_error_t on_device(void *param, void *config)
{
	struct doca_argp_device_ctx *ctx = param;

	return doca_dev_close(ctx->dev);
}

static void add(
	const char *name, enum doca_argp_type type, doca_argp_param_cb_t callback, bool many)
{
	struct doca_argp_param *p;

	assert(doca_argp_param_create(&p) == DOCA_SUCCESS);
	doca_argp_param_set_long_name(p, name);
	doca_argp_param_set_description(p, name);
	doca_argp_param_set_callback(p, callback);
	doca_argp_param_set_type(p, type);
	if (many)
		doca_argp_param_set_multiplicity(p);
	assert(doca_argp_register_param(p) == DOCA_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	char *words[] = {"fuzz", "--json", path, NULL};
	int fd = memfd_create("fuzz-argp", 0);

	setenv("DOCA_LOG_LEVEL", "10", 1); /* refusals would be most of the time */
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(doca_argp_init("fuzz", NULL) == DOCA_SUCCESS);
	add("text", DOCA_ARGP_TYPE_STRING, on_text, false);
	add("list", DOCA_ARGP_TYPE_STRING, on_text, true);
	add("number", DOCA_ARGP_TYPE_INT, on_number, false);
	add("flag", DOCA_ARGP_TYPE_BOOLEAN, on_flag, false);
	add("device", DOCA_ARGP_TYPE_DEVICE, on_device, true);
	doca_argp_start(3, words);
	doca_argp_destroy();
	close(fd);
	return 0;
}
