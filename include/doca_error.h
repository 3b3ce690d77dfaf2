/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_error: the one result type of every public call.
 *
 *     doca_error_t result = doca_dev_open(info, &dev);
 *     if (result != DOCA_SUCCESS)
 *             DOCA_LOG_ERR("no device: %s", doca_error_get_descr(result));
 *
 * Beside the code, softdpu writes one log line per refusal that names the call, the field, the
 * value, the limit and the nearest legal form (level ERROR, seen through an SDK log backend). Since
 * DOCA 1.2; doca_error_get_name/get_descr since 2.5 (F:4704).
 */
#ifndef DOCA_ERROR_H_
#define DOCA_ERROR_H_

#include "doca_compat.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum doca_error {
	DOCA_SUCCESS = 0,
	DOCA_ERROR_UNKNOWN = 1,
	DOCA_ERROR_NOT_PERMITTED = 2,
	DOCA_ERROR_IN_USE = 3,
	DOCA_ERROR_NOT_SUPPORTED = 4,
	DOCA_ERROR_AGAIN = 5,
	DOCA_ERROR_INVALID_VALUE = 6,
	DOCA_ERROR_NO_MEMORY = 7,
	DOCA_ERROR_INITIALIZATION = 8,
	DOCA_ERROR_TIME_OUT = 9,
	DOCA_ERROR_SHUTDOWN = 10,
	DOCA_ERROR_CONNECTION_RESET = 11,
	DOCA_ERROR_CONNECTION_ABORTED = 12,
	DOCA_ERROR_CONNECTION_INPROGRESS = 13,
	DOCA_ERROR_NOT_CONNECTED = 14,
	DOCA_ERROR_NO_LOCK = 15,
	DOCA_ERROR_NOT_FOUND = 16,
	DOCA_ERROR_IO_FAILED = 17,
	DOCA_ERROR_BAD_STATE = 18,
	DOCA_ERROR_UNSUPPORTED_VERSION = 19,
	DOCA_ERROR_OPERATING_SYSTEM = 20,
	DOCA_ERROR_DRIVER = 21,
	DOCA_ERROR_UNEXPECTED = 22,
	DOCA_ERROR_ALREADY_EXIST = 23,
	DOCA_ERROR_FULL = 24,
	DOCA_ERROR_EMPTY = 25,
	DOCA_ERROR_IN_PROGRESS = 26,
	DOCA_ERROR_TOO_BIG = 27,
	DOCA_ERROR_AUTHENTICATION = 28,
	DOCA_ERROR_BAD_CONFIG = 29,
	DOCA_ERROR_SKIPPED = 30,
} doca_error_t;

/* True for anything that is not DOCA_SUCCESS. The argument is evaluated once. */
#define DOCA_IS_ERROR(result) ((result) != DOCA_SUCCESS)

/* Keep the first error of a row: `result` takes `next` only while it is still DOCA_SUCCESS. */
#define DOCA_ERROR_PROPAGATE(result, next)    \
	do {                                  \
		if ((result) == DOCA_SUCCESS) \
			(result) = (next);    \
	} while (0)

/* "DOCA_ERROR_NOT_FOUND"; static storage, any thread, never NULL. */
const char *doca_error_get_name(doca_error_t error);

/* One sentence for people; static storage, any thread, never NULL. */
const char *doca_error_get_descr(doca_error_t error);

#ifdef __cplusplus
}
#endif
#endif
