/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log: one line per event, to stderr unless a sink is set.
 *
 * A file names its module once:   LOG_MODULE("node.service");
 * and then                        log_warn("service %s has no endpoints", name);
 *
 * Levels carry DOCA's numbers (F:4740-4745), so libdoca_common's log sits on this without a table.
 * SOFTDPU_LOG_LEVEL or DOCA_LOG_LEVEL sets the level of all modules; SOFTDPU_LOG_LEVEL_<MODULE> and
 * DOCA_LOG_LEVEL_<MODULE> (upper case, dots as underscores, a prefix is enough: DOCA_LOG_LEVEL_FLOW
 * governs flow.table) that of some. Values are numbers or names. Thread safe. Never in the burst path.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_DISABLE = 10,
	LOG_CRIT = 20,
	LOG_ERROR = 30,
	LOG_WARN = 40,
	LOG_INFO = 50,
	LOG_DEBUG = 60,
	LOG_TRACE = 70,
};

struct log_module {
	const char *name;
	int level; /* 0 = not resolved yet; owned by log.c */
	struct log_module *next;
};

#define LOG_MODULE(module_name) static struct log_module log_here = {.name = module_name}

#define log_crit(...) log_write(&log_here, LOG_CRIT, __FILE__, __LINE__, __VA_ARGS__)
#define log_err(...) log_write(&log_here, LOG_ERROR, __FILE__, __LINE__, __VA_ARGS__)
#define log_warn(...) log_write(&log_here, LOG_WARN, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(...) log_write(&log_here, LOG_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(...) log_write(&log_here, LOG_DEBUG, __FILE__, __LINE__, __VA_ARGS__)
#define log_trace(...) log_write(&log_here, LOG_TRACE, __FILE__, __LINE__, __VA_ARGS__)

void log_write(struct log_module *module, enum log_level level, const char *file, int line,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A sink takes finished messages (no newline). Several may be set; NULL arg is fine. Returns a
 * handle >= 0 or -ENOSPC. The default stderr sink is handle 0 and can be removed like any other. */
typedef void (*log_sink_fn)(void *arg, enum log_level level, const char *module, const char *file,
	int line, const char *text);
int log_sink_add(log_sink_fn fn, void *arg);
void log_sink_remove(int handle);

/* Global level for all modules without one of their own from the environment. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "warning", "WARNING", "40" -> 40; -EINVAL with a refusal otherwise. */
int log_level_parse(const char *text);
const char *log_level_name(enum log_level level);

#endif
