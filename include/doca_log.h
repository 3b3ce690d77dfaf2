/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_log: log lines of programs and of the libraries.
 *
 * A file registers its source once, at file scope, and then writes:
 *
 *     DOCA_LOG_REGISTER(MY_APP);
 *     DOCA_LOG_INFO("%u ports", n);
 *
 * Backends receive lines. *Standard* backends get what programs write; *SDK* backends get what the
 * libraries write (every refusal is such a line). Without a backend nothing is printed. A line
 * passes if its level is at or below the level of its source and of the backend.
 *
 * Levels: 10 disable, 20 critical, 30 error, 40 warning, 50 info, 60 debug, 70 trace. The
 * environment wins over calls: DOCA_LOG_LEVEL for all sources, DOCA_LOG_LEVEL_<SOURCE> for sources
 * with that prefix (DOCA_LOG_LEVEL_FLOW=debug; F:4740-4745); values are numbers or names.
 *
 * Lines: [HH:MM:SS:microseconds][thread][DOCA][INF][SOURCE][file.c:123][function] text
 * Thread safe. Since DOCA 1.2, backends as here since 2.0.
 */
#ifndef DOCA_LOG_H_
#define DOCA_LOG_H_

#include <stdarg.h>

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum doca_log_level {
	DOCA_LOG_LEVEL_DISABLE = 10,
	DOCA_LOG_LEVEL_CRIT = 20,
	DOCA_LOG_LEVEL_ERROR = 30,
	DOCA_LOG_LEVEL_WARNING = 40,
	DOCA_LOG_LEVEL_INFO = 50,
	DOCA_LOG_LEVEL_DEBUG = 60,
	DOCA_LOG_LEVEL_TRACE = 70,
};

struct doca_log_backend;

/* Receives one finished line (NUL terminated, with its newline). Called under the log's lock: do
 * not log from inside. */
typedef void (*log_flush_callback)(char *buffer);

/* Program log: INFO and below to stdout, WARNING and above to stderr. A second call changes
 * nothing. */
doca_error_t doca_log_backend_create_standard(void);

/* Program log to a stream / descriptor / buffer / syslog. The stream stays the caller's. The
 * backend lives until the process ends. NOT NULL arguments, else INVALID_VALUE; FULL after 16
 * backends. */
doca_error_t doca_log_backend_create_with_file(FILE *file, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_fd(int fd, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_buf(
	char *buf, size_t capacity, log_flush_callback handler, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_syslog(
	const char *name, struct doca_log_backend **backend);

/* The same for what the libraries log. Level WARNING until set. */
doca_error_t doca_log_backend_create_with_file_sdk(FILE *file, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_fd_sdk(int fd, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_buf_sdk(
	char *buf, size_t capacity, log_flush_callback handler, struct doca_log_backend **backend);
doca_error_t doca_log_backend_create_with_syslog_sdk(
	const char *name, struct doca_log_backend **backend);

/* Level of one SDK backend (enum doca_log_level). INVALID_VALUE for a standard backend or odd
 * level. */
doca_error_t doca_log_backend_set_sdk_level(struct doca_log_backend *backend, uint32_t level);

/* Range of levels one standard backend takes, and its own level. */
doca_error_t doca_log_backend_set_level_lower_limit(
	struct doca_log_backend *backend, uint32_t level);
doca_error_t doca_log_backend_set_level_upper_limit(
	struct doca_log_backend *backend, uint32_t level);

/* Level of all program sources (INFO until set); the lower limit keeps a program from going below.
 */
doca_error_t doca_log_level_set_global_lower_limit(uint32_t level);
doca_error_t doca_log_level_set_global_upper_limit(uint32_t level);
uint32_t doca_log_level_get_global_lower_limit(void);

/* Level of all SDK backends that exist and of those created later. */
doca_error_t doca_log_level_set_global_sdk_limit(uint32_t level);
uint32_t doca_log_level_get_global_sdk_limit(void);

/* Sources. The id is written to *source; the same name gives the same id. */
doca_error_t doca_log_register_source(const char *source_name, int *source);
doca_error_t doca_log_unregister_source(int source);

/* Is this level printed for this source by anybody? Cheap: one load and compare. */
bool doca_log_is_enabled(uint32_t level, int source);

/* What the macros below call. Never fails; a line over 4095 bytes is cut. */
void doca_log(uint32_t level, int source, const char *file, int line, const char *function,
	const char *format, ...) DOCA_PRINTF_LIKE(6, 7);

/* The same with at most one line per second per place (rate limit of a loop). */
void doca_log_rate_limit(uint32_t level, int source, const char *file, int line,
	const char *function, uint64_t *last_ns, const char *format, ...) DOCA_PRINTF_LIKE(7, 8);

#define DOCA_LOG_REGISTER(SOURCE)                                                     \
	static int doca_log_source_id;                                                \
	__attribute__((constructor(101))) static void doca_log_source_register_(void) \
	{                                                                             \
		doca_log_register_source(#SOURCE, &doca_log_source_id);               \
	}

/* Programs print empty lines: DOCA_LOG_INFO(""). */
#if defined(__GNUC__)
#define DOCA_LOG_EMPTY_TOO_ \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-zero-length\"")
#define DOCA_LOG_AS_BEFORE_ _Pragma("GCC diagnostic pop")
#else
#define DOCA_LOG_EMPTY_TOO_
#define DOCA_LOG_AS_BEFORE_
#endif

#define DOCA_LOG(level, ...)                                                              \
	do {                                                                              \
		DOCA_LOG_EMPTY_TOO_                                                       \
		if (doca_log_is_enabled(level, doca_log_source_id))                       \
			doca_log(level, doca_log_source_id, __FILE__, __LINE__, __func__, \
				__VA_ARGS__);                                             \
		DOCA_LOG_AS_BEFORE_                                                       \
	} while (0)

#define DOCA_LOG_RATE_LIMIT(level, ...)                                                      \
	do {                                                                                 \
		static uint64_t doca_log_last_;                                              \
		DOCA_LOG_EMPTY_TOO_                                                          \
		doca_log_rate_limit(level, doca_log_source_id, __FILE__, __LINE__, __func__, \
			&doca_log_last_, __VA_ARGS__);                                       \
		DOCA_LOG_AS_BEFORE_                                                          \
	} while (0)

#define DOCA_LOG_CRIT(...) DOCA_LOG(DOCA_LOG_LEVEL_CRIT, __VA_ARGS__)
#define DOCA_LOG_ERR(...) DOCA_LOG(DOCA_LOG_LEVEL_ERROR, __VA_ARGS__)
#define DOCA_LOG_WARN(...) DOCA_LOG(DOCA_LOG_LEVEL_WARNING, __VA_ARGS__)
#define DOCA_LOG_INFO(...) DOCA_LOG(DOCA_LOG_LEVEL_INFO, __VA_ARGS__)
#define DOCA_LOG_DBG(...) DOCA_LOG(DOCA_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define DOCA_LOG_TRC(...) DOCA_LOG(DOCA_LOG_LEVEL_TRACE, __VA_ARGS__)

#define DOCA_LOG_RATE_LIMIT_CRIT(...) DOCA_LOG_RATE_LIMIT(DOCA_LOG_LEVEL_CRIT, __VA_ARGS__)
#define DOCA_LOG_RATE_LIMIT_ERR(...) DOCA_LOG_RATE_LIMIT(DOCA_LOG_LEVEL_ERROR, __VA_ARGS__)
#define DOCA_LOG_RATE_LIMIT_WARN(...) DOCA_LOG_RATE_LIMIT(DOCA_LOG_LEVEL_WARNING, __VA_ARGS__)
#define DOCA_LOG_RATE_LIMIT_INFO(...) DOCA_LOG_RATE_LIMIT(DOCA_LOG_LEVEL_INFO, __VA_ARGS__)
#define DOCA_LOG_RATE_LIMIT_DBG(...) DOCA_LOG_RATE_LIMIT(DOCA_LOG_LEVEL_DEBUG, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
