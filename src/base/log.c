/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/refuse.h"

#define SINKS_MAX 16

static struct {
	log_sink_fn fn;
	void *arg;
} sinks[SINKS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards sinks, modules, level */
static struct log_module *modules;
static enum log_level global_level = LOG_INFO;
static bool started;

static const struct {
	const char *name;
	enum log_level level;
} names[] = {
	{"disable", LOG_DISABLE},
	{"critical", LOG_CRIT},
	{"crit", LOG_CRIT},
	{"error", LOG_ERROR},
	{"warning", LOG_WARN},
	{"warn", LOG_WARN},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
	{"trace", LOG_TRACE},
};

static void to_stderr(void *arg, enum log_level level, const char *module, const char *file,
	int line, const char *text)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	fprintf(stderr, "%02d:%02d:%02d.%03ld %-7s %s: %s\n", tm.tm_hour, tm.tm_min, tm.tm_sec,
		ts.tv_nsec / 1000000, log_level_name(level), module, text);
}

static int level_from_env(const char *prefix, const char *suffix)
{
	char name[128];
	const char *text;
	int level;

	snprintf(name, sizeof(name), "%s%s%s", prefix, *suffix ? "_" : "", suffix);
	text = getenv(name);
	if (!text)
		return 0;
	level = log_level_parse(text);
	return level > 0 ? level : 0;
}

/* "flow.table" asks ..._FLOW_TABLE first, then ..._FLOW: a prefix of dots governs what is below it. */
static int module_level_from_env(const char *module)
{
	char name[64];
	size_t i;
	int level;

	for (i = 0; i < sizeof(name) - 1 && module[i]; i++)
		name[i] = isalnum((unsigned char)module[i])
				  ? (char)toupper((unsigned char)module[i])
				  : '_';
	name[i] = '\0';
	for (;;) {
		char *cut;

		level = level_from_env("SOFTDPU_LOG_LEVEL", name);
		if (!level)
			level = level_from_env("DOCA_LOG_LEVEL", name);
		if (level)
			return level;
		cut = strrchr(name, '_');
		if (!cut)
			return 0;
		*cut = '\0';
	}
}

static void start(void)
{
	int level = level_from_env("SOFTDPU_LOG_LEVEL", "");

	if (!level)
		level = level_from_env("DOCA_LOG_LEVEL", "");
	if (level)
		global_level = level;
	sinks[0].fn = to_stderr;
	started = true;
}

static void resolve(struct log_module *module)
{
	int own = module_level_from_env(module->name);

	/* negative = follows the global level, which may still change */
	module->level = own ? own : -1;
	module->next = modules;
	modules = module;
}

void log_write(struct log_module *module, enum log_level level, const char *file, int line,
	const char *fmt, ...)
{
	int limit = __atomic_load_n(&module->level, __ATOMIC_RELAXED);
	char text[1024];
	va_list ap;

	if (limit > 0 && (int)level > limit)
		return;
	if (limit < 0 && level > global_level)
		return;
	pthread_mutex_lock(&lock);
	if (!started)
		start();
	if (!module->level)
		resolve(module);
	limit = module->level > 0 ? module->level : (int)global_level;
	if ((int)level > limit) {
		pthread_mutex_unlock(&lock);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (int i = 0; i < SINKS_MAX; i++)
		if (sinks[i].fn)
			sinks[i].fn(sinks[i].arg, level, module->name, file, line, text);
	pthread_mutex_unlock(&lock);
}

int log_sink_add(log_sink_fn fn, void *arg)
{
	int handle = -ENOSPC;

	pthread_mutex_lock(&lock);
	if (!started)
		start();
	for (int i = 0; i < SINKS_MAX && handle < 0; i++) {
		if (sinks[i].fn)
			continue;
		sinks[i].fn = fn;
		sinks[i].arg = arg;
		handle = i;
	}
	pthread_mutex_unlock(&lock);
	return handle;
}

void log_sink_remove(int handle)
{
	if (handle < 0 || handle >= SINKS_MAX)
		return;
	pthread_mutex_lock(&lock);
	if (!started)
		start();
	sinks[handle].fn = NULL;
	pthread_mutex_unlock(&lock);
}

void log_set_level(enum log_level level)
{
	pthread_mutex_lock(&lock);
	if (!started)
		start();
	global_level = level;
	pthread_mutex_unlock(&lock);
}

enum log_level log_get_level(void)
{
	enum log_level level;

	pthread_mutex_lock(&lock);
	if (!started)
		start();
	level = global_level;
	pthread_mutex_unlock(&lock);
	return level;
}

int log_level_parse(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end != text && !*end && n >= LOG_DISABLE && n <= LOG_TRACE)
		return (int)n;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(text, names[i].name))
			return names[i].level;
	return refuse(EINVAL,
		"log level '%s': expected disable, critical, error, warning, info, debug, trace "
		"or a number from 10 to 70",
		text);
}

const char *log_level_name(enum log_level level)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].level >= level)
			return names[i].name;
	return "trace";
}
