/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * str: a string that grows. A zeroed one is empty.
 *
 *     struct str s = STR_INIT;
 *     str_addf(&s, "%u ports\n", n);
 *     fputs(str_text(&s), stdout);
 *     str_free(&s);
 *
 * When memory is short the string stays what it was, additions are ignored from then on and
 * str_failed() says so: check it once at the end, not after every call. One thread at a time.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>

#include "base/base.h"

struct str {
	char *data; /* NUL-terminated when not NULL */
	size_t len, room;
	bool failed;
};

#define STR_INIT             \
	{                    \
		.data = NULL \
	}

void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t len);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* n times c: alignment, indentation. */
void str_pad(struct str *s, char c, size_t n);

/* Keep only the first `len` bytes. */
void str_cut(struct str *s, size_t len);

/* Empty it, keep the memory. Clears the failure. */
void str_clear(struct str *s);

/* Give the memory back. Empty and reusable afterwards. */
void str_free(struct str *s);

/* The malloc'ed text, now the caller's; the string is empty then. NULL if it failed. */
char *str_steal(struct str *s);

/* Borrowed, never NULL, valid until the next addition. */
static inline const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

static inline size_t str_len(const struct str *s)
{
	return s->len;
}

static inline bool str_failed(const struct str *s)
{
	return s->failed;
}

#endif
