/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/refuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[1024];

int(refuse)(int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return -errnum;
}

int refuse_more(int err, const char *fmt, ...)
{
	char old[sizeof(sentence)];
	va_list ap;
	int n;

	memcpy(old, sentence, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(sentence))
		snprintf(sentence + n, sizeof(sentence) - n, ": %s", old);
	return err;
}

const char *refusal(void)
{
	return sentence;
}

void refusal_clear(void)
{
	sentence[0] = '\0';
}
