/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and sentences of doca_error_t, and the one way the libraries refuse. */
#include <doca_version.h>

#include <string.h>

#include "base/str.h"
#include "doca/common/common.h"

LOG_MODULE("core");

static const struct {
	const char *name, *descr;
} errors[] = {
#define E(id, sentence) [DOCA_##id] = {"DOCA_" #id, sentence}
	E(SUCCESS, "Success"),
	E(ERROR_UNKNOWN, "Unknown error"),
	E(ERROR_NOT_PERMITTED, "Operation not permitted"),
	E(ERROR_IN_USE, "Resource already in use"),
	E(ERROR_NOT_SUPPORTED, "Operation not supported"),
	E(ERROR_AGAIN, "Resource temporarily unavailable, try again"),
	E(ERROR_INVALID_VALUE, "Invalid input"),
	E(ERROR_NO_MEMORY, "Memory or resource pool exhausted"),
	E(ERROR_INITIALIZATION, "Initialization failed"),
	E(ERROR_TIME_OUT, "Timer expired"),
	E(ERROR_SHUTDOWN, "Shut down in process or completed"),
	E(ERROR_CONNECTION_RESET, "Connection reset by peer"),
	E(ERROR_CONNECTION_ABORTED, "Connection aborted"),
	E(ERROR_CONNECTION_INPROGRESS, "Connection is being established"),
	E(ERROR_NOT_CONNECTED, "Not connected"),
	E(ERROR_NO_LOCK, "Lock could not be taken"),
	E(ERROR_NOT_FOUND, "Resource not found"),
	E(ERROR_IO_FAILED, "Input or output failed"),
	E(ERROR_BAD_STATE, "Bad state for this operation"),
	E(ERROR_UNSUPPORTED_VERSION, "Version not supported"),
	E(ERROR_OPERATING_SYSTEM, "Operating system call failed"),
	E(ERROR_DRIVER, "Driver call failed"),
	E(ERROR_UNEXPECTED, "Unexpected situation"),
	E(ERROR_ALREADY_EXIST, "Resource already exists"),
	E(ERROR_FULL, "No more space"),
	E(ERROR_EMPTY, "No entry available"),
	E(ERROR_IN_PROGRESS, "Operation is in progress"),
	E(ERROR_TOO_BIG, "Requested operation is too big"),
	E(ERROR_AUTHENTICATION, "Authentication failed"),
	E(ERROR_BAD_CONFIG, "Configuration is not valid"),
	E(ERROR_SKIPPED, "Result is valid, but an earlier result was skipped"),
#undef E
};

const char *doca_error_get_name(doca_error_t error)
{
	return (size_t)error < ARRAY_SIZE(errors) ? errors[error].name
						  : "DOCA_ERROR_(unknown number)";
}

const char *doca_error_get_descr(doca_error_t error)
{
	return (size_t)error < ARRAY_SIZE(errors) ? errors[error].descr : "Not an error number";
}

const char *doca_version_runtime(void)
{
	return DOCA_VER_STRING;
}

doca_error_t dcore_fail(doca_error_t error, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	refuse(EINVAL, "%s", text);
	log_err("%s: %s", doca_error_get_name(error), text);
	return error;
}

doca_error_t dcore_errno_to_error(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return DOCA_SUCCESS;
	case EPERM:
	case EACCES:
		return DOCA_ERROR_NOT_PERMITTED;
	case ENOMEM:
		return DOCA_ERROR_NO_MEMORY;
	case EINVAL:
		return DOCA_ERROR_INVALID_VALUE;
	case ENOENT:
	case ESRCH:
	case ENODEV:
		return DOCA_ERROR_NOT_FOUND;
	case EEXIST:
		return DOCA_ERROR_ALREADY_EXIST;
	case EBUSY:
	case EADDRINUSE:
		return DOCA_ERROR_IN_USE;
	case EAGAIN:
		return DOCA_ERROR_AGAIN;
	case ENOTSUP:
		return DOCA_ERROR_NOT_SUPPORTED;
	case E2BIG:
	case EFBIG:
	case EMSGSIZE:
		return DOCA_ERROR_TOO_BIG;
	case ENOSPC:
		return DOCA_ERROR_FULL;
	case ETIMEDOUT:
		return DOCA_ERROR_TIME_OUT;
	case EIO:
	case EFAULT:
		return DOCA_ERROR_IO_FAILED;
	case ECONNRESET:
	case EPIPE:
		return DOCA_ERROR_CONNECTION_RESET;
	case ECONNREFUSED:
	case ECONNABORTED:
		return DOCA_ERROR_CONNECTION_ABORTED;
	case EBADMSG:
		return DOCA_ERROR_AUTHENTICATION;
	default:
		return DOCA_ERROR_OPERATING_SYSTEM;
	}
}

doca_error_t dcore_from_errno(int err, const char *what)
{
	doca_error_t error = dcore_errno_to_error(err);

	if (error != DOCA_SUCCESS)
		log_err("%s: %s: %s", doca_error_get_name(error), what,
			*refusal() ? refusal() : strerror(err < 0 ? -err : err));
	return error;
}
