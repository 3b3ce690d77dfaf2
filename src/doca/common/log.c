/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs of programs (sources) and of the libraries (base/log) to backends.
 *
 * A line is formatted once and offered to each backend of its world. `threshold[world]` is the
 * highest level any backend of that world takes, so a line nobody wants costs one load.
 */
#include <doca_log.h>

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "doca/common/common.h"
#include "doca/common/common_int.h"

#define BACKENDS_MAX 16
#define SOURCES_MAX 512
#define LINE_MAX_LEN 4096

enum world { PROGRAM, SDK, WORLDS };
enum kind { NONE, STANDARD, STREAM, DESCRIPTOR, BUFFER, SYSLOG };

struct doca_log_backend {
	enum kind kind;
	enum world world;
	uint32_t lower, upper; /* levels from lower (severe) to upper (chatty) pass */
	FILE *stream;
	int fd;
	char *buf;
	size_t capacity;
	log_flush_callback flush;
	char ident[64];
};

static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards all below; levels are read without */
static struct doca_log_backend backends[BACKENDS_MAX];
static struct {
	char *name;
	uint32_t env_level; /* 0 = follows the limits */
} sources[SOURCES_MAX];
static int n_sources;
static uint32_t program_level = DOCA_LOG_LEVEL_INFO, sdk_level = DOCA_LOG_LEVEL_WARNING;
static uint32_t threshold[WORLDS];
static uint32_t env_level; /* DOCA_LOG_LEVEL, 0 = unset */

static bool is_level(uint32_t level)
{
	return level >= DOCA_LOG_LEVEL_DISABLE && level <= DOCA_LOG_LEVEL_TRACE;
}

static uint32_t level_from_env(const char *name)
{
	const char *text = getenv(name);
	int level = text && *text ? log_level_parse(text) : 0;

	return level > 0 ? (uint32_t)level : 0;
}

/* DOCA_LOG_LEVEL_<longest prefix of the source's name, at word ends>. */
static uint32_t source_level_from_env(const char *source)
{
	char name[128] = "DOCA_LOG_LEVEL_";
	size_t start = strlen(name), n = start;

	for (; *source && n < sizeof(name) - 1; source++) {
		char c = isalnum((unsigned char)*source) ? (char)toupper((unsigned char)*source)
							 : '_';

		if (c != '_' || name[n - 1] != '_')
			name[n++] = c;
	}
	name[n] = '\0';
	for (;;) {
		uint32_t level = level_from_env(name);
		char *cut = strrchr(name + start, '_');

		if (level || !cut)
			return level;
		*cut = '\0';
	}
}

static void recount(void)
{
	threshold[PROGRAM] = threshold[SDK] = 0;
	for (int i = 0; i < BACKENDS_MAX; i++)
		if (backends[i].kind != NONE)
			threshold[backends[i].world] =
				MAX_OF(threshold[backends[i].world], backends[i].upper);
}

/*
 * Tell base/log what the SDK backends take. Without our lock: base calls sdk_sink() under its own.
 */
static void unlock_and_apply(void)
{
	uint32_t level = threshold[SDK] ? MAX_OF(threshold[SDK], env_level) : LOG_DISABLE;

	pthread_mutex_unlock(&lock);
	log_set_level((enum log_level)level);
}

static const char *short_name(uint32_t level)
{
	static const char *const names[] = {"CRT", "ERR", "WRN", "INF", "DBG", "TRC"};

	return names[MIN_OF(MAX_OF(level, 20u), 70u) / 10 - 2];
}

static void emit(struct doca_log_backend *b, uint32_t level, char *line, size_t len)
{
	switch (b->kind) {
	case STANDARD:
		fputs(line, level >= DOCA_LOG_LEVEL_INFO ? stdout : stderr);
		fflush(level >= DOCA_LOG_LEVEL_INFO ? stdout : stderr);
		break;
	case STREAM:
		fputs(line, b->stream);
		fflush(b->stream);
		break;
	case DESCRIPTOR:
		if (write(b->fd, line, len) < 0)
			return; /* there is nobody to tell */
		break;
	case BUFFER:
		snprintf(b->buf, b->capacity, "%s", line);
		b->flush(b->buf);
		break;
	case SYSLOG:
		dcore_syslog(level, b->ident, line);
		break;
	case NONE:
		break;
	}
}

/* With the lock held. `limit` overrides the backends' levels when the environment says so. */
static void deliver(enum world world, uint32_t level, uint32_t limit, const char *source,
	const char *file, int line_no, const char *function, const char *text)
{
	char line[LINE_MAX_LEN];
	struct timespec ts;
	struct tm tm;
	const char *base = strrchr(file, '/');
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = snprintf(line, sizeof(line),
		"[%02d:%02d:%02d:%06ld][%ld][DOCA][%s][%s][%s:%d]%s%s%s %s\n", tm.tm_hour,
		tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000, (long)syscall(SYS_gettid),
		short_name(level), source, base ? base + 1 : file, line_no, function ? "[" : "",
		function ? function : "", function ? "]" : "", text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	for (int i = 0; i < BACKENDS_MAX; i++) {
		struct doca_log_backend *b = &backends[i];

		if (b->kind == NONE || b->world != world || level < b->lower)
			continue;
		if (level <= (limit ? limit : b->upper))
			emit(b, level, line, (size_t)n);
	}
}

/* What the libraries log through base/log. */
static void sdk_sink(void *arg, enum log_level level, const char *module, const char *file,
	int line, const char *text)
{
	pthread_mutex_lock(&lock);
	deliver(SDK, level, env_level, module, file, line, NULL, text);
	pthread_mutex_unlock(&lock);
}

static doca_error_t add(struct doca_log_backend model, struct doca_log_backend **backend)
{
	doca_error_t result = DOCA_ERROR_FULL;

	pthread_mutex_lock(&lock);
	model.lower = DOCA_LOG_LEVEL_DISABLE;
	model.upper = model.world == SDK ? sdk_level : DOCA_LOG_LEVEL_TRACE;
	for (int i = 0; i < BACKENDS_MAX && result != DOCA_SUCCESS; i++) {
		if (backends[i].kind != NONE)
			continue;
		backends[i] = model;
		if (backend)
			*backend = &backends[i];
		result = DOCA_SUCCESS;
	}
	recount();
	unlock_and_apply();
	return result;
}

doca_error_t doca_log_backend_create_standard(void)
{
	bool have = false;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < BACKENDS_MAX; i++)
		have |= backends[i].kind == STANDARD;
	pthread_mutex_unlock(&lock);
	return have ? DOCA_SUCCESS : add((struct doca_log_backend){.kind = STANDARD}, NULL);
}

static doca_error_t add_stream(FILE *file, enum world world, struct doca_log_backend **backend)
{
	if (!file || !backend)
		return DOCA_ERROR_INVALID_VALUE;
	return add(
		(struct doca_log_backend){.kind = STREAM, .world = world, .stream = file}, backend);
}

static doca_error_t add_fd(int fd, enum world world, struct doca_log_backend **backend)
{
	if (fd < 0 || !backend)
		return DOCA_ERROR_INVALID_VALUE;
	return add(
		(struct doca_log_backend){.kind = DESCRIPTOR, .world = world, .fd = fd}, backend);
}

static doca_error_t add_buf(char *buf, size_t capacity, log_flush_callback flush, enum world world,
	struct doca_log_backend **backend)
{
	if (!buf || !capacity || !flush || !backend)
		return DOCA_ERROR_INVALID_VALUE;
	return add((struct doca_log_backend){.kind = BUFFER,
			   .world = world,
			   .buf = buf,
			   .capacity = capacity,
			   .flush = flush},
		backend);
}

static doca_error_t add_syslog(
	const char *name, enum world world, struct doca_log_backend **backend)
{
	struct doca_log_backend model = {.kind = SYSLOG, .world = world};

	if (!name || !backend)
		return DOCA_ERROR_INVALID_VALUE;
	snprintf(model.ident, sizeof(model.ident), "%s", name);
	return add(model, backend);
}

doca_error_t doca_log_backend_create_with_file(FILE *file, struct doca_log_backend **backend)
{
	return add_stream(file, PROGRAM, backend);
}

doca_error_t doca_log_backend_create_with_fd(int fd, struct doca_log_backend **backend)
{
	return add_fd(fd, PROGRAM, backend);
}

doca_error_t doca_log_backend_create_with_buf(
	char *buf, size_t capacity, log_flush_callback handler, struct doca_log_backend **backend)
{
	return add_buf(buf, capacity, handler, PROGRAM, backend);
}

doca_error_t doca_log_backend_create_with_syslog(
	const char *name, struct doca_log_backend **backend)
{
	return add_syslog(name, PROGRAM, backend);
}

doca_error_t doca_log_backend_create_with_file_sdk(FILE *file, struct doca_log_backend **backend)
{
	return add_stream(file, SDK, backend);
}

doca_error_t doca_log_backend_create_with_fd_sdk(int fd, struct doca_log_backend **backend)
{
	return add_fd(fd, SDK, backend);
}

doca_error_t doca_log_backend_create_with_buf_sdk(
	char *buf, size_t capacity, log_flush_callback handler, struct doca_log_backend **backend)
{
	return add_buf(buf, capacity, handler, SDK, backend);
}

doca_error_t doca_log_backend_create_with_syslog_sdk(
	const char *name, struct doca_log_backend **backend)
{
	return add_syslog(name, SDK, backend);
}

static doca_error_t set_limit(
	struct doca_log_backend *backend, enum world world, uint32_t level, bool lower)
{
	if (!backend || backend->kind == NONE || backend->world != world || !is_level(level))
		return DOCA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	if (lower)
		backend->lower = level;
	else
		backend->upper = level;
	recount();
	unlock_and_apply();
	return DOCA_SUCCESS;
}

doca_error_t doca_log_backend_set_sdk_level(struct doca_log_backend *backend, uint32_t level)
{
	return set_limit(backend, SDK, level, false);
}

doca_error_t doca_log_backend_set_level_lower_limit(
	struct doca_log_backend *backend, uint32_t level)
{
	return set_limit(backend, PROGRAM, level, true);
}

doca_error_t doca_log_backend_set_level_upper_limit(
	struct doca_log_backend *backend, uint32_t level)
{
	return set_limit(backend, PROGRAM, level, false);
}

doca_error_t doca_log_level_set_global_lower_limit(uint32_t level)
{
	if (!is_level(level))
		return DOCA_ERROR_INVALID_VALUE;
	__atomic_store_n(&program_level, level, __ATOMIC_RELAXED);
	return DOCA_SUCCESS;
}

doca_error_t doca_log_level_set_global_upper_limit(uint32_t level)
{
	return doca_log_level_set_global_lower_limit(level);
}

uint32_t doca_log_level_get_global_lower_limit(void)
{
	return program_level;
}

doca_error_t doca_log_level_set_global_sdk_limit(uint32_t level)
{
	if (!is_level(level))
		return DOCA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	sdk_level = level;
	for (int i = 0; i < BACKENDS_MAX; i++)
		if (backends[i].kind != NONE && backends[i].world == SDK)
			backends[i].upper = level;
	recount();
	unlock_and_apply();
	return DOCA_SUCCESS;
}

uint32_t doca_log_level_get_global_sdk_limit(void)
{
	return sdk_level;
}

doca_error_t doca_log_register_source(const char *source_name, int *source)
{
	doca_error_t result = DOCA_SUCCESS;

	if (!source_name || !source)
		return DOCA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	for (*source = 0; *source < n_sources; (*source)++)
		if (!strcmp(sources[*source].name, source_name))
			goto out;
	if (n_sources == SOURCES_MAX) {
		*source = SOURCES_MAX - 1; /* shares the last one's level */
		result = DOCA_ERROR_FULL;
		goto out;
	}
	sources[n_sources].name = strdup(source_name);
	sources[n_sources].env_level = source_level_from_env(source_name);
	n_sources++;
out:
	pthread_mutex_unlock(&lock);
	return result;
}

doca_error_t doca_log_unregister_source(int source)
{
	/* Names are few and stay: a line of another thread may still point at one. */
	return source >= 0 && source < n_sources ? DOCA_SUCCESS : DOCA_ERROR_NOT_FOUND;
}

static uint32_t source_limit(int source)
{
	uint32_t own = source >= 0 && source < n_sources ? sources[source].env_level : 0;

	return own ? own : env_level ? env_level : program_level;
}

bool doca_log_is_enabled(uint32_t level, int source)
{
	return threshold[PROGRAM] && level <= source_limit(source);
}

static void log_v(uint32_t level, int source, const char *file, int line, const char *function,
	const char *format, va_list ap)
{
	char text[LINE_MAX_LEN];

	vsnprintf(text, sizeof(text), format, ap);
	pthread_mutex_lock(&lock);
	deliver(PROGRAM, level, 0, source >= 0 && source < n_sources ? sources[source].name : "?",
		file, line, function, text);
	pthread_mutex_unlock(&lock);
}

void doca_log(uint32_t level, int source, const char *file, int line, const char *function,
	const char *format, ...)
{
	va_list ap;

	if (!doca_log_is_enabled(level, source))
		return;
	va_start(ap, format);
	log_v(level, source, file, line, function, format, ap);
	va_end(ap);
}

void doca_log_rate_limit(uint32_t level, int source, const char *file, int line,
	const char *function, uint64_t *last_ns, const char *format, ...)
{
	uint64_t now = clock_now_ns(), last = __atomic_load_n(last_ns, __ATOMIC_RELAXED);
	va_list ap;

	if (!doca_log_is_enabled(level, source) || (last && now - last < NS_PER_SEC))
		return;
	if (!__atomic_compare_exchange_n(
		    last_ns, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	va_start(ap, format);
	log_v(level, source, file, line, function, format, ap);
	va_end(ap);
}

/*
 * Before any DOCA_LOG_REGISTER of the program runs. base's own stderr sink goes: a program that
 * made no backend gets silence.
 */
__attribute__((constructor)) static void start_at_load(void)
{
	env_level = level_from_env("DOCA_LOG_LEVEL");
	log_sink_remove(0);
	log_sink_add(sdk_sink, NULL);
	log_set_level(LOG_DISABLE);
}
