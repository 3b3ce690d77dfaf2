/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>

#include "cli.h"

#include "base/clock.h"

#define BUFFERS 16

static const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *text(const char *fmt, ...)
{
	static char buffers[BUFFERS][32];
	static unsigned next;
	char *buf = buffers[next++ % BUFFERS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buffers[0]), fmt, ap);
	va_end(ap);
	return buf;
}

/* Three digits or so: 10.5B, 123M. Exact below `exact`. */
static const char *scaled(uint64_t n, uint64_t exact, const char *const *units, unsigned n_units)
{
	double x = (double)n;
	unsigned i = 0;

	if (n < exact)
		return text("%llu%s", (unsigned long long)n, units[0]);
	while (x >= 999.5 && i + 1 < n_units) {
		x /= 1000;
		i++;
	}
	return text(x < 99.95 ? "%.1f%s" : "%.0f%s", x, units[i]);
}

const char *human_count(uint64_t n)
{
	static const char *const units[] = {"", "K", "M", "B", "T"};

	return scaled(n, 1000000, units, ARRAY_SIZE(units));
}

const char *human_bytes(uint64_t n)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};

	return scaled(n, 1000, units, ARRAY_SIZE(units));
}

const char *human_ns(uint64_t ns)
{
	unsigned long long s = ns / NS_PER_SEC;

	if (ns < 1000)
		return text("%lluns", (unsigned long long)ns);
	if (ns < NS_PER_MS)
		return text("%.1fus", (double)ns / 1e3);
	if (ns < NS_PER_SEC)
		return text("%.1fms", (double)ns / 1e6);
	if (s < 60)
		return text("%.1fs", (double)ns / 1e9);
	if (s < 3600)
		return text("%llum%llus", s / 60, s % 60);
	if (s < 86400)
		return text("%lluh%llum", s / 3600, s % 3600 / 60);
	return text("%llud%lluh", s / 86400, s % 86400 / 3600);
}

const char *human_share(uint64_t part, uint64_t whole)
{
	return text("%.1f%%", whole ? 100.0 * (double)part / (double)whole : 0.0);
}
